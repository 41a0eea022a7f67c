package staff_test

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/download"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/staff"
	"clickcommerce.com/site/internal/submission"
)

// house is a workspace on real parts, over activities made up here.
type house struct {
	*activitytest.Bench
	accounts *account.Service
	misuse   *staff.Misuse
	space    *staff.Workspace
	staff    map[account.Role]member
}

// oneMail wants that a single mail has left, with some words in it.
func (h *house) oneMail(t *testing.T, words string) {
	t.Helper()
	if mails := h.Mails(t); len(mails) != 1 || !strings.Contains(mails[0], words) {
		t.Errorf("%d mails, want one with %q:\n%s", len(mails), words, strings.Join(mails, "\n"))
	}
}

type member struct {
	account.Account
	cookie *http.Cookie
}

func open(t testing.TB) *house {
	t.Helper()
	h := &house{staff: map[account.Role]member{}}
	h.Bench = activitytest.New(t, append(account.Templates(), download.Templates()...), func(*activitytest.Bench) activity.Activities {
		return activity.Activities{
			alliance(), simple("career", "Application for work"), about(simple("demo", "Demonstration"), film), simple("contact", "Question"),
			rights(), thanked(),
		}
	})
	h.accounts = accounttest.With(t, h.Pool, h.Ring, h.Pages, "http://example.test", h.Now)
	h.misuse = staff.NewMisuse(h.Pool, h.Mail, h.Now)
	jobs, err := job.New(h.Pool, h.Desk.Log)
	if err != nil {
		t.Fatal(err)
	}
	h.space, err = staff.New(staff.Config{
		Desk: h.Desk, Accounts: h.accounts, Misuse: h.misuse, Jobs: jobs,
		Content: []staff.Link{{Label: "Openings", Path: "/staff/career", Kind: "career", Right: account.Publish}, {Label: "News", Path: "/staff/news", Kind: "news", Right: account.Publish}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	h.space.Routes(r)
	h.Router.Mount("/", r)
	return h
}

func fields(kind string) form.Form {
	return form.Form{
		Kind: kind, Title: "A form", Button: "Send", Label: form.Facts{For: "answering", SeenBy: "those who answer", SharedWith: "nobody", Deleted: "in time"},
		Fields: []form.Field{
			activity.NameField("To answer."), activity.EmailField("To answer."), activity.CompanyField(false, "To answer."),
			{Name: "why", Label: "What brings you here?", Kind: form.LongText, Required: true, Why: "To answer.", Example: "Pumps in Ohio"},
			activity.ConsentField("newsletter", "Mail me the newsletter, four times a year."),
		},
	}
}

func alliance() activity.Activity {
	approve := activity.Move{To: "approved", Label: "Approve", Letter: true, Subject: "Welcome", Text: "We are glad.\n\nWhat convinced us: …"}
	decline := activity.Move{
		To: "declined", Label: "Decline", Letter: true, Again: true, Subject: "Your application", Text: "Thank you.",
		Reasons: []form.Option{{Value: "region", Label: "Enough partners in the region"}, {Value: "fit", Label: "No fit"}},
	}
	ask := activity.Move{To: activity.Asked, Label: "Ask for more", Ask: true, Text: "Could you tell us …"}
	return activity.Activity{
		Kind: "alliance", Title: "Alliance application", What: "application to the alliance program", Path: "/alliances/apply",
		Form: func(context.Context, uuid.UUID) (form.Form, error) { return fields("alliance"), nil },
		Panel: func(context.Context, submission.Record) (template.HTML, error) {
			return "<p>Panel of the alliance</p>", nil
		},
		Statuses: []activity.Status{
			{Value: "new", Label: "New", Months: 12, Days: 10, Withdrawable: true, Moves: []activity.Move{ask, approve, decline}},
			{Value: activity.Asked, Label: "Asked for more", Months: 12, Withdrawable: true, Moves: []activity.Move{approve, decline}},
			{Value: "approved", Label: "Approved", Final: true, Months: 24},
			{Value: "declined", Label: "Declined", Final: true, Months: 6, Moves: []activity.Move{{To: "new", Label: "Consider again"}}},
			{Value: activity.Withdrawn, Label: "Withdrawn", Final: true, Months: 1},
		},
	}
}

// over is the subject of demonstrations that takes no more requests.
var over = uuid.MustParse("0193a1c0-0000-7000-8000-00000000dead")

// simple is an activity that can be closed without a word. An application for work comes with a file, a demonstration is
// of something.
func simple(kind, title string) activity.Activity {
	return activity.Activity{
		Kind: kind, Title: title, What: "question", Path: "/" + kind,
		Form: func(_ context.Context, subject uuid.UUID) (form.Form, error) {
			f := fields(kind)
			if f.Subject = subject; subject != uuid.Nil {
				f.Name = "Pumps, seen from inside"
			}
			if kind == "career" {
				f.Fields = append(f.Fields, form.Field{
					Name: "cv", Label: "Résumé", Kind: form.File, Required: true, Why: "To read.", Accept: []string{".txt"}, MaxBytes: 1 << 20,
				})
			}
			return f, nil
		},
		Closed: func(_ context.Context, subject uuid.UUID) (string, error) {
			if subject == over {
				return "It is over.", nil
			}
			return "", nil
		},
		Statuses: []activity.Status{
			{Value: "new", Label: "New", Months: 18, Withdrawable: true, Moves: []activity.Move{{To: "closed", Label: "Close", Close: kind != "demo"}}},
			{Value: "closed", Label: "Closed", Final: true, Months: 18},
		},
	}
}

// about makes an activity's requests be about one of the subjects.
func about(a activity.Activity, subjects ...uuid.UUID) activity.Activity {
	a.Subjects = func(context.Context) ([]uuid.UUID, error) { return subjects, nil }
	return a
}

// rights is an activity whose answer the law dates.
func rights() activity.Activity {
	a := simple("privacy", "Privacy question")
	a.Same = "why"
	a.Statuses[0].DueMonths = 1
	a.Statuses[0].Moves = append(a.Statuses[0].Moves, activity.Move{To: "extended", Label: "Take more time", Letter: true, Extends: true, Subject: "More time", Text: "It is hard."})
	a.Statuses[0].Moves = append(a.Statuses[0].Moves, activity.Move{
		To: "declined", Label: "Refuse", Letter: true, Subject: "No", Text: "We can’t.", Grounds: true, Ending: "You may complain.",
		Reasons: []form.Option{{Value: "law", Label: "The law makes us keep it"}},
	})
	again := activity.Move{To: activity.Answered, Label: "Answer", Letter: true, Subject: "Answer", Text: "Here it is."}
	a.Statuses = append(a.Statuses,
		activity.Status{Value: "extended", Label: "Needs more time", DueMonths: 3, Months: 24, Moves: []activity.Move{again}},
		activity.Status{Value: "declined", Label: "Refused", Months: 24, Final: true},
		activity.Status{Value: activity.Answered, Label: "Answered", Months: 24, Moves: []activity.Move{again}},
	)
	return a
}

// thanked is an activity whose answers ask nothing of staff.
func thanked() activity.Activity {
	a := simple("survey", "Survey")
	a.Statuses[0].Label, a.Statuses[0].Moves = "Thanked", nil
	return about(a)
}

// as returns a colleague of that role, signed in; made when first asked for.
func (h *house) as(t testing.TB, role account.Role) member {
	t.Helper()
	m, ok := h.staff[role]
	if !ok {
		m.Account, m.cookie = accounttest.Staff(t, h.accounts, h.Now(), role)
		h.staff[role] = m
	}
	return m
}

// sent stores a submission as the public form would.
func (h *house) sent(t testing.TB, kind, email string, adjust ...func(*submission.Entry)) uuid.UUID {
	t.Helper()
	f := fields(kind)
	statement, err := h.Desk.Statements.InForce()
	if err != nil {
		t.Fatal(err)
	}
	e, err := h.Desk.Entry(f, form.Values{
		"name": {"Ada Lovelace"}, "email": {email}, "company": {"Northline Bearings"}, "why": {"Pumps in Ohio " + uuid.NewString()},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Seal = form.NewSeal(f, statement.ID, h.Now())
	for _, a := range adjust {
		a(&e)
	}
	accepted, err := h.Store.Accept(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	return accepted.ID
}

func (h *house) record(t testing.TB, id uuid.UUID) submission.Record {
	t.Helper()
	r, err := h.Store.Get(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (m member) do(h *house, method, path string, values url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(values.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := uuid.New() // each from a place of its own: limits are for package account's tests
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1234", client[0], client[1], client[2])
	if m.cookie != nil {
		r.AddCookie(m.cookie)
	}
	return h.Do(r)
}

func (m member) get(t testing.TB, h *house, path string) *goquery.Document {
	t.Helper()
	w := m.do(h, http.MethodGet, path, nil)
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: %d\n%s", path, w.Code, text(document(t, w), "main"))
	}
	return document(t, w)
}

// post sends a form and wants to be led on.
func (m member) post(t testing.TB, h *house, path string, values url.Values) string {
	t.Helper()
	w := m.do(h, http.MethodPost, path, values)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("POST %s: %d\n%s", path, w.Code, text(document(t, w), "main"))
	}
	return w.Header().Get("Location")
}

// undo presses the record's button by which a letter is taken back, twice, as people do, and returns what is shown then.
func (m member) undo(t testing.TB, h *house, id uuid.UUID) *goquery.Document {
	t.Helper()
	v := url.Values{}
	m.get(t, h, path(id)).Find(".undo input").Each(func(_ int, in *goquery.Selection) {
		v.Set(in.AttrOr("name", ""), in.AttrOr("value", ""))
	})
	m.do(h, http.MethodPost, path(id)+"/undo", v)
	w := m.do(h, http.MethodPost, path(id)+"/undo", v)
	if w.Code != http.StatusOK {
		t.Fatalf("undo: %d", w.Code)
	}
	return document(t, w)
}

func document(t testing.TB, w *httptest.ResponseRecorder) *goquery.Document {
	t.Helper()
	d, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// text is what a part of a page says, on one line.
func text(d *goquery.Document, selector string) string {
	return strings.Join(strings.Fields(d.Find(selector).Text()), " ")
}

// solid is text without its spaces, since tags that stand side by side have none between them.
func solid(text string) string { return strings.ReplaceAll(text, " ", "") }

func has(t testing.TB, d *goquery.Document, selector, words string) {
	t.Helper()
	if got := text(d, selector); !strings.Contains(solid(got), solid(words)) {
		t.Errorf("%s says %q, want %q in it", selector, got, words)
	}
}

func hasNot(t testing.TB, d *goquery.Document, selector, words string) {
	t.Helper()
	if got := text(d, selector); strings.Contains(solid(got), solid(words)) {
		t.Errorf("%s says %q, want no %q in it", selector, got, words)
	}
}

const day = 24 * time.Hour

// film is the one demonstration that can be asked for.
var film = uuid.MustParse("0193a0c0-0000-7000-8000-000000000001") //nolint:gochecknoglobals // a constant in all but syntax

func path(id uuid.UUID) string { return "/staff/submissions/" + id.String() }

func by(a account.Account, role account.Role) submission.Actor {
	return submission.Actor{ID: a.ID, Role: string(role)}
}

// withFile adds a small text file, as a form with a field for it would.
func (h *house) withFile(t testing.TB) func(*submission.Entry) {
	return func(e *submission.Entry) {
		types, err := file.Types([]string{".txt"})
		if err != nil {
			t.Fatal(err)
		}
		staged, err := h.Files.Stage(context.Background(), file.Upload{
			Name: "cv.txt", Reader: strings.NewReader("Ten years of pumps."), Accept: types, Max: 1 << 20, Field: "cv",
		})
		if err != nil {
			t.Fatal(err)
		}
		e.Files = append(e.Files, staged)
	}
}
