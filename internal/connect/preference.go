package connect

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/page"
)

type preferencesPage struct {
	page.Base
	Email string
	Rows  []choiceRow
	Any   bool // at least one is in force
	Good  string
}

// choiceRow is a purpose on a channel, with its box.
type choiceRow struct {
	Name    string // of the box
	Wording string // what ticking it agrees to, word for word as it is recorded
	On      bool
	Since   *time.Time // of the latest choice
	Way     string     // how that reached us
	Shown   string     // the words of that choice, where they were others
	Waiting bool       // granted, but never confirmed
}

// Was is the name of the hidden field that says how the box stood when the page was drawn.
func (c choiceRow) Was() string { return c.Name + "_was" }

// offer is a purpose on a channel, in words.
type offer struct {
	purpose consent.Purpose
	channel consent.Channel
	wording string
}

func (o offer) name() string { return string(o.purpose) + "_" + string(o.channel) }

// offers lists all that can be agreed to. Mail can be chosen by everybody, phone and post only by those who once did:
// there we know a number or an address.
func offers() []offer {
	return []offer{
		{consent.ProductNews, consent.ByEmail, "Mail me news of products and services."},
		{consent.Newsletter, consent.ByEmail, "Mail me the newsletter, four times a year."},
		{consent.Promotion, consent.ByEmail, "Mail me offers and promotional material."},
		{consent.Survey, consent.ByEmail, "Ask me now and then by mail what I think of products, site and business."},
		{consent.ProductNews, consent.ByPhone, "Call me about news of products and services."},
		{consent.Newsletter, consent.ByPhone, "Call me with what the newsletter brings."},
		{consent.Promotion, consent.ByPhone, "Call me about offers."},
		{consent.Survey, consent.ByPhone, "Call me now and then to ask what I think of products, site and business."},
		{consent.ProductNews, consent.ByPost, "Send me news of products and services by post."},
		{consent.Newsletter, consent.ByPost, "Send me the newsletter by post."},
		{consent.Promotion, consent.ByPost, "Send me offers and promotional material by post."},
		{consent.Survey, consent.ByPost, "Send me surveys by post now and then."},
	}
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
	}
	return "by itself"
}

// rows returns the boxes as they stand.
func (p *Portal) rows(ctx context.Context, who uuid.UUID) ([]choiceRow, error) {
	choices, err := p.desk.Ledger.Of(ctx, who)
	if err != nil {
		return nil, err
	}
	latest := map[string]consent.Choice{}
	for _, c := range choices {
		latest[offer{purpose: c.Purpose, channel: c.Channel}.name()] = c
	}
	var rows []choiceRow
	for _, o := range offers() {
		c, made := latest[o.name()]
		if made = made && !c.Lapsed(); !made && o.channel != consent.ByEmail {
			continue
		}
		row := choiceRow{Name: o.name(), Wording: o.wording}
		if made {
			at := c.At.In(p.zone)
			row.On, row.Since, row.Way, row.Waiting = c.InForce, &at, way(c.Origin), c.Waiting
			if c.Granted && c.Wording != o.wording {
				row.Shown = c.Wording
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (p *Portal) showPreferences(w http.ResponseWriter, r *http.Request) error {
	who, err := owner(r)
	if err != nil {
		return err
	}
	known, err := p.desk.People.Get(r.Context(), who)
	if err != nil {
		return err
	}
	data := preferencesPage{Base: p.base("What we may send you", "/connect/preferences"), Email: known.Email}
	if data.Rows, err = p.rows(r.Context(), who); err != nil {
		return err
	}
	for _, row := range data.Rows {
		data.Any = data.Any || row.On || row.Waiting
	}
	switch {
	case r.URL.Query().Has("stopped"):
		data.Good = "Everything is stopped. Mails about your own requests still come."
	case r.URL.Query().Has("kept"):
		data.Good = "Your choice is kept, and holds from now on."
	}
	return p.views.preferences.Write(w, r, http.StatusOK, data)
}

// takePreferences records what was changed on the page. A box that the person left as it was shown is left as it is now:
// it may have been changed elsewhere meanwhile.
func (p *Portal) takePreferences(w http.ResponseWriter, r *http.Request) error {
	who, err := owner(r)
	if err != nil {
		return err
	}
	if err := page.ReadForm(r, 64<<10); err != nil {
		return err
	}
	rows, err := p.rows(r.Context(), who)
	if err != nil {
		return err
	}
	stop := r.PostForm.Get("stop") != ""
	if err := p.record(r.Context(), who, changed(rows, r.PostForm, stop)); err != nil {
		return err
	}
	done := "?kept"
	if stop {
		done = "?stopped"
	}
	http.Redirect(w, r, "/connect/preferences"+done, http.StatusSeeOther)
	return nil
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

func (p *Portal) record(ctx context.Context, who uuid.UUID, turned map[string]bool) error {
	if len(turned) == 0 {
		return nil
	}
	statement, err := p.desk.Statements.InForce()
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, p.desk.Pool, func(tx pgx.Tx) error {
		for _, o := range offers() {
			granted, ok := turned[o.name()]
			if !ok {
				continue
			}
			if err := p.desk.Ledger.Record(ctx, tx, who, consent.Event{
				Purpose: o.purpose, Channel: o.channel, Granted: granted, Wording: o.wording, Statement: statement.ID,
				Origin: consent.FromConnect, At: p.desk.Now(),
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep preferences: %w", err)
	}
	return nil
}
