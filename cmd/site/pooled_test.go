package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

// TestBehindPgBouncer takes an application from its form to the queue of its reviewers, with every connection but the
// owner's through PgBouncer in transaction mode, set as the README says, and the jobs at work.
func TestBehindPgBouncer(t *testing.T) {
	t.Parallel()
	in := newInstall(t)
	a := in.open(t, "DATABASE_URL="+pgtest.BouncerOf(t, in.pool, 8), "PUBLIC_URL=http://site.test")
	server := serveApp(t, a)
	if err := a.startWork(t.Context(), a.workspace.Start); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.endWork(stopWork); err != nil {
			t.Error(err)
		}
	}()

	shown, err := http.Get(server.URL + "/alliances/apply")
	if err != nil {
		t.Fatal(err)
	}
	f := readForm("/alliances/apply", parsed(t, shown))
	sent := f.send(t, server, f.values)
	sent.Body.Close()
	location := sent.Header.Get("Location")
	if sent.StatusCode != http.StatusSeeOther || !strings.HasPrefix(location, "/r/") {
		t.Fatalf("the form: %d to %q", sent.StatusCode, location)
	}
	receipt, err := http.Get(server.URL + location)
	if err != nil {
		t.Fatal(err)
	}
	receipt.Body.Close()
	if receipt.StatusCode != http.StatusOK {
		t.Errorf("the receipt: %d", receipt.StatusCode)
	}

	awaitWork(t, a)
	address := f.values.Get("email")
	if text := strings.Join(in.letters(t), ""); !strings.Contains(text, "To: <"+address+">") {
		t.Errorf("no mail to %s among:\n%s", address, text)
	}
	_, cookie := accounttest.Staff(t, a.accounts, a.now(), account.Reviewer)
	for _, path := range []string{"/staff/submissions?kind=alliance", "/staff/submissions?q=" + address} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.AddCookie(cookie)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if text := parsed(t, resp).Text(); resp.StatusCode != http.StatusOK || !strings.Contains(text, f.values.Get("name")) {
			t.Errorf("%s: %d, and the applicant is not in it", path, resp.StatusCode)
		}
	}
}

// awaitWork waits until all mails are sent and the search finds what came in.
func awaitWork(t *testing.T, a *app) {
	t.Helper()
	waiting := -1
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		err := a.pool.QueryRow(t.Context(), `
			SELECT (SELECT count(*) FROM message WHERE state <> 'sent') + (SELECT count(*) FROM submission WHERE indexed_at IS NULL)`).
			Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
		if waiting == 0 {
			return
		}
	}
	t.Fatalf("%d rows still wait for the jobs", waiting)
}
