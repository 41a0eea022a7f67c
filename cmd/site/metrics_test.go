package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"clickcommerce.com/site/internal/postgres/pgtest"
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

// Mail that a server away keeps from leaving is counted while it waits for its next try.
func TestMailThatWaitsIsCounted(t *testing.T) {
	a := newApp(t)
	server := serveApp(t, a)
	resp, err := http.Get(server.URL + "/contact")
	if err != nil {
		t.Fatal(err)
	}
	testFilled(t, server, readForm("/contact", parsed(t, resp)), "")
	var waiting float64
	if err := pgtest.Admin(t, a.pool).QueryRow(t.Context(), `
		WITH put AS (UPDATE message SET attempts = 1, next_at = now() + interval '1 hour', created_at = now() - interval '2 hours'
			WHERE state = 'queued' RETURNING id)
		SELECT count(*) FROM put`).Scan(&waiting); err != nil || waiting == 0 {
		t.Fatalf("%v mails wait, %v", waiting, err)
	}
	families, err := a.metrics().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		switch value := f.GetMetric()[0].GetGauge().GetValue(); f.GetName() {
		case "site_mail_queued":
			if value != waiting {
				t.Errorf("%v mails are counted, %v wait", value, waiting)
			}
		case "site_mail_late_seconds":
			if value < 7200 || value > 7300 {
				t.Errorf("the oldest waits %v s", value)
			}
		}
	}
}
