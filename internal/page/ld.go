package page

import (
	"encoding/json"
	"slices"
	"time"
)

// What search engines read of a page: documents of schema.org as JSON-LD, for Base.LD. They are data, not script, so
// the content policy lets them stand. A page with crumbs needs none for them: Write adds the list itself.

const ldContext = "https://schema.org"

// LDOrganization is the company; LDOrganizationOf fills it from the identity.
type LDOrganization struct {
	Name, LegalName, URL, Logo, Phone string
	Address                           Address
}

// LDOrganizationOf describes who runs the site, with absolute addresses below publicURL.
func LDOrganizationOf(s *Site, publicURL, logo string) LDOrganization {
	return LDOrganization{
		Name: s.Name, LegalName: s.LegalName, URL: publicURL + "/", Logo: logo, Phone: string(s.Phone),
		Address: ParseAddress(slices.DeleteFunc(slices.Clone(s.Address), func(line string) bool { return line == s.LegalName })),
	}
}

// Organization describes who runs the site.
func (s *Set) Organization() LDOrganization {
	return LDOrganizationOf(s.Site(), s.URL(""), s.URL(s.Asset("icon.svg")))
}

func (o LDOrganization) node() map[string]any {
	n := node("Organization", "name", o.Name, "legalName", o.LegalName, "url", o.URL, "logo", o.Logo, "telephone", o.Phone)
	if o.Address != (Address{}) {
		n["address"] = o.Address.node()
	}
	return n
}

// MarshalJSON writes the document.
func (o LDOrganization) MarshalJSON() ([]byte, error) { return document(o.node()) }

// LDArticle is a news item.
type LDArticle struct {
	Headline, Description, URL, Image string
	Published, Modified               time.Time // zero: left out
	Publisher                         LDOrganization
}

// MarshalJSON writes the document.
func (a LDArticle) MarshalJSON() ([]byte, error) {
	n := node("NewsArticle", "headline", a.Headline, "description", a.Description, "url", a.URL, "image", a.Image,
		"datePublished", instant(a.Published), "dateModified", instant(a.Modified))
	n["mainEntityOfPage"] = a.URL
	n["publisher"], n["author"] = a.Publisher.node(), a.Publisher.node()
	return document(n)
}

// LDEvent is a webinar or an event at a place. Start and End carry the event's own zone.
type LDEvent struct {
	Name, Description, URL, Image string
	Start, End                    time.Time
	Place                         []string // lines of the postal address, its name first; empty: held online, at URL
	Online                        bool     // at a place, and online as well
	Cancelled, Full               bool
	Organizer                     LDOrganization
}

// MarshalJSON writes the document.
func (e LDEvent) MarshalJSON() ([]byte, error) {
	n := node("Event", "name", e.Name, "description", e.Description, "url", e.URL, "image", e.Image,
		"startDate", instant(e.Start), "endDate", instant(e.End))
	status, stock := "EventScheduled", "InStock"
	if e.Cancelled {
		status = "EventCancelled"
	}
	var mode string
	n["location"], mode = e.location()
	if e.Full {
		stock = "SoldOut"
	}
	n["eventStatus"], n["eventAttendanceMode"] = ldContext+"/"+status, ldContext+"/"+mode
	n["organizer"] = e.Organizer.node()
	if !e.Cancelled {
		offer := node("Offer", "url", e.URL, "priceCurrency", "USD", "availability", ldContext+"/"+stock)
		offer["price"] = 0
		n["offers"] = offer
	}
	return document(n)
}

// location is where one goes, or looks, or both.
func (e LDEvent) location() (where any, mode string) {
	online := node("VirtualLocation", "url", e.URL)
	if len(e.Place) == 0 {
		return online, "OnlineEventAttendanceMode"
	}
	place := node("Place", "name", e.Place[0])
	place["address"] = ParseAddress(e.Place[1:]).node()
	if e.Online {
		return []any{place, online}, "MixedEventAttendanceMode"
	}
	return place, "OfflineEventAttendanceMode"
}

// LDJobPosting is an opening. Salary figures are a year's, in dollars; zero leaves them out.
type LDJobPosting struct {
	Title, URL           string
	Description          string // HTML
	Posted, ValidThrough time.Time
	Employment           string // FULL_TIME, PART_TIME, CONTRACTOR, TEMPORARY or INTERN
	Place                Address
	Remote               bool
	Countries            []string // where remote work is possible, by their names
	SalaryMin, SalaryMax int
	Organization         LDOrganization
}

// MarshalJSON writes the document.
func (j LDJobPosting) MarshalJSON() ([]byte, error) {
	n := node("JobPosting", "title", j.Title, "description", j.Description, "url", j.URL, "employmentType", j.Employment,
		"datePosted", instant(j.Posted), "validThrough", instant(j.ValidThrough))
	n["directApply"] = true
	n["hiringOrganization"] = j.Organization.node()
	if j.Place != (Address{}) {
		place := node("Place")
		place["address"] = j.Place.node()
		n["jobLocation"] = place
	}
	if j.Remote {
		n["jobLocationType"] = "TELECOMMUTE"
		var list []any
		for _, name := range j.Countries {
			list = append(list, node("Country", "name", name))
		}
		n["applicantLocationRequirements"] = list
	}
	if j.SalaryMax > 0 {
		amount := node("QuantitativeValue", "unitText", "YEAR")
		amount["minValue"], amount["maxValue"] = j.SalaryMin, j.SalaryMax
		salary := node("MonetaryAmount", "currency", "USD")
		salary["value"] = amount
		n["baseSalary"] = salary
	}
	return document(n)
}

// LDBreadcrumbs is the way back as a list. Crumbs without a path stand for the page itself, at URL.
type LDBreadcrumbs struct {
	Public string // PUBLIC_URL
	URL    string // absolute address of the page
	Crumbs []Crumb
}

// MarshalJSON writes the document.
func (b LDBreadcrumbs) MarshalJSON() ([]byte, error) {
	items := make([]map[string]any, len(b.Crumbs))
	for i, c := range b.Crumbs {
		address := b.Public + c.Path
		if c.Path == "" {
			address = b.URL
		}
		items[i] = node("ListItem", "name", c.Label, "item", address)
		items[i]["position"] = i + 1
	}
	n := node("BreadcrumbList")
	n["itemListElement"] = items
	return document(n)
}

// node makes an object of a schema.org type from pairs of key and value, without the empty ones.
func node(kind string, pairs ...string) map[string]any {
	n := map[string]any{"@type": kind}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			n[pairs[i]] = pairs[i+1]
		}
	}
	return n
}

func document(n map[string]any) ([]byte, error) {
	n["@context"] = ldContext
	return json.Marshal(n)
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
