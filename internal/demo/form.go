package demo

import (
	"cmp"
	"context"
	"fmt"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// What may be asked for, and so the statuses in which a request begins.
const (
	wantsFilm = "film"
	wantsLive = "live"

	statusNew  = "new"
	statusFilm = "film"
)

// months is how long a request is kept, as the privacy statement says.
const months = 18

func request(d Demo) form.Form {
	return form.Form{
		Kind: Kind, Subject: d.ID, Name: d.Title, Title: "Watch the film", Button: "Open the film",
		Intro: "The film opens on the next page, and stays there for you. Nobody calls because you watched it.",
		Label: form.Facts{
			For: "opening the film, and arranging a live demonstration if you ask for one", SeenBy: "demonstrators",
			SharedWith: "nobody", Deleted: "18 months after the request",
		},
		Fields: []form.Field{
			activity.NameField("So that we know how to address you."),
			activity.EmailField("The link to your film goes there, and three possible times if you want a live hour."),
			activity.CompanyField(false, "A demonstrator prepares better knowing what your company does."),
			activity.CountryField(false, "It tells us in which hours you work."),
			activity.PhoneField("Some questions about a case are settled faster by a call. We call only about your demonstration."),
			{
				Name: "wants", Label: "What would you like?", Kind: form.Choice, Required: true, Example: wantsFilm,
				Missing: "Choose whether the film is enough, or you want a live demonstration too.",
				Why:     "A live demonstration is prepared by a person; a film needs nobody.",
				Options: []form.Option{
					{Value: wantsFilm, Label: "The film", Hint: "It opens at once."},
					{
						Value: wantsLive, Label: "The film, and a live demonstration",
						Hint: fmt.Sprintf("About %d minutes with a demonstrator, who writes to you within three working days.", d.Live),
					},
				},
			},
			{
				Name: "interest", Label: "What should it show you?", Kind: form.LongText, Max: 2000,
				Hint: "A case of your own, with names and amounts changed.",
				Why:  "The demonstrator prepares it before you meet.", Example: "A price that depends on eight conditions.",
			},
			activity.SourceField(),
			activity.ConsentField("product_news", "Mail me when this product can do something new."),
			activity.ConsentField("promotion", "Mail me offers for this product, such as trial periods."),
		},
	}
}

// fill tells a request for the film alone, which is answered as it comes in, from one that somebody has to arrange.
func fill(_ context.Context, e *submission.Entry) error {
	if e.Values.Get("wants") == wantsFilm {
		e.Status = statusFilm
	}
	return nil
}

// messages are the confirmation, and the notice to the inbox where somebody has to arrange something.
func (r *Room) messages(id uuid.UUID, e *submission.Entry) []mail.Message {
	a := r.Activity()
	list := []mail.Message{r.Desk.Received(a, id, e)}
	if e.Status == statusFilm {
		return list
	}
	return append(list, r.Desk.Notice(Kind, id, mail.Inbox{
		Kind: a.Title, Subject: e.Form.Name, Who: cmp.Or(e.Company, e.Name),
	}))
}

func statuses(say page.Say) []activity.Status {
	ask := activity.Move{
		To: activity.Asked, Label: say("step_ask"), Ask: true, Text: say("letter_ask"),
	}
	arrange := activity.Move{
		To: "arranged", Label: say("step_arrange"), Letter: true, Subject: say("subject_arrange"), Text: say("letter_arrange"),
	}
	held := activity.Move{To: "held", Label: say("step_held"), Close: true}
	decline := activity.Move{
		To: "declined", Label: say("step_decline"), Letter: true, Subject: say("subject_decline"), Text: say("letter_decline"),
		Reasons: []form.Option{
			{Value: "fit", Label: say("reason_fit")},
			{Value: "time", Label: say("reason_time")},
			{Value: "unanswered", Label: say("reason_unanswered")},
			{Value: "competitor", Label: say("reason_competitor")},
		},
	}
	return []activity.Status{
		{
			Value: statusNew, Label: say("label_new"), Public: say("status_new"),
			Next: say("next_new"), Days: 3, Months: months,
			Withdrawable: true, Moves: []activity.Move{arrange, ask, decline},
		},
		{
			Value: statusFilm, Label: say("label_film"), Public: say("status_film"),
			Next:  say("next_film"),
			Final: true, Months: months, Withdrawable: true,
			Moves: []activity.Move{{To: statusNew, Label: say("step_live")}},
		},
		{
			Value: activity.Asked, Label: say("label_asked"), Public: say("status_asked"), Months: months,
			Next: say("next_asked"), Withdrawable: true,
			Moves: []activity.Move{arrange, ask, decline},
		},
		{
			Value: "arranged", Label: say("label_arranged"), Public: say("status_arranged"), Months: months,
			Next: say("next_arranged"), Withdrawable: true, Moves: []activity.Move{held, arrange, decline},
		},
		{
			Value: "held", Label: say("label_held"), Public: say("status_held"), Final: true, Months: months,
			Withdrawable: true,
		},
		{
			Value: "declined", Label: say("label_declined"), Public: say("status_declined"),
			Final: true, Months: months, Withdrawable: true,
		},
		{Value: activity.Withdrawn, Label: say("label_withdrawn"), Public: say("status_withdrawn"), Final: true, Months: 1},
	}
}
