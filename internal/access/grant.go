package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

const (
	usualTerm = 12 // months
	maxTerm   = 24 // months
	keptAfter = 6  // months that account and record are kept after the end
	warning   = 30 * 24 * time.Hour
)

// through is the last day of an access that ends at that moment.
func through(end time.Time) string {
	return clock.Date(end.Add(-time.Second))
}

// moved gives access where staff approve by the record's own step: to what was asked for, for the usual term, and no less
// than the person has already.
func (r *room) moved(ctx context.Context, tx pgx.Tx, rec submission.Record, to string) error {
	if to != approved {
		return nil
	}
	until := clock.EndOf(clock.AddMonths(r.desk.Now().In(clock.Zone()), usualTerm))
	var has *time.Time
	err := tx.QueryRow(ctx, `SELECT max(expires_at) FROM account WHERE person_id = $1`, rec.PersonID).Scan(&has)
	if err != nil {
		return fmt.Errorf("read present term: %w", err)
	}
	if has != nil && has.After(until) {
		until = *has
	}
	opens, err := suggested(ctx, tx, rec)
	if err != nil {
		return err
	}
	return r.grant(ctx, tx, rec, until, opens)
}

// grant opens the account of the record's person to product families until that moment. Whoever has set a password already is told the new
// end; others are invited.
func (r *room) grant(ctx context.Context, tx pgx.Tx, rec submission.Record, until time.Time, opens []string) error {
	if rec.Erased() {
		return &page.Error{Status: http.StatusConflict, Message: r.say("erased")}
	}
	id, err := r.accounts.Grant(ctx, tx, rec.PersonID.UUID, rec.Email, rec.Name, until)
	if errors.Is(err, account.ErrTaken) {
		return &page.Error{Status: http.StatusConflict, Message: r.say("taken")}
	}
	if err != nil {
		return err
	}
	var warned *time.Time
	if until.Sub(r.desk.Now()) <= warning {
		warned = &until // so short a term is told with the grant
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO access_term (account_id, warned_for, families) VALUES ($1, $2, $3)
		ON CONFLICT (account_id) DO UPDATE SET warned_for = excluded.warned_for, families = excluded.families`,
		id, warned, opens); err != nil {
		return fmt.Errorf("note term: %w", err)
	}
	// The record is kept as long as the account that follows from it.
	if _, err := tx.Exec(ctx, `
		UPDATE submission SET purge_after = $3
		WHERE id = $1 OR (person_id = $2 AND kind = $4 AND status IN ('approved', 'active'))`,
		rec.ID, rec.PersonID, clock.AddMonths(until, keptAfter), Kind); err != nil {
		return fmt.Errorf("keep record: %w", err)
	}
	var known bool
	err = tx.QueryRow(ctx, `SELECT password_hash IS NOT NULL FROM account WHERE id = $1`, id).Scan(&known)
	if err != nil {
		return fmt.Errorf("read account: %w", err)
	}
	if !known {
		return nil
	}
	return r.tellTerm(ctx, tx, rec, id, until)
}

// tellTerm tells the owner of an account until when it is open.
func (r *room) tellTerm(ctx context.Context, tx pgx.Tx, rec submission.Record, id uuid.UUID, until time.Time) error {
	return r.desk.Store.SendTx(ctx, tx, rec.ID, mail.Message{
		Account: uuid.NullUUID{UUID: id, Valid: true}, Template: tellRenewed,
		Data: Renewed{Name: rec.Name, Until: through(until), SignInURL: "/connect/sign-in"},
	})
}

// finish takes all of a person's granted requests to their end. The newest one that is not set apart brings the mail.
func (r *room) finish(ctx context.Context, tx pgx.Tx, who uuid.UUID, by submission.Actor, detail map[string]string, ground string) error {
	type granted struct {
		ID        uuid.UUID
		Name      string
		Reachable bool
	}
	list, err := postgres.Rows[granted](ctx, tx, `
		SELECT s.id, s.name, p.email IS NOT NULL AND s.quarantined_at IS NULL AS reachable
		FROM submission s JOIN person p ON p.id = s.person_id
		WHERE s.person_id = $1 AND s.kind = $2 AND s.status IN ('approved', 'active')
		ORDER BY s.created_at DESC, s.id DESC FOR UPDATE OF s`, who, Kind)
	if err != nil {
		return fmt.Errorf("read granted requests: %w", err)
	}
	told := false
	for _, g := range list {
		c := submission.Change{
			From: []string{approved, active}, To: ended, By: by, Decides: true, Detail: detail,
			PurgeAfter: r.desk.KeptUntil(keptAfter),
		}
		if g.Reachable && !told {
			told = true
			c.Message = &mail.Message{Template: tellEnded, Data: Ended{Name: g.Name, Ground: ground, ReceiptURL: r.desk.ReceiptPath(g.ID)}}
		}
		if err := r.desk.Store.MoveTx(ctx, tx, g.ID, c); err != nil {
			return err
		}
	}
	return nil
}
