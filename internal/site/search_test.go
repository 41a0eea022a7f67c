package site_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

func search(t *testing.T, s bench, q string, more ...string) *goquery.Document {
	t.Helper()
	values := url.Values{"q": {q}}
	if len(more) > 0 {
		values.Set("show", more[0])
	}
	w := ask(s, http.MethodGet, "/search?"+values.Encode(), nil)
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%q: %d %s", q, w.Code, w.Header().Get("Cache-Control"))
	}
	return document(t, w)
}

func hits(doc *goquery.Document) []string {
	var paths []string
	doc.Find("ol.rows a").Each(func(_ int, e *goquery.Selection) { paths = append(paths, e.AttrOr("href", "")) })
	return paths
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := open(t, nil, func(context.Context) ([]content.Document, error) {
		return []content.Document{
			{Path: "/news/zeppelin", Kind: "news", Title: "Zeppelin bolts", Summary: "Repaired", Body: "Bolts < 5 & nuts were repaired.", Updated: today},
			{Path: "/downloads/nuts", Kind: "download", Title: "Catalogue", Body: "zeppelin zeppelin nothing"},
		}, nil
	})
	for q, want := range map[string][]string{
		"zeppelin":             {"/news/zeppelin", "/downloads/nuts"}, // the title counts for more
		"ZEPPELIN repairing":   {"/news/zeppelin"},
		`"zeppelin nothing"`:   {"/downloads/nuts"},
		"zeppelin -catalogue":  {"/news/zeppelin"},
		"zeppel":               {"/news/zeppelin", "/downloads/nuts"}, // begins alike
		"xyzzyplugh":           nil,
		"the":                  nil,
		"'); SELECT xyzzy; --": nil,
		"& | ! ( :*":           nil,
	} {
		doc := search(t, s, q)
		if diff := cmp.Diff(hits(doc), want); diff != "" {
			t.Errorf("%q (-got +want):\n%s", q, diff)
		}
	}
	if w := ask(s, http.MethodGet, "/search?q=%00%ff%1f", nil); w.Code != http.StatusOK {
		t.Errorf("bytes that are no text: %d", w.Code)
	}
	doc := search(t, s, "bolts")
	snippet, err := doc.Find("a[href='/news/zeppelin']").Closest("li").Find("p:has(mark)").Html()
	if err != nil || snippet != "Repaired <mark>Bolts</mark> &lt; 5 &amp; nuts were repaired" {
		t.Errorf("snippet %q %v", snippet, err)
	}
	if doc.Find("meta[name=robots][content=noindex]").Length() != 1 {
		t.Error("results may be indexed")
	}
	if n := search(t, s, "xyzzyplugh").Find("main a[href^='/products/']").Length(); n < 5 {
		t.Errorf("nothing found, and %d suggestions", n)
	}
	if got := search(t, s, `"><script>alert(1)</script>`).Find("script:not([src]):not([type])").Length(); got != 0 {
		t.Error("the question became script")
	}
	if got := hits(search(t, s, "spare parts")); len(got) == 0 {
		t.Error("no written page speaks of spare parts")
	}
}

func TestSearchShowsMore(t *testing.T) {
	t.Parallel()
	s := open(t, nil, func(context.Context) ([]content.Document, error) {
		var docs []content.Document
		for n := range 60 {
			docs = append(docs, content.Document{Path: "/news/" + strings.Repeat("n", n+1), Kind: "news", Title: "Zeppelin"})
		}
		return docs, nil
	})
	first := search(t, s, "zeppelin")
	if n := len(hits(first)); n != 15 {
		t.Errorf("first %d", n)
	}
	if first.Find("a[href='/search?q=zeppelin&show=all']").Length() != 1 {
		t.Error("no way to more")
	}
	all := search(t, s, "zeppelin", "all")
	if n := len(hits(all)); n != 50 {
		t.Errorf("all: %d", n)
	}
	if all.Find("a[href*='show=all']").Length() != 0 {
		t.Error("still more")
	}
}

func TestIndexFollowsItsSources(t *testing.T) {
	t.Parallel()
	docs := []content.Document{
		{Path: "/news/one", Kind: "news", Title: "Zeppelin one", Updated: today},
		{Path: "/news/two", Kind: "news", Title: "Zeppelin two", Updated: today.AddDate(0, 0, 1)},
		{Path: "/about", Kind: "news", Title: "Zeppelin in place of a page"},
	}
	var (
		calls int
		clock atomic.Int64
	)
	clock.Store(today.UnixNano())
	s := openAt(t, func() time.Time { return time.Unix(0, clock.Load()) }, nil,
		func(context.Context) ([]content.Document, error) { calls++; return docs, nil })
	if got, want := hits(search(t, s, "zeppelin")), []string{"/news/one", "/news/two"}; !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v: a row must not take a page's place", got, want)
	}
	latest, err := s.index.Latest(t.Context(), "news", 1)
	if err != nil || len(latest) != 1 || latest[0].Path != "/news/two" || !latest[0].Updated.Equal(today.Add(24*time.Hour)) {
		t.Errorf("latest: %v %v", latest, err)
	}
	docs = docs[:1]
	docs[0].Title = "Airship"
	refresh := func(want int, why string) {
		t.Helper()
		if err := s.index.Refresh(t.Context()); err != nil || calls != want {
			t.Errorf("%s: sources read %d times, want %d; %v", why, calls, want, err)
		}
	}
	refresh(1, "nothing was written")
	if _, err := pgtest.Admin(t, s.pool).Exec(t.Context(), `UPDATE generation SET n = n + 1`); err != nil {
		t.Fatal(err)
	}
	refresh(2, "something was published")
	if got, want := hits(search(t, s, "zeppelin OR airship")), []string{"/news/one"}; !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	clock.Add(int64(11 * time.Minute))
	refresh(3, "a date may have come")
	if err := s.index.Start(t.Context()); err != nil { // as the next binary does
		t.Fatal(err)
	}
	if got := hits(search(t, s, "airship")); len(got) != 1 {
		t.Errorf("the pages took the rows along: %v", got)
	}
}
