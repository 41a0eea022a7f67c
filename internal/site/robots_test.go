package site_test

import (
	"net/http"
	"strings"
	"testing"
)

// Every public page may be read by search engines, and nothing that is one person's.
func TestRobotsReadWhatIsPublic(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	file := ask(s, http.MethodGet, "/robots.txt", nil).Body.String()
	want := map[string]bool{
		"/connect": true, "/connect/request": true, "/connect/sign-in": false, "/connect/preferences": false, "/r/token": false,
		"/confirm/token": false, "/staff": false, "/staff/queue": false, "/downloads/get/token": false, "/search?q=parts": false,
	}
	for _, p := range s.pages.Pages() {
		want[p.Path] = p.Path != "/search"
	}
	for path, may := range want {
		if got := crawlable(file, path); got != may {
			t.Errorf("%s may be read: %t, want %t", path, got, may)
		}
	}
}

// crawlable applies the rules of a file as RFC 9309 says: the longest that fits counts, and Allow where two are equal.
func crawlable(file, path string) bool {
	may, longest := true, -1
	for line := range strings.Lines(file) {
		rule, prefix, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if rule != "Allow" && rule != "Disallow" || !strings.HasPrefix(path, prefix) || len(prefix) < longest {
			continue
		}
		if len(prefix) > longest || rule == "Allow" {
			may, longest = rule == "Allow", len(prefix)
		}
	}
	return may
}
