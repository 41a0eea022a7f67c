package staff

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/internal/word"
)

// personPage is all that the reader's roles open of one person.
type personPage struct {
	page.Base
	Person  person.Person
	Since   string
	Records listView
	Hidden  int // records of kinds that the roles do not open
	Mails   []mailLine
	Choices []choiceLine
	Before  []addressLine // refused for an address of theirs before they wrote
	Flags   []flagLine
	Left    []leftLine // the house: exports and disclosures
	Done    string
	OptOut  *optOutView // nil where the role may not record one
	Correct string      // address of the page on which theirs is corrected, empty where the role may not
	Object  string      // address of the button that notes an objection to new uses, likewise
}

type mailLine struct {
	At                  stamp
	Name, Purpose, Path string
	State               tag
}

type choiceLine struct {
	Purpose, Channel, Wording, Origin, Statement string
	At                                           stamp
	State                                        tag
}

type flagLine struct {
	Flag
	When    stamp
	Officer string
	Until   string
	Path    string // of the submission, where the roles open it
	MayLift bool
}

type optOutView struct {
	Purposes, Channels, Ways, Reasons []option
	Problems                          []form.Problem
}

// addressLine is what was refused for the person's address when it was not theirs here.
type addressLine struct {
	Purpose, Channel string
	Way, Officer     string // where staff were told
	At               stamp
}

// met is a person the reader may look at, with their records that the roles open.
type met struct {
	person.Person
	in      *account.Session
	by      submission.Actor
	records []submission.Record
	hidden  int
	mayAct  bool
}

// onPerson gives a handler the person of the address, if the session sees one of their submissions or is the privacy
// officer's.
func (ws *Workspace) onPerson(h func(http.ResponseWriter, *http.Request, met) error) http.HandlerFunc {
	return ws.handle(func(w http.ResponseWriter, r *http.Request) error {
		id, err := uuid.Parse(chi.URLParam(r, "id"))
		if err != nil {
			return page.ErrNotFound
		}
		m, err := ws.meet(r.Context(), account.From(r.Context()), id)
		if err != nil {
			return err
		}
		return h(w, r, m)
	})
}

// meet returns page.ErrNotFound for a person whom the session's roles do not open.
func (ws *Workspace) meet(ctx context.Context, in *account.Session, id uuid.UUID) (met, error) {
	p, err := ws.desk.People.Get(ctx, id)
	if err != nil {
		return met{}, ws.told(err)
	}
	all, err := ws.desk.Store.OfPerson(ctx, id)
	if err != nil {
		return met{}, err
	}
	m := met{Person: p, in: in}
	for _, rec := range all {
		if !m.in.Can(account.See, rec.Kind) {
			m.hidden++
			continue
		}
		m.records = append(m.records, rec)
		if m.by.Role == "" {
			m.by = actor(m.in, account.See, rec.Kind)
		}
		m.mayAct = m.mayAct || m.in.Can(account.Act, rec.Kind)
	}
	if m.in.Has(account.Privacy) {
		m.mayAct, m.by = true, submission.Actor{ID: m.in.Account.ID, Role: string(account.Privacy)}
	}
	if m.by.Role == "" {
		return met{}, page.ErrNotFound
	}
	return m, nil
}

func (ws *Workspace) showPerson(w http.ResponseWriter, r *http.Request, m met) error {
	return ws.drawPerson(w, r, http.StatusOK, m, nil, nil)
}

// drawPerson logs the reading before it shows anything.
func (ws *Workspace) drawPerson(w http.ResponseWriter, r *http.Request, status int, m met, v url.Values, problems []form.Problem) error {
	ctx := r.Context()
	if err := audit.Record(ctx, ws.desk.Pool, audit.Event{
		At: ws.desk.Now(), ActorID: some(m.by.ID), Role: m.by.Role, Action: "read", Object: "person", ObjectID: some(m.ID),
	}); err != nil {
		return err
	}
	names, err := ws.names(ctx)
	if err != nil {
		return err
	}
	title := m.Email
	if m.ErasedAt != nil {
		title = "An erased person"
	}
	p := personPage{
		Base:   page.Base{Title: title, NoIndex: true, Crumbs: []page.Crumb{{Label: "Inbox", Path: "/staff/submissions"}}},
		Person: m.Person, Since: clock.Date(m.CreatedAt), Hidden: m.hidden, Done: ws.doneWords(r.URL.Query()),
	}
	if m.ErasedAt == nil && m.in.Has(account.Privacy) {
		p.Correct = person.Path(m.ID) + "/address"
		p.Object = person.Path(m.ID) + "/objection"
	}
	if p.Records, err = ws.listView(ctx, query{}, submission.List{Records: m.records}, names, uuid.Nil); err != nil {
		return err
	}
	if p.Mails, err = ws.mailsOf(ctx, m); err != nil {
		return err
	}
	if p.Choices, err = ws.choicesOf(ctx, m); err != nil {
		return err
	}
	if p.Before, err = ws.refusedBefore(ctx, m, names); err != nil {
		return err
	}
	if p.Flags, err = ws.flagLines(ctx, m, names); err != nil {
		return err
	}
	if p.Left, err = ws.leftOf(ctx, m); err != nil {
		return err
	}
	if m.mayAct && m.ErasedAt == nil {
		p.OptOut = optOutForm(v, problems)
	}
	return ws.views.person.Write(w, r, status, p)
}

func (ws *Workspace) choicesOf(ctx context.Context, m met) ([]choiceLine, error) {
	choices, err := ws.desk.Ledger.Of(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	lines := make([]choiceLine, 0, len(choices))
	for _, c := range choices {
		line := choiceLine{
			Purpose: c.Purpose.Label(), Channel: c.Channel.Label(), Wording: c.Wording,
			Origin: originLabel(c.Origin), At: ws.stamp(c.At), State: choiceTag(c, true),
		}
		if s, ok := ws.desk.Statements.Get(c.Statement); ok {
			line.Statement = s.Name()
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// mailsOf lists what was mailed to the person, without mails about records that the roles do not open.
func (ws *Workspace) mailsOf(ctx context.Context, m met) ([]mailLine, error) {
	items, err := ws.desk.Mail.OfPerson(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	var lines []mailLine
	for _, i := range items {
		line := mailLine{At: ws.stamp(i.CreatedAt), Name: word.Capital(mailName(i.Template)), Purpose: purposeLabel(i.Purpose), State: mailTag(i)}
		if i.Submission.Valid {
			if !slices.ContainsFunc(m.records, func(r submission.Record) bool { return r.ID == i.Submission.UUID }) {
				continue
			}
			line.Path = submission.RecordPath(i.Submission.UUID)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func (ws *Workspace) flagLines(ctx context.Context, m met, names names) ([]flagLine, error) {
	flags, err := ws.misuse.Of(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	lines := make([]flagLine, 0, len(flags))
	for _, f := range flags {
		line := flagLine{Flag: f.seenBy(m.in), When: ws.stamp(f.At), Officer: names.byID[f.Officer]}
		if f.BlockedUntil != nil {
			line.Until = clock.Date(*f.BlockedUntil)
		}
		opens, acts := false, m.in.Has(account.Privacy)
		for _, rec := range m.records {
			if rec.ID == f.Submission.UUID {
				opens, acts = true, acts || m.in.Can(account.Act, rec.Kind)
			}
		}
		if opens {
			line.Path = submission.RecordPath(f.Submission.UUID)
		}
		line.MayLift = acts && !f.Lifted() && f.Officer != m.in.Account.ID
		lines = append(lines, line)
	}
	return lines, nil
}

// ways are how a wish to stop (P-7) reached us.
func ways() []form.Option {
	return []form.Option{
		{Value: "phone", Label: "By phone"},
		{Value: "mail", Label: "By email"},
		{Value: "post", Label: "By letter"},
		{Value: "met", Label: "Face to face"},
	}
}

func reasons() []form.Option {
	return []form.Option{
		{Value: "stop", Label: "Wants no more of it"},
		{Value: "never", Label: "Says it was never agreed to"},
		{Value: "left", Label: "No longer works there"},
		{Value: "unsaid", Label: "Gave no reason"},
	}
}

// purposeLabel names why something is mailed: for a purpose of P-6, or without need of consent.
func purposeLabel(purpose string) string {
	return cmp.Or(consent.Purpose(purpose).Label(), map[string]string{
		"service": "About a request", "notice": "Notice", "conduct": "Use of the site", "account": "Account", "internal": "Inside the house",
	}[purpose], purpose)
}

func originLabel(o consent.Origin) string {
	switch o {
	case consent.FromForm:
		return "a form"
	case consent.FromStaff:
		return "staff"
	case consent.FromConnect:
		return "Clickconnect"
	case consent.FromPreferences:
		return "the preference page"
	case consent.FromUnsubscribe:
		return "the unsubscribe link"
	case consent.FromErasure:
		return "the wish to be erased"
	}
	return string(o)
}

func optOutForm(v url.Values, problems []form.Problem) *optOutView {
	o := &optOutView{Problems: problems}
	for _, p := range consent.Purposes() {
		o.Purposes = append(o.Purposes, option{string(p), p.Label(), slices.Contains(v["purpose"], string(p))})
	}
	for _, c := range consent.Channels() {
		o.Channels = append(o.Channels, option{string(c), c.Label(), slices.Contains(v["channel"], string(c))})
	}
	for _, way := range ways() {
		o.Ways = append(o.Ways, option{way.Value, way.Label, v.Get("way") == way.Value})
	}
	for _, reason := range reasons() {
		o.Reasons = append(o.Reasons, option{reason.Value, reason.Label, v.Get("reason") == reason.Value})
	}
	return o
}

// submitOptOut records that a person told us to stop (P-7): it counts at once, without any confirmation.
func (ws *Workspace) submitOptOut(w http.ResponseWriter, r *http.Request, m met) error {
	if !m.mayAct {
		return page.ErrForbidden
	}
	if err := read(r); err != nil {
		return err
	}
	v := r.PostForm
	if problems := ws.checkOptOut(v); len(problems) > 0 {
		return ws.drawPerson(w, r, http.StatusUnprocessableEntity, m, v, problems)
	}
	if m.ErasedAt != nil {
		return &page.Error{Status: http.StatusConflict, Message: ws.say("person_erased")}
	}
	if err := pgx.BeginFunc(r.Context(), ws.desk.Pool, func(tx pgx.Tx) error { return ws.optOut(r.Context(), tx, m.ID, m.by, v) }); err != nil {
		return fmt.Errorf("record opt-out: %w", err)
	}
	ws.desk.Refused()
	return done(w, r, person.Path(m.ID), "optout")
}

func (ws *Workspace) checkOptOut(v url.Values) []form.Problem {
	var list []form.Problem
	add := func(name, text string) {
		list = append(list, form.Problem{Name: name, ID: "out-" + name + "-0", Text: text})
	}
	if len(chosen(v["purpose"], consent.Purposes())) == 0 {
		add("purpose", ws.say("stop_what"))
	}
	if len(chosen(v["channel"], consent.Channels())) == 0 {
		add("channel", ws.say("stop_channel"))
	}
	if !hasOption(ways(), v.Get("way")) {
		add("way", ws.say("stop_way"))
	}
	if !hasOption(reasons(), v.Get("reason")) {
		add("reason", ws.say("stop_reason"))
	}
	return list
}

func chosen[T ~string](sent []string, of []T) []T {
	var list []T
	for _, value := range of {
		if slices.Contains(sent, string(value)) {
			list = append(list, value)
		}
	}
	return list
}

// optOut writes one refusal for each purpose and channel, whether or not there was a consent: an import must not bring
// the address back.
func (ws *Workspace) optOut(ctx context.Context, tx pgx.Tx, who uuid.UUID, by submission.Actor, v url.Values) error {
	statement, err := ws.desk.Statements.InForce()
	if err != nil {
		return err
	}
	words := ws.say("stopped", "way", labelOf(ways(), v.Get("way")), "reason", lower(labelOf(reasons(), v.Get("reason"))))
	pairs, err := refused(v, func(p consent.Purpose, c consent.Channel) (bool, error) {
		return ws.desk.Ledger.Refuse(ctx, tx, who, consent.Event{
			Purpose: p, Channel: c, Wording: words, Statement: statement.ID, Origin: consent.FromStaff, At: ws.desk.Now(),
		})
	})
	if err != nil {
		return err
	}
	return ws.logOptOut(ctx, tx, audit.Event{ActorID: some(by.ID), Role: by.Role, Object: "person", ObjectID: some(who)}, pairs, v)
}

// refused has each purpose refused on each channel that was chosen, and returns what was not refused already.
func refused(v url.Values, refuse func(consent.Purpose, consent.Channel) (bool, error)) (pairs []string, err error) {
	for _, p := range chosen(v["purpose"], consent.Purposes()) {
		for _, c := range chosen(v["channel"], consent.Channels()) {
			fresh, err := refuse(p, c)
			if err != nil {
				return nil, err
			}
			if fresh {
				pairs = append(pairs, string(p)+"/"+string(c))
			}
		}
	}
	return pairs, nil
}

// logOptOut logs what was recorded, if anything was.
func (ws *Workspace) logOptOut(ctx context.Context, tx pgx.Tx, e audit.Event, pairs []string, v url.Values) error {
	if len(pairs) == 0 {
		return nil
	}
	e.At, e.Action = ws.desk.Now(), "opt out"
	e.Detail = map[string]string{"of": strings.Join(pairs, " "), "way": v.Get("way"), "reason": v.Get("reason")}
	return audit.Record(ctx, tx, e)
}

func labelOf(options []form.Option, value string) string {
	for _, o := range options {
		if o.Value == value {
			return o.Label
		}
	}
	return value
}
