package privacy

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
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

// probe asks the site for a page, inside this process, as a browser does that has no cookies and asks not to be counted.
func (r *Room) probe(ctx context.Context, path string) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.desk.Pages.URL(path), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	req.RequestURI, req.RemoteAddr = path, "127.0.0.1:0"
	req.Header.Set("DNT", "1")
	a := &answer{header: http.Header{}}
	r.server().ServeHTTP(a, req)
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", path, a.status)
	}
	return a, nil
}
