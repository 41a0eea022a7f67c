package privacy

import (
	"context"
	"html/template"
	"net/http"
	"slices"
	"strings"

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

const versionsTitle = "Versions of the privacy statement"

type versionsPage struct {
	page.Base
	Versions []version
}

type version struct {
	consent.Statement
	State  string
	Before string // the id of the one before it, empty for the first
}

// The states of a version.
const (
	inForce  = "In force"
	coming   = "Not yet in force"
	replaced = "Replaced"
)

func (r *Room) showStatement(w http.ResponseWriter, req *http.Request) error {
	s, err := r.desk.Statement()
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
			Title:       versionTitle(s),
			Description: r.say("version_about", "version", s.Name()),
			Section:     "privacy", Crumbs: append(crumbs("Versions")[:2], page.Crumb{Label: "Versions", Path: "/privacy/versions"}, page.Crumb{Label: s.Name()}),
		},
		Statement: s, State: r.state(s),
	})
}

func versionTitle(s consent.Statement) string { return s.Title + ", version of " + s.Name() }

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
		Title:       versionsTitle,
		Description: r.say("versions_about"),
		Section:     "privacy", Crumbs: crumbs("Versions"),
	}}
	data.Versions = r.versions()
	return r.views.versions.Write(w, req, http.StatusOK, data)
}

// versions are the published ones, the latest effective first.
func (r *Room) versions() []version {
	all := r.desk.Statements.All()
	list := make([]version, len(all))
	for i, s := range all {
		list[i] = version{Statement: s, State: r.state(s)}
		if i+1 < len(all) {
			list[i].Before = all[i+1].ID
		}
	}
	return list
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
// leads to all that changed in that time, and is nil where there is nothing to announce.
func (r *Room) Notice(context.Context) *page.Notice {
	all, today := r.desk.Statements.All(), r.today()
	fresh := 0
	for fresh < len(all) && !today.After(all[fresh].EffectiveOn.AddDate(0, 0, announced)) {
		fresh++
	}
	fresh = min(fresh, len(all)-1) // the first version changes nothing
	if fresh <= 0 {
		return nil
	}
	newest := all[0]
	text := r.say("notice_applies", "version", newest.Name())
	if s, err := r.desk.Statements.InForce(); err != nil || s.ID != newest.ID {
		text = r.say("notice_coming", "version", newest.Name())
	}
	return &page.Notice{Text: text, Path: changesPath(all[fresh], newest)}
}

func changesPath(from, to consent.Statement) string {
	return "/privacy/changes/" + from.ID + "..." + to.ID
}

type changesPage struct {
	page.Base
	Difference
	Lead            string
	Wider, Narrower toldUses
	Changed, Same   []ClauseChange
}

// toldUses are changes of use in words, by purpose.
type toldUses struct {
	Groups []toldPurpose
	Few    bool // so few that nobody needs them folded
}

type toldPurpose struct {
	Purpose string
	Uses    []toldUse
}

// toldUse is a change of use with the activities that it concerns by their titles.
type toldUse struct {
	Sentence string
	About    []string
	Older    string // what that means for data that was sent before; empty where nothing
}

// showChanges shows what changes from one version to another: /privacy/changes/A...B.
func (r *Room) showChanges(w http.ResponseWriter, req *http.Request) error {
	a, b, _ := strings.Cut(chi.URLParam(req, "range"), "...")
	from, known := r.desk.Statements.Get(a)
	to, knownToo := r.desk.Statements.Get(b)
	if !known || !knownToo || a == b {
		return page.ErrNotFound
	}
	d, err := r.compare(req.Context(), from, to)
	if err != nil {
		return err
	}
	return r.views.changes.Write(w, req, http.StatusOK, r.changesPage(d))
}

func (r *Room) changesPage(d Difference) changesPage {
	return changesPage{
		Base: page.Base{
			Title:       "What changed from " + d.From.Name() + " to " + d.To.Name(),
			Description: r.say("changes_about", "from", d.From.Name(), "to", d.To.Name()),
			Section:     "privacy", Crumbs: append(crumbs("Versions")[:2], page.Crumb{Label: "Versions", Path: "/privacy/versions"}, page.Crumb{Label: "Changes"}),
		},
		Difference: d, Lead: r.changesLead(d), Wider: r.usesToTell(d, true), Narrower: r.usesToTell(d, false),
		Changed: d.Only(FateNew, FateChanged, FateMoved, FateGone), Same: d.Only(FateSame),
	}
}

// changesLead is the summary of the later version where it speaks of the step from the earlier one.
func (r *Room) changesLead(d Difference) string {
	all := r.desk.Statements.All()
	for i := range all[1:] {
		if all[i].ID == d.To.ID && all[i+1].ID == d.From.ID {
			return d.To.Summary
		}
	}
	return r.say("changes_lead")
}

// few is how many changes are read without folding them.
const few = 8

// usesToTell puts the changes of use that are wider, or those that are not, in words, by purpose as the difference has them.
func (r *Room) usesToTell(d Difference, wider bool) toldUses {
	var all toldUses
	n := 0
	for _, u := range d.Uses {
		if u.Wider != wider {
			continue
		}
		n++
		purpose := forPurpose(r.say, u.Purpose)
		if k := len(all.Groups); k == 0 || all.Groups[k-1].Purpose != purpose {
			all.Groups = append(all.Groups, toldPurpose{Purpose: purpose})
		}
		group := &all.Groups[len(all.Groups)-1]
		group.Uses = append(group.Uses, toldUse{u.Sentence, r.titles(u.Activities), r.older(u)})
	}
	all.Few = n <= few
	return all
}

// older says what a change means for data that was sent before.
func (r *Room) older(u UseChange) string {
	switch {
	case !u.Wider:
		return ""
	case u.ByNotice:
		return r.say("older_by_notice")
	}
	return r.say("older_by_consent")
}

// titles names activities as the site does.
func (r *Room) titles(kinds []string) []string {
	list := slices.Clone(kinds)
	for i, kind := range kinds {
		if a, ok := r.desk.Activities().Find(kind); ok {
			list[i] = a.Title
		}
	}
	return list
}

// compare compares two published versions.
func (r *Room) compare(ctx context.Context, from, to consent.Statement) (Difference, error) {
	before, err := r.desk.Statements.Uses(ctx, from.ID)
	if err != nil {
		return Difference{}, err
	}
	after, err := r.desk.Statements.Uses(ctx, to.ID)
	if err != nil {
		return Difference{}, err
	}
	return Compare(r.say, consent.Draft{Statement: from, Uses: before}, consent.Draft{Statement: to, Uses: after})
}
