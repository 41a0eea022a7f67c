package account

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// views are the pages of this room, in the layouts of both doors where both have them.
type views struct {
	pages   *page.Set
	say     page.Say
	sheet   map[Kind]page.View[sheet]
	again   map[Kind]page.View[againPage]
	enrol   page.View[enrolPage]
	codes   page.View[codesPage]
	own     page.View[ownPage]
	devices page.View[devicesPage]
}

func loadViews(p *page.Set) views {
	return views{
		pages: p,
		say:   p.Words("account"),
		sheet: map[Kind]page.View[sheet]{
			Staff: page.Load[sheet](p, "account/staff_sheet"), Connect: page.Load[sheet](p, "account/sheet"),
		},
		again: map[Kind]page.View[againPage]{
			Staff: page.Load[againPage](p, "account/staff_again"), Connect: page.Load[againPage](p, "account/again"),
		},
		enrol:   page.Load[enrolPage](p, "account/staff_enrol"),
		codes:   page.Load[codesPage](p, "account/staff_codes"),
		own:     page.Load[ownPage](p, "account/staff_own"),
		devices: page.Load[devicesPage](p, "account/devices"),
	}
}

type fact struct{ Term, Text string }

type link struct{ Label, Path string }

// sheet is a page with a heading, some words, and at most one form.
type sheet struct {
	page.Base
	Lead  string
	Good  string // what was just done
	Form  *form.View
	Ways  []link // as Links, to pages that take what the form carries
	Links []link
	Apart bool // the links open a tab of their own: this one carries what would be lost
}

// againPage offers to send again what came after a session had ended, while the database was away, or where it was refused.
type againPage struct {
	page.Base
	Heading, Lead string
	Action, Back  string
	Multipart     bool
	Shown         []fact
	Hidden        []form.Hidden
	Files         []string
}

func (s *Service) showSheet(w http.ResponseWriter, r *http.Request, kind Kind, status int, p sheet) error {
	p.NoIndex, p.Section = true, string(kind)
	return s.sheet[kind].Write(w, r, status, p)
}

// Keep answers a form of the workspace that a *page.Error refused, once it was read: it says why, and shows what was
// written, to copy or to send again. Any other error is returned.
func (s *Service) Keep(w http.ResponseWriter, r *http.Request, err error) error {
	var refused *page.Error
	if !errors.As(err, &refused) {
		return err
	}
	t := &typed{Kind: Staff, Path: r.URL.RequestURI(), Values: r.PostForm, At: s.now()}
	return s.showAgain(w, r, t, refused.Status, "refused", "why", refused.Message)
}

// showAgain says why in the words of that name.
func (s *Service) showAgain(w http.ResponseWriter, r *http.Request, t *typed, status int, why string, values ...any) error {
	p := againPage{
		Base:    page.Base{Title: "Send it again", NoIndex: true, Section: string(t.Kind)},
		Heading: s.say("again_" + why), Lead: s.say("again_"+why+"_lead", values...),
		Action: t.Path, Back: area(t.Kind), Multipart: t.Multipart, Shown: t.shown(), Hidden: t.hidden(),
	}
	for _, name := range t.Files {
		p.Files = append(p.Files, form.Labelled(name))
	}
	return s.again[t.Kind].Write(w, r, status, p)
}

// plainForm is a form of one page whose fields are given.
func plainForm(action, button string, fields ...form.FieldView) *form.View {
	v := &form.View{Action: action, Button: button, Fields: fields, Step: 1, Steps: 1}
	for _, f := range fields {
		if f.Error != "" {
			v.Problems = append(v.Problems, form.Problem{Name: f.Name, ID: f.ID, Text: f.Error})
		}
	}
	return v
}

// carry adds what travels along: where to go afterwards, and what was typed.
func carry(v *form.View, next, sealed string) {
	if next != "" {
		v.Hidden = append(v.Hidden, form.Hidden{Name: nextField, Value: next})
	}
	if sealed != "" {
		v.Hidden = append(v.Hidden, form.Hidden{Name: typedField, Value: sealed})
	}
}

func emailField(value, problem string) form.FieldView {
	return field(form.FieldView{
		Name: "email", Label: "Email address", Kind: "email", Type: "email", Inputmode: "email",
		Autocomplete: "username", Value: value, Error: problem,
	})
}

func passwordField(name, label, autocomplete, hint, problem string) form.FieldView {
	return field(form.FieldView{
		Name: name, Label: label, Kind: "text", Type: "password", Autocomplete: autocomplete, Hint: hint, Error: problem,
	})
}

func codeField(label, hint, inputmode, problem string) form.FieldView {
	return field(form.FieldView{
		Name: "code", Label: label, Kind: "text", Type: "text", Inputmode: inputmode, Autocomplete: "one-time-code",
		Hint: hint, Error: problem,
	})
}

func field(f form.FieldView) form.FieldView {
	f.ID, f.Required = "f-"+f.Name, true
	if f.Hint != "" {
		f.Describedby = f.ID + "-hint"
	}
	if f.Error != "" {
		f.Describedby = f.ID + "-error " + f.Describedby
	}
	return f
}

// passwordHint says the rules where a password is chosen.
func (s *Service) passwordHint(kind Kind) string {
	return s.say("password_hint", "limit", leastLength(kind))
}

// read reads a form of this room.
func read(r *http.Request) error { return page.ReadForm(r, bodyMost) }

// refusal turns what a check returned into a status and a sentence. What went wrong on our side is logged here, and asks
// for patience; an error remains only where nobody waits for an answer any more.
func (s *Service) refusal(w http.ResponseWriter, r *http.Request, err error, refused string) (int, string, error) {
	var waiting *WaitError
	var bad PasswordError
	var unread *page.Error
	switch {
	case errors.As(err, &unread):
		return unread.Status, unread.Message, nil
	case errors.As(err, &waiting):
		seconds := int(math.Ceil(waiting.For.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		return http.StatusTooManyRequests, s.say("wait", "time", inWords(waiting.For)), nil
	case errors.As(err, &bad):
		return http.StatusUnprocessableEntity, bad.inWords(s.say), nil
	case errors.Is(err, ErrRefused):
		return http.StatusUnprocessableEntity, refused, nil
	case page.Left(r):
		return 0, "", err
	}
	s.log.ErrorContext(r.Context(), "could not check who is at the door", "id", page.RequestID(r), "err", err)
	w.Header().Set("Retry-After", "30")
	return http.StatusServiceUnavailable, s.say("away"), nil
}

// missing says that a field was left empty, which is no try: nothing is compared, and nothing counted.
func (s *Service) missing(r *http.Request, name string) error {
	typed := r.PostForm.Get(name)
	if name == "email" || name == "code" {
		typed = strings.TrimSpace(typed) // a password may be of spaces
	}
	if typed != "" {
		return nil
	}
	return &page.Error{Status: http.StatusUnprocessableEntity, Message: s.say("missing_" + name)}
}

func inWords(d time.Duration) string {
	if d > 90*time.Second {
		return fmt.Sprintf("%d minutes", int(math.Ceil(d.Minutes())))
	}
	return fmt.Sprintf("%d seconds", int(math.Ceil(d.Seconds())))
}
