package activity

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

type receiptViews struct {
	receipt  page.View[receiptPage]
	contents page.View[contentsPage]
	edit     page.View[editPage]
	confirm  page.View[confirmPage]
}

func loadReceiptViews(set *page.Set) receiptViews {
	return receiptViews{
		receipt:  page.Load[receiptPage](set, "activity/receipt"),
		contents: page.Load[contentsPage](set, "activity/contents"),
		edit:     page.Load[editPage](set, "activity/edit"),
		confirm:  page.Load[confirmPage](set, "activity/confirm"),
	}
}

// receiptPage is what anybody with the link may see: that something was sent and what became of it, not its contents.
type receiptPage struct {
	page.Base
	Record    submission.Record
	Status    Status
	What      string
	By        string             // the day of our answer, where one was promised
	Late      bool               // that day is over
	Statement *consent.Statement // shown with the first answers
	Address   string             // /r/{token}
	Opened    []Opening
	Extra     Extra
	Code      CodeView
	Reply     form.View
	Problem   string // why it can't be withdrawn
	Answered  bool   // a message has just come
	Changed   bool   // new answers have
	ByLaw     bool   // a legal hold keeps it as it is: it can't be withdrawn, nor deleted on its day
	Erased    bool   // its sender is: the receipt says so, and takes nothing any more
	Unsent    string // the words of a message to it
}

// Opening says that a role looked at the record on a day, never who.
type Opening struct {
	Role string
	Day  time.Time
}

// contentsPage is what a mailed code opens.
type contentsPage struct {
	page.Base
	Record   submission.Record
	Address  string
	Grant    string
	Versions []submission.Version
	Files    []file.Info
	Replies  []Reply
	CanEdit  bool
}

type editPage struct {
	page.Base
	Record  submission.Record
	Address string // of the receipt
	Form    form.View
	Closed  bool // what was typed is shown, but can't be sent any more
}

type confirmPage struct {
	page.Base
	Done    bool
	Choices []string // wordings that come into force
}

// Reply is what a sender wrote to us on the receipt.
type Reply struct {
	ID   uuid.UUID `db:"id"`
	Body string    `db:"body"`
	At   time.Time `db:"created_at"`
}

const confirmPurpose = "confirm"

// Public mounts the receipts and the confirmation of addresses.
func (d *Desk) Public(r chi.Router) {
	handle := d.Pages.Handle
	r.Get("/r/{token}", handle(d.OnReceipt(d.showReceipt)))
	r.Post("/r/{token}/code", handle(d.OnReceipt(d.sendCode)))
	r.Post("/r/{token}/open", handle(d.takeCode))
	r.Post("/r/{token}/file/{file}", handle(d.OnReceipt(d.serveFile)))
	r.Post("/r/{token}/message", handle(d.takeMessage))
	r.Post("/r/{token}/withdraw", handle(d.OnReceipt(d.withdraw)))
	r.Get("/r/{token}/edit/{grant}", handle(d.OnReceipt(d.showEdit)))
	r.Post("/r/{token}/edit/{grant}", handle(d.takeEdit))
	r.Get("/confirm/{token}", handle(d.showConfirm))
	r.Post("/confirm/{token}", handle(d.takeConfirm))
}

// OnReceipt gives a handler the record that the receipt's token stands for. Of a sender who was erased nothing is taken
// and nothing mailed: the receipt says so.
func (d *Desk) OnReceipt(h func(w http.ResponseWriter, r *http.Request, rec submission.Record) error) page.Handler {
	return d.ByToken(func(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
		if rec.Erased() {
			return d.writeErased(w, r, rec)
		}
		return h(w, r, rec)
	})
}

// ByToken gives a handler the record that a token stands for, whatever became of its sender. What is behind a token is
// never cached.
func (d *Desk) ByToken(h func(w http.ResponseWriter, r *http.Request, rec submission.Record) error) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := d.Store.ByToken(chi.URLParam(r, "token"))
		if err != nil {
			return page.ErrNotFound
		}
		rec, err := d.Store.Get(r.Context(), id)
		if errors.Is(err, submission.ErrNotFound) {
			return page.ErrNotFound
		}
		if err != nil {
			return err
		}
		w.Header().Set("Cache-Control", "no-store")
		return h(w, r, rec)
	}
}

// ConfirmPath returns the address of the page by which the owner of a record's address confirms it.
func (d *Desk) ConfirmPath(id uuid.UUID) string {
	return "/confirm/" + d.Ring.Token(confirmPurpose, id)
}

// ReceiptPath returns the address of a record's receipt.
func (d *Desk) ReceiptPath(id uuid.UUID) string { return submission.ReceiptPath(d.Store.Token(id)) }

func (d *Desk) showReceipt(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	return d.writeReceipt(w, r, rec, http.StatusOK, func(*receiptPage) {})
}

// writeErased draws what is left to say. A message is shown again, so that its words are not lost with it.
func (d *Desk) writeErased(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	a, ok := d.activities.Find(rec.Kind)
	if !ok {
		return page.ErrNotFound
	}
	return d.views.receipt.Write(w, r, http.StatusGone, receiptPage{
		Base:   page.Base{Title: "Your " + a.What + ", erased", Description: d.say("receipt"), NoIndex: true, Path: d.ReceiptPath(rec.ID)},
		Record: rec, What: a.What, Erased: true, Unsent: r.PostForm.Get(messageName),
	})
}

// writeReceipt draws the receipt; adjust adds what the moment brings.
func (d *Desk) writeReceipt(w http.ResponseWriter, r *http.Request, rec submission.Record, code int, adjust func(*receiptPage)) error {
	a, ok := d.activities.Find(rec.Kind)
	if !ok {
		return page.ErrNotFound
	}
	rec, err := d.Store.AsTold(r.Context(), rec)
	if err != nil {
		return err
	}
	data, err := d.receiptOf(r.Context(), a, rec)
	if err != nil {
		return err
	}
	data.Answered, data.Changed = r.URL.Query().Has("answered"), r.URL.Query().Has("changed")
	adjust(&data)
	return d.views.receipt.Write(w, r, code, data)
}

func (d *Desk) receiptOf(ctx context.Context, a Activity, rec submission.Record) (receiptPage, error) {
	status, _ := a.Status(rec.Status)
	shown := rec
	if as, ok := a.Status(status.As); ok {
		status, shown.Status, shown.DecidedAt = as, as.Value, nil
	}
	address := d.ReceiptPath(rec.ID)
	data := receiptPage{
		Base:   page.Base{Title: "Your " + a.What, Description: d.say("receipt"), NoIndex: true, Path: address},
		Record: shown, Status: status, What: a.What, Address: address, Reply: replyView(address, form.Shown{}),
	}
	data.Code.Mail = form.View{Action: address + "/code", Quiet: true}
	var err error
	if data.Statement, err = d.statementShown(ctx, rec.ID); err != nil {
		return data, err
	}
	if data.Opened, err = d.Openings(ctx, rec.ID); err != nil {
		return data, err
	}
	resting, byLaw, err := d.resting(ctx, rec.ID)
	switch data.ByLaw = byLaw; {
	case err != nil:
		return data, err
	case resting == "":
		data.By, data.Late = status.DueBy(rec), status.Overdue(rec, d.Now())
	case status.Next != "":
		data.Status.Next = resting
	}
	if a.Receipt != nil {
		data.Extra, err = a.Receipt(ctx, rec)
	}
	if data.Extra.Next != "" && resting == "" {
		data.Status.Next = data.Extra.Next
	}
	return data, err
}

// statementShown is the statement that was shown with the first answers, nil where we have it no more.
func (d *Desk) statementShown(ctx context.Context, id uuid.UUID) (*consent.Statement, error) {
	first, err := d.Store.FirstStatement(ctx, id)
	if err != nil {
		return nil, err
	}
	v, ok := d.Statements.Get(first)
	if !ok {
		return nil, nil //nolint:nilnil // none is an ordinary answer
	}
	return &v, nil
}

// resting says to the sender why nothing happens with a record for now, "" where something may, and whether that is by law.
func (d *Desk) resting(ctx context.Context, id uuid.UUID) (why string, byLaw bool, err error) {
	if byLaw, err = d.Store.Held(ctx, id); err != nil {
		return "", false, err
	}
	if byLaw {
		waits, err := d.Store.AwaitsErasure(ctx, id)
		if waits {
			return d.say("rests_until_erased"), true, err
		}
		return d.say("rests_by_law"), true, err
	}
	restricted, err := d.Store.Restricted(ctx, id)
	if err != nil || !restricted {
		return "", false, err
	}
	return d.say("rests_by_wish"), false, nil
}

// Openings lists the days on which a role opened the record, each once.
func (d *Desk) Openings(ctx context.Context, id uuid.UUID) ([]Opening, error) {
	events, err := audit.Of(ctx, d.Pool, id)
	if err != nil {
		return nil, err
	}
	var list []Opening
	for _, e := range events {
		o := Opening{account.Role(e.Role).Label(), clock.Day(e.At)}
		if e.Action == "read" && !slices.Contains(list, o) {
			list = append(list, o)
		}
	}
	return list, nil
}

// withdraw ends the request. It is the sender's own, so a look at the receipt is enough to be allowed.
func (d *Desk) withdraw(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	problem, err := d.Withdraw(r.Context(), rec)
	if err != nil {
		return err
	}
	if problem != "" {
		return d.writeReceipt(w, r, rec, http.StatusConflict, func(p *receiptPage) { p.Problem = problem })
	}
	http.Redirect(w, r, d.ReceiptPath(rec.ID), http.StatusSeeOther)
	return nil
}

// Withdrawable tells whether the sender of the record may still withdraw it.
func (d *Desk) Withdrawable(rec submission.Record) bool {
	a, _ := d.activities.Find(rec.Kind)
	return slices.Contains(a.withdrawable(), rec.Status)
}

// Withdraw ends a request at its sender's wish; what is withdrawn already is no problem. A problem says in a sentence,
// for the sender, why it can't be done.
func (d *Desk) Withdraw(ctx context.Context, rec submission.Record) (problem string, err error) {
	a, ok := d.activities.Find(rec.Kind)
	if !ok {
		return "", page.ErrNotFound
	}
	c := submission.Change{From: a.withdrawable(), To: Withdrawn, Moved: a.Moved}
	if s, _ := a.Status(Withdrawn); s.Months > 0 {
		c.PurgeAfter = d.KeptUntil(s.Months)
	}
	told, err := d.Store.AsTold(ctx, rec)
	if err != nil {
		return "", err
	}
	if slices.Contains(c.From, told.Status) { // a decision whose letter has not left does not stand in the way
		c.From = append(slices.Clip(c.From), rec.Status)
	}
	err = d.Store.Withdraw(ctx, rec.ID, c)
	switch {
	case errors.Is(err, submission.ErrMove):
		now, err := d.Store.Get(ctx, rec.ID)
		switch {
		case err != nil:
			return "", err
		case now.Status == Withdrawn:
			return "", nil // it is done already
		case now.Status != rec.Status:
			return d.Withdraw(ctx, now) // it was decided in the same moment, which may not stand in the way
		}
		return d.say("not_withdrawable"), nil
	case errors.Is(err, submission.ErrHeld):
		return d.say("held"), nil
	}
	return "", err
}

// grant is the right to see the contents of one record until a moment, closed with our seal. It names the address by a
// digest, so that what was mailed to a former one opens nothing.
const grantPurpose = "receipt grant"

// Grant returns a text that opens the contents of a record for that long, or until its person has another address.
func (d *Desk) Grant(rec submission.Record, lasts time.Duration) string {
	until := binary.BigEndian.AppendUint64(nil, uint64(d.Now().Add(lasts).Unix()))
	return d.Ring.Seal(grantPurpose, slices.Concat(rec.ID[:], until, d.addressee(rec)))
}

func (d *Desk) addressee(rec submission.Record) []byte {
	return d.Ring.Digest(grantPurpose, []byte(rec.Email))
}

func (d *Desk) granted(rec submission.Record, grant string) bool {
	until, ok := d.grantOf(rec, grant)
	return ok && d.Now().Before(until)
}

// grantOf returns until when a grant of ours for that record is good, or was.
func (d *Desk) grantOf(rec submission.Record, grant string) (until time.Time, ok bool) {
	body, err := d.Ring.Open(grantPurpose, grant)
	if err != nil || len(body) != 56 || uuid.UUID(body[:16]) != rec.ID {
		return time.Time{}, false
	}
	// Of an erased one, the second of two clicks learns what became of it; there is nothing more to see.
	if !rec.Erased() && !bytes.Equal(body[24:], d.addressee(rec)) {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint64(body[16:24])), 0), true
}

func (d *Desk) writeContents(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	ctx := r.Context()
	versions, err := d.Store.Versions(ctx, rec.ID)
	if err != nil {
		return err
	}
	files, err := d.Files.Of(ctx, rec.ID)
	if err != nil {
		return err
	}
	replies, err := d.Replies(ctx, rec.ID)
	if err != nil {
		return err
	}
	return d.views.contents.Write(w, r, http.StatusOK, contentsPage{
		Base:   page.Base{Title: "What you sent", Description: d.say("contents"), NoIndex: true, Path: d.ReceiptPath(rec.ID)},
		Record: rec, Address: d.ReceiptPath(rec.ID), Grant: d.Grant(rec, 30*time.Minute), Versions: versions,
		Files: files, Replies: replies, CanEdit: d.canEdit(ctx, rec),
	})
}
