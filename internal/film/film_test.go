package film_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/film"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/web"
)

func shelf() fstest.MapFS {
	return fstest.MapFS{
		"content/film/one.webm":  {Data: []byte("0123456789")},
		"content/film/notes.txt": {Data: []byte("no film")},
		"content/secret.webm":    {Data: []byte("elsewhere")},
	}
}

func TestServe(t *testing.T) {
	for name, tt := range map[string]struct {
		film, ranges string
		code         int
		body         string
	}{
		"whole":          {"one", "", http.StatusOK, "0123456789"},
		"from a place":   {"one", "bytes=4-", http.StatusPartialContent, "456789"},
		"a part":         {"one", "bytes=2-3", http.StatusPartialContent, "23"},
		"past the end":   {"one", "bytes=40-", http.StatusRequestedRangeNotSatisfiable, ""},
		"unknown":        {"two", "", 0, ""},
		"no film":        {"notes.txt", "", 0, ""},
		"another folder": {"../secret", "", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/r/x/film", nil)
			if tt.ranges != "" {
				r.Header.Set("Range", tt.ranges)
			}
			w := httptest.NewRecorder()
			err := film.NewShelf(shelf()).Serve(w, r, tt.film)
			if tt.code == 0 {
				if !errors.Is(err, page.ErrNotFound) || w.Body.Len() > 0 {
					t.Errorf("got %v and %d bytes", err, w.Body.Len())
				}
				return
			}
			if err != nil || w.Code != tt.code || tt.body != "" && w.Body.String() != tt.body {
				t.Errorf("got %d %q, %v", w.Code, w.Body, err)
			}
			if tt.code < 400 && w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

// counting counts the bytes that are read of its films.
type counting struct {
	fstest.MapFS
	read *int
}

func (c counting) Open(name string) (fs.File, error) {
	f, err := c.MapFS.Open(name)
	if seeker, ok := f.(io.ReadSeeker); ok {
		return counted{f, seeker, c.read}, err
	}
	return f, err
}

type counted struct {
	fs.File
	io.Seeker
	read *int
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	*c.read += n
	return n, err
}

// A range costs what it sends, not the whole film.
func TestRangesAreCheap(t *testing.T) {
	t.Parallel()
	const size, asked = 1 << 20, 20
	read := 0
	shelf := film.NewShelf(counting{fstest.MapFS{"content/film/one.webm": {Data: make([]byte, size)}}, &read})
	for range asked {
		r := httptest.NewRequest(http.MethodGet, "/r/x/film", nil)
		r.Header.Set("Range", "bytes=0-99")
		w := httptest.NewRecorder()
		if err := shelf.Serve(w, r, "one"); err != nil || w.Body.Len() != 100 {
			t.Fatalf("%d bytes, %v", w.Body.Len(), err)
		}
	}
	if read >= 2*size {
		t.Errorf("%d bytes were read for %d ranges of 100", read, asked)
	}
}

func TestWords(t *testing.T) {
	chapters := []film.Chapter{{At: 0, Title: "Draft", Scene: "A page"}, {At: 75, Title: "Duties", Scene: "A | list"}}
	back, sentence := film.ParseChapters(film.FormatChapters(chapters) + "\n\n")
	if diff := cmp.Diff(back, chapters); diff != "" || sentence != "" {
		t.Errorf("%s %s", sentence, diff)
	}
	cues := []film.Cue{{From: 0, To: 4, Text: "One"}, {From: 4, To: 61, Text: "a < b & c"}}
	same, sentence := film.ParseCues(film.FormatCues(cues))
	if diff := cmp.Diff(same, cues); diff != "" || sentence != "" {
		t.Errorf("%s %s", sentence, diff)
	}
	want := "WEBVTT\n\n1\n00:00:00.000 --> 00:00:04.000\nOne\n\n2\n00:00:04.000 --> 00:01:01.000\na &lt; b &amp; c\n"
	if diff := cmp.Diff(string(film.VTT(cues)), want); diff != "" {
		t.Error(diff)
	}
}

func TestBrokenLines(t *testing.T) {
	for text, want := range map[string]string{
		"0:00 | A | B\n0:13 C": "Line 2: divide",
		"0:05 | A | B":         "Line 1: the first chapter",
		"x | A | B":            "Line 1: begin with a time",
		"0:00 | A |":           "Line 1: every part",
		"0:00|A|B\n0:00|C|D":   "Line 2: it begins before",
	} {
		if _, got := film.ParseChapters(text); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	}
	for text, want := range map[string]string{
		"0:04 | 0:02 | B":               "Line 1: it ends",
		"0:00 | 0:04 | A\n0:03|0:05| B": "Line 2: it begins",
		"0:60 | 0:04 | A":               "Line 1: begin with two",
	} {
		if _, got := film.ParseCues(text); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// The films that we publish are small, really films, and have a picture in front.
func TestOwnFilms(t *testing.T) {
	names := film.Names(web.FS)
	if len(names) < 4 {
		t.Errorf("%d films", len(names))
	}
	for _, name := range names {
		raw, err := web.FS.ReadFile("content/film/" + name + ".webm")
		if err != nil || len(raw) > 700<<10 || !bytes.HasPrefix(raw, []byte("\x1a\x45\xdf\xa3")) {
			t.Errorf("%s: %d bytes, %v", name, len(raw), err)
		}
		poster, err := web.FS.ReadFile(path.Join("static", film.Poster(name)))
		if err != nil || len(poster) > 60<<10 || !bytes.HasPrefix(poster, []byte("RIFF")) {
			t.Errorf("%s: poster of %d bytes, %v", name, len(poster), err)
		}
		for _, width := range film.Small {
			small, err := web.FS.ReadFile(path.Join("static", film.Poster(fmt.Sprintf("%s-%d", name, width))))
			if err != nil || len(small) >= len(poster) || !bytes.HasPrefix(small, []byte("RIFF")) {
				t.Errorf("%s: poster %d wide of %d bytes, %v", name, width, len(small), err)
			}
		}
	}
}
