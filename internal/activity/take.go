package activity

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// sending is one POST on its way through the desk.
type sending struct {
	door      Door
	form      form.Form
	in        *received
	statement consent.Statement
	seal      form.Seal
	sealErr   error // why the page that is shown again needs a new seal
	values    form.Values
	errs      form.Errors
	step      int
	again     string // sealed: asked once more
	doubtful  bool   // still, after having been asked
	review    bool   // the answers are to be read through, not to be stored yet
	closed    bool   // can be read, but not sent any more
	unknown   bool   // the form is made of what was sent
	carried   []form.Hidden
}

// newSending is what came, at the page of the form on which it was sent.
func newSending(door Door, f form.Form, in *received) *sending {
	step, _ := strconv.Atoi(in.values.Get(stepField))
	return &sending{door: door, form: f, in: in, step: min(max(step, 0), len(f.Steps())-1)}
}

// Take answers POST: 303 to the receipt, or the page again with everything that was typed.
func (d *Desk) Take(door Door) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, err := door.Form(r)
		if err != nil {
			return d.withoutForm(w, r, door, err)
		}
		f = d.remember(f) // its seal is compared with it, and what is stored names it
		wait, allowed, stage := d.admit(r, f.Kind)
		in, err := d.receive(w, r, f, way{stage: stage, sealed: true, resume: true})
		s := newSending(door, f, in)
		if err != nil {
			return d.unavailable(w, r, s, err)
		}
		if s.statement, err = d.Statements.InForce(); err != nil {
			return d.unavailable(w, r, s, err)
		}
		if !allowed {
			return d.tooMany(w, r, s, wait)
		}
		if refusal := d.judge(r, s); refusal != nil {
			if s.sealErr != nil || s.again != "" { // no reason to store the same twice, nor to doubt what was stored
				if stored, ok := d.before(r, s); ok {
					return d.toReceipt(w, r, stored)
				}
			}
			return d.showAgain(w, r, s, refusal.status, refusal.message)
		}
		accepted, err := d.accept(r, s)
		if errors.As(err, new(*page.Error)) { // nothing more is taken, which is no reason to refuse what was
			if stored, ok := d.before(r, s); ok {
				accepted, err = stored, nil
			}
		}
		if err != nil {
			return d.notTaken(w, r, s, err)
		}
		if f.Anonymous {
			return door.Thanks(w, r, f, accepted.Repeated)
		}
		return d.toReceipt(w, r, accepted)
	}
}

// admit counts a sending of a kind from where it came, and says how long to wait where that is one too many. Of those files
// are kept as well, up to as many again: what was chosen is not lost, and nobody fills the store.
func (d *Desk) admit(r *http.Request, kind string) (wait time.Duration, allowed, stage bool) {
	client := kind + " " + clientKey(d.Proxies.Client(r))
	if wait, allowed = d.clients.allow(client, d.Now()); allowed {
		return 0, true, true
	}
	_, stage = d.spare.allow(client, d.Now())
	return wait, false, stage
}

func (d *Desk) toReceipt(w http.ResponseWriter, r *http.Request, a submission.Accepted) error {
	http.Redirect(w, r, submission.ReceiptPath(a.Token), http.StatusSeeOther)
	return nil
}

// refusal is why a sending is not accepted as it is.
type refusal struct {
	status  int
	message string
}

const mend = "" // the error summary says all there is to say

// judge checks a sending from the outside in: was it readable, is its page still true, is it complete, is it a
// person's. It returns nil where nothing stands against it.
func (d *Desk) judge(r *http.Request, s *sending) *refusal {
	d.checkSeal(s)
	s.values, s.errs = s.form.Parse(s.in.withFiles(s.form))
	for name, sentence := range s.in.errs {
		s.errs[name] = sentence // what is wrong with a file says more than "choose a file"
	}
	if s.in.status != 0 {
		return &refusal{s.in.status, s.in.message}
	}
	if sentence := s.sealProblem(d.say); sentence != "" {
		return &refusal{http.StatusUnprocessableEntity, sentence}
	}
	if r := s.walk(); r != nil {
		return r
	}
	if r := s.look(); r != nil {
		return r
	}
	return d.guard(r, s)
}

// checkSeal opens the seal, and finds out whether the page that is shown again can keep it.
func (d *Desk) checkSeal(s *sending) {
	if s.statement.ID == "" {
		s.statement, _ = d.Statements.InForce() // from memory; without one the page just lacks its date
	}
	s.seal, s.sealErr = form.OpenSeal(d.Ring, s.in.values.Get(form.SealField))
	if s.sealErr == nil && !s.unknown {
		s.sealErr = s.seal.Check(s.form, s.statement.ID, d.Now())
	}
}

// sealProblem returns the sentence that tells why the page must be read once more, or "".
func (s *sending) sealProblem(say page.Say) string {
	switch {
	case s.sealErr == nil:
		return ""
	case errors.Is(s.sealErr, form.ErrSealExpired):
		return say("seal_expired")
	case errors.Is(s.sealErr, form.ErrSealStale) && len(s.ticked()) > 0:
		return say("seal_stale_ticked")
	case errors.Is(s.sealErr, form.ErrSealStale):
		return say("seal_stale")
	}
	return say("seal_forged")
}

// ticked are the boxes of consent that were sent.
func (s *sending) ticked() (names []string) {
	for _, field := range s.form.Fields {
		if field.Kind == form.Consent && s.in.values.Has(field.Name) {
			names = append(names, field.Name)
		}
	}
	return names
}

// walk leads through the pages of a form that has several, and stops at the first one with an error.
func (s *sending) walk() *refusal {
	steps := s.form.Steps()
	for i := range s.step + 1 {
		for _, field := range s.form.Fields {
			if field.Step == steps[i] && s.errs[field.Name] != "" {
				s.step = i
				s.keepErrorsOf(steps[i])
				return &refusal{http.StatusUnprocessableEntity, mend}
			}
		}
	}
	if s.step < len(steps)-1 {
		s.step++
		s.errs = form.Errors{}
		return &refusal{http.StatusOK, ""}
	}
	return nil
}

// look shows the answers for review, or the fields again, where the sender asked for that.
func (s *sending) look() *refusal {
	if !s.form.Review {
		return nil
	}
	switch s.in.values.Get(form.LookField) {
	case form.LookReview:
		s.review = true
		return &refusal{http.StatusOK, ""}
	case form.LookChange:
		return &refusal{http.StatusOK, ""}
	}
	return nil
}

func (s *sending) keepErrorsOf(step string) {
	for _, field := range s.form.Fields {
		if field.Step != step {
			delete(s.errs, field.Name)
		}
	}
}

// accept hands a judged sending over to be stored.
func (d *Desk) accept(r *http.Request, s *sending) (submission.Accepted, error) {
	e, err := d.made(r.Context(), s)
	if err != nil {
		return submission.Accepted{}, err
	}
	return d.Store.Accept(r.Context(), e)
}

// made is the entry that a sending makes.
func (d *Desk) made(ctx context.Context, s *sending) (submission.Entry, error) {
	a, ok := d.activities.Find(s.form.Kind)
	if !ok {
		return submission.Entry{}, errors.New("no activity of kind " + s.form.Kind)
	}
	e := d.entry(a, s.form, s.values)
	e.Files, e.Seal = s.in.files, s.seal
	e.Quarantine = !a.NeverApart && (s.doubtful || d.Blocked != nil && d.Blocked(e.Email))
	if a.Fill != nil {
		if err := a.Fill(ctx, &e); err != nil {
			return submission.Entry{}, err
		}
	}
	return e, nil
}

// entry fills in what all activities have in common.
func (d *Desk) entry(a Activity, f form.Form, v form.Values) submission.Entry {
	first := a.Statuses[0]
	return submission.Entry{
		Form: f, Values: v, Email: v.Get("email"), Name: v.Get("name"), Company: v.Get("company"), Status: first.Value,
		Source:     v.Get(sourceName),
		PurgeAfter: d.KeptUntil(first.Months),
		Asks: func(status string) bool {
			s, known := a.Status(status)
			return !known || s.Asks()
		},
		Messages: func(id uuid.UUID, e *submission.Entry) []mail.Message {
			return d.firstMessages(a, id, e)
		},
	}
}
