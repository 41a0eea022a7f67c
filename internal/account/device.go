package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres"
)

const (
	deviceLife = 60 * 24 * time.Hour // as the box at sign-in says
	// A token that was just replaced stays good this long: requests sent side by side all carry it.
	grace = time.Minute
)

type device struct {
	ID           uuid.UUID
	AccountID    uuid.UUID
	TokenHash    []byte
	PreviousHash []byte
	RotatedAt    time.Time
	PresentedAt  *time.Time
	Label        string
	ExpiresAt    time.Time
	RevokedAt    *time.Time
}

// answer is what presenting a token came to.
type answer int

const (
	spent    answer = iota // an older token: two hold the series, and one of them isn't the owner
	rotate                 // the newest: replace it
	again                  // the newest, just made: open a session, keep it
	replaced               // the one before: give it the same successor
)

// judge decides on a presented token. The one before stays good until its successor came back, for an answer may be
// lost on its way, and for a minute more, for requests overtake each other.
func (d device) judge(hash []byte, now time.Time) answer {
	recent := now.Sub(d.RotatedAt) < grace || d.PresentedAt != nil && now.Sub(*d.PresentedAt) < grace
	switch {
	case bytes.Equal(hash, d.TokenHash) && recent && d.PreviousHash != nil:
		return again
	case bytes.Equal(hash, d.TokenHash):
		return rotate
	case bytes.Equal(hash, d.PreviousHash) && (d.PresentedAt == nil || recent):
		return replaced
	}
	return spent
}

// remember makes a series for the computer that signs in.
func (s *Service) remember(ctx context.Context, tx pgx.Tx, account uuid.UUID, label string) (ticket, error) {
	t := ticket{device: uuid.Must(uuid.NewV7()), token: newSecret()}
	now := s.now()
	_, err := tx.Exec(ctx, `
		INSERT INTO device (id, account_id, token_hash, rotated_at, label, created_at, last_used_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $4, $4, $6)`,
		t.device, account, hashOf(t.token), now, label, now.Add(deviceLife))
	if err != nil {
		return ticket{}, fmt.Errorf("remember device: %w", err)
	}
	return t, nil
}

// reopening is what a remembered computer got for its token.
type reopening struct {
	session *Session
	ticket  ticket    // for the cookie; zero where nothing changes
	until   time.Time // when the computer is forgotten
}

// present opens a session for the token of a remembered computer; nil session where it opens nothing. The row lock
// makes those who present at once take turns. Fetched ahead (prefetch), a token opens a session for that one page and
// isn't replaced, for browsers may drop the answer.
func (s *Service) present(ctx context.Context, t ticket, prefetch bool) (reopening, error) {
	var got reopening
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		d, err := lockDevice(ctx, tx, t.device)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		now := s.now()
		a, err := one(ctx, tx, `WHERE a.id = $1`, d.AccountID)
		if err != nil {
			return err
		}
		if d.RevokedAt != nil || !now.Before(d.ExpiresAt) || a.Kind != Connect || !a.Active(now) {
			return nil
		}
		what := d.judge(hashOf(t.token), now)
		if what == spent {
			return s.endSeries(ctx, tx, d, a)
		}
		if prefetch {
			got.session = &Session{Account: a, Kind: a.Kind, Remembered: true, CreatedAt: now}
			return nil
		}
		got, err = s.reopen(ctx, tx, d, a, t, what)
		return err
	})
	return got, err
}

// reopen gives the presented token its successor and session. Both follow from the token and our key, so those who
// present it side by side get the same without either being stored.
func (s *Service) reopen(ctx context.Context, tx pgx.Tx, d device, a Account, t ticket, what answer) (reopening, error) {
	now := s.now()
	next := ticket{device: d.ID, token: t.token, secret: s.keys.Digest("device session", d.ID[:], t.token)}
	if what != again {
		next.token = s.keys.Digest("device token", d.ID[:], t.token)
	}
	_, err := tx.Exec(ctx, `UPDATE device SET last_used_at = $2 WHERE id = $1`, d.ID, now)
	if err == nil && what == rotate {
		_, err = tx.Exec(ctx, `
			UPDATE device SET token_hash = $2, previous_hash = $3, rotated_at = $4, presented_at = NULL WHERE id = $1`,
			d.ID, hashOf(next.token), d.TokenHash, now)
	}
	if err == nil && what == again {
		_, err = tx.Exec(ctx, `UPDATE device SET presented_at = $2 WHERE id = $1 AND presented_at IS NULL`, d.ID, now)
	}
	if err != nil {
		return reopening{}, fmt.Errorf("rotate device: %w", err)
	}
	session, err := s.reuse(ctx, tx, d, a, next.secret)
	if err != nil {
		return reopening{}, err
	}
	next.session = session.ID
	return reopening{session, next, d.ExpiresAt}, nil
}

// reuse returns the session that another request with the same token has just opened, or opens it.
func (s *Service) reuse(ctx context.Context, tx pgx.Tx, d device, a Account, secret []byte) (*Session, error) {
	now := s.now()
	session := &Session{
		Account: a, Kind: a.Kind, Roles: a.Roles, Remembered: true, CreatedAt: now,
		device: uuid.NullUUID{UUID: d.ID, Valid: true},
	}
	err := tx.QueryRow(ctx, `
		SELECT id, created_at, reauth_at FROM session
		WHERE device_id = $1 AND secret_hash = $2 AND expires_at > $3 AND last_seen_at > $4`,
		d.ID, hashOf(secret), now, now.Add(-idle(a.Kind))).Scan(&session.ID, &session.CreatedAt, &session.ReauthAt)
	if err == nil {
		return session, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("read session of device: %w", err)
	}
	// What the computer had open before has ended, or it would not have presented its token.
	if _, err := tx.Exec(ctx, `DELETE FROM session WHERE device_id = $1`, d.ID); err != nil {
		return nil, fmt.Errorf("end old session of device: %w", err)
	}
	session.ID, err = s.open(ctx, tx, opening{
		account: a.ID, kind: a.Kind, label: d.Label, secret: secret, device: session.device, remembered: true,
	})
	return session, err
}

// endSeries forgets a computer whose token came back after it was replaced, and tells the owner.
func (s *Service) endSeries(ctx context.Context, tx pgx.Tx, d device, a Account) error {
	if err := s.revoke(ctx, tx, d.ID); err != nil {
		return err
	}
	return s.post(ctx, tx, a, a.Email, tellDeviceEnded, DeviceEnded{
		Name: a.Name, Device: d.Label, When: words(s.now()), SignInURL: s.public + "/connect/sign-in",
		ResetURL: s.public + "/connect/reset",
	})
}

func (s *Service) revoke(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE device SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL`, id, s.now())
	if err != nil {
		return fmt.Errorf("forget device: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM session WHERE device_id = $1`, id); err != nil {
		return fmt.Errorf("end sessions of device: %w", err)
	}
	return nil
}

func lockDevice(ctx context.Context, tx pgx.Tx, id uuid.UUID) (device, error) {
	d, err := postgres.Row[device](ctx, tx, `
		SELECT id, account_id, token_hash, previous_hash, rotated_at, presented_at, label, expires_at, revoked_at
		FROM device WHERE id = $1 FOR UPDATE`, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return device{}, ErrNotFound
	}
	if err != nil {
		return device{}, fmt.Errorf("lock device: %w", err)
	}
	return d, nil
}

// DeviceInfo is one remembered computer, for its owner to see.
type DeviceInfo struct {
	ID         uuid.UUID
	Label      string // "Firefox on Linux"
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time
}

// Devices returns the computers that keep an account signed in, the latest used first.
func (s *Service) Devices(ctx context.Context, account uuid.UUID) ([]DeviceInfo, error) {
	list, err := postgres.Rows[DeviceInfo](ctx, s.pool, `
		SELECT id, label, created_at, last_used_at, expires_at FROM device
		WHERE account_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY last_used_at DESC, id DESC`,
		account, s.now())
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	return list, nil
}

// forgetDevice ends a remembered computer and whatever it has open; ErrNotFound where it isn't the account's.
func (s *Service) forgetDevice(ctx context.Context, account, id uuid.UUID) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		d, err := lockDevice(ctx, tx, id)
		if err != nil {
			return err
		}
		if d.AccountID != account {
			return ErrNotFound
		}
		return s.revoke(ctx, tx, id)
	})
}

// Label names a computer by the words for browser and system in its User-Agent, and by nothing finer.
func Label(userAgent string) string {
	// The order matters: most browsers also name those they descend from.
	browser := named(userAgent, "Browser", []mark{
		{"Edg/", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS", "Firefox"},
		{"Chromium", "Chromium"},
		{"CriOS", "Chrome"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
	})
	system := named(userAgent, "unknown system", []mark{
		{"Windows", "Windows"},
		{"Android", "Android"},
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Macintosh", "Mac"},
		{"CrOS", "ChromeOS"},
		{"Linux", "Linux"},
	})
	return browser + " on " + system
}

// mark is a part of a User-Agent, and what it stands for.
type mark struct{ part, name string }

// named returns what the first mark found in text stands for.
func named(text, otherwise string, marks []mark) string {
	for _, m := range marks {
		if strings.Contains(text, m.part) {
			return m.name
		}
	}
	return otherwise
}
