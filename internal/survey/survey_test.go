package survey_test

import (
	"context"
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
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/survey"
	"clickcommerce.com/site/web"
)

const (
	named     = "/surveys/after-your-demonstration"
	anonymous = "/surveys/using-this-site"
	over      = "/surveys/webinar-habits"
)

// house is the surveys' pages, with the demo surveys and staff to look after them.
type house struct {
	*activitytest.Bench
	t      *testing.T
	room   *survey.Room
	staff  http.Handler
	people map[string]*account.Session
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, people: map[string]*account.Session{}}
	h.Bench = activitytest.New(t, nil, func(b *activitytest.Bench) activity.Activities {
		h.room = survey.New(b.Desk, publish.New(b.Desk), b.Content)
		return activity.Activities{h.room.Activity()}
	})
	for range 2 { // run twice: it changes nothing the second time
		if err := h.room.Demo(t.Context(), web.FS); err != nil {
			t.Fatal(err)
		}
	}
	for name, role := range map[string]account.Role{"Max": account.Marketer, "Rita": account.Reviewer, "Al": account.Alliance} {
		h.hire(name, role)
	}
	r := chi.NewRouter()
	r.Route("/staff", h.room.Activity().Staff)
	h.staff = r
	return h
}

func (h *house) hire(name string, role account.Role) {
	h.t.Helper()
	a := account.Account{ID: uuid.Must(uuid.NewV7()), Name: name, Kind: account.Staff}
	h.exec(`INSERT INTO account (id, email, name, kind, created_at) VALUES ($1, $2, $3, 'staff', $4)`,
		a.ID, strings.ToLower(name)+"@example.com", name, h.Now())
	now := h.Now()
	h.people[name] = &account.Session{Account: a, Kind: account.Staff, Roles: []account.Role{role}, TOTPAt: &now}
}

func (h *house) exec(sql string, args ...any) {
	h.t.Helper()
	if _, err := h.Pool.Exec(h.t.Context(), sql, args...); err != nil {
		h.t.Fatal(err)
	}
}

func scan[T any](h *house, sql string, args ...any) T {
	h.t.Helper()
	var v T
	if err := h.Pool.QueryRow(h.t.Context(), sql, args...).Scan(&v); err != nil {
		h.t.Fatal(err)
	}
	return v
}

func (h *house) id(path string) uuid.UUID {
	return scan[uuid.UUID](h, `SELECT id FROM survey WHERE slug = $1`, strings.TrimPrefix(path, "/surveys/"))
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
	h.CheckTitle(r, w)
	return w
}

func want(t *testing.T, w *httptest.ResponseRecorder, status int, words ...string) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d\n%s", w.Code, status, gist(w))
	}
	for _, word := range words {
		if !strings.Contains(w.Body.String(), word) {
			t.Errorf("%q is missing in\n%s", word, gist(w))
		}
	}
}

func lacks(t *testing.T, w *httptest.ResponseRecorder, words ...string) {
	t.Helper()
	for _, word := range words {
		if strings.Contains(w.Body.String(), word) {
			t.Errorf("%q is there", word)
		}
	}
}

// walk sends the pages of a survey one after the other, as a browser would, and returns the last answer.
func (h *house) walk(path string, change func(url.Values)) (*httptest.ResponseRecorder, url.Values) {
	h.t.Helper()
	a, _ := h.Desk.Activities().Find(survey.Kind)
	f, err := a.Form(context.Background(), h.id(path))
	if err != nil {
		h.t.Fatal(err)
	}
	return h.walkForm(path, f, change)
}

func (h *house) walkForm(path string, f form.Form, change func(url.Values)) (*httptest.ResponseRecorder, url.Values) {
	h.t.Helper()
	w := h.Get(path)
	want(h.t, w, http.StatusOK)
	answers := activitytest.Examples(f)
	if change != nil {
		change(answers)
	}
	for range f.Steps() {
		values := activitytest.Hidden(w.Body.String())
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(w.Body.String()))
		if err != nil {
			h.t.Fatal(err)
		}
		for name, list := range answers {
			if doc.Find(`form [name="`+name+`"]:not([type=hidden])`).Length() > 0 {
				values[name] = list
			}
		}
		w = h.Post(path, values)
		if w.Code != http.StatusOK {
			return w, values
		}
		answers.Del("nothing")
	}
	return w, answers
}

func TestPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	want(t, h.Get("/surveys"), 200, "Using this web site", "Anonymous", "9 questions", "What came of earlier ones", "How you like to learn")
	want(t, h.Get(named), 200, "Step 1 of 4", "What you saw", "Continue")
	lacks(t, h.Get(named), "Anonymous survey", `name="email"`)
	want(t, h.Get(anonymous), 200, "Anonymous survey", "What anonymous means here", "Step 1 of 2")
	want(t, h.Get(over), 200, "takes no more answers")
	want(t, h.Get(anonymous+"/thanks"), 200, "Thank you", `content="noindex"`)
	for _, path := range []string{named + "/thanks", named + "/results", over + "/results", "/surveys/nothing", "/surveys/nothing/results"} {
		want(t, h.Get(path), 404)
	}
	docs, err := h.room.Documents(t.Context())
	if err != nil || len(docs) != 3 {
		t.Errorf("%d documents, %v", len(docs), err)
	}
	if ids, err := h.room.Subjects(t.Context()); err != nil || len(ids) != 3 {
		t.Errorf("%d subjects, %v; want the 3 open ones", len(ids), err)
	}
	h.exec(`UPDATE survey SET state = 'withdrawn' WHERE slug = 'using-this-site'`)
	h.Pages.Invalidate()
	want(t, h.Get(anonymous), 404)
	want(t, h.Post(anonymous, url.Values{}), 404)
}

func TestEmptyFormSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for path, fields := range map[string][]string{
		named: {"#f-q_family-0", "#f-q_form-0"}, anonymous: {"#f-q_reason-0", "#f-q_found-0"},
	} {
		w := h.Post(path, activitytest.Hidden(h.Get(path).Body.String()))
		want(t, w, 422, "<title>Error: ")
		doc, err := goquery.NewDocumentFromReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		var links []string
		doc.Find(".errors a").Each(func(_ int, a *goquery.Selection) { links = append(links, a.AttrOr("href", "")) })
		if diff := cmp.Diff(links, fields); diff != "" {
			t.Errorf("%s (-got +want):\n%s", path, diff)
		}
	}
}

func TestNamedAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w, values := h.walk(named, func(v url.Values) {
		v.Set("q_missing", "The <b>price</b>")
		v.Set("consent_survey", "yes")
	})
	want(t, w, 303)
	receipt := w.Header().Get("Location")
	want(t, h.Get(receipt), 200, "Thank you, it has arrived", "After your demonstration", "23 November 2027")
	if again := h.Post(named, values); again.Header().Get("Location") != receipt {
		t.Errorf("the same again: %d to %s", again.Code, again.Header().Get("Location"))
	}
	if mails := h.Mails(t); len(mails) != 2 {
		t.Errorf("%d mails, want a confirmation and a notice", len(mails))
	}
	id, err := h.Store.ByToken(strings.TrimPrefix(receipt, "/r/"))
	if err != nil {
		t.Fatal(err)
	}
	rec, err := h.Store.Get(t.Context(), id)
	if err != nil || rec.Email != "ada@example.com" || rec.Subject != "After your demonstration" || rec.Status != "new" {
		t.Errorf("record: %+v, %v", rec, err)
	}
	a, _ := h.Desk.Activities().Find(survey.Kind)
	if html, err := a.Panel(t.Context(), rec); err != nil || !strings.Contains(string(html), "/results") {
		t.Errorf("panel: %s, %v", html, err)
	}
	if n := scan[int](h, `SELECT count(*) FROM consent_event WHERE purpose = 'survey'`); n != 1 {
		t.Errorf("%d consents", n)
	}
	edit := receipt + "/edit/" + h.Desk.Grant(rec, 48*time.Hour)
	page := h.Get(edit)
	want(t, page, 200, "Your answers are as you left them")
	h.exec(`UPDATE survey SET closes_at = $1 WHERE slug = 'after-your-demonstration'`, h.Now())
	want(t, h.Get(edit), 409, "This survey is closed")
	want(t, h.Post(edit, activitytest.Hidden(page.Body.String())), 409, "This survey is closed")
	want(t, h.Post(receipt+"/withdraw", nil), 303)
}

func TestStepsKeepWhatWasTyped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w, _ := h.walk(named, func(v url.Values) { v.Set("email", "nobody") })
	want(t, w, 422, "Step 4 of 4", `value="nobody"`, `name="q_family" value="contracts`)
}

// TestSampleForm holds the form that the inventory lists against the promise that each field says why it is asked.
func TestSampleForm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, _ := h.Desk.Activities().Find(survey.Kind)
	f, err := a.Form(t.Context(), uuid.Nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range f.Fields {
		if field.Why == "" {
			t.Errorf("%s does not say why it is asked", field.Name)
		}
	}
}

func TestClosing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	open := activitytest.Hidden(h.Get(anonymous).Body.String())
	open.Set("q_change", "The search found it.")
	h.exec(`UPDATE survey SET closes_at = $1 WHERE slug = 'using-this-site'`, h.Now())
	h.Pages.Invalidate()
	want(t, h.Get(anonymous), 200, "takes no more answers")
	want(t, h.Post(anonymous, open), 422) // whoever was writing may end
	h.Advance(25 * time.Hour)
	want(t, h.Post(anonymous, open), 409, "closed before you sent", "The search found it.", "so that you can copy it")
	want(t, h.Get(anonymous), 200, "takes no more answers")
}

// gist is the matter of a page in words.
func gist(w *httptest.ResponseRecorder) string {
	_, main, _ := strings.Cut(w.Body.String(), "<main")
	main, _, _ = strings.Cut(main, "</main>")
	return strings.Join(strings.Fields(markup.ReplaceAllString(main, " ")), " ")
}

var markup = regexp.MustCompile(`<[^>]*>`)
