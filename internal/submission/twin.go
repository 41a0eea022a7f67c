package submission

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/postgres"
)

// Wish names the answer by which requests of one person are the same: that to a field of a kind, while they are in one of
// the statuses.
type Wish struct {
	Kind, Field string
	Statuses    []string
}

// Twin is one of several open requests in which a person wishes the same. First is the oldest of them, itself where it is
// that one.
type Twin struct {
	ID        uuid.UUID `db:"id"`
	Reference string    `db:"reference"`
	First     uuid.UUID `db:"first"`
}

// newest is the newest answer of a submission s to a field.
func newest(s, field string) string {
	return `(SELECT a.values -> ` + field + ` FROM answers a WHERE a.submission_id = ` + s + `.id ORDER BY a.version DESC LIMIT 1)`
}

// Twins returns those of the people's open requests that are not the only ones for what they wish, each person's oldest first.
// What is kept apart is none.
func (s *Store) Twins(ctx context.Context, w Wish, people []uuid.UUID) ([]Twin, error) {
	list, err := postgres.Rows[Twin](ctx, s.Pool, `
		WITH open AS (
			SELECT s.id, s.reference, s.person_id, s.created_at, `+newest("s", "$2::text")+` AS wish FROM submission s
			WHERE s.person_id = ANY ($4) AND s.kind = $1 AND s.status = ANY ($3) AND s.quarantined_at IS NULL
		), twin AS (
			SELECT id, reference, created_at, first_value(id) OVER (PARTITION BY person_id, wish ORDER BY created_at, id) AS first,
				count(*) OVER (PARTITION BY person_id, wish) AS together
			FROM open WHERE wish IS NOT NULL
		)
		SELECT id, reference, first FROM twin WHERE together > 1 ORDER BY created_at, id`,
		w.Kind, w.Field, w.Statuses, people)
	if err != nil {
		return nil, fmt.Errorf("read requests of the same wish: %w", err)
	}
	return list, nil
}

// fold leaves of several open requests in which a person wishes the same the oldest one.
func (f Filter) fold(c *conditions) {
	for _, w := range f.Fold {
		c.add(`NOT (s.kind = ? AND s.status = ANY (?) AND EXISTS (
			SELECT FROM submission o WHERE o.person_id = s.person_id AND o.kind = s.kind AND o.status = ANY (?)
				AND o.quarantined_at IS NULL AND (o.created_at, o.id) < (s.created_at, s.id)
				AND `+newest("o", "?::text")+` = `+newest("s", "?::text")+`))`, w.Kind, w.Statuses, w.Statuses, w.Field, w.Field)
	}
}
