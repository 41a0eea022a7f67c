package survey

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/submission"
)

// staffPages mounts what staff see, below /staff: the editor for those who publish surveys, the results for all who may
// see what comes in.
func (r *Room) staffPages(router chi.Router) {
	set := r.desk.Pages
	get := func(path string, right account.Right, h page.Handler) {
		router.Get(path, set.Handle(account.Only(right, Kind, h)))
	}
	post := func(path string, right account.Right, h page.Handler) {
		router.Post(path, set.Handle(account.Only(right, Kind, h)))
	}
	r.staff.Staff(r.editing())(router)
	get("/surveys/results", account.See, r.showOverview)
	get("/surveys/{id}/results", account.See, r.showAnswers)
	post("/surveys/{id}/results/restore", account.Publish, r.submitRestore)
	get("/surveys/{id}/questions", account.Publish, r.showQuestions)
	get("/surveys/{id}/questions/new", account.Publish, r.showQuestion)
	post("/surveys/{id}/questions/new", account.Publish, r.submitQuestion)
	get("/surveys/{id}/questions/{name}", account.Publish, r.showQuestion)
	post("/surveys/{id}/questions/{name}", account.Publish, r.submitQuestion)
	post("/surveys/{id}/questions/{name}/{move:up|down|remove}", account.Publish, r.submitMove)
}

type overviewPage struct {
	page.Base
	Rows []overviewRow
}

type overviewRow struct {
	survey
	Status  string
	Answers int
	Path    string
}

// answersPage shows the results to staff.
type answersPage struct {
	page.Base
	Survey     survey
	Outcome    outcome
	From, To   string
	Problem    string
	Path       string
	CanPublish bool
	Doubtful   int
	Since      string
}

type panelPage struct {
	page.Base
	Survey  survey
	Path    string
	Answers int
}

func (r *Room) staffBase(s survey, last string) page.Base {
	return page.Base{
		Title: last + ": " + s.Title, NoIndex: true,
		Crumbs: []page.Crumb{
			{Label: "Surveys", Path: "/staff/surveys"}, {Label: s.Title, Path: "/staff/surveys/" + s.ID.String()}, {Label: last},
		},
	}
}

// status is the state of a survey in a word.
func (r *Room) status(s survey) string {
	switch {
	case s.State == publish.Published && s.closed(r.desk.Now()):
		return "closed"
	case s.State == publish.Published && !publish.Public(s.State, s.PublishAt, r.desk.Now()):
		return "scheduled"
	case s.State == publish.Published:
		return "open"
	}
	return s.State
}

func (r *Room) showOverview(w http.ResponseWriter, req *http.Request) error {
	list, err := r.list(req.Context(), `state <> 'draft' ORDER BY publish_at DESC NULLS LAST, title LIMIT 500`)
	if err != nil {
		return err
	}
	data := overviewPage{Base: page.Base{Title: "Survey results", NoIndex: true}}
	for _, s := range list {
		n, err := told(req.Context(), r.desk.Pool, s)
		if err != nil {
			return err
		}
		data.Rows = append(data.Rows, overviewRow{s, r.status(s), n, "/staff/surveys/" + s.ID.String() + "/results"})
	}
	return r.views.overview.Write(w, req, http.StatusOK, data)
}

func (r *Room) showAnswers(w http.ResponseWriter, req *http.Request) error {
	ctx := req.Context()
	id, err := uuid.Parse(chi.URLParam(req, "id"))
	if err != nil {
		return page.ErrNotFound
	}
	f, err := r.find(req)
	if err != nil {
		return err
	}
	data := answersPage{
		Base: r.staffBase(f.survey, "Results"), Survey: f.survey, Path: "/staff/surveys/" + id.String() + "/results",
		CanPublish: account.From(ctx).Can(account.Publish, Kind),
	}
	data.Crumbs = []page.Crumb{{Label: "Survey results", Path: "/staff/surveys/results"}, {Label: f.survey.Title}}
	var sp span
	if !f.survey.Anonymous { // two spans and a subtraction would show single answers
		sp = r.span(req.URL.Query(), &data)
	}
	t, err := count(ctx, r.desk.Pool, f.survey, sp)
	if err != nil {
		return err
	}
	data.Outcome = outcomeOf(f.survey, t)
	if data.Doubtful, err = r.doubtful(ctx, f.survey); err != nil {
		return err
	}
	if err := r.log(ctx, id, "read results"); err != nil {
		return err
	}
	status := http.StatusOK
	if data.Problem != "" {
		status = http.StatusUnprocessableEntity
	}
	return r.views.answers.Write(w, req, status, data)
}

// span reads the days that staff chose.
func (r *Room) span(q url.Values, data *answersPage) span {
	var sp span
	day := func(name string, later int) (string, time.Time) {
		typed := q.Get(name)
		if typed == "" {
			return "", time.Time{}
		}
		at, err := time.ParseInLocation(time.DateOnly, typed, clock.Zone())
		if err != nil {
			data.Problem = r.say("wrong_day")
			return typed, time.Time{}
		}
		return typed, at.AddDate(0, 0, later)
	}
	data.From, sp.From = day("from", 0)
	data.To, sp.To = day("to", 1)
	return sp
}

// log records that staff looked at results or changed them.
func (r *Room) log(ctx context.Context, id uuid.UUID, what string) error {
	in := account.From(ctx)
	return audit.Record(ctx, r.desk.Pool, audit.Event{
		At: r.desk.Now(), ActorID: uuid.NullUUID{UUID: in.Account.ID, Valid: true}, Role: string(in.Under(account.See, Kind)),
		Action: what, Object: Kind, ObjectID: uuid.NullUUID{UUID: id, Valid: true},
	})
}

// doubtful counts the anonymous answers that looked like a program's and are kept apart. Those with a name are in the
// quarantine of the workspace.
func (r *Room) doubtful(ctx context.Context, s survey) (int, error) {
	var n int
	err := r.desk.Pool.QueryRow(ctx, `
		SELECT count(*) FROM submission
		WHERE kind = 'survey' AND subject_id = $1 AND person_id IS NULL AND quarantined_at IS NOT NULL`, s.ID).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count doubtful answers: %w", err)
	}
	return n, nil
}

// submitRestore lets the doubtful answers count after all: as those of today, since a day that was counted must not count
// otherwise later.
func (r *Room) submitRestore(w http.ResponseWriter, req *http.Request) error {
	f, err := r.find(req)
	if err != nil {
		return err
	}
	today := r.desk.Now().UTC().Truncate(24 * time.Hour)
	_, err = r.desk.Pool.Exec(req.Context(), `
		UPDATE submission SET quarantined_at = NULL, created_at = $2, purge_after = $3
		WHERE kind = 'survey' AND subject_id = $1 AND person_id IS NULL AND quarantined_at IS NOT NULL`,
		f.survey.ID, today, clock.AddMonths(today, months))
	if err != nil {
		return fmt.Errorf("restore doubtful answers: %w", err)
	}
	if err := r.log(req.Context(), f.survey.ID, "restored answers"); err != nil {
		return err
	}
	http.Redirect(w, req, "/staff/surveys/"+f.survey.ID.String()+"/results", http.StatusSeeOther)
	return nil
}

// panel is what the edit page shows beside the form.
func (r *Room) panel(ctx context.Context, id uuid.UUID) (template.HTML, error) {
	if err := r.step(ctx, id); err != nil {
		return "", err
	}
	s, err := byID(ctx, r.desk.Pool, id)
	if err != nil {
		return "", err
	}
	n, err := told(ctx, r.desk.Pool, s)
	if err != nil {
		return "", err
	}
	return r.views.panel.Fragment("panel", panelPage{Survey: s, Path: "/staff/surveys/" + id.String(), Answers: n})
}

// record is what the record page shows of the survey that was answered.
func (r *Room) record(ctx context.Context, rec submission.Record) (template.HTML, error) {
	if !rec.SubjectID.Valid {
		return "", nil
	}
	s, err := byID(ctx, r.desk.Pool, rec.SubjectID.UUID)
	if err != nil {
		return "", err
	}
	return r.views.panel.Fragment("record", panelPage{Survey: s, Path: "/staff/surveys/" + s.ID.String()})
}

// receipt leads to the survey's results once they are published.
func (r *Room) receipt(ctx context.Context, rec submission.Record) (activity.Extra, error) {
	if !rec.SubjectID.Valid {
		return activity.Extra{}, nil
	}
	s, err := byID(ctx, r.desk.Pool, rec.SubjectID.UUID)
	if err != nil || !s.ResultsPublic || !publish.Public(s.State, s.PublishAt, r.desk.Now()) {
		return activity.Extra{}, err
	}
	html, err := r.views.panel.Fragment("receipt", panelPage{Survey: s, Path: s.path() + "/results"})
	return activity.Extra{HTML: html}, err
}
