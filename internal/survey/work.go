package survey

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres"
)

// ahead is how long before their deletion answers become counts, so that a stopped machine loses none.
const ahead = 7 * 24 * time.Hour

// Tidy does what follows from time: answers about to be deleted become counts, and anonymous answers of past days lose what
// the database itself would tell of when they came. It is safe to repeat.
func (r *Room) Tidy(ctx context.Context) error {
	if err := r.fold(ctx); err != nil {
		return fmt.Errorf("turn answers into counts: %w", err)
	}
	if err := r.mix(ctx); err != nil {
		return fmt.Errorf("mix anonymous answers: %w", err)
	}
	return nil
}

// fold adds answers whose deletion is near to survey_count, each once.
func (r *Room) fold(ctx context.Context) error {
	return pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		// Texts stay out: what is kept are counts.
		_, err := tx.Exec(ctx, `
			WITH due AS (
				INSERT INTO survey_counted (submission_id)
				SELECT s.id FROM submission s JOIN survey v ON v.id = s.subject_id
				WHERE `+used+` AND s.purge_after <= $1
					AND (NOT v.anonymous OR s.created_at <= v.results_through)
				ON CONFLICT DO NOTHING
				RETURNING submission_id
			), said AS (
				SELECT s.subject_id AS survey, a.values, r.fields
				FROM due JOIN submission s ON s.id = due.submission_id
				CROSS JOIN LATERAL (
					SELECT values, form_revision FROM answers WHERE submission_id = s.id ORDER BY version DESC LIMIT 1) a
				JOIN form_revision r ON r.digest = a.form_revision
				WHERE a.values <> '{}'
			), counted AS (
				SELECT survey, '' AS name, '' AS value FROM said
				UNION ALL
				SELECT survey, f.key, '' FROM said, jsonb_each(said.values) f WHERE f.key LIKE 'q\_%'
				UNION ALL
				SELECT survey, f.key, v.value
				FROM said, jsonb_each(said.values) f, jsonb_array_elements_text(f.value) v, jsonb_array_elements(said.fields) q
				WHERE f.key LIKE 'q\_%' AND q.value ->> 'name' = f.key AND q.value ->> 'kind' IN ('choice', 'several', 'rating')
			)
			INSERT INTO survey_count (survey_id, name, value, n)
			SELECT survey, name, value, count(*) FROM counted GROUP BY survey, name, value
			ON CONFLICT (survey_id, name, value) DO UPDATE SET n = survey_count.n + excluded.n`,
			r.desk.Now().Add(ahead))
		return err
	})
}

// settled is how long after midnight a day is over for sure: whoever was accepted before it is stored by then.
const settled = time.Hour

// mix rewrites the anonymous answers of each past day in random order and in one transaction. Until then the number of
// the transaction that stored a row, and its place in the file, would tell which came after which, and beside which
// spent nonce.
func (r *Room) mix(ctx context.Context) error {
	today := r.desk.Now().Add(-settled).UTC().Truncate(24 * time.Hour)
	return pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		ids, err := postgres.Column[uuid.UUID](ctx, tx, `
			WITH fresh AS (
				INSERT INTO survey_mixed (day)
				SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::date FROM submission
				WHERE kind = 'survey' AND person_id IS NULL AND created_at < $1
				ON CONFLICT DO NOTHING RETURNING day
			)
			SELECT s.id FROM submission s JOIN fresh ON fresh.day = (s.created_at AT TIME ZONE 'UTC')::date
			WHERE s.kind = 'survey' AND s.person_id IS NULL`, today)
		if err != nil || len(ids) == 0 {
			return err
		}
		b := &pgx.Batch{}
		rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		for _, id := range ids {
			b.Queue(`UPDATE submission SET status = status WHERE id = $1`, id)
		}
		rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		for _, id := range ids {
			b.Queue(`UPDATE answers SET lang = lang WHERE submission_id = $1`, id)
		}
		return tx.SendBatch(ctx, b).Close()
	})
}
