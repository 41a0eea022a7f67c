package page_test

import (
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/web"
)

// TestViewed holds that only what somebody got to see is told of.
func TestViewed(t *testing.T) {
	t.Parallel()
	var viewed []string
	set, err := page.New(page.Config{
		Web: web.FS, PublicURL: "http://example.test", Site: &page.Site{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Viewed: func(r *http.Request, answer http.Header) {
			viewed = append(viewed, r.URL.Path+" "+answer.Get("Content-Type"))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := set.Log(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(map[string]int{"/seen": 200, "/again": 304, "/moved": 303, "/none": 404, "/broken": 500}[r.URL.Path])
	}))
	for _, path := range []string{"/seen", "/again", "/moved", "/none", "/broken"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, http.NoBody))
	}
	for _, method := range []string{http.MethodHead, http.MethodPost} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/seen", http.NoBody))
	}
	if diff := cmp.Diff(viewed, []string{"/seen text/html", "/again text/html"}); diff != "" {
		t.Error(diff)
	}
}

func TestPicture(t *testing.T) {
	t.Parallel()
	set, err := page.New(page.Config{
		Web: web.FS, PublicURL: "http://example.test", Site: &page.Site{}, Log: slog.New(slog.DiscardHandler),
		Pictures: map[string]page.Picture{"/": {File: "home.png"}, "/news": {File: "news.png"}, "/products/parts": {File: "parts.png"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"/": "home.png", "/about": "home.png", "/news": "news.png", "/news/a/b": "news.png", "/newspaper": "home.png",
		"/products": "home.png", "/products/parts": "parts.png", "/products/parts/x/y/z": "parts.png", "": "home.png", strings.Repeat("/", 1<<20): "home.png",
	} {
		if got := set.Picture(address).File; got != want {
			t.Errorf("%.40s: got %q, want %q", address, got, want)
		}
	}
	if got := set.PictureURL("/news/a"); got != "http://example.test/static/news.png" {
		t.Errorf("got %q", got)
	}
}

// TestViewHoldsWhatItCalls holds that drawing a page costs the memory of its own parts and not that of every partial.
func TestViewHoldsWhatItCalls(t *testing.T) {
	t.Parallel()
	set, err := page.New(page.Config{
		Web: web.FS, PublicURL: "http://example.test", Site: &page.Site{}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	page.Load[struct{ page.Base }](set, "alliance/apply")
	calls := map[string][]string{"site/error": {"head"}, "site/staff_error": {"head"}, "alliance/apply": {"head", "form", "field"}}
	set.Each(func(name string, tmpl *template.Template, _ any) {
		for _, part := range []string{"head", "form", "field"} {
			if got, want := tmpl.Lookup(part) != nil, slices.Contains(calls[name], part); got != want {
				t.Errorf("%s holds the part %s: %v, want %v", name, part, got, want)
			}
		}
	})
}

func TestWhole(t *testing.T) {
	t.Parallel()
	for heading, want := range map[string]template.HTML{
		"About A & B":   `About <span class="whole">A &amp; B</span>`,
		"A & B or <b>":  `<span class="whole">A &amp; B</span> or &lt;b&gt;`,
		"Nothing of it": "Nothing of it",
	} {
		if got := page.Whole("A & B", heading); got != want {
			t.Errorf("%s: got %q, want %q", heading, got, want)
		}
	}
	if got := page.Whole("", "a < b"); got != "a &lt; b" {
		t.Errorf("without a name: got %q", got)
	}
}

func TestSilent(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"Sec-GPC": true, "DNT": true, "sec-gpc": true, "X-Other": false} {
		for _, value := range []string{"1", "0", ""} {
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.Header.Set(name, value)
			if got := page.Silent(r); got != (want && value == "1") {
				t.Errorf("%s: %q: %v", name, value, got)
			}
		}
	}
}

func TestCampaignOf(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"":                                  "",
		"utm_campaign=Spring-Fair-2027":     "spring-fair-2027",
		"from=channel-weekly":               "channel-weekly",
		"utm_source=a&utm_campaign=b":       "b",
		"utm_source=journal&utm_campaign=7": "journal",
		"utm_campaign=ada%40example.com":    "",
		"utm_campaign=u-8839201":            "",
		"utm_campaign=%3Cscript%3E":         "",
		"utm_term=shoes":                    "",
		"utm_campaign=abcdefghijklmnopqrstuvwxyzabcdefghijk": "",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := page.CampaignOf(values); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
}
