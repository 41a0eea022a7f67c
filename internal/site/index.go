package site

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/postgres"
)

const (
	// indexEvery is how long a published row may wait until the search finds it.
	indexEvery = time.Minute
	// indexAnyway is when the sources are read though nothing was written: rows appear and end by the clock alone too.
	indexAnyway = 10 * time.Minute
	// bodyLimit keeps a document below the megabyte that a tsvector holds (PostgreSQL manual, 12.11).
	bodyLimit = 200_000

	kindPage = "page"
	kindNews = "news"
)

// Index is what the search and the sitemap know: the table search_document.
type Index struct {
	pool    *pgxpool.Pool
	now     func() time.Time
	pages   []content.Document
	sources []content.Source

	mu   sync.Mutex // of what follows: the worker's memory
	seen int64      // generation at the last refresh
	last time.Time
}

// NewIndex prepares the index of the written pages and of the rooms' published rows. Nothing is stored before Start.
func NewIndex(pool *pgxpool.Pool, now func() time.Time, pages *content.Content, sources ...content.Source) *Index {
	return &Index{pool: pool, now: now, pages: pages.Documents(), sources: sources}
}

// Start puts the written pages into the index, in place of those of the previous binary.
func (i *Index) Start(ctx context.Context) error {
	if err := i.replace(ctx, i.pages, true); err != nil {
		return fmt.Errorf("index pages: %w", err)
	}
	return nil
}

// Worker keeps the rooms' rows in the index in step with what is published.
func (i *Index) Worker() job.Worker {
	return job.Worker{Name: "search_index", Every: indexEvery, Run: i.Refresh}
}

// Refresh reads all sources again, if anything published changed since this instance last did, or the last time is
// long ago.
func (i *Index) Refresh(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	var generation int64 // read first: what changes while the sources are read is seen the next time
	if err := i.pool.QueryRow(ctx, `SELECT n FROM generation`).Scan(&generation); err != nil {
		return fmt.Errorf("read generation: %w", err)
	}
	now := i.now()
	if generation == i.seen && now.Sub(i.last) < indexAnyway {
		return nil
	}
	var docs []content.Document
	for _, source := range i.sources {
		more, err := source(ctx)
		if err != nil {
			return fmt.Errorf("index published rows: %w", err)
		}
		docs = append(docs, more...)
	}
	if err := i.replace(ctx, docs, false); err != nil {
		return fmt.Errorf("index published rows: %w", err)
	}
	i.seen, i.last = generation, now
	return nil
}

// replace makes docs all that there is: of the written pages, or of everything else. A written page wins over a row
// with the same address. Rows that did not change are not written.
func (i *Index) replace(ctx context.Context, docs []content.Document, pages bool) error {
	docs = slices.Clone(docs)
	// One order for all instances that may do this at the same time, so that none waits for another in a circle.
	slices.SortFunc(docs, func(a, b content.Document) int { return cmp.Compare(a.Path, b.Path) })
	paths := make([]string, len(docs))
	for n, d := range docs {
		paths[n] = d.Path
	}
	return pgx.BeginFunc(ctx, i.pool, func(tx pgx.Tx) error {
		var batch pgx.Batch
		for _, d := range docs {
			queueDocument(&batch, d)
		}
		batch.Queue(`DELETE FROM search_document WHERE (kind = 'page') = $1 AND path <> ALL ($2)`, pages, paths)
		return tx.SendBatch(ctx, &batch).Close()
	})
}

func queueDocument(batch *pgx.Batch, d content.Document) {
	var updated *time.Time
	if !d.Updated.IsZero() {
		updated = &d.Updated
	}
	batch.Queue(`
		INSERT INTO search_document AS old (path, kind, title, summary, body, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (path) DO UPDATE
		SET kind = EXCLUDED.kind, title = EXCLUDED.title, summary = EXCLUDED.summary, body = EXCLUDED.body,
			updated_at = EXCLUDED.updated_at
		WHERE (old.kind <> 'page' OR EXCLUDED.kind = 'page')
			AND (old.kind, old.title, old.summary, old.body, old.updated_at)
				IS DISTINCT FROM (EXCLUDED.kind, EXCLUDED.title, EXCLUDED.summary, EXCLUDED.body, EXCLUDED.updated_at)`,
		d.Path, d.Kind, clean(d.Title, 500), clean(d.Summary, 2000), clean(d.Body, bodyLimit), updated)
}

// clean drops what Postgres or our marks do not bear, and cuts to a number of bytes at most.
func clean(s string, limit int) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || r == markStart || r == markEnd:
			return -1
		}
		return r
	}, s)
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return strings.TrimSpace(s)
}

// Latest returns the newest documents of a kind, without their text.
func (i *Index) Latest(ctx context.Context, kind string, n int) ([]content.Document, error) {
	docs, err := postgres.Rows[content.Document](ctx, i.pool, `
		SELECT path, kind, title, summary, '' AS body, coalesce(updated_at, '0001-01-01 00:00+00') AS updated
		FROM search_document
		WHERE kind = $1 AND updated_at IS NOT NULL
		ORDER BY updated_at DESC, path
		LIMIT $2`, kind, n)
	if err != nil {
		return nil, fmt.Errorf("latest %s: %w", kind, err)
	}
	return docs, nil
}

// published returns addresses and dates of everything but the written pages. A part of a page is not one of its own.
func (i *Index) published(ctx context.Context) ([]content.Document, error) {
	docs, err := postgres.Rows[content.Document](ctx, i.pool, `
		SELECT path, kind, title, summary, '' AS body, coalesce(updated_at, '0001-01-01 00:00+00') AS updated
		FROM search_document
		WHERE kind <> 'page' AND path NOT LIKE '%#%'
		ORDER BY path
		LIMIT 50000`) // a sitemap's limit
	if err != nil {
		return nil, fmt.Errorf("published rows: %w", err)
	}
	return docs, nil
}
