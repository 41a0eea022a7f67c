package access

import (
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
)

func request() form.Form {
	email := activity.EmailField("The invitation goes there, and you sign in with it.")
	email.Label = "Company e-mail address"
	email.Hint = "The one that your company gave you: it helps us to see that you belong there."
	return form.Form{
		Kind: Kind, Title: "Ask for access to Clickconnect", Button: "Send request",
		Intro: "A person reads this and asks your company's administrator, or your alliance manager, whether it is right. " +
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
				Why: "It decides whom we ask: your company's administrator, or your alliance manager.",
				Options: []form.Option{
					{Value: "customer", Label: "Customer", Hint: "Your company uses our software."},
					{Value: "partner", Label: "Partner", Hint: "Your company is in the Alliance Program, or sells through a portal of ours."},
					{Value: "institution", Label: "Institution", Hint: "A university, hospital or board that uses our research software."},
				},
			},
			{
				Name: "products", Label: "Which products do you work with?", Kind: form.Several, Required: true, Example: "service-parts",
				Why: "Downloads and releases are sorted by product family.", Options: families(),
			},
			{
				Name: "why", Label: "What do you need access for?", Kind: form.LongText, Required: true, Max: 1500,
				Hint:    "Your part in your company, and what you want to do there.",
				Why:     "It is what we check, and the less you need the faster we can say yes.",
				Example: "I plan spare parts for our pumps and need the release notes and the import guides.",
			},
			activity.ConsentField("product_news", "Mail me news of the products that I work with."),
			activity.CallField("product_news", "Call me about news of the products that I work with."),
		},
	}
}

// families are the product families by which downloads are opened.
func families() []form.Option {
	return []form.Option{
		{Value: "partner-channels", Label: "Partner channels"},
		{Value: "supply-chain", Label: "Supply chain"},
		{Value: "service-parts", Label: "Service parts"},
		{Value: "contracts", Label: "Contracts"},
		{Value: "research-compliance", Label: "Research compliance"},
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
func grounds() []form.Option {
	return []form.Option{
		{Value: "administrator", Label: "The company's administrator confirmed it"},
		{Value: "alliance", Label: "The alliance manager confirmed it"},
		{Value: "contract", Label: "A contract names this person"},
	}
}

// statuses say how a request goes. Term and end of an access are on the record's panel.
func statuses() []activity.Status {
	moves := []activity.Move{
		{To: approved, Label: "Approve for 12 months and invite", Reasons: grounds()},
		{
			To: activity.Asked, Label: "Ask for more", Ask: true,
			Text: "Could you tell us who in your company looks after Clickconnect, so that we can ask there? …",
		},
		{
			To: declined, Label: "Decline", Letter: true, Subject: "Your request for access to Clickconnect",
			Text: "Thank you for your request. We can't give you access to Clickconnect.\n\nThe ground: …\n\n" +
				"If we are mistaken, write to us on your receipt: a person reads it.",
			Reasons: []form.Option{
				{Value: "unknown", Label: "The company knows nothing of it"},
				{Value: "none", Label: "Neither customer, partner nor institution"},
				{Value: "need", Label: "What is needed is public, or is had elsewhere"},
				{Value: "information", Label: "Questions stayed unanswered"},
			},
		},
	}
	return []activity.Status{
		{
			Value: "new", Label: "New", Public: "We have your request and are checking it.", Days: 2, Months: 6,
			Next:         "Somebody asks your company's administrator or your alliance manager, then writes to you.",
			Withdrawable: true, Moves: moves,
		},
		{
			Value: activity.Asked, Label: "Asked for more", Public: "We asked you for something: see our mail.", Months: 6,
			Next:         "We go on as soon as you have answered by the link in our mail.",
			Withdrawable: true, Moves: moves,
		},
		{
			Value: approved, Label: "Approved, invited", Final: true, Months: 18,
			Public: "Your access is approved, and an invitation is on its way to your address.",
		},
		{Value: active, Label: "Active", Public: "Your access to Clickconnect is open.", Final: true, Months: 18},
		{
			Value: ended, Label: "Ended", Final: true, Months: 6,
			Public: "Your access to Clickconnect has ended. You can ask for it again at any time.",
		},
		{
			Value: declined, Label: "Declined", Final: true, Months: 6,
			Public: "Your request was declined; our letter gives the ground.",
		},
		{Value: activity.Withdrawn, Label: "Withdrawn", Public: "You withdrew this request.", Final: true, Months: 1},
	}
}
