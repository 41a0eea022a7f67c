package privacy_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/internal/submission"
)

// self is the house with the page on which people help themselves.
type self struct {
	house
	accounts *account.Service
	eraser   *privacy.Eraser
}

func openSelf(t *testing.T) self {
	t.Helper()
	s := self{house: bench(t)}
	s.accounts = accounttest.With(t, s.Pool, s.Ring, s.Pages, "http://example.test", s.Now)
	addresses := privacy.NewAddresses(s.Desk, s.accounts)
	addresses.Public(s.Router)
	s.eraser = privacy.NewEraser(privacy.EraserConfig{Desk: s.Desk, Blobs: s.blobs(t)})
	privacy.NewRights(s.eraser, addresses).Public(s.Router)
	return s
}

// sends fills in a form with examples and what is given, and returns the token and the record of its receipt.
func (s self) sends(t *testing.T, path string, more url.Values) (string, submission.Record) {
	t.Helper()
	values := activitytest.Hidden(s.Get(path).Body.String())
	i := slices.IndexFunc(s.Desk.Activities(), func(a activity.Activity) bool { return a.Path == path })
	f, err := s.Desk.Activities()[i].Form(t.Context(), uuid.Nil)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(values, activitytest.Examples(f))
	maps.Copy(values, more)
	w := s.Post(path, values)
	token, ok := strings.CutPrefix(w.Header().Get("Location"), "/r/")
	if w.Code != http.StatusSeeOther || !ok {
		t.Fatalf("%s: %d %s", path, w.Code, words(document(t, w, w.Code).Find(".errors")))
	}
	id, err := s.Store.ByToken(token)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := s.Store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return token, rec
}

// requests sends a privacy request and returns the address of the page behind its receipt.
func (s self) requests(t *testing.T, email, want string) (string, submission.Record) {
	t.Helper()
	token, rec := s.sends(t, "/privacy/requests", url.Values{"email": {email}, "want": {want}, "name": {"Ada Lovelace"}})
	link := `href="/privacy/requests/` + token + `"`
	if !strings.Contains(s.Get("/r/"+token).Body.String(), link) {
		t.Error("the receipt does not lead to the page")
	}
	return "/privacy/requests/" + token, rec
}

func (s self) asks(t *testing.T, email, words string) submission.Record {
	t.Helper()
	_, rec := s.sends(t, "/contact", url.Values{"email": {email}, "name": {"Ada Lovelace"}, "question": {words}})
	return rec
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

func (s self) code(t *testing.T, path string) string {
	t.Helper()
	s.Mails(t)
	if w := s.Post(path, url.Values{"act": {"code"}}); w.Code != http.StatusOK {
		t.Fatalf("ask for a code: %d", w.Code)
	}
	code := sixDigits.FindString(strings.Join(s.Mails(t), ""))
	if code == "" {
		t.Fatal("no code was mailed")
	}
	return code
}

// opens gives the code and returns the page with the grant that it holds.
func (s self) opens(t *testing.T, path string) (string, url.Values) {
	t.Helper()
	w := s.Post(path, url.Values{"act": {"open"}, "code": {s.code(t, path)}})
	doc := document(t, w, http.StatusOK)
	return words(doc.Find("main")), url.Values{"grant": {doc.Find(`input[name="grant"]`).First().AttrOr("value", "")}}
}

func with(v url.Values, pairs ...string) url.Values {
	v = maps.Clone(v)
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func unzip(t *testing.T, w *httptest.ResponseRecorder) map[string]string {
	t.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/zip" {
		t.Fatalf("%d, %s", w.Code, w.Header().Get("Content-Type"))
	}
	z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		in[f.Name] = string(raw)
	}
	return in
}

func (s self) acts(t *testing.T, id uuid.UUID) []string {
	t.Helper()
	events, err := audit.Of(context.Background(), s.Pool, id)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, e := range events {
		list = append(list, e.Role+": "+e.Action)
	}
	return list
}

// officer is somebody who works with the records.
func (s self) officer(t *testing.T) submission.Actor {
	t.Helper()
	by := submission.Actor{ID: uuid.New(), Role: "reviewer"}
	if _, err := pgtest.Admin(t, s.Pool).Exec(t.Context(), `
		INSERT INTO account (id, kind, email, name, created_at) VALUES ($1, 'staff', 'officer@example.org', 'Officer', now())`, by.ID); err != nil {
		t.Fatal(err)
	}
	return by
}

func TestOnlyTheMailboxSeesWhatIsHeld(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	contact := s.asks(t, "ada@example.org", "Zqooqz of Ada")
	s.asks(t, "bob@example.org", "Xyzzyx of Bob")
	ada, request := s.requests(t, "ada@example.org", "see")
	bob, _ := s.requests(t, "bob@example.org", "see")

	for _, path := range []string{ada[:len(ada)-1], ada[:len(ada)-1] + "_", "/privacy/requests/x", "/privacy/requests/" + s.Store.Token(contact.ID), "/privacy/requests/" + s.Store.Token(uuid.New())} {
		if w := s.Get(path); w.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, w.Code)
		}
		if w := s.Post(path, url.Values{"act": {"open"}}); w.Code != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
	_, bobs := s.opens(t, bob)
	s.Advance(time.Minute)
	code := s.code(t, bob)
	for what, v := range map[string]url.Values{
		"nothing": {}, "a guess": {"code": {"000000"}}, "a code of somebody else": {"code": {code}}, "a grant of somebody else": bobs, "a forged grant": {"grant": {"AAAA"}},
	} {
		for _, act := range []string{"open", "export", "withdraw", "erase"} {
			v = with(v, "act", act, "reference", contact.Reference, "request", contact.ID.String(), "sure", "yes")
			w := s.Post(ada, v)
			if body := w.Body.String(); w.Code < 400 || strings.Contains(body, "ada@") || strings.Contains(body, "Zqooqz") {
				t.Errorf("%s with %s: %d", act, what, w.Code)
			}
		}
	}
	if text := words(document(t, s.Get(ada), http.StatusOK).Find("main")); strings.Contains(text, "ada@") || strings.Contains(text, contact.Reference) {
		t.Errorf("without a code: %s", text)
	}
	by := s.officer(t)
	if err := s.Store.AddNote(t.Context(), contact.ID, by, "Zqooqznote"); err != nil {
		t.Fatal(err)
	}
	if err := s.Store.Read(t.Context(), contact.ID, by); err != nil {
		t.Fatal(err)
	}
	s.Advance(2 * time.Hour)
	text, _ := s.opens(t, ada)
	for _, want := range []string{"ada@example.org", "Zqooqz of Ada", "Zqooqznote", "Reviewer, 23 November 2026", "under the statement of 18 November 2026", "What stays, and why"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(text, "bob@") || strings.Contains(text, "Xyzzyx") {
		t.Error("the page shows what is Bob's")
	}
	if diff := cmp.Diff([]string{"sender: show own data"}, s.acts(t, request.ID)); diff != "" {
		t.Error(diff)
	}
}

// TestTypedRightsAreNeverLost sends what people type on the page of their data where it can't be read whole, or not be
// stored.
func TestTypedRightsAreNeverLost(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	contact := s.asks(t, "ada@example.org", "Zqooqz of Ada")
	at, _ := s.requests(t, "ada@example.org", "correct")
	_, grant := s.opens(t, at)
	long := with(grant, "act", "address", "email", "ada.king@example.org", "reference", contact.Reference, "z", strings.Repeat("x", 70<<10))
	doc := document(t, s.Post(at, long), http.StatusRequestEntityTooLarge)
	if got := doc.Find("#f-email").AttrOr("value", ""); got != "ada.king@example.org" || !strings.Contains(words(doc.Find(".notice.bad")), "larger than") {
		t.Errorf("too much: kept %q, told %q", got, words(doc.Find(".notice.bad")))
	}
	r := httptest.NewRequest(http.MethodPost, at, strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	doc = document(t, s.Do(r), http.StatusUnsupportedMediaType)
	activitytest.Blamed(t, doc, "f-code")
	if told := words(doc.Find(".errors")); !strings.Contains(told, "not sent by this form") || strings.Contains(words(doc.Find("main")), "ada@") {
		t.Errorf("another type: told %q", told)
	}
	s.Pool.Close()
	for _, sent := range []url.Values{
		{"act": {"open"}, "code": {"123456"}},
		with(grant, "act", "address", "email", "ada.king@example.org", "reference", contact.Reference),
		with(grant, "act", "erase", "reference", contact.Reference, "sure", "yes"),
		with(grant, "act", "withdraw", "request", contact.ID.String()),
	} {
		w := s.Post(at, sent)
		doc := document(t, w, http.StatusServiceUnavailable)
		f := doc.Find("main form")
		if f.AttrOr("action", "") != at || w.Header().Get("Retry-After") == "" || !strings.Contains(words(f.Find(".notice")), "could not store") {
			t.Errorf("%v: the form goes to %q, told %q", sent, f.AttrOr("action", ""), words(f.Find(".notice")))
		}
		for name := range sent {
			field := f.Find(`[name="` + name + `"]`)
			if got := field.AttrOr("value", ""); field.Length() != 1 || got != sent.Get(name) {
				t.Errorf("%s: kept %d, %q of %q", name, field.Length(), got, sent.Get(name))
			}
		}
	}
}

func TestTakeItWithYou(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	contact := s.asks(t, "ada@example.org", "Zqooqz of Ada")
	other := s.asks(t, "bob@example.org", "Xyzzyx of Bob")
	path, request := s.requests(t, "ada@example.org", "export")
	_, grant := s.opens(t, path)

	for _, number := range []string{"CC-AAAAA-AAAAA", other.Reference, request.Reference} {
		w := s.Post(path, with(grant, "act", "export", "reference", number))
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "not the number of a request") {
			t.Errorf("number %s: %d", number, w.Code)
		}
		if got := activitytest.Blamed(t, document(t, w, w.Code), "f-take").AttrOr("value", ""); got != number {
			t.Errorf("number %s: kept %q", number, got)
		}
	}
	got := unzip(t, s.Post(path, with(grant, "act", "export")))
	if names := slices.Sorted(maps.Keys(got)); !cmp.Equal(names, []string{"data.json", "index.html"}) {
		t.Errorf("in it: %v", names)
	}
	for name, text := range got {
		if !strings.Contains(text, "Zqooqz of Ada") {
			t.Errorf("%s lacks what Ada sent", name)
		}
		if strings.Contains(text, contact.Reference) || strings.Contains(text, s.Store.Token(contact.ID)) {
			t.Errorf("%s has the number that proves more than the mailbox does", name)
		}
		if strings.Contains(text, "bob@") || strings.Contains(text, "Xyzzyx") {
			t.Errorf("%s has what is Bob's", name)
		}
	}
	got = unzip(t, s.Post(path, with(grant, "act", "export", "reference", strings.ToLower(contact.Reference))))
	if len(got) != 2 || !strings.Contains(got["data.json"], contact.Reference) || !strings.Contains(got["index.html"], contact.Reference) {
		t.Errorf("nothing was uploaded, yet there are %d files, or the number lacks", len(got))
	}
}

// TestPageKeepsItsSecondProof: who reads the mailbox alone is not given what proves more than that, wherever it stands: in
// facts, in the mails we sent, in addresses of receipts, in answers to what they do.
func TestPageKeepsItsSecondProof(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	contact, second := s.asks(t, "ada@example.org", "Zqooqz of Ada"), s.asks(t, "ada@example.org", "Another of Ada")
	s.Mails(t)
	path, request := s.requests(t, "ada@example.org", "see")
	_, grant := s.opens(t, path)
	for _, form := range []url.Values{
		with(grant, "act", "see"),
		with(grant, "act", "export", "reference", "CC-AAAAA-AAAAA"),
		with(grant, "act", "erase", "sure", "yes"),
		with(grant, "act", "restrict", "request", second.ID.String()),
		with(grant, "act", "withdraw", "request", second.ID.String()),
	} {
		body := s.Post(path, form).Body.String()
		for _, rec := range []submission.Record{contact, second} {
			if strings.Contains(body, rec.Reference) || strings.Contains(body, s.Store.Token(rec.ID)) {
				t.Errorf("%s: the page gives the number, or the way to it", form.Get("act"))
			}
		}
		if !strings.Contains(body, request.Reference) || !strings.Contains(body, "Zqooqz of Ada") || !strings.Contains(body, "CC-…") {
			t.Errorf("%s: the page lacks more than it must", form.Get("act"))
		}
	}
}

// TestTodaysNumberProvesNothing: whoever reads the mailbox today can send a request today, and learn its number; beside an
// older one that does not count.
func TestTodaysNumberProvesNothing(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	old := s.asks(t, "ada@example.org", "Zqooqz of Ada")
	s.Advance(25 * time.Hour)
	fresh := s.asks(t, "ada@example.org", "By whoever reads her mail")
	s.Advance(time.Hour)
	path, _ := s.requests(t, "ada@example.org", "erase")
	_, grant := s.opens(t, path)
	for number, want := range map[string]int{fresh.Reference: http.StatusUnprocessableEntity, old.Reference: http.StatusOK} {
		if w := s.Post(path, with(grant, "act", "export", "reference", number)); w.Code != want {
			t.Errorf("%s: %d, not %d", number, w.Code, want)
		}
	}
}

func TestWithdrawOne(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	contact, other := s.asks(t, "ada@example.org", "Zqooqz of Ada"), s.asks(t, "bob@example.org", "Xyzzyx of Bob")
	path, _ := s.requests(t, "ada@example.org", "see")
	_, grant := s.opens(t, path)
	if w := s.Post(path, with(grant, "act", "withdraw", "request", other.ID.String())); w.Code != http.StatusNotFound {
		t.Errorf("somebody else's: %d", w.Code)
	}
	for range 2 { // a second click is no fault
		w := s.Post(path, with(grant, "act", "withdraw", "request", contact.ID.String()))
		if text := words(document(t, w, http.StatusOK).Find("main")); !strings.Contains(text, "it is withdrawn, and its answers") || strings.Contains(text, "Zqooqz") {
			t.Errorf("withdrawn: %.300s", text)
		}
	}
	if rec, err := s.Store.Get(t.Context(), contact.ID); err != nil || rec.Status != activity.Withdrawn {
		t.Errorf("%s, %v", rec.Status, err)
	}
	if acts := s.acts(t, contact.ID); !slices.Contains(acts, "sender: withdraw own request") {
		t.Errorf("logged: %v", acts)
	}
}

func TestEraseYourself(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	contact, other := s.asks(t, "ada@example.org", "Zqooqz of Ada"), s.asks(t, "bob@example.org", "Xyzzyx of Bob")
	path, request := s.requests(t, "ada@example.org", "erase")
	_, grant := s.opens(t, path)
	for _, v := range []url.Values{
		with(grant, "sure", "yes"),
		with(grant, "sure", "yes", "reference", other.Reference),
		with(grant, "sure", "yes", "reference", request.Reference), // whoever asked knows that one
		with(grant, "reference", contact.Reference),
	} {
		doc := document(t, s.Post(path, with(v, "act", "erase")), http.StatusUnprocessableEntity)
		wrong := "f-erase"
		if !v.Has("sure") {
			wrong = "f-sure"
		}
		activitytest.Blamed(t, doc, wrong)
		number := doc.Find("#f-erase").AttrOr("value", "")
		if number != v.Get("reference") || doc.Find("details[open] .errors").Length() != 1 || doc.Find("#f-sure[checked]").Length() != 0 {
			t.Errorf("%v: kept %q; or the box, which is ticked anew each time, or what is wrong is folded away", v, number)
		}
	}
	wantState(t, s.house, contact.PersonID.UUID, "before", "known words mail")
	for range 2 {
		w := s.Post(path, with(grant, "act", "erase", "sure", "yes", "reference", contact.Reference))
		text := words(document(t, w, http.StatusOK).Find("main"))
		if !strings.Contains(text, "All is erased") || !strings.Contains(text, "copies in backups") {
			t.Errorf("erased: %.300s", text)
		}
	}
	wantState(t, s.house, contact.PersonID.UUID, "after", "emptied done")
	wantState(t, s.house, other.PersonID.UUID, "somebody else", "known words mail")
	for _, w := range []*httptest.ResponseRecorder{s.Get(path), s.Post(path, url.Values{"act": {"code"}}), s.Post(path, url.Values{"act": {"open"}, "code": {"123456"}})} {
		if text := words(document(t, w, http.StatusOK).Find("main")); !strings.Contains(text, "Nothing is held any more") || strings.Contains(text, "stays") {
			t.Errorf("later: %.200s", text)
		}
	}
	if acts := s.acts(t, request.ID); !slices.Contains(acts, "sender: erase own data") {
		t.Errorf("logged: %v", acts)
	}
}

func TestAHoldStopsIt(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	contact := s.asks(t, "ada@example.org", "Zqooqz of Ada")
	path, _ := s.requests(t, "ada@example.org", "erase")
	if _, err := pgtest.Admin(t, s.Pool).Exec(t.Context(), `
		INSERT INTO legal_hold (id, scope, submission_id, ground, officer_id, placed_at, reviewed_at, review_on)
		VALUES ($1, 'record', $2, 'Secret ground', $3, now(), now(), current_date + 30)`, uuid.New(), contact.ID, s.officer(t).ID); err != nil {
		t.Fatal(err)
	}
	text, grant := s.opens(t, path)
	if !strings.Contains(text, "The law makes us keep this as it is for now") || !strings.Contains(text, ", or once the law lets us") || strings.Contains(text, "Secret ground") {
		t.Errorf("the page: %.300s", text)
	}
	w := s.Post(path, with(grant, "act", "erase", "sure", "yes", "reference", contact.Reference))
	if text := words(document(t, w, http.StatusOK).Find("main")); !strings.Contains(text, "A legal hold stops the erasure") || strings.Contains(text, "All is erased") {
		t.Errorf("held: %.300s", text)
	}
	wantState(t, s.house, contact.PersonID.UUID, "held", "known words mail open")
}

func TestSharedMailboxesGoToStaff(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	s.asks(t, "info@example.org", "Zqooqz of a team")
	s.sends(t, "/contact", url.Values{"email": {"two@example.org"}, "name": {"Charles Babbage"}, "question": {"Zqooqz of Charles"}})
	s.sends(t, "/contact", url.Values{"email": {"one@example.org"}, "name": {"Dr. LOVELACE, Ada King"}, "question": {"Zqooqz of Ada"}})
	for email, want := range map[string]string{
		"info@example.org": "the mailbox of a role", "two@example.org": "under several different names", "one@example.org": "",
	} {
		path, request := s.requests(t, email, "see")
		text, _ := s.opens(t, path)
		if want == "" {
			if !strings.Contains(text, "Zqooqz of Ada") {
				t.Errorf("%s: %.200s", email, text)
			}
			continue
		}
		if !strings.Contains(text, "A person sees to this") || !strings.Contains(text, want) || !strings.Contains(text, "who answers by 23 December 2026") || strings.Contains(text, "Zqooqz") {
			t.Errorf("%s: %.300s", email, text)
		}
		if acts := s.acts(t, request.ID); !slices.Equal(acts, []string{"sender: leave own data to staff"}) {
			t.Errorf("%s: %v", email, acts)
		}
	}
}

// TestHeldInPlainWords: what is held is told in words, not as the database and the rooms' JSON name it.
func TestHeldInPlainWords(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	path, request := s.requests(t, "ada@example.org", "see")
	_, grant := s.opens(t, path)
	s.asks(t, "ada@example.org", "Zqooqz of Ada") // its mail has not left
	if _, err := pgtest.Admin(t, s.Pool).Exec(t.Context(), `
		WITH e AS (
			INSERT INTO export (id, kind, purpose, channel, recipient, reason, fields, filter, count, sha256, account_id, role, at, expires_at)
			VALUES (gen_random_uuid(), 'contacts', 'product_news', 'email', 'own department', 'announcement', '{}', '{}', 1,
				sha256(''), gen_random_uuid(), 'marketer', $2::timestamptz, $2::timestamptz + interval '1 day')
			RETURNING id)
		INSERT INTO export_person (export_id, row, person_id, filled) SELECT id, 1, $1, true FROM e`, request.PersonID, s.Now()); err != nil {
		t.Fatal(err)
	}
	doc := document(t, s.Post(path, with(grant, "act", "open")), http.StatusOK)
	told := map[string][]string{}
	doc.Find("dl.facts > div").Each(func(_ int, fact *goquery.Selection) {
		label := words(fact.Find("dt"))
		told[label] = append(told[label], words(fact.Find("dd")))
		if strings.Contains(label, "_") {
			t.Errorf("a label: %q", label)
		}
	})
	for label, want := range map[string]string{
		"Came by":                          "a form on this site",
		"To ada@example.org":               "Not sent yet: it waits for its turn.",
		"Exported list 1, what was listed": "whom to write to or call",
		"Exported list 1, used for":        "news of products and services",
		"Exported list 1, given to":        "our own department",
		"Exported list 1, when":            "23 November 2026, 09:00 CST",
	} {
		if !slices.Contains(told[label], want) {
			t.Errorf("%s: %q, want %q", label, told[label], want)
		}
	}
}

// What was refused for an address before it was somebody's here is told to who has it: on the page, in the file, and where
// they choose. It stays after an erasure, and the answer to that says so.
func TestRefusalsOfTheAddressAreTold(t *testing.T) {
	t.Parallel()
	const email = "ada@example.org"
	s := openSelf(t)
	ctx, officer := t.Context(), uuid.New()
	refuse := func(p consent.Purpose, way string) {
		t.Helper()
		if err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
			_, err := s.Desk.Ledger.RefuseAddress(ctx, tx, email, consent.AddressRefusal{
				Purpose: p, Channel: consent.ByEmail, Way: way, Officer: officer, At: s.Now(),
			})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	refuse(consent.Newsletter, "phone")
	if _, err := s.Pool.Exec(ctx, `
		INSERT INTO suppression (address_hmac, purpose, channel, reason, at) VALUES ($1, 'survey', 'email', 'unsubscribe', $2)`,
		person.AddressDigest(s.Ring, email), s.Now()); err != nil { // of who was erased since
		t.Fatal(err)
	}
	s.Advance(time.Hour)
	contact := s.asks(t, email, "Zqooqz of Ada")
	path, _ := s.requests(t, email, "erase")
	text, grant := s.opens(t, path)
	file := unzip(t, s.Post(path, with(grant, "act", "export")))
	choices := words(document(t, s.Get(s.Mail.PreferencesPath(contact.PersonID.UUID)), http.StatusOK).Find("main"))
	for where, told := range map[string]string{"page": text, "file": file["index.html"]} {
		if strings.Contains(told, "you never chose") || !strings.Contains(told, "Refused: the newsletter by email") ||
			!strings.Contains(told, "23 November 2026, 09:00 CST") || !strings.Contains(told, "Our staff were told so by phone") ||
			!strings.Contains(told, "Refused: surveys") {
			t.Errorf("the %s: %s", where, told)
		}
	}
	if told := file["data.json"]; !strings.Contains(told, `"told_by": "phone"`) || strings.Contains(told, officer.String()) {
		t.Errorf("data.json: %s", told)
	}
	if !strings.Contains(choices, "Stopped 23 November 2026: “Our staff were told so by phone") || strings.Count(choices, "you never agreed") != 2 {
		t.Errorf("the preferences: %s", choices)
	}

	w := s.Post(path, with(grant, "act", "erase", "sure", "yes", "reference", contact.Reference))
	left := words(document(t, w, http.StatusOK).Find("main"))
	var id uuid.UUID
	if err := s.Pool.QueryRow(ctx, `SELECT id FROM erasure WHERE person_id = $1`, contact.PersonID).Scan(&id); err != nil {
		t.Fatal(err)
	}
	report, err := s.eraser.Report(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for when, told := range map[string]string{"before": text, "after": left, "later": fmt.Sprint(report.Kept)} {
		if !strings.Contains(told, "a digest of the address, for each refusal, with its day") {
			t.Errorf("%s the erasure, of what stays: %s", when, told)
		}
	}
}
