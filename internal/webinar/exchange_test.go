package webinar_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

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
