package access

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

// Families lists the product families that staff opened to a person: what the portal offers beyond requests. It lists
// none from the moment on at which the access ended.
func Families(ctx context.Context, store *submission.Store, person uuid.UUID) ([]string, error) {
	families, _, err := opened(ctx, store, person)
	return families, err
}

// Entitled tells whether a person's access opens a product family; where that is empty, whether it lasts.
func Entitled(ctx context.Context, store *submission.Store, person uuid.UUID, family string) (bool, error) {
	families, lasts, err := opened(ctx, store, person)
	return lasts && (family == "" || slices.Contains(families, family)), err
}

// opened returns what an account at Clickconnect opens to a person, and whether it lasts. While the request it was given
// for is in quarantine it opens no product.
func opened(ctx context.Context, store *submission.Store, person uuid.UUID) (families []string, lasts bool, err error) {
	var granted bool
	err = store.Pool.QueryRow(ctx, `
		SELECT coalesce(t.families, '{}'), EXISTS (SELECT FROM submission s WHERE s.person_id = a.person_id
			AND s.kind = $3 AND s.status IN ('approved', 'active') AND s.quarantined_at IS NULL)
		FROM account a LEFT JOIN access_term t ON t.account_id = a.id
		WHERE a.person_id = $1 AND a.kind = 'connect' AND a.disabled_at IS NULL
			AND (a.expires_at IS NULL OR a.expires_at > $2)`, person, store.Now(), Kind).Scan(&families, &granted)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read what access opens: %w", err)
	}
	if !granted {
		families = nil
	}
	return families, true, nil
}

// suggested lists the families that a grant for a record opens unless staff choose others: those its sender asked for
// last, and those the person has.
func suggested(ctx context.Context, db audit.DB, rec submission.Record) ([]string, error) {
	families, err := postgres.Column[string](ctx, db, `
		SELECT jsonb_array_elements_text(n.values -> 'products')
		FROM (SELECT values FROM answers WHERE submission_id = $1 ORDER BY version DESC LIMIT 1) n
		UNION
		SELECT unnest(t.families) FROM access_term t JOIN account a ON a.id = t.account_id WHERE a.person_id = $2
		ORDER BY 1`, rec.ID, rec.PersonID)
	if err != nil {
		return nil, fmt.Errorf("read product families: %w", err)
	}
	return families, nil
}
