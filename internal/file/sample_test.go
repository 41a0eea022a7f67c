package file

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"strings"
	"testing"
)

// part is one entry of a packed sample. Store leaves it uncompressed; Packed is what deflated made of Body before, to be
// taken as it is, with Claim, where set, as the unpacked size that the header tells.
type part struct {
	Name   string
	Body   []byte
	Store  bool
	Flags  uint16
	Packed []byte
	Claim  uint64
}

// pack makes a zip file.
func pack(t testing.TB, parts ...part) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, p := range parts {
		h := &zip.FileHeader{Name: p.Name, Method: zip.Deflate, Flags: p.Flags}
		if p.Store {
			h.Method = zip.Store
		}
		create, body := z.CreateHeader, p.Body
		if p.Packed != nil {
			create, body = z.CreateRaw, p.Packed
			h.CompressedSize64, h.UncompressedSize64 = uint64(len(p.Packed)), cmp.Or(p.Claim, uint64(len(p.Body)))
			h.CRC32 = crc32.ChecksumIEEE(p.Body)
		}
		write, err := create(h)
		must(t, err)
		_, err = write.Write(body)
		must(t, err)
	}
	must(t, z.Close())
	return buf.Bytes()
}

func deflated(t testing.TB, body []byte) []byte {
	t.Helper()
	raw := pack(t, part{Name: "x", Body: body})
	r, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	must(t, err)
	offset, err := r.File[0].DataOffset()
	must(t, err)
	return raw[offset : offset+int64(r.File[0].CompressedSize64)]
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	contentTypes = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/word/document.xml" ContentType="%s"/></Types>`
	relations = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1"
Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>
</Relationships>`
	wordDocument = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r>
<w:t>%s</w:t></w:r></w:p></w:body></w:document>`
)

// docxParts is a Word document that Word and LibreOffice open.
func docxParts(text string) []part {
	return []part{
		{Name: "[Content_Types].xml", Body: fmt.Appendf(nil, contentTypes, wordMain)},
		{Name: "_rels/.rels", Body: []byte(relations)},
		{Name: "word/document.xml", Body: fmt.Appendf(nil, wordDocument, text)},
	}
}

func docx(t testing.TB, text string) []byte { return pack(t, docxParts(text)...) }

func odtParts(text string) []part {
	return []part{
		{Name: "mimetype", Store: true, Body: []byte(ODT.Media())},
		{Name: "META-INF/manifest.xml", Body: []byte(`<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">
<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.text"/>
<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>`)},
		{Name: "content.xml", Body: fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.3"><office:body><office:text>
<text:p>%s</text:p></office:text></office:body></office:document-content>`, text)},
	}
}

func odt(t testing.TB, text string) []byte { return pack(t, odtParts(text)...) }

func rtf(text string) []byte {
	return []byte(`{\rtf1\ansi\deff0{\fonttbl{\f0 Helvetica;}}\f0\fs24 ` + text + `\par}`)
}

// pdf is one page with a line of text, its cross-reference table correct.
func pdf(text string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	stream := "BT /F1 12 Tf 72 720 Td (" + text + ") Tj ET"
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(stream), stream),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	xref := "0000000000 65535 f \n"
	for i, o := range objects {
		xref += fmt.Sprintf("%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n",
		len(objects)+1, xref, len(objects)+1, start)
	return b.Bytes()
}

func picture(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))))
	return b.Bytes()
}

// ole is the beginning of a compound file whose directory names one stream.
func ole(stream string) []byte {
	b := append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 1528)...)
	return append(append(b, utf16LE(stream)...), make([]byte, 400)...)
}

// eicar is the test string that every virus scanner knows (EICAR, 2003), put together here so that no scanner takes
// this source for it.
func eicar() string {
	return strings.Join([]string{`X5O!P%@AP[4\PZX54(P^)7CC)7}$`, `EICAR-STANDARD-ANTIVIRUS`, `-TEST-FILE!$H+H*`}, "")
}
