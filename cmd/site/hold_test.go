package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/web"
)

// desk is one who is signed in and uses the site.
type desk struct {
	h      http.Handler
	cookie *http.Cookie
}

func (d desk) ask(method, path string, values url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(values.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if d.cookie != nil {
		r.AddCookie(d.cookie)
	}
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	return w
}

// TestLegalHold holds a record, sees that it is neither changed, withdrawn, purged nor erased while its person can opt
// out, and lifts the hold: the erasure that waited is carried out.
func TestLegalHold(t *testing.T) {
	now := time.Now().In(clock.Zone())
	a := newAppAt(t, web.FS, func() time.Time { return now })
	server := serveApp(t, a)
	sendMarked(t, server, contactForm(t, server))
	ctx := t.Context()
	p, err := a.people.Find(ctx, markedAddress)
	if err != nil {
		t.Fatal(err)
	}
	rec := onlyRecord(t, a, p.ID)
	_, cookie := accounttest.Staff(t, a.accounts, now, account.Privacy)
	privacy := desk{a.front(), cookie}
	_, cookie = accounttest.Staff(t, a.accounts, now, account.Reviewer)
	reviewer, public := desk{a.front(), cookie}, desk{h: a.front()}

	place(t, privacy, url.Values{"scope": {"record"}, "about": {rec.reference}})
	if body := reviewer.ask(http.MethodGet, "/staff/submissions/"+rec.id.String(), nil).Body.String(); !strings.Contains(body, "Legal hold.") || strings.Contains(body, "/move") {
		t.Error("the record does not show that it is held, or offers to change it")
	}
	want := func(what string, w *httptest.ResponseRecorder, status int) {
		t.Helper()
		if w.Code != status {
			t.Errorf("%s: %d, not %d", what, w.Code, status)
		}
	}
	at := "/staff/submissions/" + rec.id.String()
	want("note", reviewer.ask(http.MethodPost, at+"/note", url.Values{"body": {"A note."}}), http.StatusConflict)
	want("bulk", reviewer.ask(http.MethodPost, "/staff/submissions", url.Values{"id": {rec.id.String()}, "do": {"quarantine"}}), http.StatusConflict)
	want("withdraw", public.ask(http.MethodPost, a.desk.ReceiptPath(rec.id)+"/withdraw", nil), http.StatusConflict)

	if err := a.mail.Drain(ctx); err != nil {
		t.Error(err)
	}
	var mails string
	if err := a.pool.QueryRow(ctx, `
		SELECT string_agg(purpose || ' ' || state || ' ' || last_error, ', ') FROM message WHERE submission_id = $1 AND purpose = 'service'`,
		rec.id).Scan(&mails); err != nil || mails != "service withheld the use of the data is restricted" {
		t.Errorf("mails about what is held: %q, %v", mails, err)
	}
	if _, err := a.pool.Exec(ctx, `
		INSERT INTO misuse (id, person_id, submission_id, kind, evidence, officer_id, created_at)
		SELECT gen_random_uuid(), $1, $2, 'abuse', 'Threats.', id, now() FROM account LIMIT 1`, p.ID, rec.id); err != nil {
		t.Fatal(err)
	}
	report, err := a.eraser.Erase(ctx, p.ID)
	if err != nil || report.Done {
		t.Errorf("erase: %+v, %v", report, err)
	}
	if _, err := a.pool.Exec(ctx, `UPDATE submission SET purge_after = '2020-01-01' WHERE id = $1`, rec.id); err != nil {
		t.Fatal(err)
	}
	if _, err := a.retainer.Run(ctx); err != nil {
		t.Error(err)
	}
	for _, sql := range []string{ // past all code of ours
		`DELETE FROM submission WHERE id = $1`, `UPDATE answers SET values = '{}' WHERE submission_id = $1`,
		`UPDATE misuse SET evidence = '' WHERE submission_id = $1 AND evidence <> ''`, `DELETE FROM message WHERE submission_id = $1`,
		`UPDATE person SET email = NULL, erased_at = now() WHERE id = (SELECT person_id FROM submission WHERE id = $1)`,
	} {
		if _, err := a.pool.Exec(ctx, sql, rec.id); err == nil || !strings.Contains(err.Error(), "legal hold") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if got := onlyRecord(t, a, p.ID); !got.words || got.name == "" {
		t.Errorf("the held record lost its words: %+v", got)
	}
	want("opt-out", public.ask(http.MethodPost, "/preferences/"+a.ring.Token("preferences", p.ID), url.Values{"stop": {"all"}}), http.StatusSeeOther)

	body := privacy.ask(http.MethodGet, "/staff/holds", nil).Body.String()
	if !strings.Contains(body, "An erasure waits") {
		t.Error("the page of holds does not say that an erasure waits")
	}
	_, id, _ := strings.Cut(body, `action="/staff/holds/`)
	id = id[:36]
	want("review", privacy.ask(http.MethodPost, "/staff/holds/"+id+"/review", url.Values{"review": {now.AddDate(0, 6, 0).Format(time.DateOnly)}}), http.StatusSeeOther)
	want("review too late", privacy.ask(http.MethodPost, "/staff/holds/"+id+"/review", url.Values{"review": {now.AddDate(0, 14, 0).Format(time.DateOnly)}}), http.StatusUnprocessableEntity)
	want("lift", privacy.ask(http.MethodPost, "/staff/holds/"+id+"/lift", nil), http.StatusSeeOther)
	want("lift again", privacy.ask(http.MethodPost, "/staff/holds/"+id+"/lift", nil), http.StatusSeeOther)
	if got := onlyRecord(t, a, p.ID); got.words || got.name != "" {
		t.Errorf("the erasure did not go on when the hold was lifted: %+v", got)
	}
	if report, err := a.eraser.Erase(ctx, p.ID); err != nil || !report.Done {
		t.Errorf("after the hold: %+v, %v", report, err)
	}
}

// TestOfficerErases erases a person on the officer's page: by two things that must fit, and tells what stays.
func TestOfficerErases(t *testing.T) {
	t.Parallel()
	now := time.Now().In(clock.Zone())
	a := newAppAt(t, web.FS, func() time.Time { return now })
	server := serveApp(t, a)
	sendMarked(t, server, contactForm(t, server))
	p, err := a.people.Find(t.Context(), markedAddress)
	if err != nil {
		t.Fatal(err)
	}
	rec := onlyRecord(t, a, p.ID)
	_, cookie := accounttest.Staff(t, a.accounts, now, account.Privacy)
	officer := desk{a.front(), cookie}
	for name, values := range map[string]url.Values{
		"nothing":         {},
		"another number":  {"email": {markedAddress}, "reference": {"CC-00000-00000"}},
		"another address": {"email": {"other@example.org"}, "reference": {rec.reference}},
	} {
		if w := officer.ask(http.MethodPost, "/staff/erasures", values); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	w := officer.ask(http.MethodPost, "/staff/erasures", url.Values{"email": {markedAddress}, "reference": {strings.ToLower(rec.reference)}})
	if w.Code != http.StatusSeeOther || onlyRecord(t, a, p.ID).words {
		t.Errorf("erase: %d, words left: %t", w.Code, onlyRecord(t, a, p.ID).words)
	}
	if body := officer.ask(http.MethodGet, w.Header().Get("Location"), nil).Body.String(); !strings.Contains(body, "All is erased") || !strings.Contains(body, "35 days") {
		t.Errorf("what stays is not told:\n%s", body)
	}
}

// TestHoldScopes holds all of a person, and a kind in a period; neither is erased or purged.
func TestHoldScopes(t *testing.T) {
	t.Parallel()
	now := time.Now().In(clock.Zone())
	a := newAppAt(t, web.FS, func() time.Time { return now })
	server := serveApp(t, a)
	sendMarked(t, server, contactForm(t, server))
	p, err := a.people.Find(t.Context(), markedAddress)
	if err != nil {
		t.Fatal(err)
	}
	_, cookie := accounttest.Staff(t, a.accounts, now, account.Privacy)
	officer := desk{a.front(), cookie}
	day := func(n int) string { return now.AddDate(0, 0, n).Format(time.DateOnly) }
	for _, c := range []struct {
		name   string
		values url.Values
		holds  bool
	}{
		{"a person", url.Values{"scope": {"person"}, "about": {strings.ToUpper(markedAddress)}}, true},
		{"another kind", url.Values{"scope": {"kind"}, "kind": {"career"}, "from": {day(-3)}, "to": {day(3)}}, false},
		{"another period", url.Values{"scope": {"kind"}, "kind": {"contact"}, "from": {day(-30)}, "to": {day(-3)}}, false},
		{"a kind", url.Values{"scope": {"kind"}, "kind": {"contact"}, "from": {day(-3)}, "to": {day(3)}}, true},
	} {
		place(t, officer, c.values)
		held, err := a.store.Held(t.Context(), onlyRecord(t, a, p.ID).id)
		if err != nil || held != c.holds {
			t.Errorf("%s: held %t, %v", c.name, held, err)
		}
		if c.holds {
			if report, err := a.eraser.Erase(t.Context(), p.ID); err != nil || report.Done {
				t.Errorf("%s: %+v, %v", c.name, report, err)
			}
		}
		if _, err := a.pool.Exec(t.Context(), `UPDATE legal_hold SET lifted_at = now(), lifted_by = officer_id`); err != nil {
			t.Fatal(err)
		}
	}
	for name, values := range map[string]url.Values{
		"nobody":        {"scope": {"person"}, "about": {"nobody@example.org"}},
		"no record":     {"scope": {"record"}, "about": {"CC-00000-00000"}},
		"no period":     {"scope": {"kind"}, "kind": {"contact"}},
		"a false kind":  {"scope": {"kind"}, "kind": {"all"}, "from": {day(-3)}, "to": {day(3)}},
		"no ground":     {"scope": {"person"}, "about": {markedAddress}, "ground": {""}},
		"review late":   {"scope": {"person"}, "about": {markedAddress}, "review": {now.AddDate(0, 13, 0).Format(time.DateOnly)}},
		"review behind": {"scope": {"person"}, "about": {markedAddress}, "review": {day(-1)}},
	} {
		if w := officer.ask(http.MethodPost, "/staff/holds", filled(now, values)); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// place places a hold, pressing twice.
func place(t *testing.T, officer desk, values url.Values) {
	t.Helper()
	values = filled(time.Now().In(clock.Zone()), values)
	for range 2 {
		if w := officer.ask(http.MethodPost, "/staff/holds", values); w.Code != http.StatusSeeOther {
			t.Fatalf("place a hold: %d: %s", w.Code, w.Body)
		}
	}
}

// filled adds what every hold needs.
func filled(now time.Time, values url.Values) url.Values {
	all := url.Values{
		"key": {uuid.NewString()}, "ground": {"Claim 26-L-1187."}, "review": {now.AddDate(0, 3, 0).Format(time.DateOnly)},
	}
	for name, list := range values {
		all[name] = list
	}
	return all
}

type held struct {
	id              uuid.UUID
	reference, name string
	words           bool
}

func onlyRecord(t *testing.T, a *app, who uuid.UUID) (r held) {
	t.Helper()
	err := a.pool.QueryRow(t.Context(), `
		SELECT s.id, s.reference, s.name, n.values <> '{}' FROM submission s JOIN answers n ON n.submission_id = s.id WHERE s.person_id = $1`,
		who).Scan(&r.id, &r.reference, &r.name, &r.words)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestDeletedInWords holds that the report of what was deleted calls each kind and status as the workspace does.
func TestDeletedInWords(t *testing.T) {
	t.Parallel()
	a := newAppAt(t, web.FS, time.Now)
	_, cookie := accounttest.Staff(t, a.accounts, time.Now(), account.Privacy)
	deletions := a.retainer.Deletions()
	if len(deletions) < 20 {
		t.Errorf("%d kinds are deleted", len(deletions))
	}
	for _, d := range deletions {
		if _, err := a.pool.Exec(t.Context(), `INSERT INTO retention_line (at, kind, outcome, n) VALUES (now(), $1, $2, 1)`, d.Kind, d.Outcome); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.pool.Exec(t.Context(), `INSERT INTO retention_line (at, kind, outcome, n) VALUES (now(), 'webinar', 'withdrawn', 2)`); err != nil {
		t.Fatal(err)
	}
	if _, err := a.pool.Exec(t.Context(), `INSERT INTO retention_line (at, kind, outcome, n) VALUES (now(), 'tombola', '', 1)`); err != nil {
		t.Fatal(err) // of a room that is no more
	}
	body := desk{a.front(), cookie}.ask(http.MethodGet, "/staff/holds", nil).Body.String()
	if !strings.Contains(body, `<th scope="row">Webinar registration</th><td data-label="Outcome">Withdrawn</td>`) {
		t.Error("a webinar registration that was withdrawn is not named so")
	}
	for _, d := range deletions {
		if strings.Contains(body, `<th scope="row">`+d.Kind+`<`) {
			t.Errorf("%s has no name for readers", d.Kind)
		}
	}
	if strings.Contains(body, `<th scope="row"><`) {
		t.Error("something that was deleted has no name")
	}
}
