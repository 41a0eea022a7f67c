package webinar

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// entry is one event as calendars take it (RFC 5545), alone in its file.
type entry struct {
	Method   string // PUBLISH for everybody; REQUEST and CANCEL to one person (RFC 5546)
	Product  string // who wrote the file
	UID      string
	Sequence int
	Stamp    time.Time
	Start    time.Time // in the event's zone
	End      time.Time
	Zone     string // IANA name
	Title    string
	Words    string
	Place    string
	URL      string

	Organizer        string
	OrganizerAddress string
	Attendee         string // address; empty for everybody
}

// String writes the file: lines of at most 75 octets, ending in CRLF.
func (e entry) String() string {
	var f file
	f.line("BEGIN", "VCALENDAR")
	f.line("VERSION", "2.0")
	f.line("PRODID", "-//"+escape(e.Product)+"//EN")
	f.line("CALSCALE", "GREGORIAN")
	f.line("METHOD", e.Method)
	f.zone(e.Zone, e.Start, e.End)
	f.line("BEGIN", "VEVENT")
	f.line("UID", escape(e.UID))
	f.line("SEQUENCE", fmt.Sprint(e.Sequence))
	f.line("DTSTAMP", e.Stamp.UTC().Format("20060102T150405Z"))
	f.time("DTSTART", e.Zone, e.Start)
	if end, _ := Instant(e.End, e.End.Location()); end.Equal(e.End) {
		f.time("DTEND", e.Zone, e.End)
	} else { // clocks show this time twice, and the second is meant
		f.line("DURATION", fmt.Sprintf("PT%dM", int(e.End.Sub(e.Start)/time.Minute)))
	}
	f.line("SUMMARY", escape(e.Title))
	f.line("DESCRIPTION", escape(e.Words))
	if e.Place != "" {
		f.line("LOCATION", escape(e.Place))
	}
	if e.URL != "" {
		f.line("URL", oneLine(e.URL))
	}
	status := "CONFIRMED"
	if e.Method == "CANCEL" {
		status = "CANCELLED"
	}
	f.line("STATUS", status)
	if e.OrganizerAddress != "" {
		f.line("ORGANIZER;CN="+quote(e.Organizer), "mailto:"+oneLine(e.OrganizerAddress))
	}
	if e.Attendee != "" {
		f.line("ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE", "mailto:"+oneLine(e.Attendee))
	}
	f.line("END", "VEVENT")
	f.line("END", "VCALENDAR")
	return f.String()
}

// file is a calendar file while it is written.
type file struct{ strings.Builder }

// maxLine is the longest line, in octets, without its end (RFC 5545, 3.1).
const maxLine = 75

// line writes a content line, folded between characters where it is too long.
func (f *file) line(name, value string) {
	rest := name + ":" + value
	room := maxLine
	for len(rest) > room {
		cut := room
		for !utf8.RuneStart(rest[cut]) {
			cut--
		}
		f.WriteString(rest[:cut] + "\r\n ")
		rest, room = rest[cut:], maxLine-1 // the blank counts
	}
	f.WriteString(rest + "\r\n")
}

const wallClock = "20060102T150405"

func (f *file) time(name, zone string, t time.Time) {
	if zone == "UTC" {
		f.line(name, t.UTC().Format(wallClock+"Z"))
		return
	}
	f.line(name+";TZID="+zone, t.Format(wallClock))
}

// zone writes the rules of a zone for as long as the event lasts: what is in force at its start, every change until
// its end, and the one that follows.
func (f *file) zone(name string, start, end time.Time) {
	if name == "UTC" {
		return
	}
	f.line("BEGIN", "VTIMEZONE")
	f.line("TZID", name)
	for at := start; ; {
		from, to := at.ZoneBounds()
		f.observance(at, from)
		if at.After(end) || to.IsZero() {
			break
		}
		at = to
	}
	f.line("END", "VTIMEZONE")
}

// observance writes what is in force at a time, since from. Its start is told by the clock that was valid before
// (RFC 5545, 3.6.5).
func (f *file) observance(at, from time.Time) {
	kind := "STANDARD"
	if at.IsDST() {
		kind = "DAYLIGHT"
	}
	abbreviation, to := at.Zone()
	before, onset := to, time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	if from.After(onset) {
		before = offset(from.Add(-time.Second), at.Location())
		onset = from.UTC().Add(time.Duration(before) * time.Second)
	}
	f.line("BEGIN", kind)
	f.line("DTSTART", onset.Format(wallClock))
	f.line("TZOFFSETFROM", utcOffset(before))
	f.line("TZOFFSETTO", utcOffset(to))
	f.line("TZNAME", escape(abbreviation))
	f.line("END", kind)
}

func utcOffset(seconds int) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	text := fmt.Sprintf("%c%02d%02d", sign, seconds/3600, seconds/60%60)
	if seconds%60 != 0 {
		text += fmt.Sprintf("%02d", seconds%60)
	}
	return text
}

// escape makes a TEXT value (RFC 5545, 3.3.11): no control character is left but the escaped end of a line.
func escape(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\r\n", "\n")
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\\' || r == ';' || r == ',':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r >= ' ' && r != 0x7f:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// quote makes a parameter value, which has no escapes.
func quote(text string) string {
	return `"` + strings.ReplaceAll(oneLine(text), `"`, "'") + `"`
}

// oneLine drops control characters, so that a value can't begin a line of its own.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, text)
}
