package alliance

import (
	"strings"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

func application() form.Form {
	return form.Form{
		Kind: Kind, Title: "Apply for an alliance", Button: "Send application", Review: true,
		Intro: "Two people read your application: an alliance manager and somebody from the product family you name. " +
			"You hear from them within ten working days.",
		Label: form.Facts{
			For: "deciding on your application", SeenBy: "alliance managers and reviewers", SharedWith: "nobody",
			Deleted: "12 months after a refusal; 24 months after an alliance ends",
		},
		Fields: []form.Field{
			activity.CompanyField(true, "An alliance is made with a company."),
			{
				Name: "site", Label: "Web site", Kind: form.Text, Max: 200, Why: "It tells us what you do before we ask you.",
				Example: "www.example.com", Autocomplete: "url",
			},
			activity.NameField("We need a person to answer."),
			activity.EmailField("Our answer and the link to your receipt go there."),
			activity.CountryField(true, "It tells us which partners already work where you do."),
			activity.PhoneField("Some questions are settled faster by a call."),
			{
				Name: "size", Label: "How many people work in your company?", Kind: form.Choice, Required: true,
				Missing: "Choose how many people work in your company.",
				Why:     "A plan for five people differs from one for five hundred. Size does not decide.",
				Example: "10-49",
				Options: []form.Option{
					{Value: "1-9", Label: "1 to 9"},
					{Value: "10-49", Label: "10 to 49"},
					{Value: "50-249", Label: "50 to 249"},
					{Value: "250-999", Label: "250 to 999"},
					{Value: "1000+", Label: "1,000 or more"},
				},
			},
			{
				Name: "kind", Label: "What kind of alliance do you want?", Kind: form.Choice, Required: true,
				Missing: "Choose the kind of alliance that you want.",
				Why:     "Each kind is read by people who know it.", Example: "integrator",
				Options: []form.Option{
					{Value: "reseller", Label: "Reseller", Hint: "You sell our software and give first support."},
					{Value: "integrator", Label: "Integrator", Hint: "You connect and configure it for customers."},
					{Value: "technology", Label: "Technology", Hint: "You build something that works beside it."},
					{Value: "service", Label: "Service", Hint: "You run a piece of daily work for customers."},
				},
			},
			{
				Name: "regions", Label: "Where do you work?", Kind: form.Several, Required: true,
				Missing: "Choose at least one region in which you work.",
				Why:     "We look at which partners are active there.", Example: "north-america",
				Options: []form.Option{
					{Value: "north-america", Label: "North America"},
					{Value: "latin-america", Label: "Latin America"},
					{Value: "europe", Label: "Europe"},
					{Value: "middle-east-africa", Label: "Middle East and Africa"},
					{Value: "asia-pacific", Label: "Asia and the Pacific"},
				},
			},
			{
				Name: "products", Label: "Which products do you have in mind?", Kind: form.Several, Required: true,
				Missing: "Choose at least one product family.",
				Why:     "Somebody from that product family reads your application.", Example: "partner-channels",
				Options: activity.ProductOptions(),
			},
			{
				Name: "customers", Label: "Customers we have in common", Kind: form.LongText, Max: 1000,
				Hint: "Companies only, please: no names of people who work there.",
				Why:  "Shared customers are where an alliance begins soonest.", Example: "Northline Bearings; Orchard Medical",
			},
			{
				Name: "why", Label: "Why do you want this alliance?", Kind: form.LongText, Required: true, Max: 3000,
				Missing: "Write why you want this alliance: it is what we judge.",
				Why:     "It is what we judge: knowledge, people, references, fit with the partners in your region.",
				Example: "We connect service systems for pump makers in Ohio and keep meeting your parts planner.",
			},
			activity.SourceField(),
			activity.ConsentField("product_news", "Mail me news of products that concern partners."),
			activity.ConsentField("newsletter", "Mail me the newsletter, four times a year."),
		},
		Check: noPeople,
	}
}

// noPeople keeps third persons out of a form that they don't know of (P-4).
func noPeople(v form.Values, errs form.Errors) {
	if strings.Contains(v.Get("customers"), "@") {
		errs.Add("customers", "Name companies only: please take out the email addresses.")
	}
}

// statuses say how an application goes: new, asked for more, approved or declined; and that an alliance has ended.
func statuses(say page.Say) []activity.Status {
	ask := activity.Move{
		To: activity.Asked, Label: say("step_ask"), Ask: true, Text: say("letter_ask"),
	}
	approve := activity.Move{
		To: "approved", Label: say("step_approve"), Letter: true, Subject: say("subject_approve"), Text: say("letter_approve"),
	}
	decline := activity.Move{
		To: "declined", Label: say("step_decline"), Letter: true, Again: true, Subject: say("subject_decline"),
		Text: say("letter_decline"),
		Reasons: []form.Option{
			{Value: "region", Label: say("reason_region")},
			{Value: "knowledge", Label: say("reason_knowledge")},
			{Value: "fit", Label: say("reason_fit")},
			{Value: "information", Label: say("reason_information")},
		},
	}
	return []activity.Status{
		{
			Value: "new", Label: say("label_new"), Public: say("status_new"), Days: 10, Months: 12,
			Next: say("next_new"), Withdrawable: true, Moves: []activity.Move{ask, approve, decline},
		},
		{
			Value: activity.Asked, Label: say("label_asked"), Public: say("status_asked"), Months: 12,
			Next: say("next_asked"), Withdrawable: true, Moves: []activity.Move{ask, approve, decline},
		},
		{ // kept as long as the alliance runs, which nobody knows beforehand: its end starts the 24 months
			Value: "approved", Label: say("label_approved"), Public: say("status_approved"), Final: true, Months: 120,
			Moves: []activity.Move{{To: "ended", Label: say("step_ended")}},
		},
		{Value: "ended", Label: say("label_ended"), Public: say("status_ended"), Final: true, Months: 24},
		{Value: "declined", Label: say("label_declined"), Public: say("status_declined"), Final: true, Months: 12},
		{Value: activity.Withdrawn, Label: say("label_withdrawn"), Public: say("status_withdrawn"), Final: true, Months: 1},
	}
}
