package analytics

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/web"
)

const home = "https://clickcommerce.com"

// house is a room on a database of its own, whose clock stands still until it is moved.
type house struct {
	*Room
	t    testing.TB
	pool *pgxpool.Pool
	now  time.Time
	site http.Handler
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, pool: pgtest.New(t), now: time.Date(2026, 10, 5, 15, 0, 0, 0, time.UTC)}
	h.Room = h.instance()
	h.site = housed(h.counter)
	return h
}

// instance is another process on the same database.
func (h *house) instance() *Room {
	h.t.Helper()
	site, err := page.LoadSite(web.FS)
	if err != nil {
		h.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	now := func() time.Time { return h.now }
	set, err := page.New(page.Config{Web: web.FS, PublicURL: home, Site: site, Log: log, Now: now})
	if err != nil {
		h.t.Fatal(err)
	}
	return New(Config{Pages: set, Pool: h.pool, Now: now, Log: log})
}

func (h *house) flush() {
	h.t.Helper()
	if err := h.Flush(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// count lets a cell of today be counted n times.
func (h *house) count(k kind, value string, n int64) {
	h.counter.mu.Lock()
	defer h.counter.mu.Unlock()
	h.counter.turn()
	h.counter.add(cell{h.counter.today, k, value, false}, n)
}

// rows reads the table as it lies, in the order in which it lies.
func (h *house) rows() []figure {
	h.t.Helper()
	rows, err := h.pool.Query(context.Background(), `SELECT kind, value, bot, count AS n FROM analytics.page_count ORDER BY ctid`)
	if err != nil {
		h.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[figure])
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func (h *house) scan(sql string, args ...any) string {
	h.t.Helper()
	var text string
	if err := h.pool.QueryRow(context.Background(), sql, args...).Scan(&text); err != nil {
		h.t.Fatal(err)
	}
	return text
}

// sheet is what an export of a month holds; empty where there is none yet.
func (h *house) sheet(m month) string {
	h.t.Helper()
	if h.newest().earlier(m) {
		return ""
	}
	text, _, err := h.export(context.Background(), m)
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}
