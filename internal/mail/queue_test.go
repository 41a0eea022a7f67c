package mail_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/postgres"
)

func TestGateRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	eve, about := w.person("eve@example.com"), w.submission(ada)
	letter := mail.Letter{Subject: "s"}
	digest := mail.Confirm{What: "w", Wording: "w", URL: "/"}
	for _, c := range []struct {
		name string
		m    mail.Message
		want string
	}{
		{
			"promotion without consent",
			mail.Message{Person: valid(ada), Template: "digest", Address: "ada@example.com", Data: digest},
			"no consent in force for newsletter by email",
		}, {
			"service to nobody",
			mail.Message{Template: "letter", Address: "ada@example.com", Data: letter},
			"a message of this purpose needs a person",
		}, {
			"internal to a person",
			mail.Message{Person: valid(ada), Template: "inbox", Address: "ada@example.com", Data: mail.Inbox{}},
			"an internal message goes to no person",
		}, {
			"no basis",
			mail.Message{
				Person: valid(ada), Submission: valid(about), Template: "letter", Address: "ada@example.com", Data: letter,
			},
			"statement (none) was not shown with the record",
		}, {
			"a false basis",
			mail.Message{
				Person: valid(ada), Submission: valid(about), Basis: "v2", Template: "letter", Address: "ada@example.com", Data: letter,
			},
			"statement v2 was not shown with the record",
		}, {
			"a letter about nothing",
			mail.Message{Person: valid(ada), Template: "letter", Address: "ada@example.com", Data: letter},
			"a message of this kind is about a record",
		}, {
			"about another's record",
			mail.Message{
				Person: valid(eve), Submission: valid(about), Basis: statement, Template: "letter", Address: "eve@example.com", Data: letter,
			},
			"the record is not the person's",
		}, {
			"to another's address",
			mail.Message{
				Person: valid(ada), Submission: valid(about), Basis: statement, Template: "letter", Address: "eve@example.com", Data: letter,
			},
			"the address is not the person's",
		}, {
			"about nothing, to another's address",
			mail.Message{Person: valid(ada), Template: "confirm", Address: "eve@example.com", Data: digest},
			"the address is not the person's",
		}, {
			"conduct that no statement names",
			mail.Message{Person: valid(ada), Submission: valid(about), Template: "conduct", Address: "ada@example.com", Data: mail.Conduct{}},
			"statement v1 names no conduct mail about contact",
		},
	} {
		err := w.insert(c.m)
		if !errors.Is(err, mail.ErrRefused) || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want refusal %q", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "ada@") {
			t.Errorf("%s: the error names the address", c.name)
		}
	}
	w.choose(ada, true)
	w.digest(ada, "ada@example.com")
	if err := w.insert(mail.Message{Person: valid(ada), Template: "digest", Address: "eve@example.com", Data: digest}); !errors.Is(err, mail.ErrRefused) {
		t.Errorf("consent of another address: got %v", err)
	}
	w.exec(`INSERT INTO suppression (address_hmac, purpose, channel, reason, at) VALUES ($1, 'newsletter', 'email', 'letter', now())`,
		[]byte("ada@example.com"))
	if err := w.insert(mail.Message{Person: valid(ada), Template: "digest", Address: "ada@example.com", Data: digest}); !errors.Is(err, mail.ErrRefused) {
		t.Errorf("suppressed address: got %v", err)
	}
}

func TestInsertAsMarketing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	w.choose(ada, true)
	err := postgres.AsMarketing(t.Context(), w.pool, func(tx pgx.Tx) error {
		return w.queue.Insert(t.Context(), tx, mail.Message{
			Person: valid(ada), Template: "digest", Address: "ada@example.com", Data: mail.Confirm{What: "w", URL: "/"},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	w.drain()
	if got := len(w.server.To("ada@example.com")); got != 1 {
		t.Errorf("got %d mails", got)
	}
}

func TestAddRefusesWhatCannotBeDrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var b pgx.Batch
	for name, m := range map[string]mail.Message{
		"unknown template": {Template: "none", Address: "a@example.com", Data: mail.Code{}},
		"other data":       {Template: "letter", Address: "a@example.com", Data: mail.Code{}},
		"a pointer":        {Template: "code", Address: "a@example.com", Data: &mail.Code{}},
		"no data":          {Template: "code", Address: "a@example.com"},
		"no address":       {Template: "code", Data: mail.Code{}},
	} {
		if err := w.queue.Add(&b, m, w.clock.Now()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if b.Len() != 0 {
		t.Errorf("%d statements queued", b.Len())
	}
}

// Accept writes person, submission and messages in one batch; a submission that was there already adds no message.
func TestAddForFollowsTheSubmission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	stored, twice := w.submission(ada), newID(t)
	var b pgx.Batch
	for _, s := range []uuid.UUID{stored, twice} {
		for _, m := range []struct {
			email string
			mail.Message
		}{
			{"ada@example.com", mail.Message{Template: "received", Basis: statement, Data: mail.Received{
				What: "question", Reference: "CO-1", ReceiptURL: "/r/x",
			}}},
			{"", mail.Message{Template: "inbox", Address: "hello@example.com", Data: mail.Inbox{
				Kind: "Question", Reference: "CO-1", URL: "/staff/x",
			}}},
		} {
			if err := w.queue.AddFor(&b, s, m.email, m.Message, w.clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.pool.SendBatch(t.Context(), &b).Close(); err != nil {
		t.Fatal(err)
	}
	items, err := w.queue.OfSubmission(t.Context(), stored)
	if err != nil {
		t.Fatal(err)
	}
	type brief struct {
		Template, Purpose, Address, Basis string
		Person                            uuid.NullUUID
	}
	var got []brief
	for _, i := range items {
		got = append(got, brief{i.Template, i.Purpose, i.Address, i.Basis, i.Person})
	}
	want := []brief{
		{"received", "service", "ada@example.com", statement, valid(ada)},
		{"inbox", "internal", "hello@example.com", "", uuid.NullUUID{}},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("messages (-got +want):\n%s", diff)
	}
	if items, err := w.queue.OfSubmission(t.Context(), twice); err != nil || len(items) != 0 {
		t.Errorf("messages about a submission that is not stored: %v, %v", items, err)
	}
	w.drain()
	if got := len(w.server.Mails()); got != 2 {
		t.Errorf("got %d mails", got)
	}
}

func TestRefusalInABatchIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var b pgx.Batch
	if err := w.queue.Add(&b, mail.Message{Template: "code", Address: "a@example.com", Data: mail.Code{}}, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	err := mail.Refused(w.pool.SendBatch(t.Context(), &b).Close())
	if !errors.Is(err, mail.ErrRefused) {
		t.Errorf("got %v", err)
	}
	if other := errors.New("other"); !errors.Is(mail.Refused(other), other) || mail.Refused(nil) != nil {
		t.Error("other errors are changed")
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	undo := w.about(mail.Message{
		ID: newID(t), Person: valid(ada), Template: "letter", Address: "ada@example.com",
		Data: mail.Letter{Subject: "Sorry"}, NotBefore: w.clock.Now().Add(time.Minute),
	})
	if err := w.insert(undo); err != nil {
		t.Fatal(err)
	}
	w.drain()
	cancel := func(id uuid.UUID) error {
		return pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error { return w.queue.Cancel(t.Context(), tx, id) })
	}
	if err := cancel(undo.ID); err != nil {
		t.Fatal(err)
	}
	if err := cancel(undo.ID); !errors.Is(err, mail.ErrLeft) {
		t.Errorf("cancelled twice: got %v", err)
	}
	left := w.letter(ada, "ada@example.com")
	w.clock.Pass(2 * time.Minute)
	w.drain()
	if err := cancel(left); !errors.Is(err, mail.ErrLeft) {
		t.Errorf("cancelled after sending: got %v", err)
	}
	if got := len(w.server.Mails()); got != 1 {
		t.Errorf("got %d mails, want the one not cancelled", got)
	}
	about := w.submission(ada)
	m := mail.Message{
		ID: newID(t), Person: valid(ada), Submission: valid(about), Basis: statement, Template: "letter",
		Address: "ada@example.com", Data: mail.Letter{Subject: "s"},
	}
	if err := w.insert(m); err != nil {
		t.Fatal(err)
	}
	if err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		return w.queue.CancelAbout(t.Context(), tx, about)
	}); err != nil {
		t.Fatal(err)
	}
	if got := w.row(m.ID).State; got != "cancelled" {
		t.Errorf("message about a withdrawn submission is %s", got)
	}
}

// What failed, or was withheld, is over like what waits: nobody can have it sent again.
func TestCancelOfWhatCanBeSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	for state, want := range map[string]string{"queued": "cancelled", "failed": "cancelled", "withheld": "cancelled", "sent": "sent"} {
		m := w.about(mail.Message{
			ID: newID(t), Person: valid(ada), Template: "letter", Address: "ada@example.com", Data: mail.Letter{Subject: "A seat"},
		})
		if err := w.insert(m); err != nil {
			t.Fatal(err)
		}
		w.exec(`UPDATE message SET state = $2 WHERE id = $1`, m.ID, state)
		w.exec(`
			WITH o AS (INSERT INTO account (id, kind, email, name, created_at)
				VALUES (gen_random_uuid(), 'staff', gen_random_uuid() || '@example.com', 'Grace', now()) RETURNING id)
			INSERT INTO legal_hold (id, scope, submission_id, ground, officer_id, placed_at, reviewed_at, review_on)
			SELECT gen_random_uuid(), 'record', $1, 'A claim', id, now(), now(), now()::date + 30 FROM o`, m.Submission.UUID)
		var stopped []string
		if err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) (err error) {
			stopped, err = w.queue.CancelOf(t.Context(), tx, m.Submission.UUID, "letter")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if got := w.row(m.ID).State; got != want || (len(stopped) == 1) != (want == "cancelled") {
			t.Errorf("%s becomes %s, stopped %v", state, got, stopped)
		}
	}
}

func TestListsAndRetention(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, eve := w.person("ada@example.com"), w.person("eve@example.com")
	var failed []uuid.UUID
	for range 5 {
		id := w.letter(ada, "ada@example.com")
		w.exec(`UPDATE message SET state = 'failed', last_error = 'x' WHERE id = $1`, id)
		failed = append([]uuid.UUID{id}, failed...)
	}
	w.letter(eve, "eve@example.com")
	var got []uuid.UUID
	for at := (mail.Cursor{}); ; {
		page, err := w.queue.Failed(t.Context(), at, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page {
			got = append(got, i.ID)
		}
		if len(page) < 2 {
			break
		}
		at = mail.Cursor{At: page[1].CreatedAt, ID: page[1].ID}
	}
	if diff := cmp.Diff(got, failed); diff != "" {
		t.Errorf("failed messages by pages (-got +want):\n%s", diff)
	}
	if items, err := w.queue.OfPerson(t.Context(), ada); err != nil || len(items) != 5 {
		t.Errorf("got %d messages of the person, %v", len(items), err)
	}
	if _, drawn, err := w.queue.Show(t.Context(), failed[0]); err != nil || drawn.Subject != "Words" {
		t.Errorf("show: %q, %v", drawn.Subject, err)
	}
	w.clock.Pass(time.Hour)
	if n, err := w.queue.Prune(t.Context(), w.clock.Now()); err != nil || n != 5 {
		t.Errorf("pruned %d, %v: want the failed ones, not the one to be sent", n, err)
	}
	if item, drawn, err := w.queue.Show(t.Context(), failed[0]); err != nil || item.ID != failed[0] || drawn != (mail.Drawn{}) {
		t.Errorf("show after retention: %v, %v", drawn, err)
	}
	if err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error { return w.queue.Erase(t.Context(), tx, ada, time.Now().AddDate(100, 0, 0)) }); err != nil {
		t.Fatal(err)
	}
	if items, err := w.queue.OfPerson(t.Context(), ada); err != nil || len(items) != 0 {
		t.Errorf("%d messages outlive erasure, %v", len(items), err)
	}
	if _, _, err := w.queue.Show(t.Context(), failed[0]); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("show after erasure: %v", err)
	}
}
