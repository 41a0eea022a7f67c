package privacy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"clickcommerce.com/site/internal/postgres"
)

// halfYear is a line of what everybody may know about demands: how many there were, in bands.
type halfYear struct {
	Label string `json:"half_year"`
	Band  string `json:"demands"`
}

// band says a number so that no single demand can be told from it.
func band(n int64) string {
	switch {
	case n == 0:
		return "0"
	case n < 10:
		return "1–9"
	case n < 50:
		return "10–49"
	}
	return "50 or more"
}

// halfOf returns the first day of the half year of a day.
func halfOf(day time.Time) time.Time {
	month := time.January
	if day.Month() >= time.July {
		month = time.July
	}
	return time.Date(day.Year(), month, 1, 0, 0, 0, 0, time.UTC)
}

func halfLabel(half time.Time) string {
	return half.Format("January") + " to " + half.AddDate(0, 5, 0).Format("January 2006")
}

// disclosureCounts returns the half years whose figures are due, the newest first, and when the next are: six months after
// its end, so that a count can't tell anybody of a demand that is still secret. It begins with the first statement.
func (r *Room) disclosureCounts(ctx context.Context) (counts []halfYear, next time.Time, err error) {
	type row struct {
		Half time.Time `db:"half"`
		N    int64     `db:"n"`
	}
	rows, err := postgres.Rows[row](ctx, r.desk.Pool, `
		SELECT half, sum(n)::bigint AS n FROM (
			SELECT make_date(extract(year FROM asked_on)::int, CASE WHEN extract(month FROM asked_on) < 7 THEN 1 ELSE 7 END, 1) AS half,
				1 AS n
			FROM disclosure_now
			UNION ALL SELECT half, n FROM disclosure_past
			UNION ALL SELECT (min(published_at) AT TIME ZONE 'America/Chicago')::date, 0 FROM statement_version) t
		WHERE half IS NOT NULL GROUP BY half ORDER BY half`)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("count disclosures: %w", err)
	}
	if len(rows) == 0 {
		return nil, time.Time{}, nil
	}
	numbers := map[time.Time]int64{}
	for _, x := range rows {
		numbers[halfOf(x.Half)] += x.N
	}
	counts = []halfYear{}
	half := halfOf(rows[0].Half)
	for ; !r.today().Before(half.AddDate(1, 0, 0)); half = half.AddDate(0, 6, 0) {
		counts = append(counts, halfYear{halfLabel(half), band(numbers[half])})
	}
	slices.Reverse(counts)
	return counts, half.AddDate(1, 0, 0), nil
}
