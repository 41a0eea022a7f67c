package newsletter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

const (
	lapse = 30 * 24 * time.Hour // in which a request must be confirmed
	kept  = 12                  // months that a record is kept on, again and again, while its subscription stands
	left  = 1                   // months that the fact of a subscription is kept on once it ended
	batch = 500                 // records of one run
)

// confirmed takes the requests of a person who just confirmed the address to where they count.
func (r *room) confirmed(ctx context.Context, tx pgx.Tx, who person.Person) error {
	ids, err := list(ctx, tx, `
		SELECT id FROM submission s
		WHERE person_id = $1 AND kind = $2 AND status = $3 AND quarantined_at IS NULL AND created_at > $4
			AND EXISTS (SELECT FROM consent_event e JOIN consent_proven x USING (person_id, seq)
				WHERE e.person_id = $1 AND e.submission_id = s.id)
		ORDER BY id`, who.ID, Kind, waiting, r.desk.Now().Add(-lapse))
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := r.desk.Store.MoveTx(ctx, tx, id, submission.Change{
			From: []string{waiting}, To: confirmed, By: submission.Sender, Decides: true,
			PurgeAfter: r.desk.KeptUntil(kept),
		})
		if err != nil && !errors.Is(err, submission.ErrMove) {
			return err
		}
	}
	return nil
}

func list(ctx context.Context, db postgres.Reader, sql string, args ...any) ([]uuid.UUID, error) {
	ids, err := postgres.Column[uuid.UUID](ctx, db, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("list subscriptions: %w", err)
	}
	return ids, nil
}

// moved ends the consent with the subscription. A request that was never confirmed may be a stranger's: withdrawing it
// must not end what the owner of the address agreed to elsewhere.
func (r *room) moved(ctx context.Context, tx pgx.Tx, rec submission.Record, to string) error {
	if to != activity.Withdrawn || !rec.PersonID.Valid {
		return nil
	}
	var ends bool
	err := tx.QueryRow(ctx, `
		SELECT c.granted AND (NOT c.in_force OR EXISTS (
			SELECT FROM consent_event e
			JOIN consent_proven x ON x.person_id = e.person_id AND x.seq = e.seq
			WHERE e.person_id = c.person_id AND e.submission_id = $2))
		FROM consent c
		WHERE c.person_id = $1 AND c.purpose = 'newsletter' AND c.channel = 'email'`, rec.PersonID.UUID, rec.ID).Scan(&ends)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && !ends {
		return nil
	}
	if err != nil {
		return fmt.Errorf("end subscription: %w", err)
	}
	statement, err := r.desk.Statements.InForce()
	if err != nil {
		return err
	}
	return r.desk.Ledger.Record(ctx, tx, rec.PersonID.UUID, consent.Event{
		Purpose: consent.Newsletter, Channel: consent.ByEmail, Wording: r.say("withdrew"),
		Statement: statement.ID, Origin: consent.FromUnsubscribe, At: r.desk.Now(),
	})
}

// work brings the records in line with time and with what people chose elsewhere.
func (r *room) work(ctx context.Context) error {
	return errors.Join(r.follow(ctx), r.renew(ctx))
}

// lapsed are the requests that nobody confirmed; $1 is the time since when. What is past its own day goes, and counts, with
// all other records.
const lapsed = `submission s WHERE s.kind = 'newsletter' AND s.status = 'new' AND s.created_at <= $1
	AND s.purge_after >= company_day($1::timestamptz + interval '30 days') AND NOT held(s.person_id, s.id, s.kind, s.created_at)`

// forget deletes requests that nobody confirmed, and the address where nothing else is known of it.
func (r *room) forget(ctx context.Context, before time.Time) (int64, error) {
	var gone int64
	for {
		ids, err := list(ctx, r.desk.Pool, `SELECT s.id FROM `+lapsed+` ORDER BY s.created_at LIMIT $2`, before, batch)
		if err != nil {
			return gone, err
		}
		for _, id := range ids {
			err := pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error { return forgetOne(ctx, tx, id, r.desk.Now()) })
			if errors.Is(err, pgx.ErrNoRows) {
				continue // confirmed in this moment
			}
			if err != nil {
				return gone, err
			}
			gone++
		}
		if len(ids) < batch {
			return gone, nil
		}
	}
}

func forgetOne(ctx context.Context, tx pgx.Tx, id uuid.UUID, now time.Time) error {
	var who uuid.NullUUID
	err := tx.QueryRow(ctx, `DELETE FROM submission WHERE id = $1 AND status = $2 RETURNING person_id`, id, waiting).Scan(&who)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM message WHERE submission_id = $1`, id); err != nil {
		return err
	}
	// Whatever the same address is sending in this moment keeps it: the lock waits for that, and only then is looked.
	if _, err := tx.Exec(ctx, `SELECT FROM person WHERE id = $1 FOR UPDATE`, who); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		UPDATE person SET email = NULL, address_hmac = NULL, erased_at = $2
		WHERE id = $1 AND verified_at IS NULL AND erased_at IS NULL
			AND NOT EXISTS (SELECT FROM submission WHERE person_id = $1)
			AND NOT EXISTS (SELECT FROM message WHERE person_id = $1)
			AND NOT EXISTS (SELECT FROM account WHERE person_id = $1)`, who, now)
	return err
}

// follow ends subscriptions whose consent was taken back by a link in a mail, by phone, or in the preferences.
// A record under a legal hold follows once the hold is lifted.
func (r *room) follow(ctx context.Context) error {
	ids, err := list(ctx, r.desk.Pool, `
		SELECT s.id FROM submission s
		JOIN consent c ON c.person_id = s.person_id AND c.purpose = 'newsletter' AND c.channel = 'email'
		WHERE s.kind = $1 AND s.status = $2 AND NOT c.granted AND NOT held(s.person_id, s.id, s.kind, s.created_at)
		ORDER BY s.created_at LIMIT $3`, Kind, confirmed, batch)
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := r.desk.Store.Withdraw(ctx, id, submission.Change{
			From: []string{confirmed}, To: activity.Withdrawn, PurgeAfter: r.desk.KeptUntil(left),
		})
		if err != nil && !errors.Is(err, submission.ErrMove) && !errors.Is(err, submission.ErrHeld) {
			return err
		}
	}
	return nil
}

// renew moves the date of deletion on while a subscription stands: while its consent is in force, and it is not set apart.
func (r *room) renew(ctx context.Context) error {
	_, err := r.desk.Pool.Exec(ctx, `
		UPDATE submission s SET purge_after = $3
		WHERE s.kind = $1 AND s.status = $2 AND s.quarantined_at IS NULL AND s.purge_after < $4 AND EXISTS (SELECT FROM consent c
			WHERE c.person_id = s.person_id AND c.purpose = 'newsletter' AND c.channel = 'email' AND c.in_force)`,
		Kind, confirmed, r.desk.KeptUntil(kept), r.desk.KeptUntil(kept/2))
	if err != nil {
		return fmt.Errorf("renew subscriptions: %w", err)
	}
	return nil
}
