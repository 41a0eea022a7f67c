package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/postgres"
)

// Hire describes a new member of staff.
type Hire struct {
	Email, Name string // an empty name is taken from the address
	Roles       []Role // at least one
	Password    string // empty: to be set by invitation
}

// Create makes an account for staff. It returns ErrAddress, ErrRole, a PasswordError, or ErrTaken. Where no password was given,
// it is to be invited.
func (s *Service) Create(ctx context.Context, h Hire) (a Account, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		a, err = s.create(ctx, tx, h)
		return err
	})
	return a, err
}

// CreateInvited makes an account for staff and mails its owner an invitation, whose link it returns: both, or neither. Errors
// are those of Create.
func (s *Service) CreateInvited(ctx context.Context, h Hire) (a Account, link string, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if a, err = s.create(ctx, tx, h); err != nil {
			return err
		}
		link, err = s.invite(ctx, tx, a)
		return err
	})
	return a, link, err
}

func (s *Service) create(ctx context.Context, tx pgx.Tx, h Hire) (Account, error) {
	email, complaint := form.ParseEmail(strings.TrimSpace(h.Email))
	if complaint != "" {
		return Account{}, ErrAddress
	}
	if err := checkRoles(h.Roles); err != nil {
		return Account{}, err
	}
	phc, err := s.firstPassword(ctx, email, h.Password)
	if err != nil {
		return Account{}, err
	}
	a := Account{ID: uuid.Must(uuid.NewV7()), Email: email, Name: Named(h.Name, email), Kind: Staff}
	if err := s.insert(ctx, tx, a, phc); err != nil {
		return Account{}, err
	}
	if err := setRoles(ctx, tx, a.ID, h.Roles); err != nil {
		return Account{}, err
	}
	if a, err = one(ctx, tx, `WHERE a.id = $1`, a.ID); err != nil {
		return Account{}, err
	}
	return a, s.record(ctx, tx, actor(ctx), a.ID, "create", map[string]string{"roles": joined(a.Roles)})
}

func (s *Service) firstPassword(ctx context.Context, email, password string) (*string, error) {
	if password == "" {
		return nil, nil
	}
	if err := CheckPassword(Staff, email, password); err != nil {
		return nil, err
	}
	phc, err := s.hash.make(ctx, password)
	if err != nil {
		return nil, err
	}
	return &phc, nil
}

// Grant gives a person access to the portal until expires, within the transaction that approves it: it makes the
// account and invites, or extends the one there is (inviting again where no password was set yet). ErrTaken: the
// address belongs to another person's account or to staff.
func (s *Service) Grant(
	ctx context.Context, tx pgx.Tx, person uuid.UUID, email, name string, expires time.Time,
) (uuid.UUID, error) {
	a, err := one(ctx, tx, `WHERE a.person_id = $1`, person)
	if errors.Is(err, ErrNotFound) {
		a = Account{
			ID: uuid.Must(uuid.NewV7()), Email: fold(email), Name: Named(name, email), Kind: Connect,
			Person: uuid.NullUUID{UUID: person, Valid: true}, ExpiresAt: &expires,
		}
		err = s.insert(ctx, tx, a, nil)
	} else if err == nil {
		_, err = tx.Exec(ctx, `UPDATE account SET expires_at = $2, disabled_at = NULL WHERE id = $1`, a.ID, expires)
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("grant access: %w", err)
	}
	if a.HasPassword {
		return a.ID, nil
	}
	_, err = s.invite(ctx, tx, a)
	return a.ID, err
}

func (s *Service) insert(ctx context.Context, tx pgx.Tx, a Account, phc *string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO account (id, email, person_id, name, kind, password_hash, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		a.ID, a.Email, a.Person, a.Name, a.Kind, phc, s.now(), a.ExpiresAt)
	return taken(err, "create account")
}

// taken turns the violation of the unique address into ErrTaken.
func taken(err error, what string) error {
	if err == nil {
		return nil
	}
	if postgres.Violates(err, "account_email_key") {
		return ErrTaken
	}
	return fmt.Errorf("%s: %w", what, err)
}

// SetRoles replaces the roles of a member of staff. It returns ErrRole, ErrNotFound, or ErrLastAdmin.
func (s *Service) SetRoles(ctx context.Context, account uuid.UUID, roles []Role) error {
	if err := checkRoles(roles); err != nil {
		return err
	}
	return s.govern(ctx, account, func(tx pgx.Tx, a Account) error {
		if a.Kind != Staff {
			return ErrNotFound
		}
		if _, err := tx.Exec(ctx, `DELETE FROM account_role WHERE account_id = $1`, account); err != nil {
			return fmt.Errorf("drop roles: %w", err)
		}
		if err := setRoles(ctx, tx, account, roles); err != nil {
			return err
		}
		return s.record(ctx, tx, actor(ctx), account, "set roles",
			map[string]string{"before": joined(a.Roles), "after": joined(roles)})
	})
}

// Disable closes an account and ends its sessions and mailed links. It returns ErrNotFound or ErrLastAdmin.
func (s *Service) Disable(ctx context.Context, account uuid.UUID) error {
	return s.govern(ctx, account, func(tx pgx.Tx, _ Account) error {
		now := s.now()
		_, err := tx.Exec(ctx, `UPDATE account SET disabled_at = coalesce(disabled_at, $2) WHERE id = $1`, account, now)
		if err != nil {
			return fmt.Errorf("disable account: %w", err)
		}
		if err := endLinks(ctx, tx, account, now); err != nil {
			return err
		}
		if err := s.record(ctx, tx, actor(ctx), account, "disable", nil); err != nil {
			return err
		}
		return endAll(ctx, tx, account, uuid.Nil, now)
	})
}

// Enable opens a closed account again. It returns ErrNotFound.
func (s *Service) Enable(ctx context.Context, account uuid.UUID) error {
	return s.govern(ctx, account, func(tx pgx.Tx, _ Account) error {
		if _, err := tx.Exec(ctx, `UPDATE account SET disabled_at = NULL WHERE id = $1`, account); err != nil {
			return fmt.Errorf("enable account: %w", err)
		}
		return s.record(ctx, tx, actor(ctx), account, "enable", nil)
	})
}

// DropTOTP removes the authenticator of a member of staff who lost both it and the recovery codes: an administrator
// vouches for them, and the owner is told. All their sessions end; at the next sign-in a new one is set up.
func (s *Service) DropTOTP(ctx context.Context, account uuid.UUID) error {
	return s.govern(ctx, account, func(tx pgx.Tx, a Account) error {
		_, err := tx.Exec(ctx, `UPDATE account SET totp_secret = NULL, totp_confirmed_at = NULL WHERE id = $1`, account)
		if err != nil {
			return fmt.Errorf("drop authenticator: %w", err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM recovery_code WHERE account_id = $1`, account); err != nil {
			return fmt.Errorf("drop recovery codes: %w", err)
		}
		if err := s.record(ctx, tx, actor(ctx), account, "drop authenticator", nil); err != nil {
			return err
		}
		if err := s.postChanged(ctx, tx, a, droppedAuthenticator); err != nil {
			return err
		}
		return endAll(ctx, tx, account, uuid.Nil, s.now())
	})
}

// governing is the number of the lock under which roles and closings take turns, so that two administrators can't
// remove each other at once.
const governing = 0x61646d696e // "admin"

func (s *Service) govern(ctx context.Context, account uuid.UUID, change func(pgx.Tx, Account) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(governing)); err != nil {
			return fmt.Errorf("lock administration: %w", err)
		}
		before, err := admins(ctx, tx)
		if err != nil {
			return err
		}
		a, err := one(ctx, tx, `WHERE a.id = $1`, account)
		if err != nil {
			return err
		}
		if err := change(tx, a); err != nil {
			return err
		}
		after, err := admins(ctx, tx)
		if err == nil && before > 0 && after == 0 {
			return ErrLastAdmin
		}
		return err
	})
}

func admins(ctx context.Context, tx pgx.Tx) (n int, err error) {
	err = tx.QueryRow(ctx, `
		SELECT count(*) FROM account a JOIN account_role r ON r.account_id = a.id
		WHERE r.role = 'admin' AND a.disabled_at IS NULL`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count administrators: %w", err)
	}
	return n, nil
}

func setRoles(ctx context.Context, tx pgx.Tx, account uuid.UUID, roles []Role) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO account_role (account_id, role) SELECT $1, r FROM unnest($2::text[]) AS r ON CONFLICT DO NOTHING`,
		account, roles)
	if err != nil {
		return fmt.Errorf("set roles: %w", err)
	}
	return nil
}

func checkRoles(roles []Role) error {
	if len(roles) == 0 || slices.ContainsFunc(roles, func(r Role) bool { return !r.Valid() }) {
		return ErrRole
	}
	return nil
}

// actor is who does what the context is about: the one signed in, or the program itself.
func actor(ctx context.Context) Account {
	if in := From(ctx); in != nil {
		return in.Account
	}
	return Account{}
}

// record keeps what was done to an account, and by whom.
func (s *Service) record(
	ctx context.Context, tx pgx.Tx, by Account, account uuid.UUID, action string, detail map[string]string,
) error {
	e := audit.Event{
		At: s.now(), Role: "system", Action: action, Object: "account",
		ObjectID: uuid.NullUUID{UUID: account, Valid: true}, Detail: detail,
	}
	if by.ID != uuid.Nil {
		e.ActorID, e.Role = uuid.NullUUID{UUID: by.ID, Valid: true}, string(by.Kind)
		if by.ID != account && slices.Contains(by.Roles, Admin) {
			e.Role = string(Admin)
		}
	}
	return audit.Record(ctx, tx, e)
}

func joined(roles []Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// Named returns the name, or the part of the address before the @.
func Named(name, email string) string {
	if name = strings.TrimSpace(name); name != "" {
		return name
	}
	local, _, _ := strings.Cut(email, "@")
	return local
}
