package privacy

import (
	"encoding/binary"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// signedPath lies below Clickconnect, because no other page reads who is signed in.
const signedPath = "/connect/data/"

const (
	signedPurpose = "rights sign-in"
	signedLasts   = 15 * time.Minute
)

// signedPage leads a person who gave their password back to their data.
type signedPage struct {
	page.Base
	Record        submission.Record
	Action        string
	Grant, Signed string
}

// signedRoutes mounts the page on which a password stands for the mailed code and for the number of a request.
func (x *Rights) signedRoutes(r chi.Router) {
	accounts := x.addresses.accounts
	r.Group(func(r chi.Router) {
		r.Use(accounts.Load)           // who is signed in
		r.Use(accounts.RequireConnect) // nobody else
		r.Use(accounts.RequireFresh)   // a screen left open must not lose or show everything
		r.Get(signedPath+"{token}", x.desk.Pages.Handle(x.desk.ByToken(x.showSigned)))
	})
}

// showSigned shows the one button to whoever the request is from; to others there is no such page.
func (x *Rights) showSigned(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	in := account.From(r.Context())
	if rec.Kind != Kind || !rec.PersonID.Valid || in == nil || in.Account.Person != rec.PersonID {
		return page.ErrNotFound
	}
	return x.signed.Write(w, r, http.StatusOK, signedPage{
		Base: page.Base{
			Title: "Your data", Description: x.say("signed_about"), NoIndex: true, Path: r.URL.Path,
			Section: "connect", Crumbs: crumbs("Your data"),
		},
		Record: rec, Action: rightsPath(x.desk, rec.ID), Grant: x.desk.Grant(rec, grantLasts), Signed: x.signedText(rec.ID),
	})
}

// signedText is a text that only that page gives: whoever brings it back gave the password of the record's person.
func (x *Rights) signedText(id uuid.UUID) string {
	until := binary.BigEndian.AppendUint64(nil, uint64(x.desk.Now().Add(signedLasts).Unix())) //nolint:gosec // after 1970
	return x.desk.Ring.Seal(signedPurpose, append(id[:], until...))
}

// isSigned tells whether a request brings that text for the record, in time.
func (x *Rights) isSigned(r *http.Request, id uuid.UUID) bool {
	body, err := x.desk.Ring.Open(signedPurpose, r.PostForm.Get("signed"))
	if err != nil || len(body) != 24 || uuid.UUID(body[:16]) != id {
		return false
	}
	until := time.Unix(int64(binary.BigEndian.Uint64(body[16:])), 0) //nolint:gosec // written above
	return x.desk.Now().Before(until)
}
