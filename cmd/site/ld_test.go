package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// TestStructuredData reads what search engines are told of each kind of page, and wants the fields that they ask for.
func TestStructuredData(t *testing.T) {
	a := newApp(t)
	loadDemo(t, a)
	server := serveApp(t, a)
	address := func(of string) []string {
		return []string{
			of + "address.@type=PostalAddress", of + "address.streetAddress", of + "address.addressLocality=Chicago",
			of + "address.addressRegion=IL", of + "address.postalCode=60601", of + "address.addressCountry=US",
		}
	}
	organization := func(of string) []string {
		return append(address(of), of+"@type=Organization", of+"name=Click Commerce", of+"url", of+"logo", of+"telephone")
	}
	event := append(organization("organizer."), "name", "description", "startDate", "endDate", "eventStatus", "url",
		"offers.url", "offers.price=0", "offers.priceCurrency=USD", "offers.availability")
	job := append(organization("hiringOrganization."), "title", "description", "datePosted", "employmentType", "directApply=true",
		"baseSalary.currency=USD", "baseSalary.value.minValue", "baseSalary.value.maxValue", "baseSalary.value.unitText=YEAR")
	for _, tt := range []struct {
		path, kind string
		want       []string
	}{
		{"/", "Organization", organization("")},
		{
			"/webinars/chicago-service-parts-day", "Event",
			append(address("location."), append(event, "location.@type=Place", "location.name=Click Commerce",
				"eventAttendanceMode=https://schema.org/OfflineEventAttendanceMode")...),
		},
		{
			"/webinars/clause-library-workshop", "Event",
			append(event, "location.@type=VirtualLocation", "location.url", "eventAttendanceMode=https://schema.org/OnlineEventAttendanceMode"),
		},
		{
			"/careers/software-engineer-service-parts", "JobPosting",
			append(address("jobLocation."), append(job, "jobLocation.@type=Place", "validThrough")...),
		},
		{
			"/careers/technical-writer", "JobPosting",
			append(job, "jobLocationType=TELECOMMUTE", "applicantLocationRequirements.0.@type=Country", "applicantLocationRequirements.0.name"),
		},
		{
			"/news/service-parts-day-open", "NewsArticle",
			append(organization("publisher."), "headline", "description", "datePublished", "author.name", "author.url", "mainEntityOfPage"),
		},
		{
			"/products/service-parts", "BreadcrumbList",
			[]string{"itemListElement.1.@type=ListItem", "itemListElement.1.position=2", "itemListElement.1.name", "itemListElement.1.item"},
		},
	} {
		doc := described(t, server.URL+tt.path, tt.kind)
		for _, field := range tt.want {
			path, value, exact := strings.Cut(field, "=")
			got := fmt.Sprint(at(doc, path))
			if at(doc, path) == nil || got == "" || exact && got != value {
				t.Errorf("%s: %s is %q, want %q", tt.path, path, got, value)
			}
		}
	}
}

// described returns the document of a kind on a page.
func described(t *testing.T, address, kind string) any {
	t.Helper()
	resp, err := http.Get(address) //nolint:gosec,noctx // our own server
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := goquery.NewDocumentFromReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var found any
	page.Find(`script[type="application/ld+json"]`).Each(func(_ int, s *goquery.Selection) {
		var doc map[string]any
		if err := json.Unmarshal([]byte(s.Text()), &doc); err != nil || doc["@context"] != "https://schema.org" {
			t.Errorf("%s: %v in %s", address, err, s.Text())
		}
		if doc["@type"] == kind {
			found = doc
		}
	})
	if found == nil {
		t.Fatalf("%s describes no %s: %d", address, kind, resp.StatusCode)
	}
	return found
}

// at follows a path of keys and places, joined by dots; nil where it leads nowhere.
func at(doc any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		switch node := doc.(type) {
		case map[string]any:
			doc = node[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(node) {
				return nil
			}
			doc = node[i]
		default:
			return nil
		}
	}
	return doc
}
