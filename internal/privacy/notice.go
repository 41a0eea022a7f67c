package privacy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/postgres"
)

// changedMail is the template by which people are told of new uses of old data (P-18).
const changedMail = "statement-changed"

// ChangedMail tells a person that a new version of the statement uses what they sent for more than they read of then.
type ChangedMail struct {
	Effective  string   // the day it takes effect
	Uses       []string // optional: what is new, and done after 30 days; empty for an address that was never confirmed
	Asked      []string // optional: what is new, and not done without consent; likewise
	ChangesURL string
	ObjectURL  string
}

// Templates are the mails of this room.
func Templates() []mail.Template {
	return []mail.Template{
		{Name: changedMail, Purpose: "notice", Data: ChangedMail{}, Bulk: true},
		{Name: newAddressMail, Purpose: "notice", Data: NewAddress{}, Secret: true},
		{Name: addressMovedMail, Purpose: "notice", Data: AddressMoved{}},
	}
}

const (
	tellAtOnce = 500  // people of one transaction: memory stays flat however many there are
	lookAtOnce = 5000 // people that one statement looks at: it ends in time however few of them are to be told
	tellAhead  = 2000 // mails that may wait in the queue before more are added
	tellLook   = 100 * time.Millisecond
	tellEvery  = 5 * time.Minute
	tellTurn   = 20 * time.Minute // after which deliveries are noted, too, before it goes on
	tellFor    = 2 * time.Hour
	tellAgain  = time.Hour // until all are gone through once more: some come back, or mail to them does
)

// tell tells everybody whom the newest version concerns, once each, and notes who was reached. It may be cut off
// anywhere: a person is told in the transaction that notes it. It adds no faster than mails leave.
func (r *Room) tell(ctx context.Context) error {
	if err := r.noteDelivered(ctx); err != nil {
		return err
	}
	all := r.desk.Statements.All()
	if len(all) == 0 {
		return nil
	}
	uses, err := r.desk.Statements.Uses(ctx, all[0].ID)
	if err != nil {
		return err
	}
	to := consent.Draft{Statement: all[0], Uses: uses}
	c, err := r.concerned(ctx, to)
	if err != nil || c.nobody() {
		return err
	}
	walked, err := r.walked(ctx, to.ID, tellAgain)
	if err != nil || walked {
		return err
	}
	turn, end := context.WithTimeout(ctx, tellTurn)
	defer end()
	last := uuid.Nil
	for {
		err := r.awaitQueue(turn)
		if turn.Err() != nil {
			return ctx.Err() // none where the turn is over: the next one goes on
		}
		if err != nil {
			return err
		}
		next, err := r.tellSome(ctx, c, last)
		if errors.Is(err, pgx.ErrNoRows) {
			return r.noteWalk(ctx, to.ID)
		}
		if err != nil {
			return fmt.Errorf("tell of statement %s: %w", to.ID, err)
		}
		last = next
	}
}

// noteWalk notes that all who are to be told of a version were gone through.
func (r *Room) noteWalk(ctx context.Context, version string) error {
	_, err := r.desk.Pool.Exec(ctx, `
		INSERT INTO telling (version, walked_at) VALUES ($1, $2)
		ON CONFLICT (version) DO UPDATE SET walked_at = excluded.walked_at`, version, r.desk.Now())
	if err != nil {
		return fmt.Errorf("note that all were told: %w", err)
	}
	return nil
}

// walked tells whether that was within such a time.
func (r *Room) walked(ctx context.Context, version string, within time.Duration) (lately bool, err error) {
	err = r.desk.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM telling WHERE version = $1 AND walked_at > $2)`,
		version, r.desk.Now().Add(-within)).Scan(&lately)
	if err != nil {
		return false, fmt.Errorf("read who was told: %w", err)
	}
	return lately, nil
}

// awaitQueue returns once few enough notices wait, or ctx ends.
func (r *Room) awaitQueue(ctx context.Context) error {
	for ctx.Err() == nil {
		crowded, err := r.desk.Mail.Crowded(ctx, changedMail, r.ahead)
		if err != nil || !crowded {
			return err
		}
		r.rest(ctx)
	}
	return nil
}

// rest lets some mails leave.
func rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(tellLook):
	}
}

// reached is a person to be told.
type reached struct {
	ID        uuid.UUID `db:"id"`
	Email     string    `db:"email"`
	Confirmed bool      `db:"confirmed"`
	Records   []record  `db:"records"` // those of which there is something to tell
}

// tellSome looks at the next people after last, tells those who are to be told, and returns up to whom it came; pgx.ErrNoRows
// says that there is nobody after last. However many there are of whom nothing is to be told, it takes no longer.
func (r *Room) tellSome(ctx context.Context, c concerns, last uuid.UUID) (next uuid.UUID, err error) {
	err = pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `
			SELECT id FROM (SELECT id FROM person WHERE id > $1 ORDER BY id LIMIT $2) looked ORDER BY id DESC LIMIT 1`,
			last, lookAtOnce).Scan(&next); err != nil {
			return err
		}
		people, err := postgres.Rows[reached](ctx, tx, known+`
			SELECT p.id, p.email, p.verified_at IS NOT NULL AS confirmed, records.list AS records`+
			ofConcern+` AND p.id <= $6 ORDER BY p.id LIMIT $7 FOR UPDATE OF p SKIP LOCKED`, append(c.args(last), next, tellAtOnce)...)
		if err != nil || len(people) == 0 {
			return err
		}
		if len(people) == tellAtOnce {
			next = people[tellAtOnce-1].ID
		}
		return r.queueNotices(ctx, tx, c, people)
	})
	return next, err
}

func (r *Room) queueNotices(ctx context.Context, tx pgx.Tx, c concerns, people []reached) error {
	now := r.desk.Now()
	b := &pgx.Batch{}
	for _, p := range people {
		id := uuid.Must(uuid.NewV7())
		m := mail.Message{
			ID: id, Person: uuid.NullUUID{UUID: p.ID, Valid: true}, Template: changedMail, Address: p.Email, Basis: c.to.ID,
			Data: r.changedMail(c, p),
		}
		if err := r.desk.Mail.Add(b, m, now); err != nil {
			return err
		}
		// Who objected by phone before has a row without a mail, and whose mail came back one with that. Any other row says that
		// they were told: the key refuses it.
		args := []any{p.ID, c.to.ID, p.kinds(), id, now}
		b.Queue(`
			UPDATE notice SET message_id = $4, queued_at = $5
			WHERE person_id = $1 AND version = $2 AND kind = ANY ($3)
				AND (message_id IS NULL OR EXISTS (SELECT FROM message m WHERE m.id = message_id AND m.bounced_at IS NOT NULL))`, args...)
		b.Queue(`
			INSERT INTO notice (person_id, version, kind, message_id, queued_at)
			SELECT DISTINCT $1::uuid, $2, kind, $4::uuid, $5::timestamptz FROM unnest($3::text[]) kind
			WHERE NOT EXISTS (SELECT FROM notice n
				WHERE n.person_id = $1 AND n.version = $2 AND n.kind = kind.kind AND n.message_id = $4)`, args...)
	}
	return tx.SendBatch(ctx, b).Close()
}

func (p reached) kinds() []string {
	list := make([]string, len(p.Records))
	for i, rec := range p.Records {
		list[i] = rec.Kind
	}
	return list
}

// changedMail tells a person what is new. Who never confirmed the address is told nothing of it: it may be another's, who
// is not to learn what was sent in its name.
func (r *Room) changedMail(c concerns, p reached) ChangedMail {
	m := ChangedMail{Effective: c.to.Name(), ChangesURL: r.sinceChanges(c.to.Statement, p), ObjectURL: r.ObjectionPath(p.ID)}
	if !p.Confirmed {
		return m
	}
	for _, change := range c.news(r.say, p.Records) {
		if change.ByNotice {
			m.Uses = append(m.Uses, change.Sentence)
		} else {
			m.Asked = append(m.Asked, change.Sentence)
		}
	}
	return m
}

// sinceChanges leads to what changed since the earliest version that was shown with a record of the person's.
func (r *Room) sinceChanges(to consent.Statement, p reached) string {
	for _, from := range slices.Backward(r.desk.Statements.All()) {
		if slices.ContainsFunc(p.Records, func(rec record) bool { return rec.Version == from.ID }) {
			return changesPath(from, to)
		}
	}
	return "/privacy/versions/" + to.ID
}

// noteDelivered notes whose mail left and when, and takes that back for mail that came back: the days in which its reader may
// object begin with the one that arrived.
func (r *Room) noteDelivered(ctx context.Context) error {
	_, err := r.desk.Pool.Exec(ctx, `
		UPDATE notice n SET delivered_at = m.left_at
		FROM (SELECT id, CASE WHEN state = 'sent' AND bounced_at IS NULL THEN sent_at END AS left_at
			FROM message) m
		WHERE m.id = n.message_id AND n.delivered_at IS DISTINCT FROM m.left_at`)
	if err != nil {
		return fmt.Errorf("note delivered notices: %w", err)
	}
	return nil
}
