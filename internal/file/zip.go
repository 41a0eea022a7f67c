package file

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"path/filepath"
	"strings"
)

// The limits of an archive. A long document with pictures has some hundred parts and unpacks to a few times its size;
// flate cannot do better than 1032 to 1, and real documents stay under 100 to 1.
const (
	maxEntries  = 10_000
	maxUnpacked = 64 << 20 // bytes, beyond ten times the size of the archive
	maxRatio    = 100      // for a part of more than maxTight
	maxTight    = 16 << 20 // bytes: a long table, repeating itself, may stay below this
	maxPart     = 1 << 20  // bytes of a part that is read to tell what the archive is
)

const (
	wordMain  = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
	macroPart = "application/vnd.ms-office.vbaproject"
)

// archive is a zip file whose directory was read and found sane; nothing of it is ever written anywhere.
type archive struct {
	files   []*zip.File
	named   map[string]*zip.File // by name in lower case
	doubled bool                 // a name comes twice, so what a reader takes depends on the reader
}

func detectZip(name string, r io.ReaderAt, size int64) (finding, error) {
	a, err := openArchive(name, r, size)
	if err != nil {
		return finding{}, err
	}
	switch {
	case a.has("mimetype"):
		return a.detectOpenDocument(name)
	case a.has("[content_types].xml"):
		return a.detectOffice(name)
	}
	return finding{t: ZIP, words: ZIP.words(), archive: a}, nil
}

func openArchive(name string, r io.ReaderAt, size int64) (*archive, error) {
	// The count in the directory's own end record is a claim, so its entries are counted before memory is spent on them.
	n, err := count(io.NewSectionReader(r, 0, size), []byte("PK\x01\x02"), maxEntries+1)
	if err != nil {
		return nil, err
	}
	if n > maxEntries {
		return nil, &Refusal{Bomb, say("many_parts", "name", name)}
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		if errors.Is(err, ErrDamaged) {
			return nil, err
		}
		return nil, damaged(name)
	}
	a := &archive{files: z.File, named: make(map[string]*zip.File, len(z.File))}
	var total uint64
	for _, f := range z.File {
		lower := strings.ToLower(strings.ReplaceAll(f.Name, `\`, "/"))
		if !filepath.IsLocal(strings.TrimSuffix(lower, "/")) {
			return nil, damaged(name) // unpacked carelessly it would land outside of its folder
		}
		a.doubled = a.doubled || a.named[lower] != nil
		a.named[lower] = f
		if f.Flags&1 != 0 {
			return nil, &Refusal{Locked, say("locked_part", "name", name)}
		}
		tight := f.UncompressedSize64 > maxTight && f.UncompressedSize64/maxRatio > f.CompressedSize64
		total += min(f.UncompressedSize64, 1<<50)
		if tight || total > uint64(maxUnpacked+10*size) {
			return nil, &Refusal{Bomb, say("bomb", "name", name)}
		}
	}
	return a, nil
}

func (a *archive) has(lower string) bool { return a.named[lower] != nil }

// verify unpacks every part into nothing: a part that holds more than its header says, or other bytes, is an error.
func (a *archive) verify(name string) error {
	for _, f := range a.files {
		part, err := f.Open()
		if err != nil {
			return damaged(name)
		}
		_, err = io.Copy(io.Discard, part)
		if err := errors.Join(err, part.Close()); err != nil {
			if errors.Is(err, ErrDamaged) {
				return err
			}
			return damaged(name)
		}
	}
	return nil
}

// part returns the bytes of one small part.
func (a *archive) part(lower string) ([]byte, bool) {
	f := a.named[lower]
	if f == nil || f.UncompressedSize64 > maxPart {
		return nil, false
	}
	r, err := f.Open()
	if err != nil {
		return nil, false
	}
	body, err := io.ReadAll(io.LimitReader(r, maxPart))
	return body, errors.Join(err, r.Close()) == nil
}

// detectOffice tells what an Office Open XML package (ECMA-376 part 2) is by its list of content types.
func (a *archive) detectOffice(name string) (finding, error) {
	body, ok := a.part("[content_types].xml")
	if !ok || a.doubled {
		return finding{}, damaged(name)
	}
	var types struct {
		Default []struct {
			ContentType string `xml:"ContentType,attr"`
		} `xml:"Default"`
		Override []struct {
			PartName    string `xml:"PartName,attr"`
			ContentType string `xml:"ContentType,attr"`
		} `xml:"Override"`
	}
	if err := xml.Unmarshal(body, &types); err != nil {
		return finding{}, damaged(name)
	}
	main, macros := "", a.hasMacros()
	for _, d := range types.Default {
		macros = macros || isMacro(d.ContentType)
	}
	for _, o := range types.Override {
		macros = macros || isMacro(o.ContentType)
		if strings.EqualFold(o.ContentType, wordMain) {
			main = strings.ToLower(strings.TrimPrefix(o.PartName, "/"))
		}
	}
	switch {
	case macros:
		return finding{}, &Refusal{Macros, say("macros_docx", "name", name)}
	case main == "":
		return finding{words: say("kind_office")}, nil
	case !a.hasRoot(main, "document"):
		return finding{}, damaged(name)
	}
	return finding{t: DOCX, words: DOCX.words(), archive: a}, nil
}

func isMacro(contentType string) bool {
	lower := strings.ToLower(contentType)
	return lower == macroPart || strings.Contains(lower, "macroenabled")
}

func (a *archive) hasMacros() bool {
	for lower := range a.named {
		if path.Base(lower) == "vbaproject.bin" {
			return true
		}
	}
	return false
}

// hasRoot tells whether a part is XML that opens with the given element. It reads no further than that.
func (a *archive) hasRoot(lower, element string) bool {
	f := a.named[lower]
	if f == nil {
		return false
	}
	r, err := f.Open()
	if err != nil {
		return false
	}
	defer func() { _ = r.Close() }()
	d := xml.NewDecoder(io.LimitReader(r, maxPart))
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if start, ok := token.(xml.StartElement); ok {
			return start.Name.Local == element
		}
	}
}

// detectOpenDocument tells what an OpenDocument package (ODF 1.3 part 2) is by its part "mimetype".
func (a *archive) detectOpenDocument(name string) (finding, error) {
	body, ok := a.part("mimetype")
	if !ok || a.doubled {
		return finding{}, damaged(name)
	}
	if strings.TrimSpace(string(body)) != ODT.Media() {
		return finding{words: say("kind_packed")}, nil
	}
	if manifest, ok := a.part("meta-inf/manifest.xml"); ok && strings.Contains(string(manifest), "encryption-data") {
		return finding{}, &Refusal{Locked, say("locked", "name", name)}
	}
	for lower, f := range a.named {
		inside := strings.HasPrefix(lower, "basic/") || strings.HasPrefix(lower, "scripts/")
		if inside && f.UncompressedSize64 > 0 {
			return finding{}, &Refusal{Macros, say("macros_odt", "name", name)}
		}
	}
	if !a.hasRoot("content.xml", "document-content") {
		return finding{}, damaged(name)
	}
	return finding{t: ODT, words: ODT.words(), archive: a}, nil
}
