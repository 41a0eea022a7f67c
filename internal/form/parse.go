package form

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/unicode/norm"

	"clickcommerce.com/site/internal/word"
	"clickcommerce.com/site/web"
)

// say is what is said of answers in every form.
var say = word.Read(web.FS, "form")

// MaxPairs is how many fields of a body are read.
const MaxPairs = 2000

// Decode reads a urlencoded body as far as it goes: what can't be decoded stays as it came. It is not whole where it has
// more than MaxPairs.
func Decode(raw []byte) (values url.Values, whole bool) {
	values = url.Values{}
	for n := 0; len(raw) > 0; n++ {
		if n == MaxPairs {
			return values, false
		}
		pair, rest, _ := bytes.Cut(raw, []byte("&"))
		raw = rest
		name, value, _ := strings.Cut(string(pair), "=")
		values.Add(unescape(name), unescape(value))
	}
	return values, true
}

func unescape(s string) string {
	if text, err := url.QueryUnescape(s); err == nil {
		return text
	}
	return s
}

const e164Suffix = "_e164"

// limits in characters, for fields that set none of their own.
var limits = map[Kind]int{Text: 200, LongText: 4000, Email: 254, Phone: minPhone}

// minPhone is the least limit of a phone number: people write extensions and opening hours beside it.
const minPhone = 200

// Limit returns how many characters an answer may have; 0 where the kind knows no limit. A phone number that is not
// required never stops a form: its limit is not enforced.
func (f Field) Limit() int {
	if f.Kind == Phone {
		return max(f.Max, minPhone)
	}
	if f.Max > 0 {
		return f.Max
	}
	return limits[f.Kind]
}

// Parse decodes what was sent for the form: it trims and cleans text, ignores unknown names, checks each field and
// then the form's Check. The answers are returned whether or not there are errors, so that nothing typed is lost.
// Files are not its business: their values are passed through as they are (the way in puts ids there).
func (f Form) Parse(sent url.Values) (Values, Errors) {
	values, errs := Values{}, Errors{}
	for _, field := range f.Fields {
		answer := field.decode(sent[field.Name])
		if len(answer) > 0 {
			values[field.Name] = answer
		}
	}
	for _, field := range f.Fields {
		if sentence := field.check(values); sentence != "" {
			errs.Add(field.Name, sentence)
		}
	}
	if sentence, field := f.uncallable(values); field != "" {
		errs.Add(field, sentence)
	}
	if f.Check != nil {
		f.Check(values, errs)
	}
	return values, errs
}

// uncallable asks for the number that a ticked box for calls needs.
func (f Form) uncallable(v Values) (sentence, field string) {
	number := ""
	for _, x := range f.Fields {
		if x.Kind == Phone {
			number = x.Name
		}
		if x.Kind == Consent && x.Channel == "phone" && v.Has(x.Name, "yes") && Number(f.Fields, v) == "" {
			return say("uncallable"), number
		}
	}
	return "", ""
}

// Number is the telephone number that was answered, in E.164; "" where there is none that can be dialled.
func Number(fields []Field, v Values) string {
	for _, x := range fields {
		if x.Kind == Phone {
			return v.Get(x.Name + e164Suffix)
		}
	}
	return ""
}

// decode turns the raw values of one field into its answer, without judging it.
func (f Field) decode(raw []string) []string {
	switch f.Kind {
	case File:
		return slices.Clone(raw)
	case Several:
		var chosen []string
		for _, o := range f.Options { // the form's order, each once, however often it was sent
			if slices.Contains(raw, o.Value) {
				chosen = append(chosen, o.Value)
			}
		}
		return chosen
	case Consent:
		if slices.Contains(raw, "yes") {
			return []string{"yes"}
		}
		return nil
	}
	if len(raw) == 0 {
		return nil
	}
	text := Clean(raw[0], f.Kind == LongText)
	if text == "" {
		return nil
	}
	return []string{text}
}

// check judges one field's answer, and replaces it by its canonical form where the kind has one.
func (f Field) check(v Values) string {
	if len(v[f.Name]) == 0 {
		if f.Required {
			return f.missing()
		}
		return ""
	}
	value := v.Get(f.Name)
	if f.Kind == Phone && !f.Required { // it never blocks, so what is far beyond any number is cut
		value = cut(value, longestPhone)
		v[f.Name] = []string{value}
	} else if limit := f.Limit(); limit > 0 {
		if n := utf8.RuneCountInString(value); n > limit {
			return tooLong(n, limit)
		}
		if strings.ContainsRune(value, utf8.RuneError) { // of another encoding, most likely: nobody could tell later what was meant
			return say("garbled")
		}
	}
	switch f.Kind {
	case Email:
		address, sentence := ParseEmail(value)
		if sentence == "" {
			v[f.Name] = []string{address}
		}
		return sentence
	case Phone:
		return f.checkPhone(v)
	case Country:
		if !isCountry(value) {
			return say("country")
		}
	case Choice, Rating:
		if !slices.ContainsFunc(f.Options, func(o Option) bool { return o.Value == value }) {
			return say("option")
		}
	case Date:
		return f.checkDate(v)
	case Text, LongText, Several, Consent, File:
	}
	return ""
}

// longestPhone is how many characters are kept of what was typed for an optional telephone number.
const longestPhone = 1000

func cut(text string, most int) string {
	runes := []rune(text)
	return string(runes[:min(len(runes), most)])
}

func (f Field) checkDate(v Values) string {
	for _, layout := range []string{time.DateOnly, "2 January 2006", "2 Jan 2006", "January 2, 2006"} {
		if day, err := time.Parse(layout, v.Get(f.Name)); err == nil {
			v[f.Name] = []string{day.Format(time.DateOnly)}
			return ""
		}
	}
	return say("date")
}

// missing says how to mend a required field that was left empty: in its own words, else in those of its label.
func (f Field) missing() string {
	if f.Missing != "" {
		return f.Missing
	}
	if strings.HasSuffix(f.Label, "?") {
		return say("missing_answer", "label", f.Label)
	}
	switch f.Kind {
	case Consent:
		return say("missing_tick", "label", f.Label)
	case Choice, Several, Rating, Country, File:
		return say("missing_choice", "label", f.Label)
	case Text, LongText, Email, Phone, Date:
	}
	return say("missing", "label", f.Label)
}

func tooLong(n, limit int) string {
	p := message.NewPrinter(language.English)
	if n-limit == 1 {
		return say("too_long_by_one", "limit", p.Sprint(limit))
	}
	return say("too_long", "over", p.Sprint(n-limit), "limit", p.Sprint(limit))
}

// Clean returns text as it is stored: valid UTF-8 in NFC, line ends as \n, without surrounding space, control
// characters, zero-width spaces and marks that change the direction of what follows. On one line unless lines is set.
// Where nothing of it can be seen, it is empty.
func Clean(text string, lines bool) string {
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines:
			return r
		case r == '\n', r == '\t', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r), invisible(r):
			return -1
		}
		return r
	}, text)
	if !strings.ContainsFunc(text, visible) {
		return ""
	}
	return strings.TrimSpace(norm.NFC.String(text))
}

// visible tells whether a character can be seen alone: joiners, fillers, tags, marks without a letter can't.
func visible(r rune) bool {
	const emptyBraille = '\u2800'
	return r != emptyBraille && !unicode.In(r, unicode.C, unicode.M, unicode.Z, unicode.Other_Default_Ignorable_Code_Point)
}

// invisible tells the marks that hide or reorder text. The joiners U+200C and U+200D stay: several scripts need them.
func invisible(r rune) bool {
	switch {
	case r == '\u200b', r == '\u2060', r == '\ufeff', r == '\u00ad', r == '\u061c':
		return true
	case r >= '\u200e' && r <= '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return false
}

// Ungrouped leaves out the spaces and dashes with which people group a code that they type or paste.
func Ungrouped(code string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, code)
}
