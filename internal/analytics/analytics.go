// Package analytics counts visits without knowing visitors (P-11 to P-13), and shows staff what came of it.
//
// It promises that
//   - one is added to day × page, day × referring host and day × campaign, never to two of them together; nothing is kept
//     of who came, in which order, or when within the day;
//   - a browser that sends Global Privacy Control or Do Not Track is not counted at all;
//   - pages with a form are not counted as pages, and receipts, mailed links, the portal and the workspace not in any way;
//   - a figure under ten leaves the table for nobody: what is shown and exported is a whole month, long over and never
//     written again, each figure rounded down to tens;
//   - strangers who invent referrers and campaigns make neither the memory nor the table grow beyond a bound.
package analytics

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/page"
)

// Config is what a Room needs.
type Config struct {
	Pages *page.Set
	Pool  *pgxpool.Pool
	Now   func() time.Time
	Log   *slog.Logger
}

// Room counts, and serves the staff's page of visits.
type Room struct {
	Config
	counter  *counter
	flushing sync.Mutex
	visits   page.View[visitsPage]
	say      page.Say
}

// New returns the room. It panics, as page.Load does, where its template is missing.
func New(c Config) *Room {
	return &Room{
		Config: c, counter: newCounter(c.Now, c.Pages.URL("")),
		visits: page.Load[visitsPage](c.Pages, "analytics/staff_visits"), say: c.Pages.Words("analytics"),
	}
}

// View counts a GET that was answered by 200 or 304, from what was asked and the header of the answer (page.Config's
// Viewed). It waits for nothing.
func (r *Room) View(req *http.Request, answer http.Header) { r.counter.view(req, answer) }

// every is how often what was counted is written down.
const every = time.Minute

// Run writes down what was counted every minute until ctx ends. What is counted after that waits for Flush.
func (r *Room) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := r.Flush(ctx); err != nil && ctx.Err() == nil {
			r.Log.ErrorContext(ctx, "visits were not written down; they are kept for the next minute", "err", err)
		}
	}
}
