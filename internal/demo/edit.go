package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/film"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/publish"
)

// editing says what staff edit, and how it is stored.
func (r *Room) editing() publish.Room {
	return publish.Room{
		Kind: Kind, Table: "demo", Path: "demos", One: "demonstration", Many: "demonstrations",
		Public: func(slug string) string { return "/demos/" + slug },
		Fields: func(context.Context, publish.DB, uuid.UUID) ([]form.Field, error) { return r.fields(), nil },
		Check:  check, Load: r.load, Save: r.save, Preview: r.preview,
	}
}

func (r *Room) fields() []form.Field {
	return []form.Field{
		publish.TitleField(),
		publish.SlugField("/demos/"),
		{Name: "family", Label: "Product", Kind: form.Choice, Required: true, Options: r.familyOptions()},
		publish.SummaryField(),
		publish.BodyField(),
		{
			Name: "minutes_live", Label: "Minutes of the live demonstration", Kind: form.Text, Required: true, Max: 3, Example: "60",
		},
		{
			Name: "film", Label: "Film", Kind: form.Choice, Required: true, Options: r.filmOptions(),
			Hint: "Films come with the site; a new one is added with its next release.",
		},
		{Name: "chapters", Label: "Chapters", Kind: form.LongText, Required: true, Hint: film.ChapterHint},
		{Name: "captions", Label: "Captions", Kind: form.LongText, Required: true, Max: 10_000, Hint: film.CueHint},
		{
			Name: "transcript", Label: "Transcript", Kind: form.LongText, Required: true, Max: 20_000,
			Hint: "Everything said and shown. Everybody can read it, whether or not they may see the film.",
		},
	}
}

func (r *Room) familyOptions() []form.Option {
	var list []form.Option
	for _, p := range r.families {
		list = append(list, form.Option{Value: p.Path, Label: p.Nav})
	}
	return list
}

func (r *Room) filmOptions() []form.Option {
	var list []form.Option
	for _, name := range film.Names(r.Web) {
		list = append(list, form.Option{Value: name, Label: name})
	}
	return list
}

func check(v form.Values, errs form.Errors) {
	if n, err := strconv.Atoi(v.Get("minutes_live")); (err != nil || n < 1) && v.Get("minutes_live") != "" {
		errs.Add("minutes_live", "Enter a number of minutes, for example 60.")
	}
	if _, sentence := film.ParseChapters(v.Get("chapters")); sentence != "" {
		errs.Add("chapters", sentence)
	}
	if _, sentence := film.ParseCues(v.Get("captions")); sentence != "" {
		errs.Add("captions", sentence)
	}
}

func (r *Room) load(ctx context.Context, db publish.DB, id uuid.UUID) (form.Values, error) {
	d, err := r.byID(ctx, db, id)
	if errors.Is(err, page.ErrNotFound) {
		return nil, pgx.ErrNoRows
	}
	return form.Values{
		"title": {d.Title}, "slug": {d.Slug}, "family": {d.Family}, "summary": {d.Summary}, "body": {d.Body},
		"minutes_live": {strconv.Itoa(d.Live)}, "film": {d.Film}, "chapters": {film.FormatChapters(d.Chapters)},
		"captions": {film.FormatCues(d.Captions)}, "transcript": {d.Transcript},
	}, err
}

func (r *Room) save(ctx context.Context, tx pgx.Tx, s publish.Saving) error {
	v := s.Values
	live, _ := strconv.Atoi(v.Get("minutes_live")) // check has read it
	d := Demo{
		ID: s.ID, Slug: v.Get("slug"), Title: v.Get("title"), Family: v.Get("family"), Summary: v.Get("summary"), Body: v.Get("body"),
		Live: live, Film: v.Get("film"), Transcript: v.Get("transcript"),
	}
	d.Chapters, _ = film.ParseChapters(v.Get("chapters"))
	d.Captions, _ = film.ParseCues(v.Get("captions"))
	if s.New {
		return insert(ctx, tx, d)
	}
	return update(ctx, tx, d)
}

func insert(ctx context.Context, tx pgx.Tx, d Demo) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO demo (id, slug, title, family, summary, body, minutes_live, film, chapters, captions, transcript)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		d.ID, d.Slug, d.Title, d.Family, d.Summary, d.Body, d.Live, d.Film, d.Chapters, d.Captions, d.Transcript)
	if err != nil {
		return fmt.Errorf("add demonstration: %w", err)
	}
	return nil
}

func update(ctx context.Context, tx pgx.Tx, d Demo) error {
	_, err := tx.Exec(ctx, `
		UPDATE demo SET slug = $2, title = $3, family = $4, summary = $5, body = $6, minutes_live = $7, film = $8,
			chapters = $9, captions = $10, transcript = $11
		WHERE id = $1`,
		d.ID, d.Slug, d.Title, d.Family, d.Summary, d.Body, d.Live, d.Film, d.Chapters, d.Captions, d.Transcript)
	if err != nil {
		return fmt.Errorf("save demonstration: %w", err)
	}
	return nil
}

func (r *Room) preview(w http.ResponseWriter, req *http.Request, db publish.DB, id uuid.UUID) error {
	d, err := r.byID(req.Context(), db, id)
	if err != nil {
		return err
	}
	return r.drawDemo(w, req, d)
}
