package demo_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
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
	"clickcommerce.com/site/internal/demo"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/web"
)

// bench is a desk with the example demonstrations.
type bench struct {
	*activitytest.Bench
	t    *testing.T
	room *demo.Room
}

func newBench(t *testing.T, changes ...func(*activity.Config)) *bench {
	t.Helper()
	b := &bench{t: t}
	b.Bench = activitytest.New(t, nil, func(d *activitytest.Bench) activity.Activities {
		b.room = demo.New(demo.Config{Desk: d.Desk, Content: d.Content, Publish: publish.New(d.Desk), Web: web.FS})
		return activity.Activities{b.room.Activity()}
	}, changes...)
	if err := b.room.Demo(t.Context(), web.FS); err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	film    = "/demos/a-dealer-quotes-and-orders"
	request = film + "/request"
)

func (b *bench) filled(wants string) url.Values {
	b.t.Helper()
	w := b.Get(request)
	if w.Code != http.StatusOK {
		b.t.Fatalf("GET %s: %d %s", request, w.Code, w.Body)
	}
	values := activitytest.Hidden(w.Body.String())
	f, err := b.room.Activity().Form(b.t.Context(), uuid.Nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for name, list := range activitytest.Examples(f) {
		values[name] = list
	}
	values.Set("wants", wants)
	return values
}

// sent sends the form and returns the receipt's address and record.
func (b *bench) sent(wants string) (string, submission.Record) {
	b.t.Helper()
	w := b.Post(request, b.filled(wants))
	address := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther {
		b.t.Fatalf("POST %s: %d\n%s", request, w.Code, w.Body)
	}
	id, err := b.Store.ByToken(strings.TrimPrefix(address, "/r/"))
	if err != nil {
		b.t.Fatal(err)
	}
	rec, err := b.Store.Get(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return address, rec
}

func document(t *testing.T, w *httptest.ResponseRecorder) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestPages(t *testing.T) {
	b := newBench(t)
	if err := b.room.Demo(t.Context(), web.FS); err != nil { // loaded twice is loaded once
		t.Fatal(err)
	}
	list := document(t, b.Get("/demos"))
	if n := list.Find("section img").Length(); n != 4 {
		t.Errorf("%d pictures in the list", n)
	}
	page := b.Get(film)
	body := page.Body.String()
	if page.Code != http.StatusOK || !strings.Contains(body, "two bolts, left side") || !strings.Contains(body, "0:13") {
		t.Errorf("the page lacks transcript or chapters: %d", page.Code)
	}
	for _, page := range []string{body, b.Get("/demos").Body.String(), b.Get(request).Body.String()} {
		if strings.Contains(page, ".webm") || strings.Contains(page, "<video") {
			t.Error("a public page leads to the film")
		}
	}
	for _, path := range []string{"/demos/none", "/demos/none/request"} {
		if w := b.Get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	docs, err := b.room.Documents(t.Context())
	if err != nil || len(docs) != 4 {
		t.Errorf("%d documents, %v", len(docs), err)
	}
}

func TestEmptyForm(t *testing.T) {
	b := newBench(t)
	w := b.Post(request, activitytest.Hidden(b.Get(request).Body.String()))
	doc := document(t, w)
	var links []string
	doc.Find(".errors a").Each(func(_ int, a *goquery.Selection) { links = append(links, a.AttrOr("href", "")) })
	if diff := cmp.Diff(links, []string{"#f-name", "#f-email", "#f-wants-0"}); diff != "" || w.Code != http.StatusUnprocessableEntity {
		t.Errorf("%d: %s", w.Code, diff)
	}
	if title := doc.Find("title").Text(); !strings.HasPrefix(title, "Error: ") {
		t.Errorf("title %q", title)
	}
}

func TestFilmOpensByReceiptAlone(t *testing.T) {
	b := newBench(t)
	address, rec := b.sent("film")
	if rec.Status != "film" || rec.Subject != "A dealer quotes and orders" {
		t.Errorf("status %q, subject %q", rec.Status, rec.Subject)
	}
	if mails := b.Mails(t); len(mails) != 1 {
		t.Errorf("%d mails, want the confirmation alone: a film is nobody's task", len(mails))
	}
	if b.room.Activity().Fill == nil {
		t.Error("what staff take by phone gets no status of its own")
	}
	receipt := b.Get(address)
	if len(receipt.Header().Values("Set-Cookie")) > 0 {
		t.Error("the receipt sets a cookie")
	}
	doc := document(t, receipt)
	source := doc.Find("video[controls] source").AttrOr("src", "")
	track := doc.Find("video track[kind=captions]").AttrOr("src", "")
	if source != address+"/film" || track != address+"/film.vtt" || doc.Find(".transcript p").Length() < 3 {
		t.Fatalf("film %q, captions %q", source, track)
	}
	w := b.Get(source)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "video/webm" || w.Header().Get("Cache-Control") != "no-store" ||
		w.Header().Get("Set-Cookie") != "" || !strings.HasPrefix(w.Body.String(), "\x1a\x45\xdf\xa3") {
		t.Errorf("film: %d %v", w.Code, w.Header())
	}
	whole := w.Body.Len()
	r := httptest.NewRequest(http.MethodGet, source, nil)
	r.Header.Set("Range", "bytes=1000-")
	if w := b.Do(r); w.Code != http.StatusPartialContent || w.Body.Len() != whole-1000 {
		t.Errorf("range: %d, %d of %d bytes", w.Code, w.Body.Len(), whole)
	}
	if w := b.Get(track); !strings.HasPrefix(w.Body.String(), "WEBVTT\n") || !strings.Contains(w.Body.String(), "Six digits can be read.") {
		t.Errorf("captions: %s", w.Body)
	}
	for _, path := range []string{
		"/r/forged/film", address[:20] + "AAAA" + address[24:] + "/film", "/static/film/a-dealer-quotes-and-orders.webm",
		"/content/film/a-dealer-quotes-and-orders.webm", "/film/a-dealer-quotes-and-orders.webm",
	} {
		if w := b.Get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := b.Post(address+"/withdraw", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("withdraw: %d", w.Code)
	}
	for _, path := range []string{source, track} {
		if w := b.Get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s after withdrawal: %d", path, w.Code)
		}
	}
	if doc := document(t, b.Get(address)); doc.Find("video").Length() > 0 {
		t.Error("the receipt of a withdrawn request shows the film")
	}
}

func TestLiveRequestIsSomebodysTask(t *testing.T) {
	b := newBench(t)
	address, rec := b.sent("live")
	body := b.Get(address).Body.String()
	if rec.Status != "new" || !strings.Contains(body, "<video") || !strings.Contains(body, "26 November 2026") { // three working days
		t.Errorf("status %q; receipt: %s", rec.Status, body)
	}
	if want := b.Now().AddDate(0, 18, 0).Format("2006-01-02"); rec.PurgeAfter.Format("2006-01-02") != want {
		t.Errorf("deleted after %s, want %s", rec.PurgeAfter, want)
	}
	if mails := b.Mails(t); len(mails) != 2 {
		t.Errorf("%d mails, want a confirmation and a notice", len(mails))
	}
}

// Who is asked about a live demonstration and then wants the film alone waits for nobody any more.
func TestAnswerMayAskForTheFilmAlone(t *testing.T) {
	b := newBench(t)
	address, rec := b.sent("live")
	if err := b.Store.Move(t.Context(), rec.ID, submission.Change{From: []string{"new"}, To: activity.Asked, By: submission.System}); err != nil {
		t.Fatal(err)
	}
	edit := address + "/edit/" + b.Desk.Grant(rec, time.Hour)
	values := b.filled("film")
	maps.Copy(values, activitytest.Hidden(b.Get(edit).Body.String()))
	values.Set("wants", "film")
	if w := b.Post(edit, values); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	now, err := b.Store.Get(t.Context(), rec.ID)
	if err != nil || now.Status != "film" {
		t.Errorf("status %q, %v", now.Status, err)
	}
	if body := b.Get(address).Body.String(); strings.Contains(body, "three possible times") {
		t.Error("the receipt promises a live demonstration")
	}
}

// A film that staff took off the site stays open for those who asked for it, and for nobody else.
func TestWithdrawnDemonstration(t *testing.T) {
	b := newBench(t)
	address, _ := b.sent("film")
	if _, err := b.Pool.Exec(t.Context(), `UPDATE demo SET state = 'withdrawn'`); err != nil {
		t.Fatal(err)
	}
	b.Advance(61e9)
	for path, want := range map[string]int{film: 404, request: 404, address + "/film": 200} {
		if w := b.Get(path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if w := b.Post(request, url.Values{}); w.Code != http.StatusNotFound {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestStaffEdit(t *testing.T) {
	b := newBench(t)
	now := b.Now()
	who := &account.Session{
		Account: account.Account{ID: uuid.Must(uuid.NewV7()), Name: "Max", Kind: account.Staff}, Kind: account.Staff,
		Roles: []account.Role{account.Marketer}, TOTPAt: &now,
	}
	if _, err := b.Pool.Exec(t.Context(), `
		INSERT INTO account (id, email, name, kind, created_at) VALUES ($1, 'max@example.com', 'Max', 'staff', $2)`,
		who.Account.ID, now); err != nil {
		t.Fatal(err)
	}
	staff := chi.NewRouter()
	staff.Route("/staff", b.room.Activity().Staff)
	do := func(method, path string, v url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(v.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		staff.ServeHTTP(w, r.WithContext(account.With(r.Context(), who)))
		return w
	}
	v := activitytest.Hidden(do(http.MethodGet, "/staff/demos/new", nil).Body.String())
	for name, text := range map[string]string{
		"title": "Returns without forms", "family": "/products/service-parts", "summary": "A part comes back.", "body": "Text",
		"minutes_live": "45", "film": "one-study-two-boards", "chapters": "0:00 | Start | A bench\n0:20 | End | The same bench",
		"captions": "0:00 | 0:20 | Words\n0:20 | 0:41 | More", "transcript": "Words. More.",
	} {
		v.Set(name, text)
	}
	broken := url.Values{}
	for name, list := range v {
		broken[name] = list
	}
	broken.Set("chapters", "0:05 | Late | x")
	broken.Set("minutes_live", "one")
	if w := do(http.MethodPost, "/staff/demos/new", broken); w.Code != http.StatusUnprocessableEntity ||
		!strings.Contains(w.Body.String(), "the first chapter begins at 0:00") || !strings.Contains(w.Body.String(), "Enter a number of minutes") {
		t.Errorf("broken: %d %s", w.Code, document(t, w).Find(".errors").Text())
	}
	w := do(http.MethodPost, "/staff/demos/new", v)
	path, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	if w.Code != http.StatusSeeOther {
		t.Fatalf("new: %d %s", w.Code, w.Body)
	}
	if w := b.Get("/demos/returns-without-forms"); w.Code != http.StatusNotFound {
		t.Errorf("a draft is public: %d", w.Code)
	}
	edit := do(http.MethodGet, path, nil).Body.String()
	if !strings.Contains(edit, "0:20 | End | The same bench") {
		t.Error("the edit page lacks the chapters")
	}
	if w := do(http.MethodGet, path+"/preview", nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "41 seconds") {
		t.Errorf("preview: %d", w.Code)
	}
	if w := do(http.MethodPost, path+"/publish", url.Values{"version": {"1"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("publish: %d", w.Code)
	}
	if w := b.Get("/demos/returns-without-forms"); w.Code != http.StatusOK {
		t.Errorf("published: %d", w.Code)
	}
	if err := b.room.Demo(t.Context(), web.FS); err != nil {
		t.Fatal(err)
	}
}

// TestHeldDemonstrationsAreClosedTogether holds that what was answered by an appointment needs no page of its own to end,
// and that what was not answered does.
func TestHeldDemonstrationsAreClosedTogether(t *testing.T) {
	t.Parallel()
	for _, s := range newBench(t).room.Activity().Statuses {
		for _, m := range s.Moves {
			if m.Close != (s.Value == "arranged" && m.To == "held") {
				t.Errorf("from %s to %s: closes %t", s.Value, m.To, m.Close)
			}
		}
	}
}
