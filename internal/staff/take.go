package staff

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// takePage is the public form of an activity, filled in by staff for somebody who called, wrote or stood before them.
type takePage struct {
	page.Base
	Kinds []takeKind // first is chosen what it is about
	Form  *form.View
	What  string
}

// takeKind is a kind of request that can be taken: as such, and for its subjects.
type takeKind struct {
	Title, Path string // no path: it needs a subject
	Subjects    []subjectLink
}

type subjectLink struct{ Name, Path string }

const (
	viaField = "via"
	byField  = "taken_by"
)

// vias are the ways by which a request reaches us other than the site; the values are those of submission.channel.
func vias() []form.Option {
	return []form.Option{
		{Value: "phone", Label: "By phone"},
		{Value: "fair", Label: "At a fair or a meeting"},
		{Value: "post", Label: "By letter"},
		{Value: "mail", Label: "By email"},
	}
}

func channelWords(channel string) string {
	for _, v := range vias() {
		if v.Value == channel {
			return lower(v.Label)
		}
	}
	return "by the site"
}

// taken is a form about to be filled in by staff.
type taken struct {
	kind activity.Activity
	form form.Form
	in   *account.Session
	// closed is why nothing more is taken.
	closed *page.Error
}

// takeForm returns the form of the address: that of the public page, on one page. Files are never required of staff: who
// calls can't hand one over, and it can be asked for later.
func (ws *Workspace) takeForm(r *http.Request) (taken, error) {
	in, kind := account.From(r.Context()), r.URL.Query().Get("kind")
	a, ok := ws.desk.Activities().Find(kind)
	switch {
	case len(ws.kinds(in, account.Act)) == 0:
		return taken{}, page.ErrForbidden
	case !ok, !in.Can(account.See, kind):
		return taken{}, page.ErrNotFound
	case !in.Can(account.Act, kind):
		return taken{}, page.ErrForbidden
	}
	subject, err := uuid.Parse(r.URL.Query().Get("subject"))
	if err != nil || subject == uuid.Nil {
		subject = uuid.Nil
		open, err := a.Open(r.Context())
		if err != nil {
			return taken{}, err
		}
		if !slices.Contains(open, uuid.Nil) {
			return taken{}, page.ErrNotFound
		}
	}
	f, err := a.Form(r.Context(), subject)
	if err != nil {
		return taken{}, err
	}
	why, err := a.WhyClosed(r.Context(), subject)
	switch {
	case err != nil:
		return taken{}, err
	case f.Anonymous:
		return taken{}, page.ErrNotFound // asked by a colleague, it would not be anonymous
	}
	t := taken{kind: a, in: in}
	if why != "" {
		t.closed = &page.Error{Status: http.StatusConflict, Message: why}
	}
	f.Fields = slices.Clone(f.Fields)
	for i := range f.Fields {
		f.Fields[i].Step = "" // nobody is led through it
		f.Fields[i].Required = f.Fields[i].Required && f.Fields[i].Kind != form.File
	}
	t.form = f
	return t, nil
}

func (ws *Workspace) showTake(w http.ResponseWriter, r *http.Request) error {
	in := account.From(r.Context())
	if len(ws.kinds(in, account.Act)) == 0 {
		return page.ErrForbidden
	}
	if r.URL.Query().Get("kind") == "" {
		kinds, err := ws.takeKinds(r.Context(), in)
		if err != nil {
			return err
		}
		return ws.views.take.Write(w, r, http.StatusOK, takePage{Base: takeBase("Take a request"), Kinds: kinds})
	}
	t, err := ws.takeForm(r)
	if err != nil {
		return err
	}
	if t.closed != nil {
		return t.closed
	}
	return ws.drawTake(w, r, http.StatusOK, t, activity.Received{}, form.Errors{}, "")
}

func takeBase(title string) page.Base {
	return page.Base{Title: title, NoIndex: true, Crumbs: []page.Crumb{{Label: "Inbox", Path: "/staff/submissions"}}}
}

// takeKinds offers what the session may take: kinds whose form needs no subject, and the subjects of others that are open
// today.
func (ws *Workspace) takeKinds(ctx context.Context, in *account.Session) ([]takeKind, error) {
	var list []takeKind
	for _, kind := range ws.kinds(in, account.Act) {
		a, _ := ws.desk.Activities().Find(kind)
		k := takeKind{Title: a.Title}
		ids, err := a.Open(ctx)
		if err != nil {
			return nil, err
		}
		if slices.Contains(ids, uuid.Nil) {
			k.Path = activity.TakePath(kind, uuid.Nil)
		}
		if k.Subjects, err = subjectLinks(ctx, a, ids); err != nil {
			return nil, err
		}
		if k.Path != "" || len(k.Subjects) > 0 {
			list = append(list, k)
		}
	}
	return list, nil
}

// subjectLinks leaves out forms that are anonymous, which they would not be if asked by a colleague, and the one without
// a subject.
func subjectLinks(ctx context.Context, a activity.Activity, ids []uuid.UUID) ([]subjectLink, error) {
	var links []subjectLink
	for _, id := range ids {
		if id == uuid.Nil {
			continue
		}
		f, err := a.Form(ctx, id)
		if err != nil {
			return nil, err
		}
		if !f.Anonymous {
			links = append(links, subjectLink{f.Name, activity.TakePath(a.Kind, id)})
		}
	}
	return links, nil
}

// drawTake draws the form with the two questions that only staff are asked in front.
func (ws *Workspace) drawTake(w http.ResponseWriter, r *http.Request, status int, t taken, in activity.Received, errs form.Errors, message string) error {
	v := in.Values
	statement, err := ws.desk.Statements.InForce()
	if err != nil {
		return err
	}
	names, err := ws.names(r.Context())
	if err != nil {
		return err
	}
	seal := v.Get(form.SealField)
	if ws.checkSeal(seal, t, statement) != nil {
		seal = form.NewSeal(t.form, statement.ID, ws.desk.Now()).Close(ws.desk.Ring)
	}
	view := t.form.View(form.Shown{
		Action: r.URL.RequestURI(), Statement: statement.Name(), Seal: seal, Values: v, Errors: errs, Kept: in.Kept,
		Message: message,
	})
	view.Trap, view.Intro, view.Button = "", "", "Store the request"
	asked := staffFields(names, t, v, errs)
	for _, f := range asked {
		if f.Error != "" {
			view.Problems = slices.Insert(view.Problems, 0, form.Problem{Name: f.Name, ID: f.Choices[0].ID, Text: f.Error})
		}
	}
	view.Fields = append(asked, view.Fields...)
	p := takePage{Base: takeBase("Take a request: " + t.kind.Title), Form: &view, What: t.form.Name}
	return ws.views.take.Write(w, r, status, p)
}

func staffFields(names names, t taken, v url.Values, errs form.Errors) []form.FieldView {
	via := form.FieldView{
		Name: viaField, ID: "f-" + viaField, Label: "How did it reach us?", Kind: string(form.Choice), Required: true, Error: errs[viaField],
	}
	for i, o := range vias() {
		via.Choices = append(via.Choices, form.ChoiceView{
			ID: "f-" + viaField + "-" + strconv.Itoa(i), Value: o.Value, Label: o.Label, Checked: v.Get(viaField) == o.Value,
		})
	}
	if via.Error != "" {
		via.Describedby = via.ID + "-error"
	}
	by := form.FieldView{Name: byField, ID: "f-" + byField, Label: "Who took it?", Kind: string(form.Country), Required: true, Error: errs[byField]}
	chosen := cmp.Or(v.Get(byField), t.in.Account.ID.String())
	for _, o := range names.options(uuid.Nil, t.in) {
		by.Choices = append(by.Choices, form.ChoiceView{ID: by.ID, Value: o.Value, Label: o.Label, Checked: o.Value == chosen})
	}
	return []form.FieldView{via, by}
}

// submitTake stores what was told us, as the public form would: the same wording, the same way in. Consents that were
// read out count once the person confirms the address by mail.
func (ws *Workspace) submitTake(w http.ResponseWriter, r *http.Request) error {
	t, err := ws.takeForm(r)
	if err != nil {
		return err
	}
	sent, err := ws.desk.Receive(w, r, t.form)
	if err != nil {
		return ws.notTaken(w, r, t, sent, err)
	}
	if t.closed != nil {
		return ws.notTaken(w, r, t, sent, t.closed)
	}
	values, errs := t.form.Parse(sent.Values)
	maps.Copy(errs, sent.Errors)
	if sent.Status != 0 {
		return ws.drawTake(w, r, sent.Status, t, sent, errs, sent.Message)
	}
	by, err := ws.checkTaken(r.Context(), sent.Values, errs)
	if err != nil {
		return err
	}
	statement, err := ws.desk.Statements.InForce()
	if err != nil {
		return err
	}
	if ws.checkSeal(sent.Values.Get(form.SealField), t, statement) != nil {
		return ws.drawTake(w, r, http.StatusUnprocessableEntity, t, sent, errs,
			ws.say("wording_changed"))
	}
	if len(errs) > 0 {
		return ws.drawTake(w, r, http.StatusUnprocessableEntity, t, sent, errs, "")
	}
	e, err := ws.desk.Entry(t.form, values)
	if err != nil {
		return err
	}
	e.Files, e.Channel = sent.Files, sent.Values.Get(viaField)
	if e.Seal, err = form.OpenSeal(ws.desk.Ring, sent.Values.Get(form.SealField)); err != nil {
		return err
	}
	id, err := ws.take(r.Context(), t, e, by)
	if err != nil {
		return ws.notTaken(w, r, t, sent, err)
	}
	http.Redirect(w, r, submission.RecordPath(id)+"?done=taken", http.StatusSeeOther)
	return nil
}

// notTaken shows what was typed where it can't be stored: not any more, or not now.
func (ws *Workspace) notTaken(w http.ResponseWriter, r *http.Request, t taken, sent activity.Received, why error) error {
	var known *page.Error
	if errors.As(why, &known) {
		return ws.drawTake(w, r, known.Status, t, sent, form.Errors{}, known.Message+" "+ws.say("typed_kept"))
	}
	ws.desk.Log.ErrorContext(r.Context(), "could not take a request", "id", page.RequestID(r), "kind", t.kind.Kind, "err", why)
	w.Header().Set("Retry-After", "30")
	return ws.drawTake(w, r, http.StatusServiceUnavailable, t, sent, form.Errors{}, ws.say("not_stored"))
}

func (ws *Workspace) checkSeal(text string, t taken, statement consent.Statement) error {
	seal, err := form.OpenSeal(ws.desk.Ring, text)
	if err != nil {
		return err
	}
	return seal.Check(t.form, statement.ID, ws.desk.Now())
}

// checkTaken adds what is wrong with the answers to the two questions that only staff are asked, and returns who took it.
func (ws *Workspace) checkTaken(ctx context.Context, v url.Values, errs form.Errors) (uuid.UUID, error) {
	names, err := ws.names(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	by, err := uuid.Parse(v.Get(byField))
	if err != nil || names.byID[by] == "" {
		errs.Add(byField, ws.say("no_taker"))
	}
	if !hasOption(vias(), v.Get(viaField)) {
		errs.Add(viaField, ws.say("no_way"))
	}
	return by, nil
}

// take accepts the request and records who took it, once however often it is sent.
func (ws *Workspace) take(ctx context.Context, t taken, e submission.Entry, by uuid.UUID) (uuid.UUID, error) {
	if t.kind.Fill != nil {
		if err := t.kind.Fill(ctx, &e); err != nil {
			return uuid.Nil, err
		}
	}
	who := actor(t.in, account.Act, t.kind.Kind)
	e.Taken = &audit.Event{
		At: ws.desk.Now(), ActorID: some(who.ID), Role: who.Role, Action: "take",
		Detail: map[string]string{"channel": e.Channel, "taken_by": by.String()},
	}
	accepted, err := ws.desk.Store.Accept(ctx, e)
	return accepted.ID, err
}
