// Package contact takes questions about anything that has no form of its own, and says by when they are answered (P-2,
// The answer's mail leads back to the receipt, where its sender may reply: the question is then open again.
package contact

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// Kind is the activity's kind.
const Kind = "contact"

const path = "/contact"

type contactPage struct {
	page.Base
	Page content.Page
	Form form.View
}

type room struct {
	desk  *activity.Desk
	words content.Page
	view  page.View[contactPage]
}

// New returns the activity.
func New(desk *activity.Desk, pages *content.Content) activity.Activity {
	r := &room{desk: desk, words: pages.Must(path), view: page.Load[contactPage](desk.Pages, "contact/contact")}
	return activity.Activity{
		Kind: Kind, Title: "Question", What: "question", Path: path,
		Statuses: statuses(desk.Pages.Words("contact")),
		Form:     func(context.Context, uuid.UUID) (form.Form, error) { return question(), nil },
		Public:   r.public,
	}
}

func (r *room) public(router chi.Router) {
	r.desk.Mount(router, path, activity.Door{
		Form: func(*http.Request) (form.Form, error) { return question(), nil },
		Page: r.draw,
	})
}

func (r *room) draw(w http.ResponseWriter, req *http.Request, status int, _ form.Form, v form.View) error {
	base := r.words.Base()
	return r.view.Write(w, req, status, contactPage{Base: base, Page: r.words, Form: v})
}
