package activity

import (
	"errors"
	"math"
	"net/http"
	"slices"
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
		if f, ok := s.form.Field(field); ok && (s.review || f.Step != s.form.Steps()[s.step]) {
			hidden = append(hidden, form.Hidden{Name: keptName(field), Value: list[0].Token})
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	view := s.form.View(form.Shown{
		Action: r.URL.Path, Seal: seal, Statement: s.statement.Name(), Values: s.in.values, Errors: s.errs,
		Kept: s.in.kept(), Hidden: hidden, Message: message, Step: s.step, Closed: s.closed, Review: s.review,
	})
	err := s.door.Page(w, r, status, s.form, view)
	if err == nil {
		return nil
	}
	d.Log.ErrorContext(r.Context(), "could not draw the page around a form", "id", page.RequestID(r), "kind", s.form.Kind, "err", err)
	return d.drawAlone(w, r, status, s.form, view)
}

func (d *Desk) drawAlone(w http.ResponseWriter, r *http.Request, status int, f form.Form, v form.View) error {
	return d.again.Write(w, r, status, againPage{
		Base: page.Base{Title: Title(v, f.Title), Description: v.Message, NoIndex: true}, Form: v,
	})
}

func (d *Desk) tooMany(w http.ResponseWriter, r *http.Request, s *sending, wait time.Duration) error {
	d.checkSeal(s)
	seconds := int(math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return d.showAgain(w, r, s, http.StatusTooManyRequests,
		d.say("many_forms", "seconds", seconds)+s.in.chooseAgain())
}

// withoutForm answers a POST whose form can't be looked up, because the database is away or the form takes nothing more:
// as it was last shown, it still keeps what was typed.
func (d *Desk) withoutForm(w http.ResponseWriter, r *http.Request, door Door, why error) error {
	in, _ := d.receive(w, r, form.Form{}, way{unknown: true}) // without files nothing of ours can fail
	seal, err := form.OpenSeal(d.Ring, in.values.Get(form.SealField))
	last, ok := d.shown.Load(string(seal.Revision))
	if err != nil || !ok {
		return why
	}
	return d.notTaken(w, r, newSending(door, last.(form.Form), in), why)
}

// notTaken keeps what was typed where it can't be stored: not any more, or not now.
func (d *Desk) notTaken(w http.ResponseWriter, r *http.Request, s *sending, why error) error {
	var known *page.Error
	switch {
	case errors.Is(why, page.ErrNotFound):
		return d.closed(w, r, s, &page.Error{Status: http.StatusNotFound, Message: d.say("gone")})
	case errors.As(why, &known):
		return d.closed(w, r, s, known)
	}
	return d.unavailable(w, r, s, why)
}

// closed shows what was typed into a form that takes nothing more, all of it on one page.
func (d *Desk) closed(w http.ResponseWriter, r *http.Request, s *sending, why *page.Error) error {
	s.form.Fields = slices.Clone(s.form.Fields)
	for i := range s.form.Fields {
		s.form.Fields[i].Step = ""
	}
	s.step, s.closed = 0, true
	d.checkSeal(s)
	return d.showAgain(w, r, s, why.Status, d.say("closed", "why", why.Message))
}

// unavailable keeps what was typed where the database or the store of files does not answer.
func (d *Desk) unavailable(w http.ResponseWriter, r *http.Request, s *sending, err error) error {
	d.Log.ErrorContext(r.Context(), "could not take a form", "id", page.RequestID(r), "kind", s.form.Kind, "err", err)
	d.checkSeal(s)
	w.Header().Set("Retry-After", "30")
	return d.showAgain(w, r, s, http.StatusServiceUnavailable, d.say("unavailable")+s.in.chooseAgain())
}

// Title begins with "Error:" where something is to be mended, so that it is heard first.
func Title(v form.View, title string) string {
	if len(v.Problems) > 0 || v.Message != "" {
		return "Error: " + title
	}
	return title
}
