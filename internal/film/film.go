// Package film serves films. Those that come with the site are recordings without sound whose words stand in captions
// and in a transcript. They lie in web/content/film as NAME.webm, not among the static files, so that a room decides who
// sees one: it calls Shelf.Serve behind its own check (a receipt's token). The pictures in front of them are public, under
// web/static/film as NAME.webp. Others are uploaded by staff for one row of a room, which keeps them as files: see Uploads.
//
// It promises that a film is sent whole or by ranges (RFC 9110 section 14), so that players can seek; that no cache
// keeps it; and that a name leads to nothing but a film.
package film

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"clickcommerce.com/site/internal/page"
)

const (
	folder = "content/film"
	suffix = ".webm"
)

// Poster returns the name of the picture in front of a film, for page.Set.Asset.
func Poster(name string) string { return "film/" + name + ".webp" }

// Small are the widths in pixels of the smaller pictures beside a poster, which is 1280 wide; each lies there as NAME-WIDTH.webp.
var Small = []int{320, 672}

// Sources lists a poster in its widths, for the srcset of its picture; asset is page.Set.Asset.
func Sources(asset func(string) string, name string) string {
	var all strings.Builder
	for _, width := range Small {
		fmt.Fprintf(&all, "%s %dw, ", asset(Poster(fmt.Sprintf("%s-%d", name, width))), width)
	}
	return all.String() + asset(Poster(name)) + " 1280w"
}

// Exists tells whether there is a film of that name in the embedded web folder.
func Exists(web fs.FS, name string) bool {
	return slices.Contains(Names(web), name)
}

// Names lists the films there are, in order of the alphabet.
func Names(web fs.FS) []string {
	entries, err := fs.ReadDir(web, folder)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok && !e.IsDir() {
			names = append(names, name)
		}
	}
	return names
}

// Shelf serves the films of a web folder, whose files don't change and can be sought in. It reads each one whole once,
// for its tag; from then on what is asked for.
type Shelf struct {
	web  fs.FS
	tags map[string]func() (string, error) // by name
}

// NewShelf returns the shelf of an embedded web folder.
func NewShelf(web fs.FS) *Shelf {
	s := &Shelf{web: web, tags: map[string]func() (string, error){}}
	for _, name := range Names(web) {
		s.tags[name] = sync.OnceValues(func() (string, error) {
			f, err := web.Open(place(name))
			if err != nil {
				return "", err
			}
			defer func() { _ = f.Close() }()
			sum := sha256.New()
			_, err = io.Copy(sum, f)
			return tag(sum.Sum(nil)), err
		})
	}
	return s
}

// Serve answers GET and HEAD with a film, whole or by ranges. It returns page.ErrNotFound for an unknown name. Whether
// the visitor may see it is the caller's to check.
func (s *Shelf) Serve(w http.ResponseWriter, r *http.Request, name string) error {
	tagged, ok := s.tags[name]
	if !ok {
		return page.ErrNotFound
	}
	etag, err := tagged()
	if err != nil {
		return fmt.Errorf("read film: %w", err)
	}
	f, err := s.web.Open(place(name))
	if err != nil {
		return fmt.Errorf("read film: %w", err)
	}
	defer func() { _ = f.Close() }()
	body, ok := f.(io.ReadSeeker)
	if !ok {
		return errors.New("read film: its folder can't be sought in")
	}
	send(w, r, "video/webm", etag, body)
	return nil
}

func place(name string) string { return path.Join(folder, name+suffix) }

// tag is what lets a player that asks for ranges know that they fit together.
func tag(sum []byte) string { return `"` + hex.EncodeToString(sum[:12]) + `"` }

// Captions answers GET and HEAD with the captions of a film as WebVTT.
func Captions(w http.ResponseWriter, r *http.Request, cues []Cue) {
	body := VTT(cues)
	sum := sha256.Sum256(body)
	send(w, r, "text/vtt; charset=utf-8", tag(sum[:]), bytes.NewReader(body))
}

func send(w http.ResponseWriter, r *http.Request, media, etag string, body io.ReadSeeker) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, body)
}
