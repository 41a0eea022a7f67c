package privacy

import (
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

const restrictionsPath = "/staff/restrictions"

type restrictionsPage struct {
	page.Base
	Standing, Lifted []restrictionLine
	Form             form.View
}

// restrictionLine is a restriction in words.
type restrictionLine struct {
	restriction
	About, Path, Why, By string
}

// Staff mounts the privacy officer's page of restrictions below /staff.
func (x *Restrictions) Staff(r chi.Router) {
	set := x.desk.Pages
	r.Get("/restrictions", set.Handle(officer(x.show)))
	r.Post("/restrictions", set.Handle(officer(x.submit)))
	r.Post("/restrictions/{id}/lift", set.Handle(officer(x.submitLift)))
}

func restrictionForm() form.Form {
	return form.Form{
		Kind: Kind, Title: "Restrict a use", Button: "Restrict it",
		Fields: []form.Field{
			{
				Name: "about", Label: "Number of the record, or address of the person", Kind: form.Text, Required: true,
				Hint: "A number restricts that record; an address all that came from it until now, and all messages it agreed to.", Example: "CC-7Q2HD-M5X0P",
			},
			{Name: "ground", Label: "Ground", Kind: form.Choice, Required: true, Options: grounds(), Hint: "The person sees it."},
		},
	}
}

func (x *Restrictions) show(w http.ResponseWriter, r *http.Request) error {
	return x.draw(w, r, http.StatusOK, form.Shown{})
}

func (x *Restrictions) draw(w http.ResponseWriter, r *http.Request, status int, s form.Shown) error {
	list, err := x.allRestrictions(r.Context())
	if err != nil {
		return err
	}
	s.Action = restrictionsPath
	p := restrictionsPage{Base: page.Base{Title: "Restrictions", NoIndex: true}, Form: restrictionForm().Plain(s)}
	for _, one := range list {
		if line := one.line(); one.LiftedAt == nil {
			p.Standing = append(p.Standing, line)
		} else {
			p.Lifted = append(p.Lifted, line)
		}
	}
	return x.view.Write(w, r, status, p)
}

func (r restriction) line() restrictionLine {
	l := restrictionLine{restriction: r, Why: groundWords(r.Ground), By: r.Officer, About: r.Email, Path: person.Path(r.Person)}
	if l.By == "" {
		l.By = "the person"
	}
	switch {
	case r.Submission.Valid:
		l.About, l.Path = "Record "+r.Reference, submission.RecordPath(r.Submission.UUID)
	case r.Email == "":
		l.About = "A person whose address is gone"
	}
	return l
}

func groundWords(ground string) string {
	for _, o := range grounds() {
		if o.Value == ground {
			return o.Label
		}
	}
	return ground
}

func (x *Restrictions) submit(w http.ResponseWriter, r *http.Request) error {
	if err := page.ReadForm(r, page.MostForm); err != nil {
		return err
	}
	v, errs := restrictionForm().Parse(r.PostForm)
	again := form.Shown{Values: r.PostForm, Errors: errs}
	if len(errs) > 0 {
		return x.draw(w, r, http.StatusUnprocessableEntity, again)
	}
	one, err := x.find(r.Context(), v.Get("about"))
	if errors.Is(err, errNobody) {
		errs.Add("about", x.say("restrict_nothing"))
		return x.draw(w, r, http.StatusUnprocessableEntity, again)
	}
	if err != nil {
		return err
	}
	one.ID, one.Ground = uuid.Must(uuid.NewV7()), v.Get("ground")
	if err := restrict(r.Context(), x.desk, one, actorOf(r)); err != nil {
		return err
	}
	http.Redirect(w, r, restrictionsPath, http.StatusSeeOther)
	return nil
}

func (x *Restrictions) submitLift(w http.ResponseWriter, r *http.Request) error {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return page.ErrNotFound
	}
	if err := lift(r.Context(), x.desk, id, actorOf(r)); err != nil {
		return err
	}
	http.Redirect(w, r, restrictionsPath, http.StatusSeeOther)
	return nil
}
