package staff

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// submitBulk does one thing with all records that are ticked. One that may not be changed stops it before anything is
// changed; one whose status does not allow it is left and counted.
func (ws *Workspace) submitBulk(w http.ResponseWriter, r *http.Request) error {
	if err := read(r); err != nil {
		return err
	}
	in := account.From(r.Context())
	if len(ws.kinds(in, account.See)) == 0 {
		return page.ErrForbidden
	}
	records, err := ws.ticked(r.Context(), in, r.PostForm["id"])
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return done(w, r, "/staff/submissions", "none")
	}
	act, word := ws.bulkAct(r.PostForm.Get("do"), r.PostForm.Get("to"))
	if act == nil {
		return &page.Error{Status: http.StatusUnprocessableEntity, Message: ws.say("bulk_choose")}
	}
	if r.PostForm.Get("do") == "assign" {
		for _, rec := range records { // all of them before the first is given away
			if _, err := ws.assignee(r.Context(), r.PostForm.Get("to"), rec.Kind); err != nil {
				return err
			}
		}
	}
	n := 0
	for _, rec := range records {
		switch err := act(r, in, rec); {
		case err == nil:
			n++
		case !errors.Is(err, submission.ErrMove):
			return ws.told(err)
		}
	}
	return done(w, r, "/staff/submissions", word, "n", strconv.Itoa(n), "left", strconv.Itoa(len(records)-n))
}

// ticked returns the records of the boxes, at most a page of them.
func (ws *Workspace) ticked(ctx context.Context, in *account.Session, ids []string) ([]submission.Record, error) {
	if len(ids) > submission.PageSize {
		return nil, &page.Error{Status: http.StatusUnprocessableEntity, Message: ws.say("bulk_many")}
	}
	records := make([]submission.Record, 0, len(ids))
	for _, text := range ids {
		id, err := uuid.Parse(text)
		if err != nil {
			return nil, page.ErrNotFound
		}
		rec, err := ws.desk.Store.Get(ctx, id)
		switch {
		case err != nil:
			return nil, ws.told(err)
		case !in.Can(account.See, rec.Kind):
			return nil, page.ErrNotFound
		case !in.Can(account.Act, rec.Kind):
			return nil, page.ErrForbidden
		}
		if err := ws.desk.Changeable(ctx, id); err != nil {
			return nil, err
		}
		records = append(records, rec)
	}
	return records, nil
}

type bulkAct func(r *http.Request, in *account.Session, rec submission.Record) error

// bulkAct is what a button does to each record that is ticked, and the word for it; to is whom they are assigned to.
func (ws *Workspace) bulkAct(name, to string) (bulkAct, string) {
	switch name {
	case "assign":
		if to == nobody {
			return ws.assignOne, "unassigned"
		}
		return ws.assignOne, "assigned"
	case "close":
		return ws.closeOne, "closed"
	case "quarantine":
		return func(r *http.Request, in *account.Session, rec submission.Record) error {
			if rec.Quarantined != nil {
				return submission.ErrMove
			}
			return ws.desk.Store.Quarantine(r.Context(), []uuid.UUID{rec.ID}, actor(in, account.Act, rec.Kind))
		}, "quarantined"
	case "restore":
		return func(r *http.Request, in *account.Session, rec submission.Record) error {
			return ws.desk.Restore(r.Context(), rec.ID, actor(in, account.Act, rec.Kind))
		}, "restored"
	}
	return nil, ""
}

func (ws *Workspace) assignOne(r *http.Request, in *account.Session, rec submission.Record) error {
	to, err := ws.assignee(r.Context(), r.PostForm.Get("to"), rec.Kind)
	if err != nil {
		return err
	}
	return ws.desk.Store.Assign(r.Context(), []uuid.UUID{rec.ID}, to, actor(in, account.Act, rec.Kind))
}

// wrongAssignee says that the one chosen can't work on the record.
func (ws *Workspace) wrongAssignee() error {
	return &page.Error{Status: http.StatusUnprocessableEntity, Message: ws.say("wrong_assignee")}
}

// assignee returns whom a record of the kind is to be given to; the zero id for nobody.
func (ws *Workspace) assignee(ctx context.Context, text, kind string) (uuid.UUID, error) {
	if text == nobody {
		return uuid.Nil, nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, ws.wrongAssignee()
	}
	a, err := ws.accounts.Get(ctx, id)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return uuid.Nil, ws.wrongAssignee()
	case err != nil:
		return uuid.Nil, err
	case a.Kind != account.Staff, !a.Active(ws.desk.Now()), !account.Can(a.Roles, account.Act, kind):
		return uuid.Nil, ws.wrongAssignee()
	}
	return id, nil
}

// closeOne closes a request that was answered, where its activity has a step that is only that. A step which merely ends
// in a final status may hire somebody or give a seat away: such is taken on the record.
func (ws *Workspace) closeOne(r *http.Request, in *account.Session, rec submission.Record) error {
	a, _ := ws.desk.Activities().Find(rec.Kind)
	m, ok := closing(a, rec.Status)
	if !ok {
		return submission.ErrMove
	}
	return ws.desk.Store.Move(r.Context(), rec.ID, ws.change(a, rec.Status, m, actor(in, account.Act, rec.Kind)))
}

func closing(a activity.Activity, status string) (activity.Move, bool) {
	s, _ := a.Status(status)
	for _, m := range s.Moves {
		if m.Close {
			return m, true
		}
	}
	return activity.Move{}, false
}

// closes names the activities of those kinds whose answered requests can be closed many at once.
func (ws *Workspace) closes(kinds []string) []string {
	var titles []string
	for _, kind := range kinds {
		a, _ := ws.desk.Activities().Find(kind)
		if slices.ContainsFunc(a.Statuses, func(s activity.Status) bool { _, ok := closing(a, s.Value); return ok }) {
			titles = append(titles, a.Title)
		}
	}
	return titles
}

// change is the step as the store takes it, still without letter and reason.
func (ws *Workspace) change(a activity.Activity, from string, m activity.Move, by submission.Actor) submission.Change {
	to, _ := a.Status(m.To)
	c := submission.Change{
		From: []string{from}, To: m.To, By: by, Decides: to.Final, Moved: a.Moved, Detail: map[string]string{},
	}
	if to.Months > 0 {
		c.PurgeAfter = ws.desk.KeptUntil(to.Months)
	}
	return c
}
