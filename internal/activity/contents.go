package activity

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

const (
	codeLasts    = 15 * time.Minute
	codeAttempts = 5
	maxMessage   = 4000 // characters of a reply
)

// sendCode mails six digits to the address of the record: whoever has the receipt's link alone can't see contents.
func (d *Desk) sendCode(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	if wait, ok := d.codes.allow(rec.ID.String(), d.Now()); !ok {
		w.Header().Set("Retry-After", fmt.Sprint(int(wait.Seconds())+1))
		return d.writeReceipt(w, r, rec, http.StatusTooManyRequests, func(p *receiptPage) {
			p.Problem = "Several codes were sent within an hour. Please use the newest, or try again later."
		})
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return fmt.Errorf("make code: %w", err)
	}
	code := fmt.Sprintf("%06d", n)
	err = pgx.BeginFunc(r.Context(), d.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(r.Context(), `
			INSERT INTO receipt_code (submission_id, hash, created_at) VALUES ($1, $2, $3)
			ON CONFLICT (submission_id) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at, attempts = 0`,
			rec.ID, d.codeHash(rec.ID, code), d.Now())
		return err
	})
	if err != nil {
		return fmt.Errorf("store code: %w", err)
	}
	err = d.Store.Send(r.Context(), rec.ID, submission.System, mail.Message{
		Template: "code", Data: mail.Code{Code: code, Reference: rec.Reference},
	})
	if err != nil && !errors.Is(err, submission.ErrNotFound) {
		return err
	}
	return d.writeReceipt(w, r, rec, http.StatusOK, func(p *receiptPage) { p.CodeSent = true })
}

func (d *Desk) codeHash(id uuid.UUID, code string) []byte {
	return d.Ring.Digest("receipt code", id[:], []byte(code))
}

// openContents shows what was sent to whoever knows the newest code, or holds a grant from having known it.
func (d *Desk) openContents(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	if d.granted(rec.ID, r.PostFormValue("grant")) {
		return d.writeContents(w, r, rec)
	}
	ok, err := d.checkCode(r.Context(), rec.ID, form.Clean(r.PostFormValue("code"), false))
	if err != nil {
		return err
	}
	if !ok {
		return d.writeReceipt(w, r, rec, http.StatusUnprocessableEntity, func(p *receiptPage) {
			p.CodeSent = true
			p.Problem = "That is not the code of our newest mail, or its 15 minutes are over. Check it, or ask for a new one."
		})
	}
	return d.writeContents(w, r, rec)
}

// checkCode counts the attempt before it looks, so that trying in parallel gains nothing.
func (d *Desk) checkCode(ctx context.Context, id uuid.UUID, code string) (bool, error) {
	var hash []byte
	err := d.Pool.QueryRow(ctx, `
		UPDATE receipt_code SET attempts = attempts + 1
		WHERE submission_id = $1 AND attempts < $2 AND created_at > $3
		RETURNING hash`, id, codeAttempts, d.Now().Add(-codeLasts)).Scan(&hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("check code: %w", err)
	}
	return hmac.Equal(hash, d.codeHash(id, code)), nil
}

func (d *Desk) serveFile(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	id, err := uuid.Parse(chi.URLParam(r, "file"))
	if err != nil || !d.granted(rec.ID, r.PostFormValue("grant")) {
		return page.ErrNotFound
	}
	info, err := d.Files.Info(r.Context(), id)
	if err != nil || info.Submission.UUID != rec.ID {
		return page.ErrNotFound
	}
	return d.Files.Serve(w, r, id)
}

// Replies returns what the sender wrote on the receipt, oldest first.
func (d *Desk) Replies(ctx context.Context, id uuid.UUID) ([]Reply, error) {
	rows, err := d.Pool.Query(ctx, `
		SELECT id, body, created_at FROM reply WHERE submission_id = $1 ORDER BY created_at, id`, id)
	if err != nil {
		return nil, fmt.Errorf("read replies: %w", err)
	}
	replies, err := pgx.CollectRows(rows, pgx.RowToStructByName[Reply])
	if err != nil {
		return nil, fmt.Errorf("read replies: %w", err)
	}
	return replies, nil
}

// takeMessage adds a reply of the sender's, and tells the inbox that owns the kind.
func (d *Desk) takeMessage(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	if _, ok := d.clients.allow("reply "+rec.ID.String(), d.Now()); !ok {
		return &page.Error{Status: http.StatusTooManyRequests, Message: "Please wait a minute before you write again."}
	}
	typed := r.PostFormValue("message")
	body := form.Clean(typed, true)
	problem := ""
	if body == "" {
		problem = "Enter your message."
	} else if n := len([]rune(body)); n > maxMessage {
		problem = fmt.Sprintf("This is %d characters too long. Shorten it to %d characters or fewer.", n-maxMessage, maxMessage)
	}
	if problem != "" {
		return d.writeReceipt(w, r, rec, http.StatusUnprocessableEntity, func(p *receiptPage) {
			p.Problem, p.Typed = problem, body
		})
	}
	if err := d.storeReply(r.Context(), rec, body); err != nil {
		return err
	}
	http.Redirect(w, r, d.ReceiptPath(rec.ID)+"?answered", http.StatusSeeOther)
	return nil
}

// storeReply stores the same words once, however often the button was pressed.
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
		if err := d.reopen(ctx, tx, a, rec.ID); err != nil {
			return false, err
		}
		inbox := d.Pages.Site().Inboxes[rec.Kind]
		if inbox == "" {
			return true, nil
		}
		return true, d.Mail.Insert(ctx, tx, mail.Message{
			Submission: uuid.NullUUID{UUID: rec.ID, Valid: true}, Template: "inbox", Address: inbox,
			Data: mail.Inbox{
				Kind: "Reply: " + a.Title, Subject: rec.Subject, Reference: rec.Reference, Who: who(rec.Name, rec.Company),
				URL: "/staff/submissions/" + rec.ID.String(),
			},
		})
	})
}

// reopen takes a request that was answered, but not for good, back to those who answer.
func (d *Desk) reopen(ctx context.Context, tx pgx.Tx, a Activity, id uuid.UUID) error {
	if !a.open(Answered) {
		return nil
	}
	err := d.Store.MoveTx(ctx, tx, id, submission.Change{
		From: []string{Answered}, To: a.First(), By: submission.Sender, Moved: a.Moved,
		PurgeAfter: d.Now().AddDate(0, a.Statuses[0].Months, 0),
	})
	if errors.Is(err, submission.ErrMove) {
		return nil
	}
	return err
}
