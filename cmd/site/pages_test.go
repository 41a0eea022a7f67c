package main

import (
	"bytes"
	"context"
	"encoding/json"
	"html/template"
	"image"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/jba/templatecheck"

	"clickcommerce.com/site/web"
)

// TestTemplates holds each page against the struct that it is drawn from: a misspelt field fails here, also in branches
// that no test visits.
func TestTemplates(t *testing.T) {
	a := newApp(t)
	n := 0
	a.pages.Each(func(name string, tmpl *template.Template, data any) {
		n++
		if err := templatecheck.CheckHTML(tmpl, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	if n < 10 {
		t.Errorf("only %d pages are loaded", n)
	}
}

func TestMailTemplates(t *testing.T) {
	if err := newApp(t).mail.Compare(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestCrawl follows every link of the public site: each leads to a page with one heading and a title of its own, and
// nothing was escaped twice or wrongly.
func TestCrawl(t *testing.T) {
	a := newApp(t)
	loadDemo(t, a)
	server := serveApp(t, a)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	seen, titles := map[string]bool{"/": true}, map[string]string{}
	for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
		address := queue[0]
		resp, err := client.Get(server.URL + address)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode >= 300 && resp.StatusCode < 400 { // a page behind a sign-in
			resp.Body.Close()
			continue
		}
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", address, resp.StatusCode)
		}
		if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
			resp.Body.Close()
			continue
		}
		doc, err := goquery.NewDocumentFromReader(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		checkPage(t, address, doc, titles)
		checkShared(t, address, doc)
		for _, link := range links(doc) {
			if !seen[link] {
				seen[link] = true
				queue = append(queue, link)
			}
		}
	}
	if len(titles) < 30 {
		t.Errorf("only %d pages were found", len(titles))
	}
	t.Logf("%d addresses, %d pages", len(seen), len(titles))
}

// checkShared holds a page against what others make of it where a link to it is shared: a picture of the size that it
// says, told in words, and its own where it is a product, an industry or a section of the site.
func checkShared(t *testing.T, address string, doc *goquery.Document) {
	t.Helper()
	said := func(name string) string {
		return doc.Find(`meta[property="`+name+`"], meta[name="`+name+`"]`).AttrOr("content", "")
	}
	file, here := strings.CutPrefix(said("og:image"), "http://site.test/static/social/")
	name, kind := path.Dir(file)+"/"+strings.SplitN(path.Base(file), ".", 2)[0], path.Ext(file)
	name = strings.TrimPrefix(name, "./")
	shot, err := fs.ReadFile(web.FS, "static/social/"+name+kind)
	if err != nil || !here {
		t.Errorf("%s: the picture %q: %v", address, said("og:image"), err)
		return
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(shot))
	if err != nil || size.Width != 1200 || size.Height != 630 || said("og:image:width") != "1200" || said("og:image:height") != "630" {
		t.Errorf("%s: the picture is %d by %d: %v", address, size.Width, size.Height, err)
	}
	if said("og:image:alt") == "" || said("twitter:card") != "summary_large_image" {
		t.Errorf("%s does not say in words what its picture shows, or how large to show it", address)
	}
	if ownPicture.MatchString(address) && "/"+name != address {
		t.Errorf("%s shows the picture of /%s", address, name)
	}
}

// ownPicture matches the pages that have a picture of their own.
var ownPicture = regexp.MustCompile(`^/(products|industries)(/[^/?]+)?$|^/(about|alliances|careers|connect|contact|cookies|demos|downloads|news|newsletter|privacy|surveys|webinars)$`)

func checkPage(t *testing.T, address string, doc *goquery.Document, titles map[string]string) {
	t.Helper()
	if n := doc.Find("h1").Length(); n != 1 {
		t.Errorf("%s: %d headings of the first level", address, n)
	}
	title := doc.Find("title").First().Text()
	if other, taken := titles[title]; taken && !strings.Contains(address, "?") {
		t.Errorf("%s and %s share the title %q", address, other, title)
	}
	titles[title] = address
	doc.Find(`script[type="application/ld+json"]`).Each(func(_ int, s *goquery.Selection) {
		if !json.Valid([]byte(s.Text())) {
			t.Errorf("%s: its structured data is no JSON", address)
		}
	})
	doc.Find("script").Remove()
	text := doc.Text()
	for _, bad := range []string{"ZgotmplZ", "{{", "}}", "&lt;", "&amp;", "<no value>", "%!"} {
		if strings.Contains(text, bad) {
			t.Errorf("%s shows %q", address, bad)
		}
	}
	doc.Find("[style], [onclick], style").Each(func(_ int, s *goquery.Selection) {
		t.Errorf("%s: <%s> carries what the policy forbids", address, goquery.NodeName(s))
	})
	doc.Find("[href], [src]").Each(func(_ int, s *goquery.Selection) {
		src := s.AttrOr("src", "")
		if strings.HasPrefix(src, "http") {
			t.Errorf("%s loads %s from elsewhere", address, src)
		}
	})
	ids := map[string]bool{}
	doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
		id := s.AttrOr("id", "")
		if ids[id] {
			t.Errorf("%s: the id %q stands twice", address, id)
		}
		ids[id] = true
	})
	doc.Find(`a[href^="#"]`).Each(func(_ int, s *goquery.Selection) {
		if id := s.AttrOr("href", "#")[1:]; id != "" && !ids[id] {
			t.Errorf("%s: #%s leads nowhere", address, id)
		}
	})
}

// links returns the addresses on this site that a page leads to, files included.
func links(doc *goquery.Document) []string {
	var list []string
	doc.Find("a[href], link[href], img[src], script[src], source[src], track[src]").Each(func(_ int, s *goquery.Selection) {
		raw := s.AttrOr("href", s.AttrOr("src", ""))
		u, err := url.Parse(raw)
		if err != nil || u.Host != "" || u.Scheme != "" || u.Path == "" {
			return
		}
		u.Fragment = ""
		list = append(list, u.String())
	})
	return list
}

func loadDemo(t *testing.T, a *app) {
	t.Helper()
	if err := a.loadDemo(context.Background()); err != nil {
		t.Fatal(err)
	}
}
