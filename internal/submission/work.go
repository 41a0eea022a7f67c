package submission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
)

// Actor is who does something to a record. The zero ID stands for its sender or for the program itself.
type Actor struct {
	ID   uuid.UUID
	Role string // "sender", "system", or the role of staff under which it was done
}

// The actors that are not staff.
var (
	Sender = Actor{Role: "sender"} //nolint:gochecknoglobals // a constant in all but syntax
	System = Actor{Role: "system"} //nolint:gochecknoglobals // likewise
)

// Event is a fact about a record: what happened, when, by whom; no words of a person.
type Event struct {
	ID     int64             `db:"id"`
	Kind   string            `db:"kind"`
	Role   string            `db:"actor_role"`
	Actor  uuid.NullUUID     `db:"actor_id"`
	Detail map[string]string `db:"detail"`
	At     time.Time         `db:"at"`
}

// Events returns what happened to a record, oldest first.
func (s *Store) Events(ctx context.Context, id uuid.UUID) ([]Event, error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT id, kind, actor_role, actor_id, detail, at FROM submission_event WHERE submission_id = $1 ORDER BY id`, id)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	events, err := pgx.CollectRows(rows, pgx.RowToStructByName[Event])
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

func (s *Store) event(ctx context.Context, tx pgx.Tx, id uuid.UUID, kind string, by Actor, detail map[string]string) error {
	if detail == nil {
		detail = map[string]string{}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO submission_event (submission_id, kind, actor_role, actor_id, detail, at)
		VALUES ($1, $2, $3, $4, $5, $6)`, id, kind, by.Role, nullable(by.ID), detail, s.Now())
	if err != nil {
		return fmt.Errorf("record event: %w", err)
	}
	return nil
}

// Read logs that staff opened the record (P-5), and tells its sender so by role and day.
func (s *Store) Read(ctx context.Context, id uuid.UUID, by Actor) error {
	return s.change(ctx, "read", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE submission SET read_at = coalesce(read_at, $2) WHERE id = $1`, id, s.Now())
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrNotFound
		}
		return audit.Record(ctx, tx, audit.Event{
			At: s.Now(), ActorID: nullable(by.ID), Role: by.Role, Action: "read", Object: "submission", ObjectID: nullable(id),
		})
	})
}

func (s *Store) change(ctx context.Context, what string, fn func(pgx.Tx) error) error {
	if err := pgx.BeginFunc(ctx, s.Pool, fn); err != nil {
		return fmt.Errorf("%s submission: %w", what, err)
	}
	return nil
}

// Change is a step of a record from one status to another, with the mail that goes with it.
type Change struct {
	From       []string // statuses it is allowed from
	To         string
	Kind       string // of the event; empty: "moved"
	Detail     map[string]string
	By         Actor
	Decides    bool // the request is answered with it
	PurgeAfter time.Time
	Message    *mail.Message // to the sender; its NotBefore leaves time for Undo
	Moved      Moved         // nil: nothing else follows
}

// Moved is what an activity does with a change of status, within its transaction: a freed seat goes to the next in line.
type Moved func(ctx context.Context, tx pgx.Tx, r Record, to string) error

// Move changes the status, or returns ErrMove where the record is not in one of From. A message goes to the person.
func (s *Store) Move(ctx context.Context, id uuid.UUID, c Change) error {
	return s.change(ctx, "move", func(tx pgx.Tx) error { return s.MoveTx(ctx, tx, id, c) })
}

// MoveTx is Move within a transaction of the caller's.
func (s *Store) MoveTx(ctx context.Context, tx pgx.Tx, id uuid.UUID, c Change) error {
	var from, kept string
	err := tx.QueryRow(ctx, `
		SELECT status, purge_after::text FROM submission WHERE id = $1 FOR UPDATE`, id).Scan(&from, &kept)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return err
	}
	if !slices.Contains(c.From, from) {
		return ErrMove
	}
	var decided *time.Time
	now := s.Now()
	if c.Decides {
		decided = &now
	}
	if _, err := tx.Exec(ctx, `
		UPDATE submission SET status = $2, decided_at = $3, purge_after = coalesce($4, purge_after) WHERE id = $1`,
		id, c.To, decided, nullTime(c.PurgeAfter)); err != nil {
		return err
	}
	if c.Moved != nil {
		r, err := s.get(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := c.Moved(ctx, tx, r, c.To); err != nil {
			return err
		}
	}
	detail := map[string]string{"from": from, "to": c.To, "kept": kept}
	for k, v := range c.Detail {
		detail[k] = v
	}
	if c.Message != nil {
		if c.Message.ID == uuid.Nil {
			c.Message.ID = uuid.Must(uuid.NewV7())
		}
		detail["message"] = c.Message.ID.String()
		if err := s.send(ctx, tx, id, *c.Message); err != nil {
			return err
		}
	}
	kind := c.Kind
	if kind == "" {
		kind = "moved"
	}
	return s.event(ctx, tx, id, kind, c.By, detail)
}

func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Send mails the sender of a record, and notes that in its history.
func (s *Store) Send(ctx context.Context, id uuid.UUID, by Actor, m mail.Message) error {
	return s.change(ctx, "write about", func(tx pgx.Tx) error {
		if m.ID == uuid.Nil {
			m.ID = uuid.Must(uuid.NewV7())
		}
		if err := s.send(ctx, tx, id, m); err != nil {
			return err
		}
		return s.event(ctx, tx, id, "letter", by, map[string]string{"message": m.ID.String(), "template": m.Template})
	})
}

// SendTx adds a message to the record's sender within a transaction of the caller's. ErrNotFound says that nobody is
// there to be written to.
func (s *Store) SendTx(ctx context.Context, tx pgx.Tx, id uuid.UUID, m mail.Message) error {
	return s.send(ctx, tx, id, m)
}

// Release forgets what was sent, so that sending the same once more is no repeat: the request was cancelled.
func (s *Store) Release(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `UPDATE submission SET digest = NULL WHERE id = $1`, id); err != nil {
		return fmt.Errorf("release submission: %w", err)
	}
	return nil
}

// send adds a message to the record's sender, under the statement that was shown with the first answers.
func (s *Store) send(ctx context.Context, tx pgx.Tx, id uuid.UUID, m mail.Message) error {
	err := tx.QueryRow(ctx, `
		SELECT s.person_id, p.email, a.statement_version
		FROM submission s
		JOIN person p ON p.id = s.person_id
		JOIN answers a ON a.submission_id = s.id AND a.version = 1
		WHERE s.id = $1 AND p.erased_at IS NULL`, id).Scan(&m.Person, &m.Address, &m.Basis)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return err
	}
	m.Submission = nullable(id)
	return s.Mail.Insert(ctx, tx, m)
}

// UndoWindow is how long a letter waits before it leaves.
const UndoWindow = 60 * time.Second

// Undo takes back the last change that brought a letter, while that has not left: the message is cancelled and the
// status is again what it was. mail.ErrLeft says that it is too late.
func (s *Store) Undo(ctx context.Context, id uuid.UUID, by Actor) error {
	return s.change(ctx, "undo change of", func(tx pgx.Tx) error {
		var detail map[string]string
		err := tx.QueryRow(ctx, `
			SELECT detail FROM submission_event WHERE submission_id = $1 AND kind IN ('moved', 'letter', 'asked')
			ORDER BY id DESC LIMIT 1`, id).Scan(&detail)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrMove
		}
		if err != nil {
			return err
		}
		message, err := uuid.Parse(detail["message"])
		if err != nil {
			return ErrMove
		}
		if err := s.Mail.Cancel(ctx, tx, message); err != nil {
			return err
		}
		if detail["to"] != "" {
			tag, err := tx.Exec(ctx, `
				UPDATE submission SET status = $3, decided_at = NULL, purge_after = coalesce(nullif($4, '')::date, purge_after)
				WHERE id = $1 AND status = $2`, id, detail["to"], detail["from"], detail["kept"])
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 {
				return ErrMove
			}
		}
		return s.event(ctx, tx, id, "undone", by, map[string]string{"message": detail["message"]})
	})
}

// Assign gives records to a member of staff; the nil UUID takes them back.
func (s *Store) Assign(ctx context.Context, ids []uuid.UUID, to uuid.UUID, by Actor) error {
	return s.change(ctx, "assign", func(tx pgx.Tx) error {
		for _, id := range ids {
			if _, err := tx.Exec(ctx, `UPDATE submission SET assignee_id = $2 WHERE id = $1`, id, nullable(to)); err != nil {
				return err
			}
			if err := s.event(ctx, tx, id, "assigned", by, map[string]string{"to": to.String()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Quarantine sets records apart: their mail is stopped.
func (s *Store) Quarantine(ctx context.Context, ids []uuid.UUID, by Actor) error {
	return s.change(ctx, "quarantine", func(tx pgx.Tx) error {
		for _, id := range ids {
			tag, err := tx.Exec(ctx, `UPDATE submission SET quarantined_at = $2 WHERE id = $1 AND quarantined_at IS NULL`, id, s.Now())
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 {
				continue
			}
			if err := s.Mail.CancelAbout(ctx, tx, id); err != nil {
				return err
			}
			if err := s.event(ctx, tx, id, "quarantined", by, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// Restore takes a record out of quarantine: the consents given in it are recorded now, and the mail that it would have
// brought leaves.
func (s *Store) Restore(ctx context.Context, id uuid.UUID, by Actor, messages []mail.Message) error {
	return s.change(ctx, "restore", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE submission SET quarantined_at = NULL WHERE id = $1 AND quarantined_at IS NOT NULL`, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrMove
		}
		if err := s.restoreConsents(ctx, tx, id); err != nil {
			return err
		}
		for _, m := range messages {
			if m.Address != "" {
				m.Submission = nullable(id)
				err = s.Mail.Insert(ctx, tx, m)
			} else {
				err = s.send(ctx, tx, id, m)
			}
			if err != nil {
				return err
			}
		}
		return s.event(ctx, tx, id, "restored", by, nil)
	})
}

func (s *Store) restoreConsents(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	var known bool
	var email string
	var v Version
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM consent_event WHERE submission_id = $1), p.email, a.statement_version, a.form_revision,
			r.fields, a.values
		FROM submission s JOIN person p ON p.id = s.person_id
		JOIN answers a ON a.submission_id = s.id AND a.version = 1
		JOIN form_revision r ON r.digest = a.form_revision
		WHERE s.id = $1`, id).Scan(&known, &email, &v.Statement, &v.Revision, &v.Fields, &v.Values)
	if errors.Is(err, pgx.ErrNoRows) || known {
		return nil
	}
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	for _, c := range consents(v.Fields, v.Values, v.Statement, v.Revision, s.Now()) {
		consent.AddFor(b, id, email, c)
	}
	return tx.SendBatch(ctx, b).Close()
}

// Reply records that the sender wrote; store keeps the words and tells whether they were new. The record is unread
// again.
func (s *Store) Reply(ctx context.Context, id uuid.UUID, store func(pgx.Tx) (bool, error)) error {
	return s.change(ctx, "reply to", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE submission SET read_at = NULL WHERE id = $1`, id); err != nil {
			return err
		}
		stored, err := store(tx)
		if err != nil || !stored {
			return err
		}
		return s.event(ctx, tx, id, "replied", Sender, nil)
	})
}

// Note is what a member of staff wrote beside a record. The person may ask to see it.
type Note struct {
	ID     uuid.UUID `db:"id"`
	Author uuid.UUID `db:"author_id"`
	Body   string    `db:"body"`
	At     time.Time `db:"created_at"`
}

// AddNote stores a note.
func (s *Store) AddNote(ctx context.Context, id uuid.UUID, by Actor, body string) error {
	return s.change(ctx, "note on", func(tx pgx.Tx) error {
		note := uuid.Must(uuid.NewV7())
		if _, err := tx.Exec(ctx, `
			INSERT INTO note (id, submission_id, author_id, body, created_at) VALUES ($1, $2, $3, $4, $5)`,
			note, id, by.ID, body, s.Now()); err != nil {
			return err
		}
		return s.event(ctx, tx, id, "noted", by, map[string]string{"note": note.String()})
	})
}

// Notes returns the notes beside a record, oldest first.
func (s *Store) Notes(ctx context.Context, id uuid.UUID) ([]Note, error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT id, author_id, body, created_at FROM note WHERE submission_id = $1 ORDER BY created_at, id`, id)
	if err != nil {
		return nil, fmt.Errorf("read notes: %w", err)
	}
	notes, err := pgx.CollectRows(rows, pgx.RowToStructByName[Note])
	if err != nil {
		return nil, fmt.Errorf("read notes: %w", err)
	}
	return notes, nil
}

// Answer adds a new version of the answers: the sender mended or completed them. The record is unread again, and its
// status becomes c.To where c is given.
func (s *Store) Answer(ctx context.Context, id uuid.UUID, e Entry, c *Change) error {
	revision, err := s.Revision(ctx, e.Form)
	if err != nil {
		return err
	}
	values, err := json.Marshal(e.Values)
	if err != nil {
		return fmt.Errorf("answer again: %w", err)
	}
	return s.change(ctx, "answer", func(tx pgx.Tx) error {
		// The lock of the record orders versions that come at once.
		if _, err := tx.Exec(ctx, `
			UPDATE submission SET name = $2, organisation = $3, read_at = NULL, indexed_at = NULL WHERE id = $1`,
			id, e.Name, e.Company); err != nil {
			return err
		}
		b := &pgx.Batch{}
		b.Queue(`
			INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
			SELECT $1, max(version) + 1, $2, $3, $4, $5, $6 FROM answers WHERE submission_id = $1`,
			id, revision, e.Seal.Statement, form.Lang, string(values), s.Now())
		ids := make([]uuid.UUID, 0, len(e.Files))
		for _, f := range e.Files {
			ids = append(ids, f.ID)
		}
		s.Files.Attach(b, id, ids...)
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		if c != nil {
			return s.MoveTx(ctx, tx, id, *c)
		}
		return s.event(ctx, tx, id, "answered_again", Sender, nil)
	})
}

// Withdraw ends a request at its sender's wish: the answers and files go, and the same could be sent anew. What is
// kept is that there was a request, until its deletion date.
// moved, if given, runs with the change of status.
func (s *Store) Withdraw(ctx context.Context, id uuid.UUID, to string, allowed []string, moved Moved) error {
	return s.change(ctx, "withdraw", func(tx pgx.Tx) error {
		c := Change{From: allowed, To: to, Kind: "withdrawn", By: Sender, Decides: true, Moved: moved}
		if err := s.MoveTx(ctx, tx, id, c); err != nil {
			return err
		}
		if err := s.Mail.CancelAbout(ctx, tx, id); err != nil {
			return err
		}
		b := &pgx.Batch{}
		b.Queue(`UPDATE submission SET digest = NULL, name = '', organisation = '', source = NULL, search = NULL WHERE id = $1`, id)
		b.Queue(`UPDATE answers SET values = '{}' WHERE submission_id = $1`, id)
		b.Queue(`DELETE FROM note WHERE submission_id = $1`, id)
		s.Files.QueueErase(b, id)
		return tx.SendBatch(ctx, b).Close()
	})
}
