package staff

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/submission"
)

// submitUndo takes back the letter that the page offered to take back, with the step it belongs to, and shows the words that
// the button brings again where they were written.
func (ws *Workspace) submitUndo(w http.ResponseWriter, r *http.Request, o opened) error {
	if o.Quarantined != nil {
		return ws.quarantined()
	}
	ctx, v := r.Context(), r.PostForm
	message, _ := uuid.Parse(v.Get("message")) // none of ours is left to be taken back
	err := ws.desk.Store.Undo(ctx, o.ID, o.by, message)
	if err != nil && !errors.Is(err, mail.ErrLeft) && !errors.Is(err, submission.ErrMove) {
		return ws.told(err)
	}
	events, err := ws.desk.Store.Events(ctx, o.ID)
	if err != nil {
		return err
	}
	word := undoneWord(events, message)
	if word == "left" || v.Get("text") == "" {
		return done(w, r, submission.RecordPath(o.ID), word)
	}
	if o, err = ws.open(ctx, o.ID, account.Act); err != nil {
		return err
	}
	d := ws.rewritten(o, events, message, v)
	d.Done = ws.say("done_" + word)
	if d.Act != "" {
		d.Done += " " + ws.say("words_again")
	}
	return ws.drawRecord(w, r, http.StatusOK, o, d)
}

// rewritten is a letter that was taken back, as it was typed: in its step, or as a reply where it had none or the record is
// elsewhere by now.
func (ws *Workspace) rewritten(o opened, events []submission.Event, message uuid.UUID, v url.Values) draft {
	i := slices.IndexFunc(events, func(e submission.Event) bool {
		return e.Kind != "undone" && e.Detail["message"] == message.String()
	})
	if i < 0 {
		return draft{}
	}
	step := events[i].Detail
	d := draft{Act: "reply", Values: url.Values{
		"subject": v["subject"], "text": v["text"], "reason": {step["reason"]}, "again": {step["again"]},
	}}
	if events[i].Kind == "asked" { // a question has a subject of its own
		d.Values.Set("subject", "Your "+o.kind.What)
	}
	state, _ := o.kind.Status(o.Status)
	if m, ok := moveTo(state, step["to"]); ok {
		d.Act = "move " + m.To
		d.Values.Set("text", strings.TrimSuffix(form.Clean(v.Get("text"), true), ws.ending(m, step["reason"], step["again"])))
	}
	return d
}

// undoneWord says what became of a letter that was to be taken back: it left, or this or the first of two clicks took it
// back, with its step or without.
func undoneWord(events []submission.Event, message uuid.UUID) string {
	for _, e := range events {
		switch {
		case e.Kind != "undone" || e.Detail["message"] != message.String():
		case e.Detail["stays"] != "":
			return "unsent"
		default:
			return "undone"
		}
	}
	return "left"
}
