package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/web"
)

// install is a place where the program can be called: a migrated database, keys, and a folder of its own.
type install struct {
	dir     string
	pool    *pgxpool.Pool
	environ []string
}

func newInstall(t *testing.T) install {
	t.Helper()
	in := install{dir: t.TempDir(), pool: pgtest.New(t)}
	activitytest.Publish(t, in.pool)
	if _, err := key.Create(filepath.Join(in.dir, "keys")); err != nil {
		t.Fatal(err)
	}
	in.environ = []string{
		"VAR_DIR=" + in.dir, "PUBLIC_URL=https://site.test",
		"DATABASE_URL=" + pgtest.URL(t, in.pool), "DATABASE_ADMIN_URL=" + pgtest.AdminURL(t, in.pool),
	}
	return in
}

// open wires the program of this process on the installation, with some settings of its own.
func (in install) open(t *testing.T, environ ...string) *app {
	t.Helper()
	cfg, err := readConfig(append(slices.Clone(in.environ), environ...))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelError}))
	a, err := open(t.Context(), &cli{cfg: cfg, log: log, web: web.FS, stdin: strings.NewReader(""), stdout: io.Discard, now: time.Now})
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

// letters are the mails in the installation's folder.
func (in install) letters(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(in.dir, "mail", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	letters := make([]string, 0, len(names))
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		letters = append(letters, string(raw))
	}
	return letters
}

// called is what a call of the program left behind.
type called struct {
	code           int
	stdout, stderr string
}

// call runs the program as a process of its own, in an environment of these variables alone.
func call(t *testing.T, environ []string, stdin string, args ...string) called {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append([]string{"SITE_AS_PROGRAM=1", "PATH=" + os.Getenv("PATH")}, environ...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	var ended *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return called{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// want complains of another exit code, and of words that are missing.
func (c called) want(t *testing.T, code int, words ...string) {
	t.Helper()
	said := c.stdout + c.stderr
	if c.code != code {
		t.Errorf("exit %d, want %d:\n%s", c.code, code, said)
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("it does not say %q:\n%s", w, said)
		}
	}
	if strings.Contains(said, "hush") {
		t.Errorf("a password is told:\n%s", said)
	}
}
