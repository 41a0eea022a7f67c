package publish

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"clickcommerce.com/site/internal/form"
)

// The fields that most edit forms begin with.

// TitleField asks for the title.
func TitleField() form.Field {
	return form.Field{Name: "title", Label: "Title", Kind: form.Text, Required: true, Max: 120}
}

// SlugField asks for the last part of the public address; prefix is what stands before it: "/webinars/". Left empty, it
// is made from the title.
func SlugField(prefix string) form.Field {
	return form.Field{
		Name: "slug", Label: "Address", Kind: form.Text, Max: 80,
		Hint: "What follows " + prefix + ": small letters, digits and hyphens. Left empty, it is made from the title. " +
			"Changing it later breaks links.",
	}
}

// SummaryField asks for the one sentence that lists and search engines show.
func SummaryField() form.Field {
	return form.Field{
		Name: "summary", Label: "Summary", Kind: form.LongText, Required: true, Max: 300,
		Hint: "One or two sentences, shown in lists and by search engines.",
	}
}

// BodyField asks for the text of the page.
func BodyField() form.Field {
	return form.Field{
		Name: "body", Label: "Text", Kind: form.LongText, Required: true, Max: 20_000,
		Hint: "Markdown: an empty line between paragraphs, ## before a heading, - before an item of a list.",
	}
}

// maxSlug is how long an address made from a title may become.
const maxSlug = 80

// Slug makes an address of a title: "Planning, slowly" becomes planning-slowly.
func Slug(title string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r): // the accents that NFD set apart
			return -1
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			return unicode.ToLower(r)
		}
		return ' '
	}, norm.NFD.String(title))
	slug := strings.Join(strings.Fields(plain), "-")
	if len(slug) > maxSlug {
		slug = strings.TrimRight(slug[:maxSlug], "-")
	}
	return slug
}

var slugForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// checkSlug fills an empty slug from the title, and refuses what is no address.
func checkSlug(fields []form.Field, v form.Values, errs form.Errors) {
	if _, asked := (form.Form{Fields: fields}).Field("slug"); !asked {
		return
	}
	if v.Get("slug") == "" && v.Get("title") != "" {
		v["slug"] = []string{Slug(v.Get("title"))}
	}
	if !slugForm.MatchString(v.Get("slug")) && v.Get("title") != "" {
		errs.Add("slug", "Use small letters, digits and single hyphens only, for example planning-slowly.")
	}
	if v.Get("slug") == "new" {
		errs.Add("slug", "This word is taken. Choose another address.")
	}
}
