package staff

import (
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/submission"
)

// The views of the queue. The plain one shows everything but quarantine, newest first.
const (
	viewUnread     = "unread"
	viewMine       = "mine"
	viewUnassigned = "unassigned"
	viewLate       = "late"
	viewDue        = "due"
	viewQuarantine = "quarantine"
)

// waitingDays is how many working days a request may wait before it is listed as late.
const waitingDays = 2

// countCap is where the counts of submission.Count end.
const countCap = 1000

// nobody stands for "assigned to no one" where an owner is chosen.
const nobody = "none"

// query is what the address of the queue asks for. It travels along on every link and form of a record, so that one
// comes back to the list one left.
type query struct {
	View, Kind, Status, Owner, From, To, Q string
	Sealed                                 string // stands for Q in addresses, where Q is somebody's
	After, Before                          string // cursors
}

// personal tells whether what is searched for is an address, or a piece of one: it stands in no link.
func personal(q string) bool { return strings.Contains(q, "@") }

const sealedSearch = "search\x00" // what the box holds, so that nothing else of ours opens as a search

// hidden puts an encrypted text into the place of an address that is searched for.
func (ws *Workspace) hidden(q query) query {
	q.Sealed = ""
	if !personal(q.Q) {
		return q
	}
	box, err := ws.desk.Ring.Wrap([]byte(sealedSearch + q.Q))
	if err != nil {
		q.Q = ""
		return q
	}
	q.Sealed = base64.RawURLEncoding.EncodeToString(box)
	return q
}

// readQuery reads an address of the queue, and opens what is searched for. One that was not sealed here finds nothing
// out: it is no search.
func (ws *Workspace) readQuery(v url.Values) query {
	q := readQuery(v)
	if q.Sealed == "" {
		return q
	}
	box, err := base64.RawURLEncoding.DecodeString(q.Sealed)
	if err == nil {
		box, err = ws.desk.Ring.Unwrap(box)
	}
	text, ok := strings.CutPrefix(string(box), sealedSearch)
	if err != nil || !ok {
		q.Sealed, q.Q = "", ""
		return q
	}
	q.Q = text
	return q
}

func readQuery(v url.Values) query {
	get := func(name string) string { return form.Clean(v.Get(name), false) }
	return query{
		View: get("view"), Kind: get("kind"), Status: get("status"), Owner: get("owner"), From: get("from"), To: get("to"),
		Q: get("q"), Sealed: v.Get("s"), After: get("after"), Before: get("before"),
	}
}

func (q query) values() url.Values {
	v := url.Values{}
	if q.Sealed != "" {
		q.Q = ""
	}
	for name, value := range map[string]string{
		"view": q.View, "kind": q.Kind, "status": q.Status, "owner": q.Owner, "from": q.From, "to": q.To, "q": q.Q, "s": q.Sealed,
		"after": q.After, "before": q.Before,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// at returns the path with the query; more are further pairs of names and values.
func (q query) at(path string, more ...string) string {
	v := q.values()
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// filtered tells whether it asks for less than its view holds.
func (q query) filtered() bool { return q.Kind+q.Status+q.Owner+q.From+q.To+q.Q != "" }

// first is the query at the beginning of its list.
func (q query) first() query {
	q.After, q.Before = "", ""
	return q
}

// filter translates the query, bounded by what the session may see.
func (ws *Workspace) filter(q query, in *account.Session, right account.Right) submission.Filter {
	f := submission.Filter{
		Kinds: ws.kinds(in, right), Kind: q.Kind, Status: q.Status, Query: q.Q,
		After: submission.ParseCursor(q.After), Before: submission.ParseCursor(q.Before),
	}
	if day, err := time.ParseInLocation(time.DateOnly, q.From, clock.Zone()); err == nil {
		f.From = day
	}
	if day, err := time.ParseInLocation(time.DateOnly, q.To, clock.Zone()); err == nil {
		f.To = day.AddDate(0, 0, 1)
	}
	if q.Owner == nobody {
		f.Unassigned = true
	} else if id, err := uuid.Parse(q.Owner); err == nil {
		f.Assignee = id
	}
	switch q.View {
	case viewUnread:
		f.Unread = true
	case viewMine:
		f.Assignee = in.Account.ID
	case viewUnassigned:
		f.Unassigned, f.Statuses = true, ws.statuses(f.Kinds, func(_ activity.Activity, s activity.Status) bool { return s.Asks() })
	case viewLate:
		f.Waiting = ws.waiting(f.Kinds)
	case viewDue:
		f.Due, f.Fold = ws.terms(f.Kinds), ws.wishes(f.Kinds)
	case viewQuarantine:
		f.Quarantined = true
	}
	return f
}

func (ws *Workspace) lateBefore() time.Time {
	return activity.WorkingDays(ws.desk.Now().In(clock.Zone()), -waitingDays)
}

// statuses names those statuses of the kinds that have something in common.
func (ws *Workspace) statuses(kinds []string, common func(activity.Activity, activity.Status) bool) map[string][]string {
	list := map[string][]string{}
	for _, kind := range kinds {
		a, _ := ws.desk.Activities().Find(kind)
		for _, s := range a.Statuses {
			if common(a, s) {
				list[kind] = append(list[kind], s.Value)
			}
		}
	}
	return list
}

// waiting names the statuses in which a request may wait too long, and since when it then waits.
func (ws *Workspace) waiting(kinds []string) []submission.Wait {
	list := []submission.Wait{}
	for _, kind := range kinds {
		a, _ := ws.desk.Activities().Find(kind)
		for _, s := range a.Statuses {
			switch {
			case waits(a, s):
				list = append(list, submission.Wait{Kind: kind, Status: s.Value, Before: ws.lateBefore()})
			case s.DueMonths > 0:
				list = append(list, submission.Wait{Kind: kind, Status: s.Value, Before: s.OverdueFrom(ws.desk.Now()), Asked: true})
			}
		}
	}
	return list
}

// terms names the statuses in which the law says by when a request is answered.
func (ws *Workspace) terms(kinds []string) []submission.Term {
	list := []submission.Term{}
	for _, kind := range kinds {
		a, _ := ws.desk.Activities().Find(kind)
		for _, s := range a.Statuses {
			if s.DueMonths > 0 {
				list = append(list, submission.Term{Kind: kind, Status: s.Value, Months: s.DueMonths})
			}
		}
	}
	return list
}

// wishes names those kinds of which one person's open requests may be the same.
func (ws *Workspace) wishes(kinds []string) []submission.Wish {
	list := []submission.Wish{}
	for _, kind := range kinds {
		a, _ := ws.desk.Activities().Find(kind)
		if w := wish(a); w.Field != "" {
			list = append(list, w)
		}
	}
	return list
}

func wish(a activity.Activity) submission.Wish {
	w := submission.Wish{Kind: a.Kind, Field: a.Same}
	for _, s := range a.Statuses {
		if s.DueMonths > 0 {
			w.Statuses = append(w.Statuses, s.Value)
		}
	}
	return w
}

// late tells of a record in the list whether it waits too long: past the day that the law gives, or else longer than
// before.
func (ws *Workspace) late(a activity.Activity, s activity.Status, rec submission.Record, before time.Time) bool {
	if rec.DecidedAt != nil || rec.Quarantined != nil {
		return false
	}
	if s.DueMonths > 0 {
		return s.Overdue(rec, ws.desk.Now())
	}
	return waits(a, s) && rec.StatusSince.Before(before)
}

// dueBy is the day that the law gives for a request, in words; empty where it gives none.
func dueBy(s activity.Status, rec submission.Record) string {
	if s.DueMonths == 0 || rec.Quarantined != nil {
		return ""
	}
	return s.DueBy(rec)
}

// waits tells whether a request in the status waits for the answer that staff promise to what comes in; a registration,
// for one, waits for nobody.
func waits(a activity.Activity, s activity.Status) bool {
	return s.Value == a.First() && (s.Days > 0 || s.DueMonths > 0)
}
