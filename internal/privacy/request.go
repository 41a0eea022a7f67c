package privacy

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"

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

func requestForm(context.Context, uuid.UUID) (form.Form, error) { return request(), nil }

// request is the one form for all rights and questions. It offers no consent and asks for no proof: that comes by a
// code to the address which the data belongs to.
func request() form.Form {
	name := activity.NameField("It helps us to find records that staff took by phone or letter.")
	name.Required = false
	return form.Form{
		Kind: Kind, Title: "Privacy requests", Button: "Send to the privacy officer",
		Intro: "Use the address that you gave us: what we hold is found by it, and only it gets the answer. We ask for no identity card.",
		Label: form.Facts{
			For: "answering your request, as the law asks of us", SeenBy: "the privacy officer", SharedWith: "nobody",
			Deleted: "24 months after the answer",
		},
		Fields: []form.Field{
			{
				Name: wantField, Label: "What do you want us to do?", Kind: form.Choice, Required: true,
				Why: "Each right has its own steps, and some take a day only.", Example: "see",
				Options: []form.Option{
					{Value: "see", Label: "Show me what you hold about me"},
					{Value: "export", Label: "Give me my data in a file", Hint: "One that other software can read."},
					{Value: "correct", Label: "Correct or complete something"},
					{Value: "object", Label: "Stop a use that I object to"},
					{Value: "restrict", Label: "Keep my data, but don’t use it for now"},
					{Value: "erase", Label: "Erase my data"},
					{Value: "stop", Label: "Stop messages", Hint: "All that aren’t about your own requests. A link in any such mail does it at once."},
					{Value: "question", Label: "Answer a question, or deal with a complaint"},
				},
			},
			{
				Name: "details", Label: "What should we know?", Kind: form.LongText, Max: 4000,
				Hint:    "Needed for a correction, an objection, a restriction and a question; else leave it empty.",
				Why:     "It says which data or which use you mean.",
				Example: "My company is now called Northline Motion; the application of May still has the old name.",
			},
			activity.EmailField("What we hold is found by it, and the answer goes there."),
			name,
		},
		Check: needsWords,
	}
}

// needsWords asks for words where a request means nothing without them.
func needsWords(v form.Values, errs form.Errors) {
	ask := map[string]string{
		"correct":  "Say what is wrong and what it should be.",
		"object":   "Say which use you object to.",
		"restrict": "Say which data or which use you mean.",
		"question": "Write your question.",
	}
	if sentence, ok := ask[v.Get(wantField)]; ok && v.Get("details") == "" {
		errs.Add("details", sentence)
	}
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
			Title:       activity.Title(v, f.Title),
			Description: "See, correct, take with you or erase what Click Commerce holds about you, stop its messages, or ask about the privacy statement.",
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
func complaints(list []page.Authority) string {
	words := make([]string, 0, len(list))
	for _, a := range list {
		words = append(words, a.For+", "+a.Name+" ("+a.URL+")")
	}
	return "You may complain to an authority: " + strings.Join(words, "; ") + "."
}

// statuses: the law counts a calendar month from arrival, and two more where the officer says so in time.
func statuses(authorities []page.Authority) []activity.Status {
	answer := activity.Move{
		To: activity.Answered, Label: "Answer", Letter: true, Subject: "Your privacy request",
		Text: "You asked us to …\n\nWe have …\n\nIf this does not settle it, write to us again by the link below. " +
			"You may also turn to an authority; our statement names those in charge.",
	}
	refuse := activity.Move{
		To: "declined", Label: "Refuse", Letter: true, Subject: "Your privacy request", Grounds: true, Ending: complaints(authorities),
		Text: "You asked us to …\n\nWe cannot do so, because …\n\nYou may ask a person to look at this again by writing to us by the " +
			"link below.",
		Reasons: []form.Option{
			{Value: "identity", Label: "It could not be shown that the data belongs to the sender"},
			{Value: "nothing", Label: "Nothing is held about this address"},
			{Value: "law", Label: "The law makes us keep it"},
			{Value: "others", Label: "It would tell about somebody else"},
			{Value: "repeated", Label: "The same was asked and answered shortly before"},
		},
	}
	extend := activity.Move{
		To: "extended", Label: "Take up to two more months", Letter: true, Extends: true, Subject: "Your privacy request needs more time",
		Text: "Your request is unusually hard, because …\n\nWe will answer by …",
	}
	return []activity.Status{
		{
			Value: "new", Label: "New", Public: "The privacy officer has your request.", DueMonths: 1, Months: 24,
			Next:         "The privacy officer makes sure by a mail to your address that it is you, does what you asked, and answers in writing.",
			Withdrawable: true, Moves: []activity.Move{answer, extend, refuse},
		},
		{
			Value: "extended", Label: "Needs more time", Public: "Your request is hard; we wrote to you why.", DueMonths: 3, Months: 24,
			Next: "The privacy officer goes on with it and answers in writing.", Withdrawable: true, Moves: []activity.Move{answer, refuse},
		},
		{
			Value: activity.Answered, Label: "Answered", Months: 24,
			Public: "We have answered by mail. If that did not settle it, write again below: your request is then open again.",
			Moves:  []activity.Move{answer, {To: "closed", Label: "Close", Close: true}},
		},
		{Value: "declined", Label: "Refused", Public: "We could not do what you asked; our letter gives the reason.", Final: true, Months: 24},
		{Value: "closed", Label: "Closed", Public: "This request is closed.", Final: true, Months: 24},
		{Value: activity.Withdrawn, Label: "Withdrawn", Public: "You withdrew this request.", Final: true, Months: 1},
	}
}
