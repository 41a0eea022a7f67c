package news

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/publish"
)

// authors are the roles that write news.
func authors() []form.Option {
	return []form.Option{
		{Value: "marketing", Label: "Marketing"},
		{Value: "products", Label: "The product teams"},
		{Value: "privacy", Label: "The privacy officer"},
		{Value: "management", Label: "Management"},
	}
}

// editing is what the workspace needs to know to let marketers write news.
func (r *Room) editing() publish.Room {
	return publish.Room{
		Kind: Kind, Table: "news", Path: "news", One: "news item", Many: "news items",
		Public: func(slug string) string { return item{Slug: slug}.Path() },
		Fields: func(context.Context, publish.DB, uuid.UUID) ([]form.Field, error) { return fields(), nil },
		Load:   load, Save: save,
		Preview: func(w http.ResponseWriter, req *http.Request, db publish.DB, id uuid.UUID) error {
			it, err := byID(req.Context(), db, id)
			if err != nil {
				return err
			}
			return r.drawItem(w, req, it)
		},
		Notes: r.notes,
	}
}

func fields() []form.Field {
	summary := publish.SummaryField()
	summary.Hint = "What changes for the reader, in one or two sentences. Shown in lists, by search engines and in the feed."
	body := publish.BodyField()
	body.Hint += " Where you correct something later, say in the text what was wrong."
	return []form.Field{
		publish.TitleField(), publish.SlugField("/news/"), summary, body,
		{Name: "author", Label: "Written by", Kind: form.Choice, Required: true, Options: authors(), Hint: "Shown with the item: a role, never a name."},
	}
}

func load(ctx context.Context, db publish.DB, id uuid.UUID) (form.Values, error) {
	it, err := byID(ctx, db, id)
	if err != nil {
		return nil, err
	}
	return form.Values{
		"title": {it.Title}, "slug": {it.Slug}, "summary": {it.Summary}, "body": {it.Body}, "author": {it.Author},
	}, nil
}

func save(ctx context.Context, tx pgx.Tx, s publish.Saving) error {
	v := s.Values
	if s.New {
		_, err := tx.Exec(ctx, `
			INSERT INTO news (id, slug, title, summary, body, author) VALUES ($1, $2, $3, $4, $5, $6)`,
			s.ID, v.Get("slug"), v.Get("title"), v.Get("summary"), v.Get("body"), v.Get("author"))
		if err != nil {
			return fmt.Errorf("save news: %w", err)
		}
		return nil
	}
	// Words that change once everybody could read them are dated.
	_, err := tx.Exec(ctx, `
		UPDATE news SET slug = $3, title = $4, summary = $5, body = $6, author = $7, corrected_at = CASE
			WHEN `+publish.Visible+` AND (title, summary, body) IS DISTINCT FROM ($4, $5, $6) THEN $1 ELSE corrected_at END
		WHERE id = $2`,
		s.Now, s.ID, v.Get("slug"), v.Get("title"), v.Get("summary"), v.Get("body"), v.Get("author"))
	if err != nil {
		return fmt.Errorf("save news: %w", err)
	}
	return nil
}

// notes tells in the list who wrote what.
func (r *Room) notes(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]publish.Note, error) {
	rows, err := r.desk.Pool.Query(ctx, `SELECT id, author, corrected_at FROM news WHERE id = ANY ($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("read news: %w", err)
	}
	var (
		it    item
		notes = map[uuid.UUID]publish.Note{}
	)
	_, err = pgx.ForEachRow(rows, []any{&it.ID, &it.Author, &it.CorrectedAt}, func() error {
		note := publish.Note{Words: it.By()}
		if it.CorrectedAt != nil {
			note.Words += ", changed " + clock.Date(*it.CorrectedAt)
		}
		notes[it.ID] = note
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read news: %w", err)
	}
	return notes, nil
}
