package page_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"clickcommerce.com/site/internal/page"
)

type hello struct {
	page.Base
	Word string
}

func newSet(t *testing.T, now func() time.Time, log io.Writer) *page.Set {
	t.Helper()
	set, err := page.New(page.Config{
		Web: fstest.MapFS{
			"templates/layout.html":           {Data: []byte(`{{define "layout"}}<title>{{if .Refused}}Error: {{end}}{{.Title}}</title><p>{{.Choice}}</p>{{template "main" .}}{{end}}`)},
			"templates/staff.html":            {Data: []byte(`{{define "staff"}}{{template "main" .}}{{end}}`)},
			"templates/partials/x.html":       {Data: []byte(`{{define "x"}}{{end}}`)},
			"templates/site/staff_error.html": {Data: []byte(`{{define "main"}}{{.Status}}: {{.Message}}{{end}}`)},
			"templates/site/error.html":       {Data: []byte(`{{define "main"}}{{.Status}}: {{.Message}}{{end}}`)},
			"templates/site/hello.html":       {Data: []byte(`{{define "main"}}<b>{{.Word}}</b>` + strings.Repeat("<i>filler</i>", 100) + `{{end}}`)},
			"static/a/mark.svg":               {Data: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)},
			"static/speculation.json":         {Data: []byte(`{"prefetch":[]}`)},
			"static/site.css":                 {Data: []byte(`b{background:url("a/mark.svg")}`)},
		},
		PublicURL: "http://example.test", Site: &page.Site{Name: "Test"},
		Log: slog.New(slog.NewTextHandler(log, nil)), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func get(h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestCachedPage(t *testing.T) {
	var clock atomic.Int64
	clock.Store(1_800_000_000)
	set := newSet(t, func() time.Time { return time.Unix(clock.Load(), 0) }, io.Discard)
	view := page.Load[hello](set, "site/hello")
	var drawn atomic.Int32
	h := set.Cached(func(w http.ResponseWriter, r *http.Request) error {
		drawn.Add(1)
		return view.Write(w, r, http.StatusOK, hello{Base: page.Base{Title: "Hi"}, Word: "<word>"})
	})

	var wait sync.WaitGroup
	for range 32 {
		wait.Go(func() { get(h, "/hello") })
	}
	wait.Wait()
	if n := drawn.Load(); n != 1 {
		t.Errorf("32 visitors at once: drawn %d times", n)
	}
	w := get(h, "/hello")
	if !strings.Contains(w.Body.String(), "&lt;word&gt;") || w.Header().Get("Cache-Control") != "private, no-cache" {
		t.Errorf("got %q, %v", w.Body, w.Header())
	}
	etag := w.Header().Get("Etag")
	if w := get(h, "/hello", "If-None-Match", etag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("If-None-Match: %d", w.Code)
	}
	for coding, want := range map[string]string{
		"br": "br", "gzip, br": "br", "gzip": "gzip", "br;q=0, gzip": "gzip", "identity": "", "": "",
	} {
		w := get(h, "/hello", "Accept-Encoding", coding)
		if got := w.Header().Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: got %q, want %q", coding, got, want)
		}
		if want != "" && w.Header().Get("Etag") == etag {
			t.Errorf("Accept-Encoding %q: the validator of another form", coding)
		}
	}
	if w := get(h, "/hello", "Cookie", "choice=none"); !strings.Contains(w.Body.String(), "<p>none</p>") {
		t.Error("the variant of a choice is not its own")
	}
	before := drawn.Load()
	for _, path := range []string{"/hello?from=fair", "/hello?from=spring"} {
		w := get(h, path, "Accept-Encoding", "gzip, br")
		got := fmt.Sprint(w.Header().Get("Cache-Control"), ", ", w.Header().Get("Vary"), ", ", w.Header().Get("Content-Encoding"))
		if got != "private, no-cache, Cookie, Accept-Encoding, gzip" {
			t.Errorf("%s: %s", path, got)
		}
		zr, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(zr); err != nil || !strings.Contains(string(plain), "&lt;word&gt;") {
			t.Errorf("%s: %q, %v", path, plain, err)
		}
	}
	if n := drawn.Load(); n != before+2 {
		t.Errorf("what a query asks for was drawn %d times of 2", n-before)
	}
	before += 2
	if get(h, "/hello", "Cookie", "other=1; choice=bogus"); drawn.Load() != before {
		t.Error("an unknown cookie made a variant")
	}
	clock.Add(60)
	if get(h, "/hello"); drawn.Load() != before+1 {
		t.Error("the page outlived its minute")
	}
	set.Invalidate()
	if get(h, "/hello"); drawn.Load() != before+2 {
		t.Error("the page outlived its generation")
	}
}

// TestNobodyWaitsForEver: where the database has stopped without a word an answer says so in time, and that it may go well
// in a minute. What arrives slowly and what is sent slowly is not cut off.
func TestNobodyWaitsForEver(t *testing.T) {
	t.Parallel()
	frozen := func(_ http.ResponseWriter, r *http.Request) error {
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.Context().Err() != nil {
			return errors.New("it was cut off while it arrived")
		}
		select {
		case <-r.Context().Done():
			if page.Left(r) {
				t.Error("a room is told that nobody waits any more")
			}
			return fmt.Errorf("read rows: %w", r.Context().Err())
		case <-time.After(time.Hour):
			return errors.New("it waited for an hour")
		}
	}
	post := func(h http.Handler, body io.Reader) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/a", body))
		return w
	}
	away := func(t *testing.T, after time.Duration, ask func() *httptest.ResponseRecorder) {
		t.Helper()
		since := time.Now()
		w := ask()
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "30" || time.Since(since) != after {
			t.Errorf("%d, Retry-After %q, after %s", w.Code, w.Header().Get("Retry-After"), time.Since(since))
		}
	}
	look, act := 20*time.Second, 45*time.Second
	for name, c := range map[string]func(*testing.T, *page.Set){
		"page": func(t *testing.T, set *page.Set) {
			away(t, look, func() *httptest.ResponseRecorder { return get(set.Handle(frozen), "/a") })
		},
		"page from memory": func(t *testing.T, set *page.Set) {
			h := set.Cached(frozen)
			var all sync.WaitGroup
			for range 3 { // who came while it was drawn does not wait once more
				all.Go(func() { away(t, look, func() *httptest.ResponseRecorder { return get(h, "/a") }) })
			}
			all.Wait()
		},
		"page from memory with a query": func(t *testing.T, set *page.Set) {
			away(t, look, func() *httptest.ResponseRecorder { return get(set.Cached(frozen), "/a?b") })
		},
		"act": func(t *testing.T, set *page.Set) {
			away(t, act, func() *httptest.ResponseRecorder { return post(set.Handle(frozen), strings.NewReader("a=b")) })
		},
		"act on what arrived slowly": func(t *testing.T, set *page.Set) {
			away(t, 3*time.Hour+act, func() *httptest.ResponseRecorder {
				return post(set.Handle(frozen), &slow{wait: time.Hour, left: 3})
			})
		},
		"act before anything is read": func(t *testing.T, set *page.Set) {
			h := set.Handle(func(_ http.ResponseWriter, r *http.Request) error {
				<-r.Context().Done()
				return r.Context().Err()
			})
			away(t, act, func() *httptest.ResponseRecorder { return post(h, strings.NewReader("a=b")) })
		},
		"long answer": func(t *testing.T, set *page.Set) {
			w := get(set.Handle(func(w http.ResponseWriter, r *http.Request) error {
				_, _ = io.WriteString(w, "half")
				time.Sleep(time.Hour)
				_, err := io.WriteString(w, " and half")
				return errors.Join(err, r.Context().Err())
			}), "/a")
			if w.Code != http.StatusOK || w.Body.String() != "half and half" {
				t.Errorf("a long answer: %d %s", w.Code, w.Body)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { c(t, newSet(t, time.Now, io.Discard)) })
		})
	}
}

// TestALongAnswerArrives: an answer may last longer than the server's limit, as long as its pieces leave; who takes none of it
// is let go.
func TestALongAnswerArrives(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pause time.Duration // before each piece is taken
		whole bool
	}{"slow": {5 * time.Second, true}, "stuck": {time.Hour, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const pieces, size = 100, 8 << 10
				server := &http.Server{ReadTimeout: 3 * time.Minute, WriteTimeout: 5 * time.Minute, Handler: newSet(t, time.Now, io.Discard).Handle(
					func(w http.ResponseWriter, r *http.Request) error {
						for range pieces {
							if _, err := w.Write(make([]byte, size)); err != nil {
								return err
							}
							if err := r.Context().Err(); err != nil { // reading on from the store of files fails
								return err
							}
						}
						return nil
					})}
				here, there := net.Pipe()
				go func() { _ = server.Serve(&oneConn{conn: there}) }()
				_, err := io.WriteString(here, "GET / HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n")
				if err != nil {
					t.Fatal(err)
				}
				got, piece := 0, make([]byte, size)
				for err == nil {
					time.Sleep(c.pause)
					var n int
					n, err = here.Read(piece)
					got += n
				}
				if whole := got > pieces*size; whole != c.whole {
					t.Errorf("%d bytes came: %v", got, err)
				}
				_ = here.Close()
				_ = server.Close()
			})
		})
	}
}

// oneConn is a listener to whom one comes.
type oneConn struct{ conn net.Conn }

func (l *oneConn) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, net.ErrClosed
	}
	c := l.conn
	l.conn = nil
	return c, nil
}

func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// slow is a body that arrives in pieces.
type slow struct {
	wait time.Duration
	left int
}

func (s *slow) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.wait)
	s.left--
	return copy(p, "a"), nil
}

// TestRefused: the title says first of all that something is to be put right, whoever drew the page.
func TestRefused(t *testing.T) {
	t.Parallel()
	set := newSet(t, time.Now, io.Discard)
	view := page.Load[hello](set, "site/hello")
	for _, c := range []struct {
		method string
		status int
		want   bool
	}{
		{http.MethodGet, http.StatusOK, false},
		{http.MethodGet, http.StatusNotFound, false},
		{http.MethodGet, http.StatusUnprocessableEntity, true}, // a form by which lists are narrowed
		{http.MethodPost, http.StatusOK, false},
		{http.MethodPost, http.StatusUnauthorized, false}, // signing in comes first, nothing is wrong
		{http.MethodPost, http.StatusConflict, true},
		{http.MethodPost, http.StatusUnprocessableEntity, true},
		{http.MethodPost, http.StatusTooManyRequests, true},
		{http.MethodPost, http.StatusServiceUnavailable, true},
	} {
		w := httptest.NewRecorder()
		if err := view.Write(w, httptest.NewRequest(c.method, "/", nil), c.status, hello{Base: page.Base{Title: "Hi"}}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(w.Body.String(), "<title>Error: Hi</title>"); got != c.want {
			t.Errorf("%s, %d: told in the title: %t", c.method, c.status, got)
		}
	}
	fault := httptest.NewRecorder()
	set.Fault(fault, httptest.NewRequest(http.MethodPost, "/", nil), http.StatusConflict, "Not now.")
	if !strings.Contains(fault.Body.String(), "<title>Error: Conflict</title>") {
		t.Errorf("the error page: %s", fault.Body)
	}
}

// TestSpeculation: browsers may fetch ahead from a public page, and from no other.
func TestSpeculation(t *testing.T) {
	t.Parallel()
	set := newSet(t, time.Now, io.Discard)
	view := page.Load[hello](set, "site/hello")
	for name, c := range map[string]struct {
		base   page.Base
		status int
		viewer *page.Viewer
		want   bool
	}{
		"public":         {page.Base{}, http.StatusOK, nil, true},
		"of one person":  {page.Base{NoIndex: true}, http.StatusOK, nil, false},
		"with an error":  {page.Base{}, http.StatusUnprocessableEntity, nil, false},
		"signed in here": {page.Base{}, http.StatusOK, &page.Viewer{}, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		w := httptest.NewRecorder()
		if err := view.Write(w, r.WithContext(page.WithViewer(r.Context(), c.viewer)), c.status, hello{Base: c.base}); err != nil {
			t.Fatal(err)
		}
		rules := strings.Trim(w.Header().Get("Speculation-Rules"), `"`)
		if (rules != "") != c.want {
			t.Errorf("%s: rules at %q", name, rules)
		}
		if !c.want {
			continue
		}
		w = get(http.HandlerFunc(set.ServeAsset), rules)
		if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || got != "application/speculationrules+json" {
			t.Errorf("%s: %d, %s", rules, w.Code, got)
		}
	}
}

func TestUncachedAnswers(t *testing.T) {
	set := newSet(t, time.Now, io.Discard)
	var calls int
	h := set.Cached(func(w http.ResponseWriter, r *http.Request) error {
		calls++
		return page.ErrNotFound
	})
	for range 3 {
		if w := get(h, "/nowhere"); w.Code != http.StatusNotFound || w.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("got %d, %v", w.Code, w.Header())
		}
	}
	if calls != 3 {
		t.Errorf("3 visitors to an error page: drawn %d times", calls)
	}
	r := httptest.NewRequest(http.MethodHead, "/nowhere", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusNotFound || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d with %d bytes", w.Code, w.Body.Len())
	}
}

// What one visitor is told alone is told to nobody else, also of those who ask at the same moment.
func TestAnswerOfOneIsNotShared(t *testing.T) {
	set := newSet(t, time.Now, io.Discard)
	var drawn atomic.Int32
	gate := make(chan struct{})
	h := set.Cached(func(w http.ResponseWriter, r *http.Request) error {
		drawn.Add(1)
		<-gate
		name := r.Header.Get("X-Name")
		http.SetCookie(w, &http.Cookie{Name: "name", Value: name})
		_, err := io.WriteString(w, "for "+name)
		return err
	})
	var wait sync.WaitGroup
	for i := range 8 {
		name := string(rune('a' + i))
		wait.Go(func() {
			w := get(h, "/mine", "X-Name", name)
			if w.Body.String() != "for "+name || w.Header().Get("Set-Cookie") != "name="+name {
				t.Errorf("%s got %q, %v", name, w.Body, w.Header())
			}
		})
	}
	close(gate)
	wait.Wait()
	if n := drawn.Load(); n != 8 {
		t.Errorf("8 visitors: drawn %d times", n)
	}
}

// What a check of the program asks is nobody's request: it is written down where it fails alone.
func TestOwnRequests(t *testing.T) {
	var log strings.Builder
	set := newSet(t, time.Now, &log)
	h := set.Log(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	for path, want := range map[string]string{"/": "", "/broken": "check=true"} {
		log.Reset()
		h.ServeHTTP(httptest.NewRecorder(), page.Own(httptest.NewRequest(http.MethodGet, path, http.NoBody)))
		if got := log.String(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q", path, got)
		}
	}
	if get(h, "/"); !strings.Contains(log.String(), "status=200") {
		t.Errorf("a visitor's request: %q", log.String())
	}
}

func TestErrorsStayInside(t *testing.T) {
	var log strings.Builder
	set := newSet(t, time.Now, &log)
	h := set.Log(set.Handle(func(w http.ResponseWriter, r *http.Request) error { return errors.New("secret detail") }))
	w := get(h, "/x?email=ada@example.com")
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("visitor read %d %q", w.Code, w.Body)
	}
	if n := strings.Count(log.String(), "secret detail"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	if strings.Contains(log.String(), "ada@") {
		t.Error("the log holds what a visitor sent")
	}
	panics := set.Log(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }))
	if w := get(panics, "/x"); w.Code != http.StatusInternalServerError {
		t.Errorf("panic: %d", w.Code)
	}
	if !strings.Contains(log.String(), "page_test.go") {
		t.Errorf("the panic's line has no stack: %s", &log)
	}
}

// A cached page that fails is logged with the id of the request that drew it; an id from outside counts for nothing.
func TestRequestID(t *testing.T) {
	var log strings.Builder
	set := newSet(t, time.Now, &log)
	h := set.Log(set.Cached(func(http.ResponseWriter, *http.Request) error { return errors.New("no") }))
	given := "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}"
	get(h, "/x", "X-Request-Id", given)
	if strings.Contains(log.String(), given) {
		t.Errorf("a stranger named the request: %s", &log)
	}
	ids := map[string]int{}
	for _, found := range regexp.MustCompile(`\bid=(\S+)`).FindAllStringSubmatch(log.String(), -1) {
		ids[found[1]]++
	}
	if len(ids) != 1 || strings.Count(log.String(), " id=") != 2 {
		t.Errorf("want two lines of one id, got %s", &log)
	}
}

func TestVisitorWhoLeaves(t *testing.T) {
	abort := func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) }
	for name, tt := range map[string]struct {
		adapt func(*page.Set, page.Handler) http.HandlerFunc
		h     page.Handler
	}{
		"during a query": {(*page.Set).Handle, func(_ http.ResponseWriter, r *http.Request) error {
			return fmt.Errorf("read list: %w", r.Context().Err())
		}},
		"during a file": {(*page.Set).Handle, func(w http.ResponseWriter, r *http.Request) error {
			_, _ = io.WriteString(w, "half of")
			return abort(w, r)
		}},
		"while a page is drawn": {(*page.Set).Cached, abort},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			set := newSet(t, time.Now, &log)
			ctx, leave := context.WithCancel(t.Context())
			leave()
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/x", nil)
			func() {
				defer func() {
					if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // net/http compares so too
						t.Errorf("panicked with %v", p)
					}
				}()
				set.Log(tt.adapt(set, tt.h)).ServeHTTP(httptest.NewRecorder(), r)
			}()
			if text := log.String(); strings.Contains(text, "ERROR") || strings.Count(text, "status=499") != 1 {
				t.Errorf("logged %s", text)
			}
		})
	}
}

func TestAssets(t *testing.T) {
	set := newSet(t, time.Now, io.Discard)
	css, svg := set.Asset("site.css"), set.Asset("a/mark.svg")
	w := get(http.HandlerFunc(set.ServeAsset), css)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), svg) {
		t.Errorf("%s: %d %s (the sheet does not link %s)", css, w.Code, w.Body, svg)
	}
	if !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Error("a hashed file is not immutable")
	}
	if w := get(http.HandlerFunc(set.ServeAsset), "/static/site.000000000000.css"); w.Code != http.StatusNotFound {
		t.Errorf("an old hash: %d", w.Code)
	}
}

func TestClient(t *testing.T) {
	proxies := page.Proxies{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fe80::/64")}
	for name, tt := range map[string]struct{ remote, forwarded, want string }{
		"direct":                   {"192.0.2.1:5", "", "192.0.2.1"},
		"direct, forged header":    {"192.0.2.1:5", "198.51.100.9", "192.0.2.1"},
		"proxy":                    {"127.0.0.1:5", "198.51.100.9", "198.51.100.9"},
		"proxy, forged first part": {"127.0.0.1:5", "203.0.113.7, 198.51.100.9", "198.51.100.9"},
		"two proxies":              {"127.0.0.1:5", "198.51.100.9, 10.1.1.1", "198.51.100.9"},
		"rubbish":                  {"127.0.0.1:5", "rubbish", "127.0.0.1"},
		"with a port":              {"127.0.0.1:5", "1.2.3.4:5678", "1.2.3.4"},
		"IPv6 with a port":         {"127.0.0.1:5", "[2001:db8::1]:443", "2001:db8::1"},
		"IPv6 in brackets":         {"127.0.0.1:5", "[2001:db8::1]", "2001:db8::1"},
		"IPv6":                     {"127.0.0.1:5", "2001:db8::1", "2001:db8::1"},
		"proxy with a port":        {"127.0.0.1:5", "198.51.100.9:1, 10.1.1.1:2", "198.51.100.9"},
		"proxy in a zone":          {"[fe80::1%eth0]:5", "198.51.100.9", "198.51.100.9"},
		"visitor in a zone":        {"[fe81::1%eth0]:5", "198.51.100.9", "fe81::1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tt.remote
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := proxies.Client(r).String(); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
}

func TestMarkdownIsHarmless(t *testing.T) {
	got := string(page.Markdown("[a](https://example.org) <script>x</script> [b](javascript:x) [c](/in)"))
	for _, bad := range []string{"<script", "javascript:"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q holds %s", got, bad)
		}
	}
	if !strings.Contains(got, `rel="external noopener"`) || !strings.Contains(got, "leaves this site") {
		t.Errorf("%q does not mark the outbound link", got)
	}
}
