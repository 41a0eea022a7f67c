package download

import (
	"cmp"
	"context"
	"strings"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// The statuses of a request.
const (
	statusSent    = "sent"
	statusFetched = "fetched"
)

// months is how long a request is kept, as the privacy statement says.
const months = 18

// acceptedName is the value beside the answers that says which licence was accepted.
const acceptedName = "licence_accepted"

func (r *Room) form(ctx context.Context, subject uuid.UUID) (form.Form, error) {
	if subject == uuid.Nil {
		return request(Download{Licence: "licence of the file", LicenceVersion: "1"}), nil
	}
	d, err := r.byID(ctx, r.Desk.Pool, subject)
	if err != nil {
		return form.Form{}, err
	}
	return request(d), nil
}

func request(d Download) form.Form {
	return form.Form{
		Kind: Kind, Subject: d.ID, Name: d.Title, Title: "Ask for the link", Button: "Mail me the link",
		Intro: "The link comes by mail within a minute or two. It opens a page with one button.",
		Label: form.Facts{
			For: "mailing you the link, and telling you if the file turns out to be wrong", SeenBy: "those who look after the library",
			SharedWith: "nobody", Deleted: "18 months after the request",
		},
		Fields: []form.Field{
			activity.NameField("So that we know how to address you."),
			activity.EmailField("The link goes there. It is yours alone."),
			activity.CompanyField(false, "It tells us who finds our papers useful."),
			activity.SourceField(),
			{
				Name: "licence", Label: "Accept the " + d.LicenceName(), Kind: form.Consent, Required: true, Example: "yes",
				Missing: "Tick the box if you accept the licence. Without it we can’t mail the link.",
				Why:     "The file is ours, and the licence says what you may do with it. Which version you accepted is kept with your request.",
			},
			activity.ConsentField("product_news", "Mail me news of products that this paper is about."),
			activity.ConsentField("newsletter", "Mail me the newsletter, four times a year."),
		},
	}
}

// fill notes which licence was accepted, beside the wording that was shown.
func (r *Room) fill(ctx context.Context, e *submission.Entry) error {
	d, err := r.byID(ctx, r.Desk.Pool, e.Form.Subject)
	if err != nil {
		return err
	}
	e.Values[acceptedName] = []string{d.LicenceName()}
	return nil
}

func statuses(say page.Say) []activity.Status {
	return []activity.Status{
		{
			Value: statusSent, Label: say("label_sent"), Public: say("status_sent"),
			Next:  say("next_sent"),
			Final: true, Months: months, Withdrawable: true,
		},
		{
			Value: statusFetched, Label: say("label_fetched"), Public: say("status_fetched"),
			Next:  say("next_fetched"),
			Final: true, Months: months, Withdrawable: true,
		},
		{Value: activity.Withdrawn, Label: say("label_withdrawn"), Public: say("status_withdrawn"), Final: true, Months: 1},
	}
}

// LinkMail carries the link to whoever asked for a file.
type LinkMail struct {
	Name       string // optional
	Title      string
	Reference  string
	Until      string
	LinkURL    string
	ReceiptURL string
	ConfirmURL string // optional: where a box for mail was ticked
}

const linkTemplate = "download-link"

// Templates are the mails of the room.
func Templates() []mail.Template {
	return []mail.Template{{Name: linkTemplate, Purpose: "service", Data: LinkMail{}, Secret: true}}
}

// messages are the mail with the link and the notice to the inbox.
func (r *Room) messages(id uuid.UUID, e *submission.Entry) []mail.Message {
	link := mail.Message{
		Template: linkTemplate, Data: r.linkMail(link{id, 1, r.Desk.Now()}, e.Name, e.Form.Name, ticked(e.Values)),
	}
	return []mail.Message{link, r.Desk.Notice(Kind, id, mail.Inbox{
		Kind: "Download", Subject: e.Form.Name, Who: cmp.Or(e.Company, e.Name),
	})}
}

func (r *Room) linkMail(l link, name, title string, confirm bool) LinkMail {
	m := LinkMail{
		Name: name, Title: title, Reference: submission.Reference(l.Submission), Until: clock.Date(l.until()),
		LinkURL: r.linkPath(l), ReceiptURL: r.Desk.ReceiptPath(l.Submission),
	}
	if confirm {
		m.ConfirmURL = r.Desk.ConfirmPath(l.Submission)
	}
	return m
}

// ticked tells whether a box for mail was ticked, or may have been: what was restored from quarantine no longer says.
func ticked(v form.Values) bool {
	if v == nil {
		return true
	}
	for name := range v {
		if strings.HasPrefix(name, "consent_") {
			return true
		}
	}
	return false
}
