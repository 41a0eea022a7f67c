package staff

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
		"=1+1":                "'=1+1",
		"+1 312 555 0100":     "'+1 312 555 0100",
		"-2":                  "'-2",
		"@SUM(A1)":            "'@SUM(A1)",
		"  =HYPERLINK(\"x\")": "'  =HYPERLINK(\"x\")",
		"\t=1":                "' =1",
		"\r=1":                "' =1",
		"a\r\n=1":             "a =1",
		"＝1":                  "'＝1",
		`say "yes", or "no"`:  `say "yes", or "no"`,
		"'=1":                 "'=1",
		"a@example.com":       "a@example.com",
	} {
		var s sheet
		s.row(cell, "x")
		rows, err := csv.NewReader(&s.buf).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rows, [][]string{{want, "x"}}); diff != "" {
			t.Errorf("%q (-got +want):\n%s", cell, diff)
		}
	}
}

func FuzzSheet(f *testing.F) {
	f.Add("=1", "a\"b")
	f.Add("\r\n", "\t@x")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			t.Skip()
		}
		var s sheet
		s.row(a, b)
		rows, err := csv.NewReader(strings.NewReader(s.buf.String())).ReadAll()
		if err != nil || len(rows) != 1 || len(rows[0]) != 2 {
			t.Fatalf("%q, %q became %q (%v)", a, b, s.buf.String(), err)
		}
		for _, cell := range rows[0] {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") {
				t.Errorf("a cell begins with %q", cell[:1])
			}
		}
	})
}
