package demo

import (
	"context"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/film"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/publish"
)

// editing says what staff edit, and how it is stored.
func (r *Room) editing() publish.Room {
	return publish.Room{
		Kind: Kind, Table: "demo", Path: "demos", One: "demonstration", Many: "demonstrations",
		Public: func(slug string) string { return "/demos/" + slug },
		Fields: func(context.Context, publish.DB, uuid.UUID) ([]form.Field, error) { return r.fields(), nil },
		Check:  check, Load: r.load, Save: r.save, Preview: r.preview, Ready: r.ready, Panel: r.panel,
	}
}

func (r *Room) fields() []form.Field {
	fields := []form.Field{
		publish.TitleField(),
		publish.SlugField("/demos/"),
		{Name: "family", Label: "Product", Kind: form.Choice, Required: true, Options: r.familyOptions()},
		publish.SummaryField(),
		publish.BodyField(),
		{
			Name: "minutes_live", Label: "Minutes of the live demonstration", Kind: form.Text, Required: true, Max: 3, Example: "60",
		},
		{
			Name: "film", Label: "Film", Kind: form.Choice, Required: true, Options: film.Options(r.Web),
			Hint: "Whoever asked for the film sees the one chosen here. One that was uploaded stays withheld until it is found clean.",
		},
	}
	return append(append(fields, film.UploadFields()...), []form.Field{
		{Name: "chapters", Label: "Chapters", Kind: form.LongText, Required: true, Hint: film.ChapterHint()},
		{Name: "captions", Label: "Captions", Kind: form.LongText, Max: 10_000, Hint: film.CueHint()},
		{
			Name: "transcript", Label: "Transcript", Kind: form.LongText, Required: true, Max: 20_000,
			Hint: "Everything said and shown. Everybody can read it, whether or not they may see the film.",
		},
	}...)
}

func (r *Room) familyOptions() []form.Option {
	var list []form.Option
	for _, p := range r.families {
		list = append(list, form.Option{Value: p.Path, Label: p.Nav})
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
	if err != nil {
		return nil, err
	}
	v := d.Reel.Values()
	maps.Copy(v, form.Values{
		"title": {d.Title}, "slug": {d.Slug}, "family": {d.Family}, "summary": {d.Summary}, "body": {d.Body},
		"minutes_live": {strconv.Itoa(d.Live)}, "film": {d.Film}, "chapters": {film.FormatChapters(d.Chapters)},
		"captions": {film.FormatCues(d.Captions)}, "transcript": {d.Transcript},
	})
	return v, nil
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
	write := update
	if s.New {
		write = insert
	}
	if err := write(ctx, tx, d); err != nil {
		return err
	}
	if err := r.uploads.Keep(ctx, tx, d.ID, s.Files); err != nil {
		return err
	}
	reel, err := r.uploads.Reel(ctx, tx, d.ID)
	if err != nil {
		return err
	}
	return whole(d, reel)
}

// whole refuses a film that was not uploaded, and one without captions.
func whole(d Demo, reel film.Reel) error {
	switch {
	case d.Own() && !reel.Has(film.FilmField):
		return publish.Invalid{film.FilmField: "Upload the film, or choose one that comes with the site."}
	case len(d.Captions) == 0 && !(d.Own() && reel.Has(film.CaptionsField)):
		return publish.Invalid{"captions": "Type the captions, or upload them as WebVTT with a film that is uploaded too."}
	}
	return nil
}

// ready says what a demonstration lacks to be published.
func (r *Room) ready(ctx context.Context, db publish.DB, id uuid.UUID) (string, error) {
	d, err := r.byID(ctx, db, id)
	if err != nil {
		return "", err
	}
	switch {
	case !d.Watchable():
		return r.say("film_withheld"), nil
	case len(d.Captions) == 0 && !d.ownCaptions():
		return r.say("captions_withheld"), nil
	}
	return "", nil
}

// panel lists what was uploaded.
func (r *Room) panel(ctx context.Context, id uuid.UUID) (template.HTML, error) {
	reel, err := r.uploads.Reel(ctx, r.Desk.Pool, id)
	if err != nil {
		return "", err
	}
	return r.views.show.Fragment("demo-panel", reel.Kept)
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
	if d.Own() {
		d.Picture = "" // its address answers once the demonstration is public
	}
	return r.drawDemo(w, req, d)
}
