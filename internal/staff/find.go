package staff

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
)

// findPage finds who is called at a number or written to at a postal address: whoever wants no more of that may name only
// these, which stand in no record.
type findPage struct {
	page.Base
	Piece    string
	Problems []form.Problem
	Asked    bool
	Rows     []foundRow
	Hidden   int    // people whom the roles do not open
	More     string // says that there are more than these
}

type foundRow struct{ Email, Path, Channel, Point string }

// finders are the roles that get numbers and postal addresses by lists, or answer for what is done with them.
func finders() []account.Role { return []account.Role{account.Marketer, account.Privacy} }

func (ws *Workspace) showFind(w http.ResponseWriter, r *http.Request) error {
	return ws.drawFind(w, r, http.StatusOK, findPage{})
}

// submitFind comes by POST, so that what is looked for stands in no address line, history or log.
func (ws *Workspace) submitFind(w http.ResponseWriter, r *http.Request) error {
	if err := read(r); err != nil {
		return err
	}
	p := findPage{Piece: form.Clean(r.PostForm.Get("piece"), false)}
	err := ws.find(r.Context(), account.From(r.Context()), &p)
	if errors.Is(err, consent.ErrShort) {
		p.Problems = []form.Problem{{Name: "piece", ID: "piece", Text: ws.say("find_short")}}
		return ws.drawFind(w, r, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	return ws.drawFind(w, r, http.StatusOK, p)
}

// find lists whom the session may open, and logs that they were found.
func (ws *Workspace) find(ctx context.Context, in *account.Session, p *findPage) error {
	points, more, err := ws.desk.Ledger.Reaching(ctx, p.Piece)
	if err != nil {
		return err
	}
	hidden := map[uuid.UUID]bool{}
	for _, point := range points {
		m, err := ws.meet(ctx, in, point.Person)
		if errors.Is(err, page.ErrNotFound) {
			hidden[point.Person] = true
			continue
		}
		if err != nil {
			return err
		}
		if err := audit.Record(ctx, ws.desk.Pool, audit.Event{
			At: ws.desk.Now(), ActorID: some(m.by.ID), Role: m.by.Role, Action: "find", Object: "person", ObjectID: some(m.ID),
		}); err != nil {
			return err
		}
		p.Rows = append(p.Rows, foundRow{m.Email, person.Path(m.ID), point.Channel.Label(), point.Value})
	}
	p.Asked, p.Hidden = true, len(hidden)
	if more {
		p.More = ws.say("find_more", "shown", len(points))
	}
	return nil
}

func (ws *Workspace) drawFind(w http.ResponseWriter, r *http.Request, status int, p findPage) error {
	p.Base = page.Base{Title: "Find by number or address", NoIndex: true, Crumbs: []page.Crumb{{Label: "Inbox", Path: "/staff/submissions"}}}
	return ws.views.find.Write(w, r, status, p)
}
