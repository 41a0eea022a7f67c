package news

import (
	"encoding/xml"
	"time"

	"clickcommerce.com/site/internal/page"
)

// feedID names the feed for ever, wherever it is served (RFC 4287, 4.2.6).
const feedID = "urn:uuid:5f0c2a34-6f3e-4a0e-9a53-0d6b1c5f7e21"

type atomFeed struct {
	XMLName  xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang     string      `xml:"xml:lang,attr"`
	Base     string      `xml:"xml:base,attr"` // for the addresses within the items
	ID       string      `xml:"id"`
	Title    string      `xml:"title"`
	Subtitle string      `xml:"subtitle"`
	Updated  string      `xml:"updated"`
	Links    []atomLink  `xml:"link"`
	Author   atomPerson  `xml:"author"`
	Rights   string      `xml:"rights"`
	Entries  []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type atomPerson struct {
	Name string `xml:"name"`
	URI  string `xml:"uri,omitempty"`
}

type atomEntry struct {
	ID        string     `xml:"id"`
	Title     string     `xml:"title"`
	Published string     `xml:"published"`
	Updated   string     `xml:"updated"`
	Link      atomLink   `xml:"link"`
	Author    atomPerson `xml:"author"`
	Summary   string     `xml:"summary"`
	Content   atomText   `xml:"content"`
}

type atomText struct {
	Type string `xml:"type,attr"`
	HTML string `xml:",chardata"`
}

// feed writes the items in full, newest first.
func (r *Room) feed(items []item) ([]byte, error) {
	set := r.desk.Pages
	site := set.Site()
	f := atomFeed{
		Lang: "en", Base: set.URL("/"), ID: feedID, Title: "News of " + site.Name, Subtitle: r.intro.Summary,
		Author: atomPerson{Name: site.LegalName, URI: set.URL("/")}, Rights: "© " + site.LegalName,
		Links: []atomLink{
			{"self", "application/atom+xml", set.URL("/news.atom")}, {"alternate", "text/html", set.URL("/news")},
		},
	}
	newest := time.Unix(0, 0) // of a feed without items: an instant that never changes
	for _, it := range items {
		changed := it.changed()
		if changed.After(newest) {
			newest = changed
		}
		f.Entries = append(f.Entries, atomEntry{
			ID: it.ID.URN(), Title: it.Title, Summary: it.Summary, Published: instant(it.At()), Updated: instant(changed),
			Link: atomLink{"alternate", "text/html", set.URL(it.Path())}, Author: atomPerson{Name: site.Name + ", " + it.By()},
			Content: atomText{"html", string(page.Markdown(it.Body))},
		})
	}
	f.Updated = instant(newest)
	out, err := xml.MarshalIndent(f, "", " ")
	if err != nil {
		return nil, err
	}
	return append([]byte(xml.Header), append(out, '\n')...), nil
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
