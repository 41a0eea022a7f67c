package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/person"
)

// EndAccess ends a person's access to the portal at once, within the transaction that decides so: whoever is signed in
// is so no more, remembered computers are forgotten, mailed links open nothing. Without an account there is nothing to
// end. The account stays until it is erased, and Grant opens it again.
func (s *Service) EndAccess(ctx context.Context, tx pgx.Tx, person uuid.UUID) error {
	a, err := one(ctx, tx, `WHERE a.person_id = $1`, person)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	now := s.now()
	if _, err := tx.Exec(ctx, `UPDATE account SET expires_at = least(expires_at, $2) WHERE id = $1`, a.ID, now); err != nil {
		return fmt.Errorf("end access: %w", err)
	}
	if err := endLinks(ctx, tx, a.ID, now); err != nil {
		return err
	}
	if err := s.record(ctx, tx, actor(ctx), a.ID, "end access", nil); err != nil {
		return err
	}
	return endAll(ctx, tx, a.ID, uuid.Nil, now)
}

// ChangeAddressOf is ChangeAddress for the account of a person; ErrNotFound says that they have none.
func (s *Service) ChangeAddressOf(ctx context.Context, tx pgx.Tx, person uuid.UUID, address string) error {
	a, err := one(ctx, tx, `WHERE a.person_id = $1`, person)
	if err != nil {
		return err
	}
	return s.ChangeAddress(ctx, tx, a.ID, address)
}

// ChangeAddress moves an account to a new address, which the caller has made sure of, and tells the old one. It returns
// ErrAddress, ErrTaken or ErrNotFound. What was mailed to the old address opens nothing any more; where no password was set
// by it yet, the new address is invited in its stead.
func (s *Service) ChangeAddress(ctx context.Context, tx pgx.Tx, account uuid.UUID, address string) error {
	email, complaint := form.ParseEmail(strings.TrimSpace(address))
	if complaint != "" {
		return ErrAddress
	}
	a, err := one(ctx, tx, `WHERE a.id = $1`, account)
	if err != nil || a.Email == email {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE account SET email = $2 WHERE id = $1`, account, email)
	if err := taken(err, "change address"); err != nil {
		return err
	}
	if err := s.record(ctx, tx, actor(ctx), account, "change address", nil); err != nil {
		return err
	}
	if err := endLinks(ctx, tx, account, s.now()); err != nil {
		return err
	}
	err = s.post(ctx, tx, a, a.Email, tellAddressChanged, AddressChanged{
		Name: a.Name, NewAddress: person.Masked(email), When: words(s.now()), ContactURL: s.public + "/contact",
	})
	if err != nil || a.HasPassword || !a.Active(s.now()) {
		return err
	}
	a.Email = email
	_, err = s.invite(ctx, tx, a)
	return err
}
