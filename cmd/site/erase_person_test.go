package main

import (
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/internal/staff"
	"clickcommerce.com/site/internal/submission"
)

// What a marked person is known by: each word they type holds "zqooqz", as do their addresses, of which two are former ones.
const (
	firstAddress  = "zqooqz.first@marked.example.com"
	secondAddress = "zqooqz.second@marked.example.com"
	markedAddress = "zqooqz.person@marked.example.com"
	nextAddress   = "zqooqz.new@marked.example.com" // waits for its button
	markedPhone   = "+1 312 555 0187"
)

// life is what is done by, for and about one person.
type life struct {
	t       *testing.T
	a       *app
	server  *httptest.Server
	who     uuid.UUID
	records []submission.Record
	staff   account.Account // an officer and reviewer at once
	office  desk
}

// everything sends every form of the site for one person, and has staff and the person do all that can be done. version
// is a statement that is not published yet.
func everything(t *testing.T, a *app, server *httptest.Server, version string) uuid.UUID {
	t.Helper()
	l := &life{t: t, a: a, server: server}
	var cookie *http.Cookie
	l.staff, cookie = accounttest.Staff(t, a.accounts, a.now(), account.Privacy, account.Marketer, account.Reviewer, account.Recruiter, account.Alliance)
	l.office = desk{a.front(), cookie}
	l.isDemanded("Zqooqzcourt before", firstAddress)
	l.changesAddresses()
	l.sendsForms()
	l.isDemanded("Zqooqzcourt after", firstAddress, markedAddress)
	l.isDealtWith()
	l.chooses()
	l.signsIn()
	l.corrects()
	l.fetches()
	l.isAnnouncedTo()
	l.isExported()
	l.isHeld()
	l.isToldOf(version)
	l.leavesUnfinished()
	return l.who
}

func (l *life) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) exec(sql string, args ...any) {
	l.t.Helper()
	_, err := l.a.pool.Exec(l.t.Context(), sql, args...)
	l.must(err)
}

// wants asks staff's pages, and wants a status.
func (l *life) wants(status int, method, path string, values url.Values) *httptest.ResponseRecorder {
	l.t.Helper()
	w := l.office.ask(method, path, values)
	if w.Code != status {
		l.t.Fatalf("%s %s: %d: %.2000s", method, path, w.Code, parsed(l.t, w.Result()).Find("main").Text())
	}
	return w
}

// posts sends a form as the person.
func (l *life) posts(path string, values url.Values, cookies ...*http.Cookie) *http.Response {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, l.server.URL+path, strings.NewReader(values.Encode()))
	l.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range cookies {
		req.AddCookie(c)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	l.must(err)
	if resp.StatusCode >= http.StatusBadRequest {
		l.t.Fatalf("POST %s: %d: %s", path, resp.StatusCode, parsed(l.t, resp).Find("main").Text())
	}
	l.must(resp.Body.Close())
	return resp
}

// mailed is the newest link of a form that was mailed to an address.
func (l *life) mailed(to string, link *regexp.Regexp) (found string) {
	l.t.Helper()
	deliver(l.t, l.a)
	names, err := filepath.Glob(filepath.Join(l.a.cfg.VarDir, "mail", "*.eml"))
	l.must(err)
	var newest time.Time
	for _, name := range names {
		raw, err := os.ReadFile(name)
		l.must(err)
		info, err := os.Stat(name)
		l.must(err)
		text := strings.ReplaceAll(string(raw), "=\r\n", "")
		if x := link.FindString(text); x != "" && strings.Contains(text, "To: <"+to+">") && !info.ModTime().Before(newest) {
			found, newest = x, info.ModTime()
		}
	}
	if found == "" {
		l.t.Fatalf("%s was not mailed to %s", link, to)
	}
	return found
}

// changesAddresses begins under another address and changes it twice: by the page of rights, and by an account.
func (l *life) changesAddresses() {
	l.t.Helper()
	ctx := l.t.Context()
	f := contactForm(l.t, l.server)
	sendMarkedFrom(l.t, l.server, f, firstAddress)
	for _, f := range findForms(l.t, l.server) {
		if f.address == "/privacy/requests" {
			sendMarkedFrom(l.t, l.server, f, firstAddress)
		}
	}
	p, err := l.a.people.Find(ctx, firstAddress)
	l.must(err)
	l.who = p.ID
	records, err := l.a.store.OfPerson(ctx, p.ID)
	l.must(err)
	request := records[slices.IndexFunc(records, func(r submission.Record) bool { return r.Kind == privacy.Kind })]
	asked := records[slices.IndexFunc(records, func(r submission.Record) bool { return r.Kind != privacy.Kind })]
	l.posts("/privacy/requests/"+l.a.store.Token(request.ID), url.Values{
		"act": {"address"}, "grant": {l.a.desk.Grant(request, time.Hour)}, "reference": {asked.Reference}, "email": {secondAddress},
	})
	l.posts(l.mailed(secondAddress, regexp.MustCompile(`/privacy/address/[\w-]+`)), nil)

	_, cookie := accounttest.Customer(l.t, l.a.accounts, l.a.pool, l.who, secondAddress, l.a.now())
	l.posts("/connect/address", url.Values{"email": {markedAddress}}, cookie)
	l.posts(l.mailed(markedAddress, regexp.MustCompile(`/connect/address/[\w-]+`)), nil, cookie)
	if p, err = l.a.people.Get(ctx, l.who); err != nil || p.Email != markedAddress {
		l.t.Fatalf("the address is %s, %v", p.Email, err)
	}
}

func (l *life) sendsForms() {
	l.t.Helper()
	sent := 0
	for _, f := range findForms(l.t, l.server) {
		if seal, err := form.OpenSeal(l.a.ring, f.hidden.Get(form.SealField)); err != nil || len(seal.Nonce) > 0 {
			continue // an anonymous answer leads to nobody, so an erasure can't find it
		}
		if resp := sendMarked(l.t, l.server, f); resp.StatusCode == http.StatusSeeOther || resp.StatusCode == http.StatusOK {
			sent++
		}
	}
	if sent < len(l.a.desk.Activities()) {
		l.t.Fatalf("only %d forms were taken", sent)
	}
	var err error
	l.records, err = l.a.store.OfPerson(l.t.Context(), l.who)
	l.must(err)
	kinds := map[string]bool{}
	for _, r := range l.records {
		kinds[r.Kind] = true
	}
	for _, kind := range l.a.desk.Activities().Kinds() {
		if !kinds[kind] {
			l.t.Errorf("the person has nothing of kind %s", kind)
		}
	}
}

// of is the newest record of a kind.
func (l *life) of(kind string) submission.Record {
	l.t.Helper()
	i := slices.IndexFunc(l.records, func(r submission.Record) bool { return r.Kind == kind })
	if i < 0 {
		l.t.Fatalf("nothing of kind %s", kind)
	}
	return l.records[i]
}

func (l *life) by() submission.Actor {
	return submission.Actor{ID: l.staff.ID, Role: string(account.Privacy)}
}

// isDealtWith has staff note, read, answer and hold back what was sent, and the person answer.
func (l *life) isDealtWith() {
	l.t.Helper()
	ctx, a, by := l.t.Context(), l.a, l.by()
	for _, r := range l.records {
		l.must(a.store.AddNote(ctx, r.ID, by, "Zqooqznote: seems to know us."))
		l.must(a.store.Read(ctx, r.ID, by))
		l.must(a.store.Send(ctx, r.ID, by, mail.Message{Template: "letter", Data: mail.Letter{
			Subject: "Zqooqzletter", Name: "Zqooqzname", Paragraphs: []string{"Dear Zqooqzname, thank you."},
		}}))
		l.posts(a.desk.ReceiptPath(r.ID)+"/message", url.Values{"message": {"Zqooqzreply to you"}})
		resp, err := http.PostForm(l.server.URL+a.desk.ReceiptPath(r.ID)+"/code", nil) // after some, too many at once
		l.must(err)
		l.must(resp.Body.Close())
	}
	apart := l.records[0]
	l.must(a.store.Quarantine(ctx, []uuid.UUID{apart.ID}, by))
	l.must(a.misuse.Add(ctx, staff.Flag{
		ID: uuid.New(), Person: l.who, Submission: uuid.NullUUID{UUID: apart.ID, Valid: true}, Kind: "abuse",
		Evidence: "Zqooqzevidence", Officer: l.staff.ID, At: a.now(),
	}, by, markedAddress, mail.Conduct{Evidence: "Zqooqzevidence", ObjectURL: "/r/x"}))
	l.exec(`INSERT INTO webinar_mailing (submission_id, kind, at) VALUES ($1, 'reminder', now())`, l.of("webinar").ID)
	l.exec(`INSERT INTO survey_counted (submission_id) VALUES ($1)`, l.of("survey").ID)
	l.wants(http.StatusSeeOther, http.MethodPost, "/staff/people/"+l.who.String()+"/opt-out", url.Values{
		"purpose": {"product_news"}, "channel": {"phone"}, "way": {"phone"}, "reason": {"never"},
	})
}

// chooses agrees, refuses, and asks for what is never confirmed.
func (l *life) chooses() {
	l.t.Helper()
	ctx := l.t.Context()
	l.must(pgx.BeginFunc(ctx, l.a.pool, func(tx pgx.Tx) error { return l.a.people.Confirm(ctx, tx, l.who, math.MaxInt64) }))
	statement, err := l.a.statements.InForce()
	l.must(err)
	record := func(e consent.Event) {
		l.t.Helper()
		e.Statement = statement.ID
		l.must(pgx.BeginFunc(ctx, l.a.pool, func(tx pgx.Tx) error { return l.a.ledger.Record(ctx, tx, l.who, e) }))
	}
	record(consent.Event{Purpose: consent.Newsletter, Channel: consent.ByEmail, Granted: true, Wording: "Yes.", Origin: consent.FromPreferences})
	record(consent.Event{Purpose: consent.Promotion, Channel: consent.ByEmail, Wording: "No.", Origin: consent.FromPreferences})
	record(consent.Event{
		Purpose: consent.Survey, Channel: consent.ByPost, Granted: true, Wording: "Send me.", Origin: consent.FromConnect,
		Point: "1 Zqooqzstreet\nZqooqztown",
	})
	record(consent.Event{
		Purpose: consent.Survey, Channel: consent.ByPhone, Granted: true, Wording: "Call me.", Origin: consent.FromConnect, Point: "+13125550187",
	})
}

// signsIn remembers a computer, asks for a new password, and leaves a new address waiting.
func (l *life) signsIn() {
	l.t.Helper()
	owner, err := l.a.accounts.OfPerson(l.t.Context(), l.who)
	l.must(err)
	l.posts("/connect/sign-in", url.Values{"email": {markedAddress}, "password": {accounttest.Password}, "remember": {"yes"}})
	l.posts("/connect/reset", url.Values{"email": {markedAddress}})
	l.exec(`INSERT INTO access_term (account_id, families) VALUES ($1, '{}') ON CONFLICT DO NOTHING`, owner.ID)
	l.exec(`
		INSERT INTO new_address (person_id, id, email, created_at, expires_at) VALUES ($1, $2, $3, now(), now() + interval '1 day')`,
		l.who, uuid.New(), nextAddress)
}

// corrects sends another version of an answer.
func (l *life) corrects() {
	l.t.Helper()
	rec := l.of("contact")
	path := l.a.desk.ReceiptPath(rec.ID) + "/edit/" + l.a.desk.Grant(rec, time.Hour)
	resp, err := http.Get(l.server.URL + path)
	l.must(err)
	f := readForm(path, parsed(l.t, resp))
	f.values.Set("question", "What was meant by it.")
	if resp := sendMarked(l.t, l.server, f); resp.StatusCode != http.StatusSeeOther {
		l.t.Fatalf("correct: %d", resp.StatusCode)
	}
	versions, err := l.a.store.Versions(l.t.Context(), rec.ID)
	if err != nil || len(versions) != 2 {
		l.t.Fatalf("%d versions, %v", len(versions), err)
	}
}

func (l *life) fetches() {
	l.t.Helper()
	l.posts(l.mailed(markedAddress, regexp.MustCompile(`/downloads/get/[\w.-]+`)), nil)
}

// isAnnouncedTo gets an issue of the newsletter, and stands in a list of calls and in one of letters.
func (l *life) isAnnouncedTo() {
	l.t.Helper()
	version := regexp.MustCompile(`name="version" value="(\d+)"`)
	for channel, purpose := range map[string]string{"email": "newsletter", "phone": "survey", "post": "survey"} {
		id := uuid.NewString()
		l.wants(http.StatusSeeOther, http.MethodPost, "/staff/announce/new", url.Values{
			"id": {id}, "purpose": {purpose}, "channel": {channel}, "subject": {"The part that nobody counted"}, "body": {"A depot had four hundred pumps."},
		})
		press := func(status int, button string) {
			l.t.Helper()
			page := l.wants(http.StatusOK, http.MethodGet, "/staff/announce/"+id, nil).Body.String()
			m := version.FindStringSubmatch(page)
			if m == nil {
				m = []string{"", ""}
			}
			l.wants(status, http.MethodPost, "/staff/announce/"+id+"/"+button, url.Values{"version": {m[1]}})
		}
		press(http.StatusSeeOther, "schedule")
		if channel != "email" {
			press(http.StatusOK, "list")
		}
	}
	for range 2 { // it ends once all have left
		for _, w := range l.a.workers() {
			if w.Name == "announce" {
				l.must(w.Run(l.t.Context()))
			}
		}
		deliver(l.t, l.a)
	}
	var sent int
	l.must(l.a.pool.QueryRow(l.t.Context(), `
		SELECT count(*) FROM message WHERE person_id = $1 AND purpose = 'newsletter' AND state = 'sent'`, l.who).Scan(&sent))
	if sent == 0 {
		l.t.Error("no issue was sent to the person")
	}
}

// isExported stands in a list, and is named in the words beside another.
func (l *life) isExported() {
	l.t.Helper()
	name := l.of("contact").Name
	for purpose, words := range map[string]string{"newsletter": "Zqooqzexport", "promotion": "As " + name + " asked"} {
		l.wants(http.StatusOK, http.MethodPost, "/staff/exports/contacts", url.Values{
			"purpose": {purpose}, "channel": {"email"}, "recipient": {"own department"}, "reason": {"other"}, "words": {words},
		})
	}
	l.wants(http.StatusOK, http.MethodPost, "/staff/exports/submissions", url.Values{
		"purpose": {"service"}, "recipient": {"own department"}, "reason": {"work"}, "field": {"name", "email"},
	})
}

// isDemanded enters what a court asks about addresses.
func (l *life) isDemanded(requester string, addresses ...string) {
	l.t.Helper()
	today := l.a.now().In(clock.Zone()).Format(time.DateOnly)
	page := parsed(l.t, l.wants(http.StatusOK, http.MethodGet, "/staff/disclosures/new", nil).Result())
	values := url.Values{
		"requester": {requester}, "asked_on": {today}, "demand": {"All that Zqooqzname wrote"}, "ground": {"law"},
		"basis": {"735 ILCS 5/2-1101"}, "outcome": {"part"}, "answered_on": {today}, "given": {"The name Zqooqzname"},
		"people": {strings.Join(addresses, "\n")}, "telling": {"later"},
	}
	page.Find("form input[type=hidden]").Each(func(_ int, s *goquery.Selection) { values.Set(s.AttrOr("name", ""), s.AttrOr("value", "")) })
	l.wants(http.StatusSeeOther, http.MethodPost, "/staff/disclosures/new", values)
}

// isHeld holds the person and a record for a while, and restricts another record.
func (l *life) isHeld() {
	l.t.Helper()
	for scope, about := range map[string]string{"person": markedAddress, "record": l.of("contact").Reference} {
		place(l.t, l.office, url.Values{"scope": {scope}, "about": {about}, "ground": {"Zqooqzground: the claim of Zqooqzname."}})
	}
	lift := regexp.MustCompile(`/staff/holds/[\w-]{36}/lift`)
	for _, path := range lift.FindAllString(l.wants(http.StatusOK, http.MethodGet, "/staff/holds", nil).Body.String(), -1) {
		l.wants(http.StatusSeeOther, http.MethodPost, path, nil)
	}
	page := parsed(l.t, l.wants(http.StatusOK, http.MethodGet, "/staff/restrictions", nil).Result())
	l.wants(http.StatusSeeOther, http.MethodPost, "/staff/restrictions", url.Values{
		"about": {l.of("demo").Reference}, "ground": {page.Find("[name=ground][value!='']").First().AttrOr("value", "")},
	})
}

// isToldOf is told of a new use of what was sent, and objects.
func (l *life) isToldOf(version string) {
	l.t.Helper()
	l.wants(http.StatusSeeOther, http.MethodPost, "/staff/statements/"+version, url.Values{"sure": {"yes"}, "on": {version}})
	l.a.pages.Invalidate() // as a server that watches does
	deliver(l.t, l.a)
	l.posts(l.a.privacy.ObjectionPath(l.who), nil)
	var objected bool
	l.must(l.a.pool.QueryRow(l.t.Context(), `
		SELECT bool_and(delivered_at IS NOT NULL AND objected_at IS NOT NULL) FROM notice WHERE person_id = $1 HAVING count(*) > 0`, l.who).Scan(&objected))
	if !objected {
		l.t.Error("the person was not told, or could not object")
	}
}

// leavesUnfinished leaves a letter that waits, a choice that is not proven, and an upload without its form.
func (l *life) leavesUnfinished() {
	l.t.Helper()
	ctx := l.t.Context()
	l.must(l.a.store.Index(ctx))
	deliver(l.t, l.a)
	l.must(l.a.store.Send(ctx, l.records[1].ID, l.by(), mail.Message{
		Template: "letter", NotBefore: l.a.now().Add(time.Hour), Data: mail.Letter{Subject: "Zqooqzlater", Paragraphs: []string{"Zqooqz."}},
	}))
	l.posts("/preferences/"+l.a.ring.Token("preferences", l.who), url.Values{"start": {"product_news email"}})
	staged, err := l.a.files.Stage(ctx, file.Upload{
		Name: "zqooqz.txt", Reader: strings.NewReader("Zqooqz."), Accept: []file.Type{file.TXT}, Max: 1000, Field: "resume",
	})
	l.must(err)
	if staged.Name != "zqooqz.txt" {
		l.t.Errorf("staged as %s", staged.Name)
	}
}
