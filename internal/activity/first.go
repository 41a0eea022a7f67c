package activity

import (
	"cmp"
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// firstMessages are the activity's own, or the confirmation to the sender and the notice to the inbox that owns the kind.
func (d *Desk) firstMessages(a Activity, id uuid.UUID, e *submission.Entry) []mail.Message {
	if a.Messages != nil {
		return a.Messages(id, e)
	}
	return []mail.Message{d.Received(a, id, e), d.Notice(a.Kind, id, mail.Inbox{
		Kind: a.Title, Subject: e.Form.Name, Who: cmp.Or(e.Company, e.Name),
	})}
}

// Received is the confirmation to the sender of an entry.
func (d *Desk) Received(a Activity, id uuid.UUID, e *submission.Entry) mail.Message {
	status, _ := a.Status(e.Status)
	return mail.Message{
		Template: "received",
		Data: mail.Received{
			Name: e.Name, What: a.What, Reference: submission.Reference(id), Next: status.Next, By: status.By(d.Now()),
			ReceiptURL: d.ReceiptPath(id), ConfirmURL: d.ConfirmPath(id), AddressOnly: a.AddressOnly,
		},
	}
}

// Notice is the mail about a record to the inbox that owns its kind. It fills in what follows from the record's id.
func (d *Desk) Notice(kind string, id uuid.UUID, data mail.Inbox) mail.Message {
	data.Reference, data.URL = submission.Reference(id), submission.RecordPath(id)
	return mail.Message{
		Submission: uuid.NullUUID{UUID: id, Valid: true}, Template: "inbox", Address: d.Pages.Site().Inbox(kind), Data: data,
	}
}

// heard is the notice that the sender of a record wrote again; none about what is kept apart.
func (d *Desk) heard(a Activity, rec submission.Record, what string) []mail.Message {
	if rec.Quarantined != nil {
		return nil
	}
	return []mail.Message{d.Notice(a.Kind, rec.ID, mail.Inbox{
		Kind: what + ": " + a.Title, Subject: rec.Subject, Who: cmp.Or(rec.Company, rec.Name),
	})}
}

// Changeable refuses, with the sentence for staff, a change to a record that a legal hold covers, or whose use is
// restricted.
func (d *Desk) Changeable(ctx context.Context, id uuid.UUID) error {
	held, err := d.Store.Held(ctx, id)
	if err != nil {
		return err
	}
	if held {
		return &page.Error{Status: http.StatusConflict, Message: d.say("kept_by_hold")}
	}
	restricted, err := d.Store.Restricted(ctx, id)
	if err == nil && restricted {
		err = &page.Error{Status: http.StatusConflict, Message: d.say("kept_by_wish")}
	}
	return err
}

// Restore takes a record out of quarantine, with the mail that it would have brought and did not.
func (d *Desk) Restore(ctx context.Context, id uuid.UUID, by submission.Actor) error {
	return d.Store.Restore(ctx, id, by, d.restored)
}

// restored is none where its sender is erased, and only what the activity itself has to say where it was withdrawn
// meanwhile: nobody waits for an answer.
func (d *Desk) restored(ctx context.Context, tx pgx.Tx, rec submission.Record) ([]mail.Message, error) {
	a, ok := d.activities.Find(rec.Kind)
	if !ok || rec.Erased() {
		return nil, nil
	}
	if rec.Status == Withdrawn {
		if a.Restored == nil {
			return nil, nil
		}
		return a.Restored(ctx, tx, rec, nil)
	}
	first := d.firstMessages(a, rec.ID, &submission.Entry{
		Form: form.Form{Kind: rec.Kind, Name: rec.Subject}, Status: rec.Status, Name: rec.Name, Company: rec.Company,
	})
	if a.Restored == nil {
		return first, nil
	}
	return a.Restored(ctx, tx, rec, first)
}
