package main

import (
	"context"
	"errors"
	"time"

	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/privacy"
)

// refuseOlder returns privacy.ErrOlder once a database that is older than the journal of erasures stands where the one was
// that is served, and until then when ctx ends: a backup was restored beneath the server. The jobs are stopped first, so
// that nothing more is sent from it; at its next start the server refuses that database as any other.
func (a *app) refuseOlder(ctx context.Context) error {
	var served string
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, err := postgres.Identity(ctx, a.pool)
		if err != nil || now == served {
			continue // one that does not answer is asked again
		}
		switch err := a.eraser.Current(ctx); {
		case errors.Is(err, privacy.ErrOlder):
			return errors.Join(err, a.endWork(0))
		case err != nil:
			a.log.WarnContext(ctx, "the database was replaced, and could not be compared with the journal yet", "err", err)
		default:
			a.log.InfoContext(ctx, "the database knows all that the journal does")
			served = now
		}
	}
}
