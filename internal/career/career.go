// Package career is work at the company: the openings that recruiters publish, and the résumés that people send, for
// an opening or without one (P-2, P-5).
//
// It promises that no program ranks candidates, that a form asks about a visa only where the opening could sponsor one,
// and that a résumé is kept past the year after a refusal only where its sender chose so. Who was writing when an
// opening closed loses nothing: the form takes it for a day more, and then offers to take it without an opening.
package career

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/submission"
)

// Kind is the activity's kind.
const Kind = "career"

// Room serves the careers pages, the form, and the openings' staff pages.
type Room struct {
	desk  *activity.Desk
	say   page.Say
	staff *publish.Desk
	intro content.Page
	views struct {
		list    page.View[listPage]
		opening page.View[openingPage]
		apply   page.View[applyPage]
		panel   page.View[panelPage]
	}
}

// New returns the room. It panics where a template is missing.
func New(desk *activity.Desk, staff *publish.Desk, pages *content.Content) *Room {
	r := &Room{desk: desk, say: desk.Pages.Words("career"), staff: staff, intro: pages.Must("/careers")}
	r.views.list = page.Load[listPage](desk.Pages, "career/list")
	r.views.opening = page.Load[openingPage](desk.Pages, "career/opening")
	r.views.apply = page.Load[applyPage](desk.Pages, "career/apply")
	r.views.panel = page.Load[panelPage](desk.Pages, "career/staff_panel")
	return r
}

// Activity returns the activity.
func (r *Room) Activity() activity.Activity {
	return activity.Activity{
		Kind: Kind, Title: "Résumé", What: "application for work", Path: "/careers/apply", Statuses: statuses(r.say),
		Form: r.formOf, Subjects: r.Subjects, Public: r.public, Staff: r.staff.Staff(r.editing()),
		Panel: r.panel, Receipt: r.receipt, Moved: r.moved,
	}
}

func (r *Room) public(router chi.Router) {
	set := r.desk.Pages
	door := activity.Door{Form: r.formAt, Page: r.drawApply}
	router.Get("/careers", set.Cached(r.showList))
	r.desk.Mount(router, "/careers/apply", door)
	router.Get("/careers/{slug}", set.Cached(r.showOpening))
	router.Get("/careers/{slug}/apply", set.Cached(r.showApply(r.desk.Show(door))))
	router.Post("/careers/{slug}/apply", set.Handle(r.desk.Take(door)))
}

// formOf returns the form of an opening as staff and "change what I sent" need it: whatever became of the opening.
func (r *Room) formOf(ctx context.Context, subject uuid.UUID) (form.Form, error) {
	if subject == uuid.Nil {
		return speculative(), nil
	}
	o, err := r.byID(ctx, r.desk.Pool, subject)
	if errors.Is(err, page.ErrNotFound) {
		return speculative(), nil
	}
	if err != nil {
		return form.Form{}, err
	}
	return application(o), nil
}

// formAt returns the form that an address leads to. GET never asks it about a closed opening (showApply); a POST to
// one is what somebody wrote meanwhile.
func (r *Room) formAt(req *http.Request) (form.Form, error) {
	slug := chi.URLParam(req, "slug")
	if slug == "" {
		return speculative(), nil
	}
	o, err := r.bySlug(req.Context(), slug)
	if err != nil {
		return form.Form{}, err
	}
	if !r.takes(o) {
		return speculative(), nil
	}
	return application(o), nil
}

// grace is how long after its end an opening still takes what was being written: as long as a page may stay open.
const grace = 24 * time.Hour

func (r *Room) takes(o opening) bool {
	now := r.desk.Now()
	return publish.Public(o.State, o.PublishAt, now) && (o.ClosesOn == nil || now.Before(o.ends().Add(grace)))
}

// closed tells whether the last day of an opening is over.
func (r *Room) closed(o opening) bool {
	return o.ClosesOn != nil && !r.desk.Now().Before(o.ends())
}

// showApply leads from the form of a closed opening to its page, which says that it is closed.
func (r *Room) showApply(show page.Handler) page.Handler {
	return func(w http.ResponseWriter, req *http.Request) error {
		o, err := r.shown(req)
		if err != nil {
			return err
		}
		if r.closed(o) {
			http.Redirect(w, req, o.Path(), http.StatusSeeOther)
			return nil
		}
		return show(w, req)
	}
}

// moved keeps a declined résumé as long as its sender asked: the longer of that and the usual year.
func (r *Room) moved(ctx context.Context, tx pgx.Tx, rec submission.Record, to string) error {
	if to != declined {
		return nil
	}
	var keep string
	err := tx.QueryRow(ctx, `
		SELECT coalesce(values -> 'keep' ->> 0, '') FROM answers WHERE submission_id = $1 ORDER BY version DESC LIMIT 1`,
		rec.ID).Scan(&keep)
	if err != nil {
		return fmt.Errorf("read how long to keep a résumé: %w", err)
	}
	if keep != keepLong {
		return nil
	}
	_, err = tx.Exec(ctx, `UPDATE submission SET purge_after = greatest(coalesce(kept_after, purge_after), $2) WHERE id = $1`,
		rec.ID, r.desk.KeptUntil(24))
	if err != nil {
		return fmt.Errorf("keep a résumé longer: %w", err)
	}
	return nil
}

// receipt leads back to the opening.
func (r *Room) receipt(ctx context.Context, rec submission.Record) (activity.Extra, error) {
	o, err := r.openingOf(ctx, rec)
	if err != nil || o == nil || !publish.Public(o.State, o.PublishAt, r.desk.Now()) {
		return activity.Extra{}, err
	}
	html, err := r.views.opening.Fragment("receipt", o)
	return activity.Extra{HTML: html}, err
}

func (r *Room) openingOf(ctx context.Context, rec submission.Record) (*opening, error) {
	if !rec.SubjectID.Valid {
		return nil, nil
	}
	o, err := r.byID(ctx, r.desk.Pool, rec.SubjectID.UUID)
	if errors.Is(err, page.ErrNotFound) {
		return nil, nil
	}
	return &o, err
}

// panelPage is what the record page shows of the opening.
type panelPage struct {
	page.Base
	Opening *opening
	Closes  string
	Status  string
}

func (r *Room) panel(ctx context.Context, rec submission.Record) (template.HTML, error) {
	o, err := r.openingOf(ctx, rec)
	if err != nil {
		return "", err
	}
	data := panelPage{Opening: o}
	if o != nil {
		data.Closes, data.Status = o.closesWords(), o.State
		if r.closed(*o) && o.State == publish.Published {
			data.Status = "closed"
		}
	}
	return r.views.panel.Fragment("panel", data)
}
