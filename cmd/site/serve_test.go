package main

import (
	"context"
	"errors"
	"net"
	"net/http"
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
