package survey

import (
	"context"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/publish"
)

// prefix sets the questions' fields apart from those that the desk knows by name (name, email, step, ...).
const prefix = "q_"

// lastPage is the page on which a survey with a name asks for it.
const lastPage = "About you"

// build returns the form of a survey.
func build(s survey, questions []question) form.Form {
	f := form.Form{
		Kind: Kind, Subject: s.ID, Name: s.Title, Title: s.Title, Button: "Send answers", Anonymous: s.Anonymous,
		Label: form.Facts{
			For:    "the results of this survey, and writing back to you where an answer needs it",
			SeenBy: "reviewers and marketers", SharedWith: "nobody",
			Deleted: "12 months after you answer; counts without names stay",
		},
	}
	for _, q := range questions {
		f.Fields = append(f.Fields, q.field())
	}
	if s.Anonymous {
		f.Label = form.Facts{
			For:        "the results of this survey",
			SeenBy:     "nobody as your answer; staff see groups of ten or more, and texts apart from the rest",
			SharedWith: "nobody", Deleted: "12 months after the day you answer; counts stay",
		}
		return f
	}
	f.Fields = append(f.Fields, who(s.OfferConsent)...)
	return f
}

// who asks for whom we answer to.
func who(offer bool) []form.Field {
	name := activity.NameField("So that we know how to address you, should we write back.")
	name.Required, name.Step = false, lastPage
	email := activity.EmailField("Your receipt goes there: by it you can see, correct and withdraw your answers.")
	email.Step = lastPage
	fields := []form.Field{name, email}
	if offer {
		consent := activity.ConsentField("survey", "Mail me when there is another survey, at most twice a year.")
		consent.Step = lastPage
		fields = append(fields, consent)
	}
	return fields
}

func (q question) field() form.Field {
	f := form.Field{
		Name: prefix + q.Name, Label: q.Label, Hint: q.Hint, Required: q.Required, Why: q.Why, Step: q.Page,
	}
	switch q.Kind {
	case single, several:
		f.Kind = form.Choice
		if q.Kind == several {
			f.Kind = form.Several
		}
		for _, o := range q.Options {
			f.Options = append(f.Options, form.Option{Value: o.Value, Label: o.Label})
		}
	case scale:
		f.Kind = form.Rating
		f.Options = steps(q.Low, q.High, q.LowLabel, q.HighLabel)
	case nps:
		f.Kind = form.Rating
		f.Options = steps(0, 10, "Not at all", "Certainly")
	default:
		f.Kind, f.Max = form.LongText, q.Most
	}
	if n := len(f.Options); n > 0 {
		f.Example = f.Options[(n-1)*3/4].Value
	}
	return f
}

// steps are the answers of a scale; its ends say what they mean.
func steps(low, high int, lowest, highest string) []form.Option {
	var list []form.Option
	for n := low; n <= high; n++ {
		o := form.Option{Value: strconv.Itoa(n), Label: strconv.Itoa(n)}
		switch n {
		case low:
			o.Hint = lowest
		case high:
			o.Hint = highest
		}
		list = append(list, o)
	}
	return list
}

// load returns a survey's form as it is stored.
func (r *Room) load(ctx context.Context, db publish.DB, s survey) (form.Form, error) {
	questions, err := questionsOf(ctx, db, s.ID)
	return build(s, questions), err
}

// formAt returns the form that an address leads to, also of a survey that closed while its answers were being
// written, until the grace after its end is over.
func (r *Room) formAt(req *http.Request) (form.Form, error) {
	s, err := r.bySlug(req.Context(), chi.URLParam(req, "slug"))
	if err != nil {
		return form.Form{}, err
	}
	if s.closed(r.desk.Now().Add(-grace)) {
		return form.Form{}, &page.Error{Status: http.StatusConflict, Message: r.say("late")}
	}
	return r.load(req.Context(), r.desk.Pool, s)
}

// formOf returns the form of a survey, whatever became of it; of no survey in particular, a sample of what surveys ask.
func (r *Room) formOf(ctx context.Context, subject uuid.UUID) (form.Form, error) {
	if subject == uuid.Nil {
		return sample(r.say("any_why")), nil
	}
	s, err := byID(ctx, r.desk.Pool, subject)
	if err != nil {
		return form.Form{}, err
	}
	return r.load(ctx, r.desk.Pool, s)
}

// sample stands for all surveys where forms are listed.
func sample(why string) form.Form {
	s := survey{Title: "Any survey", OfferConsent: true}
	f := build(s, []question{
		{
			Name: "choice", Page: "Questions", Label: "Questions about products, this site or our work", Kind: single, Why: why, Required: true,
			Options: []choice{{"a", "One of the answers offered"}},
		},
		{Name: "rating", Page: "Questions", Label: "Ratings on a scale", Kind: scale, Why: why, Low: 1, High: 5},
		{Name: "words", Page: "Questions", Label: "Answers in your own words", Kind: text, Why: why},
	})
	f.Title, f.Name = "Survey", ""
	return f
}
