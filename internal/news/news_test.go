package news_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/news"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/web"
)

const first = "/news/repair-stages-in-parts-plan"

// house is the news pages with the demo items, and staff to write more.
type house struct {
	*activitytest.Bench
	t      *testing.T
	room   *news.Room
	staff  http.Handler
	people map[string]*account.Session
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, people: map[string]*account.Session{}}
	h.Bench = activitytest.New(t, nil, func(b *activitytest.Bench) activity.Activities {
		h.room = news.New(b.Desk, publish.New(b.Desk), b.Content)
		return nil
	})
	h.room.Public(h.Router)
	for range 2 { // run twice: it changes nothing the second time
		if err := h.room.Demo(t.Context(), web.FS); err != nil {
			t.Fatal(err)
		}
	}
	for name, role := range map[string]account.Role{"Max": account.Marketer, "Rita": account.Reviewer} {
		a := account.Account{ID: uuid.Must(uuid.NewV7()), Name: name, Kind: account.Staff}
		_, err := h.Pool.Exec(t.Context(), `INSERT INTO account (id, email, name, kind, created_at) VALUES ($1, $2, $3, 'staff', $4)`,
			a.ID, strings.ToLower(name)+"@example.com", name, h.Now())
		if err != nil {
			t.Fatal(err)
		}
		now := h.Now()
		h.people[name] = &account.Session{Account: a, Kind: account.Staff, Roles: []account.Role{role}, TOTPAt: &now}
	}
	r := chi.NewRouter()
	r.Route("/staff", h.room.Staff)
	h.staff = r
	return h
}

// as sends a request as one of the staff.
func (h *house) as(who, method, path string, values url.Values) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(values.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if s := h.people[who]; s != nil {
		r = r.WithContext(account.With(r.Context(), s))
	}
	w := httptest.NewRecorder()
	h.staff.ServeHTTP(w, r)
	return w
}

func want(t *testing.T, w *httptest.ResponseRecorder, status int, words ...string) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d\n%s", w.Code, status, w.Body)
	}
	for _, word := range words {
		if !strings.Contains(w.Body.String(), word) {
			t.Errorf("%q is missing in\n%s", word, w.Body)
		}
	}
}

// write makes an item and returns its staff address.
func (h *house) write(title, body string) string {
	h.t.Helper()
	v := activitytest.Hidden(h.as("Max", "GET", "/staff/news/new", nil).Body.String())
	for name, value := range map[string]string{"title": title, "summary": "In short.", "body": body, "author": "management"} {
		v.Set(name, value)
	}
	w := h.as("Max", "POST", "/staff/news/new", v)
	want(h.t, w, 303)
	path, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	return path
}

func (h *house) post(path string, v url.Values) {
	h.t.Helper()
	v.Set("version", activitytest.Hidden(h.as("Max", "GET", strings.TrimSuffix(path, "/publish"), nil).Body.String()).Get("version"))
	want(h.t, h.as("Max", "POST", path, v), 303)
	h.Pages.Invalidate()
}

func TestPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := h.Get("/news")
	want(t, w, 200, "Newest", "Repair stages now count as supply", "A new privacy statement", "2026", `href="/news.atom"`)
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if n := doc.Find(".rows.dated li").Length(); n != 5 {
		t.Errorf("%d items below the newest, want 5", n)
	}
	want(t, h.Get(first), 200, "What changes for planners", "The product teams", "19 November 2026", "A new privacy statement")
	want(t, h.Get("/news/none"), 404)
	want(t, h.Get("/news?after=none"), 404)
	docs, err := h.room.Documents(t.Context())
	if err != nil || len(docs) != 6 || docs[0].Path != first {
		t.Errorf("documents: %+v, %v", docs, err)
	}
}

func TestArticle(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc, err := goquery.NewDocumentFromReader(h.Get(first).Body)
	if err != nil {
		t.Fatal(err)
	}
	var article map[string]any
	doc.Find(`script[type="application/ld+json"]`).Each(func(_ int, s *goquery.Selection) {
		var d map[string]any
		if err := json.Unmarshal([]byte(s.Text()), &d); err != nil {
			t.Error(err)
		}
		if d["@type"] == "NewsArticle" {
			article = d
		}
	})
	got := []any{article["headline"], article["url"], article["datePublished"]}
	if diff := cmp.Diff(got, []any{
		"Repair stages now count as supply in the parts plan", "http://example.test" + first, "2026-11-19T15:00:00Z",
	}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

type feed struct {
	XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string   `xml:"id"`
	Updated string   `xml:"updated"`
	Links   []struct {
		Rel  string `xml:"rel,attr"`
		Href string `xml:"href,attr"`
	} `xml:"link"`
	Entries []struct {
		ID        string `xml:"id"`
		Title     string `xml:"title"`
		Updated   string `xml:"updated"`
		Published string `xml:"published"`
		Content   struct {
			Type string `xml:"type,attr"`
			Text string `xml:",chardata"`
		} `xml:"content"`
	} `xml:"entry"`
}

func (h *house) feed() feed {
	h.t.Helper()
	w := h.Get("/news.atom")
	want(h.t, w, 200)
	if got := w.Header().Get("Content-Type"); got != "application/atom+xml; charset=utf-8" {
		h.t.Errorf("Content-Type %q", got)
	}
	var f feed
	if err := xml.Unmarshal(w.Body.Bytes(), &f); err != nil {
		h.t.Fatalf("%v\n%s", err, w.Body)
	}
	return f
}

func TestFeed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.feed()
	if len(f.Entries) != 6 || f.Updated != "2026-11-19T15:00:00Z" || f.Links[0].Rel != "self" || f.Links[0].Href != "http://example.test/news.atom" {
		t.Errorf("feed: %d entries, updated %s, links %v", len(f.Entries), f.Updated, f.Links)
	}
	e := f.Entries[0]
	if e.Content.Type != "html" || !strings.Contains(e.Content.Text, "<h2") || !regexp.MustCompile(`^urn:uuid:`).MatchString(e.ID) {
		t.Errorf("entry: %+v", e)
	}
	h.Advance(48 * time.Hour)
	if err := h.room.Demo(t.Context(), web.FS); err != nil {
		t.Fatal(err)
	}
	h.Pages.Invalidate()
	if again := h.feed(); again.ID != f.ID || again.Entries[0].ID != e.ID {
		t.Error("the ids changed")
	}
}

func TestCorrection(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := h.write("Better & <better>", "Words *of weight*.\n\n<script>alert(1)</script>")
	edit := func(body string) {
		h.post(path, url.Values{
			"title": {"Better & <better>"}, "slug": {"better-better"}, "summary": {"In short."}, "body": {body}, "author": {"management"},
		})
	}
	want(t, h.Get("/news/better-better"), 404)
	want(t, h.as("Max", "GET", path+"/preview", nil), 200, "Only staff see this page", "<em>of weight</em>")
	edit("Words before.")
	h.post(path+"/publish", url.Values{})
	w := h.Get("/news/better-better")
	want(t, w, 200, "Better &amp; &lt;better&gt;", "Words before.", "Management")
	if strings.Contains(w.Body.String(), "Changed") {
		t.Error("what was changed before it was public counts as a correction")
	}
	at := h.feed().Entries[0]
	h.Advance(72 * time.Hour)
	h.post(path, url.Values{
		"title": {"Better & <better>"}, "slug": {"better-better"}, "summary": {"In short."}, "body": {"Words before."}, "author": {"privacy"},
	})
	h.Pages.Invalidate()
	if strings.Contains(h.Get("/news/better-better").Body.String(), "Changed") {
		t.Error("another author counts as other words")
	}
	edit("Words after.")
	want(t, h.Get("/news/better-better"), 200, "Words after.", "Changed", "26 November 2026")
	now := h.feed().Entries[0]
	if now.ID != at.ID || now.Published != at.Published || now.Updated == at.Updated || now.Title != "Better & <better>" {
		t.Errorf("entry was %+v, is %+v", at, now)
	}
	if err := h.room.Demo(t.Context(), web.FS); err != nil {
		t.Fatal(err)
	}
}

func TestScheduled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := h.write("Later", "Words.")
	h.post(path+"/publish", url.Values{"publish-date": {"2026-11-24"}, "publish-time": {"08:00"}})
	want(t, h.Get("/news/later"), 404)
	if n := len(h.feed().Entries); n != 6 {
		t.Errorf("%d entries before its time", n)
	}
	h.Advance(24 * time.Hour)
	h.Pages.Invalidate()
	want(t, h.Get("/news/later"), 200, "24 November 2026")
}

func TestPaging(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i := range 36 {
		_, err := h.Pool.Exec(t.Context(), `
			INSERT INTO news (id, slug, title, summary, body, state, publish_at)
			VALUES ($1, $2, $3, '', '', 'published', $4)`, uuid.New(), fmt.Sprint("n", i), fmt.Sprint("Item ", i), h.Now().AddDate(-1, 0, -i/3))
		if err != nil {
			t.Fatal(err)
		}
	}
	older := regexp.MustCompile(`class="older" href="([^"]+)"`)
	link := regexp.MustCompile(`(?:<h3>|class="actions">)<a[^>]* href="(/news/[^"]+)"`)
	seen := map[string]bool{}
	pages := 0
	for path := "/news"; path != ""; pages++ {
		w := h.Get(path)
		want(t, w, 200)
		for _, m := range link.FindAllStringSubmatch(w.Body.String(), -1) {
			if seen[m[1]] {
				t.Errorf("%s stands twice", m[1])
			}
			seen[m[1]] = true
		}
		path = ""
		if m := older.FindStringSubmatch(w.Body.String()); m != nil {
			path = m[1]
		}
	}
	if len(seen) != 42 || pages != 3 {
		t.Errorf("%d items on %d pages, want 42 on 3", len(seen), pages)
	}
}

func TestRights(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for who, status := range map[string]int{"Max": 200, "Rita": 403, "": 403} {
		if got := h.as(who, "GET", "/staff/news", nil).Code; got != status {
			t.Errorf("%q: %d, want %d", who, got, status)
		}
	}
	want(t, h.as("Max", "GET", "/staff/news", nil), 200, "The privacy officer")
	w := h.as("Max", "POST", "/staff/news/new", url.Values{"id": {uuid.NewString()}})
	want(t, w, 422, "Please fill in: Title", "Please choose: Written by")
}
