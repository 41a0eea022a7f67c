package access

import (
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

func request() form.Form {
	email := activity.EmailField("The invitation goes there, and you sign in with it.")
	email.Label = "Company email address"
	email.Hint = "The one that your company gave you: it helps us to see that you belong there."
	return form.Form{
		Kind: Kind, Title: "Ask for access to Clickconnect", Button: "Send request",
		Intro: "A person reads this and asks your company’s administrator, or your alliance manager, whether it is right. " +
			"You hear from us within two working days.",
		Label: form.Facts{
			For: "deciding on your access, and keeping it", SeenBy: "reviewers who give access", SharedWith: "nobody",
			Deleted: "6 months after a refusal; with the account, 6 months after the access ends",
		},
		Fields: []form.Field{
			activity.NameField("The account is yours alone, so it needs a person."),
			email,
			activity.CompanyField(true, "What you may see depends on where you belong."),
			activity.CountryField(true, "It tells us which of our offices knows your company."),
			activity.PhoneField("Some questions are settled faster by a call. For anything else we call only if you tick so below."),
			{
				Name: "role", Label: "How do you belong to us?", Kind: form.Choice, Required: true, Example: "customer",
				Missing: "Choose how you belong to us.",
				Why:     "It decides whom we ask: your company’s administrator, or your alliance manager.",
				Options: []form.Option{
					{Value: "customer", Label: "Customer", Hint: "Your company uses our software."},
					{Value: "partner", Label: "Partner", Hint: "Your company is in the Alliance Program, or sells through a portal of ours."},
					{Value: "institution", Label: "Institution", Hint: "A university, hospital or board that uses our research software."},
				},
			},
			{
				Name: "products", Label: "Which products do you work with?", Kind: form.Several, Required: true, Example: "service-parts",
				Missing: "Choose at least one product family that you work with.",
				Why:     "Downloads and releases are sorted by product family.", Options: activity.ProductOptions(),
			},
			{
				Name: "why", Label: "What do you need access for?", Kind: form.LongText, Required: true, Max: 1500,
				Missing: "Write what you need access for.",
				Hint:    "Your part in your company, and what you want to do there.",
				Why:     "It is what we check, and the less you need the faster we can say yes.",
				Example: "I plan spare parts for our pumps and need the release notes and the import guides.",
			},
			activity.ConsentField("product_news", "Mail me news of the products that I work with."),
			activity.CallField("product_news", "Call me about news of the products that I work with."),
		},
	}
}

// The statuses that only this room sets.
const (
	approved = "approved" // invited
	active   = "active"   // the invitation was taken up
	ended    = "expired"
	declined = "declined"
)

// grounds say who vouched for a request. Beside being kept, they make approving a step with a question: one that closes
// records by the dozen must never give access.
func grounds(say page.Say) []form.Option {
	return []form.Option{
		{Value: "administrator", Label: say("reason_administrator")},
		{Value: "alliance", Label: say("reason_alliance")},
		{Value: "contract", Label: say("reason_contract")},
	}
}

// statuses say how a request goes. Term and end of an access are on the record's panel.
func statuses(say page.Say) []activity.Status {
	moves := []activity.Move{
		{To: approved, Label: say("step_approve"), Reasons: grounds(say)},
		{To: activity.Asked, Label: say("step_ask"), Ask: true, Text: say("letter_ask")},
		{
			To: declined, Label: say("step_decline"), Letter: true, Subject: say("subject_decline"), Text: say("letter_decline"),
			Reasons: []form.Option{
				{Value: "unknown", Label: say("reason_unknown")},
				{Value: "none", Label: say("reason_none")},
				{Value: "need", Label: say("reason_need")},
				{Value: "information", Label: say("reason_information")},
			},
		},
	}
	return []activity.Status{
		{
			Value: "new", Label: say("label_new"), Public: say("status_new"), Days: 2, Months: 6,
			Next: say("next_new"), Withdrawable: true, Moves: moves,
		},
		{
			Value: activity.Asked, Label: say("label_asked"), Public: say("status_asked"), Months: 6,
			Next: say("next_asked"), Withdrawable: true, Moves: moves,
		},
		{Value: approved, Label: say("label_approved"), Final: true, Months: 18, Public: say("status_approved")},
		{Value: active, Label: say("label_active"), Public: say("status_active"), Final: true, Months: 18},
		{Value: ended, Label: say("label_ended"), Final: true, Months: 6, Public: say("status_ended")},
		{Value: declined, Label: say("label_declined"), Final: true, Months: 6, Public: say("status_declined")},
		{Value: activity.Withdrawn, Label: say("label_withdrawn"), Public: say("status_withdrawn"), Final: true, Months: 1},
	}
}
