package staff

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

const (
	maxSubject = 150 // characters, as mail programs show them
	maxLetter  = 10_000
	maxNote    = 4000
	askedFor   = 14 * 24 * time.Hour // how long the mailed link back into the form opens it, from when it left
	gap        = "…"                 // where the words of a step's letter end and those of the colleague begin
)

// submitMove takes a step. Where the record has meanwhile left the status that the page showed, nothing is changed and
// the letter is kept.
func (ws *Workspace) submitMove(w http.ResponseWriter, r *http.Request, o opened) error {
	v := r.PostForm
	state, _ := o.kind.Status(v.Get("from"))
	m, ok := moveTo(state, v.Get("to"))
	if !ok {
		return &page.Error{Status: http.StatusUnprocessableEntity, Message: ws.say("no_step")}
	}
	if o.Quarantined != nil {
		return ws.quarantined()
	}
	d := draft{Act: "move " + m.To, Values: v}
	if d.Problems = ws.checkMove(m, o, v); len(d.Problems) > 0 {
		return ws.drawRecord(w, r, http.StatusUnprocessableEntity, o, d)
	}
	events, err := ws.desk.Store.Events(r.Context(), o.ID)
	if err != nil {
		return err
	}
	if d.Problem = ws.tooLate(m, o, state, events); d.Problem != "" {
		return ws.drawRecord(w, r, http.StatusConflict, o, d)
	}
	c := ws.change(o.kind, state.Value, m, o.by)
	ws.complete(&c, m, o, v, keyOf(v))
	err = ws.move(r.Context(), o.ID, c)
	switch {
	case err == nil:
		return done(w, r, submission.RecordPath(o.ID), "moved")
	case errors.Is(err, submission.ErrMove), postgres.Violates(err, "message_pkey"):
		return ws.conflict(w, r, o, d, c.Message)
	}
	return ws.told(err)
}

// move takes a step, but none whose letter is stored already: it was taken, whatever became of the record since.
func (ws *Workspace) move(ctx context.Context, id uuid.UUID, c submission.Change) error {
	if c.Message != nil {
		stored, err := ws.desk.Mail.Fresh(ctx, c.Message)
		if err != nil || stored {
			return err
		}
	}
	return ws.desk.Store.Move(ctx, id, c)
}

// tooLate says in a sentence why a step that takes more time can't be taken, or "": the law allows it once, and only
// before the day first promised is over.
func (ws *Workspace) tooLate(m activity.Move, o opened, state activity.Status, events []submission.Event) string {
	switch {
	case !m.Extends || o.Status != state.Value:
		return ""
	case state.Overdue(o.Record, ws.desk.Now()):
		return ws.say("more_time_late", "day", state.DueBy(o.Record))
	case movedBefore(events, m.To):
		return ws.say("more_time_twice", "day", state.DueBy(o.Record))
	}
	return ""
}

// movedBefore tells whether a record was once moved to the status, and the step was not taken back.
func movedBefore(events []submission.Event, to string) bool {
	undone := map[string]bool{}
	for _, e := range events {
		undone[e.Detail["message"]] = undone[e.Detail["message"]] || e.Kind == "undone"
	}
	return slices.ContainsFunc(events, func(e submission.Event) bool {
		return e.Detail["to"] == to && (e.Detail["message"] == "" || !undone[e.Detail["message"]])
	})
}

// quarantined is the answer to a step or letter about a record that is set apart.
func (ws *Workspace) quarantined() error {
	return &page.Error{Status: http.StatusConflict, Message: ws.say("quarantined")}
}

func moveTo(s activity.Status, to string) (activity.Move, bool) {
	for _, m := range s.Moves {
		if m.To == to {
			return m, true
		}
	}
	return activity.Move{}, false
}

// keyOf is the id that the page gave to the letter it is about to bring.
func keyOf(v url.Values) uuid.UUID {
	if id, err := uuid.Parse(v.Get("key")); err == nil {
		return id
	}
	return uuid.Must(uuid.NewV7())
}

// checkMove says what a step still lacks.
func (ws *Workspace) checkMove(m activity.Move, o opened, v url.Values) []form.Problem {
	var list []form.Problem
	id := "move-" + m.To
	if len(m.Reasons) > 0 && !hasOption(m.Reasons, v.Get("reason")) {
		list = append(list, form.Problem{Name: "reason", ID: id + "-reason-0", Text: "Choose the reason."})
	}
	if (m.Letter || m.Ask) && o.Email != "" {
		list = append(list, ws.checkLetter(id, v, !m.Ask)...)
		if strings.Contains(m.Text, gap) && strings.Contains(v.Get("text"), gap) {
			list = append(list, form.Problem{Name: "text", ID: id + "-text", Text: "The letter still has a “…” where your own words belong. Replace it."})
		}
	}
	if again := v.Get("again"); m.Again && again != "" {
		day, err := time.ParseInLocation(time.DateOnly, again, clock.Zone())
		if err != nil || !day.After(ws.desk.Now()) {
			list = append(list, form.Problem{Name: "again", ID: id + "-again", Text: "Enter a day to come, as year, month, day: 2027-05-01."})
		}
	}
	return list
}

func hasOption(options []form.Option, value string) bool {
	for _, o := range options {
		if o.Value == value {
			return true
		}
	}
	return false
}

// checkLetter says what a letter lacks; its fields' ids begin with id.
func (ws *Workspace) checkLetter(id string, v url.Values, subject bool) []form.Problem {
	var list []form.Problem
	add := func(name, text string) {
		list = append(list, form.Problem{Name: name, ID: id + "-" + name, Text: text})
	}
	if subject {
		if s := form.Clean(v.Get("subject"), false); s == "" {
			add("subject", ws.say("no_subject"))
		} else if n := utf8.RuneCountInString(s); n > maxSubject {
			add("subject", ws.tooLong("subject", n, maxSubject))
		}
	}
	if text := form.Clean(v.Get("text"), true); text == "" {
		add("text", ws.say("no_letter"))
	} else if n := utf8.RuneCountInString(text); n > maxLetter {
		add("text", ws.tooLong("letter", n, maxLetter))
	}
	return list
}

func (ws *Workspace) tooLong(what string, n, limit int) string {
	return ws.say("too_long_"+what, "over", n-limit, "limit", limit)
}

// complete adds what was filled in: the reason, the day from which to apply again, the letter.
func (ws *Workspace) complete(c *submission.Change, m activity.Move, o opened, v url.Values, key uuid.UUID) {
	if reason := v.Get("reason"); hasOption(m.Reasons, reason) {
		c.Detail["reason"] = reason
	}
	if again := v.Get("again"); m.Again && again != "" {
		c.Detail["again"] = again
	}
	text := form.Clean(v.Get("text"), true) + ws.ending(m, v.Get("reason"), v.Get("again"))
	if m.Ask {
		c.Kind = "asked"
	}
	if (!m.Letter && !m.Ask) || o.Erased() {
		return
	}
	c.Message = &mail.Message{ID: key, NotBefore: ws.desk.Now().Add(submission.UndoWindow)}
	if m.Ask {
		c.Message.Template = "more"
		c.Message.Data = mail.More{
			What: o.kind.What, Reference: o.Reference, Question: text,
			URL: ws.desk.ReceiptPath(o.ID) + "/edit/" + ws.desk.Grant(o.Record, askedFor),
		}
		return
	}
	c.Message.Template, c.Message.Data = "letter", ws.letter(o, v.Get("subject"), text)
}

// ending is what a step adds to the words of its letter.
func (ws *Workspace) ending(m activity.Move, reason, again string) string {
	var text string
	if day, err := time.Parse(time.DateOnly, again); err == nil && m.Again {
		text += "\n\n" + ws.say("again_from", "day", day.Format("2 January 2006"))
	}
	if i := slices.IndexFunc(m.Reasons, func(o form.Option) bool { return o.Value == reason }); m.Grounds && i >= 0 {
		text += "\n\n" + ws.say("grounds", "reason", m.Reasons[i].Label)
	}
	if m.Ending != "" {
		text += "\n\n" + m.Ending
	}
	return text
}

var blankLine = regexp.MustCompile(`\n\s*\n`)

// letter is what staff wrote, as the mail draws it.
func (ws *Workspace) letter(o opened, subject, text string) mail.Letter {
	l := mail.Letter{
		Subject: form.Clean(subject, false), Name: o.Name, Reference: o.Reference, URL: ws.desk.ReceiptPath(o.ID),
	}
	for _, p := range blankLine.Split(form.Clean(text, true), -1) {
		if p = strings.TrimSpace(p); p != "" {
			l.Paragraphs = append(l.Paragraphs, p)
		}
	}
	return l
}

// conflict shows the record as it is now, and keeps the letter: in the same step where that is still open, else as a
// reply. Where the step was taken by this very page, somebody only pressed twice.
func (ws *Workspace) conflict(w http.ResponseWriter, r *http.Request, o opened, d draft, letter *mail.Message) error {
	events, err := ws.desk.Store.Events(r.Context(), o.ID)
	if err != nil {
		return err
	}
	if alreadyTaken(events, o, d, letter) {
		return done(w, r, submission.RecordPath(o.ID), "moved")
	}
	if o, err = ws.open(r.Context(), o.ID, account.Act); err != nil {
		return err
	}
	now, _ := o.kind.Status(o.Status)
	who := "Somebody"
	for _, e := range events { // the last one counts
		if e.Detail["to"] == o.Status {
			names, err := ws.names(r.Context())
			if err != nil {
				return err
			}
			who = actorWords(names, e.Actor, e.Role)
		}
	}
	d.Problem = ws.say("meanwhile", "who", who, "status", now.Label)
	if _, ok := moveTo(now, strings.TrimPrefix(d.Act, "move ")); !ok && d.Values.Get("text") != "" {
		d.Act = "reply"
	}
	if d.Values.Get("text") != "" {
		d.Problem += " " + ws.say("letter_kept")
	}
	return ws.drawRecord(w, r, http.StatusConflict, o, d)
}

// alreadyTaken tells whether the last step of a record is the very one, by the same colleague, with the same letter or with
// none: nothing is lost that was written.
func alreadyTaken(events []submission.Event, o opened, d draft, letter *mail.Message) bool {
	for _, e := range slices.Backward(events) {
		if e.Detail["to"] == "" {
			continue
		}
		same := d.Values.Get("text") == ""
		if letter != nil {
			same = e.Detail["message"] == letter.ID.String()
		}
		return same && e.Actor.UUID == o.by.ID && "move "+e.Detail["to"] == d.Act &&
			e.Detail["from"] == d.Values.Get("from") && e.Detail["reason"] == d.Values.Get("reason") &&
			e.Detail["again"] == d.Values.Get("again")
	}
	return false
}

// submitReply writes to the sender without changing the status.
func (ws *Workspace) submitReply(w http.ResponseWriter, r *http.Request, o opened) error {
	v := r.PostForm
	if o.Quarantined != nil {
		return ws.quarantined()
	}
	if o.Erased() {
		return &page.Error{Status: http.StatusConflict, Message: ws.say("nobody_to_write_to")}
	}
	d := draft{Act: "reply", Values: v, Problems: ws.checkLetter("reply", v, true)}
	if len(d.Problems) > 0 {
		return ws.drawRecord(w, r, http.StatusUnprocessableEntity, o, d)
	}
	m := mail.Message{
		ID: keyOf(v), Template: "letter", NotBefore: ws.desk.Now().Add(submission.UndoWindow),
		Data: ws.letter(o, v.Get("subject"), v.Get("text")),
	}
	stored, err := ws.desk.Mail.Fresh(r.Context(), &m)
	if err == nil && !stored {
		err = ws.desk.Store.Send(r.Context(), o.ID, o.by, m)
	}
	if errors.Is(err, submission.ErrMove) {
		return ws.quarantined()
	}
	if err != nil && !postgres.Violates(err, "message_pkey") { // two clicks in the same moment
		return ws.told(err)
	}
	return done(w, r, submission.RecordPath(o.ID), "written")
}

func (ws *Workspace) submitNote(w http.ResponseWriter, r *http.Request, o opened) error {
	text := form.Clean(r.PostForm.Get("text"), true)
	d := draft{Act: "note", Values: r.PostForm}
	if n := utf8.RuneCountInString(text); text == "" {
		d.Problems = []form.Problem{{Name: "text", ID: "note-text", Text: "Write the note."}}
	} else if n > maxNote {
		d.Problems = []form.Problem{{Name: "text", ID: "note-text", Text: ws.tooLong("note", n, maxNote)}}
	}
	if len(d.Problems) > 0 {
		return ws.drawRecord(w, r, http.StatusUnprocessableEntity, o, d)
	}
	if err := ws.desk.Store.AddNote(r.Context(), o.ID, o.by, text); err != nil {
		return ws.told(err)
	}
	return done(w, r, submission.RecordPath(o.ID), "noted")
}

func (ws *Workspace) submitAssign(w http.ResponseWriter, r *http.Request, o opened) error {
	to, err := ws.assignee(r.Context(), r.PostForm.Get("to"), o.Kind)
	if err != nil {
		return err
	}
	if to != o.AssigneeID.UUID {
		if err := ws.desk.Store.Assign(r.Context(), []uuid.UUID{o.ID}, to, o.by); err != nil {
			return ws.told(err)
		}
	}
	return done(w, r, submission.RecordPath(o.ID), "owner")
}

func (ws *Workspace) submitQuarantine(w http.ResponseWriter, r *http.Request, o opened) error {
	if err := ws.desk.Store.Quarantine(r.Context(), []uuid.UUID{o.ID}, o.by); err != nil {
		return ws.told(err)
	}
	return done(w, r, submission.RecordPath(o.ID), "held")
}

// submitRestore takes a record out of quarantine; one that is out already stays so.
func (ws *Workspace) submitRestore(w http.ResponseWriter, r *http.Request, o opened) error {
	if err := ws.restore(r.Context(), o); err != nil {
		return ws.told(err)
	}
	return done(w, r, submission.RecordPath(o.ID), "back")
}

func (ws *Workspace) restore(ctx context.Context, o opened) error {
	err := ws.desk.Restore(ctx, o.ID, o.by)
	if errors.Is(err, submission.ErrMove) {
		return nil
	}
	return err
}
