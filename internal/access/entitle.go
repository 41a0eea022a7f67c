package access

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/submission"
)

// Families lists the product families that a person's granted access names: what the portal offers beyond requests. It
// lists none from the moment on at which the access ended.
func Families(ctx context.Context, store *submission.Store, person uuid.UUID) ([]string, error) {
	if live, err := lasts(ctx, store, person); err != nil || !live {
		return nil, err
	}
	records, err := store.OfPerson(ctx, person)
	if err != nil {
		return nil, err
	}
	var families []string
	for _, r := range records {
		if r.Kind != Kind || (r.Status != approved && r.Status != active) || r.Quarantined != nil {
			continue
		}
		versions, err := store.Versions(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		if len(versions) > 0 {
			families = append(families, versions[0].Values["products"]...)
		}
	}
	slices.Sort(families)
	return slices.Compact(families), nil
}

// Entitled tells whether a person's access names a product family; where that is empty, whether it lasts.
func Entitled(ctx context.Context, store *submission.Store, person uuid.UUID, family string) (bool, error) {
	if family == "" {
		return lasts(ctx, store, person)
	}
	families, err := Families(ctx, store, person)
	return slices.Contains(families, family), err
}

// lasts tells whether a person has an account at Clickconnect that has not ended.
func lasts(ctx context.Context, store *submission.Store, person uuid.UUID) (bool, error) {
	var live bool
	err := store.Pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM account WHERE person_id = $1 AND kind = 'connect' AND disabled_at IS NULL
			AND (expires_at IS NULL OR expires_at > $2))`, person, store.Now()).Scan(&live)
	if err != nil {
		return false, fmt.Errorf("read whether access lasts: %w", err)
	}
	return live, nil
}
