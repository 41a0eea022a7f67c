// Package connect is the portal for customers, partners and institutions under /connect: what they sent, what they may
// download, what we may send them, the address they use. Signing in, remembered computers and mailed links are package
// account's; asking for access is package access's.
//
// It promises that a page shows what belongs to the person of the account that is signed in and to nobody else; that
// /connect itself is an ordinary public page for everybody who is not signed in; that a choice about mail is recorded only
// where it was changed, word for word as it was shown (P-6); and that an address is changed only by somebody who gave the
// password within minutes and reads the mail of the new one, while the old one is told.
package connect

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/privacy"
)

// Download is something that a person may fetch.
type Download struct {
	Title  string
	Detail string    // "PDF, 2 MB, version 3.1"
	Path   string    // a page with the button that fetches it
	Until  time.Time // zero: without end
}

// Config is what a Portal needs. Downloads may be nil: then none are shown.
type Config struct {
	Desk      *activity.Desk // its activities are asked for when a page is drawn
	Content   *content.Content
	Accounts  *account.Service
	Addresses *privacy.Addresses
	Downloads func(ctx context.Context, person uuid.UUID) ([]Download, error)
}

// Portal serves the pages under /connect.
type Portal struct {
	desk      *activity.Desk
	accounts  *account.Service
	addresses *privacy.Addresses
	downloads func(context.Context, uuid.UUID) ([]Download, error)
	written   content.Page
	say       page.Say
	views     struct {
		start       page.View[startPage]
		home        page.View[homePage]
		preferences page.View[preferencesPage]
		address     page.View[addressPage]
		confirm     page.View[confirmPage]
	}
}

// New returns the portal. It panics where a template or the page /connect is missing.
func New(c Config) *Portal {
	p := &Portal{
		desk: c.Desk, accounts: c.Accounts, addresses: c.Addresses, downloads: c.Downloads, written: c.Content.Must("/connect"),
		say: c.Desk.Pages.Words("connect"),
	}
	set := c.Desk.Pages
	p.views.start = page.Load[startPage](set, "connect/start")
	p.views.home = page.Load[homePage](set, "connect/home")
	p.views.preferences = page.Load[preferencesPage](set, "connect/preferences")
	p.views.address = page.Load[addressPage](set, "connect/address")
	p.views.confirm = page.Load[confirmPage](set, "connect/confirm")
	return p
}

// Public mounts all addresses of the portal but /connect/request, those of package account among them, with full paths.
func (p *Portal) Public(r chi.Router) {
	p.accounts.ConnectRoutes(r, p.inside)
	r.Method(http.MethodGet, "/connect", p.start())
	handle := p.desk.Pages.Handle
	r.Group(func(r chi.Router) {
		r.Use(p.accounts.Load)           // who is signed in
		r.Use(p.accounts.RequireConnect) // nobody else
		r.Use(p.inside)                  // the navigation of the portal
		r.Get("/connect/preferences", handle(p.showPreferences))
		r.Post("/connect/preferences", handle(p.takePreferences))
		r.Group(func(r chi.Router) {
			r.Use(p.accounts.RequireFresh) // an address opens the account: who left a screen open must not lose it
			r.Get("/connect/address", handle(p.showAddress))
			r.Post("/connect/address", handle(p.takeAddress))
			r.Get("/connect/address/{token}", handle(p.showConfirm))
			r.Post("/connect/address/{token}", handle(p.takeConfirm))
		})
	})
}

// start answers /connect: the portal to those who are signed in, the written page to all others. That one is cached, and
// the same for everybody.
func (p *Portal) start() http.Handler {
	set := p.desk.Pages
	written := set.Cached(p.showStart)
	home := p.inside(set.Handle(p.showHome))
	return p.accounts.Load(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if in := account.From(r.Context()); in != nil && in.Kind == account.Connect {
			home.ServeHTTP(w, r)
			return
		}
		w.Header().Del("Cache-Control") // what is public may be kept
		written.ServeHTTP(w, r)
	}))
}

type startPage struct {
	page.Base
	Page content.Page
}

func (p *Portal) showStart(w http.ResponseWriter, r *http.Request) error {
	return p.views.start.Write(w, r, http.StatusOK, startPage{Base: p.written.Base(), Page: p.written})
}

// inside draws the pages below it with the navigation of the portal. It stands where somebody is signed in.
func (p *Portal) inside(next http.Handler) http.Handler {
	return p.desk.Pages.Handle(func(w http.ResponseWriter, r *http.Request) error {
		in := account.From(r.Context())
		if in == nil || in.Kind != account.Connect {
			return page.ErrForbidden
		}
		v := &page.Viewer{Name: in.Account.Name}
		for _, item := range []page.NavItem{
			{Label: "Requests and files", Path: "/connect"},
			{Label: "What we may send you", Path: "/connect/preferences"},
			{Label: "Computers and password", Path: "/connect/devices"},
			{Label: "Address", Path: "/connect/address"},
		} {
			item.Current = r.URL.Path == item.Path
			v.Nav = append(v.Nav, item)
		}
		next.ServeHTTP(w, r.WithContext(page.WithViewer(r.Context(), v)))
		return nil
	})
}

// owner returns whose data the pages of a session show.
func owner(r *http.Request) (uuid.UUID, error) {
	in := account.From(r.Context())
	if in == nil || in.Kind != account.Connect || !in.Account.Person.Valid {
		return uuid.Nil, page.ErrForbidden
	}
	return in.Account.Person.UUID, nil
}

// through is the last day of an access that ends at that moment.
func through(end time.Time) string {
	return clock.Date(end.Add(-time.Second))
}

func (p *Portal) base(title, path string) page.Base {
	return page.Base{Title: title, Path: path, Section: "connect", NoIndex: true}
}
