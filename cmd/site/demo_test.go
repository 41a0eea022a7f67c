package main

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/postgres"
)

// TestDemo loads the example content twice: the workspace is alive, mostly read, and a second run adds nothing.
func TestDemo(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	type facts struct{ Kinds, Records, Unread int }
	var runs [2]facts
	var kept int
	for i := range runs {
		if err := a.loadDemo(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := a.pool.QueryRow(t.Context(), `
			SELECT count(DISTINCT kind), count(*), count(*) FILTER (WHERE read_at IS NULL) FROM submission
			WHERE person_id IS NOT NULL AND quarantined_at IS NULL`).Scan(&runs[i].Kinds, &runs[i].Records, &runs[i].Unread); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.pool.QueryRow(t.Context(), `SELECT count(*) FROM submission WHERE kind <> 'survey'`).Scan(&kept); err != nil || kept < 150 {
		t.Errorf("%d submissions besides answers to surveys are left (%v)", kept, err)
	}
	got := runs[0]
	if got.Kinds < 9 || got.Records < 150 || got.Unread == 0 || got.Unread > got.Records/4 {
		t.Errorf("the workspace holds %+v", got)
	}
	var nearly, queue bool
	if err := a.pool.QueryRow(t.Context(), `
		SELECT bool_or(free BETWEEN 1 AND capacity / 10), bool_or(free <= 0) FROM (
			SELECT w.capacity, w.capacity - w.reserved - count(s.id) AS free
			FROM webinar w LEFT JOIN submission s ON s.subject_id = w.id AND s.status = 'registered'
			WHERE w.starts_local > localtimestamp GROUP BY w.id) coming`).Scan(&nearly, &queue); err != nil || !nearly || !queue {
		t.Errorf("coming webinars: one nearly full %t, one full %t (%v)", nearly, queue, err)
	}
	strangers, err := postgres.Column[string](t.Context(), a.pool, `
		SELECT address FROM (
			SELECT email AS address FROM person WHERE email IS NOT NULL UNION ALL SELECT email FROM account
			UNION ALL SELECT address FROM message WHERE address IS NOT NULL) every
		WHERE address !~ '@([a-z0-9-]+\.)*example(\.(com|net|org))?$' `)
	if err != nil || len(strangers) > 0 {
		t.Errorf("addresses that could be somebody's: %v (%v)", strangers, err)
	}
	if diff := cmp.Diff(runs[0], runs[1]); diff != "" {
		t.Errorf("a second run changed something (-first +second):\n%s", diff)
	}
}

// TestDemoShowsAll finds something in every status, a mail that failed, and a customer who signs in and has a file.
func TestDemoShowsAll(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	var told strings.Builder
	a.stdout = &told
	if err := a.loadDemo(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, kind := range a.rooms.activities {
		for _, status := range kind.Statuses {
			var n int
			if err := a.pool.QueryRow(t.Context(), `
				SELECT count(*) FROM submission WHERE kind = $1 AND status = $2 AND quarantined_at IS NULL`,
				kind.Kind, status.Value).Scan(&n); err != nil || n == 0 {
				t.Errorf("nothing of kind %s is %s (%v)", kind.Kind, status.Value, err)
			}
		}
	}
	var letters, lost int
	if err := a.pool.QueryRow(t.Context(), `
		SELECT count(*), count(*) FILTER (WHERE coalesce(data ->> 'URL', '') NOT LIKE '/r/%')
		FROM message WHERE template IN ('letter', 'more') AND data <> '{}'`).Scan(&letters, &lost); err != nil || letters == 0 || lost > 0 {
		t.Errorf("%d of %d letters don't lead to the receipt (%v)", lost, letters, err)
	}
	failed, err := a.mail.Failed(t.Context(), mail.Cursor{}, 10)
	if err != nil || len(failed) != 1 || failed[0].Emptied {
		t.Errorf("failed mail: %+v (%v)", failed, err)
	}
	if err := a.tellCustomer(t.Context()); err != nil || !strings.Contains(told.String(), a.demoPassword()) {
		t.Fatalf("told of the customer: %q (%v)", &told, err)
	}
	server := httptest.NewServer(a.handler())
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Jar: jar}).PostForm(server.URL+"/connect/sign-in", url.Values{
		"email": {demoCustomer}, "password": {a.demoPassword()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	d, err := goquery.NewDocumentFromReader(resp.Body)
	if err != nil || resp.Request.URL.Path != "/connect" || !strings.Contains(d.Text(), "Your access to Clickconnect is open") {
		t.Errorf("signed in, the customer is at %s (%v)", resp.Request.URL.Path, err)
	}
}
