package analytics

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/privacy"
)

// Checks are those of what is counted (P-11 to P-13). The site that front returns is asked within this process.
func (r *Room) Checks(front func() http.Handler) []privacy.Check {
	return []privacy.Check{
		{
			Promise: "P-11", Name: "The table of visits has no place for anything but a day, a kind, a value and a count.", Run: r.checkTable,
			Remove: privacy.Removal{SQL: `ALTER TABLE analytics.page_count ADD COLUMN visitor text`},
		},
		{
			Promise: "P-12", Name: "No figure under ten leaves the table of visits, and none that is still counted.", Run: r.checkFigures,
			Remove: privacy.Removal{SQL: `
				CREATE OR REPLACE VIEW analytics.figure AS
				SELECT date_trunc('month', day)::date AS month, kind, value, bot, sum(count)::bigint AS n
				FROM analytics.page_count GROUP BY 1, 2, 3, 4`},
		},
		{
			Promise: "P-13", Name: "A browser that asks not to be counted is not counted, and gets no cookie of statistics.",
			Run:    func(ctx context.Context) error { return r.CheckSilent(ctx, front()) },
			Remove: privacy.Removal{Serve: deaf},
		},
	}
}

// deaf keeps from the site that a browser asks not to be counted.
func deaf(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Sec-GPC")
		r.Header.Del("DNT")
		next.ServeHTTP(w, r)
	})
}

// checkTable holds that what is counted has no room for a visitor: the schema has one table, the table no column but
// those of a count, and no key finer than them (P-11).
func (r *Room) checkTable(ctx context.Context) error {
	columns, err := r.lines(ctx, `
		SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'analytics'::regnamespace AND c.relkind NOT IN ('i', 'v') AND a.attnum > 0 AND NOT a.attisdropped
		ORDER BY c.relname, a.attnum`)
	if err != nil {
		return err
	}
	if !slices.Equal(columns, []string{
		"page_count.day date", "page_count.kind text", "page_count.value text", "page_count.bot boolean", "page_count.count bigint",
	}) {
		return fmt.Errorf("the schema analytics holds %v", columns)
	}
	unique, err := r.lines(ctx, `
		SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'analytics.page_count'::regclass`)
	if err != nil {
		return err
	}
	if !slices.Equal(unique, []string{
		"CREATE UNIQUE INDEX page_count_pkey ON analytics.page_count USING btree (day, kind, value, bot)",
	}) {
		return fmt.Errorf("visits are kept by %v", unique)
	}
	return nil
}

// checkFigures holds that nothing under ten leaves the table, nor anything that is not rounded down to tens: neither of
// what is in it, nor of two cells of a month long ago, which the check adds and takes back (P-12). Nor does anything
// leave that is still counted.
func (r *Room) checkFigures(ctx context.Context) error {
	if _, err := r.figures(ctx, r.newest().next()); !errors.Is(err, errOpen) {
		return fmt.Errorf("figures of %s are shown while they are counted", r.newest().next())
	}
	tx, err := r.Pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("try the figures: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // the cells were never there
	if _, err := tx.Exec(ctx, `
		INSERT INTO analytics.page_count (day, kind, value, bot, count)
		VALUES ('1996-01-01', 'page', '/nine', false, 9), ('1996-01-01', 'page', '/nineteen', false, 19)`); err != nil {
		return fmt.Errorf("try the figures: %w", err)
	}
	var tried string
	var small int
	if err := tx.QueryRow(ctx, `
		SELECT coalesce(string_agg(value || ' ' || n, ', ' ORDER BY value) FILTER (WHERE month = '1996-01-01'), ''),
			count(*) FILTER (WHERE n < 10 OR n % 10 <> 0)
		FROM analytics.figure`).Scan(&tried, &small); err != nil {
		return fmt.Errorf("try the figures: %w", err)
	}
	if tried != "/nineteen 10" || small > 0 {
		return fmt.Errorf("of 9 and 19 views this leaves: %q; %d figures are under ten or not rounded", tried, small)
	}
	return nil
}

// notCounted is where the request of CheckSilent says that it came from.
const notCounted = "not-counted.example"

// CheckSilent holds that a browser that sends Global Privacy Control or Do Not Track is not counted, and gets no cookie
// of statistics even where it accepts all (P-13). It asks the site itself, within this process.
func (r *Room) CheckSilent(ctx context.Context, site http.Handler) error {
	for _, signal := range []string{"Sec-GPC", "DNT"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			a, err := r.ask(ctx, site, method, signal)
			if err != nil {
				return err
			}
			for _, c := range a.header.Values("Set-Cookie") {
				if strings.HasPrefix(c, privacy.FirstVisitCookie+"=") || method == http.MethodGet {
					return fmt.Errorf("a browser that sends %s gets a cookie", signal)
				}
			}
		}
		if r.counter.forget(cell{kind: byReferrer, value: notCounted}) {
			return fmt.Errorf("a browser that sends %s is counted", signal)
		}
	}
	return nil
}

// ask looks at the page about cookies, or accepts all there.
func (r *Room) ask(ctx context.Context, site http.Handler, method, signal string) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.Pages.URL("/cookies"), strings.NewReader("choice=all"))
	if err != nil {
		return nil, fmt.Errorf("ask about cookies: %w", err)
	}
	req.RequestURI, req.RemoteAddr = "/cookies", "127.0.0.1:0"
	for name, value := range map[string]string{
		signal: "1", "Referer": "https://" + notCounted + "/", "User-Agent": "Mozilla/5.0",
		"Content-Type": "application/x-www-form-urlencoded",
	} {
		req.Header.Set(name, value)
	}
	a := &answer{header: http.Header{}, status: http.StatusOK}
	site.ServeHTTP(a, page.Own(req))
	if a.status >= http.StatusBadRequest {
		return nil, fmt.Errorf("the page about cookies answers %d", a.status)
	}
	return a, nil
}

// answer keeps what a check reads of a response.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return len(b), nil }

func (r *Room) lines(ctx context.Context, sql string) ([]string, error) {
	list, err := postgres.Column[string](ctx, r.Pool, sql)
	if err != nil {
		return nil, fmt.Errorf("read the schema of visits: %w", err)
	}
	return list, nil
}
