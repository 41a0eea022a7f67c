package file

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCleanName(t *testing.T) {
	tests := map[string]string{
		"cv.pdf":                               "cv.pdf",
		"Résumé – Žofie Ďurišová.docx":         "Résumé – Žofie Ďurišová.docx",
		"履歴書.pdf":                              "履歴書.pdf",
		"../../etc/passwd":                     "passwd",
		`C:\Users\me\Desktop\cv.pdf`:           "cv.pdf",
		"cv\x00.pdf\r\nX: y":                   "cv.pdf X: y",
		"cv\u202efdp.exe":                      "cvfdp.exe",
		"c\u200bv\u2060\ufeff.p\u00addf":       "cv.pdf",
		"c\u2066v\u2069\u061c.pdf":             "cv.pdf",
		"  many   spaces\u00a0\u2003here .pdf": "many spaces here .pdf",
		".htaccess":                            "htaccess",
		"...":                                  "",
		"":                                     "",
		"a/":                                   "",
		"cv.pdf.":                              "cv.pdf",
		"\xff\xfecv.pdf":                       "cv.pdf",
		"e\u0301.pdf":                          "é.pdf",
		"a\U000e0001b\U000e0020.pdf":           "ab.pdf",
		strings.Repeat("ü", 300) + ".docx":     strings.Repeat("ü", 115) + ".docx",
		strings.Repeat("x", 300):               strings.Repeat("x", 120),
		"a." + strings.Repeat("x", 300):        "a." + strings.Repeat("x", 118),
		`quote".pdf`:                           `quote".pdf`,
	}
	for in, want := range tests {
		if got := CleanName(in); got != want {
			t.Errorf("CleanName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCleanNameOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		got := CleanName(in.Draw(t, "name"))
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxName || strings.ContainsAny(got, "/\\\x00\r\n") {
			t.Fatalf("unfit name %q", got)
		}
		if again := CleanName(got); again != got {
			t.Fatalf("cleaned twice: %q, then %q", got, again)
		}
	})
}

func TestSize(t *testing.T) {
	tests := map[int64]string{
		0: "0 bytes", 1: "1 byte", 1023: "1023 bytes", 1024: "1 KB", 240 << 10: "240 KB", 1<<20 - 1: "1 MB",
		10 << 20: "10 MB", 1400 << 10: "1.4 MB", 12_900_000: "12.3 MB", 1<<30 - 1: "1 GB", 5 << 29: "2.5 GB",
	}
	for in, want := range tests {
		if got := Size(in); got != want {
			t.Errorf("Size(%d) = %q, want %q", in, got, want)
		}
	}
}
