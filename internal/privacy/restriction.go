package privacy

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

// Restrictions is the register of what is kept but not used, at a person's wish: staff may only look at it, no list has
// it but one that the law demands, and no mail is sent about it, but for the person's rights. The database withholds such
// mail (withhold_restricted). Erasure and withdrawal go on working.
type Restrictions struct {
	desk *activity.Desk
	say  page.Say
	view page.View[restrictionsPage]
}

// NewRestrictions returns the register. It panics where its template is missing.
func NewRestrictions(desk *activity.Desk) *Restrictions {
	return &Restrictions{desk, desk.Pages.Words("privacy"), page.Load[restrictionsPage](desk.Pages, "privacy/staff_restrictions")}
}

// groundWish is the ground of what a person restricts without giving one.
const groundWish = "wish"

// grounds are those that the law names; what a person restricts on their own page needs none.
func grounds() []form.Option {
	return []form.Option{
		{Value: "accuracy", Label: "It may be wrong, and is being looked at"},
		{Value: "unlawful", Label: "It should not have been used, but is not to be erased"},
		{Value: "claim", Label: "The person needs it for a legal claim"},
		{Value: "objection", Label: "The person objected, and the objection is being looked at"},
		{Value: groundWish, Label: "The person wishes it"},
	}
}

// restriction is a row of the register.
type restriction struct {
	ID         uuid.UUID     `db:"id"`
	Person     uuid.UUID     `db:"person_id"`
	Submission uuid.NullUUID `db:"submission_id"` // not valid: all of the person
	Ground     string        `db:"ground"`
	Officer    string        `db:"officer"` // empty: the person
	PlacedAt   time.Time     `db:"placed_at"`
	LiftedAt   *time.Time    `db:"lifted_at"`
	Email      string        `db:"email"`
	Reference  string        `db:"reference"`
}

const restrictionColumns = `r.id, r.person_id, r.submission_id, r.ground, coalesce(a.name, '') AS officer, r.placed_at, r.lifted_at,
	coalesce(p.email, '') AS email, coalesce(s.reference, '') AS reference
	FROM restriction r JOIN person p ON p.id = r.person_id
	LEFT JOIN account a ON a.id = r.officer_id LEFT JOIN submission s ON s.id = r.submission_id`

// allRestrictions returns the register: what stands, then what was lifted, the newest first.
func (x *Restrictions) allRestrictions(ctx context.Context) ([]restriction, error) {
	list, err := postgres.Rows[restriction](ctx, x.desk.Pool, `
		SELECT `+restrictionColumns+` ORDER BY r.lifted_at IS NOT NULL, r.lifted_at DESC, r.placed_at DESC, r.id LIMIT 500`)
	if err != nil {
		return nil, fmt.Errorf("read restrictions: %w", err)
	}
	return list, nil
}

// restrictionsOf returns those of a person, the newest first.
func restrictionsOf(ctx context.Context, desk *activity.Desk, who uuid.UUID) ([]restriction, error) {
	list, err := postgres.Rows[restriction](ctx, desk.Pool, `
		SELECT `+restrictionColumns+` WHERE r.person_id = $1 ORDER BY r.placed_at DESC, r.id`, who)
	if err != nil {
		return nil, fmt.Errorf("read restrictions of a person: %w", err)
	}
	return list, nil
}

// find tells whom an address or a reference number stands for. A request about rights is not found: what it asks for must
// go on.
func (x *Restrictions) find(ctx context.Context, about string) (r restriction, err error) {
	if strings.Contains(about, "@") {
		r.Person, err = personOf(ctx, x.desk, about)
		return r, err
	}
	r.Submission.UUID, r.Person, err = recordOf(ctx, x.desk, about, Kind)
	r.Submission.Valid = err == nil
	return r, err
}

// restrict enters a restriction and logs it; what is restricted already stays so.
func restrict(ctx context.Context, desk *activity.Desk, r restriction, by submission.Actor) error {
	return pgx.BeginFunc(ctx, desk.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO restriction (id, person_id, submission_id, ground, officer_id, placed_at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
			r.ID, r.Person, r.Submission, r.Ground, uuid.NullUUID{UUID: by.ID, Valid: by.ID != uuid.Nil}, desk.Now())
		if err != nil {
			return fmt.Errorf("restrict: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return nil
		}
		return logRestriction(ctx, tx, desk, "restrict use", r.ID, by)
	})
}

// lift ends a restriction and logs it, once however often it is asked to. A person lifts their own ones only.
func lift(ctx context.Context, desk *activity.Desk, id uuid.UUID, by submission.Actor) error {
	return pgx.BeginFunc(ctx, desk.Pool, func(tx pgx.Tx) error {
		officer := uuid.NullUUID{UUID: by.ID, Valid: by.ID != uuid.Nil}
		tag, err := tx.Exec(ctx, `
			UPDATE restriction SET lifted_at = $2, lifted_by = $3
			WHERE id = $1 AND lifted_at IS NULL AND ($3::uuid IS NOT NULL OR officer_id IS NULL)`, id, desk.Now(), officer)
		if err != nil {
			return fmt.Errorf("lift a restriction: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return nil
		}
		return logRestriction(ctx, tx, desk, "lift restriction", id, by)
	})
}

func logRestriction(ctx context.Context, tx pgx.Tx, desk *activity.Desk, action string, id uuid.UUID, by submission.Actor) error {
	return audit.Record(ctx, tx, audit.Event{
		At: desk.Now(), ActorID: uuid.NullUUID{UUID: by.ID, Valid: by.ID != uuid.Nil}, Role: by.Role, Action: action,
		Object: "restriction", ObjectID: uuid.NullUUID{UUID: id, Valid: true},
	})
}
