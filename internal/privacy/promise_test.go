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
		Kind   string
		Fields []struct {
			Name, Why string
			Required  bool
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
	email := form.Field{Name: "email", Label: "E-mail address", Kind: form.Email, Why: "To answer."}
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

// TestInventoryOfSubjects lists the form that was shown last where an activity has no form without a subject.
func TestInventoryOfSubjects(t *testing.T) {
	ctx := context.Background()
	shown := form.Form{Kind: "walk", Fields: []form.Field{{Name: "shoe", Label: "Shoe size", Kind: form.Text, Why: "For the walk."}}}
	walk := activity.Activity{
		Kind: "walk", Title: "Walk", Path: "/contact", Statuses: []activity.Status{{Value: "new"}},
		Form: func(context.Context, uuid.UUID) (form.Form, error) { return form.Form{}, pgx.ErrNoRows },
	}
	h := bench(t, walk)
	if inv := read(t, h); len(inv.Activities[len(inv.Activities)-1].Fields) != 0 {
		t.Error("fields of a form that never was")
	}
	if _, err := h.Store.Revision(ctx, shown); err != nil {
		t.Fatal(err)
	}
	h.Pages.Invalidate()
	if inv := read(t, h); len(inv.Activities[len(inv.Activities)-1].Fields) != 1 {
		t.Error("the form that was shown is not listed")
	}
}
