package consent

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres"
)

// AddressRefusal is a refusal that staff took from an address, which may be nobody's here; read back, also one that somebody
// made who had the address before and was erased.
type AddressRefusal struct {
	Purpose Purpose   `db:"purpose"`
	Channel Channel   `db:"channel"`
	Way     string    `db:"way"` // how the wish reached staff; empty where it was made otherwise, by nobody of the staff
	Officer uuid.UUID `db:"officer_id"`
	At      time.Time `db:"at"`
}

// RefuseAddress stores a refusal by an address, of which only the digest is kept: it holds whoever is imported or writes
// under that address later, until they agree anew and confirm it. It tells whether that was not refused already.
func (l *Ledger) RefuseAddress(ctx context.Context, tx pgx.Tx, email string, r AddressRefusal) (bool, error) {
	tag, err := tx.Exec(ctx, `
		INSERT INTO suppression (address_hmac, purpose, channel, reason, at, way, officer_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (address_hmac, purpose, channel) DO NOTHING`,
		person.AddressDigest(l.ring, email), r.Purpose, r.Channel, FromStaff, r.At, r.Way, r.Officer)
	if err != nil {
		return false, fmt.Errorf("refuse for an address: %w", err)
	}
	return tag.RowsAffected() > 0, nil
}

// RefusedByAddress returns what is refused for the address of a person and doesn't stand in their chain, or was told to staff
// before it did.
func (l *Ledger) RefusedByAddress(ctx context.Context, who uuid.UUID) ([]AddressRefusal, error) {
	list, err := postgres.Rows[AddressRefusal](ctx, l.pool, `
		SELECT s.purpose, s.channel, coalesce(s.way, '') AS way, coalesce(s.officer_id, $2) AS officer_id, s.at
		FROM suppression s JOIN person p USING (address_hmac)
		WHERE p.id = $1 AND (s.way IS NOT NULL OR NOT EXISTS (SELECT FROM consent_event e
			WHERE e.person_id = p.id AND e.purpose = s.purpose AND e.channel = s.channel AND NOT e.granted))
		ORDER BY s.purpose, s.channel`, who, uuid.Nil)
	if err != nil {
		return nil, fmt.Errorf("read refusals for an address: %w", err)
	}
	return list, nil
}
