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
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

const maxEvidence = 2000

// lastBlock is the latest end that a block may have today.
func (ws *Workspace) lastBlock() time.Time { return ws.desk.Now().In(clock.Zone()).Add(maxBlock) }

// submitMisuse records what the sender of a record did, and tells them (P-8).
func (ws *Workspace) submitMisuse(w http.ResponseWriter, r *http.Request, o opened) error {
	if o.Erased() {
		return &page.Error{Status: http.StatusConflict, Message: ws.say("no_address")}
	}
	d := draft{Act: "misuse", Values: r.PostForm}
	f, problems := ws.readFlag(r.PostForm)
	if d.Problems = problems; len(problems) > 0 {
		return ws.drawRecord(w, r, http.StatusUnprocessableEntity, o, d)
	}
	f.Person, f.Submission = o.PersonID.UUID, some(o.ID)
	if err := ws.misuse.Add(r.Context(), f, o.by, o.Email, ws.conduct(f, ws.desk.ReceiptPath(o.ID))); err != nil {
		return ws.told(err)
	}
	return done(w, r, submission.RecordPath(o.ID), "flagged")
}

// readFlag reads the form and says what it lacks. A block ends with the day that was entered.
func (ws *Workspace) readFlag(v url.Values) (Flag, []form.Problem) {
	f := Flag{Kind: v.Get("kind"), Evidence: form.Clean(v.Get("evidence"), true), At: ws.desk.Now()}
	var list []form.Problem
	add := func(name, text string) {
		list = append(list, form.Problem{Name: name, ID: "misuse-" + name, Text: text})
	}
	if f.Label() == f.Kind {
		add("kind", ws.say("no_misuse"))
	}
	if n := utf8.RuneCountInString(f.Evidence); n == 0 {
		add("evidence", ws.say("no_evidence"))
	} else if n > maxEvidence {
		add("evidence", ws.tooLong("evidence", n, maxEvidence))
	}
	if until := v.Get("until"); until != "" {
		day, err := time.ParseInLocation(time.DateOnly, until, clock.Zone())
		end := day.AddDate(0, 0, 1).Add(-time.Second)
		if err != nil || !end.After(f.At) || day.After(ws.lastBlock()) {
			add("until", ws.say("wrong_block", "last", ws.lastBlock().Format("2 January 2006")))
		}
		f.BlockedUntil = &end
	}
	// Of the words too: the page that the browser brings back may flag something else.
	f.ID = uuid.NewSHA1(keyOf(v), []byte(f.Kind+"\n"+v.Get("until")+"\n"+f.Evidence))
	return f, list
}

// conduct is what the person is told of a flag; objection is the path where they can answer.
func (ws *Workspace) conduct(f Flag, objection string) mail.Conduct {
	c := mail.Conduct{What: f.Label() + ".", Evidence: f.Evidence, ObjectURL: objection}
	for i, k := range misuses() {
		if k.Value == f.Kind {
			c.Terms = ws.say("misuse_term", "number", i+1, "term", k.Term)
		}
	}
	if f.BlockedUntil != nil {
		c.What += " " + ws.say("blocked", "day", f.BlockedUntil.Format("2 January 2006"))
	}
	return c
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
		return ws.told(err)
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
	case errors.Is(err, errOwnFlag):
		return &page.Error{Status: http.StatusForbidden, Message: ws.say("own_flag")}
	case err != nil:
		return ws.told(err)
	}
	return done(w, r, person.Path(f.Person), "lifted")
}
