package connect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
)

const (
	tellConfirm    = "address-confirm"
	addressPurpose = "connect address" // of the tokens of mailed links
	addressLasts   = 24 * time.Hour
	addressTries   = 5 // mails to new addresses, a day and account
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
			Name: "email", Label: "New e-mail address", Kind: form.Email, Required: true, Autocomplete: "email",
			Hint: "The old address stays until you press the button behind the link.",
		}},
	}
}

func (p *Portal) showAddress(w http.ResponseWriter, r *http.Request) error {
	return p.drawAddress(w, r, http.StatusOK, form.Shown{})
}

func (p *Portal) drawAddress(w http.ResponseWriter, r *http.Request, status int, s form.Shown) error {
	in := account.From(r.Context())
	waiting, err := p.waiting(r.Context(), in.Account.ID, uuid.Nil)
	if err != nil && !errors.Is(err, errLink) {
		return err
	}
	s.Action = "/connect/address"
	v := addressForm().View(s)
	v.Trap = ""
	return p.views.address.Write(w, r, status, addressPage{
		Base: p.base(activity.Title(v, "Your address"), "/connect/address"), Email: in.Account.Email, Waiting: waiting,
		Sent: r.URL.Query().Has("sent"), Form: v,
	})
}

// takeAddress mails a link to the new address. Whether that has an account already is told to its owner only, behind the
// link.
func (p *Portal) takeAddress(w http.ResponseWriter, r *http.Request) error {
	if err := page.ReadForm(r, 64<<10); err != nil {
		return err
	}
	in := account.From(r.Context())
	values, errs := addressForm().Parse(r.PostForm)
	email := values.Get("email")
	if len(errs) == 0 && email == in.Account.Email {
		errs.Add("email", "This is the address you have now. Enter another one.")
	}
	if len(errs) > 0 {
		return p.drawAddress(w, r, http.StatusUnprocessableEntity, form.Shown{Values: r.PostForm, Errors: errs})
	}
	err := pgx.BeginFunc(r.Context(), p.desk.Pool, func(tx pgx.Tx) error { return p.ask(r.Context(), tx, in.Account, email) })
	if errors.Is(err, errTries) {
		w.Header().Set("Retry-After", "86400")
		return p.drawAddress(w, r, http.StatusTooManyRequests, form.Shown{
			Values:  r.PostForm,
			Message: "Several links were mailed today. Use the newest one, or come back tomorrow.",
		})
	}
	if err != nil {
		return fmt.Errorf("ask for new address: %w", err)
	}
	http.Redirect(w, r, "/connect/address?sent", http.StatusSeeOther)
	return nil
}

var (
	errTries = errors.New("connect: enough links were mailed today")
	errLink  = errors.New("connect: no address waits under this link")
)

// ask notes the new address and mails the link. The row of the account orders those who press twice.
func (p *Portal) ask(ctx context.Context, tx pgx.Tx, a account.Account, email string) error {
	if _, err := tx.Exec(ctx, `SELECT FROM account WHERE id = $1 FOR UPDATE`, a.ID); err != nil {
		return err
	}
	now := p.desk.Now()
	var tries int
	if err := tx.QueryRow(ctx, `
		SELECT count(*) FROM message
		WHERE person_id = $1 AND account_id = $2 AND template = $3 AND created_at > $4`,
		a.Person, a.ID, tellConfirm, now.Add(-24*time.Hour)).Scan(&tries); err != nil {
		return err
	}
	if tries >= addressTries {
		return errTries
	}
	id, until := uuid.Must(uuid.NewV7()), now.Add(addressLasts)
	if _, err := tx.Exec(ctx, `
		INSERT INTO connect_address (account_id, id, email, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account_id) DO UPDATE SET id = excluded.id, email = excluded.email,
			created_at = excluded.created_at, expires_at = excluded.expires_at`, a.ID, id, email, now, until); err != nil {
		return err
	}
	return p.desk.Mail.Insert(ctx, tx, mail.Message{
		Person: a.Person, Account: uuid.NullUUID{UUID: a.ID, Valid: true}, Template: tellConfirm, Address: email,
		Data: AddressConfirm{
			Name: a.Name, Until: until.In(p.zone).Format("2 January 2006, 15:04 MST"),
			URL: "/connect/address/" + p.desk.Ring.Token(addressPurpose, id),
		},
	})
}

// waiting returns the address that waits for an account, under that id (uuid.Nil: any), or errLink.
func (p *Portal) waiting(ctx context.Context, accountID, id uuid.UUID) (string, error) {
	var email string
	err := p.desk.Pool.QueryRow(ctx, `
		SELECT email FROM connect_address WHERE account_id = $1 AND ($2 = id OR $3) AND expires_at > $4`,
		accountID, id, id == uuid.Nil, p.desk.Now()).Scan(&email)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", errLink
	}
	if err != nil {
		return "", fmt.Errorf("read new address: %w", err)
	}
	return email, nil
}

var errGone = &page.Error{
	Status: http.StatusGone,
	Message: "This link is used up: it works once, for 24 hours, for the account that asked for it, and ends when a newer one " +
		"is sent. Ask for another one on the page “Address”.",
}

// showConfirm shows the one button that changes the address.
func (p *Portal) showConfirm(w http.ResponseWriter, r *http.Request) error {
	id, err := p.desk.Ring.ParseToken(addressPurpose, chi.URLParam(r, "token"))
	if err != nil {
		return page.ErrNotFound
	}
	in := account.From(r.Context())
	email, err := p.waiting(r.Context(), in.Account.ID, id)
	if errors.Is(err, errLink) {
		return errGone
	}
	if err != nil {
		return err
	}
	return p.views.confirm.Write(w, r, http.StatusOK, confirmPage{
		Base: p.base("Use this address", "/connect/address"), Old: in.Account.Email, New: email, Action: r.URL.Path,
	})
}

func (p *Portal) takeConfirm(w http.ResponseWriter, r *http.Request) error {
	id, err := p.desk.Ring.ParseToken(addressPurpose, chi.URLParam(r, "token"))
	if err != nil {
		return page.ErrNotFound
	}
	in := account.From(r.Context())
	err = pgx.BeginFunc(r.Context(), p.desk.Pool, func(tx pgx.Tx) error { return p.change(r.Context(), tx, in.Account, id) })
	switch {
	case errors.Is(err, errLink):
		return errGone
	case errors.Is(err, account.ErrTaken):
		return &page.Error{
			Status: http.StatusConflict, Message: "This address has an account of its own. Sign in with that one, or choose another address.",
		}
	case errors.Is(err, person.ErrTaken):
		return &page.Error{
			Status: http.StatusConflict,
			Message: "You wrote to us with this address before, and we keep those requests apart from these. " +
				"Write to us by “Contact”: a person joins the two. Nothing was changed.",
		}
	case err != nil:
		return fmt.Errorf("change address: %w", err)
	}
	http.Redirect(w, r, "/connect?address", http.StatusSeeOther)
	return nil
}

// change gives account and person the new address at once; the old one is told by package account.
func (p *Portal) change(ctx context.Context, tx pgx.Tx, a account.Account, id uuid.UUID) error {
	var email string
	err := tx.QueryRow(ctx, `
		DELETE FROM connect_address WHERE account_id = $1 AND id = $2 AND expires_at > $3 RETURNING email`,
		a.ID, id, p.desk.Now()).Scan(&email)
	if errors.Is(err, pgx.ErrNoRows) {
		return errLink
	}
	if err != nil {
		return err
	}
	if err := p.accounts.ChangeAddressIn(ctx, tx, a.ID, email); err != nil {
		return err
	}
	return p.desk.People.ChangeAddress(ctx, tx, a.Person.UUID, email)
}

// forget deletes new addresses that were not confirmed in time.
func (p *Portal) forget(ctx context.Context) error {
	if _, err := p.desk.Pool.Exec(ctx, `DELETE FROM connect_address WHERE expires_at <= $1`, p.desk.Now()); err != nil {
		return fmt.Errorf("forget new addresses: %w", err)
	}
	return nil
}

// Holder tells which new address of a person's waits to be confirmed. It is deleted with the account.
func Holder(pool *pgxpool.Pool) activity.Holder {
	return activity.Holder{Export: func(ctx context.Context, who uuid.UUID, to io.Writer) error {
		var waiting string
		err := pool.QueryRow(ctx, `
			SELECT c.email FROM connect_address c JOIN account a ON a.id = c.account_id WHERE a.person_id = $1`, who).Scan(&waiting)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err == nil {
			err = json.NewEncoder(to).Encode(map[string]string{"new_address_to_be_confirmed": waiting})
		}
		if err != nil {
			return fmt.Errorf("export new address: %w", err)
		}
		return nil
	}}
}
