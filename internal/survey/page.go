package survey

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"

	"github.com/go-chi/chi/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/publish"
)

const section = "surveys"

type listPage struct {
	page.Base
	Page         content.Page
	Open, Closed []listed
}

// listed is a survey in a list.
type listed struct {
	survey
	Path string
	Ends string // the day on which it closes or closed
}

type surveyPage struct {
	page.Base
	Survey survey
	Form   form.View
	Body   template.HTML
	Facts  []content.Fact
	First  bool // the first page of the form
}

type closedPage struct {
	page.Base
	Survey survey
	Ends   string
	Others []listed
}

type thanksPage struct {
	page.Base
	Survey survey
	Fresh  string // where other answers can be given, for those whose page was sent before
	Others []listed
}

type resultsPage struct {
	page.Base
	Survey  survey
	Outcome outcome
	Ends    string
	Facts   []content.Fact
}

func (r *Room) listed(s survey) listed {
	l := listed{survey: s, Path: s.path()}
	if s.ClosesAt != nil {
		l.Ends = lastDay(s)
	}
	return l
}

// lastDay is the day in Chicago on which a survey closes or closed.
func lastDay(s survey) string {
	return s.ClosesAt.In(clock.Zone()).Add(-1).Format("2 January 2006")
}

func (r *Room) showList(w http.ResponseWriter, req *http.Request) error {
	all, err := r.published(req.Context())
	if err != nil {
		return err
	}
	data := listPage{Base: r.intro.Base(), Page: r.intro}
	data.Open, data.Closed = r.sorted(all, survey{})
	return r.views.list.Write(w, req, http.StatusOK, data)
}

// sorted parts the surveys that take answers from the others, leaving one out.
func (r *Room) sorted(all []survey, without survey) (open, closed []listed) {
	for _, s := range all {
		switch {
		case s.ID == without.ID:
		case s.closed(r.desk.Now()):
			closed = append(closed, r.listed(s))
		default:
			open = append(open, r.listed(s))
		}
	}
	return open, closed
}

func (r *Room) base(s survey, last ...page.Crumb) page.Base {
	crumbs := []page.Crumb{{Label: "Home", Path: "/"}, {Label: r.intro.Nav, Path: r.intro.Path}}
	own := page.Crumb{Label: s.Title}
	if len(last) > 0 {
		own.Path = s.path()
	}
	return page.Base{
		Title: s.Title, Description: s.Summary, Path: s.path(), Section: section, Crumbs: append(append(crumbs, own), last...),
	}
}

// drawForm draws the form of a survey, on any of its pages.
func (r *Room) drawForm(w http.ResponseWriter, req *http.Request, status int, f form.Form, v form.View) error {
	s, err := one(req.Context(), r.desk.Pool, `id = $1`, f.Subject)
	if err != nil {
		return err
	}
	return r.drawSurvey(w, req, status, s, f, v)
}

func (r *Room) drawSurvey(w http.ResponseWriter, req *http.Request, status int, s survey, f form.Form, v form.View) error {
	data := surveyPage{
		Base: r.base(s), Survey: s, Form: v, Body: page.Markdown(s.Body), Facts: r.facts(s), First: v.Step <= 1,
	}
	data.Title = f.Title
	if !data.First {
		data.Title = fmt.Sprintf("%s, step %d of %d", f.Title, v.Step, v.Steps)
	}
	return r.views.survey.Write(w, req, status, data)
}

func (r *Room) facts(s survey) []content.Fact {
	list := []content.Fact{{Term: "Questions", Text: fmt.Sprint(s.Questions)}, {Term: "Takes about", Text: minutes(s.Minutes())}}
	if s.ClosesAt != nil {
		list = append(list, content.Fact{Term: "Open until", Text: lastDay(s)})
	}
	if s.Anonymous {
		return append(list, content.Fact{Term: "Your name", Text: "not asked, and not to be found out"})
	}
	return append(list, content.Fact{Term: "Your name", Text: "stands with your answers"})
}

func minutes(n int) string {
	if n == 1 {
		return "1 minute"
	}
	return fmt.Sprintf("%d minutes", n)
}

func (r *Room) drawClosed(w http.ResponseWriter, req *http.Request, s survey) error {
	all, err := r.published(req.Context())
	if err != nil {
		return err
	}
	data := closedPage{Base: r.base(s), Survey: s, Ends: lastDay(s)}
	data.Others, _ = r.sorted(all, s)
	return r.views.closed.Write(w, req, http.StatusOK, data)
}

// showThanks thanks whoever comes: it knows nobody.
func (r *Room) showThanks(w http.ResponseWriter, req *http.Request) error {
	s, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return err
	}
	if !s.Anonymous {
		return page.ErrNotFound
	}
	all, err := r.published(req.Context())
	if err != nil {
		return err
	}
	data := thanksPage{Base: r.base(s, page.Crumb{Label: "Thank you"}), Survey: s}
	data.Title, data.NoIndex, data.Path = "Thank you", true, s.path()+"/thanks"
	if req.URL.Query().Has("again") {
		data.Title, data.Fresh = "Counted once", s.path()
	}
	data.Others, _ = r.sorted(all, s)
	return r.views.thanks.Write(w, req, http.StatusOK, data)
}

// showResults shows the results as they were published: they do not change with what is withdrawn or deleted since.
func (r *Room) showResults(w http.ResponseWriter, req *http.Request) error {
	s, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return err
	}
	if !s.ResultsPublic || !s.closed(r.desk.Now()) {
		return page.ErrNotFound
	}
	var o outcome
	if err := json.Unmarshal(s.Results, &o); err != nil {
		return fmt.Errorf("read published results: %w", err)
	}
	data := resultsPage{Base: r.base(s, page.Crumb{Label: "Results"}), Survey: s, Outcome: o, Ends: lastDay(s)}
	data.Title, data.Path = "Results: "+s.Title, s.path()+"/results"
	data.Description = r.say("results", "people", o.Total, "title", s.Title)
	data.Facts = []content.Fact{
		{Term: "Answers", Text: fmt.Sprint(o.Total)},
		{Term: "Closed on", Text: data.Ends},
		{Term: "Smallest group shown", Text: fmt.Sprint(least)},
	}
	return r.views.results.Write(w, req, http.StatusOK, data)
}

// preview draws the public page of a survey that may be unpublished. What is sent from it goes nowhere.
func (r *Room) preview(w http.ResponseWriter, req *http.Request, db publish.DB, s survey) error {
	f, err := r.load(req.Context(), db, s)
	if err != nil {
		return err
	}
	statement, err := r.desk.Statement()
	if err != nil {
		return err
	}
	if len(f.Fields) == 0 {
		f.Fields = []form.Field{{Name: prefix, Label: "This survey has no questions yet", Kind: form.Text}}
	}
	v := f.View(form.Shown{Action: s.path(), Statement: statement.Name()})
	v.Hidden = v.Hidden[1:] // without a seal nothing is taken
	return r.drawSurvey(w, req, http.StatusOK, s, f, v)
}
