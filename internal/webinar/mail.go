package webinar

import (
	"net/url"
	"strings"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/submission"
)

// Event is what all mails say of a registration.
type Event struct {
	Name, Title, When, Where string
	Join                     string // where the online room is; only in mails to those who have a seat
	Reference                string
	ReceiptURL, PageURL      string
	ConfirmURL               string // set while the address isn't confirmed
}

// Entry is a mail that brings a calendar entry, or takes it away.
type Entry struct {
	Event
	Reason      string // why it was called off; empty where the seat was given back
	Off         bool   // it was called off
	Method, ICS string
}

// Invitation implements mail.Invitation.
func (e Entry) Invitation() (method, ics string) { return e.Method, e.ICS }

// Notice is a mail that brings none, though it may take one away.
type Notice struct {
	Event
	Position int    // on the waiting list
	Moved    bool   // the event was moved; the place on the list stands
	Off      bool   // the event was called off
	Reason   string // why
	Begins   string // in reminders, which may be read late: the day and the hour, not how long it is until then
	FilmURL  string
	ICS      string // takes back the calendar entry of a registration that gave way to another; mostly empty
}

// Invitation implements mail.Invitation.
func (n Notice) Invitation() (method, ics string) {
	if n.ICS == "" {
		return "", ""
	}
	return "CANCEL", n.ICS
}

// Templates returns the mails of this room.
func Templates() []mail.Template {
	return []mail.Template{
		{Name: "webinar-registered", Purpose: "service", Data: Entry{}},
		{Name: "webinar-waiting", Purpose: "service", Data: Notice{}},
		{Name: "webinar-again", Purpose: "service", Data: Notice{}},
		{Name: "webinar-seat", Purpose: "service", Data: Entry{}},
		{Name: "webinar-moved", Purpose: "service", Data: Entry{}},
		{Name: "webinar-cancelled", Purpose: "service", Data: Entry{}},
		{Name: "webinar-reminder", Purpose: "service", Data: Notice{}},
		{Name: "webinar-recording", Purpose: "service", Data: Notice{}},
	}
}

// guest is who is written to.
type guest struct {
	id          uuid.UUID // of the registration
	reference   string
	name, email string
}

// event says to a guest what they registered for.
func (r *Room) event(w Webinar, g guest) Event {
	return Event{
		Name: g.name, Title: w.Title, When: w.When(), Where: w.Where(), Reference: g.reference,
		ReceiptURL: r.desk.ReceiptPath(g.id), PageURL: w.Path(),
	}
}

func (r *Room) notice(w Webinar, g guest) Notice { return Notice{Event: r.event(w, g)} }

// again says to who registered once more that the first registration of the address stands. What was ticked with the
// other waits for a confirmation of its own.
func (r *Room) again(w Webinar, g guest, first uuid.UUID) Notice {
	n := r.notice(w, guest{first, submission.Reference(first), g.name, g.email})
	n.ConfirmURL = r.desk.ConfirmPath(g.id)
	return n
}

// second says that the first registration of an address stands, and takes the entry of the other back if that had one.
func (r *Room) second(w Webinar, rec submission.Record, first uuid.UUID, seated bool) Notice {
	n := r.again(w, guestOf(rec), first)
	if seated {
		n.ICS = r.personal(w, guestOf(rec), "CANCEL").String()
	}
	return n
}

// off says to who waited for a seat that the event does not take place.
func (r *Room) off(w Webinar, g guest) Notice {
	n := r.notice(w, g)
	n.Off, n.Reason = true, w.CancelReason
	return n
}

// invite brings the calendar entry of a seat, with the way into the online room.
func (r *Room) invite(w Webinar, g guest) Entry {
	e := Entry{Event: r.event(w, g), Method: "REQUEST", ICS: r.personal(w, g, "REQUEST").String()}
	e.Join = w.JoinURL
	return e
}

// revoke takes the calendar entry away.
func (r *Room) revoke(w Webinar, g guest) Entry {
	return Entry{
		Event: r.event(w, g), Off: w.Cancelled(), Reason: w.CancelReason,
		Method: "CANCEL", ICS: r.personal(w, g, "CANCEL").String(),
	}
}

// calendar is the entry for everybody: without the way into the online room.
func (r *Room) calendar(w Webinar) entry {
	site := r.desk.Pages.Site()
	method := "PUBLISH"
	if w.Cancelled() {
		method = "CANCEL"
	}
	return entry{
		Method: method, Product: site.LegalName, UID: r.uid(w.ID), Sequence: 2 * w.Sequence, Stamp: w.UpdatedAt,
		Start: w.Start(), End: w.End(), Zone: w.Zone, Title: w.Title, Place: strings.Join(w.Address(), ", "),
		URL: r.desk.Pages.URL(w.Path()), Words: w.Summary + "\n\n" + r.desk.Pages.URL(w.Path()),
		Organizer: site.Sender.Name, OrganizerAddress: site.Sender.Address,
	}
}

// personal is the entry of one seat. Its UID never changes. Its number rises by two with every move of the event, and
// by one where the seat is taken back, so that the latest word is always the highest.
func (r *Room) personal(w Webinar, g guest, method string) entry {
	e := r.calendar(w)
	e.Method, e.UID, e.Stamp, e.Attendee = method, r.uid(g.id), r.desk.Now(), g.email
	e.Sequence = 2 * w.Sequence
	if method == "CANCEL" {
		e.Sequence++
		return e
	}
	e.Words = w.Summary
	if w.JoinURL != "" {
		e.Words += "\n\n" + r.say("calendar_join", "url", w.JoinURL)
		if e.Place == "" {
			e.Place = w.JoinURL
		}
	}
	e.Words += "\n\n" + r.say("calendar_reference", "reference", g.reference)
	return e
}

func (r *Room) uid(id uuid.UUID) string {
	host := "localhost"
	if u, err := url.Parse(r.desk.Pages.URL("")); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	return id.String() + "@" + host
}
