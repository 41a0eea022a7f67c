package webinar_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/account"
)

// webm is an EBML header that names WebM.
const (
	webm     = "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm\x42\x87\x81\x02"
	captions = "WEBVTT\n\n00:00.000 --> 00:04.500\nOne part.\n"
)

// upload saves the edit form with files, by the names of their fields.
func (w *workspace) upload(path string, values url.Values, files map[string]string, want int) *httptest.ResponseRecorder {
	w.t.Helper()
	for name, list := range hidden(w.do(http.MethodGet, path, nil).Body.String()) {
		values[name] = list[:1]
	}
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for name, list := range values {
		if err := m.WriteField(name, list[0]); err != nil {
			w.t.Fatal(err)
		}
	}
	for field, contents := range files {
		part, err := m.CreateFormFile(field, map[string]string{"film_upload": "recording.webm", "captions_upload": "recording.vtt"}[field])
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := part.Write([]byte(contents)); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/staff"+path, &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	got := httptest.NewRecorder()
	w.router.ServeHTTP(got, r.WithContext(account.With(r.Context(), w.in)))
	if got.Code != want {
		w.t.Fatalf("POST %s: %d, want %d: %s", path, got.Code, want, problems(got))
	}
	return got
}

func TestUploadedRecording(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.add(event{capacity: 1})
	h.register("parts", guest(1))
	w := h.as(account.Marketer)
	path := "/webinars/" + id.String()
	if page := w.do(http.MethodGet, path, nil).Body.String(); strings.Contains(page, "film_upload") {
		t.Error("a recording is asked for before the event")
	}
	h.until("2026-12-03 13:00")
	h.letters()
	edited := url.Values{
		"title": {"Planning parts"}, "slug": {"parts"}, "summary": {"One part."}, "join_url": {"https://meet.example.com/secret"},
		"capacity": {"1"}, "reserved": {"0"}, "body": {"Words."},
	}
	attach := func(want int) *httptest.ResponseRecorder {
		t.Helper()
		return w.send(path, path+"/recording", url.Values{"recording-film": {"uploaded"}, "recording-transcript": {"Words."}}, want)
	}
	if got := attach(http.StatusUnprocessableEntity); !strings.Contains(got.Body.String(), "No film was uploaded here yet") {
		t.Errorf("attached without a film: %s", problems(got))
	}
	refused := w.upload(path, clone(edited), map[string]string{"film_upload": "GIF89a"}, http.StatusUnprocessableEntity)
	if !strings.Contains(refused.Body.String(), "recording.webm is named like a WebM film") {
		t.Errorf("refused: %s", problems(refused))
	}
	w.upload(path, clone(edited), map[string]string{"film_upload": webm + "first"}, http.StatusSeeOther)
	if got := attach(http.StatusUnprocessableEntity); !strings.Contains(got.Body.String(), "Type the captions, or upload them") {
		t.Errorf("attached without captions: %s", problems(got))
	}
	w.upload(path, clone(edited), map[string]string{"captions_upload": captions}, http.StatusSeeOther)
	if page := w.do(http.MethodGet, path, nil).Body.String(); strings.Count(page, "Not scanned for viruses") != 2 {
		t.Error("the editor does not say that the files are not scanned")
	}
	const video, words = "/webinars/parts/recording.webm", "/webinars/parts/recording.vtt"
	if got := h.Get(video); got.Code != http.StatusNotFound {
		t.Errorf("the film before it is attached: %d", got.Code)
	}
	attach(http.StatusSeeOther)
	h.exec(`UPDATE file SET scan = 'error' WHERE field = 'film_upload'`)
	h.tend()
	if got := h.Get(video); got.Code != http.StatusNotFound || len(h.letters()) > 0 {
		t.Errorf("a film that may not be opened: %d, or it was mailed of", got.Code)
	}
	h.exec(`UPDATE file SET scan = 'clean', scanned_at = $1`, h.Now())
	h.tend()
	h.Pages.Invalidate()
	if l := h.letters(); len(l) != 1 || l[0].to != guest(1) {
		t.Errorf("mails: %+v", l)
	}
	r := httptest.NewRequest(http.MethodGet, video, nil)
	r.Header.Set("Range", "bytes=4-7")
	if got := h.Do(r); got.Code != http.StatusPartialContent || got.Body.String() != webm[4:8] || got.Header().Get("Content-Type") != "video/webm" {
		t.Errorf("a range of the film: %d %q %v", got.Code, got.Body, got.Header())
	}
	if got := h.Get(words); got.Body.String() != captions {
		t.Errorf("captions: %d %q", got.Code, got.Body)
	}
	page := h.Get("/webinars/parts").Body.String()
	if !strings.Contains(page, `<source src="`+video+`"`) || !strings.Contains(page, `kind="captions"`) || strings.Contains(page, "poster=") {
		t.Error("the page shows no film, or a picture that there is none of")
	}
	if list := h.Get("/webinars").Body.String(); !strings.Contains(list, `id="recorded"`) || strings.Contains(list, `src=""`) {
		t.Error("the list shows no recording, or a picture that there is none of")
	}

	w.upload(path, clone(edited), map[string]string{"film_upload": webm + "second"}, http.StatusSeeOther)
	h.Advance(25 * time.Hour)
	if err := h.room.RemoveOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.Get(video).Body.String(); got != webm+"second" {
		t.Errorf("the recording stays %q", got)
	}
	var fields []string
	if err := h.Pool.QueryRow(t.Context(), `SELECT array_agg(field ORDER BY field) FROM file WHERE holder = 'webinar'`).Scan(&fields); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fields, []string{"captions_upload", "film_upload"}); diff != "" {
		t.Errorf("kept (-got +want):\n%s", diff)
	}
}
