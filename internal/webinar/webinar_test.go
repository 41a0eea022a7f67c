package webinar_test

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/jba/templatecheck"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/mail/mailtest"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/internal/webinar"
	"clickcommerce.com/site/web"
)

func TestTemplatesMatchTheirData(t *testing.T) {
	t.Parallel()
	open(t).Pages.Each(func(name string, tmpl *template.Template, data any) {
		if !strings.HasPrefix(name, "webinar/") {
			return
		}
		if err := templatecheck.CheckHTML(tmpl, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
}

func TestEmptyFormSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 5})
	values := h.filled("parts", "")
	values.Del("name")
	w := h.Post("/webinars/parts/register", values)
	if w.Code != http.StatusUnprocessableEntity {
		t.Fatalf("got %d", w.Code)
	}
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var links []string
	doc.Find(".errors a").Each(func(_ int, a *goquery.Selection) { links = append(links, a.AttrOr("href", "")) })
	if diff := cmp.Diff(links, []string{"#f-name", "#f-email"}); diff != "" {
		t.Errorf("links of the summary (-got +want):\n%s", diff)
	}
}

func TestExamplesAreTaken(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.add(event{capacity: 5, place: "Click Commerce\nChicago\nUnited States"})
	f, err := h.room.Activity().Form(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	values := h.filled("parts", "")
	for name, list := range activitytest.Examples(f) {
		values[name] = list
	}
	if w := h.Post("/webinars/parts/register", values); w.Code != http.StatusSeeOther {
		t.Fatalf("got %d: %s", w.Code, problems(w))
	}
	for _, field := range f.Fields {
		if field.Why == "" {
			t.Errorf("field %s has no Why", field.Name)
		}
	}
}

func TestRegistration(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 5})
	receipt := h.register("parts", "ada@example.com")
	early := h.Get(receipt).Body.String() + h.Get(receipt+"/calendar.ics").Body.String()
	if !strings.Contains(early, "You have a seat") || strings.Contains(early, "meet.example.com") {
		t.Error("before the address is confirmed the receipt must tell the seat and keep the way in")
	}
	h.confirm(receipt)
	body := h.Get(receipt).Body.String()
	for _, want := range []string{
		"You have a seat", "https://meet.example.com/secret", "Thursday, 3 December 2026, 11:00 to 12:00, Chicago time (CST)",
		`datetime="2026-12-03T17:00:00Z" data-zone="America/Chicago"`, "3 December 2027", receipt + "/calendar.ics", receipt + "/cancel",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the receipt lacks %q", want)
		}
	}
	l := h.letterTo("ada@example.com")
	if l.method != "REQUEST" || l.value("DTSTART") != "20261203T110000" || l.value("SEQUENCE") != "0" ||
		l.value("ATTENDEE") != "mailto:ada@example.com" || !strings.Contains(l.ics, "meet.example.com/secret") ||
		!strings.Contains(l.text, "meet.example.com/secret") || !strings.Contains(l.text, "/confirm/") {
		t.Errorf("mail: %+v", l)
	}
	own := h.Get(receipt + "/calendar.ics")
	if strings.Contains(own.Body.String(), "ATTENDEE") || strings.Contains(own.Body.String(), "ada@example.com") {
		t.Errorf("whoever has the receipt's link reads the address: %s", own.Body)
	}
	if own.Code != http.StatusOK || !strings.Contains(own.Body.String(), "METHOD:PUBLISH") ||
		!strings.Contains(strings.ReplaceAll(own.Body.String(), "\r\n ", ""), "UID:"+l.value("UID")) {
		t.Errorf("own entry: %d %s", own.Code, own.Body)
	}
}

// Nobody but those who have a seat learns the way into the room.
func TestJoinLinkIsTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 1})
	h.register("parts", guest(1))
	waiting := h.register("parts", guest(2))
	for _, path := range []string{
		"/webinars", "/webinars/parts", "/webinars/parts/register", "/webinars/parts/calendar.ics", waiting,
	} {
		w := h.Get(path)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
		if strings.Contains(strings.ReplaceAll(w.Body.String(), "\r\n ", ""), "meet.example.com") {
			t.Errorf("%s tells the join link", path)
		}
	}
	if w := h.Get(waiting + "/calendar.ics"); w.Code != http.StatusNotFound {
		t.Errorf("calendar entry of somebody who waits: %d", w.Code)
	}
	for _, l := range h.letters() {
		if told := strings.Contains(l.text+l.ics, "meet.example.com"); told != (l.to == guest(1)) {
			t.Errorf("mail to %s tells the join link: %t", l.to, told)
		}
	}
	docs, err := h.room.Documents(context.Background())
	if err != nil || len(docs) != 1 || strings.Contains(docs[0].Body, "meet.example.com") {
		t.Errorf("search: %v, %v", docs, err)
	}
}

func TestWaitingListMovesUp(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.add(event{capacity: 2})
	first, second := h.register("parts", guest(1)), h.register("parts", guest(2))
	third, fourth := h.register("parts", guest(3)), h.register("parts", guest(4))
	fifth := h.register("parts", guest(5))
	if body := h.Get(fourth).Body.String(); !strings.Contains(body, "number 2 in line") {
		t.Errorf("receipt of the second in line: %s", body)
	}
	h.letters()

	h.post(first+"/cancel", http.StatusSeeOther)
	h.post(first+"/cancel", http.StatusSeeOther) // pressed twice
	got := map[string]string{}
	for _, l := range h.letters() {
		got[l.to] = l.method + " " + l.value("SEQUENCE") + " " + l.subject
	}
	want := map[string]string{
		guest(1): "CANCEL 1 Your seat is given back: Planning parts", guest(3): "REQUEST 0 A seat is yours now: Planning parts",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("mails (-got +want):\n%s", diff)
	}

	h.post(second+"/withdraw", http.StatusSeeOther)
	got = map[string]string{}
	for _, l := range h.letters() {
		got[l.to] = l.method + " " + l.value("SEQUENCE") + " " + l.subject
	}
	want = map[string]string{
		guest(2): "CANCEL 1 Your seat is given back: Planning parts", guest(4): "REQUEST 0 A seat is yours now: Planning parts",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("mails after a withdrawal (-got +want):\n%s", diff)
	}
	h.post(fifth+"/cancel", http.StatusSeeOther) // it waited: nothing is freed, nobody is told
	if l := h.letters(); len(l) != 0 {
		t.Errorf("mails after one left the line: %+v", l)
	}
	if diff := cmp.Diff(h.seats(id), map[string]int{"registered": 2, "cancelled": 2, "withdrawn": 1}); diff != "" {
		t.Errorf("seats (-got +want):\n%s", diff)
	}
	if h.status(third) != "registered" || h.status(fourth) != "registered" {
		t.Error("the first in line have no seat")
	}
	if again := h.register("parts", guest(1)); h.status(again) != "waitlisted" {
		t.Errorf("who cancelled comes back as %s", h.status(again))
	}
}

// Who withdraws before the invitation left has no entry in their calendar that could be taken back.
func TestWithdrawnBeforeTheInvitationLeft(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 1})
	h.post(h.register("parts", guest(1))+"/withdraw", http.StatusSeeOther)
	if l := h.letters(); len(l) != 0 {
		t.Errorf("mails: %+v", l)
	}
}

// An address has one seat. Whoever types it again learns nothing that the first sender alone may know.
func TestOneSeatForAnAddress(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.add(event{capacity: 5})
	values := h.filled("parts", guest(1))
	first := h.Post("/webinars/parts/register", values).Header().Get("Location")
	if same := h.Post("/webinars/parts/register", values).Header().Get("Location"); same != first {
		t.Error("the same sending twice has two receipts")
	}
	h.letters()
	h.Advance(2 * time.Minute)
	again := h.register("parts", guest(1))
	if again == first || h.status(again) != "repeated" {
		t.Fatalf("registered again: %s", h.status(again))
	}
	body := h.Get(again).Body.String()
	if strings.Contains(body, "meet.example.com") || strings.Contains(body, strings.TrimPrefix(first, "/r/")) {
		t.Error("whoever knows an address can get at its registration")
	}
	if w := h.Post(again+"/switch", url.Values{"to": {"parts"}}); w.Code != http.StatusConflict {
		t.Errorf("the repeat can be exchanged: %d", w.Code)
	}
	if w := h.Post(again+"/cancel", nil); w.Code != http.StatusSeeOther || h.status(first) != "registered" {
		t.Error("the repeat can cancel the first")
	}
	l := h.letterTo(guest(1))
	if !strings.Contains(l.text, first) || l.method != "" {
		t.Errorf("mail: %+v", l)
	}
	if diff := cmp.Diff(h.seats(id), map[string]int{"registered": 1, "cancelled": 1}); diff != "" {
		t.Errorf("seats (-got +want):\n%s", diff)
	}
}

// The receipt of a second sending reads like that of a first one, and so do its calendar entry, what it offers, and what
// comes of pressing it: the form tells nobody who is registered.
func TestFormTellsNobodyWhoComes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		capacity int
		want     string
	}{"seats free": {5, "You have a seat"}, "waiting list": {1, "number 2 in line"}} {
		h := open(t)
		h.add(event{capacity: tt.capacity})
		h.register("parts", guest(1))
		if tt.capacity == 1 {
			h.register("parts", guest(2))
		}
		read := func(email string) []string {
			h.Advance(2 * time.Minute) // the same page sent twice is one sending
			receipt := h.register("parts", email)
			rec := h.record(receipt)
			plain := func(w *httptest.ResponseRecorder) string {
				return strings.NewReplacer(strings.TrimPrefix(receipt, "/r/"), "TOKEN", rec.Reference, "REFERENCE", rec.ID.String(), "ID",
					h.Now().UTC().Format("20060102T150405Z"), "STAMP").
					Replace(strings.ReplaceAll(w.Body.String(), "\r\n ", ""))
			}
			page, entry := plain(h.Get(receipt)), plain(h.Get(receipt+"/calendar.ics"))
			change := h.Post(receipt+"/switch", url.Values{"to": {"parts"}}).Code
			h.post(receipt+"/cancel", http.StatusSeeOther)
			return []string{page, entry, fmt.Sprint(change), plain(h.Get(receipt))}
		}
		stranger := read("stranger@example.com")
		if diff := cmp.Diff(read(guest(1)), stranger); diff != "" {
			t.Errorf("%s: registered before (-) and not (+):\n%s", name, diff)
		}
		if !strings.Contains(stranger[0], tt.want) {
			t.Errorf("%s: the receipt lacks %q", name, tt.want)
		}
		if l := h.letters(); l[len(l)-1].to != guest(1) || h.seats(h.record(h.register("parts", guest(9))).SubjectID.UUID)["registered"] < 1 {
			t.Errorf("%s: the owner was not written to", name)
		}
	}
}

// What is in quarantine can be neither exchanged nor cancelled: that would bring about a seat, and mail.
func TestQuarantineStaysApart(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{slug: "here", capacity: 5})
	there := h.add(event{slug: "there", capacity: 5})
	mine := h.register("here", guest(1))
	h.confirm(mine)
	h.letters()
	h.exec(`UPDATE submission SET quarantined_at = $1`, h.Now())
	for _, path := range []string{"/switch", "/cancel"} {
		if w := h.Post(mine+path, url.Values{"to": {"there"}}); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "just now") {
			t.Errorf("%s: %d %s", path, w.Code, problems(w))
		}
	}
	h.exec(`UPDATE webinar SET cancelled_at = $1, cancel_reason = 'The speaker is ill.' WHERE slug = 'here'`, h.Now())
	h.tend()
	if l := h.letters(); len(l) != 0 || len(h.seats(there)) != 0 {
		t.Errorf("%d mails, seats there %v", len(l), h.seats(there))
	}
}

// Restoring gives no address a second seat, whichever came first.
func TestRestoredIsNoSecondSeat(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.add(event{capacity: 5})
	first := h.register("parts", guest(1))
	h.exec(`UPDATE submission SET quarantined_at = $1`, h.Now())
	h.Advance(2 * time.Minute)
	second := h.register("parts", guest(1))
	waits := h.register("parts", guest(2))
	h.exec(`UPDATE submission SET status = 'waitlisted', quarantined_at = $1 WHERE id = $2`, h.Now(), h.record(waits).ID)
	h.Advance(2 * time.Minute)
	seated := h.register("parts", guest(2))
	h.letters()
	for _, receipt := range []string{first, waits} {
		if err := h.Desk.Restore(context.Background(), h.record(receipt).ID, submission.System); err != nil {
			t.Fatal(err)
		}
	}
	h.letters()
	h.tend()
	got := []string{h.status(first), h.status(second), h.status(waits), h.status(seated)}
	if diff := cmp.Diff(got, []string{"repeated", "registered", "repeated", "registered"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if n := h.seats(id)["registered"]; n != 2 {
		t.Errorf("%d seats for two addresses", n)
	}
	left := []string{h.record(first).ID.String(), h.record(waits).ID.String()}
	for _, l := range h.letters() {
		if l.method != "CANCEL" || strings.Contains(l.text, "meet.example.com") ||
			!slices.ContainsFunc(left, func(id string) bool { return strings.Contains(l.ics, "UID:"+id) }) {
			t.Errorf("mailed: %+v", l)
		}
	}
}

// A seat is given back while the one who is first in line came back from quarantine beside a registration of the same
// address: that one ends, and the seat goes to one of those who wait, not to two.
func TestSecondAtTheHeadOfTheLine(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.add(event{capacity: 1})
	seated := h.register("parts", guest(1))
	again := h.register("parts", guest(2))
	h.exec(`UPDATE submission SET quarantined_at = $1 WHERE id = $2`, h.Now(), h.record(again).ID)
	h.Advance(2 * time.Minute)
	first := h.register("parts", guest(2))
	next := h.register("parts", guest(3))
	h.restore(h.record(again).ID)
	if w := h.Post(seated+"/cancel", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("a seat given back: %d", w.Code)
	}
	got := []string{h.status(seated), h.status(again), h.status(first), h.status(next)}
	if diff := cmp.Diff(got, []string{"cancelled", "repeated", "registered", "waitlisted"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if n := h.seats(id)["registered"]; n != 1 {
		t.Errorf("%d seats given, of one", n)
	}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	h := open(t)
	here, there := h.add(event{slug: "here", capacity: 1}), h.add(event{slug: "there", capacity: 2, local: "2026-12-10 09:00"})
	h.add(event{slug: "full", capacity: 1, reserved: 1})
	mine := h.register("here", guest(1))
	waits := h.register("here", guest(2))
	h.confirm(mine)
	if body := h.Get(mine).Body.String(); !strings.Contains(body, `<option value="there">`) || strings.Contains(body, `value="full"`) {
		t.Errorf("the receipt offers: %s", body)
	}
	h.letters()
	if w := h.Post(mine+"/switch", url.Values{"to": {"full"}}); w.Code != http.StatusConflict || h.status(mine) != "registered" {
		t.Errorf("to a full one: %d, %s", w.Code, h.status(mine))
	}
	w := h.Post(mine+"/switch", url.Values{"to": {"there"}})
	if w.Code != http.StatusSeeOther {
		t.Fatalf("change: %d %s", w.Code, problems(w))
	}
	moved := w.Header().Get("Location")
	if h.status(mine) != "cancelled" || h.status(moved) != "registered" || h.status(waits) != "registered" {
		t.Errorf("mine %s, moved %s, who waited %s", h.status(mine), h.status(moved), h.status(waits))
	}
	if diff := cmp.Diff([]map[string]int{h.seats(here), h.seats(there)},
		[]map[string]int{{"cancelled": 1, "registered": 1}, {"registered": 1}}); diff != "" {
		t.Errorf("seats (-got +want):\n%s", diff)
	}
	var methods []string
	for _, l := range h.letters() {
		if l.to == guest(1) {
			methods = append(methods, l.method)
			if strings.Contains(l.text, "confirm") || strings.Contains(l.text, "Was this not you?") {
				t.Errorf("who had confirmed is asked again:\n%s", l.text)
			}
		}
	}
	if len(methods) != 2 {
		t.Errorf("mails to who changed: %v", methods)
	}
	if w := h.Post(mine+"/switch", url.Values{"to": {"full"}}); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "was given up") {
		t.Errorf("change of what is cancelled: %d", w.Code)
	}
	if w := h.Post(mine+"/switch", url.Values{"to": {"there"}}); w.Header().Get("Location") != moved {
		t.Errorf("pressed twice: %d to %q", w.Code, w.Header().Get("Location"))
	}
	h.add(event{slug: "later", capacity: 1})
	if w := h.Post(moved+"/switch", url.Values{"to": {"later"}}); w.Code != http.StatusSeeOther {
		t.Errorf("changed once more: %d %s", w.Code, problems(w))
	}
}

func TestHowItStands(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{slug: "free", capacity: 100})
	h.add(event{slug: "nearly", capacity: 100, reserved: 98})
	h.add(event{slug: "small", capacity: 3})
	h.add(event{slug: "full", capacity: 10, reserved: 10})
	h.add(event{slug: "past", capacity: 10, local: "2026-11-20 11:00"})
	h.add(event{slug: "running", capacity: 10, local: "2026-11-23 08:30"}) // the clock stands at 9:00 in Chicago
	h.add(event{slug: "draft", capacity: 10, state: "draft"})
	h.add(event{slug: "off", capacity: 10})
	h.exec(`UPDATE webinar SET cancelled_at = $1, cancel_reason = 'The speaker is ill.' WHERE slug = 'off'`, h.Now())
	for slug, want := range map[string]struct {
		words    string
		register int
	}{
		"free": {"Seats left", 200}, "nearly": {"2 seats of 100 left", 200}, "small": {"Seats left", 200},
		"full": {"All 10 seats are taken", 200},
		"past": {"See what is coming up", 303}, "running": {"registration is closed", 303}, "draft": {"", 404},
		"off": {"The speaker is ill.", 303},
	} {
		w := h.Get("/webinars/" + slug)
		if want.words == "" {
			if w.Code != http.StatusNotFound {
				t.Errorf("%s: %d", slug, w.Code)
			}
		} else if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want.words) {
			t.Errorf("%s: %d lacks %q", slug, w.Code, want.words)
		}
		if w := h.Get("/webinars/" + slug + "/register"); w.Code != want.register {
			t.Errorf("%s/register: %d, want %d", slug, w.Code, want.register)
		}
	}
	list := h.Get("/webinars").Body.String()
	for _, want := range []string{"Nearly full", "Waiting list", "Cancelled", "Earlier"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %q", want)
		}
	}
	if strings.Contains(list, "Planning draft") {
		t.Error("the list shows a draft")
	}
	if w := h.Get("/webinars/off/calendar.ics"); !strings.Contains(w.Body.String(), "METHOD:CANCEL") {
		t.Errorf("entry of a cancelled one: %s", w.Body)
	}
	page := h.Get("/webinars/free").Body.String()
	if !strings.Contains(page, `"@type":"Event"`) || !strings.Contains(page, `"startDate":"2026-12-03T11:00:00-06:00"`) {
		t.Error("the page lacks its JSON-LD")
	}
}

func TestClosedWhileWriting(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 5, local: "2026-11-23 09:01"})
	values := h.filled("parts", guest(1))
	values.Set("question", "Does it count returns?")
	h.Advance(2 * time.Minute)
	w := h.Post("/webinars/parts/register", values)
	if page := w.Body.String(); w.Code != http.StatusConflict || !strings.Contains(page, "Registration is closed.") ||
		!strings.Contains(page, "Does it count returns?") {
		t.Errorf("got %d: %s", w.Code, page)
	}
	if w := h.Get("/webinars/parts/register"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/webinars/parts" {
		t.Errorf("the form: %d to %s", w.Code, w.Header().Get("Location"))
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range 2 {
		if err := h.room.Demo(context.Background(), web.FS); err != nil {
			t.Fatal(err)
		}
	}
	var n int
	if err := h.Pool.QueryRow(context.Background(), `SELECT count(*) FROM webinar`).Scan(&n); err != nil || n != 7 {
		t.Errorf("%d webinars, %v", n, err)
	}
	if ids, err := h.room.Subjects(context.Background()); err != nil || len(ids) != 4 {
		t.Errorf("%d take registrations, %v", len(ids), err)
	}
	list := h.Get("/webinars").Body.String()
	for _, want := range []string{"Nearly full", "Service parts day in Chicago", "Coming up", "Earlier"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %q", want)
		}
	}
	var weekend bool
	if err := h.Pool.QueryRow(context.Background(),
		`SELECT bool_or(extract(isodow FROM starts_local) > 5) FROM webinar`).Scan(&weekend); err != nil || weekend {
		t.Errorf("one is on a weekend: %t, %v", weekend, err)
	}
	for _, slug := range []string{"clause-library-workshop", "chicago-service-parts-day", "slow-moving-parts"} {
		if w := h.Get("/webinars/" + slug); w.Code != http.StatusOK {
			t.Errorf("%s: %d", slug, w.Code)
		}
	}
}

func TestMails(t *testing.T) {
	t.Parallel()
	e := webinar.Event{
		Name: "Ada Byron", Title: "Slow parts", When: "Thursday, 3 December 2026, 11:00 to 12:00, Chicago time (CST)",
		Where: "Online", Reference: "CC-7K2M9-4QXAB", ReceiptURL: "/r/token", PageURL: "/webinars/slow-parts",
	}
	seated, fresh, line := e, e, e
	seated.Join = "https://meet.example.com/x"
	fresh.Join, fresh.ConfirmURL, line.ConfirmURL = seated.Join, "/confirm/token", "/confirm/token"
	mailtest.Golden(t, mailtest.New(t, mailtest.Config(t, nil, "", webinar.Templates()...)),
		mailtest.Example{Name: "registered", Template: "webinar-registered", Data: webinar.Entry{Event: fresh}},
		mailtest.Example{Name: "waiting", Template: "webinar-waiting", Data: webinar.Notice{Event: line, Position: 3}},
		mailtest.Example{Name: "waiting-moved", Template: "webinar-waiting", Data: webinar.Notice{Event: e, Moved: true}},
		mailtest.Example{Name: "waiting-off", Template: "webinar-waiting", Data: webinar.Notice{Event: e, Off: true, Reason: "The speaker is ill."}},
		mailtest.Example{Name: "again", Template: "webinar-again", Data: webinar.Notice{Event: e}},
		mailtest.Example{Name: "second", Template: "webinar-again", Data: webinar.Notice{Event: fresh, ICS: "BEGIN:VCALENDAR"}},
		mailtest.Example{Name: "seat", Template: "webinar-seat", Data: webinar.Entry{Event: seated}},
		mailtest.Example{Name: "moved", Template: "webinar-moved", Data: webinar.Entry{Event: seated}},
		mailtest.Example{Name: "cancelled", Template: "webinar-cancelled", Data: webinar.Entry{Event: e}},
		mailtest.Example{Name: "off", Template: "webinar-cancelled", Data: webinar.Entry{Event: e, Off: true, Reason: "The speaker is ill."}},
		mailtest.Example{Name: "reminder", Template: "webinar-reminder", Data: webinar.Notice{Event: seated, Begins: "Thursday, 3 December, 11:00, Chicago time (CST)"}},
		mailtest.Example{Name: "recording", Template: "webinar-recording", Data: webinar.Notice{Event: e, FilmURL: "/webinars/slow-parts#recording"}},
	)
}
