package announce_test

import (
	"context"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/announce"
	"clickcommerce.com/site/internal/mail/mailtest"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/web"
)

var _ = flag.Bool("update", false, "write the golden files")

const home = "http://example.test"

// house is a bench with the room, and a marketer signed in.
type house struct {
	*activitytest.Bench
	t      testing.TB
	room   *announce.Room
	as     func(account.Role) *http.Cookie
	cookie *http.Cookie
}

func newHouse(t testing.TB, batch, ahead int) *house {
	t.Helper()
	h := &house{t: t}
	// The templates ask the database of the bench, which is made with them.
	templates := announce.Templates(nil, home)
	for i := range templates {
		if templates[i].Fill != nil {
			templates[i].Fill = func(ctx context.Context, data any) (any, error) {
				return announce.Templates(h.Pool, home)[1].Fill(ctx, data)
			}
			templates[i].Stands = func(ctx context.Context, data any) error {
				return announce.Templates(h.Pool, home)[1].Stands(ctx, data)
			}
		}
	}
	h.Bench = activitytest.New(t, templates, func(*activitytest.Bench) activity.Activities { return nil })
	accounts := accounttest.New(t, h.Pool, h.Ring, home, h.Now)
	h.room = announce.New(h.Desk, accounts, h.Content)
	h.room.Size(batch, ahead)
	h.room.Public(h.Router)
	h.Router.Route("/staff", func(r chi.Router) {
		r.Use(accounts.Load, accounts.RequireStaff())
		h.room.Staff(r)
	})
	h.as = func(role account.Role) *http.Cookie {
		_, cookie := accounttest.Staff(t, accounts, h.Now(), role)
		return cookie
	}
	h.cookie = h.as(account.Marketer)
	return h
}

// staff asks for an address of the workspace as the marketer.
func (h *house) staff(method, path string, values url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(h.cookie)
	return h.Do(r)
}

func (h *house) exec(sql string, args ...any) {
	h.t.Helper()
	if _, err := pgtest.Admin(h.t, h.Pool).Exec(context.Background(), sql, args...); err != nil {
		h.t.Fatal(err)
	}
}

func scan[T any](h *house, sql string, args ...any) T {
	h.t.Helper()
	var v T
	if err := h.Pool.QueryRow(context.Background(), sql, args...).Scan(&v); err != nil {
		h.t.Fatal(err)
	}
	return v
}

// crowd stores so many people who agreed to the newsletter by email.
func (h *house) crowd(n int) {
	h.t.Helper()
	h.exec(`
		WITH p AS (INSERT INTO person (id, email, address_hmac, created_at, verified_at)
			SELECT id, id || '@example.com', uuid_send(id), $2, $2 FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $1)) g
			RETURNING id)
		INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
		SELECT id, 'newsletter', 'email', true, 'Mail me the newsletter, four times a year.', '2026-11-16', 'preferences', $2 FROM p`,
		n, h.Now().Add(-time.Hour))
}

func draft(change ...string) url.Values {
	v := url.Values{
		"purpose": {"newsletter"}, "channel": {"email"}, "subject": {"The part that nobody counted"},
		"body": {"A depot had four hundred pumps.\n\nRead [on](/webinars), or [there](https://example.org/x)."},
	}
	for i := 0; i+1 < len(change); i += 2 {
		v.Set(change[i], change[i+1])
	}
	return v
}

var versions = regexp.MustCompile(`name="version" value="(\d+)"`)

// write saves a draft and returns its path.
func (h *house) write(v url.Values) string {
	h.t.Helper()
	v.Set("id", uuid.NewString())
	w := h.staff("POST", "/staff/announce/new", v)
	if w.Code != http.StatusSeeOther {
		h.t.Fatalf("saved with %d: %s", w.Code, w.Body)
	}
	path, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	return path
}

// press presses a button of an announcement, and wants an answer.
func (h *house) press(path, button string, want int, values url.Values) *httptest.ResponseRecorder {
	h.t.Helper()
	if values == nil {
		values = url.Values{}
	}
	if m := versions.FindStringSubmatch(h.staff("GET", path, nil).Body.String()); m != nil && !values.Has("version") {
		values.Set("version", m[1])
	}
	w := h.staff("POST", path+"/"+button, values)
	if w.Code != want {
		h.t.Errorf("%s: got %d, want %d: %s", button, w.Code, want, w.Body)
	}
	return w
}

func (h *house) send() {
	h.t.Helper()
	if err := h.room.Send(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) state(path string) string {
	h.t.Helper()
	return scan[string](h, `SELECT state FROM announcement WHERE id = $1`, path[len(path)-36:])
}

// got lists the people with messages of the purpose, each as often as there are.
func (h *house) got(purpose string) []uuid.UUID {
	h.t.Helper()
	rows, err := h.Pool.Query(context.Background(), `SELECT person_id FROM message WHERE purpose = $1 ORDER BY person_id`, purpose)
	if err != nil {
		h.t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		h.t.Fatal(err)
	}
	return ids
}

func wants(t testing.TB, w *httptest.ResponseRecorder, status int, words ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("got %d, want %d", w.Code, status)
	}
	for _, x := range words {
		if strings.HasPrefix(x, "!") == strings.Contains(w.Body.String(), strings.TrimPrefix(x, "!")) {
			t.Errorf("%q: %s", x, w.Body)
		}
	}
}

// TestMarketingSeesNobodyElse holds what the role of the sender can't do, whatever its code says.
func TestMarketingSeesNobodyElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 500, 2000)
	h.crowd(1)
	who := uuid.New()
	h.exec(`INSERT INTO person (id, email, address_hmac, created_at, verified_at) VALUES ($1, 'no@example.com', '\x00', $2, $2)`, who, h.Now())
	for sql, want := range map[string]string{
		`SELECT email FROM person`:                  "permission denied for table person",
		`SELECT person_id FROM consent`:             "permission denied for view consent",
		`SELECT body FROM announcement`:             "permission denied for table announcement",
		`UPDATE announcement SET state = 'sending'`: "permission denied for table announcement",
		`SELECT data FROM message`:                  "permission denied for table message",
		`INSERT INTO message (id, person_id, purpose, template, address, next_at, created_at)
			VALUES (gen_random_uuid(), '` + who.String() + `', 'newsletter', 'newsletter', 'no@example.com', now(), now())`: "no consent in force for newsletter by email",
		`INSERT INTO message (id, person_id, purpose, template, address, next_at, created_at)
			VALUES (gen_random_uuid(), '` + who.String() + `', 'service', 'newsletter', 'no@example.com', now(), now())`: "a message of this kind is about a record",
		`INSERT INTO message (id, purpose, template, address, next_at, created_at)
			VALUES (gen_random_uuid(), 'internal', 'announcement-test', 'no@example.com', now(), now())`: "marketing stores only what rests on consent",
		`INSERT INTO message (id, purpose, template, address, next_at, created_at)
			VALUES (gen_random_uuid(), 'account', 'reset', 'no@example.com', now(), now())`: "marketing stores only what rests on consent",
	} {
		err := postgres.AsMarketing(t.Context(), h.Pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), sql)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	_, err := h.Pool.Exec(t.Context(), `INSERT INTO message (id, purpose, template, address, next_at, created_at)
		VALUES (gen_random_uuid(), 'internal', 'announcement-test', 'no@example.com', now(), now())`)
	if err == nil || !strings.Contains(err.Error(), "a test of an announcement goes to staff") {
		t.Errorf("a test to somebody who is no staff: %v", err)
	}
	err = pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error {
		var n int
		if err := postgres.MarketingIn(t.Context(), tx, func(tx pgx.Tx) error {
			return tx.QueryRow(t.Context(), `SELECT count(*) FROM contactable`).Scan(&n)
		}); err != nil || n != 1 {
			return fmt.Errorf("%d contactable: %w", n, err)
		}
		return tx.QueryRow(t.Context(), `SELECT count(*) FROM person`).Scan(&n) // the serving role again
	})
	if err != nil {
		t.Error(err)
	}
}

// choice is an event of the ledger.
type choice struct {
	granted, proven bool
	hours           int
}

// outcome says by itself, from what happened to a person, whether an announcement of the newsletter reaches them, and why
// not.
func (x history) outcome() string {
	if len(x.choices) == 0 {
		return "never"
	}
	stands, some := false, false // of the choices since the last refusal
	for _, c := range x.choices {
		if !c.granted {
			stands, some = false, false
			continue
		}
		some = true
		proof := c.proven
		for _, at := range x.confirmed {
			proof = proof || at >= c.hours && at <= c.hours+30*24
		}
		stands = stands || proof
	}
	switch {
	case !some || x.suppressed:
		return "refused"
	case !stands:
		return "unconfirmed"
	case x.bounced:
		return "bounced"
	case x.restricted:
		return "restricted"
	}
	return "may"
}

// history is what happened to a person, in hours since a start.
type history struct {
	choices                         []choice
	confirmed                       []int
	suppressed, bounced, restricted bool
}

func histories() *rapid.Generator[history] {
	hours := rapid.IntRange(0, 90*24)
	choices := rapid.Custom(func(t *rapid.T) choice {
		return choice{rapid.IntRange(0, 2).Draw(t, "granted") > 0, rapid.IntRange(0, 3).Draw(t, "proven") == 0, hours.Draw(t, "hours")}
	})
	return rapid.Custom(func(t *rapid.T) history {
		x := history{
			choices: rapid.SliceOfN(choices, 0, 4).Draw(t, "choices"), confirmed: rapid.SliceOfNDistinct(hours, 0, 2, rapid.ID).Draw(t, "confirmed"),
			suppressed: rapid.IntRange(0, 5).Draw(t, "suppressed") == 5, bounced: rapid.IntRange(0, 5).Draw(t, "bounced") == 5,
			restricted: rapid.IntRange(0, 5).Draw(t, "restricted") == 5,
		}
		slices.SortStableFunc(x.choices, func(a, b choice) int { return a.hours - b.hours })
		return x
	})
}

// live stores a person with a history.
func live(b *pgx.Batch, id uuid.UUID, start time.Time, x history) {
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	b.Queue(`INSERT INTO person (id, email, address_hmac, created_at, bounced_at) VALUES ($1, $2, $3, $4, $5)`,
		id, id.String()+"@example.com", id[:], start, map[bool]*time.Time{true: &start}[x.bounced])
	const agree = `INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
		VALUES ($1, $2, 'email', $3, 'Yes.', '2026-11-16', $4, $5)`
	b.Queue(agree, id, "promotion", true, "preferences", start) // counts for nothing here
	confirm := func(hours int) {
		b.Queue(`INSERT INTO confirmation (person_id, at) VALUES ($1, $2)`, id, at(hours))
	}
	confirmed := slices.Sorted(slices.Values(x.confirmed))
	for _, c := range x.choices { // all in the order in which it came
		for ; len(confirmed) > 0 && confirmed[0] < c.hours; confirmed = confirmed[1:] {
			confirm(confirmed[0])
		}
		b.Queue(agree, id, "newsletter", c.granted, map[bool]string{true: "preferences", false: "form"}[c.proven], at(c.hours))
	}
	for _, hours := range confirmed {
		confirm(hours)
	}
	if x.restricted {
		b.Queue(`INSERT INTO restriction (id, person_id, ground, placed_at) VALUES ($1, $1, 'wish', now())`, id)
	}
	if x.suppressed && len(x.choices) > 0 {
		b.Queue(`INSERT INTO suppression (address_hmac, purpose, channel, reason, at) VALUES ($1, 'newsletter', 'email', 'x', now())`, id[:])
	}
}

// TestNobodyWithoutConsentGetsIt generates histories, and compares who gets a message, and why others don't, with what
// follows from each history by itself.
func TestNobodyWithoutConsentGetsIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 70, 1<<30)
	people, want, b := map[uuid.UUID]history{}, map[string]int{}, &pgx.Batch{}
	for seed := range 1500 {
		id, x := uuid.New(), histories().Example(seed)
		people[id] = x
		want[x.outcome()]++
		live(b, id, h.Now().Add(-100*24*time.Hour), x)
	}
	if err := pgtest.Admin(t, h.Pool).SendBatch(t.Context(), b).Close(); err != nil {
		t.Fatal(err)
	}
	path := h.write(draft())
	body := h.staff("GET", path, nil).Body.String()
	for label, outcome := range map[string]string{
		"Never agreed": "never", "Refused": "refused", "Did not confirm": "unconfirmed", "Mail comes back": "bounced",
		"Use restricted": "restricted",
	} {
		if !strings.Contains(body, fmt.Sprintf("<dt>%s</dt><dd>%d</dd>", label, want[outcome])) || want[outcome] < 20 {
			t.Errorf("%s: want %d: %s", label, want[outcome], body)
		}
	}
	if !strings.Contains(body, fmt.Sprintf("<dd><strong>%d</strong></dd>", want["may"])) {
		t.Errorf("may get it: want %d: %s", want["may"], body)
	}
	h.press(path, "schedule", http.StatusSeeOther, nil)
	h.send()
	got := map[uuid.UUID]int{}
	for _, id := range h.got("newsletter") {
		got[id]++
	}
	for id, x := range people {
		if may := x.outcome() == "may"; got[id] > 1 || (got[id] == 1) != may {
			t.Errorf("%d messages, and it is %s: %+v", got[id], x.outcome(), x)
		}
	}
}

// TestEachOnce cuts a sending off in the middle of a batch, again and again, lets two senders go at once, and counts.
func TestEachOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 40, 1<<30)
	h.crowd(1003)
	path := h.write(draft())
	h.press(path, "schedule", http.StatusSeeOther, nil)
	for _, some := range []int{100, 400, 700} {
		ctx, cancel := context.WithCancel(context.Background())
		over := make(chan error, 1)
		go func() { over <- h.room.Send(ctx) }()
		for len(h.got("newsletter")) < some {
			continue
		}
		cancel()
		if err := <-over; err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if n := len(h.got("newsletter")); n%40 != 0 && n != 1003 {
		t.Errorf("%d messages are queued after it was cut off: no whole batches", n)
	}
	errs := make(chan error, 2)
	for range 2 {
		go func() { errs <- h.room.Send(context.Background()) }()
	}
	if err := errors.Join(<-errs, <-errs); err != nil {
		t.Fatal(err)
	}
	if got := h.got("newsletter"); len(got) != 1003 || len(slices.Compact(got)) != 1003 {
		t.Errorf("%d messages, to %d people", len(got), len(slices.Compact(got)))
	}
	if n := scan[int](h, `SELECT queued FROM announcement`); n != 1003 {
		t.Errorf("%d noted", n)
	}
	if h.state(path) != "sending" {
		t.Error("it is over while mails wait")
	}
	h.exec(`UPDATE message SET state = 'sent', sent_at = now(), attempts = 1`)
	h.send()
	if h.state(path) != "sent" {
		t.Error("it is not over")
	}
}

// TestWalksInOrder holds that the next people are found without sorting all who are left: a crowd of a million would take
// a million times as long else.
func TestWalksInOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 500, 2000)
	h.crowd(100)
	err := postgres.AsMarketing(t.Context(), h.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off`); err != nil {
			return err
		}
		rows, err := tx.Query(t.Context(), `
			EXPLAIN SELECT person_id FROM contactable
			WHERE purpose = 'newsletter' AND channel = 'email' AND person_id > '80000000-0000-0000-0000-000000000000' ORDER BY person_id LIMIT 500`)
		if err != nil {
			return err
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if text := strings.Join(plan, "\n"); strings.Contains(text, "Sort") || !strings.Contains(text, "person_id > '8000") {
			t.Error(text)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestLeavesRoom holds that answers to requests need not wait behind a crowd.
func TestLeavesRoom(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 10, 25)
	h.crowd(100)
	h.press(h.write(draft()), "schedule", http.StatusSeeOther, nil)
	for range 3 {
		h.send()
		if n := len(h.got("newsletter")); n != 30 {
			t.Fatalf("%d mails wait", n)
		}
	}
	h.exec(`UPDATE message SET state = 'sent', attempts = 1`)
	h.send()
	if n := len(h.got("newsletter")); n != 60 {
		t.Errorf("%d mails in all", n)
	}
}

func TestMail(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 500, 2000)
	h.crowd(2)
	path := h.write(draft())
	h.press(path, "schedule", http.StatusSeeOther, nil)
	h.send()
	var who uuid.UUID
	if err := h.Pool.QueryRow(t.Context(), `SELECT person_id FROM message LIMIT 1`).Scan(&who); err != nil {
		t.Fatal(err)
	}
	// Withdrawn between queue and mail: held back.
	h.exec(`INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
		VALUES ($1, 'newsletter', 'email', false, 'No.', '2026-11-16', 'unsubscribe', $2)`, who, h.Now())
	mails := h.Mails(t)
	if len(mails) != 1 || scan[int](h, `SELECT count(*) FROM message WHERE state = 'withheld'`) != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	for _, want := range []string{
		"Subject: The part that nobody counted", "List-Unsubscribe: <http://example.test/unsubscribe/", "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
		"you ticked: ", "Mail me the newsletter, four times a", "http://example.test/webinars", "/newsletter/issues/2026-11-the-part-that-nobody-counted", "(example.org)",
	} {
		if !strings.Contains(strings.ReplaceAll(mails[0], "=\r\n", ""), want) {
			t.Errorf("the mail lacks %q:\n%s", want, mails[0])
		}
	}
	if strings.Contains(mails[0], "<img") || strings.Contains(mails[0], "Auto-Submitted") {
		t.Error("the mail has a picture, or calls itself automatic")
	}
	if n := scan[int](h, `SELECT max(length(data::text)) FROM message`); n > 80 {
		t.Errorf("each message holds %d bytes of words", n)
	}
	h.send()
	if h.state(path) != "sent" {
		t.Error("not over")
	}
}

func TestStopAndPause(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 10, 25)
	h.crowd(100)
	path := h.write(draft())
	h.press(path, "pause", http.StatusConflict, nil)
	h.press(path, "schedule", http.StatusSeeOther, nil)
	h.send()
	h.press(path, "pause", http.StatusSeeOther, nil)
	h.press(path, "pause", http.StatusConflict, nil)
	// One was claimed before, and its lease has run out.
	h.exec(`UPDATE message SET attempts = 1, next_at = $1 WHERE id IN (SELECT id FROM message WHERE state = 'queued' LIMIT 1)`, h.Now())
	h.send()
	if n := len(h.Mails(t)); n != 0 {
		t.Errorf("%d mails left while it was paused", n)
	}
	wants(t, h.Get("/newsletter/issues"), 200, "The part that nobody counted")
	wants(t, h.staff("GET", path, nil), 200, "30 messages, of which 29 have not left yet")
	h.press(path, "resume", http.StatusSeeOther, nil)
	h.exec(`UPDATE message SET attempts = 1 WHERE id IN (SELECT id FROM message WHERE state = 'queued' LIMIT 1)`) // claimed, and then given back
	h.press(path, "stop", http.StatusSeeOther, nil)
	h.Advance(5 * time.Minute) // the one that was put off is looked at again
	h.send()
	if n := len(h.Mails(t)); n != 0 {
		t.Errorf("%d mails left after it was stopped", n)
	}
	if got := scan[int](h, `SELECT count(*) FROM message WHERE state = 'cancelled'`); got != 30 || h.state(path) != "stopped" {
		t.Errorf("%d cancelled, %s", got, h.state(path))
	}
	h.press(path, "resume", http.StatusConflict, nil)
	wants(t, h.staff("GET", path, nil), 200, "Had left when it was stopped</dt><dd>At most 2 messages")
	h.Pages.Invalidate()
	wants(t, h.Get("/newsletter/issues/2026-11-the-part-that-nobody-counted"), 410, "We took this issue back")
	wants(t, h.Get("/newsletter/issues/2026-11-another"), 404)
	wants(t, h.Get("/newsletter/issues"), 200, "No issue yet")
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 500, 2000)
	h.crowd(3)
	path := h.write(draft())
	for _, v := range []url.Values{{"date": {"2026-11-22"}}, {"date": {"2027-03-14"}, "time": {"02:30"}}, {"time": {"10:00"}}, {"date": {"2026-11-24"}, "time": {"25:00"}}} {
		h.press(path, "schedule", http.StatusUnprocessableEntity, v)
	}
	h.press(path, "schedule", http.StatusConflict, url.Values{"version": {"7"}})
	h.press(path, "schedule", http.StatusSeeOther, url.Values{"date": {"2026-11-24"}, "time": {"08:30"}})
	h.send()
	if h.state(path) != "scheduled" || len(h.got("newsletter")) != 0 {
		t.Error("it did not wait")
	}
	wants(t, h.staff("POST", path, draft("version", "2")), 409, "It is no longer a draft")
	h.press(path, "draft", http.StatusSeeOther, nil)
	h.Advance(24 * time.Hour)
	h.send()
	if h.state(path) != "draft" || len(h.got("newsletter")) != 0 {
		t.Error("a draft was sent")
	}
	h.cookie = h.as(account.Marketer)
	h.press(path, "schedule", http.StatusSeeOther, url.Values{"date": {"2026-11-25"}})
	h.Advance(24 * time.Hour)
	h.send()
	if n := len(h.got("newsletter")); n != 3 {
		t.Errorf("%d got it", n)
	}
}

// A clock does not wait between the look at what was typed and the sending.
func TestSendNow(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 500, 2000)
	h.crowd(3)
	path := h.write(draft())
	h.Tick()
	h.press(path, "schedule", http.StatusSeeOther, url.Values{"date": {""}, "time": {""}})
	h.send()
	if n := len(h.got("newsletter")); n != 3 {
		t.Errorf("%d got it", n)
	}
}

func TestTwoEditors(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 500, 2000)
	path := h.write(draft())
	wants(t, h.staff("POST", path, draft("version", "1", "subject", "Mine")), 303)
	w := h.staff("POST", path, draft("version", "1", "subject", "Yours"))
	wants(t, w, 409, "changed this while you were writing", "<strong>Mine</strong>", `value="Yours"`, `name="version" value="2"`, "Save mine over it")
	wants(t, h.staff("POST", path, draft("version", "1", "subject", "")), 422, `name="version" value="1"`)
	wants(t, h.staff("POST", path, draft("version", "2", "subject", "Yours")), 303)
	if got := scan[string](h, `SELECT subject || ' ' || version FROM announcement`); got != "Yours 3" {
		t.Errorf("stored: %s", got)
	}
	wants(t, h.staff("POST", path, draft("version", "3", "body", "![x](/y.png)", "agreed_from", "2026-11-02", "agreed_to", "2026-11-01", "domain", "no")),
		422, "Leave out the picture", "no earlier than the first", "such as example.com")
	for body, problem := range map[string]string{
		"Hear <b>this</b>.": "Leave out the HTML", "<script>alert(1)</script>\n\nHear this.": "Leave out the HTML",
		"Look [here](javascript:alert(1)).": "Give each link an address", "Look [here](later).": "Give each link an address", "Look [here](//example.com).": "Give each link an address",
	} {
		wants(t, h.staff("POST", path, draft("version", "3", "body", body)), 422, problem)
	}
}

// TestBackToTheNewForm sends the form of a new announcement once more, by the browser's way back.
func TestBackToTheNewForm(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 500, 2000)
	v := draft("subject", "First")
	path := h.write(v)
	stored := func() string { return scan[string](h, `SELECT subject || ' ' || version FROM announcement`) }
	for _, c := range []struct {
		subject string
		code    int
		stored  string
	}{{"First", 303, "First 1"}, {"Second", 303, "Second 2"}, {"Second", 303, "Second 2"}, {"Third", 409, "Second 2"}} {
		v.Set("subject", c.subject)
		if w := h.staff("POST", "/staff/announce/new", v); w.Code != c.code || stored() != c.stored {
			t.Errorf("%s: %d, stored: %s", c.subject, w.Code, stored())
		}
	}
	wants(t, h.staff("POST", "/staff/announce/new", v), 409, "<strong>Second</strong>", `value="Third"`, `action="`+path+`"`)
}

func TestFilterAndTest(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 500, 2000)
	h.crowd(3)
	h.exec(`UPDATE person SET email = id || '@northline.example' WHERE id = (SELECT id FROM person WHERE email LIKE '%example.com' LIMIT 1)`)
	path := h.write(draft("domain", "Northline.example"))
	wants(t, h.staff("GET", path, nil), 200, "<dd><strong>1</strong></dd>", "<dt>Left out by the filter</dt><dd>2</dd>", "Send to 1 person")
	wants(t, h.staff("GET", h.write(draft("agreed_to", "2026-11-22")), nil), 200, "Send to 0 people", "filter</dt><dd>3</dd>")
	wants(t, h.staff("GET", h.write(draft("agreed_from", "2026-11-23")), nil), 200, "Send to 3 people")
	wants(t, h.staff("GET", path+"/preview", nil), 200, "http://example.test/webinars", "here stands what the reader ticked")
	h.press(path, "test", http.StatusSeeOther, nil)
	mails := h.Mails(t)
	if len(mails) != 1 || !strings.Contains(mails[0], "Subject: Test: The part") || strings.Contains(mails[0], "List-Unsubscribe") {
		t.Errorf("test mails: %v", mails)
	}
	if got := scan[string](h, `SELECT purpose || ' ' || (person_id IS NULL) FROM message`); got != "internal true" {
		t.Errorf("sent as %s", got)
	}
}

// point gives somebody of the crowd a number or a postal address, proven by a mailed link or not.
func (h *house) point(email, channel, value, statement string, proven bool, at time.Time) {
	h.t.Helper()
	h.exec(`
		INSERT INTO person (id, email, address_hmac, created_at, verified_at) SELECT gen_random_uuid(), $1, sha256($1::text::bytea), $2, $2
		WHERE NOT EXISTS (SELECT FROM person WHERE email = $1)`, email, at)
	h.exec(`
		INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
		SELECT id, 'survey', $2, true, 'Ask me.', $4, 'form', $3 FROM person WHERE email = $1`, email, channel, at, statement)
	h.exec(`
		INSERT INTO contact_point (person_id, channel, value, origin, at)
		SELECT id, $2, $3, 'form', $4 FROM person WHERE email = $1`, email, channel, value, at)
	if proven {
		h.exec(`INSERT INTO confirmation (person_id, at) SELECT id, $2 FROM person WHERE email = $1 ON CONFLICT DO NOTHING`, email, at.Add(time.Minute))
	}
}

// TestCallList fetches a list of calls and one of letters, and is refused after seven days. Each has the number or the
// postal address that was proven, and nobody else's.
func TestCallList(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 500, 2000)
	day := h.Now().Add(-48 * time.Hour)
	h.point("ada@example.com", "phone", "+13125550100", "2026-11-18", true, day)
	h.point("bob@example.com", "phone", "+13125550101", "2026-11-18", true, day)
	h.point("cy@example.com", "phone", "+13125550102", "2026-11-18", false, day)
	h.point("ada@example.com", "post", "Ada Lovelace\n1 Engine Street\nChicago", "2026-11-18", true, day)
	h.point("ada@example.com", "phone", "+13125550666", "2026-11-18", false, day.Add(time.Hour)) // typed by anybody since
	h.point("dee@example.com", "post", "Dee\n=2 Mill Lane\nPeoria", "2026-11-18", true, day)
	h.point("eve@example.com", "post", "Eve\n3 Mill Lane\nPeoria", "2026-11-16", true, day) // which names no postal address
	for channel, want := range map[string][]string{
		"phone": {"+13125550100", "+13125550101"},
		"post":  {"Ada Lovelace 1 Engine Street Chicago", "Dee =2 Mill Lane Peoria"},
	} {
		path := h.write(draft("channel", channel, "purpose", "survey"))
		h.press(path, "list", http.StatusConflict, nil)
		h.press(path, "schedule", http.StatusSeeOther, nil)
		w := h.press(path, "list", http.StatusOK, nil)
		rows, err := csv.NewReader(w.Body).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range rows[1:] {
			got = append(got, strings.TrimPrefix(row[1], "’"))
			if row[2] != "2026-11-21" || row[3] != "Ask me." {
				t.Errorf("%s: %q", channel, row)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", channel, diff)
		}
		if got := w.Header().Get("Content-Disposition"); !strings.Contains(got, "survey-"+channel+"-delete-by-2026-11-30.csv") {
			t.Errorf("sent as %s", got)
		}
		if got := scan[string](h, `SELECT purpose || ' ' || channel || ' ' || reason || ': ' || body || ' ' || count || ' ' || (expires_at - at)
			FROM export JOIN export_words ON export_id = id WHERE channel = $1`, channel); got != "survey "+channel+" announcement: The part that nobody counted 2 7 days" {
			t.Errorf("remembered: %s", got)
		}
	}
	path := h.write(draft("channel", "phone", "purpose", "survey"))
	h.press(path, "schedule", http.StatusSeeOther, nil)
	h.Advance(7 * 24 * time.Hour)
	h.cookie = h.as(account.Marketer)
	wants(t, h.press(path, "list", http.StatusGone, nil), 410, "good for 7 days")
}

// callList makes a list of one person to be called.
func (h *house) callList() (path string) {
	h.point("ada@example.com", "phone", "+13125550100", "2026-11-18", true, h.Now().Add(-48*time.Hour))
	path = h.write(draft("channel", "phone", "purpose", "survey"))
	h.press(path, "schedule", http.StatusSeeOther, nil)
	return path
}

// A list of calls holds what everybody's export of addresses holds, and asks for the password as that does.
func TestListAsksForThePasswordAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 500, 2000)
	path := h.callList()
	h.Advance(16 * time.Minute)
	w := h.press(path, "list", http.StatusUnauthorized, nil)
	if w.Header().Get("Content-Disposition") != "" || strings.Contains(w.Body.String(), "+13125550100") {
		t.Errorf("after 16 minutes: %s", w.Body)
	}
	wants(t, w, http.StatusUnauthorized, `name="password"`)
	if n := scan[int](h, `SELECT count(*) FROM export`); n != 0 {
		t.Errorf("%d copies are remembered", n)
	}
}

// A list that is withdrawn while a copy of it is being made does not leave.
func TestWithdrawnListDoesNotLeave(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 500, 2000)
	path := h.callList()
	busy, err := pgtest.Admin(t, h.Pool).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Rollback(context.Background()) }()
	if _, err := busy.Exec(t.Context(), `LOCK TABLE contact_point IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	copied := make(chan *httptest.ResponseRecorder, 1)
	go func() { copied <- h.staff("POST", path+"/list", nil) }()
	deadline := time.Now().Add(30 * time.Second)
	for !scan[bool](h, `SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'contact_point'::regclass AND NOT granted)`) {
		if time.Now().After(deadline) {
			t.Fatal("the list never came to the numbers")
		}
	}
	h.press(path, "stop", http.StatusSeeOther, nil)
	if err := busy.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	wants(t, <-copied, http.StatusConflict, "no list", "!+13125550100")
	if n := scan[int](h, `SELECT count(*) FROM export`); n != 0 || h.state(path) != "stopped" {
		t.Errorf("%d copies are remembered, the announcement is %s", n, h.state(path))
	}
}

func TestArchive(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 500, 2000)
	if err := h.room.Demo(t.Context(), web.FS); err != nil {
		t.Fatal(err)
	}
	if err := h.room.Demo(t.Context(), web.FS); err != nil { // again
		t.Fatal(err)
	}
	h.Pages.Invalidate()
	wants(t, h.Get("/newsletter/issues"), 200, "The part that nobody counted", "!second reader")
	wants(t, h.Get("/newsletter/issues/2026-09-the-part-that-nobody-counted"), 200, "four hundred spare pumps", "8 September 2026")
	wants(t, h.Get("/newsletter/issues/nothing"), 404)
	var feed struct {
		Entries []struct {
			Title string `xml:"title"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal(h.Get("/newsletter.atom").Body.Bytes(), &feed); err != nil || len(feed.Entries) != 1 {
		t.Errorf("feed: %v %v", feed, err)
	}
	docs, err := h.room.Documents(t.Context())
	if err != nil || len(docs) != 1 {
		t.Errorf("documents: %v %v", docs, err)
	}
	wants(t, h.staff("GET", "/staff/announce", nil), 200, "The part that nobody counted", "When the price list has a second reader")
	for _, role := range []account.Role{account.Reviewer, account.Recruiter, account.Alliance, account.Privacy, account.Admin} {
		h.cookie = h.as(role)
		wants(t, h.staff("GET", "/staff/announce", nil), 403)
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	q := mailtest.New(t, mailtest.Config(t, nil, "", announce.Templates(nil, "https://www.example.com")...))
	var list []mailtest.Example
	for _, name := range []string{"newsletter", "product-news", "promotion", "survey-invitation", "announcement-test"} {
		list = append(list, mailtest.Example{Name: name, Template: name, Data: announce.Sample(name == "newsletter")})
	}
	mailtest.Golden(t, q, list...)
}
