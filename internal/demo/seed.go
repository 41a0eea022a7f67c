package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/film"
	"clickcommerce.com/site/internal/publish"
)

// example is an entry of web/content/demo/demos.yaml.
type example struct {
	Slug       string         `yaml:"slug"`
	Title      string         `yaml:"title"`
	Family     string         `yaml:"family"`
	Summary    string         `yaml:"summary"`
	Live       int            `yaml:"minutes_live"`
	Seconds    int            `yaml:"seconds"`
	Body       string         `yaml:"body"`
	Chapters   []film.Chapter `yaml:"chapters"`
	Captions   []film.Cue     `yaml:"captions"`
	Transcript string         `yaml:"transcript"`
}

// Demo loads the example demonstrations, published ten weeks ago. Loaded again, it renews what staff did not touch.
func (r *Room) Demo(ctx context.Context, web fs.FS) error {
	var file struct {
		Demos []example `yaml:"demos"`
	}
	if err := content.Examples(web, "demos", &file); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, r.Desk.Pool, func(tx pgx.Tx) error {
		for _, e := range file.Demos {
			if err := r.plant(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("example demonstrations: %w", err)
	}
	return nil
}

func (r *Room) plant(ctx context.Context, tx pgx.Tx, e example) error {
	d := Demo{
		Slug: e.Slug, Title: e.Title, Family: e.Family, Summary: e.Summary, Body: e.Body, Live: e.Live, Film: e.Slug,
		Chapters: e.Chapters, Captions: e.Captions, Transcript: e.Transcript,
	}
	var touched bool
	err := tx.QueryRow(ctx, `
		SELECT id, updated_by IS NOT NULL FROM demo WHERE slug = $1 FOR UPDATE`, e.Slug).Scan(&d.ID, &touched)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		if d.ID, err = uuid.NewV7(); err != nil {
			return err
		}
		if err := insert(ctx, tx, d); err != nil {
			return err
		}
	case err != nil || touched:
		return err
	default:
		if err := update(ctx, tx, d); err != nil {
			return err
		}
	}
	at := r.Desk.Now().Add(-10 * 7 * 24 * time.Hour)
	_, err = tx.Exec(ctx, `
		UPDATE demo SET state = $2, publish_at = coalesce(publish_at, $3), updated_at = $3 WHERE id = $1`, d.ID, publish.Published, at)
	return err
}
