package staff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

const refusalsPath = "/staff/refusals"

// refusalPage records the refusal of somebody whose address no search finds (P-7).
type refusalPage struct {
	page.Base
	Email  string
	Wrong  *form.Problem // what is wrong with it
	OptOut *optOutView
	Done   string
}

// recorders are the roles that may record an opt-out of somebody: those that act on a kind of request, and the officer.
func recorders() []account.Role {
	return []account.Role{account.Reviewer, account.Recruiter, account.Alliance, account.Marketer, account.Privacy}
}

// refusalFor is the address on which a refusal is recorded for who was looked for, where that is an email address and the
// session may record one.
func refusalFor(in *account.Session, q query) string {
	if _, wrong := form.ParseEmail(q.Q); wrong != "" || !in.Has(recorders()...) {
		return ""
	}
	return query{Q: q.Q, Sealed: q.Sealed}.at(refusalsPath)
}

func (ws *Workspace) showRefusal(w http.ResponseWriter, r *http.Request) error {
	q := ws.readQuery(r.URL.Query())
	if q.Sealed == "" {
		q.Q = "" // an address stands in no address line
	}
	return ws.drawRefusal(w, r, http.StatusOK, refusalPage{Email: q.Q, OptOut: optOutForm(nil, nil), Done: ws.doneWords(r.URL.Query())})
}

func (ws *Workspace) drawRefusal(w http.ResponseWriter, r *http.Request, status int, p refusalPage) error {
	p.Base = page.Base{
		Title: "Record a refusal for an address", NoIndex: true, Crumbs: []page.Crumb{{Label: "Inbox", Path: "/staff/submissions"}},
	}
	return ws.views.refusal.Write(w, r, status, p)
}

// submitRefusal answers alike whether or not somebody has the address: who does is nothing that every role may learn.
func (ws *Workspace) submitRefusal(w http.ResponseWriter, r *http.Request) error {
	if err := read(r); err != nil {
		return err
	}
	v := r.PostForm
	typed := form.Clean(v.Get("email"), false)
	email, sentence := form.ParseEmail(typed)
	p, problems := refusalPage{Email: typed}, ws.checkOptOut(v)
	if sentence != "" {
		p.Wrong = &form.Problem{Name: "email", ID: "out-email", Text: sentence}
		problems = append([]form.Problem{*p.Wrong}, problems...)
	}
	if len(problems) > 0 {
		p.OptOut = optOutForm(v, problems)
		return ws.drawRefusal(w, r, http.StatusUnprocessableEntity, p)
	}
	if err := ws.refuse(r.Context(), recorder(account.From(r.Context())), email, v); err != nil {
		return err
	}
	return done(w, r, refusalsPath, "refused")
}

// recorder is the session under the role that lets it record a refusal.
func recorder(in *account.Session) submission.Actor {
	by := submission.Actor{ID: in.Account.ID}
	if i := slices.IndexFunc(recorders(), func(role account.Role) bool { return in.Has(role) }); i >= 0 {
		by.Role = string(recorders()[i])
	}
	return by
}

// refuse records a refusal by an address, and as their own of whoever has it by now. Who had it before is left alone: the
// address may be another's by now, who can't end what goes elsewhere.
func (ws *Workspace) refuse(ctx context.Context, by submission.Actor, email string, v url.Values) error {
	who, err := ws.desk.People.Find(ctx, email)
	known := !errors.Is(err, person.ErrNotFound)
	if known && err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, ws.desk.Pool, func(tx pgx.Tx) error {
		if known {
			if err := ws.optOut(ctx, tx, who.ID, by, v); err != nil {
				return err
			}
		}
		return ws.refuseAddress(ctx, tx, by, email, v)
	})
	if err != nil {
		return fmt.Errorf("record a refusal for an address: %w", err)
	}
	ws.desk.Refused()
	return nil
}

// refuseAddress keeps the digest of an address alone. The log has not even that: it would outlive the refusal.
func (ws *Workspace) refuseAddress(ctx context.Context, tx pgx.Tx, by submission.Actor, email string, v url.Values) error {
	pairs, err := refused(v, func(p consent.Purpose, c consent.Channel) (bool, error) {
		return ws.desk.Ledger.RefuseAddress(ctx, tx, email, consent.AddressRefusal{
			Purpose: p, Channel: c, Way: v.Get("way"), Officer: by.ID, At: ws.desk.Now(),
		})
	})
	if err != nil {
		return err
	}
	return ws.logOptOut(ctx, tx, audit.Event{ActorID: some(by.ID), Role: by.Role, Object: "address"}, pairs, v)
}

// refusedBefore lists what was refused for an address of a person before they wrote.
func (ws *Workspace) refusedBefore(ctx context.Context, m met, names names) ([]addressLine, error) {
	list, err := ws.desk.Ledger.RefusedByAddress(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	var lines []addressLine
	for _, x := range list {
		line := addressLine{Purpose: x.Purpose.Label(), Channel: x.Channel.Label(), At: ws.stamp(x.At)}
		if x.Way != "" {
			line.Way, line.Officer = lower(labelOf(ways(), x.Way)), cmp.Or(names.byID[x.Officer], "a colleague")
		}
		lines = append(lines, line)
	}
	return lines, nil
}
