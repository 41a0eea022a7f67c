package page

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/singleflight"
)

// maxEntries bounds the cache; addresses that lead to a page are far fewer.
const maxEntries = 4096

// cache keeps the bytes of pages by path, choice, and number of cookies that signing in has set. An entry lives until the
// next full minute (a form's seal says the minute) or the next generation of content, whichever comes first.
type cache struct {
	generation atomic.Int64
	mu         sync.RWMutex
	entries    map[cacheKey]*entry
	drawing    singleflight.Group
	zippers    sync.Pool
}

type cacheKey struct {
	path    string
	choice  Choice
	signIns int
}

type entry struct {
	body       *body
	header     http.Header // what the handler set beside the content
	minute     int64
	generation int64
}

func newCache() *cache { return &cache{entries: map[cacheKey]*entry{}} }

// pageCaching lets browsers keep a page but ask each time whether it still stands.
const pageCaching = "private, no-cache"

// pageVariants are what the bytes of a page depend on besides its address.
const pageVariants = "Cookie, Accept-Encoding"

// Cached adapts a handler as Handle does, and serves its page from memory. Only GET and HEAD of an address without query
// are cached, and only answers with status 200 that did not forbid it; a page so cached depends on nothing of the visitor
// but the cookies that it tells of: the choice about them, and how many signing in has set. An address with a query, as
// links of campaigns have, is drawn for each visitor anew.
func (s *Set) Cached(h Handler) http.HandlerFunc {
	next := s.Handle(h)
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			next(w, r)
			return
		}
		if r.URL.RawQuery != "" {
			s.drawOnce(next, w, r)
			return
		}
		key := cacheKey{r.URL.Path, ChoiceOf(r), signIns(r)}
		minute, generation := s.cfg.Now().Unix()/60, s.cache.generation.Load()
		e := s.cache.get(key, minute, generation)
		if e == nil {
			var uncached *buffer
			if e, uncached = s.draw(next, r, key, minute, generation); uncached != nil {
				uncached.replay(w, r)
				return
			}
		}
		if e == nil { // another visitor's answer was for that visitor alone
			next(w, r)
			return
		}
		e.serve(w, r)
	}
}

// drawOnce draws a page for one visitor. It is compressed in a hurry: nobody else gets these bytes.
func (s *Set) drawOnce(next http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	buf := &buffer{header: http.Header{}, status: http.StatusOK}
	next(buf, r)
	if !buf.cacheable() {
		buf.replay(w, r)
		return
	}
	buf.header.Set("Cache-Control", pageCaching)
	buf.header.Set("Vary", pageVariants)
	if accepts(r.Header.Get("Accept-Encoding"), "gzip") && compressible(buf.header.Get("Content-Type")) {
		buf.header.Set("Content-Encoding", "gzip")
		buf.body = s.cache.zip(&buf.body)
	}
	buf.replay(w, r)
}

// zip compresses fast, with writers that are used again: each holds most of a megabyte.
func (c *cache) zip(plain *bytes.Buffer) (small bytes.Buffer) {
	zw, ok := c.zippers.Get().(*gzip.Writer)
	if !ok {
		zw, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // a level that there is
	}
	zw.Reset(&small)
	_, _ = zw.Write(plain.Bytes()) // a buffer takes everything
	_ = zw.Close()
	c.zippers.Put(zw)
	return small
}

func (e *entry) serve(w http.ResponseWriter, r *http.Request) {
	for name, values := range e.header {
		w.Header()[name] = values
	}
	e.body.serve(w, r)
}

// get returns the entry of that minute and generation, nil where there is none.
func (c *cache) get(key cacheKey, minute, generation int64) *entry {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if e := c.entries[key]; e != nil && e.minute == minute && e.generation == generation {
		return e
	}
	return nil
}

func (c *cache) put(key cacheKey, e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= maxEntries {
		clear(c.entries)
	}
	c.entries[key] = e
}

// draw lets one request draw the page for all that wait for it. An answer that must not be cached goes to the request that
// drew it alone; the others draw for themselves. A 503 goes to all: they would only wait as long to hear the same. Who comes
// after a change waits for no drawing that began before it.
func (s *Set) draw(next http.HandlerFunc, r *http.Request, key cacheKey, minute, generation int64) (*entry, *buffer) {
	var own *buffer // only the request that draws runs the function below
	got, _, _ := s.cache.drawing.Do(fmt.Sprint(generation, " ", key.choice, " ", key.signIns, " ", key.path), func() (any, error) {
		if e := s.cache.get(key, minute, generation); e != nil {
			return e, nil // drawn while this request was on its way here
		}
		// The page belongs to all who wait: it does not end with the first of them.
		req := r.Clone(context.WithoutCancel(r.Context()))
		req.Method = http.MethodGet
		buf := &buffer{header: http.Header{}, status: http.StatusOK}
		next(buf, req)
		if id := req.Header[requestIDHeader]; id != nil { // what was logged of the drawing is this request's
			r.Header[requestIDHeader] = id
		}
		switch {
		case buf.status == http.StatusServiceUnavailable:
			return buf, nil
		case !buf.cacheable():
			own = buf
			return (*entry)(nil), nil
		}
		e := buf.entry(minute, generation)
		s.cache.put(key, e)
		return e, nil
	})
	if away, ok := got.(*buffer); ok {
		return nil, away
	}
	return got.(*entry), own
}

// buffer takes an answer in memory.
type buffer struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (b *buffer) Header() http.Header { return b.header }

func (b *buffer) WriteHeader(status int) {
	if !b.wrote {
		b.status, b.wrote = status, true
	}
}

func (b *buffer) Write(p []byte) (int, error) {
	b.wrote = true
	return b.body.Write(p)
}

// cacheable tells whether the answer is a page that its handler lets others have.
func (b *buffer) cacheable() bool {
	return b.status == http.StatusOK && b.header.Get("Cache-Control") == "" && b.header.Get("Set-Cookie") == ""
}

// entry compresses the answer.
func (b *buffer) entry(minute, generation int64) *entry {
	header := maps.Clone(b.header)
	contentType := header.Get("Content-Type")
	header.Del("Content-Type")
	return &entry{newBody(b.body.Bytes(), contentType, 5, pageCaching, pageVariants), header, minute, generation}
}

// replay sends the answer on, to HEAD without its body.
func (b *buffer) replay(w http.ResponseWriter, r *http.Request) {
	maps.Copy(w.Header(), b.header)
	w.WriteHeader(b.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.body.Bytes()) // the visitor may be gone
	}
}

// Invalidate makes every cached page of this instance old.
func (s *Set) Invalidate() { s.cache.generation.Add(1) }

// Watch keeps the cache's generation in step with the database's until ctx ends: read at once, then every five
// seconds. Before pages are drawn anew, follow reads what else they are drawn from. A database that does not answer leaves
// the pages as they are.
func (s *Set) Watch(ctx context.Context, pool *pgxpool.Pool, follow func(context.Context) error) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	var seen int64
	for {
		var n int64
		if err := pool.QueryRow(ctx, `SELECT n FROM generation`).Scan(&n); err == nil && n != seen && follow(ctx) == nil {
			seen = n
			s.Invalidate()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
