package privacy_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/internal/submission"
)

// states of the messages about a record, the oldest first.
func (h house) mailed(t *testing.T, record uuid.UUID) (states string) {
	t.Helper()
	if err := h.Pool.QueryRow(t.Context(), `
		SELECT coalesce(string_agg(template || ' ' || state, ', ' ORDER BY created_at, id), '') FROM message
		WHERE submission_id = $1 AND person_id IS NOT NULL`, record).Scan(&states); err != nil {
		t.Fatal(err)
	}
	return states
}

func (h house) writes(t *testing.T, record uuid.UUID) {
	t.Helper()
	if err := h.Store.Send(t.Context(), record, submission.System, mail.Message{
		Template: "letter", Data: mail.Letter{Subject: "About it", Paragraphs: []string{"Words."}},
	}); err != nil {
		t.Fatal(err)
	}
}

// TestPersonRestrictsARecord sees that nothing is mailed about what its sender wants to be kept only, but for the code by
// which they see it, and that they can undo that.
func TestPersonRestrictsARecord(t *testing.T) {
	s := openSelf(t)
	kept, other := s.asks(t, "ada@example.org", "This one"), s.asks(t, "ada@example.org", "That one")
	path, _ := s.requests(t, "ada@example.org", "restrict")
	s.Mails(t)
	s.writes(t, kept.ID) // waits when the restriction comes
	_, grant := s.opens(t, path)
	if got := s.mailed(t, kept.ID); !strings.HasSuffix(got, "letter sent") {
		t.Errorf("before: %s", got)
	}

	s.writes(t, kept.ID)
	doc := document(t, s.Post(path, with(grant, "act", "restrict", "request", kept.ID.String())), http.StatusOK)
	if text := words(doc.Find("main")); !strings.Contains(text, "it is only kept from now on") || !strings.Contains(text, "used for nothing") {
		t.Error("the page does not tell what was done")
	}
	s.Mails(t)
	if got := s.mailed(t, kept.ID); !strings.HasSuffix(got, "letter sent, letter withheld") {
		t.Errorf("what waited was sent: %s", got)
	}
	s.writes(t, kept.ID)
	if got := s.mailed(t, kept.ID); !strings.HasSuffix(got, "letter withheld, letter withheld") {
		t.Errorf("a later one: %s", got)
	}
	if s.Post("/r/"+s.Store.Token(kept.ID)+"/code", nil); !strings.HasSuffix(s.mailed(t, kept.ID), "code queued") {
		t.Error("its sender gets no code for it")
	}
	s.writes(t, other.ID)
	if got := s.mailed(t, other.ID); strings.Contains(got, "withheld") {
		t.Errorf("another record: %s", got)
	}
	if restricted, err := s.Store.Restricted(t.Context(), kept.ID); !restricted || err != nil {
		t.Errorf("the record is not restricted: %v", err)
	}

	id := doc.Find(`input[name="restriction"]`).AttrOr("value", "")
	document(t, s.Post(path, with(grant, "act", "lift", "restriction", id)), http.StatusOK)
	s.writes(t, kept.ID)
	if got := s.mailed(t, kept.ID); !strings.HasSuffix(got, "letter queued") {
		t.Errorf("after it was lifted: %s", got)
	}
	if w := s.Post(path, with(grant, "act", "lift", "restriction", uuid.NewString())); w.Code != http.StatusNotFound {
		t.Errorf("a restriction of nobody: %d", w.Code)
	}
}

// TestOfficerRestrictsAPerson covers what came until then and what was agreed to, not what the person sends afterwards nor
// their requests about rights.
func TestOfficerRestrictsAPerson(t *testing.T) {
	o := openOffice(t)
	h := house{Bench: o.Bench}
	restrictions := privacy.NewRestrictions(o.Desk)
	o.router.With(o.accounts.Load, o.accounts.RequireStaff()).Route("/staff/x", restrictions.Staff)
	who := h.ask(t, "ada@example.com")
	before := h.newest(t, who)
	const at = "/staff/x/restrictions"
	for name, v := range map[string]url.Values{
		"nothing": {}, "nobody": {"about": {"nobody@example.com"}, "ground": {"accuracy"}}, "no ground": {"about": {"ada@example.com"}},
	} {
		if w := o.ask(http.MethodPost, at, v); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	for range 2 { // twice is once
		if w := o.ask(http.MethodPost, at, url.Values{"about": {"Ada@example.com"}, "ground": {"accuracy"}}); w.Code != http.StatusSeeOther {
			t.Fatalf("restrict: %d", w.Code)
		}
	}
	doc := document(t, o.ask(http.MethodGet, at, nil), http.StatusOK)
	if n := doc.Find(`form[action$="/lift"]`).Length(); n != 1 || !strings.Contains(words(doc.Find("main")), "It may be wrong") {
		t.Errorf("%d restrictions stand", n)
	}
	h.writes(t, before)
	if got := h.mailed(t, before); !strings.HasSuffix(got, "letter withheld") {
		t.Errorf("about what came before: %s", got)
	}
	o.Advance(2 * time.Minute)
	h.ask(t, "ada@example.com")
	after := h.newest(t, who)
	h.writes(t, after)
	if got := h.mailed(t, after); after == before || strings.Contains(got, "withheld") {
		t.Errorf("about what came since: %s", got)
	}
	var state, refused string
	if err := o.Pool.QueryRow(t.Context(), `
		SELECT coalesce(restrained(jsonb_populate_record(NULL::message, jsonb_build_object('person_id', $1::text, 'purpose', $2::text, 'channel', 'email'))), ''),
			coalesce(restrained(jsonb_populate_record(NULL::message, jsonb_build_object('person_id', $1::text, 'purpose', 'notice', 'channel', 'email'))), '')`,
		who.String(), consent.Newsletter).Scan(&refused, &state); err != nil || refused == "" || state != "" {
		t.Errorf("newsletter: %q, notice of rights: %q, %v", refused, state, err)
	}

	action := doc.Find(`form[action$="/lift"]`).AttrOr("action", "")
	_, id, _ := strings.Cut(action, "/staff/restrictions/")
	if w := o.ask(http.MethodPost, at+"/"+id, nil); w.Code != http.StatusSeeOther {
		t.Fatalf("lift: %d", w.Code)
	}
	h.writes(t, before)
	if got := h.mailed(t, before); !strings.HasSuffix(got, "letter queued") {
		t.Errorf("after it was lifted: %s", got)
	}
	if _, err := o.eraser(t).Erase(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := o.Pool.QueryRow(t.Context(), `SELECT count(*) FROM restriction WHERE person_id = $1`, who).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d restrictions of an erased person, %v", left, err)
	}
}

// TestOfficerTypesAnAddressOutsideASCII holds that a restriction and a hold are placed for whoever has the address, however
// its domain is spelled.
func TestOfficerTypesAnAddressOutsideASCII(t *testing.T) {
	o := openOffice(t)
	h := house{Bench: o.Bench}
	o.router.With(o.accounts.Load, o.accounts.RequireStaff()).Route("/staff/x", func(r chi.Router) {
		privacy.NewRestrictions(o.Desk).Staff(r)
		privacy.NewHolds(o.eraser(t)).Staff(r)
	})
	who := h.ask(t, "ada@xn--bcher-kva.example")
	const typed = "Ada@Bücher.example"
	if w := o.ask(http.MethodPost, "/staff/x/restrictions", url.Values{"about": {typed}, "ground": {"accuracy"}}); w.Code != http.StatusSeeOther {
		t.Errorf("restrict: %d", w.Code)
	}
	if w := o.ask(http.MethodPost, "/staff/x/holds", url.Values{
		"about": {typed}, "scope": {"person"}, "ground": {"A claim."}, "review": {o.Now().AddDate(0, 1, 0).Format(time.DateOnly)},
	}); w.Code != http.StatusSeeOther {
		t.Errorf("hold: %d", w.Code)
	}
	for _, table := range []string{"restriction", "legal_hold"} {
		var n int
		if err := o.Pool.QueryRow(t.Context(), `SELECT count(*) FROM `+table+` WHERE person_id = $1`, who).Scan(&n); err != nil || n != 1 {
			t.Errorf("%d of the person in %s, %v", n, table, err)
		}
	}
}
