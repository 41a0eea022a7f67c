package person

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Empty takes from a person's row all but its id and when it was made and emptied, and forgets the addresses before. What
// the address refused stays in the suppression list, by digest. Emptying twice is emptying once.
func (s *Store) Empty(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `DELETE FROM former_address WHERE person_id = $1`, id); err != nil {
		return fmt.Errorf("forget former addresses: %w", err)
	}
	_, err := tx.Exec(ctx, `
		UPDATE person SET email = NULL, address_hmac = NULL, verified_at = NULL, bounced_at = NULL, erased_at = $2
		WHERE id = $1 AND erased_at IS NULL`, id, s.now())
	if err != nil {
		return fmt.Errorf("empty person: %w", err)
	}
	return nil
}
