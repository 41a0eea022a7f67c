package privacy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// section is a part of what is held, in words: the page and the file show the same.
type section struct {
	ID, Title, Text string
	Items           []heldItem
	None            string // said where nothing is held
}

type heldItem struct {
	Title, Note string
	Facts       []heldFact
	Text        string    // of a mail
	Receipt     string    // address, of a request
	Withdraw    uuid.UUID // the request that can still be withdrawn
	Restrict    uuid.UUID // the request whose use can be restricted
	Lift        uuid.UUID // the restriction that its person may lift
}

type heldFact struct {
	Label string
	Texts []string
}

// moment is an instant as all pages show it, with its zone.
func moment(t time.Time) string { return t.In(clock.Zone()).Format("2 January 2006, 15:04 MST") }

// dayIn is a day written by number, as a version of the statement is called, in words. Anything else it leaves as it is.
func dayIn(text string) string {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.Format("2 January 2006")
	}
	return text
}

// sections puts what is held into words. The request own is the one by which it is asked.
func (h held) sections(say page.Say, own uuid.UUID) []section {
	return []section{
		{ID: "address", Title: "You", Items: []heldItem{{Facts: h.Person.facts()}}},
		{
			ID: "requests", Title: "What you sent", Items: h.requestItems(say, own), None: say("held_none"),
			Text: say("held_requests"),
		},
		{
			ID: "choices", Title: "What you agreed to and refused", Items: append(h.refusalItems(say), h.choiceItems()...), None: say("held_never_chose"),
			Text: say("held_choices"),
		},
		{
			ID: "messages", Title: "What we sent you", Items: h.messageItems(say), None: say("held_none"),
			Text: say("held_messages"),
		},
		{
			ID: "further", Title: "Account, disclosures and the rest", Items: h.roomItems(say), None: say("held_none"),
			Text: say("held_further"),
		},
	}
}

func (p heldPerson) facts() []heldFact {
	f := []heldFact{{"Address", []string{p.Email}}, {"Known since", []string{clock.Date(p.Since)}}}
	if p.ConfirmedAt != nil {
		f = append(f, heldFact{"Confirmed", []string{moment(*p.ConfirmedAt)}})
	}
	if p.BouncedAt != nil {
		f = append(f, heldFact{"Mail came back", []string{moment(*p.BouncedAt)}})
	}
	for _, k := range p.Points {
		label := "Number for calls"
		if k.Channel == consent.ByPost {
			label = "Address for letters"
		}
		if !k.InUse {
			label += ", not in use"
		}
		f = append(f, heldFact{label, []string{k.Value, "given on " + moment(k.At)}})
	}
	return f
}

func (h held) requestItems(say page.Say, own uuid.UUID) []heldItem {
	var list []heldItem
	for _, x := range h.Requests {
		item := heldItem{Title: x.called(), Receipt: submission.ReceiptPath(x.token), Facts: x.facts(say)}
		if x.ByLaw {
			item.Note = say("held_by_law")
		}
		if x.id == own {
			item.Note = say("held_own")
		} else if x.withdrawable && !x.ByLaw {
			item.Withdraw = x.id
		}
		h.limit(say, &item, x)
		list = append(list, item)
	}
	return list
}

// limit says of a request since when it is only kept, and what its person may do about that.
func (h held) limit(say page.Say, item *heldItem, x heldRequest) {
	if x.kind == Kind {
		return
	}
	item.Restrict = x.id
	for _, l := range h.Limits {
		if l.LiftedAt != nil || l.submission.Valid && l.submission.UUID != x.id || !l.submission.Valid && x.At.After(l.Since) {
			continue
		}
		item.Restrict = uuid.Nil
		item.Note = strings.TrimSpace(item.Note + " " + say("held_limited", "day", clock.Date(l.Since), "ground", l.Ground))
		if l.own {
			item.Lift = l.id
		}
	}
}

func (x heldRequest) facts(say page.Say) []heldFact {
	f := []heldFact{{"Reference", []string{x.Reference}}, {"Received", []string{moment(x.At)}}}
	add := func(label string, texts ...string) {
		if strings.Join(texts, "") != "" {
			f = append(f, heldFact{label, texts})
		}
	}
	add("Status", x.Status)
	add("Name", x.Name)
	add("Organisation", x.Organisation)
	add("Came by", say("came_"+x.Channel))
	add("How you heard of us", x.Source)
	for _, v := range x.Answers {
		add("Answers of", moment(v.At)+", under the statement of "+dayIn(v.Statement))
		for _, a := range v.Answers {
			add(a.Question, a.Answer...)
		}
	}
	for _, i := range x.Files {
		add("File", i.info.Describe(), i.State)
	}
	for _, w := range x.Replies {
		add("You wrote, "+moment(w.At), w.Text)
	}
	for _, w := range x.Notes {
		add("Staff noted, "+moment(w.At), w.Text)
	}
	opened := []string{}
	for _, o := range x.Opened {
		opened = append(opened, o.Role+", "+o.At.Format("2 January 2006")) // a day, not a moment
	}
	if len(opened) == 0 {
		opened = []string{"Nobody yet"}
	}
	add("Opened by", opened...)
	deleted := x.DeletedAfter.Format("2 January 2006") // a day, not a moment
	if x.ByLaw {
		deleted = say("held_deleted", "day", deleted)
	}
	add("Deleted after", deleted)
	return f
}

// refusalItems are what came before every choice of the person's own.
func (h held) refusalItems(say page.Say) []heldItem {
	var list []heldItem
	for _, x := range h.Refusals {
		list = append(list, heldItem{
			Title: "Refused: " + what(consent.Purpose(x.Purpose), consent.Channel(x.Channel)),
			Facts: []heldFact{{"When", []string{moment(x.At)}}, {"How", []string{toldBy(say, x.Way)}}},
		})
	}
	return list
}

// toldBy says how a refusal for an address reached us.
func toldBy(say page.Say, way string) string { return say("told_" + cmp.Or(way, "before")) }

func (h held) choiceItems() []heldItem {
	var list []heldItem
	for _, c := range h.Choices {
		said := "Refused"
		if c.Granted {
			said = "Agreed"
		}
		list = append(list, heldItem{
			Title: said + ": " + what(consent.Purpose(c.Purpose), consent.Channel(c.Channel)),
			Facts: []heldFact{{"When", []string{moment(c.At)}}, {"In these words", []string{c.Wording}}, {"Statement", []string{dayIn(c.Statement)}}},
		})
	}
	for _, n := range h.Notices {
		item := heldItem{Title: "Told of the statement of " + dayIn(n.Version)}
		if n.DeliveredAt != nil {
			item.Facts = append(item.Facts, heldFact{"When", []string{moment(*n.DeliveredAt)}})
		}
		if n.ObjectedAt != nil {
			item.Facts = append(item.Facts, heldFact{"You objected", []string{moment(*n.ObjectedAt)}})
		}
		list = append(list, item)
	}
	return list
}

func (h held) messageItems(say page.Say) []heldItem {
	var list []heldItem
	for _, m := range h.Messages {
		item := heldItem{Title: m.Subject, Text: m.Text, Facts: []heldFact{{"Written", []string{moment(m.At)}}}}
		if item.Title == "" {
			item.Title = "A mail whose words are not kept"
		}
		switch {
		case m.SentAt != nil:
			item.Facts = append(item.Facts, heldFact{"Sent to " + m.Address, []string{moment(*m.SentAt)}})
		default:
			item.Facts = append(item.Facts, heldFact{"To " + m.Address, []string{say("mail_" + m.State)}})
		}
		if m.BouncedAt != nil {
			item.Facts = append(item.Facts, heldFact{"Came back", []string{moment(*m.BouncedAt)}})
		}
		list = append(list, item)
	}
	return list
}

func (h held) roomItems(say page.Say) []heldItem {
	var list []heldItem
	for _, room := range h.Rooms {
		item := heldItem{Title: room.Room, Facts: flat(say, room.Data)}
		if item.Title == "" {
			item.Title = "Further"
		}
		if len(item.Facts) > 0 {
			list = append(list, item)
		}
	}
	return list
}

// flat lists what is in a piece of JSON, in its order: each value under the words for the names that lead to it.
func flat(say page.Say, data json.RawMessage) []heldFact {
	var list []heldFact
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	err := walk(dec, nil, func(names []string, text string) {
		if len(names) == 0 {
			return // a room writes objects
		}
		last := names[len(names)-1]
		if text = strings.TrimSpace(text); text == "" || last == "id" {
			return
		}
		list = append(list, heldFact{labelOf(say, names), []string{valueOf(say, last, text)}})
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return nil // it was valid when the room wrote it
	}
	return list
}

// labelOf is the way to a value as a person reads it: "Download 2, licence". What has no words of its own is read as it is
// written.
func labelOf(say page.Say, names []string) string {
	var label string
	for _, name := range names {
		if _, err := strconv.Atoi(name); err == nil {
			label += " " + name // of several
			continue
		}
		if label != "" {
			label += ", "
		}
		label += cmp.Or(say("word_"+name), strings.ReplaceAll(name, "_", " "))
	}
	return form.Labelled(label)
}

// valueOf puts a value into words: those for what it is called under that name, else dates as all pages show them.
func valueOf(say page.Say, name, text string) string {
	called := name + "_" + strings.ReplaceAll(text, " ", "_")
	if words := say("value_" + called); words != "" {
		return words
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return moment(at)
	}
	return dayIn(text)
}

// walk calls add for every single value of the next JSON value.
func walk(dec *json.Decoder, names []string, add func([]string, string)) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		add(names, scalar(t))
		return nil
	}
	for n := 1; dec.More(); n++ {
		name := strconv.Itoa(n)
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			name = oneName(scalar(key))
		}
		if err := walk(dec, append(names[:len(names):len(names)], name), add); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

func scalar(t json.Token) string {
	switch v := t.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "yes"
		}
		return "no"
	}
	return ""
}

// oneName is a name of JSON in one spelling: "CreatedAt" and "created_at" become "created_at".
func oneName(name string) string {
	return strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(name, "${1}_$2"))
}

// Restricts tells whether the item is a request whose use can be restricted.
func (i heldItem) Restricts() bool { return i.Restrict != uuid.Nil }

// Lifts tells whether the item is a request whose use its person may allow again.
func (i heldItem) Lifts() bool { return i.Lift != uuid.Nil }

// Withdrawable tells whether the item is a request that can still be withdrawn.
func (i heldItem) Withdrawable() bool { return i.Withdraw != uuid.Nil }
