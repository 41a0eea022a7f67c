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
		if _, err := tx.Exec(ctx, `
			UPDATE access_term SET warned_for = NULL FROM account a
			WHERE a.id = account_id AND a.person_id = $1 AND warned_for = a.expires_at AND NOT EXISTS (SELECT FROM message
				WHERE account_id = a.id AND template IN ($2, $3) AND state <> 'cancelled' AND created_at > (SELECT max(created_at)
					FROM message WHERE submission_id = $4 AND template = $2))`,
			rec.PersonID, tellEnding, tellRenewed, rec.ID); err != nil {
			return nil, fmt.Errorf("forget a warning that was stopped: %w", err)
		}
	}
	var id uuid.UUID
	var until time.Time
	err = tx.QueryRow(ctx, `
		SELECT id, expires_at FROM account
		WHERE kind = 'connect' AND person_id = $1 AND disabled_at IS NULL AND expires_at > $2`, rec.PersonID, r.desk.Now()).
		Scan(&id, &until)
	switch open := err == nil; {
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		return nil, fmt.Errorf("read access: %w", err)
	case !open && rec.Status == ended && slices.Contains(stopped, tellEnded):
		return first, r.tellEnd(ctx, tx, rec)
	case open && rec.Status == active && slices.Contains(stopped, tellRenewed):
		return first, r.tellTerm(ctx, tx, rec, id, until)
	}
	return first, nil
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
