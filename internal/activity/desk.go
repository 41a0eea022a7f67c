package activity

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

// Config is what a Desk needs.
type Config struct {
	Pages      *page.Set
	Pool       *pgxpool.Pool
	Ring       *key.Ring
	Store      *submission.Store
	People     *person.Store
	Ledger     *consent.Ledger
	Statements *consent.Statements
	Mail       *mail.Queue
	Files      *file.Store
	Proxies    page.Proxies
	Limit      Limit // of sendings, for each client and form
	// Blocked tells whether what an address sends is to be kept apart (P-8). It must not wait. May be nil.
	Blocked func(email string) bool
	Now     func() time.Time
	Log     *slog.Logger
}

// Desk shows forms, takes what is sent, and keeps the receipts.
type Desk struct {
	Config
	clients    *limiter
	addresses  *limiter
	codes      *limiter
	activities Activities
	views      receiptViews
	again      page.View[againPage]
	shown      sync.Map // forms as they were last shown, by path: what is left to show when the database is away
}

// againPage shows a form by itself, where the page that belongs around it can't be drawn.
type againPage struct {
	page.Base
	Form form.View
}

// addressLimit is how many submissions an hour may name one address before they look doubtful: somebody may be using
// our confirmations to fill a stranger's mailbox.
var addressLimit = Limit{8, time.Hour} //nolint:gochecknoglobals // a constant in all but syntax

// NewDesk returns a desk without activities: they need it to be made, and are handed over by Open.
func NewDesk(c Config) *Desk {
	addresses := addressLimit
	if c.Limit.N == 0 {
		addresses = Limit{} // limits are off as a whole
	}
	return &Desk{
		Config: c, clients: newLimiter(c.Limit), addresses: newLimiter(addresses),
		codes: newLimiter(Limit{5, time.Hour}), views: loadReceiptViews(c.Pages),
		again: page.Load[againPage](c.Pages, "activity/again"),
	}
}

// Open hands the desk its activities. It is called once, before anything is served.
func (d *Desk) Open(as Activities) { d.activities = as }

// Activities returns what Open was given.
func (d *Desk) Activities() Activities { return d.activities }

// Door is one public form: where it is, and what stands around it.
type Door struct {
	Kind string
	// Form returns the form that the address leads to, or page.ErrNotFound.
	Form func(r *http.Request) (form.Form, error)
	// Page draws the page around the form.
	Page func(w http.ResponseWriter, r *http.Request, status int, f form.Form, v form.View) error
	// Fill may complete what is accepted, for activities that need more than the common fields.
	Fill func(ctx context.Context, e *submission.Entry) error
	// Thanks answers a sending that has no receipt (anonymous forms).
	Thanks func(w http.ResponseWriter, r *http.Request, f form.Form) error
}

const (
	stepField  = "step"
	againField = "again"
)

// Show answers GET: the empty form.
func (d *Desk) Show(door Door) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, err := door.Form(r)
		if err != nil {
			return err
		}
		d.shown.Store(r.URL.Path, f)
		statement, err := d.Statements.InForce()
		if err != nil {
			return err
		}
		if f.Anonymous {
			w.Header().Set("Cache-Control", "no-store") // the seal carries a nonce of this page alone
		}
		view := f.View(form.Shown{
			Action: r.URL.Path, Statement: statement.Name(), Seal: form.NewSeal(f, statement.ID, d.Now()).Close(d.Ring),
			Hidden: stepHidden(f, 0),
		})
		return door.Page(w, r, http.StatusOK, f, view)
	}
}

func stepHidden(f form.Form, step int) []form.Hidden {
	if len(f.Steps()) < 2 {
		return nil
	}
	return []form.Hidden{{Name: stepField, Value: strconv.Itoa(step)}}
}

// sending is one POST on its way through the desk.
type sending struct {
	door      Door
	form      form.Form
	in        *received
	statement consent.Statement
	seal      form.Seal
	sealErr   error // why the page that is shown again needs a new seal
	values    form.Values
	errs      form.Errors
	step      int
	again     string // sealed: asked once more
	doubtful  bool   // still, after having been asked
}

// Take answers POST: 303 to the receipt, or the page again with everything that was typed.
func (d *Desk) Take(door Door) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, err := door.Form(r)
		if err != nil {
			return d.withoutForm(w, r, door, err)
		}
		f = f.Settled() // its seal is compared with it, and what is stored names it
		d.shown.Store(r.URL.Path, f)
		wait, allowed := d.clients.allow(f.Kind+" "+clientKey(d.Proxies.Client(r)), d.Now())
		in, err := d.receive(w, r, f, allowed)
		s := &sending{door: door, form: f, in: in}
		if err != nil {
			return d.unavailable(w, r, s, err)
		}
		if s.statement, err = d.Statements.InForce(); err != nil {
			return d.unavailable(w, r, s, err)
		}
		if !allowed {
			return d.tooMany(w, r, s, wait)
		}
		if refusal := d.judge(r, s); refusal != nil {
			return d.showAgain(w, r, s, refusal.status, refusal.message)
		}
		accepted, err := d.accept(r, s)
		if err != nil {
			return d.unavailable(w, r, s, err)
		}
		if f.Anonymous {
			return door.Thanks(w, r, f)
		}
		http.Redirect(w, r, "/r/"+accepted.Token, http.StatusSeeOther)
		return nil
	}
}

// refusal is why a sending is not accepted as it is.
type refusal struct {
	status  int
	message string
}

const mend = "" // the error summary says all there is to say

// judge checks a sending from the outside in: was it readable, is its page still true, is it complete, is it a
// person's. It returns nil where nothing stands against it.
func (d *Desk) judge(r *http.Request, s *sending) *refusal {
	s.checkSeal(d.Ring, d.Now())
	s.values, s.errs = s.form.Parse(s.in.withFiles())
	for name, sentence := range s.in.errs {
		s.errs[name] = sentence // what is wrong with a file says more than "choose a file"
	}
	if s.in.status != 0 {
		return &refusal{s.in.status, s.in.message}
	}
	if sentence := s.sealProblem(); sentence != "" {
		return &refusal{http.StatusUnprocessableEntity, sentence}
	}
	if r := s.walk(); r != nil {
		return r
	}
	return d.guard(r, s)
}

// checkSeal opens the seal, and finds out whether the page that is shown again can keep it.
func (s *sending) checkSeal(ring *key.Ring, now time.Time) {
	s.seal, s.sealErr = form.OpenSeal(ring, s.in.values.Get(form.SealField))
	if s.sealErr == nil {
		s.sealErr = s.seal.Check(s.form, s.statement.ID, now)
	}
}

// sealProblem returns the sentence that tells why the page must be read once more, or "".
func (s *sending) sealProblem() string {
	switch {
	case s.sealErr == nil:
		return ""
	case errors.Is(s.sealErr, form.ErrSealExpired):
		return "This page was open for more than a day. Everything you typed is still here: please check it and send it again."
	case errors.Is(s.sealErr, form.ErrSealStale):
		return "The wording of this page or our privacy statement changed while you were writing. Everything you typed is still here: please read it through and send it again."
	}
	return "We could not tell that this came from our page. Everything you typed is still here: please send it again."
}

// walk leads through the pages of a form that has several, and stops at the first one with an error.
func (s *sending) walk() *refusal {
	steps := s.form.Steps()
	s.step, _ = strconv.Atoi(s.in.values.Get(stepField))
	s.step = min(max(s.step, 0), len(steps)-1)
	for i := range s.step + 1 {
		for _, field := range s.form.Fields {
			if field.Step == steps[i] && s.errs[field.Name] != "" {
				s.step = i
				s.keepErrorsOf(steps[i])
				return &refusal{http.StatusUnprocessableEntity, mend}
			}
		}
	}
	if s.step < len(steps)-1 {
		s.step++
		s.errs = form.Errors{}
		return &refusal{http.StatusOK, ""}
	}
	return nil
}

func (s *sending) keepErrorsOf(step string) {
	for _, field := range s.form.Fields {
		if field.Step != step {
			delete(s.errs, field.Name)
		}
	}
}

// minimumAge is how long a person needs at least to read that the form asks once more.
const minimumAge = 2 * time.Second

// guard looks for signs that no person is at work. A doubtful sending is asked once more; one that still looks wrong is
// taken and kept apart, so that a mistake of ours loses nothing.
func (d *Desk) guard(r *http.Request, s *sending) *refusal {
	trapped := s.in.values.Get(form.TrapField) != ""
	email := s.values.Get("email")
	crowded := false
	if email != "" {
		_, ok := d.addresses.allow(email, d.Now())
		crowded = !ok
	}
	if !trapped && !crowded {
		return nil
	}
	client := d.Ring.Digest("again", []byte(clientKey(d.Proxies.Client(r))))[:8]
	if asked, ok := d.askedAt(s.in.values.Get(againField), client); ok {
		s.doubtful = trapped || crowded || d.Now().Sub(asked) < minimumAge
		return nil
	}
	s.again = d.Ring.Seal(againField, binary.BigEndian.AppendUint64(client, uint64(d.Now().UnixMilli())))
	return &refusal{
		http.StatusUnprocessableEntity,
		"Before we take this, please press the button once more. It keeps out programs that fill in forms.",
	}
}

// askedAt returns when this client was asked to send once more, within the last hour.
func (d *Desk) askedAt(sealed string, client []byte) (time.Time, bool) {
	body, err := d.Ring.Open(againField, sealed)
	if err != nil || len(body) != 16 || !bytes.Equal(body[:8], client) {
		return time.Time{}, false
	}
	at := time.UnixMilli(int64(binary.BigEndian.Uint64(body[8:])))
	return at, d.Now().Sub(at) < time.Hour
}

// showAgain draws the page with everything that was typed.
func (d *Desk) showAgain(w http.ResponseWriter, r *http.Request, s *sending, status int, message string) error {
	seal := s.in.values.Get(form.SealField)
	if s.sealErr != nil {
		seal = form.NewSeal(s.form, s.statement.ID, d.Now()).Close(d.Ring)
	}
	hidden := stepHidden(s.form, s.step)
	if s.again != "" {
		hidden = append(hidden, form.Hidden{Name: againField, Value: s.again})
	}
	for field, list := range s.in.kept() {
		if f, ok := s.form.Field(field); ok && f.Step != s.form.Steps()[s.step] {
			hidden = append(hidden, form.Hidden{Name: field + "_kept", Value: list[0].Token})
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	view := s.form.View(form.Shown{
		Action: r.URL.Path, Seal: seal, Statement: s.statement.Name(), Values: s.in.values, Errors: s.errs,
		Kept: s.in.kept(), Hidden: hidden, Message: message, Step: s.step,
	})
	err := s.door.Page(w, r, status, s.form, view)
	if err == nil || status != http.StatusServiceUnavailable {
		return err
	}
	return d.again.Write(w, r, status, againPage{
		Base: page.Base{Title: Title(view, s.form.Title), Description: message, NoIndex: true}, Form: view,
	})
}

func (d *Desk) tooMany(w http.ResponseWriter, r *http.Request, s *sending, wait time.Duration) error {
	s.checkSeal(d.Ring, d.Now())
	seconds := int(math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return d.showAgain(w, r, s, http.StatusTooManyRequests,
		"Many forms came from your network within a short time. Everything you typed is still here: please wait "+
			strconv.Itoa(seconds)+" seconds and send it again. A file must be chosen again.")
}

// withoutForm answers a POST whose form can't be looked up: if the database is away, the form as it was last shown
// still keeps what was typed.
func (d *Desk) withoutForm(w http.ResponseWriter, r *http.Request, door Door, err error) error {
	var known *page.Error
	last, ok := d.shown.Load(r.URL.Path)
	if errors.As(err, &known) || !ok {
		return err
	}
	f := last.(form.Form)
	in, _ := d.receive(w, r, f, false) // without staging nothing of ours can fail
	return d.unavailable(w, r, &sending{door: door, form: f, in: in}, err)
}

// unavailable keeps what was typed where the database or the store of files does not answer.
func (d *Desk) unavailable(w http.ResponseWriter, r *http.Request, s *sending, err error) error {
	d.Log.ErrorContext(r.Context(), "could not take a form", "id", page.RequestID(r), "kind", s.form.Kind, "err", err)
	if s.statement.ID == "" {
		s.statement, _ = d.Statements.InForce() // from memory; without one the page just lacks its date
	}
	s.checkSeal(d.Ring, d.Now())
	w.Header().Set("Retry-After", "30")
	return d.showAgain(w, r, s, http.StatusServiceUnavailable,
		"We could not store this just now, so it was not sent. Everything you typed is still here: please send it again in a minute.")
}

// accept hands a judged sending over to be stored.
func (d *Desk) accept(r *http.Request, s *sending) (submission.Accepted, error) {
	a, ok := d.activities.Find(s.form.Kind)
	if !ok {
		return submission.Accepted{}, errors.New("no activity of kind " + s.form.Kind)
	}
	e := d.entry(a, s.form, s.values)
	e.Files, e.Seal, e.Quarantine = s.in.files, s.seal, s.doubtful || d.Blocked != nil && d.Blocked(e.Email)
	for _, fill := range []func(context.Context, *submission.Entry) error{a.Fill, s.door.Fill} {
		if fill == nil {
			continue
		}
		if err := fill(r.Context(), &e); err != nil {
			return submission.Accepted{}, err
		}
	}
	return d.Store.Accept(r.Context(), e)
}

// entry fills in what all activities have in common.
func (d *Desk) entry(a Activity, f form.Form, v form.Values) submission.Entry {
	first := a.Statuses[0]
	return submission.Entry{
		Form: f, Values: v, Email: v.Get("email"), Name: v.Get("name"), Company: v.Get("company"), Status: first.Value,
		PurgeAfter: d.Now().AddDate(0, first.Months, 0),
		Messages: func(id uuid.UUID, e *submission.Entry) []mail.Message {
			return d.firstMessages(a, id, e)
		},
	}
}

// firstMessages are the activity's own, or the confirmation to the sender and the notice to the inbox that owns the kind.
func (d *Desk) firstMessages(a Activity, id uuid.UUID, e *submission.Entry) []mail.Message {
	if a.Messages != nil {
		return a.Messages(id, e)
	}
	status, _ := a.Status(e.Status)
	reference := submission.Reference(id)
	messages := []mail.Message{{
		Template: "received",
		Data: mail.Received{
			Name: e.Name, What: a.What, Reference: reference, Next: status.Next, By: status.By(d.Now()),
			ReceiptURL: "/r/" + d.Store.Token(id), ConfirmURL: d.ConfirmPath(id),
		},
	}}
	if inbox := d.Pages.Site().Inboxes[a.Kind]; inbox != "" {
		messages = append(messages, mail.Message{
			Template: "inbox", Address: inbox,
			Data: mail.Inbox{
				Kind: a.Title, Subject: e.Form.Name, Reference: reference, Who: who(e.Name, e.Company),
				URL: "/staff/submissions/" + id.String(),
			},
		})
	}
	return messages
}

// By returns the day by which a request that is in the status since from is answered, in words; empty without a promise.
func (s Status) By(from time.Time) string {
	switch {
	case s.DueMonths > 0:
		return monthsLater(from, s.DueMonths).Format("2 January 2006")
	case s.Days > 0:
		return WorkingDays(from, s.Days).Format("2 January 2006")
	}
	return ""
}

func who(name, company string) string {
	if company != "" {
		return company
	}
	return name
}

// Restore takes a record out of quarantine, with the mail that it would have brought.
func (d *Desk) Restore(ctx context.Context, id uuid.UUID, by submission.Actor) error {
	r, err := d.Store.Get(ctx, id)
	if err != nil {
		return err
	}
	a, ok := d.activities.Find(r.Kind)
	if !ok {
		return submission.ErrNotFound
	}
	e := submission.Entry{
		Form: form.Form{Kind: r.Kind, Name: r.Subject}, Status: r.Status, Name: r.Name, Company: r.Company,
	}
	return d.Store.Restore(ctx, id, by, d.firstMessages(a, id, &e))
}

// Title begins with "Error:" where something is to be mended, so that it is heard first.
func Title(v form.View, title string) string {
	if len(v.Problems) > 0 || v.Message != "" {
		return "Error: " + title
	}
	return title
}
