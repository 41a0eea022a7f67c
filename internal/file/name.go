package file

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxName is the length of a display name in characters: what a line of the workspace shows without folding.
const maxName = 120

// CleanName makes a stranger's file name fit to be shown and offered: the last part of any path, without control,
// bidi, zero-width, private or invalid characters, spaces folded, at most 120 characters with the extension kept. It
// may come out empty. The result is never a path; it is still text from a stranger, to be escaped like any other.
func CleanName(name string) string {
	name = norm.NFC.String(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point):
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "")))
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Join(strings.Fields(name), " ")
	name = strings.TrimLeft(name, ". ")
	name = strings.TrimRight(name, " .")
	return shorten(name)
}

func shorten(name string) string {
	over := utf8.RuneCountInString(name) - maxName
	if over <= 0 {
		return name
	}
	ext := path.Ext(name)
	if utf8.RuneCountInString(ext) > 12 { // longer is not an extension
		ext = ""
	}
	base := []rune(strings.TrimSuffix(name, ext))
	return strings.TrimRight(string(base[:len(base)-over]), " .") + ext
}
