package survey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/publish"
)

// survey is a row of the table survey, with the number of its questions.
type survey struct {
	ID             uuid.UUID       `db:"id"`
	Slug           string          `db:"slug"`
	Title          string          `db:"title"`
	Summary        string          `db:"summary"`
	Body           string          `db:"body"`
	Anonymous      bool            `db:"anonymous"`
	OfferConsent   bool            `db:"offer_consent"`
	ClosesAt       *time.Time      `db:"closes_at"`
	ResultsThrough *time.Time      `db:"results_through"`
	ResultsPublic  bool            `db:"results_public"`
	Results        json.RawMessage `db:"results"`
	State          string          `db:"state"`
	PublishAt      *time.Time      `db:"publish_at"`
	UpdatedAt      time.Time       `db:"updated_at"`
	Questions      int             `db:"questions"`
}

const columns = `id, slug, title, summary, body, anonymous, offer_consent, closes_at, results_through, results_public, results,
	state, publish_at, updated_at, (SELECT count(*) FROM question q WHERE q.survey_id = survey.id) AS questions`

func (s survey) path() string { return "/surveys/" + s.Slug }

func (s survey) closed(now time.Time) bool { return s.ClosesAt != nil && !s.ClosesAt.After(now) }

// Minutes is how long the survey takes, at the pace of somebody who thinks: three questions a minute.
func (s survey) Minutes() int { return max(1, (s.Questions+2)/3) }

// one returns a row, or page.ErrNotFound.
func one(ctx context.Context, db publish.DB, where string, args ...any) (survey, error) {
	s, err := postgres.Row[survey](ctx, db, `SELECT `+columns+` FROM survey WHERE `+where, args...)
	if errors.Is(err, pgx.ErrNoRows) {
		return survey{}, page.ErrNotFound
	}
	if err != nil {
		return survey{}, fmt.Errorf("read survey: %w", err)
	}
	return s, nil
}

// byID returns a survey whatever its state, or page.ErrNotFound.
func byID(ctx context.Context, db publish.DB, id uuid.UUID) (survey, error) {
	return one(ctx, db, `id = $1`, id)
}

// bySlug returns a public survey, open or closed, or page.ErrNotFound.
func (r *Room) bySlug(ctx context.Context, slug string) (survey, error) {
	return one(ctx, r.desk.Pool, publish.Visible+` AND slug = $2`, r.desk.Now(), slug)
}

// published returns the public surveys, newest first.
func (r *Room) published(ctx context.Context) ([]survey, error) {
	return r.list(ctx, publish.Visible+` ORDER BY publish_at DESC, title LIMIT 200`, r.desk.Now())
}

func (r *Room) list(ctx context.Context, where string, args ...any) ([]survey, error) {
	list, err := postgres.Rows[survey](ctx, r.desk.Pool, `SELECT `+columns+` FROM survey WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list surveys: %w", err)
	}
	return list, nil
}

// The kinds of questions.
const (
	single  = "single"
	several = "several"
	scale   = "scale"
	nps     = "nps"
	text    = "text"
)

// choice is an answer that a question offers.
type choice struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

// question is a row of the table question.
type question struct {
	ID        uuid.UUID `db:"id"`
	SurveyID  uuid.UUID `db:"survey_id"`
	Position  int       `db:"position"`
	Page      string    `db:"page"`
	Name      string    `db:"name"`
	Label     string    `db:"label"`
	Hint      string    `db:"hint"`
	Kind      string    `db:"kind"`
	Required  bool      `db:"required"`
	Why       string    `db:"why"`
	Options   []choice  `db:"options"`
	Most      int       `db:"most"`
	Low       int       `db:"low"`
	High      int       `db:"high"`
	LowLabel  string    `db:"low_label"`
	HighLabel string    `db:"high_label"`
}

// questionsOf returns a survey's questions in their order.
func questionsOf(ctx context.Context, db publish.DB, id uuid.UUID) ([]question, error) {
	list, err := postgres.Rows[question](ctx, db, `
		SELECT id, survey_id, position, page, name, label, hint, kind, required, why, options, most, low, high, low_label, high_label
		FROM question WHERE survey_id = $1 ORDER BY position, id`, id)
	if err != nil {
		return nil, fmt.Errorf("read questions: %w", err)
	}
	return list, nil
}

// put writes a question: a new one where its id is unknown.
func put(ctx context.Context, tx pgx.Tx, q question) error {
	if q.Options == nil {
		q.Options = []choice{}
	}
	done, err := tx.Exec(ctx, `
		INSERT INTO question (id, survey_id, position, page, name, label, hint, kind, required, why, options, most, low, high,
			low_label, high_label)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		ON CONFLICT (id) DO UPDATE
		SET position = excluded.position, page = excluded.page, label = excluded.label, hint = excluded.hint,
			kind = excluded.kind, required = excluded.required, why = excluded.why, options = excluded.options,
			most = excluded.most, low = excluded.low, high = excluded.high, low_label = excluded.low_label,
			high_label = excluded.high_label
		WHERE question.survey_id = excluded.survey_id`,
		q.ID, q.SurveyID, q.Position, q.Page, q.Name, q.Label, q.Hint, q.Kind, q.Required, q.Why, q.Options, q.Most, q.Low, q.High,
		q.LowLabel, q.HighLabel)
	if err != nil {
		return fmt.Errorf("save question: %w", err)
	}
	if done.RowsAffected() == 0 {
		return page.ErrNotFound // the id is that of another survey's question
	}
	return nil
}

// Subjects lists the surveys that take answers today.
func (r *Room) Subjects(ctx context.Context) ([]uuid.UUID, error) {
	list, err := r.published(ctx)
	if err != nil {
		return nil, err
	}
	var ids []uuid.UUID
	for _, s := range list {
		if !s.closed(r.desk.Now()) {
			ids = append(ids, s.ID)
		}
	}
	return ids, nil
}
