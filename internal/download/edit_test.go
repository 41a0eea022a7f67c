package download_test

import (
	"bytes"
	"context"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/submission"
)

// office is the workspace with one marketer in it.
type office struct {
	*bench
	staff chi.Router
	who   *account.Session
}

func newOffice(t *testing.T) *office {
	t.Helper()
	b := newBench(t)
	now := b.Now()
	o := &office{bench: b, staff: chi.NewRouter(), who: &account.Session{
		Account: account.Account{ID: uuid.Must(uuid.NewV7()), Name: "Max", Kind: account.Staff}, Kind: account.Staff,
		Roles: []account.Role{account.Marketer}, TOTPAt: &now,
	}}
	if _, err := b.Pool.Exec(t.Context(), `
		INSERT INTO account (id, email, name, kind, created_at) VALUES ($1, 'max@example.com', 'Max', 'staff', $2)`,
		o.who.Account.ID, now); err != nil {
		t.Fatal(err)
	}
	o.staff.Route("/staff", b.room.Activity().Staff)
	return o
}

// do sends a request as the marketer, with a file where one is given.
func (o *office) do(method, path string, v url.Values, file []byte) *httptest.ResponseRecorder {
	o.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for name, list := range v {
		for _, value := range list {
			if err := m.WriteField(name, value); err != nil {
				o.t.Fatal(err)
			}
		}
	}
	if file != nil {
		w, err := m.CreateFormFile("file", "guide.pdf")
		if err != nil {
			o.t.Fatal(err)
		}
		if _, err := w.Write(file); err != nil {
			o.t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		o.t.Fatal(err)
	}
	r := httptest.NewRequest(method, path, &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	w := httptest.NewRecorder()
	o.staff.ServeHTTP(w, r.WithContext(account.With(r.Context(), o.who)))
	return w
}

func (o *office) save(path string, v url.Values, file []byte) *httptest.ResponseRecorder {
	o.t.Helper()
	for name, list := range activitytest.Hidden(o.do(http.MethodGet, path, nil, nil).Body.String()) {
		v[name] = list
	}
	return o.do(http.MethodPost, path, v, file)
}

func (o *office) press(path, act string) *httptest.ResponseRecorder {
	o.t.Helper()
	v := url.Values{"version": activitytest.Hidden(o.do(http.MethodGet, path, nil, nil).Body.String())["version"][:1]}
	return o.do(http.MethodPost, path+"/"+act, v, nil)
}

// TestFilesAwayKeepWhatIsTyped saves while the store of files does not answer.
func TestFilesAwayKeepWhatIsTyped(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	blobs, err := file.OpenBlobs("", filepath.Join(os.DevNull, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	o.Desk.Log, o.Desk.Files = quiet, file.New(file.Config{Pool: o.Pool, Blobs: blobs, Keys: o.Ring, Now: o.Now, Log: quiet})
	w := o.save("/staff/downloads/new", guide(), []byte(pdf))
	for _, text := range []string{"What you typed is still here", "You may read it.", `value="A guide"`} {
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), text) {
			t.Errorf("%d without %q", w.Code, text)
		}
	}
	v := guide()
	v["id"] = activitytest.Hidden(w.Body.String())["id"]
	if w := o.do(http.MethodPost, "/staff/downloads/new", v, nil); w.Code != http.StatusSeeOther {
		t.Errorf("saved again, without the file: %d", w.Code)
	}
}

const pdf = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n" +
	"trailer\n<< /Root 1 0 R >>\n%%EOF\n"

func guide() url.Values {
	return url.Values{
		"title": {"A guide"}, "family": {"/products/contracts"}, "audience": {"public"}, "summary": {"What it says."}, "body": {"Text"},
		"licence": {"Click Commerce Reading Licence"}, "licence_version": {"1.2"}, "licence_text": {"You may read it."},
	}
}

func TestStaffPublishAFile(t *testing.T) {
	o := newOffice(t)
	w := o.save("/staff/downloads/new", guide(), nil)
	path, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	if w.Code != http.StatusSeeOther {
		t.Fatalf("new: %d %s", w.Code, document(t, w).Find(".errors").Text())
	}
	if w := o.press(path, "publish"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "It has no file yet") {
		t.Errorf("published without a file: %d", w.Code)
	}
	if w := o.save(path, guide(), []byte(pdf)); w.Code != http.StatusUnprocessableEntity ||
		!strings.Contains(w.Body.String(), "Enter the version of the file") {
		t.Errorf("a file without a version: %d", w.Code)
	}
	v := guide()
	v.Set("file_version", "1.0")
	if w := o.save(path, v, nil); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Choose the file that is version 1.0") {
		t.Errorf("a version without a file: %d", w.Code)
	}
	if w := o.save(path, v, []byte("MZ no paper")); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a program in a paper's place: %d", w.Code)
	}
	if w := o.save(path, v, []byte(pdf)); w.Code != http.StatusSeeOther {
		t.Fatalf("file: %d %s", w.Code, document(t, w).Find(".errors").Text())
	}
	if w := o.do(http.MethodGet, path+"/preview", nil, nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "You may read it.") {
		t.Errorf("preview: %d", w.Code)
	}
	if w := o.Get("/downloads/a-guide"); w.Code != http.StatusNotFound {
		t.Errorf("a draft is public: %d", w.Code)
	}
	if w := o.press(path, "publish"); w.Code != http.StatusSeeOther {
		t.Fatalf("publish: %d", w.Code)
	}
	if w := o.Get("/downloads/a-guide"); w.Code != http.StatusOK {
		t.Errorf("published: %d", w.Code)
	}
	changed := guide()
	changed.Set("file_version", "1.0")
	changed.Set("licence_text", "You may not read it.")
	if w := o.save(path, changed, nil); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Give the changed text a new number") {
		t.Errorf("the text of a licence changed under its number: %d", w.Code)
	}
}

// What is offered in the portal alone has no public page: neither its editing page nor its preview leads to one.
func TestPortalFileHasNoPublicPage(t *testing.T) {
	o := newOffice(t)
	for _, audience := range []string{"public", "connect"} {
		v := guide()
		v.Set("title", "For "+audience)
		v.Set("audience", audience)
		v.Set("file_version", "1.0")
		path, _, _ := strings.Cut(o.save("/staff/downloads/new", v, []byte(pdf)).Header().Get("Location"), "?")
		if w := o.press(path, "publish"); w.Code != http.StatusSeeOther {
			t.Fatalf("publish for %s: %d", audience, w.Code)
		}
		edit, preview := document(t, o.do(http.MethodGet, path, nil, nil)), document(t, o.do(http.MethodGet, path+"/preview", nil, nil))
		link := `[href^="/downloads/for-` + audience + `"]`
		if got := edit.Find(link).Length()+preview.Find(link).Length() > 0; got != (audience == "public") {
			t.Errorf("links to a page for %s: %t", audience, got)
		}
	}
}

func TestNewVersionTakesThePlace(t *testing.T) {
	o := newOffice(t)
	v := guide()
	v.Set("file_version", "1.0")
	w := o.save("/staff/downloads/new", v, []byte(pdf))
	path, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	if w := o.press(path, "publish"); w.Code != http.StatusSeeOther {
		t.Fatalf("publish: %d", w.Code)
	}
	newer := []byte(pdf + "% more\n")
	if w := o.save(path, v, newer); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Version 1.0 is another file") {
		t.Errorf("another file under the same version: %d", w.Code)
	}
	o.Advance(time.Minute)
	v.Set("file_version", "1.1")
	if w := o.save(path, v, newer); w.Code != http.StatusSeeOther {
		t.Fatalf("new version: %d", w.Code)
	}
	// A version that may not be opened is not offered: the one before stays.
	if _, err := o.Pool.Exec(t.Context(), `
		UPDATE file SET scan = 'error' WHERE id = (SELECT file_id FROM download_version WHERE version = '1.1' AND download_id = $1)`,
		strings.TrimPrefix(path, "/staff/downloads/")); err != nil {
		t.Fatal(err)
	}
	o.Advance(time.Minute)
	if body := o.Get("/downloads/a-guide").Body.String(); !strings.Contains(body, "<dd>1.0</dd>") {
		t.Error("a version that was not found clean is offered")
	}
	if body := o.do(http.MethodGet, path, nil, nil).Body.String(); !strings.Contains(body, "it is withheld") {
		t.Error("staff are not told that the file is withheld")
	}
	if _, err := o.Pool.Exec(t.Context(), `UPDATE file SET scan = 'clean' WHERE scan = 'error'`); err != nil {
		t.Fatal(err)
	}
	o.Advance(25 * time.Hour)
	if body := o.Get("/downloads/a-guide").Body.String(); !strings.Contains(body, "<dd>1.1</dd>") {
		t.Error("the new version is not offered")
	}
	if err := o.room.RemoveOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := o.count(`SELECT count(*) FROM download_version WHERE version = '1.0' AND file_id IS NULL AND download_id = $1`,
		strings.TrimPrefix(path, "/staff/downloads/")); n != 1 {
		t.Error("the file of the old version was kept")
	}
	if body := o.Get("/downloads/a-guide").Body.String(); !strings.Contains(body, "<dd>1.1</dd>") {
		t.Error("the new version went with the old")
	}
}

func TestStaffWithdrawADownload(t *testing.T) {
	o := newOffice(t)
	receipt, link := o.ask()
	var id uuid.UUID
	if err := o.Pool.QueryRow(t.Context(), `SELECT id FROM download WHERE slug = 'dealer-portal-checklist'`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	if w := o.press("/staff/downloads/"+id.String(), "withdraw"); w.Code != http.StatusSeeOther {
		t.Fatalf("withdraw: %d", w.Code)
	}
	o.Advance(time.Minute)
	for path, want := range map[string]int{paper: 404, request: 404, link: 410, receipt: 200} {
		if w := o.Get(path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if _, code := o.bench.press(link); code != http.StatusGone {
		t.Errorf("POST: %d", code)
	}
}

// A request that was kept apart gets its link when it is taken out of quarantine.
func TestRestoredRequestGetsItsLink(t *testing.T) {
	b := newBench(t)
	address, rec := b.send(b.filled(request, "ada@example.com"))
	if _, err := b.Pool.Exec(t.Context(), `
		WITH unmailed AS (DELETE FROM message WHERE submission_id = $1)
		UPDATE submission SET quarantined_at = created_at WHERE id = $1`, rec.ID); err != nil {
		t.Fatal(err)
	}
	b.Advance(8 * 24 * time.Hour)
	if w := b.Post(address+"/new-link", nil); w.Code != http.StatusNotFound {
		t.Errorf("a link for what is quarantined: %d", w.Code)
	}
	if err := b.Desk.Restore(context.Background(), rec.ID, submission.System); err != nil {
		t.Fatal(err)
	}
	link := b.link()
	until := b.Now().AddDate(0, 0, 7).Format("2 January 2006")
	if body := b.Get(address).Body.String(); !strings.Contains(body, "good until "+until) || strings.Contains(body, "new-link") {
		t.Error("the receipt does not say that the link was just mailed, and until when it is good")
	}
	if w := b.Post(address+"/new-link", nil); w.Code != http.StatusTooManyRequests {
		t.Errorf("another link at once: %d", w.Code)
	}
	if _, code := b.press(link); code != http.StatusSeeOther {
		t.Errorf("the link of a restored request: %d", code)
	}
}

// TestDeletedDraftLeavesNoFile deletes a draft that holds a file.
func TestDeletedDraftLeavesNoFile(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	v := guide()
	v.Set("file_version", "1.0")
	path, _, _ := strings.Cut(o.save("/staff/downloads/new", v, []byte(pdf)).Header().Get("Location"), "?")
	files := func(condition string) (n int) {
		t.Helper()
		if err := o.Pool.QueryRow(t.Context(), `SELECT count(*) FROM file WHERE `+condition).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := files(`holder = 'download'`)
	if w := o.press(path, "delete"); w.Code != http.StatusSeeOther {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	if n := files(`holder = 'download'`); n != before-1 {
		t.Errorf("%d of %d files are held", n, before)
	}
	if err := o.Desk.Files.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := files(`state = 'removed'`); n > 0 {
		t.Errorf("%d files are left", n)
	}
}
