package career

import (
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
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
			Why: "For this opening we can. It takes time, so we plan for it from the start; it does not decide.",
			Options: []form.Option{
				{Value: "no", Label: "No"}, {Value: "yes", Label: "Yes, now or later"},
			},
		})
	}
	f.Fields = append(f.Fields, last()...)
	return f
}

// speculative is the form without an opening.
func speculative() form.Form {
	f := base()
	f.Title = "Send a résumé without an opening"
	f.Intro = "Tell us what you would like to do here. A recruiter reads it and answers within ten working days."
	for i := range f.Fields {
		if f.Fields[i].Name == "letter" {
			f.Fields[i].Label, f.Fields[i].Required = "What would you like to work on?", true
			f.Fields[i].Why = "Without an opening it is the only thing that tells us who should read your résumé."
		}
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
				Accept: []string{".pdf", ".docx", ".odt", ".rtf", ".txt"}, MaxBytes: 10 << 20,
				Hint: "Please leave out photograph, date of birth, health, religion and family: we do not want to know.",
				Why:  "It is what we judge by: what you did, and what you know.",
			},
			{
				Name: "letter", Label: "Cover letter", Kind: form.LongText, Max: 6000,
				Hint:    "Only if there is something that your résumé doesn't say.",
				Why:     "Some things need a sentence more than a list.",
				Example: "I kept the parts catalogue of a pump maker for six years and would like to mend yours.",
			},
			{
				Name: "link", Label: "Link to your work", Kind: form.Text, Max: 300, Example: "www.example.com/work",
				Why: "Code, drawings or texts often say more than a description.", Autocomplete: "url",
			},
			{
				Name: "start", Label: "Earliest start", Kind: form.Date, Example: "2027-02-01",
				Hint: "Leave it empty if you don't know yet.",
				Why:  "So that we don't ask for a day that you can't keep.",
			},
		},
	}
}

func last() []form.Field {
	return []form.Field{
		{
			Name: "keep", Label: "If it isn't this time, may we keep your résumé on file?", Kind: form.Choice,
			Hint: "Nothing is chosen for you. Without an answer we keep it for the 12 months that a refused candidate may " +
				"need it, and don't come back to you.",
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
func statuses() []activity.Status {
	screen := activity.Move{To: "screening", Label: "Screen"}
	talk := activity.Move{
		To: "interview", Label: "Invite to a conversation", Letter: true, Subject: "Shall we talk?",
		Text: "Thank you for your résumé. We would like to talk with you for half an hour, by telephone or video. You ask first.\n\n" +
			"Would one of these times suit you? …\n\nPlease answer on the page of your receipt.",
	}
	offer := activity.Move{
		To: "offer", Label: "Make an offer", Letter: true, Subject: "We would like you to join us",
		Text: "We would be glad to work with you. The offer, with salary, start, place and everything else, follows by post and " +
			"as a call from …",
	}
	hire := activity.Move{To: "hired", Label: "Hired"}
	again := activity.Move{To: "screening", Label: "Consider again"}
	return []activity.Status{
		{
			Value: "new", Label: "New", Public: "We have your résumé. A recruiter will read it.", Days: 10, Months: 12,
			Next: "A recruiter reads it and writes to you.", Withdrawable: true, Moves: []activity.Move{screen, talk, decline()},
		},
		{
			Value: "screening", Label: "Screening", Public: "A recruiter is reading your résumé.", Days: 10, Months: 12,
			Next: "You hear from us whether we meet.", Withdrawable: true, Moves: []activity.Move{talk, decline()},
		},
		{
			Value: "interview", Label: "Interview", Public: "We are getting to know each other.", Months: 12,
			Next:         "After the last conversation you get a yes or a no, with a reason.",
			Withdrawable: true, Moves: []activity.Move{offer, decline()},
		},
		{
			Value: "offer", Label: "Offer", Public: "We made you an offer.", Months: 12,
			Next: "It is your turn: take the time that the offer names.", Withdrawable: true, Moves: []activity.Move{hire, decline()},
		},
		{Value: "hired", Label: "Hired", Public: "You are one of us. Welcome.", Final: true, Months: 12},
		{
			Value: declined, Label: "Declined", Public: "We decided not to go on with your application; our letter gives the reason.",
			Final: true, Months: 12, Moves: []activity.Move{again},
		},
		{Value: activity.Withdrawn, Label: "Withdrawn", Public: "You withdrew this application.", Final: true, Months: 1},
	}
}

// decline ends an application by one of the fixed reasons, which are all about the work.
func decline() activity.Move {
	return activity.Move{
		To: declined, Label: "Decline", Letter: true, Subject: "Your application",
		Text: "Thank you for the work you put into your application. We have decided not to go on with it.\n\n" +
			"The reason: …\n\nYour file is deleted on the day that your receipt names. You may ask to see what we noted.",
		Reasons: []form.Option{
			{Value: "filled", Label: "The opening is filled"},
			{Value: "experience", Label: "Another candidate knows the work better"},
			{Value: "skills", Label: "Something that the opening asks for is missing"},
			{Value: "level", Label: "The level does not fit"},
			{Value: "place", Label: "Place, hours or start do not fit"},
			{Value: "visa", Label: "We cannot sponsor a visa for it"},
			{Value: "no-opening", Label: "No opening that fits at present"},
		},
	}
}
