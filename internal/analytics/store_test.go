package analytics

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

// TestFlush holds that what several instances counted adds up, by the day of the view and not of the writing.
func TestFlush(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	second := h.instance()
	ask(h.site, "/")
	ask(h.site, "/products/contracts", "Referer", "https://news.example.com/x")
	ask(housed(second.counter), "/")
	h.now = h.now.Add(14 * time.Hour) // past midnight
	ask(h.site, "/")
	for _, r := range []*Room{h.Room, second, h.Room} {
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := h.scan(`
		SELECT string_agg(concat_ws(' ', day, kind, value, bot, count), E'\n' ORDER BY day, kind, value, bot) FROM analytics.page_count`)
	want := strings.Join([]string{
		"2026-10-05 page / f 2",
		"2026-10-05 page /products/contracts f 1",
		"2026-10-05 referrer direct f 2",
		"2026-10-05 referrer news.example.com f 1",
		"2026-10-06 page / f 1",
		"2026-10-06 referrer direct f 1",
	}, "\n")
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
}

// TestFlushLater holds that what can't be written down is not lost, nor counted twice.
func TestFlushLater(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ask(h.site, "/")
	away, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Flush(away); err == nil {
		t.Fatal("a flush without a database tells nothing")
	}
	ask(h.site, "/")
	h.flush()
	h.flush()
	want := []figure{{byPage, "/", false, 2}, {byReferrer, direct, false, 2}}
	if diff := cmp.Diff(h.rows(), want); diff != "" {
		t.Error(diff)
	}
}

// TestWritingTellsNoOrder holds that the rows of a day lie in the order of their names and come from one transaction,
// whichever of them was added to last.
func TestWritingTellsNoOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range []string{"/products/z", "/products/m", "/", "/products/z", "/products/a"} {
		ask(h.site, path)
		h.flush()
	}
	var names []string
	for _, f := range h.rows() {
		names = append(names, string(f.Kind)+" "+f.Value)
	}
	if !slices.IsSorted(names) {
		t.Errorf("the rows lie as %v", names)
	}
	if n := h.scan(`SELECT count(DISTINCT xmin::text)::text FROM analytics.page_count`); n != "1" {
		t.Errorf("the rows come from %s transactions", n)
	}
}

// TestNamesOfStrangersFillNoTable holds that invented referrers neither make the table grow nor crowd out real ones.
func TestNamesOfStrangersFillNoTable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sent := 0
	invent := func(round int) {
		for i := range 700 {
			ask(h.site, "/", "Referer", fmt.Sprintf("https://x%d-%d.example.com/", round, i))
			sent++
		}
		h.flush()
	}
	invent(1)
	invent(2)
	for range 20 {
		ask(h.site, "/", "Referer", "https://partner.example.com/")
		sent++
	}
	invent(3)
	var rows, sum int
	if err := h.pool.QueryRow(t.Context(), `
		SELECT count(*), sum(count) FROM analytics.page_count WHERE kind = 'referrer'`).Scan(&rows, &sum); err != nil {
		t.Fatal(err)
	}
	if rows > kept(byReferrer)+1 || sum != sent {
		t.Errorf("%d rows hold %d of %d views", rows, sum, sent)
	}
	if !slices.Contains(h.rows(), figure{byReferrer, "partner.example.com", false, 20}) {
		t.Error("a site that many came from was crowded out")
	}
}

// TestShownDaysAreClosed holds that a view that is written down too late changes no figure that may have been shown.
func TestShownDaysAreClosed(t *testing.T) {
	t.Parallel()
	october := month{time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)}
	for _, tt := range []struct {
		day, hour int // of November
		kept      bool
	}{{1, 0, true}, {2, 23, true}, {3, 0, false}, {9, 12, false}} {
		h := newHouse(t)
		end := time.Date(2026, 11, 1, 0, 0, 0, 0, clock.Zone())
		h.now = end.Add(-time.Minute)
		h.count(byPage, "/", 30)
		h.now = time.Date(2026, 11, tt.day, tt.hour, 0, 0, 0, clock.Zone())
		if shown := !h.newest().earlier(october); shown == tt.kept {
			t.Errorf("on the %d: shown: %t, may be written: %t", tt.day, shown, tt.kept)
		}
		h.flush()
		if written := len(h.rows()) > 0; written != tt.kept {
			t.Errorf("on the %d: written: %t", tt.day, written)
		}
	}
}

// TestServingRole holds that who serves the site can't change a figure in place, nor make room for a visitor.
func TestServingRole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, sql := range []string{
		`UPDATE analytics.page_count SET count = 1`,
		`ALTER TABLE analytics.page_count ADD COLUMN visitor text`,
		`CREATE TABLE analytics.visitor (id int)`,
		`INSERT INTO analytics.page_count VALUES ('2026-10-01', 'visitor', 'x', false, 1)`,
		`INSERT INTO analytics.page_count VALUES ('2026-10-01', 'referrer', 'https://example.com/a?b', false, 1)`,
	} {
		if _, err := h.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: done", sql)
		}
	}
}

// TestDemo holds that the example fills months that may be shown, once.
func TestDemo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.now = time.Date(2026, 11, 20, 12, 0, 0, 0, clock.Zone())
	var before string
	for range 2 {
		if err := h.Demo(t.Context(), []string{"/", "/products", "/about"}); err != nil {
			t.Fatal(err)
		}
		now := h.scan(`SELECT md5(string_agg(p::text, '')) || count(*) FROM analytics.page_count p`)
		if before != "" && now != before {
			t.Error("the example came twice")
		}
		before = now
	}
	got := h.scan(`SELECT concat_ws(' ', min(day), max(day), count(DISTINCT month)) FROM analytics.page_count, analytics.figure`)
	if got != "2026-08-01 2026-11-19 4" {
		t.Errorf("the example: %s", got)
	}
	if n := h.scan(`SELECT count(*)::text FROM analytics.figure WHERE month = '2026-10-01' AND kind = 'page' AND NOT bot`); n != "3" {
		t.Errorf("%s pages in October", n)
	}
}

// TestChecks holds that the checks pass, and notice when their rule is gone.
func TestChecks(t *testing.T) {
	t.Parallel()
	table := func(r *Room) error { return r.checkTable(context.Background()) }
	figures := func(r *Room) error { return r.checkFigures(context.Background()) }
	view := `CREATE OR REPLACE VIEW analytics.figure AS
		SELECT date_trunc('month', day)::date AS month, kind, value, bot, sum(count)::bigint AS n
		FROM analytics.page_count GROUP BY 1, 2, 3, 4`
	for name, tt := range map[string]struct {
		remove string
		check  func(*Room) error
	}{
		"a table":           {``, table},
		"figures":           {``, figures},
		"a column more":     {`ALTER TABLE analytics.page_count ADD COLUMN address inet`, table},
		"a table more":      {`CREATE TABLE analytics.visit (at timestamptz)`, table},
		"a finer day":       {`DROP VIEW analytics.figure; ALTER TABLE analytics.page_count ALTER COLUMN day TYPE timestamp`, table},
		"small figures":     {view, figures},
		"figures unrounded": {view + ` HAVING sum(count) >= 10`, figures},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			if _, err := pgtest.Admin(t, h.pool).Exec(context.Background(), tt.remove); err != nil {
				t.Fatal(err)
			}
			if err := tt.check(h.Room); (err == nil) != (tt.remove == "") {
				t.Error(err)
			}
			if n := h.scan(`SELECT count(*)::text FROM analytics.page_count`); n != "0" {
				t.Errorf("the check left %s cells", n)
			}
		})
	}
}
