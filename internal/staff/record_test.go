package staff_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/submission"
)

func TestRecordShowsWhatWasSent(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com", h.withFile(t), func(e *submission.Entry) {
		e.Values["consent_newsletter"] = []string{"yes"}
	})
	me := h.as(t, account.Reviewer)
	d := me.get(t, h, path(id))
	has(t, d, ".record-head", "Ada Lovelace, Northline Bearings")
	has(t, d, ".answers", "What brings you here? Pumps in Ohio")
	has(t, d, ".record-side", "ada@example.com Not confirmed")
	has(t, d, ".record-side", "18 November 2026")
	has(t, d, "section[aria-labelledby=r-files]", "cv.txt, 19 bytes")
	has(t, d, "section[aria-labelledby=r-files]", "Not scanned for viruses")
	if got := d.Find("#r-files, #r-acts").First().AttrOr("id", ""); got != "r-files" {
		t.Error("what was sent is read before one decides: the files stand below the acts")
	}
	has(t, d, ".record-side", "“Mail me the newsletter, four times a year.” Counts once the address is confirmed")
	has(t, d, ".record", "Panel of the alliance")
	has(t, d, "#note-hint", "The person can ask to see this.")
	has(t, d, ".timeline", "Opened the record Reviewer, reviewer")
	h.confirm(t, id)
	d = me.get(t, h, path(id))
	has(t, d, ".record-side", "In force")
	hasNot(t, d, ".record-side", "Not confirmed")
	career := h.sent(t, "career", "cv@example.com")
	has(t, h.as(t, account.Recruiter).get(t, h, path(career)), "#note-hint", "The candidate can ask to see this.")
	privacy := h.as(t, account.Privacy).get(t, h, path(id))
	if n := privacy.Find(".act form, .record-side form[action*=assign]").Length(); n != 0 {
		t.Errorf("one who may only look is offered %d forms", n)
	}
}

func TestOpeningIsLogged(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com", h.withFile(t))
	me := h.as(t, account.Reviewer)
	if h.record(t, id).ReadAt != nil {
		t.Error("read before anybody read it")
	}
	me.get(t, h, path(id))
	me.get(t, h, path(id))
	files, err := h.Files.Of(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	w := me.do(h, http.MethodPost, path(id)+"/file/"+files[0].ID.String(), nil)
	if w.Code != http.StatusOK || w.Body.String() != "Ten years of pumps." || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("file: %d %q %v", w.Code, w.Body, w.Header())
	}
	count := func(object uuid.UUID) (n int) {
		events, err := audit.Of(context.Background(), h.Pool, object)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Action == "read" && e.ActorID.UUID == me.ID && e.Role == "reviewer" {
				n++
			}
		}
		return n
	}
	if got := count(id); got != 2 {
		t.Errorf("%d readings of the record, want 2", got)
	}
	if got := count(files[0].ID); got != 1 {
		t.Errorf("%d readings of the file, want 1", got)
	}
	if h.record(t, id).ReadAt == nil {
		t.Error("still unread")
	}
	unread := h.sent(t, "alliance", "bob@example.com")
	if w := me.do(h, http.MethodPost, path(unread)+"/note", url.Values{"text": {""}}); w.Code != http.StatusUnprocessableEntity {
		t.Fatalf("an empty note: %d", w.Code)
	}
	if got := count(unread); got != 1 {
		t.Errorf("%d readings by way of a form that was shown again, want 1", got)
	}
	has(t, me.get(t, h, path(id)), ".timeline", "Opened a file")
	other := h.sent(t, "alliance", "eve@example.com")
	if w := me.do(h, http.MethodPost, path(other)+"/file/"+files[0].ID.String(), nil); w.Code != http.StatusNotFound {
		t.Errorf("a file by another record's address: %d", w.Code)
	}
}

func TestQuarantineStopsLetters(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	me := h.as(t, account.Reviewer)
	me.post(t, h, path(id)+"/quarantine", nil)
	if mails := h.Mails(t); len(mails) != 0 {
		t.Errorf("%d mails about a record in quarantine", len(mails))
	}
	d := me.get(t, h, path(id))
	has(t, d, ".record-head", "Quarantined")
	if n := d.Find(`form[action*="/move"], form[action*="/reply"]`).Length(); n != 0 {
		t.Errorf("%d ways to write", n)
	}
	for _, act := range []string{"/move", "/reply"} {
		w := me.do(h, http.MethodPost, path(id)+act, url.Values{"from": {"new"}, "to": {"approved"}, "subject": {"s"}, "text": {"t"}})
		if w.Code != http.StatusConflict {
			t.Errorf("%s: %d", act, w.Code)
		}
	}
	me.post(t, h, path(id)+"/restore", nil)
	me.post(t, h, path(id)+"/restore", nil)
	if mails := h.Mails(t); len(mails) != 2 {
		t.Errorf("%d mails after restoring, want confirmation and notice", len(mails))
	}
}

func TestRecordOfTheErased(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "contact", "ada@example.com", named("", ""))
	if _, err := pgtest.Admin(t, h.Pool).Exec(context.Background(), `UPDATE person SET email = NULL, erased_at = now()`); err != nil {
		t.Fatal(err)
	}
	me := h.as(t, account.Reviewer)
	d := me.get(t, h, path(id))
	has(t, d, "h1", "Erased")
	if n := d.Find(`form[action*="/reply"], form[action*="/misuse"], form[action*="/note"], form[action*="/assign"], form[action*="/quarantine"]`).
		Length(); n != 0 {
		t.Errorf("%d ways to work on what is no more, or to reach nobody", n)
	}
	if w := me.do(h, http.MethodPost, path(id)+"/note", url.Values{"text": {"Words of Ada Lovelace."}}); w.Code != http.StatusNotFound {
		t.Errorf("a note on an erased record: %d", w.Code)
	}
	for _, act := range []string{"/reply", "/misuse"} {
		if w := me.do(h, http.MethodPost, path(id)+act, url.Values{"kind": {"abuse"}, "evidence": {"x"}}); w.Code != http.StatusConflict {
			t.Errorf("%s: %d", act, w.Code)
		}
	}
	me.post(t, h, path(id)+"/move", url.Values{"from": {"new"}, "to": {"closed"}})
}

func TestUnknownRecords(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Reviewer)
	for _, at := range []string{"/staff/submissions/x", path(uuid.New()), "/staff/people/x", "/staff/people/" + uuid.NewString()} {
		if w := me.do(h, http.MethodGet, at, nil); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", at, w.Code)
		}
	}
	_, other := accounttest.Staff(t, h.accounts, h.Now(), account.Reviewer, account.Recruiter)
	id := h.sent(t, "career", "cv@example.com")
	if w := (member{cookie: other}).do(h, http.MethodGet, path(id), nil); w.Code != http.StatusOK {
		t.Errorf("one who has the role beside another: %d", w.Code)
	}
}

// TestAnonymousAnswerIsNoRecord looks for one answer of an anonymous form wherever a record is met: it is read in the
// results of its form, with others, and nowhere else.
func TestAnonymousAnswerIsNoRecord(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, apart := range []bool{false, true} {
		id := h.anonymous(t, apart)
		me := h.as(t, account.Reviewer)
		for _, view := range []string{"", "?view=unread", "?view=unassigned", "?view=quarantine", "?kind=contact", "?q=" + submission.Reference(id)} {
			if got := listed(t, h, me, "/staff/submissions"+view); len(got) != 0 {
				t.Errorf("%s lists %v", view, got)
			}
		}
		for _, act := range []string{"/move", "/reply", "/undo", "/note", "/assign", "/quarantine", "/restore", "/misuse"} {
			if w := me.do(h, http.MethodPost, path(id)+act, nil); w.Code != http.StatusNotFound {
				t.Errorf("%s: %d", act, w.Code)
			}
		}
		for _, act := range []string{"assign", "close", "quarantine", "restore"} {
			w := me.do(h, http.MethodPost, "/staff/submissions", url.Values{"id": {id.String()}, "do": {act}, "to": {"none"}})
			if w.Code != http.StatusNotFound {
				t.Errorf("%s many: %d", act, w.Code)
			}
		}
		receipt := h.Desk.ReceiptPath(id)
		for _, address := range []string{path(id), receipt} {
			if w := me.do(h, http.MethodGet, address, nil); w.Code != http.StatusNotFound {
				t.Errorf("%s: %d", address, w.Code)
			}
		}
		for _, act := range []string{"/code", "/open", "/message", "/withdraw"} {
			if w := h.Post(receipt+act, url.Values{"message": {"Hello"}}); w.Code != http.StatusNotFound {
				t.Errorf("receipt%s: %d", act, w.Code)
			}
		}
		events, err := audit.Of(context.Background(), h.Pool, id)
		if err != nil || len(events) > 0 {
			t.Errorf("logged: %v, %v", events, err)
		}
	}
}

// anonymous stores an answer as an anonymous form would, and returns what only the database knows.
func (h *house) anonymous(t *testing.T, apart bool) (id uuid.UUID) {
	t.Helper()
	h.sent(t, "contact", "", func(e *submission.Entry) {
		e.Form.Anonymous, e.Name, e.Company, e.Quarantine = true, "", "", apart
		e.Seal = form.NewSeal(e.Form, e.Seal.Statement, h.Now())
	})
	err := h.Pool.QueryRow(context.Background(), `SELECT id FROM submission ORDER BY (quarantined_at IS NOT NULL) = $1 DESC LIMIT 1`, apart).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestLapsedChoice was ticked, and never confirmed within 30 days: it waits for nothing any more.
func TestLapsedChoice(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com", func(e *submission.Entry) { e.Values["consent_newsletter"] = []string{"yes"} })
	const wording = "Mail me the newsletter"
	if !strings.Contains(h.Get(h.Desk.ConfirmPath(id)).Body.String(), wording) {
		t.Error("the page to confirm does not say what comes into force")
	}
	h.Advance(31 * day)
	if strings.Contains(h.Get(h.Desk.ConfirmPath(id)).Body.String(), wording) {
		t.Error("the page to confirm lists what can't come into force any more")
	}
	has(t, h.as(t, account.Reviewer).get(t, h, path(id)), ".record-side", "Lapsed: the address was not confirmed within 30 days")
}
