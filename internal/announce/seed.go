package announce

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/content"
)

// sample is an announcement of content/demo/announcements.yaml.
type sample struct {
	ID      string `yaml:"id"`
	Purpose string `yaml:"purpose"`
	Subject string `yaml:"subject"`
	DaysAgo int    `yaml:"days_ago"`
	Body    string `yaml:"body"`
}

// Demo loads the example announcements of the embedded web folder: issues that were sent before there was anybody to get
// them, and drafts. What is there already stays as it is.
func (r *Room) Demo(ctx context.Context, web fs.FS) error {
	var file struct {
		Announcements []sample `yaml:"announcements"`
	}
	if err := content.Examples(web, "announcements", &file); err != nil {
		return err
	}
	b, now := &pgx.Batch{}, r.desk.Now()
	for _, s := range file.Announcements {
		id, err := uuid.Parse(s.ID)
		if err != nil {
			return fmt.Errorf("demo announcements: %w", err)
		}
		state, at, slug := draft, (*time.Time)(nil), (*string)(nil)
		if s.DaysAgo > 0 {
			past := now.AddDate(0, 0, -s.DaysAgo)
			state, at = sent, &past
			if slug, err = r.slugOf(ctx, announcement{ID: id, Purpose: "newsletter", Channel: "email", Subject: s.Subject, SendAt: at}); err != nil {
				return err
			}
		}
		b.Queue(`
			INSERT INTO announcement (id, purpose, channel, subject, body, state, send_at, started_at, ended_at, slug, updated_at)
			VALUES ($1, $2, 'email', $3, $4, $5, $6, $6, $6, $7, $8) ON CONFLICT (id) DO NOTHING`,
			id, s.Purpose, s.Subject, s.Body, state, at, slug, now)
	}
	if err := r.desk.Pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("demo announcements: %w", err)
	}
	return nil
}
