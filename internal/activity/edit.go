package activity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

// editing is the form of a record as it is to be filled in again.
type editing struct {
	form   form.Form
	last   form.Values
	closed *page.Error // why nothing more is taken
}

// editable returns what a grant lets its holder change: files that are there need not be sent again, consents are given
// elsewhere, and the address stays, since the link was mailed to it.
func (d *Desk) editable(r *http.Request, rec submission.Record) (editing, error) {
	a, known := d.activities.Find(rec.Kind)
	until, ok := d.grantOf(rec, chi.URLParam(r, "grant"))
	if !known || !ok {
		return editing{}, d.linkOver()
	}
	f, err := a.Form(r.Context(), rec.SubjectID.UUID)
	if err != nil {
		return editing{}, err
	}
	versions, err := d.Store.Versions(r.Context(), rec.ID)
	if err != nil {
		return editing{}, err
	}
	if len(versions) == 0 {
		return editing{}, page.ErrNotFound
	}
	if until, err = d.fromLeaving(r.Context(), rec.ID, chi.URLParam(r, "grant"), until); err != nil {
		return editing{}, err
	}
	e := editing{form: f, last: versions[0].Values}
	e.form.Fields, e.form.Button = d.questions(f), "Send the new version"
	if len(e.form.Fields) == 0 {
		return editing{}, page.ErrNotFound
	}
	why, err := a.WhyClosed(r.Context(), rec.SubjectID.UUID)
	switch {
	case err != nil:
		return editing{}, err
	case !d.Now().Before(until):
		e.closed = d.linkOver()
	case !a.changeable(rec.Status):
		e.closed = d.formOver()
	case why != "":
		e.closed = &page.Error{Status: http.StatusConflict, Message: why}
	}
	return e, nil
}

// fromLeaving returns until when a grant is good that was mailed: its time begins when the mail leaves, which may have waited
// for as long as the record was set apart or restricted.
func (d *Desk) fromLeaving(ctx context.Context, id uuid.UUID, grant string, until time.Time) (time.Time, error) {
	if d.Now().Before(until) {
		return until, nil
	}
	var written, left time.Time
	err := d.Pool.QueryRow(ctx, `
		SELECT created_at, sent_at FROM message
		WHERE submission_id = $1 AND template = 'more' AND sent_at IS NOT NULL AND right(data ->> 'URL', length($2)) = $2`,
		id, grant).Scan(&written, &left)
	if errors.Is(err, pgx.ErrNoRows) {
		return until, nil
	}
	if err != nil {
		return until, fmt.Errorf("find the mail of a link: %w", err)
	}
	return until.Add(left.Sub(written)), nil
}

func (d *Desk) linkOver() *page.Error {
	return &page.Error{Status: http.StatusNotFound, Message: d.say("link_over")}
}

func (d *Desk) formOver() *page.Error {
	return &page.Error{Status: http.StatusConflict, Message: d.say("form_over")}
}

// changeable tells whether the answers of a request in that status may be changed by its sender.
func (a Activity) changeable(status string) bool {
	s, ok := a.Status(status)
	return ok && !s.Final && s.Withdrawable
}

// questions are the fields that can be answered anew.
func (d *Desk) questions(f form.Form) []form.Field {
	var list []form.Field
	for _, field := range f.Fields {
		switch {
		case field.Kind == form.Consent && field.Purpose != "", field.Name == "email":
			continue
		case field.Kind == form.File:
			field.Required = false
			field.Hint = d.say("replace_hint", "hint", field.Hint)
		}
		list = append(list, field)
	}
	return list
}

// canEdit tells whether the answers of a record may still be changed by its sender.
func (d *Desk) canEdit(ctx context.Context, rec submission.Record) bool {
	a, _ := d.activities.Find(rec.Kind)
	if !a.changeable(rec.Status) {
		return false
	}
	if why, err := a.WhyClosed(ctx, rec.SubjectID.UUID); why != "" || err != nil {
		return false
	}
	f, err := a.Form(ctx, rec.SubjectID.UUID)
	return err == nil && len(d.questions(f)) > 0
}

// showEdit shows the form with the answers as they stand.
func (d *Desk) showEdit(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
	e, err := d.editable(r, rec)
	if err != nil {
		return err
	}
	if e.closed != nil {
		return e.closed
	}
	statement, err := d.Statement()
	if err != nil {
		return err
	}
	f := d.remember(e.form)
	return d.writeEdit(w, r, rec, http.StatusOK, f, f.View(form.Shown{
		Action: r.URL.Path, Statement: statement.Name(), Seal: form.NewSeal(f, statement.ID, d.Now()).Close(d.Ring),
		Values: url.Values(e.last), Hidden: stepHidden(f, 0),
	}))
}

func (d *Desk) writeEdit(w http.ResponseWriter, r *http.Request, rec submission.Record, code int, f form.Form, v form.View) error {
	return d.views.edit.Write(w, r, code, editPage{
		Base:   page.Base{Title: f.Title, Description: d.say("edit"), NoIndex: true, Path: d.ReceiptPath(rec.ID)},
		Record: rec, Address: d.ReceiptPath(rec.ID), Form: v,
		Closed: code == http.StatusConflict || code == http.StatusNotFound,
	})
}

// takeEdit takes new answers to a request. Where the database is away, what was typed is shown by itself.
func (d *Desk) takeEdit(w http.ResponseWriter, r *http.Request) error {
	err := d.ByToken(func(w http.ResponseWriter, r *http.Request, rec submission.Record) error {
		e, err := d.editable(r, rec)
		if err != nil {
			return err
		}
		return d.judgeEdit(w, r, rec, e)
	})(w, r)
	var known *page.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return d.withoutForm(w, r, Door{Page: d.drawAlone}, err)
}

// judgeEdit stores a new version of the answers. A request that waited for it goes back to those who asked, and the inbox
// that owns the kind is told.
func (d *Desk) judgeEdit(w http.ResponseWriter, r *http.Request, rec submission.Record, e editing) error {
	f := d.remember(e.form)
	wait, allowed, stage := d.admit(r, f.Kind)
	in, err := d.receive(w, r, f, way{stage: stage && e.closed == nil, sealed: true, resume: true})
	s := newSending(Door{
		Page: func(w http.ResponseWriter, r *http.Request, code int, f form.Form, v form.View) error {
			return d.writeEdit(w, r, rec, code, f, v)
		},
	}, f, in)
	if err != nil {
		return d.unavailable(w, r, s, err)
	}
	if s.statement, err = d.Statements.InForce(); err != nil {
		return d.unavailable(w, r, s, err)
	}
	if e.closed != nil {
		return d.closed(w, r, s, e.closed)
	}
	if !allowed {
		return d.tooMany(w, r, s, wait)
	}
	if refusal := d.judge(r, s); refusal != nil {
		return d.showAgain(w, r, s, refusal.status, refusal.message)
	}
	carryOver(f, e.last, s.values)
	err = d.storeEdit(r.Context(), rec, s)
	if errors.Is(err, submission.ErrAnswered) || errors.Is(err, submission.ErrMove) {
		err = d.formOver()
	}
	if errors.Is(err, submission.ErrVersions) {
		err = &page.Error{Status: http.StatusConflict, Message: d.say("changed_too_often")}
	}
	if err != nil {
		return d.notTaken(w, r, s, err)
	}
	http.Redirect(w, r, d.ReceiptPath(rec.ID)+"?changed", http.StatusSeeOther)
	return nil
}

func (d *Desk) storeEdit(ctx context.Context, rec submission.Record, s *sending) error {
	a, _ := d.activities.Find(rec.Kind)
	entry := d.entry(a, s.form, s.values)
	entry.Files, entry.Seal = s.in.files, s.seal
	entry.Messages = func(uuid.UUID, *submission.Entry) []mail.Message { return d.heard(a, rec, "Changed answers") }
	change := a.answered(rec.Status)
	if change != nil && a.Fill != nil { // the new answers may ask for nothing more
		filled := entry
		if err := a.Fill(ctx, &filled); err != nil {
			return err
		}
		to, _ := a.Status(filled.Status)
		change.To, change.Decides = to.Value, to.Final
	}
	return d.Store.Answer(ctx, rec.ID, entry, change)
}

// carryOver keeps the address, and files that were not replaced.
func carryOver(f form.Form, before, now form.Values) {
	if before["email"] != nil {
		now["email"] = before["email"]
	}
	for _, field := range f.Fields {
		if field.Kind == form.File && len(now[field.Name]) == 0 && len(before[field.Name]) > 0 {
			now[field.Name] = before[field.Name]
		}
	}
}

// Asked is the status of a request whose sender was asked for more.
const Asked = "asked_more"

// answered is the change that a new version brings: from Asked back to where staff decide, and from an answer that was
// not the last word.
func (a Activity) answered(status string) *submission.Change {
	if status != Asked && !a.open(status) {
		return nil
	}
	return &submission.Change{From: []string{status}, To: a.First(), Kind: "answered_again", By: submission.Sender, Moved: a.Moved}
}

// open tells whether a status is that of an answer to which the sender may come back.
func (a Activity) open(status string) bool {
	s, ok := a.Status(status)
	return ok && status == Answered && !s.Final
}

// NoMail answers a link of ours whose person was erased since.
func (d *Desk) NoMail() error {
	return &page.Error{Status: http.StatusGone, Message: d.say("no_mail")}
}

// byConfirm returns the record whose confirmation was mailed with the token.
func (d *Desk) byConfirm(r *http.Request) (submission.Record, person.Person, error) {
	id, err := d.Ring.ParseToken(confirmPurpose, chi.URLParam(r, "token"))
	if err != nil {
		return submission.Record{}, person.Person{}, page.ErrNotFound
	}
	rec, err := d.Store.Get(r.Context(), id)
	if errors.Is(err, submission.ErrNotFound) {
		return submission.Record{}, person.Person{}, page.ErrNotFound
	}
	if err != nil {
		return submission.Record{}, person.Person{}, err
	}
	p, err := d.People.Get(r.Context(), rec.PersonID.UUID)
	switch {
	case errors.Is(err, person.ErrNotFound), err == nil && p.ErasedAt != nil:
		return submission.Record{}, person.Person{}, d.NoMail()
	case err != nil:
		return submission.Record{}, person.Person{}, err
	}
	return rec, p, nil
}

// showConfirm shows the one button that confirms the address, and what comes into force with it.
func (d *Desk) showConfirm(w http.ResponseWriter, r *http.Request) error {
	rec, p, err := d.byConfirm(r)
	if err != nil {
		return err
	}
	confirmed, err := d.People.ConfirmedSince(r.Context(), p.ID, rec.CreatedAt)
	if err != nil {
		return err
	}
	last, err := d.provenBy(r.Context(), rec, p)
	if err != nil {
		return err
	}
	data := confirmPage{Base: page.Base{Title: "Confirm your address", Description: d.say("confirm"), NoIndex: true}}
	data.Path = r.URL.Path
	if data.Choices, err = d.Ledger.Waiting(r.Context(), p.ID, last); err != nil {
		return err
	}
	data.Done = confirmed && len(data.Choices) == 0
	w.Header().Set("Cache-Control", "no-store")
	return d.views.confirm.Write(w, r, http.StatusOK, data)
}

func (d *Desk) takeConfirm(w http.ResponseWriter, r *http.Request) error {
	rec, p, err := d.byConfirm(r)
	if err != nil {
		return err
	}
	last, err := d.provenBy(r.Context(), rec, p)
	if err != nil {
		return err
	}
	if err := d.Confirm(r.Context(), p, last); err != nil {
		return err
	}
	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
	return nil
}

// provenBy is the last entry of a person's ledger that the confirmation mailed with a record brings into force; 0: none.
func (d *Desk) provenBy(ctx context.Context, rec submission.Record, p person.Person) (int64, error) {
	if a, ok := d.activities.Find(rec.Kind); ok && a.AddressOnly {
		return 0, nil
	}
	return d.Ledger.LastOf(ctx, p.ID, rec.CreatedAt, rec.ID)
}

// Confirm does all that follows when the owner of an address shows that it is theirs: the address counts as confirmed,
// choices of the last 30 days come into force, up to that entry of the ledger, and what waited in an activity goes on.
// All of it happens, or nothing does, so that the button may be pressed again.
func (d *Desk) Confirm(ctx context.Context, p person.Person, upTo int64) error {
	err := pgx.BeginFunc(ctx, d.Pool, func(tx pgx.Tx) error {
		if err := d.People.Confirm(ctx, tx, p.ID, upTo); err != nil {
			return err
		}
		if err := d.Ledger.LiftProven(ctx, tx, p); err != nil {
			return err
		}
		for _, a := range d.activities {
			if a.Confirmed == nil {
				continue
			}
			if err := a.Confirmed(ctx, tx, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("confirm: %w", err)
	}
	return nil
}
