package webinar_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/submission"
)

func (h *house) setApart(id uuid.UUID) {
	h.t.Helper()
	if err := h.Store.Quarantine(h.t.Context(), []uuid.UUID{id}, submission.System); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) restore(id uuid.UUID) {
	h.t.Helper()
	if err := h.Desk.Restore(h.t.Context(), id, submission.System); err != nil {
		h.t.Fatal(err)
	}
}

// What was set apart by mistake is answered by how it stands once it is restored, and not a second time.
func TestRestoredIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	const move = `UPDATE webinar SET starts_local = '2026-12-10 09:00', sequence = 1, moved_at = $1`
	const off = `UPDATE webinar SET cancelled_at = now(), cancel_reason = 'The speaker is ill.'`
	for name, tt := range map[string]struct {
		waits     bool         // there is no seat at first
		before    func(*house) // it is set apart
		meanwhile func(*house)
		status    string
		want      []string
	}{
		"a seat":         {before: func(h *house) { h.letters() }, status: "registered"},
		"a seat, unsaid": {status: "registered", want: []string{"REQUEST You have a seat: Planning parts"}},
		"attended": {
			before: func(h *house) { h.letters() }, status: "attended",
			meanwhile: func(h *house) { h.exec(`UPDATE submission SET status = 'attended'`) },
		},
		"called off": {
			before: func(h *house) { h.letters() }, status: "cancelled",
			meanwhile: func(h *house) { h.exec(off); h.tend() }, want: []string{"CANCEL Cancelled: Planning parts"},
		},
		"called off, unsaid": {status: "cancelled", meanwhile: func(h *house) { h.exec(off); h.tend() }},
		"called off, over": {
			before: func(h *house) { h.letters() }, status: "cancelled",
			meanwhile: func(h *house) { h.exec(off); h.tend(); h.Advance(20 * 24 * time.Hour) },
		},
		"moved": {
			before: func(h *house) { h.letters() }, status: "registered", want: []string{"REQUEST Changed: Planning parts"},
			meanwhile: func(h *house) { h.exec(move, h.Now()) },
		},
		"moved, unsaid": {
			status: "registered", want: []string{"REQUEST You have a seat: Planning parts"},
			meanwhile: func(h *house) { h.exec(move, h.Now()) },
		},
		"moved, in line": {
			waits: true, before: func(h *house) { h.letters() }, status: "waitlisted", want: []string{" New time: Planning parts"},
			meanwhile: func(h *house) { h.exec(move, h.Now()) },
		},
		"moved, in line, unsaid": {
			waits: true, status: "waitlisted", want: []string{" You are on the waiting list: Planning parts"},
			meanwhile: func(h *house) { h.exec(move, h.Now()) },
		},
		"in line":         {waits: true, before: func(h *house) { h.letters() }, status: "waitlisted"},
		"in line, unsaid": {waits: true, status: "waitlisted", want: []string{" You are on the waiting list: Planning parts"}},
		"moved up, unsaid": {
			waits: true, status: "registered", want: []string{"REQUEST You have a seat: Planning parts"},
			before: func(h *house) { h.letters(); h.exec(`UPDATE webinar SET reserved = 0`); h.tend() },
		},
		"moved, stopped": {
			before: func(h *house) { h.letters(); h.exec(move, h.Now()); h.tend() }, status: "registered",
			want: []string{"REQUEST Changed: Planning parts"},
		},
		"moved, in line, stopped": {
			waits: true, before: func(h *house) { h.letters(); h.exec(move, h.Now()); h.tend() }, status: "waitlisted",
			want: []string{" New time: Planning parts"},
		},
		"moved, told": {
			before: func(h *house) { h.letters(); h.exec(move, h.Now()); h.tend(); h.letters() }, status: "registered",
		},
		"reminded, stopped": {
			before: func(h *house) { h.letters(); h.until("2026-12-02 12:00"); h.tend() }, status: "registered",
			want: []string{" Planning parts: Thursday, 3 December, 11:00, Chicago time (CST)"},
		},
		"reminded, told": {
			before: func(h *house) { h.letters(); h.until("2026-12-02 12:00"); h.tend(); h.letters() }, status: "registered",
		},
		"called off, in line": {
			waits: true, before: func(h *house) { h.letters() }, status: "cancelled", want: []string{" Cancelled: Planning parts"},
			meanwhile: func(h *house) { h.exec(off); h.tend() },
		},
		"called off, in line, stopped": {
			waits: true, before: func(h *house) { h.letters(); h.exec(off); h.tend() }, status: "cancelled",
			want: []string{" Cancelled: Planning parts"},
		},
		"called off, in line, told": {
			waits: true, before: func(h *house) { h.letters(); h.exec(off); h.tend(); h.letters() }, status: "cancelled",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			reserved := 0
			if tt.waits {
				reserved = 1
			}
			h.add(event{capacity: 1, reserved: reserved})
			receipt := h.register("parts", guest(1))
			if tt.before != nil {
				tt.before(h)
			}
			id := h.record(receipt).ID
			h.setApart(id)
			if tt.meanwhile != nil {
				tt.meanwhile(h)
			}
			if l := h.letters(); len(l) != 0 {
				t.Errorf("mailed while it is set apart: %+v", l)
			}
			h.restore(id)
			mails := h.letters()
			h.tend()
			var got []string
			for _, l := range append(mails, h.letters()...) {
				got = append(got, l.method+" "+l.subject)
				seated := l.method == "REQUEST" || strings.HasPrefix(l.subject, "Planning parts:") // the reminder
				if seated != strings.Contains(l.text, "meet.example.com") {
					t.Errorf("the way into the room: %s", l.text)
				}
			}
			if diff := cmp.Diff(got, tt.want); diff != "" || h.status(receipt) != tt.status {
				t.Errorf("%s, mails (-got +want):\n%s", h.status(receipt), diff)
			}
		})
	}
}

// Who gives their seat back while it is set apart, or just before, is sent what takes its calendar entry back, once.
func TestWithdrawnSeatIsTakenBackOnceRestored(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string]struct {
		before, apart string
		want          []string
	}{
		"while":        {apart: "withdraw", want: []string{"CANCEL Your seat is given back: Planning parts"}},
		"before":       {before: "withdraw", want: []string{"CANCEL Your seat is given back: Planning parts"}},
		"before, told": {before: "withdraw, letters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.add(event{capacity: 1})
			receipt := h.register("parts", guest(1))
			h.confirm(receipt)
			h.letters()
			id := h.record(receipt).ID
			if strings.HasPrefix(steps.before, "withdraw") {
				h.post(receipt+"/withdraw", http.StatusSeeOther)
			}
			if strings.HasSuffix(steps.before, "letters") {
				h.letters()
			}
			h.setApart(id)
			if steps.apart != "" {
				h.post(receipt+"/withdraw", http.StatusSeeOther)
			}
			if l := h.letters(); len(l) != 0 {
				t.Errorf("mailed while it is set apart: %+v", l)
			}
			h.restore(id)
			var got []string
			for _, l := range h.letters() {
				got = append(got, l.method+" "+l.subject)
			}
			if diff := cmp.Diff(got, steps.want); diff != "" || h.status(receipt) != "withdrawn" {
				t.Errorf("%s, mails (-got +want):\n%s", h.status(receipt), diff)
			}
		})
	}
}

// Who registered twice is told so once it is restored, if that was stopped.
func TestSecondIsToldOnceRestored(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 1})
	h.register("parts", guest(1))
	h.letters()
	h.Advance(2 * time.Minute)
	id := h.record(h.register("parts", guest(1))).ID
	for range 2 {
		h.setApart(id)
		h.restore(id)
	}
	if l := h.letterTo(guest(1)); l.subject != "You are registered already: Planning parts" || !strings.Contains(l.text, "/confirm/") {
		t.Errorf("mailed: %+v", l)
	}
	h.setApart(id)
	h.restore(id)
	if l := h.letters(); len(l) != 0 {
		t.Errorf("mailed again: %+v", l)
	}
}

// Whose place in line was never said, since the registration was set apart, is asked to confirm the address with the seat.
func TestSeatAsksForWhatWasNeverAsked(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 1, reserved: 1})
	id := h.record(h.register("parts", guest(1))).ID
	h.setApart(id)
	h.exec(`UPDATE webinar SET reserved = 0`)
	h.restore(id)
	h.tend()
	if l := h.letterTo(guest(1)); !strings.Contains(l.text, "/confirm/") || l.method != "REQUEST" {
		t.Errorf("mailed: %s\n%s", l.subject, l.text)
	}
}

// A mail that can't be true any more does not wait to be sent again.
func TestSeatIsNotToldBeforeItsPlaceInLine(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"queued", "failed"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.add(event{capacity: 1, reserved: 1})
			receipt := h.register("parts", guest(1))
			h.exec(`UPDATE message SET state = $1, attempts = 1, last_error = 'the relay is away', next_at = $2
				WHERE template = 'webinar-waiting'`, state, h.Now().Add(time.Hour))
			h.exec(`UPDATE webinar SET reserved = 0`)
			h.tend()
			if l := h.letterTo(guest(1)); l.subject != "You have a seat: Planning parts" || !strings.Contains(l.text, "/confirm/") {
				t.Errorf("mailed: %s\n%s", l.subject, l.text)
			}
			h.Advance(2 * time.Hour)
			if l := h.letters(); len(l) != 0 || h.status(receipt) != "registered" {
				t.Errorf("%s, mailed later: %+v", h.status(receipt), l)
			}
			var left int
			if err := h.Pool.QueryRow(t.Context(), `
				SELECT count(*) FROM message WHERE template = 'webinar-waiting' AND state <> 'cancelled'`).Scan(&left); err != nil || left != 0 {
				t.Errorf("%d mails about a place in line could be sent again (%v)", left, err)
			}
		})
	}
}

// What failed to leave before an event was called off can't be sent again, also where its registration was set apart then.
func TestNothingUntrueIsSentAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 1})
	id := h.record(h.register("parts", guest(1))).ID
	h.exec(`UPDATE message SET state = 'failed' WHERE template = 'webinar-registered'`)
	h.setApart(id)
	h.exec(`UPDATE webinar SET cancelled_at = now(), cancel_reason = 'The speaker is ill.'`)
	h.tend()
	h.restore(id)
	var left int
	if err := h.Pool.QueryRow(t.Context(), `
		SELECT count(*) FROM message WHERE template = 'webinar-registered' AND state = 'failed'`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d invitations could be sent again (%v)", left, err)
	}
}
