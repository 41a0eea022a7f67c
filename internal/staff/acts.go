package staff

import (
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
)

// actsView is what may be done with a record.
type actsView struct {
	Moves       []moveView
	Reply       *letterView // nil where there is nobody to write to
	Note        *noteView   // likewise
	Owners      []option
	Me          string // the reader's id where the record is not theirs yet
	Quarantined bool
	Emptied     bool // its sender was erased: there is nothing to work on, or to set apart
	Misuse      *misuseView
}

// moveView is a step with what it asks for.
type moveView struct {
	To, Label, From string
	Again           bool
	AgainOn         string
	Reasons         []option
	Letter          *letterView // nil: the step brings none
	Ask             bool        // the letter is a question with a link back into the form
	Open            bool
	Problems        []form.Problem
	Bare            bool // nothing is asked: the button does it
}

// letterView is a letter to be edited. Key is its id, so that pressing twice sends once.
type letterView struct {
	ID, Key, Subject, Text string // ID begins the ids of its fields
	Ask                    bool
	Open                   bool
	Problems               []form.Problem
}

// Wrong returns what is wrong with one of its fields, nil where nothing is.
func (v letterView) Wrong(name string) *form.Problem { return wrong(v.Problems, name) }

// Wrong returns what is wrong with one of its fields, nil where nothing is.
func (v moveView) Wrong(name string) *form.Problem { return wrong(v.Problems, name) }

func wrong(problems []form.Problem, name string) *form.Problem {
	for _, p := range problems {
		if p.Name == name {
			return &p
		}
	}
	return nil
}

type noteView struct {
	Text, Promise string
	Open          bool
	Problems      []form.Problem
}

type misuseView struct {
	Kinds           []option
	Evidence, Until string
	Key, Last       string
	Open            bool
	Problems        []form.Problem
}

// actsView prepares the forms; the one in which something could not be done is open, with everything typed.
func (ws *Workspace) actsView(o opened, state activity.Status, names names, d draft) *actsView {
	v := &actsView{Owners: ws.workers(o, names), Quarantined: o.Quarantined != nil, Emptied: o.Emptied()}
	if o.AssigneeID.UUID != o.in.Account.ID {
		v.Me = o.in.Account.ID.String()
	}
	if !v.Emptied {
		v.Note = &noteView{Text: d.value("note", "text", ""), Promise: ws.notePromise(o.Kind), Open: d.Act == "note"}
		if d.Act == "note" {
			v.Note.Problems = d.Problems
		}
	}
	if o.Email != "" {
		v.Misuse = ws.misuseView(d)
	}
	if v.Quarantined {
		return v // nothing is mailed about it, so nothing is decided, until it is restored
	}
	for _, m := range state.Moves {
		if m.Extends && state.Overdue(o.Record, ws.desk.Now()) {
			continue
		}
		v.Moves = append(v.Moves, moveViewOf(o, state, m, d))
	}
	if o.Email != "" {
		v.Reply = &letterView{
			ID: "reply", Key: newKey(), Subject: d.value("reply", "subject", "Your "+o.kind.What),
			Text: d.value("reply", "text", ""), Open: d.Act == "reply",
		}
		if d.Act == "reply" {
			v.Reply.Problems = d.Problems
		}
	}
	return v
}

// notePromise says beside the note box who may come to read the note.
func (ws *Workspace) notePromise(kind string) string {
	if kind == "career" {
		return ws.say("note_candidate")
	}
	return ws.say("note_person")
}

func moveViewOf(o opened, state activity.Status, m activity.Move, d draft) moveView {
	act := "move " + m.To
	v := moveView{
		To: m.To, Label: m.Label, From: state.Value, Again: m.Again, AgainOn: d.value(act, "again", ""), Ask: m.Ask,
		Open: d.Act == act, Bare: !m.Letter && !m.Ask && len(m.Reasons) == 0 && !m.Again,
	}
	if d.Act == act {
		v.Problems = d.Problems
	}
	for _, r := range m.Reasons {
		v.Reasons = append(v.Reasons, option{r.Value, r.Label, r.Value == d.value(act, "reason", "")})
	}
	if (m.Letter || m.Ask) && o.Email != "" {
		v.Letter = &letterView{
			ID: "move-" + m.To, Key: newKey(), Subject: d.value(act, "subject", m.Subject), Text: d.value(act, "text", m.Text), Ask: m.Ask,
			Problems: v.Problems,
		}
	}
	return v
}

func newKey() string { return uuid.Must(uuid.NewV7()).String() }

// workers lists those who may be given the record.
func (ws *Workspace) workers(o opened, names names) []option {
	return append([]option{{nobody, "Nobody", !o.AssigneeID.Valid}}, names.options(o.AssigneeID.UUID, o.in, o.Kind)...)
}

func (ws *Workspace) misuseView(d draft) *misuseView {
	v := &misuseView{
		Evidence: d.value("misuse", "evidence", ""), Until: d.value("misuse", "until", ""), Key: newKey(), Open: d.Act == "misuse",
		Last: ws.lastBlock().Format("2 January 2006"),
	}
	if v.Open {
		v.Problems = d.Problems
	}
	for _, k := range misuses() {
		v.Kinds = append(v.Kinds, option{k.Value, k.Label + ": " + k.Term, k.Value == d.value("misuse", "kind", "")})
	}
	return v
}
