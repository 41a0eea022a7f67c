package staff_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/submission"
)

// listed is who stands in the queue of an address, in order.
func listed(t *testing.T, h *house, m member, path string) []string {
	t.Helper()
	var who []string
	m.get(t, h, path).Find(".queue .who").Each(func(_ int, s *goquery.Selection) { who = append(who, s.Text()) })
	return who
}

func named(name, company string) func(*submission.Entry) {
	return func(e *submission.Entry) { e.Name, e.Company = name, company }
}

func TestQueueViewsAndFilters(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.Advance(-7 * day) // a Monday
	h.sent(t, "alliance", "old@example.com", named("Old", ""))
	h.Advance(day)
	h.sent(t, "career", "cv@example.com", named("Candidate", ""))
	held := h.sent(t, "contact", "held@example.com", named("Held", ""), func(e *submission.Entry) { e.Quarantine = true })
	h.Advance(6 * day)
	h.sent(t, "contact", "new@example.com", named("Newcomer", "Orbit GmbH"))
	read := h.sent(t, "demo", "seen@example.com", named("Seen", ""))
	me, recruiter := h.as(t, account.Reviewer), h.as(t, account.Recruiter)
	me.get(t, h, path(read))
	me.post(t, h, path(read)+"/assign", url.Values{"to": {me.ID.String()}})
	if err := h.Store.Index(context.Background()); err != nil {
		t.Fatal(err)
	}
	reference := h.record(t, read).Reference
	for query, want := range map[string][]string{
		"":                               {"Seen", "Newcomer, Orbit GmbH", "Old"},
		"?view=unread":                   {"Newcomer, Orbit GmbH", "Old"},
		"?view=mine":                     {"Seen"},
		"?view=unassigned":               {"Newcomer, Orbit GmbH", "Old"},
		"?view=late":                     {"Old"},
		"?view=quarantine":               {"Held"},
		"?kind=alliance":                 {"Old"},
		"?kind=career":                   nil,
		"?status=closed":                 nil,
		"?owner=" + me.ID.String():       {"Seen"},
		"?owner=none&kind=contact":       {"Newcomer, Orbit GmbH"},
		"?from=2026-11-20":               {"Seen", "Newcomer, Orbit GmbH"},
		"?to=2026-11-16":                 {"Old"},
		"?from=nonsense&after=x&kind=":   {"Seen", "Newcomer, Orbit GmbH", "Old"},
		"?q=orbit":                       {"Newcomer, Orbit GmbH"},
		"?q=" + reference:                {"Seen"},
		"?q=candidate":                   nil,
		"?q=" + url.QueryEscape(`%_'"\`): nil,
	} {
		if diff := cmp.Diff(listed(t, h, me, "/staff/submissions"+query), want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", query, diff)
		}
	}
	if diff := cmp.Diff(listed(t, h, recruiter, "/staff/submissions?q=old"), []string(nil)); diff != "" {
		t.Errorf("the recruiter finds an alliance: %s", diff)
	}
	d := me.get(t, h, "/staff/submissions?view=late")
	has(t, d, ".views", "Unread 2 Mine 1 Unassigned 2 Waiting over 2 working days 1 Quarantine 1")
	has(t, d, ".staff-nav", "Inbox 2")
	has(t, d, ".queue .late", "16 Nov")
	me.post(t, h, path(held)+"/restore", nil)
	if got := listed(t, h, me, "/staff/submissions?view=quarantine"); len(got) != 0 {
		t.Errorf("still in quarantine: %v", got)
	}
}

// TestLateStaysLate looks for a request that was noted and given to somebody, but never answered.
func TestLateStaysLate(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "old@example.com", named("Old", ""))
	h.sent(t, "contact", "any@example.com", named("No promise", "")) // its status names no days
	worker := h.as(t, account.Alliance)
	worker.post(t, h, path(id)+"/note", url.Values{"text": {"To be answered."}})
	worker.post(t, h, path(id)+"/assign", url.Values{"to": {worker.ID.String()}})
	h.Advance(7 * day) // that session is over
	me := h.as(t, account.Reviewer)
	const late = "/staff/submissions?view=late"
	if diff := cmp.Diff(listed(t, h, me, late), []string{"Old"}); diff != "" {
		t.Errorf("late (-got +want):\n%s", diff)
	}
	if n := me.get(t, h, "/staff/submissions").Find(".queue .late").Length(); n != 1 {
		t.Errorf("%d rows are marked as late", n)
	}
	me.post(t, h, path(id)+"/quarantine", nil)
	if n := me.get(t, h, "/staff/submissions?view=quarantine").Find(".queue .late").Length(); n != 0 || len(listed(t, h, me, late)) > 0 {
		t.Error("what is in quarantine waits for an answer")
	}
}

func TestQueuePagesKeepTheFilter(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range submission.PageSize + 7 {
		h.sent(t, "contact", uuid.NewString()+"@example.com")
	}
	h.sent(t, "demo", "demo@example.com")
	me := h.as(t, account.Reviewer)
	first := me.get(t, h, "/staff/submissions?kind=contact")
	has(t, first, ".head", "57")
	if n := first.Find(".queue li").Length(); n != submission.PageSize {
		t.Errorf("%d rows on the first page", n)
	}
	older := first.Find("a.older").AttrOr("href", "")
	second := me.get(t, h, older)
	if n := second.Find(".queue li").Length(); n != 7 {
		t.Errorf("%d rows on the second page", n)
	}
	row := second.Find(".queue a").First().AttrOr("href", "")
	if !strings.Contains(row, "kind=contact") || !strings.Contains(row, "after=") {
		t.Errorf("the link of a row forgets the filter: %s", row)
	}
	rec := me.get(t, h, row)
	if n := rec.Find(".pane-list .queue li").Length(); n != 7 {
		t.Errorf("%d rows beside the record", n)
	}
	if n := rec.Find(".pane-list .queue li.current").Length(); n != 1 {
		t.Errorf("%d current rows", n)
	}
	back := me.get(t, h, second.Find("a.newer").AttrOr("href", ""))
	if n := back.Find(".queue li").Length(); n != submission.PageSize {
		t.Errorf("%d rows back on the first page", n)
	}
}

func TestBulk(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Reviewer)
	contact, demo, all := h.sent(t, "contact", "a@example.com"), h.sent(t, "demo", "b@example.com"), h.sent(t, "alliance", "c@example.com")
	career := h.sent(t, "career", "d@example.com")
	ids := []string{contact.String(), demo.String(), all.String()}
	do := func(what string, more ...string) string {
		values := url.Values{"id": ids, "do": {what}}
		for i := 0; i+1 < len(more); i += 2 {
			values.Set(more[i], more[i+1])
		}
		return me.post(t, h, "/staff/submissions?view=unread&kind=", values)
	}
	to := do("assign", "to", me.ID.String())
	if to != "/staff/submissions?done=assigned&left=0&n=3&view=unread" {
		t.Errorf("led to %s", to)
	}
	has(t, me.get(t, h, to), ".notice.good", "3 submissions assigned.")
	has(t, me.get(t, h, do("close")), ".notice.good", "1 submission closed. 2 were left as they are")
	for id, want := range map[uuid.UUID]string{contact: "closed", demo: "new", all: "new"} {
		if r := h.record(t, id); r.Status != want || r.AssigneeID.UUID != me.ID {
			t.Errorf("%s: %s, owner %s", r.Kind, r.Status, r.AssigneeID.UUID)
		}
	}
	has(t, me.get(t, h, "/staff/submissions"), ".bulk", "Close is for what was answered (Question)")
	demos := h.as(t, account.Marketer).get(t, h, "/staff/submissions")
	has(t, demos, ".bulk", "Nothing in your inbox is closed here")
	if n := demos.Find(`.bulk [value="close"]`).Length(); n != 0 {
		t.Error("a kind without a plain closing offers one")
	}
	do("quarantine")
	if r := h.record(t, all); r.Quarantined == nil {
		t.Error("not in quarantine")
	}
	do("restore")
	if r := h.record(t, all); r.Quarantined != nil {
		t.Error("still in quarantine")
	}
	for name, c := range map[string]struct {
		ids  []string
		do   string
		want int
	}{
		"nothing ticked":           {nil, "close", http.StatusSeeOther},
		"no act":                   {ids, "", http.StatusUnprocessableEntity},
		"one not to be seen":       {[]string{contact.String(), career.String()}, "quarantine", http.StatusNotFound},
		"not an id":                {[]string{"x"}, "close", http.StatusNotFound},
		"more than a page":         {make([]string, 51), "close", http.StatusUnprocessableEntity},
		"to one who may not do it": {[]string{contact.String()}, "assign", http.StatusUnprocessableEntity},
	} {
		w := me.do(h, http.MethodPost, "/staff/submissions", url.Values{
			"id": c.ids, "do": {c.do}, "to": {h.as(t, account.Recruiter).ID.String()},
		})
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
	}
	if r := h.record(t, contact); r.Quarantined != nil {
		t.Error("a list with one that may not be seen was half carried out")
	}
	// Somebody may be given one of two records only: neither is given.
	colleague := h.as(t, account.Alliance)
	one, other := h.sent(t, "alliance", "e@example.com"), h.sent(t, "contact", "f@example.com")
	w := me.do(h, http.MethodPost, "/staff/submissions", url.Values{
		"id": {one.String(), other.String()}, "do": {"assign"}, "to": {colleague.ID.String()},
	})
	if r := h.record(t, one); w.Code != http.StatusUnprocessableEntity || r.AssigneeID.Valid {
		t.Errorf("half a list was given away: %d, owner %v", w.Code, r.AssigneeID)
	}
}

// An address that is searched for stands in no link and no redirect.
// An address is stored with its domain in ASCII, and found as people write it.
func TestSearchFindsADomainInLetters(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Reviewer)
	h.sent(t, "contact", "ada@xn--bcher-kva.example")
	for _, q := range []string{"ada@xn--bcher-kva.example", "ada@bücher.example", "Ada@Bücher.example"} {
		d := me.get(t, h, me.post(t, h, "/staff/search", url.Values{"q": {q}}))
		has(t, d, ".head", "1 found")
	}
}

func TestSearchedAddressStandsInNoLink(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Reviewer)
	id := h.sent(t, "contact", "ada@example.com")
	h.sent(t, "contact", "bob@example.com")
	for _, to := range []string{
		me.post(t, h, "/staff/search", url.Values{"q": {"ada@example.com"}, "kind": {"contact"}}),
		me.do(h, http.MethodGet, "/staff/submissions?q=ada%40example.com&kind=contact", nil).Header().Get("Location"),
		me.do(h, http.MethodGet, "/staff/search?q=ada%40example.com", nil).Header().Get("Location"),
	} {
		at, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		body, err := base64.RawURLEncoding.DecodeString(at.Query().Get("s"))
		if err != nil || len(body) == 0 || strings.Contains(to, "ada") || strings.Contains(string(body), "ada") {
			t.Fatalf("led to %s", to)
		}
		d := me.get(t, h, to)
		has(t, d, ".head", "1 found")
		if got := d.Find("#q-q").AttrOr("value", ""); got != "ada@example.com" {
			t.Errorf("the box holds %q", got)
		}
		rec := me.get(t, h, d.Find(".queue a").First().AttrOr("href", ""))
		for _, page := range []*goquery.Document{d, rec} {
			page.Find("[href], [action]").Each(func(_ int, s *goquery.Selection) {
				if link := s.AttrOr("href", "") + s.AttrOr("action", ""); strings.Contains(link, "ada") {
					t.Errorf("a link tells the address: %s", link)
				}
			})
		}
		if after := me.post(t, h, path(id)+"/note?"+at.RawQuery, url.Values{"text": {"A note"}}); !strings.Contains(after, "s=") || strings.Contains(after, "ada") {
			t.Errorf("a note led to %s", after)
		}
	}
	for _, forged := range []string{"x", "AQ", base64.RawURLEncoding.EncodeToString([]byte("search"))} {
		has(t, me.get(t, h, "/staff/submissions?s="+forged), ".head", "2")
	}
	if to := me.post(t, h, "/staff/search", url.Values{"q": {"pumps"}}); to != "/staff/submissions?q=pumps" {
		t.Errorf("words led to %s", to)
	}
}

func TestEmptyQueueSaysWhatToDo(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Reviewer)
	for query, want := range map[string]string{
		"": "When somebody sends a form", "?view=mine": "Nothing is assigned to you", "?view=late": "Nobody has waited",
		"?q=zebra": "Nothing found", "?view=mine&kind=contact": "No request has all that the filters ask for.", "?view=unread": "Everything has been read", "?view=quarantine": "No sending looked doubtful",
	} {
		has(t, me.get(t, h, "/staff/submissions"+query), ".empty", want)
	}
}

const minute = time.Minute

// TestNothingIsAskedFor looks for answers that staff need do nothing about, and for the message that makes them a task.
func TestNothingIsAskedFor(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "survey", "ada@example.com", named("Thanked", ""))
	closed := h.sent(t, "contact", "bob@example.com", named("Closed", ""))
	h.sent(t, "contact", "eve@example.com", named("Open", ""))
	me := h.as(t, account.Reviewer)
	me.post(t, h, path(closed)+"/move", url.Values{"from": {"new"}, "to": {"closed"}})
	me.get(t, h, path(closed))
	look := func(view string, want ...string) *goquery.Document {
		t.Helper()
		if diff := cmp.Diff(listed(t, h, me, "/staff/submissions?view="+view), want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", view, diff)
		}
		return me.get(t, h, "/staff/submissions?view="+view)
	}
	look("unread", "Open")
	d := look("unassigned", "Open")
	has(t, d, ".views", "Unread 1 Mine Unassigned 1")
	has(t, d, ".staff-nav", "Inbox 1")
	if n := look("", "Open", "Closed", "Thanked").Find(".queue .tag.new").Length(); n != 1 {
		t.Errorf("%d records have the shape of something to be done", n)
	}
	h.Post(h.Desk.ReceiptPath(id)+"/message", url.Values{"message": {"One more thing."}})
	look("unread", "Open", "Thanked")
}

// TestNothingIsDue: whose kinds have no day due finds an empty list by that day, not a fault.
func TestNothingIsDue(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.sent(t, "career", "ada@example.com")
	has(t, h.as(t, account.Recruiter).get(t, h, "/staff/submissions?view=due"), ".empty", "Nothing")
}
