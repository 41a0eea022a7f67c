package announce

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
)

const (
	staffPath  = "/staff/announce"
	staffTitle = "Announcements"
)

type listPage struct {
	page.Base
	Rows []announcement
}

type editPage struct {
	page.Base
	New      bool
	Row      announcement
	Form     form.View // of a draft
	When     form.View // of a draft: the schedule
	Counted  bool      // who may get it was counted, as nobody has it yet
	Reach    reach
	Still    int  // mails that have not left, of what is being sent
	More     bool // there are more than are counted
	Message  string
	Problem  string
	Theirs   *announcement // what somebody else saved in the meantime
	Acts     []act
	ListOpen bool // the list of calls or letters can still be fetched
	Tester   string
}

// act is a button.
type act struct {
	Name, Label, Hint string
	Danger            bool
}

type previewPage struct {
	page.Base
	Row     announcement
	Subject string
	Text    string
	Body    template.HTML
}

func (r *Room) showList(w http.ResponseWriter, req *http.Request) error {
	rows, err := r.all(req.Context())
	if err != nil {
		return err
	}
	return r.views.list.Write(w, req, http.StatusOK, listPage{Base: page.Base{Title: staffTitle, NoIndex: true}, Rows: rows})
}

// find returns the announcement that the address names.
func (r *Room) find(req *http.Request) (announcement, error) {
	id, err := uuid.Parse(chi.URLParam(req, "id"))
	if err != nil {
		return announcement{}, page.ErrNotFound
	}
	return get(req.Context(), r.desk.Pool, id, "")
}

func (r *Room) showNew(w http.ResponseWriter, req *http.Request) error {
	a := announcement{ID: uuid.Must(uuid.NewV7()), State: draft}
	return r.write(w, req, http.StatusOK, editPage{New: true, Row: a}, form.Shown{})
}

func (r *Room) showOne(w http.ResponseWriter, req *http.Request) error {
	a, err := r.find(req)
	if err != nil {
		return err
	}
	data := editPage{Row: a, Message: r.say("done_" + req.URL.Query().Get("done"))}
	return r.write(w, req, http.StatusOK, data, form.Shown{Values: a.values()})
}

// write draws the page of one announcement; shown is what stands in its form.
func (r *Room) write(w http.ResponseWriter, req *http.Request, status int, data editPage, shown form.Shown) error {
	a := data.Row
	data.Base = page.Base{Title: "New announcement", NoIndex: true}
	data.Tester = account.From(req.Context()).Account.Email
	shown.Hidden = []form.Hidden{{Name: "id", Value: a.ID.String()}, {Name: "version", Value: strconv.Itoa(a.Version)}}
	shown.Action = staffPath + "/new"
	if !data.New {
		data.Title, shown.Action = a.Subject, a.Path()
		if data.Counted = a.State == draft || a.State == scheduled; data.Counted {
			var err error
			if data.Reach, err = r.reachOf(req.Context(), a); err != nil {
				return err
			}
		}
		if a.ByMail() && (a.State == sending || a.State == paused) {
			var err error
			if data.Still, data.More, err = r.still(req.Context(), a); err != nil {
				return err
			}
		}
	}
	data.Crumbs = []page.Crumb{{Label: staffTitle, Path: staffPath}, {Label: data.Title}}
	if a.State == draft {
		data.Form = r.editForm().Plain(shown)
		if data.When.Action == "" {
			data.When = r.whenView(a, form.Shown{})
		}
	}
	data.Acts = r.acts(a)
	data.ListOpen = a.State == sent && a.ListUntil != nil && r.desk.Now().Before(*a.ListUntil)
	return r.views.edit.Write(w, req, status, data)
}

func (r *Room) acts(a announcement) []act {
	stop := act{"stop", "Stop for good", r.say("stop_hint"), true}
	switch {
	case a.State == scheduled:
		return []act{{"draft", "Back to draft", r.say("draft_hint"), false}, stop}
	case a.State == sending:
		return []act{{"pause", "Pause", r.say("pause_hint"), false}, stop}
	case a.State == paused:
		return []act{{"resume", "Go on", r.say("resume_hint"), false}, stop}
	case a.State == sent && !a.ByMail():
		return []act{{"stop", "Withdraw the list", r.say("withdraw_hint"), true}}
	}
	return nil
}

var domains = regexp.MustCompile(`^([a-z0-9-]+\.)+[a-z0-9-]{2,}$`)

// editForm is what an announcement is made of.
func (r *Room) editForm() form.Form {
	var purposes, channels []form.Option
	for _, p := range consent.Purposes() {
		purposes = append(purposes, form.Option{Value: string(p), Label: p.Label()})
	}
	for _, c := range consent.Channels() {
		channels = append(channels, form.Option{Value: string(c), Label: c.Label()})
	}
	return form.Form{
		Kind: Kind, Title: "Announcement", Check: r.check,
		Fields: []form.Field{
			{Name: "purpose", Label: "What is it?", Kind: form.Choice, Required: true, Options: purposes, Hint: "It goes to those who agreed to just this."},
			{Name: "channel", Label: "By which way?", Kind: form.Choice, Required: true, Options: channels, Hint: "Email is sent from here. For calls and letters you get a list, good for 7 days."},
			{Name: "subject", Label: "Subject", Kind: form.Text, Required: true, Max: 120},
			{Name: "body", Label: "Text", Kind: form.LongText, Required: true, Max: 20000, Hint: "In Markdown, without pictures. Of a newsletter it stands in the public archive, too. The words on which it rests and the link that ends it are added."},
			{Name: "agreed_from", Label: "Only who agreed from this day", Kind: form.Date},
			{Name: "agreed_to", Label: "Only who agreed until this day", Kind: form.Date},
			{Name: "domain", Label: "Only addresses of this domain", Kind: form.Text, Max: 200, Example: "example.com"},
		},
	}
}

func (r *Room) check(v form.Values, errs form.Errors) {
	if problem := unfit(v.Get("body")); problem != "" {
		errs.Add("body", r.say(problem))
	}
	if from, to := v.Day("agreed_from"), v.Day("agreed_to"); from != nil && to != nil && to.Before(*from) {
		errs.Add("agreed_to", "Enter a day that is no earlier than the first.")
	}
	if d := strings.ToLower(v.Get("domain")); d != "" && !domains.MatchString(d) {
		errs.Add("domain", "Enter a domain, such as example.com.")
	} else if d != "" && v.Get("channel") != string(consent.ByEmail) {
		errs.Add("domain", "Only addresses of email have a domain. Leave it empty.")
	}
}

// values fill the form.
func (a announcement) values() url.Values {
	v := url.Values{
		"purpose": {string(a.Purpose)}, "channel": {string(a.Channel)}, "subject": {a.Subject}, "body": {a.Body}, "domain": {a.Domain},
	}
	for name, d := range map[string]*time.Time{"agreed_from": a.AgreedFrom, "agreed_to": a.AgreedTo} {
		if d != nil {
			v.Set(name, d.Format(time.DateOnly))
		}
	}
	return v
}

func (r *Room) submitNew(w http.ResponseWriter, req *http.Request) error {
	if err := read(req); err != nil {
		return err
	}
	id, err := uuid.Parse(req.PostForm.Get("id"))
	if err != nil {
		id = uuid.Must(uuid.NewV7())
	}
	return r.submit(w, req, announcement{ID: id, State: draft}, true)
}

func (r *Room) submitOne(w http.ResponseWriter, req *http.Request) error {
	a, err := r.find(req)
	if err != nil {
		return err
	}
	if err := read(req); err != nil {
		return err
	}
	return r.submit(w, req, a, false)
}

// submit saves what was typed, over the version that was shown and over no other.
func (r *Room) submit(w http.ResponseWriter, req *http.Request, a announcement, isNew bool) error {
	v, errs := r.editForm().Parse(req.PostForm)
	again := form.Shown{Values: req.PostForm, Errors: errs}
	if len(errs) > 0 && a.State == draft { // what is no draft any more is not saved, and the page says what happened
		a.Version = version(req) // shown again, what was typed is still based on the version that was shown with it
		return r.write(w, req, http.StatusUnprocessableEntity, editPage{New: isNew, Row: a}, again)
	}
	typed := announcement{
		ID: a.ID, Purpose: consent.Purpose(v.Get("purpose")), Channel: consent.Channel(v.Get("channel")), Subject: v.Get("subject"),
		Body: v.Get("body"), AgreedFrom: v.Day("agreed_from"), AgreedTo: v.Day("agreed_to"), Domain: strings.ToLower(v.Get("domain")),
		Version: version(req),
	}
	err := r.save(req.Context(), typed, isNew, account.From(req.Context()))
	if errors.Is(err, errStale) {
		if a, err = get(req.Context(), r.desk.Pool, typed.ID, ""); err != nil {
			return err
		}
		return r.write(w, req, http.StatusConflict, editPage{Row: a, Theirs: &a}, again)
	}
	if err != nil {
		return err
	}
	return done(w, req, typed, "saved")
}

func done(w http.ResponseWriter, req *http.Request, a announcement, what string) error {
	http.Redirect(w, req, a.Path()+"?done="+what, http.StatusSeeOther)
	return nil
}

// version is that of the page on which the button was pressed; of a page without one, none fits.
func version(req *http.Request) int {
	n, err := strconv.Atoi(req.PostForm.Get("version"))
	if err != nil || n < 1 {
		return -1
	}
	return n
}

func read(req *http.Request) error {
	return page.ReadForm(req, 256<<10)
}

// showPreview draws what a recipient sees, with a made-up consent.
func (r *Room) showPreview(w http.ResponseWriter, req *http.Request) error {
	a, err := r.find(req)
	if err != nil {
		return err
	}
	drawn, err := r.desk.Mail.Draw(templateOf(a.Purpose), letter(a, r.desk.Pages.URL("")), mail.Agreed{
		At: r.desk.Now(), Wording: r.say("sample_wording"), Unsubscribe: newsletterPath, Preferences: newsletterPath,
	})
	if err != nil {
		return err
	}
	return r.views.preview.Write(w, req, http.StatusOK, previewPage{
		Base: page.Base{Title: "Preview: " + a.Subject, NoIndex: true}, Row: a, Subject: drawn.Subject, Text: drawn.Text,
		Body: page.Markdown(a.Body),
	})
}

// submitTest sends it to the marketer who asks, and to nobody else.
func (r *Room) submitTest(w http.ResponseWriter, req *http.Request) error {
	a, err := r.find(req)
	if err != nil {
		return err
	}
	if err := r.addTest(req.Context(), a, account.From(req.Context()).Account.Email); err != nil {
		return err
	}
	return done(w, req, a, "tested")
}

// whenForm asks when it is sent.
func (r *Room) whenForm() form.Form {
	return form.Form{
		Kind: Kind,
		Fields: []form.Field{
			{Name: "date", Label: "Day", Kind: form.Date, Hint: "Leave day and time empty to send it now."},
			{Name: "time", Label: "Time in Chicago", Kind: form.Text, Max: 5, Example: "09:00"},
		},
		Check: func(v form.Values, errs form.Errors) {
			if at, err := clock.At(v.Get("date"), v.Get("time")); err != nil || !at.IsZero() && at.Before(r.desk.Now()) {
				errs.Add("date", "Enter a day, and a time of day that clocks show on it, that are still to come. Or leave both empty.")
			}
		},
	}
}

func (r *Room) whenView(a announcement, s form.Shown) form.View {
	s.Action = a.Path() + "/schedule"
	return r.whenForm().View(s)
}

func (r *Room) submitSchedule(w http.ResponseWriter, req *http.Request) error {
	a, err := r.find(req)
	if err != nil {
		return err
	}
	if err := read(req); err != nil {
		return err
	}
	v, errs := r.whenForm().Parse(req.PostForm)
	if len(errs) > 0 && a.State == draft { // of what is no draft any more the version is past, and the page says what happened
		when := r.whenView(a, form.Shown{Values: req.PostForm, Errors: errs})
		return r.write(w, req, http.StatusUnprocessableEntity, editPage{Row: a, When: when}, form.Shown{Values: a.values()})
	}
	what := "scheduled"
	if !a.ByMail() {
		what = "list"
	}
	return r.do(w, req, a, what, []string{draft}, func(tx pgx.Tx, a announcement) error {
		at, err := clock.At(v.Get("date"), v.Get("time"))
		if err != nil {
			return err
		}
		if at.IsZero() {
			at = r.desk.Now()
		}
		return r.schedule(req.Context(), tx, a, at)
	})
}

func (r *Room) submitAct(w http.ResponseWriter, req *http.Request) error {
	a, err := r.find(req)
	if err != nil {
		return err
	}
	if err := read(req); err != nil {
		return err
	}
	name, ctx := chi.URLParam(req, "act"), req.Context()
	switch name {
	case "draft":
		return r.do(w, req, a, name, []string{scheduled}, func(tx pgx.Tx, a announcement) error { return r.backToDraft(ctx, tx, a) })
	case "pause":
		return r.do(w, req, a, name, []string{sending}, func(tx pgx.Tx, a announcement) error { return r.pause(ctx, tx, a) })
	case "resume":
		return r.do(w, req, a, name, []string{paused}, func(tx pgx.Tx, a announcement) error { return r.resume(ctx, tx, a) })
	}
	states := []string{scheduled, sending, paused}
	if !a.ByMail() {
		states = []string{sent}
	}
	return r.do(w, req, a, name, states, func(tx pgx.Tx, a announcement) error { return r.stop(ctx, tx, a) })
}

// do changes the state. What decides is the state at this moment; of a draft also that it is the version which was read.
func (r *Room) do(
	w http.ResponseWriter, req *http.Request, a announcement, name string, states []string, fn func(pgx.Tx, announcement) error,
) error {
	seen := 0
	if slices.Contains(states, draft) {
		seen = version(req)
	}
	err := r.change(req.Context(), a.ID, seen, states, account.From(req.Context()), name, fn)
	if errors.Is(err, errStale) {
		if a, err = r.find(req); err != nil {
			return err
		}
		return r.write(w, req, http.StatusConflict, editPage{Row: a, Problem: r.say("stale")}, form.Shown{Values: a.values()})
	}
	if err != nil {
		return err
	}
	return done(w, req, a, name)
}
