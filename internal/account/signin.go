package account

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// credentials are what the sign-in form brings.
type credentials struct {
	kind            Kind
	email, password string
	remember        bool
	client          netip.Addr
	label           string
	old             ticket // what the browser held before; it ends
}

// signIn checks an address and password and opens a session: a whole one for customers, half a one for staff, whose
// code is still to come. It returns ErrRefused alike, after the same steps, for an unknown address, a wrong password,
// a closed account; and a *WaitError after too many tries.
func (s *Service) signIn(ctx context.Context, c credentials) (ticket, Account, error) {
	if err := s.try(ctx, byClient(c.client), s.byPair(c.email, c.client), byAccount(c.email)); err != nil {
		return ticket{}, Account{}, err
	}
	a, phc, err := s.verify(ctx, c.kind, c.email, c.password)
	if err != nil {
		return ticket{}, Account{}, err
	}
	var t ticket
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := s.welcome(ctx, tx, c.email, c.client); err != nil {
			return err
		}
		if err := stillOpens(ctx, tx, a.ID, phc); err != nil {
			return err
		}
		if err := s.leave(ctx, tx, c.old); err != nil {
			return err
		}
		t, err = s.enter(ctx, tx, a, c)
		return err
	})
	if err != nil {
		return ticket{}, Account{}, err
	}
	return t, a, nil
}

// verify compares a password, and returns the hash that stands for it, for stillOpens. One comparison is made in every case.
func (s *Service) verify(ctx context.Context, kind Kind, email, password string) (Account, string, error) {
	a, err := s.Find(ctx, email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Account{}, "", err
	}
	known := err == nil && a.Kind == kind && a.Active(s.now())
	var stored *string
	err = s.pool.QueryRow(ctx, `SELECT (SELECT password_hash FROM account WHERE id = $1)`, a.ID).Scan(&stored)
	if err != nil {
		return Account{}, "", fmt.Errorf("read password: %w", err)
	}
	var phc string
	if stored != nil && known {
		phc = *stored
	}
	ok, stale, err := s.hash.compare(ctx, phc, password)
	if err != nil {
		return Account{}, "", err
	}
	if !ok {
		return Account{}, "", ErrRefused
	}
	if !stale {
		return a, phc, nil
	}
	phc, err = s.rehash(ctx, a.ID, phc, password)
	if errors.Is(err, ErrRefused) { // another sign-in renewed it first, or its owner chose another
		return s.verify(ctx, kind, email, password)
	}
	return a, phc, err
}

// rehash brings the hash of a password that was just given to today's costs, and returns it; ErrRefused where the password
// was changed meanwhile.
func (s *Service) rehash(ctx context.Context, account uuid.UUID, old, password string) (string, error) {
	phc, err := s.hash.make(ctx, password)
	if err != nil {
		return "", err
	}
	tag, err := s.pool.Exec(ctx, `UPDATE account SET password_hash = $3 WHERE id = $1 AND password_hash = $2`,
		account, old, phc)
	if err != nil {
		return "", fmt.Errorf("renew password hash: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return "", ErrRefused
	}
	return phc, nil
}

// stillOpens locks an account, and returns ErrRefused where its password is another since it was compared, or it was
// closed: that ended every session, and the one that is about to begin would outlive it. The lock lets rows be written that
// only name the account.
func stillOpens(ctx context.Context, tx pgx.Tx, account uuid.UUID, phc string) error {
	tag, err := tx.Exec(ctx, `
		SELECT FROM account WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL FOR NO KEY UPDATE`, account, phc)
	if err != nil {
		return fmt.Errorf("lock account: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrRefused
	}
	return nil
}

// enter opens the session of an account whose password was given.
func (s *Service) enter(ctx context.Context, tx pgx.Tx, a Account, c credentials) (t ticket, err error) {
	o := opening{account: a.ID, kind: a.Kind, label: c.label, half: a.Kind == Staff, secret: newSecret()}
	if a.Kind == Connect {
		if c.remember {
			if t, err = s.remember(ctx, tx, a.ID, c.label); err != nil {
				return ticket{}, err
			}
			o.device = uuid.NullUUID{UUID: t.device, Valid: true}
		}
		if _, err := tx.Exec(ctx, `UPDATE account SET last_sign_in_at = $2 WHERE id = $1`, a.ID, s.now()); err != nil {
			return ticket{}, fmt.Errorf("note sign-in: %w", err)
		}
	}
	t.secret = o.secret
	t.session, err = s.open(ctx, tx, o)
	return t, err
}

// leave ends what a browser held: its session, and the computer it was remembered as. A ticket is believed only after
// its secrets are compared, as everywhere.
func (s *Service) leave(ctx context.Context, tx pgx.Tx, t ticket) error {
	if t.device != uuid.Nil {
		d, err := lockDevice(ctx, tx, t.device)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err == nil && d.judge(hashOf(t.token), s.now()) != spent {
			if err := s.revoke(ctx, tx, d.ID); err != nil {
				return err
			}
		}
	}
	_, err := tx.Exec(ctx, `DELETE FROM session WHERE id = $1 AND secret_hash = $2`, t.session, hashOf(t.secret))
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// signOut ends what a browser holds.
func (s *Service) signOut(ctx context.Context, t ticket) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return s.leave(ctx, tx, t) })
}

// reauth takes the password once more within a session, which then is fresh. ErrRefused, *WaitError as signIn.
func (s *Service) reauth(ctx context.Context, in *Session, password string, client netip.Addr) error {
	if err := s.try(ctx, byClient(client), s.byPair(in.Account.Email, client), byAccount(in.Account.Email)); err != nil {
		return err
	}
	_, phc, err := s.verify(ctx, in.Kind, in.Account.Email, password)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := s.welcome(ctx, tx, in.Account.Email, client); err != nil {
			return err
		}
		if err := stillOpens(ctx, tx, in.Account.ID, phc); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE session SET reauth_at = $2 WHERE id = $1`, in.ID, s.now()); err != nil {
			return fmt.Errorf("note password: %w", err)
		}
		return nil
	})
}

// until returns when a ticket's cookie ends; it matters for remembered computers only.
func (s *Service) until() time.Time { return s.now().Add(deviceLife) }
