package page_test

import (
	"net/http/httptest"
	"testing"

	"clickcommerce.com/site/internal/page"
)

// TestAtom holds a feed to its bytes: readers compare them to tell what is new.
func TestAtom(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	err := page.AtomFeed{
		Lang: "en", Base: "https://a.test/", ID: "urn:uuid:f", Title: "News", Updated: "2026-11-19T15:00:00Z",
		Links:  []page.AtomLink{{Rel: "self", Type: "application/atom+xml", Href: "https://a.test/news.atom"}},
		Author: page.AtomPerson{Name: "Click Commerce, Inc."},
		Entries: []page.AtomEntry{
			{ID: "urn:uuid:1", Title: "One", Content: page.AtomText{Type: "html", HTML: "<p>a</p>"}},
			{ID: "urn:uuid:2", Title: "Two", Summary: "In short.", Author: &page.AtomPerson{Name: "Ada"}},
		},
	}.Write(w)
	if err != nil {
		t.Fatal(err)
	}
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en" xml:base="https://a.test/">
 <id>urn:uuid:f</id>
 <title>News</title>
 <updated>2026-11-19T15:00:00Z</updated>
 <link rel="self" type="application/atom+xml" href="https://a.test/news.atom"></link>
 <author>
  <name>Click Commerce, Inc.</name>
 </author>
 <entry>
  <id>urn:uuid:1</id>
  <title>One</title>
  <published></published>
  <updated></updated>
  <link rel="" type="" href=""></link>
  <content type="html">&lt;p&gt;a&lt;/p&gt;</content>
 </entry>
 <entry>
  <id>urn:uuid:2</id>
  <title>Two</title>
  <published></published>
  <updated></updated>
  <link rel="" type="" href=""></link>
  <author>
   <name>Ada</name>
  </author>
  <summary>In short.</summary>
  <content type=""></content>
 </entry>
</feed>
`
	if got := w.Body.String(); got != want {
		t.Errorf("the feed is\n%s", got)
	}
}
