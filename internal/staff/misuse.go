package staff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

// Misuse keeps who used the site as its terms forbid (P-8). It is made before the desk, which asks it about blocks.
type Misuse struct {
	pool    *pgxpool.Pool
	mail    *mail.Queue
	now     func() time.Time
	blocked atomic.Pointer[map[string]time.Time] // addresses and ends, as of the last Refresh
}

// NewMisuse returns the register of misuse.
func NewMisuse(pool *pgxpool.Pool, queue *mail.Queue, now func() time.Time) *Misuse {
	m := &Misuse{pool: pool, mail: queue, now: now}
	m.blocked.Store(&map[string]time.Time{})
	return m
}

// misuse is a kind of misuse, as /terms lists them.
type misuse struct{ Value, Label, Term string }

func misuses() []misuse {
	return []misuse{
		{"identity", "False identity", "sending a form in another person’s name, or with an address that isn’t yours to use"},
		{"flooding", "Flooding", "sending forms by program, or so many of them that others are held up"},
		{"attack", "Attack", "trying to get around limits, access rules or sealed links; sending files meant to do harm"},
		{"harvesting", "Other people’s data", "collecting names or addresses from the site, or guessing receipts and links made for somebody else"},
		{"abuse", "Abuse", "threats, insults or obscene material sent to staff"},
		{"advertising", "Advertising", "using our forms to sell something to us or to our readers"},
	}
}

// maxBlock is how long a block may last: it always has an end.
const maxBlock = 366 * 24 * time.Hour

// keptMonths is how long a flag is kept, as the statement says of use conduct.
const keptMonths = 24

// Flag is one recorded misuse.
type Flag struct {
	ID           uuid.UUID     `db:"id" json:"id"`
	Person       uuid.UUID     `db:"person_id" json:"-"`
	Submission   uuid.NullUUID `db:"submission_id" json:"-"`
	Kind         string        `db:"kind" json:"kind"`
	Evidence     string        `db:"evidence" json:"evidence"`
	Officer      uuid.UUID     `db:"officer_id" json:"-"`
	At           time.Time     `db:"created_at" json:"at"`
	BlockedUntil *time.Time    `db:"blocked_until" json:"blocked_until,omitempty"`
	LiftedAt     *time.Time    `db:"lifted_at" json:"lifted_at,omitempty"`
	About        string        `db:"about" json:"-"` // kind of the submission; empty once that is gone
}

const flagColumns = `id, person_id, submission_id, kind, evidence, officer_id, created_at, blocked_until, lifted_at,
	coalesce((SELECT s.kind FROM submission s WHERE s.id = misuse.submission_id), '') AS about`

// Label is the kind in words.
func (f Flag) Label() string {
	for _, m := range misuses() {
		if m.Value == f.Kind {
			return m.Label
		}
	}
	return f.Kind
}

// seenBy is the flag as the session may see it: the evidence tells of a submission, so it is for those who see its kind.
func (f Flag) seenBy(in *account.Session) Flag {
	if !in.Can(account.See, f.About) && !in.Has(account.Privacy) {
		f.Evidence = ""
	}
	return f
}

// Lifted tells whether an objection was right.
func (f Flag) Lifted() bool { return f.LiftedAt != nil }

// Blocked tells whether what an address sends is to be quarantined, by what Refresh read last: taking a form waits for
// no question of its own. The address is spelt as form.ParseEmail does.
func (m *Misuse) Blocked(email string) bool { return m.now().Before((*m.blocked.Load())[email]) }

// Refresh reads which addresses are blocked. A block made at another instance counts here from then on.
func (m *Misuse) Refresh(ctx context.Context) error {
	rows, err := m.pool.Query(ctx, `
		SELECT p.email, max(m.blocked_until) FROM misuse m JOIN person p ON p.id = m.person_id
		WHERE m.blocked_until > $1 AND m.lifted_at IS NULL AND p.email IS NOT NULL
		GROUP BY p.email`, m.now())
	if err != nil {
		return errRead("blocks", err)
	}
	blocked := map[string]time.Time{}
	var email string
	var until time.Time
	if _, err := pgx.ForEachRow(rows, []any{&email, &until}, func() error {
		blocked[email] = until
		return nil
	}); err != nil {
		return errRead("blocks", err)
	}
	m.blocked.Store(&blocked)
	return nil
}

// Of returns the flags of a person, newest first.
func (m *Misuse) Of(ctx context.Context, person uuid.UUID) ([]Flag, error) {
	flags, err := postgres.Rows[Flag](ctx, m.pool, `SELECT `+flagColumns+` FROM misuse WHERE person_id = $1 ORDER BY created_at DESC, id DESC`, person)
	if err != nil {
		return nil, errRead("flags of misuse", err)
	}
	return flags, nil
}

// Get returns a flag, or submission.ErrNotFound.
func (m *Misuse) Get(ctx context.Context, id uuid.UUID) (Flag, error) {
	f, err := postgres.Row[Flag](ctx, m.pool, `SELECT `+flagColumns+` FROM misuse WHERE id = $1`, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return Flag{}, submission.ErrNotFound
	}
	if err != nil {
		return Flag{}, errRead("flag of misuse", err)
	}
	return f, nil
}

// Add records a flag and tells the person by one mail to address, both or neither. The same id twice is one flag.
func (m *Misuse) Add(ctx context.Context, f Flag, by submission.Actor, address string, told mail.Conduct) error {
	err := pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO misuse (id, person_id, submission_id, kind, evidence, officer_id, created_at, blocked_until)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`,
			f.ID, f.Person, f.Submission, f.Kind, f.Evidence, by.ID, f.At, f.BlockedUntil)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if err := m.mail.Insert(ctx, tx, mail.Message{
			Person: some(f.Person), Submission: f.Submission, Template: "conduct", Address: address, Data: told,
		}); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{
			At: f.At, ActorID: some(by.ID), Role: by.Role, Action: "flag", Object: "submission", ObjectID: f.Submission,
			Detail: map[string]string{"flag": f.ID.String(), "kind": f.Kind},
		})
	})
	if err != nil {
		return fmt.Errorf("flag misuse: %w", err)
	}
	return m.Refresh(ctx)
}

// errOwnFlag says that an objection is decided by somebody else than who flagged.
var errOwnFlag = errors.New("staff: the flag is the officer's own")

// Lift takes a flag and its block back, once however often it is asked to. errOwnFlag says who must not.
func (m *Misuse) Lift(ctx context.Context, f Flag, by submission.Actor) error {
	if f.Officer == by.ID {
		return errOwnFlag
	}
	err := pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE misuse SET lifted_at = $2, lifted_by = $3 WHERE id = $1 AND lifted_at IS NULL`, f.ID, m.now(), by.ID)
		if err != nil {
			return fmt.Errorf("lift flag: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return nil
		}
		return audit.Record(ctx, tx, audit.Event{
			At: m.now(), ActorID: some(by.ID), Role: by.Role, Action: "lift", Object: "submission", ObjectID: f.Submission,
			Detail: map[string]string{"flag": f.ID.String()},
		})
	})
	if err != nil {
		return err
	}
	return m.Refresh(ctx)
}

// Holder exports a person's flags as lines of JSON, and empties them: what is left of an erased person's flag is its
// kind and day. The words about a record under a legal hold go once the hold is lifted.
func (m *Misuse) Holder() activity.Holder {
	return activity.Holder{
		Export: func(ctx context.Context, who uuid.UUID, to io.Writer) error {
			flags, err := m.Of(ctx, who)
			if err != nil {
				return err
			}
			lines := json.NewEncoder(to)
			for _, f := range flags {
				if err := lines.Encode(f); err != nil {
					return fmt.Errorf("export flags of misuse: %w", err)
				}
			}
			return nil
		},
		Erase: func(ctx context.Context, tx pgx.Tx, who uuid.UUID, until time.Time) error {
			if _, err := tx.Exec(ctx, `
				UPDATE misuse SET evidence = ''
				WHERE person_id = $1 AND created_at <= $2 AND NOT held(person_id, submission_id)`, who, until); err != nil {
				return fmt.Errorf("erase flags of misuse: %w", err)
			}
			return nil
		},
	}
}

// Deletes says that flags go once their time is over: 24 months after the flag, or after the end of its block, but
// none that a legal hold covers.
func (m *Misuse) Deletes() []job.Deletion {
	return []job.Deletion{{
		Kind: "misuse", Outcome: "flags", Months: keptMonths, At: "greatest(created_at, blocked_until)",
		Due: `misuse WHERE greatest(created_at, blocked_until) < $1 AND NOT held(person_id, submission_id)`,
	}}
}
