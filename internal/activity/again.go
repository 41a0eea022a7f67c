package activity

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
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
	if errors.Is(s.sealErr, form.ErrSealStale) && !s.closed {
		for _, name := range s.ticked() { // who agreed to other words has not agreed to these
			s.in.values.Del(name)
		}
	}
	hidden := stepHidden(s.form, s.step)
	if s.again != "" {
		hidden = append(hidden, form.Hidden{Name: againField, Value: s.again})
	}
	hidden = append(hidden, s.carried...)
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
	switch {
	case s.review:
		r = page.AtStage(r, d.say("stage_review"))
	case view.Step > 1:
		r = page.AtStage(r, d.say("stage_step", "step", view.Step, "steps", view.Steps))
	}
	err := s.door.Page(w, r, status, s.form, view)
	if err == nil {
		return nil
	}
	d.Log.ErrorContext(r.Context(), "could not draw the page around a form", "id", page.RequestID(r), "kind", s.form.Kind, "err", err)
	return d.drawAlone(w, r, status, s.form, view)
}

func (d *Desk) drawAlone(w http.ResponseWriter, r *http.Request, status int, f form.Form, v form.View) error {
	return d.again.Write(w, r, status, againPage{
		Base: page.Base{Title: f.Title, Description: v.Message, NoIndex: true}, Form: v,
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
// as it was last shown, or as far as what was sent tells, it still keeps what was typed.
func (d *Desk) withoutForm(w http.ResponseWriter, r *http.Request, door Door, why error) error {
	in, _ := d.receive(w, r, form.Form{}, way{unknown: true}) // without files nothing of ours can fail
	seal, err := form.OpenSeal(d.Ring, in.values.Get(form.SealField))
	if err != nil {
		return why
	}
	last, ok := d.shown.Load(string(seal.Revision))
	if !ok { // another process has shown it
		s := d.asSent(seal, in)
		if stored, ok := d.before(r, s); ok {
			return d.toReceipt(w, r, stored)
		}
		return d.notTaken(w, r, s, why)
	}
	s := newSending(door, last.(form.Form), in)
	s.values, s.errs = s.form.Parse(in.withFiles(s.form))
	d.checkSeal(s)
	if stored, ok := d.before(r, s); ok {
		return d.toReceipt(w, r, stored)
	}
	s.errs = form.Errors{} // nothing is to be mended
	return d.notTaken(w, r, s, why)
}

// asSent is a sending whose form nobody here knows: a field for each name that was sent. Its page keeps the seal, so
// that what can be sent again is what the seal says was shown.
func (d *Desk) asSent(seal form.Seal, in *received) *sending {
	f := form.Form{Kind: seal.Kind, Title: d.say("as_sent"), Button: d.say("send_again"), Anonymous: len(seal.Nonce) > 0}
	var carried []form.Hidden
	for _, name := range slices.Sorted(maps.Keys(in.values)) {
		switch {
		case slices.Contains([]string{form.SealField, form.TrapField, form.LookField}, name):
		case name == stepField, name == againField, isFileField(name):
			carried = append(carried, form.Hidden{Name: name, Value: in.values.Get(name)})
		default:
			f.Fields = append(f.Fields, form.AsSent(name, in.values[name]))
		}
	}
	return &sending{door: Door{Page: d.drawAlone}, form: f, in: in, seal: seal, unknown: true, carried: carried}
}

// before looks for what the same sending stored when it came first: under a page that is too old by now, or of a form
// that takes nothing more.
func (d *Desk) before(r *http.Request, s *sending) (submission.Accepted, bool) {
	if errors.Is(s.sealErr, form.ErrSealForged) || s.form.Anonymous {
		return submission.Accepted{}, false
	}
	s, err := d.asShown(r.Context(), s)
	if err != nil || len(s.errs) > 0 {
		return submission.Accepted{}, false
	}
	e, err := d.made(r.Context(), s)
	if err != nil {
		return submission.Accepted{}, false
	}
	stored, err := d.Store.Stored(r.Context(), e)
	return stored, err == nil
}

// asShown is a sending under the form that its seal names, where its address has another by now, or nobody here knows it.
func (d *Desk) asShown(ctx context.Context, s *sending) (*sending, error) {
	if bytes.Equal(s.form.Revision().Digest, s.seal.Revision) {
		return s, nil
	}
	f, err := d.Store.AsShown(ctx, s.seal.Revision)
	if err != nil {
		return nil, err
	}
	shown := *s
	shown.form = f
	shown.values, shown.errs = f.Parse(s.in.withFiles(f))
	return &shown, nil
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
	if page.Left(r) {
		return err
	}
	d.Log.ErrorContext(r.Context(), "could not take a form", "id", page.RequestID(r), "kind", s.form.Kind, "err", err)
	d.checkSeal(s)
	w.Header().Set("Retry-After", "30")
	return d.showAgain(w, r, s, http.StatusServiceUnavailable, d.say("unavailable")+s.in.chooseAgain())
}

// Unstored ends the taking of a form that is not one of an activity. An error that is not for the visitor's eyes becomes
// the form by itself, to be sent again: r.PostForm stands in its fields, and what it has no field for travels along.
func (d *Desk) Unstored(w http.ResponseWriter, r *http.Request, err error, f form.Form) error {
	var known *page.Error
	if err == nil || errors.As(err, &known) || page.Left(r) {
		return err
	}
	d.Log.ErrorContext(r.Context(), "could not store what was sent", "id", page.RequestID(r), "err", err)
	var carried []form.Hidden
	for _, name := range slices.Sorted(maps.Keys(r.PostForm)) {
		if _, asked := f.Field(name); asked || name == form.SealField {
			continue
		}
		for _, value := range r.PostForm[name] {
			carried = append(carried, form.Hidden{Name: name, Value: value})
		}
	}
	f.Button = d.say("send_again")
	v := f.View(form.Shown{Action: r.URL.Path, Values: r.PostForm, Hidden: carried, Message: d.say("unavailable")})
	v.Trap = ""
	w.Header().Set("Retry-After", "30")
	w.Header().Set("Cache-Control", "no-store")
	return d.drawAlone(w, r, http.StatusServiceUnavailable, f, v)
}
