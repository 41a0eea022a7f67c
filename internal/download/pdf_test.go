package download

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sample() paper {
	return paper{
		Title: "Reading a (short) paper", Summary: "What it is for: \"quotes\", naïve words, 50 € and more.", Version: "1.2",
		Licence: "Reading Licence 1.1", Publisher: "Click Commerce", Date: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		Chapters: []chapter{
			{"Why it's there", strings.Repeat("One sentence follows another, and so it goes on for a while. ", 40) + "\n\nA second paragraph \\ with (parentheses)."},
			{"What to tick", "[ ] The first thing\n[ ] The second\nwith a second line\n\n- a point\n- another"},
			{"Many words", strings.Repeat(strings.Repeat("Words that fill pages. ", 30)+"\n\n", 12)},
		},
	}
}

func TestPDF(t *testing.T) {
	var a, b bytes.Buffer
	if err := sample().write(&a); err != nil {
		t.Fatal(err)
	}
	if err := sample().write(&b); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("the same paper gives other bytes: %v", err)
	}
	checkXref(t, a.Bytes())
	got := pdftotext(t, a.Bytes())
	for _, want := range []string{
		"Reading a (short) paper", "“quotes”, naïve words, 50 € and more.", "Why it’s there", "A second paragraph \\ with (parentheses).",
		"The second with a second line", "2 of 6", "Version 1.2",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the text lacks %q:\n%s", want, got)
		}
	}
	if n := strings.Count(got, "Words that fill pages."); n != 360 {
		t.Errorf("%d of 360 sentences", n)
	}
	out, err := exec.Command("pdfinfo", save(t, a.Bytes())).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Reading a (short) paper, version 1.2") || !strings.Contains(string(out), "612 x 792") {
		t.Errorf("pdfinfo: %s %v", out, err)
	}
}

// checkXref follows each entry of the table of places to the object it names.
func checkXref(t *testing.T, pdf []byte) {
	t.Helper()
	_, tail, _ := bytes.Cut(pdf, []byte("\nxref\n0 "))
	lines := strings.Split(string(tail), "\n")
	for i, row := range lines[2:] {
		if !strings.HasSuffix(row, " 00000 n ") {
			break
		}
		offset := strings.TrimLeft(row[:10], "0")
		at := 0
		for _, d := range offset {
			at = at*10 + int(d-'0')
		}
		if !bytes.HasPrefix(pdf[at:], []byte(strconv.Itoa(i+1)+" 0 obj\n")) {
			t.Errorf("object %d is not at %d", i+1, at)
		}
	}
}

func save(t *testing.T, pdf []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "a.pdf")
	if err := os.WriteFile(name, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// pdftotext reads the words of a PDF with another program than ours.
func pdftotext(t *testing.T, pdf []byte) string {
	t.Helper()
	out, err := exec.Command("pdftotext", save(t, pdf), "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

func TestWrap(t *testing.T) {
	f := loadFaces()
	for text, want := range map[string][]string{
		"":                               nil,
		"one two three":                  {"one two", "three"},
		"   a   b ":                      {"a b"},
		"incomprehensibilities are long": {"incomprehensibilities", "are long"},
	} {
		if diff := cmp.Diff(f.wrap(roman, 10, 50, text), want); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	if got := f.width(sans, 10, "Abc"); got != 17.23 { // 667, 556 and 500 thousandths
		t.Errorf("width %v", got)
	}
}

func TestWidths(t *testing.T) {
	for name, table := range map[string]string{
		"roman": timesRomanWidths, "italic": timesItalicWidths, "sans": helveticaWidths, "sans bold": helveticaBoldWidths,
	} {
		if n := len(strings.Fields(table)); n != 224 {
			t.Errorf("%s: %d widths", name, n)
		}
		sum := 0
		for _, w := range widths(table) {
			sum += w
		}
		if sum < 90_000 || sum > 140_000 {
			t.Errorf("%s adds up to %d", name, sum)
		}
	}
}
