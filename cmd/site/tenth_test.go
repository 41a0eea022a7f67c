package main

import (
	"context"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/web"
)

// The folder that a new activity has under web/templates, and the one in internal/: here they are one file.
const visitTemplate = `{{define "main"}}<div class="wrap"><h1>{{.Form.Title}}</h1>{{template "form" .Form}}</div>{{end}}`

type visitPage struct {
	page.Base
	Form form.View
}

func visit(desk *activity.Desk) activity.Activity {
	ask := func() form.Form {
		return form.Form{
			Kind: "visit", Title: "Visit our office", Button: "Ask for a visit",
			Label: form.Facts{For: "arranging your visit", SeenBy: "reviewers", SharedWith: "nobody", Deleted: "12 months later"},
			Fields: []form.Field{
				activity.NameField("We greet you by it."), activity.EmailField("We answer there."),
				{Name: "day", Label: "Which day suits you?", Kind: form.Date, Required: true, Missing: "Enter a day.", Why: "We look whether somebody is in."},
				{Name: "diet", Label: "Lunch", Kind: form.Choice, Why: "We order it.", Options: []form.Option{{Value: "soup", Label: "Soup"}, {Value: "none", Label: "No lunch"}}},
			},
		}
	}
	view := page.Load[visitPage](desk.Pages, "visit/apply")
	door := activity.Door{
		Form: func(*http.Request) (form.Form, error) { return ask(), nil },
		Page: func(w http.ResponseWriter, r *http.Request, status int, f form.Form, v form.View) error {
			return view.Write(w, r, status, visitPage{page.Base{Title: f.Title, Description: "Come and see us."}, v})
		},
	}
	return activity.Activity{
		Kind: "visit", Title: "Visit", What: "wish to visit us", Path: "/visit",
		Statuses: []activity.Status{
			{
				Value: "new", Label: "New", Public: "We have your wish.", Next: "We look at the calendar.", Days: 2, Months: 12, Withdrawable: true,
				Moves: []activity.Move{{To: "arranged", Label: "Arrange"}},
			},
			{Value: "arranged", Label: "Arranged", Public: "You are expected.", Final: true, Months: 12},
			{Value: activity.Withdrawn, Label: "Withdrawn", Public: "You took it back.", Final: true, Months: 1},
		},
		Form: func(context.Context, uuid.UUID) (form.Form, error) { return ask(), nil },
		Public: func(r chi.Router) {
			desk.Mount(r, "/visit", door)
		},
	}
}

// withTemplate is the site's web folder and one more file.
type withTemplate struct {
	fs.FS
	more fstest.MapFS
}

func (w withTemplate) Open(name string) (fs.File, error) {
	if f, err := w.more.Open(name); err == nil && !strings.HasSuffix(name, "templates") && name != "." {
		return f, nil
	}
	return w.FS.Open(name)
}

// TestTenthActivity adds an activity as the README says, and finds it everywhere without another line: form, receipt,
// mail, queue, record, inventory.
func TestTenthActivity(t *testing.T) {
	files := withTemplate{web.FS, fstest.MapFS{"templates/visit/apply.html": {Data: []byte(visitTemplate)}}}
	a := newAppOf(t, files)
	a.rooms.activities = append(a.rooms.activities, visit(a.desk))
	a.desk.Open(a.rooms.activities)
	publishVisit(t, a)
	server := serveApp(t, a)

	resp, err := http.Get(server.URL + "/visit")
	if err != nil {
		t.Fatal(err)
	}
	f := readForm("/visit", parsed(t, resp))
	testEmpty(t, server, f)
	testHostile(t, server, f)
	testWrongly(t, server, f)
	testFilled(t, server, f, "")
	var told int // site.yaml names no inbox for it
	if err := a.pool.QueryRow(context.Background(), `SELECT count(*) FROM message WHERE template = 'inbox' AND address = $1`,
		a.site.Inboxes["contact"]).Scan(&told); err != nil || told == 0 {
		t.Errorf("contact's inbox is told %d times, %v", told, err)
	}
	if err := a.checkInboxes(); err == nil || !strings.Contains(err.Error(), "inboxes.visit") {
		t.Errorf("doctor says of the missing inbox: %v", err)
	}

	_, cookie := accounttest.Staff(t, a.accounts, a.now(), account.Reviewer)
	for path, want := range map[string]string{
		"/staff/submissions?kind=visit": "Ada Lovelace",
		"/privacy/inventory":            "Which day suits you?",
	} {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.AddCookie(cookie)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if text := parsed(t, resp).Text(); resp.StatusCode != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d, and does not show %q", path, resp.StatusCode, want)
		}
	}
}

// publishVisit publishes a statement that names the new use: without it no mail about a visit would be stored.
func publishVisit(t *testing.T, a *app) {
	t.Helper()
	raw, err := fs.ReadFile(web.FS, "privacy/2026-11-18.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), "2026-11-18", "2026-11-30")
	text = strings.Replace(text, "uses:\n", "uses:\n  - activity: visit\n    purpose: service\n    data: [name, email address]\n"+
		"    recipient: own department\n    retention: 12 months\n    basis: your request\n", 1)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	files := fstest.MapFS{"privacy/2026-11-30.md": {Data: []byte(text)}}
	p := privacy.Publication{ID: "2026-11-30", On: clock.Day(a.now()), At: a.now(), Role: "system", Kinds: a.rooms.activities.Kinds()}
	if _, err := privacy.Publish(ctx, a.pool, files, p); err != nil {
		t.Fatal(err)
	}
	if err := a.statements.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
}
