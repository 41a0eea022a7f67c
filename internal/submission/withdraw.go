package submission

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/audit"
)

// Withdraw ends a request at its sender's wish: answers, files, replies, notes and the words of its mail go, and the
// same could be sent anew. What is kept, until c.PurgeAfter, is that there was a request, which is found by its number. Of
// c it needs From, To and PurgeAfter; Moved, if given, runs with the change of status, after the mail about the request was
// stopped: what it mails leaves. ErrHeld says that a legal hold keeps what is there.
func (s *Store) Withdraw(ctx context.Context, id uuid.UUID, c Change) error {
	c.Kind, c.By, c.Decides = "withdrawn", Sender, true
	return s.change(ctx, "withdraw", func(tx pgx.Tx) error {
		if _, err := hold(ctx, tx, id); err != nil { // the record is locked first, and its messages after it
			return err
		}
		held, err := isHeld(ctx, tx, id)
		if err != nil {
			return err
		}
		if held {
			return ErrHeld
		}
		if err := s.Mail.CancelAbout(ctx, tx, id); err != nil {
			return err
		}
		if err := s.MoveTx(ctx, tx, id, c); err != nil {
			return err
		}
		b := &pgx.Batch{}
		// It counts as indexed, so that an index in the making, which may have read the answers already, passes it by.
		b.Queue(`
			UPDATE submission SET digest = NULL, name = '', organisation = '', source = NULL,
				search = to_tsvector('simple', reference), indexed_at = $2
			WHERE id = $1`, id, s.Now())
		b.Queue(`UPDATE answers SET values = '{}' WHERE submission_id = $1`, id)
		b.Queue(`UPDATE message SET data = '{}' WHERE submission_id = $1 AND state <> 'queued' AND data <> '{}'`, id)
		b.Queue(`DELETE FROM reply WHERE submission_id = $1`, id)
		b.Queue(`DELETE FROM note WHERE submission_id = $1`, id)
		s.Files.QueueErase(b, id)
		return tx.SendBatch(ctx, b).Close()
	})
}

// Held tells whether a legal hold covers a record: then it is kept as it is.
func (s *Store) Held(ctx context.Context, id uuid.UUID) (bool, error) { return isHeld(ctx, s.Pool, id) }

func isHeld(ctx context.Context, db audit.DB, id uuid.UUID) (bool, error) {
	rows, err := db.Query(ctx, `SELECT held(person_id, id, kind, created_at) FROM submission WHERE id = $1`, id)
	if err != nil {
		return false, fmt.Errorf("look for legal holds: %w", err)
	}
	held, err := pgx.CollectOneRow(rows, pgx.RowTo[bool])
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return false, fmt.Errorf("look for legal holds: %w", err)
	}
	return held, nil
}

// AwaitsErasure tells whether the record's sender asked to be erased, and something still keeps it.
func (s *Store) AwaitsErasure(ctx context.Context, id uuid.UUID) (waits bool, err error) {
	err = s.Pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM submission s JOIN erasure e USING (person_id) WHERE s.id = $1 AND e.done_at IS NULL)`, id).Scan(&waits)
	if err != nil {
		return false, fmt.Errorf("look for an erasure that waits: %w", err)
	}
	return waits, nil
}

// Restricted tells whether the record is kept only, and used for nothing, at its sender's wish.
func (s *Store) Restricted(ctx context.Context, id uuid.UUID) (restricted bool, err error) {
	err = s.Pool.QueryRow(ctx, `
		SELECT coalesce((SELECT restricted(person_id, id) FROM submission WHERE id = $1), false)`, id).Scan(&restricted)
	if err != nil {
		return false, fmt.Errorf("look for restrictions: %w", err)
	}
	return restricted, nil
}

// Release forgets what was sent, so that sending the same once more is no repeat: the request was cancelled.
func (s *Store) Release(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `UPDATE submission SET digest = NULL WHERE id = $1`, id); err != nil {
		return fmt.Errorf("release submission: %w", err)
	}
	return nil
}
