package contact

import (
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

func question() form.Form {
	country := activity.CountryField(false, "A number without its country code is read by it.")
	country.Hint = "Only if you would rather be called."
	phone := activity.PhoneField("Some answers are shorter by telephone. We use the number for this question only.")
	phone.Hint = "Only if you would rather be called."
	return form.Form{
		Kind: Kind, Title: "Ask a question", Button: "Send question",
		Intro: "Name what you are trying to do and what stands in the way. Leave out passwords, and personal details of others.",
		Label: form.Facts{
			For: "answering your question", SeenBy: "whoever answers it", SharedWith: "nobody",
			Deleted: "18 months after the last message",
		},
		Fields: []form.Field{
			{
				Name: "topic", Label: "What is it about?", Kind: form.Choice, Required: true,
				Missing: "Choose what it is about. If nothing fits, take “Something else”.",
				Why:     "It brings your question to somebody who knows.", Example: "products",
				Options: []form.Option{
					{Value: "products", Label: "Our products"},
					{Value: "support", Label: "A system that you use"},
					{Value: "partners", Label: "Working with us as a partner"},
					{Value: "press", Label: "Press"},
					{Value: "site", Label: "This site, or a barrier on it"},
					{Value: "other", Label: "Something else"},
				},
			},
			{
				Name: "question", Label: "Your question", Kind: form.LongText, Required: true, Max: 4000,
				Missing: "Write your question.",
				Why:     "It is what we answer.",
				Example: "Our dealers see prices a day old. Can your portal read them from our own system?",
			},
			activity.NameField("We like to know whom we answer."),
			activity.EmailField("Our answer and the link to your receipt go there."),
			activity.CompanyField(false, "If the question concerns your company’s system, we look it up by its name."),
			country, phone,
			activity.SourceField(),
			activity.ConsentField("product_news", "Mail me news of products."),
			activity.ConsentField("newsletter", "Mail me the newsletter, four times a year."),
		},
	}
}

// statuses: who owns a question is its assignment; here stands only whether it is answered.
func statuses(say page.Say) []activity.Status {
	answer := activity.Move{
		To: activity.Answered, Label: say("step_answer"), Letter: true, Subject: say("subject_answer"), Text: say("letter_answer"),
	}
	finish := activity.Move{To: "closed", Label: say("step_finish")}
	return []activity.Status{
		{
			Value: "new", Label: say("label_new"), Public: say("status_new"), Days: 2, Months: 18,
			Next: say("next_new"), Withdrawable: true, Moves: []activity.Move{answer, finish},
		},
		{
			Value: activity.Answered, Label: say("label_answered"), Public: say("status_answered"),
			Months: 18, Withdrawable: true,
			Moves: []activity.Move{answer, {To: "closed", Label: say("step_close"), Close: true}},
		},
		{Value: "closed", Label: say("label_closed"), Public: say("status_closed"), Final: true, Months: 18},
		{Value: activity.Withdrawn, Label: say("label_withdrawn"), Public: say("status_withdrawn"), Final: true, Months: 1},
	}
}
