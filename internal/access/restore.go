package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/submission"
)

// restored tells, beside the first mail, what was about to be told of an access as its request was set apart, if that is
// still so.
func (r *room) restored(ctx context.Context, tx pgx.Tx, rec submission.Record, first []mail.Message) ([]mail.Message, error) {
	if rec.Status == activity.Withdrawn {
		return nil, nil
	}
	stopped, err := r.desk.Mail.Stopped(ctx, tx, rec.ID)
	if err != nil {
		return nil, err
	}
	if slices.Contains(stopped, tellEnding) {
		if err := forgetWarning(ctx, tx, rec); err != nil {
			return nil, err
		}
	}
	id, until, err := r.openNow(ctx, tx, rec.PersonID)
	switch {
	case err != nil:
		return nil, err
	case until.IsZero() && rec.Status == ended && slices.Contains(stopped, tellEnded):
		return first, r.tellEnd(ctx, tx, rec)
	case !until.IsZero() && rec.Status == active && slices.Contains(stopped, tellRenewed):
		return first, r.tellTerm(ctx, tx, rec, id, until)
	}
	return first, nil
}

// forgetWarning lets the end of an access be told again, unless it was told with another request since.
func forgetWarning(ctx context.Context, tx pgx.Tx, rec submission.Record) error {
	_, err := tx.Exec(ctx, `
		UPDATE access_term SET warned_for = NULL FROM account a
		WHERE a.id = account_id AND a.person_id = $1 AND warned_for = a.expires_at AND NOT EXISTS (SELECT FROM message
			WHERE account_id = a.id AND template IN ($2, $3) AND state <> 'cancelled' AND created_at > (SELECT max(created_at)
				FROM message WHERE submission_id = $4 AND template = $2))`,
		rec.PersonID, tellEnding, tellRenewed, rec.ID)
	if err != nil {
		return fmt.Errorf("forget a warning that was stopped: %w", err)
	}
	return nil
}

// openNow returns the account of a person whose access is open, and until when; the zero time where none is.
func (r *room) openNow(ctx context.Context, tx pgx.Tx, who uuid.NullUUID) (id uuid.UUID, until time.Time, err error) {
	err = tx.QueryRow(ctx, `
		SELECT id, expires_at FROM account
		WHERE kind = 'connect' AND person_id = $1 AND disabled_at IS NULL AND expires_at > $2`, who, r.desk.Now()).Scan(&id, &until)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return id, until, fmt.Errorf("read access: %w", err)
	}
	return id, until, nil
}

func (r *room) tellEnd(ctx context.Context, tx pgx.Tx, rec submission.Record) error {
	var reason string
	err := tx.QueryRow(ctx, `
		SELECT coalesce(detail ->> 'reason', '') FROM submission_event WHERE submission_id = $1 AND detail ->> 'to' = $2
		ORDER BY id DESC LIMIT 1`, rec.ID, ended).Scan(&reason)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("read why an access ended: %w", err)
	}
	return r.desk.Store.SendTx(ctx, tx, rec.ID, mail.Message{
		Template: tellEnded, Data: Ended{Name: rec.Name, Ground: ground(reason), ReceiptURL: r.desk.ReceiptPath(rec.ID)},
	})
}

// ground is why an access ended, in words; empty where its time was over.
func ground(reason string) string {
	for _, o := range endings() {
		if o.Value == reason {
			return o.Label
		}
	}
	return ""
}
