package download

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"
)

// paper is a document to be written as a PDF (ISO 32000-1): a cover with the list of chapters, then the chapters. The
// same paper always gives the same bytes.
type paper struct {
	Title, Summary   string
	Version, Licence string
	Publisher        string
	Date             time.Time
	Chapters         []chapter
}

// chapter is a heading with its paragraphs, divided by empty lines. A line that begins with "- " is an item of a list,
// one with "[ ] " a box to tick.
type chapter struct{ Heading, Text string }

// font is one of the fonts that every reader has; its number is that of its resource.
type font int

const (
	roman font = iota + 1
	italic
	sans
	sansBold
)

// faces are the fonts with their widths, by number; the first place is empty.
type faces [5]struct {
	name   string
	widths [256]int
}

func loadFaces() *faces {
	var f faces
	for n, face := range map[font][2]string{
		roman: {"Times-Roman", timesRomanWidths}, italic: {"Times-Italic", timesItalicWidths},
		sans: {"Helvetica", helveticaWidths}, sansBold: {"Helvetica-Bold", helveticaBoldWidths},
	} {
		f[n].name, f[n].widths = face[0], widths(face[1])
	}
	return &f
}

// encode turns text into the bytes that the fonts know (Windows-1252). What they lack becomes a question mark.
func encode(text string) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := charmap.Windows1252.EncodeRune(r)
		if !ok {
			b = '?'
		}
		out = append(out, b)
	}
	return out
}

// width is how far text runs at a size, in points.
func (f *faces) width(face font, size float64, text string) float64 {
	n := 0
	for _, b := range encode(text) {
		n += f[face].widths[b]
	}
	return float64(n) * size / 1000
}

// wrap breaks text into lines no wider than a measure. A word that is wider stands alone.
func (f *faces) wrap(face font, size, measure float64, text string) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		longer := word
		if line != "" {
			longer = line + " " + word
		}
		if line != "" && f.width(face, size, longer) > measure {
			lines, longer = append(lines, line), word
		}
		line = longer
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// literal is text as a string object.
func literal(text string) string {
	var b strings.Builder
	b.WriteByte('(')
	for _, c := range encode(text) {
		switch {
		case c == '(' || c == ')' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte(')')
	return b.String()
}

// unicode is text as a string object in UTF-16, for what readers show outside the pages.
func unicode(text string) string {
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, r := range text {
		if r > 0xFFFF {
			r = '?'
		}
		fmt.Fprintf(&b, "%04X", r)
	}
	b.WriteByte('>')
	return b.String()
}

// objects is a file that grows object by object.
type objects struct {
	buf     bytes.Buffer
	offsets []int // by number, the first is that of object 1
}

// reserve returns the number of an object that is written later.
func (o *objects) reserve() int {
	o.offsets = append(o.offsets, 0)
	return len(o.offsets)
}

func (o *objects) put(number int, body string) {
	o.offsets[number-1] = o.buf.Len()
	fmt.Fprintf(&o.buf, "%d 0 obj\n%s\nendobj\n", number, body)
}

func (o *objects) add(body string) int {
	n := o.reserve()
	o.put(n, body)
	return n
}

// stream adds a compressed stream.
func (o *objects) stream(content []byte) int {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, _ = z.Write(content) // a buffer takes everything
	_ = z.Close()
	return o.add(fmt.Sprintf("<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream", packed.Len(), packed.Bytes()))
}

// finish writes the table of places and the trailer.
func (o *objects) finish(w io.Writer, root, info int) error {
	at := o.buf.Len()
	fmt.Fprintf(&o.buf, "xref\n0 %d\n0000000000 65535 f \n", len(o.offsets)+1)
	for _, offset := range o.offsets {
		fmt.Fprintf(&o.buf, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&o.buf, "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(o.offsets)+1, root, info, at)
	if _, err := o.buf.WriteTo(w); err != nil {
		return fmt.Errorf("write PDF: %w", err)
	}
	return nil
}

// write writes the paper as a PDF.
func (p paper) write(w io.Writer) error {
	l := p.layout()
	o := &objects{}
	o.buf.WriteString("%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
	root, tree := o.reserve(), o.reserve()
	fonts := ""
	for n := roman; n <= sansBold; n++ {
		id := o.add(fmt.Sprintf("<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>", l.faces[n].name))
		fonts += fmt.Sprintf("/F%d %d 0 R ", n, id)
	}
	resources := o.add("<< /Font << " + fonts + ">> >>")
	var kids []int
	for _, page := range l.pages {
		content := o.stream(page.Bytes())
		kids = append(kids, o.add(fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %g %g] /Resources %d 0 R /Contents %d 0 R >>",
			tree, pageWidth, pageHeight, resources, content)))
	}
	o.put(tree, fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(kids), refs(kids)))
	outline := o.outline(p.Chapters, l.places, kids)
	o.put(root, fmt.Sprintf("<< /Type /Catalog /Pages %d 0 R /Outlines %d 0 R /PageMode /UseOutlines /Lang (en-US) "+
		"/ViewerPreferences << /DisplayDocTitle true >> >>", tree, outline))
	day := p.Date.UTC().Format("20060102150405Z")
	info := o.add(fmt.Sprintf("<< /Title %s /Author %s /Subject %s /Producer %s /CreationDate (D:%s) >>",
		unicode(p.Title+", version "+p.Version), unicode(p.Publisher), unicode(p.Summary), unicode(p.Publisher), day))
	return o.finish(w, root, info)
}

func refs(numbers []int) string {
	list := make([]string, len(numbers))
	for i, n := range numbers {
		list[i] = fmt.Sprintf("%d 0 R", n)
	}
	return strings.Join(list, " ")
}

// place is where a chapter begins: the page, from 0, and the height on it.
type place struct {
	page int
	y    float64
}

// outline adds the chapters as bookmarks, and returns the number of their list.
func (o *objects) outline(chapters []chapter, places []place, pages []int) int {
	list := o.reserve()
	items := make([]int, len(chapters))
	for i := range chapters {
		items[i] = o.reserve()
	}
	for i, c := range chapters {
		beside := ""
		if i > 0 {
			beside += fmt.Sprintf(" /Prev %d 0 R", items[i-1])
		}
		if i+1 < len(items) {
			beside += fmt.Sprintf(" /Next %d 0 R", items[i+1])
		}
		o.put(items[i], fmt.Sprintf("<< /Title %s /Parent %d 0 R /Dest [%d 0 R /XYZ 0 %.1f 0]%s >>",
			unicode(c.Heading), list, pages[places[i].page], places[i].y, beside))
	}
	if len(items) == 0 {
		o.put(list, "<< /Type /Outlines /Count 0 >>")
		return list
	}
	o.put(list, fmt.Sprintf("<< /Type /Outlines /Count %d /First %d 0 R /Last %d 0 R >>", len(items), items[0], items[len(items)-1]))
	return list
}
