package connect

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/privacy"
)

const (
	tellConfirm    = "address-confirm"
	addressPurpose = "connect address" // of the tokens of mailed links
)

// AddressConfirm goes to a new address. Until is words already.
type AddressConfirm struct{ Name, Until, URL string }

// Templates returns the mails of this room, for mail.Config.
func Templates() []mail.Template {
	return []mail.Template{{Name: tellConfirm, Purpose: "account", Data: AddressConfirm{}, Secret: true}}
}

type addressPage struct {
	page.Base
	Email   string
	Waiting string // a new address that is not confirmed yet
	Sent    bool
	Form    form.View
}

type confirmPage struct {
	page.Base
	Old, New, Action string
}

func addressForm() form.Form {
	return form.Form{
		Title: "Change your address", Button: "Mail a link to the new address",
		Fields: []form.Field{{
			Name: "email", Label: "New email address", Kind: form.Email, Required: true, Autocomplete: "email",
			Missing: "Enter the new email address.",
			Hint:    "The old address stays until you press the button behind the link.",
		}},
	}
}

func (p *Portal) showAddress(w http.ResponseWriter, r *http.Request) error {
	return p.drawAddress(w, r, http.StatusOK, form.Shown{})
}

func (p *Portal) drawAddress(w http.ResponseWriter, r *http.Request, status int, s form.Shown) error {
	in := account.From(r.Context())
	waiting, err := p.addresses.Of(r.Context(), in.Account.Person.UUID)
	if err != nil && !errors.Is(err, privacy.ErrNoNewAddress) {
		return err
	}
	s.Action = "/connect/address"
	return p.views.address.Write(w, r, status, addressPage{
		Base: p.base("Your address", "/connect/address"), Email: in.Account.Email, Waiting: waiting,
		Sent: r.URL.Query().Has("sent"), Form: addressForm().Plain(s),
	})
}

// takeAddress mails a link to the new address. Whether that has an account already is told to its owner only, behind the
// link.
func (p *Portal) takeAddress(w http.ResponseWriter, r *http.Request) error {
	var unread *page.Error
	if errors.As(page.ReadForm(r, page.MostForm), &unread) {
		return p.drawAddress(w, r, unread.Status, form.Shown{Values: r.PostForm, Message: unread.Message})
	}
	in := account.From(r.Context())
	values, errs := addressForm().Parse(r.PostForm)
	email := values.Get("email")
	if len(errs) == 0 && email == in.Account.Email {
		errs.Add("email", p.say("same_address"))
	}
	if len(errs) > 0 {
		return p.drawAddress(w, r, http.StatusUnprocessableEntity, form.Shown{Values: r.PostForm, Errors: errs})
	}
	err := p.addresses.Ask(r.Context(), in.Account.Person.UUID, email, p.confirmMail(in.Account))
	if errors.Is(err, privacy.ErrManyAddresses) {
		w.Header().Set("Retry-After", "86400")
		again := form.Shown{Values: r.PostForm}
		again.Message = p.say("many_links")
		return p.drawAddress(w, r, http.StatusTooManyRequests, again)
	}
	if err != nil {
		return fmt.Errorf("ask for new address: %w", err)
	}
	http.Redirect(w, r, "/connect/address?sent", http.StatusSeeOther)
	return nil
}

// confirmMail is what a new address gets.
func (p *Portal) confirmMail(a account.Account) func(id uuid.UUID, until string) mail.Message {
	return func(id uuid.UUID, until string) mail.Message {
		return mail.Message{
			Account: uuid.NullUUID{UUID: a.ID, Valid: true}, Template: tellConfirm,
			Data: AddressConfirm{Name: a.Name, Until: until, URL: "/connect/address/" + p.desk.Ring.Token(addressPurpose, id)},
		}
	}
}

func (p *Portal) linkGone() error {
	return &page.Error{Status: http.StatusGone, Message: p.say("link_gone")}
}

// linked returns what waits under the link of a request: for the account that is signed in, and no other.
func (p *Portal) linked(r *http.Request) (uuid.UUID, privacy.Waiting, error) {
	id, err := p.desk.Ring.ParseToken(addressPurpose, chi.URLParam(r, "token"))
	if err != nil {
		return uuid.Nil, privacy.Waiting{}, page.ErrNotFound
	}
	who, err := owner(r)
	if err != nil {
		return uuid.Nil, privacy.Waiting{}, err
	}
	w, err := p.addresses.Find(r.Context(), id)
	if errors.Is(err, privacy.ErrNoNewAddress) || err == nil && w.Person != who {
		err = p.linkGone()
	}
	return id, w, err
}

// showConfirm shows the one button that changes the address.
func (p *Portal) showConfirm(w http.ResponseWriter, r *http.Request) error {
	_, waiting, err := p.linked(r)
	if err != nil {
		return err
	}
	return p.views.confirm.Write(w, r, http.StatusOK, confirmPage{
		Base: p.base("Use this address", "/connect/address"), Old: account.From(r.Context()).Account.Email, New: waiting.Email,
		Action: r.URL.Path,
	})
}

func (p *Portal) takeConfirm(w http.ResponseWriter, r *http.Request) error {
	id, _, err := p.linked(r)
	if err != nil {
		return err
	}
	err = p.addresses.Change(r.Context(), id)
	if errors.Is(err, privacy.ErrNoNewAddress) {
		return p.linkGone()
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/connect?address", http.StatusSeeOther)
	return nil
}
