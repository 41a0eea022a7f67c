package download

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// The page is US Letter, in points; the text stands in a column with a wide margin for notes.
const (
	pageWidth  = 612.0
	pageHeight = 792.0
	left       = 108.0
	right      = 522.0
	top        = 700.0
	bottom     = 96.0

	bodySize = 11.5
	bodyLine = 16.5
	headSize = 22.0
)

// The inks of the site, as red, green and blue.
const (
	ink    = "0.094 0.118 0.184"
	soft   = "0.38 0.38 0.42"
	accent = "0.8 0.2 0.04"
	line   = "0.79 0.76 0.71"
)

// layout is a paper on its pages.
type layout struct {
	faces  *faces
	pages  []*bytes.Buffer
	places []place // of the chapters
	y      float64 // where the next line stands on the last page
}

func (p paper) layout() *layout {
	l := &layout{faces: loadFaces()}
	l.newPage() // the cover; its contents are known once the chapters have their places
	for _, c := range p.Chapters {
		l.chapter(c)
	}
	l.cover(p)
	for i := range l.pages[1:] {
		l.footer(l.pages[i+1], p, i+2)
	}
	return l
}

func (l *layout) newPage() {
	l.pages = append(l.pages, &bytes.Buffer{})
	l.y = top
}

// room starts a page where less than a height is left on this one.
func (l *layout) room(height float64) {
	if l.y-height < bottom {
		l.newPage()
	}
}

func (l *layout) page() *bytes.Buffer { return l.pages[len(l.pages)-1] }

func text(page *bytes.Buffer, face font, size, x, y float64, colour, words string) {
	fmt.Fprintf(page, "BT %s rg /F%d %.2f Tf %.2f %.2f Td %s Tj ET\n", colour, face, size, x, y, literal(words))
}

func rule(page *bytes.Buffer, x, y, width, thick float64, colour string) {
	fmt.Fprintf(page, "%s rg %.2f %.2f %.2f %.2f re f\n", colour, x, y, width, thick)
}

// chapter begins a page, unless the one before left at least a third of it.
func (l *layout) chapter(c chapter) {
	if len(l.pages) == 1 || l.y < bottom+(top-bottom)/3 {
		l.newPage()
	}
	if l.y < top {
		l.y -= 2.2 * bodyLine
	}
	heading := l.faces.wrap(roman, headSize, right-left, typographic(c.Heading))
	l.places = append(l.places, place{len(l.pages) - 1, l.y + headSize})
	rule(l.page(), left, l.y+headSize+6, 36, 3, accent)
	for _, words := range heading {
		text(l.page(), roman, headSize, left, l.y, ink, words)
		l.y -= headSize * 1.2
	}
	l.y -= 4
	for _, p := range strings.Split(strings.TrimSpace(c.Text), "\n\n") {
		l.paragraph(p)
	}
}

// box marks an item to be ticked.
const box = "[ ] "

func (l *layout) paragraph(source string) {
	mark, words := "", ""
	flush := func() {
		if words != "" {
			l.block(mark, typographic(words))
		}
		mark, words = "", ""
	}
	for _, row := range strings.Split(source, "\n") {
		row = strings.TrimSpace(row)
		for _, m := range []string{box, "- "} {
			if item, ok := strings.CutPrefix(row, m); ok {
				flush()
				mark, row = m, item
			}
		}
		words += " " + row
	}
	flush()
	l.y -= bodyLine / 2
}

// block sets one paragraph or item. Its first two lines stay together.
func (l *layout) block(mark, words string) {
	x := left
	if mark != "" {
		x += 20
	}
	lines := l.faces.wrap(roman, bodySize, right-x, words)
	for i, row := range lines {
		need := bodyLine
		if i == 0 && len(lines) > 1 {
			need = 2 * bodyLine
		}
		l.room(need)
		if i == 0 {
			l.mark(mark)
		}
		text(l.page(), roman, bodySize, x, l.y, ink, row)
		l.y -= bodyLine
	}
	if mark != "" {
		l.y -= 3
	}
}

func (l *layout) mark(mark string) {
	switch mark {
	case box:
		fmt.Fprintf(l.page(), "%s RG 0.9 w %.2f %.2f 9 9 re S\n", ink, left, l.y-1)
	case "- ":
		rule(l.page(), left+4, l.y+3.2, 7, 1.2, accent)
	}
}

func (l *layout) cover(p paper) {
	page := l.pages[0]
	text(page, sansBold, 10, left, 716, ink, p.Publisher)
	rule(page, left, 706, right-left, 0.8, ink)
	y := 626.0
	for _, row := range l.faces.wrap(roman, 38, right-left, typographic(p.Title)) {
		text(page, roman, 38, left, y, ink, row)
		y -= 42
	}
	y -= 2
	for _, row := range l.faces.wrap(italic, 15, right-left-40, typographic(p.Summary)) {
		text(page, italic, 15, left, y, soft, row)
		y -= 21
	}
	rule(page, left, y-10, 48, 3, accent)
	y -= 60
	text(page, sansBold, 10, left, y+8, ink, "Contents")
	rule(page, left, y, right-left, 0.8, ink)
	for i, c := range p.Chapters {
		y -= 24
		number := fmt.Sprint(l.places[i].page + 1)
		text(page, roman, 13, left, y+7, ink, typographic(c.Heading))
		text(page, sans, 10, right-l.faces.width(sans, 10, number), y+7, ink, number)
		rule(page, left, y, right-left, 0.5, line)
	}
	text(page, sans, 9, left, 96, soft, "Version "+p.Version)
	text(page, sans, 9, left, 82, soft, p.Licence)
}

func (l *layout) footer(page *bytes.Buffer, p paper, n int) {
	number := fmt.Sprintf("%d of %d", n, len(l.pages))
	rule(page, left, 66, right-left, 0.5, line)
	text(page, sans, 8.5, left, 52, soft, typographic(p.Title)+", version "+p.Version)
	text(page, sans, 8.5, right-l.faces.width(sans, 8.5, number), 52, soft, number)
}

var opening = regexp.MustCompile(`(^|[\s(])"`)

// typographic puts printer's quotes and dashes in the place of typed ones.
func typographic(words string) string {
	words = opening.ReplaceAllString(words, "${1}“")
	return strings.NewReplacer(`"`, "”", "'", "’", " - ", " – ", "--", "–").Replace(words)
}
