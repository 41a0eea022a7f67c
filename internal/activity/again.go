package activity

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// againPage shows a form by itself, where the page that belongs around it can't be drawn.
type againPage struct {
	page.Base
	Form form.View
}

// showAgain draws the page with everything that was typed.
func (d *Desk) showAgain(w http.ResponseWriter, r *http.Request, s *sending, status int, message string) error {
	seal := s.in.values.Get(form.SealField)
	if s.sealErr != nil {
		seal = form.NewSeal(s.form, s.statement.ID, d.Now()).Close(d.Ring)
	}
	hidden := stepHidden(s.form, s.step)
	if s.again != "" {
		hidden = append(hidden, form.Hidden{Name: againField, Value: s.again})
	}
	hidden = append(hidden, s.in.unresolved(s.form)...)
	for field, list := range s.in.kept() {
		if f, ok := s.form.Field(field); ok && f.Step != s.form.Steps()[s.step] {
			hidden = append(hidden, form.Hidden{Name: keptName(field), Value: list[0].Token})
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	view := s.form.View(form.Shown{
		Action: r.URL.Path, Seal: seal, Statement: s.statement.Name(), Values: s.in.values, Errors: s.errs,
		Kept: s.in.kept(), Hidden: hidden, Message: message, Step: s.step,
	})
	err := s.door.Page(w, r, status, s.form, view)
	if err == nil || status != http.StatusServiceUnavailable {
		return err
	}
	return d.again.Write(w, r, status, againPage{
		Base: page.Base{Title: Title(view, s.form.Title), Description: message, NoIndex: true}, Form: view,
	})
}

func (d *Desk) tooMany(w http.ResponseWriter, r *http.Request, s *sending, wait time.Duration) error {
	s.checkSeal(d.Ring, d.Now())
	seconds := int(math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return d.showAgain(w, r, s, http.StatusTooManyRequests,
		"Many forms came from your network within a short time. Everything you typed is still here: please wait "+
			strconv.Itoa(seconds)+" seconds and send it again. A file must be chosen again.")
}

// withoutForm answers a POST whose form can't be looked up: if the database is away, the form as it was last shown
// still keeps what was typed.
func (d *Desk) withoutForm(w http.ResponseWriter, r *http.Request, door Door, err error) error {
	var known *page.Error
	last, ok := d.shown.Load(r.URL.Path)
	if errors.As(err, &known) || !ok {
		return err
	}
	f := last.(form.Form)
	in, _ := d.receive(w, r, f, way{sealed: true}) // without files nothing of ours can fail
	return d.unavailable(w, r, newSending(door, f, in), err)
}

// unavailable keeps what was typed where the database or the store of files does not answer.
func (d *Desk) unavailable(w http.ResponseWriter, r *http.Request, s *sending, err error) error {
	d.Log.ErrorContext(r.Context(), "could not take a form", "id", page.RequestID(r), "kind", s.form.Kind, "err", err)
	if s.statement.ID == "" {
		s.statement, _ = d.Statements.InForce() // from memory; without one the page just lacks its date
	}
	s.checkSeal(d.Ring, d.Now())
	w.Header().Set("Retry-After", "30")
	return d.showAgain(w, r, s, http.StatusServiceUnavailable,
		"We could not store this just now, so it was not sent. Everything you typed is still here: please send it again in a minute.")
}

// Title begins with "Error:" where something is to be mended, so that it is heard first.
func Title(v form.View, title string) string {
	if len(v.Problems) > 0 || v.Message != "" {
		return "Error: " + title
	}
	return title
}
