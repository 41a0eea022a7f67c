package privacy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

// Rights is the page behind the receipt of a privacy request, where people do for themselves what they asked for:
// see what is held about their address, correct that, take it with them, withdraw a request, erase all.
//
// It promises that nothing is shown or done without a code that was mailed to the address of the request; that uploads, another
// address and erasing need the number of a request of their own besides; that the password of Clickconnect, just given,
// stands for both; that a mailbox which may be several people's goes to staff;
// and that each act is in the audit log.
type Rights struct {
	eraser    *Eraser
	desk      *activity.Desk
	addresses *Addresses
	say       page.Say
	view      page.View[rightsPage]
	signed    page.View[signedPage]
}

// NewRights returns the page. It panics where its template is missing.
func NewRights(eraser *Eraser, addresses *Addresses) *Rights {
	set := eraser.desk.Pages
	return &Rights{
		eraser: eraser, desk: eraser.desk, addresses: addresses, say: eraser.say,
		view: page.Load[rightsPage](set, "privacy/rights"), signed: page.Load[signedPage](set, "privacy/signed"),
	}
}

// rightsPage is drawn in steps: the code is asked for; then all is shown, or why a person must see to it; in the end, what
// came of an erasure.
type rightsPage struct {
	page.Base
	Record   submission.Record
	Receipt  string // address
	Step     string // code, shared, open, erased, nothing
	Code     activity.CodeView
	Problem  string
	About    string         // which form Problem is about: export, address, erase, or the whole page
	Problems []form.Problem // the same, at a field of that form
	Message  string
	Typed    string // number
	NewTyped string // address
	Waiting  string // a new address that is not confirmed yet
	Grant    string
	Signed   string // stands for the number, once the password was given
	SignIn   string // address of the page on which it is given
	Shared   string
	By       string
	Sections []section
	Stays    Erasure // what stays after an erasure, or would
	Held     bool    // a hold stops an erasure, or a part of it
}

// At returns what is wrong with the field of that id, nil where nothing is.
func (p rightsPage) At(field string) *form.Problem {
	for i := range p.Problems {
		if p.Problems[i].ID == field {
			return &p.Problems[i]
		}
	}
	return nil
}

// at is what is wrong with one field.
func at(field, problem string) []form.Problem { return []form.Problem{{ID: field, Text: problem}} }

// The acts by which the buttons of the page are told apart.
const (
	actName     = "act"
	actCode     = "code"
	actOpen     = "open"
	actExport   = "export"
	actWithdraw = "withdraw"
	actAddress  = "address"
	actErase    = "erase"
	actRestrict = "restrict"
	actLift     = "lift"
)

// Public mounts the page.
func (x *Rights) Public(r chi.Router) {
	handle := x.desk.Pages.Handle
	r.Get(requestPath+"/{token}", handle(x.desk.ByToken(x.show)))
	r.Post(requestPath+"/{token}", handle(x.take))
	x.signedRoutes(r)
}

// grantLasts is how long the page can be acted on.
const grantLasts = 30 * time.Minute

// rightsPath is the address of the page of a request.
func rightsPath(d *activity.Desk, id uuid.UUID) string { return requestPath + "/" + d.Store.Token(id) }

// toRights leads from the receipt of a request to the page.
func (r *Room) toRights(_ context.Context, rec submission.Record) (activity.Extra, error) {
	drawn, err := r.views.requests.Fragment("to-rights", rightsPath(r.desk, rec.ID))
	return activity.Extra{HTML: drawn}, err
}

func (x *Rights) show(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	return x.draw(w, r, rec, http.StatusOK, rightsPage{Step: "code"})
}

func (x *Rights) draw(w http.ResponseWriter, r *http.Request, rec submission.Record, status int, data rightsPage) error {
	if rec.Kind != Kind || !rec.PersonID.Valid {
		return page.ErrNotFound
	}
	if rec.Erased() && data.Step != "erased" {
		data.Step = "nothing"
	}
	data.Base = page.Base{
		Title: "Your data", Description: x.say("rights_about"), NoIndex: true,
		Path: rightsPath(x.desk, rec.ID), Section: "privacy", Crumbs: crumbs("Your data"),
	}
	data.Code.Mail = form.View{Action: data.Path, Hidden: []form.Hidden{{Name: actName, Value: actCode}}}
	data.SignIn = signedPath + x.desk.Store.Token(rec.ID)
	data.Record, data.Receipt = rec, x.desk.ReceiptPath(rec.ID)
	return x.view.Write(w, r, status, data)
}

// askCode draws the page with the form on which the code is typed.
func (x *Rights) askCode(w http.ResponseWriter, r *http.Request, rec submission.Record, status int, problem string) error {
	shown := form.Shown{
		Action: rightsPath(x.desk, rec.ID), Values: r.PostForm, Hidden: []form.Hidden{{Name: actName, Value: actOpen}},
	}
	return x.draw(w, r, rec, status, rightsPage{
		Step: "code", Code: activity.CodeView{Form: activity.CodeForm("Show what is held", shown, problem)},
	})
}

// take keeps what was typed, whatever becomes of it.
func (x *Rights) take(w http.ResponseWriter, r *http.Request) error {
	unread := page.ReadForm(r, page.MostForm)
	err := x.desk.ByToken(func(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
		return x.act(w, r, rec, unread)
	})(w, r)
	return x.desk.Unstored(w, r, err, rightsForm(r.PostForm))
}

// rightsForm asks what the page asks for what was sent, to be drawn where the page can't be.
func rightsForm(sent url.Values) form.Form {
	f := form.Form{Title: "Your data"}
	for _, field := range []form.Field{
		activity.CodeField(),
		{Name: "email", Label: "New email address", Kind: form.Email, Required: true, Autocomplete: "email", Missing: "Enter the new email address."},
		{Name: "reference", Label: "Reference number", Kind: form.Text, Required: true, Autocomplete: "off", Missing: "Enter the reference number."},
		{Name: "sure", Label: "Erase everything. I know that it can’t be undone.", Kind: form.Consent, Required: true, Missing: "Tick the box if everything is to be erased."},
	} {
		if sent.Has(field.Name) || field.Name == "sure" && sent.Get(actName) == actErase {
			f.Fields = append(f.Fields, field)
		}
	}
	return f
}

// act does what a button asks for. Whatever it is, but mailing a code, the code or a grant must open first.
func (x *Rights) act(w http.ResponseWriter, r *http.Request, rec submission.Record, unread error) error {
	if rec.Kind != Kind {
		return page.ErrNotFound
	}
	var known *page.Error
	if errors.As(unread, &known) && r.PostForm.Get("grant") == "" {
		return x.askCode(w, r, rec, known.Status, known.Message)
	}
	ctx, act := r.Context(), r.PostForm.Get(actName)
	if act == actCode && rec.Email != "" {
		wait, err := x.desk.MailCode(ctx, rec)
		if err != nil {
			return err
		}
		return x.answerCode(w, r, rec, wait, x.desk.ManyCodes())
	}
	ok, wait, err := x.desk.Opens(ctx, rec, r.PostForm.Get("grant"), r.PostForm.Get("code"))
	switch {
	case err != nil:
		return err
	case wait > 0:
		return x.answerCode(w, r, rec, wait, x.desk.ManyTries())
	case !ok && rec.Erased():
		return x.show(w, r, rec)
	case !ok:
		return x.askCode(w, r, rec, http.StatusUnprocessableEntity, x.desk.WrongCode())
	case rec.Erased():
		return x.showErased(w, r, rec)
	}
	h, err := x.eraser.gather(ctx, rec.PersonID.UUID)
	if errors.Is(err, person.ErrNotFound) {
		return x.draw(w, r, rec, http.StatusOK, rightsPage{Step: "nothing"})
	}
	if err != nil {
		return err
	}
	if why := shared(h.Person.Email, h.names()); why != "" {
		return x.toStaff(w, r, rec, x.say("shared_"+why))
	}
	if known != nil {
		return x.openUnread(w, r, rec, h, known)
	}
	switch act {
	case actExport:
		return x.export(w, r, rec, h)
	case actWithdraw:
		return x.withdraw(w, r, rec, h)
	case actAddress:
		return x.correct(w, r, rec, h)
	case actErase:
		return x.erase(w, r, rec, h)
	case actRestrict, actLift:
		return x.limit(w, r, rec, h, act)
	}
	if err := x.log(ctx, rec, "show own data", nil); err != nil {
		return err
	}
	return x.open(w, r, rec, h, http.StatusOK, rightsPage{})
}

// openUnread shows all that is held, with what could be read of a sending that did not arrive whole.
func (x *Rights) openUnread(w http.ResponseWriter, r *http.Request, rec submission.Record, h held, why *page.Error) error {
	data := rightsPage{Problem: why.Message, Typed: typedNumber(r), NewTyped: form.Clean(r.PostForm.Get("email"), false)}
	if act := r.PostForm.Get(actName); act == actExport || act == actAddress || act == actErase {
		data.About = act
	}
	return x.open(w, r, rec, h, why.Status, data)
}

func (x *Rights) answerCode(w http.ResponseWriter, r *http.Request, rec submission.Record, wait time.Duration, many string) error {
	if wait <= 0 {
		return x.askCode(w, r, rec, http.StatusOK, "")
	}
	w.Header().Set("Retry-After", fmt.Sprint(int(wait.Seconds())+1))
	return x.askCode(w, r, rec, http.StatusTooManyRequests, many)
}

// open shows all that is held, with what can be done about it.
func (x *Rights) open(w http.ResponseWriter, r *http.Request, rec submission.Record, h held, status int, data rightsPage) error {
	var err error
	if data.Stays, err = x.eraser.tell(r.Context(), erasing{Person: rec.PersonID}); err != nil {
		return err
	}
	data.Step, data.Sections, data.Grant = "open", h.sections(x.say, rec.ID), x.desk.Grant(rec, grantLasts)
	if x.isSigned(r, rec.ID) {
		data.Signed = r.PostForm.Get("signed")
	} else {
		data.Sections = masked(data.Sections, h.hider(rec.ID))
	}
	if data.Held, err = x.held(r.Context(), rec.PersonID.UUID); err != nil {
		return err
	}
	if data.Waiting, err = x.addresses.Of(r.Context(), rec.PersonID.UUID); err != nil && !errors.Is(err, ErrNoNewAddress) {
		return err
	}
	return x.draw(w, r, rec, status, data)
}

// toStaff says that a person must judge: the request stands with the officer, who answers in time.
func (x *Rights) toStaff(w http.ResponseWriter, r *http.Request, rec submission.Record, why string) error {
	if err := x.log(r.Context(), rec, "leave own data to staff", map[string]string{"why": why}); err != nil {
		return err
	}
	a, _ := x.desk.Activities().Find(rec.Kind)
	status, _ := a.Status(rec.Status)
	return x.draw(w, r, rec, http.StatusOK, rightsPage{Step: "shared", Shared: why, By: status.DueBy(rec)})
}

func (x *Rights) export(w http.ResponseWriter, r *http.Request, rec submission.Record, h held) error {
	number, proven := typedNumber(r), x.proven(r, rec, h)
	if number != "" && !proven {
		return x.open(w, r, rec, h, http.StatusUnprocessableEntity, rightsPage{
			About: actExport, Typed: number, Problems: at("f-take", x.say("wrong_number")),
		})
	}
	var hide *strings.Replacer
	if !proven {
		hide = h.hider(rec.ID)
	}
	detail := map[string]string{"files": fmt.Sprint(proven)}
	if err := x.log(r.Context(), rec, "export own data", detail); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Disposition", `attachment; filename="your-data-`+rec.Reference+`.zip"`)
	if err := x.eraser.writeZip(r.Context(), w, h, h.sections(x.say, rec.ID), hide); err != nil {
		x.desk.Log.ErrorContext(r.Context(), "a person's file was cut off", "id", page.RequestID(r), "err", err)
		panic(http.ErrAbortHandler) // half a file must not look whole
	}
	return nil
}

// proven tells whether a request shows more than that somebody reads the mailbox: by the password of its owner, or by the
// number of a request.
func (x *Rights) proven(r *http.Request, rec submission.Record, h held) bool {
	return x.isSigned(r, rec.ID) || h.proves(typedNumber(r), rec.CreatedAt)
}

func typedNumber(r *http.Request) string {
	return submission.ReadReference(form.Clean(r.PostForm.Get("reference"), false))
}

func (x *Rights) withdraw(w http.ResponseWriter, r *http.Request, rec submission.Record, h held) error {
	ctx := r.Context()
	id, err := uuid.Parse(r.PostForm.Get("request"))
	i := slices.IndexFunc(h.Requests, func(q heldRequest) bool { return q.id == id })
	if err != nil || i < 0 {
		return page.ErrNotFound
	}
	which, err := x.desk.Store.Get(ctx, id)
	if err != nil {
		return err
	}
	problem, err := x.desk.Withdraw(ctx, which)
	if err != nil {
		return err
	}
	if problem != "" {
		return x.open(w, r, rec, h, http.StatusConflict, rightsPage{Problem: h.Requests[i].called() + ": " + problem})
	}
	// It is done: the log has it also where its sender has left.
	if err := x.log(context.WithoutCancel(ctx), which, "withdraw own request", nil); err != nil {
		return err
	}
	message := x.say("withdrawn", "request", h.Requests[i].called())
	if h, err = x.eraser.gather(ctx, rec.PersonID.UUID); err != nil {
		return err
	}
	return x.open(w, r, rec, h, http.StatusOK, rightsPage{Message: message})
}

// limit restricts the use of one of the person's own requests, or lifts what they restricted.
func (x *Rights) limit(w http.ResponseWriter, r *http.Request, rec submission.Record, h held, act string) error {
	ctx := r.Context()
	var err error
	var message string
	if act == actRestrict {
		id, _ := uuid.Parse(r.PostForm.Get("request"))
		i := slices.IndexFunc(h.Requests, func(q heldRequest) bool { return q.id == id && q.kind != Kind })
		if i < 0 {
			return page.ErrNotFound
		}
		message = x.say("restricted", "request", h.Requests[i].called())
		err = restrict(ctx, x.desk, restriction{
			ID: uuid.Must(uuid.NewV7()), Person: rec.PersonID.UUID, Submission: uuid.NullUUID{UUID: id, Valid: true}, Ground: groundWish,
		}, submission.Sender)
	} else {
		id, _ := uuid.Parse(r.PostForm.Get("restriction"))
		if !slices.ContainsFunc(h.Limits, func(l heldLimit) bool { return l.id == id && l.own }) {
			return page.ErrNotFound
		}
		message = x.say("lifted")
		err = lift(ctx, x.desk, id, submission.Sender)
	}
	if err != nil {
		return err
	}
	if h, err = x.eraser.gather(ctx, rec.PersonID.UUID); err != nil {
		return err
	}
	return x.open(w, r, rec, h, http.StatusOK, rightsPage{Message: message})
}

// correct mails a link to another address; it takes the place of this one once its owner presses the button.
func (x *Rights) correct(w http.ResponseWriter, r *http.Request, rec submission.Record, h held) error {
	number, typed := typedNumber(r), form.Clean(r.PostForm.Get("email"), false)
	refuse := func(status int, field, problem string) error {
		return x.open(w, r, rec, h, status, rightsPage{About: actAddress, Typed: number, NewTyped: typed, Problems: at(field, problem)})
	}
	email, complaint := form.ParseEmail(typed)
	switch {
	case complaint != "":
		return refuse(http.StatusUnprocessableEntity, "f-email", complaint)
	case email == h.Person.Email:
		return refuse(http.StatusUnprocessableEntity, "f-email", x.say("address_same"))
	case !x.proven(r, rec, h):
		return refuse(http.StatusUnprocessableEntity, "f-number", x.say("wrong_number"))
	}
	err := x.addresses.mailLink(r.Context(), rec.PersonID.UUID, email)
	if errors.Is(err, ErrManyAddresses) {
		w.Header().Set("Retry-After", "86400")
		return refuse(http.StatusTooManyRequests, "f-email", x.say("address_many"))
	}
	if err != nil {
		return err
	}
	if err := x.log(context.WithoutCancel(r.Context()), rec, "ask for a new address", nil); err != nil {
		return err
	}
	return x.open(w, r, rec, h, http.StatusOK, rightsPage{Message: x.say("address_sent", "address", email)})
}

func (x *Rights) erase(w http.ResponseWriter, r *http.Request, rec submission.Record, h held) error {
	number := typedNumber(r)
	refuse := func(field, problem string) error {
		return x.open(w, r, rec, h, http.StatusUnprocessableEntity, rightsPage{About: actErase, Typed: number, Problems: at(field, problem)})
	}
	switch {
	case !x.proven(r, rec, h):
		return refuse("f-erase", x.say("wrong_number"))
	case r.PostForm.Get("sure") != "yes":
		return refuse("f-sure", x.say("erase_unsure"))
	}
	if err := x.log(r.Context(), rec, "erase own data", nil); err != nil {
		return err
	}
	return x.showErased(w, r, rec)
}

// showErased erases the person, and says what came of it as often as whoever asked for it looks.
func (x *Rights) showErased(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	told, err := x.eraser.Erase(r.Context(), rec.PersonID.UUID) // erasing twice is erasing once
	if errors.Is(err, person.ErrNotFound) {
		return x.draw(w, r, rec, http.StatusOK, rightsPage{Step: "nothing"})
	}
	if err != nil {
		return err
	}
	return x.draw(w, r, rec, http.StatusOK, rightsPage{Step: "erased", Stays: told, Held: !told.Done})
}

// held tells whether a legal hold covers anything of the person.
func (x *Rights) held(ctx context.Context, who uuid.UUID) (covered bool, err error) {
	if err = x.desk.Pool.QueryRow(ctx, `SELECT person_held($1)`, who).Scan(&covered); err != nil {
		return false, fmt.Errorf("look for legal holds: %w", err)
	}
	return covered, nil
}

// log enters an act of the person's own, at the record that it was about.
func (x *Rights) log(ctx context.Context, rec submission.Record, action string, detail map[string]string) error {
	return audit.Record(ctx, x.desk.Pool, audit.Event{
		At: x.desk.Now(), Role: submission.Sender.Role, Action: action, Object: "submission",
		ObjectID: uuid.NullUUID{UUID: rec.ID, Valid: true}, Detail: detail,
	})
}

// names are those under which the address was used.
func (h held) names() []string {
	var list []string
	if h.account != "" {
		list = append(list, h.account)
	}
	for _, q := range h.Requests {
		if q.Name != "" {
			list = append(list, q.Name)
		}
	}
	return list
}

// aged is how much older than the asking a request must be for its number to prove something: whoever reads the mailbox today
// can send one today.
const aged = 24 * time.Hour

// proves tells whether a number shows more than that somebody reads the mailbox now: it is that of a request sent a day before
// this one was. Where there is none so old, a newer one will do, and one to this room only where there is nothing else.
func (h held) proves(number string, asked time.Time) bool {
	for _, counts := range []func(heldRequest) bool{
		func(q heldRequest) bool { return q.kind != Kind && q.At.Before(asked.Add(-aged)) },
		func(q heldRequest) bool { return q.kind != Kind },
		func(heldRequest) bool { return true },
	} {
		if slices.ContainsFunc(h.Requests, counts) {
			return slices.ContainsFunc(h.Requests, func(q heldRequest) bool { return counts(q) && q.Reference == number })
		}
	}
	return false
}
