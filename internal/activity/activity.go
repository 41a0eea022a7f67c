// Package activity is what every activity of the site is made of, and the desk that serves them all: it shows forms,
// takes what is sent (limits, guards, files), hands it to submission.Accept, and shows its sender what became of it.
//
// An activity is a value. Whatever can be read from it is read from it: inbox, inventory, label, filters, rights,
// receipts. Nothing registers itself; cmd/site holds the list.
package activity

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

// Activity is one way in which people come to us (P-2). Nil functions mean that the activity has none of that.
type Activity struct {
	Kind     string // one word: in addresses, tables, roles' rights and site.yaml's inboxes
	Title    string // "Alliance application"
	What     string // within a sentence: "application to the alliance programme"
	Path     string // the page that leads to the form
	Statuses []Status
	// Form returns the form of a subject as it is offered today. For uuid.Nil it is the form without a subject, or a sample
	// of what the form of any subject asks.
	Form func(ctx context.Context, subject uuid.UUID) (form.Form, error)
	// Subjects lists what a request can be about today; uuid.Nil among them stands for a request about none. Nil: no request
	// has a subject.
	Subjects func(ctx context.Context) ([]uuid.UUID, error)
	// Closed says in a sentence why a subject takes no more answers, neither new ones nor changes of old ones; "" where it
	// does. Nil: every subject always takes answers.
	Closed func(ctx context.Context, subject uuid.UUID) (string, error)
	// Fill completes what is accepted, by whichever way it comes, for activities that need more than the common fields.
	Fill   func(ctx context.Context, e *submission.Entry) error
	Public func(chi.Router)
	Staff  func(chi.Router)
	// Panel returns what the record page shows of the activity's own.
	Panel func(ctx context.Context, r submission.Record) (template.HTML, error)
	// Receipt returns what the receipt shows and offers of the activity's own.
	Receipt func(ctx context.Context, r submission.Record) (Extra, error)
	// Messages returns the first mail of a request, in place of the confirmation and the notice to the inbox that the desk
	// writes otherwise. For a record restored from quarantine the entry holds no answers.
	Messages func(id uuid.UUID, e *submission.Entry) []mail.Message
	// Restored returns what is mailed about a request that comes back from quarantine, in the transaction that restores it.
	// first is what Messages returns for it. What was mailed before the quarantine is not mailed again. Nil: first is mailed.
	Restored func(ctx context.Context, tx pgx.Tx, r submission.Record, first []mail.Message) ([]mail.Message, error)
	// Confirmed runs when a person confirms the address, by whichever mail: what waited for that goes on. It may run more
	// than once.
	Confirmed func(ctx context.Context, tx pgx.Tx, who person.Person) error
	// Moved runs with every change of status, in its transaction: a freed seat goes to the next in line.
	Moved submission.Moved
	// AddressOnly says that the confirmation mailed with a request proves the address and no choice: who asks us to stop must
	// not begin something by it.
	AddressOnly bool
	// NeverApart says that what is sent is never kept apart, whoever sends it and however often: neither a block nor a
	// crowd stands between a person and what the law grants.
	NeverApart bool
	// Same names the field by which open requests of one person are the same wish: by the day due they stand under the
	// oldest of them. Empty: each stands for itself.
	Same string
	Work []job.Worker
	// Deletes lists what the activity deletes earlier than its records, or besides them. The retainer of privacy runs it.
	Deletes []job.Deletion
	Holder  Holder
}

// Status is a state of a request, in the words of the workspace and in those for its sender.
type Status struct {
	Value  string
	Label  string // for staff
	Public string // for the sender: one sentence
	Next   string // for the sender: what happens next; empty where nothing does
	Days   int    // working days within which; 0: no promise
	// DueMonths promises an answer within calendar months of the asking instead of working days, as the law counts for
	// rights: no change of status puts it off.
	DueMonths int
	Final     bool // the request is answered
	// Idle says that nothing is asked of staff, though there are steps that they may take.
	Idle bool
	// Waits says that nothing goes on before the sender has done something.
	Waits bool
	// As names the status whose words the receipt shows in place of its own, where the true status would tell a stranger
	// something about a person. Empty: the receipt shows its own.
	As     string
	Months int    // how long the record is kept from now on
	Moves  []Move // what staff may do from here
	// Withdrawable says that the sender may still withdraw.
	Withdrawable bool
}

// Move is a step that staff may take.
type Move struct {
	To      string
	Label   string // the button: "Approve"
	Ask     bool   // staff ask for more: the mail carries a link back into the form
	Letter  bool   // the step brings a letter, which leaves after a minute
	Subject string // of the letter
	Text    string // of the letter, to be edited
	Reasons []form.Option
	// Grounds says that the letter names the reason chosen.
	Grounds bool
	Ending  string // the last paragraph of the letter, which staff do not edit
	Again   bool   // asks for the date from which the person may apply again
	// Extends says that the step only takes more time: once, and before the day promised until then is over.
	Extends bool
	// Close says that the step only closes what was answered before, so that staff may take it for many at once.
	Close bool
}

// Extra is an activity's part of a receipt.
type Extra struct {
	HTML template.HTML
	Acts []Act
	Next string // in place of what the status says comes next, where that holds no more
}

// Act is a button on the receipt: its POST goes to the receipt's address plus Path.
type Act struct{ Path, Label string }

// Holder exports what an activity's own tables hold of a person, and erases it. Erase leaves what came after until: an
// erasure may have to wait for a legal hold, and what the person sends in the meantime was not part of what they asked to
// have erased.
type Holder struct {
	Export func(ctx context.Context, who uuid.UUID, to io.Writer) error
	Erase  func(ctx context.Context, tx pgx.Tx, who uuid.UUID, until time.Time) error
}

// Status returns the status of that value.
func (a Activity) Status(value string) (Status, bool) {
	for _, s := range a.Statuses {
		if s.Value == value {
			return s, true
		}
	}
	return Status{}, false
}

// Asks tells whether a request in the status is for staff to do something about.
func (s Status) Asks() bool { return !s.Final && !s.Idle && len(s.Moves) > 0 }

// Sign names the state by whose sign (shape and colour) the status is drawn. A new request that asks nothing of staff is
// drawn as done, or as waiting where it waits for its sender.
func (s Status) Sign() string {
	switch {
	case s.Waits:
		return "waiting"
	case s.Value == "new" && !s.Asks():
		return "done"
	}
	return s.Value
}

// By returns the day by which a request that comes in with the status is answered, in words; empty without a promise.
func (s Status) By(from time.Time) string { return inWords(s.due(from)) }

// Due returns the day by which the record is answered while it is in the status; false without a promise.
func (s Status) Due(rec submission.Record) (time.Time, bool) {
	if s.DueMonths > 0 {
		return s.due(rec.AskedAt)
	}
	return s.due(rec.StatusSince)
}

// DueBy returns the day of Due in words; empty without a promise.
func (s Status) DueBy(rec submission.Record) string { return inWords(s.Due(rec)) }

// Overdue tells whether the day of Due is over at that instant.
func (s Status) Overdue(rec submission.Record, now time.Time) bool {
	due, ok := s.Due(rec)
	return ok && clock.Day(now).After(due)
}

func inWords(day time.Time, known bool) string {
	if !known {
		return ""
	}
	return day.Format("2 January 2006")
}

// OverdueFrom returns the earliest time of asking that is not overdue yet, for a status that promises an answer within
// calendar months: the beginning of that day.
func (s Status) OverdueFrom(now time.Time) time.Time {
	today := clock.Day(now)
	day := today.AddDate(0, -s.DueMonths, -3) // months differ by three days at most
	for clock.AddMonths(day, s.DueMonths).Before(today) {
		day = day.AddDate(0, 0, 1)
	}
	y, m, d := day.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, clock.Zone())
}

func (s Status) due(from time.Time) (time.Time, bool) {
	switch {
	case s.DueMonths > 0:
		return clock.AddMonths(clock.Day(from), s.DueMonths), true
	case s.Days > 0:
		return WorkingDays(clock.Day(from), s.Days), true
	}
	return time.Time{}, false
}

// Open lists the subjects whose forms can be filled in today; uuid.Nil is the form without a subject.
func (a Activity) Open(ctx context.Context) ([]uuid.UUID, error) {
	if a.Subjects == nil {
		return []uuid.UUID{uuid.Nil}, nil
	}
	return a.Subjects(ctx)
}

// WhyClosed says in a sentence why a subject takes no more answers; "" where it does.
func (a Activity) WhyClosed(ctx context.Context, subject uuid.UUID) (string, error) {
	if a.Closed == nil {
		return "", nil
	}
	return a.Closed(ctx, subject)
}

// First is the status in which a request begins.
func (a Activity) First() string { return a.Statuses[0].Value }

// withdrawable lists the statuses from which the sender may withdraw.
func (a Activity) withdrawable() []string {
	var list []string
	for _, s := range a.Statuses {
		if s.Withdrawable {
			list = append(list, s.Value)
		}
	}
	return list
}

// Withdrawn is the status of what its sender took back; every activity has it.
const Withdrawn = "withdrawn"

// Answered is the status of a request that was answered but may go on: where it is not final, a reply of the sender's
// takes the request back to its first status.
const Answered = "answered"

// Activities are all activities of the site, in the order in which they are listed.
type Activities []Activity

// Find returns the activity of a kind.
func (as Activities) Find(kind string) (Activity, bool) {
	for _, a := range as {
		if a.Kind == kind {
			return a, true
		}
	}
	return Activity{}, false
}

// Kinds lists the kinds.
func (as Activities) Kinds() []string {
	kinds := make([]string, 0, len(as))
	for _, a := range as {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

// Documents lists the forms that need no subject, for search and sitemap. What has subjects is listed by its room.
func (as Activities) Documents(ctx context.Context) ([]content.Document, error) {
	var docs []content.Document
	for _, a := range as {
		open, err := a.Open(ctx)
		if err != nil {
			return nil, fmt.Errorf("what is open of %s: %w", a.Kind, err)
		}
		if !slices.Contains(open, uuid.Nil) {
			continue
		}
		f, err := a.Form(ctx, uuid.Nil)
		if err != nil {
			return nil, fmt.Errorf("form of %s: %w", a.Kind, err)
		}
		docs = append(docs, content.Document{Path: a.Path, Kind: "form", Title: f.Title, Summary: f.Intro, Body: asks(f)})
	}
	return docs, nil
}

// asks are the questions of a form and the answers that it offers, in words.
func asks(f form.Form) string {
	var words []string
	for _, field := range f.Fields {
		words = append(words, field.Label)
		for _, o := range field.Options {
			words = append(words, o.Label)
		}
	}
	return strings.Join(words, " · ")
}

// WorkingDays returns the day that many working days after t: Saturdays and Sundays don't count.
func WorkingDays(t time.Time, days int) time.Time {
	step := 1
	if days < 0 {
		step, days = -1, -days
	}
	for days > 0 {
		t = t.AddDate(0, 0, step)
		if t.Weekday() != time.Saturday && t.Weekday() != time.Sunday {
			days--
		}
	}
	return t
}
