package privacy

import (
	"net/http"
	"strings"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// Kind is the kind of privacy requests.
const Kind = "privacy"

const (
	requestPath = "/privacy/requests"
	wantField   = "want"
)

type requestPage struct {
	page.Base
	Form form.View
}

func (r *Room) requestDoor() activity.Door {
	return activity.Door{
		Form: func(*http.Request) (form.Form, error) { return request(), nil },
		Page: r.drawRequest,
	}
}

func (r *Room) drawRequest(w http.ResponseWriter, req *http.Request, status int, f form.Form, v form.View) error {
	if req.Method != http.MethodPost {
		preselect(v, req.URL.Query().Get(wantField))
	}
	v.Action = requestPath
	return r.views.requests.Write(w, req, status, requestPage{
		Base: page.Base{
			Title:       f.Title,
			Description: r.say("requests_about"),
			Path:        requestPath, Section: "privacy", Crumbs: crumbs("Requests"),
		},
		Form: v,
	})
}

// preselect chooses the answer that a link named.
func preselect(v form.View, want string) {
	for _, field := range v.Fields {
		if field.Name != wantField {
			continue
		}
		for i := range field.Choices {
			field.Choices[i].Checked = field.Choices[i].Value == want
		}
	}
}

// toQuestion leads to the one form, with the question chosen.
func (r *Room) toQuestion(w http.ResponseWriter, req *http.Request) error {
	http.Redirect(w, req, requestPath+"?"+wantField+"=question", http.StatusSeeOther)
	return nil
}

// complaints names those to whom a refused person may turn.
func complaints(say page.Say, list []page.Authority) string {
	words := make([]string, 0, len(list))
	for _, a := range list {
		words = append(words, a.For+", "+a.Name+" ("+a.URL+")")
	}
	return say("complain", "authorities", strings.Join(words, "; "))
}

// statuses: the law counts a calendar month from arrival, and two more where the officer says so in time.
func statuses(say page.Say, authorities []page.Authority) []activity.Status {
	answer := activity.Move{
		To: activity.Answered, Label: say("step_answer"), Letter: true, Subject: say("subject"),
		Text: say("letter_answer"),
	}
	refuse := activity.Move{
		To: "declined", Label: say("step_refuse"), Letter: true, Subject: say("subject"), Grounds: true, Ending: complaints(say, authorities),
		Text: say("letter_refuse"),
		Reasons: []form.Option{
			{Value: "identity", Label: say("reason_identity")},
			{Value: "nothing", Label: say("reason_nothing")},
			{Value: "law", Label: say("reason_law")},
			{Value: "others", Label: say("reason_others")},
			{Value: "repeated", Label: say("reason_repeated")},
		},
	}
	extend := activity.Move{
		To: "extended", Label: say("step_extend"), Letter: true, Extends: true, Subject: say("subject_extend"),
		Text: say("letter_extend"),
	}
	return []activity.Status{
		{
			Value: "new", Label: say("label_new"), Public: say("status_new"), DueMonths: 1, Months: 24,
			Next: say("next_new"), Withdrawable: true, Moves: []activity.Move{answer, extend, refuse},
		},
		{
			Value: "extended", Label: say("label_extended"), Public: say("status_extended"), DueMonths: 3, Months: 24,
			Next: say("next_extended"), Withdrawable: true, Moves: []activity.Move{answer, refuse},
		},
		{
			Value: activity.Answered, Label: say("label_answered"), Months: 24,
			Public: say("status_answered"),
			Moves:  []activity.Move{answer, {To: "closed", Label: say("step_close"), Close: true}},
		},
		{Value: "declined", Label: say("label_declined"), Public: say("status_declined"), Final: true, Months: 24},
		{Value: "closed", Label: say("label_closed"), Public: say("status_closed"), Final: true, Months: 24},
		{Value: activity.Withdrawn, Label: say("label_withdrawn"), Public: say("status_withdrawn"), Final: true, Months: 1},
	}
}
