package privacy

import (
	"context"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/submission"
)

// Ahead sets how many notices may wait in the queue of mails, and what passes the time until some have left.
func (r *Room) Ahead(n int, rest func(context.Context)) { r.ahead, r.rest = n, rest }

// ObjectFor is what an officer's button does.
func (r *Room) ObjectFor(ctx context.Context, who, officer uuid.UUID) error {
	return r.object(ctx, who, submission.Actor{ID: officer, Role: "privacy"})
}
