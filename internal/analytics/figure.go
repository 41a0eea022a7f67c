package analytics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/postgres"
)

// graceDays is how long after a day its last views may still be written down.
const graceDays = 2

// month is a calendar month of the company's seat, by the first of its days.
type month struct{ first time.Time }

func monthOf(t time.Time) month {
	return month{time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)}
}

func parseMonth(text string) (month, error) {
	first, err := time.Parse("2006-01", text)
	if err != nil || first.Year() < 2000 {
		return month{}, errors.New("no month")
	}
	return month{first}, nil
}

func (m month) String() string       { return m.first.Format("2006-01") }
func (m month) Label() string        { return m.first.Format("January 2006") }
func (m month) next() month          { return month{m.first.AddDate(0, 1, 0)} }
func (m month) before() month        { return month{m.first.AddDate(0, -1, 0)} }
func (m month) earlier(o month) bool { return m.first.Before(o.first) }

// opens is the day from which the figures of the month are shown: nothing is written to it any more.
func (m month) opens() time.Time { return m.next().first.AddDate(0, 0, graceDays) }

// newest is the last month whose figures may be shown.
func (r *Room) newest() month {
	here := r.Now().In(clock.Zone())
	m := monthOf(here).before()
	if dayOf(here) < dayOf(m.opens()) {
		m = m.before()
	}
	return m
}

var errOpen = errors.New("analytics: the month is not over yet")

// figure is what may be seen of a cell.
type figure struct {
	Kind  kind   `db:"kind"`
	Value string `db:"value"`
	Bot   bool   `db:"bot"`
	N     int64  `db:"n"`
}

// figures returns all that may be seen of a month, to whomever, largest first; errOpen where that is nothing yet.
//
// The view rounds and withholds; here the day decides. Nothing is written to a month that is shown, so that looks at
// different times see the same, and there is nothing to subtract.
func (r *Room) figures(ctx context.Context, m month) ([]figure, error) {
	if r.newest().earlier(m) {
		return nil, errOpen
	}
	list, err := postgres.Rows[figure](ctx, r.Pool, `
		SELECT kind, value, bot, n FROM analytics.figure WHERE month = $1 ORDER BY kind, bot, n DESC, value`, m.first)
	if err != nil {
		return nil, fmt.Errorf("read visits: %w", err)
	}
	return list, nil
}

// months lists those whose figures may be shown, newest first, since the first that was counted.
func (r *Room) months(ctx context.Context) ([]month, error) {
	var first *time.Time
	if err := r.Pool.QueryRow(ctx, `SELECT min(day) FROM analytics.page_count`).Scan(&first); err != nil {
		return nil, fmt.Errorf("list months of visits: %w", err)
	}
	var list []month
	if first == nil {
		return nil, nil
	}
	for m := r.newest(); !m.earlier(monthOf(*first)); m = m.before() {
		list = append(list, m)
	}
	return list, nil
}
