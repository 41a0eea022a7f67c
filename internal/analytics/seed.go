package analytics

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"clickcommerce.com/site/internal/clock"
)

// demoMonths is how far back the example goes.
const demoMonths = 3

// Demo counts an example of visits to pages of the site, the best read ones first, for the last months up to yesterday,
// where nothing was counted yet. It may run again.
func (r *Room) Demo(ctx context.Context, paths []string) error {
	var counted bool
	if err := r.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM analytics.page_count)`).Scan(&counted); err != nil {
		return fmt.Errorf("look for visits: %w", err)
	}
	if counted {
		return nil
	}
	rng := rand.New(rand.NewPCG(2006, 12)) //nolint:gosec // an example, the same each time
	today := dayOf(r.Now().In(clock.Zone()))
	for d := dayOf(r.newest().first.AddDate(0, 1-demoMonths, 0)); d < today; d++ {
		if err := r.store(ctx, d, demoDay(rng, d, paths)); err != nil {
			return err
		}
	}
	return nil
}

// demoDay is a day's example: fewer come on Saturdays and Sundays.
func demoDay(rng *rand.Rand, d day, paths []string) map[cell]int64 {
	visits := 90.0
	if weekday := d.date().Weekday(); weekday == time.Saturday || weekday == time.Sunday {
		visits = 25
	}
	cells := map[cell]int64{}
	share := func(k kind, bot bool, of float64, values []string) {
		for i, v := range values {
			// The second has half of the first, the third a third: as names mostly are.
			expected := of / float64(i+1)
			if n := int64(math.Round(expected + rng.NormFloat64()*math.Sqrt(expected)/2)); n > 0 {
				cells[cell{d, k, v, bot}] += n
			}
		}
	}
	share(byPage, false, visits, paths)
	share(byReferrer, false, visits*2, []string{direct})
	share(byReferrer, false, visits/3, []string{
		"search.example.com", "trade-journal.example.org", "partners.example.net", "social.example.com", "jobs.example.org",
		"parts-forum.example.net", "news.example.com", "university.example.edu", other,
	})
	share(byCampaign, false, visits/12, []string{"channel-weekly", "parts-summit-2026", "spring-fair", "contract-guide"})
	year, week := d.date().ISOWeek()
	share(byFirstWeek, false, visits/10, []string{fmt.Sprintf("%d-W%02d", year, week)})
	share(byFirstCampaign, false, visits/30, []string{"channel-weekly", "spring-fair"})
	share(byPage, true, visits/4, paths)
	share(byReferrer, true, visits, []string{direct})
	return cells
}
