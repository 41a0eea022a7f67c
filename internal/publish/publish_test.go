package publish_test

import (
	"context"
	"errors"
	"html"
	"maps"
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
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/publish"
)

// office is a workspace with one room over the table opening.
type office struct {
	*activitytest.Bench
	t      *testing.T
	staff  http.Handler
	after  []string
	people map[string]*account.Session
}

func newOffice(t *testing.T) *office {
	o := &office{t: t, people: map[string]*account.Session{}}
	o.Bench = activitytest.New(t, nil, func(*activitytest.Bench) activity.Activities { return nil })
	o.hire("Ann Recruiter", account.Recruiter)
	o.hire("Bob Recruiter", account.Recruiter)
	o.hire("Max Marketer", account.Marketer)
	r := chi.NewRouter()
	r.Route("/staff", publish.New(o.Desk).Staff(o.room()))
	o.staff = r
	return o
}

func (o *office) hire(name string, role account.Role) {
	o.t.Helper()
	a := account.Account{ID: uuid.Must(uuid.NewV7()), Name: name, Kind: account.Staff}
	if _, err := o.Pool.Exec(o.t.Context(), `
		INSERT INTO account (id, email, name, kind, created_at) VALUES ($1, $2, $3, 'staff', $4)`,
		a.ID, strings.ToLower(strings.ReplaceAll(name, " ", "."))+"@example.com", name, o.Now()); err != nil {
		o.t.Fatal(err)
	}
	first, _, _ := strings.Cut(name, " ")
	now := o.Now()
	o.people[first] = &account.Session{Account: a, Kind: account.Staff, Roles: []account.Role{role}, TOTPAt: &now}
}

func (o *office) room() publish.Room {
	view := page.Load[struct {
		page.Base
		Status  int
		Message string
	}](o.Pages, "site/error")
	load := func(ctx context.Context, db publish.DB, id uuid.UUID) (form.Values, error) {
		var title, slug, body string
		var visa bool
		err := db.QueryRow(ctx, `SELECT title, slug, body, visa FROM opening WHERE id = $1`, id).Scan(&title, &slug, &body, &visa)
		v := form.Values{"title": {title}, "slug": {slug}, "body": {body}}
		if visa {
			v["visa"] = []string{"yes"}
		}
		return v, err
	}
	return publish.Room{
		Kind: "career", Table: "opening", Path: "openings", One: "opening", Many: "openings",
		Public: func(slug string) string { return "/careers/" + slug },
		Fields: func(context.Context, publish.DB, uuid.UUID) ([]form.Field, error) {
			return []form.Field{
				publish.TitleField(), publish.SlugField("/careers/"), publish.BodyField(),
				{Name: "visa", Label: "We sponsor a visa", Kind: form.Consent},
			}, nil
		},
		Load: load,
		Save: func(ctx context.Context, tx pgx.Tx, s publish.Saving) error {
			if s.New {
				_, err := tx.Exec(ctx, `
					INSERT INTO opening (id, slug, title, team, place, remote, employment, hours, visa, salary, summary, body)
					VALUES ($1, $2, $3, '', '', false, 'FULL_TIME', '', $4, '', '', $5)`,
					s.ID, s.Values.Get("slug"), s.Values.Get("title"), s.Values.Has("visa", "yes"), s.Values.Get("body"))
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE opening SET slug = $2, title = $3, visa = $4, body = $5 WHERE id = $1`,
				s.ID, s.Values.Get("slug"), s.Values.Get("title"), s.Values.Has("visa", "yes"), s.Values.Get("body"))
			return err
		},
		Preview: func(w http.ResponseWriter, r *http.Request, db publish.DB, id uuid.UUID) error {
			v, err := load(r.Context(), db, id)
			if err != nil {
				return err
			}
			return view.Write(w, r, http.StatusOK, struct {
				page.Base
				Status  int
				Message string
			}{Base: page.Base{Title: v.Get("title")}, Message: v.Get("body")})
		},
		Ready: func(ctx context.Context, db publish.DB, id uuid.UUID) (string, error) {
			v, err := load(ctx, db, id)
			if v.Get("body") == "thin" {
				return "The text is too thin to be published.", err
			}
			return "", err
		},
		After: func(_ context.Context, _ pgx.Tx, _ uuid.UUID, what string) error {
			o.after = append(o.after, what)
			return nil
		},
		Acts: func(context.Context, publish.DB, uuid.UUID) ([]publish.Act, error) {
			return []publish.Act{{
				Name: "rename", Label: "Rename", Done: "renamed",
				Fields: []form.Field{{Name: "title", Label: "New title", Kind: form.Text, Required: true}},
				Do: func(ctx context.Context, tx pgx.Tx, id uuid.UUID, v form.Values) error {
					if v.Get("title") == "Away" {
						return errors.New("the store of files does not answer")
					}
					_, err := tx.Exec(ctx, `UPDATE opening SET title = $2 WHERE id = $1`, id, v.Get("title"))
					return err
				},
			}}, nil
		},
		Notes: func(_ context.Context, ids []uuid.UUID) (map[uuid.UUID]publish.Note, error) {
			notes := map[uuid.UUID]publish.Note{}
			for _, id := range ids {
				notes[id] = publish.Note{Words: "a note"}
			}
			return notes, nil
		},
	}
}

// as sends a request as one of the staff.
func (o *office) as(who, method, path string, values url.Values) *httptest.ResponseRecorder {
	o.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(values.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if s := o.people[who]; s != nil {
		r = r.WithContext(account.With(r.Context(), s))
	}
	w := httptest.NewRecorder()
	o.staff.ServeHTTP(w, r)
	o.CheckTitle(r, w)
	return w
}

func (o *office) create(title, body string) string {
	o.t.Helper()
	w := o.as("Ann", http.MethodGet, "/staff/openings/new", nil)
	v := activitytest.Hidden(w.Body.String())
	v.Set("title", title)
	v.Set("body", body)
	w = o.as("Ann", http.MethodPost, "/staff/openings/new", v)
	if w.Code != http.StatusSeeOther {
		o.t.Fatalf("create: %d\n%s", w.Code, w.Body)
	}
	path, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	return path
}

func (o *office) visible() []string {
	o.t.Helper()
	rows, err := o.Pool.Query(o.t.Context(), `SELECT slug FROM opening WHERE `+publish.Visible+` ORDER BY slug`, o.Now())
	if err != nil {
		o.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		o.t.Fatal(err)
	}
	return list
}

func (o *office) history(path string) []publish.Change {
	o.t.Helper()
	list, err := publish.Changes(o.t.Context(), o.Pool, "career", uuid.MustParse(path[strings.LastIndex(path, "/")+1:]))
	if err != nil {
		o.t.Fatal(err)
	}
	return list
}

var versionField = regexp.MustCompile(`name="version" value="(\d+)"`)

func version(t *testing.T, body string) string {
	t.Helper()
	m := versionField.FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no version in\n%s", body)
	}
	return m[1]
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

func TestLife(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	want(t, o.as("Ann", http.MethodGet, "/staff/openings", nil), 200, "No openings yet")
	path := o.create("Écriture, slowly", "Words")
	want(t, o.as("Ann", http.MethodGet, path, nil), 200, "Écriture, slowly", "ecriture-slowly", "created", "Ann Recruiter", "Draft")
	want(t, o.as("Ann", http.MethodGet, "/staff/openings", nil), 200, "Écriture, slowly", "a note", "Draft")
	if got := o.visible(); len(got) > 0 {
		t.Errorf("a draft is public: %v", got)
	}

	w := o.as("Ann", http.MethodGet, path+"/preview", nil)
	want(t, w, 200, "Only staff see this page", "Words", `content="noindex"`, `href="`+path+`"`)

	later := o.Now().Add(48 * time.Hour).In(chicago(t))
	want(t, o.as("Ann", http.MethodPost, path+"/publish", url.Values{
		"version": {"1"}, "publish-date": {later.Format(time.DateOnly)}, "publish-time": {later.Format("15:04")},
	}), 303)
	want(t, o.as("Ann", http.MethodGet, path, nil), 200, "Scheduled", later.Format("2 January 2006, 15:04"), "Change the schedule")
	if got := o.visible(); len(got) > 0 {
		t.Errorf("a scheduled row is public: %v", got)
	}
	o.Advance(48*time.Hour + time.Second)
	if diff := cmp.Diff(o.visible(), []string{"ecriture-slowly"}); diff != "" {
		t.Errorf("public once its time has come: %s", diff)
	}
	want(t, o.as("Ann", http.MethodGet, path, nil), 200, "Published", `href="/careers/ecriture-slowly"`, "Withdraw")
	want(t, o.as("Bob", http.MethodPost, path+"/withdraw", url.Values{"version": {"2"}}), 303)
	if got := o.visible(); len(got) > 0 {
		t.Errorf("withdrawn, but public: %v", got)
	}
	want(t, o.as("Bob", http.MethodPost, path+"/publish", url.Values{"version": {"3"}}), 303)
	want(t, o.as("Bob", http.MethodPost, path+"/rename", url.Values{"version": {"4"}, "rename-title": {"Renamed"}}), 303)
	if diff := cmp.Diff(o.after, []string{"created", "scheduled", "withdrawn", "published", "renamed"}); diff != "" {
		t.Errorf("after: %s", diff)
	}
	last := o.history(path)[0]
	last.At = time.Time{}
	if diff := cmp.Diff(last, publish.Change{
		Editor: "Bob Recruiter", Role: "recruiter", Action: "renamed", Version: 5,
		Old: form.Values{"title": {"Écriture, slowly"}}, New: form.Values{"title": {"Renamed"}},
	}); diff != "" {
		t.Errorf("history: %s", diff)
	}
}

// TestDelete: a draft can be deleted, which is logged with what it was; what was public once can't.
func TestDelete(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	path := o.create("Writer", "Words")
	want(t, o.as("Ann", http.MethodGet, path, nil), 200, "Delete the draft")
	stale := o.as("Bob", http.MethodPost, path+"/delete", url.Values{"version": {"7"}})
	want(t, stale, 409, "changed this opening in the meantime", "Writer")
	w := o.as("Bob", http.MethodPost, path+"/delete", url.Values{"version": {"1"}})
	want(t, w, 303)
	want(t, o.as("Bob", http.MethodGet, w.Header().Get("Location"), nil), 200, "The draft is deleted", "No openings yet")
	want(t, o.as("Ann", http.MethodGet, path, nil), 404)
	typed := o.as("Ann", http.MethodPost, path, url.Values{"version": {"1"}, "title": {"Writer"}, "slug": {"writer"}, "body": {"Ann's words"}})
	want(t, typed, 409, "Bob Recruiter deleted this opening while you were writing", "Ann&#39;s words", `action="/staff/openings/new"`)
	want(t, o.as("Ann", http.MethodPost, strings.Replace(path, "-7", "-4", 1), url.Values{"title": {"x"}}), 404)
	last := o.history(path)[0]
	if last.Action != "deleted" || last.Editor != "Bob Recruiter" || last.Old.Get("title") != "Writer" || len(last.New) > 0 {
		t.Errorf("history: %+v", last)
	}

	path = o.create("Reader", "Words")
	want(t, o.as("Ann", http.MethodPost, path+"/publish", url.Values{"version": {"1"}}), 303)
	want(t, o.as("Ann", http.MethodPost, path+"/withdraw", url.Values{"version": {"2"}}), 303)
	if w := o.as("Ann", http.MethodGet, path, nil); strings.Contains(w.Body.String(), "Delete the draft") {
		t.Error("what was public can be deleted")
	}
	want(t, o.as("Ann", http.MethodPost, path+"/delete", url.Values{"version": {"3"}}), 409)
	want(t, o.as("Ann", http.MethodGet, path, nil), 200, "Reader")
}

// TestListInPages: a long list goes on behind a link, each row once.
func TestListInPages(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if _, err := o.Pool.Exec(t.Context(), `
		INSERT INTO opening (id, slug, title, team, place, remote, employment, hours, visa, salary, summary, body, updated_at)
		SELECT gen_random_uuid(), 'o-' || n, 'Row ' || n || '.', '', '', false, 'FULL_TIME', '', false, '', '', '', $1::timestamptz - make_interval(mins => n / 2)
		FROM generate_series(1, 230) n`, o.Now()); err != nil {
		t.Fatal(err)
	}
	seen, pages := map[string]bool{}, 0
	for path := "/staff/openings"; path != ""; pages++ {
		w := o.as("Ann", http.MethodGet, path, nil)
		want(t, w, 200)
		doc, err := goquery.NewDocumentFromReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range doc.Find("tbody th").EachIter() {
			if seen[row.Text()] {
				t.Errorf("%s is there twice", row.Text())
			}
			seen[row.Text()] = true
		}
		path = doc.Find("a.older").AttrOr("href", "")
	}
	if len(seen) != 230 || pages != 3 {
		t.Errorf("%d rows on %d pages", len(seen), pages)
	}
}

func chicago(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestTwoEditors(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	path := o.create("Writer", "First")
	values := func(body string) url.Values {
		return url.Values{"version": {"1"}, "title": {"Writer"}, "slug": {"writer"}, "body": {body}}
	}
	want(t, o.as("Ann", http.MethodPost, path, values("Ann's words")), 303)
	w := o.as("Bob", http.MethodPost, path, values("Bob's words"))
	want(t, w, 409, "Ann Recruiter saved this while you were writing", "Ann&#39;s words", "Bob&#39;s words", "First", "Save mine over it", "take theirs")
	over := values("Bob's words")
	over.Set("version", version(t, w.Body.String()))
	want(t, o.as("Bob", http.MethodPost, path, over), 303)
	want(t, o.as("Ann", http.MethodGet, path, nil), 200, "Bob&#39;s words")
	if n := len(o.history(path)); n != 3 {
		t.Errorf("%d changes logged, want 3", n)
	}
	// An act on an old page is shown again too.
	want(t, o.as("Ann", http.MethodPost, path+"/publish", url.Values{"version": {"1"}}), 409, "Bob Recruiter changed this opening")
	if got := o.visible(); len(got) > 0 {
		t.Errorf("published from an old page: %v", got)
	}
}

func TestSaveAsItIs(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	path := o.create("Writer", "First")
	same := url.Values{"version": {"1"}, "title": {"Writer"}, "slug": {"writer"}, "body": {"First"}}
	want(t, o.as("Bob", http.MethodPost, path, same), 303)
	if n := len(o.history(path)); n != 1 {
		t.Errorf("saving nothing new logged a change: %d", n)
	}
	want(t, o.as("Ann", http.MethodPost, path, same), 303)
}

func TestPreviewKeepsNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	path := o.create("Writer", "First")
	typed := url.Values{"version": {"1"}, "title": {"Writer"}, "slug": {"writer"}, "body": {"Typed just now"}, "do": {"preview"}}
	want(t, o.as("Ann", http.MethodPost, path, typed), 200, "Only staff see this page", "Typed just now")
	typed.Set("id", uuid.NewString())
	typed.Set("slug", "brand-new")
	want(t, o.as("Ann", http.MethodPost, "/staff/openings/new", typed), 200, "Typed just now")
	var n int
	if err := o.Pool.QueryRow(t.Context(), `SELECT count(*) FROM opening WHERE body <> 'First' OR slug <> 'writer'`).Scan(&n); err != nil || n > 0 {
		t.Errorf("a preview left %d rows changed, %v", n, err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	path := o.create("Writer", "thin")
	id := uuid.NewString()
	tests := map[string]struct {
		who, method, path string
		values            url.Values
		status            int
		words             string
	}{
		"empty":          {"Ann", "POST", "/staff/openings/new", url.Values{"id": {id}, "slug": {"kept-words"}}, 422, "kept-words"},
		"slug taken":     {"Ann", "POST", "/staff/openings/new", url.Values{"id": {id}, "title": {"Writer"}, "body": {"b"}}, 422, "Another opening has this address"},
		"bad slug":       {"Ann", "POST", "/staff/openings/new", url.Values{"id": {id}, "title": {"W"}, "slug": {"A b"}, "body": {"b"}}, 422, "small letters"},
		"not ready":      {"Ann", "POST", path + "/publish", url.Values{"version": {"1"}}, 422, "too thin to be published"},
		"bad time":       {"Ann", "POST", path + "/publish", url.Values{"version": {"1"}, "publish-date": {"2026-12-24"}, "publish-time": {"25:00"}}, 422, "time of day"},
		"act's field":    {"Ann", "POST", path + "/rename", url.Values{"version": {"1"}}, 422, "Please fill in: New title"},
		"no such act":    {"Ann", "POST", path + "/withdraw", url.Values{"version": {"1"}}, 409, "can’t be done"},
		"marketer":       {"Max", "GET", path, nil, 403, "Your role"},
		"marketer posts": {"Max", "POST", path + "/publish", url.Values{"version": {"1"}}, 403, "Your role"},
		"nobody":         {"", "GET", "/staff/openings", nil, 403, "Your role"},
		"no row":         {"Ann", "GET", "/staff/openings/" + id, nil, 404, "no page"},
		"no id":          {"Ann", "GET", "/staff/openings/x", nil, 404, "no page"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want(t, o.as(test.who, test.method, test.path, test.values), test.status, test.words)
		})
	}
	if n := len(o.history(path)); n != 1 {
		t.Errorf("%d changes logged, want that of the creation", n)
	}
}

func TestDoubleClick(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	v := activitytest.Hidden(o.as("Ann", http.MethodGet, "/staff/openings/new", nil).Body.String())
	v.Set("title", "Writer")
	v.Set("body", "Words")
	first := o.as("Ann", http.MethodPost, "/staff/openings/new", v)
	second := o.as("Ann", http.MethodPost, "/staff/openings/new", v)
	if diff := cmp.Diff(second.Header().Get("Location"), first.Header().Get("Location")); diff != "" || second.Code != 303 {
		t.Errorf("sent twice: %d %s", second.Code, diff)
	}
	var n int
	if err := o.Pool.QueryRow(t.Context(), `SELECT count(*) FROM opening`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// TestBackToTheNewForm sends the form of a new row once more, by the browser's way back, with other words.
func TestBackToTheNewForm(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const path = "/staff/openings/new"
	typed := activitytest.Hidden(o.as("Ann", http.MethodGet, path, nil).Body.String())
	say := func(body string) url.Values {
		v := maps.Clone(typed)
		v["title"], v["body"] = []string{"Writer"}, []string{body}
		return v
	}
	row := o.as("Ann", http.MethodPost, path, say("First")).Header().Get("Location")
	preview := say("Second, as drawn")
	preview.Set("do", "preview")
	want(t, o.as("Ann", http.MethodPost, path, preview), 200, "Second, as drawn")
	want(t, o.as("Ann", http.MethodPost, path, say("Second")), 303)
	want(t, o.as("Ann", http.MethodGet, row, nil), 200, "Second")
	want(t, o.as("Ann", http.MethodPost, path, say("Third")), 409, "Second", "Third", "Save mine over it",
		`action="`+strings.TrimSuffix(row, "?saved")+`"`, `name="version" value="2"`)
	want(t, o.as("Ann", http.MethodGet, row, nil), 200, "Second")
}

func TestActAwayKeepsWhatIsTyped(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	path := o.create("Writer", "First")
	w := o.as("Ann", http.MethodPost, path+"/rename", url.Values{"version": {"1"}, "rename-title": {"Away"}})
	want(t, w, 503, "What you typed is still here", `value="Away"`)
	if w.Header().Get("Retry-After") == "" {
		t.Error("without Retry-After")
	}
}

// TestShownAgainKeepsItsVersion mends a sending that was refused, after another was saved.
func TestShownAgainKeepsItsVersion(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	path := o.create("Writer", "First")
	mine := url.Values{"version": {"1"}, "title": {""}, "slug": {"writer"}, "body": {"Ann's words"}}
	want(t, o.as("Bob", http.MethodPost, path, url.Values{"version": {"1"}, "title": {"Writer"}, "slug": {"writer"}, "body": {"Bob's words"}}), 303)
	w := o.as("Ann", http.MethodPost, path, mine)
	want(t, w, 422)
	mine.Set("version", version(t, w.Body.String()))
	mine.Set("title", "Writer")
	want(t, o.as("Ann", http.MethodPost, path, mine), 409, "Bob Recruiter saved this while you were writing")
}

func TestSlug(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"Planning, slowly":        "planning-slowly",
		"  Émile's 2nd  part ":    "emile-s-2nd-part",
		"漢字":                      "",
		strings.Repeat("ab ", 60): strings.TrimRight(strings.Repeat("ab-", 27)[:80], "-"),
	} {
		if got := publish.Slug(title); got != want {
			t.Errorf("Slug(%q) = %q, want %q", title, got, want)
		}
	}
}

// TestTakeIsOffered looks for the way to take a request for a row by phone.
func TestTakeIsOffered(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var asked form.Form
	o.Desk.Open(activity.Activities{{
		Kind: "career", Form: func(context.Context, uuid.UUID) (form.Form, error) { return asked, nil },
	}})
	path := o.create("Gardener", "Words")
	link := activity.TakePath("career", uuid.MustParse(strings.TrimPrefix(path, "/staff/openings/")))
	offered := func() bool {
		return strings.Contains(o.as("Ann", http.MethodGet, path, nil).Body.String(), `href="`+html.EscapeString(link)+`"`)
	}
	if offered() {
		t.Error("a draft can be applied for")
	}
	want(t, o.as("Ann", http.MethodPost, path+"/publish", url.Values{"version": {"1"}}), 303)
	if !offered() {
		t.Error("no way to " + link)
	}
	if asked.Anonymous = true; offered() {
		t.Error("asked by a colleague, an anonymous form is not anonymous")
	}
}
