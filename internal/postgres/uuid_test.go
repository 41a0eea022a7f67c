package postgres_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/postgres/pgtest"
)

func TestUUID(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	id := uuid.MustParse("0192aa00-0000-7000-8000-00000000cafe")
	some := uuid.NullUUID{UUID: id, Valid: true}
	ids := []uuid.UUID{id, uuid.Nil}

	var text, more string
	var back uuid.UUID
	var backSome, backNone uuid.NullUUID
	var list []uuid.UUID
	var pointer *uuid.UUID
	err := pool.QueryRow(ctx, `
		SELECT $1::uuid::text, $2::uuid::text, $1::uuid, $2::uuid, $3::uuid, $4::uuid[], $5::uuid`,
		id, some, uuid.NullUUID{}, ids, &id).Scan(&text, &more, &back, &backSome, &backNone, &list, &pointer)
	if err != nil {
		t.Fatal(err)
	}
	if text != id.String() || more != id.String() {
		t.Errorf("sent as %s and %s", text, more)
	}
	if diff := cmp.Diff([]any{back, backSome, backNone, list, *pointer}, []any{id, some, uuid.NullUUID{}, ids, id}); diff != "" {
		t.Error(diff)
	}
	if err := pool.QueryRow(ctx, `SELECT $1::uuid`, (*uuid.UUID)(nil)).Scan(&pointer); err != nil || pointer != nil {
		t.Errorf("a nil pointer came back as %v, %v", pointer, err)
	}
	if err := pool.QueryRow(ctx, `SELECT $1::text`, id.String()).Scan(&text); err != nil || text != id.String() {
		t.Errorf("text came back as %q, %v", text, err)
	}
}
