package staff

import (
	"errors"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

const maxEvidence = 2000

// lastBlock is the latest end that a block may have today.
func (ws *Workspace) lastBlock() time.Time { return ws.desk.Now().In(ws.zone).Add(maxBlock) }

// submitMisuse records what the sender of a record did, and tells them (P-8).
func (ws *Workspace) submitMisuse(w http.ResponseWriter, r *http.Request, o opened) error {
	if o.Email == "" {
		return &page.Error{Status: http.StatusConflict, Message: "There is no address that this could be told to, so it can't be flagged."}
	}
	d := draft{Act: "misuse", Values: r.PostForm}
	f, problems := ws.readFlag(r.PostForm)
	if d.Problems = problems; len(problems) > 0 {
		return ws.drawRecord(w, r, http.StatusUnprocessableEntity, o, d)
	}
	f.Person, f.Submission = o.PersonID.UUID, some(o.ID)
	if err := ws.misuse.Add(r.Context(), f, o.by, o.Email, ws.desk.ReceiptPath(o.ID)); err != nil {
		return told(err)
	}
	return done(w, r, recordPath(o.ID), "flagged")
}

// readFlag reads the form and says what it lacks. A block ends with the day that was entered.
func (ws *Workspace) readFlag(v url.Values) (Flag, []form.Problem) {
	f := Flag{ID: keyOf(v), Kind: v.Get("kind"), Evidence: form.Clean(v.Get("evidence"), true), At: ws.desk.Now()}
	var list []form.Problem
	add := func(name, text string) {
		list = append(list, form.Problem{Name: name, ID: "misuse-" + name, Text: text})
	}
	if f.Label() == f.Kind {
		add("kind", "Choose what it was.")
	}
	if n := utf8.RuneCountInString(f.Evidence); n == 0 {
		add("evidence", "Write what you saw. The person reads it.")
	} else if n > maxEvidence {
		add("evidence", tooLong("evidence", n, maxEvidence))
	}
	if until := v.Get("until"); until != "" {
		day, err := time.ParseInLocation(time.DateOnly, until, ws.zone)
		end := day.AddDate(0, 0, 1).Add(-time.Second)
		if err != nil || !end.After(f.At) || day.After(ws.lastBlock()) {
			add("until", "Enter a day from today to "+ws.lastBlock().Format("2 January 2006")+", as year, month, day.")
		}
		f.BlockedUntil = &end
	}
	return f, list
}

// submitLift takes back a flag after an objection: by the privacy officer or one who works on such records, but never
// by who flagged.
func (ws *Workspace) submitLift(w http.ResponseWriter, r *http.Request) error {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return page.ErrNotFound
	}
	f, err := ws.misuse.Get(r.Context(), id)
	if err != nil {
		return told(err)
	}
	in := account.From(r.Context())
	by := submission.Actor{ID: in.Account.ID, Role: string(account.Privacy)}
	if !in.Has(account.Privacy) {
		o, err := ws.open(r.Context(), f.Submission.UUID, account.Act)
		if err != nil {
			return err
		}
		by = o.by
	}
	switch err := ws.misuse.Lift(r.Context(), f, by); {
	case errors.Is(err, ErrOwnFlag):
		return &page.Error{
			Status: http.StatusForbidden, Message: "You flagged this yourself. An objection is decided by somebody else.",
		}
	case err != nil:
		return told(err)
	}
	return done(w, r, "/staff/people/"+f.Person.String(), "lifted")
}
