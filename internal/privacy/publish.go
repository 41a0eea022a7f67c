package privacy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
)

// Publication says what to publish, when it takes effect, and who publishes it.
type Publication struct {
	ID      string
	On      time.Time // the day on which it takes effect; zero: the one that its file names
	History bool      // a version from before this site: it may have taken effect in the past
	At      time.Time
	Officer uuid.NullUUID // nobody: by command
	Role    string
	Kinds   []string // of the activities that there are: a statement speaks of no other
}

// ErrPast says that a version would take effect before today: people would read too late what already applied.
var ErrPast = errors.New("privacy: a version takes effect today at the earliest")

// ErrOvertaken says that a version would take effect before one that is published already, which would then hide it.
var ErrOvertaken = errors.New("privacy: a version takes effect after those that are published")

// ErrFar says that a version would take effect so late that it looks like a slip of the pen: until then nothing could be
// published that takes effect before it.
var ErrFar = errors.New("privacy: a version takes effect within a year")

// Publish publishes a statement file, unless its text or its uses are faulty, and notes who did, both or neither. Of
// several at once each is held against those before it. It returns consent.ErrPublished where that was done before: a
// published version can't be altered.
func Publish(ctx context.Context, pool *pgxpool.Pool, web fs.FS, p Publication) (consent.Statement, error) {
	draft, err := readPublication(web, p)
	if err != nil {
		return consent.Statement{}, err
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('statement_version'))`); err != nil {
			return fmt.Errorf("wait for another publication: %w", err)
		}
		if err := verify(ctx, pool, draft, p.Kinds); err != nil {
			return fmt.Errorf("statement %s: %w", p.ID, err)
		}
		if err := consent.PublishIn(ctx, tx, draft, p.At); err != nil {
			return err
		}
		if err := fits(ctx, tx, draft, p); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{
			At: p.At, ActorID: p.Officer, Role: p.Role, Action: "publish", Object: "statement", Detail: map[string]string{"version": p.ID},
		})
	})
	return draft.Statement, err
}

func readPublication(web fs.FS, p Publication) (consent.Draft, error) {
	draft, err := consent.ReadDraft(web, p.ID)
	if err != nil {
		return draft, err
	}
	if !p.On.IsZero() {
		draft.EffectiveOn = p.On
	}
	return draft, nil
}

// verify says what is wrong with a statement, also beside the versions that are published: data that was collected by
// consent is never used for more by notice.
func verify(ctx context.Context, pool *pgxpool.Pool, draft consent.Draft, kinds []string) error {
	faults := []error{Verify(draft.Body), VerifyUses(draft.Uses, kinds)}
	published, err := consent.NewStatements(ctx, pool, time.Now)
	if err != nil {
		return err
	}
	var others [][]consent.Use
	for _, s := range published.All() {
		uses, err := published.Uses(ctx, s.ID)
		if err != nil {
			return err
		}
		others = append(others, uses)
	}
	for _, u := range restsOnConsent(draft.Uses, others...) {
		faults = append(faults, fmt.Errorf("use %s, %s, %s: of data that rests on consent, so no notice can stand in for it",
			u.Activity, u.Purpose, u.Recipient))
	}
	return errors.Join(faults...)
}

// Faults says what keeps a draft from being published, whenever it took effect.
func (r *Room) Faults(ctx context.Context, draft consent.Draft) error {
	return verify(ctx, r.desk.Pool, draft, r.desk.Activities().Kinds())
}

// fits holds that a version takes effect neither in the past nor before another, nor in years. The first of all may have any
// date in the past.
func fits(ctx context.Context, tx pgx.Tx, d consent.Draft, p Publication) error {
	var others, later bool
	if err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM statement_version WHERE id <> $1),
			EXISTS (SELECT FROM statement_version WHERE (effective_on, id) > ($2::date, $1))`, d.ID, d.EffectiveOn).Scan(&others, &later); err != nil {
		return fmt.Errorf("compare dates of statements: %w", err)
	}
	today := clock.Day(p.At)
	switch {
	case later:
		return ErrOvertaken
	case d.EffectiveOn.After(clock.AddMonths(today, 12)):
		return ErrFar
	case others && !p.History && d.EffectiveOn.Before(today):
		return ErrPast
	}
	return nil
}

// Preview says what publishing a draft would change, against the version that takes effect last, and how many people
// would be told of it by mail.
func (r *Room) Preview(ctx context.Context, draft consent.Draft) (d Difference, people int, err error) {
	before := consent.Draft{}
	if all := r.desk.Statements.All(); len(all) > 0 {
		before.Statement = all[0]
		if before.Uses, err = r.desk.Statements.Uses(ctx, all[0].ID); err != nil {
			return d, 0, err
		}
	}
	if d, err = Compare(r.say, before, draft); err != nil {
		return d, 0, err
	}
	people, err = r.Told(ctx, draft)
	return d, people, err
}
