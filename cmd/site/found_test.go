package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// TestPrivacyIsFound searches for words of the statement, which lies in the database, and of the pages beside it. Each
// result leads to a page, and where it names a part of one, that part is there.
func TestPrivacyIsFound(t *testing.T) {
	a := newApp(t)
	server := serveApp(t, a)
	if err := a.index.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"processors":                "/privacy#processors",
		"published version":         "/privacy/versions",
		"commitment software check": "/privacy/promises",
		"keep your résumé on file":  "/privacy/inventory",
		"erase my data":             "/privacy/requests",
		"apply for an alliance":     "/alliances/apply",
	} {
		page := getPage(t, server, "/search?q="+url.QueryEscape(query))
		if page.Find(`ol.rows a[href="`+want+`"]`).Length() != 1 {
			t.Errorf("%q does not lead to %s, but to %v", query, want, results(page))
		}
		for _, path := range results(page) {
			if _, part, ok := strings.Cut(path, "#"); ok && getPage(t, server, path).Find("#"+part).Length() != 1 {
				t.Errorf("%s is no part of its page", path)
			}
		}
	}
}

// TestSitemapKnowsTheFooter holds that what every page leads to is in the sitemap, and each form that needs no subject.
func TestSitemapKnowsTheFooter(t *testing.T) {
	a := newApp(t)
	server := serveApp(t, a)
	if err := a.index.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(server.URL + "/sitemap.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"/alliances/apply", "/careers/apply", "/connect/request", "/privacy/requests", "/privacy/versions/2006-12-05"}
	getPage(t, server, "/").Find("body > footer a[href^='/']").Each(func(_ int, s *goquery.Selection) {
		if path := s.AttrOr("href", ""); !strings.Contains(path, "#") {
			paths = append(paths, path)
		}
	})
	for _, path := range paths {
		if n := strings.Count(string(raw), "<loc>"+a.pages.URL(path)+"</loc>"); n != 1 {
			t.Errorf("%s stands in the sitemap %d times", path, n)
		}
	}
	if len(paths) < 15 || strings.Contains(string(raw), "#") {
		t.Errorf("%d addresses compared; parts of pages listed: %t", len(paths), strings.Contains(string(raw), "#"))
	}
}

func getPage(t *testing.T, server *httptest.Server, path string) *goquery.Document {
	t.Helper()
	resp, err := http.Get(server.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d", path, resp.StatusCode)
	}
	return parsed(t, resp)
}

// results are the addresses to which a page of results leads.
func results(doc *goquery.Document) []string {
	var paths []string
	doc.Find("ol.rows a").Each(func(_ int, s *goquery.Selection) { paths = append(paths, s.AttrOr("href", "")) })
	return paths
}
