package webinar_test

import (
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/web"
)

// Who exchanges a seat has seen no newer statement than the one beside the form they filled in (P-18).
func TestExchangeKeepsTheStatement(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{slug: "here", capacity: 1})
	h.add(event{slug: "there", capacity: 1})
	mine := h.register("here", guest(1))
	h.confirm(mine)
	first := h.statement(mine)
	h.publishStatement("2026-11-20")
	if in, err := h.Desk.Statements.InForce(); err != nil || in.ID == first {
		t.Fatalf("in force: %s, %v", in.ID, err)
	}
	w := h.Post(mine+"/switch", url.Values{"to": {"there"}})
	if w.Code != http.StatusSeeOther {
		t.Fatalf("exchange: %d %s", w.Code, problems(w))
	}
	if got := h.statement(w.Header().Get("Location")); got != first {
		t.Errorf("exchanged under statement %s, want %s", got, first)
	}
}

// Two clicks are one exchange, and both lead to the new seat.
func TestExchangeTwice(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{slug: "here", capacity: 2})
	there := h.add(event{slug: "there", capacity: 2})
	mine := h.register("here", guest(1))
	h.confirm(mine)
	var wait sync.WaitGroup
	to := make([]string, 4)
	for i := range to {
		wait.Go(func() { to[i] = h.Post(mine+"/switch", url.Values{"to": {"there"}}).Header().Get("Location") })
	}
	wait.Wait()
	if to[0] == "" || to[0] == mine || len(slices.Compact(to)) != 1 {
		t.Errorf("led to %q", to)
	}
	if diff := cmp.Diff(h.seats(there), map[string]int{"registered": 1}); diff != "" {
		t.Errorf("seats (-got +want):\n%s", diff)
	}
	h.post(to[0]+"/cancel", http.StatusSeeOther)
	if w := h.Post(mine+"/switch", url.Values{"to": {"there"}}); w.Code != http.StatusConflict {
		t.Errorf("exchange what was given up: %d", w.Code)
	}
}

// statement is the version that the answers of a registration stand under.
func (h *house) statement(receipt string) string {
	h.t.Helper()
	list, err := h.Store.Versions(h.t.Context(), h.record(receipt).ID)
	if err != nil || len(list) != 1 {
		h.t.Fatalf("%d versions, %v", len(list), err)
	}
	return list[0].Statement
}

// publishStatement brings a newer statement into force that says what the latest says.
func (h *house) publishStatement(id string) {
	h.t.Helper()
	d, err := consent.ReadDraft(web.FS, "2026-11-01")
	if err != nil {
		h.t.Fatal(err)
	}
	if d.EffectiveOn, err = time.Parse(time.DateOnly, id); err != nil {
		h.t.Fatal(err)
	}
	d.ID = id
	if err := consent.Publish(h.t.Context(), h.Pool, d, h.Now()); err != nil {
		h.t.Fatal(err)
	}
	if err := h.Desk.Statements.Refresh(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}
