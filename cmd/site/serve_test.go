package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A start that fails halfway, or a listener that fails, leaves no work behind that keeps the database.
func TestServeFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, serve := range map[string]func(*testing.T, *app) error{
		"halfway": func(t *testing.T, a *app) error {
			return a.startWork(t.Context(), func(context.Context) error { return broken })
		},
		"listening": func(t *testing.T, a *app) error {
			public, admin := listen(t), listen(t)
			if err := public.Close(); err != nil {
				t.Fatal(err)
			}
			err := a.serve(t.Context(), public, admin)
			if _, dial := net.Dial("tcp", admin.Addr().String()); dial == nil {
				t.Error("metrics are still served")
			}
			if errors.Is(err, net.ErrClosed) {
				return broken
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			if err := serve(t, a); !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
			if a.running.Load() {
				t.Error("the jobs are taken to run")
			}
			closed := make(chan struct{})
			go func() {
				a.pool.Close()
				close(closed)
			}()
			select {
			case <-closed:
			case <-time.After(10 * time.Second):
				t.Fatal("the jobs kept their connections")
			}
		})
	}
}

func TestServersLetGo(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*http.Server{"public": publicServer(nil), "admin": adminServer(nil)} {
		for what, limit := range map[string]time.Duration{
			"header": s.ReadHeaderTimeout, "request": s.ReadTimeout, "answer": s.WriteTimeout, "silence": s.IdleTimeout,
		} {
			if limit <= 0 || limit > 5*time.Minute {
				t.Errorf("%s: the %s may take %s", name, what, limit)
			}
		}
		if s.MaxHeaderBytes <= 0 {
			t.Errorf("%s: a header may have any size", name)
		}
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// What is to be written where nothing can be written is not missed by a visitor first.
func TestServeRefusesAPlaceThatItCannotWrite(t *testing.T) {
	t.Parallel()
	in := newInstall(t)
	file := filepath.Join(in.dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var out strings.Builder
	code := run(ctx, []string{"serve"}, append(slices.Clone(in.environ), "VAR_DIR="+filepath.Join(file, "var"),
		"KEY_FILE="+filepath.Join(in.dir, "keys"), "LISTEN=127.0.0.1:0", "ADMIN_LISTEN=127.0.0.1:0"), strings.NewReader(""), &out, &out)
	if code != 2 || !strings.Contains(out.String(), "VAR_DIR: ") || !strings.Contains(out.String(), "not a directory") {
		t.Errorf("exit %d:\n%s", code, &out)
	}
}

// With database, uploads and mail elsewhere nothing is written to VAR_DIR, and a file system that can be read alone will do.
func TestWrites(t *testing.T) {
	away := config{DatabaseURL: "postgres://db/site", BlobURL: "s3://files/site", SMTPURL: "smtp://relay"}
	if away.writes() {
		t.Error("a place to write is asked for, though nothing is written there")
	}
	for _, near := range []config{
		{BlobURL: away.BlobURL, SMTPURL: away.SMTPURL},
		{DatabaseURL: away.DatabaseURL, SMTPURL: away.SMTPURL},
		{DatabaseURL: away.DatabaseURL, BlobURL: away.BlobURL},
	} {
		if !near.writes() {
			t.Errorf("%+v writes to VAR_DIR", near)
		}
	}
}

// TestStoppingIsNotReady: while visitors under way are answered, no new ones are to be sent.
func TestStoppingIsNotReady(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	a.leaving = ctx.Done()
	h := a.handler()
	for _, want := range []int{http.StatusOK, http.StatusServiceUnavailable} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		if w.Code != want {
			t.Errorf("%d, not %d", w.Code, want)
		}
		stop()
	}
}
