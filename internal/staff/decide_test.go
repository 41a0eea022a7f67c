package staff_test

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/submission"
)

func TestDecisionWithLetter(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	h.Mails(t)
	me := h.as(t, account.Alliance)
	d := me.get(t, h, path(id)+"?kind=alliance")
	action := d.Find(`form[action*="/move"]`).First().AttrOr("action", "")
	if action != path(id)+"/move?kind=alliance" {
		t.Errorf("the form goes to %s", action)
	}
	values := url.Values{"from": {"new"}, "to": {"declined"}, "subject": {"Your application"}, "text": {""}, "again": {"2020-01-01"}}
	w := me.do(h, http.MethodPost, action, values)
	d = document(t, w)
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("an empty letter: %d", w.Code)
	}
	has(t, d, ".errors", "3 things to put right Choose the reason. Write the letter. Enter a day to come")
	d.Find(".errors a").Each(func(_ int, a *goquery.Selection) {
		if href := a.AttrOr("href", ""); d.Find(href).Length() != 1 {
			t.Errorf("%s leads to %d elements", href, d.Find(href).Length())
		}
	})
	values.Set("text", "Thank you.\n\nThere are enough partners in Ohio.")
	values.Set("again", "2027-05-01")
	values.Set("reason", "region")
	values.Set("key", uuid.NewString())
	to := me.post(t, h, action, values)
	if to != path(id)+"?done=moved&kind=alliance" {
		t.Errorf("led to %s", to)
	}
	d = me.get(t, h, to)
	has(t, d, ".undo", "A letter leaves in 60 seconds. Undo")
	undo := url.Values{"message": {values.Get("key")}}
	has(t, d, ".thread", "There are enough partners in Ohio. You are welcome to apply again from 1 May 2027.")
	has(t, d, ".timeline", "New → Declined, reason: enough partners in the region, may apply again from 1 May 2027 Alliance manager, alliance")
	r := h.record(t, id)
	if r.Status != "declined" || r.DecidedAt == nil || r.PurgeAfter.Format(time.DateOnly) != "2027-05-23" {
		t.Errorf("%s, decided %v, deleted after %v", r.Status, r.DecidedAt, r.PurgeAfter)
	}
	if again := me.post(t, h, action, values); again != to {
		t.Errorf("pressed twice: %s", again)
	}
	if mails := h.Mails(t); len(mails) != 0 {
		t.Errorf("%d mails within the minute", len(mails))
	}
	h.Advance(61 * time.Second)
	mails := strings.Join(h.Mails(t), "")
	if n := strings.Count(mails, "There are enough partners in Ohio."); n != 2 { // text and HTML
		t.Errorf("the letter's words came %d times:\n%s", n, mails)
	}
	has(t, me.get(t, h, me.post(t, h, path(id)+"/undo", undo)), ".notice.good", "Too late")
}

// TestRefusedLetterIsKept writes to somebody while the record is restricted, set apart, or the role taken away: nothing is
// mailed, and the page that says why has what was written.
func TestRefusedLetterIsKept(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	h.Mails(t)
	me := h.as(t, account.Alliance)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := h.Pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name       string
		begin, end func()
		status     int
	}{
		{
			"restricted", func() {
				exec(`INSERT INTO restriction (id, person_id, submission_id, ground, placed_at) SELECT $1, person_id, id, 'wish', now()
					FROM submission WHERE id = $1`, id)
			},
			func() { exec(`UPDATE restriction SET lifted_at = now()`) }, http.StatusConflict,
		},
		{
			"set apart", func() { exec(`UPDATE submission SET quarantined_at = $1`, h.Now()) },
			func() { exec(`UPDATE submission SET quarantined_at = NULL`) }, http.StatusConflict,
		},
		{
			"another role", func() { exec(`UPDATE account_role SET role = 'recruiter' WHERE account_id = $1`, me.ID) },
			func() {}, http.StatusNotFound,
		},
	} {
		tt.begin()
		w := me.do(h, http.MethodPost, path(id)+"/reply", url.Values{
			"subject": {"Your application"}, "text": {"Two pages of well-chosen words."}, "key": {uuid.NewString()},
		})
		d := document(t, w)
		if w.Code != tt.status {
			t.Errorf("%s: %d", tt.name, w.Code)
		}
		has(t, d, "main", "Two pages of well-chosen words.")
		has(t, d, "main", "This was not sent")
		tt.end()
	}
	h.Advance(2 * time.Minute)
	if mails := h.Mails(t); len(mails) != 0 {
		t.Errorf("%d mails", len(mails))
	}
}

// TestRefusalEndsAsTheLawWants sees that a letter gives the reason chosen and what the step ends with, whatever staff write.
func TestRefusalEndsAsTheLawWants(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "privacy", "ada@example.com")
	me := h.as(t, account.Privacy)
	me.post(t, h, path(id)+"/move", url.Values{
		"from": {"new"}, "to": {"declined"}, "reason": {"law"}, "subject": {"No"}, "text": {"We can’t."}, "key": {uuid.NewString()},
	})
	h.Advance(2 * time.Minute)
	mails := strings.Join(h.Mails(t), "")
	for _, want := range []string{"The reason: The law makes us keep it.", "You may complain"} {
		if !strings.Contains(mails, want) {
			t.Errorf("the letter lacks %q:\n%s", want, mails)
		}
	}
}

func TestUndo(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	h.Mails(t)
	me := h.as(t, account.Alliance)
	me.post(t, h, path(id)+"/move", url.Values{"from": {"new"}, "to": {"approved"}, "subject": {"Welcome"}, "text": {"Come in."}})
	h.Advance(30 * time.Second)
	d := me.get(t, h, path(id))
	has(t, d, ".undo", "leaves in 30 seconds")
	h.Post(h.Desk.ReceiptPath(id)+"/code", nil) // its mail is not the letter that the page offers to take back
	d = me.undo(t, h, id)
	has(t, d, ".notice.good", "Taken back")
	if form := d.Find("#move-approved-text"); form.Text() != "Come in." || d.Find("#move-approved-subject").AttrOr("value", "") != "Welcome" {
		t.Errorf("the words are not shown again: %q", form.Text())
	}
	has(t, d, ".timeline", "Taken back before it left")
	if r := h.record(t, id); r.Status != "new" || r.DecidedAt != nil {
		t.Errorf("%s, decided %v", r.Status, r.DecidedAt)
	}
	h.Advance(day)
	h.oneMail(t, "code")
}

// TestUndoAfterTheStatusMovedOn takes a letter back whose step was overtaken: by the sender, who wrote again.
func TestUndoAfterTheStatusMovedOn(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "privacy", "ada@example.com")
	h.Mails(t)
	me, key := h.as(t, account.Privacy), uuid.NewString()
	if err := h.Store.Move(t.Context(), id, submission.Change{From: []string{"new"}, To: "extended", By: submission.System}); err != nil {
		t.Fatal(err)
	}
	me.post(t, h, path(id)+"/move", url.Values{
		"from": {"extended"}, "to": {activity.Answered}, "subject": {"Answer"}, "text": {"Here it is."}, "key": {key},
	})
	reopened := submission.Change{From: []string{activity.Answered}, To: "new", By: submission.Sender, Reopens: true}
	if err := h.Store.Move(t.Context(), id, reopened); err != nil {
		t.Fatal(err)
	}
	me.get(t, h, me.post(t, h, path(id)+"/reply", url.Values{"subject": {"More"}, "text": {"And this."}}))
	for range 2 {
		d := me.get(t, h, me.post(t, h, path(id)+"/undo", url.Values{"message": {key}}))
		has(t, d, ".notice.good", "The status has changed since it was written, and stays as it is.")
		has(t, d, ".undo", "A letter leaves") // the other one
	}
	if r := h.record(t, id); r.Status != "new" {
		t.Errorf("the status is %s", r.Status)
	}
	h.Advance(2 * minute)
	h.oneMail(t, "And this.")
}

// TestDecisionTakenBack moves a record on from a decision whose letter still waits: the letter goes with the decision.
func TestDecisionTakenBack(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	h.Mails(t)
	me := h.as(t, account.Alliance)
	step := func(from, to string, more url.Values) {
		t.Helper()
		v := url.Values{"from": {from}, "to": {to}}
		maps.Copy(v, more)
		if w := me.post(t, h, path(id)+"/move", v); w == "" {
			t.Fatalf("%s to %s: refused", from, to)
		}
	}
	step("new", "declined", url.Values{"subject": {"Sorry"}, "text": {"Not this time."}, "reason": {"fit"}})
	step("declined", "new", nil)
	d := me.get(t, h, path(id))
	if d.Find(".undo").Length() != 0 {
		t.Error("a letter is still offered to be taken back")
	}
	has(t, d, ".timeline", "Taken back before it left")
	h.Advance(2 * minute)
	if mails := h.Mails(t); len(mails) != 0 {
		t.Errorf("the letter left: %s", mails)
	}
	if got := h.record(t, id).Status; got != "new" {
		t.Errorf("the status is %s", got)
	}
}

// TestDecisionIsToldByItsLetter: as long as a letter can be taken back, its sender reads of no decision.
func TestDecisionIsToldByItsLetter(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	h.Mails(t)
	receipt := func(status, deleted string) {
		t.Helper()
		w := h.Get(h.Desk.ReceiptPath(id))
		for _, want := range []string{status, "<dt>Deleted after</dt><dd>" + deleted} {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("the receipt does not say %q", want)
			}
		}
	}
	day := func(months int) string { return h.Now().AddDate(0, months, 0).Format("2 January 2006") }
	receipt(">Received<", day(12))
	h.as(t, account.Alliance).post(t, h, path(id)+"/move", url.Values{
		"from": {"new"}, "to": {"declined"}, "subject": {"Sorry"}, "text": {"Not this time."}, "reason": {"fit"},
	})
	receipt(">Received<", day(12))
	h.Advance(2 * minute)
	h.oneMail(t, "Not this time.")
	receipt("Declined", day(6))
}

// TestWithdrawnBeforeTheLetterLeft: who withdraws while a decision can still be taken back never hears of it.
func TestWithdrawnBeforeTheLetterLeft(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	h.Mails(t)
	h.as(t, account.Alliance).post(t, h, path(id)+"/move", url.Values{
		"from": {"new"}, "to": {"declined"}, "subject": {"Sorry"}, "text": {"Not this time."}, "reason": {"fit"},
	})
	if w := h.Post(h.Desk.ReceiptPath(id)+"/withdraw", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("withdraw: %d", w.Code)
	}
	h.Advance(2 * minute)
	if mails := strings.Join(h.Mails(t), ""); strings.Contains(mails, "Not this time.") {
		t.Error("the letter left")
	}
	if got := h.record(t, id).Status; got != activity.Withdrawn {
		t.Errorf("the status is %s", got)
	}
}

// TestWithdrawnInTheMomentOfTheDecision withdraws what was still undecided when the sender's button was pressed.
func TestWithdrawnInTheMomentOfTheDecision(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	h.Mails(t)
	undecided := h.record(t, id)
	h.as(t, account.Alliance).post(t, h, path(id)+"/move", url.Values{
		"from": {"new"}, "to": {"declined"}, "subject": {"Sorry"}, "text": {"Not this time."}, "reason": {"fit"},
	})
	problem, err := h.Desk.Withdraw(t.Context(), undecided)
	if got := h.record(t, id).Status; problem != "" || err != nil || got != "withdrawn" {
		t.Errorf("%q, %v: the status is %s", problem, err, got)
	}
}

// TestNothingToUndoInQuarantine sees that a letter which waits there is not said to leave.
func TestNothingToUndoInQuarantine(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	h.Mails(t)
	me, key := h.as(t, account.Alliance), uuid.NewString()
	me.post(t, h, path(id)+"/move", url.Values{
		"from": {"new"}, "to": {"approved"}, "subject": {"Welcome"}, "text": {"Come in."}, "key": {key},
	})
	if n := h.as(t, account.Privacy).get(t, h, path(id)).Find(".undo").Length(); n != 0 {
		t.Error("who may only look is offered to take it back")
	}
	me.post(t, h, path(id)+"/quarantine", nil)
	for range 2 { // within the minute, and later
		if me.get(t, h, path(id)).Find(".undo").Length() != 0 {
			t.Error("a letter is said to leave")
		}
		if w := me.do(h, http.MethodPost, path(id)+"/undo", url.Values{"message": {key}}); w.Code != http.StatusConflict {
			t.Errorf("undo: %d", w.Code)
		}
		h.Advance(2 * minute)
		if mails := h.Mails(t); len(mails) != 0 {
			t.Errorf("%d mails left", len(mails))
		}
	}
	if r := h.record(t, id); r.Status != "approved" {
		t.Errorf("the status is %s", r.Status)
	}
	me.post(t, h, path(id)+"/restore", nil)
	if mails := h.Mails(t); len(mails) != 1 {
		t.Errorf("%d mails after it was restored", len(mails))
	}
}

// TestPageBroughtBack sends forms once more that the browser's Back brings back with their words: after Undo, and with other
// words after the letter left.
func TestPageBroughtBack(t *testing.T) {
	t.Parallel()
	h := open(t)
	id, asked := h.sent(t, "alliance", "ada@example.com"), h.sent(t, "contact", "bob@example.com")
	h.Mails(t)
	officer, me := h.as(t, account.Alliance), h.as(t, account.Reviewer)
	undo := func(m member, record uuid.UUID) {
		t.Helper()
		has(t, m.undo(t, h, record), ".notice.good", "Taken back")
	}
	decline := url.Values{
		"from": {"new"}, "to": {"declined"}, "reason": {"fit"}, "subject": {"No"}, "text": {"Sorry, a tpyo."}, "key": {uuid.NewString()},
	}
	reply := url.Values{"subject": {"Yes"}, "text": {"Come in."}, "key": {uuid.NewString()}}
	for _, text := range []string{"Sorry, a tpyo.", "Sorry, a typo.", "Sorry, a typo."} {
		decline.Set("text", text)
		for range 2 {
			officer.post(t, h, path(id)+"/move", decline)
			me.post(t, h, path(asked)+"/reply", reply)
		}
		if r := h.record(t, id); r.Status != "declined" {
			t.Errorf("the status is %s", r.Status)
		}
		undo(officer, id)
		undo(me, asked)
	}
	officer.post(t, h, path(id)+"/move", decline)
	me.post(t, h, path(asked)+"/reply", reply)
	h.Advance(2 * minute)
	if mails := h.Mails(t); len(mails) != 2 {
		t.Fatalf("%d letters, want two", len(mails))
	}

	decline.Set("text", "Sorry, and more.")
	w := officer.do(h, http.MethodPost, path(id)+"/move", decline)
	d := document(t, w)
	if w.Code != http.StatusConflict {
		t.Errorf("another letter with the step: %d", w.Code)
	}
	has(t, d, "details[open] #reply-text", "Sorry, and more.")
	reply.Set("text", "Come in, please.")
	me.post(t, h, path(asked)+"/reply", reply)
	me.post(t, h, path(asked)+"/reply", reply)
	h.Advance(2 * minute)
	h.oneMail(t, "Come in, please.")
}

// A page that is brought back after its letter left and a colleague moved on offers nothing that would send it again.
func TestPageBroughtBackAfterTheNextStep(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	one, two := h.as(t, account.Alliance), h.as(t, account.Reviewer)
	ask := url.Values{"from": {"new"}, "to": {activity.Asked}, "text": {"Which pumps?"}, "key": {uuid.NewString()}}
	one.post(t, h, path(id)+"/move", ask)
	two.post(t, h, path(id)+"/move", url.Values{
		"from": {activity.Asked}, "to": {"approved"}, "subject": {"Yes"}, "text": {"Come in."}, "key": {uuid.NewString()},
	})
	one.post(t, h, path(id)+"/move", ask)
	if r := h.record(t, id); r.Status != "approved" {
		t.Errorf("the status is %s", r.Status)
	}
}

func TestGapInLetterIsNotSent(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	me := h.as(t, account.Alliance)
	w := me.do(h, http.MethodPost, path(id)+"/move", url.Values{
		"from": {"new"}, "to": {"approved"}, "subject": {"Welcome"}, "text": {"We are glad.\n\nWhat convinced us: …"},
	})
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a letter with a gap: %d", w.Code)
	}
	has(t, document(t, w), ".errors", "still has a “…”")
}

func TestTwoDecideAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	one, two := h.as(t, account.Alliance), h.as(t, account.Reviewer)
	one.post(t, h, path(id)+"/move", url.Values{"from": {"new"}, "to": {activity.Asked}, "text": {"Which pumps?"}, "key": {uuid.NewString()}})
	w := two.do(h, http.MethodPost, path(id)+"/move", url.Values{
		"from": {"new"}, "to": {"declined"}, "subject": {"No"}, "text": {"My careful letter."}, "reason": {"fit"}, "key": {uuid.NewString()},
	})
	d := document(t, w)
	if w.Code != http.StatusConflict {
		t.Fatalf("the second one: %d", w.Code)
	}
	has(t, d, ".notice.warn", "Meanwhile Alliance manager, alliance changed this to “Asked for more”.")
	has(t, d, "details[open] #move-declined-text", "My careful letter.")
	if r := h.record(t, id); r.Status != activity.Asked {
		t.Errorf("the status is %s", r.Status)
	}
	two.post(t, h, path(id)+"/move", url.Values{"from": {activity.Asked}, "to": {"approved"}, "subject": {"Yes"}, "text": {"Come in."}})
	w = one.do(h, http.MethodPost, path(id)+"/move", url.Values{
		"from": {activity.Asked}, "to": {"declined"}, "subject": {"No"}, "text": {"Another letter."}, "reason": {"fit"},
	})
	d = document(t, w)
	if w.Code != http.StatusConflict {
		t.Fatalf("after the end: %d", w.Code)
	}
	has(t, d, "details[open] #reply-text", "Another letter.")
	if w := one.do(h, http.MethodPost, path(id)+"/move", url.Values{"from": {"approved"}, "to": {"declined"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a step that there is not: %d", w.Code)
	}
}

// TestManyDecideAtOnce lets ten colleagues decide in the same moment: one decides, one letter leaves.
func TestManyDecideAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	h.Mails(t)
	me := h.as(t, account.Alliance)
	codes := make([]int, 10)
	var all sync.WaitGroup
	for i := range codes {
		all.Go(func() {
			codes[i] = me.do(h, http.MethodPost, path(id)+"/move", url.Values{
				"from": {"new"}, "to": {"approved"}, "subject": {"Yes"}, "text": {"Come in."}, "key": {uuid.NewString()},
			}).Code
		})
	}
	all.Wait()
	got := map[int]int{}
	for _, c := range codes {
		got[c]++
	}
	if diff := cmp.Diff(got, map[int]int{http.StatusSeeOther: 1, http.StatusConflict: 9}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	h.Advance(2 * minute)
	if mails := h.Mails(t); len(mails) != 1 {
		t.Errorf("%d letters", len(mails))
	}
}

var editLink = regexp.MustCompile(`http://example\.test(/r/[\w-]+/edit/[\w=-]+)`)

func TestAskForMore(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	h.Mails(t)
	me := h.as(t, account.Alliance)
	me.post(t, h, path(id)+"/move", url.Values{"from": {"new"}, "to": {activity.Asked}, "text": {"Which pumps do you mean?"}})
	h.Advance(2 * minute)
	mail := strings.ReplaceAll(strings.Join(h.Mails(t), ""), "=\r\n", "")
	link := editLink.FindStringSubmatch(strings.ReplaceAll(mail, "=3D", "="))
	if link == nil || !strings.Contains(mail, "Which pumps do you mean?") {
		t.Fatalf("no question, or no way back into the form:\n%s", mail)
	}
	h.Advance(13 * day)
	w := h.Get(link[1])
	if w.Code != http.StatusOK {
		t.Fatalf("the mailed link: %d", w.Code)
	}
	values := activitytest.Hidden(w.Body.String())
	values.Set("name", "Ada Lovelace")
	values.Set("why", "The pumps of Ohio, version two.")
	w = h.Post(link[1], values)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("the new version: %d", w.Code)
	}
	if page := h.Get(w.Header().Get("Location")).Body.String(); !strings.Contains(page, "Your new answers have arrived.") {
		t.Error("the receipt does not thank for the new answers")
	}
	delete(h.staff, account.Alliance) // the session has ended long ago
	d := h.as(t, account.Alliance).get(t, h, path(id))
	has(t, d, ".record-head", "New")
	has(t, d, ".answers", "The pumps of Ohio, version two. Changed")
	if n := d.Find(".answers .tag").Length(); n != 1 {
		t.Errorf("%d answers are marked as changed, want that of the newest version alone", n)
	}
	has(t, d, "details.act", "Version 1, 23 November 2026")
	has(t, d, ".timeline", "Sent a new version of the answers the sender")
	h.Advance(2 * day)
	if w := h.Get(link[1]); w.Code == http.StatusOK {
		t.Error("the link outlived its 14 days")
	}
}

// TestLinkOfAQuestionThatWaited sees that a link is good for its 14 days although the mail waited for longer in quarantine.
func TestLinkOfAQuestionThatWaited(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	h.Mails(t)
	me := h.as(t, account.Alliance)
	me.post(t, h, path(id)+"/move", url.Values{"from": {"new"}, "to": {activity.Asked}, "text": {"Which pumps do you mean?"}})
	me.post(t, h, path(id)+"/quarantine", nil)
	h.Advance(20 * day)
	if mails := h.Mails(t); len(mails) != 0 {
		t.Fatalf("%d mails left", len(mails))
	}
	delete(h.staff, account.Alliance) // the session has ended long ago
	h.as(t, account.Alliance).post(t, h, path(id)+"/restore", nil)
	link := editLink.FindStringSubmatch(strings.NewReplacer("=\r\n", "", "=3D", "=").Replace(strings.Join(h.Mails(t), "")))
	if link == nil {
		t.Fatal("no question was mailed")
	}
	h.Advance(13 * day)
	if w := h.Get(link[1]); w.Code != http.StatusOK {
		t.Errorf("the mailed link: %d", w.Code)
	}
	h.Advance(2 * day)
	if w := h.Get(link[1]); w.Code == http.StatusOK {
		t.Error("the link outlived its 14 days")
	}
}

func TestReplyNoteAndAssign(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "contact", "ada@example.com")
	h.Mails(t)
	me := h.as(t, account.Reviewer)
	key := uuid.NewString()
	values := url.Values{"subject": {"Your question\r\nBcc: x@example.com"}, "text": {"Yes.\n\nNo.\n"}, "key": {key}}
	me.post(t, h, path(id)+"/reply?view=mine", values)
	me.post(t, h, path(id)+"/reply?view=mine", values)
	me.post(t, h, path(id)+"/note", url.Values{"text": {"Called <b>twice</b>."}})
	me.post(t, h, path(id)+"/assign", url.Values{"to": {me.ID.String()}})
	d := me.get(t, h, path(id))
	has(t, d, ".thread li.ours", "Yes. No.")
	has(t, d, ".thread li.note", "Called <b>twice</b>.")
	has(t, d, ".record-side", "Owner Reviewer")
	has(t, d, ".timeline", "Assigned to Reviewer")
	h.Advance(2 * minute)
	mails := h.Mails(t)
	if len(mails) != 1 || strings.Contains(mails[0], "\nBcc:") {
		t.Errorf("%d mails:\n%s", len(mails), strings.Join(mails, "\n"))
	}
	for name, c := range map[string]struct {
		path string
		form url.Values
		want string
	}{
		"an empty reply":   {"/reply", url.Values{"subject": {""}, "text": {" \n"}}, "Enter a subject. Write the letter."},
		"too long a reply": {"/reply", url.Values{"subject": {"x"}, "text": {strings.Repeat("ä", 10_003)}}, "Shorten the letter to 10000 characters or fewer: 3 too many."},
		"too long a line":  {"/reply", url.Values{"subject": {strings.Repeat("x", 151)}, "text": {"x"}}, "Shorten the subject to 150 characters or fewer: 1 too many."},
		"an empty note":    {"/note", url.Values{"text": {"\u200b"}}, "Write the note."},
		"too long a note":  {"/note", url.Values{"text": {strings.Repeat("x", 4001)}}, "Shorten the note to 4000 characters or fewer: 1 too many."},
	} {
		w := me.do(h, http.MethodPost, path(id)+c.path, c.form)
		d := document(t, w)
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, w.Code)
		}
		has(t, d, ".errors", c.want)
		has(t, d, "title", "Error: ")
		if text := c.form.Get("text"); strings.TrimSpace(text) != "" && !strings.Contains(d.Find("details[open] textarea").Text(), strings.Trim(text, "\u200b")) {
			t.Errorf("%s: what was typed is lost", name)
		}
	}
	if w := me.do(h, http.MethodPost, path(id)+"/reply", url.Values{"text": {strings.Repeat("x", 2<<20)}}); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("two megabytes: %d", w.Code)
	}
}

// TestTwoClicks presses every button of a record twice: both clicks lead to the same page, and it is done once.
func TestTwoClicks(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "contact", "ada@example.com")
	application := h.sent(t, "alliance", "bob@example.com")
	h.Mails(t)
	me, officer := h.as(t, account.Reviewer), h.as(t, account.Alliance)
	key := uuid.NewString()
	officer.post(t, h, path(application)+"/move", url.Values{
		"from": {"new"}, "to": {"approved"}, "subject": {"Welcome"}, "text": {"We are glad."}, "key": {key},
	})
	for _, tt := range []struct {
		who    member
		at     string
		values url.Values
		word   string
	}{
		{officer, path(application) + "/undo", url.Values{"message": {key}}, "undone"},
		{me, path(id) + "/note", url.Values{"text": {"Called back."}}, "noted"},
		{me, path(id) + "/assign", url.Values{"to": {me.ID.String()}}, "owner"},
		{me, path(id) + "/quarantine", nil, "held"},
		{me, path(id) + "/restore", nil, "back"},
		{me, path(id) + "/move", url.Values{"from": {"new"}, "to": {"closed"}}, "moved"},
		{h.as(t, account.Admin), "/staff/team", url.Values{
			"email": {"new@staff.example.com"}, "name": {"New One"}, "role": {"recruiter"},
		}, "invited"},
		{h.as(t, account.Admin), "/staff/team", url.Values{"email": {"nameless@staff.example.com"}, "role": {"recruiter"}}, "invited"},
	} {
		for range 2 {
			if to := tt.who.post(t, h, tt.at, tt.values); !strings.HasSuffix(to, "?done="+tt.word) {
				t.Errorf("%s leads to %s", tt.at, to)
			}
		}
	}
	events, err := h.Store.Events(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	if diff := cmp.Diff(kinds, []string{"noted", "assigned", "quarantined", "restored", "moved"}); diff != "" {
		t.Errorf("events (-got +want):\n%s", diff)
	}
	if w := me.do(h, http.MethodPost, path(id)+"/move", url.Values{"from": {"new"}, "to": {"closed"}, "reason": {"other"}}); w.Code != http.StatusConflict {
		t.Errorf("another step: %d", w.Code)
	}
}

func TestStepsNamedByTheirRooms(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	for _, c := range []submission.Change{
		{From: []string{"new"}, To: activity.Withdrawn, Kind: "seat"},
		{From: []string{activity.Withdrawn}, To: activity.Withdrawn, Kind: "renewed_early"},
	} {
		c.By, c.Decides, c.PurgeAfter = submission.System, true, h.Now().Add(day)
		if err := pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error { return h.Store.MoveTx(t.Context(), tx, id, c) }); err != nil {
			t.Fatal(err)
		}
	}
	d := h.as(t, account.Alliance).get(t, h, path(id))
	has(t, d, ".timeline", "New → Withdrawn by itself")
	has(t, d, ".timeline", "Renewed early by itself")
}
