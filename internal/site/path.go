package site

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"clickcommerce.com/site/internal/page"
)

// legible answers 404 to an address that can't be text: NUL or broken UTF-8 in path or query. Postgres takes neither,
// and no page leads there.
func legible(set *page.Set) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !isText(r.URL.Path) || !queryIsText(r) {
				set.Fault(w, r, http.StatusNotFound, page.ErrNotFound.Message)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

func queryIsText(r *http.Request) bool {
	if r.URL.RawQuery == "" {
		return true
	}
	for _, values := range r.URL.Query() {
		for _, v := range values {
			if !isText(v) {
				return false
			}
		}
	}
	return true
}
