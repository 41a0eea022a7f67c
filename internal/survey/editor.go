package survey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/publish"
)

// questionsPage lists the questions of a survey, with all that can be done to them.
type questionsPage struct {
	page.Base
	Survey   survey
	Version  int
	Path     string
	Pages    []sheet
	Answered int
	Message  string
}

// sheet is a page of the form.
type sheet struct {
	Title     string
	Questions []asking
}

// asking is a question in the list.
type asking struct {
	question
	Number      int
	Kind        string
	First, Last bool
	Answers     int
}

type questionPage struct {
	page.Base
	Survey  survey
	Path    string
	Form    form.View
	New     bool
	Answers int
	Message string
}

// found is what the pages of the editor need of a survey.
type found struct {
	survey    survey
	version   int
	questions []question
	answers   map[string]int // by name of the question, as far as staff may know them
	begun     bool           // somebody has answered
	total     int
}

func (r *Room) find(req *http.Request) (found, error) {
	id, err := uuid.Parse(chi.URLParam(req, "id"))
	if err != nil {
		return found{}, page.ErrNotFound
	}
	ctx := req.Context()
	if err := r.step(ctx, id); err != nil {
		return found{}, err
	}
	s, err := byID(ctx, r.desk.Pool, id)
	if err != nil {
		return found{}, err
	}
	f := found{survey: s}
	if err := r.desk.Pool.QueryRow(ctx, `SELECT version FROM survey WHERE id = $1`, id).Scan(&f.version); err != nil {
		return found{}, fmt.Errorf("read survey: %w", err)
	}
	if f.questions, err = questionsOf(ctx, r.desk.Pool, id); err != nil {
		return found{}, err
	}
	if f.total, f.answers, err = answersOf(ctx, r.desk.Pool, s); err != nil {
		return found{}, err
	}
	n, err := answered(ctx, r.desk.Pool, id, nil)
	f.begun = n > 0
	return f, err
}

// answersOf counts the answers of a survey, and of each question, as staff may know them: of an anonymous survey those
// up to results_through, and no number from which a group under ten could be worked out.
func answersOf(ctx context.Context, db publish.DB, s survey) (int, map[string]int, error) {
	t := tally{Answered: map[string]int{}, Counts: map[string]map[string]int{}}
	if err := t.numbers(ctx, db, s, s.bound(span{})); err != nil {
		return 0, nil, err
	}
	named := map[string]int{}
	for field, n := range t.Answered {
		if !s.Anonymous || t.shows(n) {
			named[strings.TrimPrefix(field, prefix)] = n
		}
	}
	if s.Anonymous && t.Total < least {
		return 0, map[string]int{}, nil
	}
	return t.Total, named, nil
}

// fixed tells whether the kind of a question stays as it is: somebody answered it, or may have where that is not told.
func (f found) fixed(name string) bool {
	if f.survey.Anonymous {
		return f.begun
	}
	return f.answers[name] > 0
}

func (f found) path() string { return "/staff/surveys/" + f.survey.ID.String() + "/questions" }

func (r *Room) showQuestions(w http.ResponseWriter, req *http.Request) error {
	f, err := r.find(req)
	if err != nil {
		return err
	}
	return r.drawQuestions(w, req, http.StatusOK, f, "")
}

func (r *Room) drawQuestions(w http.ResponseWriter, req *http.Request, status int, f found, message string) error {
	data := questionsPage{
		Base: r.staffBase(f.survey, "Questions"), Survey: f.survey, Version: f.version, Path: f.path(), Answered: f.total,
		Message: message,
	}
	for i, q := range inOrder(f.questions) {
		if n := len(data.Pages); n == 0 || data.Pages[n-1].Title != q.Page {
			data.Pages = append(data.Pages, sheet{Title: q.Page})
		}
		last := &data.Pages[len(data.Pages)-1]
		last.Questions = append(last.Questions, asking{
			question: q, Number: i + 1, Kind: kindLabel(q.Kind), First: i == 0, Last: i == len(f.questions)-1, Answers: f.answers[q.Name],
		})
	}
	return r.views.questions.Write(w, req, status, data)
}

// chosen returns the question that the address names; a new one where it says "new".
func (f found) chosen(req *http.Request) (question, bool, error) {
	name := chi.URLParam(req, "name")
	if name == "" {
		return f.blank(), true, nil
	}
	i := slices.IndexFunc(f.questions, func(q question) bool { return q.Name == name })
	if i < 0 {
		return question{}, false, page.ErrNotFound
	}
	return f.questions[i], false, nil
}

func (f found) blank() question {
	q := question{SurveyID: f.survey.ID, Position: len(f.questions) + 1}
	if n := len(f.questions); n > 0 {
		q.Page = inOrder(f.questions)[n-1].Page
	}
	return q
}

// made returns the question that the form of a new one made already: it was sent twice, or came back by the browser's
// way back.
func (f found) made(v url.Values) (question, bool) {
	id, err := uuid.Parse(v.Get("id"))
	i := slices.IndexFunc(f.questions, func(q question) bool { return err == nil && q.ID == id })
	if i < 0 {
		return question{}, false
	}
	return f.questions[i], true
}

func (r *Room) showQuestion(w http.ResponseWriter, req *http.Request) error {
	f, err := r.find(req)
	if err != nil {
		return err
	}
	q, fresh, err := f.chosen(req)
	if err != nil {
		return err
	}
	v := q.values()
	if fresh {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		v.Set("id", id.String())
	}
	return r.drawQuestion(w, req, http.StatusOK, f, q, fresh, form.Shown{Values: v})
}

func (r *Room) drawQuestion(
	w http.ResponseWriter, req *http.Request, status int, f found, q question, fresh bool, shown form.Shown,
) error {
	shown.Action = f.path() + "/" + q.Name
	shown.Hidden = []form.Hidden{{Name: "version", Value: strconv.Itoa(f.version)}}
	title := q.Label
	if fresh {
		shown.Action = f.path() + "/new"
		shown.Hidden = append(shown.Hidden, form.Hidden{Name: "id", Value: shown.Values.Get("id")})
		title = "New question"
	}
	data := questionPage{
		Base: r.staffBase(f.survey, "Questions"), Survey: f.survey, Path: f.path(), New: fresh, Answers: f.answers[q.Name],
		Form: questionForm().Plain(shown), Message: shown.Message,
	}
	data.Crumbs = append(data.Crumbs[:len(data.Crumbs)-1], page.Crumb{Label: "Questions", Path: f.path()}, page.Crumb{Label: title})
	data.Title = title
	return r.views.question.Write(w, req, status, data)
}

func (r *Room) submitQuestion(w http.ResponseWriter, req *http.Request) error {
	f, err := r.find(req)
	if err != nil {
		return err
	}
	q, fresh, gone := f.chosen(req)
	in, err := r.desk.Receive(w, req, questionForm())
	if err != nil {
		return err
	}
	values, errs := questionForm().Parse(in.Values)
	shown := form.Shown{Values: in.Values, Errors: errs, Message: in.Message}
	if gone != nil { // removed in the meantime, but not what was typed: it can be saved as a new one
		shown.Values.Set("id", uuid.Must(uuid.NewV7()).String())
		shown.Message = r.say("removed_typed")
		return r.drawQuestion(w, req, http.StatusConflict, f, f.blank(), true, shown)
	}
	version, _ := strconv.Atoi(in.Values.Get("version"))
	if made, ok := f.made(in.Values); fresh && ok {
		q, fresh, version = made, false, version+1 // an edit of what the first sending made
		if q.same(values) {
			http.Redirect(w, req, f.path(), http.StatusSeeOther)
			return nil
		}
	}
	if !fresh && f.fixed(q.Name) && values.Get("kind") != q.Kind {
		errs.Add("kind", fmt.Sprintf("People have answered while this was “%s”. Remove it and add another question instead.",
			kindLabel(q.Kind)))
	}
	if fresh && len(f.questions) >= maxQuestions {
		errs.Add("label", r.say("many_questions", "limit", maxQuestions))
	}
	seen := f
	seen.version = version // shown again, what was typed is still based on the version that was shown with it
	if in.Status != 0 {
		return r.drawQuestion(w, req, in.Status, seen, q, fresh, shown)
	}
	if len(errs) > 0 {
		return r.drawQuestion(w, req, http.StatusUnprocessableEntity, seen, q, fresh, shown)
	}
	q.read(values)
	if fresh {
		if q.ID, err = uuid.Parse(in.Values.Get("id")); err != nil {
			return page.ErrNotFound
		}
	}
	err = r.saveQuestion(req.Context(), f, q, fresh, version)
	var invalid publish.Invalid
	if errors.As(err, &invalid) {
		shown.Message = invalid["question"]
		return r.drawQuestion(w, req, http.StatusUnprocessableEntity, seen, q, fresh, shown)
	}
	if errors.Is(err, publish.ErrStale) {
		shown.Message = r.say("stale_typed")
		return r.drawQuestion(w, req, http.StatusConflict, f, q, fresh, shown)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, req, f.path(), http.StatusSeeOther)
	return nil
}

// saveQuestion writes a question.
func (r *Room) saveQuestion(ctx context.Context, f found, q question, fresh bool, version int) error {
	done := "question edited"
	if fresh {
		done = "question added"
	}
	return r.staff.Change(ctx, r.editing(), f.survey.ID, version, done, func(tx pgx.Tx) error {
		if fresh {
			name, err := newName(ctx, tx, f.survey, q.Label)
			if err != nil {
				return err
			}
			q.Name = name
		}
		if err := put(ctx, tx, q); err != nil {
			return err
		}
		return r.stays(ctx, tx, f.survey)
	})
}

// submitMove moves a question up or down, or removes it. What was answered to it stays, in the words it had.
func (r *Room) submitMove(w http.ResponseWriter, req *http.Request) error {
	f, err := r.find(req)
	if err != nil {
		return err
	}
	q, _, err := f.chosen(req)
	if err != nil {
		return err
	}
	in, err := r.desk.Receive(w, req, form.Form{})
	if err != nil {
		return err
	}
	version, _ := strconv.Atoi(in.Values.Get("version"))
	ctx, where := req.Context(), chi.URLParam(req, "move")
	done := "question moved"
	order := inOrder(f.questions)
	list := moved(order, q.ID, where)
	if where == "remove" {
		done = "question removed"
	} else if same(order, list) { // at the end of the way
		http.Redirect(w, req, f.path(), http.StatusSeeOther)
		return nil
	}
	err = r.staff.Change(ctx, r.editing(), f.survey.ID, version, done, func(tx pgx.Tx) error {
		if where == "remove" {
			return r.remove(ctx, tx, f.survey, q)
		}
		for i, next := range list {
			next.Position = i + 1
			if err := put(ctx, tx, next); err != nil {
				return err
			}
		}
		return nil
	})
	var invalid publish.Invalid
	switch {
	case errors.Is(err, publish.ErrStale):
		if f, err = r.find(req); err != nil {
			return err
		}
		return r.drawQuestions(w, req, http.StatusConflict, f, r.say("stale"))
	case errors.As(err, &invalid):
		return r.drawQuestions(w, req, http.StatusUnprocessableEntity, f, invalid["question"])
	case err != nil:
		return err
	}
	http.Redirect(w, req, f.path(), http.StatusSeeOther)
	return nil
}
