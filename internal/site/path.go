package site

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"clickcommerce.com/site/internal/page"
)

// legible answers 404 to a path that can't be text, with NUL or broken UTF-8: Postgres takes neither, and no page leads
// there. A query may come so from any other site, in the encoding of an old program: its page is shown all the same, and
// what can't be read in it stands as a sign for that.
func legible(set *page.Set) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !isText(r.URL.Path) {
				set.Fault(w, r, http.StatusNotFound, page.ErrNotFound.Message)
				return
			}
			if r.URL.RawQuery != "" {
				mendQuery(r)
			}
			next.ServeHTTP(w, r)
		})
	}
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

func asText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, string(utf8.RuneError)), "\x00", string(utf8.RuneError))
}

func mendQuery(r *http.Request) {
	mended, broken := url.Values{}, false
	for name, values := range r.URL.Query() {
		for _, v := range values {
			broken = broken || !isText(name) || !isText(v)
			mended.Add(asText(name), asText(v))
		}
	}
	if broken {
		r.URL.RawQuery = mended.Encode()
	}
}
