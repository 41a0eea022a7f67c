package privacy

import (
	"context"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
)

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
				Missing: "Choose what you want us to do.",
				Why:     "Each right has its own steps, and some take a day only.", Example: "see",
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
	if v.Get("details") != "" {
		return
	}
	switch v.Get(wantField) {
	case "correct":
		errs.Add("details", "Say what is wrong and what it should be.")
	case "object":
		errs.Add("details", "Say which use you object to.")
	case "restrict":
		errs.Add("details", "Say which data or which use you mean.")
	case "question":
		errs.Add("details", "Write your question.")
	}
}
