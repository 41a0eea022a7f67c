package news

import (
	"time"

	"clickcommerce.com/site/internal/page"
)

// feedID names the feed for ever, wherever it is served (RFC 4287, 4.2.6).
const feedID = "urn:uuid:5f0c2a34-6f3e-4a0e-9a53-0d6b1c5f7e21"

// feed is the items in full, newest first.
func (r *Room) feed(items []item) page.AtomFeed {
	set := r.desk.Pages
	site := set.Site()
	f := page.AtomFeed{
		Lang: "en", Base: set.URL("/"), ID: feedID, Title: "News of " + site.Name, Subtitle: r.intro.Summary,
		Author: page.AtomPerson{Name: site.LegalName, URI: set.URL("/")}, Rights: "© " + site.LegalName,
		Links: []page.AtomLink{
			{Rel: "self", Type: "application/atom+xml", Href: set.URL("/news.atom")},
			{Rel: "alternate", Type: "text/html", Href: set.URL("/news")},
		},
	}
	newest := time.Unix(0, 0) // of a feed without items: an instant that never changes
	for _, it := range items {
		changed := it.changed()
		if changed.After(newest) {
			newest = changed
		}
		f.Entries = append(f.Entries, page.AtomEntry{
			ID: it.ID.URN(), Title: it.Title, Summary: it.Summary, Published: page.AtomInstant(it.At()), Updated: page.AtomInstant(changed),
			Link:    page.AtomLink{Rel: "alternate", Type: "text/html", Href: set.URL(it.Path())},
			Author:  &page.AtomPerson{Name: site.Name + ", " + it.By()},
			Content: page.AtomText{Type: "html", HTML: string(page.Markdown(it.Body))},
		})
	}
	f.Updated = page.AtomInstant(newest)
	return f
}
