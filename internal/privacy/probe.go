package privacy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"clickcommerce.com/site/internal/page"
)

// answer is what the site says to a probe: as little of a response as a check needs.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// probe asks the site for a page, inside this process, as a browser does that has no cookies; headers come in pairs.
func (r *Room) probe(ctx context.Context, path string, headers ...string) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.desk.Pages.URL(path), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return r.answer(req, path)
}

// answer is what the site says to a request of a check.
func (r *Room) answer(req *http.Request, path string) (*answer, error) {
	req = req.WithContext(context.WithValue(req.Context(), probing{}, true))
	req.RequestURI, req.RemoteAddr = path, "127.0.0.1:0"
	a := &answer{header: http.Header{}}
	r.server().ServeHTTP(a, page.Own(req))
	if a.status == http.StatusServiceUnavailable {
		return nil, fmt.Errorf("%s: %w", path, errAway)
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", path, a.status)
	}
	return a, nil
}

// errAway says that the site could not answer just now.
var errAway = errors.New("the site answers 503")

type probing struct{}

// Probing tells whether a request is a check's own, which is no visit.
func Probing(req *http.Request) bool {
	own, _ := req.Context().Value(probing{}).(bool)
	return own
}
