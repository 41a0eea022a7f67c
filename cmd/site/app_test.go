package main

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/web"
)

// newApp wires the whole program on a database of its own, without limits, and with the example content where demo is
// set.
func newApp(t *testing.T, environ ...string) *app {
	t.Helper()
	return newAppOf(t, web.FS, environ...)
}

// newAppOf is newApp with another web folder.
func newAppOf(t *testing.T, files fs.FS, environ ...string) *app {
	t.Helper()
	return newAppAt(t, files, time.Now, environ...)
}

// newAppAt is newAppOf with a clock of its own.
func newAppAt(t *testing.T, files fs.FS, now func() time.Time, environ ...string) *app {
	t.Helper()
	pool := pgtest.New(t)
	activitytest.Publish(t, pool)
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys")
	if _, err := key.Create(keys); err != nil {
		t.Fatal(err)
	}
	cfg, err := readConfig(append([]string{
		"DATABASE_URL=" + pgtest.URL(t, pool), "DATABASE_ADMIN_URL=" + pgtest.AdminURL(t, pool), "VAR_DIR=" + dir,
		"KEY_FILE=" + keys, "FORM_LIMIT=off", "PUBLIC_URL=http://site.test",
	}, environ...))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelError}))
	a, err := open(context.Background(), &cli{cfg: cfg, log: log, web: files, stdin: strings.NewReader(""), stdout: io.Discard, now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// serve answers at an address of its own until the test ends.
func serveApp(t *testing.T, a *app) *httptest.Server {
	t.Helper()
	if err := a.index.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(a.front())
	t.Cleanup(s.Close)
	return s
}

// testLog writes what the program logs into the test's own output.
type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}
