package connect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

type preferencesPage struct {
	page.Base
	Email    string
	Groups   []group
	Problems []form.Problem
	Any      bool // at least one is in force
	Good     string
	Message  string // why the page is shown again, where no field is to blame
}

// choiceRow is a purpose on a channel, with its box.
type choiceRow struct {
	Name    string // of the box
	Wording string // what ticking it agrees to, word for word as it is recorded
	On      bool
	Checked bool       // as the box is drawn
	Since   *time.Time // of the latest choice
	Way     string     // how that reached us
	Shown   string     // the words of that choice, where they were others
	Waiting bool       // granted, but never confirmed
	offer   consent.Offer
}

// Was is the name of the hidden field that says how the box stood when the page was drawn.
func (c choiceRow) Was() string { return c.Name + "_was" }

func boxName(o consent.Offer) string { return string(o.Purpose) + "_" + string(o.Channel) }

// group is what can be agreed to on a channel, and for calls and letters where they go.
type group struct {
	Title   string
	Channel consent.Channel
	Rows    []choiceRow
	Where   []form.FieldView // of none or one
}

// where asks how calls or letters reach a person; mail needs no more than the address of the account.
func where(c consent.Channel) (form.Field, bool) {
	switch c {
	case consent.ByPhone:
		return form.Field{
			Name: "phone", Label: "Number to call", Kind: form.Phone, Example: "+1 312 555 0100", Autocomplete: "tel",
			Hint: "Only if you tick a box here. With its country code.",
		}, true
	case consent.ByPost:
		return form.Field{
			Name: "address", Label: "Postal address", Kind: form.LongText, Max: 300, Autocomplete: "street-address",
			Hint: "Only if you tick a box here: name, street, town, country.",
		}, true
	}
	return form.Field{}, false
}

// whereForm is the form of both.
func whereForm() form.Form {
	var f form.Form
	for _, c := range consent.Channels() {
		if field, ok := where(c); ok {
			f.Fields = append(f.Fields, field)
		}
	}
	return f
}

// way says how a choice reached us.
func way(o consent.Origin) string {
	switch o {
	case consent.FromForm:
		return "in a form"
	case consent.FromStaff:
		return "told to our staff"
	case consent.FromConnect:
		return "on this page"
	case consent.FromPreferences:
		return "by a mailed link"
	case consent.FromUnsubscribe:
		return "by the link to stop in a mail"
	case consent.FromErasure:
		return "by asking for your data to be erased"
	}
	return "by itself"
}

// rows returns the boxes as they stand.
func (p *Portal) rows(ctx context.Context, who uuid.UUID) ([]choiceRow, error) {
	choices, err := p.desk.Ledger.Of(ctx, who)
	if err != nil {
		return nil, err
	}
	refused, err := p.desk.Ledger.RefusedByAddress(ctx, who)
	if err != nil {
		return nil, err
	}
	var rows []choiceRow
	for _, o := range consent.Offers() {
		row := choiceRow{Name: boxName(o), Wording: o.Wording, offer: o}
		row.before(refused)
		for _, c := range choices {
			if c.Purpose == o.Purpose && c.Channel == o.Channel && !c.Lapsed() {
				at := c.At.In(clock.Zone())
				row.On, row.Since, row.Way, row.Waiting = c.InForce, &at, way(c.Origin), c.Waiting
				if c.Granted && c.Wording != o.Wording {
					row.Shown = c.Wording
				}
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// before says what was refused for the address before its person wrote; what they chose since takes its place.
func (c *choiceRow) before(refused []consent.AddressRefusal) {
	for _, x := range refused {
		if x.Purpose != c.offer.Purpose || x.Channel != c.offer.Channel {
			continue
		}
		at := x.At.In(clock.Zone())
		c.Since, c.Way = &at, "for this address"
		if x.Way != "" {
			c.Way = way(consent.FromStaff)
		}
	}
}

// points returns the number and the postal address in use, by channel.
func (p *Portal) points(ctx context.Context, who uuid.UUID) (map[consent.Channel]string, error) {
	list, err := p.desk.Ledger.Points(ctx, who)
	if err != nil {
		return nil, err
	}
	points := map[consent.Channel]string{}
	for _, k := range list {
		if k.InUse {
			points[k.Channel] = k.Value
		}
	}
	return points, nil
}

func (p *Portal) showPreferences(w http.ResponseWriter, r *http.Request) error {
	return p.drawPreferences(w, r, http.StatusOK, form.Shown{})
}

// drawPreferences draws the page as it stands, or with what was sent where that is to be put right.
func (p *Portal) drawPreferences(w http.ResponseWriter, r *http.Request, status int, shown form.Shown) error {
	who, err := owner(r)
	if err != nil {
		return err
	}
	known, err := p.desk.People.Get(r.Context(), who)
	if err != nil {
		return err
	}
	rows, err := p.rows(r.Context(), who)
	if err != nil {
		return err
	}
	points, err := p.points(r.Context(), who)
	if err != nil {
		return err
	}
	data := preferencesPage{Base: p.base("What we may send you", "/connect/preferences"), Email: known.Email}
	sent := shown.Values
	if len(sent) == 0 {
		shown.Values = url.Values{"phone": {points[consent.ByPhone]}, "address": {points[consent.ByPost]}}
	}
	fields := whereForm().View(shown)
	data.Problems, data.Message = fields.Problems, fields.Message
	for _, c := range consent.Channels() {
		g := group{Title: c.Label(), Channel: c}
		for _, row := range rows {
			if row.offer.Channel != c {
				continue
			}
			data.Any = data.Any || row.On || row.Waiting
			row.Checked = row.On
			if sent.Has(row.Was()) || sent.Has(row.Name) { // else it was not sent, or cut off
				row.Checked = sent.Get(row.Name) == "yes"
			}
			g.Rows = append(g.Rows, row)
		}
		if field, ok := where(c); ok {
			g.Where = slices.DeleteFunc(slices.Clone(fields.Fields), func(v form.FieldView) bool { return v.Name != field.Name })
		}
		data.Groups = append(data.Groups, g)
	}
	switch {
	case r.URL.Query().Has("stopped"):
		data.Good = p.say("stopped")
	case r.URL.Query().Has("kept"):
		data.Good = p.say("kept")
	}
	return p.views.preferences.Write(w, r, status, data)
}

// takePreferences records what was changed on the page. A box that the person left as it was shown is left as it is now:
// it may have been changed elsewhere meanwhile.
func (p *Portal) takePreferences(w http.ResponseWriter, r *http.Request) error {
	who, err := owner(r)
	if err != nil {
		return err
	}
	var unread *page.Error
	if errors.As(page.ReadForm(r, page.MostForm), &unread) {
		return p.drawPreferences(w, r, unread.Status, form.Shown{Values: r.PostForm, Message: unread.Message})
	}
	rows, err := p.rows(r.Context(), who)
	if err != nil {
		return err
	}
	stop := r.PostForm.Get("stop") != ""
	turned := changed(rows, r.PostForm, stop)
	moved := map[consent.Channel]string{}
	if !stop {
		known, err := p.points(r.Context(), who)
		if err != nil {
			return err
		}
		var errs form.Errors
		if moved, errs = p.reached(rows, turned, r.PostForm, known); len(errs) > 0 {
			return p.drawPreferences(w, r, http.StatusUnprocessableEntity, form.Shown{Values: r.PostForm, Errors: errs})
		}
	}
	if err := p.record(r.Context(), who, turned, moved); err != nil {
		return err
	}
	done := "?kept"
	if stop {
		done = "?stopped"
	}
	http.Redirect(w, r, "/connect/preferences"+done, http.StatusSeeOther)
	return nil
}

// reached returns the new number and the new postal address, by channel, where something is agreed to that needs them. A
// new one is a new choice of all that stays agreed to: turned gets those boxes.
func (p *Portal) reached(
	rows []choiceRow, turned map[string]bool, sent url.Values, known map[consent.Channel]string,
) (map[consent.Channel]string, form.Errors) {
	f := whereForm()
	values, errs := f.Parse(sent)
	typed := map[consent.Channel]string{consent.ByPhone: form.Number(f.Fields, values), consent.ByPost: values.Get("address")}
	moved := map[consent.Channel]string{}
	for _, row := range rows {
		c := row.offer.Channel
		field, asks := where(c)
		on, was := turned[row.Name]
		if !asks || was && !on || !was && !row.On {
			continue // by mail, or not agreed to
		}
		_, shown := sent[field.Name]
		switch {
		case typed[c] == "" && (on || known[c] != "") && (shown || known[c] == ""):
			errs.Add(field.Name, p.say("no_point"))
		case typed[c] != "" && typed[c] != known[c]:
			moved[c], turned[row.Name] = typed[c], true
		}
	}
	return moved, errs
}

// changed returns the boxes that the person turned, each as it is to be.
func changed(rows []choiceRow, sent url.Values, stop bool) map[string]bool {
	turned := map[string]bool{}
	for _, row := range rows {
		want := sent.Get(row.Name) == "yes"
		was := sent.Get(row.Was()) == "yes"
		switch {
		case stop:
			if row.On || row.Waiting {
				turned[row.Name] = false
			}
		case want != was && want != row.On:
			turned[row.Name] = want
		}
	}
	return turned
}

func (p *Portal) record(ctx context.Context, who uuid.UUID, turned map[string]bool, moved map[consent.Channel]string) error {
	if len(turned) == 0 {
		return nil
	}
	statement, err := p.desk.Statements.InForce()
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, p.desk.Pool, func(tx pgx.Tx) error {
		for _, o := range consent.Offers() {
			granted, ok := turned[boxName(o)]
			if !ok {
				continue
			}
			e := consent.Event{
				Purpose: o.Purpose, Channel: o.Channel, Granted: granted, Wording: o.Wording, Statement: statement.ID,
				Origin: consent.FromConnect, At: p.desk.Now(),
			}
			if granted {
				e.Point = moved[o.Channel]
			}
			if err := p.desk.Ledger.Record(ctx, tx, who, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep preferences: %w", err)
	}
	p.desk.Refused()
	return nil
}
