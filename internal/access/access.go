// Package access takes requests for access to Clickconnect and keeps the terms that are granted (P-2): one form, read by
// a person, answered by an invitation or by a letter.
//
// It promises that a grant makes the account and queues the invitation, or does neither; that every access has an end, of
// which its owner is told a month ahead; that an access which has ended opens nothing from that moment on; and that the
// account is deleted six months later.
package access

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/page"
)

// Kind is the activity's kind.
const Kind = "access"

const path = "/connect/request"

type requestPage struct {
	page.Base
	Form form.View
}

type termPage struct {
	page.Base
	Name, Company, Reference, Back string
	Term                           term
	Form                           form.View
}

type room struct {
	desk     *activity.Desk
	say      page.Say
	accounts *account.Service
	views    struct {
		request page.View[requestPage]
		term    page.View[termPage]
	}
}

// New returns the activity. It panics where a template is missing.
func New(desk *activity.Desk, accounts *account.Service) activity.Activity {
	r := &room{desk: desk, say: desk.Pages.Words("access"), accounts: accounts}
	r.views.request = page.Load[requestPage](desk.Pages, "access/request")
	r.views.term = page.Load[termPage](desk.Pages, "access/staff_term")
	return activity.Activity{
		Kind: Kind, Title: "Clickconnect access", What: "request for access to Clickconnect", Path: path,
		Statuses: statuses(r.say),
		Form:     func(context.Context, uuid.UUID) (form.Form, error) { return request(), nil },
		Public:   r.public,
		Staff:    r.staff,
		Panel:    r.panel,
		Receipt:  r.receipt,
		Moved:    r.moved,
		Restored: r.restored,
		Work:     []job.Worker{{Name: "access", Every: time.Minute, Run: r.work}},
		Deletes: []job.Deletion{{
			Kind: "account", Outcome: "access that has ended", Months: keptAfter, Due: over, At: "a.expires_at", Drop: r.remove,
		}},
	}
}

func (r *room) public(router chi.Router) {
	r.desk.Mount(router, path, activity.Door{
		Form: func(*http.Request) (form.Form, error) { return request(), nil },
		Page: r.draw,
	})
}

func (r *room) draw(w http.ResponseWriter, req *http.Request, status int, f form.Form, v form.View) error {
	return r.views.request.Write(w, req, status, requestPage{
		Base: page.Base{
			Title:       f.Title,
			Description: r.say("request"),
			Path:        path, Section: "connect",
			Crumbs: []page.Crumb{{Label: "Home", Path: "/"}, {Label: "Clickconnect", Path: "/connect"}, {Label: "Ask for access"}},
		},
		Form: v,
	})
}
