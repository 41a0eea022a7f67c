package staff

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

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
	Trail         []page.Crumb
	Queue         queueExample
	States        []designState
	Form          form.View
}

// queueExample is what the rows of the queue are drawn from.
type queueExample struct {
	Bulk bool
	Rows []row
}

// designState is a state of the example form, which has a page of its own: controls have ids.
type designState struct {
	Label, Path string // at first what the address says of it
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
	p.Trail = []page.Crumb{{Label: "Home", Path: "/"}, {Label: "Webinars", Path: "/webinars"}, {Label: "Slow parts"}}
	p.Queue = ws.sampleQueue()
	state := r.URL.Query().Get("form")
	for _, s := range []designState{
		{Label: "Empty"},
		{Label: "Refused", Path: "refused"},
		{Label: "Kept", Path: "kept"},
		{Label: "Second step", Path: "step"},
		{Label: "Read through", Path: "review"},
		{Label: "Closed", Path: "closed"},
	} {
		s.Current = s.Path == state
		s.Path = strings.TrimSuffix("/staff/design?form="+s.Path, "?form=")
		p.States = append(p.States, s)
	}
	shown := ws.sampleState(state)
	shown.Action = r.URL.Path
	p.Form = sampleForm(state == "step").View(shown)
	return ws.views.design.Write(w, r, http.StatusOK, p)
}

// sampleQueue has a row of each kind: unread, late, due by law, and the one that is open beside the list.
func (ws *Workspace) sampleQueue() queueExample {
	at := stamp{"2026-11-24T16:20:00Z", "24 Nov"}
	one := func(who, what, status, label string) row {
		return row{Path: "#d-work", Who: who, What: what, Arrived: at, Status: tag{status, label}}
	}
	unread := one("Hartwell Pump & Supply", "Alliance application", "new", "New")
	unread.Unread = true
	late := one("Ada Lovelace", "Question", "asked_more", "Asked for more")
	late.Late, late.Owner = true, "Reviewer"
	due := one("Charles Babbage", "Privacy request", "in_review", "In review")
	due.Due, due.Current = "24 December 2026", true
	return queueExample{Bulk: true, Rows: []row{unread, late, due}}
}

// sampleState is the example form as its page first shows it, refused with errors, shown again with a file kept, in its
// second step, to be read through, or closed. The form leads nowhere: the page takes no POST.
func (ws *Workspace) sampleState(name string) form.Shown {
	shown := form.Shown{Statement: "1 November 2026", Values: url.Values{}}
	switch name {
	case "":
		return shown
	case "step":
		shown.Step = 1
	case "review":
		shown.Review = true
	case "closed":
		shown.Closed, shown.Message = true, ws.say("design_closed")
	}
	for field, value := range map[string]string{
		"name": "Ada Lovelace", "email": "ada@example.com", "country": "GB", "phone": "020 7946 0018", "kind": "integrator",
		"regions": "europe", "rating": "4", "recommend": "9", "start": "2027-01-31", "why": ws.say("design_why"), "news": "yes",
	} {
		shown.Values.Set(field, value)
	}
	if name == "kept" || name == "review" {
		shown.Kept = map[string][]form.Kept{"paper": {{Name: "cv.pdf", Size: "240 KB", Token: "example", RemoveName: "drop_paper"}}}
	}
	if name == "kept" {
		shown.Message = ws.say("design_kept")
	}
	if name != "refused" {
		return shown
	}
	shown.Values.Set("email", "ada.example")
	shown.Values.Set("start", "31 February")
	shown.Values.Del("kind")
	_, shown.Errors = sampleForm(false).Parse(shown.Values)
	return shown
}

// sampleForm has a field of every kind, in one step or in two.
func sampleForm(steps bool) form.Form {
	f := form.Form{
		Kind: "sample", Title: "A form", Intro: "One column, labels above, a reason at each field.", Button: "Send application", Review: true,
		Label: form.Facts{For: "deciding on this application", SeenBy: "the alliance manager", SharedWith: "nobody", Deleted: "12 months after the decision"},
		Fields: []form.Field{
			{Name: "name", Label: "Full name", Kind: form.Text, Required: true, Why: "To address you.", Example: "Ada Lovelace", Autocomplete: "name"},
			{Name: "email", Label: "Email address", Kind: form.Email, Required: true, Why: "The answer goes there.", Example: "ada@example.com", Autocomplete: "email"},
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
			{Name: "recommend", Label: "How likely would you recommend us?", Kind: form.Rating, Why: "To see what to mend.", Options: scale()},
			{Name: "start", Label: "Earliest start", Kind: form.Date, Why: "To plan.", Example: "2027-01-31"},
			{Name: "paper", Label: "Paper", Kind: form.File, Required: true, Why: "We read it.", Accept: []string{".pdf", ".docx"}, MaxBytes: 10 << 20},
			{Name: "why", Label: "Why should it be you?", Kind: form.LongText, Required: true, Max: 2000, Why: "It decides more than size does."},
			{Name: "news", Label: "Mail me about new products", Kind: form.Consent, Purpose: "product_news", Channel: "email", Why: "Only if you tick it."},
		},
	}
	if !steps {
		return f
	}
	for i := range f.Fields {
		if f.Fields[i].Step = "You"; i > 3 {
			f.Fields[i].Step = "Your work"
		}
	}
	return f
}

// scale is from 0 to 10, its ends named.
func scale() []form.Option {
	var list []form.Option
	for i := range 11 {
		n := strconv.Itoa(i)
		list = append(list, form.Option{Value: n, Label: n})
	}
	list[0].Hint, list[10].Hint = "not at all", "very likely"
	return list
}
