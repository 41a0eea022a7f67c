// Package survey asks questions and shows what came of them (P-2, P-6): surveys whose questions are rows that marketers
// write, answers with a name or without any, and results in groups.
//
// It promises that
//   - an anonymous answer leads to nobody: no address, no account, no receipt, no hour, no place in a queue;
//     staff meet it in results only, and a day later not even the database's own bookkeeping tells when it came;
//   - no result shows a group under ten, nor lets one be worked out from what it shows, from the total, or, for anonymous
//     surveys, from two looks at different times (P-12);
//   - an answer stays readable in the words that it was an answer to, whatever is asked since;
//   - answers with a name are deleted after twelve months, and what stays of them is counts.
package survey

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/publish"
)

// Kind is the activity's kind.
const Kind = "survey"

// Room serves the surveys, their results, and their staff pages.
type Room struct {
	desk  *activity.Desk
	say   page.Say
	staff *publish.Desk
	intro content.Page
	views struct {
		list      page.View[listPage]
		survey    page.View[surveyPage]
		closed    page.View[closedPage]
		thanks    page.View[thanksPage]
		results   page.View[resultsPage]
		overview  page.View[overviewPage]
		answers   page.View[answersPage]
		questions page.View[questionsPage]
		question  page.View[questionPage]
		panel     page.View[panelPage]
	}
}

// New returns the room. It panics where a template is missing.
func New(desk *activity.Desk, staff *publish.Desk, pages *content.Content) *Room {
	r := &Room{desk: desk, say: desk.Pages.Words("survey"), staff: staff, intro: pages.Must("/surveys")}
	set := desk.Pages
	r.views.list = page.Load[listPage](set, "survey/list")
	r.views.survey = page.Load[surveyPage](set, "survey/survey")
	r.views.closed = page.Load[closedPage](set, "survey/closed")
	r.views.thanks = page.Load[thanksPage](set, "survey/thanks")
	r.views.results = page.Load[resultsPage](set, "survey/results")
	r.views.overview = page.Load[overviewPage](set, "survey/staff_overview")
	r.views.answers = page.Load[answersPage](set, "survey/staff_results")
	r.views.questions = page.Load[questionsPage](set, "survey/staff_questions")
	r.views.question = page.Load[questionPage](set, "survey/staff_question")
	r.views.panel = page.Load[panelPage](set, "survey/staff_panel")
	return r
}

// Activity returns the activity.
func (r *Room) Activity() activity.Activity {
	return activity.Activity{
		Kind: Kind, Title: "Survey", What: "answers to a survey", Path: "/surveys", Statuses: r.statuses(),
		Form: r.formOf, Subjects: r.Subjects, Closed: r.closedTo,
		Public: r.public, Staff: r.staffPages, Panel: r.record, Receipt: r.receipt,
		Work: []job.Worker{{Name: "survey_tidy", Every: 6 * time.Hour, Timeout: 10 * time.Minute, Run: r.Tidy}},
		// A seal lasts a day; what was spent before that can't come back.
		Deletes: []job.Deletion{{
			Kind: "survey", Outcome: "spent numbers of anonymous forms", For: 48 * time.Hour,
			Due: `spent_nonce WHERE spent_on < ($1::timestamptz AT TIME ZONE 'UTC')::date`, At: "spent_on",
		}},
	}
}

// months is how long an answer is kept, as the privacy statement says.
const months = 12

func (r *Room) statuses() []activity.Status {
	return []activity.Status{
		{
			Value: "new", Label: r.say("label_thanked"), Public: r.say("thanked"), Months: months,
			Next:         r.say("thanked_next"),
			Withdrawable: true,
		},
		{Value: activity.Withdrawn, Label: r.say("label_withdrawn"), Public: r.say("withdrawn"), Final: true, Months: 1},
	}
}

func (r *Room) public(router chi.Router) {
	set := r.desk.Pages
	door := activity.Door{Form: r.formAt, Page: r.drawForm, Thanks: r.thank}
	router.Get("/surveys", set.Cached(r.showList))
	// The cache leaves a page alone that forbids it: that of an anonymous survey, whose seal is for one sender.
	router.Get("/surveys/{slug}", set.Cached(r.showSurvey(r.desk.Show(door))))
	router.Post("/surveys/{slug}", set.Handle(r.desk.Take(door)))
	router.Get("/surveys/{slug}/thanks", set.Cached(r.showThanks))
	router.Get("/surveys/{slug}/results", set.Cached(r.showResults))
}

// grace is how long after its end a survey still takes what was being written: as long as a page may stay open.
const grace = 24 * time.Hour

// showSurvey shows the form, or that the survey is closed.
func (r *Room) showSurvey(show page.Handler) page.Handler {
	return func(w http.ResponseWriter, req *http.Request) error {
		s, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
		if err != nil {
			return err
		}
		if s.closed(r.desk.Now()) {
			return r.drawClosed(w, req, s)
		}
		return show(w, req)
	}
}

// closedTo says that a survey has ended: its results stand, so answers can't be mended any more.
func (r *Room) closedTo(ctx context.Context, subject uuid.UUID) (string, error) {
	s, err := byID(ctx, r.desk.Pool, subject)
	if errors.Is(err, page.ErrNotFound) {
		return "", nil // there is no form, which says more
	}
	if err != nil || !s.closed(r.desk.Now()) {
		return "", err
	}
	return r.say("closed"), nil
}

// thank ends an anonymous sending: the page of thanks is the same for all, and can be read again without sending again.
// It tells of a repeated one, since nobody can tell whether its answers are the same: none leads to the page it came from.
func (r *Room) thank(w http.ResponseWriter, req *http.Request, _ form.Form, repeated bool) error {
	to := "/surveys/" + chi.URLParam(req, "slug") + "/thanks"
	if repeated {
		to += "?again"
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, req, to, http.StatusSeeOther)
	return nil
}

// Documents lists the surveys that take answers, for search and sitemap.
func (r *Room) Documents(ctx context.Context) ([]content.Document, error) {
	list, err := r.published(ctx)
	if err != nil {
		return nil, err
	}
	var docs []content.Document
	for _, s := range list {
		if s.closed(r.desk.Now()) {
			if s.ResultsPublic {
				docs = append(docs, content.Document{
					Path: s.path() + "/results", Kind: Kind, Title: "Results: " + s.Title, Summary: s.Summary, Updated: s.UpdatedAt,
				})
			}
			continue
		}
		docs = append(docs, content.Document{
			Path: s.path(), Kind: Kind, Title: s.Title, Summary: s.Summary, Body: content.Words(s.Body), Updated: s.UpdatedAt,
		})
	}
	return docs, nil
}
