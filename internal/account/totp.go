package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"clickcommerce.com/site/internal/form"
)

const (
	stepSeconds   = 30
	recoveryCodes = 10
	recoverySize  = 10 // characters of one code: 50 bits
)

// Enrol confirms the first authenticator of an account with the first code it shows, and returns ten recovery codes,
// which are shown once and kept as digests. ErrRefused: the code isn't the secret's, or there is an authenticator by now,
// which a password alone must not replace; WaitError: too many tries.
func (s *Service) Enrol(ctx context.Context, a Account, secret, code string) ([]string, error) {
	return s.enrolAs(ctx, a, secret, code, false)
}

// enrolAs is Enrol; renew replaces the authenticator of one who has given its code, and tells the owner.
func (s *Service) enrolAs(ctx context.Context, a Account, secret, code string, renew bool) ([]string, error) {
	if err := s.try(ctx, byCode(a.ID)); err != nil {
		return nil, err
	}
	step, ok := match(secret, code, s.now(), 0)
	if !ok {
		return nil, ErrRefused
	}
	wrapped, err := s.keys.Wrap([]byte(secret))
	if err != nil {
		return nil, fmt.Errorf("wrap authenticator secret: %w", err)
	}
	var codes []string
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE account SET totp_secret = $2, totp_confirmed_at = $3, totp_last_step = $4
			WHERE id = $1 AND kind = 'staff' AND disabled_at IS NULL AND ($5 OR totp_secret IS NULL)`,
			a.ID, wrapped, s.now(), step, renew)
		if err != nil {
			return fmt.Errorf("enrol authenticator: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return ErrRefused
		}
		if codes, err = s.replaceRecovery(ctx, tx, a.ID); err != nil {
			return err
		}
		if err := s.record(ctx, tx, actor(ctx), a.ID, "set up authenticator", nil); err != nil {
			return err
		}
		if renew {
			if err := s.postChanged(ctx, tx, a, changedAuthenticator); err != nil {
				return err
			}
		}
		return s.forget(ctx, tx, byCode(a.ID))
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// renewRecovery replaces all recovery codes of an account, tells the owner, and returns the new ones.
func (s *Service) renewRecovery(ctx context.Context, a Account) ([]string, error) {
	var codes []string
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
		if codes, err = s.replaceRecovery(ctx, tx, a.ID); err != nil {
			return err
		}
		if err := s.record(ctx, tx, actor(ctx), a.ID, "renew recovery codes", nil); err != nil {
			return err
		}
		return s.postChanged(ctx, tx, a, changedRecovery)
	})
	return codes, err
}

// recoveryLeft returns how many recovery codes of an account are unused.
func (s *Service) recoveryLeft(ctx context.Context, account uuid.UUID) (int, error) {
	var n int
	err := s.pool.QueryRow(ctx, `SELECT count(*) FROM recovery_code WHERE account_id = $1 AND used_at IS NULL`,
		account).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count recovery codes: %w", err)
	}
	return n, nil
}

// confirm checks the second step of a sign-in, a code of the authenticator or a recovery code, and opens the whole
// session in place of the half one. ErrRefused: wrong, used before, or nothing to check against.
func (s *Service) confirm(ctx context.Context, half *Session, label, code string, recovery bool) (ticket, error) {
	if err := s.try(ctx, byCode(half.Account.ID)); err != nil {
		return ticket{}, err
	}
	t := ticket{secret: newSecret()}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		check := s.spendStep
		if recovery {
			check = s.spendRecovery
		}
		if err := check(ctx, tx, half.Account.ID, code); err != nil {
			return err
		}
		if err := s.forget(ctx, tx, byCode(half.Account.ID)); err != nil {
			return err
		}
		var err error
		t.session, err = s.upgrade(ctx, tx, half, label, t.secret)
		return err
	})
	return t, err
}

// complete opens the whole session of one who has just set up an authenticator; ErrRefused as upgrade.
func (s *Service) complete(ctx context.Context, half *Session, label string) (ticket, error) {
	t := ticket{secret: newSecret()}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
		t.session, err = s.upgrade(ctx, tx, half, label, t.secret)
		return err
	})
	return t, err
}

// upgrade ends the half session and opens the whole one; ErrRefused where the half one was ended meanwhile, as a new
// password ends it.
func (s *Service) upgrade(ctx context.Context, tx pgx.Tx, half *Session, label string, secret []byte) (uuid.UUID, error) {
	// The account's row is locked before its sessions, as in setPassword.
	_, err := tx.Exec(ctx, `UPDATE account SET last_sign_in_at = $2 WHERE id = $1`, half.Account.ID, s.now())
	if err != nil {
		return uuid.Nil, fmt.Errorf("note sign-in: %w", err)
	}
	tag, err := tx.Exec(ctx, `DELETE FROM session WHERE id = $1`, half.ID)
	if err != nil {
		return uuid.Nil, fmt.Errorf("end half session: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return uuid.Nil, ErrRefused
	}
	if err := s.record(ctx, tx, half.Account, half.Account.ID, "sign in", nil); err != nil {
		return uuid.Nil, err
	}
	return s.open(ctx, tx, opening{account: half.Account.ID, kind: half.Kind, label: label, secret: secret, totp: true})
}

// spendStep takes a code of the authenticator; the row lock lets one of two equal codes through.
func (s *Service) spendStep(ctx context.Context, tx pgx.Tx, account uuid.UUID, code string) error {
	var wrapped []byte
	var last int64
	err := tx.QueryRow(ctx, `
		SELECT totp_secret, totp_last_step FROM account WHERE id = $1 AND totp_secret IS NOT NULL FOR UPDATE`,
		account).Scan(&wrapped, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrRefused
	}
	if err != nil {
		return fmt.Errorf("read authenticator: %w", err)
	}
	secret, err := s.keys.Unwrap(wrapped)
	if err != nil {
		return fmt.Errorf("unwrap authenticator secret: %w", err)
	}
	step, ok := match(string(secret), code, s.now(), last)
	if !ok {
		return ErrRefused
	}
	if _, err := tx.Exec(ctx, `UPDATE account SET totp_last_step = $2 WHERE id = $1`, account, step); err != nil {
		return fmt.Errorf("spend code: %w", err)
	}
	return nil
}

func (s *Service) spendRecovery(ctx context.Context, tx pgx.Tx, account uuid.UUID, code string) error {
	tag, err := tx.Exec(ctx, `
		UPDATE recovery_code SET used_at = $3 WHERE account_id = $1 AND hash = $2 AND used_at IS NULL`,
		account, s.recoveryHash(account, code), s.now())
	if err != nil {
		return fmt.Errorf("spend recovery code: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrRefused
	}
	return nil
}

func (s *Service) replaceRecovery(ctx context.Context, tx pgx.Tx, account uuid.UUID) ([]string, error) {
	if _, err := tx.Exec(ctx, `DELETE FROM recovery_code WHERE account_id = $1`, account); err != nil {
		return nil, fmt.Errorf("drop recovery codes: %w", err)
	}
	codes := make([]string, recoveryCodes)
	hashes := make([][]byte, recoveryCodes)
	for i := range codes {
		text := strings.ToLower(rand.Text()[:recoverySize])
		codes[i] = text[:recoverySize/2] + "-" + text[recoverySize/2:]
		hashes[i] = s.recoveryHash(account, codes[i])
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO recovery_code (account_id, hash) SELECT $1, h FROM unnest($2::bytea[]) AS h`, account, hashes)
	if err != nil {
		return nil, fmt.Errorf("store recovery codes: %w", err)
	}
	return codes, nil
}

// recoveryHash ignores case, spaces and dashes: codes are typed from paper.
func (s *Service) recoveryHash(account uuid.UUID, code string) []byte {
	return s.keys.Digest("recovery", account[:], []byte(form.Ungrouped(strings.ToLower(code))))
}

// match returns the step of a code: the present one or one beside it, for clocks differ, and later than the last that
// counted.
func match(secret, code string, now time.Time, last int64) (int64, bool) {
	code = form.Ungrouped(code)
	current := now.Unix() / stepSeconds
	for step := current - 1; step <= current+1; step++ {
		want, err := hotp.GenerateCode(secret, uint64(step))
		if err != nil {
			return 0, false
		}
		if step > last && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return step, true
		}
	}
	return 0, false
}

// newTOTP returns a secret as it is typed, in base32.
func newTOTP() string {
	raw := make([]byte, 20)
	rand.Read(raw) // never fails: crypto/rand aborts the program instead
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
}

// keyOf returns what an authenticator scans.
func keyOf(issuer, email, secret string) (*otp.Key, error) {
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		return nil, fmt.Errorf("decode authenticator secret: %w", err)
	}
	k, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: email, Secret: raw, Period: stepSeconds})
	if err != nil {
		return nil, fmt.Errorf("describe authenticator: %w", err)
	}
	return k, nil
}
