package survey

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/publish"
)

// editing is what the workspace needs to know to let marketers edit surveys.
func (r *Room) editing() publish.Room {
	return publish.Room{
		Kind: Kind, Table: "survey", Path: "surveys", One: "survey", Many: "surveys",
		Public: func(slug string) string { return survey{Slug: slug}.path() },
		Fields: func(context.Context, publish.DB, uuid.UUID) ([]form.Field, error) { return fields(), nil },
		Check:  check,
		Load:   r.values,
		Save:   r.save,
		Preview: func(w http.ResponseWriter, req *http.Request, db publish.DB, id uuid.UUID) error {
			s, err := byID(req.Context(), db, id)
			if err != nil {
				return err
			}
			return r.preview(w, req, db, s)
		},
		Ready: r.ready, Acts: r.acts, Panel: r.panel, Notes: r.notes,
	}
}

func fields() []form.Field {
	body := publish.BodyField()
	body.Required = false
	body.Label, body.Hint = "More about it", "Shown beside the form. "+body.Hint
	return []form.Field{
		publish.TitleField(), publish.SlugField("/surveys/"), publish.SummaryField(), body,
		{
			Name: "anonymous", Label: "Anonymous: no name, no address, no receipt", Kind: form.Consent,
			Hint: "Can’t be changed once somebody has answered.",
		},
		{
			Name: "offer_consent", Label: "Offer the box for mails about further surveys", Kind: form.Consent,
			Hint: "Only in surveys with a name. The box is never ticked beforehand.",
		},
		{
			Name: "closes_on", Label: "Last day to answer", Kind: form.Date,
			Hint: "In Chicago. Leave it empty where you close the survey yourself.",
		},
	}
}

func check(v form.Values, errs form.Errors) {
	if v.Has("anonymous", "yes") && v.Has("offer_consent", "yes") {
		errs.Add("offer_consent", "An anonymous survey has no address to which such a mail could go: untick one of the two boxes.")
	}
}

// values is a survey by the names of its fields, and its questions for the history.
func (r *Room) values(ctx context.Context, db publish.DB, id uuid.UUID) (form.Values, error) {
	s, err := byID(ctx, db, id)
	if err != nil {
		return nil, err
	}
	v := form.Values{"title": {s.Title}, "slug": {s.Slug}, "summary": {s.Summary}, "body": {s.Body}}
	boxes := map[string]bool{"anonymous": s.Anonymous, "offer_consent": s.OfferConsent, "results_public": s.ResultsPublic}
	for name, set := range boxes {
		if set {
			v[name] = []string{"yes"}
		}
	}
	if s.ClosesAt != nil {
		v["closes_on"] = []string{s.ClosesAt.In(clock.Zone()).Add(-1).Format(time.DateOnly)}
	}
	questions, err := questionsOf(ctx, db, id)
	for i, q := range questions {
		v["question_"+q.Name] = []string{fmt.Sprintf("%d. %s", i+1, q.words())}
	}
	return v, err
}

// words is all there is to say of a question, for the history.
func (q question) words() string {
	list := []string{q.Page, q.Label, q.Hint, q.Kind}
	if q.Required {
		list = append(list, "required")
	}
	for _, o := range q.Options {
		list = append(list, o.Label)
	}
	if q.Kind == scale {
		list = append(list, fmt.Sprintf("%d %s to %d %s", q.Low, q.LowLabel, q.High, q.HighLabel))
	}
	list = append(list, "why: "+q.Why)
	var told []string
	for _, part := range list {
		if part != "" {
			told = append(told, part)
		}
	}
	return strings.Join(told, " · ")
}

func (r *Room) save(ctx context.Context, tx pgx.Tx, s publish.Saving) error {
	v := s.Values
	closes, err := r.closing(ctx, tx, s)
	if err != nil {
		return err
	}
	anonymous := v.Has("anonymous", "yes")
	sql := `
		INSERT INTO survey (id, slug, title, summary, body, anonymous, offer_consent, closes_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	if !s.New {
		if err := keepsPromise(ctx, tx, s.ID, anonymous); err != nil {
			return err
		}
		sql = `
		UPDATE survey SET slug = $2, title = $3, summary = $4, body = $5, anonymous = $6, offer_consent = $7, closes_at = $8,
			results_public = results_public AND $8::timestamptz IS NOT NULL
		WHERE id = $1`
	}
	_, err = tx.Exec(ctx, sql, s.ID, v.Get("slug"), v.Get("title"), v.Get("summary"), v.Get("body"), anonymous,
		v.Has("offer_consent", "yes"), closes)
	if err != nil {
		return fmt.Errorf("save survey: %w", err)
	}
	return nil
}

// closing is when the survey closes: at the end of the day that was entered. A day that stands as it stood keeps the
// moment that it has, since the survey may have been closed by hand in the midst of it.
func (r *Room) closing(ctx context.Context, tx pgx.Tx, s publish.Saving) (*time.Time, error) {
	day := s.Values.Get("closes_on")
	if day == "" {
		return nil, nil
	}
	if !s.New {
		stored, err := byID(ctx, tx, s.ID)
		if err != nil {
			return nil, err
		}
		if stored.ClosesAt != nil && stored.ClosesAt.In(clock.Zone()).Add(-1).Format(time.DateOnly) == day {
			return stored.ClosesAt, nil
		}
	}
	last, err := time.ParseInLocation(time.DateOnly, day, clock.Zone())
	if err != nil {
		return nil, fmt.Errorf("last day of a survey: %w", err)
	}
	end := last.AddDate(0, 0, 1)
	if !end.After(r.desk.Now()) {
		return nil, publish.Invalid{"closes_on": r.say("last_day_over")}
	}
	return &end, nil
}

// keepsPromise refuses to make an anonymous survey one with names, or the reverse, once somebody has answered.
func keepsPromise(ctx context.Context, tx pgx.Tx, id uuid.UUID, anonymous bool) error {
	s, err := byID(ctx, tx, id)
	if err != nil || s.Anonymous == anonymous {
		return err
	}
	n, err := answered(ctx, tx, id, nil)
	if err != nil {
		return err
	}
	if n > 0 {
		return publish.Invalid{"anonymous": "People have answered under what the survey said of this. Make a new survey instead."}
	}
	return nil
}

// told is how many answers staff are told of: of an anonymous survey those up to results_through, none below ten.
func told(ctx context.Context, db publish.DB, s survey) (int, error) {
	n, err := answered(ctx, db, s.ID, nullTime(s.bound(span{}).To))
	if s.Anonymous && n < least {
		return 0, err
	}
	return n, err
}

// answered tells how many answers a survey has had, those that are counts by now included: before a time, if there is
// one.
func answered(ctx context.Context, db publish.DB, id uuid.UUID, before *time.Time) (int, error) {
	var n int
	err := db.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM submission s WHERE s.kind = 'survey' AND s.subject_id = $1 AND s.quarantined_at IS NULL
				AND ($2::timestamptz IS NULL OR s.created_at < $2)
				AND NOT EXISTS (SELECT FROM survey_counted c WHERE c.submission_id = s.id))
			+ coalesce((SELECT n FROM survey_count WHERE survey_id = $1 AND name = '' AND value = ''), 0)`, id, before).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count answers: %w", err)
	}
	return n, nil
}

func (r *Room) ready(ctx context.Context, db publish.DB, id uuid.UUID) (string, error) {
	asks, err := requires(ctx, db, id)
	if err != nil || asks {
		return "", err
	}
	return r.say("not_ready"), nil
}

// requires tells whether there is a question that must be answered.
func requires(ctx context.Context, db publish.DB, id uuid.UUID) (bool, error) {
	questions, err := questionsOf(ctx, db, id)
	return slices.ContainsFunc(questions, func(q question) bool { return q.Required }), err
}

// acts close a survey, open it again, and publish its results.
func (r *Room) acts(ctx context.Context, db publish.DB, id uuid.UUID) ([]publish.Act, error) {
	s, err := byID(ctx, db, id)
	if err != nil || s.State != publish.Published {
		return nil, err
	}
	now := r.desk.Now()
	if !s.closed(now) {
		return []publish.Act{{
			Name: "close", Label: "Close", Done: "closed",
			Hint: r.say("close"),
			Do:   r.set(`closes_at = $2`, now),
		}}, nil
	}
	enough, err := r.enough(ctx, db, s)
	if err != nil {
		return nil, err
	}
	var list []publish.Act
	if enough {
		list = append(list, publish.Act{
			Name: "publish-results", Label: "Publish the results", Done: "results published",
			Hint: r.say("publish_results"),
			Do:   r.publishResults,
		})
	}
	if s.ResultsPublic {
		list = append(list, publish.Act{
			Name: "withdraw-results", Label: "Withdraw the results", Done: "results withdrawn", Danger: true,
			Hint: r.say("withdraw_results"),
			Do:   r.set(`results_public = false`),
		})
	}
	return append(list, publish.Act{
		Name: "reopen", Label: "Open again", Done: "reopened", Hint: r.say("reopen"),
		Do: r.set(`closes_at = NULL, results_public = false`),
	}), nil
}

// enough tells whether there are results to be shown.
func (r *Room) enough(ctx context.Context, db publish.DB, s survey) (bool, error) {
	if s.Anonymous {
		return s.ResultsThrough != nil, nil
	}
	n, err := answered(ctx, db, s.ID, nil)
	return n >= least, err
}

func (r *Room) set(what string, args ...any) func(context.Context, pgx.Tx, uuid.UUID, form.Values) error {
	return func(ctx context.Context, tx pgx.Tx, id uuid.UUID, _ form.Values) error {
		if _, err := tx.Exec(ctx, `UPDATE survey SET `+what+` WHERE id = $1`, append([]any{id}, args...)...); err != nil {
			return fmt.Errorf("change survey: %w", err)
		}
		return nil
	}
}

// publishResults keeps the results as they are, so that what is withdrawn or deleted later can't be told from a
// difference. What was published before is shown again until ten more have answered: whoever kept the page compares it.
func (r *Room) publishResults(ctx context.Context, tx pgx.Tx, id uuid.UUID, _ form.Values) error {
	s, err := byID(ctx, tx, id)
	if err != nil {
		return err
	}
	renew, err := movedOn(ctx, tx, s)
	if err != nil {
		return err
	}
	if !renew {
		return r.set(`results_public = true`)(ctx, tx, id, nil)
	}
	t, err := count(ctx, tx, s, span{})
	if err != nil {
		return err
	}
	o := outcomeOf(s, t).public()
	o.Counted = r.desk.Now()
	kept, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	return r.set(`results_public = true, results = $2`, json.RawMessage(kept))(ctx, tx, id, nil)
}

// movedOn tells whether a survey's results may be counted anew. Those of an anonymous one move by tens already.
func movedOn(ctx context.Context, tx pgx.Tx, s survey) (bool, error) {
	if s.Anonymous || s.Results == nil {
		return true, nil
	}
	var last outcome
	if err := json.Unmarshal(s.Results, &last); err != nil {
		return false, fmt.Errorf("read published results: %w", err)
	}
	all, err := answered(ctx, tx, s.ID, nil)
	if err != nil {
		return false, err
	}
	known, err := answered(ctx, tx, s.ID, &last.Counted)
	return all-known >= least, err
}

// notes tells in the list of what kind a survey is, and how it goes.
func (r *Room) notes(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]publish.Note, error) {
	list, err := r.list(ctx, `id = ANY ($1)`, ids)
	if err != nil {
		return nil, err
	}
	notes := map[uuid.UUID]publish.Note{}
	for _, s := range list {
		n, err := told(ctx, r.desk.Pool, s)
		if err != nil {
			return nil, err
		}
		kind := "with a name"
		if s.Anonymous {
			kind = "anonymous"
		}
		note := publish.Note{Words: fmt.Sprintf("%s, %d questions, %d answers", kind, s.Questions, n)}
		if s.Anonymous && n == 0 {
			note.Words = fmt.Sprintf("%s, %d questions, fewer than ten answers", kind, s.Questions)
		}
		if s.closed(r.desk.Now()) {
			note.Over = "closed"
		}
		notes[s.ID] = note
	}
	return notes, nil
}
