package webinar_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/submission"
)

// workspace is the staff side as somebody signed in sees it.
type workspace struct {
	*house
	router chi.Router
	in     *account.Session
}

func (h *house) as(role account.Role) *workspace {
	h.t.Helper()
	accounts := accounttest.New(h.t, h.Pool, h.Ring, "http://example.test", h.Now)
	a, err := accounts.Create(context.Background(), account.Hire{
		Email: string(role) + uuid.NewString()[:8] + "@staff.example.com", Name: role.Label(), Roles: []account.Role{role},
		Password: accounttest.Password,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	w := &workspace{h, chi.NewRouter(), &account.Session{Account: a, Kind: account.Staff, Roles: []account.Role{role}}}
	w.router.Route("/staff", h.room.Activity().Staff)
	return w
}

func (w *workspace) do(method, path string, values url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/staff"+path, strings.NewReader(values.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	rec := httptest.NewRecorder()
	w.router.ServeHTTP(rec, r.WithContext(account.With(r.Context(), w.in)))
	return rec
}

// send posts values with what the page carries hidden in its form for that address.
func (w *workspace) send(page, path string, values url.Values, want int) *httptest.ResponseRecorder {
	w.t.Helper()
	shown := w.do(http.MethodGet, page, nil)
	if shown.Code != http.StatusOK {
		w.t.Fatalf("GET %s: %d %s", page, shown.Code, problems(shown))
	}
	for name, list := range hidden(shown.Body.String()) {
		values[name] = list[:1]
	}
	got := w.do(http.MethodPost, path, values)
	if got.Code != want {
		w.t.Fatalf("POST %s: %d, want %d: %s", path, got.Code, want, problems(got))
	}
	return got
}

func typed() url.Values {
	return url.Values{
		"title": {"Planning slowly"}, "summary": {"One part."}, "date": {"2026-12-03"}, "time": {"11:00"}, "zone": {"America/Chicago"},
		"minutes": {"60"}, "speakers": {"A planner"}, "join_url": {"https://meet.example.com/x"}, "capacity": {"2"}, "body": {"Words."},
	}
}

// create makes a webinar of what typed says, and returns where it is edited.
func (w *workspace) create() string {
	w.t.Helper()
	made := w.send("/webinars/new", "/webinars/new", typed(), http.StatusSeeOther)
	return strings.TrimSuffix(strings.TrimPrefix(made.Header().Get("Location"), "/staff"), "?saved")
}

// aWeekLater is what moves "Planning slowly" to 10 December.
func aWeekLater() url.Values {
	return url.Values{
		"move-date": {"2026-12-10"}, "move-time": {"09:30"}, "move-zone": {"Europe/Berlin"}, "move-minutes": {"45"},
	}
}

// TestPublishedMeanwhile shows what was typed for a draft, which the form of a published webinar asks no more.
func TestPublishedMeanwhile(t *testing.T) {
	t.Parallel()
	h := open(t)
	w := h.as(account.Marketer)
	path := w.create()
	mine := hidden(w.do(http.MethodGet, path, nil).Body.String())
	maps.Copy(mine, typed())
	mine["slug"], mine["date"], mine["time"] = []string{"planning-slowly"}, []string{"2026-12-17"}, []string{"16:45"}
	w.send(path, path+"/publish", url.Values{}, http.StatusSeeOther)
	got := w.do(http.MethodPost, path, mine)
	for _, text := range []string{"no longer takes", "2026-12-03", "2026-12-17", "16:45"} {
		if got.Code != http.StatusConflict || !strings.Contains(got.Body.String(), text) {
			t.Errorf("%d without %q", got.Code, text)
		}
	}
	if strings.Contains(got.Body.String(), `<th scope="row">Zone<`) {
		t.Error("what is the same is said to differ")
	}
}

// TestLateMailIsNotOutOfDate moves an event and calls it off while mail waits for its relay.
func TestLateMailIsNotOutOfDate(t *testing.T) {
	t.Parallel()
	h := open(t)
	w := h.as(account.Marketer)
	path := w.create()
	w.send(path, path+"/publish", url.Values{}, http.StatusSeeOther)
	h.Pages.Invalidate()
	late := func(want ...letter) {
		t.Helper()
		got := h.letters()
		for i := range got {
			got[i].ics, got[i].text = "", ""
		}
		sort := cmpopts.SortSlices(func(a, b letter) bool { return a.to < b.to })
		if diff := cmp.Diff(got, want, cmp.AllowUnexported(letter{}), sort); diff != "" {
			t.Errorf("mails (-got +want):\n%s", diff)
		}
	}
	for i := range 3 { // two seats, and one who waits
		h.register("planning-slowly", guest(i))
	}
	h.Advance(time.Minute)
	w.send(path, path+"/move", aWeekLater(), http.StatusSeeOther)
	h.tend()
	first := h.letters()
	if len(first) != 3 {
		t.Fatalf("%d mails to three people", len(first))
	}
	for _, l := range first {
		if !strings.Contains(l.text, "/confirm/") || !strings.Contains(l.text, "10 December") || strings.Contains(l.text, "3 December") {
			t.Errorf("%s to %s: %s", l.subject, l.to, l.text)
		}
	}
	h.register("planning-slowly", guest(3))
	h.Advance(time.Minute)
	w.send(path, path+"/cancel", url.Values{"cancel-reason": {"The speaker is ill."}}, http.StatusSeeOther)
	h.tend()
	off := "Cancelled: Planning slowly"
	late(letter{to: guest(0), subject: off, method: "CANCEL"}, letter{to: guest(1), subject: off, method: "CANCEL"},
		letter{to: guest(2), subject: off}, letter{to: guest(3), subject: off})
}

// TestPublicEntryRises moves an event for which nobody has registered, but whose entry may stand in calendars.
func TestPublicEntryRises(t *testing.T) {
	t.Parallel()
	h := open(t)
	w := h.as(account.Marketer)
	path := w.create()
	w.send(path, path+"/publish", url.Values{}, http.StatusSeeOther)
	h.Pages.Invalidate()
	sequence := func() string {
		l := letter{ics: h.Get("/webinars/planning-slowly/calendar.ics").Body.String()}
		return l.value("SEQUENCE")
	}
	before := sequence()
	w.send(path, path+"/move", aWeekLater(), http.StatusSeeOther)
	h.Pages.Invalidate()
	if after := sequence(); before != "0" || after != "2" {
		t.Errorf("SEQUENCE %s, then %s", before, after)
	}
}

func TestStaffPublishMoveAndCancel(t *testing.T) {
	t.Parallel()
	h := open(t)
	w := h.as(account.Marketer)
	path := w.create()
	if got := h.Get("/webinars/planning-slowly"); got.Code != http.StatusNotFound {
		t.Errorf("a draft is public: %d", got.Code)
	}
	if got := w.do(http.MethodGet, path+"/preview", nil); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "11:00 to 12:00") {
		t.Errorf("preview: %d", got.Code)
	}
	w.send(path, path+"/publish", url.Values{}, http.StatusSeeOther)
	h.Pages.Invalidate()
	for i := range 4 {
		h.register("planning-slowly", guest(i))
	}
	h.letters()

	// More seats: the next in line has one at once.
	edited := typed()
	edited.Set("slug", "planning-slowly")
	edited.Set("capacity", "3")
	edited.Set("reserved", "0")
	w.send(path, path, edited, http.StatusSeeOther)
	if l := h.letters(); len(l) != 1 || l[0].to != guest(2) || l[0].method != "REQUEST" {
		t.Errorf("mails for one seat more: %+v", l)
	}
	edited.Set("capacity", "1")
	refused := w.send(path, path, edited, http.StatusUnprocessableEntity)
	if !strings.Contains(refused.Body.String(), "3 seats are given already") {
		t.Error("seats that are given can be taken away")
	}

	h.Advance(time.Minute)
	w.send(path, path+"/move", aWeekLater(), http.StatusSeeOther)
	h.tend()
	moved := h.letters()
	if len(moved) != 4 {
		t.Fatalf("%d mails about the move", len(moved))
	}
	for _, l := range moved {
		if l.method == "REQUEST" && (l.value("SEQUENCE") != "2" || l.value("DTSTART") != "20261210T093000") {
			t.Errorf("entry: %s", l.ics)
		}
	}

	w.send(path, path+"/cancel", url.Values{"cancel-reason": {"The speaker is ill."}}, http.StatusSeeOther)
	h.tend()
	cancelled := h.letters()
	if len(cancelled) != 4 {
		t.Fatalf("%d mails about the cancellation", len(cancelled))
	}
	for _, l := range cancelled {
		if l.method == "CANCEL" && l.value("SEQUENCE") != "5" {
			t.Errorf("entry: %s", l.ics)
		}
		if !strings.Contains(l.text, "The speaker is ill.") {
			t.Errorf("mail to %s lacks the reason", l.to)
		}
	}
	if got := w.state("Planning slowly"); got != "Cancelled" {
		t.Errorf("the list says of a cancelled webinar: %q", got)
	}
	var actions []string
	rows, err := h.Pool.Query(t.Context(), `SELECT action FROM content_change WHERE kind = 'webinar' ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var a string
		if err := rows.Scan(&a); err != nil {
			t.Fatal(err)
		}
		actions = append(actions, a)
	}
	if diff := cmp.Diff(actions, []string{"created", "published", "edited", "moved", "cancelled"}); diff != "" {
		t.Errorf("history (-got +want):\n%s", diff)
	}
}

func TestListSaysWhatIsOver(t *testing.T) {
	t.Parallel()
	h := open(t)
	w := h.as(account.Marketer)
	path := w.create()
	for _, step := range []struct {
		want string
		do   func()
	}{
		{"Draft", func() {}},
		{"Published", func() { w.send(path, path+"/publish", url.Values{}, http.StatusSeeOther) }},
		{"Over", func() { h.Advance(30 * 24 * time.Hour) }},
	} {
		step.do()
		if got := w.state("Planning slowly"); got != step.want {
			t.Errorf("the list says %q, want %q", got, step.want)
		}
	}
}

// state is what the list of webinars says of one.
func (w *workspace) state(title string) string {
	w.t.Helper()
	doc, err := goquery.NewDocumentFromReader(w.do(http.MethodGet, "/webinars", nil).Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return doc.Find(`tr:contains("` + title + `") .tag`).Text()
}

func TestStaffTimesAreChecked(t *testing.T) {
	t.Parallel()
	w := open(t).as(account.Marketer)
	for name, tt := range map[string]struct {
		change url.Values
		want   string
	}{
		"gap":      {url.Values{"date": {"2027-03-14"}, "time": {"02:30"}}, "does not exist"},
		"zone":     {url.Values{"zone": {"America/Springfield"}}, "no time zone of this name"},
		"clock":    {url.Values{"time": {"25:00"}}, "Enter a time of day"},
		"minutes":  {url.Values{"minutes": {"abc"}}, "whole number from 5 to 1440"},
		"nowhere":  {url.Values{"join_url": {""}}, "Enter where it takes place"},
		"http":     {url.Values{"join_url": {"http://meet.example.com"}}, "begins with https://"},
		"reserved": {url.Values{"reserved": {"3"}}, "more than there are seats"},
	} {
		values := typed()
		for field, list := range tt.change {
			values[field] = list
		}
		got := w.send("/webinars/new", "/webinars/new", values, http.StatusUnprocessableEntity)
		if !strings.Contains(got.Body.String(), tt.want) {
			t.Errorf("%s: %s", name, problems(got))
		}
	}
}

func TestAttendees(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.add(event{capacity: 1})
	mine := h.register("parts", guest(1))
	h.register("parts", guest(2))
	w := h.as(account.Marketer)
	path := "/webinars/" + id.String() + "/attendees"
	got := w.do(http.MethodGet, path, nil)
	if body := got.Body.String(); got.Code != http.StatusOK || strings.Count(body, "Ada Lovelace</th>") != 2 || strings.Contains(body, "@example.com") {
		t.Errorf("list: %d %s", got.Code, body)
	}
	var looks int
	if err := h.Pool.QueryRow(t.Context(),
		`SELECT count(*) FROM audit_event WHERE action = 'read' AND object = 'attendees' AND object_id = $1`, id).Scan(&looks); err != nil || looks != 1 {
		t.Errorf("%d looks were logged, %v", looks, err)
	}
	rec := h.record(mine)
	early := w.do(http.MethodPost, path, url.Values{"id": {rec.ID.String()}})
	if strings.Contains(got.Body.String(), "Was there") || early.Code != http.StatusConflict || h.status(mine) != "registered" {
		t.Errorf("days before, somebody can be marked as there: %d, %s", early.Code, h.status(mine))
	}
	h.until("2026-12-03 10:00")
	w = h.as(account.Marketer)
	for _, fixed := range []bool{true, false} {
		if _, err := h.Pool.Exec(t.Context(), map[bool]string{
			true: `INSERT INTO restriction (id, person_id, submission_id, ground, placed_at)
				VALUES (gen_random_uuid(), $1, $2, 'wish', now())`,
			false: `UPDATE restriction SET lifted_at = now() WHERE person_id = $1 AND submission_id = $2`,
		}[fixed], rec.PersonID.UUID, rec.ID); err != nil {
			t.Fatal(err)
		}
		if list := w.do(http.MethodGet, path, nil).Body.String(); strings.Contains(list, "Kept as it is") != fixed {
			t.Errorf("restricted %t: %s", fixed, list)
		}
		if fixed {
			w.do(http.MethodPost, path, url.Values{"id": {rec.ID.String()}})
		}
		if h.status(mine) != "registered" {
			t.Errorf("a restricted registration is %s", h.status(mine))
		}
	}
	if got := w.do(http.MethodPost, path, url.Values{"id": {rec.ID.String(), "rubbish"}}); got.Code != http.StatusSeeOther {
		t.Errorf("attendance: %d", got.Code)
	}
	if h.status(mine) != "attended" {
		t.Errorf("status %s", h.status(mine))
	}
	for role, want := range map[account.Role][2]int{
		account.Reviewer: {200, 403}, account.Privacy: {200, 403}, account.Recruiter: {403, 403}, account.Admin: {403, 403},
	} {
		other := h.as(role)
		if got := other.do(http.MethodGet, path, nil).Code; got != want[0] {
			t.Errorf("%s, attendees: %d, want %d", role, got, want[0])
		}
		if got := other.do(http.MethodGet, "/webinars", nil).Code; got != want[1] {
			t.Errorf("%s, webinars: %d, want %d", role, got, want[1])
		}
	}
}

func TestPanel(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 1})
	h.register("parts", guest(1))
	waits := h.register("parts", guest(2))
	html, err := h.room.Activity().Panel(t.Context(), h.record(waits))
	if err != nil || !strings.Contains(string(html), "<dt>Place in line</dt><dd>1</dd>") {
		t.Errorf("panel: %s, %v", html, err)
	}
}

// A registration is kept for a year after the event, not after somebody at a desk moved it.
func TestStaffMoveKeepsTheDay(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{"cancelled": "2027-12-03", "attended": "2027-12-03", "withdrawn": "2026-12-23"} {
		h := open(t)
		h.add(event{capacity: 1})
		mine := h.register("parts", guest(1))
		if to == "attended" {
			h.until("2026-12-03 10:30")
		}
		err := h.Store.Move(t.Context(), h.record(mine).ID, submission.Change{
			From: []string{"registered"}, To: to, By: submission.Actor{Role: "marketer"}, Decides: true,
			PurgeAfter: h.Now().AddDate(0, 1, 0), Moved: h.room.Activity().Moved,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := h.record(mine).PurgeAfter.Format(time.DateOnly); got != want {
			t.Errorf("%s: kept until %s, want %s", to, got, want)
		}
	}
}
