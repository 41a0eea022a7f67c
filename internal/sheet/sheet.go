// Package sheet writes CSV (RFC 4180) that a spreadsheet shows as text and never runs, also after it was saved again.
package sheet

import (
	"bytes"
	"strings"
	"unicode"
)

// Sheet is a file of lines of cells. Whatever could begin a formula gets a typographic apostrophe in front. A straight one
// would not do, since some programs take it for a mark of their own, and drop it when they save. The zero value is empty.
type Sheet struct{ buf bytes.Buffer }

// Bytes is the file as it is so far.
func (s *Sheet) Bytes() []byte { return s.buf.Bytes() }

// Row adds a line.
func (s *Sheet) Row(cells ...string) {
	for i, c := range cells {
		if i > 0 {
			s.buf.WriteByte(',')
		}
		s.buf.WriteByte('"')
		s.buf.WriteString(strings.ReplaceAll(harmless(c), `"`, `""`))
		s.buf.WriteByte('"')
	}
	s.buf.WriteString("\r\n")
}

const (
	// starters begin a formula, also in their full-width forms; the straight apostrophe hides one that does.
	starters = "=+-@'＝＋－＠＇"
	// separators begin a new cell for a program that splits lines at another mark than the comma.
	separators = ",;|"
)

// harmless takes away what makes spreadsheets compute: a formula's first character at the beginning of the cell or of
// what a reader with another separator takes for one, also behind spaces, quotes and what can't be seen; and line
// breaks, behind which some readers start a cell anew.
func harmless(cell string) string {
	var out strings.Builder
	begins := true
	for _, c := range cell {
		switch {
		case unicode.IsSpace(c): // line breaks and tabs among them
			c = ' '
		case unicode.IsControl(c), begins && unicode.Is(unicode.Cf, c):
			continue
		case strings.ContainsRune(separators, c):
			begins = true
		case begins && strings.ContainsRune(starters, c):
			out.WriteRune('’')
			begins = false
		case c != '"':
			begins = false
		}
		out.WriteRune(c)
	}
	return out.String()
}
