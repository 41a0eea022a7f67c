package survey_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/submission"
)

// dated is a day of a look, in addresses and fields.
var dated = regexp.MustCompile(`\d{4}-\d\d-\d\d`)

// looks is all that anybody can read of an anonymous survey's answers, by address, to the byte.
func (h *house) looks() map[string]string {
	h.t.Helper()
	path := h.staffPath(anonymous)
	day := h.Now().Format(time.DateOnly)
	seen := map[string]string{}
	for _, at := range []string{
		path + "/results", path + "/results?from=" + day, path + "/results?to=" + day, path + "/results?from=" + day + "&to=" + day,
		"/staff/surveys/results", "/staff/surveys", path, path + "/questions", path + "/questions/trust", path + "/questions/found",
	} {
		w := h.as("Max", "GET", at, nil)
		want(h.t, w, http.StatusOK)
		seen[at] = w.Body.String()
	}
	seen["/surveys"] = h.Get("/surveys").Body.String()
	seen["results"] = http.StatusText(h.Get(anonymous + "/results").Code)
	list, err := h.Store.List(h.t.Context(), submission.Filter{Kinds: []string{"survey"}}) // what the CSV holds
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range list.Records {
		seen["list"] += r.Reference + "\n"
	}
	return seen
}

// One more answer, whatever it says, changes no byte of what anybody sees: not that day, nor the next, under no filter.
func TestOneAnswerIsNotToBeSeen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	say := func(words, trust string) func(int, url.Values) {
		return func(_ int, v url.Values) {
			v.Set("q_trust", trust)
			v.Set("q_change", words)
		}
	}
	h.accept(anonymous, 12, say("Words of many", "5"))
	h.accept(anonymous, 11, say("Words of others", "4"))
	h.Advance(24 * time.Hour)
	h.tidy()
	want(t, h.as("Max", "GET", h.staffPath(anonymous)+"/results", nil), http.StatusOK, "23 answers", "Words of many")
	before := h.looks()
	h.accept(anonymous, 1, say("Words of one", "1"))
	for _, when := range []string{"the same day", "the next day"} {
		h.tidy()
		after := h.looks()
		day := func(m map[string]string) map[string]string { // the addresses carry the day of the look
			list := map[string]string{}
			for at, body := range m {
				list[dated.ReplaceAllString(at, "DAY")] = dated.ReplaceAllString(body, "DAY")
			}
			return list
		}
		if diff := cmp.Diff(day(after), day(before)); diff != "" {
			t.Errorf("%s (-got +want):\n%s", when, diff)
		}
		h.Advance(24 * time.Hour)
	}
}

// Results with names that were published move by ten answers or not at all: whoever kept the page could compare it.
func TestPublishedResultsMoveByTens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := 0
	answer := func(many int) {
		h.accept(named, many, func(_ int, v url.Values) {
			v.Set("email", string(rune('a'+n%26))+string(rune('a'+n/26))+"@example.com")
			n++
		})
	}
	act := func(name string) {
		t.Helper()
		path := h.staffPath(named)
		v := activitytest.Hidden(h.as("Max", "GET", path, nil).Body.String())
		want(t, h.as("Max", "POST", path+"/"+name, url.Values{"version": {v.Get("version")}}), http.StatusSeeOther)
		h.Advance(time.Minute)
		h.Pages.Invalidate()
	}
	publish := func() string {
		t.Helper()
		act("close")
		act("publish-results")
		w := h.Get(named + "/results")
		want(t, w, http.StatusOK)
		act("reopen")
		return gist(w)
	}
	answer(12)
	first := publish()
	answer(1)
	if diff := cmp.Diff(publish(), first); diff != "" {
		t.Errorf("after one more answer (-got +want):\n%s", diff)
	}
	answer(9)
	if publish() == first {
		t.Error("after ten more answers the results have not moved")
	}
}
