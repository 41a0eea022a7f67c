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

	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

const (
	codeLasts    = 15 * time.Minute
	codeAttempts = 5
	twoClicks    = 10 * time.Second // between them at most: they bring one code
)

func (d *Desk) sendCode(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	wait, err := d.MailCode(r.Context(), rec)
	if err != nil {
		return err
	}
	if wait > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(wait.Seconds())+1))
		return d.askCode(w, r, rec, http.StatusTooManyRequests, d.ManyCodes())
	}
	return d.askCode(w, r, rec, http.StatusOK, "")
}

// askCode draws the receipt with the form on which a code is typed.
func (d *Desk) askCode(w http.ResponseWriter, r *http.Request, rec submission.Record, status int, problem string) error {
	return d.writeReceipt(w, r, rec, status, func(p *receiptPage) {
		p.Code.Form = CodeForm("Show what I sent", form.Shown{Action: p.Address + "/open", Values: r.PostForm}, problem)
	})
}

const codeName = "code"

// CodeView is the part of a page that asks for a mailed code, drawn by the partial "code".
type CodeView struct {
	Form *form.View // where it is typed; nil until one was mailed
	Mail form.View  // where the wish for one goes
}

// CodeForm is the form on which a mailed code is typed. A problem stands at its field, be it with the code or why no other
// was mailed; where there is none, the page opens there.
func CodeForm(button string, s form.Shown, problem string) *form.View {
	if problem != "" {
		s.Errors = form.Errors{codeName: problem}
	}
	v := form.Form{Button: button, Fields: []form.Field{CodeField()}}.Plain(s)
	v.Fields[0].Focus = problem == ""
	return &v
}

// ManyCodes is said where too many codes were mailed.
func (d *Desk) ManyCodes() string { return d.say("many_codes") }

// ManyTries is said where too many codes were tried.
func (d *Desk) ManyTries() string { return d.say("many_tries") }

// WrongCode is said of a code that is not the newest.
func (d *Desk) WrongCode() string { return d.say("wrong_code") }

// MailCode mails six digits to the address of the record: whoever has the receipt's link alone can't see contents. A wait
// says that several were mailed within an hour, and now none.
func (d *Desk) MailCode(ctx context.Context, rec submission.Record) (wait time.Duration, err error) {
	if wait, ok := d.codes.allow(rec.PersonID.UUID.String(), d.Now()); !ok {
		return max(wait, time.Second), nil
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return 0, fmt.Errorf("make code: %w", err)
	}
	if rec.Quarantined != nil { // what looks like misuse brings no mail, and does not learn so
		return 0, nil
	}
	code := fmt.Sprintf("%06d", n)
	err = pgx.BeginFunc(ctx, d.Pool, func(tx pgx.Tx) error { return d.replaceCode(ctx, tx, rec, code) })
	if errors.Is(err, submission.ErrNotFound) || errors.Is(err, submission.ErrMove) { // erased or set apart meanwhile
		return 0, nil
	}
	return 0, err
}

// replaceCode mails a code in the place of the one before, unless that was mailed a moment ago: the old one counts until the
// new one is on its way.
func (d *Desk) replaceCode(ctx context.Context, tx pgx.Tx, rec submission.Record, code string) error {
	tag, err := tx.Exec(ctx, `
		INSERT INTO receipt_code AS c (submission_id, hash, created_at) VALUES ($1, $2, $3)
		ON CONFLICT (submission_id) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at, attempts = 0
		WHERE c.created_at <= $4`,
		rec.ID, d.codeHash(rec, code), d.Now(), d.Now().Add(-twoClicks))
	if err != nil {
		return fmt.Errorf("store code: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	return d.Store.SendNoted(ctx, tx, rec.ID, submission.System, mail.Message{
		Template: "code", Data: mail.Code{Code: code, Reference: rec.Reference},
	})
}

// codeHash stands for a code that was mailed to the address of a record.
func (d *Desk) codeHash(rec submission.Record, code string) []byte {
	return d.Ring.Digest("receipt code", rec.ID[:], []byte(rec.Email), []byte(code))
}

// takeCode keeps a code that was typed, whatever becomes of it.
func (d *Desk) takeCode(w http.ResponseWriter, r *http.Request) error {
	unread := page.ReadForm(r, page.MostForm)
	err := d.OnReceipt(func(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
		return d.openContents(w, r, rec, unread)
	})(w, r)
	f := form.Form{Title: "What you sent"}
	if r.PostForm.Has(codeName) {
		f.Fields = []form.Field{CodeField()}
	}
	return d.Unstored(w, r, err, f)
}

// openContents shows what was sent to whoever knows the newest code, or holds a grant from having known it.
func (d *Desk) openContents(w http.ResponseWriter, r *http.Request, rec submission.Record, unread error) error {
	var known *page.Error
	if errors.As(unread, &known) {
		return d.askCode(w, r, rec, known.Status, known.Message)
	}
	ok, wait, err := d.Opens(r.Context(), rec, r.PostForm.Get("grant"), r.PostForm.Get(codeName))
	switch {
	case err != nil:
		return err
	case wait > 0:
		w.Header().Set("Retry-After", fmt.Sprint(int(wait.Seconds())+1))
		return d.askCode(w, r, rec, http.StatusTooManyRequests, d.ManyTries())
	case !ok:
		return d.askCode(w, r, rec, http.StatusUnprocessableEntity, d.WrongCode())
	}
	return d.writeContents(w, r, rec)
}

// Opens tells whether a grant of ours or the newest code opens what only the owner of the record's address may see. Tries
// count for all receipts of a person together: new codes don't make guessing easier. A wait says that there were too many.
func (d *Desk) Opens(ctx context.Context, rec submission.Record, grant, code string) (ok bool, wait time.Duration, err error) {
	if d.granted(rec, grant) {
		return true, 0, nil
	}
	if wait, ok := d.tries.allow(rec.PersonID.UUID.String(), d.Now()); !ok {
		return false, max(wait, time.Second), nil
	}
	ok, err = d.checkCode(ctx, rec, form.Ungrouped(code))
	return ok, 0, err
}

// checkCode counts the attempt before it looks, so that trying in parallel gains nothing. A code opens once: of two who
// know it, the second learns that somebody was there.
func (d *Desk) checkCode(ctx context.Context, rec submission.Record, code string) (bool, error) {
	var hash []byte
	err := d.Pool.QueryRow(ctx, `
		UPDATE receipt_code SET attempts = attempts + 1
		WHERE submission_id = $1 AND attempts < $2 AND created_at > $3
		RETURNING hash`, rec.ID, codeAttempts, d.Now().Add(-codeLasts)).Scan(&hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("check code: %w", err)
	}
	if !hmac.Equal(hash, d.codeHash(rec, code)) {
		return false, nil
	}
	tag, err := d.Pool.Exec(ctx, `DELETE FROM receipt_code WHERE submission_id = $1 AND hash = $2`, rec.ID, hash)
	if err != nil {
		return false, fmt.Errorf("spend code: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

func (d *Desk) serveFile(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	if err := page.ReadForm(r, page.MostForm); err != nil {
		return err
	}
	id, err := uuid.Parse(chi.URLParam(r, "file"))
	if err != nil || !d.granted(rec, r.PostForm.Get("grant")) {
		return page.ErrNotFound
	}
	info, err := d.Files.Info(r.Context(), id)
	if err != nil && !errors.Is(err, file.ErrGone) {
		return err
	}
	if err != nil || info.Submission.UUID != rec.ID {
		return page.ErrNotFound
	}
	return d.Files.Serve(w, r, id)
}

// Replies returns what the sender wrote on the receipt, oldest first.
func (d *Desk) Replies(ctx context.Context, id uuid.UUID) ([]Reply, error) {
	replies, err := postgres.Rows[Reply](ctx, d.Pool, `
		SELECT id, body, created_at FROM reply WHERE submission_id = $1 ORDER BY created_at, id`, id)
	if err != nil {
		return nil, fmt.Errorf("read replies: %w", err)
	}
	return replies, nil
}
