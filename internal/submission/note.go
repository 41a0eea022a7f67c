package submission

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres"
)

// Reply records that the sender wrote; store keeps the words and tells whether they were new. With new words the record is
// unread again. ErrNotFound says that its sender was erased meanwhile.
func (s *Store) Reply(ctx context.Context, id uuid.UUID, store func(pgx.Tx) (bool, error)) error {
	return s.change(ctx, "reply to", func(tx pgx.Tx) error {
		if err := s.holdFilled(ctx, tx, id); err != nil {
			return err
		}
		stored, err := store(tx)
		if err != nil || !stored {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE submission SET read_at = NULL WHERE id = $1`, id); err != nil {
			return err
		}
		return s.event(ctx, tx, id, "replied", Sender, nil)
	})
}

// holdFilled locks a record to which words are added, and returns ErrNotFound where its sender was erased: whoever waited for
// that must not fill again what it emptied.
func (s *Store) holdFilled(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := hold(ctx, tx, id); err != nil {
		return err
	}
	r, err := s.get(ctx, tx, id) // a statement of its own sees what was committed while we waited
	if err == nil && r.Emptied() {
		err = ErrNotFound
	}
	return err
}

// Note is what a member of staff wrote beside a record. The person may ask to see it.
type Note struct {
	ID     uuid.UUID `db:"id"`
	Author uuid.UUID `db:"author_id"`
	Body   string    `db:"body"`
	At     time.Time `db:"created_at"`
}

// AddNote stores a note; the same words by the same colleague within an hour are one. ErrNotFound says that the sender of the
// record was erased.
func (s *Store) AddNote(ctx context.Context, id uuid.UUID, by Actor, body string) error {
	return s.change(ctx, "note on", func(tx pgx.Tx) error {
		if err := s.holdFilled(ctx, tx, id); err != nil { // also of two clicks that come at once
			return err
		}
		note := uuid.Must(uuid.NewV7())
		tag, err := tx.Exec(ctx, `
			INSERT INTO note (id, submission_id, author_id, body, created_at)
			SELECT $1, $2, $3, $4, $5
			WHERE NOT EXISTS (SELECT FROM note WHERE submission_id = $2 AND author_id = $3 AND body = $4 AND created_at > $6)`,
			note, id, by.ID, body, s.Now(), s.Now().Add(-time.Hour))
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return s.event(ctx, tx, id, "noted", by, map[string]string{"note": note.String()})
	})
}

// Notes returns the notes beside a record, oldest first.
func (s *Store) Notes(ctx context.Context, id uuid.UUID) ([]Note, error) {
	notes, err := postgres.Rows[Note](ctx, s.Pool, `
		SELECT id, author_id, body, created_at FROM note WHERE submission_id = $1 ORDER BY created_at, id`, id)
	if err != nil {
		return nil, fmt.Errorf("read notes: %w", err)
	}
	return notes, nil
}
