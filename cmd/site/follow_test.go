package main

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/web"
)

// TestStatementPublishedBeside publishes a version past a server that runs: its pages follow by the generation of content,
// long before its next look at what other instances changed.
func TestStatementPublishedBeside(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	server := serveApp(t, a)
	draft, err := consent.ReadDraft(web.FS, "2026-11-18")
	if err != nil {
		t.Fatal(err)
	}
	draft.ID, draft.EffectiveOn = "2026-11-19", draft.EffectiveOn.AddDate(0, 0, 1)
	if err := consent.Publish(t.Context(), a.pool, draft, a.now()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	watching := make(chan struct{})
	followed := sync.OnceFunc(func() { close(watching) })
	go a.pages.Watch(ctx, a.pool, func(ctx context.Context) error {
		defer followed()
		return a.statements.Refresh(ctx)
	})
	select {
	case <-watching:
	case <-ctx.Done():
		t.Fatal("nothing is read anew")
	}
	resp, err := http.Get(server.URL + "/privacy/versions/2026-11-19")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the new version: %d", resp.StatusCode)
	}
	generation := func() (n int64) {
		t.Helper()
		if err := a.pool.QueryRow(t.Context(), `SELECT n FROM generation`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := generation()
	draft.ID = "2026-11-20"
	if err := consent.Publish(t.Context(), a.pool, draft, a.now()); err != nil {
		t.Fatal(err)
	}
	if generation() == before {
		t.Error("a version that is published does not make pages old")
	}
}
