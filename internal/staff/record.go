package staff

import (
	"cmp"
	"context"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

type recordPage struct {
	page.Base
	List      listView
	Back      string // the list one came from
	Query     string // with its "?", for the forms
	Record    submission.Record
	Kind      activity.Activity
	Who       string
	What      string
	Status    tag
	Owner     string
	Arrived   stamp
	Deleted   string
	Due       string // the day that the law gives
	Late      bool
	Twins     []twinView // the person's open requests for the same, this one among them
	Statement string
	Receipt   string
	Done      string
	Problem   string // why what was sent was not done
	Undo      *undoView
	Versions  []versionView
	Files     []fileView // those that no answer names
	Given     []givenView
	Thread    []entryView
	Timeline  []momentView
	Panel     template.HTML
	Flags     []Flag
	Held      bool      // a legal hold covers it
	Idle      bool      // its use is restricted
	Acts      *actsView // nil where the role may only look
}

// opened is a record that the reader may see.
type opened struct {
	submission.Record
	kind activity.Activity
	in   *account.Session
	by   submission.Actor
}

// onRecord gives a handler the record of the address, if the session has the right over its kind.
func (ws *Workspace) onRecord(right account.Right, h func(http.ResponseWriter, *http.Request, opened) error) http.HandlerFunc {
	return ws.handle(func(w http.ResponseWriter, r *http.Request) error {
		id, err := uuid.Parse(chi.URLParam(r, "id"))
		if err != nil {
			return page.ErrNotFound
		}
		if r.Method == http.MethodPost {
			if err := read(r); err != nil {
				return err
			}
		}
		o, err := ws.open(r.Context(), id, right)
		if err == nil {
			err = h(w, r, o)
		}
		if err != nil && r.PostForm.Get("text") != "" {
			return ws.accounts.Keep(w, r, err)
		}
		return err
	})
}

func (ws *Workspace) open(ctx context.Context, id uuid.UUID, right account.Right) (opened, error) {
	rec, err := ws.desk.Store.Get(ctx, id)
	if err != nil {
		return opened{}, ws.told(err)
	}
	in := account.From(ctx)
	a, known := ws.desk.Activities().Find(rec.Kind)
	switch {
	case !known, !in.Can(account.See, rec.Kind):
		return opened{}, page.ErrNotFound
	case !in.Can(right, rec.Kind):
		return opened{}, page.ErrForbidden
	}
	if right == account.Act {
		if err := ws.desk.Changeable(ctx, id); err != nil {
			return opened{}, err
		}
	}
	return opened{Record: rec, kind: a, in: in, by: actor(in, right, rec.Kind)}, nil
}

func (ws *Workspace) showRecord(w http.ResponseWriter, r *http.Request, o opened) error {
	return ws.drawRecord(w, r, http.StatusOK, o, draft{})
}

// versionView is what was answered at one time.
type versionView struct {
	N       int
	At      stamp
	Answers []answerView
	Newest  bool
}

type answerView struct {
	Label   string
	Texts   []string
	Files   []fileView // of a question for a file: in the place of texts
	Changed bool       // since the version before
}

// fileView is a file with what is known about viruses in it.
type fileView struct {
	ID       uuid.UUID
	Describe string
	Scan     tag
	Warning  string
	Open     string // where it is opened; empty where it can't be
	Again    string // where its scan is tried again; empty unless that failed
}

// givenView is a consent that was given with the record.
type givenView struct {
	Purpose string    `db:"purpose"`
	Channel string    `db:"channel"`
	Wording string    `db:"wording"`
	At      time.Time `db:"at"`
	State   tag       `db:"-"`
}

// drawRecord draws the record with the list beside it; draft is what was typed and could not be done. Whyever it is
// drawn, the reading is logged before.
func (ws *Workspace) drawRecord(w http.ResponseWriter, r *http.Request, status int, o opened, d draft) error {
	ctx, q := r.Context(), ws.readQuery(r.URL.Query())
	if err := ws.desk.Store.Read(ctx, o.ID, o.by); err != nil {
		return ws.told(err)
	}
	names, err := ws.names(ctx)
	if err != nil {
		return err
	}
	p := recordPage{
		Base: page.Base{Title: sender(o.Record), NoIndex: true, Crumbs: []page.Crumb{{Label: "Inbox", Path: q.at("/staff/submissions")}}},
		Back: q.at("/staff/submissions"), Query: q.at(""), Record: o.Record, Kind: o.kind, Who: sender(o.Record),
		What: what(o.kind, o.Record), Owner: names.of(o.AssigneeID), Arrived: ws.stamp(o.CreatedAt),
		Deleted: o.PurgeAfter.Format("2 January 2006"), Receipt: ws.desk.ReceiptPath(o.ID),
		Done: cmp.Or(d.Done, ws.doneWords(r.URL.Query())), Problem: d.Problem,
	}
	state, _ := o.kind.Status(o.Status)
	p.Status = tagOf(state, o.Record)
	p.Due, p.Late = dueBy(state, o.Record), ws.late(o.kind, state, o.Record, ws.lateBefore())
	found, err := ws.desk.Store.List(ctx, ws.filter(q, o.in, account.See))
	if err != nil {
		return err
	}
	if p.List, err = ws.listView(ctx, q, found, names, o.ID); err != nil {
		return err
	}
	twins, err := ws.twins(ctx, []submission.Record{o.Record})
	if err != nil {
		return err
	}
	p.Twins = twinViews(o.ID, twins[o.ID], q)
	if err := ws.fillAnswers(ctx, &p); err != nil {
		return err
	}
	if err := ws.fillHistory(ctx, &p, names); err != nil {
		return err
	}
	if o.kind.Panel != nil {
		if p.Panel, err = o.kind.Panel(ctx, o.Record); err != nil {
			return err
		}
	}
	if p.Held, err = ws.desk.Store.Held(ctx, o.ID); err != nil {
		return err
	}
	if p.Idle, err = ws.desk.Store.Restricted(ctx, o.ID); err != nil {
		return err
	}
	if o.in.Can(account.Act, o.Kind) && !p.Held && !p.Idle {
		p.Acts = ws.actsView(o, state, names, d)
	}
	if p.Acts == nil || p.Acts.Quarantined {
		p.Undo = nil // nothing leaves as long as it is set apart, and who only looks takes nothing back
	}
	if p.Undo != nil && r.URL.Query().Get("done") == "written" {
		p.Done = "" // the letter that leaves says it
	}
	return ws.views.record.Write(w, r, status, p)
}

// fillAnswers reads what was sent: answers of every version, files, and the consents that came with them.
func (ws *Workspace) fillAnswers(ctx context.Context, p *recordPage) error {
	versions, err := ws.desk.Store.Versions(ctx, p.Record.ID)
	if err != nil {
		return err
	}
	files, err := ws.desk.Files.Of(ctx, p.Record.ID)
	if err != nil {
		return err
	}
	for _, f := range files {
		p.Files = append(p.Files, viewFile(ctx, f, p))
	}
	all, answered := p.Files, map[uuid.UUID]bool{}
	for i, v := range versions {
		view := versionView{N: v.N, At: ws.stamp(v.At), Newest: i == 0}
		before := earlier(versions, i)
		for _, a := range v.Answers() {
			changed := before != nil && !slices.Equal(before[a.Name], a.Texts)
			answer := answerView{Label: a.Label, Texts: a.Texts, Changed: changed}
			if a.Kind == form.File {
				answer.Texts, answer.Files = nil, named(a, all)
			}
			for _, f := range answer.Files {
				answered[f.ID] = true
			}
			view.Answers = append(view.Answers, answer)
		}
		p.Versions = append(p.Versions, view)
		if s, ok := ws.desk.Statements.Get(v.Statement); ok {
			p.Statement = s.Name() // in the end that of the first version
		}
	}
	p.Files = slices.DeleteFunc(slices.Clone(all), func(f fileView) bool { return answered[f.ID] })
	p.Given, err = ws.given(ctx, p.Record)
	return err
}

// viewFile is a file of the record on the page, with what the reader may do with it.
func viewFile(ctx context.Context, f file.Info, p *recordPage) fileView {
	at := submission.RecordPath(p.Record.ID) + "/file/" + f.ID.String()
	view := fileView{ID: f.ID, Describe: f.Describe(), Scan: scanTag(f), Warning: f.Warning()}
	if f.Openable {
		view.Open = at
	}
	if f.Scan == file.Failed && account.From(ctx).Can(account.Act, p.Record.Kind) {
		view.Again = at + "/scan" + p.Query
	}
	return view
}

// earlier returns the answers of the version before the i-th of them, newest first, by the names of their fields; nil for
// the first version, with which nothing is compared.
func earlier(newestFirst []submission.Version, i int) map[string][]string {
	if i+1 == len(newestFirst) {
		return nil
	}
	texts := map[string][]string{}
	for _, a := range newestFirst[i+1].Answers() {
		texts[a.Name] = a.Texts
	}
	return texts
}

// named returns the files whose ids an answer holds.
func named(a form.Answer, files []fileView) []fileView {
	var list []fileView
	for _, f := range files {
		if slices.Contains(a.Texts, f.ID.String()) {
			list = append(list, f)
		}
	}
	return list
}

func scanTag(f file.Info) tag {
	switch f.Scan {
	case file.Clean:
		return tag{"clean", "Clean"}
	case file.Infected:
		return tag{"infected", "Infected"}
	case file.Failed:
		return tag{"failed", "Could not be scanned"}
	case file.Unscanned:
		return tag{"unscanned", "Not scanned"}
	case file.Pending:
	}
	return tag{"waiting", "Being scanned"}
}

// given reads the consents that came with a record, and what became of them.
func (ws *Workspace) given(ctx context.Context, rec submission.Record) ([]givenView, error) {
	list, err := postgres.Rows[givenView](ctx, ws.desk.Pool, `
		SELECT purpose, channel, wording, at FROM consent_event WHERE submission_id = $1 ORDER BY seq`, rec.ID)
	if err != nil {
		return nil, errRead("consents", err)
	}
	if len(list) == 0 {
		return nil, nil
	}
	now, err := ws.desk.Ledger.Of(ctx, rec.PersonID.UUID)
	if err != nil {
		return nil, err
	}
	for i := range list {
		for _, c := range now {
			if string(c.Purpose) == list[i].Purpose && string(c.Channel) == list[i].Channel {
				list[i].State = choiceTag(c, c.At.Equal(list[i].At))
			}
		}
	}
	return list, nil
}

// choiceTag says what a choice is worth now; same tells that it is still the latest one.
func choiceTag(c consent.Choice, same bool) tag {
	switch {
	case c.InForce:
		return tag{"active", "In force"}
	case !c.Granted:
		return tag{"withdrawn", "Refused since"}
	case same && c.Lapsed():
		return tag{"closed", "Lapsed: the address was not confirmed within 30 days"}
	case same:
		return tag{"waiting", "Counts once the address is confirmed"}
	}
	return tag{"closed", "Chosen anew since"}
}

// fileOf returns the file that the address names, where it is one of the record.
func (ws *Workspace) fileOf(r *http.Request, o opened) (file.Info, error) {
	id, err := uuid.Parse(chi.URLParam(r, "file"))
	if err != nil {
		return file.Info{}, page.ErrNotFound
	}
	info, err := ws.desk.Files.Info(r.Context(), id)
	if err != nil {
		return file.Info{}, ws.told(err)
	}
	if info.Submission.UUID != o.ID {
		return file.Info{}, page.ErrNotFound
	}
	return info, nil
}

// logFile notes what is done with a file of the record, and by whom.
func (ws *Workspace) logFile(ctx context.Context, o opened, action string, id uuid.UUID) error {
	return audit.Record(ctx, ws.desk.Pool, audit.Event{
		At: ws.desk.Now(), ActorID: some(o.by.ID), Role: o.by.Role, Action: action, Object: "file", ObjectID: some(id),
		Detail: map[string]string{"submission": o.ID.String()},
	})
}

// submitFile sends a file to staff who may see its record; that it was opened is logged first.
func (ws *Workspace) submitFile(w http.ResponseWriter, r *http.Request, o opened) error {
	info, err := ws.fileOf(r, o)
	if err != nil {
		return err
	}
	if !info.Openable {
		return ws.told(file.ErrWithheld)
	}
	if err := ws.logFile(r.Context(), o, "read", info.ID); err != nil {
		return err
	}
	return ws.told(ws.desk.Files.Serve(w, r, info.ID))
}

// submitScan has a file scanned again whose scan failed. One that is clean or infected stays what it is.
func (ws *Workspace) submitScan(w http.ResponseWriter, r *http.Request, o opened) error {
	info, err := ws.fileOf(r, o)
	if err != nil {
		return err
	}
	if info.Scan != file.Failed {
		return done(w, r, submission.RecordPath(o.ID), "scanned")
	}
	if err := ws.desk.Files.Rescan(r.Context(), info.ID); err != nil {
		return err
	}
	if err := ws.logFile(r.Context(), o, "rescan", info.ID); err != nil {
		return err
	}
	return done(w, r, submission.RecordPath(o.ID), "scan")
}

// draft is what was typed into one of the record's forms and could not be done.
type draft struct {
	Act      string // the form: "move approved", "reply", "note", "misuse"
	Values   url.Values
	Problems []form.Problem
	Problem  string // above everything: what happened meanwhile
	Done     string // in its place: what was done
}

func (d draft) value(act, name, otherwise string) string {
	if d.Act != act {
		return otherwise
	}
	return d.Values.Get(name)
}
