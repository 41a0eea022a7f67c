package staff

import (
	"net/http"
	"net/url"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// designPage shows every component of the site in every state, so that one can look at all of them at once; a test
// compares its picture. It shows examples only, so it is there for all who are staff.
type designPage struct {
	page.Base
	Colours, Inks []string
	Sizes, Steps  []string
	Statuses      []string
	States        []designState
	Form          form.View
}

// designState is a state of the example form, which has a page of its own: controls have ids.
type designState struct {
	Label, Path string
	Current     bool
}

func (ws *Workspace) showDesign(w http.ResponseWriter, r *http.Request) error {
	p := designPage{
		Base:    page.Base{Title: "Design", NoIndex: true},
		Colours: []string{"paper", "sunk", "raised", "night", "mark"},
		Inks:    []string{"ink", "soft", "edge", "line", "accent", "accent-deep", "good", "warn", "bad"},
		Sizes:   []string{"t5", "t4", "t3", "t2", "t1", "t0", "t-1"},
		Steps:   []string{"s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"},
		Statuses: []string{
			"new", "in_review", "asked_more", "interview", "approved", "declined", "waitlisted", "quarantined", "scheduled", "draft", "withdrawn",
		},
	}
	state := r.URL.Query().Get("form")
	p.States = []designState{
		{"Empty", "/staff/design", state == ""},
		{"Refused", "/staff/design?form=refused", state == "refused"},
		{"Kept", "/staff/design?form=kept", state == "kept"},
	}
	shown := ws.sampleState(state)
	shown.Action = r.URL.Path
	p.Form = sampleForm().View(shown)
	return ws.views.design.Write(w, r, http.StatusOK, p)
}

// sampleState is the example form as its page first shows it, refused with errors, or shown again with a file kept. The
// form leads nowhere: the page takes no POST.
func (ws *Workspace) sampleState(name string) form.Shown {
	shown := form.Shown{Statement: "1 November 2026", Values: url.Values{}}
	if name == "" {
		return shown
	}
	for field, value := range map[string]string{
		"name": "Ada Lovelace", "email": "ada@example.com", "country": "GB", "phone": "020 7946 0018", "kind": "integrator",
		"regions": "europe", "rating": "4", "start": "2027-01-31", "why": ws.say("design_why"), "news": "yes",
	} {
		shown.Values.Set(field, value)
	}
	if name == "kept" {
		shown.Kept = map[string][]form.Kept{"paper": {{Name: "cv.pdf", Size: "240 KB", Token: "example", RemoveName: "drop_paper"}}}
		shown.Message = ws.say("design_kept")
		return shown
	}
	shown.Values.Set("email", "ada.example")
	shown.Values.Set("start", "31 February")
	shown.Values.Del("kind")
	_, shown.Errors = sampleForm().Parse(shown.Values)
	return shown
}

func sampleForm() form.Form {
	return form.Form{
		Kind: "sample", Title: "A form", Intro: "One column, labels above, a reason at each field.", Button: "Send application",
		Label: form.Facts{For: "deciding on this application", SeenBy: "the alliance manager", SharedWith: "nobody", Deleted: "12 months after the decision"},
		Fields: []form.Field{
			{Name: "name", Label: "Full name", Kind: form.Text, Required: true, Why: "To address you.", Example: "Ada Lovelace", Autocomplete: "name"},
			{Name: "email", Label: "E-mail address", Kind: form.Email, Required: true, Why: "The answer goes there.", Example: "ada@example.com", Autocomplete: "email"},
			{Name: "country", Label: "Country", Kind: form.Country, Required: true, Why: "Terms differ by country."},
			{Name: "phone", Label: "Telephone", Kind: form.Phone, Why: "To call you, if you prefer that.", Autocomplete: "tel"},
			{Name: "kind", Label: "Kind of alliance", Kind: form.Choice, Required: true, Why: "Each kind has its own terms.", Options: []form.Option{
				{Value: "reseller", Label: "Reseller", Hint: "You sell it and support it first."}, {Value: "integrator", Label: "Integrator"},
			}},
			{Name: "regions", Label: "Regions", Kind: form.Several, Why: "To see who is near you.", Options: []form.Option{
				{Value: "americas", Label: "Americas"}, {Value: "europe", Label: "Europe"}, {Value: "asia", Label: "Asia and Pacific"},
			}},
			{Name: "rating", Label: "How well do you know us?", Kind: form.Rating, Why: "To begin where you are.", Options: []form.Option{
				{Value: "1", Label: "1", Hint: "not at all"}, {Value: "2", Label: "2"}, {Value: "3", Label: "3"}, {Value: "4", Label: "4"}, {Value: "5", Label: "5", Hint: "by heart"},
			}},
			{Name: "start", Label: "Earliest start", Kind: form.Date, Why: "To plan.", Example: "2027-01-31"},
			{Name: "paper", Label: "Paper", Kind: form.File, Required: true, Why: "We read it.", Accept: []string{".pdf", ".docx"}, MaxBytes: 10 << 20},
			{Name: "why", Label: "Why should it be you?", Kind: form.LongText, Required: true, Max: 2000, Why: "It decides more than size does."},
			{Name: "news", Label: "Mail me about new products", Kind: form.Consent, Purpose: "product_news", Channel: "email", Why: "Only if you tick it."},
		},
	}
}
