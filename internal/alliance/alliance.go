// Package alliance takes applications to the Alliance Program and says how they are decided (P-2, P-5): one form, read
// by those who decide, answered by a letter that gives the grounds. Nothing ranks applicants.
package alliance

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
const Kind = "alliance"

type programPage struct {
	page.Base
	Page content.Page
}

type applyPage struct {
	page.Base
	Form form.View
}

type room struct {
	desk    *activity.Desk
	say     page.Say
	program content.Page
	views   struct {
		program page.View[programPage]
		apply   page.View[applyPage]
	}
}

// New returns the activity.
func New(desk *activity.Desk, pages *content.Content) activity.Activity {
	r := &room{desk: desk, say: desk.Pages.Words("alliance"), program: pages.Must("/alliances")}
	r.views.program = page.Load[programPage](desk.Pages, "alliance/program")
	r.views.apply = page.Load[applyPage](desk.Pages, "alliance/apply")
	return activity.Activity{
		Kind: Kind, Title: "Alliance application", What: "application to the alliance program", Path: "/alliances/apply",
		Statuses: statuses(r.say),
		Form:     func(context.Context, uuid.UUID) (form.Form, error) { return application(), nil },
		Public:   r.public,
	}
}

func (r *room) public(router chi.Router) {
	shown := application().Settled()
	router.Get("/alliances", r.desk.Pages.Cached(r.showProgram))
	r.desk.Mount(router, "/alliances/apply", activity.Door{
		Form: func(*http.Request) (form.Form, error) { return shown, nil },
		Page: r.drawApply,
	})
}

func (r *room) showProgram(w http.ResponseWriter, req *http.Request) error {
	return r.views.program.Write(w, req, http.StatusOK, programPage{Base: r.program.Base(), Page: r.program})
}

func (r *room) drawApply(w http.ResponseWriter, req *http.Request, status int, f form.Form, v form.View) error {
	return r.views.apply.Write(w, req, status, applyPage{
		Base: page.Base{
			Title:       f.Title,
			Description: r.say("apply"),
			Path:        "/alliances/apply", Section: "alliances",
			Crumbs: []page.Crumb{{Label: "Home", Path: "/"}, {Label: "Alliances", Path: "/alliances"}, {Label: "Apply"}},
		},
		Form: v,
	})
}
