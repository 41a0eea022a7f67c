package webinar

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/film"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/web"
)

type listPage struct {
	page.Base
	Page     content.Page
	Upcoming []listed
	Recorded []listed
	Earlier  []listed
}

// listed is a webinar as lists show it.
type listed struct {
	Webinar
	Stand Stand
	Film  recording
}

type showPage struct {
	page.Base
	listed
}

type registerPage struct {
	page.Base
	listed
	Form form.View
}

// recording is a film that can be shown.
type recording struct {
	Poster string // address of its picture
	Words  bool   // it has captions
	Some   bool   // there is one
}

func (r *Room) list(w Webinar) listed {
	l := listed{Webinar: w, Stand: w.Stand(r.desk.Now())}
	if film.Exists(web.FS, w.Recording) {
		l.Film = recording{Poster: r.desk.Pages.Asset(film.Poster(w.Recording)), Words: len(w.Captions) > 0, Some: true}
	} else if l.Stand == Recorded {
		l.Stand = Past
	}
	return l
}

func (r *Room) showList(w http.ResponseWriter, req *http.Request) error {
	webinars, err := r.public(req.Context())
	if err != nil {
		return err
	}
	data := listPage{Base: r.intro.Base(), Page: r.intro}
	now := r.desk.Now()
	for _, one := range webinars {
		switch l := r.list(one); {
		case now.Before(one.End()):
			data.Upcoming = append(data.Upcoming, l)
		case l.Film.Some && !one.Cancelled():
			data.Recorded = append(data.Recorded, l)
		default:
			data.Earlier = append(data.Earlier, l)
		}
	}
	slices.SortStableFunc(data.Upcoming, func(a, b listed) int { return a.Start().Compare(b.Start()) })
	return r.views.list.Write(w, req, http.StatusOK, data)
}

func (r *Room) showOne(w http.ResponseWriter, req *http.Request) error {
	one, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return err
	}
	return r.drawOne(w, req, one)
}

// drawOne draws the page of a webinar, also in preview.
func (r *Room) drawOne(w http.ResponseWriter, req *http.Request, one Webinar) error {
	set := r.desk.Pages
	data := showPage{listed: r.list(one)}
	data.Base = page.Base{
		Title: one.Title, Description: one.Summary, Path: one.Path(), Section: "webinars", Crumbs: r.crumbs(one),
		LD: []any{page.LDEvent{
			Name: one.Title, Description: one.Summary, URL: set.URL(one.Path()), Start: one.Start(), End: one.End(),
			Place: one.Address(), Online: one.JoinURL != "", Cancelled: one.Cancelled(), Full: one.full(),
			Organizer: set.Organization(),
		}},
	}
	return r.views.show.Write(w, req, http.StatusOK, data)
}

func (r *Room) crumbs(one Webinar, more ...page.Crumb) []page.Crumb {
	last := page.Crumb{Label: one.Title}
	if len(more) > 0 {
		last.Path = one.Path()
	}
	return append([]page.Crumb{{Label: "Home", Path: "/"}, {Label: "Webinars", Path: "/webinars"}, last}, more...)
}

func (r *Room) formAt(req *http.Request) (form.Form, error) {
	w, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return form.Form{}, err
	}
	if !w.Stand(r.desk.Now()).Takes() {
		return form.Form{}, errClosed
	}
	return registration(w), nil
}

// ifOpen leads to the webinar's page, which says how it stands, where it takes no registrations.
func ifOpen(h page.Handler) page.Handler {
	return func(w http.ResponseWriter, req *http.Request) error {
		err := h(w, req)
		if errors.Is(err, errClosed) {
			w.Header().Set("Cache-Control", "no-store")
			http.Redirect(w, req, "/webinars/"+chi.URLParam(req, "slug"), http.StatusSeeOther)
			return nil
		}
		return err
	}
}

func (r *Room) drawRegister(w http.ResponseWriter, req *http.Request, status int, f form.Form, v form.View) error {
	one, err := byID(req.Context(), r.desk.Pool, f.Subject)
	if err != nil {
		return err
	}
	return r.views.register.Write(w, req, status, registerPage{
		Base: page.Base{
			Title:       activity.Title(v, "Register: "+one.Title),
			Description: "Register for " + one.Title + ", " + one.When() + ".",
			Path:        one.Path() + "/register", Section: "webinars", Crumbs: r.crumbs(one, page.Crumb{Label: "Register"}),
		},
		listed: r.list(one), Form: v,
	})
}

func (r *Room) serveCalendar(w http.ResponseWriter, req *http.Request) error {
	one, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	return serveEntry(w, req, one, r.calendar(one))
}

// serveFilm serves the recording to everybody, once the event is over.
func (r *Room) serveFilm(w http.ResponseWriter, req *http.Request) error {
	one, err := r.recorded(req)
	if err != nil {
		return err
	}
	return r.films.Serve(w, req, one.Recording)
}

func (r *Room) serveCaptions(w http.ResponseWriter, req *http.Request) error {
	one, err := r.recorded(req)
	if err != nil || len(one.Captions) == 0 {
		return errors.Join(err, page.ErrNotFound)
	}
	film.Captions(w, req, one.Captions)
	return nil
}

func (r *Room) recorded(req *http.Request) (Webinar, error) {
	one, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err == nil && r.list(one).Stand != Recorded {
		return one, page.ErrNotFound
	}
	return one, err
}

func serveEntry(w http.ResponseWriter, req *http.Request, one Webinar, e entry) error {
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8; method="+e.Method)
	w.Header().Set("Content-Disposition", `attachment; filename="`+one.Slug+`.ics"`)
	http.ServeContent(w, req, "", time.Time{}, strings.NewReader(e.String()))
	return nil
}
