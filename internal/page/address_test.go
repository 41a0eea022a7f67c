package page_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/page"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lines []string
		want  page.Address
	}{
		"United States": {
			[]string{"100 Example Plaza, Suite 1200", "Chicago, IL 60601", "United States"},
			page.Address{Street: "100 Example Plaza, Suite 1200", Locality: "Chicago", Region: "IL", PostalCode: "60601", Country: "US"},
		},
		"two lines of street": {
			[]string{"North Hall", "1 Plaza", "Toronto, ON M5V 2T6", "Canada"},
			page.Address{Street: "North Hall, 1 Plaza", Locality: "Toronto", Region: "ON", PostalCode: "M5V 2T6", Country: "CA"},
		},
		"Germany":        {[]string{"Am Markt 3", "20095 Hamburg", "Germany"}, page.Address{Street: "Am Markt 3", PostalCode: "20095", Locality: "Hamburg", Country: "DE"}},
		"Netherlands":    {[]string{"Dam 1", "1012 JS Amsterdam", "Netherlands"}, page.Address{Street: "Dam 1", PostalCode: "1012 JS", Locality: "Amsterdam", Country: "NL"}},
		"United Kingdom": {[]string{"10 High Street", "London SW1A 1AA", "United Kingdom"}, page.Address{Street: "10 High Street", Locality: "London", PostalCode: "SW1A 1AA", Country: "GB"}},
		"city and state": {[]string{"Chicago, Illinois", "US"}, page.Address{Locality: "Chicago", Region: "Illinois", Country: "US"}},
		"no country":     {[]string{"1 Plaza", "Chicago, IL 60601"}, page.Address{Street: "1 Plaza", Locality: "Chicago", Region: "IL", PostalCode: "60601"}},
		"a city alone":   {[]string{"Zürich"}, page.Address{Locality: "Zürich"}},
		"nothing":        {},
	} {
		if diff := cmp.Diff(page.ParseAddress(tt.lines), tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}
