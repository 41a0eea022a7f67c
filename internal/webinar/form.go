package webinar

import (
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// The statuses of a registration. Registered and Attended hold a seat.
const (
	Registered = "registered"
	Waitlisted = "waitlisted"
	Attended   = "attended"
	Repeated   = "repeated"         // came again while seats were free
	Queued     = "repeated_waiting" // came again while there was a waiting list
	Cancelled  = "cancelled"
)

func registration(w Webinar) form.Form {
	f := form.Form{
		Kind: Kind, Subject: w.ID, Name: w.Title, Title: "Register for this webinar", Button: "Register",
		Label: form.Facts{
			For: "your seat, and the mails about it", SeenBy: "the people who run the event", SharedWith: "nobody",
			Deleted: "12 months after the event",
		},
		Fields: []form.Field{
			activity.NameField("The host greets you by it."),
			activity.EmailField("The calendar entry, the way in and any change go there."),
			activity.CompanyField(false, "The speakers choose examples that fit who comes."),
			activity.CountryField(false, "It tells us which hours of the day suit those who come."),
			{
				Name: "question", Label: "Your question to the speakers", Kind: form.LongText, Max: 1000,
				Why:     "The speakers read it beforehand, and answer without your name.",
				Example: "How do you remind a supplier who reads mail once a week?",
			},
			activity.SourceField(),
			activity.ConsentField("product_news", "Mail me news of products like the ones this event is about."),
			activity.ConsentField("newsletter", "Mail me the newsletter, four times a year."),
		},
	}
	if w.AtPlace() {
		f.Title = "Register for this event"
		question, _ := f.Field("question")
		question.Label = "Your question to the speakers, or what you need on the day"
		question.Hint = "Say what we should prepare, a ramp or a vegan lunch; you need not say why."
		question.Why = "We read it beforehand and prepare."
		f.Fields[4] = question
	}
	return f
}

// statuses say how a registration goes. Nobody decides on it: whoever comes first has a seat.
func statuses(say page.Say) []activity.Status {
	cancel := activity.Move{To: Cancelled, Label: say("step_cancel")}
	return []activity.Status{
		{
			Value: Registered, Label: say("label_registered"), Public: say("status_registered"), Months: 12, Withdrawable: true,
			Idle:  true,
			Next:  say("next_registered"),
			Moves: []activity.Move{cancel, {To: Attended, Label: say("step_attended")}},
		},
		{
			Value: Waitlisted, Label: say("label_waitlisted"), Public: say("status_waitlisted"), Months: 12,
			Next: say("next_waitlisted"), Withdrawable: true, Idle: true,
			Moves: []activity.Move{{To: Registered, Label: say("step_registered")}, cancel},
		},
		{Value: Attended, Label: say("label_attended"), Public: say("status_attended"), Final: true, Months: 12},
		// Who sends an address that is registered sees what anybody sees who sends one that is not: else the form would tell
		// strangers who comes. The owner of the address is mailed how it really stands.
		{Value: Repeated, Label: say("label_repeated"), As: Registered, Public: say("status_repeated"), Final: true, Months: 12, Withdrawable: true},
		{
			Value: Queued, Label: say("label_queued"), As: Waitlisted, Public: say("status_queued"), Final: true,
			Months: 12, Withdrawable: true,
		},
		{Value: Cancelled, Label: say("label_cancelled"), Public: say("status_cancelled"), Final: true, Months: 12},
		{Value: activity.Withdrawn, Label: say("label_withdrawn"), Public: say("status_withdrawn"), Final: true, Months: 1},
	}
}
