package webinar

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/film"
)

// example is an entry of content/demo/webinars.yaml.
type example struct {
	Slug      string   `yaml:"slug"`
	Title     string   `yaml:"title"`
	Summary   string   `yaml:"summary"`
	Speakers  []string `yaml:"speaker_roles"`
	InDays    int      `yaml:"in_days"`
	Time      string   `yaml:"time"`
	Zone      string   `yaml:"zone"`
	Minutes   int      `yaml:"minutes"`
	Capacity  int      `yaml:"capacity"`
	Taken     int      `yaml:"taken"`
	JoinURL   string   `yaml:"join_url"`
	Place     string   `yaml:"place"`
	Body      string   `yaml:"body"`
	Recording *struct {
		Captions   []film.Cue `yaml:"captions"`
		Transcript string     `yaml:"transcript"`
	} `yaml:"recording"`
}

// Demo loads the example webinars. Run again it renews their words, keeps what staff or visitors changed of their
// seats and states, and moves into the future what was to come and is over.
func (r *Room) Demo(ctx context.Context, web fs.FS) error {
	var data struct {
		Webinars []example `yaml:"webinars"`
	}
	if err := content.Examples(web, "webinars", &data); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		for _, e := range data.Webinars {
			if err := e.store(ctx, tx, r.desk.Now()); err != nil {
				return fmt.Errorf("example webinar %s: %w", e.Slug, err)
			}
		}
		return nil
	})
}

func (e example) store(ctx context.Context, tx pgx.Tx, now time.Time) error {
	zone, err := Zone(e.Zone)
	if err != nil {
		return err
	}
	local, err := time.Parse("2006-01-02 15:04", now.In(zone).AddDate(0, 0, e.InDays).Format(time.DateOnly)+" "+e.Time)
	if err != nil {
		return err
	}
	local = workday(local, e.InDays)
	recording, captions, transcript := "", []film.Cue{}, ""
	if e.Recording != nil {
		recording, captions, transcript = "webinar-"+e.Slug, e.Recording.Captions, e.Recording.Transcript
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO webinar AS old (id, slug, title, summary, body, speakers, starts_local, zone, minutes, capacity, reserved,
			place, join_url, recording, transcript, state, publish_at, updated_at, captions)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'published', $16, $16, $19)
		ON CONFLICT (slug) DO UPDATE SET title = excluded.title, summary = excluded.summary, body = excluded.body,
			speakers = excluded.speakers, recording = excluded.recording, captions = excluded.captions, transcript = excluded.transcript,
			starts_local = CASE WHEN $17 AND old.starts_local < $18 THEN excluded.starts_local ELSE old.starts_local END
		WHERE old.updated_by IS NULL`,
		uuid.Must(uuid.NewV7()), e.Slug, e.Title, e.Summary, e.Body, strings.Join(e.Speakers, "\n"), local, e.Zone, e.Minutes,
		e.Capacity, min(e.Taken, e.Capacity), strings.TrimSpace(e.Place), e.JoinURL, recording, transcript, now,
		e.InDays > 0, now.UTC(), captions)
	return err
}

// workday keeps events off weekends and the days around New Year, further from today.
func workday(day time.Time, inDays int) time.Time {
	step := 1
	if inDays < 0 {
		step = -1
	}
	for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday || day.Month() == time.December && day.Day() > 22 || day.YearDay() < 4 {
		day = day.AddDate(0, 0, step)
	}
	return day
}
