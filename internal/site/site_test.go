package site_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jba/templatecheck"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/site"
	"clickcommerce.com/site/web"
)

const publicURL = "https://example.test"

var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func now() time.Time { return today }

type bench struct {
	http.Handler
	pool  *pgxpool.Pool
	set   *page.Set
	index *site.Index
	pages *content.Content
}

// open serves the real pages from a real database.
func open(t testing.TB, change func(*site.Config), sources ...content.Source) bench {
	t.Helper()
	return openAt(t, now, change, sources...)
}

func openAt(t testing.TB, now func() time.Time, change func(*site.Config), sources ...content.Source) bench {
	t.Helper()
	identity, err := page.LoadSite(web.FS)
	if err != nil {
		t.Fatal(err)
	}
	set, err := page.New(page.Config{
		Web: web.FS, PublicURL: publicURL, Site: identity, Now: now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := content.Load(web.FS)
	if err != nil {
		t.Fatal(err)
	}
	pool := pgtest.New(t)
	index := site.NewIndex(pool, now, pages, sources...)
	if err := index.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := index.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := site.Config{
		Set: set, Content: pages, Index: index, Now: now, Log: slog.New(slog.DiscardHandler),
		Ready: func(context.Context) error { return nil },
	}
	if change != nil {
		change(&cfg)
	}
	return bench{site.Router(cfg), pool, set, index, pages}
}

func ask(h http.Handler, method, path string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, body)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func document(t *testing.T, w *httptest.ResponseRecorder) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestEveryWrittenPage(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	titles, descriptions := map[string]string{}, map[string]string{}
	for _, p := range s.pages.Pages() {
		w := ask(s, http.MethodGet, p.Path, nil)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", p.Path, w.Code)
			continue
		}
		if strings.Contains(w.Body.String(), "ZgotmplZ") {
			t.Errorf("%s: something was refused by the template", p.Path)
		}
		doc := document(t, w)
		if n := doc.Find("h1").Length(); n != 1 {
			t.Errorf("%s: %d first headings", p.Path, n)
		}
		title, description := doc.Find("title").Text(), doc.Find("meta[name=description]").AttrOr("content", "")
		if other := titles[title]; other != "" || title == "" {
			t.Errorf("%s and %s share the title %q", p.Path, other, title)
		}
		if other := descriptions[description]; other != "" || description == "" {
			t.Errorf("%s and %s share the description %q", p.Path, other, description)
		}
		titles[title], descriptions[description] = p.Path, p.Path
		canonical := doc.Find("link[rel=canonical]").AttrOr("href", "")
		if want := publicURL + p.Path; canonical != want && p.Path != "/search" {
			t.Errorf("%s: canonical %q, want %q", p.Path, canonical, want)
		}
		seen := map[string]bool{}
		doc.Find("[id]").Each(func(_ int, e *goquery.Selection) {
			if id := e.AttrOr("id", ""); seen[id] {
				t.Errorf("%s: two elements with id %q", p.Path, id)
			}
			seen[e.AttrOr("id", "")] = true
		})
		doc.Find("[style], [onclick], style, script:not([src]):not([type='application/ld+json'])").Each(func(_ int, e *goquery.Selection) {
			t.Errorf("%s: inline style or script in %s", p.Path, goquery.NodeName(e))
		})
		doc.Find("img, link, script").Each(func(_ int, e *goquery.Selection) {
			for _, name := range []string{"src", "href"} {
				at := e.AttrOr(name, "")
				if strings.HasPrefix(at, "/static/") && ask(s, http.MethodGet, at, nil).Code != http.StatusOK {
					t.Errorf("%s: %s is missing", p.Path, at)
				}
			}
		})
	}
}

func TestStructuredData(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	for path, want := range map[string][]string{
		"/":                            {"Organization"},
		"/about":                       {"BreadcrumbList"},
		"/products/contract-authoring": {"BreadcrumbList"},
	} {
		var got []string
		document(t, ask(s, http.MethodGet, path, nil)).Find("script[type='application/ld+json']").Each(func(_ int, e *goquery.Selection) {
			var doc struct {
				Context string `json:"@context"`
				Type    string `json:"@type"`
			}
			if err := json.Unmarshal([]byte(e.Text()), &doc); err != nil || doc.Context != "https://schema.org" {
				t.Errorf("%s: %v in %s", path, err, e.Text())
			}
			got = append(got, doc.Type)
		})
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", path, diff)
		}
	}
}

func TestTemplates(t *testing.T) {
	s := open(t, nil)
	s.set.Each(func(name string, tmpl *template.Template, data any) {
		if err := templatecheck.CheckHTML(tmpl, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	s := open(t, func(cfg *site.Config) {
		cfg.Rooms = []func(chi.Router){func(r chi.Router) {
			r.Post("/contact", func(http.ResponseWriter, *http.Request) {})
			r.Get("/webinars", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the room's") })
			r.Post("/unsubscribe/{token}", func(http.ResponseWriter, *http.Request) {})
			r.Get("/connect/sign-in", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "sign in") })
		}}
	})
	for _, tt := range []struct {
		method, path string
		status       int
		location     string
		body         string
	}{
		{"GET", "/webinars", 200, "", "the room's"},
		{"GET", "/contact", 200, "", "<h1>"},
		{"HEAD", "/about", 200, "", ""},
		{"GET", "/connect/sign-in", 200, "", "sign in"},
		{"GET", "/connect/nowhere", 404, "", "no page at this address"},
		{"GET", "/products/", 301, "/products", ""},
		{"GET", "/products/contracts/?a=b", 301, "/products/contracts?a=b", ""},
		{"GET", "//about", 301, "/about", ""},
		{"GET", "//evil.example/", 404, "", "no page"},
		{"GET", "/products/nothing", 404, "", "no page at this address"},
		{"GET", "/products/%00", 404, "", "no page at this address"},
		{"GET", "/products/%ff", 404, "", "no page at this address"},
		{"GET", "/search?q=M%FCller%00", 200, "", "M�ller�"},
		{"GET", "/industries/nothing", 404, "", "no page at this address"},
		{"GET", "/static/nothing.css", 404, "", ""},
		{"GET", "/content/about.md", 404, "", ""},
		{"POST", "/about", 405, "", "does not take"},
		{"PUT", "/contact", 405, "", "does not take"},
		{"GET", "/favicon.ico", 302, s.set.Asset("icon-32.png"), ""},
		{"GET", "/healthz", 200, "", "ok"},
		{"GET", "/readyz", 200, "", "ok"},
	} {
		w := ask(s, tt.method, tt.path, nil)
		if w.Code != tt.status || w.Header().Get("Location") != tt.location || !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("%s %s: %d to %q, want %d to %q; body %.80q", tt.method, tt.path, w.Code, w.Header().Get("Location"), tt.status, tt.location, w.Body)
		}
	}
	if got := ask(s, http.MethodPut, "/contact", nil).Header().Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("Allow: %q", got)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	want := map[string]string{
		"Content-Security-Policy": "default-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'",
		"Referrer-Policy":         "same-origin", "X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin",
		"Strict-Transport-Security": "max-age=31536000",
	}
	for _, path := range []string{"/", "/nowhere", "/search?q=parts", "/static/nothing", s.set.Asset("site.css"), "/robots.txt"} {
		h := ask(s, http.MethodGet, path, nil).Header()
		for name, value := range want {
			if got := h.Get(name); got != value {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if !strings.Contains(h.Get("Permissions-Policy"), "geolocation=()") {
			t.Errorf("%s: no Permissions-Policy", path)
		}
		if h.Get("Set-Cookie") != "" {
			t.Errorf("%s sets a cookie", path)
		}
	}
}

func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	s := open(t, func(cfg *site.Config) {
		cfg.Rooms = []func(chi.Router){func(r chi.Router) {
			done := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
			r.Post("/contact", done)
			r.Post("/unsubscribe/{token}", done)
		}}
	})
	for name, tt := range map[string]struct {
		path   string
		header []string
		want   int
	}{
		"our page":                     {"/contact", []string{"Sec-Fetch-Site", "same-origin"}, 204},
		"no browser":                   {"/contact", nil, 204},
		"our page, proxy changed host": {"/contact", []string{"Sec-Fetch-Site", "cross-site", "Origin", publicURL}, 204},
		"another site":                 {"/contact", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		"a sister site":                {"/contact", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://shop.example.test"}, 403},
		"an old browser":               {"/contact", []string{"Origin", "https://evil.example"}, 403},
		"one-click unsubscribe":        {"/unsubscribe/abc", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://mail.example"}, 204},
	} {
		w := ask(s, http.MethodPost, tt.path, strings.NewReader("a=b"), tt.header...)
		if w.Code != tt.want {
			t.Errorf("%s: %d, want %d", name, w.Code, tt.want)
		}
		if tt.want == 403 && !strings.Contains(w.Body.String(), "page of another site") {
			t.Errorf("%s: no error page: %.100q", name, w.Body)
		}
	}
}

func TestBodyBound(t *testing.T) {
	t.Parallel()
	s := open(t, func(cfg *site.Config) {
		cfg.MaxBody = 1000
		cfg.Rooms = []func(chi.Router){func(r chi.Router) {
			r.Post("/read", cfg.Set.Handle(func(w http.ResponseWriter, r *http.Request) error {
				if _, err := io.ReadAll(r.Body); err != nil {
					return fmt.Errorf("read the form: %w", err)
				}
				return nil
			}))
		}}
	})
	// The length is known for the first and third, not for the others.
	for name, tt := range map[string]struct {
		body io.Reader
		want int
	}{
		"announced":   {strings.NewReader(strings.Repeat("x", 1001)), 413},
		"unannounced": {io.MultiReader(strings.NewReader(strings.Repeat("x", 1001))), 413},
		"just fits":   {strings.NewReader(strings.Repeat("x", 1000)), 200},
		"streamed":    {io.MultiReader(strings.NewReader(strings.Repeat("x", 1000))), 200},
		"empty":       {nil, 200},
	} {
		w := ask(s, http.MethodPost, "/read", tt.body)
		if w.Code != tt.want || (tt.want == 413) != strings.Contains(w.Body.String(), "smaller file") {
			t.Errorf("%s: %d %.100q", name, w.Code, w.Body)
		}
	}
}

// TestFormsBeyondTheBoundAreRead sends more than the limit by a real connection: the page gets what comes before it, or
// all where files may be in it, and the sender gets the page.
func TestFormsBeyondTheBoundAreRead(t *testing.T) {
	t.Parallel()
	s := open(t, func(cfg *site.Config) {
		cfg.MaxBody = 1000
		cfg.Rooms = []func(chi.Router){func(r chi.Router) {
			r.Post("/read", func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				var large *http.MaxBytesError
				fmt.Fprintf(w, "kept %d, cut %t", len(body), errors.As(err, &large))
			})
		}}
	})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	for kind, want := range map[string]string{
		"application/x-www-form-urlencoded": "kept 1000, cut true",
		"multipart/form-data; boundary=x":   "kept 20971520, cut false",
	} {
		res, err := server.Client().Post(server.URL+"/read", kind, strings.NewReader(strings.Repeat("x", 20<<20)))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || string(body) != want {
			t.Errorf("%s: %.100q, %v", kind, body, err)
		}
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	s := open(t, func(cfg *site.Config) {
		cfg.Ready = func(context.Context) error { return errors.New("schema 3, want 4") }
	})
	w := ask(s, http.MethodGet, "/readyz", nil)
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "schema") {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if w := ask(s, http.MethodGet, "/healthz", nil); w.Code != http.StatusOK {
		t.Errorf("healthz: %d", w.Code)
	}
}

func TestWellKnown(t *testing.T) {
	t.Parallel()
	s := open(t, nil, func(context.Context) ([]content.Document, error) {
		return []content.Document{{Path: "/news/a&b", Kind: "news", Title: "A & B", Updated: today.AddDate(0, 0, -2)}}, nil
	})
	var sitemap struct {
		XMLName xml.Name `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
		URLs    []struct {
			Loc     string `xml:"loc"`
			LastMod string `xml:"lastmod"`
		} `xml:"url"`
	}
	w := ask(s, http.MethodGet, "/sitemap.xml", nil)
	if err := xml.Unmarshal(w.Body.Bytes(), &sitemap); err != nil || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/xml") {
		t.Fatalf("sitemap: %v, %s", err, w.Header().Get("Content-Type"))
	}
	dates := map[string]string{}
	for _, u := range sitemap.URLs {
		dates[u.Loc] = u.LastMod
	}
	if len(dates) != len(s.pages.Pages()) { // one more from the source, the search page less
		t.Errorf("%d addresses, want %d", len(dates), len(s.pages.Pages()))
	}
	if got := dates[publicURL+"/news/a&b"]; got != "2026-11-21" {
		t.Errorf("lastmod %q", got)
	}
	if _, ok := dates[publicURL+"/search"]; ok {
		t.Error("the search is in the sitemap")
	}
	for path, want := range map[string][]string{
		"/robots.txt": {"User-agent: *\n", "Disallow: /staff\n", "Disallow: /r/\n", "\nSitemap: https://example.test/sitemap.xml\n"},
		"/.well-known/security.txt": {
			"Contact: mailto:", "Expires: 2027-05-23T00:00:00Z\n", "Preferred-Languages: en\n",
			"Canonical: https://example.test/.well-known/security.txt\n", "Policy: https://example.test/terms\n",
		},
		"/.well-known/gpc.json": {`{"gpc":true,"lastUpdate":"`},
	} {
		got := ask(s, http.MethodGet, path, nil).Body.String()
		for _, line := range want {
			if !strings.Contains(got, line) {
				t.Errorf("%s lacks %q:\n%s", path, line, got)
			}
		}
	}
}

// Every product page shows its product once, and is composed otherwise than the page before it; that of a family otherwise
// than those of all other families.
func TestProductPages(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	before, screens, families := "", map[string]string{}, map[string]string{}
	for _, family := range s.pages.Under("/products") {
		for _, p := range append([]content.Page{family}, s.pages.Modules(family.Path)...) {
			main := document(t, ask(s, http.MethodGet, p.Path, nil)).Find("main")
			for _, once := range []string{".screen", ".facts:not(.screen *)", ".steps"} {
				if n := main.Find(once).Length(); n != 1 {
					t.Errorf("%s: %d of %s", p.Path, n, once)
				}
			}
			shown := main.Find(".screen").Text()
			if other, ok := screens[shown]; ok {
				t.Errorf("%s shows what %s shows", p.Path, other)
			}
			screens[shown] = p.Path
			if !strings.Contains(main.Find("figcaption").Text(), "Example data") {
				t.Errorf("%s does not say that its data are an example", p.Path)
			}
			drawn := ".screen, .steps, .facts:not(.screen *)"
			parts := main.Find("h2, " + drawn).Map(placed)
			if p.Path == family.Path {
				outline := strings.Join(main.Find(drawn).Map(placed), ", ")
				if other, ok := families[outline]; ok {
					t.Errorf("%s is composed as %s: %s", p.Path, other, outline)
				}
				families[outline] = p.Path
			}
			if composed := strings.Join(parts, " "); composed == before {
				t.Errorf("%s is composed as the page before it: %s", p.Path, composed)
			} else {
				before = composed
			}
		}
	}
}

// placed is a part of a page, and where on the page's grid it stands.
func placed(_ int, e *goquery.Selection) string {
	if goquery.NodeName(e) == "h2" {
		return "heading"
	}
	return e.AttrOr("class", "") + " in " + e.Closest(".section, .wrap").AttrOr("class", "")
}

// Every page ends in words of its own: none with a heading or a sentence that ends another.
func TestEndsOfPages(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	ends, n := map[string]string{}, 0
	for _, p := range s.pages.Pages() {
		if p.Next == "" && p.Onward == "" && len(p.Related) == 0 {
			continue
		}
		n++
		if len(p.Related) > 0 && p.Next == "" {
			t.Errorf("%s: the pages to go on with have no heading", p.Path)
		}
		for _, words := range []string{p.Next, string(p.Onward)} {
			if other, ok := ends[words]; ok && words != "" {
				t.Errorf("%s ends as %s does: %s", p.Path, other, words)
			}
			ends[words] = p.Path
		}
		if p.Onward != "" && !strings.Contains(string(p.Onward), `<a href="/`) {
			t.Errorf("%s ends in a sentence that leads nowhere", p.Path)
		}
	}
	if n < 30 {
		t.Errorf("only %d pages say where to go on", n)
	}
	for _, path := range []string{"/products/service-parts", "/industries/life-sciences", "/terms", "/about"} {
		if got := document(t, ask(s, http.MethodGet, path, nil)).Find("main .onward, main #next").Length(); got == 0 {
			t.Errorf("%s does not say where to go on", path)
		}
	}
}
