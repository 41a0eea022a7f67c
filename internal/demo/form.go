package demo

import (
	"cmp"
	"context"
	"fmt"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/submission"
)

// What may be asked for, and so the statuses in which a request begins.
const (
	wantsFilm = "film"
	wantsLive = "live"

	statusNew  = "new"
	statusFilm = "film"
)

const months = 18 // DESIGN 11

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
				Why: "A live demonstration is prepared by a person; a film needs nobody.",
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
	status, _ := a.Status(e.Status)
	reference := submission.Reference(id)
	list := []mail.Message{{
		Template: "received",
		Data: mail.Received{
			Name: e.Name, What: a.What, Reference: reference, Next: status.Next, By: status.By(r.Desk.Now()),
			ReceiptURL: r.Desk.ReceiptPath(id), ConfirmURL: r.Desk.ConfirmPath(id),
		},
	}}
	if e.Status == statusFilm {
		return list
	}
	return append(list, mail.Message{
		Submission: uuid.NullUUID{UUID: id, Valid: true}, Template: "inbox", Address: r.Desk.Pages.Site().Inbox(Kind),
		Data: mail.Inbox{
			Kind: a.Title, Subject: e.Form.Name, Reference: reference, Who: cmp.Or(e.Company, e.Name),
			URL: "/staff/submissions/" + id.String(),
		},
	})
}

func statuses() []activity.Status {
	ask := activity.Move{
		To: activity.Asked, Label: "Ask for more", Ask: true, Text: "Could you tell us more about the case that you would like to see?",
	}
	arrange := activity.Move{
		To: "arranged", Label: "Propose times", Letter: true, Subject: "Your live demonstration",
		Text: "Thank you for asking for a live demonstration. We can show you your case at one of these times, all in your own time zone:\n\n" +
			"1. …\n2. …\n3. …\n\nPlease answer on your receipt which one suits you and who will take part. The link to the meeting follows.",
	}
	held := activity.Move{To: "held", Label: "Mark as held", Close: true}
	decline := activity.Move{
		To: "declined", Label: "Decline", Letter: true, Subject: "Your request for a live demonstration",
		Text: "Thank you for describing your case. We have decided not to arrange a live demonstration of it.\n\nThe grounds: …\n\n" +
			"The film stays open on your receipt.",
		Reasons: []form.Option{
			{Value: "fit", Label: "Our product cannot handle the case"},
			{Value: "time", Label: "No demonstrator in the time asked for"},
			{Value: "unanswered", Label: "Questions stayed unanswered"},
			{Value: "competitor", Label: "Asked for by a competitor"},
		},
	}
	return []activity.Status{
		{
			Value: statusNew, Label: "Live asked for", Public: "Your film is open below, and your request for a live demonstration has arrived.",
			Next: "A demonstrator reads your case and writes to you with three possible times.", Days: 3, Months: months,
			Withdrawable: true, Moves: []activity.Move{arrange, ask, decline},
		},
		{
			Value: statusFilm, Label: "Film only", Public: "Your film is open below. It stays there for you until the date of deletion.",
			Next:  "Watch the film whenever you like: your receipt keeps it open.",
			Final: true, Months: months, Withdrawable: true,
			Moves: []activity.Move{{To: statusNew, Label: "Wants a live demonstration too"}},
		},
		{
			Value: activity.Asked, Label: "Asked for more", Public: "We asked you for something: see our mail.", Months: months,
			Next: "We go on as soon as you have answered by the link in our mail.", Withdrawable: true,
			Moves: []activity.Move{arrange, ask, decline},
		},
		{
			Value: "arranged", Label: "Times proposed", Public: "We wrote to you about the time of your live demonstration.", Months: months,
			Next:         "Choose one of the times in our letter, and tell us below.",
			Withdrawable: true, Moves: []activity.Move{held, arrange, decline},
		},
		{
			Value: "held", Label: "Held", Public: "Your live demonstration took place. The film stays open below.", Final: true, Months: months,
			Withdrawable: true,
		},
		{
			Value: "declined", Label: "Declined", Public: "We did not arrange a live demonstration; our letter gives the grounds. The film stays open below.",
			Final: true, Months: months, Withdrawable: true,
		},
		{Value: activity.Withdrawn, Label: "Withdrawn", Public: "You withdrew this request, and the film is closed.", Final: true, Months: 1},
	}
}
