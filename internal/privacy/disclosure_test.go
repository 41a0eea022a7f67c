package privacy_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/contact"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/newsletter"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/web"
)

// office is the room with staff signed in.
type office struct {
	*activitytest.Bench
	room     *privacy.Room
	accounts *account.Service
	router   chi.Router
	me       account.Account
	cookie   *http.Cookie
	other    account.Account
}

func openOffice(t *testing.T) *office {
	t.Helper()
	o := &office{router: chi.NewRouter()}
	o.Bench = activitytest.New(t, append(privacy.Templates(), account.Templates()...), func(b *activitytest.Bench) activity.Activities {
		o.accounts = accounttest.With(t, b.Pool, b.Ring, b.Pages, "http://example.test", b.Now)
		o.room = privacy.New(privacy.Config{Desk: b.Desk, Content: b.Content, Web: web.FS, Accounts: o.accounts})
		list := activity.Activities{newsletter.New(b.Desk, b.Content), contact.New(b.Desk, b.Content), o.room.Activity()}
		for _, kind := range []string{"access", "alliance", "career", "demo", "download", "survey", "webinar"} {
			list = append(list, standIn(kind, form.Field{Name: "email", Label: "Email address", Kind: form.Email, Why: "To answer."}))
		}
		return list
	})
	o.router.Group(func(r chi.Router) {
		r.Use(o.accounts.Load)
		r.Use(o.accounts.RequireStaff())
		r.Route("/staff", o.room.Staff)
	})
	o.me, o.cookie = accounttest.Staff(t, o.accounts, o.Now(), account.Privacy)
	o.other, _ = accounttest.Staff(t, o.accounts, o.Now(), account.Admin)
	return o
}

func (o *office) ask(method, path string, v url.Values) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, path, strings.NewReader(v.Encode()))
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.AddCookie(o.cookie)
	w := httptest.NewRecorder()
	o.router.ServeHTTP(w, req)
	o.CheckTitle(req, w)
	return w
}

func (o *office) eraser(t *testing.T) *privacy.Eraser {
	return privacy.NewEraser(privacy.EraserConfig{Desk: o.Desk, Blobs: house{Bench: o.Bench}.blobs(t)})
}

// demand is an entry as an officer fills it in.
func demand(more ...string) url.Values {
	v := url.Values{
		"requester": {"Circuit Court, 2026 L 004711"}, "asked_on": {"2026-11-20"}, "demand": {"All that one sender wrote"},
		"ground": {"law"}, "basis": {"735 ILCS 5/2-1101"}, "outcome": {"part"}, "answered_on": {"2026-11-21"},
		"given": {"Name and address, not the words"}, "people": {"ada@example.com"}, "telling": {"later"},
	}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

// enters sends the form of a new entry as it was drawn, and returns the path of the entry.
func (o *office) enters(t *testing.T, v url.Values) string {
	t.Helper()
	for name, list := range o.hidden(t, "/staff/disclosures/new") {
		v[name] = list
	}
	w := o.ask(http.MethodPost, "/staff/disclosures/new", v)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("got %d: %s", w.Code, words(document(t, w, w.Code).Find(".errors")))
	}
	return w.Header().Get("Location")
}

func (o *office) hidden(t *testing.T, path string) url.Values {
	t.Helper()
	v := url.Values{}
	document(t, o.ask(http.MethodGet, path, nil), http.StatusOK).Find("form input[type=hidden]").Each(func(_ int, s *goquery.Selection) {
		v.Set(s.AttrOr("name", ""), s.AttrOr("value", ""))
	})
	return v
}

// person stores an address.
func (o *office) person(t *testing.T, email string) uuid.UUID {
	t.Helper()
	b := &pgx.Batch{}
	o.Desk.People.Add(b, uuid.New(), email, o.Now())
	if err := o.Pool.SendBatch(t.Context(), b).Close(); err != nil {
		t.Fatal(err)
	}
	who, err := o.Desk.People.Find(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	return who.ID
}

func (o *office) exported(t *testing.T, who uuid.UUID) string {
	t.Helper()
	var out strings.Builder
	if err := o.room.Activity().Holder.Export(t.Context(), who, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestDisclosureIsEnteredAndCorrected(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.person(t, "ada@example.com")
	path := o.enters(t, demand("people", "ada@example.com\nstranger@example.com"))
	doc := document(t, o.ask(http.MethodGet, path, nil), http.StatusOK)
	main := words(doc.Find("main"))
	for _, part := range []string{"Circuit Court", "Part given", "To be told", "735 ILCS", "Name and address, not the words", "we held nothing"} {
		if !strings.Contains(main, part) {
			t.Errorf("the entry lacks %q: %s", part, main)
		}
	}
	again := demand("telling", "told", "told_on", "2026-11-22", "people", "ada@example.com")
	for name, list := range o.hidden(t, path+"/correct") {
		again[name] = list
	}
	if w := o.ask(http.MethodPost, path+"/correct", again); w.Code != http.StatusSeeOther {
		t.Fatalf("correct: %d: %s", w.Code, words(document(t, w, w.Code).Find(".errors")))
	}
	if w := o.ask(http.MethodPost, path+"/correct", again); w.Code != http.StatusSeeOther {
		t.Errorf("a second click: %d", w.Code)
	}
	main = words(document(t, o.ask(http.MethodGet, path, nil), http.StatusOK).Find("main"))
	if !strings.Contains(main, "Version 2") || !strings.Contains(main, "Told 22 Nov 2026") || !strings.Contains(main, "Before it was corrected") {
		t.Errorf("after the correction: %s", main)
	}
	o.Advance(2 * time.Minute)
	if w := o.ask(http.MethodPost, path+"/correct", again); w.Code != http.StatusSeeOther {
		t.Errorf("the same once more: %d", w.Code)
	}
	list, err := privacy.Disclosures(t.Context(), o.Pool)
	if err != nil || len(list) != 1 || list[0].Version != 2 || list[0].People != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	var reads int
	if err := o.Pool.QueryRow(t.Context(), `
		SELECT count(*) FROM audit_event WHERE object = 'disclosure' AND action = 'read'`).Scan(&reads); err != nil || reads != 3 {
		t.Errorf("%d looks were logged, %v", reads, err)
	}
}

// Only what says the same is a second click. Who comes back to the page to mend a slip loses nothing, however soon, and
// whatever the clock did since.
func TestSlipInTheRegisterIsMended(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	first := demand("people", "stranger@example.com")
	for name, list := range o.hidden(t, "/staff/disclosures/new") {
		first[name] = list
	}
	second := maps.Clone(first)
	second.Set("outcome", "all")
	o.sendsTwice(t, "/staff/disclosures/new", first, second)
	path := "/staff/disclosures/" + first.Get("entry")
	hidden := o.hidden(t, path+"/correct")
	for name, change := range map[string][2]string{
		"outcome": {"outcome", "nothing"}, "words": {"given", "Nothing that they wrote"}, "people": {"people", "someone.else@example.com"},
	} {
		slip, mended := demand("outcome", "all", "people", "stranger@example.com"), demand("outcome", "all", "people", "stranger@example.com")
		mended.Set(change[0], change[1])
		for name, list := range hidden {
			slip[name], mended[name] = list, list
		}
		o.Advance(-time.Hour) // set right in between
		t.Log(name)
		o.sendsTwice(t, path+"/correct", slip, mended)
		hidden = o.hidden(t, path+"/correct")
	}
}

// sendsTwice sends one form, and another from the same page, which is not thrown away.
func (o *office) sendsTwice(t *testing.T, path string, slip, mended url.Values) {
	t.Helper()
	for range 2 {
		if w := o.ask(http.MethodPost, path, slip); w.Code != http.StatusSeeOther {
			t.Fatalf("the slip: %d: %s", w.Code, words(document(t, w, w.Code).Find(".errors")))
		}
	}
	o.Advance(20 * time.Second)
	doc := document(t, o.ask(http.MethodPost, path, mended), http.StatusConflict)
	kept := url.Values{}
	doc.Find("form input[type=hidden], form input[name=outcome][checked], form textarea").Each(func(_ int, s *goquery.Selection) {
		kept.Set(s.AttrOr("name", ""), s.AttrOr("value", strings.TrimPrefix(s.Text(), "\n")))
	})
	for _, name := range []string{"outcome", "given", "people"} {
		if kept.Get(name) != mended.Get(name) {
			t.Errorf("%s: kept %q, sent %q", name, kept.Get(name), mended.Get(name))
		}
	}
	again := maps.Clone(mended)
	again.Set("version", kept.Get("version"))
	at := doc.Find("main form").AttrOr("action", "")
	if w := o.ask(http.MethodPost, at, again); w.Code != http.StatusSeeOther {
		t.Fatalf("sent again to %s: %d", at, w.Code)
	}
}

func TestFaultyDemandsAreHandedBack(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	for want, v := range map[string]url.Values{
		"good faith needs a second person":   demand("ground", "good faith"),
		"Choose one of the answers":          demand("ground", "good faith", "approver", o.me.ID.String()),
		"This day is still to come":          demand("asked_on", "2026-11-24", "answered_on", ""),
		"This day lies before the demand":    demand("answered_on", "2026-11-19"),
		"Enter the day of our answer":        demand("answered_on", ""),
		"Write what was given":               demand("given", ""),
		"from which they may be told":        demand("telling", "silent"),
		"lies within the prohibition":        demand("telling", "told", "told_on", "2026-11-21", "silent_until", "2026-11-22"),
		"Leave email addresses out":          demand("demand", "The letters of (ada@example.com)."),
		"No record has the reference “CC-9”": demand("people", "CC-9"),
		"is no email address":                demand("people", "ada@"),
	} {
		w := o.ask(http.MethodPost, "/staff/disclosures/new", v)
		if got := words(document(t, w, http.StatusUnprocessableEntity).Find(".errors")); !strings.Contains(got, want) {
			t.Errorf("want %q, got %q", want, got)
		}
	}
	o.enters(t, demand("ground", "good faith", "approver", o.other.ID.String()))
}

// A demand names a request by the number that its sender was told, from the moment in which it came, however that was typed.
func TestDemandNamesARequestByItsNumber(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	who := o.person(t, "ada@example.com")
	if _, err := o.Pool.Exec(t.Context(), `
		INSERT INTO submission (id, person_id, kind, status, subject, reference, created_at, purge_after)
		VALUES (gen_random_uuid(), $1, 'contact', 'withdrawn', '', 'CC-D8Z30-E12V3', $2, '2028-01-01')`, who, o.Now()); err != nil {
		t.Fatal(err)
	}
	path := o.enters(t, demand("people", "cc-d8z30-e12v3"))
	if main := words(document(t, o.ask(http.MethodGet, path, nil), http.StatusOK).Find("main")); !strings.Contains(main, "CC-D8Z30-E12V3") {
		t.Errorf("the entry does not name the request: %s", main)
	}
}

// The register holds although the program may be wrong.
func TestDatabaseKeepsTheRegister(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.enters(t, demand())
	ctx := context.Background()
	insert := `INSERT INTO disclosure (id, entry, version, ground, outcome, asked_on, entered_by, approved_by, at)
		VALUES ($1, $1, 1, 'good faith', 'open', '2026-11-20', $2, $3, now())`
	for name, approver := range map[string]any{"nobody": nil, "the same": o.me.ID} {
		if _, err := o.Pool.Exec(ctx, insert, uuid.New(), o.me.ID, approver); err == nil || !strings.Contains(err.Error(), "disclosure_good_faith") {
			t.Errorf("approved by %s: %v", name, err)
		}
	}
	for _, sql := range []string{
		`UPDATE disclosure SET ground = 'law'`, `DELETE FROM disclosure`, `UPDATE disclosure_words SET demand = 'x'`,
		`UPDATE disclosure_person SET person_id = NULL`, `DELETE FROM disclosure_person`,
	} {
		if _, err := o.Pool.Exec(ctx, sql); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	owner := pgtest.Admin(t, o.Pool)
	for _, sql := range []string{`UPDATE disclosure SET ground = 'law'`, `DELETE FROM disclosure`} {
		if _, err := owner.Exec(ctx, sql); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s as the owner: %v", sql, err)
		}
	}
}

// Who approved a disclosure in good faith may complete its entry, and stays the approver; nobody becomes one of what they
// entered at first or correct.
func TestApproverCorrectsTheRegister(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ann, ben, cat := o.officer(t, account.Reviewer), o.officer(t, account.Alliance), o.officer(t, account.Marketer)
	o.cookie = ann.cookie
	path := o.enters(t, demand("ground", "good faith", "approver", ben.ID.String()))
	correct := func(by clerk, approver account.Account, more ...string) *httptest.ResponseRecorder {
		t.Helper()
		o.cookie = by.cookie
		v := demand(append(more, "ground", "good faith", "approver", approver.ID.String())...)
		maps.Copy(v, o.hidden(t, path+"/correct"))
		return o.ask(http.MethodPost, path+"/correct", v)
	}
	if w := correct(ben, ben.Account, "telling", "told", "told_on", "2026-11-22"); w.Code != http.StatusSeeOther {
		t.Fatalf("the approver: %d: %s", w.Code, words(document(t, w, w.Code).Find(".errors")))
	}
	main := words(document(t, o.ask(http.MethodGet, path, nil), http.StatusOK).Find("#d-facts + dl"))
	for _, part := range []string{"Approved by" + ben.Name, "Entered23 November 2026, 09:00 CST, " + ann.Name, "Corrected23 November 2026, 09:00 CST, " + ben.Name} {
		if !strings.Contains(main, part) {
			t.Errorf("the entry lacks %q: %s", part, main)
		}
	}
	for name, c := range map[string]struct {
		by       clerk
		approver account.Account
	}{"who entered it": {cat, ann.Account}, "who entered it, themselves": {ann, ann.Account}, "who corrects": {cat, cat.Account}} {
		w := correct(c.by, c.approver)
		if got := words(document(t, w, http.StatusUnprocessableEntity).Find(".errors")); !strings.Contains(got, "Choose one of the answers") {
			t.Errorf("%s as the approver: %s", name, got)
		}
		entry := strings.TrimPrefix(path, "/staff/disclosures/")
		if _, err := o.Pool.Exec(t.Context(), `
			INSERT INTO disclosure (id, entry, version, ground, outcome, asked_on, entered_by, approved_by, at)
			VALUES (gen_random_uuid(), $1, 3, 'good faith', 'open', '2026-11-20', $2, $3, now())`, entry, c.by.ID, c.approver.ID,
		); err == nil || !strings.Contains(err.Error(), "nobody approves what they entered") {
			t.Errorf("%s as the approver, to the database: %v", name, err)
		}
	}
	if err := o.accounts.Disable(t.Context(), ben.ID); err != nil {
		t.Fatal(err)
	}
	if w := correct(ann, ben.Account); w.Code != http.StatusSeeOther {
		t.Errorf("after the approver left: %d", w.Code)
	}
}

// Who gave the reason in good faith, although in a correction, does not approve it later.
func TestReasonIsApprovedByAnother(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ann, ben, cat := o.officer(t, account.Reviewer), o.officer(t, account.Alliance), o.officer(t, account.Marketer)
	o.cookie = ann.cookie
	path := o.enters(t, demand())
	correct := func(by, approver clerk) *httptest.ResponseRecorder {
		t.Helper()
		o.cookie = by.cookie
		v := demand("ground", "good faith", "approver", approver.ID.String())
		maps.Copy(v, o.hidden(t, path+"/correct"))
		return o.ask(http.MethodPost, path+"/correct", v)
	}
	if w := correct(ben, cat); w.Code != http.StatusSeeOther {
		t.Fatalf("the reason: %d", w.Code)
	}
	if w := correct(ann, ben); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("who gave the reason, as the approver: %d", w.Code)
	}
	if _, err := o.Pool.Exec(t.Context(), `
		INSERT INTO disclosure (id, entry, version, ground, outcome, asked_on, entered_by, approved_by, at)
		VALUES (gen_random_uuid(), $1, 3, 'good faith', 'open', '2026-11-20', $2, $3, now())`,
		strings.TrimPrefix(path, "/staff/disclosures/"), ann.ID, ben.ID,
	); err == nil || !strings.Contains(err.Error(), "nobody approves what they entered") {
		t.Errorf("who gave the reason, as the approver, to the database: %v", err)
	}
	if w := correct(ann, cat); w.Code != http.StatusSeeOther {
		t.Errorf("who approved it: %d", w.Code)
	}
}

// A second click of an approver who turns the entry to a rule of law is answered as the first.
func TestSecondClickOfTheApprover(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ann, ben := o.officer(t, account.Reviewer), o.officer(t, account.Alliance)
	o.cookie = ann.cookie
	path := o.enters(t, demand("ground", "good faith", "approver", ben.ID.String()))
	o.cookie = ben.cookie
	v := demand("approver", ben.ID.String())
	maps.Copy(v, o.hidden(t, path+"/correct"))
	for click := 1; click <= 2; click++ {
		if w := o.ask(http.MethodPost, path+"/correct", v); w.Code != http.StatusSeeOther {
			t.Errorf("click %d: %d: %s", click, w.Code, words(document(t, w, w.Code).Find(".errors")))
		}
	}
}

// clerk is a colleague, signed in.
type clerk struct {
	account.Account
	cookie *http.Cookie
}

// officer is a privacy officer who is called by another role.
func (o *office) officer(t *testing.T, also account.Role) (c clerk) {
	t.Helper()
	c.Account, c.cookie = accounttest.Staff(t, o.accounts, o.Now(), also, account.Privacy)
	return c
}

func TestProhibitionHidesUntilItsDay(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ada := o.person(t, "ada@example.com")
	path := o.enters(t, demand("telling", "silent", "silent_until", "2026-11-25"))
	if got := o.exported(t, ada); strings.Contains(got, "Circuit Court") {
		t.Errorf("told too early: %s", got)
	}
	if main := words(document(t, o.ask(http.MethodGet, path, nil), http.StatusOK).Find("main")); !strings.Contains(main, "Not before 25 Nov 2026") {
		t.Errorf("the officer sees %s", main)
	}
	o.Advance(36 * time.Hour) // the 24th in Chicago, at 21:00: the 25th in London
	if got := o.exported(t, ada); strings.Contains(got, "Circuit Court") {
		t.Error("told on the eve")
	}
	o.Advance(4 * time.Hour)
	if got := o.exported(t, ada); !strings.Contains(got, `"by":"Circuit Court, 2026 L 004711"`) || !strings.Contains(got, `"given":"Name and address`) {
		t.Errorf("on the day: %s", got)
	}
	if got := o.exported(t, o.person(t, "bob@example.com")); strings.Contains(got, "Circuit Court") {
		t.Error("somebody else is told")
	}
}

// Who is in a file for a demand is told of the file once the prohibition has ended, also where the entry was corrected since
// and no longer names them.
func TestProhibitionHidesFilesUntilItsDay(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ada := o.person(t, "ada@example.com")
	path := o.enters(t, demand("telling", "silent", "silent_until", "2026-11-25"))
	if _, err := o.Pool.Exec(t.Context(), `
		WITH e AS (
			INSERT INTO export (id, kind, purpose, recipient, demand, reason, fields, filter, count, sha256, account_id, role, at, expires_at)
			VALUES ($1, 'submissions', 'internal', 'legal demand', $2, 'demand', '{}', '{}', 1, sha256('x'), $3, 'privacy', $4,
				$4::timestamptz + interval '1 day') RETURNING id)
		INSERT INTO export_person (export_id, row, person_id, filled) SELECT id, 1, $5, true FROM e`,
		uuid.New(), path[len(path)-36:], o.me.ID, o.Now(), ada); err != nil {
		t.Fatal(err)
	}
	corrected := demand("telling", "silent", "silent_until", "2026-11-25", "people", "bob@example.com")
	maps.Copy(corrected, o.hidden(t, path+"/correct"))
	if w := o.ask(http.MethodPost, path+"/correct", corrected); w.Code != http.StatusSeeOther {
		t.Fatalf("correct: %d", w.Code)
	}
	if got := o.exported(t, ada); strings.Contains(got, "legal demand") {
		t.Errorf("told too early: %s", got)
	}
	o.Advance(48 * time.Hour)
	if got := o.exported(t, ada); !strings.Contains(got, `"recipient":"legal demand"`) {
		t.Errorf("on the day: %s", got)
	}
}

// Words go with the last person whom they are about; that there was a demand stays.
func TestErasureReachesTheRegister(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ctx := t.Context()
	both := o.enters(t, demand("requester", "Court of both", "people", "ada@example.com\nbob@example.com"))
	ada, bob := o.person(t, "ada@example.com"), o.person(t, "bob@example.com") // known only after the demand
	one := o.enters(t, demand("requester", "Court of one"))
	eraser := o.eraser(t)
	erase := func(who uuid.UUID) (told bool) {
		t.Helper()
		report, err := eraser.Erase(ctx, who)
		if err != nil || !report.Done {
			t.Fatalf("%+v, %v", report, err)
		}
		return slices.ContainsFunc(report.Kept, func(r privacy.Remnant) bool { return strings.HasPrefix(r.What, "that the law demanded data") })
	}
	left := func() (addresses []string, requesters []string) {
		t.Helper()
		for sql, list := range map[string]*[]string{
			`SELECT address FROM disclosure_person WHERE address IS NOT NULL ORDER BY 1`: &addresses,
			`SELECT requester FROM disclosure_words ORDER BY 1`:                          &requesters,
		} {
			rows, err := o.Pool.Query(ctx, sql)
			if err != nil {
				t.Fatal(err)
			}
			if *list, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
				t.Fatal(err)
			}
		}
		return addresses, requesters
	}
	if !erase(ada) {
		t.Error("it is not told that an entry stays")
	}
	addresses, requesters := left()
	if diff := cmp.Diff([][]string{addresses, requesters}, [][]string{{"bob@example.com"}, {"Court of both"}}); diff != "" {
		t.Errorf("after the first (-got +want):\n%s", diff)
	}
	if main := words(document(t, o.ask(http.MethodGet, one, nil), http.StatusOK).Find("main")); !strings.Contains(main, "An erased person") {
		t.Errorf("the entry about one: %s", main)
	}
	if main := words(document(t, o.ask(http.MethodGet, both, nil), http.StatusOK).Find("main")); !strings.Contains(main, "bob@example.com") {
		t.Errorf("the entry about both: %s", main)
	}
	if erase(bob) {
		t.Error("somebody who was named by address alone is told of an entry that nothing links to them any more")
	}
	addresses, requesters = left()
	if len(addresses)+len(requesters) > 0 {
		t.Errorf("after the second: %v, %v", addresses, requesters)
	}
	if list, err := privacy.Disclosures(ctx, o.Pool); err != nil || len(list) != 2 {
		t.Errorf("%d entries, %v", len(list), err)
	}
}

// An entry stays about the person, and is erased with them, whichever of their addresses it names.
func TestErasureReachesEarlierAddresses(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ctx := t.Context()
	before := o.enters(t, demand("requester", "Court before"))
	ada := o.person(t, "ada@example.com")
	for _, email := range []string{"ada@king.example", "ada@lovelace.example"} {
		if err := pgx.BeginFunc(ctx, o.Pool, func(tx pgx.Tx) error { return o.Desk.People.ChangeAddress(ctx, tx, ada, email) }); err != nil {
			t.Fatal(err)
		}
	}
	after := o.enters(t, demand("requester", "Court after"))
	for _, path := range []string{before, after} {
		if main := words(document(t, o.ask(http.MethodGet, path, nil), http.StatusOK).Find("main")); !strings.Contains(main, "ada@lovelace.example") {
			t.Errorf("the entry leads to nobody: %s", main)
		}
	}
	if got := o.exported(t, ada); !strings.Contains(got, "Court before") || !strings.Contains(got, "Court after") {
		t.Errorf("exported: %s", got)
	}
	if _, err := o.eraser(t).Erase(ctx, ada); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := o.Pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM disclosure_words) + (SELECT count(*) FROM disclosure_person WHERE address IS NOT NULL)
			+ (SELECT count(*) FROM former_address)`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows with words or addresses are left, %v", left, err)
	}
	for _, email := range []string{"ada@example.com", "ada@king.example"} { // a stranger's from now on
		if _, err := o.Desk.People.FindFormer(ctx, email); !errors.Is(err, person.ErrNotFound) {
			t.Errorf("%s: %v", email, err)
		}
	}
}

// What was written beside an exported list goes with the first whom it may be about; why it left stays.
func TestErasureReachesWordsOfExports(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ctx := t.Context()
	ada := o.person(t, "ada@example.com")
	if _, err := o.Pool.Exec(ctx, `
		INSERT INTO submission (id, person_id, kind, status, subject, reference, name, channel, created_at, purge_after)
		VALUES (gen_random_uuid(), $1, 'contact', 'new', '', 'CC-11111-11111', 'Ada Lovelace', 'form', $2, '2028-01-01')`, ada, o.Now()); err != nil {
		t.Fatal(err)
	}
	for body, who := range map[string][]uuid.UUID{
		"with her in it": {ada, o.person(t, "bob@example.com")}, "without her, at the wish of ADA LOVELACE": nil, "of others": {o.person(t, "cy@example.com")},
	} {
		id := uuid.New()
		if _, err := o.Pool.Exec(ctx, `
			INSERT INTO export (id, kind, purpose, recipient, reason, fields, filter, count, sha256, account_id, role, at, expires_at)
			VALUES ($1, 'submissions', 'service', 'own department', 'other', '{}', '{}', 0, sha256('x'), $2, 'reviewer', $3, $3::timestamptz + interval '1 day')`,
			id, o.me.ID, o.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Pool.Exec(ctx, `INSERT INTO export_words (export_id, body) VALUES ($1, $2)`, id, body); err != nil {
			t.Fatal(err)
		}
		for i, p := range who {
			if _, err := o.Pool.Exec(ctx, `
				INSERT INTO export_person (export_id, row, person_id, filled) VALUES ($1, $2, $3, true)`, id, i+1, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := o.eraser(t).Erase(ctx, ada); err != nil {
		t.Fatal(err)
	}
	var left string
	var exports int
	if err := o.Pool.QueryRow(ctx, `SELECT (SELECT string_agg(body, ', ') FROM export_words), (SELECT count(*) FROM export WHERE reason = 'other')`).
		Scan(&left, &exports); err != nil || left != "of others" || exports != 3 {
		t.Errorf("left: %q beside %d exports, %v", left, exports, err)
	}
}

func TestCountsComeLateAndInBands(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ctx := t.Context()
	for i := range 11 {
		day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
		if i == 0 {
			day = time.Date(2027, 1, 4, 0, 0, 0, 0, time.UTC)
		}
		if _, err := o.Pool.Exec(ctx, `
			INSERT INTO disclosure (id, entry, version, ground, outcome, asked_on, entered_by, at)
			VALUES ($1, $1, 1, 'law', 'open', $2, $1, $3)`, uuid.New(), day, o.Now()); err != nil {
			t.Fatal(err)
		}
	}
	shown := func() string {
		return words(document(t, o.Get("/privacy/inventory"), http.StatusOK).Find("#disclosures"))
	}
	if got := shown(); !strings.Contains(got, "No half year is old enough yet") || !strings.Contains(got, "The next figure appears on 1 July 2027") {
		t.Errorf("now: %s", got)
	}
	o.Advance(time.Date(2027, 7, 1, 4, 0, 0, 0, time.UTC).Sub(o.Now()))
	if got := shown(); !strings.Contains(got, "No half year is old enough yet") {
		t.Errorf("an hour too early: %s", got)
	}
	o.Advance(2 * time.Hour)
	if got := shown(); !strings.Contains(got, "July to December 202610–49 demands") || strings.Contains(got, "January to June 2027") {
		t.Errorf("half a year later: %s", got)
	}
	o.Advance(366 * 24 * time.Hour)
	if got := shown(); !strings.Contains(got, "January to June 20271–9 demands") || !strings.Contains(got, "July to December 2027None recorded") {
		t.Errorf("a year later: %s", got)
	}
	if w := o.Get("/privacy/inventory.json"); !strings.Contains(w.Body.String(), `"demands": "10–49"`) {
		t.Errorf("for programs: %.300s", w.Body)
	}
}

// What was closed 24 months ago goes, and the published count stays.
func TestOldEntriesGo(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	ctx := t.Context()
	owner := pgtest.Admin(t, o.Pool)
	old := time.Now().AddDate(-3, 0, 0)
	for _, told := range []any{old, nil} {
		id := uuid.New()
		if _, err := owner.Exec(ctx, `
			INSERT INTO disclosure (id, entry, version, ground, outcome, asked_on, answered_on, told_on, entered_by, at)
			VALUES ($1, $1, 1, 'law', 'all', $2, $2, $3, $1, $4)`, id, old, told, old); err != nil {
			t.Fatal(err)
		}
	}
	o.Advance(time.Since(o.Now()))
	if _, err := privacy.NewRetainer(privacy.RetainerConfig{Eraser: o.eraser(t)}).Run(ctx); err != nil {
		t.Fatal(err)
	}
	list, err := privacy.Disclosures(ctx, o.Pool)
	if err != nil || len(list) != 1 || list[0].ToldOn != nil {
		t.Errorf("%+v, %v", list, err)
	}
	var n int
	if err := o.Pool.QueryRow(ctx, `SELECT n FROM disclosure_past`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d counted, %v", n, err)
	}
}
