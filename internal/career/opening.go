package career

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/publish"
)

// opening is a row of the table opening.
type opening struct {
	ID         uuid.UUID  `db:"id"`
	Slug       string     `db:"slug"`
	Title      string     `db:"title"`
	Team       string     `db:"team"`
	Place      string     `db:"place"`
	Remote     bool       `db:"remote"`
	Employment string     `db:"employment"`
	Hours      string     `db:"hours"`
	Visa       bool       `db:"visa"`
	Salary     string     `db:"salary"`
	ClosesOn   *time.Time `db:"closes_on"`
	Summary    string     `db:"summary"`
	Body       string     `db:"body"`
	State      string     `db:"state"`
	PublishAt  *time.Time `db:"publish_at"`
	UpdatedAt  time.Time  `db:"updated_at"`
}

const columns = `id, slug, title, team, place, remote, employment, hours, visa, salary, closes_on, summary, body, state,
	publish_at, updated_at`

// Path is the address of the opening's page.
func (o opening) Path() string { return "/careers/" + o.Slug }

// ends is the moment after the opening's last day in Chicago.
func (o opening) ends() time.Time {
	return clock.EndOf(*o.ClosesOn)
}

func (o opening) closesWords() string {
	if o.ClosesOn == nil {
		return "when it is filled"
	}
	return o.ClosesOn.Format("2 January 2006")
}

func (o opening) untilWords() string {
	if o.ClosesOn == nil {
		return "it is filled"
	}
	return o.closesWords()
}

var yearly = regexp.MustCompile(`^\$([\d,]+) to \$([\d,]+) a year`)

// range of a year's salary in dollars; zeros where the words don't give one.
func (o opening) salaryRange() (from, to int) {
	m := yearly.FindStringSubmatch(o.Salary)
	if m == nil {
		return 0, 0
	}
	from, err1 := strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
	to, err2 := strconv.Atoi(strings.ReplaceAll(m[2], ",", ""))
	if errors.Join(err1, err2) != nil {
		return 0, 0
	}
	return from, to
}

// one returns a row, or page.ErrNotFound.
func one(ctx context.Context, db publish.DB, where string, args ...any) (opening, error) {
	o, err := postgres.Row[opening](ctx, db, `SELECT `+columns+` FROM opening WHERE `+where, args...)
	if errors.Is(err, pgx.ErrNoRows) {
		return opening{}, page.ErrNotFound
	}
	if err != nil {
		return opening{}, fmt.Errorf("read opening: %w", err)
	}
	return o, nil
}

// byID returns an opening whatever its state, or page.ErrNotFound.
func (r *Room) byID(ctx context.Context, db publish.DB, id uuid.UUID) (opening, error) {
	return one(ctx, db, `id = $1`, id)
}

// bySlug returns an opening that is or was public, or page.ErrNotFound.
func (r *Room) bySlug(ctx context.Context, slug string) (opening, error) {
	return one(ctx, r.desk.Pool, `slug = $2 AND state <> 'draft' AND publish_at <= $1`, r.desk.Now(), slug)
}

// published returns the public openings; those that close first stand first.
func (r *Room) published(ctx context.Context) ([]opening, error) {
	list, err := postgres.Rows[opening](ctx, r.desk.Pool, `
		SELECT `+columns+` FROM opening WHERE `+publish.Visible+`
		ORDER BY closes_on NULLS LAST, team, title LIMIT 500`, r.desk.Now())
	if err != nil {
		return nil, fmt.Errorf("list openings: %w", err)
	}
	return list, nil
}

// open returns the public openings that can be applied for.
func (r *Room) open(ctx context.Context) ([]opening, error) {
	list, err := r.published(ctx)
	return slices.DeleteFunc(list, r.closed), err
}

// Subjects lists the ids of the openings that can be applied for, and last uuid.Nil: one may apply without any.
func (r *Room) Subjects(ctx context.Context) ([]uuid.UUID, error) {
	list, err := r.open(ctx)
	ids := make([]uuid.UUID, 0, len(list)+1)
	for _, o := range list {
		ids = append(ids, o.ID)
	}
	return append(ids, uuid.Nil), err
}

// Documents lists the openings that can be applied for, for search and sitemap.
func (r *Room) Documents(ctx context.Context) ([]content.Document, error) {
	list, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	var docs []content.Document
	for _, o := range list {
		docs = append(docs, content.Document{
			Path: o.Path(), Kind: "opening", Title: o.Title, Summary: o.Summary,
			Body: strings.Join([]string{o.Team, o.Place, o.Hours}, ", ") + ". " + content.Words(o.Body), Updated: o.UpdatedAt,
		})
	}
	return docs, nil
}
