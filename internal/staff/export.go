package staff

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/internal/sheet"
	"clickcommerce.com/site/internal/submission"
)

const exportsPath = "/staff/exports"

// maxExport is how many submissions one list holds; it names the first ones of the filter.
const maxExport = 10_000

// maxWords is how long what is written beside the reason of an export may be.
const maxWords = 300

// otherReason is none of those listed, and needs words.
const otherReason = "other"

// exportReasons are why a list is needed: chosen, not written, since the register keeps them for good.
func exportReasons() []option {
	return []option{
		{Value: "write", Label: "To reach the people in it"},
		{Value: "work", Label: "To plan or share the work on their requests"},
		{Value: "event", Label: "To hold an event"},
		{Value: "check", Label: "To check our records"},
		{Value: "demand", Label: "To answer a legal demand"},
		{Value: otherReason, Label: "Something else"},
	}
}

// Purposes of a list of submissions beside those that people agree to, as the statement names them.
const (
	forService = "service"
	byDemand   = "internal"
)

// Fields that say who a row is about. A list has them where it is asked to, and each row where that is allowed.
const (
	fieldName    = "name"
	fieldEmail   = "email"
	fieldCompany = "company"
)

// mayExport tells whether the session has anything to export.
func (ws *Workspace) mayExport(in *account.Session) bool {
	return in.Has(account.Marketer, account.Privacy) || len(ws.kinds(in, account.Act)) > 0
}

// recipient is to whom a file goes, of the three classes (P-9).
type recipient struct {
	class, processor string
	demand           uuid.NullUUID
}

const (
	processorPrefix = "processor:"
	demandPrefix    = "demand:"
)

// recipients are those whom the session may choose for any of the purposes: of the classes that a statement names for them.
// Only a privacy officer sees the register of demands.
func (ws *Workspace) recipients(ctx context.Context, in *account.Session, purposes []option) ([]option, error) {
	classes, err := ws.classes(ctx, purposes)
	if err != nil {
		return nil, err
	}
	var list []option
	if slices.Contains(classes, ownDepartment) {
		list = append(list, option{Value: ownDepartment, Label: "Own department"})
	}
	if slices.Contains(classes, aProcessor) {
		for _, p := range ws.desk.Pages.Site().Processors {
			list = append(list, option{Value: processorPrefix + p.Name, Label: "Processor: " + p.Name})
		}
	}
	if !slices.Contains(classes, legalDemand) || !in.Has(account.Privacy) {
		return list, nil
	}
	demands, err := privacy.Disclosures(ctx, ws.desk.Pool)
	if err != nil {
		return nil, err
	}
	for _, d := range demands {
		list = append(list, option{Value: demandPrefix + d.Entry.String(), Label: "Legal demand: " + d.Name()})
	}
	return list, nil
}

// readRecipient reads the value of an option of recipients.
func readRecipient(value string) recipient {
	if name, ok := strings.CutPrefix(value, processorPrefix); ok {
		return recipient{class: aProcessor, processor: name}
	}
	if text, ok := strings.CutPrefix(value, demandPrefix); ok {
		id, err := uuid.Parse(text)
		return recipient{class: legalDemand, demand: uuid.NullUUID{UUID: id, Valid: err == nil}}
	}
	return recipient{class: ownDepartment}
}

// asking is what was filled in for an export, and what is wrong with it.
type asking struct {
	kind     string
	values   url.Values
	problems []form.Problem
}

func (a *asking) add(name, text string) {
	a.problems = append(a.problems, form.Problem{Name: name, ID: a.kind + "-" + name, Text: text})
}

// ask reads what every export asks: purpose, recipient, reason.
func (ws *Workspace) ask(r *http.Request, kind string, purposes []option) (export, *asking, error) {
	in := account.From(r.Context())
	a := &asking{kind: kind, values: r.PostForm}
	e := export{
		Kind: kind, Purpose: r.PostForm.Get("purpose"), Reason: r.PostForm.Get("reason"), Words: form.Clean(r.PostForm.Get("words"), false),
		Fields: []string{}, Filter: map[string]string{}, Account: in.Account.ID,
		At: ws.desk.Now(), // before anything is read: what is taken back meanwhile came later
	}
	if !slices.ContainsFunc(purposes, func(o option) bool { return o.Value == e.Purpose }) {
		a.add("purpose", ws.say("no_purpose"))
	}
	if e.Channel = r.PostForm.Get("channel"); kind == ofContacts && consent.Channel(e.Channel).Label() == "" {
		a.add("channel", ws.say("no_channel"))
	}
	recipients, err := ws.recipients(r.Context(), in, purposes)
	if err != nil {
		return e, a, err
	}
	chosen := r.PostForm.Get("recipient")
	if !slices.ContainsFunc(recipients, func(o option) bool { return o.Value == chosen }) {
		a.add("recipient", ws.say("no_recipient"))
	}
	to := readRecipient(chosen)
	e.Recipient, e.Processor, e.Demand = to.class, to.processor, to.demand
	switch {
	case !slices.ContainsFunc(exportReasons(), func(o option) bool { return o.Value == e.Reason }):
		a.add("reason", ws.say("no_reason"))
	case e.Reason == otherReason && e.Words == "":
		a.add("words", ws.say("no_words"))
	case utf8.RuneCountInString(e.Words) > maxWords:
		a.add("words", ws.say("long_words", "limit", maxWords))
	case personal(e.Words):
		a.add("words", ws.say("personal_words"))
	}
	return e, a, nil
}

// agreed are the purposes that people agree to.
func agreed() []option {
	var list []option
	for _, p := range consent.Purposes() {
		list = append(list, option{Value: string(p), Label: p.Label()})
	}
	return list
}

// purposes are those of a list of submissions.
func purposes(in *account.Session) []option {
	list := []option{{Value: forService, Label: "Dealing with these requests"}}
	if in.Has(account.Privacy) {
		list = append(list, option{Value: byDemand, Label: "What a legal demand asks for"})
	}
	return append(list, agreed()...)
}

// channels are those by which people agree to be reached.
func channels() []option {
	var list []option
	for _, c := range consent.Channels() {
		list = append(list, option{Value: string(c), Label: c.Label()})
	}
	return list
}

// kindOf is what the statement calls a field, or what reaches people by a channel.
func kindOf(field string) string {
	switch field {
	case fieldEmail: // which is the channel's name, too
		return "email address"
	case string(consent.ByPhone):
		return "phone number"
	case string(consent.ByPost):
		return "postal address"
	}
	return field
}

// submitExportContacts sends the addresses of those whose consent to a purpose is in force, under a statement that names the
// recipient for it, read by the role that can see nothing else.
func (ws *Workspace) submitExportContacts(w http.ResponseWriter, r *http.Request) error {
	if err := read(r); err != nil {
		return err
	}
	e, a, err := ws.ask(r, ofContacts, agreed())
	if err != nil {
		return err
	}
	var versions []string
	if len(a.problems) == 0 {
		if versions, err = ws.naming(r.Context(), e); err != nil {
			return err
		}
		if len(versions) == 0 {
			a.add("recipient", ws.say("not_stated", "what", kindOf(e.Channel)))
		}
	}
	if len(a.problems) > 0 {
		return ws.drawExports(w, r, http.StatusUnprocessableEntity, a)
	}
	in := account.From(r.Context())
	e.Role, e.Fields = string(account.Marketer), []string{e.Channel}
	if !in.Has(account.Marketer) {
		e.Role = string(account.Privacy)
	}
	out, err := ws.contacts(r.Context(), e, versions)
	if err != nil {
		return err
	}
	return ws.send(w, r, "contacts-"+e.Purpose+"-"+e.Channel, e, out)
}

// contacts lists those who agreed under one of the versions of the statement.
func (ws *Workspace) contacts(ctx context.Context, e export, versions []string) (*outgoing, error) {
	var out outgoing
	out.Row("row", kindOf(e.Channel), "agreed on", "wording", "statement")
	err := postgres.AsMarketing(ctx, ws.desk.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT person_id, address, since, wording, statement_version FROM contactable
			WHERE purpose = $1 AND channel = $2 AND statement_version = ANY ($3) AND address IS NOT NULL ORDER BY address`,
			e.Purpose, e.Channel, versions)
		if err != nil {
			return err
		}
		var who uuid.UUID
		var address, wording, statement string
		var since time.Time
		_, err = pgx.ForEachRow(rows, []any{&who, &address, &since, &wording, &statement}, func() error {
			out.add(inRow{person: who, filled: true}, address, since.In(clock.Zone()).Format(time.DateOnly), wording, statement)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("export contacts: %w", err)
	}
	return &out, nil
}

// submitExportQueue sends the list of the queue as it is filtered. It says whose a record is only in the fields that were
// asked for, and only where that is allowed.
func (ws *Workspace) submitExportQueue(w http.ResponseWriter, r *http.Request) error {
	in := account.From(r.Context())
	if len(ws.kinds(in, account.Act)) == 0 {
		return page.ErrForbidden
	}
	if err := read(r); err != nil {
		return err
	}
	e, a, err := ws.ask(r, ofSubmissions, purposes(in))
	if err != nil {
		return err
	}
	e.Channel = "" // a list of submissions has none
	if (e.Purpose == byDemand) != (e.Recipient == legalDemand) && len(a.problems) == 0 {
		a.add("recipient", ws.say("demand_only"))
	}
	if len(a.problems) > 0 {
		return ws.drawExports(w, r, http.StatusUnprocessableEntity, a)
	}
	for _, f := range identifying() {
		if slices.Contains(r.PostForm["field"], f.Value) {
			e.Fields = append(e.Fields, f.Value)
		}
	}
	right := account.Act
	if e.Recipient == legalDemand {
		right = account.See // the officer decides on nothing, and reads everything
	}
	q := ws.readQuery(r.URL.Query()).first()
	e.Role, e.Filter = string(in.Under(right, ws.kinds(in, right)[0])), q.remembered()
	f := ws.filter(q, in, right)
	if e.Recipient == legalDemand {
		anybody, err := ws.demanded(r.Context(), &e, &f)
		if err != nil {
			return err
		}
		if !anybody {
			a.add("recipient", ws.say("demand_names_nobody"))
			return ws.drawExports(w, r, http.StatusUnprocessableEntity, a)
		}
	}
	out, err := ws.submissions(r.Context(), e, f)
	if err != nil {
		return err
	}
	kind := q.Kind
	if kind == "" {
		kind = "all"
	}
	return ws.send(w, r, "submissions-"+kind, e, out)
}

// leftOut is where an export keeps, beside its filter, how many submissions it left out.
const leftOut = "left_out"

// demanded bounds a list for a legal demand to the people whom its entry names: these are told of it, and nobody else would
// ever be. It remembers how many submissions of others that leaves out, and tells whether anybody is left.
func (ws *Workspace) demanded(ctx context.Context, e *export, f *submission.Filter) (anybody bool, err error) {
	people, err := privacy.DisclosureNames(ctx, ws.desk.Pool, e.Demand.UUID)
	if err != nil || len(people) == 0 {
		return false, err
	}
	others := *f
	others.NotOf, f.Of = people, people
	n, err := ws.desk.Store.Count(ctx, others)
	if err != nil {
		return false, err
	}
	if n > 0 {
		e.Filter[leftOut] = strconv.Itoa(n)
	}
	n, err = ws.desk.Store.Count(ctx, *f)
	return n > 0, err
}

// remembered is the query as an export keeps it: that something was searched for, but not what.
func (q query) remembered() map[string]string {
	kept := map[string]string{}
	for name, values := range q.values() {
		if name == "q" || name == "s" {
			name, values = "search", []string{"yes"}
		}
		kept[name] = values[0]
	}
	return kept
}

// identifying are the fields that say whose a record is.
func identifying() []option {
	return []option{{Value: fieldName, Label: "Name"}, {Value: fieldEmail, Label: "Email address"}, {Value: fieldCompany, Label: "Company"}}
}

func (ws *Workspace) submissions(ctx context.Context, e export, f submission.Filter) (*outgoing, error) {
	names, err := ws.names(ctx)
	if err != nil {
		return nil, err
	}
	var out outgoing
	head := []string{"row", "reference", "id", "kind", "subject", "status", "channel", "owner", "came", "decided", "deleted after"}
	for _, x := range identifying() {
		if slices.Contains(e.Fields, x.Value) {
			head = append(head, strings.ToLower(x.Label))
		}
	}
	out.Row(head...)
	for len(out.rows) < maxExport {
		found, err := ws.desk.Store.List(ctx, f)
		if err != nil {
			return nil, err
		}
		if err := ws.addRecords(ctx, &out, e, found.Records, names); err != nil {
			return nil, err
		}
		if found.Older == (submission.Cursor{}) {
			break
		}
		f.After = found.Older
	}
	return &out, nil
}

func (ws *Workspace) addRecords(ctx context.Context, out *outgoing, e export, records []submission.Record, names names) error {
	ids := make([]uuid.UUID, 0, len(records))
	for _, rec := range records {
		ids = append(ids, rec.ID)
	}
	ids, err := ws.usable(ctx, e, ids)
	if err != nil {
		return err
	}
	may := map[uuid.UUID][]string{}
	if len(e.Fields) > 0 {
		if may, err = ws.allowed(ctx, e, ids); err != nil {
			return err
		}
	}
	for _, rec := range records {
		if !slices.Contains(ids, rec.ID) {
			continue
		}
		cells := ws.line(rec, names)
		for _, x := range identifying() {
			if !slices.Contains(e.Fields, x.Value) {
				continue
			}
			cell := ""
			if slices.Contains(may[rec.ID], x.Value) {
				cell = map[string]string{fieldName: rec.Name, fieldEmail: rec.Email, fieldCompany: rec.Company}[x.Value]
			}
			cells = append(cells, cell)
		}
		out.add(inRow{person: rec.PersonID.UUID, submission: some(rec.ID), filled: len(may[rec.ID]) > 0}, cells...)
	}
	return nil
}

func (ws *Workspace) line(rec submission.Record, names names) []string {
	a, _ := ws.desk.Activities().Find(rec.Kind)
	status, _ := a.Status(rec.Status)
	decided := ""
	if rec.DecidedAt != nil {
		decided = rec.DecidedAt.In(clock.Zone()).Format(time.DateOnly)
	}
	return []string{
		rec.Reference, rec.ID.String(), a.Title, rec.Subject, tagOf(status, rec).Label, rec.Channel,
		names.of(rec.AssigneeID), rec.CreatedAt.In(clock.Zone()).Format(time.DateOnly), decided, rec.PurgeAfter.Format(time.DateOnly),
	}
}

// send remembers the export, and only then sends it. The name of the file says until when it may be kept.
func (ws *Workspace) send(w http.ResponseWriter, r *http.Request, name string, e export, out *outgoing) error {
	if err := ws.remember(r.Context(), &e, out); err != nil {
		return err
	}
	name += "-" + e.At.In(clock.Zone()).Format(time.DateOnly) + "-delete-by-" + e.ExpiresAt.In(clock.Zone()).Format(time.DateOnly)
	ws.download(w, name, &out.Sheet)
	return nil
}

func (ws *Workspace) download(w http.ResponseWriter, name string, out *sheet.Sheet) {
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", file.Disposition(name+".csv"))
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(out.Bytes()) // the reader may be gone: what was asked for is remembered
}
