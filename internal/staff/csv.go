package staff

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// sheet writes CSV (RFC 4180) that a spreadsheet shows as text and never runs: a cell that begins like a formula gets
// an apostrophe in front, and every cell is quoted, so that saving the file again changes neither.
type sheet struct{ buf bytes.Buffer }

// row adds a line.
func (s *sheet) row(cells ...string) {
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

// harmless takes away what makes spreadsheets compute: a formula's first character, also behind spaces or in its
// full-width form, and line breaks, behind which some readers start a cell anew.
func harmless(cell string) string {
	cell = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\t", " ").Replace(cell)
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(cell, " \u00a0"))
	if strings.ContainsRune("=+-@＝＋－＠", first) {
		return "'" + cell
	}
	return cell
}
