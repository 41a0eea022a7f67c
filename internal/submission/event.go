package submission

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/postgres"
)

// Actor is who does something to a record. The zero ID stands for its sender or for the program itself.
type Actor struct {
	ID   uuid.UUID
	Role string // "sender", "system", or the role of staff under which it was done
}

// The actors that are not staff.
var (
	Sender = Actor{Role: "sender"}
	System = Actor{Role: "system"}
)

// Event is a fact about a record: what happened, when, by whom; no words of a person.
type Event struct {
	ID     int64             `db:"id"`
	Kind   string            `db:"kind"`
	Role   string            `db:"actor_role"`
	Actor  uuid.NullUUID     `db:"actor_id"`
	Detail map[string]string `db:"detail"`
	At     time.Time         `db:"at"`
}

// Events returns what happened to a record, oldest first.
func (s *Store) Events(ctx context.Context, id uuid.UUID) ([]Event, error) {
	events, err := postgres.Rows[Event](ctx, s.Pool, `
		SELECT id, kind, actor_role, actor_id, detail, at FROM submission_event WHERE submission_id = $1 ORDER BY id`, id)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

func (s *Store) event(ctx context.Context, tx pgx.Tx, id uuid.UUID, kind string, by Actor, detail map[string]string) error {
	if detail == nil {
		detail = map[string]string{}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO submission_event (submission_id, kind, actor_role, actor_id, detail, at)
		VALUES ($1, $2, $3, $4, $5, $6)`, id, kind, by.Role, nullable(by.ID), detail, s.Now())
	if err != nil {
		return fmt.Errorf("record event: %w", err)
	}
	return nil
}

// Read logs that staff opened the record (P-5), and tells its sender so by role and day.
func (s *Store) Read(ctx context.Context, id uuid.UUID, by Actor) error {
	return s.change(ctx, "read", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE submission SET read_at = coalesce(read_at, $2) WHERE id = $1`, id, s.Now())
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrNotFound
		}
		return audit.Record(ctx, tx, audit.Event{
			At: s.Now(), ActorID: nullable(by.ID), Role: by.Role, Action: "read", Object: "submission", ObjectID: nullable(id),
		})
	})
}

func (s *Store) change(ctx context.Context, what string, fn func(pgx.Tx) error) error {
	if err := pgx.BeginFunc(ctx, s.Pool, fn); err != nil {
		return fmt.Errorf("%s submission: %w", what, err)
	}
	return nil
}
