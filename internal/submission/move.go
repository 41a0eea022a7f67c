package submission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/mail"
)

// Change is a step of a record from one status to another, with the mail that goes with it.
type Change struct {
	From       []string // statuses it is allowed from
	To         string
	Kind       string // of the event; empty: "moved"
	Detail     map[string]string
	By         Actor
	Decides    bool // the request is answered with it
	Reopens    bool // it is asked anew
	PurgeAfter time.Time
	Message    *mail.Message // to the sender; its NotBefore leaves time for Undo
	Moved      Moved         // nil: nothing else follows
}

// Moved is what an activity does with a change of status, within its transaction: a freed seat goes to the next in line.
type Moved func(ctx context.Context, tx pgx.Tx, r Record, to string) error

// Move changes the status, or returns ErrMove where the record is not in one of From, or is set apart and a message is to go
// to the person.
func (s *Store) Move(ctx context.Context, id uuid.UUID, c Change) error {
	return s.change(ctx, "move", func(tx pgx.Tx) error { return s.MoveTx(ctx, tx, id, c) })
}

// MoveTx is Move within a transaction of the caller's.
func (s *Store) MoveTx(ctx context.Context, tx pgx.Tx, id uuid.UUID, c Change) error {
	before, err := hold(ctx, tx, id)
	if err != nil {
		return err
	}
	if !slices.Contains(c.From, before.status) || before.apart && c.Message != nil {
		return ErrMove
	}
	now := s.Now()
	var decided *time.Time
	if c.Decides {
		decided = &now
	}
	if _, err := tx.Exec(ctx, `
		UPDATE submission SET status = $2, status_since = $3, decided_at = $4, purge_after = coalesce($5, kept_after, purge_after),
			reopened_at = CASE WHEN $6 THEN $3 ELSE reopened_at END
		WHERE id = $1`, id, c.To, now, decided, nullTime(c.PurgeAfter), c.Reopens); err != nil {
		return err
	}
	if c.Moved != nil {
		r, err := s.get(ctx, tx, id)
		if err != nil {
			return err
		}
		r.Was = before.status
		if err := c.Moved(ctx, tx, r, c.To); err != nil {
			return err
		}
	}
	if before.decided != nil && !c.Decides && c.By.ID != uuid.Nil { // whoever decided thinks again, not the sender
		if err := s.retract(ctx, tx, id, before.status, c); err != nil {
			return err
		}
	}
	detail := before.detail()
	detail["to"] = c.To
	maps.Copy(detail, c.Detail)
	if c.Message != nil {
		if c.Message.ID == uuid.Nil {
			c.Message.ID = uuid.Must(uuid.NewV7())
		}
		detail["message"] = c.Message.ID.String()
		if err := s.SendTx(ctx, tx, id, *c.Message); err != nil {
			return err
		}
	}
	return s.event(ctx, tx, id, cmp.Or(c.Kind, "moved"), c.By, detail)
}

// Keep sets the day on which a record is deleted, in a transaction of the caller's: it hangs on more than the status.
func (s *Store) Keep(ctx context.Context, tx pgx.Tx, id uuid.UUID, until time.Time) error {
	if _, err := tx.Exec(ctx, `UPDATE submission SET purge_after = $2 WHERE id = $1`, id, until); err != nil {
		return fmt.Errorf("keep submission: %w", err)
	}
	return nil
}

// held is what a change alters of a record, as it was before.
type held struct {
	status         string
	since, decided *time.Time
	kept           string // the day as the database writes it
	apart          bool   // in quarantine: nothing is mailed about it
}

// hold locks a record until the transaction ends.
func hold(ctx context.Context, tx pgx.Tx, id uuid.UUID) (held, error) {
	var h held
	err := tx.QueryRow(ctx, `
		SELECT status, status_since, decided_at, coalesce(kept_after, purge_after)::text, quarantined_at IS NOT NULL
		FROM submission WHERE id = $1 FOR UPDATE`, id).Scan(&h.status, &h.since, &h.decided, &h.kept, &h.apart)
	if errors.Is(err, pgx.ErrNoRows) {
		return held{}, ErrNotFound
	}
	return h, err
}

func (h held) detail() map[string]string {
	return map[string]string{"from": h.status, "since": written(h.since), "decided": written(h.decided), "kept": h.kept}
}

// written is a time as Undo reads it back, to the microsecond that the database keeps.
func written(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Assign gives records to a member of staff; the nil UUID takes them back.
func (s *Store) Assign(ctx context.Context, ids []uuid.UUID, to uuid.UUID, by Actor) error {
	return s.change(ctx, "assign", func(tx pgx.Tx) error {
		for _, id := range ids {
			tag, err := tx.Exec(ctx, `UPDATE submission SET assignee_id = $2 WHERE id = $1`, id, nullable(to))
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 { // deleted since
				continue
			}
			if err := s.event(ctx, tx, id, "assigned", by, map[string]string{"to": to.String()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// TakeBack takes all records of those kinds from a member of staff who works on such no more: somebody else is to find them,
// those too that are decided and may be asked anew.
func (s *Store) TakeBack(ctx context.Context, from uuid.UUID, kinds []string, by Actor) error {
	if _, err := s.Pool.Exec(ctx, `
		WITH taken AS (UPDATE submission SET assignee_id = NULL WHERE assignee_id = $1 AND kind = ANY($2) RETURNING id)
		INSERT INTO submission_event (submission_id, kind, actor_role, actor_id, detail, at)
		SELECT id, 'assigned', $3, $4::uuid, jsonb_build_object('to', $5::uuid), $6 FROM taken`,
		from, kinds, by.Role, nullable(by.ID), uuid.Nil, s.Now()); err != nil {
		return fmt.Errorf("take submissions back: %w", err)
	}
	return nil
}
