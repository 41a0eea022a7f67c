package career

import (
	"slices"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// keepLong is the answer that keeps a declined résumé for 24 months instead of 12.
const keepLong = "24"

// application is the form for an opening.
func application(o opening) form.Form {
	f := base()
	f.Subject, f.Name, f.Title = o.ID, o.Title, "Apply: "+o.Title
	f.Intro = "A recruiter reads your résumé and answers within ten working days, whatever the answer is."
	if o.Visa {
		f.Fields = append(f.Fields, form.Field{
			Name: "visa", Label: "Will you need us to sponsor a visa?", Kind: form.Choice, Required: true, Example: "no",
			Missing: "Choose whether you will need us to sponsor a visa.",
			Why:     "For this opening we can. It takes time, so we plan for it from the start; it does not decide.",
			Options: []form.Option{
				{Value: "no", Label: "No"}, {Value: "yes", Label: "Yes, now or later"},
			},
		})
	}
	f.Fields = append(f.Fields, last()...)
	return f
}

// letterName is the field of the cover letter, which a résumé without an opening can't do without.
const letterName = "letter"

// speculative is the form without an opening.
func speculative() form.Form {
	f := base()
	f.Title = "Send a résumé without an opening"
	f.Intro = "Tell us what you would like to do here. A recruiter reads it and answers within ten working days."
	letter := slices.IndexFunc(f.Fields, func(x form.Field) bool { return x.Name == letterName })
	f.Fields[letter] = form.Field{
		Name: letterName, Label: "What would you like to work on?", Kind: form.LongText, Required: true, Max: 6000,
		Missing: "Write what you would like to work on.",
		Why:     "Without an opening it is the only thing that tells us who should read your résumé.",
		Example: "Mending parts catalogues: I kept that of a pump maker for six years.",
	}
	f.Fields = append(f.Fields, last()...)
	return f
}

func base() form.Form {
	return form.Form{
		Kind: Kind, Button: "Send application", Review: true,
		Label: form.Facts{
			For: "judging whether you fit the work, and answering you", SeenBy: "recruiters and those who decide on the opening",
			SharedWith: "nobody", Deleted: "12 months after a refusal; 24 if you ask us to keep it",
		},
		Fields: []form.Field{
			activity.NameField("We need to know whom we write to."),
			activity.EmailField("Our answer and the link to your receipt go there."),
			activity.CountryField(true, "Where you live decides time zone, travel and which contract we could offer."),
			activity.PhoneField("A first conversation is easier to arrange by a call."),
			{
				Name: "resume", Label: "Résumé", Kind: form.File, Required: true,
				Missing: "Choose the file that holds your résumé.",
				Accept:  []string{".pdf", ".docx", ".odt", ".rtf", ".txt"}, MaxBytes: 10 << 20,
				Hint: "Please leave out photograph, date of birth, health, religion and family: we do not want to know.",
				Why:  "It is what we judge by: what you did, and what you know.",
			},
			{
				Name: letterName, Label: "Cover letter", Kind: form.LongText, Max: 6000,
				Hint:    "Only if there is something that your résumé doesn’t say.",
				Why:     "Some things need a sentence more than a list.",
				Example: "I kept the parts catalogue of a pump maker for six years and would like to mend yours.",
			},
			{
				Name: "link", Label: "Link to your work", Kind: form.Text, Max: 300, Example: "www.example.com/work",
				Why: "Code, drawings or texts often say more than a description.", Autocomplete: "url",
			},
			{
				Name: "start", Label: "Earliest start", Kind: form.Date, Example: "2027-02-01",
				Hint: "Leave it empty if you don’t know yet.",
				Why:  "So that we don’t ask for a day that you can’t keep.",
			},
		},
	}
}

func last() []form.Field {
	return []form.Field{
		{
			Name: "keep", Label: "If it isn’t this time, may we keep your résumé on file?", Kind: form.Choice,
			Hint: "Nothing is chosen for you. Without an answer we keep it for the 12 months that a refused candidate may " +
				"need it, and don’t come back to you.",
			Why: "Only if you choose it do we look at it again when another opening fits.",
			Options: []form.Option{
				{Value: "12", Label: "For 12 months"}, {Value: keepLong, Label: "For 24 months"}, {Value: "no", Label: "No"},
			},
		},
		activity.ConsentField("survey", "Ask me by mail, at most twice a year, what could be better about this site and how we hire."),
	}
}

const declined = "declined"

// statuses say how a résumé goes through the house. Each step is a person's.
func statuses(say page.Say) []activity.Status {
	screen := activity.Move{To: "screening", Label: say("step_screen")}
	talk := activity.Move{
		To: "interview", Label: say("step_talk"), Letter: true, Subject: say("subject_talk"), Text: say("letter_talk"),
	}
	offer := activity.Move{
		To: "offer", Label: say("step_offer"), Letter: true, Subject: say("subject_offer"), Text: say("letter_offer"),
	}
	hire := activity.Move{To: "hired", Label: say("step_hire")}
	again := activity.Move{To: "screening", Label: say("step_again")}
	return []activity.Status{
		{
			Value: "new", Label: say("label_new"), Public: say("status_new"), Days: 10, Months: 12,
			Next: say("next_new"), Withdrawable: true, Moves: []activity.Move{screen, talk, decline(say)},
		},
		{
			Value: "screening", Label: say("label_screening"), Public: say("status_screening"), Days: 10, Months: 12,
			Next: say("next_screening"), Withdrawable: true, Moves: []activity.Move{talk, decline(say)},
		},
		{
			Value: "interview", Label: say("label_interview"), Public: say("status_interview"), Months: 12,
			Next: say("next_interview"), Withdrawable: true, Moves: []activity.Move{offer, decline(say)},
		},
		{
			Value: "offer", Label: say("label_offer"), Public: say("status_offer"), Months: 12,
			Next: say("next_offer"), Withdrawable: true, Moves: []activity.Move{hire, decline(say)},
		},
		{Value: "hired", Label: say("label_hired"), Public: say("status_hired"), Final: true, Months: 12},
		{
			Value: declined, Label: say("label_declined"), Public: say("status_declined"),
			Final: true, Months: 12, Moves: []activity.Move{again},
		},
		{Value: activity.Withdrawn, Label: say("label_withdrawn"), Public: say("status_withdrawn"), Final: true, Months: 1},
	}
}

// decline ends an application by one of the fixed reasons, which are all about the work.
func decline(say page.Say) activity.Move {
	return activity.Move{
		To: declined, Label: say("step_decline"), Letter: true, Subject: say("subject_decline"), Text: say("letter_decline"),
		Reasons: []form.Option{
			{Value: "filled", Label: say("reason_filled")},
			{Value: "experience", Label: say("reason_experience")},
			{Value: "skills", Label: say("reason_skills")},
			{Value: "level", Label: say("reason_level")},
			{Value: "place", Label: say("reason_place")},
			{Value: "visa", Label: say("reason_visa")},
			{Value: "no-opening", Label: say("reason_no_opening")},
		},
	}
}
