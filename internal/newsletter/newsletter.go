// Package newsletter takes subscriptions to the newsletter: an address, one box, and a confirmation from the mailbox
// itself (P-6, A-9).
//
// It promises that nothing but one request for confirmation is sent before the owner of the address pressed its button,
// that a request which is not confirmed within 30 days is deleted, that whether an address is subscribed already can't
// be found out here, and that record and consent agree: whoever leaves by any way has left here, and who leaves here has
// left.
package newsletter

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// Kind is the activity's kind.
const Kind = "newsletter"

const (
	path      = "/newsletter"
	waiting   = "new"
	confirmed = "confirmed"
)

type newsletterPage struct {
	page.Base
	Page content.Page
	Form form.View
}

type room struct {
	desk  *activity.Desk
	say   page.Say
	words content.Page
	view  page.View[newsletterPage]
}

// New returns the activity.
func New(desk *activity.Desk, pages *content.Content) activity.Activity {
	r := &room{
		desk: desk, say: desk.Pages.Words("newsletter"), words: pages.Must(path),
		view: page.Load[newsletterPage](desk.Pages, "newsletter/newsletter"),
	}
	return activity.Activity{
		Kind: Kind, Title: "Newsletter", What: "newsletter subscription", Path: path,
		Statuses:  r.statuses(),
		Form:      func(context.Context, uuid.UUID) (form.Form, error) { return subscription(), nil },
		Public:    r.public,
		Messages:  r.messages,
		Confirmed: r.confirmed,
		Moved:     r.moved,
		Work:      []job.Worker{{Name: Kind, Every: 10 * time.Minute, Run: r.work}},
		Deletes: []job.Deletion{{
			Kind: "subscription", Outcome: "never confirmed", For: lapse, Due: lapsed, At: "s.created_at", Drop: r.forget,
		}},
	}
}

func (r *room) public(router chi.Router) {
	r.desk.Mount(router, path, activity.Door{
		Form: func(*http.Request) (form.Form, error) { return subscription(), nil },
		Page: r.draw,
	})
}

func (r *room) draw(w http.ResponseWriter, req *http.Request, status int, _ form.Form, v form.View) error {
	base := r.words.Base()
	// Here the box is the request itself, so it does not stand among what one may add.
	v.Fields, v.Consents = append(v.Fields, v.Consents...), nil
	return r.view.Write(w, req, status, newsletterPage{Base: base, Page: r.words, Form: v})
}

// messages ask the owner of the address; nobody of the staff has anything to do.
func (r *room) messages(id uuid.UUID, _ *submission.Entry) []mail.Message {
	return []mail.Message{{
		Template: "confirm",
		Data:     mail.Confirm{What: "our newsletter", Wording: box().Label, URL: r.desk.ConfirmPath(id)},
	}}
}

func (r *room) statuses() []activity.Status {
	return []activity.Status{
		{
			Value: waiting, Label: r.say("label_waiting"), Months: 1, Waits: true, Withdrawable: true,
			Public: r.say("waiting"),
			Next:   r.say("waiting_next"),
		},
		{
			Value: confirmed, Label: r.say("label_confirmed"), Final: true, Months: kept, Withdrawable: true,
			Public: r.say("confirmed"),
		},
		{
			Value: activity.Withdrawn, Label: r.say("label_left"), Final: true, Months: left,
			Public: r.say("left"),
		},
	}
}
