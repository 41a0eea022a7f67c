package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

const batch = 500 // of each kind of work in one run

// work brings the requests in line with their accounts and with time.
func (r *room) work(ctx context.Context) error {
	return errors.Join(r.activate(ctx), r.warn(ctx), r.expire(ctx))
}

func (r *room) ids(ctx context.Context, sql string, args ...any) ([]uuid.UUID, error) {
	ids, err := postgres.Column[uuid.UUID](ctx, r.desk.Pool, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("list accesses: %w", err)
	}
	return ids, nil
}

// activate moves requests on whose invitation was taken up.
func (r *room) activate(ctx context.Context) error {
	ids, err := r.ids(ctx, `
		SELECT s.id FROM submission s JOIN account a ON a.person_id = s.person_id
		WHERE s.kind = $1 AND s.status = 'approved' AND a.password_hash IS NOT NULL
			AND a.disabled_at IS NULL AND a.expires_at > $2
		ORDER BY s.created_at LIMIT $3`, Kind, r.desk.Now(), batch)
	if err != nil {
		return err
	}
	var failed []error // one that fails must not keep the others waiting, here and below
	for _, id := range ids {
		err := r.desk.Store.Move(ctx, id, submission.Change{From: []string{approved}, To: active, By: submission.System, Decides: true})
		if err != nil && !errors.Is(err, submission.ErrMove) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// due is an access whose owner is to be told of its end.
type due struct {
	Account    uuid.UUID
	Until      time.Time
	Submission uuid.UUID
	Name       string
}

// warn tells the owners of accesses that end within a month, each once a term; nothing is mailed about what is set apart.
func (r *room) warn(ctx context.Context) error {
	now := r.desk.Now()
	list, err := postgres.Rows[due](ctx, r.desk.Pool, `
		SELECT a.id AS account, a.expires_at AS until, s.id AS submission, a.name
		FROM account a
		LEFT JOIN access_term t ON t.account_id = a.id
		JOIN person p ON p.id = a.person_id AND p.email IS NOT NULL
		CROSS JOIN LATERAL (SELECT id FROM submission
			WHERE person_id = a.person_id AND kind = $1 AND status IN ('approved', 'active') AND quarantined_at IS NULL
			ORDER BY created_at DESC, id DESC LIMIT 1) s
		WHERE a.kind = 'connect' AND a.disabled_at IS NULL AND a.expires_at > $2 AND a.expires_at <= $3
			AND t.warned_for IS DISTINCT FROM a.expires_at
		ORDER BY a.expires_at LIMIT $4`, Kind, now, now.Add(warning), batch)
	if err != nil {
		return fmt.Errorf("list ending accesses: %w", err)
	}
	var failed []error
	for _, d := range list {
		if err := pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error { return r.warnOne(ctx, tx, d) }); err != nil {
			failed = append(failed, fmt.Errorf("tell of an ending access: %w", err))
		}
	}
	return errors.Join(failed...)
}

func (r *room) warnOne(ctx context.Context, tx pgx.Tx, d due) error {
	tag, err := tx.Exec(ctx, `
		INSERT INTO access_term AS t (account_id, warned_for) VALUES ($1, $2)
		ON CONFLICT (account_id) DO UPDATE SET warned_for = excluded.warned_for
		WHERE t.warned_for IS DISTINCT FROM excluded.warned_for`, d.Account, d.Until)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	return r.desk.Store.SendTx(ctx, tx, d.Submission, mail.Message{
		Account: uuid.NullUUID{UUID: d.Account, Valid: true}, Template: tellEnding,
		Data: Ending{Name: d.Name, Until: through(d.Until), ReceiptURL: r.desk.ReceiptPath(d.Submission)},
	})
}

// expire ends the requests of people whose access has run out, or whose account is gone.
func (r *room) expire(ctx context.Context) error {
	people, err := r.ids(ctx, `
		SELECT DISTINCT s.person_id FROM submission s LEFT JOIN account a ON a.person_id = s.person_id
		WHERE s.kind = $1 AND s.status IN ('approved', 'active') AND s.person_id IS NOT NULL
			AND (a.id IS NULL OR a.disabled_at IS NOT NULL OR a.expires_at <= $2)
		LIMIT $3`, Kind, r.desk.Now(), batch)
	if err != nil {
		return err
	}
	var failed []error
	for _, who := range people {
		if err := pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
			return r.finish(ctx, tx, who, submission.System, nil, "")
		}); err != nil {
			failed = append(failed, fmt.Errorf("expire access: %w", err))
		}
	}
	return errors.Join(failed...)
}

// over are the accounts whose access has ended, unless a legal hold covers all of the person; $1 is the time since when.
const over = `account a WHERE a.kind = 'connect' AND a.person_id IS NOT NULL AND a.expires_at <= $1 AND NOT held(a.person_id, NULL)`

// remove deletes accounts whose access ended before a time: the statement promises to keep them no longer.
func (r *room) remove(ctx context.Context, before time.Time) (int64, error) {
	var gone int64
	for {
		people, err := r.ids(ctx, `SELECT a.person_id FROM `+over+` ORDER BY a.expires_at LIMIT $2`, before, batch)
		if err != nil {
			return gone, err
		}
		for _, who := range people {
			if err := pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
				return r.accounts.ErasePerson(ctx, tx, who, r.desk.Now())
			}); err != nil {
				return gone, err
			}
			gone++
		}
		if len(people) < batch {
			return gone, nil
		}
	}
}
