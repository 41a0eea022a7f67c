package sheet

import (
	"encoding/csv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestSheetIsHarmless(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"":                    "",
		"Northline":           "Northline",
		"Smith-Jones":         "Smith-Jones",
		"=1+1":                "’=1+1",
		"+1 312 555 0100":     "’+1 312 555 0100",
		"-2":                  "’-2",
		"@SUM(A1)":            "’@SUM(A1)",
		"  =HYPERLINK(\"x\")": "  ’=HYPERLINK(\"x\")",
		"\t=1":                " ’=1",
		"\r=1":                " ’=1",
		"a\r\n=1":             "a  =1",
		"a\u2028=1":           "a =1",
		"\u200b=1":            "’=1",
		"\x00=1":              "’=1",
		"＝1":                  "’＝1",
		"'=1":                 "’'=1",
		`"=1`:                 `"’=1`,
		"a;=1":                "a;’=1",
		"a; \"=1":             "a; \"’=1",
		"a|@b":                "a|’@b",
		"Co., -ed":            "Co., ’-ed",
		`say "yes", or "no"`:  `say "yes", or "no"`,
		"a@example.com":       "a@example.com",
	} {
		var s Sheet
		s.Row(cell, "x")
		rows, err := csv.NewReader(&s.buf).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rows, [][]string{{want, "x"}}); diff != "" {
			t.Errorf("%q (-got +want):\n%s", cell, diff)
		}
	}
}

// runs tells whether a spreadsheet would compute the cell.
func runs(cell string) bool {
	cell = strings.TrimSpace(strings.TrimLeft(cell, "\" \u00a0"))
	return cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n")
}

// saved is a file as a spreadsheet writes it after it read it at a separator: without the quotes that were not needed,
// without a straight apostrophe in front of a cell, perhaps at another separator.
func saved(t *testing.T, text string, read, write rune) string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = read, true, -1
	rows, err := r.ReadAll()
	if err != nil {
		return ""
	}
	var out strings.Builder
	w := csv.NewWriter(&out)
	w.Comma = write
	for _, row := range rows {
		for i, cell := range row {
			if runs(cell) {
				t.Errorf("read at %q, a cell is %q", read, cell)
			}
			row[i] = strings.TrimPrefix(cell, "'")
		}
		_ = w.Write(row)
	}
	w.Flush()
	return out.String()
}

func FuzzSheet(f *testing.F) {
	f.Add("=1", "a\"b")
	f.Add("\r\n", "\t@x")
	f.Add("'=1", "b;=2")
	f.Add("a\";=1", "|\"-2")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			return // a sheet is written as UTF-8 alone
		}
		var s Sheet
		s.Row(a, b)
		rows, err := csv.NewReader(strings.NewReader(s.buf.String())).ReadAll()
		if err != nil || len(rows) != 1 || len(rows[0]) != 2 {
			t.Fatalf("%q, %q became %q (%v)", a, b, s.buf.String(), err)
		}
		for _, comma := range []rune{',', ';', '|'} {
			for _, again := range []rune{',', ';'} {
				saved(t, saved(t, s.buf.String(), comma, again), again, ',')
			}
		}
	})
}
