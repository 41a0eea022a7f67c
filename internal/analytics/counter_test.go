package analytics

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
)

const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

// housed is a small site whose views are counted as cmd/site has them counted.
func housed(c *counter) http.Handler {
	r := chi.NewRouter()
	r.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			c.view(r, w.Header())
		})
	})
	as := func(kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-None-Match") != "" {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			w.Header().Set("Content-Type", kind)
		}
	}
	const html = "text/html; charset=utf-8"
	for _, path := range []string{
		"/", "/products/{slug}", "/search", "/contact", "/r/{token}", "/connect", "/connect/devices", "/connections", "/staff", "/staff/visits",
		"/r/{token}/edit/{grant}", "/preferences/confirm/{proof}", "/privacy/changes/{range}",
	} {
		r.Get(path, as(html))
	}
	r.Post("/contact", as(html))
	r.Post("/r/{token}", as(html))
	r.Get("/news.atom", as("application/atom+xml"))
	return r
}

func ask(h http.Handler, path string, headers ...string) {
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	r.Header.Set("User-Agent", browser)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	h.ServeHTTP(httptest.NewRecorder(), r)
}

// words writes cells as "kind value".
func words(counted map[cell]int64) map[string]int64 {
	list := map[string]int64{}
	for k, n := range counted {
		name := string(k.kind) + " " + k.value
		if k.bot {
			name = "bot: " + name
		}
		list[name] += n
	}
	return list
}

func TestWhatIsCounted(t *testing.T) {
	t.Parallel()
	type counts = map[string]int64
	seen := func(more ...string) counts {
		list := counts{"referrer direct": 1}
		for _, name := range more {
			list[name] = 1
		}
		return list
	}
	from := func(host string) counts { return counts{"page /": 1, "referrer " + host: 1} }
	for name, tt := range map[string]struct {
		path    string
		headers []string
		want    counts
	}{
		"a page":                  {"/", nil, seen("page /")},
		"one of many":             {"/products/contracts", nil, seen("page /products/contracts")},
		"seen again":              {"/", []string{"If-None-Match", `"x"`}, seen("page /")},
		"a query is not kept":     {"/search?q=Ada+Lovelace", nil, seen("page /search")},
		"a form":                  {"/contact", nil, seen()},
		"a receipt":               {"/r/abc", nil, counts{}},
		"a receipt's form":        {"/r/abc/edit/def", nil, counts{}},
		"the portal":              {"/connect", nil, counts{}},
		"within the portal":       {"/connect/devices", nil, counts{}},
		"only begins so":          {"/connections", nil, seen("page /connections")},
		"the workspace":           {"/staff/visits", nil, counts{}},
		"a feed":                  {"/news.atom", nil, counts{}},
		"a feed seen again":       {"/news.atom", []string{"If-None-Match", `"x"`}, counts{}},
		"no such page":            {"/none/such", nil, counts{}},
		"GPC":                     {"/", []string{"Sec-GPC", "1"}, counts{}},
		"DNT":                     {"/", []string{"DNT", "1"}, counts{}},
		"DNT off":                 {"/", []string{"DNT", "0"}, seen("page /")},
		"prefetched":              {"/", []string{"Sec-Purpose", "prefetch;prerender"}, counts{}},
		"pressed here":            {"/", []string{"Sec-Purpose", "prefetch", "Sec-Fetch-Site", "same-origin"}, seen("page /")},
		"prefetched elsewhere":    {"/", []string{"Sec-Purpose", "prefetch", "Sec-Fetch-Site", "cross-site"}, counts{}},
		"from a site":             {"/", []string{"Referer", "https://News.Example.com:8443/a/b?c=d#e"}, from("news.example.com")},
		"www":                     {"/", []string{"Referer", "https://www.example.com/"}, from("example.com")},
		"from ourselves":          {"/", []string{"Referer", "https://www.clickcommerce.com/products"}, from("direct")},
		"from a number":           {"/", []string{"Referer", "http://203.0.113.9/"}, from("other")},
		"from a number of 128":    {"/", []string{"Referer", "http://[2001:db8::1]/"}, from("other")},
		"from inside a house":     {"/", []string{"Referer", "http://intranet/"}, from("other")},
		"from an app":             {"/", []string{"Referer", "android-app://com.example"}, from("other")},
		"from nonsense":           {"/", []string{"Referer", "https://exa mple.com/%zz"}, from("other")},
		"from a name with markup": {"/", []string{"Referer", "https://<b>.example.com/"}, from("other")},
		"a campaign":              {"/?utm_campaign=Spring-Fair-2027&utm_term=x", nil, seen("page /", "campaign spring-fair-2027")},
		"a campaign on a form":    {"/contact?from=channel-weekly", nil, seen("campaign channel-weekly")},
		"a person's number":       {"/?utm_campaign=u-8839201", nil, seen("page /")},
		"accepts all": {
			"/",
			[]string{"Cookie", "choice=all; first_visit=2026-W31.spring-fair"},
			seen("page /", "first_week 2026-W31", "first_campaign spring-fair"),
		},
		"rejects all":    {"/", []string{"Cookie", "choice=none; first_visit=2026-W31.spring-fair"}, seen("page /")},
		"a forged week":  {"/", []string{"Cookie", "choice=all; first_visit=ada@example.com"}, seen("page /")},
		"accepts, GPC":   {"/", []string{"Cookie", "choice=all; first_visit=2026-W31", "Sec-GPC", "1"}, counts{}},
		"a crawler":      {"/", []string{"User-Agent", "Mozilla/5.0 (compatible; Examplebot/2.1; +https://example.com/bot)"}, counts{"bot: page /": 1, "bot: referrer direct": 1}},
		"a tool":         {"/", []string{"User-Agent", "curl/8.5.0"}, counts{"bot: page /": 1, "bot: referrer direct": 1}},
		"without a name": {"/", []string{"User-Agent", ""}, counts{"bot: page /": 1, "bot: referrer direct": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCounter(time.Now, "https://clickcommerce.com")
			ask(housed(c), tt.path, tt.headers...)
			if diff := cmp.Diff(words(c.empty()), tt.want); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestDays holds that a day is one of the company's seat, also where the clock is moved on.
func TestDays(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 4, 59, 59, 0, time.UTC) // the night in which summer time ends
	c := newCounter(func() time.Time { return now }, "")
	h := housed(c)
	got := []string{}
	for _, step := range []time.Duration{0, time.Second, 24 * time.Hour, time.Hour, 23 * time.Hour} {
		now = now.Add(step)
		ask(h, "/")
		for k := range c.empty() {
			if k.kind == byPage {
				got = append(got, k.day.date().Format(time.DateOnly))
			}
		}
	}
	want := []string{"2026-10-31", "2026-11-01", "2026-11-01", "2026-11-02", "2026-11-02"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
}

// TestNamesOfStrangers holds that invented names don't fill the memory.
func TestNamesOfStrangers(t *testing.T) {
	t.Parallel()
	c := newCounter(time.Now, "")
	h := housed(c)
	ask(h, "/", "Referer", "https://known.example.com/")
	const many = 3 * held
	for i := range many {
		ask(h, fmt.Sprintf("/products/x%d", i), "Referer", fmt.Sprintf("https://host%d.example.com/", i))
	}
	ask(h, "/", "Referer", "https://known.example.com/")
	if n := len(c.places); n > maxPlaces {
		t.Errorf("%d places are remembered", n)
	}
	counted := c.empty()
	if n := len(counted); n > 2*(held+1) {
		t.Errorf("%d cells are held", n)
	}
	got := words(counted)
	want := map[string]int64{"referrer known.example.com": 2, "referrer other": many - held + 1, "page /": 2, "page other": many - held + 1}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s: got %d, want %d", name, got[name], n)
		}
	}
}

// TestTokensAreNotRemembered holds that what is known to one person alone stays in no memory of the counter.
func TestTokensAreNotRemembered(t *testing.T) {
	t.Parallel()
	c := newCounter(time.Now, "")
	h := housed(c)
	for _, path := range []string{"/r/secret", "/preferences/confirm/secret", "/connect/devices", "/staff/visits"} {
		ask(h, path)
	}
	if len(c.places) != 0 {
		t.Errorf("remembered: %v", c.places)
	}
}

func TestCountingAtOnce(t *testing.T) {
	t.Parallel()
	c := newCounter(time.Now, "")
	h := housed(c)
	var (
		group sync.WaitGroup
		sum   = map[cell]int64{}
	)
	for range 8 {
		group.Go(func() {
			for range 500 {
				ask(h, "/")
			}
		})
	}
	for range 20 {
		for k, n := range c.empty() {
			sum[k] += n
		}
	}
	group.Wait()
	for k, n := range c.empty() {
		sum[k] += n
	}
	if diff := cmp.Diff(words(sum), map[string]int64{"page /": 4000, "referrer direct": 4000}); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkView(b *testing.B) {
	c := newCounter(time.Now, "https://clickcommerce.com")
	h := housed(c)
	ask(h, "/products/contracts", "Referer", "https://clickcommerce.com/products")

	req := httptest.NewRequest(http.MethodGet, "/products/contracts", http.NoBody)
	req.Header.Set("User-Agent", browser)
	req.Header.Set("Referer", "https://clickcommerce.com/products")
	answer := http.Header{"Content-Type": {"text/html"}}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.view(req, answer)
		}
	})
}
