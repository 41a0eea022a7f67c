package privacy

import (
	"context"
	"html/template"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/page"
)

type statementPage struct {
	page.Base
	Statement consent.Statement
	Current   bool // in force now, and shown at /privacy
	State     string
	Lead      template.HTML
	Clauses   []Clause
	Coming    *consent.Statement // published, but not yet in force
	Intro     content.Page
}

type versionsPage struct {
	page.Base
	Versions []version
}

type version struct {
	consent.Statement
	State string
}

// The states of a version.
const (
	inForce  = "In force"
	coming   = "Not yet in force"
	replaced = "Replaced"
)

func (r *Room) showStatement(w http.ResponseWriter, req *http.Request) error {
	s, err := r.desk.Statements.InForce()
	if err != nil {
		return err
	}
	data := statementPage{Base: r.words.privacy.Base(), Statement: s, Current: true, State: inForce, Intro: r.words.privacy}
	if newest := r.desk.Statements.All()[0]; newest.ID != s.ID {
		data.Coming = &newest
	}
	return r.writeStatement(w, req, data)
}

func (r *Room) showVersion(w http.ResponseWriter, req *http.Request) error {
	s, ok := r.desk.Statements.Get(chi.URLParam(req, "id"))
	if !ok {
		return page.ErrNotFound
	}
	return r.writeStatement(w, req, statementPage{
		Base: page.Base{
			Title:       s.Title + ", version of " + s.Name(),
			Description: "The privacy statement of clickcommerce.com as it was published to take effect on " + s.Name() + ".",
			Section:     "privacy", Crumbs: append(crumbs("Versions")[:2], page.Crumb{Label: "Versions", Path: "/privacy/versions"}, page.Crumb{Label: s.Name()}),
		},
		Statement: s, State: r.state(s),
	})
}

func (r *Room) writeStatement(w http.ResponseWriter, req *http.Request, data statementPage) error {
	lead, clauses, err := Clauses(data.Statement.Body)
	if err != nil {
		return err
	}
	data.Lead, data.Clauses = page.Markdown(lead), clauses
	return r.views.statement.Write(w, req, http.StatusOK, data)
}

func (r *Room) showVersions(w http.ResponseWriter, req *http.Request) error {
	data := versionsPage{Base: page.Base{
		Title:       "Versions of the privacy statement",
		Description: "Every version of the privacy statement that was ever published on clickcommerce.com, with the day it took effect.",
		Section:     "privacy", Crumbs: crumbs("Versions"),
	}}
	for _, s := range r.desk.Statements.All() {
		data.Versions = append(data.Versions, version{s, r.state(s)})
	}
	return r.views.versions.Write(w, req, http.StatusOK, data)
}

// state tells where a version stands in time.
func (r *Room) state(s consent.Statement) string {
	now, err := r.desk.Statements.InForce()
	switch {
	case err == nil && now.ID == s.ID:
		return inForce
	case err != nil || s.EffectiveOn.After(now.EffectiveOn):
		return coming
	}
	return replaced
}

// announced is how long the home page speaks of a change once it took effect (P-17).
const announced = 90

// Notice is the home page's line about the newest version: from its publication until 90 days after it takes effect. It
// returns nil where there is nothing to announce.
func (r *Room) Notice(context.Context) *page.Notice { return Notice(r.desk.Statements, r.desk.Now()) }

// Notice is Room.Notice for callers that draw pages before the room is made.
func Notice(statements *consent.Statements, now time.Time) *page.Notice {
	all := statements.All()
	if len(all) < 2 || now.After(all[0].EffectiveOn.AddDate(0, 0, announced+1)) {
		return nil // the first version changes nothing
	}
	newest := all[0]
	text := "A new version has applied since " + newest.Name() + "."
	if s, err := statements.InForce(); err != nil || s.ID != newest.ID {
		text = "A new version takes effect on " + newest.Name() + "."
	}
	return &page.Notice{Text: text, Path: "/privacy/versions/" + newest.ID}
}
