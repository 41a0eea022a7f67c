package webinar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/submission"
)

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
			if err := h.Store.Quarantine(t.Context(), []uuid.UUID{id}, submission.System); err != nil {
				t.Fatal(err)
			}
			if tt.meanwhile != nil {
				tt.meanwhile(h)
			}
			if l := h.letters(); len(l) != 0 {
				t.Errorf("mailed while it is set apart: %+v", l)
			}
			if err := h.Desk.Restore(t.Context(), id, submission.System); err != nil {
				t.Fatal(err)
			}
			mails := h.letters()
			h.tend()
			var got []string
			for _, l := range append(mails, h.letters()...) {
				got = append(got, l.method+" "+l.subject)
				if (l.method == "REQUEST") != strings.Contains(l.text, "meet.example.com") {
					t.Errorf("the way into the room: %s", l.text)
				}
			}
			if diff := cmp.Diff(got, tt.want); diff != "" || h.status(receipt) != tt.status {
				t.Errorf("%s, mails (-got +want):\n%s", h.status(receipt), diff)
			}
		})
	}
}
