package demo

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/film"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// opened is what the receipt shows.
type opened struct {
	Demo    Demo
	Address string // of the receipt
}

// receipt draws the player: a request that was not withdrawn opens its film.
func (r *Room) receipt(ctx context.Context, rec submission.Record) (activity.Extra, error) {
	d, err := r.filmOf(ctx, rec)
	if errors.Is(err, page.ErrNotFound) {
		return activity.Extra{}, nil
	}
	if err != nil {
		return activity.Extra{}, err
	}
	drawn, err := r.views.show.Fragment("player", opened{d, r.Desk.ReceiptPath(rec.ID)})
	return activity.Extra{HTML: drawn}, err
}

// filmOf returns the demonstration whose film a record opens, or page.ErrNotFound. It may have left the site since.
func (r *Room) filmOf(ctx context.Context, rec submission.Record) (Demo, error) {
	if rec.Kind != Kind || rec.Status == activity.Withdrawn || !rec.SubjectID.Valid {
		return Demo{}, page.ErrNotFound
	}
	return r.byID(ctx, r.Desk.Pool, rec.SubjectID.UUID)
}

func (r *Room) serveFilm(w http.ResponseWriter, req *http.Request, rec submission.Record) error {
	d, err := r.filmOf(req.Context(), rec)
	if err != nil {
		return err
	}
	if d.Own() {
		return r.uploads.Serve(w, req, d.Reel.Film)
	}
	return r.films.Serve(w, req, d.Film)
}

func (r *Room) serveCaptions(w http.ResponseWriter, req *http.Request, rec submission.Record) error {
	d, err := r.filmOf(req.Context(), rec)
	if err != nil {
		return err
	}
	if d.ownCaptions() {
		return r.uploads.Serve(w, req, d.Reel.Captions)
	}
	film.Captions(w, req, d.Captions)
	return nil
}

// servePicture serves the picture that was uploaded, to everybody.
func (r *Room) servePicture(w http.ResponseWriter, req *http.Request) error {
	d, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return err
	}
	if !d.Own() {
		return page.ErrNotFound
	}
	return r.uploads.Serve(w, req, d.Reel.Picture)
}
