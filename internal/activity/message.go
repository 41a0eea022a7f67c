package activity

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/submission"
)

const maxMessage = 4000 // characters of a reply

const messageName = "message"

// messageForm asks for the words of a reply.
func messageForm() form.Form {
	return form.Form{Title: "Your message", Button: "Send message", Fields: []form.Field{
		{Name: messageName, Label: "Your message", Kind: form.LongText, Required: true, Max: maxMessage, Missing: "Write your message."},
	}}
}

// replyView is the form of a reply on the receipt of that address.
func replyView(receipt string, s form.Shown) form.View {
	s.Action = receipt + "/message"
	v := messageForm().Plain(s)
	v.Quiet = true
	return v
}

// takeMessage takes a reply of the sender's. Whatever happens to it, the words are shown again or stored.
func (d *Desk) takeMessage(w http.ResponseWriter, r *http.Request) error {
	in, _ := d.receive(w, r, form.Form{}, way{}) // without files nothing of ours can fail
	r.PostForm = in.values
	err := d.OnReceipt(func(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
		return d.judgeMessage(w, r, rec, in)
	})(w, r)
	return d.Unstored(w, r, err, messageForm())
}

func (d *Desk) judgeMessage(w http.ResponseWriter, r *http.Request, rec submission.Record, in *received) error {
	refuse := func(status int, problem string) error {
		shown := form.Shown{Values: in.values, Errors: form.Errors{messageName: problem}}
		return d.writeReceipt(w, r, rec, status, func(p *receiptPage) { p.Reply = replyView(p.Address, shown) })
	}
	if wait, ok := d.clients.allow("reply "+rec.ID.String(), d.Now()); !ok {
		seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
		w.Header().Set("Retry-After", seconds)
		return refuse(http.StatusTooManyRequests, d.say("many_messages", "seconds", seconds))
	}
	if in.status != 0 {
		return refuse(in.status, in.message)
	}
	values, errs := messageForm().Parse(in.values)
	if problem := errs[messageName]; problem != "" {
		return refuse(http.StatusUnprocessableEntity, problem)
	}
	if err := d.storeReply(r.Context(), rec, values.Get(messageName)); err != nil {
		return err
	}
	http.Redirect(w, r, d.ReceiptPath(rec.ID)+"?answered", http.StatusSeeOther)
	return nil
}

// storeReply stores the same words once, however often the button was pressed, and tells the inbox that owns the kind.
func (d *Desk) storeReply(ctx context.Context, rec submission.Record, body string) error {
	a, _ := d.activities.Find(rec.Kind)
	return d.Store.Reply(ctx, rec.ID, func(tx pgx.Tx) (bool, error) {
		tag, err := tx.Exec(ctx, `
			INSERT INTO reply (id, submission_id, body, created_at)
			SELECT $1, $2, $3, $4
			WHERE NOT EXISTS (SELECT FROM reply WHERE submission_id = $2 AND body = $3 AND created_at > $5)`,
			uuid.Must(uuid.NewV7()), rec.ID, body, d.Now(), d.Now().Add(-time.Hour))
		if err != nil || tag.RowsAffected() == 0 {
			return false, err
		}
		if err := d.reopen(ctx, tx, a, rec); err != nil {
			return false, err
		}
		for _, m := range d.heard(a, rec, "Reply") {
			if err := d.Mail.Insert(ctx, tx, m); err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// reopen takes a request that was answered, but not for good, back to those who answer. It is kept from now on as if it
// had come now, as is one that waits for its answer. What is in quarantine gains nothing by writing.
func (d *Desk) reopen(ctx context.Context, tx pgx.Tx, a Activity, rec submission.Record) error {
	if !a.open(Answered) || rec.Quarantined != nil {
		return nil
	}
	until := d.KeptUntil(a.Statuses[0].Months)
	err := d.Store.MoveTx(ctx, tx, rec.ID, submission.Change{
		From: []string{Answered}, To: a.First(), By: submission.Sender, Moved: a.Moved, PurgeAfter: until, Reopens: true,
	})
	switch {
	case !errors.Is(err, submission.ErrMove):
		return err
	case rec.Status == a.First():
		return d.Store.Keep(ctx, tx, rec.ID, until)
	}
	return nil
}
