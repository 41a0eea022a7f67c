package page_test

import (
	"encoding/json"
	"html/template"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/page"
)

func TestLD(t *testing.T) {
	zone := time.FixedZone("CST", -6*3600)
	day := time.Date(2026, 11, 23, 10, 0, 0, 0, zone)
	us := page.LDOrganizationOf(&page.Site{Name: "Click", LegalName: "Click, Inc.", Address: []string{"Click, Inc.", "1 Plaza", "Chicago, IL 60601", "United States"}},
		"https://example.test", "")
	publisher := `{"@type":"Organization","address":{"@type":"PostalAddress","addressCountry":"US","addressLocality":"Chicago",` +
		`"addressRegion":"IL","postalCode":"60601","streetAddress":"1 Plaza"},"legalName":"Click, Inc.","name":"Click","url":"https://example.test/"}`
	for name, tt := range map[string]struct {
		doc  any
		want string
	}{
		"article": {
			page.LDArticle{Headline: "New", URL: "https://example.test/news/new", Published: day, Publisher: us},
			`{"@context":"https://schema.org","@type":"NewsArticle","author":` + publisher + `,"datePublished":"2026-11-23T10:00:00-06:00",` +
				`"headline":"New","mainEntityOfPage":"https://example.test/news/new","publisher":` + publisher + `,"url":"https://example.test/news/new"}`,
		},
		"online event": {
			page.LDEvent{Name: "Talk", URL: "https://example.test/w", Start: day, End: day.Add(time.Hour), Full: true, Organizer: us},
			`{"@context":"https://schema.org","@type":"Event","endDate":"2026-11-23T11:00:00-06:00",` +
				`"eventAttendanceMode":"https://schema.org/OnlineEventAttendanceMode","eventStatus":"https://schema.org/EventScheduled",` +
				`"location":{"@type":"VirtualLocation","url":"https://example.test/w"},"name":"Talk",` +
				`"offers":{"@type":"Offer","availability":"https://schema.org/SoldOut","price":0,"priceCurrency":"USD","url":"https://example.test/w"},` +
				`"organizer":` + publisher + `,"startDate":"2026-11-23T10:00:00-06:00","url":"https://example.test/w"}`,
		},
		"remote job": {
			page.LDJobPosting{Title: "Planner", URL: "u", Posted: day, Remote: true, Countries: []string{"Canada", "United States"}, SalaryMin: 90, SalaryMax: 110, Organization: us},
			`{"@context":"https://schema.org","@type":"JobPosting","applicantLocationRequirements":[{"@type":"Country","name":"Canada"},{"@type":"Country","name":"United States"}],` +
				`"baseSalary":{"@type":"MonetaryAmount","currency":"USD","value":{"@type":"QuantitativeValue","maxValue":110,"minValue":90,"unitText":"YEAR"}},` +
				`"datePosted":"2026-11-23T10:00:00-06:00","directApply":true,"hiringOrganization":` + publisher +
				`,"jobLocationType":"TELECOMMUTE","title":"Planner","url":"u"}`,
		},
		"breadcrumbs": {
			page.LDBreadcrumbs{Public: "https://example.test", URL: "https://example.test/a/b", Crumbs: []page.Crumb{{Label: "A", Path: "/a"}, {Label: "B"}}},
			`{"@context":"https://schema.org","@type":"BreadcrumbList","itemListElement":[` +
				`{"@type":"ListItem","item":"https://example.test/a","name":"A","position":1},` +
				`{"@type":"ListItem","item":"https://example.test/a/b","name":"B","position":2}]}`,
		},
	} {
		got, err := json.Marshal(tt.doc)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(got), tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

// A title cannot end the element that holds the data.
func TestLDCannotBreakOut(t *testing.T) {
	tmpl := template.Must(template.New("").Parse(`<script type="application/ld+json">{{.}}</script>`))
	var out strings.Builder
	doc := page.LDBreadcrumbs{Crumbs: []page.Crumb{{Label: `</script><script>alert("x")`, Path: "/"}}}
	if err := tmpl.Execute(&out, doc); err != nil {
		t.Fatal(err)
	}
	body := strings.TrimSuffix(strings.TrimPrefix(out.String(), `<script type="application/ld+json">`), `</script>`)
	if strings.Contains(body, "<") || !json.Valid([]byte(body)) {
		t.Errorf("got %s", body)
	}
}
