package webinar_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/internal/webinar"
	"clickcommerce.com/site/web"
)

// house is a bench with the webinars in it.
type house struct {
	*activitytest.Bench
	t    *testing.T
	room *webinar.Room
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{t: t}
	h.Bench = activitytest.New(t, webinar.Templates(), func(b *activitytest.Bench) activity.Activities {
		h.room = webinar.New(b.Desk, publish.New(b.Desk), b.Content, web.FS)
		return activity.Activities{h.room.Activity()}
	})
	return h
}

// event is a published webinar ten days from the bench's start, with seats; then changes what is said.
type event struct {
	slug     string
	local    string // empty: 3 December 2026, 11:00
	zone     string
	capacity int
	reserved int
	place    string
	state    string
}

func (h *house) add(e event) uuid.UUID {
	h.t.Helper()
	id := uuid.Must(uuid.NewV7())
	if e.slug == "" {
		e.slug = "parts"
	}
	if e.local == "" {
		e.local = "2026-12-03 11:00"
	}
	if e.zone == "" {
		e.zone = "America/Chicago"
	}
	if e.state == "" {
		e.state = "published"
	}
	h.exec(`INSERT INTO webinar (id, slug, title, summary, body, speakers, starts_local, zone, minutes, capacity, reserved,
			place, join_url, state, publish_at)
		VALUES ($1, $2, $3, 'One part, planned slowly.', 'A *word*.', 'Planner', $4::text::timestamp, $5, 60, $6, $7, $8,
			'https://meet.example.com/secret', $9, $10)`,
		id, e.slug, "Planning "+e.slug, e.local, e.zone, e.capacity, e.reserved, e.place, e.state, h.Now())
	return id
}

func (h *house) exec(sql string, args ...any) {
	h.t.Helper()
	if _, err := h.Pool.Exec(context.Background(), sql, args...); err != nil {
		h.t.Fatal(err)
	}
}

// filled returns the form of a webinar, filled in for an address.
func (h *house) filled(slug, email string) url.Values {
	h.t.Helper()
	w := h.Get("/webinars/" + slug + "/register")
	if w.Code != http.StatusOK {
		h.t.Fatalf("GET register: %d %s", w.Code, w.Body)
	}
	values := activitytest.Hidden(w.Body.String())
	values.Set("name", "Ada Lovelace")
	values.Set("email", email)
	return values
}

// register sends it and returns the receipt's address.
func (h *house) register(slug, email string) string {
	h.t.Helper()
	w := h.Post("/webinars/"+slug+"/register", h.filled(slug, email))
	if w.Code != http.StatusSeeOther {
		h.t.Fatalf("register %s: %d %s", email, w.Code, problems(w))
	}
	h.Advance(time.Second)
	return w.Header().Get("Location")
}

func problems(w *httptest.ResponseRecorder) string {
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(doc.Find(".errors, .notice, h1").Text()), " ")
}

func (h *house) record(receipt string) submission.Record {
	h.t.Helper()
	id, err := h.Store.ByToken(strings.TrimPrefix(receipt, "/r/"))
	if err != nil {
		h.t.Fatal(err)
	}
	rec, err := h.Store.Get(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return rec
}

func (h *house) status(receipt string) string {
	h.t.Helper()
	return h.record(receipt).Status
}

func (h *house) post(path string, want int) *httptest.ResponseRecorder {
	h.t.Helper()
	w := h.Post(path, nil)
	if w.Code != want {
		h.t.Fatalf("POST %s: %d, want %d: %s", path, w.Code, want, problems(w))
	}
	return w
}

// confirm follows the link that was mailed with a registration.
func (h *house) confirm(receipt string) {
	h.t.Helper()
	path := h.Desk.ConfirmPath(h.record(receipt).ID)
	h.post(path, http.StatusSeeOther)
	if !strings.Contains(h.Get(path).Body.String(), "the address is confirmed") {
		h.t.Error("opened again, the link of the mail asks once more")
	}
	h.Advance(time.Second)
}

func (h *house) tend() {
	h.t.Helper()
	if err := h.room.Tend(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// letter is a mail as a person sees it.
type letter struct{ to, subject, method, ics, text string }

// letters returns what was mailed to people since the last call, without notices to inboxes.
func (h *house) letters() []letter {
	h.t.Helper()
	var list []letter
	for _, raw := range h.Mails(h.t) {
		l := parse(h.t, raw)
		if l.to != "events@example.com" {
			list = append(list, l)
		}
	}
	return list
}

func (h *house) letterTo(email string) letter {
	h.t.Helper()
	var found []letter
	for _, l := range h.letters() {
		if l.to == email {
			found = append(found, l)
		}
	}
	if len(found) != 1 {
		h.t.Fatalf("%d mails to %s, want one: %v", len(found), email, found)
	}
	return found[0]
}

// seats counts the registrations by status.
func (h *house) seats(id uuid.UUID) map[string]int {
	h.t.Helper()
	rows, err := h.Pool.Query(context.Background(), `SELECT status, count(*) FROM submission WHERE subject_id = $1 GROUP BY 1`, id)
	if err != nil {
		h.t.Fatal(err)
	}
	got := map[string]int{}
	for rows.Next() {
		var status string
		var n int
		if err := rows.Scan(&status, &n); err != nil {
			h.t.Fatal(err)
		}
		got[status] = n
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return got
}

func guest(n int) string { return fmt.Sprintf("guest%04d@example.com", n) }

func clone(v url.Values) url.Values {
	c := url.Values{}
	for name, list := range v {
		c[name] = list
	}
	return c
}
