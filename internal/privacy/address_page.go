package privacy

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
)

const addressPath = "/privacy/address/"

// addressPage is behind the link that a new address gets.
type addressPage struct {
	page.Base
	Old  string // masked
	New  string
	Done bool
}

type officeAddressPage struct {
	page.Base
	Email, Waiting string
	Sent           bool
	Form           form.View
}

// usedUp says that nothing waits under a link any more.
func (x *Addresses) usedUp() error {
	return &page.Error{Status: http.StatusGone, Message: x.say("address_used_up")}
}

// Public mounts the page behind the link.
func (x *Addresses) Public(r chi.Router) {
	handle := x.desk.Pages.Handle
	r.Get(addressPath+"{token}", handle(x.show))
	r.Post(addressPath+"{token}", handle(x.take))
}

// Staff mounts the privacy officer's page below /staff. The password is asked once more before a link is mailed.
func (x *Addresses) Staff(r chi.Router) {
	set := x.desk.Pages
	r.Get("/people/{id}/address", set.Handle(officer(x.showOffice)))
	r.With(x.accounts.RequireRight(account.Publish, Kind), x.accounts.RequireFresh).
		Post("/people/{id}/address", set.Handle(officer(x.takeOffice)))
}

// linked returns what waits under the link of a request, and the person whose it is.
func (x *Addresses) linked(r *http.Request) (id uuid.UUID, w Waiting, who person.Person, err error) {
	if id, err = x.desk.Ring.ParseToken(newAddressMail, chi.URLParam(r, "token")); err != nil {
		return id, w, who, page.ErrNotFound
	}
	if w, err = x.Find(r.Context(), id); err == nil {
		who, err = x.desk.People.Get(r.Context(), w.Person)
	}
	if errors.Is(err, ErrNoNewAddress) || errors.Is(err, person.ErrNotFound) {
		err = x.usedUp()
	}
	return id, w, who, err
}

func (x *Addresses) draw(w http.ResponseWriter, r *http.Request, data addressPage) error {
	w.Header().Set("Cache-Control", "no-store")
	data.Base = page.Base{
		Title: "Your new address", Description: x.say("address_about"), NoIndex: true, Path: r.URL.Path, Section: "privacy",
		Crumbs: crumbs("Your new address"),
	}
	return x.views.confirm.Write(w, r, http.StatusOK, data)
}

func (x *Addresses) show(w http.ResponseWriter, r *http.Request) error {
	_, waiting, who, err := x.linked(r)
	if err != nil {
		return err
	}
	return x.draw(w, r, addressPage{Old: person.Masked(who.Email), New: waiting.Email})
}

func (x *Addresses) take(w http.ResponseWriter, r *http.Request) error {
	id, waiting, who, err := x.linked(r)
	if err != nil {
		return err
	}
	err = x.Change(r.Context(), id)
	if errors.Is(err, ErrNoNewAddress) {
		return x.usedUp()
	}
	if err != nil {
		return err
	}
	return x.draw(w, r, addressPage{Old: person.Masked(who.Email), New: waiting.Email, Done: true})
}

func officeAddressForm() form.Form {
	return form.Form{
		Kind: Kind, Title: "Correct the address", Button: "Mail a link to the new address",
		Intro:  "Make sure first that whoever asks is the person. The address counts once its owner presses the button behind the link; the old one is told then.",
		Fields: []form.Field{{Name: "email", Label: "New email address", Kind: form.Email, Required: true, Missing: "Enter the new email address."}},
	}
}

func (x *Addresses) someone(r *http.Request) (person.Person, error) {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return person.Person{}, page.ErrNotFound
	}
	who, err := x.desk.People.Get(r.Context(), id)
	if errors.Is(err, person.ErrNotFound) || err == nil && who.ErasedAt != nil {
		err = page.ErrNotFound
	}
	return who, err
}

func (x *Addresses) showOffice(w http.ResponseWriter, r *http.Request) error {
	who, err := x.someone(r)
	if err != nil {
		return err
	}
	return x.drawOffice(w, r, who, http.StatusOK, form.Shown{})
}

func (x *Addresses) drawOffice(w http.ResponseWriter, r *http.Request, who person.Person, status int, s form.Shown) error {
	waiting, err := x.Of(r.Context(), who.ID)
	if err != nil && !errors.Is(err, ErrNoNewAddress) {
		return err
	}
	s.Action = r.URL.Path
	return x.views.office.Write(w, r, status, officeAddressPage{
		Base: page.Base{
			Title: "Correct an address", NoIndex: true,
			Crumbs: []page.Crumb{{Label: "Inbox", Path: "/staff/submissions"}, {Label: who.Email, Path: person.Path(who.ID)}},
		},
		Email: who.Email, Waiting: waiting, Sent: r.URL.Query().Has("sent"), Form: officeAddressForm().Plain(s),
	})
}

func (x *Addresses) takeOffice(w http.ResponseWriter, r *http.Request) error {
	if err := page.ReadForm(r, page.MostForm); err != nil {
		return err
	}
	who, err := x.someone(r)
	if err != nil {
		return err
	}
	v, errs := officeAddressForm().Parse(r.PostForm)
	if len(errs) == 0 && v.Get("email") == who.Email {
		errs.Add("email", x.say("address_same"))
	}
	if len(errs) > 0 {
		return x.drawOffice(w, r, who, http.StatusUnprocessableEntity, form.Shown{Values: r.PostForm, Errors: errs})
	}
	err = x.mailLink(r.Context(), who.ID, v.Get("email"))
	if errors.Is(err, ErrManyAddresses) {
		w.Header().Set("Retry-After", "86400")
		return x.drawOffice(w, r, who, http.StatusTooManyRequests, form.Shown{Values: r.PostForm, Message: x.say("address_many")})
	}
	if err != nil {
		return err
	}
	if err := x.logAsked(r, who.ID); err != nil {
		return err
	}
	http.Redirect(w, r, r.URL.Path+"?sent", http.StatusSeeOther)
	return nil
}

func (x *Addresses) logAsked(r *http.Request, who uuid.UUID) error {
	by := actorOf(r)
	return audit.Record(context.WithoutCancel(r.Context()), x.desk.Pool, audit.Event{
		At: x.desk.Now(), ActorID: uuid.NullUUID{UUID: by.ID, Valid: true}, Role: by.Role, Action: "ask for a new address", Object: "person",
		ObjectID: uuid.NullUUID{UUID: who, Valid: true},
	})
}
