package submission

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres"
)

// Ending tells what becomes of a record in a status when its sender is erased: the status to which it goes, and for how
// long the empty record is kept at most. An empty status leaves it where it is.
type Ending func(kind, status string) (to string, until time.Time)

// Erase empties the records of a person that came until the given time, within the transaction that erases them: answers,
// notes, replies, names, search words, files. What stays of a record is that there was one, of which kind, when, and how it
// ended. Records under a legal hold are left alone; it returns how many. Contents of files become unreadable at commit, and
// are deleted by file.Store.Purge.
func (s *Store) Erase(ctx context.Context, tx pgx.Tx, who uuid.UUID, until time.Time, ending Ending) (heldBack int, err error) {
	type record struct {
		ID           uuid.UUID
		Kind, Status string
		Held, Again  bool
	}
	list, err := postgres.Rows[record](ctx, tx, `
		SELECT id, kind, status, held(person_id, id, kind, created_at) AS held, EXISTS (
			SELECT FROM submission_event e WHERE e.submission_id = submission.id AND e.kind = 'erased') AS again
		FROM submission WHERE person_id = $1 AND created_at <= $2 ORDER BY id FOR UPDATE`, who, until)
	if err != nil {
		return 0, fmt.Errorf("erase submissions: %w", err)
	}
	for _, r := range list {
		if r.Held {
			heldBack++
			continue
		}
		if !r.Again {
			if err := s.end(ctx, tx, r.ID, r.Status, ending, r.Kind); err != nil {
				return 0, fmt.Errorf("erase submissions: %w", err)
			}
		}
		if err := s.empty(ctx, tx, r.ID); err != nil {
			return 0, fmt.Errorf("erase submissions: %w", err)
		}
	}
	return heldBack, nil
}

// end takes a record to where nobody waits for it any more.
func (s *Store) end(ctx context.Context, tx pgx.Tx, id uuid.UUID, status string, ending Ending, kind string) error {
	to, until := ending(kind, status)
	if to == "" {
		return s.event(ctx, tx, id, "erased", System, nil)
	}
	if err := s.MoveTx(ctx, tx, id, Change{From: []string{status}, To: to, Kind: "erased", By: System, Decides: true}); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE submission SET purge_after = least(coalesce(kept_after, purge_after), $2) WHERE id = $1`, id, until)
	return err
}

// empty takes the words out of a record. It counts as indexed, so that the search does not read it again, and is found by
// its reference alone, which its receipt goes on to tell.
func (s *Store) empty(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	b := &pgx.Batch{}
	b.Queue(`
		UPDATE submission SET digest = NULL, name = '', organisation = '', source = NULL, search = to_tsvector('simple', reference),
			indexed_at = coalesce(indexed_at, $2), read_at = coalesce(read_at, $2)
		WHERE id = $1`, id, s.Now())
	b.Queue(`UPDATE answers SET values = '{}' WHERE submission_id = $1 AND values <> '{}'`, id)
	for _, table := range []string{"note", "reply", "receipt_code"} {
		b.Queue(`DELETE FROM `+table+` WHERE submission_id = $1`, id)
	}
	s.Files.QueueErase(b, id)
	return tx.SendBatch(ctx, b).Close()
}
