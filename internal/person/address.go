package person

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres"
)

// ErrTaken says that another person has the address.
var ErrTaken = errors.New("person: another has this address")

// ChangeAddress gives a person a new address, of which the caller has made sure by a mailed link; it counts as confirmed.
// What the person refused stays refused under the new address, and the database keeps the digest of the old one until the
// person is erased. It returns ErrNotFound, also for an erased person, or ErrTaken, which voids the transaction.
func (s *Store) ChangeAddress(ctx context.Context, tx pgx.Tx, id uuid.UUID, email string) error {
	digest := AddressDigest(s.ring, email)
	if _, err := tx.Exec(ctx, `
		INSERT INTO suppression (address_hmac, purpose, channel, reason, at, after, way, officer_id)
		SELECT $2, s.purpose, s.channel, s.reason, s.at, s.after, s.way, s.officer_id
		FROM suppression s JOIN person p ON p.address_hmac = s.address_hmac
		WHERE p.id = $1
		ON CONFLICT (address_hmac, purpose, channel) DO NOTHING`, id, digest); err != nil {
		return fmt.Errorf("carry refusals over: %w", err)
	}
	tag, err := tx.Exec(ctx, `
		UPDATE person SET email = $2, address_hmac = $3, verified_at = $4, bounced_at = NULL
		WHERE id = $1 AND erased_at IS NULL`, id, email, digest, s.now())
	switch {
	case postgres.Violates(err, "person_email_key"):
		return ErrTaken
	case err != nil:
		return fmt.Errorf("change address: %w", err)
	case tag.RowsAffected() == 0:
		return ErrNotFound
	}
	return nil
}

// Masked shows enough of an address for who knows it to know it again, and not whose it is: "a…@example.com".
func Masked(email string) string {
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" {
		return "…"
	}
	return string([]rune(local)[:1]) + "…@" + domain
}
