package form

import (
	"cmp"
	"errors"
	"net/mail"
	"slices"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/net/idna"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// ParseEmail returns the address in the one spelling under which we keep it: lower case, its domain in ASCII (RFC
// 5890). What can't be an address gets a sentence instead; whether mail arrives only mail can tell.
func ParseEmail(text string) (address, sentence string) {
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Name != "" || strings.ContainsAny(text, "<>\"() ") {
		return "", say("email")
	}
	local, domain, _ := strings.Cut(parsed.Address, "@")
	if strings.Contains(domain, "@") || !strings.Contains(domain, ".") {
		return "", say("email")
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || len(local) > 64 || len(local)+1+len(ascii) > 254 {
		return "", say("email")
	}
	for _, r := range local {
		if r > 126 {
			return "", say("email_plain")
		}
	}
	return strings.ToLower(local + "@" + ascii), ""
}

// checkPhone takes any form that can be dialled, keeps what was typed, and puts its E.164 form beside it. Only a
// length that no number of that country has is refused, and only where the number is required: a number that nobody
// needs never stops a form.
func (f Field) checkPhone(v Values) string {
	typed := v.Get(f.Name)
	number, err := phonenumbers.Parse(typed, v.Get("country"))
	if err == nil && possible(number) {
		v[f.Name+e164Suffix] = []string{phonenumbers.Format(number, phonenumbers.E164)}
		return ""
	}
	if !f.Required {
		return ""
	}
	// Without a country there is nothing to judge a national number by.
	if n := countDigits(typed); errors.Is(err, phonenumbers.ErrInvalidCountryCode) && n >= 7 && n <= 15 {
		return ""
	}
	return say("phone")
}

func possible(number *phonenumbers.PhoneNumber) bool {
	switch phonenumbers.IsPossibleNumberWithReason(number) {
	case phonenumbers.TOO_SHORT, phonenumbers.TOO_LONG, phonenumbers.INVALID_LENGTH:
		return false
	}
	return true
}

func countDigits(s string) int {
	n := 0
	for _, r := range s {
		if r >= '0' && r <= '9' {
			n++
		}
	}
	return n
}

// countries is the list of ISO 3166-1 countries in English, by name.
var countries = sync.OnceValue(func() []Option {
	names := display.English.Regions()
	var list []Option
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			region, err := language.ParseRegion(string([]rune{a, b}))
			if err != nil || !region.IsCountry() || region.Canonicalize() != region {
				continue
			}
			if phonenumbers.GetCountryCodeForRegion(region.String()) == 0 && !uninhabited(region.String()) {
				continue // retired or reserved codes
			}
			if partOf(region.String()) {
				continue
			}
			list = append(list, Option{Value: region.String(), Label: cmp.Or(renamed(region.String()), names.Name(region))})
		}
	}
	byName := collate.New(language.English)
	slices.SortFunc(list, func(x, y Option) int { return byName.CompareString(x.Label, y.Label) })
	return list
})

// uninhabited are countries of the standard that have no telephone numbers of their own.
func uninhabited(code string) bool {
	return slices.Contains([]string{"AQ", "BV", "GS", "HM", "PN", "TF", "UM"}, code)
}

// partOf are codes kept for post and telephone alone; the standard counts both islands to St. Helena, SH.
func partOf(code string) bool { return code == "AC" || code == "TA" }

// renamed is what a country is called where the table of names, of the year 2017, has another; else it is empty.
func renamed(code string) string {
	switch code {
	case "CV":
		return "Cabo Verde"
	case "HK":
		return "Hong Kong"
	case "MK":
		return "North Macedonia"
	case "MM":
		return "Myanmar"
	case "MO":
		return "Macao"
	case "SZ":
		return "Eswatini"
	case "TR":
		return "Türkiye"
	}
	return ""
}

// Countries returns the ISO 3166-1 countries in English, sorted by name, for a select.
func Countries() []Option { return countries() }

// CountryName returns the English name of a two-letter code, or the text itself where it is none.
func CountryName(code string) string {
	for _, o := range countries() {
		if o.Value == code {
			return o.Label
		}
	}
	return code
}

// CountryCode returns the two-letter code of a country's English name or of that code, or "" where there is none.
func CountryCode(name string) string {
	for _, o := range countries() {
		if o.Value == name || strings.EqualFold(o.Label, name) {
			return o.Value
		}
	}
	return ""
}

// callingCode is the code with which numbers of a country begin, 0 where it has none.
func callingCode(country string) int { return phonenumbers.GetCountryCodeForRegion(country) }

func isCountry(code string) bool {
	return slices.ContainsFunc(countries(), func(o Option) bool { return o.Value == code })
}
