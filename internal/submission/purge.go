package submission

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres"
)

// Due is a record whose day of deletion is over.
type Due struct {
	ID     uuid.UUID `db:"id"`
	Kind   string    `db:"kind"`
	Status string    `db:"status"`
	Day    time.Time `db:"purge_after"`
}

// DueBefore is the condition on a submission s that is to be deleted; $1 is today. What a legal hold covers is not, nor what is
// restricted in place of an erasure, or since its sender needs it for a claim (GDPR 18.1 b and c).
const DueBefore = `s.purge_after < $1 AND NOT held(s.person_id, s.id, s.kind, s.created_at)
	AND NOT EXISTS (SELECT FROM restriction r WHERE r.person_id = s.person_id AND (r.submission_id IS NULL OR r.submission_id = s.id)
		AND r.lifted_at IS NULL AND r.ground IN ('unlawful', 'claim'))`

// Purge deletes, within tx, the first records after a place in the order of their days whose day was before today: with
// their answers, files, notes and mail. It returns them, also beside an error; fewer than most says that no more are due.
// Contents of files become unreadable at commit, and are deleted by file.Store.Purge. Facts about the records stay.
func (s *Store) Purge(ctx context.Context, tx pgx.Tx, today time.Time, after Due, most int) ([]Due, error) {
	day := today.Format(time.DateOnly)
	list, err := postgres.Rows[Due](ctx, tx, `
		SELECT s.id, s.kind, s.status, s.purge_after FROM submission s
		WHERE `+DueBefore+` AND (s.purge_after, s.id) > ($2, $3)
		ORDER BY s.purge_after, s.id LIMIT $4 FOR UPDATE SKIP LOCKED`, day, after.Day, after.ID, most)
	if err != nil {
		return nil, fmt.Errorf("list submissions to delete: %w", err)
	}
	if len(list) == 0 {
		return nil, nil
	}
	b, ids := &pgx.Batch{}, make([]uuid.UUID, 0, len(list))
	for _, d := range list {
		ids = append(ids, d.ID)
		s.Files.QueueErase(b, d.ID)
	}
	b.Queue(`DELETE FROM message WHERE submission_id = ANY ($1)`, ids)
	b.Queue(`DELETE FROM submission WHERE id = ANY ($1)`, ids)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return list, fmt.Errorf("delete submissions: %w", err)
	}
	return list, nil
}
