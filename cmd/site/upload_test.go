package main

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// endless is a file of any size that costs no memory.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// TestHugeFileLosesNothing sends files of many times the limit as a browser does: what is typed below them comes after.
func TestHugeFileLosesNothing(t *testing.T) {
	a := newApp(t)
	server := serveApp(t, a)
	page, err := http.Get(server.URL + "/careers/apply")
	if err != nil {
		t.Fatal(err)
	}
	f := readForm("/careers/apply", parsed(t, page))
	f.values.Set("letter", "Typed below the file")
	f.values.Set("link", "www.example.com/below")
	for size, sentence := range map[int64]string{
		70 << 20:  "cv.txt is 70 MB; the limit is 10 MB",
		200 << 20: "cv.txt is more than 80 MB; the limit is 10 MB",
	} {
		resp := f.sendHuge(t, server.URL, size)
		doc := parsed(t, resp)
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%d bytes: %d", size, resp.StatusCode)
		}
		if problems := doc.Find(".errors a"); problems.Length() != 1 || !strings.Contains(problems.Text(), sentence) {
			t.Errorf("%d bytes: told %q", size, problems.Text())
		}
		letter, link := doc.Find("#f-letter").Text(), doc.Find("#f-link").AttrOr("value", "")
		if letter != f.values.Get("letter") || link != f.values.Get("link") {
			t.Errorf("%d bytes: kept letter %q, link %q", size, letter, link)
		}
	}
}

// sendHuge posts the form with a file of the size before letter, link and what follows them.
func (f *shownForm) sendHuge(t *testing.T, server string, size int64) *http.Response {
	t.Helper()
	below := []string{"letter", "link", "start", "keep"}
	var head, tail bytes.Buffer
	w := multipart.NewWriter(io.MultiWriter(&head, &tail))
	for name := range f.values {
		if !slices.Contains(below, name) {
			writeField(t, w, name, f.values.Get(name))
		}
	}
	if _, err := w.CreateFormFile(f.file, "cv.txt"); err != nil {
		t.Fatal(err)
	}
	tail.Reset()
	above := bytes.NewReader(bytes.Clone(head.Bytes()))
	for _, name := range below {
		writeField(t, w, name, f.values.Get(name))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	body := io.MultiReader(above, io.LimitReader(endless{}, size), &tail)
	resp, err := http.Post(server+f.address, w.FormDataContentType(), body)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func writeField(t *testing.T, w *multipart.Writer, name, value string) {
	t.Helper()
	if err := w.WriteField(name, value); err != nil {
		t.Fatal(err)
	}
}
