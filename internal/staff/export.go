package staff

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

// exportPage offers what may leave the house.
type exportPage struct {
	page.Base
	Purposes, Channels, Recipients []option
	Contacts                       bool // the role may export addresses
	Queue                          bool // the role may export a list of submissions
	Problems                       []form.Problem
}

// reachable is the way by which an exported list can reach people. A consent to calls or letters has no number or postal
// address beside it, since no form asks for one for that; an e-mail address must not leave in its place.
const reachable = consent.ByEmail

// maxExport is how many submissions one list holds; it names the first ones of the filter.
const maxExport = 10_000

// mayExport tells whether the session has anything to export.
func (ws *Workspace) mayExport(in *account.Session) bool {
	return in.Has(account.Marketer, account.Privacy) || len(ws.kinds(in, account.Act)) > 0
}

func (ws *Workspace) showExport(w http.ResponseWriter, r *http.Request) error {
	return ws.drawExport(w, r, http.StatusOK, nil)
}

func (ws *Workspace) drawExport(w http.ResponseWriter, r *http.Request, status int, problems []form.Problem) error {
	in := account.From(r.Context())
	if !ws.mayExport(in) {
		return page.ErrForbidden
	}
	p := exportPage{
		Base: page.Base{Title: "Exports", NoIndex: true}, Contacts: in.Has(account.Marketer, account.Privacy),
		Queue: len(ws.kinds(in, account.Act)) > 0, Problems: problems,
	}
	if len(problems) > 0 {
		p.Title = "Error: " + p.Title
	}
	for _, x := range consent.Purposes() {
		p.Purposes = append(p.Purposes, option{string(x), x.Label(), r.PostForm.Get("purpose") == string(x)})
	}
	p.Channels = []option{{string(reachable), reachable.Label(), r.PostForm.Get("channel") == string(reachable)}}
	for _, x := range ws.recipients() {
		p.Recipients = append(p.Recipients, option{x, x, r.PostForm.Get("recipient") == x})
	}
	return ws.views.export.Write(w, r, status, p)
}

// ownDepartment is the recipient of what stays in the house.
const ownDepartment = "Own department"

// recipients are those to whom data may go by our statement (P-9); a legal demand has a register of its own.
func (ws *Workspace) recipients() []string {
	list := []string{ownDepartment}
	for _, p := range ws.desk.Pages.Site().Processors {
		list = append(list, p.Name)
	}
	return list
}

// submitExportContacts sends the addresses of those whose consent to a purpose is in force, read by the role that can
// see nothing else.
func (ws *Workspace) submitExportContacts(w http.ResponseWriter, r *http.Request) error {
	if err := read(w, r); err != nil {
		return err
	}
	purpose, channel, recipient := r.PostForm.Get("purpose"), r.PostForm.Get("channel"), r.PostForm.Get("recipient")
	var problems []form.Problem
	add := func(name, text string) {
		problems = append(problems, form.Problem{Name: name, ID: "export-" + name, Text: text})
	}
	if consent.Purpose(purpose).Label() == "" {
		add("purpose", "Choose the purpose that people agreed to.")
	}
	if channel != string(reachable) {
		add("channel", "Choose the way to reach them.")
	}
	if !slices.Contains(ws.recipients(), recipient) {
		add("recipient", "Choose who gets the list.")
	}
	if len(problems) > 0 {
		return ws.drawExport(w, r, http.StatusUnprocessableEntity, problems)
	}
	out, n, err := ws.contacts(r.Context(), purpose, channel)
	if err != nil {
		return err
	}
	in := account.From(r.Context())
	role := account.Marketer
	if !in.Has(account.Marketer) {
		role = account.Privacy
	}
	return ws.send(w, r, "contacts-"+purpose+"-"+channel, out, audit.Event{
		Role: string(role), Object: "contacts",
		Detail: map[string]string{"purpose": purpose, "channel": channel, "recipient": recipient, "count": strconv.Itoa(n)},
	})
}

func (ws *Workspace) contacts(ctx context.Context, purpose, channel string) (*sheet, int, error) {
	var out sheet
	out.row("e-mail address", "agreed on", "wording", "statement")
	n := 0
	err := postgres.AsMarketing(ctx, ws.desk.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT address, since, wording, statement_version FROM contactable
			WHERE purpose = $1 AND channel = $2 AND address IS NOT NULL ORDER BY address`, purpose, channel)
		if err != nil {
			return err
		}
		var address, wording, statement string
		var since time.Time
		_, err = pgx.ForEachRow(rows, []any{&address, &since, &wording, &statement}, func() error {
			n++
			out.row(address, since.In(ws.zone).Format(time.DateOnly), wording, statement)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("export contacts: %w", err)
	}
	return &out, n, nil
}

// submitExportQueue sends the list of the queue as it is filtered, without addresses and names.
func (ws *Workspace) submitExportQueue(w http.ResponseWriter, r *http.Request) error {
	in := account.From(r.Context())
	if len(ws.kinds(in, account.Act)) == 0 {
		return page.ErrForbidden
	}
	names, err := ws.names(r.Context())
	if err != nil {
		return err
	}
	q := ws.readQuery(r.URL.Query()).first()
	f := ws.filter(q, in, account.Act)
	var out sheet
	out.row("reference", "id", "kind", "subject", "status", "company", "channel", "owner", "came", "decided", "deleted after")
	n := 0
	for n < maxExport {
		found, err := ws.desk.Store.List(r.Context(), f)
		if err != nil {
			return err
		}
		for _, rec := range found.Records {
			out.row(ws.line(rec, names)...)
		}
		n += len(found.Records)
		if found.Older == (submission.Cursor{}) {
			break
		}
		f.After = found.Older
	}
	kind := q.Kind
	if kind == "" {
		kind = "all"
	}
	role := in.Under(account.Act, ws.kinds(in, account.Act)[0])
	return ws.send(w, r, "submissions-"+kind, &out, audit.Event{
		Role: string(role), Object: "submissions", Detail: map[string]string{"kind": kind, "recipient": ownDepartment, "count": strconv.Itoa(n)},
	})
}

func (ws *Workspace) line(rec submission.Record, names names) []string {
	a, _ := ws.desk.Activities().Find(rec.Kind)
	status, _ := a.Status(rec.Status)
	decided := ""
	if rec.DecidedAt != nil {
		decided = rec.DecidedAt.In(ws.zone).Format(time.DateOnly)
	}
	return []string{
		rec.Reference, rec.ID.String(), a.Title, rec.Subject, tagOf(status, rec).Label, rec.Company, rec.Channel,
		names.of(rec.AssigneeID), rec.CreatedAt.In(ws.zone).Format(time.DateOnly), decided, rec.PurgeAfter.Format(time.DateOnly),
	}
}

// send logs the export with its count and digest, and only then sends it.
func (ws *Workspace) send(w http.ResponseWriter, r *http.Request, name string, out *sheet, e audit.Event) error {
	sum := sha256.Sum256(out.buf.Bytes())
	e.At, e.ActorID, e.Action = ws.desk.Now(), some(account.From(r.Context()).Account.ID), "export"
	e.Detail["sha256"] = hex.EncodeToString(sum[:])
	if err := audit.Record(r.Context(), ws.desk.Pool, e); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", file.Disposition(name+"-"+ws.desk.Now().In(ws.zone).Format(time.DateOnly)+".csv"))
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(out.buf.Bytes()) // the reader may be gone: the log says that it was asked for
	return nil
}
