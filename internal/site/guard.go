package site

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"clickcommerce.com/site/internal/page"
)

const policy = "default-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"

// secure sets the security headers. The values are shared by all answers, so that nothing is allocated for a request;
// their capacity is their length, so that adding to one copies it.
func secure(publicURL string) func(http.Handler) http.Handler {
	var (
		csp         = []string{policy}
		referrer    = []string{"same-origin"} // addresses hold tokens
		sniff       = []string{"nosniff"}
		opener      = []string{"same-origin"}
		permissions = []string{"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"}
		transport   []string
	)
	if strings.HasPrefix(publicURL, "https://") {
		transport = []string{"max-age=31536000"}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h["Content-Security-Policy"] = csp
			h["Referrer-Policy"] = referrer
			h["X-Content-Type-Options"] = sniff
			h["Cross-Origin-Opener-Policy"] = opener
			h["Permissions-Policy"] = permissions
			if transport != nil {
				h["Strict-Transport-Security"] = transport
			}
			next.ServeHTTP(w, r)
		})
	}
}

// sameOrigin refuses forms that another site's page sends. The one-click unsubscribe comes from mail programs, and its
// token is the authority (RFC 8058).
func sameOrigin(set *page.Set, say page.Say) func(http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	if err := guard.AddTrustedOrigin(set.URL("")); err != nil {
		panic(fmt.Sprintf("PUBLIC_URL: %v", err))
	}
	guard.AddInsecureBypassPattern("POST /unsubscribe/{token}")
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		set.Fault(w, r, http.StatusForbidden, say("other_site"))
	}))
	return guard.Handler
}

// drained is how much of a body that is too large is still read: a browser that is cut off while it sends shows its own
// error instead of our page.
const drained = 256 << 20

// bound limits request bodies. One that says at once that it is too large gets its answer here, but for forms: they are
// read up to the limit, so that their page can show again what was typed. A form with files is read further: what is
// typed may follow a file, and only the form knows how large that may be. Whatever is read beyond the limit ends as
// *http.MaxBytesError.
func bound(set *page.Set, limit int64) func(http.Handler) http.Handler {
	if limit == 0 {
		limit = usualMaxBody
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Body == nil || r.Body == http.NoBody {
				next.ServeHTTP(w, r)
				return
			}
			if most := formLimit(r, limit); most > 0 {
				r.Body = &bounded{ReadCloser: http.MaxBytesReader(w, r.Body, most), whole: r.Body}
				next.ServeHTTP(w, r)
				return
			}
			if r.ContentLength > limit {
				_, _ = io.CopyN(io.Discard, r.Body, drained) // whatever comes of it, the answer is the same
				set.Fault(w, r, page.ErrTooLarge.Status, page.ErrTooLarge.Message)
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, limit)
			next.ServeHTTP(w, r)
		})
	}
}

// formLimit is how far a form's body is read; 0 where it is no form's.
func formLimit(r *http.Request, limit int64) int64 {
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
	case "application/x-www-form-urlencoded":
		return limit
	case "multipart/form-data":
		return limit + drained
	}
	return 0
}

// bounded throws away what comes after the limit before it says that there is more.
type bounded struct {
	io.ReadCloser // ends at the limit
	whole         io.Reader
	over          bool
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	var large *http.MaxBytesError
	if !b.over && errors.As(err, &large) {
		b.over = true
		_, _ = io.CopyN(io.Discard, b.whole, drained) // whatever comes of it, the error is the same
	}
	return n, err
}

// notFound shows the error page, but for an address that only has slashes too many.
func (s *public) notFound(all chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		plain := "/" + strings.Trim(r.URL.Path, "/")
		reading := r.Method == http.MethodGet || r.Method == http.MethodHead
		if reading && plain != r.URL.Path && all.Match(chi.NewRouteContext(), http.MethodGet, plain) {
			to := url.URL{Path: plain, RawQuery: r.URL.RawQuery}
			http.Redirect(w, r, to.String(), http.StatusMovedPermanently)
			return
		}
		s.cfg.Set.Fault(w, r, page.ErrNotFound.Status, page.ErrNotFound.Message)
	}
}

// notAllowed shows the error page and names the methods that there are (RFC 9110, 15.5.6).
func (s *public) notAllowed(all chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if all.Match(chi.NewRouteContext(), method, r.URL.Path) {
				allowed = append(allowed, method)
				if method == http.MethodGet {
					allowed = append(allowed, http.MethodHead)
				}
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		s.cfg.Set.Fault(w, r, http.StatusMethodNotAllowed, s.say("not_taken"))
	}
}
