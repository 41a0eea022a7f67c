package news

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/content"
)

// sample is an item of content/demo/news.yaml.
type sample struct {
	Slug    string `yaml:"slug"`
	Title   string `yaml:"title"`
	DaysAgo int    `yaml:"days_ago"`
	Author  string `yaml:"author"`
	Summary string `yaml:"summary"`
	Body    string `yaml:"body"`
}

// Demo loads the example news of the embedded web folder, with days counted from now. Run again, it moves the days on;
// an item that staff have edited since stays as it is.
func (r *Room) Demo(ctx context.Context, web fs.FS) error {
	var file struct {
		News []sample `yaml:"news"`
	}
	if err := content.Examples(web, "news", &file); err != nil {
		return err
	}
	b, now := &pgx.Batch{}, r.desk.Now()
	for _, s := range file.News {
		b.Queue(`
			INSERT INTO news (id, slug, title, summary, body, author, state, publish_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, 'published', $7, $8)
			ON CONFLICT (slug) DO UPDATE
			SET title = excluded.title, summary = excluded.summary, body = excluded.body, author = excluded.author,
				publish_at = excluded.publish_at
			WHERE news.updated_by IS NULL`,
			uuid.Must(uuid.NewV7()), s.Slug, s.Title, s.Summary, s.Body, cmp.Or(s.Author, "marketing"), now.AddDate(0, 0, -s.DaysAgo), now)
	}
	if err := r.desk.Pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("demo news: %w", err)
	}
	return nil
}
