package staff_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/submission"
)

func wishes(what, name string) func(*submission.Entry) {
	return func(e *submission.Entry) { e.Values["why"], e.Name, e.Company = []string{what}, name, "" }
}

// TestSameWishTogether wants one line, by the day due, for what a person asks twice, and in each record the way to the other.
func TestSameWishTogether(t *testing.T) {
	t.Parallel()
	h := open(t)
	const due = "/staff/submissions?view=due"
	first := h.sent(t, "privacy", "ada@example.com", wishes("erase", "First"))
	h.Advance(time.Hour)
	again := h.sent(t, "privacy", "ada@example.com", wishes("erase", "Again"))
	other := h.sent(t, "privacy", "ada@example.com", wishes("see", "Other wish"))
	h.sent(t, "privacy", "bob@example.com", wishes("erase", "Other person"))
	me := h.as(t, account.Privacy)

	if diff := cmp.Diff(listed(t, h, me, due), []string{"First", "Other wish", "Other person"}); diff != "" {
		t.Errorf("by the day due (-got +want):\n%s", diff)
	}
	has(t, me.get(t, h, due), ".queue li:first-child", "asked once more")
	has(t, me.get(t, h, "/staff/submissions"), ".queue", "asked again, see "+h.record(t, first).Reference)
	for id, want := range map[string]string{path(first): h.record(t, again).Reference, path(again): h.record(t, first).Reference} {
		has(t, me.get(t, h, id), ".twins a", want)
	}
	if n := me.get(t, h, path(other)).Find(".twins").Length(); n != 0 {
		t.Error("another wish stands with them")
	}

	// Once the oldest is answered, the next one counts.
	if err := h.Store.Move(t.Context(), first, submission.Change{From: []string{"new"}, To: activity.Answered, By: submission.Sender}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(listed(t, h, me, due), []string{"Again", "Other wish", "Other person"}); diff != "" {
		t.Errorf("after the answer (-got +want):\n%s", diff)
	}
	hasNot(t, me.get(t, h, due), ".queue", "asked")
}
