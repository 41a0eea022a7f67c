package postgres_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

// Six connections of ours share two of PgBouncer's, so that a statement prepared on one is soon asked
// for on the other.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	direct := pgtest.New(t)
	db := openDB(t, postgres.Config{URL: pgtest.Bouncer(t, direct), AdminURL: pgtest.AdminURL(t, direct)})
	defer closeDB(t, db)
	if err := db.Migrate(t.Context()); err != nil {
		t.Error(err)
	}
	if err := db.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	var g errgroup.Group
	for worker := range 6 {
		g.Go(func() error {
			for n := range 100 {
				if err := errors.Join(single(t, db, n), batched(t, db, n), marketing(t, db)); err != nil {
					return fmt.Errorf("worker %d: %w", worker, err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func single(t *testing.T, db *postgres.DB, n int) error {
	var got int
	err := db.Pool.QueryRow(t.Context(), fmt.Sprintf(`SELECT $1::int + %d`, n%7), n).Scan(&got)
	if err == nil && got != n+n%7 {
		err = fmt.Errorf("got %d", got)
	}
	return err
}

func batched(t *testing.T, db *postgres.DB, n int) error {
	return pgx.BeginFunc(t.Context(), db.Pool, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		b.Queue(`SELECT set_config('batch.n', $1, true)`, fmt.Sprint(n))
		b.Queue(`SELECT $1::text = current_setting('batch.n')`, fmt.Sprint(n)).QueryRow(func(row pgx.Row) error {
			var same bool
			if err := row.Scan(&same); err != nil {
				return err
			}
			if !same {
				return errors.New("another transaction's setting")
			}
			return nil
		})
		return tx.SendBatch(t.Context(), b).Close()
	})
}

func marketing(t *testing.T, db *postgres.DB) error {
	return postgres.AsMarketing(t.Context(), db.Pool, func(tx pgx.Tx) error {
		var role string
		if err := tx.QueryRow(t.Context(), `SELECT current_user`).Scan(&role); err != nil {
			return err
		}
		if role != "site_marketing" {
			return fmt.Errorf("role %s", role)
		}
		return nil
	})
}
