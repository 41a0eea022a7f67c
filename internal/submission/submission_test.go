package submission_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/submission"
)

func newBench(t *testing.T) *activitytest.Bench {
	t.Helper()
	return activitytest.New(t, nil, func(*activitytest.Bench) activity.Activities { return nil })
}

func question() form.Form {
	return form.Form{
		Kind: "contact", Title: "Question", Button: "Send",
		Fields: []form.Field{
			{Name: "email", Label: "Email", Kind: form.Email, Required: true, Why: "to answer"},
			{Name: "text", Label: "Text", Kind: form.LongText, Why: "to read"},
			{Name: "news", Label: "Mail me news", Kind: form.Consent, Purpose: "product_news", Channel: "email", Why: "your choice"},
		},
	}
}

func entry(b *activitytest.Bench, email, text string) submission.Entry {
	f := question()
	return submission.Entry{
		Form: f, Values: form.Values{"email": {email}, "text": {text}, "news": {"yes"}}, Email: email, Name: "Ada", Company: "Engines",
		Seal: form.NewSeal(f, "2026-11-01", b.Now()), Status: "new", PurgeAfter: b.Now().AddDate(1, 0, 0),
		Messages: func(id uuid.UUID, _ *submission.Entry) []mail.Message {
			return []mail.Message{{Template: "code", Data: mail.Code{Code: "123456", Reference: submission.Reference(id)}}}
		},
	}
}

func accept(t *testing.T, b *activitytest.Bench, e submission.Entry) submission.Accepted {
	t.Helper()
	a, err := b.Store.Accept(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestReadReference(t *testing.T) {
	const want = "CC-7Q2HD-M5X01"
	for _, text := range []string{want, "cc-7q2hd-m5x01", " CC 7Q2HD M5X01 ", "7q2hdm5x01", "CC7Q2HDM5XOI", "cc–7q2hd–m5xol"} {
		if got := submission.ReadReference(text); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
	for _, text := range []string{"", "CC-9", "ééééé", "CC-7Q2HD-M5X0", "CC-7Q2HD-M5X012"} {
		if got := submission.ReadReference(text); got != text {
			t.Errorf("%q became %s", text, got)
		}
	}
}

func TestTheSameSendingIsOne(t *testing.T) {
	b := newBench(t)
	var wait sync.WaitGroup
	refs := make([]string, 40)
	for i := range refs {
		wait.Go(func() {
			a, err := b.Store.Accept(context.Background(), entry(b, "ada@example.com", "hello"))
			if err != nil {
				t.Error(err)
			}
			refs[i] = a.Reference
		})
	}
	wait.Wait()
	if n := len(slices.Compact(refs)); n != 1 {
		t.Errorf("40 sendings of one page have %d references", n)
	}
	if rows := counts(t, b); rows != [5]int{1, 1, 1, 1, 1} {
		t.Errorf("rows of person, submission, answers, consent_event, message: %v", rows)
	}
	b.Advance(time.Minute)
	if a := accept(t, b, entry(b, "ada@example.com", "hello")); a.Repeated {
		t.Error("the same words on another page count as a repeat")
	}
}

// counts returns how many rows there are of person, submission, answers, consent_event, message.
func counts(t *testing.T, b *activitytest.Bench) (rows [5]int) {
	t.Helper()
	if err := b.Pool.QueryRow(context.Background(), `
		SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM submission), (SELECT count(*) FROM answers),
			(SELECT count(*) FROM consent_event), (SELECT count(*) FROM message)`).
		Scan(&rows[0], &rows[1], &rows[2], &rows[3], &rows[4]); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestOneBadEntryDoesNotSpoilTheBatch(t *testing.T) {
	b := newBench(t)
	var wait sync.WaitGroup
	errs := make([]error, 30)
	for i := range errs {
		e := entry(b, fmt.Sprintf("p%d@example.com", i), "hello")
		if i%10 == 3 {
			e.Seal.Statement = "1999-01-01" // refused by the foreign key
		}
		wait.Go(func() { _, errs[i] = b.Store.Accept(context.Background(), e) })
	}
	wait.Wait()
	for i, err := range errs {
		if (err != nil) != (i%10 == 3) {
			t.Errorf("entry %d: %v", i, err)
		}
	}
}

// TestGateRefuses inserts what no code of ours inserts: the database itself refuses it.
func TestGateRefuses(t *testing.T) {
	b := newBench(t)
	a := accept(t, b, entry(b, "ada@example.com", "hello"))
	ctx := context.Background()
	rec, err := b.Store.Get(ctx, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	insert := func(template, purpose, basis, address string) error {
		_, err := b.Pool.Exec(ctx, `
			INSERT INTO message (id, person_id, submission_id, purpose, template, basis, address, next_at, created_at)
			VALUES (gen_random_uuid(), $1, $2, $3, $4, nullif($5, ''), $6, now(), now())`,
			rec.PersonID, a.ID, purpose, template, basis, address)
		return err
	}
	for name, tt := range map[string]struct{ template, purpose, basis, address, constraint string }{
		"another purpose than the template's": {"letter", "conduct", "", "ada@example.com", "message_template_purpose_fkey"},
		"a statement without the use":         {"letter", "service", "2006-12-05", "ada@example.com", "message_gate"},
		"no statement":                        {"letter", "service", "", "ada@example.com", "message_gate"},
		"to a person, as internal":            {"inbox", "internal", "", "ada@example.com", "message_gate"},
	} {
		var pg *pgconn.PgError
		if err := insert(tt.template, tt.purpose, tt.basis, tt.address); !errors.As(err, &pg) || pg.ConstraintName != tt.constraint {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, sql := range []string{
		`UPDATE consent_event SET granted = false`, `DELETE FROM consent_event`, `TRUNCATE consent_event`,
		`UPDATE consent_head SET seq = 9`, `DELETE FROM submission_event`, `UPDATE audit_event SET action = 'x'`,
		`DELETE FROM statement_version`, `CREATE TABLE x ()`, `UPDATE mail_template SET purpose = 'service'`, `DELETE FROM person`,
	} {
		if _, err := b.Pool.Exec(ctx, sql); err == nil {
			t.Errorf("the serving role may %s", sql)
		}
	}
}

func TestLedgerIsAChain(t *testing.T) {
	b := newBench(t)
	for i := range 5 {
		accept(t, b, entry(b, "ada@example.com", fmt.Sprint(i)))
	}
	var broken, events int
	if err := b.Pool.QueryRow(context.Background(), `
		SELECT count(*) FILTER (WHERE e.hash <> consent_event_hash(coalesce(before.hash, ''::bytea), e)), count(*)
		FROM consent_event e
		LEFT JOIN consent_event before ON before.person_id = e.person_id AND before.seq = e.seq - 1`).Scan(&broken, &events); err != nil {
		t.Fatal(err)
	}
	if broken != 0 || events != 5 {
		t.Errorf("%d of %d links are broken", broken, events)
	}
}

func TestMoveIsAllowedOnce(t *testing.T) {
	b := newBench(t)
	a := accept(t, b, entry(b, "ada@example.com", "hello"))
	ctx := context.Background()
	var wait sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wait.Go(func() {
			errs[i] = b.Store.Move(ctx, a.ID, submission.Change{From: []string{"new"}, To: "answered", By: submission.System, Decides: true})
		})
	}
	wait.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
		} else if !errors.Is(err, submission.ErrMove) {
			t.Error(err)
		}
	}
	if done != 1 {
		t.Errorf("%d of 8 moves from new succeeded", done)
	}
}

func TestUndoTakesBackLetterAndStatus(t *testing.T) {
	b := newBench(t)
	a := accept(t, b, entry(b, "ada@example.com", "hello"))
	ctx := context.Background()
	b.Mails(t)
	before, err := b.Store.Get(ctx, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	decline := submission.Change{From: []string{"new"}, To: "declined", By: reviewer(t, b), Decides: true, PurgeAfter: b.Now().AddDate(0, 3, 0), Message: &mail.Message{
		Template: "letter", NotBefore: b.Now().Add(submission.UndoWindow), Data: mail.Letter{Subject: "No", Paragraphs: []string{"Sorry."}},
	}}
	if err := b.Store.Move(ctx, a.ID, decline); err != nil {
		t.Fatal(err)
	}
	letter := decline.Message.ID
	if err := b.Store.Undo(ctx, a.ID, submission.System, letter); err != nil {
		t.Fatal(err)
	}
	rec, err := b.Store.Get(ctx, a.ID)
	if err != nil || rec.Status != "new" || rec.DecidedAt != nil || !rec.PurgeAfter.Equal(before.PurgeAfter) {
		t.Errorf("after undoing: %+v, %v", rec, err)
	}
	b.Advance(2 * time.Minute)
	if mails := b.Mails(t); len(mails) != 0 {
		t.Errorf("the letter left in spite of the undoing: %s", mails)
	}
	again := decline
	again.Message = &mail.Message{Template: "letter", NotBefore: b.Now().Add(submission.UndoWindow), Data: decline.Message.Data}
	if err := b.Store.Move(ctx, a.ID, again); err != nil {
		t.Fatal(err)
	}
	b.Advance(2 * time.Minute)
	if mails := b.Mails(t); len(mails) != 1 {
		t.Errorf("%d letters left, want 1", len(mails))
	}
	letter = again.Message.ID
	if err := b.Store.Undo(ctx, a.ID, submission.System, letter); !errors.Is(err, mail.ErrLeft) {
		t.Errorf("undoing what has left: %v", err)
	}
}

func TestSearch(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	first := accept(t, b, entry(b, "ada@example.com", "planetary gearbox"))
	accept(t, b, entry(b, "grace@example.com", "compiler"))
	accept(t, b, entry(b, "olga.petrenko@dnipro.example", "Kølesystemer for Bergström, 'quoted'"))
	if err := b.Store.Index(ctx); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		"gearbox": 1, "engines": 3, first.Reference: 1, "ada@example": 1, "grace@example.com": 1, "nothing": 0, "'; DROP": 0,
		`100%@`: 0, "gear -planetary": 0, "gearbox -planetary": 0, "gearbox -planet": 1, "gear": 1, "planetary gea": 1, "ge": 0,
		"olga.petr": 1, "OLGA.PETRENKO@dni": 1, "dnipro.example": 1, "@dnipro.exa": 1, "@": 0,
		"bergstrom": 1, "bergström": 1, "bergstr": 1, "kolesystemer": 1, "Kølesys": 1, "kolesystemer 'quot": 1, `"for bergst"`: 1,
		`-"planetary gearbox"`: 2, `"`: 0, `\':*`: 0,
	} {
		list, err := b.Store.List(ctx, submission.Filter{Kinds: []string{"contact"}, Query: query})
		if err != nil || len(list.Records) != want {
			t.Errorf("%q: %d found, want %d (%v)", query, len(list.Records), want, err)
		}
	}
	if list, err := b.Store.List(ctx, submission.Filter{Kinds: []string{"career"}}); err != nil || len(list.Records) != 0 {
		t.Errorf("another kind's reader sees %d records, %v", len(list.Records), err)
	}
}

// TestSearchFindsWhatStaffRead looks for answers whose stored value is not what their page shows.
func TestSearchFindsWhatStaffRead(t *testing.T) {
	b := newBench(t)
	e := entry(b, "ada@example.com", "gearbox")
	e.Form.Fields = append(slices.Clip(e.Form.Fields),
		form.Field{Name: "country", Label: "Country", Kind: form.Country, Why: "To call."},
		form.Field{Name: "topics", Label: "Topics", Kind: form.Several, Why: "To answer.", Options: []form.Option{
			{Value: "a", Label: "Warranty claims"}, {Value: "b", Label: "Rebates"}, {Value: "c", Label: "Catalogues"},
		}})
	e.Values["country"], e.Values["topics"] = []string{"TR"}, []string{"a", "b"}
	e.Seal = form.NewSeal(e.Form, "2026-11-01", b.Now())
	accept(t, b, e)
	accept(t, b, entry(b, "grace@example.com", "TR"))
	if err := b.Store.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		form.CountryName("TR"): 1, "warranty": 1, "rebates claims": 1, "catalogues": 0, "gearbox": 1, "TR": 2,
	} {
		list, err := b.Store.List(t.Context(), submission.Filter{Kinds: []string{"contact"}, Query: query})
		if err != nil || len(list.Records) != want {
			t.Errorf("%q: %d found, want %d (%v)", query, len(list.Records), want, err)
		}
	}
}

// TestPaging walks the queue forwards and backwards: each record is met once, newest first, whatever shares its moment.
func TestPaging(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	rec, err := b.Store.Get(ctx, accept(t, b, entry(b, "ada@example.com", "hello")).ID)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := b.Pool.Exec(ctx, `DELETE FROM submission`); err != nil {
			rt.Fatal(err)
		}
		n := rapid.IntRange(0, 3*submission.PageSize+2).Draw(rt, "records")
		steps := rapid.IntRange(1, 40).Draw(rt, "distinct moments")
		if _, err := b.Pool.Exec(ctx, `
			INSERT INTO submission (id, person_id, kind, status, reference, created_at, purge_after)
			SELECT gen_random_uuid(), $4, 'contact', 'new', 'r' || i, $2::timestamptz + make_interval(secs => i % $3), current_date
			FROM generate_series(1, $1) i`, n, b.Now(), steps, rec.PersonID); err != nil {
			rt.Fatal(err)
		}
		var forwards, backwards []uuid.UUID
		filter := submission.Filter{Kinds: []string{"contact"}}
		var last submission.List
		for {
			list, err := b.Store.List(ctx, filter)
			if err != nil {
				rt.Fatal(err)
			}
			for _, r := range list.Records {
				forwards = append(forwards, r.ID)
			}
			last = list
			if list.Older == (submission.Cursor{}) {
				break
			}
			filter.After = submission.ParseCursor(list.Older.String())
		}
		if len(forwards) != n || len(uniq(forwards)) != n {
			rt.Fatalf("forwards: %d met, %d distinct, of %d", len(forwards), len(uniq(forwards)), n)
		}
		for list := last; ; {
			ids := make([]uuid.UUID, 0, len(list.Records))
			for _, r := range list.Records {
				ids = append(ids, r.ID)
			}
			backwards = append(ids, backwards...)
			if list.Newer == (submission.Cursor{}) {
				break
			}
			var err error
			if list, err = b.Store.List(ctx, submission.Filter{Kinds: []string{"contact"}, Before: list.Newer}); err != nil {
				rt.Fatal(err)
			}
		}
		if !slices.Equal(forwards, backwards) {
			rt.Errorf("backwards differs:\n%s", cmp.Diff(forwards, backwards))
		}
	})
}

func uniq(ids []uuid.UUID) map[uuid.UUID]bool {
	set := map[uuid.UUID]bool{}
	for _, id := range ids {
		set[id] = true
	}
	return set
}

func TestReferenceCanBeReadOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ref := submission.Reference(uuid.Must(uuid.NewV7()))
		if len(ref) != len("CC-XXXXX-XXXXX") || strings.ContainsAny(ref, "ILOU") {
			t.Errorf("%q", ref)
		}
	})
}
