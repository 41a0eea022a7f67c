package career

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/content"
)

// sample is an opening of content/demo/openings.yaml.
type sample struct {
	Slug    string `yaml:"slug"`
	Title   string `yaml:"title"`
	Team    string `yaml:"team"`
	Place   string `yaml:"place"`
	Remote  bool   `yaml:"remote"`
	Type    string `yaml:"type"`
	Visa    bool   `yaml:"visa"`
	Posted  int    `yaml:"posted_days_ago"`
	Closes  *int   `yaml:"closes_in_days"`
	Salary  string `yaml:"salary"`
	Summary string `yaml:"summary"`
	Body    string `yaml:"body"`
}

// Demo loads the example openings of the embedded web folder, with days counted from now. Run again, it moves the days
// on; an opening that staff have edited since stays as it is.
func (r *Room) Demo(ctx context.Context, web fs.FS) error {
	var file struct {
		Openings []sample `yaml:"openings"`
	}
	if err := content.Examples(web, "openings", &file); err != nil {
		return err
	}
	b := &pgx.Batch{}
	for _, s := range file.Openings {
		r.queueSample(b, s)
	}
	if err := r.desk.Pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("demo openings: %w", err)
	}
	return nil
}

func (r *Room) queueSample(b *pgx.Batch, s sample) {
	now := r.desk.Now().In(clock.Zone())
	employment := "FULL_TIME"
	switch {
	case strings.HasPrefix(s.Type, "Part time"):
		employment = "PART_TIME"
	case strings.HasPrefix(s.Type, "Internship"):
		employment = "INTERN"
	}
	var closes *string
	if s.Closes != nil {
		day := now.AddDate(0, 0, *s.Closes).Format(time.DateOnly)
		closes = &day
	}
	b.Queue(`
		INSERT INTO opening (id, slug, title, team, place, remote, employment, hours, visa, salary, closes_on, summary, body,
			state, publish_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::date, $12, $13, 'published', $14, $15)
		ON CONFLICT (slug) DO UPDATE
		SET title = excluded.title, team = excluded.team, place = excluded.place, remote = excluded.remote,
			employment = excluded.employment, hours = excluded.hours, visa = excluded.visa, salary = excluded.salary,
			closes_on = excluded.closes_on, summary = excluded.summary, body = excluded.body, publish_at = excluded.publish_at
		WHERE opening.updated_by IS NULL`,
		uuid.Must(uuid.NewV7()), s.Slug, s.Title, s.Team, s.Place, s.Remote, employment, s.Type, s.Visa, s.Salary, closes,
		s.Summary, s.Body, now.AddDate(0, 0, -s.Posted), now)
}
