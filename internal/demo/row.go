package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/film"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/publish"
)

// Demo is a demonstration as its page shows it.
type Demo struct {
	ID         uuid.UUID      `db:"id"`
	Slug       string         `db:"slug"`
	Title      string         `db:"title"`
	Family     string         `db:"family"` // address of a product page
	Summary    string         `db:"summary"`
	Body       string         `db:"body"`
	Live       int            `db:"minutes_live"`
	Film       string         `db:"film"`
	Chapters   []film.Chapter `db:"chapters"`
	Captions   []film.Cue     `db:"captions"`
	Transcript string         `db:"transcript"`
	UpdatedAt  time.Time      `db:"updated_at"`
	FamilyName string         `db:"-"`
	Reel       film.Reel      `db:"-"` // what was uploaded for it
	Picture    string         `db:"-"` // address of the picture in front of the film; empty where there is none
	Sources    string         `db:"-"` // the picture in several widths; empty where there is one only
}

const columns = `id, slug, title, family, summary, body, minutes_live, film, chapters, captions, transcript, updated_at`

// Path is the address of the demonstration's page.
func (d Demo) Path() string { return "/demos/" + d.Slug }

// Own tells whether the film was uploaded for this demonstration, rather than come with the site.
func (d Demo) Own() bool { return d.Film == film.Uploaded }

// Watchable tells whether the film may be opened.
func (d Demo) Watchable() bool { return !d.Own() || d.Reel.Film.ID != uuid.Nil }

// ownCaptions tells whether captions that were uploaded are shown, rather than those that were typed.
func (d Demo) ownCaptions() bool { return d.Own() && d.Reel.Captions.ID != uuid.Nil }

// Length is how long the film is, in words, as typed captions tell it; empty where they don't.
func (d Demo) Length() string {
	if len(d.Captions) == 0 || d.ownCaptions() {
		return ""
	}
	return film.Length(d.Captions[len(d.Captions)-1].To)
}

// Text is the body as HTML.
func (d Demo) Text() template.HTML { return page.Markdown(d.Body) }

// Words is the transcript as HTML.
func (d Demo) Words() template.HTML { return page.Markdown(d.Transcript) }

func (r *Room) published(ctx context.Context) ([]Demo, error) {
	demos, err := postgres.Rows[Demo](ctx, r.Desk.Pool, `SELECT `+columns+` FROM demo WHERE `+publish.Visible, r.Desk.Now())
	if err != nil {
		return nil, fmt.Errorf("list demonstrations: %w", err)
	}
	if err := r.complete(ctx, r.Desk.Pool, demos); err != nil {
		return nil, err
	}
	slices.SortFunc(demos, func(a, b Demo) int {
		return cmp.Or(cmp.Compare(r.order(a.Family), r.order(b.Family)), cmp.Compare(a.Title, b.Title))
	})
	return demos, nil
}

// order is the place of a product family among the others.
func (r *Room) order(family string) int {
	return slices.IndexFunc(r.families, func(p content.Page) bool { return p.Path == family })
}

func (r *Room) familyName(family string) string {
	if i := r.order(family); i >= 0 {
		return r.families[i].Nav
	}
	return ""
}

// bySlug returns a demonstration that is public now, or page.ErrNotFound.
func (r *Room) bySlug(ctx context.Context, slug string) (Demo, error) {
	return r.one(ctx, r.Desk.Pool, publish.Visible+` AND slug = $2`, r.Desk.Now(), slug)
}

// byID returns a demonstration in whatever state, or page.ErrNotFound.
func (r *Room) byID(ctx context.Context, db publish.DB, id uuid.UUID) (Demo, error) {
	return r.one(ctx, db, `id = $1`, id)
}

func (r *Room) one(ctx context.Context, db publish.DB, condition string, args ...any) (Demo, error) {
	d, err := postgres.Row[Demo](ctx, db, `SELECT `+columns+` FROM demo WHERE `+condition, args...)
	if errors.Is(err, pgx.ErrNoRows) {
		return Demo{}, page.ErrNotFound
	}
	if err != nil {
		return Demo{}, fmt.Errorf("read demonstration: %w", err)
	}
	list := []Demo{d}
	err = r.complete(ctx, db, list)
	return list[0], err
}

// complete fills in what the rows themselves don't hold: the names of products, what was uploaded, pictures.
func (r *Room) complete(ctx context.Context, db publish.DB, demos []Demo) error {
	ids := make([]uuid.UUID, len(demos))
	for i, d := range demos {
		ids[i] = d.ID
	}
	reels, err := r.uploads.Reels(ctx, db, ids...)
	if err != nil {
		return err
	}
	for i := range demos {
		d := &demos[i]
		d.FamilyName, d.Reel = r.familyName(d.Family), reels[d.ID]
		if d.Own() {
			d.Picture = d.Reel.Shown(d.Path())
		} else {
			d.Picture, d.Sources = r.Desk.Pages.Asset(film.Poster(d.Film)), film.Sources(r.Desk.Pages.Asset, d.Film)
		}
	}
	return nil
}

// RemoveOld deletes the films in whose place newer ones were uploaded.
func (r *Room) RemoveOld(ctx context.Context) error {
	return r.uploads.RemoveReplaced(ctx, r.Desk.Now())
}

// Documents lists what the search finds.
func (r *Room) Documents(ctx context.Context) ([]content.Document, error) {
	demos, err := r.published(ctx)
	if err != nil {
		return nil, err
	}
	docs := make([]content.Document, 0, len(demos))
	for _, d := range demos {
		docs = append(docs, content.Document{
			Path: d.Path(), Kind: Kind, Title: d.Title, Summary: d.Summary,
			Body: content.Words(d.Body + "\n\n" + d.Transcript), Updated: d.UpdatedAt,
		})
	}
	return docs, nil
}

// Subjects lists what can be asked for today.
func (r *Room) Subjects(ctx context.Context) ([]uuid.UUID, error) {
	list, err := r.published(ctx)
	ids := make([]uuid.UUID, 0, len(list))
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	return ids, err
}
