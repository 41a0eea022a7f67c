package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Reader is what can be asked: a pool, a connection, a transaction.
type Reader interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Rows returns what a query finds, each row as a struct by the names of its columns.
func Rows[T any](ctx context.Context, db Reader, sql string, args ...any) ([]T, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[T])
}

// Column returns what a query finds, each row as its one value.
func Column[T any](ctx context.Context, db Reader, sql string, args ...any) ([]T, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[T])
}

// Row returns the one row that a query finds, likewise. Where there is none it returns pgx.ErrNoRows, where there are
// more pgx.ErrTooManyRows.
func Row[T any](ctx context.Context, db Reader, sql string, args ...any) (T, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		var none T
		return none, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
}
