// Package consent keeps what people agreed to, in a ledger that only grows, and which privacy statement is in force.
//
// It promises that a choice is stored word for word as it was shown, that the latest one counts, that a choice made in
// a form counts only once the person confirmed the address by mail, and that a refused address stays refused
// whatever is imported later (P-6, P-7). The database keeps these rules itself: see the view consent and the trigger
// message_gate.
package consent

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres"
)

// Purpose is what contact data may be used for beyond the person's own request. Each needs a consent (P-6).
type Purpose string

// The four purposes of P-6.
const (
	Survey      Purpose = "survey"
	ProductNews Purpose = "product_news"
	Promotion   Purpose = "promotion"
	Newsletter  Purpose = "newsletter"
)

// Channel is a way to reach a person.
type Channel string

// The channels of P-6.
const (
	ByEmail Channel = "email"
	ByPhone Channel = "phone"
	ByPost  Channel = "post"
)

// Origin is the way by which a choice reached us.
type Origin string

// The origins. A choice made in a form or told to staff needs a confirmation by mail; the others are the person's own
// proven act.
const (
	FromForm        Origin = "form"
	FromStaff       Origin = "staff"
	FromConnect     Origin = "connect"
	FromPreferences Origin = "preferences"
	FromUnsubscribe Origin = "unsubscribe"
	FromErasure     Origin = "erasure"
)

// Event is one choice, as it was made.
type Event struct {
	Purpose   Purpose
	Channel   Channel
	Granted   bool
	Revision  []byte // of the form that showed the wording; nil elsewhere
	Wording   string
	Statement string
	Origin    Origin
	At        time.Time
	Point     string // of a grant by phone or post: the number or the postal address
}

// Choice is the latest choice for a purpose and channel, and whether it is in force.
type Choice struct {
	Purpose   Purpose   `db:"purpose"`
	Channel   Channel   `db:"channel"`
	Granted   bool      `db:"granted"`
	Wording   string    `db:"wording"`
	Statement string    `db:"statement_version"`
	Origin    Origin    `db:"origin"`
	At        time.Time `db:"at"`
	InForce   bool      `db:"in_force"`
	Waiting   bool      `db:"-"` // granted, and still to be confirmed by mail
}

// waits is how long a choice waits for its confirmation; then it lapses.
const waits = 30 * 24 * time.Hour

// Lapsed tells whether a choice was never confirmed in time: it is as if it had not been made.
func (c Choice) Lapsed() bool { return c.Granted && !c.InForce && !c.Waiting }

// Ledger reads and appends choices.
type Ledger struct {
	pool *pgxpool.Pool
	ring *key.Ring
	now  func() time.Time
}

// NewLedger returns the ledger.
func NewLedger(pool *pgxpool.Pool, ring *key.Ring, now func() time.Time) *Ledger {
	return &Ledger{pool, ring, now}
}

// AddFor queues the storing of a choice that came with a submission, for the person who has the address. It is stored
// only where the submission was.
func AddFor(b *pgx.Batch, submission uuid.UUID, email string, e Event) {
	b.Queue(`
		INSERT INTO consent_event (person_id, purpose, channel, granted, form_revision, wording, statement_version,
			origin, submission_id, at)
		SELECT (SELECT id FROM person WHERE email = $1), $2, $3, $4, $5, $6, $7, $8, $9, $10
		WHERE EXISTS (SELECT FROM submission WHERE id = $9)`,
		email, e.Purpose, e.Channel, e.Granted, e.Revision, e.Wording, e.Statement, e.Origin, submission, e.At)
	if e.Point != "" {
		b.Queue(addPoint+`p.email = $1 AND EXISTS (SELECT FROM submission WHERE id = $6)`+orReplacePoint,
			email, e.Channel, e.Point, e.Origin, e.At, submission)
	}
}

// Record stores a choice of a known person. A refusal is also kept as a suppression, which outlives the person's
// data, but for one that an erasure brings: nobody asked to be remembered by it. A grant lifts a suppression only where it
// is the person's own proven act.
func (l *Ledger) Record(ctx context.Context, tx pgx.Tx, who uuid.UUID, e Event) error {
	if e.At.IsZero() {
		e.At = l.now()
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO consent_event (person_id, purpose, channel, granted, form_revision, wording, statement_version,
			origin, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		who, e.Purpose, e.Channel, e.Granted, e.Revision, e.Wording, e.Statement, e.Origin, e.At); err != nil {
		return fmt.Errorf("record choice: %w", err)
	}
	if e.Point != "" {
		if _, err := tx.Exec(ctx, addPoint+`p.id = $1`+orReplacePoint, who, e.Channel, e.Point, e.Origin, e.At); err != nil {
			return fmt.Errorf("record how to reach a person: %w", err)
		}
	}
	var err error
	switch {
	case !e.Granted:
		_, err = tx.Exec(ctx, `
			INSERT INTO suppression (address_hmac, purpose, channel, reason, at)
			SELECT address_hmac, $2, $3, $4, $5 FROM person WHERE id = $1 AND erased_at IS NULL AND $4 <> $6
			ON CONFLICT (address_hmac, purpose, channel) DO NOTHING`, who, e.Purpose, e.Channel, e.Origin, e.At, FromErasure)
		if err == nil {
			err = dropPoint(ctx, tx, who, e.Channel)
		}
	case e.Origin == FromPreferences || e.Origin == FromConnect:
		_, err = tx.Exec(ctx, `
			DELETE FROM suppression WHERE purpose = $2 AND channel = $3
				AND address_hmac = (SELECT address_hmac FROM person WHERE id = $1)`, who, e.Purpose, e.Channel)
	}
	if err != nil {
		return fmt.Errorf("record choice: %w", err)
	}
	return nil
}

// Withdraw records the person's refusal of a purpose on a channel; refusing twice is refusing once.
func (l *Ledger) Withdraw(ctx context.Context, who uuid.UUID, p Purpose, c Channel, o Origin, wording, statement string) error {
	return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		_, err := l.Refuse(ctx, tx, who, Event{
			Purpose: p, Channel: c, Wording: wording, Statement: statement, Origin: o, At: l.now(),
		})
		return err
	})
}

// Refuse records a refusal of a known person, and tells whether it was not the last that they said of it already: refusing
// twice, also at the same moment, is refusing once.
func (l *Ledger) Refuse(ctx context.Context, tx pgx.Tx, who uuid.UUID, e Event) (bool, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM person WHERE id = $1 FOR NO KEY UPDATE`, who); err != nil {
		return false, fmt.Errorf("refuse: %w", err)
	}
	var refused bool
	if err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM consent c JOIN person p ON p.id = c.person_id
			WHERE c.person_id = $1 AND c.purpose = $2 AND c.channel = $3 AND NOT c.granted
				AND (p.erased_at IS NOT NULL OR EXISTS (SELECT FROM suppression s
					WHERE s.address_hmac = p.address_hmac AND s.purpose = $2 AND s.channel = $3)))`,
		who, e.Purpose, e.Channel).Scan(&refused); err != nil {
		return false, fmt.Errorf("refuse: %w", err)
	}
	if refused {
		return false, nil
	}
	e.Granted = false
	return true, l.Record(ctx, tx, who, e)
}

// End records a refusal of all that a person agreed to and that is in force, or waits to be confirmed.
func (l *Ledger) End(ctx context.Context, tx pgx.Tx, who uuid.UUID, o Origin, wording, statement string) error {
	choices, err := l.of(ctx, tx, who)
	if err != nil {
		return err
	}
	for _, c := range choices {
		if !c.InForce && !c.Waiting {
			continue
		}
		if err := l.Record(ctx, tx, who, Event{
			Purpose: c.Purpose, Channel: c.Channel, Wording: wording, Statement: statement, Origin: o,
		}); err != nil {
			return err
		}
	}
	return nil
}

// Of returns the latest choices of a person.
func (l *Ledger) Of(ctx context.Context, who uuid.UUID) ([]Choice, error) {
	return l.of(ctx, l.pool, who)
}

func (l *Ledger) of(ctx context.Context, db postgres.Reader, who uuid.UUID) ([]Choice, error) {
	choices, err := postgres.Rows[Choice](ctx, db, `
		SELECT purpose, channel, granted, wording, statement_version, origin, at, in_force
		FROM consent WHERE person_id = $1 ORDER BY purpose, channel`, who)
	if err != nil {
		return nil, fmt.Errorf("read choices: %w", err)
	}
	for i, c := range choices {
		choices[i].Waiting = c.Granted && !c.InForce && l.now().Sub(c.At) <= waits
	}
	return choices, nil
}

// Head returns the last entry of a person's chain, as a transaction sees it; 0 where there is none.
func (l *Ledger) Head(ctx context.Context, tx pgx.Tx, who uuid.UUID) (last int64, err error) {
	err = tx.QueryRow(ctx, `SELECT coalesce((SELECT seq FROM consent_head WHERE person_id = $1), 0)`, who).Scan(&last)
	if err != nil {
		return 0, fmt.Errorf("read the head of a chain: %w", err)
	}
	return last, nil
}

// LastOf returns the last entry of a person's chain that came until a moment, or with a submission; 0 where none did.
func (l *Ledger) LastOf(ctx context.Context, who uuid.UUID, until time.Time, submission uuid.UUID) (last int64, err error) {
	err = l.pool.QueryRow(ctx, `
		SELECT coalesce(max(seq), 0) FROM consent_event WHERE person_id = $1 AND (at <= $2 OR submission_id = $3)`,
		who, until, submission).Scan(&last)
	if err != nil {
		return 0, fmt.Errorf("read the choices of a submission: %w", err)
	}
	return last, nil
}

// Waiting returns the wordings of what a confirmation up to an entry of a person's chain brings into force: what was
// agreed to within 30 days, is not refused since, and not in force already.
func (l *Ledger) Waiting(ctx context.Context, who uuid.UUID, upTo int64) ([]string, error) {
	wordings, err := postgres.Column[string](ctx, l.pool, `
		SELECT wording FROM (
			SELECT DISTINCT ON (e.purpose, e.channel) e.purpose, e.channel, e.wording FROM consent_event e
			WHERE e.person_id = $1 AND e.granted AND e.seq <= $2 AND e.at >= $3
				AND NOT EXISTS (SELECT FROM consent_event r WHERE r.person_id = $1 AND r.purpose = e.purpose
					AND r.channel = e.channel AND r.seq > e.seq AND NOT r.granted)
				AND NOT EXISTS (SELECT FROM consent c WHERE c.person_id = $1 AND c.purpose = e.purpose
					AND c.channel = e.channel AND c.in_force)
			ORDER BY e.purpose, e.channel, e.seq DESC) AS w
		ORDER BY purpose, channel`, who, upTo, l.now().Add(-waits))
	if err != nil {
		return nil, fmt.Errorf("read choices that wait: %w", err)
	}
	return wordings, nil
}

// LiftProven lifts the suppression of every choice that a confirmation has proven, where the choice came after the refusal:
// it is the person's own proven act.
func (l *Ledger) LiftProven(ctx context.Context, tx pgx.Tx, p person.Person) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM suppression s
		USING consent c
		JOIN consent_proven x ON x.person_id = c.person_id AND x.seq = c.seq
		JOIN consent_event e ON e.person_id = c.person_id AND e.seq = c.seq
		WHERE c.person_id = $1 AND e.id > s.after AND s.purpose = c.purpose AND s.channel = c.channel AND s.address_hmac = $2`,
		p.ID, person.AddressDigest(l.ring, p.Email))
	if err != nil {
		return fmt.Errorf("confirm choices: %w", err)
	}
	return nil
}
