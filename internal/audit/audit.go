// Package audit keeps who of the staff read, changed or exported what (P-5). It stores ids and digests only, in a table
// that the serving role can't change; what a person wrote never enters it.
package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"clickcommerce.com/site/internal/postgres"
)

// Event is one act. Role is the role under which it was done, "system" for the program itself.
type Event struct {
	At       time.Time         `db:"at"`
	ActorID  uuid.NullUUID     `db:"actor_id"`
	Role     string            `db:"actor_role"`
	Action   string            `db:"action"`
	Object   string            `db:"object"`
	ObjectID uuid.NullUUID     `db:"object_id"`
	Detail   map[string]string `db:"detail"`
}

// DB is a pool or a transaction.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

const insert = `
	INSERT INTO audit_event (at, actor_id, actor_role, action, object, object_id, detail)
	VALUES ($1, $2, $3, $4, $5, $6, $7)`

func (e Event) args() []any {
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	return []any{e.At, e.ActorID, e.Role, e.Action, e.Object, e.ObjectID, e.Detail}
}

// Record stores an event; where db is a transaction, together with what it tells of.
func Record(ctx context.Context, db DB, e Event) error {
	if _, err := db.Exec(ctx, insert, e.args()...); err != nil {
		return fmt.Errorf("record %s of %s: %w", e.Action, e.Object, err)
	}
	return nil
}

// AddFor adds an event about a submission to the batch that writes it: nothing where the submission was not stored.
func AddFor(b *pgx.Batch, submission uuid.UUID, e Event) {
	e.Object, e.ObjectID = "submission", uuid.NullUUID{UUID: submission, Valid: true}
	b.Queue(`
		INSERT INTO audit_event (at, actor_id, actor_role, action, object, object_id, detail)
		SELECT $1, $2, $3, $4, $5, $6, $7 WHERE EXISTS (SELECT FROM submission WHERE id = $6)`, e.args()...)
}

// Of returns what was done to an object, oldest first.
func Of(ctx context.Context, db DB, object uuid.UUID) ([]Event, error) {
	events, err := postgres.Rows[Event](ctx, db, `
		SELECT at, actor_id, actor_role, action, object, object_id, detail
		FROM audit_event WHERE object_id = $1 ORDER BY id`, object)
	if err != nil {
		return nil, fmt.Errorf("read audit events: %w", err)
	}
	return events, nil
}
