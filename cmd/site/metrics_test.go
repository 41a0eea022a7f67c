package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestRequestsAreCounted(t *testing.T) {
	a := newApp(t)
	server := serveApp(t, a)
	for _, path := range []string{"/", "/no-such-page"} {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for _, method := range []string{http.MethodHead, "PROPFIND"} {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	server.Close() // waits for the end of each request, where it is counted
	families, err := a.metrics().Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if help := f.GetHelp(); strings.HasPrefix(f.GetName(), "site_") && (strings.Contains(help, "SELECT") || !strings.HasSuffix(help, ".")) {
			t.Errorf("%s: %q is no sentence", f.GetName(), help)
		}
		if f.GetName() != "site_requests_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			got[strings.Join(labels, " ")] = m.GetCounter().GetValue()
		}
	}
	for labels, want := range map[string]float64{"GET 200": 1, "GET 404": 1, "HEAD 200": 1, "other 405": 1, "POST 303": 0} {
		if n, ok := got[labels]; !ok || n != want {
			t.Errorf("%s: %v, not %v", labels, n, want)
		}
	}
}
