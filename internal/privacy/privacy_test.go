package privacy_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/contact"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/newsletter"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/web"
)

type house struct {
	*activitytest.Bench
	room *privacy.Room
}

// bench has the room beside two real activities and stand-ins for the kinds of the statement that they leave out.
func bench(t *testing.T, more ...activity.Activity) house {
	t.Helper()
	var h house
	h.Bench = activitytest.New(t, privacy.Templates(), func(b *activitytest.Bench) activity.Activities {
		h.room = privacy.New(privacy.Config{Desk: b.Desk, Content: b.Content, Web: web.FS})
		list := activity.Activities{newsletter.New(b.Desk, b.Content), contact.New(b.Desk, b.Content), h.room.Activity()}
		for _, kind := range []string{"access", "alliance", "career", "demo", "download", "survey", "webinar"} {
			list = append(list, standIn(kind, form.Field{Name: "email", Label: "Email address", Kind: form.Email, Why: "To answer."}))
		}
		return append(list, more...)
	})
	return h
}

func standIn(kind string, fields ...form.Field) activity.Activity {
	return activity.Activity{
		Kind: kind, Title: "Kind " + kind, Path: "/contact", Statuses: []activity.Status{{Value: "new"}},
		Form: func(context.Context, uuid.UUID) (form.Form, error) { return form.Form{Kind: kind, Fields: fields}, nil },
	}
}

func document(t *testing.T, w *httptest.ResponseRecorder, status int) *goquery.Document {
	t.Helper()
	if w.Code != status {
		t.Fatalf("got %d, want %d:\n%.800s", w.Code, status, w.Body)
	}
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func words(s *goquery.Selection) string { return strings.Join(strings.Fields(s.Text()), " ") }

func TestStatement(t *testing.T) {
	h := bench(t)
	doc := document(t, h.Get("/privacy"), http.StatusOK)
	var ids []string
	doc.Find("article.clause").Each(func(_ int, s *goquery.Selection) {
		id := s.AttrOr("id", "")
		ids = append(ids, id)
		if words(s.Find(".plain")) == "" || words(s.Find(".prose")) == "" || s.Find(`.plain a[href^="/privacy/promises#"]`).Length() == 0 {
			t.Errorf("clause %s lacks plain words, text or promises", id)
		}
		if doc.Find(`nav a[href="#`+id+`"]`).Length() != 1 {
			t.Errorf("clause %s does not stand in the contents", id)
		}
	})
	if len(ids) < 20 || !slices.Contains(ids, "opt-out") {
		t.Errorf("clauses: %v", ids)
	}
	ways := words(doc.Find("#opt-out .facts"))
	for _, way := range []string{"Link", "Mail", "Post", "100 Example Plaza", "Phone", "+1 312 555 0142"} {
		if !strings.Contains(ways, way) {
			t.Errorf("the ways to opt out lack %q: %s", way, ways)
		}
	}
	if text := words(doc.Find("main")); !strings.Contains(text, "Version of 18 November 2026, in force") || strings.Contains(text, "Promises:") {
		t.Error("the page does not name its version, or shows the markers of the file")
	}
}

func TestQuestionsByMailOnEveryPrivacyPage(t *testing.T) {
	h := bench(t)
	const mailto = "mailto:click.legal@clickcommerce.com?subject=Privacy%20Statement%20Question"
	titles := map[string]string{}
	for _, path := range []string{
		"/privacy", "/privacy/versions", "/privacy/versions/2026-11-01", "/privacy/versions/2006-12-05", "/privacy/promises",
		"/privacy/inventory", "/privacy/requests", "/cookies",
	} {
		doc := document(t, h.Get(path), http.StatusOK)
		found := false
		doc.Find("main a").Each(func(_ int, a *goquery.Selection) { found = found || a.AttrOr("href", "") == mailto })
		if !found || doc.Find("h1").Length() != 1 {
			t.Errorf("%s: mail for questions %t, %d headings", path, found, doc.Find("h1").Length())
		}
		title := doc.Find("title").First().Text()
		if titles[title] != "" {
			t.Errorf("%s and %s share a title", path, titles[title])
		}
		titles[title] = path
	}
	if w := h.Get("/privacy/versions/2031-01-01"); w.Code != http.StatusNotFound {
		t.Errorf("a version that is not published: %d", w.Code)
	}
	if w := h.Get("/privacy/question"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/privacy/requests?want=question" {
		t.Errorf("/privacy/question: %d to %s", w.Code, w.Header().Get("Location"))
	}
}

func TestClauses(t *testing.T) {
	for name, tt := range map[string]struct{ body, want string }{
		"no id":           {"## Ownership\n", `clause "Ownership" has no id`},
		"the same id":     {"## A {#a}\n\n> x\n\ny\n\nPromises: P-1\n\n## B {#a}\n", "two clauses have the id a"},
		"no plain words":  {"## A {#a}\n\ny\n\nPromises: P-1\n", "clause a lacks plain words, text or promises"},
		"unknown promise": {"## A {#a}\n\n> x\n\ny\n\nPromises: P-99\n", "clause a names the unknown promise P-99"},
	} {
		if err := privacy.Verify(tt.body); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	lead, clauses, err := privacy.Clauses("Before.\n\n## A title {#a}\n\n> Plain\n> words.\n\nText.\n\n> Quoted later.\n\nPromises: P-1, A-2\n")
	want := []privacy.Clause{{ID: "a", Title: "A title", Plain: "Plain words.", Text: "Text.\n\n> Quoted later.", Promises: []string{"P-1", "A-2"}}}
	if diff := cmp.Diff(clauses, want); diff != "" || lead != "Before." || err != nil {
		t.Errorf("lead %q, %v, clauses (-got +want):\n%s", lead, err, diff)
	}
	ids, err := consent.Drafts(web.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		draft, err := consent.ReadDraft(web.FS, id)
		if err != nil {
			t.Fatal(err)
		}
		if err := privacy.Verify(draft.Body); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// kinds are those of which the statements that come with the program speak.
func kinds() []string {
	return []string{"access", "alliance", "career", "contact", "demo", "download", "newsletter", "privacy", "survey", "webinar"}
}

func TestPublish(t *testing.T) {
	pool := pgtest.New(t)
	ctx := context.Background()
	s, err := privacy.Publish(ctx, pool, web.FS, privacy.Publication{ID: "2026-11-01", At: activitytest.Start(), Role: "system", Kinds: kinds()})
	if err != nil || s.ID != "2026-11-01" {
		t.Fatalf("%s, %v", s.ID, err)
	}
	if _, err := privacy.Publish(ctx, pool, web.FS, privacy.Publication{ID: "2026-11-01", At: activitytest.Start(), Role: "system", Kinds: kinds()}); err == nil {
		t.Error("a version was published twice")
	}
	faulty := fstest.MapFS{"privacy/2027-01-01.md": {Data: []byte("---\nid: \"2027-01-01\"\neffective_on: 2027-01-01\ntitle: T\n" +
		"summary_of_change: S\nuses:\n  - {activity: contact, purpose: service, data: [x], recipient: own department, retention: y, basis: z}\n---\n## No id\n")}}
	if _, err := privacy.Publish(ctx, pool, faulty, privacy.Publication{ID: "2027-01-01", At: activitytest.Start(), Role: "system", Kinds: kinds()}); err == nil {
		t.Error("a faulty text was published")
	}
}

// What the promises, P-2 and P-9 say cannot be published can't.
func TestFaultyUsesAreNotPublished(t *testing.T) {
	t.Parallel()
	good := consent.Use{
		Activity: "contact", Purpose: "service", Data: []string{"name"}, Recipient: "own department", Retention: "18 months", Basis: "your request",
	}
	for want, change := range map[string]func(*consent.Use){
		"":                  func(*consent.Use) {},
		"unknown basis":     func(u *consent.Use) { u.Basis = "legitimate interest, no consent needed" },
		"no time limit":     func(u *consent.Use) { u.Retention = "" },
		"unknown recipient": func(u *consent.Use) { u.Recipient = "partners" },
		"unknown activity":  func(u *consent.Use) { u.Activity = "raffle" },
		"unknown purpose":   func(u *consent.Use) { u.Purpose = "profiling" },
	} {
		u := good
		change(&u)
		if got := fmt.Sprint(privacy.VerifyUses([]consent.Use{u}, []string{"alliance", "contact"})); want == "" && got != "<nil>" || !strings.Contains(got, want) {
			t.Errorf("want %q, got %q", want, got)
		}
	}
	faulty, err := fs.ReadFile(web.FS, "privacy/2026-11-01.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(faulty), "2026-11-01", "2027-01-01", 1)
	i := strings.Index(text, "    basis: ")
	text = text[:i] + "    basis: \"\"" + text[i+strings.IndexByte(text[i:], '\n'):]
	pool := pgtest.New(t)
	files := fstest.MapFS{"privacy/2027-01-01.md": {Data: []byte(text)}}
	if _, err := privacy.Publish(context.Background(), pool, files, privacy.Publication{ID: "2027-01-01", At: activitytest.Start(), Role: "system", Kinds: kinds()}); err == nil || !strings.Contains(err.Error(), "unknown basis") {
		t.Errorf("a use without a basis: %v", err)
	}
	if _, err := privacy.Publish(context.Background(), pool, web.FS, privacy.Publication{ID: "2026-11-01", At: activitytest.Start(), Role: "system", Kinds: kinds()}); err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{"basis", "retention"} {
		_, err := pool.Exec(context.Background(), `
			INSERT INTO statement_use (version, activity, purpose, data, recipient, retention, basis)
			SELECT version, 'raffle', purpose, data, recipient, CASE $1 WHEN 'retention' THEN '' ELSE 'x' END,
				CASE $1 WHEN 'basis' THEN '' ELSE 'x' END
			FROM statement_use WHERE version = '2026-11-01' LIMIT 1`, column)
		if err == nil || !strings.Contains(err.Error(), "statement_use_said") {
			t.Errorf("an empty %s: %v", column, err)
		}
	}
}

func TestNotice(t *testing.T) {
	h := bench(t)
	at := func(day string) time.Time {
		t.Helper()
		when, err := time.Parse("2006-01-02 15:04", day)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for day, want := range map[string]string{
		"2026-10-20 18:00": "A new version takes effect on 18 November 2026. /privacy/changes/2006-12-05...2026-11-18",
		"2026-11-18 18:00": "A new version has applied since 18 November 2026. /privacy/changes/2006-12-05...2026-11-18",
		"2027-01-30 18:00": "A new version has applied since 18 November 2026. /privacy/changes/2006-12-05...2026-11-18", // the ninetieth day of the first of three
		"2027-02-01 18:00": "A new version has applied since 18 November 2026. /privacy/changes/2026-11-01...2026-11-18",
		"2027-02-16 18:00": "A new version has applied since 18 November 2026. /privacy/changes/2026-11-16...2026-11-18", // the ninetieth day
		"2027-02-17 05:59": "A new version has applied since 18 November 2026. /privacy/changes/2026-11-16...2026-11-18", // its last minute in Chicago
		"2027-02-17 06:00": "",
	} {
		h.Advance(at(day).Sub(h.Now()))
		got := ""
		if n := h.room.Notice(context.Background()); n != nil {
			got = n.Text + " " + n.Path
		}
		if got != want {
			t.Errorf("%s: %q, want %q", day, got, want)
		}
	}
}

func TestRequest(t *testing.T) {
	h := bench(t)
	doc := document(t, h.Get("/privacy/requests"), http.StatusOK)
	if n := doc.Find(".consents").Length(); n != 0 {
		t.Error("the form for rights offers consents")
	}
	if doc.Find("input[name=want][checked]").Length() != 0 {
		t.Error("an answer is chosen beforehand")
	}
	doc = document(t, h.Get("/privacy/requests?want=stop"), http.StatusOK)
	if got := doc.Find("input[name=want][checked]").AttrOr("value", ""); got != "stop" {
		t.Errorf("a link that names the request chooses %q", got)
	}
	seal := activitytest.Hidden(h.Get("/privacy/requests").Body.String())
	post := func(values url.Values) *httptest.ResponseRecorder {
		for name, list := range seal {
			values[name] = list
		}
		return h.Post("/privacy/requests", values)
	}
	links := func(w *httptest.ResponseRecorder) (list []string) {
		document(t, w, http.StatusUnprocessableEntity).Find(".errors a").Each(func(_ int, a *goquery.Selection) {
			list = append(list, a.AttrOr("href", ""))
		})
		return list
	}
	if diff := cmp.Diff(links(post(url.Values{})), []string{"#f-want-0", "#f-email"}); diff != "" {
		t.Errorf("empty form (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(links(post(url.Values{"want": {"correct"}, "email": {"ada@example.com"}})), []string{"#f-details"}); diff != "" {
		t.Errorf("a correction without words (-got +want):\n%s", diff)
	}
	w := post(url.Values{"want": {"erase"}, "email": {"ada@example.com"}})
	if w.Code != http.StatusSeeOther {
		t.Fatalf("POST: %d", w.Code)
	}
	receipt := words(document(t, h.Get(w.Header().Get("Location")), http.StatusOK).Find("main"))
	if !strings.Contains(receipt, "by 23 December 2026") {
		t.Errorf("the receipt does not name the day a month from now: %s", receipt)
	}
	if mails := strings.Join(h.Mails(t), "\n"); !strings.Contains(mails, "privacy@example.com") || !strings.Contains(mails, "ada@example.com") {
		t.Error("the privacy officer or the sender was not written to")
	}
}

// TestRefusalNamesAuthorities holds that a refusal says whom to complain to in words that staff can't leave out, and that
// these are those of the statement.
func TestRefusalNamesAuthorities(t *testing.T) {
	h := bench(t)
	status, _ := h.room.Activity().Status("new")
	i := slices.IndexFunc(status.Moves, func(m activity.Move) bool { return m.To == "declined" })
	refuse := status.Moves[i]
	if !refuse.Grounds || len(h.Pages.Site().Authorities) == 0 {
		t.Error("the letter names no reason, or there is nobody to complain to")
	}
	statement, err := h.Desk.Statements.InForce()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range h.Pages.Site().Authorities {
		if !strings.Contains(refuse.Ending, a.URL) || !strings.Contains(statement.Body, a.URL) {
			t.Errorf("%s is not in the letter, or not in the statement", a.URL)
		}
	}
}

func TestDueMonthEndsWithTheMonth(t *testing.T) {
	s := activity.Status{DueMonths: 1}
	for from, want := range map[string]string{
		"2027-01-31": "28 February 2027", "2028-01-30": "29 February 2028", "2026-11-23": "23 December 2026", "2026-12-31": "31 January 2027",
	} {
		when, err := time.ParseInLocation(time.DateOnly, from, clock.Zone())
		if err != nil {
			t.Fatal(err)
		}
		if got := s.By(when); got != want {
			t.Errorf("from %s: %s, want %s", from, got, want)
		}
	}
}

var link = regexp.MustCompile(`http://example\.test(/[\w/-]+)`)
