package webinar

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/film"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
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
	Stand     Stand
	Film      recording
	Countdown string // empty: it has begun, or will not be
	OtherYear int    // of its start; 0: this year
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
	Poster  string // address of its picture; empty: none
	Sources string // the picture in several widths; empty: in one only
	Words   bool   // it has captions
	Some    bool   // there is one
	Reel    film.Reel
}

// list returns a webinar as lists show it.
func (r *Room) list(ctx context.Context, w Webinar) (listed, error) {
	all, err := r.listAll(ctx, []Webinar{w})
	if err != nil {
		return listed{}, err
	}
	return all[0], nil
}

func (r *Room) listAll(ctx context.Context, webinars []Webinar) ([]listed, error) {
	ids := make([]uuid.UUID, len(webinars))
	for i, w := range webinars {
		ids[i] = w.ID
	}
	reels, err := r.uploads.Reels(ctx, r.desk.Pool, ids...)
	if err != nil {
		return nil, err
	}
	all := make([]listed, 0, len(webinars))
	for _, w := range webinars {
		l := listed{Webinar: w, Stand: w.Stand(r.desk.Now()), Film: r.film(w, reels[w.ID]), Countdown: r.countdown(w), OtherYear: r.otherYear(w)}
		if l.Stand == Recorded && !l.Film.Some {
			l.Stand = Past
		}
		all = append(all, l)
	}
	return all, nil
}

// countdown says how many days are left, as the calendar counts them where the event is.
func (r *Room) countdown(w Webinar) string {
	now := r.desk.Now()
	if w.Cancelled() || !now.Before(w.Start()) {
		return ""
	}
	switch days := daysUntil(w.Start(), now); days {
	case 0:
		return r.say("is_today")
	case 1:
		return r.say("is_tomorrow")
	default:
		return r.say("in_days", "days", days)
	}
}

// otherYear is the year of its start, 0 where that is this one.
func (r *Room) otherYear(w Webinar) int {
	start := w.Start()
	if start.Year() == r.desk.Now().In(start.Location()).Year() {
		return 0
	}
	return start.Year()
}

// film returns the recording that can be shown of a webinar: one that was uploaded, once it may be opened and
// has captions, or one that comes with the site.
func (r *Room) film(w Webinar, reel film.Reel) recording {
	typed := len(w.Captions) > 0
	switch {
	case w.Recording == film.Uploaded:
		words := typed || reel.Captions.ID != uuid.Nil
		return recording{Poster: reel.Shown(w.Path()), Words: words, Some: words && reel.Film.ID != uuid.Nil, Reel: reel}
	case film.Exists(r.web, w.Recording):
		asset := r.desk.Pages.Asset
		return recording{Poster: asset(film.Poster(w.Recording)), Sources: film.Sources(asset, w.Recording), Words: typed, Some: true, Reel: reel}
	}
	return recording{Reel: reel}
}

func (r *Room) showList(w http.ResponseWriter, req *http.Request) error {
	webinars, err := r.published(req.Context())
	if err != nil {
		return err
	}
	all, err := r.listAll(req.Context(), webinars)
	if err != nil {
		return err
	}
	data := listPage{Base: r.intro.Base(), Page: r.intro}
	now := r.desk.Now()
	for _, l := range all {
		switch {
		case now.Before(l.End()):
			data.Upcoming = append(data.Upcoming, l)
		case l.Film.Some && !l.Cancelled():
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
	l, err := r.list(req.Context(), one)
	if err != nil {
		return err
	}
	data := showPage{listed: l}
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
		return form.Form{}, r.errClosed
	}
	return registration(w), nil
}

// ifOpen leads to the webinar's page, which says how it stands, where it takes no registrations.
func (r *Room) ifOpen(h page.Handler) page.Handler {
	return func(w http.ResponseWriter, req *http.Request) error {
		err := h(w, req)
		if errors.Is(err, r.errClosed) {
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
	l, err := r.list(req.Context(), one)
	if err != nil {
		return err
	}
	title := r.say("register_title", "title", one.Title)
	if l.Stand == Queue {
		title, v.Button = r.say("waiting_title", "title", one.Title), r.say("waiting_button")
	}
	return r.views.register.Write(w, req, status, registerPage{
		Base: page.Base{
			Title:       title,
			Description: r.say("register", "title", one.Title, "when", one.When()),
			Path:        one.Path() + "/register", Section: "webinars", Crumbs: r.crumbs(one, page.Crumb{Label: "Register"}),
		},
		listed: l, Form: v,
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
	if one.Recording == film.Uploaded {
		return r.uploads.Serve(w, req, one.Film.Reel.Film)
	}
	return r.films.Serve(w, req, one.Recording)
}

func (r *Room) serveCaptions(w http.ResponseWriter, req *http.Request) error {
	one, err := r.recorded(req)
	if err != nil {
		return err
	}
	if !one.Film.Words {
		return page.ErrNotFound
	}
	if uploaded := one.Film.Reel.Captions; one.Recording == film.Uploaded && uploaded.ID != uuid.Nil {
		return r.uploads.Serve(w, req, uploaded)
	}
	film.Captions(w, req, one.Captions)
	return nil
}

// servePicture serves the picture that was uploaded with a recording.
func (r *Room) servePicture(w http.ResponseWriter, req *http.Request) error {
	one, err := r.recorded(req)
	if err != nil {
		return err
	}
	if one.Recording != film.Uploaded {
		return page.ErrNotFound
	}
	return r.uploads.Serve(w, req, one.Film.Reel.Picture)
}

// recorded returns the webinar that the address names, where its recording can be shown.
func (r *Room) recorded(req *http.Request) (listed, error) {
	one, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return listed{}, err
	}
	l, err := r.list(req.Context(), one)
	if err == nil && l.Stand != Recorded {
		return listed{}, page.ErrNotFound
	}
	return l, err
}

func serveEntry(w http.ResponseWriter, req *http.Request, one Webinar, e entry) error {
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8; method="+e.Method)
	w.Header().Set("Content-Disposition", `attachment; filename="`+one.Slug+`.ics"`)
	http.ServeContent(w, req, "", time.Time{}, strings.NewReader(e.String()))
	return nil
}
