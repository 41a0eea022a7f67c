package access

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/submission"
)

// Families lists the product families that a person's granted access names: what the portal offers beyond requests.
func Families(ctx context.Context, store *submission.Store, person uuid.UUID) ([]string, error) {
	records, err := store.OfPerson(ctx, person)
	if err != nil {
		return nil, err
	}
	var families []string
	for _, r := range records {
		if r.Kind != Kind || (r.Status != "approved" && r.Status != "active") {
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
