package form

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"clickcommerce.com/site/internal/word"
)

// TrapField is a field that people never see and never fill.
const TrapField = "homepage_2"

// LookField is what the buttons of a form with a review are called: LookReview leads to it, LookChange back.
const (
	LookField  = "look"
	LookReview = "review"
	LookChange = "change"
)

// View is a form ready to be drawn by the partial "form".
type View struct {
	Action, Title, Intro, Button string
	Multipart                    bool
	Hidden                       []Hidden
	Trap                         string
	Fields                       []FieldView
	Consents                     []FieldView
	Problems                     []Problem
	Message                      string // why the form is shown again, where no field is to blame
	Label                        Label
	Step, Steps                  int
	Lead                         string   // heading of the step
	Look                         string   // name of the buttons that lead to the review and back; empty: there is none
	Review                       []Answer // all that is about to be sent, in place of the fields
	Closed                       bool     // there is no button: what was typed can only be copied
	Quiet                        bool     // other things on the page come before this form
}

// Hidden is a value carried through the page.
type Hidden struct{ Name, Value string }

// Problem is a line of the error summary.
type Problem struct{ Name, ID, Text string }

// FieldView is a field ready to be drawn.
type FieldView struct {
	Name, ID, Label, Hint, Why, Error, Value   string
	Type, Inputmode, Autocomplete, Describedby string
	Kind                                       string
	Required                                   bool
	Missing                                    string // what is said where a required one is left empty
	Rows                                       int
	Min, Max                                   string
	Choices                                    []ChoiceView
	Kept                                       []Kept
	Accept                                     string
	Limit                                      string
	Focus                                      bool // the page opens here
}

// ChoiceView is an option ready to be drawn.
type ChoiceView struct {
	ID, Value, Label, Hint string
	Checked                bool
	Dial                   int // the calling code of a country, 0 where it has none
}

// Kept is a file that was sent before and is kept, so that it need not be chosen again.
type Kept struct{ Name, Size, Token, RemoveName string }

// Label is the table above Send.
type Label struct {
	Asked, Optional                             int
	For, SeenBy, SharedWith, Deleted, Statement string
}

// Shown says in which state a form is drawn.
type Shown struct {
	Action    string
	Seal      string
	Statement string // how the label names it: "1 November 2026"
	Values    url.Values
	Errors    Errors
	Kept      map[string][]Kept
	Hidden    []Hidden
	Message   string
	Step      int  // from 0
	Review    bool // the answers to be read through, none of which needs mending
	Closed    bool
}

// View draws nothing yet: it gathers what the templates need, for the step that is to be shown. The answers of the
// other steps travel along as hidden fields.
func (f Form) View(s Shown) View {
	steps := f.Steps()
	v := View{
		Action: s.Action, Title: f.Title, Intro: f.Intro, Button: f.Button, Multipart: f.hasFile(), Trap: TrapField,
		Message: s.Message, Closed: s.Closed, Label: f.label(s.Statement), Step: s.Step + 1, Steps: len(steps),
		Hidden: append([]Hidden{{SealField, s.Seal}}, s.Hidden...),
	}
	if len(steps) > 1 {
		v.Lead = steps[s.Step]
	}
	if f.Review && v.Step == v.Steps {
		v.Look = LookField
	}
	if s.Review {
		v.Review = f.review(s)
	}
	for _, field := range f.Fields {
		if s.Review || field.Step != steps[s.Step] {
			for _, value := range s.Values[field.Name] {
				v.Hidden = append(v.Hidden, Hidden{field.Name, value})
			}
			continue
		}
		fv := field.view(s)
		if fv.Error != "" {
			v.Problems = append(v.Problems, Problem{Name: field.Name, ID: fv.focus(), Text: fv.Error})
		}
		if field.Kind == Consent && field.Purpose != "" {
			v.Consents = append(v.Consents, fv)
		} else {
			v.Fields = append(v.Fields, fv)
		}
	}
	return v
}

// Plain gathers the same of a form that is sent by whoever is signed in or came by a link of their own: what takes it asks
// for neither seal nor trap.
func (f Form) Plain(s Shown) View {
	v := f.View(s)
	v.Hidden, v.Trap = v.Hidden[1:], ""
	return v
}

// review lists the answers as they will be stored: files by their names, and consents where they are given.
func (f Form) review(s Shown) []Answer {
	values, _ := f.Parse(s.Values)
	var list []Answer
	for _, field := range f.Fields {
		switch {
		case field.Kind == File && len(s.Kept[field.Name]) > 0:
			kept := s.Kept[field.Name][0]
			list = append(list, Answer{Name: field.Name, Label: field.Label, Kind: File, Texts: []string{kept.Name + ", " + kept.Size}})
		case field.Kind == Consent && values.Has(field.Name, "yes"):
			list = append(list, Answer{Name: field.Name, Label: field.Label, Kind: Consent})
		default:
			list = append(list, Answers([]Field{field}, values)...)
		}
	}
	return list
}

func (f Form) label(statement string) Label {
	l := Label{
		For: f.Label.For, SeenBy: f.Label.SeenBy, SharedWith: f.Label.SharedWith, Deleted: f.Label.Deleted,
		Statement: statement,
	}
	for _, field := range f.Fields {
		l.Asked++
		if !field.Required {
			l.Optional++
		}
	}
	return l
}

func (f Field) view(s Shown) FieldView {
	v := FieldView{
		Name: f.Name, ID: "f-" + f.Name, Label: f.Label, Hint: f.hint(), Why: f.Why, Error: s.Errors[f.Name],
		Type: "text", Autocomplete: f.Autocomplete, Kind: string(f.Kind), Required: f.Required,
		Kept: s.Kept[f.Name], Accept: strings.Join(f.Accept, ","),
	}
	if f.Required {
		v.Missing = f.missing()
	}
	sent := s.Values[f.Name]
	if len(sent) > 0 {
		v.Value = strings.ToValidUTF8(sent[0], string(utf8.RuneError))
	}
	switch f.Kind {
	case Email:
		v.Type, v.Inputmode = "email", "email"
	case Phone:
		v.Type, v.Inputmode = "tel", "tel"
	case Date:
		if _, err := time.Parse(time.DateOnly, v.Value); err == nil || v.Value == "" {
			v.Type = "date" // which would swallow anything else that was typed
		}
	case LongText:
		v.Rows = rows(f.Limit())
	case Country:
		v.Choices = f.choices(Countries(), sent)
	case Choice, Several, Rating:
		v.Choices = f.choices(f.Options, sent)
	case Consent:
		v.Choices = f.choices([]Option{{Value: "yes", Label: f.Label}}, sent)
	case File:
		v.Limit = fmt.Sprintf("%s; %d MB at most", strings.Join(f.formats(), ", "), f.MaxBytes>>20)
	case Text:
		switch f.Autocomplete {
		case "one-time-code":
			v.Inputmode = "numeric"
		case "url":
			v.Inputmode = "url"
		}
	}
	if n := f.Limit(); n > 0 && f.Kind == LongText {
		v.Limit = message.NewPrinter(language.English).Sprintf("%d", n)
	}
	v.Describedby = v.describedby()
	return v
}

// hint joins the field's own hint and its example.
func (f Field) hint() string {
	if f.Example == "" || f.Kind == Consent || len(f.Options) > 0 || f.Kind == Country || f.Kind == File {
		return f.Hint
	}
	example := f.Example
	if day, err := time.Parse(time.DateOnly, example); err == nil && f.Kind == Date {
		example = day.Format("2 January 2006") // as browsers show days in many ways, in words
	}
	return strings.TrimSpace(f.Hint + " For example: " + example)
}

func (f Field) formats() []string {
	var list []string
	for _, ext := range f.Accept {
		list = append(list, strings.ToUpper(strings.TrimPrefix(ext, ".")))
	}
	return list
}

func (f Field) choices(options []Option, sent []string) []ChoiceView {
	list := make([]ChoiceView, 0, len(options))
	for i, o := range options {
		c := ChoiceView{
			ID: fmt.Sprintf("f-%s-%d", f.Name, i), Value: o.Value, Label: o.Label, Hint: o.Hint,
			Checked: slices.Contains(sent, o.Value),
		}
		if f.Kind == Country {
			c.Dial = callingCode(o.Value)
		}
		list = append(list, c)
	}
	return list
}

// AsSent is a field for answers whose form is not at hand, named by what they were sent as: the text that was typed, or
// what was ticked.
func AsSent(name string, sent []string) Field {
	f := Field{Name: name, Label: Labelled(name), Kind: LongText, Required: true}
	if len(sent) < 2 {
		return f
	}
	f.Kind = Several
	for _, value := range sent {
		f.Options = append(f.Options, Option{Value: value, Label: value})
	}
	return f
}

// Labelled makes a field's name readable: "first_name" is "First name".
func Labelled(name string) string {
	return word.Capital(strings.ReplaceAll(name, "_", " "))
}

// focus is the id that a link of the error summary goes to: the first control of the field.
func (v FieldView) focus() string {
	if len(v.Choices) > 0 && v.Kind != string(Country) {
		return v.Choices[0].ID
	}
	return v.ID
}

func (v FieldView) describedby() string {
	var ids []string
	if v.Error != "" {
		ids = append(ids, v.ID+"-error")
	}
	if v.Hint != "" {
		ids = append(ids, v.ID+"-hint")
	}
	if v.Why != "" {
		ids = append(ids, v.ID+"-why")
	}
	return strings.Join(ids, " ")
}

func rows(limit int) int {
	if limit > 1000 {
		return 8
	}
	return 4
}
