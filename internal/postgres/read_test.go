package postgres_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

func TestRows(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	type number struct {
		N int `db:"n"`
	}
	const upTo = `SELECT n FROM generate_series(1, $1::int) n`
	list, err := postgres.Rows[number](t.Context(), pool, upTo, 3)
	if diff := cmp.Diff(list, []number{{1}, {2}, {3}}); diff != "" || err != nil {
		t.Errorf("%v (-got +want):\n%s", err, diff)
	}
	one, err := postgres.Row[number](t.Context(), pool, upTo, 1)
	if one.N != 1 || err != nil {
		t.Errorf("got %v, %v", one, err)
	}
	for n, want := range map[int]error{0: pgx.ErrNoRows, 2: pgx.ErrTooManyRows} {
		if _, err := postgres.Row[number](t.Context(), pool, upTo, n); !errors.Is(err, want) {
			t.Errorf("%d rows: %v, want %v", n, err, want)
		}
	}
	if _, err := postgres.Rows[number](t.Context(), pool, `SELECT nothing`); err == nil {
		t.Error("a wrong query has no error")
	}
}
