package webinar_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/submission"
)

// A thousand people press Register at once for ten seats.
func TestThousandForTenSeats(t *testing.T) {
	h := open(t)
	const people, capacity = 1000, 10
	id := h.add(event{capacity: capacity})
	form := h.filled("parts", "")
	var (
		wait  sync.WaitGroup
		start = make(chan struct{})
		codes = make([]int, people)
		took  = make([]time.Duration, people)
	)
	for i := range people {
		values := clone(form)
		values.Set("email", guest(i))
		wait.Go(func() {
			<-start
			from := time.Now()
			codes[i] = h.Post("/webinars/parts/register", values).Code
			// A slow machine asks some to send once more; what they sent may or may not have been stored.
			for codes[i] == http.StatusServiceUnavailable && time.Since(from) < 3*time.Minute {
				codes[i] = h.Post("/webinars/parts/register", values).Code
			}
			took[i] = time.Since(from)
		})
	}
	began := time.Now()
	close(start)
	wait.Wait()
	all := time.Since(began)
	for i, code := range codes {
		if code != http.StatusSeeOther {
			t.Fatalf("guest %d: %d", i, code)
		}
	}
	got := h.seats(id)
	if diff := cmp.Diff(got, map[string]int{"registered": capacity, "waitlisted": people - capacity}); diff != "" {
		t.Errorf("seats (-got +want):\n%s", diff)
	}
	var mails, behind int
	if err := h.Pool.QueryRow(context.Background(), `
		SELECT (SELECT count(*) FROM message WHERE template IN ('webinar-registered', 'webinar-waiting')),
			(SELECT count(*) FROM submission s WHERE s.status = 'waitlisted' AND s.subject_id = $1
				AND NOT EXISTS (SELECT FROM message m WHERE m.submission_id = s.id AND m.template = 'webinar-waiting'))`, id).
		Scan(&mails, &behind); err != nil || mails != people || behind != 0 {
		t.Errorf("%d answers were mailed, %d of those who wait have none: %v", mails, behind, err)
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	t.Logf("%d sign-ups for %d seats: %d registered, %d on the waiting list, in %.1f s (%.0f a second, slowest %.1f s)",
		people, capacity, got["registered"], got["waitlisted"], all.Seconds(), people/all.Seconds(), took[people-1].Seconds())
	h.lineMovesUpInOrder(id, 25)
}

// lineMovesUpInOrder frees seats one by one and wants each to go to who came first.
func (h *house) lineMovesUpInOrder(id uuid.UUID, n int) {
	h.t.Helper()
	ctx := context.Background()
	list := func(status string) []uuid.UUID {
		rows, err := h.Pool.Query(ctx, `SELECT id FROM submission WHERE subject_id = $1 AND status = $2 ORDER BY created_at, id`, id, status)
		if err != nil {
			h.t.Fatal(err)
		}
		defer rows.Close()
		var ids []uuid.UUID
		for rows.Next() {
			var one uuid.UUID
			if err := rows.Scan(&one); err != nil {
				h.t.Fatal(err)
			}
			ids = append(ids, one)
		}
		return ids
	}
	for range n {
		next := list("waitlisted")[0]
		h.post(h.Desk.ReceiptPath(list("registered")[0])+"/cancel", http.StatusSeeOther)
		if !slices.Contains(list("registered"), next) {
			h.t.Fatal("the seat did not go to the first in line")
		}
	}
}

// The same people press every button at once: nobody waits for nobody, and each seat has one owner.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	const people, capacity = 40, 5
	a, b := h.add(event{slug: "here", capacity: capacity}), h.add(event{slug: "there", capacity: capacity})
	var receipts []string
	for i := range people {
		receipts = append(receipts, h.register([]string{"here", "there"}[i%2], guest(i)))
	}
	form := h.filled("here", "")
	var wait sync.WaitGroup
	fails := make(chan string, 10*people)
	note := func(what string, code int) {
		if code >= http.StatusInternalServerError {
			fails <- fmt.Sprint(what, ": ", code)
		}
	}
	for i, receipt := range receipts {
		wait.Go(func() { note("cancel", h.Post(receipt+"/cancel", nil).Code) })
		wait.Go(func() { note("withdraw", h.Post(receipt+"/withdraw", nil).Code) })
		wait.Go(func() {
			to := clone(nil)
			to.Set("to", []string{"there", "here"}[i%2])
			note("switch", h.Post(receipt+"/switch", to).Code)
		})
		wait.Go(func() {
			values := clone(form)
			values.Set("email", guest(1000+i))
			note("register", h.Post("/webinars/here/register", values).Code)
		})
		wait.Go(func() {
			if err := h.room.Tend(context.Background()); err != nil {
				fails <- err.Error()
			}
		})
	}
	wait.Wait()
	close(fails)
	for fail := range fails {
		t.Error(fail)
	}
	h.tend()
	for _, id := range []uuid.UUID{a, b} {
		got := h.seats(id)
		if got["registered"] > capacity || (got["waitlisted"] > 0 && got["registered"] < capacity) {
			t.Errorf("seats: %v", got)
		}
	}
}

// model is what the seats must be, told by the rules alone.
type model struct {
	capacity int
	seated   []string
	waiting  []string
}

func (m *model) fill() {
	for len(m.seated) < m.capacity && len(m.waiting) > 0 {
		m.seated, m.waiting = append(m.seated, m.waiting[0]), m.waiting[1:]
	}
}

func (m *model) leave(who string) {
	is := func(x string) bool { return x == who }
	m.seated, m.waiting = slices.DeleteFunc(m.seated, is), slices.DeleteFunc(m.waiting, is)
	m.fill()
}

// Whatever order people register, cancel and withdraw in, and staff add seats, the seats are those of the model.
func TestSeatsFollowTheModel(t *testing.T) {
	t.Parallel()
	h := open(t)
	rapid.Check(t, func(rt *rapid.T) {
		slug := "m" + uuid.NewString()[:8]
		m := &model{capacity: rapid.IntRange(1, 4).Draw(rt, "capacity")}
		id := h.add(event{slug: slug, capacity: m.capacity})
		receipts := map[string]string{}
		for n := range rapid.IntRange(1, 10).Draw(rt, "steps") {
			someone := func() string {
				return rapid.SampledFrom(append(slices.Clone(m.seated), m.waiting...)).Draw(rt, "who")
			}
			step := rapid.SampledFrom([]string{"register", "register", "cancel", "withdraw", "more seats"}).Draw(rt, "step")
			switch {
			case step == "more seats":
				m.capacity++
				h.exec(`UPDATE webinar SET capacity = $2 WHERE id = $1`, id, m.capacity)
				h.tend()
				m.fill()
			case step == "register" || len(m.seated) == 0:
				who := fmt.Sprintf("%s-%d@example.com", slug, n)
				receipts[who] = h.register(slug, who)
				m.waiting = append(m.waiting, who)
				m.fill()
			default:
				who := someone()
				h.post(receipts[who]+"/"+step, http.StatusSeeOther)
				m.leave(who)
			}
			for who := range receipts {
				want := map[bool]string{true: "registered", false: "waitlisted"}[slices.Contains(m.seated, who)]
				if !slices.Contains(m.seated, who) && !slices.Contains(m.waiting, who) {
					continue
				}
				if got := h.status(receipts[who]); got != want {
					rt.Fatalf("after %s: %s is %s, want %s", step, who, got, want)
				}
			}
		}
	})
}

// Staff can't give a seat that there is not.
func TestStaffCannotOversell(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(event{capacity: 1})
	h.register("parts", guest(1))
	waits := h.register("parts", guest(2))
	err := h.Store.Move(context.Background(), h.record(waits).ID, submission.Change{
		From: []string{"waitlisted"}, To: "registered", By: submission.Actor{Role: "marketer"}, Moved: h.room.Activity().Moved,
	})
	if err == nil || h.status(waits) != "waitlisted" {
		t.Errorf("got %v, %s", err, h.status(waits))
	}
}

var hidden = activitytest.Hidden
