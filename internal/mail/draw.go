package mail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"clickcommerce.com/site/internal/clock"
)

// Drawn is a mail in words.
type Drawn struct{ Subject, Preview, Text, HTML string }

// Agreed is the consent that a mail rests on, and the paths at which it is taken back and seen with all others; the footer
// tells them (P-6, P-7).
type Agreed struct {
	At                       time.Time
	Wording                  string
	Unsubscribe, Preferences string
}

// frame is what the layouts see.
type frame struct {
	Site             Identity
	Subject, Preview string
	Purpose          string
	AgreedOn         string // empty unless the purpose needs consent
	Agreed           Agreed
	Data             any
}

// Draw puts data of a template's type into words, as the message of that data would be; agreed is used by purposes that
// need consent. Its errors hold no word of the data.
func (q *Queue) Draw(template string, data any, agreed Agreed) (Drawn, error) {
	d, ok := q.templates[template]
	if !ok {
		return Drawn{}, fmt.Errorf("no template %s", template)
	}
	if reflect.TypeOf(data) != reflect.TypeOf(d.Data) {
		return Drawn{}, fmt.Errorf("the data is not of template %s", template)
	}
	f := frame{Site: q.identity, Purpose: d.Purpose, Data: data}
	if consented(d.Purpose) {
		// Dates in mails are those of the place from which the company writes.
		f.AgreedOn, f.Agreed = clock.Date(agreed.At), agreed
	}
	return d.draw(f)
}

func (d *drawer) draw(f frame) (Drawn, error) {
	var buf bytes.Buffer
	// The cause is kept back: template errors quote values.
	failed := func(part string) (Drawn, error) {
		return Drawn{}, fmt.Errorf("the %s of template %s can't be drawn from this data", part, d.Name)
	}
	if err := d.text.ExecuteTemplate(&buf, "subject", f.Data); err != nil {
		return failed("subject")
	}
	f.Subject = oneLine(buf.String(), 160)
	if f.Subject == "" {
		return failed("subject")
	}
	if d.text.Lookup("preview") != nil {
		buf.Reset()
		if err := d.text.ExecuteTemplate(&buf, "preview", f.Data); err != nil {
			return failed("preview")
		}
		f.Preview = oneLine(buf.String(), 200)
	}
	buf.Reset()
	if err := d.text.Execute(&buf, f); err != nil {
		return failed("text")
	}
	drawn := Drawn{Subject: f.Subject, Preview: f.Preview, Text: tidy(buf.String())}
	buf.Reset()
	if err := d.html.Execute(&buf, f); err != nil {
		return failed("HTML")
	}
	drawn.HTML = buf.String()
	return drawn, nil
}

// decode reads stored data into the type of the template.
func (d *drawer) decode(raw []byte) (any, error) {
	value := reflect.New(reflect.TypeOf(d.Data))
	if err := json.Unmarshal(raw, value.Interface()); err != nil {
		return nil, fmt.Errorf("the stored data does not fit template %s", d.Name)
	}
	return value.Elem().Interface(), nil
}

type fact struct{ Term, Text, URL string }

// elsewhere is an address on another site, to which a fact leads.
type elsewhere string

type button struct{ Label, URL string }

// funcsFor returns what templates may call. All links pass through link, so none leads away from the site, but for what
// staff say to be elsewhere, the room of a webinar: that passes through away.
func funcsFor(base *url.URL) map[string]any {
	link := func(to string) (string, error) { return absolute(base, to) }
	return map[string]any{
		"link":     link,
		"away":     away,
		"greeting": greeting,
		"join":     strings.Join,
		"facts":    facts,
		"button": func(label, to string) (button, error) {
			abs, err := link(to)
			return button{Label: oneLine(label, 80), URL: abs}, err
		},
	}
}

// absolute returns a path of the site, or an address that is below base already, as an absolute URL.
func absolute(base *url.URL, to string) (string, error) {
	ref, err := url.Parse(to)
	if err != nil || to == "" || ref.User != nil {
		return "", errors.New("not a link")
	}
	if ref.Scheme == "" && ref.Host == "" && strings.HasPrefix(to, "/") {
		return base.String() + ref.String(), nil
	}
	if ref.Scheme == base.Scheme && ref.Host == base.Host && strings.HasPrefix(ref.Path+"/", base.Path+"/") {
		return ref.String(), nil
	}
	return "", errors.New("link leads to another site")
}

// away lets a fact lead to an address on another site, which shows its host. Empty stays empty.
func away(to string) (elsewhere, error) {
	if ref, err := url.Parse(to); to != "" && (err != nil || ref.Scheme != "https" || ref.Host == "" || ref.User != nil) {
		return "", errors.New("not a link to another site")
	}
	return elsewhere(to), nil
}

// facts pairs terms with texts, or with what away returned, and leaves out those without text.
func facts(pairs ...any) ([]fact, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("facts come in pairs")
	}
	var list []fact
	for i := 0; i < len(pairs); i += 2 {
		f := fact{Term: fmt.Sprint(pairs[i]), Text: oneLine(fmt.Sprint(pairs[i+1]), 500)}
		if to, ok := pairs[i+1].(elsewhere); ok {
			f.URL = string(to)
		}
		if f.Text != "" {
			list = append(list, f)
		}
	}
	return list, nil
}

// Mail programs make a link of "evil.example" by themselves.
var linkish = regexp.MustCompile(`\.\pL`)

// greeting names whom it greets only where that is plainly a name: a stranger who types somebody else's address must
// not be able to make us carry words.
func greeting(name string) string {
	name = oneLine(name, 400)
	plain := strings.IndexFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !strings.ContainsRune(" -.'’", r)
	}) < 0
	if name == "" || !plain || utf8.RuneCountInString(name) > 40 || linkish.MatchString(name) {
		return "Hello,"
	}
	return "Hello " + name + ","
}

// oneLine makes text fit for a subject: no control or direction mark, single spaces, at most limit characters.
func oneLine(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r):
			return -1
		case r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp):
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > limit {
		text = strings.TrimSpace(string(runes[:limit-1])) + "…"
	}
	return text
}

var gap = regexp.MustCompile(`\n{3,}`)

// tidy makes a text part: no trailing blanks, at most one empty line in a row, no control character.
func tidy(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t")
	}
	return strings.TrimSpace(gap.ReplaceAllString(strings.Join(lines, "\n"), "\n\n")) + "\n"
}
