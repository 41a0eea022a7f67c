package survey

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/publish"
)

// asked is a question in all the wordings in which it was ever put.
type asked struct {
	form.Field
	Earlier []string // labels that it had before
	Retired bool     // no longer asked
}

// kind is the kind of question that the field was made of.
func (a asked) kind() string {
	switch a.Kind {
	case form.Choice:
		return single
	case form.Several:
		return several
	case form.Rating:
		if len(a.Options) == 11 {
			return nps
		}
		return scale
	}
	return text
}

// tally is what was answered, in numbers.
type tally struct {
	Questions []asked
	Total     int
	Answered  map[string]int            // by field: how many answered it
	Counts    map[string]map[string]int // by field and value
	Texts     map[string][]string
}

// span bounds the answers that are counted: To is exclusive. Its zero value counts all.
type span struct{ From, To time.Time }

func (sp span) all() bool { return sp.From.IsZero() && sp.To.IsZero() }

// bound is the span of the answers that count: of an anonymous survey those up to results_through, whatever is asked for.
func (s survey) bound(sp span) span {
	switch {
	case !s.Anonymous:
		return sp
	case s.ResultsThrough == nil:
		return span{To: time.Unix(0, 0)}
	}
	return span{To: s.ResultsThrough.Add(24 * time.Hour)}
}

// shows tells whether it may be seen how many answered a question: they are ten, and those who skipped it are ten too, or
// nobody.
func (t tally) shows(answered int) bool {
	skipped := t.Total - answered
	return answered >= least && (skipped == 0 || skipped >= least)
}

// count counts the answers of a survey. Of an anonymous one it takes those up to results_through, whatever the span.
func count(ctx context.Context, db publish.DB, s survey, sp span) (tally, error) {
	t := tally{Answered: map[string]int{}, Counts: map[string]map[string]int{}, Texts: map[string][]string{}}
	questions, err := questionsOf(ctx, db, s.ID)
	if err != nil {
		return t, err
	}
	if t.Questions, err = everAsked(ctx, db, s, questions); err != nil {
		return t, err
	}
	sp = s.bound(sp)
	if err := t.numbers(ctx, db, s, sp); err != nil {
		return t, err
	}
	err = t.words(ctx, db, s, sp)
	return t, err
}

// used is the condition on a record s whose answers are used: not withdrawn, doubtful, or by its sender's wish or a legal hold
// only kept. A hold of a kind leaves anonymous ones alone: what was published of them must not shift.
const used = `s.kind = 'survey' AND s.status <> 'withdrawn' AND s.quarantined_at IS NULL
	AND NOT (s.person_id IS NOT NULL AND restricted(s.person_id, s.id))`

// live are the answers that count: $1 is the survey, $2 and $3 the span.
const live = `
	SELECT a.values
	FROM submission s
	CROSS JOIN LATERAL (SELECT values FROM answers WHERE submission_id = s.id ORDER BY version DESC LIMIT 1) a
	WHERE ` + used + ` AND s.subject_id = $1 AND a.values <> '{}'
		AND ($2::timestamptz IS NULL OR s.created_at >= $2) AND ($3::timestamptz IS NULL OR s.created_at < $3)
		AND NOT EXISTS (SELECT FROM survey_counted c WHERE c.submission_id = s.id)`

func (t *tally) numbers(ctx context.Context, db publish.DB, s survey, sp span) error {
	rows, err := db.Query(ctx, `
		WITH live AS (`+live+`), said AS (
			SELECT '' AS name, '' AS value, count(*) AS n FROM live
			UNION ALL
			SELECT f.key, '', count(*) FROM live, jsonb_each(live.values) f WHERE f.key LIKE 'q\_%' GROUP BY f.key
			UNION ALL
			SELECT f.key, v.value, count(*) FROM live, jsonb_each(live.values) f, jsonb_array_elements_text(f.value) v
			WHERE f.key = ANY ($4) GROUP BY f.key, v.value
			UNION ALL
			SELECT name, value, n FROM survey_count WHERE survey_id = $1 AND $5
		)
		SELECT name, value, sum(n)::int FROM said GROUP BY name, value`,
		s.ID, nullTime(sp.From), nullTime(sp.To), t.names(false), s.Anonymous || sp.all())
	if err != nil {
		return fmt.Errorf("count answers: %w", err)
	}
	var (
		name, value string
		n           int
	)
	_, err = pgx.ForEachRow(rows, []any{&name, &value, &n}, func() error {
		switch {
		case name == "":
			t.Total = n
		case value == "":
			t.Answered[name] = n
		default:
			if t.Counts[name] == nil {
				t.Counts[name] = map[string]int{}
			}
			t.Counts[name][value] = n
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count answers: %w", err)
	}
	return nil
}

// maxTexts bounds what a page lists of one question.
const maxTexts = 500

// words reads what was written, in the order of the alphabet: it tells neither who nor when.
func (t *tally) words(ctx context.Context, db publish.DB, s survey, sp span) error {
	rows, err := db.Query(ctx, `
		WITH live AS (`+live+`), said AS (
			SELECT f.key, v.value, row_number() OVER (PARTITION BY f.key ORDER BY lower(v.value), v.value) AS n
			FROM live, jsonb_each(live.values) f, jsonb_array_elements_text(f.value) v
			WHERE f.key = ANY ($4)
		)
		SELECT key, value FROM said WHERE n <= $5 ORDER BY key, n`,
		s.ID, nullTime(sp.From), nullTime(sp.To), t.names(true), maxTexts)
	if err != nil {
		return fmt.Errorf("read texts: %w", err)
	}
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		t.Texts[name] = append(t.Texts[name], value)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read texts: %w", err)
	}
	return nil
}

// names lists the fields that hold texts, or those that don't.
func (t *tally) names(texts bool) []string {
	list := []string{}
	for _, q := range t.Questions {
		if (q.kind() == text) == texts {
			list = append(list, q.Name)
		}
	}
	return list
}

// everAsked joins the questions of today with those of every wording that was answered.
func everAsked(ctx context.Context, db publish.DB, s survey, questions []question) ([]asked, error) {
	var list []asked
	for _, q := range questions {
		list = append(list, asked{Field: q.field()})
	}
	rows, err := db.Query(ctx, `
		SELECT fields FROM form_revision WHERE kind = 'survey' AND subject_id = $1 ORDER BY created_at DESC, digest`, s.ID)
	if err != nil {
		return nil, fmt.Errorf("read wordings: %w", err)
	}
	var raw json.RawMessage
	_, err = pgx.ForEachRow(rows, []any{&raw}, func() error {
		var fields []form.Field
		if err := json.Unmarshal(raw, &fields); err != nil {
			return err
		}
		for _, f := range fields {
			if strings.HasPrefix(f.Name, prefix) {
				list = remember(list, f)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read wordings: %w", err)
	}
	return list, nil
}

// remember adds what an older wording of a question said differently.
func remember(list []asked, f form.Field) []asked {
	i := slices.IndexFunc(list, func(a asked) bool { return a.Name == f.Name })
	if i < 0 {
		return append(list, asked{Field: f, Retired: true})
	}
	if f.Label != list[i].Label && !slices.Contains(list[i].Earlier, f.Label) {
		list[i].Earlier = append(list[i].Earlier, f.Label)
	}
	for _, o := range f.Options {
		if !slices.ContainsFunc(list[i].Options, func(known form.Option) bool { return known.Value == o.Value }) {
			list[i].Options = append(slices.Clip(list[i].Options), o)
		}
	}
	return list
}

// step lets an anonymous survey's results move on: to yesterday, once ten answers more stand behind them than before.
// Whoever looks twice so sees ten answers differ at least, and none of today.
func (r *Room) step(ctx context.Context, id uuid.UUID) error {
	today := r.desk.Now().UTC().Truncate(24 * time.Hour)
	const due = `anonymous AND $3 <= (
		SELECT count(*) FROM submission s
		WHERE s.kind = 'survey' AND s.subject_id = survey.id AND s.quarantined_at IS NULL AND s.created_at < $2
			AND (survey.results_through IS NULL OR s.created_at >= survey.results_through + interval '24 hours'))`
	// Whatever writes to the table, be it to no row, makes every page be drawn anew.
	var moves bool
	err := r.desk.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM survey WHERE id = $1 AND `+due+`)`, id, today, least).Scan(&moves)
	if err == nil && moves {
		_, err = r.desk.Pool.Exec(ctx, `UPDATE survey SET results_through = $4 WHERE id = $1 AND `+due,
			id, today, least, today.AddDate(0, 0, -1))
	}
	if err != nil {
		return fmt.Errorf("move results on: %w", err)
	}
	return nil
}

func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
