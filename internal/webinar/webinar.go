// Package webinar keeps webinars and events (P-2): the pages that announce them, registration, the waiting list,
// calendar entries, reminders, and the recording afterwards.
//
// What it promises:
//
//   - No event is oversold: seats are given under a lock on the event's row, whoever gives them.
//   - Whoever comes when all seats are taken waits in order of arrival; a seat that is freed goes to the next in line in
//     the same transaction, and is mailed.
//   - An address has one seat or one place on the list.
//   - The way into an online room is told to those who have a seat, and to nobody else.
//   - A time is what the clock of the event's zone shows (RFC 5545); a change of the zone's rules moves no event.
package webinar

import (
	"context"
	"fmt"
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
const Kind = "webinar"

// Room is the webinars of the site.
type Room struct {
	desk    *activity.Desk
	say     page.Say
	editor  *publish.Desk
	intro   content.Page
	films   *film.Shelf
	uploads film.Uploads
	web     fs.FS // the embedded web folder
	views   struct {
		list      page.View[listPage]
		show      page.View[showPage]
		register  page.View[registerPage]
		attendees page.View[attendeesPage]
	}
	// errClosed says that an event takes no registrations any more.
	errClosed *page.Error
	// errApart refuses to change what is in quarantine: nothing is brought about by it, and nothing is mailed.
	errApart *page.Error
	// errEarly says that nobody can have been there yet: who is marked so is told of no move and no cancellation any more.
	errEarly *page.Error
}

// New returns the room. Its films are those of the embedded web folder and what staff bring.
func New(desk *activity.Desk, editor *publish.Desk, pages *content.Content, web fs.FS) *Room {
	say := desk.Pages.Words("webinar")
	r := &Room{
		desk: desk, say: say, editor: editor, intro: pages.Must("/webinars"), films: film.NewShelf(web), web: web,
		uploads:   film.NewUploads(desk.Files, Kind),
		errClosed: &page.Error{Status: http.StatusConflict, Message: say("closed")},
		errApart:  &page.Error{Status: http.StatusConflict, Message: say("apart")},
		errEarly:  &page.Error{Status: http.StatusConflict, Message: say("early")},
	}
	r.views.list = page.Load[listPage](desk.Pages, "webinar/list")
	r.views.show = page.Load[showPage](desk.Pages, "webinar/show")
	r.views.register = page.Load[registerPage](desk.Pages, "webinar/register")
	r.views.attendees = page.Load[attendeesPage](desk.Pages, "webinar/staff_attendees")
	return r
}

// Activity returns the activity.
func (r *Room) Activity() activity.Activity {
	return activity.Activity{
		Kind: Kind, Title: "Webinar registration", What: "registration", Path: "/webinars",
		Statuses: statuses(r.say), Form: r.form, Subjects: r.Subjects, Fill: r.fill, Public: r.routes, Staff: r.staff,
		Panel: r.panel, Receipt: r.receipt, Moved: r.moved, Restored: r.restored,
		Work: []job.Worker{
			{Name: "webinar", Every: time.Minute, Timeout: 5 * time.Minute, Run: r.Tend},
			{Name: "old_recordings", Every: time.Hour, Run: r.RemoveOld},
		},
		Holder: activity.Holder{Export: r.export, Erase: r.erase},
	}
}

// form returns the form of a webinar by its id. Without one it is that of any webinar, for the inventory.
func (r *Room) form(ctx context.Context, subject uuid.UUID) (form.Form, error) {
	if subject == uuid.Nil {
		return registration(Webinar{}), nil
	}
	w, err := byID(ctx, r.desk.Pool, subject)
	if err != nil {
		return form.Form{}, err
	}
	return registration(w), nil
}

func (r *Room) routes(router chi.Router) {
	set := r.desk.Pages
	door := activity.Door{Form: r.formAt, Page: r.drawRegister}
	router.Get("/webinars", set.Cached(r.showList))
	router.Get("/webinars/{slug}", set.Cached(r.showOne))
	router.Get("/webinars/{slug}/register", set.Cached(r.ifOpen(r.desk.Show(door))))
	router.Post("/webinars/{slug}/register", set.Handle(r.desk.Take(door)))
	router.Get("/webinars/{slug}/calendar.ics", set.Handle(r.serveCalendar))
	router.Get("/webinars/{slug}/recording.webm", set.Handle(r.serveFilm))
	router.Get("/webinars/{slug}/recording.vtt", set.Handle(r.serveCaptions))
	router.Get("/webinars/{slug}/picture.png", set.Handle(r.servePicture))
	router.Get("/r/{token}/calendar.ics", set.Handle(r.desk.OnReceipt(r.servePersonal)))
	router.Post("/r/{token}/cancel", set.Handle(r.desk.OnReceipt(r.cancel)))
	router.Post("/r/{token}/switch", set.Handle(r.desk.OnReceipt(r.change)))
}

// Subjects lists the webinars that one can register for now, those with a waiting list among them.
func (r *Room) Subjects(ctx context.Context) ([]uuid.UUID, error) {
	list, err := r.published(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, 0, len(list))
	for _, w := range list {
		if w.Stand(r.desk.Now()).Takes() {
			ids = append(ids, w.ID)
		}
	}
	return ids, nil
}

// Documents lists what the search and the sitemap may know.
func (r *Room) Documents(ctx context.Context) ([]content.Document, error) {
	list, err := r.published(ctx)
	if err != nil {
		return nil, err
	}
	docs := make([]content.Document, 0, len(list))
	for _, w := range list {
		docs = append(docs, content.Document{
			Path: w.Path(), Kind: Kind, Title: w.Title, Summary: w.Summary,
			Body: fmt.Sprintf("%s. %s. %s %s", w.When(), w.Where(), content.Words(w.Body), content.Words(w.Transcript)), Updated: w.UpdatedAt,
		})
	}
	return docs, nil
}
