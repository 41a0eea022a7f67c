package file

import (
	"bytes"
	"errors"
	"image/png"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"

	"clickcommerce.com/site/internal/word"
	"clickcommerce.com/site/web"
)

// say is what people are told of files.
var say = word.Read(web.FS, "file")

// Reason is why a file was refused.
type Reason string

// The reasons of a Refusal.
const (
	TooLarge  Reason = "too large"
	Empty     Reason = "empty"
	WrongType Reason = "wrong type"
	Lying     Reason = "contents disagree with the name"
	Broken    Reason = "damaged"
	Locked    Reason = "protected by a password"
	Macros    Reason = "macros"
	Bomb      Reason = "unpacks too large"
	Virus     Reason = "infected"
)

// Refusal says why a file is not taken. Message is for the person who chose it, to stand beside the field; it repeats
// the file's name, so it is not for logs. Error gives the reason alone.
type Refusal struct {
	Reason  Reason
	Message string
}

// Error never contains anything of the file.
func (r *Refusal) Error() string { return "file refused: " + string(r.Reason) }

// headSize is what mimetype looks at unless told otherwise.
const headSize = 3072

// checkName returns the cleaned name and the type that its extension claims, which is empty for a name without one.
func checkName(raw string, accept []Type) (string, Type, error) {
	name := CleanName(raw)
	ext := path.Ext(name)
	claimed := typeOfExtension(ext)
	if slices.Contains(accept, claimed) {
		return name, claimed, nil
	}
	// A dot inside a title ("Résumé J. Smith") begins no extension.
	if ext == "" || strings.Contains(ext, " ") || len(ext) > 12 {
		return name, "", nil
	}
	switch strings.ToLower(ext) {
	case ".docm", ".dotm":
		return "", "", &Refusal{Macros, say("macros_name", "name", name)}
	case ".doc":
		return "", "", &Refusal{WrongType, say("old_word", "name", name, "types", oneOf(accept))}
	}
	return "", "", &Refusal{WrongType, say("other_kind", "name", name, "types", oneOf(accept))}
}

// checkContents tells the type of contents by reading them, and refuses what does not agree with the claimed type or is
// not accepted, locked, damaged, or packed to burst. It extracts nothing and holds a few chunks in memory at most.
func checkContents(name string, claimed Type, r io.ReaderAt, size int64, accept []Type) (Type, error) {
	if name == "" {
		name = say("nameless")
	}
	found, err := detect(name, r, size)
	if err != nil {
		return "", err
	}
	switch {
	case claimed != "" && found.t != claimed:
		return "", &Refusal{Lying, say("lying", "name", name, "claimed", claimed.words(), "found", found.words, "types", oneOf(accept))}
	case !slices.Contains(accept, found.t):
		return "", &Refusal{WrongType, say("not_taken", "name", name, "found", found.words, "types", oneOf(accept))}
	}
	if found.archive != nil {
		if err := found.archive.verify(name); err != nil {
			return "", err
		}
	}
	return found.t, nil
}

// finding is what contents turned out to be; t is empty for all that we have no Type for.
type finding struct {
	t       Type
	words   string
	archive *archive
}

func detect(name string, r io.ReaderAt, size int64) (finding, error) {
	head := make([]byte, min(size, headSize))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return finding{}, err
	}
	m := mimetype.Detect(head)
	switch {
	case bytes.HasPrefix(head, []byte("%PDF-")):
		return finding{t: PDF, words: PDF.words()}, nil
	case bytes.HasPrefix(head, []byte(`{\rtf`)):
		return finding{t: RTF, words: RTF.words()}, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return detectZip(name, r, size)
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return detectOLE(name, r, size)
	case m.Is("image/png"):
		return detectPNG(name, r, size)
	case m.Is("video/webm"): // by the EBML header and the kind of document that it names
		return finding{t: WEBM, words: WEBM.words()}, nil
	}
	isText, err := readsAsText(io.NewSectionReader(r, 0, size))
	if err != nil {
		return finding{}, err
	}
	if isText && m.Is("text/vtt") {
		return finding{t: VTT, words: VTT.words()}, nil
	}
	words := described(m)
	// A text may begin with the letters that mark some other kind ("BM", "MZ"), but not with those of markup.
	if isText && !isMarkup(m) {
		return finding{t: TXT, words: TXT.words()}, nil
	}
	if words != "" {
		return finding{words: words}, nil
	}
	return finding{words: say("kind_other")}, nil
}

func isMarkup(m *mimetype.MIME) bool {
	return m.Is("text/html") || m.Is("text/xml") || m.Is("image/svg+xml")
}

// described words what mimetype found, where that is neither text nor unknown.
func described(m *mimetype.MIME) string {
	media := m.String()
	family, _, _ := strings.Cut(media, "/")
	switch {
	case m.Is("text/html"):
		return say("kind_page")
	case m.Is("image/svg+xml"), family == "image":
		return say("kind_picture")
	case m.Is("text/xml"):
		return say("kind_xml")
	case family == "video":
		return say("kind_film")
	case family == "audio":
		return say("kind_sound")
	case m.Is("application/x-elf"), m.Is("application/vnd.microsoft.portable-executable"):
		return say("kind_program")
	case m.Is("application/x-7z-compressed"), m.Is("application/x-rar-compressed"), m.Is("application/gzip"):
		return say("kind_archive")
	}
	return ""
}

// readsAsText tells whether all of r is text: UTF-8, or an older encoding such as Windows-1252. Neither has control
// characters beyond tab, line ends and form feed, of which any other kind of file is full.
func readsAsText(r io.Reader) (bool, error) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		for _, b := range buf[:n] {
			if b < ' ' && b != '\t' && b != '\n' && b != '\r' && b != '\f' || b == 0x7f {
				return false, nil
			}
		}
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// detectOLE tells a Word document under a password, which is packed as the old format, from the old format itself.
func detectOLE(name string, r io.ReaderAt, size int64) (finding, error) {
	locked, err := contains(io.NewSectionReader(r, 0, size), utf16LE("EncryptedPackage"))
	if err != nil {
		return finding{}, err
	}
	if locked {
		return finding{}, &Refusal{Locked, say("locked", "name", name)}
	}
	return finding{words: say("kind_old_office")}, nil
}

func utf16LE(ascii string) []byte {
	out := make([]byte, 0, 2*len(ascii))
	for i := range len(ascii) {
		out = append(out, ascii[i], 0)
	}
	return out
}

func contains(r io.Reader, sought []byte) (bool, error) {
	n, err := count(r, sought, 1)
	return n > 0, err
}

// count returns how often sought stands in r, and stops reading at most.
func count(r io.Reader, sought []byte, most int) (int, error) {
	buf := make([]byte, 64<<10)
	kept, found := 0, 0
	for {
		n, err := r.Read(buf[kept:])
		window := buf[:kept+n]
		found += bytes.Count(window, sought)
		if found >= most || errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		// Too short to hold a whole match, so nothing is counted twice.
		kept = copy(buf, window[max(0, len(window)-len(sought)+1):])
	}
}

// maxPixels bounds what a picture unpacks to in a viewer: 50 megapixels, beyond any camera or screen of an office.
const maxPixels = 50_000_000

func detectPNG(name string, r io.ReaderAt, size int64) (finding, error) {
	c, err := png.DecodeConfig(io.NewSectionReader(r, 0, size))
	if err != nil {
		return finding{}, damaged(name)
	}
	if int64(c.Width)*int64(c.Height) > maxPixels {
		return finding{}, &Refusal{Bomb, say("many_pixels", "name", name)}
	}
	return finding{t: PNG, words: PNG.words()}, nil
}

func damaged(name string) *Refusal {
	return &Refusal{Broken, say("damaged", "name", name)}
}

// withExtension gives a name that has none the usual one of its type.
func withExtension(name string, t Type) string {
	if name == "" {
		name = "file"
	}
	if typeOfExtension(path.Ext(name)) == t {
		return name
	}
	ext := "." + string(t)
	if runes := []rune(name); utf8.RuneCountInString(name)+len(ext) > maxName {
		name = string(runes[:maxName-len(ext)])
	}
	return name + ext
}
