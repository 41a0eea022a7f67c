package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

// AssetPrefix is where static files live. An address under it names the digest of the content, and never changes.
const AssetPrefix = "/static/"

type assets struct {
	address map[string]string       // name → address
	content map[string]func() *body // address → content, compressed when first asked for: that takes a while
}

var cssURL = regexp.MustCompile(`url\("?([^")]+)"?\)`)

// newAssets digests every static file. Style sheets come last, since they name other files.
func newAssets(static fs.FS) (*assets, error) {
	a := &assets{address: map[string]string{}, content: map[string]func() *body{}}
	var sheets []string
	err := fs.WalkDir(static, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if path.Ext(name) == ".css" {
			sheets = append(sheets, name)
			return nil
		}
		return a.add(static, name)
	})
	if err != nil {
		return nil, fmt.Errorf("static files: %w", err)
	}
	for _, name := range sheets {
		if err := a.add(static, name); err != nil {
			return nil, fmt.Errorf("static files: %w", err)
		}
	}
	return a, nil
}

func (a *assets) add(static fs.FS, name string) error {
	raw, err := fs.ReadFile(static, name)
	if err != nil {
		return err
	}
	ext := path.Ext(name)
	if ext == ".css" {
		raw = a.link(raw, path.Dir(name))
	}
	sum := sha256.Sum256(raw)
	address := AssetPrefix + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	a.address[name] = address
	a.content[address] = sync.OnceValue(func() *body {
		return newBody(raw, contentType(ext), brotli.BestCompression, immutable, "Accept-Encoding")
	})
	return nil
}

// link replaces the names of files in a style sheet by their addresses.
func (a *assets) link(css []byte, dir string) []byte {
	return cssURL.ReplaceAllFunc(css, func(match []byte) []byte {
		name := string(cssURL.FindSubmatch(match)[1])
		if address, ok := a.address[path.Join(dir, name)]; ok {
			return []byte(`url("` + address + `")`)
		}
		return match
	})
}

func contentType(ext string) string {
	switch ext {
	case ".json":
		return "application/speculationrules+json" // the one file of its kind under web/static
	case ".woff2":
		return "font/woff2"
	case ".vtt":
		return "text/vtt; charset=utf-8"
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

// Asset returns the address of a static file by its name under web/static. An unknown name is returned as it is, which
// the crawl test reports as a broken link.
func (s *Set) Asset(name string) string {
	if address, ok := s.assets.address[name]; ok {
		return address
	}
	return AssetPrefix + name
}

// ServeAsset answers addresses under AssetPrefix: immutable for a year.
func (s *Set) ServeAsset(w http.ResponseWriter, r *http.Request) {
	content, ok := s.assets.content[r.URL.Path]
	if !ok {
		s.Fault(w, r, http.StatusNotFound, ErrNotFound.Message)
		return
	}
	content().serve(w, r)
}

const immutable = "public, max-age=31536000, immutable"

// body is content with its compressed forms, each with its own validator.
type body struct {
	plain, gzip, brotli          []byte
	etag, etagGzip, etagBrotli   []string
	typeHeader                   []string
	lenPlain, lenGzip, lenBrotli []string
	encodingGzip, encodingBrotli []string
	caching, vary                []string
}

func newBody(plain []byte, contentType string, level int, caching, vary string) *body {
	sum := sha256.Sum256(plain)
	tag := hex.EncodeToString(sum[:8])
	b := &body{
		plain: plain, typeHeader: []string{contentType},
		etag: []string{`"` + tag + `"`}, etagGzip: []string{`"` + tag + `-gz"`}, etagBrotli: []string{`"` + tag + `-br"`},
		encodingGzip: []string{"gzip"}, encodingBrotli: []string{"br"},
		caching: []string{caching}, vary: []string{vary},
		lenPlain: []string{fmt.Sprint(len(plain))},
	}
	if !compressible(contentType) || len(plain) < 256 {
		return b
	}
	var gz, br bytes.Buffer
	zw := gzip.NewWriter(&gz)
	_, _ = zw.Write(plain) // a buffer takes everything
	_ = zw.Close()
	bw := brotli.NewWriterLevel(&br, level)
	_, _ = bw.Write(plain)
	_ = bw.Close()
	b.gzip, b.lenGzip = gz.Bytes(), []string{fmt.Sprint(gz.Len())}
	b.brotli, b.lenBrotli = br.Bytes(), []string{fmt.Sprint(br.Len())}
	return b
}

func compressible(contentType string) bool {
	for _, part := range []string{"text/", "javascript", "json", "xml", "svg"} {
		if strings.Contains(contentType, part) {
			return true
		}
	}
	return false
}

// serve sends the best form that the client takes, or 304. Header values are shared slices: nothing is copied.
func (b *body) serve(w http.ResponseWriter, r *http.Request) {
	content, etag, length, encoding := b.plain, b.etag, b.lenPlain, []string(nil)
	if b.brotli != nil {
		switch accept := r.Header.Get("Accept-Encoding"); {
		case accepts(accept, "br"):
			content, etag, length, encoding = b.brotli, b.etagBrotli, b.lenBrotli, b.encodingBrotli
		case accepts(accept, "gzip"):
			content, etag, length, encoding = b.gzip, b.etagGzip, b.lenGzip, b.encodingGzip
		}
	}
	h := w.Header()
	h["Etag"] = etag
	h["Cache-Control"] = b.caching
	h["Vary"] = b.vary
	if matches(r.Header.Get("If-None-Match"), etag[0]) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Type"] = b.typeHeader
	h["Content-Length"] = length
	if encoding != nil {
		h["Content-Encoding"] = encoding
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	_, _ = w.Write(content) // the visitor may be gone
}

// accepts reads Accept-Encoding (RFC 9110, 12.5.3) for one coding; a weight of zero refuses it.
func accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			q := strings.TrimPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			return strings.Trim(q, "0.") != "" || q == ""
		}
	}
	return false
}

// matches compares by the weak rule of If-None-Match (RFC 9110, 13.1.2).
func matches(header, etag string) bool {
	if header == "" {
		return false
	}
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == etag || part == "*" {
			return true
		}
	}
	return false
}
