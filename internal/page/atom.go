package page

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"time"
)

// AtomFeed is what readers of feeds fetch (RFC 4287). Rooms fill it from the newest entry on; what is empty of the optional
// is left out.
type AtomFeed struct {
	XMLName  xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang     string      `xml:"xml:lang,attr"`
	Base     string      `xml:"xml:base,attr"` // for the addresses within the entries
	ID       string      `xml:"id"`            // for ever, wherever the feed is served (4.2.6)
	Title    string      `xml:"title"`
	Subtitle string      `xml:"subtitle,omitempty"`
	Updated  string      `xml:"updated"`
	Links    []AtomLink  `xml:"link"`
	Author   AtomPerson  `xml:"author"`
	Rights   string      `xml:"rights,omitempty"`
	Entries  []AtomEntry `xml:"entry"`
}

// AtomLink leads to the feed itself or to a page.
type AtomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

// AtomPerson is an author.
type AtomPerson struct {
	Name string `xml:"name"`
	URI  string `xml:"uri,omitempty"`
}

// AtomEntry is one entry, in full.
type AtomEntry struct {
	ID        string      `xml:"id"`
	Title     string      `xml:"title"`
	Published string      `xml:"published"`
	Updated   string      `xml:"updated"`
	Link      AtomLink    `xml:"link"`
	Author    *AtomPerson `xml:"author"` // optional: the feed's where nil
	Summary   string      `xml:"summary,omitempty"`
	Content   AtomText    `xml:"content"`
}

// AtomText is a text of the type html.
type AtomText struct {
	Type string `xml:"type,attr"`
	HTML string `xml:",chardata"`
}

// AtomInstant writes a time as feeds have it.
func AtomInstant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Write sends the feed.
func (f AtomFeed) Write(w http.ResponseWriter) error {
	out, err := xml.MarshalIndent(f, "", " ")
	if err != nil {
		return fmt.Errorf("write feed: %w", err)
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	_, _ = w.Write(append([]byte(xml.Header), append(out, '\n')...)) // the reader may be gone
	return nil
}
