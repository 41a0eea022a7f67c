package demo_test

import (
	"bytes"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/file"
)

// webm is an EBML header that names WebM, with a tail to tell films apart.
const (
	webm     = "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm\x42\x87\x81\x02"
	captions = "WEBVTT\n\n00:00.000 --> 00:04.500\nA part comes back.\n"
)

// office is the workspace with one marketer in it.
type office struct {
	*bench
	staff chi.Router
	who   *account.Session
}

func newOffice(t *testing.T, b *bench) *office {
	t.Helper()
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

// upload is a file by the name that it is chosen under.
type upload struct{ field, name, body string }

func (o *office) do(method, path string, v url.Values, files ...upload) *httptest.ResponseRecorder {
	o.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for name, list := range v {
		if err := m.WriteField(name, list[0]); err != nil {
			o.t.Fatal(err)
		}
	}
	for _, f := range files {
		part, err := m.CreateFormFile(f.field, f.name)
		if err != nil {
			o.t.Fatal(err)
		}
		if _, err := part.Write([]byte(f.body)); err != nil {
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

// save sends the edit form for a film of its own.
func (o *office) save(path string, want int, files ...upload) *httptest.ResponseRecorder {
	o.t.Helper()
	v := activitytest.Hidden(o.do(http.MethodGet, path, nil).Body.String())
	for name, text := range map[string]string{
		"title": "Returns without forms", "slug": "returns", "family": "/products/service-parts", "summary": "A part comes back.",
		"body": "Text", "minutes_live": "45", "film": "uploaded", "chapters": "0:00 | Start | A bench", "transcript": "A part comes back.",
	} {
		v.Set(name, text)
	}
	w := o.do(http.MethodPost, path, v, files...)
	if w.Code != want {
		o.t.Fatalf("POST %s: %d, want %d: %s", path, w.Code, want, document(o.t, w).Find(".errors").Text())
	}
	return w
}

func (o *office) press(path, act string) *httptest.ResponseRecorder {
	o.t.Helper()
	v := url.Values{"version": activitytest.Hidden(o.do(http.MethodGet, path, nil).Body.String())["version"][:1]}
	return o.do(http.MethodPost, path+"/"+act, v)
}

func (o *office) exec(sql string, args ...any) {
	o.t.Helper()
	if _, err := o.Pool.Exec(o.t.Context(), sql, args...); err != nil {
		o.t.Fatal(err)
	}
}

// open asks for the film as a visitor does, and returns the receipt's address.
func (o *office) open() string {
	o.t.Helper()
	const path = "/demos/returns/request"
	values := activitytest.Hidden(o.Get(path).Body.String())
	values.Set("name", "Ada Lovelace")
	values.Set("email", "ada@example.com")
	values.Set("wants", "film")
	w := o.Post(path, values)
	if w.Code != http.StatusSeeOther {
		o.t.Fatalf("POST %s: %d", path, w.Code)
	}
	return w.Header().Get("Location")
}

func (o *office) part(path, ranges string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Range", ranges)
	return o.Do(r)
}

func TestUploadedFilm(t *testing.T) {
	t.Parallel()
	o := newOffice(t, newBench(t))
	for says, files := range map[string][]upload{
		"Upload the film, or choose one":                                  nil,
		"Type the captions, or upload":                                    {{"film_upload", "a.webm", webm}},
		"a.mp4 is of a kind that we do not take here. Choose a WEBM file": {{"film_upload", "a.mp4", webm}},
		"a.webm is named like a WebM film, but its contents are a PDF":    {{"film_upload", "a.webm", "%PDF-1.4\n"}},
		"a.vtt is named like WebVTT captions, but its contents are":       {{"captions_upload", "a.vtt", "00:00.000 --> 00:01.000\nNo"}},
	} {
		w := o.save("/staff/demos/new", http.StatusUnprocessableEntity, files...)
		if got := document(t, w).Find(".errors").Text(); !strings.Contains(got, says) {
			t.Errorf("%q is not said of %v: %s", says, files, got)
		}
	}
	w := o.save("/staff/demos/new", http.StatusSeeOther,
		upload{"film_upload", "a.webm", webm + "first"}, upload{"captions_upload", "a.vtt", captions})
	path, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	if page := o.do(http.MethodGet, path, nil).Body.String(); strings.Count(page, "Not scanned for viruses") != 2 {
		t.Error("the editor does not say that the files are not scanned")
	}
	if w := o.press(path, "publish"); w.Code != http.StatusSeeOther {
		t.Fatalf("publish: %d", w.Code)
	}
	o.Pages.Invalidate()
	for _, address := range []string{"/demos", "/demos/returns", "/demos/returns/request"} {
		page := o.Get(address)
		if body := page.Body.String(); page.Code != http.StatusOK || strings.Contains(body, "uploaded.webp") || strings.Contains(body, `src=""`) {
			t.Errorf("%s: %d, or it draws a picture that is not there", address, page.Code)
		}
	}
	receipt := o.open()
	if page := o.Get(receipt).Body.String(); !strings.Contains(page, `<source src="`+receipt+`/film"`) {
		t.Error("the receipt has no player")
	}
	if w := o.part(receipt+"/film", "bytes=4-7"); w.Code != http.StatusPartialContent || w.Body.String() != webm[4:8] ||
		w.Header().Get("Content-Type") != "video/webm" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("a range of the film: %d %q %v", w.Code, w.Body, w.Header())
	}
	if w := o.Get(receipt + "/film.vtt"); w.Body.String() != captions || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/vtt") {
		t.Errorf("captions: %d %q %v", w.Code, w.Body, w.Header())
	}
	if w := o.Get("/demos/returns/picture.png"); w.Code != http.StatusNotFound {
		t.Errorf("a picture that was not uploaded: %d", w.Code)
	}

	var drawn bytes.Buffer
	if err := png.Encode(&drawn, image.NewGray(image.Rect(0, 0, 16, 9))); err != nil {
		t.Fatal(err)
	}
	o.save(path, http.StatusSeeOther,
		upload{"film_upload", "b.webm", webm + "second"}, upload{"picture_upload", "b.png", drawn.String()})
	o.Pages.Invalidate()
	address := document(t, o.Get("/demos/returns")).Find("figure img").AttrOr("src", "")
	if w := o.Get(address); w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/png" || w.Body.String() != drawn.String() {
		t.Errorf("picture %q: %d %v", address, w.Code, w.Header())
	}
	if got := o.Get(receipt + "/film").Body.String(); got != webm+"second" {
		t.Errorf("the film stays %q", got)
	}
	if page := o.do(http.MethodGet, path, nil).Body.String(); !strings.Contains(page, "<dt>Film file</dt>") {
		t.Error("the history does not tell of the new film")
	}
	o.Advance(25 * time.Hour)
	if err := o.room.RemoveOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	var names string
	if err := o.Pool.QueryRow(t.Context(), `SELECT string_agg(name, ' ' ORDER BY name) FROM file WHERE holder = 'demo'`).Scan(&names); err != nil ||
		names != "a.vtt b.png b.webm" {
		t.Errorf("kept: %q, %v", names, err)
	}
	o.press(path, "withdraw")
	if w := o.Get(receipt + "/film"); w.Code != http.StatusOK {
		t.Errorf("the film of a withdrawn demonstration: %d", w.Code)
	}
}

func TestUploadedFilmIsWithheldUntilClean(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *activity.Config) {
		blobs, err := file.OpenBlobs("", t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		c.Files = file.New(file.Config{Pool: c.Pool, Blobs: blobs, Keys: c.Ring, Clamd: "127.0.0.1:1", Now: c.Now, Log: c.Log})
	})
	o := newOffice(t, b)
	w := o.save("/staff/demos/new", http.StatusSeeOther,
		upload{"film_upload", "a.webm", webm}, upload{"captions_upload", "a.vtt", captions})
	path, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	if w := o.press(path, "publish"); w.Code != http.StatusUnprocessableEntity ||
		!strings.Contains(w.Body.String(), "Its film may not be opened yet") || !strings.Contains(w.Body.String(), "Waiting for the virus scanner") {
		t.Errorf("published before the scan: %d", w.Code)
	}
	o.exec(`UPDATE file SET scan = 'clean', scanned_at = $1`, o.Now())
	if w := o.press(path, "publish"); w.Code != http.StatusSeeOther {
		t.Fatalf("publish: %d", w.Code)
	}
	o.Pages.Invalidate()
	receipt := o.open()
	o.save(path, http.StatusSeeOther, upload{"film_upload", "b.webm", webm + "second"})
	if got := o.Get(receipt + "/film").Body.String(); got != webm {
		t.Errorf("before its scan the new film is shown: %q", got)
	}
	o.exec(`UPDATE file SET scan = 'infected', key = NULL WHERE holder = 'demo'`)
	if w := o.Get(receipt + "/film"); w.Code != http.StatusNotFound {
		t.Errorf("an infected film: %d", w.Code)
	}
	if page := o.Get(receipt).Body.String(); strings.Contains(page, "<video") || !strings.Contains(page, "is being checked for viruses") {
		t.Error("the receipt plays a film that is withheld")
	}
}
