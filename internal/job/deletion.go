package job

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/clock"
)

// Deletion is one kind of data that goes once it has been kept for some months, some time, or both. Each room says of its
// own what is due, once: the same words count it and delete it. When it runs is not the room's to say, since all that is
// deleted is foretold and reported in one place.
type Deletion struct {
	Kind, Outcome string // what goes and what became of it, as reports name it
	Months        int
	For           time.Duration
	Due           string // table, WHERE and condition; $1 is the time since when it has been kept
	At            string // column or expression of that time
	// Drop deletes what is due since before that time and returns how much it was. Nil: the rows of Due are deleted.
	Drop func(ctx context.Context, before time.Time) (int64, error)
}

// Before returns the time since when that which is due now has been kept.
func (d Deletion) Before(now time.Time) time.Time { return clock.AddMonths(now, -d.Months).Add(-d.For) }

// Measure returns how much is due, and since when the oldest of it has been kept.
func (d Deletion) Measure(ctx context.Context, pool *pgxpool.Pool, now time.Time) (n int64, oldest *time.Time, err error) {
	err = pool.QueryRow(ctx, `SELECT count(*), min(`+d.At+`) FROM `+d.Due, d.Before(now)).Scan(&n, &oldest)
	if err != nil {
		return 0, nil, fmt.Errorf("count %s, %s: %w", d.Kind, d.Outcome, err)
	}
	return n, oldest, nil
}

// Run deletes what is due and returns how much it was.
func (d Deletion) Run(ctx context.Context, pool *pgxpool.Pool, now time.Time) (int64, error) {
	drop := d.Drop
	if drop == nil {
		drop = func(ctx context.Context, before time.Time) (int64, error) { return d.drop(ctx, pool, before) }
	}
	n, err := drop(ctx, d.Before(now))
	if err != nil {
		return n, fmt.Errorf("delete %s, %s: %w", d.Kind, d.Outcome, err)
	}
	return n, nil
}

// deletedAtOnce is how many rows one statement deletes: a backlog of millions is no reason to run out of the time of a statement.
const deletedAtOnce = 10_000

func (d Deletion) drop(ctx context.Context, pool *pgxpool.Pool, before time.Time) (n int64, err error) {
	table, _, _ := strings.Cut(d.Due, " ")
	for {
		tag, err := pool.Exec(ctx, fmt.Sprintf(`DELETE FROM %s WHERE ctid = ANY (ARRAY (SELECT ctid FROM %s LIMIT %d))`, table, d.Due, deletedAtOnce), before)
		n += tag.RowsAffected()
		if err != nil || tag.RowsAffected() < deletedAtOnce {
			return n, err
		}
	}
}
