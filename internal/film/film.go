// Package film serves the films that come with the site: recordings without sound whose words stand in captions and in
// a transcript. They lie in web/content/film as NAME.webm, not among the static files, so that a room decides who sees
// one: it calls Serve behind its own check (a receipt's token). The pictures in front of them are public, under
// web/static/film as NAME.webp.
//
// It promises that a film is sent whole or by ranges (RFC 9110 section 14), so that players can seek; that no cache
// keeps it; and that a name leads to nothing but a film.
package film

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"clickcommerce.com/site/internal/page"
)

const (
	folder = "content/film"
	suffix = ".webm"
)

// Poster returns the name of the picture in front of a film, for page.Set.Asset.
func Poster(name string) string { return "film/" + name + ".webp" }

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

// Serve answers GET and HEAD with a film, whole or by ranges. It returns page.ErrNotFound for an unknown name. Whether
// the visitor may see it is the caller's to check.
func Serve(w http.ResponseWriter, r *http.Request, web fs.FS, name string) error {
	if !Exists(web, name) {
		return page.ErrNotFound
	}
	raw, err := fs.ReadFile(web, path.Join(folder, name+suffix))
	if err != nil {
		return fmt.Errorf("read film: %w", err)
	}
	send(w, r, "video/webm", raw)
	return nil
}

// Captions answers GET and HEAD with the captions of a film as WebVTT.
func Captions(w http.ResponseWriter, r *http.Request, cues []Cue) {
	send(w, r, "text/vtt; charset=utf-8", VTT(cues))
}

func send(w http.ResponseWriter, r *http.Request, media string, body []byte) {
	sum := sha256.Sum256(body)
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`) // lets a player that asks for ranges know that they fit together
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
