package analytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/clock"
)

// Flush writes down what was counted since the last time; what can't be is kept for the next. At the end of serving it
// is called once more, after the last answer.
func (r *Room) Flush(ctx context.Context) error {
	r.flushing.Lock()
	defer r.flushing.Unlock()
	days := map[day]map[cell]int64{}
	today := dayOf(r.Now().In(clock.Zone()))
	for k, n := range r.counter.empty() {
		if k.day < today-graceDays {
			continue // figures of that day may have been shown, and what was shown never changes
		}
		if days[k.day] == nil {
			days[k.day] = map[cell]int64{}
		}
		days[k.day][k] = n
	}
	var faults []error
	for d, counted := range days {
		if err := r.store(ctx, d, counted); err != nil {
			r.counter.restore(counted)
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// store adds what was counted to the rows of a day, and writes all of them anew, in the order of their names: neither
// their place in the table nor the transaction that wrote them then tells which of them a visitor of this minute added to.
func (r *Room) store(ctx context.Context, d day, counted map[cell]int64) error {
	err := pgx.BeginFunc(ctx, r.Pool, func(tx pgx.Tx) error {
		// Instances take turns: each reads what the one before it wrote.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('analytics.page_count'))`); err != nil {
			return err
		}
		sum, err := written(ctx, tx, d)
		if err != nil {
			return err
		}
		for k, n := range counted {
			sum[k] += n
		}
		return rewrite(ctx, tx, d, fold(sum))
	})
	if err != nil {
		return fmt.Errorf("write down the visits of %s: %w", d.date().Format(time.DateOnly), err)
	}
	return nil
}

func written(ctx context.Context, tx pgx.Tx, d day) (map[cell]int64, error) {
	rows, err := tx.Query(ctx, `SELECT kind, value, bot, count FROM analytics.page_count WHERE day = $1`, d.date())
	if err != nil {
		return nil, err
	}
	sum := map[cell]int64{}
	k, n := cell{day: d}, int64(0)
	_, err = pgx.ForEachRow(rows, []any{&k.kind, &k.value, &k.bot, &n}, func() error {
		sum[k] = n
		return nil
	})
	return sum, err
}

func rewrite(ctx context.Context, tx pgx.Tx, d day, sum map[cell]int64) error {
	var (
		kinds, values []string
		bots          []bool
		counts        []int64
	)
	for _, k := range slices.SortedFunc(maps.Keys(sum), func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.value, b.value), cmp.Compare(flag(a.bot), flag(b.bot)))
	}) {
		kinds, values = append(kinds, string(k.kind)), append(values, k.value)
		bots, counts = append(bots, k.bot), append(counts, sum[k])
	}
	if _, err := tx.Exec(ctx, `DELETE FROM analytics.page_count WHERE day = $1`, d.date()); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO analytics.page_count (day, kind, value, bot, count)
		SELECT $1, k, v, b, n FROM unnest($2::text[], $3::text[], $4::boolean[], $5::bigint[]) AS c (k, v, b, n)`,
		d.date(), kinds, values, bots, counts)
	return err
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// kept is how many values of a kind a day keeps.
func kept(k kind) int {
	switch k {
	case byPage:
		return 600
	case byReferrer:
		return 200
	case byCampaign, byFirstWeek, byFirstCampaign:
	}
	return 60
}

// fold keeps the largest of each kind and adds up the rest, so that a stranger who invents names fills no table, and
// does not crowd out those that many come from.
func fold(sum map[cell]int64) map[cell]int64 {
	pools := map[pool][]cell{}
	for k := range sum {
		if k.value != other {
			pools[pool{k.kind, k.bot}] = append(pools[pool{k.kind, k.bot}], k)
		}
	}
	for of, cells := range pools {
		if len(cells) <= kept(of.kind) {
			continue
		}
		slices.SortFunc(cells, func(a, b cell) int {
			return cmp.Or(cmp.Compare(sum[b], sum[a]), cmp.Compare(a.value, b.value))
		})
		for _, k := range cells[kept(of.kind):] {
			sum[cell{k.day, k.kind, other, k.bot}] += sum[k]
			delete(sum, k)
		}
	}
	return sum
}
