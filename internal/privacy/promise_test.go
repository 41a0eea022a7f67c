package privacy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/web"
)

func TestPromisesAreAllShown(t *testing.T) {
	h := bench(t)
	doc := document(t, h.Get("/privacy/promises"), http.StatusOK)
	var got, want []string
	doc.Find("article.promise").Each(func(_ int, s *goquery.Selection) { got = append(got, s.AttrOr("id", "")) })
	for i := 1; i <= 18; i++ {
		want = append(want, fmt.Sprintf("P-%d", i))
	}
	for i := 1; i <= 9; i++ {
		want = append(want, fmt.Sprintf("A-%d", i))
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("promises (-got +want):\n%s", diff)
	}
	statement := document(t, h.Get("/privacy"), http.StatusOK)
	doc.Find(`article.promise a[href^="/privacy#"]`).Each(func(_ int, a *goquery.Selection) {
		if id := strings.TrimPrefix(a.AttrOr("href", ""), "/privacy"); statement.Find(id).Length() != 1 {
			t.Errorf("%s leads to no clause", a.AttrOr("href", ""))
		}
	})
}

// broken runs all checks and returns the promises of those that fail.
func broken(room *privacy.Room) []string {
	var list []string
	for _, c := range room.Checks() {
		if c.Run(context.Background()) != nil {
			list = append(list, c.Promise)
		}
	}
	return list
}

// agree gives a person a chain of consents.
func agree(t *testing.T, h house, email string, events ...consent.Event) person.Person {
	t.Helper()
	ctx := context.Background()
	b := &pgx.Batch{}
	h.Desk.People.Add(b, uuid.Must(uuid.NewV7()), email, h.Now())
	if err := h.Pool.SendBatch(ctx, b).Close(); err != nil {
		t.Fatal(err)
	}
	who, err := h.Desk.People.Find(ctx, email)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		e.Channel, e.Wording, e.Statement, e.At = consent.ByEmail, "Mail me.", "2026-11-01", h.Now()
		if err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error { return h.Desk.Ledger.Record(ctx, tx, who.ID, e) }); err != nil {
			t.Fatal(err)
		}
	}
	return who
}

func TestPageShowsABrokenPromiseWithinAMinute(t *testing.T) {
	h := bench(t)
	state := func() string {
		h.Pages.Invalidate()
		return words(document(t, h.Get("/privacy/promises"), http.StatusOK).Find("#P-5").ChildrenFiltered(".tag"))
	}
	if got := state(); got != "Check passed" {
		t.Fatalf("P-5 at first: %q", got)
	}
	if _, err := pgtest.Admin(t, h.Pool).Exec(context.Background(), "GRANT DELETE ON audit_event TO site_serve"); err != nil {
		t.Fatal(err)
	}
	if got := state(); got != "Check passed" {
		t.Errorf("within the minute the checks ran again: %q", got)
	}
	h.Advance(time.Minute)
	if got := state(); got != "Check failed" {
		t.Errorf("a minute later: %q", got)
	}
}

// TestChangedFileTurnsRed gives the room a file that says more than was published.
func TestChangedFileTurnsRed(t *testing.T) {
	h := bench(t)
	raw, err := fs.ReadFile(web.FS, "privacy/2026-11-01.md")
	if err != nil {
		t.Fatal(err)
	}
	old, err := fs.ReadFile(web.FS, "privacy/2006-12-05.md")
	if err != nil {
		t.Fatal(err)
	}
	newer, err := fs.ReadFile(web.FS, "privacy/2026-11-16.md")
	if err != nil {
		t.Fatal(err)
	}
	newest, err := fs.ReadFile(web.FS, "privacy/2026-11-18.md")
	if err != nil {
		t.Fatal(err)
	}
	promises, err := fs.ReadFile(web.FS, "content/promises.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"another word":      strings.Replace(string(raw), "isn't sold", "is rarely sold", 1),
		"another retention": strings.Replace(string(raw), "retention: 24 months", "retention: 36 months", 1),
	} {
		changed := fstest.MapFS{
			"privacy/2026-11-01.md": {Data: []byte(text)}, "privacy/2006-12-05.md": {Data: old}, "privacy/2026-11-16.md": {Data: newer},
			"privacy/2026-11-18.md": {Data: newest},
			"content/promises.yaml": {Data: promises},
		}
		room := privacy.New(privacy.Config{Desk: h.Desk, Content: h.Content, Web: changed})
		if diff := cmp.Diff(broken(room), []string{"P-17"}); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

// rows counts what is in each table.
func rows(t *testing.T, h house) map[string]int {
	t.Helper()
	ctx, admin := context.Background(), pgtest.Admin(t, h.Pool)
	names, err := admin.Query(ctx, `SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text
		NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(names, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, table := range tables {
		var n int
		if err := admin.QueryRow(ctx, `SELECT count(*) FROM `+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		counts[table] = n
	}
	return counts
}

// Checks rehearse what rules refuse and what they let pass, on a live database, hour by hour: nothing of that may stay.
func TestChecksLeaveNothing(t *testing.T) {
	h := bench(t)
	before := rows(t, h)
	for _, c := range append(h.room.Checks(), h.retainer(t).Checks()...) {
		if err := c.Run(t.Context()); err != nil {
			t.Errorf("%s: %s: %v", c.Promise, c.Name, err)
		}
	}
	if diff := cmp.Diff(rows(t, h), before); diff != "" {
		t.Errorf("rows (-after +before):\n%s", diff)
	}
}

// An operator may have taken temporary tables from everybody: no rule is broken by that.
func TestChecksWithoutTemporaryTables(t *testing.T) {
	h := bench(t)
	if _, err := pgtest.Admin(t, h.Pool).Exec(t.Context(), `REVOKE TEMPORARY ON DATABASE `+
		pgx.Identifier{h.Pool.Config().ConnConfig.Database}.Sanitize()+` FROM PUBLIC`); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(broken(h.room), []string(nil)); diff != "" {
		t.Errorf("broken (-got +want):\n%s", diff)
	}
}

func TestForeignChecksAreShown(t *testing.T) {
	h := bench(t)
	room := privacy.New(privacy.Config{Desk: h.Desk, Content: h.Content, Web: web.FS, Checks: []privacy.Check{{
		Promise: "P-9", Name: "Every configured host has a contract on record.",
		Run: func(context.Context) error { return fmt.Errorf("smtp.elsewhere.example has none") },
	}}})
	if diff := cmp.Diff(broken(room), []string{"P-9"}); diff != "" {
		t.Errorf("broken (-got +want):\n%s", diff)
	}
}

type inventory struct {
	Statement  string
	Activities []struct {
		Kind, Note string
		Forms      []struct{ Name string }
		Fields     []struct {
			Name, Why string
			Required  bool
			OnlyIn    []string `json:"only_in"`
		}
		Consents []struct{ Purpose string } `json:"consents_offered"`
		Uses     []struct{ Purpose, Recipient, Retention, Basis string }
	}
}

func read(t *testing.T, h house) inventory {
	t.Helper()
	w := h.Get("/privacy/inventory.json")
	var inv inventory
	if err := json.Unmarshal(w.Body.Bytes(), &inv); err != nil || w.Code != http.StatusOK {
		t.Fatalf("inventory.json: %d, %v", w.Code, err)
	}
	return inv
}

// TestInventoryIsTheForms compares what is listed with what decodes, field by field.
func TestInventoryIsTheForms(t *testing.T) {
	h := bench(t)
	inv := read(t, h)
	page := document(t, h.Get("/privacy/inventory"), http.StatusOK)
	if inv.Statement != "2026-11-18" || len(inv.Activities) != len(h.Desk.Activities()) {
		t.Fatalf("%s, %d activities", inv.Statement, len(inv.Activities))
	}
	for i, a := range h.Desk.Activities() {
		f, err := a.Form(context.Background(), uuid.Nil)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, field := range f.Fields {
			if field.Kind != form.Consent || field.Purpose == "" {
				want = append(want, fmt.Sprint(field.Name, field.Required, field.Why))
				if !strings.Contains(words(page.Find("#"+a.Kind)), field.Label) {
					t.Errorf("the page does not list %s of %s", field.Name, a.Kind)
				}
			}
		}
		for _, field := range inv.Activities[i].Fields {
			got = append(got, fmt.Sprint(field.Name, field.Required, field.Why))
		}
		if diff := cmp.Diff(got, want); diff != "" || len(inv.Activities[i].Uses) == 0 {
			t.Errorf("%s: %d uses, fields (-got +want):\n%s", a.Kind, len(inv.Activities[i].Uses), diff)
		}
	}
}

func TestAnotherFieldChangesTheInventory(t *testing.T) {
	email := form.Field{Name: "email", Label: "Email address", Kind: form.Email, Why: "To answer."}
	shoe := form.Field{Name: "shoe", Label: "Shoe size", Kind: form.Text, Why: "For the walk."}
	names := func(fields ...form.Field) string {
		inv := read(t, bench(t, standIn("walk", fields...)))
		var list []string
		for _, f := range inv.Activities[len(inv.Activities)-1].Fields {
			list = append(list, f.Name)
		}
		return strings.Join(list, " ")
	}
	if before, after := names(email), names(email, shoe); before != "email" || after != "email shoe" {
		t.Errorf("listed: %q, then %q", before, after)
	}
}

func TestUnnamedActivityAndMissingReasonTurnRed(t *testing.T) {
	h := bench(t, standIn("walk", form.Field{Name: "shoe", Label: "Shoe size", Kind: form.Text}))
	if diff := cmp.Diff(broken(h.room), []string{"P-2", "P-4"}); diff != "" {
		t.Errorf("broken (-got +want):\n%s", diff)
	}
}

// TestInventoryOfSubjects lists what the forms of all subjects ask, and which of them alone ask it.
func TestInventoryOfSubjects(t *testing.T) {
	email := form.Field{Name: "email", Label: "Email address", Kind: form.Email, Required: true, Why: "To answer."}
	shoe := form.Field{Name: "shoe", Label: "Shoe size", Kind: form.Text, Required: true, Why: "For the walk."}
	hill, lake, night := uuid.New(), uuid.New(), uuid.New()
	walk := walks([]uuid.UUID{hill, lake, night}, map[uuid.UUID]form.Form{
		uuid.Nil: {Title: "Walk", Fields: []form.Field{email}},
		hill:     {Name: "The hill", Fields: []form.Field{email, shoe}},
		lake:     {Name: "The lake", Fields: []form.Field{email}},
		night:    {Name: "The night", Fields: []form.Field{shoe}, Anonymous: true},
	})
	h := bench(t, walk)
	inv := read(t, h)
	var got []string
	for _, f := range inv.Activities[len(inv.Activities)-1].Fields {
		got = append(got, fmt.Sprint(f.Name, f.OnlyIn))
	}
	if diff := cmp.Diff(got, []string{"email[The hill The lake]", "shoe[The hill The night]"}); diff != "" {
		t.Errorf("listed (-got +want):\n%s", diff)
	}
	page := document(t, h.Get("/privacy/inventory"), http.StatusOK)
	if text := words(page.Find("#walk")); !strings.Contains(text, "for all but “The night”") ||
		!strings.Contains(text, "for all but “The lake”") || !strings.Contains(text, "Answers to “The night” lead to nobody") {
		t.Errorf("the page says: %s", text)
	}
	if row := words(page.Find(`tr:has(a[href="#walk"])`)); row != "Walk1–200" {
		t.Errorf("counted: %s", row)
	}
	closed := read(t, bench(t, walks(nil, map[uuid.UUID]form.Form{uuid.Nil: {Fields: []form.Field{email}}})))
	if last := closed.Activities[len(closed.Activities)-1]; len(last.Forms) != 0 || len(last.Fields) != 1 || last.Note == "" {
		t.Errorf("with nothing open: %+v", last)
	}
}

// TestFaultInOneSubjectTurnsRed has one form of three ask without a reason, and for what none should.
func TestFaultInOneSubjectTurnsRed(t *testing.T) {
	one := uuid.New()
	good := form.Field{Name: "email", Label: "Email address", Kind: form.Email, Why: "To answer."}
	h := bench(t, walks([]uuid.UUID{uuid.Nil, one}, map[uuid.UUID]form.Form{
		uuid.Nil: {Title: "Walk", Fields: []form.Field{good}},
		one: {Name: "The hill", Fields: []form.Field{
			good,
			{Name: "nameless", Kind: form.Text, Why: "To walk."},
			{Name: "shoe", Label: "Shoe size", Kind: form.Text},
			{Name: "years", Label: "How old are you?", Kind: form.Text, Why: "To be sure."},
		}},
	}))
	if diff := cmp.Diff(broken(h.room), []string{"P-2", "P-3", "P-4", "A-7"}); diff != "" {
		t.Errorf("broken (-got +want):\n%s", diff)
	}
}

// walks is an activity with a form for each subject, of which some are open.
func walks(open []uuid.UUID, forms map[uuid.UUID]form.Form) activity.Activity {
	return activity.Activity{
		Kind: "walk", Title: "Walk", Path: "/contact", Statuses: []activity.Status{{Value: "new"}},
		Form:     func(_ context.Context, subject uuid.UUID) (form.Form, error) { return forms[subject], nil },
		Subjects: func(context.Context) ([]uuid.UUID, error) { return open, nil },
	}
}
