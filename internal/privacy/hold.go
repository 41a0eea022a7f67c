package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

// Holds are the legal holds: exactly the records that one covers are neither deleted nor erased, and staff may only
// look at them, until an officer lifts it. The database refuses the rest (refuse_held). Opt-out goes on working.
type Holds struct {
	desk   *activity.Desk
	eraser *Eraser
	say    page.Say
	views  struct{ holds page.View[holdsPage] }
}

// NewHolds returns the register of holds. It panics where a template is missing.
func NewHolds(eraser *Eraser) *Holds {
	h := &Holds{desk: eraser.desk, eraser: eraser, say: eraser.say}
	h.views.holds = page.Load[holdsPage](h.desk.Pages, "privacy/staff_holds")
	return h
}

// The scopes of a hold.
const (
	holdPerson = "person" // all of a person
	holdRecord = "record"
	holdKind   = "kind" // all records of a kind that came in a period
)

// hold is a legal hold as it is stored.
type hold struct {
	ID         uuid.UUID     `db:"id"`
	Scope      string        `db:"scope"`
	Person     uuid.NullUUID `db:"person_id"`
	Submission uuid.NullUUID `db:"submission_id"`
	Kind       string        `db:"kind"`
	From       *time.Time    `db:"from_day"`
	To         *time.Time    `db:"to_day"`
	Ground     string        `db:"ground"`
	Officer    string        `db:"officer"`
	PlacedAt   time.Time     `db:"placed_at"`
	ReviewOn   time.Time     `db:"review_on"`
	LiftedAt   *time.Time    `db:"lifted_at"`
	Email      string        `db:"email"`     // of the person
	Reference  string        `db:"reference"` // of the record
	Waiting    bool          `db:"waiting"`   // an erasure waits for it
}

// all returns the standing holds and those lifted in the last months, those first whose review is next.
func (h *Holds) all(ctx context.Context) ([]hold, error) {
	list, err := postgres.Rows[hold](ctx, h.desk.Pool, `
		SELECT h.id, h.scope, h.person_id, h.submission_id, coalesce(h.kind, '') AS kind, h.from_day, h.to_day, h.ground,
			a.name AS officer, h.placed_at, h.review_on, h.lifted_at, coalesce(p.email, '') AS email,
			coalesce(s.reference, '') AS reference,
			EXISTS (SELECT FROM erasure e WHERE e.done_at IS NULL AND e.person_id IN (h.person_id, s.person_id)) AS waiting
		FROM legal_hold h
		JOIN account a ON a.id = h.officer_id
		LEFT JOIN person p ON p.id = h.person_id
		LEFT JOIN submission s ON s.id = h.submission_id
		ORDER BY h.lifted_at IS NOT NULL, h.lifted_at DESC, h.review_on, h.id LIMIT 500`)
	if err != nil {
		return nil, fmt.Errorf("read legal holds: %w", err)
	}
	return list, nil
}

// find completes a hold by what the officer typed: a person's address, or a record's reference number.
func (h *Holds) find(ctx context.Context, x *hold, about string) (err error) {
	switch x.Scope {
	case holdPerson:
		x.Person.UUID, err = personOf(ctx, h.desk, about)
		x.Person.Valid = err == nil
	case holdRecord:
		x.Submission.UUID, _, err = recordOf(ctx, h.desk, about, "")
		x.Submission.Valid = err == nil
	}
	return err
}

// place stores a hold and logs it; the same id twice is one hold.
func (h *Holds) place(ctx context.Context, x hold, by submission.Actor) error {
	return h.change(ctx, x.ID, "hold", by, func(tx pgx.Tx) (bool, error) {
		var kind *string
		if x.Kind != "" {
			kind = &x.Kind
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO legal_hold (id, scope, person_id, submission_id, kind, from_day, to_day, ground, officer_id, placed_at,
				reviewed_at, review_on)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11) ON CONFLICT (id) DO NOTHING`,
			x.ID, x.Scope, x.Person, x.Submission, kind, x.From, x.To, x.Ground, by.ID, x.PlacedAt, x.ReviewOn)
		return err == nil && tag.RowsAffected() > 0, err
	})
}

// review keeps a standing hold on until another day.
func (h *Holds) review(ctx context.Context, id uuid.UUID, until time.Time, by submission.Actor) error {
	return h.change(ctx, id, "review hold", by, func(tx pgx.Tx) (bool, error) {
		tag, err := tx.Exec(ctx, `
			UPDATE legal_hold SET review_on = $2, reviewed_at = $3 WHERE id = $1 AND lifted_at IS NULL`, id, until, h.desk.Now())
		if err == nil && tag.RowsAffected() == 0 {
			err = page.ErrNotFound
		}
		return true, err
	})
}

// lift ends a hold, once however often it is asked to; erasures that waited for it are carried out.
func (h *Holds) lift(ctx context.Context, id uuid.UUID, by submission.Actor) error {
	err := h.change(ctx, id, "lift hold", by, func(tx pgx.Tx) (bool, error) {
		var lifted bool
		err := tx.QueryRow(ctx, `SELECT lifted_at IS NOT NULL FROM legal_hold WHERE id = $1 FOR UPDATE`, id).Scan(&lifted)
		if errors.Is(err, pgx.ErrNoRows) {
			return false, page.ErrNotFound
		}
		if err != nil || lifted {
			return false, err
		}
		_, err = tx.Exec(ctx, `UPDATE legal_hold SET lifted_at = $2, lifted_by = $3 WHERE id = $1`, id, h.desk.Now(), by.ID)
		return true, err
	})
	if err != nil {
		return err
	}
	if err := h.eraser.Resume(ctx); err != nil { // its worker goes on with it
		h.desk.Log.ErrorContext(ctx, "an erasure that waited for a hold could not be carried out", "err", err)
	}
	return nil
}

// change runs one change of a hold and logs it, if it changed anything.
func (h *Holds) change(ctx context.Context, id uuid.UUID, action string, by submission.Actor, fn func(pgx.Tx) (bool, error)) error {
	err := pgx.BeginFunc(ctx, h.desk.Pool, func(tx pgx.Tx) error {
		changed, err := fn(tx)
		if err != nil || !changed {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{
			At: h.desk.Now(), ActorID: uuid.NullUUID{UUID: by.ID, Valid: true}, Role: by.Role, Action: action, Object: "hold",
			ObjectID: uuid.NullUUID{UUID: id, Valid: true},
		})
	})
	if err != nil && !errors.Is(err, page.ErrNotFound) {
		return fmt.Errorf("%s: %w", action, err)
	}
	return err
}
