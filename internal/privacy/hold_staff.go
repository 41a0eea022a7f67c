package privacy

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/internal/word"
)

const (
	holdsPath  = "/staff/holds"
	holdMonths = 12 // until its next review at most
)

type holdsPage struct {
	page.Base
	Standing, Lifted []holdLine
	Form             form.View
	Last             time.Time // a standing hold is reviewed by then at the latest
	Problem          string
	Report           []RetainLine // of the last day and night that deleted anything
}

// holdLine is a hold in words.
type holdLine struct {
	hold
	About string
	Path  string // of the person or record; empty for a kind
	Due   bool   // its review is
}

// Staff mounts the privacy officer's pages of holds below /staff.
func (h *Holds) Staff(r chi.Router) {
	set := h.desk.Pages
	r.Get("/holds", set.Handle(officer(h.show)))
	r.Post("/holds", set.Handle(officer(h.submit)))
	r.Post("/holds/{id}/review", set.Handle(officer(h.submitReview)))
	r.Post("/holds/{id}/lift", set.Handle(officer(h.submitLift)))
}

func (h *Holds) show(w http.ResponseWriter, r *http.Request) error {
	return h.draw(w, r, http.StatusOK, form.Shown{Hidden: []form.Hidden{{Name: "key", Value: uuid.NewString()}}}, "")
}

func (h *Holds) draw(w http.ResponseWriter, r *http.Request, status int, s form.Shown, problem string) error {
	list, err := h.all(r.Context())
	if err != nil {
		return err
	}
	s.Action = holdsPath
	view := h.form().Plain(s)
	p := holdsPage{
		Base: page.Base{Title: "Legal holds", NoIndex: true}, Form: view, Problem: problem, Last: h.last(),
	}
	for _, x := range list {
		if line := h.line(x); x.LiftedAt == nil {
			p.Standing = append(p.Standing, line)
		} else {
			p.Lifted = append(p.Lifted, line)
		}
	}
	p.Report, err = postgres.Rows[RetainLine](r.Context(), h.desk.Pool, `
		SELECT max(at) AS at, kind, outcome, sum(n)::bigint AS n, min(oldest) AS oldest FROM retention_line
		WHERE at > (SELECT max(at) FROM retention_line) - interval '24 hours'
		GROUP BY kind, outcome ORDER BY kind, outcome`)
	if err != nil {
		return err
	}
	for i := range p.Report {
		h.name(&p.Report[i])
	}
	return h.views.holds.Write(w, r, status, p)
}

// name calls what was deleted as the workspace does: an activity by its title, what became of its request by the
// status's label. What no activity has is named by the words of this room.
func (h *Holds) name(l *RetainLine) {
	a, found := h.desk.Activities().Find(l.Kind)
	if s, known := a.Status(l.Outcome); known {
		l.Outcome = s.Label
	}
	l.Outcome = word.Capital(l.Outcome)
	if found {
		l.Kind = a.Title
		return
	}
	l.Kind = cmp.Or(h.say("deleted_"+l.Kind), word.Capital(l.Kind)) // of a room that is no more
}

// last is the last day for which a review can be set today.
func (h *Holds) last() time.Time { return clock.AddMonths(h.today(), holdMonths) }

func (h *Holds) today() time.Time { return clock.Day(h.desk.Now()) }

func (h *Holds) line(x hold) holdLine {
	l := holdLine{hold: x, Due: x.LiftedAt == nil && !x.ReviewOn.After(h.today())}
	switch x.Scope {
	case holdPerson:
		l.About, l.Path = x.Email, person.Path(x.Person.UUID)
		if x.Email == "" {
			l.About = "An erased person"
		}
	case holdRecord:
		l.About, l.Path = "Record "+x.Reference, submission.RecordPath(x.Submission.UUID)
		if x.Reference == "" {
			l.About, l.Path = "A record that is gone", ""
		}
	default:
		a, _ := h.desk.Activities().Find(x.Kind)
		l.About = cmp.Or(a.Title, word.Capital(x.Kind)) + ", from " + x.From.Format("2 January 2006") + " to " + x.To.Format("2 January 2006")
	}
	return l
}

// form asks what is to be held, why, and until when at most nobody looks at it again.
func (h *Holds) form() form.Form {
	var kinds []form.Option
	for _, a := range h.desk.Activities() {
		kinds = append(kinds, form.Option{Value: a.Kind, Label: a.Title})
	}
	return form.Form{
		Kind: Kind, Title: "Place a hold", Button: "Place the hold", Check: h.check,
		Fields: []form.Field{
			{Name: "scope", Label: "What is to be held?", Kind: form.Choice, Required: true, Options: []form.Option{
				{Value: holdPerson, Label: "All of a person"},
				{Value: holdRecord, Label: "One record"},
				{Value: holdKind, Label: "All records of a kind that came in a period"},
			}},
			{Name: "about", Label: "Address of the person, or number of the record", Kind: form.Text, Hint: "For a kind, leave it empty.", Example: "CC-7Q2HD-M5X0P"},
			{Name: "kind", Label: "Kind", Kind: form.Choice, Hint: "Only where a kind is to be held.", Options: kinds},
			{Name: "from", Label: "Came from this day", Kind: form.Date, Hint: "Only where a kind is to be held."},
			{Name: "to", Label: "Came until this day", Kind: form.Date, Hint: "Only where a kind is to be held."},
			{Name: "ground", Label: "Ground", Kind: form.LongText, Required: true, Max: 1000, Hint: "Which claim, proceeding or duty needs it. The person may ask to see this."},
			{Name: "review", Label: "Look at it again on", Kind: form.Date, Required: true, Hint: "By " + h.last().Format("2 January 2006") + " at the latest. A hold ends when it is lifted, never by itself."},
		},
	}
}

// check holds that what belongs to the scope is there, and nothing else counts.
func (h *Holds) check(v form.Values, errs form.Errors) {
	from, to := v.Day("from"), v.Day("to")
	switch v.Get("scope") {
	case holdPerson, holdRecord:
		if v.Get("about") == "" {
			errs.Add("about", h.say("hold_about"))
		}
	case holdKind:
		if v.Get("kind") == "" {
			errs.Add("kind", h.say("hold_kind"))
		}
		if from == nil {
			errs.Add("from", h.say("hold_from"))
		}
		if to == nil || from != nil && to.Before(*from) {
			errs.Add("to", h.say("hold_to"))
		}
	}
	if sentence := h.checkReview(v.Day("review")); sentence != "" && v.Get("review") != "" {
		errs.Add("review", sentence)
	}
}

func (h *Holds) checkReview(on *time.Time) string {
	if on == nil || !on.After(h.today()) || on.After(h.last()) {
		return h.say("hold_review", "day", h.last().Format("2 January 2006"))
	}
	return ""
}

func (h *Holds) submit(w http.ResponseWriter, r *http.Request) error {
	if err := page.ReadForm(r, page.MostForm); err != nil {
		return err
	}
	key, err := uuid.Parse(r.PostForm.Get("key"))
	if err != nil {
		key = uuid.New()
	}
	again := form.Shown{Values: r.PostForm, Hidden: []form.Hidden{{Name: "key", Value: key.String()}}}
	v, errs := h.form().Parse(r.PostForm)
	if again.Errors = errs; len(errs) > 0 {
		return h.draw(w, r, http.StatusUnprocessableEntity, again, "")
	}
	x := hold{
		ID: key, Scope: v.Get("scope"), Ground: v.Get("ground"), PlacedAt: h.desk.Now(), ReviewOn: *v.Day("review"),
	}
	if x.Scope == holdKind {
		x.Kind, x.From, x.To = v.Get("kind"), v.Day("from"), v.Day("to")
	}
	err = h.find(r.Context(), &x, v.Get("about"))
	if errors.Is(err, errNobody) {
		errs.Add("about", h.say("hold_nothing"))
		return h.draw(w, r, http.StatusUnprocessableEntity, again, "")
	}
	if err != nil {
		return err
	}
	if err := h.place(r.Context(), x, actorOf(r)); err != nil {
		return err
	}
	http.Redirect(w, r, holdsPath, http.StatusSeeOther)
	return nil
}

func (h *Holds) submitReview(w http.ResponseWriter, r *http.Request) error {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return page.ErrNotFound
	}
	if err := page.ReadForm(r, page.MostForm); err != nil {
		return err
	}
	on := form.Values(r.PostForm).Day("review")
	if sentence := h.checkReview(on); sentence != "" {
		return h.draw(w, r, http.StatusUnprocessableEntity, form.Shown{Hidden: []form.Hidden{{Name: "key", Value: uuid.NewString()}}}, sentence)
	}
	if err := h.review(r.Context(), id, *on, actorOf(r)); err != nil {
		return err
	}
	http.Redirect(w, r, holdsPath, http.StatusSeeOther)
	return nil
}

func (h *Holds) submitLift(w http.ResponseWriter, r *http.Request) error {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return page.ErrNotFound
	}
	if err := h.lift(r.Context(), id, actorOf(r)); err != nil {
		return err
	}
	http.Redirect(w, r, holdsPath, http.StatusSeeOther)
	return nil
}

// actorOf is the officer who is signed in.
func actorOf(r *http.Request) submission.Actor {
	in := account.From(r.Context())
	return submission.Actor{ID: in.Account.ID, Role: string(in.Under(account.Publish, Kind))}
}
