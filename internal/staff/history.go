package staff

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/internal/word"
)

// entryView is something that was written: by the sender, to the sender, or beside the record.
type entryView struct {
	at           time.Time
	Class        string // "ours", "note" or "" for the sender
	Who, Subject string
	At           stamp
	Text         string
	State        tag
}

// momentView is something that happened.
type momentView struct {
	at        time.Time
	When      stamp
	What, Who string
}

// undoView offers to take back a letter that has not left. It carries the words, which are deleted with it, so that they
// can be shown again however often the button is pressed.
type undoView struct {
	Message       uuid.UUID
	Seconds       int
	Subject, Text string
}

// fillHistory reads what was written and what happened, both oldest first.
func (ws *Workspace) fillHistory(ctx context.Context, p *recordPage, names names) error {
	id := p.Record.ID
	events, err := ws.desk.Store.Events(ctx, id)
	if err != nil {
		return err
	}
	mails, err := ws.desk.Mail.OfSubmission(ctx, id)
	if err != nil {
		return err
	}
	letters, err := ws.letters(ctx, id)
	if err != nil {
		return err
	}
	if err := ws.fillThread(ctx, p, names, events, mails, letters); err != nil {
		return err
	}
	reads, err := ws.reads(ctx, p)
	if err != nil {
		return err
	}
	p.Timeline = ws.timeline(p.Kind, names, events, mails, reads)
	p.Undo = ws.undo(mails, letters)
	flags, err := ws.misuse.Of(ctx, p.Record.PersonID.UUID)
	for _, f := range flags {
		if !f.Lifted() {
			p.Flags = append(p.Flags, f.seenBy(account.From(ctx)))
		}
	}
	return err
}

// undo finds the letter that still waits for its minute to end. One that waits for something else says for what.
func (ws *Workspace) undo(mails []mail.Item, letters map[uuid.UUID]entryView) *undoView {
	for _, m := range slices.Backward(mails) {
		left := m.NextAt.Sub(ws.desk.Now())
		if m.State == "queued" && m.Attempts == 0 && m.LastError == "" && left > 0 && (m.Template == "letter" || m.Template == "more") {
			return &undoView{m.ID, int(left.Seconds()), letters[m.ID].Subject, letters[m.ID].Text}
		}
	}
	return nil
}

// letter is what staff wrote to a sender: templates letter and more keep their words under these names.
type letter struct {
	ID   uuid.UUID
	Data []byte
}

// fillThread gathers notes, replies and letters. Letters are read from their messages, which erasure and retention
// empty: then only the fact is left.
func (ws *Workspace) fillThread(
	ctx context.Context, p *recordPage, names names, events []submission.Event, mails []mail.Item, letters map[uuid.UUID]entryView,
) error {
	notes, err := ws.desk.Store.Notes(ctx, p.Record.ID)
	if err != nil {
		return err
	}
	for _, n := range notes {
		p.Thread = append(p.Thread, entryView{
			at: n.At, Class: "note", Who: names.byID[n.Author] + ", note", At: ws.stamp(n.At), Text: n.Body,
		})
	}
	replies, err := ws.desk.Replies(ctx, p.Record.ID)
	if err != nil {
		return err
	}
	for _, r := range replies {
		p.Thread = append(p.Thread, entryView{at: r.At, Who: p.Who + " wrote", At: ws.stamp(r.At), Text: r.Body})
	}
	for _, m := range mails {
		words, ok := letters[m.ID]
		if !ok {
			continue
		}
		words.at, words.At, words.Class = m.CreatedAt, ws.stamp(m.CreatedAt), "ours"
		words.Who, words.State = names.of(author(events, m.ID))+" to the sender", mailTag(m)
		p.Thread = append(p.Thread, words)
	}
	slices.SortStableFunc(p.Thread, func(a, b entryView) int { return a.at.Compare(b.at) })
	return nil
}

// author finds who wrote a letter: the event of the step that brought it names the message.
func author(events []submission.Event, message uuid.UUID) uuid.NullUUID {
	for _, e := range events {
		if e.Detail["message"] == message.String() && e.Kind != "undone" {
			return e.Actor
		}
	}
	return uuid.NullUUID{}
}

func (ws *Workspace) letters(ctx context.Context, id uuid.UUID) (map[uuid.UUID]entryView, error) {
	list, err := postgres.Rows[letter](ctx, ws.desk.Pool, `
		SELECT id, data FROM message WHERE submission_id = $1 AND template IN ('letter', 'more') AND data <> '{}'`, id)
	if err != nil {
		return nil, errRead("letters", err)
	}
	letters := make(map[uuid.UUID]entryView, len(list))
	for _, l := range list {
		var words struct {
			mail.Letter
			Question string
		}
		if err := json.Unmarshal(l.Data, &words); err != nil {
			return nil, errRead("letters", err)
		}
		text, subject := strings.Join(words.Paragraphs, "\n\n"), words.Subject
		if words.Question != "" {
			text, subject = words.Question, "Asked for more"
		}
		letters[l.ID] = entryView{Text: text, Subject: subject}
	}
	return letters, nil
}

func mailTag(m mail.Item) tag {
	switch {
	case m.BouncedAt != nil:
		return tag{"bounced", "Came back"}
	case m.State == "queued":
		return tag{"queued", "Waiting to leave"}
	case m.State == "sent":
		return tag{"sent", "Sent"}
	case m.State == "cancelled":
		return tag{"cancelled", "Taken back"}
	case m.State == "withheld":
		return tag{"withheld", "Withheld"}
	}
	return tag{"failed", "Failed"}
}

// reads returns who opened the record or one of its files, and what else the audit trail says of it.
func (ws *Workspace) reads(ctx context.Context, p *recordPage) ([]audit.Event, error) {
	events, err := audit.Of(ctx, ws.desk.Pool, p.Record.ID)
	if err != nil {
		return nil, err
	}
	for _, f := range p.Files {
		more, err := audit.Of(ctx, ws.desk.Pool, f.ID)
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
	}
	return events, nil
}

func (ws *Workspace) timeline(a activity.Activity, names names, events []submission.Event, mails []mail.Item, reads []audit.Event) []momentView {
	var list []momentView
	add := func(at time.Time, what, who string) { list = append(list, momentView{at, ws.stamp(at), what, who}) }
	for _, e := range events {
		if e.Kind == "code" {
			continue // its mail is listed
		}
		add(e.At, eventWords(a, names, e), actorWords(names, e.Actor, e.Role))
	}
	for _, m := range mails {
		at := m.CreatedAt
		if m.SentAt != nil {
			at = *m.SentAt
		}
		add(at, "Mail “"+mailName(m.Template)+"”: "+strings.ToLower(mailTag(m).Label), "")
	}
	for _, e := range ws.daily(reads) {
		add(e.At, auditWords(names, e), actorWords(names, e.ActorID, e.Role))
	}
	slices.SortStableFunc(list, func(a, b momentView) int { return cmp.Compare(a.at.UnixMicro(), b.at.UnixMicro()) })
	return list
}

// daily keeps one reading a day of the same reader and the same thing: opening a record five times says no more.
func (ws *Workspace) daily(events []audit.Event) []audit.Event {
	seen := map[string]bool{}
	var list []audit.Event
	for _, e := range events {
		key := strings.Join([]string{e.Action, e.Object, e.ObjectID.UUID.String(), e.ActorID.UUID.String(), e.Role, clock.Date(e.At)}, " ")
		if e.Action == "read" && seen[key] {
			continue
		}
		seen[key] = true
		list = append(list, e)
	}
	return list
}

func actorWords(names names, id uuid.NullUUID, role string) string {
	switch role {
	case "sender":
		return "the sender"
	case "system":
		return "by itself"
	}
	if name := names.of(id); name != "" {
		return name + ", " + role
	}
	return role
}

func eventWords(a activity.Activity, names names, e submission.Event) string {
	switch e.Kind {
	case "moved", "withdrawn":
		return movedWords(a, e.Detail)
	case "asked":
		return "Asked for more"
	case "answered_again":
		return "Sent a new version of the answers"
	case "replied":
		return "Wrote on the receipt"
	case "letter":
		return "Letter written"
	case "undone":
		return "Taken back before it left"
	case "assigned":
		if id, err := uuid.Parse(e.Detail["to"]); err == nil && id != uuid.Nil {
			return "Assigned to " + cmp.Or(names.byID[id], "a colleague")
		}
		return "Assigned to nobody"
	case "quarantined":
		return "Put into quarantine"
	case "restored":
		return "Taken out of quarantine"
	case "noted":
		return "Note written"
	case "link":
		return "Asked for a new link"
	}
	if e.Detail["from"] != e.Detail["to"] {
		return movedWords(a, e.Detail) // a room's own name for a step: what it led to says more
	}
	return form.Labelled(e.Kind)
}

func movedWords(a activity.Activity, d map[string]string) string {
	label := func(value string) string {
		if s, ok := a.Status(value); ok {
			return s.Label
		}
		return value
	}
	words := label(d["from"]) + " → " + label(d["to"])
	if d["reason"] != "" {
		words += ", reason: " + reasonLabel(a, d["reason"])
	}
	if day, err := time.Parse(time.DateOnly, d["again"]); err == nil {
		words += ", may apply again from " + day.Format("2 January 2006")
	}
	return words
}

func reasonLabel(a activity.Activity, value string) string {
	for _, s := range a.Statuses {
		for _, m := range s.Moves {
			for _, o := range m.Reasons {
				if o.Value == value {
					return lower(o.Label)
				}
			}
		}
	}
	return value
}

func auditWords(names names, e audit.Event) string {
	switch e.Action + " " + e.Object {
	case "read submission":
		return "Opened the record"
	case "read file":
		return "Opened a file"
	case "take submission":
		words := "Taken " + channelWords(e.Detail["channel"])
		if id, err := uuid.Parse(e.Detail["taken_by"]); err == nil && id != e.ActorID.UUID {
			words += " by " + cmp.Or(names.byID[id], "a colleague")
		}
		return words
	case "flag submission":
		return "Misuse flagged"
	case "lift submission":
		return "Flag of misuse lifted"
	}
	return word.Capital(e.Action) + " of " + e.Object
}

// mailName is the name of a template in words: "event_reminder" is "event reminder".
func mailName(template string) string {
	switch template {
	case "received":
		return "confirmation"
	case "inbox":
		return "notice to the inbox"
	case "code":
		return "code for the receipt"
	case "more":
		return "question to the sender"
	}
	return strings.NewReplacer("_", " ", "-", " ").Replace(template)
}

// lower lets a label stand within a sentence.
func lower(label string) string {
	first, n := utf8.DecodeRuneInString(label)
	return string(unicode.ToLower(first)) + label[n:]
}
