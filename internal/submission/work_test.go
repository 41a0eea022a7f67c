package submission_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/submission"
)

func record(t *testing.T, b *activitytest.Bench, id uuid.UUID) submission.Record {
	t.Helper()
	r, err := b.Store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// value reads one value.
func value[T any](t *testing.T, b *activitytest.Bench, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := b.Pool.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// reviewer returns a new colleague.
func reviewer(t *testing.T, b *activitytest.Bench) submission.Actor {
	t.Helper()
	id := uuid.New()
	if _, err := b.Pool.Exec(t.Context(), `
		INSERT INTO account (id, kind, email, name, created_at) VALUES ($1, 'staff', $2, 'Rita Reviewer', now())`,
		id, id.String()+"@example.com"); err != nil {
		t.Fatal(err)
	}
	return submission.Actor{ID: id, Role: "reviewer"}
}

func TestUndoIsOfTheLetterThatWasOffered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	a := accept(t, b, entry(b, "ada@example.com", "hello"))
	b.Mails(t)
	letter := func() *mail.Message {
		return &mail.Message{
			ID: uuid.New(), Template: "letter", NotBefore: b.Now().Add(submission.UndoWindow),
			Data: mail.Letter{Subject: "Yes", Paragraphs: []string{"Come."}},
		}
	}
	decision, later := letter(), letter()
	b.Advance(time.Minute)
	change := submission.Change{From: []string{"new"}, To: "declined", By: reviewer(t, b), Decides: true, Message: decision}
	if err := b.Store.Move(t.Context(), a.ID, change); err != nil {
		t.Fatal(err)
	}
	code := mail.Message{ID: uuid.New(), Template: "code", Data: mail.Code{Code: "654321", Reference: a.Reference}}
	for _, m := range []mail.Message{*later, code} {
		if err := b.Store.Send(t.Context(), a.ID, submission.System, m); err != nil {
			t.Fatal(err)
		}
	}
	for name, message := range map[string]uuid.UUID{"a code": code.ID, "none": uuid.Nil, "another's": uuid.New()} {
		if err := b.Store.Undo(t.Context(), a.ID, submission.System, message); !errors.Is(err, submission.ErrMove) {
			t.Errorf("undoing %s: %v", name, err)
		}
	}
	if err := b.Store.Undo(t.Context(), a.ID, submission.System, decision.ID); err != nil {
		t.Fatal(err)
	}
	if r := record(t, b, a.ID); r.Status != "new" || r.DecidedAt != nil || !r.StatusSince.Equal(r.CreatedAt) {
		t.Errorf("after undoing: %s since %v, decided %v", r.Status, r.StatusSince, r.DecidedAt)
	}
	events, err := b.Store.Events(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	if diff := cmp.Diff(kinds, []string{"moved", "letter", "code", "undone"}); diff != "" {
		t.Errorf("events (-got +want):\n%s", diff)
	}
	b.Advance(2 * time.Minute)
	if mails := strings.Join(b.Mails(t), ""); strings.Count(mails, "\nSubject: ") != 2 || !strings.Contains(mails, "654321") {
		t.Errorf("the other letter and the code did not both leave:\n%s", mails)
	}
}

// TestWithdrawnIsForgotten looks for the sender's words in all tables after a request was withdrawn.
func TestWithdrawnIsForgotten(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const word = "zeppelin"
	e := entry(b, "ada@example.com", word)
	e.Name, e.Company = "Ada "+word, word+" & Co"
	e.Messages = func(uuid.UUID, *submission.Entry) []mail.Message {
		return []mail.Message{{Template: "letter", Data: mail.Letter{Subject: word, Paragraphs: []string{word}}}}
	}
	a := accept(t, b, e)
	if n := len(b.Mails(t)); n != 1 {
		t.Fatalf("%d mails", n)
	}
	err := b.Store.Reply(t.Context(), a.ID, func(tx pgx.Tx) (bool, error) {
		_, err := tx.Exec(t.Context(), `INSERT INTO reply (id, submission_id, body, created_at) VALUES (gen_random_uuid(), $1, $2, now())`, a.ID, word)
		return true, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Store.AddNote(t.Context(), a.ID, reviewer(t, b), word); err != nil {
		t.Fatal(err)
	}
	if err := b.Store.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	until := b.Now().AddDate(0, 1, 0)
	if err := b.Store.Withdraw(t.Context(), a.ID, submission.Change{From: []string{"new"}, To: "withdrawn", PurgeAfter: until}); err != nil {
		t.Fatal(err)
	}
	r := record(t, b, a.ID)
	if r.Status != "withdrawn" || r.DecidedAt == nil || r.PurgeAfter.Format(time.DateOnly) != until.Format(time.DateOnly) {
		t.Errorf("%s, decided %v, deleted after %v", r.Status, r.DecidedAt, r.PurgeAfter)
	}
	for _, table := range []string{"submission", "answers", "message", "reply", "note", "submission_event"} {
		if n := value[int](t, b, `SELECT count(*) FROM `+table+` x WHERE x::text ILIKE '%`+word+`%'`); n > 0 {
			t.Errorf("%s still has the sender's words in %d rows", table, n)
		}
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	day := 24 * time.Hour
	move := func(id uuid.UUID, from, to string, decides bool) {
		t.Helper()
		c := submission.Change{From: []string{from}, To: to, By: reviewer(t, b), Decides: decides}
		if err := b.Store.Move(t.Context(), id, c); err != nil {
			t.Fatal(err)
		}
	}
	ids := map[string]uuid.UUID{}
	take := func(name string, adjust ...func(*submission.Entry)) uuid.UUID {
		e := entry(b, name+"@example.com", "hello")
		for _, f := range adjust {
			f(&e)
		}
		ids[name] = accept(t, b, e).ID
		return ids[name]
	}
	take("untouched")
	if err := b.Store.Assign(t.Context(), []uuid.UUID{take("assigned")}, reviewer(t, b).ID, submission.System); err != nil {
		t.Fatal(err)
	}
	if err := b.Store.AddNote(t.Context(), take("noted"), reviewer(t, b), "A note."); err != nil {
		t.Fatal(err)
	}
	take("apart", func(e *submission.Entry) { e.Quarantine = true })
	move(take("decided"), "new", "declined", true)
	move(take("asked"), "new", "asked_more", false)
	reopened, lately := take("reopened"), take("reopened lately")
	move(reopened, "new", "answered", false)
	move(lately, "new", "answered", false)
	b.Advance(day)
	move(reopened, "answered", "new", false)
	b.Advance(3 * day)
	move(lately, "answered", "new", false)
	take("fresh")
	filter := submission.Filter{Kinds: []string{"contact"}, Waiting: []submission.Wait{{Kind: "contact", Status: "new", Before: b.Now().Add(-2 * day)}}}
	waiting := func() []string {
		t.Helper()
		list, err := b.Store.List(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := b.Store.Count(t.Context(), filter); err != nil || n != len(list.Records) {
			t.Errorf("%d counted, %d listed, %v", n, len(list.Records), err)
		}
		var names []string
		for _, r := range list.Records {
			names = append(names, strings.TrimSuffix(r.Email, "@example.com"))
		}
		slices.Sort(names)
		return names
	}
	if diff := cmp.Diff(waiting(), []string{"assigned", "noted", "reopened", "untouched"}); diff != "" {
		t.Errorf("waiting (-got +want):\n%s", diff)
	}
	b.Advance(2*day + time.Minute)
	filter.Waiting[0].Before = b.Now().Add(-2 * day)
	if got := waiting(); !slices.Contains(got, "reopened lately") {
		t.Errorf("what came back two days ago does not wait: %v", got)
	}
	if filter.Waiting = []submission.Wait{}; len(waiting()) != 0 {
		t.Error("a kind without such a status waits")
	}
}

func TestConsentTakenByStaff(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for channel, want := range map[string]string{"": "form", "phone": "staff", "fair": "staff"} {
		for _, apart := range []bool{false, true} {
			e := entry(b, "p"+channel+"@example.com", "hello")
			e.Channel, e.Quarantine = channel, apart
			e.Values["text"] = []string{channel, strings.Repeat("x", len(channel))}
			if apart {
				e.Values["text"] = []string{"apart"}
			}
			id := accept(t, b, e).ID
			if apart {
				if err := b.Store.Restore(t.Context(), id, submission.System, nil); err != nil {
					t.Fatal(err)
				}
			}
			if got := value[string](t, b, `SELECT origin FROM consent_event WHERE submission_id = $1`, id); got != want {
				t.Errorf("channel %q, apart %t: origin %s, want %s", channel, apart, got, want)
			}
		}
	}
	if n := value[int](t, b, `SELECT count(*) FROM consent WHERE in_force`); n > 0 {
		t.Errorf("%d choices are in force without a confirmation", n)
	}
}

// withCV adds a file of these contents under a new id, as a page that is sent again does.
func withCV(t *testing.T, b *activitytest.Bench, e submission.Entry, contents string) submission.Entry {
	t.Helper()
	types, err := file.Types([]string{".txt"})
	if err != nil {
		t.Fatal(err)
	}
	staged, err := b.Files.Stage(context.Background(), file.Upload{
		Name: "cv.txt", Reader: strings.NewReader(contents), Accept: types, Max: 1 << 20, Field: "cv",
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Files = []file.Staged{staged}
	e.Values["cv"] = []string{staged.ID.String()}
	e.Form.Fields = append(slices.Clone(e.Form.Fields), form.Field{Name: "cv", Label: "CV", Kind: form.File, Why: "to read"})
	e.Seal = form.NewSeal(e.Form, e.Seal.Statement, b.Now())
	return e
}

func TestTheSameAnswersAreOneVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := accept(t, b, withCV(t, b, entry(b, "ada@example.com", "hello"), "Ten years of pumps.")).ID
	c := submission.Change{From: []string{"new"}, To: "asked_more", By: submission.System}
	if err := b.Store.Move(t.Context(), id, c); err != nil {
		t.Fatal(err)
	}
	b.Advance(time.Hour)
	var wait sync.WaitGroup
	for range 8 {
		again := withCV(t, b, entry(b, "ada@example.com", "hello again"), "Eleven years of pumps.")
		wait.Go(func() {
			back := &submission.Change{From: []string{"asked_more"}, To: "new", Kind: "answered_again", By: submission.Sender}
			if err := b.Store.Answer(t.Context(), id, again, back); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := value[int](t, b, `SELECT max(version) FROM answers WHERE submission_id = $1`, id); n != 2 {
		t.Errorf("%d versions, want 2", n)
	}
	if n := value[int](t, b, `SELECT count(*) FROM file WHERE submission_id = $1`, id); n != 2 {
		t.Errorf("%d files, want 2", n)
	}
	if r := record(t, b, id); r.Status != "new" || r.ReadAt != nil {
		t.Errorf("%s, read %v", r.Status, r.ReadAt)
	}
	if err := b.Store.Move(t.Context(), id, c); err != nil {
		t.Fatal(err)
	}
	same := withCV(t, b, entry(b, "ada@example.com", "hello again"), "Eleven years of pumps.")
	back := &submission.Change{From: []string{"asked_more"}, To: "new", Kind: "answered_again", By: submission.Sender}
	if err := b.Store.Answer(t.Context(), id, same, back); err != nil || record(t, b, id).Status != "new" {
		t.Errorf("who was asked for more and has nothing to add: %s, %v", record(t, b, id).Status, err)
	}
	if n := value[int](t, b, `SELECT max(version) FROM answers WHERE submission_id = $1`, id); n != 2 {
		t.Errorf("%d versions, want still 2", n)
	}
}

func TestAnswerAfterTheEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*activitytest.Bench, uuid.UUID) error{
		"decided": func(b *activitytest.Bench, id uuid.UUID) error {
			return b.Store.Move(t.Context(), id, submission.Change{From: []string{"new"}, To: "declined", By: reviewer(t, b), Decides: true})
		},
		"withdrawn": func(b *activitytest.Bench, id uuid.UUID) error {
			return b.Store.Withdraw(t.Context(), id, submission.Change{From: []string{"new"}, To: "withdrawn"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			id := accept(t, b, entry(b, "ada@example.com", "hello")).ID
			shown := entry(b, "ada@example.com", "mended")
			b.Advance(time.Minute)
			if err := end(b, id); err != nil {
				t.Fatal(err)
			}
			for _, c := range []*submission.Change{nil, {From: []string{"asked_more"}, To: "new", By: submission.Sender}} {
				if err := b.Store.Answer(t.Context(), id, shown, c); !errors.Is(err, submission.ErrAnswered) {
					t.Errorf("a new version: %v", err)
				}
			}
			if n := value[int](t, b, `SELECT count(*) FROM answers WHERE submission_id = $1`, id); n != 1 {
				t.Errorf("%d versions, want 1", n)
			}
		})
	}
	b := newBench(t)
	if err := b.Store.Answer(t.Context(), uuid.New(), entry(b, "ada@example.com", "hello"), nil); !errors.Is(err, submission.ErrNotFound) {
		t.Errorf("an unknown record: %v", err)
	}
}

// TestQuarantineEndsInThirtyDays sets records apart as they come and later; restored, they are kept as long as before.
func TestQuarantineEndsInThirtyDays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	keep := func(id uuid.UUID, days int) {
		t.Helper()
		want := activitytest.Start().AddDate(0, 0, days).Format(time.DateOnly)
		if got := record(t, b, id).PurgeAfter.Format(time.DateOnly); got != want {
			t.Errorf("deleted after %s, want %s", got, want)
		}
	}
	restore := func(id uuid.UUID) {
		t.Helper()
		if err := b.Store.Restore(t.Context(), id, submission.System, nil); err != nil {
			t.Fatal(err)
		}
	}
	e := entry(b, "ada@example.com", "doubtful")
	e.Quarantine, e.PurgeAfter = true, b.Now().AddDate(0, 0, 500)
	came := accept(t, b, e)
	accept(t, b, e) // again
	keep(came.ID, 30)
	e = entry(b, "ada@example.com", "short")
	e.Quarantine, e.PurgeAfter = true, b.Now().AddDate(0, 0, 7)
	keep(accept(t, b, e).ID, 7)
	e = entry(b, "ada@example.com", "held")
	e.PurgeAfter = b.Now().AddDate(0, 0, 400)
	held := accept(t, b, e)
	b.Advance(24 * time.Hour)
	for range 2 {
		if err := b.Store.Quarantine(t.Context(), []uuid.UUID{held.ID}, submission.System); err != nil {
			t.Fatal(err)
		}
	}
	keep(held.ID, 31)
	restore(came.ID)
	keep(came.ID, 500)
	restore(held.ID)
	keep(held.ID, 400)
	if n := value[int](t, b, `SELECT count(*) FROM submission_event WHERE kind = 'quarantined'`); n != 3 {
		t.Errorf("%d quarantines noted", n)
	}
	if err := b.Store.Quarantine(t.Context(), []uuid.UUID{held.ID}, submission.System); err != nil {
		t.Fatal(err)
	}
	change := submission.Change{From: []string{"new"}, To: "withdrawn", PurgeAfter: activitytest.Start().AddDate(0, 0, 40)}
	if err := b.Store.Withdraw(t.Context(), held.ID, change); err != nil {
		t.Fatal(err)
	}
	restore(held.ID)
	keep(held.ID, 40)
}
