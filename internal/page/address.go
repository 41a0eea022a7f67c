package page

import (
	"regexp"
	"strings"

	"clickcommerce.com/site/internal/form"
)

// Address is a postal address in its parts. What is not known of it is empty.
type Address struct {
	Street, Locality, Region, PostalCode string
	Country                              string // ISO 3166-1 alpha-2
}

// The line of the city, by the customs of countries: postal code last, or first, or none.
var (
	codeLast  = regexp.MustCompile(`^(.+?),? ([A-Z]{2,3}) (\d{5}(?:-\d{4})?|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{4})$`)
	codeUK    = regexp.MustCompile(`^(.+?),?()? ([A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})$`)
	codeFirst = regexp.MustCompile(`^(\d{4} [A-Z]{2}|\d{3} \d{2}|(?:[A-Z]{1,2}-)?\d{4,6}) (.+)$`)
)

// ParseAddress reads an address from its lines: street, city, country. It keeps a line that it can't take apart whole.
func ParseAddress(lines []string) Address {
	var a Address
	if n := len(lines); n > 0 {
		if a.Country = form.CountryCode(lines[n-1]); a.Country != "" {
			lines = lines[:n-1]
		}
	}
	n := len(lines)
	if n == 0 {
		return a
	}
	a.Street = strings.Join(lines[:n-1], ", ")
	city := lines[n-1]
	for _, rule := range []*regexp.Regexp{codeLast, codeUK} {
		if m := rule.FindStringSubmatch(city); m != nil {
			a.Locality, a.Region, a.PostalCode = m[1], m[2], m[3]
			return a
		}
	}
	if m := codeFirst.FindStringSubmatch(city); m != nil {
		a.PostalCode, a.Locality = m[1], m[2]
		return a
	}
	a.Locality, a.Region, _ = strings.Cut(city, ", ")
	return a
}

func (a Address) node() map[string]any {
	return node("PostalAddress", "streetAddress", a.Street, "addressLocality", a.Locality, "addressRegion", a.Region,
		"postalCode", a.PostalCode, "addressCountry", a.Country)
}
