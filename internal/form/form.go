// Package form is the one mechanism behind every public form: a form is data, a list of fields in order, and from
// that list it is decoded, validated, drawn, stored, mailed and listed in the public inventory.
//
// It promises that whatever a stranger sends, Parse returns: cleaned text, at most one sentence of complaint for each
// field, and never more than the fields that were declared (P-2, P-4). It knows neither HTTP nor the database.
package form

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Lang is the language the forms are written in.
const Lang = "en"

// Kind says how a field is decoded and drawn.
type Kind string

// The kinds there are. A Rating is one of its Options drawn in a row; a Consent is a box that is never ticked for you.
const (
	Text     Kind = "text"
	LongText Kind = "longtext"
	Email    Kind = "email"
	Phone    Kind = "phone"
	Country  Kind = "country"
	Choice   Kind = "choice"
	Several  Kind = "several"
	Rating   Kind = "rating"
	Date     Kind = "date"
	Consent  Kind = "consent"
	File     Kind = "file"
)

// Option is one answer of a Choice, Several or Rating.
type Option struct {
	Value string `json:"value"`
	Label string `json:"label"`
	Hint  string `json:"hint,omitempty"`
}

// Field is one question. Its JSON is what form_revision keeps, so that the question can be shown again as it was.
type Field struct {
	Name     string   `json:"name"`
	Label    string   `json:"label"`
	Hint     string   `json:"hint,omitempty"`
	Kind     Kind     `json:"kind"`
	Required bool     `json:"required,omitempty"`
	Max      int      `json:"max,omitempty"` // characters; 0 means the kind's own limit
	Options  []Option `json:"options,omitempty"`
	Why      string   `json:"why"` // why we ask, shown beside the field and in the inventory (P-4)
	Step     string   `json:"step,omitempty"`
	Example  string   `json:"example,omitempty"`

	Autocomplete string `json:"-"`
	Missing      string `json:"-"` // how to mend it where it was left empty; empty: its label is asked for

	Purpose string `json:"purpose,omitempty"` // of a Consent
	Channel string `json:"channel,omitempty"`

	Accept   []string `json:"accept,omitempty"` // of a File: extensions with their dot
	MaxBytes int64    `json:"max_bytes,omitempty"`
}

// Facts are the words of the label above Send, beside what is counted from the fields.
type Facts struct {
	For        string `json:"for"`
	SeenBy     string `json:"seen_by"`
	SharedWith string `json:"shared_with"`
	Deleted    string `json:"deleted"`
}

// Form is a form that can be sent in. Its zero Check means that no rule spans two fields.
type Form struct {
	Kind    string    // the activity: alliance, career, ...
	Subject uuid.UUID // what is applied for, uuid.Nil where the activity has no subjects
	Name    string    // of the subject, empty likewise
	Title   string
	Intro   string
	Button  string // names the act: "Send application"
	Fields  []Field
	Label   Facts
	// Anonymous forms keep no address: they carry a nonce, and get a page of thanks instead of a receipt.
	Anonymous bool
	// Review offers to read all answers through before sending, for forms that take long to fill in.
	Review bool
	// Check may add errors that need more than one field. It sees all answers, also those with an error of their own,
	// which keep it: the first sentence of a field stays.
	Check func(Values, Errors)

	settled *settled // by Settled
}

// Values are the answers, by field name. Single-valued fields have one element; unanswered ones are absent. The E.164
// form of a phone number stands beside what was typed, under the name plus "_e164".
type Values map[string][]string

// Get returns the first answer to a field, or "".
func (v Values) Get(name string) string {
	if len(v[name]) == 0 {
		return ""
	}
	return v[name][0]
}

// Day returns the answer to a field of dates, nil where none was given. It reads what the form checked: what is no date
// is nil as well.
func (v Values) Day(name string) *time.Time {
	t, err := time.Parse(time.DateOnly, v.Get(name))
	if err != nil {
		return nil
	}
	return &t
}

// Has tells whether the field was answered with value.
func (v Values) Has(name, value string) bool { return slices.Contains(v[name], value) }

// Errors says in one sentence, for each field that needs mending, how to mend it. The first error of a field stays.
type Errors map[string]string

// Add records the sentence unless the field has one already.
func (e Errors) Add(name, sentence string) {
	if _, taken := e[name]; !taken {
		e[name] = sentence
	}
}

// Field returns the field of that name.
func (f Form) Field(name string) (Field, bool) {
	i := slices.IndexFunc(f.Fields, func(x Field) bool { return x.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return f.Fields[i], true
}

// Steps returns the names of the form's pages in order; a form of one page has one.
func (f Form) Steps() []string {
	var steps []string
	for _, field := range f.Fields {
		if !slices.Contains(steps, field.Step) {
			steps = append(steps, field.Step)
		}
	}
	return steps
}

// hasFile tells whether the form asks for a file, and must be sent as multipart.
func (f Form) hasFile() bool {
	return slices.ContainsFunc(f.Fields, func(x Field) bool { return x.Kind == File })
}

// Revision is the form as it was worded: what a sender was shown.
type Revision struct {
	Digest  []byte // SHA-256 over the rest
	Kind    string
	Subject uuid.UUID
	Fields  []byte // JSON of []Field
	Wording []byte // JSON of title, introduction, button and label
	Lang    string
}

// settled is a form with its revision, worked out.
type settled struct {
	form     Form
	revision Revision
}

// Settled returns the form with its revision worked out, which takes longer than all else about a sending. Whoever
// changes the wording of the copy gets another revision; its fields are not to be changed in place.
func (f Form) Settled() Form {
	if f.settled == nil || !f.wordedAs(f.settled.form) {
		f.settled = &settled{form: f, revision: f.Revision()}
	}
	return f
}

func (f Form) wordedAs(o Form) bool {
	return f.Kind == o.Kind && f.Subject == o.Subject && f.Name == o.Name && f.Title == o.Title && f.Intro == o.Intro &&
		f.Button == o.Button && f.Label == o.Label && f.Anonymous == o.Anonymous &&
		len(f.Fields) == len(o.Fields) && (len(f.Fields) == 0 || &f.Fields[0] == &o.Fields[0])
}

// Revision returns the revision of the form as it stands.
func (f Form) Revision() Revision {
	if f.settled != nil && f.wordedAs(f.settled.form) {
		return f.settled.revision
	}
	fields, err := json.Marshal(f.Fields)
	if err != nil {
		panic(fmt.Sprintf("form %s: %v", f.Kind, err)) // strings and numbers only: can't fail
	}
	wording, err := json.Marshal(map[string]any{
		"title": f.Title, "name": f.Name, "intro": f.Intro, "button": f.Button, "label": f.Label, "anonymous": f.Anonymous,
	})
	if err != nil {
		panic(fmt.Sprintf("form %s: %v", f.Kind, err))
	}
	h := sha256.New()
	for _, part := range [][]byte{[]byte(f.Kind), f.Subject[:], []byte(Lang), fields, wording} {
		h.Write([]byte(strconv.Itoa(len(part)) + ":"))
		h.Write(part)
	}
	return Revision{Digest: h.Sum(nil), Kind: f.Kind, Subject: f.Subject, Fields: fields, Wording: wording, Lang: Lang}
}

// Answer is a question with its answer, in words fit to be read.
type Answer struct {
	Name, Label string
	Kind        Kind
	Texts       []string // as shown: labels of options, names of countries; ids for files
}

// Answers pairs the answers with the questions that were shown, in their order, leaving out consents and what was not
// answered.
func Answers(fields []Field, v Values) []Answer {
	var list []Answer
	for _, f := range fields {
		if f.Kind == Consent || len(v[f.Name]) == 0 {
			continue
		}
		list = append(list, Answer{Name: f.Name, Label: f.Label, Kind: f.Kind, Texts: f.texts(v)})
	}
	return list
}

func (f Field) texts(v Values) []string {
	texts := make([]string, 0, len(v[f.Name]))
	for _, value := range v[f.Name] {
		texts = append(texts, f.text(value))
	}
	if e164 := v.Get(f.Name + e164Suffix); e164 != "" && e164 != dialled(texts[0]) {
		texts[0] += " (" + e164 + ")"
	}
	return texts
}

// dialled leaves of a telephone number what one dials.
func dialled(number string) string {
	return strings.Map(func(r rune) rune {
		if r == '+' || ('0' <= r && r <= '9') {
			return r
		}
		return -1
	}, number)
}

func (f Field) text(value string) string {
	switch f.Kind {
	case Country:
		return CountryName(value)
	case Date:
		if day, err := time.Parse(time.DateOnly, value); err == nil {
			return day.Format("2 January 2006")
		}
	}
	for _, o := range f.Options {
		if o.Value == value {
			return o.Label
		}
	}
	return value
}
