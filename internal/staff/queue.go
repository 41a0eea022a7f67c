package staff

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

type queuePage struct {
	page.Base
	Views  []viewLink
	Filter filterView
	List   listView
	Total  string
	Found  string // what was searched for
	Done   string
	Owners []option // to assign to
	Take   bool     // whether records may be taken by phone
	Find   bool     // whether people may be found by number or postal address
	Closes []string // the kinds whose answered requests can be closed many at once
	Export string   // address of the CSV of this list, empty where the role may not
	Empty  string
	Refuse string // address on which a refusal is recorded for who is not found, empty where none is looked for
}

// viewLink is one of the views, with how many it holds.
type viewLink struct {
	Label, Path, Count string
	Current            bool
}

// option is a line of a select.
type option struct {
	Value, Label string
	Selected     bool
}

type filterView struct {
	View, From, To, Q      string
	Kinds, Statuses, Owner []option
	Set                    bool   // something is filtered
	Clear                  string // the same view without filters
}

// listView is a page of the queue, as a list of its own or beside a record.
type listView struct {
	Label string
	Rows  []row
	Bulk  bool   // rows can be ticked
	Act   string // where the bulk form goes
	Pager struct{ Newer, Older string }
}

type row struct {
	ID                    uuid.UUID
	Path, Who, What       string
	Arrived               stamp
	Status                tag
	Owner                 string
	Due                   string // the day that the law gives
	Same                  string // what else the person asked for the same
	Unread, Current, Late bool
}

// tag is a status: its value gives the shape, its label the word.
type tag struct{ Value, Label string }

// showStart leads to the first page that the roles open.
func (ws *Workspace) showStart(w http.ResponseWriter, r *http.Request) error {
	to := "/staff/submissions"
	if in := account.From(r.Context()); len(ws.kinds(in, account.See)) == 0 {
		to = "/staff/team"
		if !in.Has(account.Admin) {
			to = "/staff/account"
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// showSearch takes the search box above every page.
func (ws *Workspace) showSearch(w http.ResponseWriter, r *http.Request) error {
	q := ws.hidden(query{Q: readQuery(r.URL.Query()).Q})
	http.Redirect(w, r, q.at("/staff/submissions"), http.StatusSeeOther)
	return nil
}

// submitSearch takes the search box and the filters. They come by POST, so that an address that is looked for stands in
// no address line, history or log.
func (ws *Workspace) submitSearch(w http.ResponseWriter, r *http.Request) error {
	if err := read(r); err != nil {
		return err
	}
	q := ws.hidden(readQuery(r.PostForm).first())
	http.Redirect(w, r, q.at("/staff/submissions"), http.StatusSeeOther)
	return nil
}

func (ws *Workspace) showQueue(w http.ResponseWriter, r *http.Request) error {
	in := account.From(r.Context())
	kinds := ws.kinds(in, account.See)
	if len(kinds) == 0 {
		return page.ErrForbidden
	}
	q := ws.readQuery(r.URL.Query())
	if q.Sealed == "" && personal(q.Q) { // typed into the address line, or an old bookmark
		http.Redirect(w, r, ws.hidden(q).at("/staff/submissions"), http.StatusSeeOther)
		return nil
	}
	names, err := ws.names(r.Context())
	if err != nil {
		return err
	}
	filter := ws.filter(q, in, account.See)
	found, err := ws.desk.Store.List(r.Context(), filter)
	if err != nil {
		return err
	}
	filter.After, filter.Before = submission.Cursor{}, submission.Cursor{}
	total, err := ws.desk.Store.Count(r.Context(), filter)
	if err != nil {
		return err
	}
	views, err := ws.viewLinks(r.Context(), q, in)
	if err != nil {
		return err
	}
	list, err := ws.listView(r.Context(), q, found, names, uuid.Nil)
	if err != nil {
		return err
	}
	p := queuePage{
		Base: page.Base{Title: "Inbox", NoIndex: true}, Views: views, Filter: ws.filterView(q, kinds, names),
		List: list, Total: capped(total), Found: q.Q, Done: ws.doneWords(r.URL.Query()),
		Find: in.Has(finders()...), Empty: ws.emptyWords(q),
	}
	if len(ws.kinds(in, account.Act)) > 0 {
		p.List.Bulk, p.List.Act, p.Take = len(p.List.Rows) > 0, q.at("/staff/submissions"), true
		p.Closes = ws.closes(ws.kinds(in, account.Act))
		p.Owners, p.Export = names.options(uuid.Nil, in, ws.kinds(in, account.Act)...), q.first().at(exportsPath)
	}
	if len(list.Rows) == 0 {
		p.Refuse = refusalFor(in, q)
	}
	return ws.views.queue.Write(w, r, http.StatusOK, p)
}

// viewLinks counts what each view holds, apart from the plain one, whose number nobody needs.
func (ws *Workspace) viewLinks(ctx context.Context, q query, in *account.Session) ([]viewLink, error) {
	links := make([]viewLink, 0, 7)
	for _, v := range []struct{ view, label string }{
		{"", "Newest"},
		{viewUnread, "Unread"},
		{viewMine, "Mine"},
		{viewUnassigned, "Unassigned"},
		{viewLate, "Waiting over 2 working days"},
		{viewDue, "By the day due"},
		{viewQuarantine, "Quarantine"},
	} {
		if v.view == viewDue && len(ws.terms(ws.kinds(in, account.See))) == 0 {
			continue
		}
		l := viewLink{Label: v.label, Path: query{View: v.view}.at("/staff/submissions"), Current: q.View == v.view}
		if v.view != "" {
			n, err := ws.desk.Store.Count(ctx, ws.filter(query{View: v.view}, in, account.See))
			if err != nil {
				return nil, err
			}
			l.Count = capped(n)
		}
		links = append(links, l)
	}
	return links, nil
}

// capped says a count up to where counting ends.
func capped(n int) string {
	if n > countCap {
		return "1,000+"
	}
	return strconv.Itoa(n)
}

func (ws *Workspace) filterView(q query, kinds []string, names names) filterView {
	f := filterView{
		View: q.View, From: q.From, To: q.To, Q: q.Q, Clear: query{View: q.View}.at("/staff/submissions"),
		Set: q.filtered(),
	}
	seen := map[string]bool{}
	for _, kind := range kinds {
		a, _ := ws.desk.Activities().Find(kind)
		f.Kinds = append(f.Kinds, option{kind, a.Title, kind == q.Kind})
		if q.Kind != "" && kind != q.Kind {
			continue
		}
		for _, s := range a.Statuses {
			if !seen[s.Value] {
				seen[s.Value] = true
				f.Statuses = append(f.Statuses, option{s.Value, s.Label, s.Value == q.Status})
			}
		}
	}
	owner, _ := uuid.Parse(q.Owner)
	f.Owner = append(f.Owner, option{nobody, "Nobody", q.Owner == nobody})
	for _, c := range names.list {
		f.Owner = append(f.Owner, option{c.ID.String(), c.Name, c.ID == owner})
	}
	return f
}

// listView prepares a page of the queue; current is the record that is read beside it.
func (ws *Workspace) listView(ctx context.Context, q query, found submission.List, names names, current uuid.UUID) (listView, error) {
	l := listView{Label: "Submissions"}
	twins, err := ws.twins(ctx, found.Records)
	if err != nil {
		return l, err
	}
	before := ws.lateBefore()
	for _, rec := range found.Records {
		a, _ := ws.desk.Activities().Find(rec.Kind)
		status, _ := a.Status(rec.Status)
		l.Rows = append(l.Rows, row{
			ID: rec.ID, Path: q.at(submission.RecordPath(rec.ID)), Who: sender(rec), What: what(a, rec), Arrived: ws.brief(rec.CreatedAt),
			Status: tagOf(status, rec), Owner: names.of(rec.AssigneeID), Unread: rec.ReadAt == nil, Current: rec.ID == current,
			Late: ws.late(a, status, rec, before), Due: dueBy(status, rec), Same: sameWords(rec.ID, twins[rec.ID]),
		})
	}
	first := q.first()
	if c := found.Newer.String(); c != "" {
		l.Pager.Newer = first.at("/staff/submissions", "before", c)
	}
	if c := found.Older.String(); c != "" {
		l.Pager.Older = first.at("/staff/submissions", "after", c)
	}
	return l, nil
}

// sender is who a record is from, in a line.
func sender(rec submission.Record) string {
	switch {
	case rec.Name != "" && rec.Company != "":
		return rec.Name + ", " + rec.Company
	case rec.Name+rec.Company != "":
		return rec.Name + rec.Company
	case rec.Email != "":
		return rec.Email
	}
	return "Erased"
}

func what(a activity.Activity, rec submission.Record) string {
	if rec.Subject != "" {
		return a.Title + " · " + rec.Subject
	}
	return a.Title
}

func tagOf(s activity.Status, rec submission.Record) tag {
	switch {
	case rec.Quarantined != nil:
		return tag{"quarantined", "Quarantined"}
	case s.Label == "":
		return tag{rec.Status, rec.Status}
	}
	return tag{s.Sign(), s.Label}
}

func (ws *Workspace) emptyWords(q query) string {
	switch {
	case q.Q != "":
		return ws.say("empty_search")
	case q.filtered():
		return ws.say("empty_filtered")
	case q.View == viewUnread:
		return ws.say("empty_unread")
	case q.View == viewMine:
		return ws.say("empty_mine")
	case q.View == viewLate:
		return ws.say("empty_late")
	case q.View == viewDue:
		return ws.say("empty_due")
	case q.View == viewQuarantine:
		return ws.say("empty_quarantine")
	}
	return ws.say("empty")
}

// names are the colleagues by id, for pages that say who did what.
type names struct {
	list []account.Account // those who can sign in
	byID map[uuid.UUID]string
}

func (ws *Workspace) names(ctx context.Context) (names, error) {
	all, err := ws.accounts.List(ctx, account.Staff)
	if err != nil {
		return names{}, err
	}
	n := names{byID: make(map[uuid.UUID]string, len(all))}
	for _, a := range all {
		n.byID[a.ID] = a.Name
		if a.Active(ws.desk.Now()) {
			n.list = append(n.list, a)
		}
	}
	return n, nil
}

func (n names) of(id uuid.NullUUID) string { return n.byID[id.UUID] }

// options lists those who can be chosen, the reader first: everybody, or where kinds are given those who may work on one of
// them.
func (n names) options(chosen uuid.UUID, in *account.Session, kinds ...string) []option {
	may := func(roles []account.Role) bool {
		return len(kinds) == 0 || len(account.Allowed(roles, account.Act, kinds)) > 0
	}
	var list []option
	if may(in.Roles) {
		list = append(list, option{in.Account.ID.String(), "Me (" + in.Account.Name + ")", chosen == in.Account.ID})
	}
	for _, a := range n.list {
		if a.ID != in.Account.ID && may(a.Roles) {
			list = append(list, option{a.ID.String(), a.Name, chosen == a.ID})
		}
	}
	return list
}

// done leads back, with a word about what was done.
func done(w http.ResponseWriter, r *http.Request, path, word string, more ...string) error {
	to := readQuery(r.URL.Query()).at(path, append([]string{"done", word}, more...)...)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// doneWords says what the page before has just done.
func (ws *Workspace) doneWords(v url.Values) string {
	n, _ := strconv.Atoi(v.Get("n"))
	left, _ := strconv.Atoi(v.Get("left"))
	if n < 0 || n > submission.PageSize || left < 0 || left > submission.PageSize {
		return ""
	}
	word, records := form.Clean(v.Get("done"), false), ws.say("records", "n", n)
	if n == 1 {
		records = ws.say("one_record")
	}
	words := ws.say("many_"+word, "records", records)
	if words == "" {
		return ws.say("done_" + word)
	}
	switch {
	case left == 1:
		words += " " + ws.say("one_left")
	case left > 1:
		words += " " + ws.say("left", "n", left)
	}
	return words
}
