package download_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
)

// An access that ends closes what the portal opened, wherever somebody stands with it.
func TestEndedAccessOpensNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, rec := b.send(b.filled(request, "ada@example.com"))
	offers, err := b.room.ForConnect(t.Context(), rec.PersonID.UUID, "partner-channels")
	if err != nil || len(offers) != 2 {
		t.Fatalf("%d offers, %v", len(offers), err)
	}
	link := offers[1].Path
	file, code := b.press(link)
	if code != http.StatusSeeOther || b.Get(file).Code != http.StatusOK {
		t.Fatalf("while it lasts: %d", code)
	}
	b.over = true
	for _, path := range []string{link, file} {
		if w := b.Get(path); w.Code != http.StatusGone {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
	if _, code := b.press(link); code != http.StatusGone {
		t.Errorf("the button: %d", code)
	}
	if n := b.count(`SELECT count(*) FROM download_use`); n != 1 {
		t.Errorf("%d uses", n)
	}
}

// A record that staff set apart later takes its link along.
func TestQuarantineClosesTheLink(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, link := b.ask()
	file, _ := b.press(link)
	if _, err := b.Pool.Exec(t.Context(), `UPDATE submission SET quarantined_at = $1`, b.Now()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, file} {
		if w := b.Get(path); w.Code != http.StatusGone {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
	if _, code := b.press(link); code != http.StatusGone {
		t.Errorf("the button: %d", code)
	}
}

// What staff take by phone goes through the activity alone: its link is as good as any.
func TestTakenByPhone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var subject uuid.UUID
	if err := b.Pool.QueryRow(t.Context(), `SELECT id FROM download WHERE slug = 'dealer-portal-checklist'`).Scan(&subject); err != nil {
		t.Fatal(err)
	}
	b.take(b.room.Activity(), subject)
	if _, code := b.press(b.link()); code != http.StatusSeeOther {
		t.Errorf("the link of a request taken by phone: %d", code)
	}
}

// A filtered list is not kept by the page cache: it costs the same few statements however many papers there are.
func TestListIsCheap(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	before := b.Pool.Stat().AcquireCount()
	if w := b.Get("/downloads?kind=pdf"); w.Code != http.StatusOK {
		t.Fatal(w.Code)
	}
	if n := b.Pool.Stat().AcquireCount() - before; n > 4 {
		t.Errorf("%d statements", n)
	}
}

// take stores a request as the workspace does.
func (b *bench) take(a activity.Activity, subject uuid.UUID) {
	b.t.Helper()
	ctx := b.t.Context()
	f, err := a.Form(ctx, subject)
	if err != nil {
		b.t.Fatal(err)
	}
	values, errs := f.Parse(map[string][]string{"name": {"Ada"}, "email": {"ada@example.com"}, "licence": {"yes"}})
	if len(errs) > 0 {
		b.t.Fatal(errs)
	}
	e, err := b.Desk.Entry(f, values)
	if err != nil {
		b.t.Fatal(err)
	}
	statement, err := b.Desk.Statements.InForce()
	if err != nil {
		b.t.Fatal(err)
	}
	e.Seal, e.Channel = form.NewSeal(f, statement.ID, b.Now()), "phone"
	if a.Fill != nil {
		if err := a.Fill(ctx, &e); err != nil {
			b.t.Fatal(err)
		}
	}
	if _, err := b.Store.Accept(ctx, e); err != nil {
		b.t.Fatal(err)
	}
}
