package account

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres"
)

// linkKind says what a mailed link is for; it is also the purpose of its token.
type linkKind string

const (
	inviteLink linkKind = "invite"
	resetLink  linkKind = "reset"

	inviteLife = 7 * 24 * time.Hour
	resetLife  = 24 * time.Hour
)

// Invite mails the owner of an account a link to set a password with, good once and for seven days, and returns it for
// the one who invites. Earlier invitations end.
func (s *Service) Invite(ctx context.Context, account uuid.UUID) (string, error) {
	var link string
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		a, err := one(ctx, tx, `WHERE a.id = $1`, account)
		if err != nil {
			return err
		}
		link, err = s.invite(ctx, tx, a)
		return err
	})
	return link, err
}

func (s *Service) invite(ctx context.Context, tx pgx.Tx, a Account) (string, error) {
	id, err := s.newLink(ctx, tx, a.ID, inviteLink, inviteLife)
	if err != nil {
		return "", err
	}
	if err := s.record(ctx, tx, actor(ctx), a.ID, "invite", nil); err != nil {
		return "", err
	}
	link := s.link(a.Kind, inviteLink, id)
	return link, s.post(ctx, tx, a, a.Email, tellInvite, Invite{
		Name: a.Name, Staff: a.Kind == Staff, Until: words(s.now().Add(inviteLife)), URL: link,
	})
}

// requestReset mails a link to the owner of an address, where there is one to mail to. The answer is the same where there
// is none; only the writing of the mail is then left out. The only error that the visitor may be told is a *WaitError,
// which depends on the client alone.
func (s *Service) requestReset(ctx context.Context, kind Kind, email string, client netip.Addr) error {
	if err := s.try(ctx, resetBy(client)); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := s.tryIn(ctx, tx, resetOf(email)); err != nil {
			return err
		}
		a, err := one(ctx, tx, `WHERE a.email = $1`, fold(email))
		if errors.Is(err, ErrNotFound) || err == nil && (a.Kind != kind || !a.Active(s.now())) {
			return nil
		}
		if err != nil {
			return err
		}
		if !a.HasPassword {
			_, err = s.invite(ctx, tx, a)
			return err
		}
		id, err := s.newLink(ctx, tx, a.ID, resetLink, resetLife)
		if err != nil {
			return err
		}
		return s.post(ctx, tx, a, a.Email, tellReset, Reset{
			Name: a.Name, Until: words(s.now().Add(resetLife)), URL: s.link(a.Kind, resetLink, id),
		})
	})
	var waiting *WaitError
	if errors.As(err, &waiting) {
		return nil // enough was mailed to this address; saying so would say that it has an account
	}
	return err
}

func (s *Service) newLink(
	ctx context.Context, tx pgx.Tx, account uuid.UUID, kind linkKind, life time.Duration,
) (uuid.UUID, error) {
	now := s.now()
	_, err := tx.Exec(ctx, `
		UPDATE account_link SET used_at = $3 WHERE account_id = $1 AND kind = $2 AND used_at IS NULL`, account, kind, now)
	if err != nil {
		return uuid.Nil, fmt.Errorf("end earlier links: %w", err)
	}
	id := uuid.Must(uuid.NewV7())
	_, err = tx.Exec(ctx, `
		INSERT INTO account_link (id, account_id, kind, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		id, account, kind, now, now.Add(life))
	if err != nil {
		return uuid.Nil, fmt.Errorf("make link: %w", err)
	}
	return id, nil
}

// endLinks ends every mailed link of an account.
func endLinks(ctx context.Context, tx pgx.Tx, account uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE account_link SET used_at = $2 WHERE account_id = $1 AND used_at IS NULL`, account, now)
	if err != nil {
		return fmt.Errorf("end links: %w", err)
	}
	return nil
}

func (s *Service) link(kind Kind, purpose linkKind, id uuid.UUID) string {
	return s.public + area(kind) + "/" + string(purpose) + "/" + s.keys.Token(string(purpose), id)
}

// followed returns the account a mailed link is good for, or ErrLink. It changes nothing.
func (s *Service) followed(ctx context.Context, kind Kind, purpose linkKind, token string) (Account, error) {
	id, err := s.keys.ParseToken(string(purpose), token)
	if err != nil {
		return Account{}, ErrLink
	}
	return s.linked(ctx, s.pool, kind, purpose, id)
}

func (s *Service) linked(ctx context.Context, q postgres.Reader, kind Kind, purpose linkKind, id uuid.UUID) (Account, error) {
	of, err := postgres.Column[uuid.UUID](ctx, q, `
		SELECT account_id FROM account_link WHERE id = $1 AND kind = $2 AND used_at IS NULL AND expires_at > $3`,
		id, purpose, s.now())
	if err != nil {
		return Account{}, fmt.Errorf("read link: %w", err)
	}
	if len(of) == 0 {
		return Account{}, ErrLink
	}
	a, err := one(ctx, q, `WHERE a.id = $1`, of[0])
	if errors.Is(err, ErrNotFound) || err == nil && (a.Kind != kind || !a.Active(s.now())) {
		return Account{}, ErrLink
	}
	return a, err
}

// redeem sets a password by a mailed link, once. Whoever was signed in to the account is so no more. It returns
// ErrLink, or a PasswordError where another password is to be chosen.
func (s *Service) redeem(ctx context.Context, kind Kind, purpose linkKind, token, password string) error {
	a, err := s.followed(ctx, kind, purpose, token)
	if err != nil {
		return err
	}
	if err := CheckPassword(a.Kind, a.Email, password); err != nil {
		return err
	}
	phc, err := s.hash.make(ctx, password)
	if err != nil {
		return err
	}
	id, err := s.keys.ParseToken(string(purpose), token)
	if err != nil {
		return ErrLink
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// The row lock lets one of two through.
		if _, err := tx.Exec(ctx, `SELECT 1 FROM account_link WHERE id = $1 FOR UPDATE`, id); err != nil {
			return fmt.Errorf("lock link: %w", err)
		}
		if _, err := s.linked(ctx, tx, kind, purpose, id); err != nil {
			return err
		}
		return s.setPassword(ctx, tx, a, phc, uuid.Nil)
	})
}

// setPassword stores a new password, ends every session but one (uuid.Nil: every), every mailed link, and all waits. Where
// there was one before, it tells the owner.
func (s *Service) setPassword(ctx context.Context, tx pgx.Tx, a Account, phc string, but uuid.UUID) error {
	now := s.now()
	if err := s.forgetAll(ctx, tx, a.Email); err != nil { // before the account's own row, as signing in does
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE account SET password_hash = $2 WHERE id = $1`, a.ID, phc); err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if err := endLinks(ctx, tx, a.ID, now); err != nil {
		return err
	}
	// Whoever has the link or the present password is the owner.
	if err := s.record(ctx, tx, a, a.ID, "set password", nil); err != nil {
		return err
	}
	if a.HasPassword {
		if err := s.postChanged(ctx, tx, a, changedPassword); err != nil {
			return err
		}
	}
	return endAll(ctx, tx, a.ID, but, now)
}

// changePassword replaces the password of one who is signed in and gave the present one, and signs the account out
// everywhere else. It returns ErrRefused, a *WaitError or a PasswordError.
func (s *Service) changePassword(ctx context.Context, in *Session, present, next string, client netip.Addr) error {
	if err := CheckPassword(in.Kind, in.Account.Email, next); err != nil {
		return err
	}
	if err := s.reauth(ctx, in, present, client); err != nil {
		return err
	}
	phc, err := s.hash.make(ctx, next)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := s.setPassword(ctx, tx, in.Account, phc, in.ID); err != nil {
			return err
		}
		return stillIn(ctx, tx, in.ID)
	})
}

// stillIn returns ErrRefused where a session was ended meanwhile, as a mailed link for a new password does: the password
// that was just given is then no longer that of the account.
func stillIn(ctx context.Context, tx pgx.Tx, session uuid.UUID) error {
	tag, err := tx.Exec(ctx, `SELECT FROM session WHERE id = $1`, session)
	if err != nil {
		return fmt.Errorf("look for session: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrRefused
	}
	return nil
}
