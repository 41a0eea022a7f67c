package newsletter_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/newsletter"
	"clickcommerce.com/site/internal/submission"
)

func bench(t *testing.T) *activitytest.Bench {
	return activitytest.New(t, nil, func(b *activitytest.Bench) activity.Activities {
		return activity.Activities{newsletter.New(b.Desk, b.Content)}
	})
}

// subscribe returns the receipt's address and the path of the mailed link.
func subscribe(t *testing.T, b *activitytest.Bench, email string) (receipt, confirm string) {
	t.Helper()
	values := activitytest.Hidden(b.Get("/newsletter").Body.String())
	values.Set("email", email)
	values.Set("consent_newsletter", "yes")
	w := b.Post("/newsletter", values)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("POST /newsletter: %d", w.Code)
	}
	mails := b.Mails(t)
	if len(mails) != 1 {
		t.Fatalf("%d mails, want one request for confirmation", len(mails))
	}
	link := regexp.MustCompile(`http://example\.test(/confirm/[\w-]+)`).FindStringSubmatch(mails[0])
	if link == nil {
		t.Fatal("the mail has no link to confirm")
	}
	return w.Header().Get("Location"), link[1]
}

func status(t *testing.T, b *activitytest.Bench, receipt string) string {
	t.Helper()
	id, err := b.Store.ByToken(strings.TrimPrefix(receipt, "/r/"))
	if err != nil {
		t.Fatal(err)
	}
	rec, err := b.Store.Get(context.Background(), id)
	if err != nil {
		return err.Error()
	}
	return rec.Status
}

// deleted checks the day after which a record is deleted.
func deleted(t *testing.T, b *activitytest.Bench, receipt string, want time.Time) {
	t.Helper()
	id, err := b.Store.ByToken(strings.TrimPrefix(receipt, "/r/"))
	if err != nil {
		t.Fatal(err)
	}
	rec, err := b.Store.Get(context.Background(), id)
	if err != nil || rec.PurgeAfter.Format(time.DateOnly) != want.Format(time.DateOnly) {
		t.Errorf("deleted after %s, want %s (%v)", rec.PurgeAfter, want, err)
	}
}

func inForce(t *testing.T, b *activitytest.Bench) bool {
	t.Helper()
	var ok bool
	if err := b.Pool.QueryRow(context.Background(), `SELECT EXISTS (SELECT FROM consent WHERE in_force)`).Scan(&ok); err != nil {
		t.Fatal(err)
	}
	return ok
}

func work(t *testing.T, b *activitytest.Bench) {
	t.Helper()
	for _, w := range b.Desk.Activities()[0].Work {
		if err := w.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if err := forget(b); err != nil {
		t.Fatal(err)
	}
}

// forget deletes what nobody confirmed in time.
func forget(b *activitytest.Bench) error {
	_, err := b.Desk.Activities()[0].Deletes[0].Run(context.Background(), b.Pool, b.Now())
	return err
}

func TestForm(t *testing.T) {
	b := bench(t)
	w := b.Get("/newsletter")
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if _, ticked := doc.Find("#f-consent_newsletter-0").Attr("checked"); ticked || w.Code != http.StatusOK {
		t.Errorf("GET: %d, ticked: %t", w.Code, ticked)
	}
	if n := doc.Find(".form input, .form textarea").Not("[type=hidden]").Length(); n != 3 {
		t.Errorf("%d controls: want address, box and trap", n)
	}
	w = b.Post("/newsletter", activitytest.Hidden(b.Get("/newsletter").Body.String()))
	if doc, err = goquery.NewDocumentFromReader(w.Body); err != nil {
		t.Fatal(err)
	}
	var links []string
	doc.Find(".errors a").Each(func(_ int, a *goquery.Selection) { links = append(links, a.AttrOr("href", "")) })
	if diff := cmp.Diff(links, []string{"#f-email", "#f-consent_newsletter-0"}); diff != "" || w.Code != http.StatusUnprocessableEntity {
		t.Errorf("empty form: %d, links (-got +want):\n%s", w.Code, diff)
	}
}

func TestDoubleOptIn(t *testing.T) {
	b := bench(t)
	receipt, confirm := subscribe(t, b, "ada@example.com")
	if body := b.Get(receipt).Body.String(); !strings.Contains(body, "Nothing else is sent before you press its button") {
		t.Error("the receipt does not say that it waits")
	}
	if w := b.Get(confirm); w.Code != http.StatusOK || inForce(t, b) || status(t, b, receipt) != "new" {
		t.Errorf("GET confirm: %d, in force %t, %s", w.Code, inForce(t, b), status(t, b, receipt))
	}
	for range 2 {
		if w := b.Post(confirm, nil); w.Code != http.StatusSeeOther || !inForce(t, b) || status(t, b, receipt) != "confirmed" {
			t.Errorf("POST confirm: %d, in force %t, %s", w.Code, inForce(t, b), status(t, b, receipt))
		}
	}
	b.Advance(time.Minute)
	again, _ := subscribe(t, b, "ada@example.com")
	if first, second := b.Get(receipt).Body.String(), b.Get(again).Body.String(); strings.Contains(second, "is confirmed") || first == second {
		t.Error("the receipt of a second request tells that the address is subscribed")
	}
	if !inForce(t, b) {
		t.Error("a request that anybody can make put the subscription out of force")
	}
	b.Advance(10 * 24 * time.Hour)
	b.Post(again+"/withdraw", nil)
	deleted(t, b, again, b.Now().AddDate(0, 1, 0))
	if !inForce(t, b) || status(t, b, again) != activity.Withdrawn {
		t.Error("withdrawing an unconfirmed request ended the subscription of the address's owner")
	}
	b.Post(receipt+"/withdraw", nil)
	if inForce(t, b) || status(t, b, receipt) != activity.Withdrawn {
		t.Error("withdrawing the confirmed subscription did not end it")
	}
}

func TestUnconfirmedIsDeletedAfterThirtyDays(t *testing.T) {
	b := bench(t)
	late, lateLink := subscribe(t, b, "late@example.com")
	kept, keptLink := subscribe(t, b, "kept@example.com")
	b.Post(keptLink, nil)
	b.Advance(29 * 24 * time.Hour)
	work(t, b)
	if got := status(t, b, late); got != "new" {
		t.Errorf("after 29 days: %s", got)
	}
	b.Advance(24*time.Hour + time.Minute)
	work(t, b)
	if got := status(t, b, late); got != submission.ErrNotFound.Error() {
		t.Errorf("after 30 days: %s", got)
	}
	if w := b.Get(lateLink); w.Code != http.StatusNotFound {
		t.Errorf("the link of a request that is gone: %d", w.Code)
	}
	var addresses []string
	if err := b.Pool.QueryRow(context.Background(), `
		SELECT array_agg(a ORDER BY a) FROM (
			SELECT email AS a FROM person WHERE email IS NOT NULL UNION ALL SELECT address FROM message) x`).Scan(&addresses); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(addresses, []string{"kept@example.com", "kept@example.com"}); diff != "" {
		t.Errorf("addresses held (-got +want):\n%s", diff)
	}
	if got := status(t, b, kept); got != "confirmed" {
		t.Errorf("the confirmed one: %s", got)
	}
}

// A subscription that is set apart is deleted by the thirtieth day, though its consent stands.
func TestSetApartIsNotRenewed(t *testing.T) {
	t.Parallel()
	b := bench(t)
	receipt, confirm := subscribe(t, b, "ada@example.com")
	b.Post(confirm, nil)
	id, err := b.Store.ByToken(strings.TrimPrefix(receipt, "/r/"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Store.Quarantine(t.Context(), []uuid.UUID{id}, submission.System); err != nil {
		t.Fatal(err)
	}
	last, kept := b.Now().Add(30*24*time.Hour), b.Now().AddDate(0, 12, 0)
	b.Advance(24 * time.Hour)
	work(t, b)
	deleted(t, b, receipt, last)
	if err := b.Desk.Restore(t.Context(), id, submission.System); err != nil {
		t.Fatal(err)
	}
	deleted(t, b, receipt, kept)
}

// Somebody whose unconfirmed request lapses in the moment in which they send another form keeps the address of that one.
func TestLapsingWaitsForWhatIsSent(t *testing.T) {
	b := bench(t)
	ctx := t.Context()
	subscribe(t, b, "late@example.com")
	b.Advance(30 * 24 * time.Hour)
	tx, err := b.Pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // committed by then
	if _, err := tx.Exec(ctx, `
		INSERT INTO submission (id, person_id, kind, status, reference, created_at, purge_after)
		SELECT gen_random_uuid(), person_id, 'contact', 'new', '', created_at, purge_after + 365 FROM submission`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- forget(b) }()
	for waits := false; !waits; {
		if err := b.Pool.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			t.Fatalf("it did not wait for what is being sent: %v", err)
		default:
		}
	}
	if err := errors.Join(tx.Commit(ctx), <-done); err != nil {
		t.Fatal(err)
	}
	var email *string
	if err := b.Pool.QueryRow(ctx, `SELECT p.email FROM person p JOIN submission s ON s.person_id = p.id WHERE s.kind = 'contact'`).Scan(&email); err != nil {
		t.Fatal(err)
	}
	if email == nil {
		t.Error("the address of what was just sent is gone")
	}
}

func TestLeavingElsewhereIsLeaving(t *testing.T) {
	b := bench(t)
	receipt, confirm := subscribe(t, b, "ada@example.com")
	b.Post(confirm, nil)
	b.Advance(200 * 24 * time.Hour)
	work(t, b)
	id, err := b.Store.ByToken(strings.TrimPrefix(receipt, "/r/"))
	if err != nil {
		t.Fatal(err)
	}
	rec, err := b.Store.Get(context.Background(), id)
	if err != nil || rec.Status != "confirmed" || rec.PurgeAfter.Before(b.Now().AddDate(0, 11, 0)) {
		t.Errorf("a standing subscription: %s, deleted after %s, %v", rec.Status, rec.PurgeAfter, err)
	}
	if err := b.Desk.Ledger.Withdraw(context.Background(), rec.PersonID.UUID, "newsletter", "email", "staff", "By phone", "2026-11-01"); err != nil {
		t.Fatal(err)
	}
	work(t, b)
	if got := status(t, b, receipt); got != activity.Withdrawn {
		t.Errorf("after leaving by phone: %s", got)
	}
	deleted(t, b, receipt, b.Now().AddDate(0, 1, 0))
}

// Who left is behind a held record: the work passes it by, moves its day of deletion no further, and takes it up once the
// hold is lifted.
func TestHeldRecordsStopNobodyElse(t *testing.T) {
	b := bench(t)
	ctx := t.Context()
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := b.Pool.Exec(ctx, sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	waits, _ := subscribe(t, b, "waits@example.com")
	b.Advance(time.Minute)
	behind, _ := subscribe(t, b, "behind@example.com")
	var left []string
	for _, email := range []string{"held@example.com", "free@example.com"} {
		b.Advance(time.Minute)
		receipt, confirm := subscribe(t, b, email)
		b.Post(confirm, nil)
		left = append(left, receipt)
	}
	until := b.Now().AddDate(0, 12, 0)
	officer := uuid.New()
	exec(`INSERT INTO account (id, email, name, kind, created_at) VALUES ($1, 'officer@example.com', 'Officer', 'staff', $2)`, officer, b.Now())
	for _, receipt := range []string{waits, left[0]} {
		id, err := b.Store.ByToken(strings.TrimPrefix(receipt, "/r/"))
		if err != nil {
			t.Fatal(err)
		}
		exec(`
			INSERT INTO legal_hold (id, scope, submission_id, ground, officer_id, placed_at, reviewed_at, review_on)
			VALUES ($1, 'record', $2, 'Claim 26-L-1187.', $3, $4::timestamptz, $4::timestamptz, $4::timestamptz + interval '3 months')`,
			uuid.New(), id, officer, b.Now())
	}
	b.Advance(200 * 24 * time.Hour)
	exec(`UPDATE submission SET purge_after = purge_after + 365 WHERE status = 'new'`) // else they are the night's
	for _, receipt := range left {
		id, err := b.Store.ByToken(strings.TrimPrefix(receipt, "/r/"))
		if err != nil {
			t.Fatal(err)
		}
		rec, err := b.Store.Get(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Desk.Ledger.Withdraw(ctx, rec.PersonID.UUID, "newsletter", "email", "staff", "By phone", "2026-11-01"); err != nil {
			t.Fatal(err)
		}
	}
	work(t, b)
	for receipt, want := range map[string]string{
		waits: "new", behind: submission.ErrNotFound.Error(), left[0]: "confirmed", left[1]: activity.Withdrawn,
	} {
		if got := status(t, b, receipt); got != want {
			t.Errorf("with the hold: %s, want %s", got, want)
		}
	}
	deleted(t, b, left[0], until)

	exec(`UPDATE legal_hold SET lifted_at = $1, lifted_by = officer_id`, b.Now())
	work(t, b)
	if a, c := status(t, b, waits), status(t, b, left[0]); a != submission.ErrNotFound.Error() || c != activity.Withdrawn {
		t.Errorf("without it: %s and %s", a, c)
	}
}

func TestEveryFieldSaysWhy(t *testing.T) {
	a := newsletterActivity(t)
	f, err := a.Form(context.Background(), uuid.Nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range f.Fields {
		if field.Why == "" || !field.Required {
			t.Errorf("%s: why %q, required %t", field.Name, field.Why, field.Required)
		}
	}
	if _, errs := f.Parse(url.Values{"email": {"ada@example.com"}, "consent_newsletter": {"yes"}}); len(errs) > 0 {
		t.Error(errs)
	}
}

func newsletterActivity(t *testing.T) activity.Activity { return bench(t).Desk.Activities()[0] }

// A link of old, or one that was mailed for something else, confirms nothing that was added since.
func TestLinkConfirmsItsOwnRequest(t *testing.T) {
	b := bench(t)
	receipt, confirm := subscribe(t, b, "ada@example.com")
	who, err := b.Desk.People.Find(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Desk.Confirm(t.Context(), who, 0); err != nil { // by the mail about a request without a box
		t.Fatal(err)
	}
	if inForce(t, b) || status(t, b, receipt) != "new" {
		t.Errorf("by another link: in force %t, %s", inForce(t, b), status(t, b, receipt))
	}
	b.Advance(time.Minute)
	if err := pgx.BeginFunc(t.Context(), b.Pool, func(tx pgx.Tx) error { // by anybody
		return b.Desk.Ledger.Record(t.Context(), tx, who.ID, consent.Event{
			Purpose: consent.Promotion, Channel: consent.ByEmail, Granted: true, Wording: "Mail me offers.", Statement: "2026-11-01",
			Origin: consent.FromForm,
		})
	}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.Get(confirm).Body.String(), "Mail me offers.") {
		t.Error("the page shows what it was not mailed for")
	}
	b.Post(confirm, nil)
	var counts []string
	if err := b.Pool.QueryRow(t.Context(), `SELECT array_agg(purpose::text) FROM consent WHERE in_force`).Scan(&counts); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(counts, []string{"newsletter"}); diff != "" || status(t, b, receipt) != "confirmed" {
		t.Errorf("%s, in force (-got +want):\n%s", status(t, b, receipt), diff)
	}
}
