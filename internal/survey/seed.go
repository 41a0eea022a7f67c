package survey

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/postgres"
)

// sampleSurvey is a survey of content/demo/surveys.yaml.
type sampleSurvey struct {
	Slug      string `yaml:"slug"`
	Title     string `yaml:"title"`
	Anonymous bool   `yaml:"anonymous"`
	Intro     string `yaml:"intro"`
	Closed    int    `yaml:"closed_days_ago"`
	Results   bool   `yaml:"results"`
	Pages     []struct {
		Title     string           `yaml:"title"`
		Questions []sampleQuestion `yaml:"questions"`
	} `yaml:"pages"`
}

type sampleQuestion struct {
	Name     string   `yaml:"name"`
	Label    string   `yaml:"label"`
	Hint     string   `yaml:"hint"`
	Kind     string   `yaml:"kind"`
	Required bool     `yaml:"required"`
	Why      string   `yaml:"why"`
	Options  []string `yaml:"options"`
	Min      int      `yaml:"min"`
	Max      int      `yaml:"max"`
	MinLabel string   `yaml:"min_label"`
	MaxLabel string   `yaml:"max_label"`
	Best     int      `yaml:"best"` // the step of a scale around which people answer; 0: the more, the better
	Samples  []string `yaml:"samples"`
}

func (q sampleQuestion) row(id uuid.UUID, position int, page string) question {
	row := question{
		ID: uuid.NewSHA1(id, []byte(q.Name)), SurveyID: id, Position: position, Page: page, Name: q.Name, Label: q.Label, Hint: q.Hint,
		Kind: q.Kind, Required: q.Required, Why: q.Why, Options: optionsOf(q.Options),
	}
	switch q.Kind {
	case scale:
		row.Low, row.High, row.LowLabel, row.HighLabel = q.Min, q.Max, q.MinLabel, q.MaxLabel
	case text:
		row.Most = q.Max
	}
	return row
}

func samples(web fs.FS) ([]sampleSurvey, error) {
	var file struct {
		Surveys []sampleSurvey `yaml:"surveys"`
	}
	if err := content.Examples(web, "surveys", &file); err != nil {
		return nil, err
	}
	return file.Surveys, nil
}

// Demo loads the example surveys of the embedded web folder, with days counted from now. Run again, it brings them up
// to date; a survey that staff have edited since stays as it is.
func (r *Room) Demo(ctx context.Context, web fs.FS) error {
	list, err := samples(web)
	if err != nil {
		return err
	}
	for _, s := range list {
		err := pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error { return r.loadSample(ctx, tx, s) })
		if err != nil {
			return fmt.Errorf("demo survey %s: %w", s.Slug, err)
		}
	}
	return nil
}

func (r *Room) loadSample(ctx context.Context, tx pgx.Tx, s sampleSurvey) error {
	now := r.desk.Now()
	var closes *time.Time
	if s.Closed > 0 {
		end := clock.EndOf(now.In(clock.Zone()).AddDate(0, 0, -s.Closed))
		closes = &end
	}
	ids, err := postgres.Column[uuid.UUID](ctx, tx, `
		INSERT INTO survey (id, slug, title, summary, anonymous, offer_consent, closes_at, state, publish_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, NOT $5, $6, 'published', $7, $8)
		ON CONFLICT (slug) DO UPDATE
		SET title = excluded.title, summary = excluded.summary,
			closes_at = CASE WHEN survey.results_public THEN survey.closes_at ELSE excluded.closes_at END
		WHERE survey.updated_by IS NULL
		RETURNING id`,
		uuid.Must(uuid.NewV7()), s.Slug, s.Title, s.Intro, s.Anonymous, closes, now.AddDate(0, 0, -demoDays-s.Closed), now)
	if err != nil || len(ids) == 0 { // staff have edited it
		return err
	}
	position := 0
	for _, page := range s.Pages {
		for _, q := range page.Questions {
			position++
			if err := put(ctx, tx, q.row(ids[0], position, page.Title)); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	demoDays  = 45  // over which the example answers are spread
	demoCount = 120 // answers to each example survey
)

// DemoAnswers fills up each example survey to its count of answers: plausible ones, the same in each run, accepted as any
// other, spread over the days before now. One that asks for names gets half, since each of its answers stands in the inbox.
// They bring no mail. Where the survey is over, its results are published.
func (r *Room) DemoAnswers(ctx context.Context, web fs.FS) error {
	list, err := samples(web)
	if err != nil {
		return err
	}
	for _, s := range list {
		if err := r.answerSample(ctx, s); err != nil {
			return fmt.Errorf("demo answers to %s: %w", s.Slug, err)
		}
	}
	return nil
}

func (r *Room) answerSample(ctx context.Context, sample sampleSurvey) error {
	s, err := one(ctx, r.desk.Pool, `slug = $1`, sample.Slug)
	if err != nil {
		return err
	}
	f, err := r.load(ctx, r.desk.Pool, s)
	if err != nil {
		return err
	}
	n := demoCount
	if !f.Anonymous {
		n /= 2
	}
	have, err := answered(ctx, r.desk.Pool, s.ID, nil)
	if err != nil {
		return err
	}
	if err := r.acceptDemo(ctx, sample, f, have, n); err != nil {
		return err
	}
	if err := r.step(ctx, s.ID); err != nil {
		return err
	}
	if !sample.Results || s.ResultsPublic {
		return nil
	}
	return pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error { return r.publishResults(ctx, tx, s.ID, form.Values{}) })
}
