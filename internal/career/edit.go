package career

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/publish"
)

// editing is what the workspace needs to know to let recruiters edit openings.
func (r *Room) editing() publish.Room {
	return publish.Room{
		Kind: Kind, Table: "opening", Path: "openings", One: "opening", Many: "openings",
		Public:  func(slug string) string { return opening{Slug: slug}.Path() },
		Fields:  func(context.Context, publish.DB, uuid.UUID) ([]form.Field, error) { return fields(), nil },
		Check:   check,
		Load:    r.load,
		Save:    save,
		Preview: r.preview,
		Notes:   r.notes,
	}
}

func fields() []form.Field {
	return []form.Field{
		publish.TitleField(),
		publish.SlugField("/careers/"),
		{Name: "team", Label: "Team", Kind: form.Text, Required: true, Max: 80, Hint: "The list is grouped by it."},
		{
			Name: "place", Label: "Place", Kind: form.Text, Required: true, Max: 120,
			Hint: "“Chicago, Illinois”; “Chicago, Illinois, or remote in the United States”; “Remote in the United States”.",
		},
		{Name: "remote", Label: "Remote work is possible", Kind: form.Consent},
		{
			Name: "employment", Label: "Kind of employment", Kind: form.Choice, Required: true,
			Options: []form.Option{
				{Value: "FULL_TIME", Label: "Full time"},
				{Value: "PART_TIME", Label: "Part time"},
				{Value: "CONTRACTOR", Label: "Contract"},
				{Value: "TEMPORARY", Label: "Temporary"},
				{Value: "INTERN", Label: "Internship"},
			},
		},
		{Name: "hours", Label: "Hours, in words", Kind: form.Text, Required: true, Max: 80, Example: "Part time, 24 hours a week"},
		{
			Name: "salary", Label: "Salary", Kind: form.Text, Required: true, Max: 120, Example: "$90,000 to $110,000 a year",
			Hint: "Every opening names one. In these words search engines understand it too.",
		},
		{Name: "visa", Label: "We can sponsor a visa: the form asks about it", Kind: form.Consent},
		{Name: "closes_on", Label: "Last day to apply", Kind: form.Date, Hint: "In Chicago. Leave it empty where the opening is open until filled."},
		publish.SummaryField(),
		publish.BodyField(),
	}
}

func check(v form.Values, errs form.Errors) {
	if v.Get("slug") == "apply" {
		errs.Add("slug", "This word is taken by the form without an opening. Choose another address.")
	}
}

func (r *Room) load(ctx context.Context, db publish.DB, id uuid.UUID) (form.Values, error) {
	o, err := r.byID(ctx, db, id)
	if err != nil {
		return nil, err
	}
	v := form.Values{
		"title": {o.Title}, "slug": {o.Slug}, "team": {o.Team}, "place": {o.Place}, "employment": {o.Employment},
		"hours": {o.Hours}, "salary": {o.Salary}, "summary": {o.Summary}, "body": {o.Body},
	}
	if o.Remote {
		v["remote"] = []string{"yes"}
	}
	if o.Visa {
		v["visa"] = []string{"yes"}
	}
	if o.ClosesOn != nil {
		v["closes_on"] = []string{o.ClosesOn.Format(time.DateOnly)}
	}
	return v, nil
}

func save(ctx context.Context, tx pgx.Tx, s publish.Saving) error {
	v := s.Values
	sql := `
		UPDATE opening SET slug = $2, title = $3, team = $4, place = $5, remote = $6, employment = $7, hours = $8, visa = $9,
			salary = $10, closes_on = nullif($11, '')::date, summary = $12, body = $13
		WHERE id = $1`
	if s.New {
		sql = `
		INSERT INTO opening (id, slug, title, team, place, remote, employment, hours, visa, salary, closes_on, summary, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, nullif($11, '')::date, $12, $13)`
	}
	_, err := tx.Exec(ctx, sql, s.ID, v.Get("slug"), v.Get("title"), v.Get("team"), v.Get("place"), v.Has("remote", "yes"),
		v.Get("employment"), v.Get("hours"), v.Has("visa", "yes"), v.Get("salary"), v.Get("closes_on"), v.Get("summary"), v.Get("body"))
	if err != nil {
		return fmt.Errorf("save opening: %w", err)
	}
	return nil
}

func (r *Room) preview(w http.ResponseWriter, req *http.Request, db publish.DB, id uuid.UUID) error {
	o, err := r.byID(req.Context(), db, id)
	if err != nil {
		return err
	}
	return r.drawOpening(w, req, o)
}

// notes tells in the list who looks for whom until when, and how many applied.
func (r *Room) notes(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]publish.Note, error) {
	rows, err := r.desk.Pool.Query(ctx, `
		SELECT o.id, o.team, o.closes_on, count(s.id)
		FROM opening o LEFT JOIN submission s ON s.kind = 'career' AND s.subject_id = o.id AND s.quarantined_at IS NULL
		WHERE o.id = ANY ($1) GROUP BY o.id`, ids)
	if err != nil {
		return nil, fmt.Errorf("count applications: %w", err)
	}
	notes := map[uuid.UUID]publish.Note{}
	var (
		id     uuid.UUID
		team   string
		closes *time.Time
		n      int
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &team, &closes, &n}, func() error {
		o := opening{ClosesOn: closes}
		if r.closed(o) {
			notes[id] = publish.Note{Words: fmt.Sprintf("%s, closed after %s, %d applied", team, o.closesWords(), n), Over: "closed"}
			return nil
		}
		notes[id] = publish.Note{Words: fmt.Sprintf("%s, closes %s, %d applied", team, o.closesWords(), n)}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count applications: %w", err)
	}
	return notes, nil
}
