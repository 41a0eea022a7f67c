package account

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/postgres"
)

// How long a session lasts: without a request, and in all; half a sign-in (password without code) waits shortly.
const (
	staffIdle    = 12 * time.Hour
	staffWhole   = 24 * time.Hour
	connectIdle  = 24 * time.Hour
	connectWhole = 14 * 24 * time.Hour
	halfWhole    = 10 * time.Minute
	freshFor     = 15 * time.Minute // a password given this recently needn't be given again
	seenStep     = time.Minute      // last_seen_at is written no oftener
)

func idle(kind Kind) time.Duration {
	if kind == Staff {
		return staffIdle
	}
	return connectIdle
}

func whole(kind Kind) time.Duration {
	if kind == Staff {
		return staffWhole
	}
	return connectWhole
}

// Session is one who is signed in, as the pages of a request see it.
type Session struct {
	ID         uuid.UUID // uuid.Nil for a page fetched ahead on a remembered computer
	Account    Account
	Kind       Kind
	Roles      []Role
	Remembered bool // opened by a remembered computer, without a password
	CreatedAt  time.Time
	TOTPAt     *time.Time
	ReauthAt   *time.Time
	device     uuid.NullUUID
}

// Has tells whether the session's account has one of roles.
func (s *Session) Has(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(s.Roles, r) })
}

// Can tells whether the session's account has the right over a kind.
func (s *Session) Can(right Right, kind string) bool { return Can(s.Roles, right, kind) }

// Under returns the role under which the session's account uses a right over a kind, "" where it has none.
func (s *Session) Under(right Right, kind string) Role {
	for _, r := range rights(right, kind) {
		if slices.Contains(s.Roles, r) {
			return r
		}
	}
	return ""
}

// Fresh tells whether the password was given in this session within the last 15 minutes.
func (s *Session) Fresh(now time.Time) bool {
	return s.ReauthAt != nil && now.Sub(*s.ReauthAt) < freshFor
}

// complete tells whether sign-in is complete: for staff, whether the one-time code was given too.
func (s *Session) complete() bool { return s.Kind == Connect || s.TOTPAt != nil }

type sessionRow struct {
	ID         uuid.UUID
	SecretHash []byte
	AccountID  uuid.UUID
	DeviceID   uuid.NullUUID
	CreatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time
	TOTPAt     *time.Time `db:"totp_at"`
	Remembered bool
	ReauthAt   *time.Time
	TokenHash  []byte // of the device, NULL where there is none
	Presented  bool
}

// resume returns the session a ticket names, or nil where it has ended or never was.
func (s *Service) resume(ctx context.Context, kind Kind, t ticket) (*Session, error) {
	row, err := postgres.Row[sessionRow](ctx, s.pool, `
		SELECT s.id, s.secret_hash, s.account_id, s.device_id, s.created_at, s.last_seen_at, s.expires_at, s.totp_at,
			s.remembered, s.reauth_at, d.token_hash, d.presented_at IS NOT NULL AS presented
		FROM session s LEFT JOIN device d ON d.id = s.device_id
		WHERE s.id = $1 AND (d.id IS NULL OR (d.revoked_at IS NULL AND d.expires_at > $2))`, t.session, s.now())
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	now := s.now()
	if subtle.ConstantTimeCompare(hashOf(t.secret), row.SecretHash) != 1 ||
		!now.Before(row.ExpiresAt) || now.Sub(row.LastSeenAt) >= idle(kind) {
		return nil, nil
	}
	a, err := s.Get(ctx, row.AccountID)
	if errors.Is(err, ErrNotFound) || err == nil && (a.Kind != kind || !a.Active(now)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := s.seen(ctx, row, t); err != nil {
		return nil, err
	}
	return &Session{
		ID: row.ID, Account: a, Kind: a.Kind, Roles: a.Roles, Remembered: row.Remembered, CreatedAt: row.CreatedAt,
		TOTPAt: row.TOTPAt, ReauthAt: row.ReauthAt, device: row.DeviceID,
	}, nil
}

// seen writes that the session was used, and that the newest token of its computer has come back.
func (s *Service) seen(ctx context.Context, row sessionRow, t ticket) error {
	now := s.now()
	if now.Sub(row.LastSeenAt) >= seenStep {
		_, err := s.pool.Exec(ctx, `UPDATE session SET last_seen_at = $2 WHERE id = $1`, row.ID, now)
		if err != nil {
			return fmt.Errorf("touch session: %w", err)
		}
	}
	if row.DeviceID.Valid && !row.Presented && subtle.ConstantTimeCompare(hashOf(t.token), row.TokenHash) == 1 {
		_, err := s.pool.Exec(ctx, `
			UPDATE device SET presented_at = $3 WHERE id = $1 AND token_hash = $2 AND presented_at IS NULL`,
			row.DeviceID, row.TokenHash, now)
		if err != nil {
			return fmt.Errorf("mark token as presented: %w", err)
		}
	}
	return nil
}

// opening says how a session begins.
type opening struct {
	account    uuid.UUID
	kind       Kind
	label      string
	secret     []byte
	device     uuid.NullUUID
	totp       bool // the one-time code was given
	half       bool // the one-time code is still to come
	remembered bool // opened by a device, without a password
}

// open writes a new session; its id is always new, so that an id known before sign-in opens nothing.
func (s *Service) open(ctx context.Context, tx pgx.Tx, o opening) (uuid.UUID, error) {
	id := uuid.Must(uuid.NewV7())
	now := s.now()
	life := whole(o.kind)
	if o.half {
		life = halfWhole
	}
	var totpAt, reauthAt *time.Time
	if o.totp {
		totpAt = &now
	}
	if !o.remembered {
		reauthAt = &now
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO session (id, secret_hash, account_id, device_id, label, created_at, last_seen_at, expires_at,
			totp_at, remembered, reauth_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $10)`,
		id, hashOf(o.secret), o.account, o.device, o.label, now, now.Add(life), totpAt, o.remembered, reauthAt)
	if err != nil {
		return uuid.Nil, fmt.Errorf("open session: %w", err)
	}
	return id, nil
}

// SessionInfo is one place where an account is signed in, for its owner to see.
type SessionInfo struct {
	ID         uuid.UUID
	Label      string // "Firefox on Linux"
	CreatedAt  time.Time
	LastSeenAt time.Time
}

// Sessions returns where an account is signed in now, the latest first.
func (s *Service) Sessions(ctx context.Context, account uuid.UUID) ([]SessionInfo, error) {
	a, err := s.Get(ctx, account)
	if err != nil {
		return nil, err
	}
	list, err := postgres.Rows[SessionInfo](ctx, s.pool, `
		SELECT id, label, created_at, last_seen_at FROM session
		WHERE account_id = $1 AND expires_at > $2 AND last_seen_at > $3 ORDER BY last_seen_at DESC, id DESC`,
		account, s.now(), s.now().Add(-idle(a.Kind)))
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return list, nil
}

// endSession signs an account out at one place, and forgets the computer if it was remembered; ErrNotFound where the
// session isn't the account's.
func (s *Service) endSession(ctx context.Context, account, session uuid.UUID) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var device uuid.NullUUID
		err := tx.QueryRow(ctx, `DELETE FROM session WHERE id = $1 AND account_id = $2 RETURNING device_id`,
			session, account).Scan(&device)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		if device.Valid {
			return s.revoke(ctx, tx, device.UUID)
		}
		return nil
	})
}

// endAll ends every session of an account but one (uuid.Nil: every), and forgets every computer but that session's.
func endAll(ctx context.Context, tx pgx.Tx, account, but uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE device SET revoked_at = $3 WHERE account_id = $1 AND revoked_at IS NULL
			AND id IS DISTINCT FROM (SELECT device_id FROM session WHERE id = $2)`, account, but, now)
	if err != nil {
		return fmt.Errorf("forget devices: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM session WHERE account_id = $1 AND id <> $2`, account, but); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

// Deletes says what goes once it has ended: sessions and tries at once, links and forgotten or run out computers a month later.
func (s *Service) Deletes() []job.Deletion {
	return []job.Deletion{
		{Kind: "account", Outcome: "sessions that have ended", Due: `session WHERE expires_at <= $1`, At: "expires_at"},
		{
			Kind: "account", Outcome: "remembered computers", Months: 1,
			Due: `device WHERE least(expires_at, revoked_at) <= $1`, At: "least(expires_at, revoked_at)",
		},
		{Kind: "account", Outcome: "mailed links", Months: 1, Due: `account_link WHERE expires_at <= $1`, At: "expires_at"},
		{
			Kind: "account", Outcome: "tries to sign in", For: window,
			Due: `sign_in_attempt WHERE last_at < $1 AND next_at < $1`, At: "greatest(last_at, next_at)",
		},
	}
}
