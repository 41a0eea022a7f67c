package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// TestVisits asks the whole site, and holds that views of public pages are counted and nothing else is.
func TestVisits(t *testing.T) {
	a := newApp(t)
	site := a.front()
	ask := func(method, path string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, http.NoBody)
		r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		return w
	}
	etag := ask("GET", "/products").Header().Get("Etag")
	if w := ask("GET", "/products", "If-None-Match", etag, "Referer", a.cfg.PublicURL+"/"); w.Code != http.StatusNotModified {
		t.Errorf("asked again: %d", w.Code)
	}
	ask("GET", "/", "Referer", "https://search.example.com/?q=parts", "User-Agent", "examplebot/1")
	ask("GET", "/search?q=Ada+Lovelace&from=spring-fair", "Referer", "https://news.example.com/today")
	ask("GET", "/contact", "Referer", "https://news.example.com/today") // a form
	for _, path := range []string{
		"/news.atom", "/sitemap.xml", "/robots.txt", "/healthz", "/nothing-here", "/products/", "/staff/sign-in", "/staff", "/connect",
		"/connect/sign-in", "/r/none", "/privacy/inventory.json", a.pages.Asset("site.css"),
	} {
		ask("GET", path)
	}
	ask("HEAD", "/products")
	ask("POST", "/contact")
	ask("GET", "/products", "Sec-GPC", "1")
	ask("GET", "/products", "DNT", "1")
	if err := a.visits.CheckSilent(t.Context(), site); err != nil {
		t.Error(err)
	}
	if err := a.visits.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := a.pool.Query(t.Context(), `
		SELECT concat_ws(' ', kind, value, CASE WHEN bot THEN 'program' END, count) FROM analytics.page_count ORDER BY kind, value, bot`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, []string{
		"campaign spring-fair 1",
		"page / program 1", "page /products 2", "page /search 1",
		"referrer direct 2", "referrer news.example.com 2", "referrer search.example.com program 1",
	}); diff != "" {
		t.Error(diff)
	}
}
