package webinar_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/film"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/internal/webinar"
	"clickcommerce.com/site/web"
)

// heard lists who got what since the last look, as "address: subject".
func (h *house) heard() []string {
	h.t.Helper()
	h.tend()
	h.tend() // told once, however often it runs
	var list []string
	for _, l := range h.letters() {
		list = append(list, l.to+": "+strings.TrimSpace(l.method+" "+l.value("SEQUENCE"))+" "+l.subject)
	}
	return list
}

func (h *house) until(at string) {
	h.t.Helper()
	zone, err := webinar.Zone("America/Chicago")
	if err != nil {
		h.t.Fatal(err)
	}
	to, err := time.ParseInLocation("2006-01-02 15:04", at, zone)
	if err != nil {
		h.t.Fatal(err)
	}
	h.Advance(to.Sub(h.Now()))
}

func TestReminders(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 2})
	h.register("parts", guest(1))
	h.register("parts", guest(2))
	h.register("parts", guest(3)) // waits
	h.letters()
	const subject = ":  Planning parts: Thursday, 3 December, 11:00, Chicago time (CST)"
	for _, tt := range []struct {
		at   string
		want []string
	}{
		{"2026-12-02 10:59", nil},
		{"2026-12-02 11:00", []string{guest(1) + subject, guest(2) + subject}},
		{"2026-12-03 09:59", nil},
		{"2026-12-03 10:48", []string{guest(1) + subject, guest(2) + subject}},
		{"2026-12-03 11:30", nil},
		{"2026-12-04 11:30", nil},
	} {
		h.until(tt.at)
		if diff := cmp.Diff(h.heard(), tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tt.at, diff)
		}
	}
}

// A webinar that was taken from the site brings no mail until it is back there.
func TestWithdrawnWebinarRemindsNobody(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 2})
	h.register("parts", guest(1))
	h.letters()
	h.exec(`UPDATE webinar SET state = 'withdrawn'`)
	h.until("2026-12-02 11:00")
	if got := h.heard(); len(got) != 0 {
		t.Errorf("withdrawn: %q", got)
	}
	h.exec(`UPDATE webinar SET state = 'published'`)
	if got := h.heard(); len(got) != 1 {
		t.Errorf("back: %q", got)
	}
}

// Who registers late is not reminded of what they have just done.
func TestLateComersAreNotRemindedAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 5})
	h.until("2026-12-02 15:00")
	h.register("parts", guest(1))
	h.letters()
	if got := h.heard(); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	h.until("2026-12-03 10:00")
	if got := h.heard(); len(got) != 1 {
		t.Errorf("an hour before: %q", got)
	}
}

func TestMoveIsTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.add(event{capacity: 1})
	mine := h.register("parts", guest(1))
	h.register("parts", guest(2))
	uid := h.letterTo(guest(1)).value("UID")
	h.Advance(time.Minute)
	h.exec(`UPDATE webinar SET starts_local = '2026-12-10 09:00', sequence = 1, moved_at = $2 WHERE id = $1`, id, h.Now())
	h.tend()
	h.tend()
	list := h.letters()
	if len(list) != 2 {
		t.Fatalf("%d mails: %+v", len(list), list)
	}
	for _, l := range list {
		if !strings.Contains(l.text, "Thursday, 10 December 2026, 09:00") {
			t.Errorf("mail to %s: %s", l.to, l.text)
		}
		if l.to == guest(1) && (l.method != "REQUEST" || l.value("SEQUENCE") != "2" || l.value("UID") != uid ||
			l.value("DTSTART") != "20261210T090000") {
			t.Errorf("entry: %s", l.ics)
		}
		if l.to == guest(2) && l.method != "" {
			t.Errorf("who waits got an entry: %s", l.ics)
		}
	}
	if got := h.record(mine).PurgeAfter.Format(time.DateOnly); got != "2027-12-10" {
		t.Errorf("kept until %s", got)
	}
	h.Advance(time.Second)
	h.register("parts", guest(3)) // knows the new time
	h.letters()
	if got := h.heard(); len(got) != 0 {
		t.Errorf("told once more: %q", got)
	}
}

// What waits with a place in line and the old time is not mailed to who has a seat by the new one.
func TestMoveAfterASeatIsTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 1, reserved: 1})
	h.register("parts", guest(1))
	h.exec(`UPDATE webinar SET reserved = 0`)
	h.tend()
	h.Advance(time.Minute)
	h.exec(`UPDATE webinar SET starts_local = '2026-12-10 09:00', sequence = 1, moved_at = $1`, h.Now())
	h.tend()
	l := h.letterTo(guest(1))
	if l.subject != "You have a seat: Planning parts" || !strings.Contains(l.text, "10 December") || !strings.Contains(l.text, "/confirm/") {
		t.Errorf("%s: %s", l.subject, l.text)
	}
}

func TestCalledOff(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.add(event{capacity: 2})
	h.register("parts", guest(1))
	quiet := h.record(h.register("parts", guest(2))).ID
	h.register("parts", guest(3)) // waits
	h.letters()
	h.exec(`DELETE FROM message WHERE submission_id = $1`, quiet) // a seat of which nothing was mailed
	h.exec(`UPDATE webinar SET cancelled_at = $2, cancel_reason = 'The speaker is ill.', sequence = 1 WHERE id = $1`, id, h.Now())
	want := []string{
		guest(1) + ": CANCEL 3 Cancelled: Planning parts", guest(2) + ": CANCEL 3 Cancelled: Planning parts",
		guest(3) + ":  Cancelled: Planning parts",
	}
	if diff := cmp.Diff(h.heard(), want); diff != "" {
		t.Errorf("mails (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(h.seats(id), map[string]int{"cancelled": 3}); diff != "" {
		t.Errorf("seats (-got +want):\n%s", diff)
	}
}

// A request set apart holds no place in line; restored, it has the one that its arrival gives it.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.add(event{capacity: 1})
	values := h.filled("parts", guest(1))
	values.Set("homepage_2", "http://spam.example")
	asked := h.Post("/webinars/parts/register", values)
	if asked.Code != http.StatusUnprocessableEntity {
		t.Fatalf("a filled trap: %d", asked.Code)
	}
	again := hidden(asked.Body.String())
	again.Set("homepage_2", "http://spam.example")
	again.Set("name", "Robot")
	again.Set("email", guest(1))
	h.Advance(5 * time.Second)
	held := h.Post("/webinars/parts/register", again).Header().Get("Location")
	if h.status(held) != "waitlisted" || len(h.letters()) != 0 {
		t.Fatalf("held: %s", h.status(held))
	}
	second := h.register("parts", guest(2))
	if h.status(second) != "registered" {
		t.Errorf("one in quarantine keeps a seat from another: %s", h.status(second))
	}
	ctx := context.Background()
	if err := h.Desk.Restore(ctx, h.record(held).ID, submission.System); err != nil {
		t.Fatal(err)
	}
	h.letters()
	h.post(second+"/cancel", http.StatusSeeOther)
	if h.status(held) != "registered" {
		t.Errorf("restored and first in line: %s", h.status(held))
	}
	if diff := cmp.Diff(h.seats(id), map[string]int{"registered": 1, "cancelled": 1}); diff != "" {
		t.Errorf("seats (-got +want):\n%s", diff)
	}
}

func TestErasureFreesTheSeat(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 1})
	mine, next := h.register("parts", guest(1)), h.register("parts", guest(2))
	h.letters()
	who := h.record(mine).PersonID.UUID
	for _, until := range []time.Time{h.Now().Add(-time.Minute), h.Now()} {
		if h.status(mine) != "registered" {
			t.Error("a seat taken later was freed")
		}
		if err := pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error {
			return h.room.Activity().Holder.Erase(t.Context(), tx, who, until)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if h.status(mine) != "withdrawn" || h.status(next) != "registered" {
		t.Errorf("erased: %s, next: %s", h.status(mine), h.status(next))
	}
	if l := h.letters(); len(l) != 1 || l[0].to != guest(2) {
		t.Errorf("mails: %+v", l)
	}
	var b strings.Builder
	if err := h.room.Activity().Holder.Export(t.Context(), uuid.Nil, &b); err != nil || !strings.Contains(b.String(), "webinar_mailings") {
		t.Errorf("export: %s, %v", b.String(), err)
	}
}

func TestRecording(t *testing.T) {
	t.Parallel()
	h := open(t)
	films := film.Names(web.FS)
	if len(films) == 0 {
		t.Fatal("there is no film")
	}
	h.add(event{capacity: 1})
	seated := h.record(h.register("parts", guest(1))).ID
	h.register("parts", guest(2)) // never had a seat
	h.letters()
	h.exec(`UPDATE webinar SET recording = $1, captions = '[{"from": 0, "to": 4, "text": "One part."}]', transcript = 'Words.'`, films[0])
	const video, words = "/webinars/parts/recording.webm", "/webinars/parts/recording.vtt"
	for _, path := range []string{video, words} {
		if w := h.Get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s before the end: %d", path, w.Code)
		}
	}
	h.until("2026-12-03 13:00")
	h.tend()
	h.setApart(seated) // by mistake, before the mail left
	h.restore(seated)
	if diff := cmp.Diff(h.heard(), []string{guest(1) + ":  The recording: Planning parts"}); diff != "" {
		t.Errorf("mails (-got +want):\n%s", diff)
	}
	if w := h.Get(video); w.Code != http.StatusOK || w.Header().Get("Content-Type") != "video/webm" {
		t.Errorf("film: %d %v", w.Code, w.Header())
	}
	if w := h.Get(words); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "One part.") {
		t.Errorf("captions: %d %s", w.Code, w.Body)
	}
	page := h.Get("/webinars/parts").Body.String()
	if !strings.Contains(page, `<source src="`+video+`"`) || !strings.Contains(page, `kind="captions"`) || !strings.Contains(page, "Transcript") {
		t.Error("the page shows no film")
	}
	if list := h.Get("/webinars").Body.String(); !strings.Contains(list, `id="recorded"`) {
		t.Error("the list shows no recording")
	}
}
