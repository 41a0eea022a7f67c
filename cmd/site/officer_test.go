package main

import (
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/mail/mailtest"
	"clickcommerce.com/site/web"
)

// withFiles is web with more files.
func withFiles(t *testing.T, more map[string]string) fs.FS {
	t.Helper()
	all := fstest.MapFS{}
	err := fs.WalkDir(web.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(web.FS, name)
		all[name] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range more {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

// next is the newest statement under another id, with words replaced.
func next(t *testing.T, id string, words ...string) string {
	t.Helper()
	raw, err := fs.ReadFile(web.FS, "privacy/2026-11-18.md")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(append([]string{"2026-11-18", id}, words...)...).Replace(string(raw))
}

// asks sends a question by the form of contact and returns who asked.
func asks(t *testing.T, a *app, email string) uuid.UUID {
	t.Helper()
	contact, _ := a.desk.Activities().Find("contact")
	f, err := contact.Form(t.Context(), uuid.Nil)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	a.front().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://site.test/contact", nil))
	values := activitytest.Examples(f)
	maps.Copy(values, activitytest.Hidden(w.Body.String()))
	values.Set("email", email)
	req := httptest.NewRequest(http.MethodPost, "http://site.test/contact", strings.NewReader(values.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w = httptest.NewRecorder()
	a.front().ServeHTTP(w, req)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("a question: %d", w.Code)
	}
	who, err := a.people.Find(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	return who.ID
}

// deliver does what the jobs do about mail and notices, until all has left and is noted.
func deliver(t *testing.T, a *app) {
	t.Helper()
	for range 2 {
		for _, w := range a.workers() {
			if w.Name != "mail" && w.Name != "notices" {
				continue
			}
			if err := w.Run(t.Context()); err != nil {
				t.Fatalf("%s: %v", w.Name, err)
			}
		}
	}
}

// visits asks for a page as who is signed in by the cookie.
func visits(a *app, cookie *http.Cookie, method, path, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, "http://site.test"+path, strings.NewReader(body))
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.AddCookie(cookie)
	w := httptest.NewRecorder()
	a.front().ServeHTTP(w, req)
	return w
}

// TestPreviewIsOfTheDay leaves a version unpublished until another is in force, and looks at what it would do then.
func TestPreviewIsOfTheDay(t *testing.T) {
	t.Parallel()
	const late = "/staff/statements/2026-11-19"
	files := withFiles(t, map[string]string{
		"privacy/2026-11-19.md": next(t, "2026-11-19", "    data: [name, email address, ", "    data: [time of day, name, email address, "),
		"privacy/2026-11-20.md": next(t, "2026-11-20", "The word \"stop\" is enough.", "One word, \"stop\", is enough."),
	})
	now := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	a := newAppAt(t, files, func() time.Time { return now })
	_, officer := accounttest.Staff(t, a.accounts, now, account.Privacy)
	if w := visits(a, officer, http.MethodPost, "/staff/statements/2026-11-20", "sure=yes&on=2026-11-20"); w.Code != http.StatusSeeOther {
		t.Fatalf("publish: %d", w.Code)
	}
	asks(t, a, "ada@example.com")
	now = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC) // the evening before, in Chicago
	_, officer = accounttest.Staff(t, a.accounts, now, account.Privacy)
	for _, c := range []struct {
		method, body string
		says         []string
	}{
		{http.MethodGet, "", []string{"21 November 2026, which means at once", "and tell 1 person", `value="2026-11-21"`, `max="2027-11-21"`}},
		{http.MethodPost, "on=2026-11-22", []string{"<dd>22 November 2026</dd>", "and tell 1 person", `value="2026-11-22"`}},
		{http.MethodPost, "sure=yes&on=2206-12-01", []string{"It takes effect within a year"}},
	} {
		w := visits(a, officer, c.method, late, c.body)
		for _, want := range c.says {
			if text := strings.Join(strings.Fields(w.Body.String()), " "); !strings.Contains(text, want) {
				t.Errorf("%s %s: %d, lacks %q", c.method, c.body, w.Code, want)
			}
		}
	}
}

// TestOfficerPublishes goes from the preview to the mails in the hands of an SMTP server: first new words, of which nobody
// is told, then a new use, which two officers publish at the same moment.
func TestOfficerPublishes(t *testing.T) {
	t.Parallel()
	files := withFiles(t, map[string]string{
		"privacy/2026-11-20.md": next(t, "2026-11-20", "The word \"stop\" is enough.", "One word, \"stop\", is enough."),
		"privacy/2026-11-21.md": next(t, "2026-11-21", "    data: [name, email address, ", "    data: [time of day, name, email address, "),
		"privacy/broken.md":     "no front matter",
	})
	server := mailtest.Serve(t)
	now := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	a := newAppAt(t, files, func() time.Time { return now }, "SMTP_URL="+server.URL)
	who := asks(t, a, "ada@example.com")
	deliver(t, a) // the receipt
	_, first := accounttest.Staff(t, a.accounts, now, account.Privacy)
	_, second := accounttest.Staff(t, a.accounts, now, account.Privacy)
	ask := func(cookie *http.Cookie, method, path, body string) *httptest.ResponseRecorder {
		return visits(a, cookie, method, path, body)
	}
	shows := func(path string, status int, words ...string) {
		t.Helper()
		w := ask(first, http.MethodGet, path, "")
		text := strings.Join(strings.Fields(w.Body.String()), " ")
		for _, want := range words {
			if w.Code != status || !strings.Contains(text, want) {
				t.Errorf("%s: %d, lacks %q", path, w.Code, want)
			}
		}
	}
	shows("/staff/statements", 200, "Version of 21 November 2026", "Version of 20 November 2026", "statement broken: no front matter")
	shows("/staff/statements/broken", 422, "can’t be read", "no front matter")
	shows("/staff/statements/2026-11-20", 200, "Words only", "Nobody", "which means at once")
	if w := ask(first, http.MethodPost, "/staff/statements/2026-11-20", ""); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("without the box: %d", w.Code)
	}
	if w := ask(first, http.MethodPost, "/staff/statements/2026-11-20", "sure=yes&on=2026-11-19"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("in the past: %d", w.Code)
	}
	if w := ask(first, http.MethodPost, "/staff/statements/2026-11-20", "sure=yes&on=2026-11-20"); w.Code != http.StatusSeeOther {
		t.Fatalf("new words: %d", w.Code)
	}
	before := len(server.To("ada@example.com"))
	deliver(t, a)
	if got := len(server.To("ada@example.com")); got != before {
		t.Errorf("%d mails of new words", got-before)
	}

	shows("/staff/statements/2026-11-21", 200, "Use: data is used for more", "1 person", "time of day")
	var both sync.WaitGroup
	var late atomic.Int64
	for _, officer := range []*http.Cookie{first, second} {
		both.Go(func() {
			w := ask(officer, http.MethodPost, "/staff/statements/2026-11-21", "sure=yes&on=2026-11-21")
			if w.Code != http.StatusSeeOther {
				t.Errorf("of two at once: %d", w.Code)
			}
			if w.Header().Get("Location") == "/staff/statements?already=2026-11-21" {
				late.Add(1)
			}
		})
	}
	both.Wait()
	if late.Load() != 1 {
		t.Errorf("%d of two officers were told that it was published", late.Load())
	}
	shows("/staff/statements?already=2026-11-21", 200, "Published already, on 20 November 2026")
	shows("/staff/statements", 200, "21 November 2026", "Every version that came with this program is published")
	deliver(t, a)
	mails := server.To("ada@example.com")
	if len(mails) != before+1 || !strings.Contains(mails[before].Raw, "privacy statement changes on 21 November 2026") {
		t.Fatalf("%d mails of the new use", len(mails)-before)
	}
	var events, notices int
	if err := a.pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM audit_event WHERE object = 'statement'),
			(SELECT count(*) FROM notice WHERE person_id = $1 AND delivered_at IS NOT NULL)`, who).Scan(&events, &notices); err != nil {
		t.Fatal(err)
	}
	if events != 2 || notices != 1 {
		t.Errorf("%d acts of publishing in the log, %d notices delivered", events, notices)
	}
	shows("/staff/statements", 200, "Of the version of 21 November 2026 1 person was told by mail so far; 1 of these mails arrived.")
}
