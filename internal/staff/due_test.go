package staff_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/submission"
)

// extend takes more time for a request, and returns the answer to it.
func (m member) extend(h *house, id uuid.UUID) int {
	return m.do(h, http.MethodPost, path(id)+"/move", url.Values{
		"from": {"new"}, "to": {"extended"}, "subject": {"More time"}, "text": {"It is hard."}, "key": {uuid.NewString()},
	}).Code
}

// TestMoreTimeOnce counts from the day of the asking: taking more time late gains nothing.
func TestMoreTimeOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	late, early := h.sent(t, "privacy", "late@example.com"), h.sent(t, "privacy", "early@example.com")
	came := h.Now()
	h.Advance(27 * day)
	me := h.as(t, account.Privacy)
	if code := me.extend(h, early); code != http.StatusSeeOther {
		t.Fatalf("on the 28th day: %d", code)
	}
	status, _ := rights().Status("extended")
	want := came.AddDate(0, 3, 0).In(h.Now().Location()).Format("2 January 2006")
	if got := status.DueBy(h.record(t, early)); got != want {
		t.Errorf("it is due on %s, want %s", got, want)
	}
	has(t, me.get(t, h, path(early)), ".record-side", want)

	// Answered, asked again, and open once more: a new month, but no more time than was taken already.
	h.Advance(2 * time.Hour)
	me.post(t, h, path(early)+"/move", url.Values{"from": {"extended"}, "to": {activity.Answered}, "subject": {"Answer"}, "text": {"Here."}, "key": {uuid.NewString()}})
	again := submission.Change{From: []string{activity.Answered}, To: "new", By: submission.Sender, Reopens: true}
	if err := h.Store.Move(t.Context(), early, again); err != nil {
		t.Fatal(err)
	}
	if rec := h.record(t, early); !rec.AskedAt.Equal(h.Now()) {
		t.Errorf("the month of what came back begins at %v", rec.AskedAt)
	}
	if code := me.extend(h, early); code != http.StatusConflict {
		t.Errorf("a second time: %d", code)
	}

	h.Advance(5 * day) // the month of the other is over
	me = h.again(t, account.Privacy)
	if code := me.extend(h, late); code != http.StatusConflict {
		t.Errorf("after a month: %d", code)
	}
	if h.record(t, late).Status != "new" {
		t.Error("it was extended all the same")
	}
	hasNot(t, me.get(t, h, path(late)), "#r-acts ~ details", "Take more time")
}

func TestMoreTimeAfterUndo(t *testing.T) {
	t.Parallel()
	h := open(t)
	id, me := h.sent(t, "privacy", "undo@example.com"), h.as(t, account.Privacy)
	key := uuid.NewString()
	me.post(t, h, path(id)+"/move", url.Values{"from": {"new"}, "to": {"extended"}, "subject": {"More time"}, "text": {"Hard."}, "key": {key}})
	me.post(t, h, path(id)+"/undo", url.Values{"message": {key}})
	if code := me.extend(h, id); code != http.StatusSeeOther {
		t.Errorf("after a step taken back: %d", code)
	}
}

// TestQueueByDayDue wants what the law dates in the order of those days, whenever it came.
func TestQueueByDayDue(t *testing.T) {
	t.Parallel()
	h := open(t)
	first := h.sent(t, "privacy", "first@example.com", named("First, with more time", ""))
	h.sent(t, "privacy", "second@example.com", named("Second", ""))
	if code := h.as(t, account.Privacy).extend(h, first); code != http.StatusSeeOther {
		t.Fatal(code)
	}
	h.Advance(10 * day)
	h.sent(t, "privacy", "third@example.com", named("Third", ""))
	h.sent(t, "contact", "other@example.com", named("Undated", ""))
	me := h.again(t, account.Privacy)
	const due = "/staff/submissions?view=due"
	if diff := cmp.Diff(listed(t, h, me, due), []string{"Second", "Third", "First, with more time"}); diff != "" {
		t.Errorf("by the day due (-got +want):\n%s", diff)
	}
	status, _ := rights().Status("extended")
	has(t, me.get(t, h, due), ".queue li:last-child", "Due "+status.DueBy(h.record(t, first)))
	if n := me.get(t, h, due).Find(".queue .late").Length(); n != 0 {
		t.Errorf("%d are late within their month", n)
	}

	h.Advance(85 * day) // past three months of the first
	me = h.again(t, account.Privacy)
	if diff := cmp.Diff(listed(t, h, me, "/staff/submissions?view=late"), []string{"Third", "Second", "First, with more time"}); diff != "" {
		t.Errorf("late (-got +want):\n%s", diff)
	}
	has(t, me.get(t, h, due), ".queue li:last-child .late", "Was due")
}

func TestQueueByDayDuePages(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range submission.PageSize + 3 {
		h.sent(t, "privacy", uuid.NewString()+"@example.com")
	}
	me := h.as(t, account.Privacy)
	first := me.get(t, h, "/staff/submissions?view=due")
	second := me.get(t, h, first.Find("a.older").AttrOr("href", ""))
	if n := second.Find(".queue li").Length(); n != 3 {
		t.Errorf("%d rows on the second page", n)
	}
	back := me.get(t, h, second.Find("a.newer").AttrOr("href", ""))
	if got, want := text(back, ".queue"), text(first, ".queue"); got != want {
		t.Errorf("back on the first page:\n%s\nwant\n%s", got, want)
	}
}
