package submission

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/mail"
)

// Send mails the sender of a record, and notes that in its history: as "letter" what staff wrote, else by the name of
// the template. ErrMove says that the record is set apart.
func (s *Store) Send(ctx context.Context, id uuid.UUID, by Actor, m mail.Message) error {
	return s.change(ctx, "write about", func(tx pgx.Tx) error { return s.SendNoted(ctx, tx, id, by, m) })
}

// SendNoted is Send within a transaction of the caller's.
func (s *Store) SendNoted(ctx context.Context, tx pgx.Tx, id uuid.UUID, by Actor, m mail.Message) error {
	if m.ID == uuid.Nil {
		m.ID = uuid.Must(uuid.NewV7())
	}
	h, err := hold(ctx, tx, id)
	if err != nil {
		return err
	}
	if h.apart {
		return ErrMove
	}
	if err := s.SendTx(ctx, tx, id, m); err != nil {
		return err
	}
	return s.event(ctx, tx, id, m.Template, by, map[string]string{"message": m.ID.String(), "template": m.Template})
}

// SendTx adds a message to the record's sender, of which its history says nothing, within a transaction of the caller's, under the statement that was shown with
// the answers that count. ErrNotFound says that nobody is there to be written to.
func (s *Store) SendTx(ctx context.Context, tx pgx.Tx, id uuid.UUID, m mail.Message) error {
	err := tx.QueryRow(ctx, `
		SELECT c.person_id, p.email, c.version
		FROM collected c JOIN person p ON p.id = c.person_id
		WHERE c.submission_id = $1 AND p.erased_at IS NULL`, id).Scan(&m.Person, &m.Address, &m.Basis)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return err
	}
	m.Submission = nullable(id)
	return s.Mail.Insert(ctx, tx, m)
}

// sendAll adds messages about a record: to its sender where they have no address.
func (s *Store) sendAll(ctx context.Context, tx pgx.Tx, id uuid.UUID, messages []mail.Message) error {
	for _, m := range messages {
		var err error
		if m.Address != "" {
			m.Submission = nullable(id)
			err = s.Mail.Insert(ctx, tx, m)
		} else {
			err = s.SendTx(ctx, tx, id, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// UndoWindow is how long a letter waits before it leaves.
const UndoWindow = 60 * time.Second

// AsTold returns a record as its sender may know of it: while the letter of its last step can be taken back, nothing has
// happened yet.
func (s *Store) AsTold(ctx context.Context, r Record) (Record, error) {
	var (
		since *time.Time
		kept  time.Time
		told  = r
	)
	told.DecidedAt = nil
	err := s.Pool.QueryRow(ctx, `
		SELECT e.detail ->> 'from', nullif(e.detail ->> 'since', '')::timestamptz, nullif(e.detail ->> 'decided', '')::timestamptz,
			coalesce(nullif(e.detail ->> 'kept', '')::date, s.purge_after)
		FROM submission s
		JOIN submission_event e ON e.submission_id = s.id AND e.detail ->> 'to' = s.status AND e.detail ? 'from'
		JOIN message m ON m.id = (e.detail ->> 'message')::uuid
		WHERE s.id = $1 AND s.status = $2 AND m.state = 'queued' AND m.attempts = 0 AND m.next_at > $3
		ORDER BY e.id DESC LIMIT 1`,
		r.ID, r.Status, s.Now()).Scan(&told.Status, &since, &told.DecidedAt, &kept)
	if errors.Is(err, pgx.ErrNoRows) {
		return r, nil
	}
	if err != nil {
		return Record{}, fmt.Errorf("read what a sender was told: %w", err)
	}
	told.StatusSince, told.PurgeAfter = r.CreatedAt, kept
	if since != nil {
		told.StatusSince = *since
	}
	return told, nil
}

// retract takes back the letter of a decision that staff take back, while it has not left: it would say what is no longer
// so.
func (s *Store) retract(ctx context.Context, tx pgx.Tx, id uuid.UUID, decision string, c Change) error {
	var message uuid.UUID
	err := tx.QueryRow(ctx, `
		SELECT detail ->> 'message' FROM submission_event
		WHERE submission_id = $1 AND detail ->> 'to' = $2 AND detail ? 'message' ORDER BY id DESC LIMIT 1`,
		id, decision).Scan(&message)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err == nil {
		err = s.Mail.Cancel(ctx, tx, message)
	}
	if errors.Is(err, mail.ErrLeft) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.event(ctx, tx, id, "undone", c.By, map[string]string{"message": message.String(), "stays": c.To})
}

// Undo takes back what brought a letter, while that has not left: the message is cancelled and the status is again what
// it was; where that has changed since, it stays, and the event says so. mail.ErrLeft says that it is too late, ErrMove that
// the message is no such letter of this record.
func (s *Store) Undo(ctx context.Context, id uuid.UUID, by Actor, message uuid.UUID) error {
	return s.change(ctx, "undo change of", func(tx pgx.Tx) error {
		now, err := hold(ctx, tx, id)
		if err != nil {
			return err
		}
		var detail map[string]string
		err = tx.QueryRow(ctx, `
			SELECT detail FROM submission_event
			WHERE submission_id = $1 AND detail ->> 'message' = $2 AND kind IN ('moved', 'letter', 'asked')`,
			id, message.String()).Scan(&detail)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrMove
		}
		if err != nil {
			return err
		}
		if err := s.Mail.Cancel(ctx, tx, message); err != nil {
			return err
		}
		undone := map[string]string{"message": message.String()}
		switch detail["to"] {
		case "":
		case now.status:
			if _, err := tx.Exec(ctx, `
				UPDATE submission SET status = $2, status_since = nullif($3, '')::timestamptz,
					decided_at = nullif($4, '')::timestamptz,
					purge_after = coalesce(nullif($5, '')::date, kept_after, purge_after)
				WHERE id = $1`, id, detail["from"], detail["since"], detail["decided"], detail["kept"]); err != nil {
				return err
			}
		default:
			undone["stays"] = now.status
		}
		return s.event(ctx, tx, id, "undone", by, undone)
	})
}
