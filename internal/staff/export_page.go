package staff

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/internal/sheet"
)

// exportsPage offers what may leave the house, and lists what did.
type exportsPage struct {
	page.Base
	Contacts, Queue *exportForm // nil where the role has none
	Lines           []exportView
	All             bool // of everybody, not only the reader's
}

// exportForm is the form of one kind of export.
type exportForm struct {
	ID, Action string
	Purposes   []option
	Channels   []option
	Fields     []option
	Recipients []option
	Reasons    []option
	Words      string
	Filter     string // what of the queue is listed
	Demands    bool   // it may go to a legal demand
	Problems   []form.Problem
}

// exportView is an export as pages show it.
type exportView struct {
	Address, Name, Purpose, To, Who, Reason, Words, Filter, Fields string
	At, Until                                                      stamp
	Count, Recalled                                                int
	LeftOut                                                        int // submissions of people whom a demand does not name; beyond 1,000 not counted
	State                                                          tag
	Sum                                                            string
	DemandPath                                                     string
}

func (ws *Workspace) showExports(w http.ResponseWriter, r *http.Request) error {
	return ws.drawExports(w, r, http.StatusOK, nil)
}

func (ws *Workspace) drawExports(w http.ResponseWriter, r *http.Request, status int, a *asking) error {
	ctx, in := r.Context(), account.From(r.Context())
	if !ws.mayExport(in) {
		return page.ErrForbidden
	}
	p := exportsPage{Base: page.Base{Title: "Exports", NoIndex: true}, All: in.Has(account.Privacy)}
	names, err := ws.names(ctx)
	if err != nil {
		return err
	}
	if in.Has(account.Marketer, account.Privacy) {
		recipients, err := ws.recipients(ctx, in, agreed())
		if err != nil {
			return err
		}
		p.Contacts = a.form(exportForm{
			ID: ofContacts, Action: exportsPath + "/contacts", Purposes: agreed(), Recipients: recipients,
			Channels: channels(), Reasons: exportReasons(),
		})
	}
	if len(ws.kinds(in, account.Act)) > 0 {
		recipients, err := ws.recipients(ctx, in, purposes(in))
		if err != nil {
			return err
		}
		q := ws.hidden(ws.readQuery(r.URL.Query()).first())
		p.Queue = a.form(exportForm{
			ID: ofSubmissions, Action: q.at(exportsPath + "/submissions"), Purposes: purposes(in), Recipients: recipients, Reasons: exportReasons(),
			Fields: identifying(), Filter: ws.filterWords(q.remembered(), names),
			Demands: slices.ContainsFunc(recipients, func(o option) bool { return strings.HasPrefix(o.Value, demandPrefix) }),
		})
	}
	if p.Lines, err = ws.exportLines(ctx, in, names); err != nil {
		return err
	}
	return ws.views.exports.Write(w, r, status, p)
}

// form fills a form with what was sent for it; what was sent for another leaves it as it is.
func (a *asking) form(f exportForm) *exportForm {
	if a == nil || a.kind != f.ID {
		return &f
	}
	for name, list := range map[string][]option{
		"purpose": f.Purposes, "channel": f.Channels, "recipient": f.Recipients, "reason": f.Reasons, "field": f.Fields,
	} {
		for i := range list {
			list[i].Selected = slices.Contains(a.values[name], list[i].Value)
		}
	}
	f.Words, f.Problems = a.values.Get("words"), a.problems
	return &f
}

func (ws *Workspace) exportLines(ctx context.Context, in *account.Session, names names) ([]exportView, error) {
	of := in.Account.ID
	if in.Has(account.Privacy) {
		of = uuid.Nil
	}
	list, err := ws.exportsOf(ctx, of)
	if err != nil {
		return nil, err
	}
	var ids []uuid.UUID // of files that somebody may still have
	for _, e := range list {
		if ws.desk.Now().Before(e.ExpiresAt) {
			ids = append(ids, e.ID)
		}
	}
	recalls, err := ws.recall(ctx, ids...)
	if err != nil {
		return nil, err
	}
	counts := map[uuid.UUID]int{}
	for _, x := range recalls {
		counts[x.Export]++
	}
	lines := make([]exportView, 0, len(list))
	for _, e := range list {
		lines = append(lines, ws.exportView(e, counts[e.ID], names))
	}
	return lines, nil
}

func (ws *Workspace) exportView(e export, recalled int, names names) exportView {
	v := exportView{
		Address: exportsPath + "/" + e.ID.String(), Name: "Addresses with consent", Purpose: purposeWords(e.Purpose), Who: names.byID[e.Account],
		Reason: reasonWords(e.Reason), Words: e.Words, At: ws.stamp(e.At), Until: ws.stamp(e.ExpiresAt), Count: e.Count, Recalled: recalled, Sum: hex.EncodeToString(e.Sum),
	}
	if e.Kind == ofSubmissions {
		v.Name, v.Filter = "Submissions", ws.filterWords(e.Filter, names)
		v.LeftOut, _ = strconv.Atoi(e.Filter[leftOut]) // none where it says nothing
	}
	switch e.Recipient {
	case aProcessor:
		v.To = "Processor: " + e.Processor
	case legalDemand:
		v.To, v.DemandPath = "A legal demand", "/staff/disclosures/"+e.Demand.UUID.String()
	default:
		v.To = "Own department"
	}
	var fields []string
	for _, f := range e.Fields {
		fields = append(fields, kindOf(f))
	}
	v.Fields = strings.Join(fields, ", ")
	switch {
	case !ws.desk.Now().Before(e.ExpiresAt):
		v.State = tag{"ended", "Had to be deleted"}
	case recalled > 0:
		v.State = tag{"refused", strconv.Itoa(recalled) + " to remove"}
	default:
		v.State = tag{"active", "Good until " + e.ExpiresAt.In(clock.Zone()).Format("2 Jan 2006")}
	}
	return v
}

// reasonWords is the reason of an export in words.
func reasonWords(reason string) string {
	if reason == "announcement" {
		return "To announce something by phone or post"
	}
	list := exportReasons()
	if i := slices.IndexFunc(list, func(o option) bool { return o.Value == reason }); i >= 0 {
		return list[i].Label
	}
	return reason
}

// purposeWords is the purpose of an export in words.
func purposeWords(purpose string) string {
	switch purpose {
	case forService:
		return "Dealing with the requests"
	case byDemand:
		return "What a legal demand asks for"
	}
	return consent.Purpose(purpose).Label()
}

// filterWords says which part of the queue a list is.
func (ws *Workspace) filterWords(filter map[string]string, names names) string {
	var parts []string
	if a, ok := ws.desk.Activities().Find(filter["kind"]); ok {
		parts = append(parts, a.Title)
	}
	if v := filter["view"]; v != "" {
		parts = append(parts, "view “"+v+"”")
	}
	if v := filter["status"]; v != "" {
		parts = append(parts, "status “"+v+"”")
	}
	if v := filter["owner"]; v == nobody {
		parts = append(parts, "of nobody")
	} else if id, err := uuid.Parse(v); err == nil && names.byID[id] != "" {
		parts = append(parts, "of "+names.byID[id])
	}
	for _, x := range [][2]string{{"from", "from "}, {"to", "to "}} {
		if day, err := time.Parse(time.DateOnly, filter[x[0]]); err == nil {
			parts = append(parts, x[1]+day.Format("2 January 2006"))
		}
	}
	if filter["search"] != "" {
		parts = append(parts, "found by a search")
	}
	return strings.Join(parts, ", ")
}

// exportPage is one export, with what became of the people in it.
type exportPage struct {
	page.Base
	exportView
	Rows []recallLine
	More int // rows that are only in the file
}

type recallLine struct {
	Row   int
	Words string
	Since string
}

// shownRecalls is how many rows of a recall list the page shows.
const shownRecalls = 200

// exportOf returns the export of the address, for who made it and for the privacy officer; to others it is not there.
func (ws *Workspace) exportOf(r *http.Request) (export, error) {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return export{}, page.ErrNotFound
	}
	e, err := ws.getExport(r.Context(), id)
	if errors.Is(err, pgx.ErrNoRows) {
		return export{}, page.ErrNotFound
	}
	if err != nil {
		return export{}, err
	}
	if in := account.From(r.Context()); e.Account != in.Account.ID && !in.Has(account.Privacy) {
		return export{}, page.ErrNotFound
	}
	return e, nil
}

func (ws *Workspace) showExport(w http.ResponseWriter, r *http.Request) error {
	e, err := ws.exportOf(r)
	if err != nil {
		return err
	}
	names, err := ws.names(r.Context())
	if err != nil {
		return err
	}
	rows, err := ws.recall(r.Context(), e.ID)
	if err != nil {
		return err
	}
	p := exportPage{exportView: ws.exportView(e, len(rows), names)}
	p.Base = page.Base{Title: p.Name + ", " + p.At.Text, NoIndex: true, Crumbs: []page.Crumb{{Label: "Exports", Path: exportsPath}}}
	if !account.From(r.Context()).Has(account.Privacy) {
		p.DemandPath = ""
	}
	if len(rows) > shownRecalls {
		rows, p.More = rows[:shownRecalls], len(rows)-shownRecalls
	}
	for _, x := range rows {
		p.Rows = append(p.Rows, recallLine{x.Row, x.words(), ws.sinceWords(x.Since)})
	}
	return ws.views.export.Write(w, r, http.StatusOK, p)
}

func (ws *Workspace) sinceWords(since *time.Time) string {
	if since == nil {
		return ""
	}
	return clock.Date(*since)
}

// submitRecall sends the numbers of the rows that must be taken out of a file. They suffice to find them there, and say
// nothing of anybody here.
func (ws *Workspace) submitRecall(w http.ResponseWriter, r *http.Request) error {
	e, err := ws.exportOf(r)
	if err != nil {
		return err
	}
	rows, err := ws.recall(r.Context(), e.ID)
	if err != nil {
		return err
	}
	var out sheet.Sheet
	out.Row("row to remove", "why", "since")
	for _, x := range rows {
		since := ""
		if x.Since != nil {
			since = x.Since.In(clock.Zone()).Format(time.DateOnly)
		}
		out.Row(strconv.Itoa(x.Row), x.words(), since)
	}
	in := account.From(r.Context())
	if err := audit.Record(r.Context(), ws.desk.Pool, audit.Event{
		At: ws.desk.Now(), ActorID: some(in.Account.ID), Role: string(in.Roles[0]), Action: "recall", Object: e.Kind, ObjectID: some(e.ID),
		Detail: map[string]string{"count": strconv.Itoa(len(rows))},
	}); err != nil {
		return err
	}
	ws.download(w, "remove-from-"+e.Kind+"-"+e.At.In(clock.Zone()).Format(time.DateOnly), &out)
	return nil
}

// leftLine is something about a person that left the house.
type leftLine struct {
	At             stamp
	What, To, Path string
}

// leftOf lists the exports and disclosures about a person. What a person may not be told yet, only privacy officers see.
func (ws *Workspace) leftOf(ctx context.Context, m met) ([]leftLine, error) {
	day := clock.Day(ws.desk.Now())
	officer := m.in.Has(account.Privacy)
	if officer {
		day = privacy.EndOfSilence()
	}
	demands, err := privacy.DisclosuresTold(ctx, ws.desk.Pool, m.ID, day)
	if err != nil {
		return nil, err
	}
	var lines []leftLine
	for _, d := range demands {
		l := leftLine{At: stamp{d.AskedOn.Format(time.DateOnly), d.AskedOn.Format("2 January 2006")}, What: "Demanded by law", To: d.Requester}
		if officer {
			l.Path = "/staff/disclosures/" + d.Entry.String()
		}
		lines = append(lines, l)
	}
	exports, err := ws.exportsWith(ctx, m.ID, day)
	if err != nil {
		return nil, err
	}
	for _, e := range exports {
		v := ws.exportView(e, 0, names{})
		l := leftLine{At: v.At, What: "Exported: " + strings.ToLower(v.Purpose), To: v.To}
		if officer || e.Account == m.in.Account.ID {
			l.Path = v.Address
		}
		lines = append(lines, l)
	}
	return lines, nil
}
