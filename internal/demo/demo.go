// Package demo shows the product: films that open after a short form, and live demonstrations that staff arrange (P-2).
//
// It promises that a film is sent only behind the receipt of a request for it, without a cookie, until that request is
// withdrawn or deleted; that chapters and transcript are readable by everybody; and that whoever asks for a film alone
// becomes nobody's task.
package demo

import (
	"context"
	"io/fs"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/film"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/publish"
)

// Kind is the activity's kind.
const Kind = "demo"

// Config is what the room needs.
type Config struct {
	Desk    *activity.Desk
	Content *content.Content
	Publish *publish.Desk
	Web     fs.FS // the embedded web folder, for the films
}

// Room holds the demonstrations.
type Room struct {
	Config
	say      page.Say
	intro    content.Page
	families []content.Page
	films    *film.Shelf
	uploads  film.Uploads
	views    views
}

type views struct {
	list    page.View[listPage]
	show    page.View[showPage]
	request page.View[requestPage]
}

type listPage struct {
	page.Base
	Page  content.Page
	Demos []Demo
}

type showPage struct {
	page.Base
	Demo Demo
	Rest []Demo // the others
}

type requestPage struct {
	page.Base
	Demo Demo
	Form form.View
}

// New returns the room.
func New(c Config) *Room {
	r := &Room{
		Config: c, say: c.Desk.Pages.Words("demo"), intro: c.Content.Must("/demos"), families: c.Content.Under("/products"),
		films: film.NewShelf(c.Web), uploads: film.NewUploads(c.Desk.Files, Kind),
	}
	r.views = views{
		list:    page.Load[listPage](c.Desk.Pages, "demo/list"),
		show:    page.Load[showPage](c.Desk.Pages, "demo/show"),
		request: page.Load[requestPage](c.Desk.Pages, "demo/request"),
	}
	return r
}

// Activity returns the room as one of the site's activities.
func (r *Room) Activity() activity.Activity {
	return activity.Activity{
		Kind: Kind, Title: "Demonstration", What: "request for a demonstration", Path: "/demos",
		Statuses: statuses(r.say), Form: r.form, Subjects: r.Subjects, Fill: fill,
		Public: r.public, Staff: r.Publish.Staff(r.editing()), Receipt: r.receipt, Messages: r.messages,
		Work: []job.Worker{{Name: "old_demo_films", Every: time.Hour, Run: r.RemoveOld}},
	}
}

func (r *Room) form(ctx context.Context, subject uuid.UUID) (form.Form, error) {
	if subject == uuid.Nil {
		return request(Demo{Live: 60}), nil
	}
	d, err := r.byID(ctx, r.Desk.Pool, subject)
	if err != nil {
		return form.Form{}, err
	}
	return request(d), nil
}

func (r *Room) public(router chi.Router) {
	set := r.Desk.Pages
	door := activity.Door{Form: r.doorForm, Page: r.drawRequest}
	router.Get("/demos", set.Cached(r.showList))
	router.Get("/demos/{slug}", set.Cached(r.showDemo))
	router.Get("/demos/{slug}/picture.png", set.Handle(r.servePicture))
	r.Desk.Mount(router, "/demos/{slug}/request", door)
	router.Get("/r/{token}/film", set.Handle(r.Desk.OnReceipt(r.serveFilm)))
	router.Get("/r/{token}/film.vtt", set.Handle(r.Desk.OnReceipt(r.serveCaptions)))
}

func (r *Room) doorForm(req *http.Request) (form.Form, error) {
	d, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return form.Form{}, err
	}
	return request(d), nil
}

func (r *Room) showList(w http.ResponseWriter, req *http.Request) error {
	demos, err := r.published(req.Context())
	if err != nil {
		return err
	}
	return r.views.list.Write(w, req, http.StatusOK, listPage{Base: r.intro.Base(), Page: r.intro, Demos: demos})
}

func (r *Room) showDemo(w http.ResponseWriter, req *http.Request) error {
	d, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return err
	}
	return r.drawDemo(w, req, d)
}

func (r *Room) drawDemo(w http.ResponseWriter, req *http.Request, d Demo) error {
	demos, err := r.published(req.Context())
	if err != nil {
		return err
	}
	data := showPage{Base: r.base(d), Demo: d}
	for _, other := range demos {
		if other.ID != d.ID {
			data.Rest = append(data.Rest, other)
		}
	}
	return r.views.show.Write(w, req, http.StatusOK, data)
}

func (r *Room) drawRequest(w http.ResponseWriter, req *http.Request, status int, f form.Form, v form.View) error {
	d, err := r.byID(req.Context(), r.Desk.Pool, f.Subject)
	if err != nil {
		return err
	}
	data := requestPage{Base: r.base(d), Demo: d, Form: v}
	data.Title = f.Title + ": " + d.Title
	data.Description = r.say("request", "title", d.Title)
	data.Path = d.Path() + "/request"
	data.Crumbs = append(data.Crumbs[:len(data.Crumbs)-1:len(data.Crumbs)-1],
		page.Crumb{Label: d.Title, Path: d.Path()}, page.Crumb{Label: "Request"})
	return r.views.request.Write(w, req, status, data)
}

func (r *Room) base(d Demo) page.Base {
	return page.Base{
		Title: d.Title, Description: d.Summary, Path: d.Path(), Section: "demos",
		Crumbs: []page.Crumb{
			{Label: "Home", Path: "/"}, {Label: r.intro.Nav, Path: "/demos"}, {Label: d.Title},
		},
	}
}
