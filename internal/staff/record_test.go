package staff_test

import (
	"context"
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

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/submission"
)

func TestRecordShowsWhatWasSent(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com", h.withFile(t), func(e *submission.Entry) {
		e.Values["consent_newsletter"] = []string{"yes"}
	})
	me := h.as(t, account.Reviewer)
	d := me.get(t, h, path(id))
	has(t, d, ".record-head", "Ada Lovelace, Northline Bearings")
	has(t, d, ".answers", "What brings you here? Pumps in Ohio")
	has(t, d, ".record-side", "ada@example.com Not confirmed")
	has(t, d, ".record-side", "1 November 2026")
	has(t, d, ".record-side", "cv.txt, 19 bytes")
	has(t, d, ".record-side", "Not scanned for viruses")
	has(t, d, ".record-side", "“Mail me the newsletter, about once a month.” Counts once the address is confirmed")
	has(t, d, ".record", "Panel of the alliance")
	has(t, d, "#note-hint", "The person can ask to see this.")
	has(t, d, ".timeline", "Opened the record Reviewer, reviewer")
	if err := h.Desk.People.Confirm(context.Background(), h.record(t, id).PersonID.UUID); err != nil {
		t.Fatal(err)
	}
	d = me.get(t, h, path(id))
	has(t, d, ".record-side", "In force")
	hasNot(t, d, ".record-side", "Not confirmed")
	career := h.sent(t, "career", "cv@example.com")
	has(t, h.as(t, account.Recruiter).get(t, h, path(career)), "#note-hint", "The candidate can ask to see this.")
	privacy := h.as(t, account.Privacy).get(t, h, path(id))
	if n := privacy.Find(".act form, .record-side form[action*=assign]").Length(); n != 0 {
		t.Errorf("one who may only look is offered %d forms", n)
	}
}

func TestOpeningIsLogged(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com", h.withFile(t))
	me := h.as(t, account.Reviewer)
	if h.record(t, id).ReadAt != nil {
		t.Error("read before anybody read it")
	}
	me.get(t, h, path(id))
	me.get(t, h, path(id))
	files, err := h.Files.Of(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	w := me.do(h, http.MethodPost, path(id)+"/file/"+files[0].ID.String(), nil)
	if w.Code != http.StatusOK || w.Body.String() != "Ten years of pumps." || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("file: %d %q %v", w.Code, w.Body, w.Header())
	}
	count := func(object uuid.UUID) (n int) {
		events, err := audit.Of(context.Background(), h.Pool, object)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Action == "read" && e.ActorID.UUID == me.ID && e.Role == "reviewer" {
				n++
			}
		}
		return n
	}
	if got := count(id); got != 2 {
		t.Errorf("%d readings of the record, want 2", got)
	}
	if got := count(files[0].ID); got != 1 {
		t.Errorf("%d readings of the file, want 1", got)
	}
	if h.record(t, id).ReadAt == nil {
		t.Error("still unread")
	}
	unread := h.sent(t, "alliance", "bob@example.com")
	if w := me.do(h, http.MethodPost, path(unread)+"/note", url.Values{"text": {""}}); w.Code != http.StatusUnprocessableEntity {
		t.Fatalf("an empty note: %d", w.Code)
	}
	if got := count(unread); got != 1 {
		t.Errorf("%d readings by way of a form that was shown again, want 1", got)
	}
	has(t, me.get(t, h, path(id)), ".timeline", "Opened a file")
	other := h.sent(t, "alliance", "eve@example.com")
	if w := me.do(h, http.MethodPost, path(other)+"/file/"+files[0].ID.String(), nil); w.Code != http.StatusNotFound {
		t.Errorf("a file by another record's address: %d", w.Code)
	}
}

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
	has(t, d, ".errors", "3 things to put right Write the letter. Choose the reason. Enter a day to come")
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
	has(t, d, ".thread", "There are enough partners in Ohio. You are welcome to apply again from 1 May 2027.")
	has(t, d, ".timeline", "New → Declined, reason: enough partners in the region, may apply again from 2027-05-01 Alliance manager, alliance")
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
	has(t, me.get(t, h, me.post(t, h, path(id)+"/undo", nil)), ".notice.good", "Too late")
}

func TestUndo(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	h.Mails(t)
	me := h.as(t, account.Alliance)
	me.post(t, h, path(id)+"/move", url.Values{"from": {"new"}, "to": {"approved"}, "subject": {"Welcome"}, "text": {"Come in."}})
	h.Advance(30 * time.Second)
	has(t, me.get(t, h, path(id)), ".undo", "leaves in 30 seconds")
	d := me.get(t, h, me.post(t, h, path(id)+"/undo", nil))
	has(t, d, ".notice.good", "Taken back")
	has(t, d, ".timeline", "Taken back before it left")
	if r := h.record(t, id); r.Status != "new" || r.DecidedAt != nil {
		t.Errorf("%s, decided %v", r.Status, r.DecidedAt)
	}
	h.Advance(day)
	if mails := h.Mails(t); len(mails) != 0 {
		t.Errorf("%d mails after Undo", len(mails))
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
	if w := h.Post(link[1], values); w.Code != http.StatusSeeOther {
		t.Fatalf("the new version: %d", w.Code)
	}
	delete(h.staff, account.Alliance) // the session has ended long ago
	d := h.as(t, account.Alliance).get(t, h, path(id))
	has(t, d, ".record-head", "New")
	has(t, d, ".answers", "The pumps of Ohio, version two.")
	has(t, d, "details.act", "Version 1, 23 November 2026")
	has(t, d, ".timeline", "Sent a new version of the answers the sender")
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
		"too long a reply": {"/reply", url.Values{"subject": {"x"}, "text": {strings.Repeat("ä", 10_003)}}, "The letter is 3 characters too long."},
		"too long a line":  {"/reply", url.Values{"subject": {strings.Repeat("x", 151)}, "text": {"x"}}, "The subject is 1 characters too long."},
		"an empty note":    {"/note", url.Values{"text": {"\u200b"}}, "Write the note."},
		"too long a note":  {"/note", url.Values{"text": {strings.Repeat("x", 4001)}}, "The note is 1 characters too long."},
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

func TestQuarantineStopsLetters(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "alliance", "ada@example.com")
	me := h.as(t, account.Reviewer)
	me.post(t, h, path(id)+"/quarantine", nil)
	if mails := h.Mails(t); len(mails) != 0 {
		t.Errorf("%d mails about a record in quarantine", len(mails))
	}
	d := me.get(t, h, path(id))
	has(t, d, ".record-head", "Quarantined")
	if n := d.Find(`form[action*="/move"], form[action*="/reply"]`).Length(); n != 0 {
		t.Errorf("%d ways to write", n)
	}
	for _, act := range []string{"/move", "/reply"} {
		w := me.do(h, http.MethodPost, path(id)+act, url.Values{"from": {"new"}, "to": {"approved"}, "subject": {"s"}, "text": {"t"}})
		if w.Code != http.StatusConflict {
			t.Errorf("%s: %d", act, w.Code)
		}
	}
	me.post(t, h, path(id)+"/restore", nil)
	me.post(t, h, path(id)+"/restore", nil)
	if mails := h.Mails(t); len(mails) != 2 {
		t.Errorf("%d mails after restoring, want confirmation and notice", len(mails))
	}
}

func TestRecordOfNobody(t *testing.T) {
	t.Parallel()
	h := open(t)
	f := fields("contact")
	f.Anonymous = true
	statement, err := h.Desk.Statements.InForce()
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := h.Store.Accept(context.Background(), submission.Entry{
		Form: f, Values: form.Values{"why": {"Because."}}, Seal: form.NewSeal(f, statement.ID, h.Now()), Status: "new", PurgeAfter: h.Now().Add(day),
	})
	if err != nil {
		t.Fatal(err)
	}
	id := accepted.ID
	if id == uuid.Nil {
		if err := h.Pool.QueryRow(context.Background(), `SELECT id FROM submission`).Scan(&id); err != nil {
			t.Fatal(err)
		}
	}
	me := h.as(t, account.Reviewer)
	d := me.get(t, h, path(id))
	has(t, d, "h1", "Anonymous answer")
	if n := d.Find(`form[action*="/reply"], form[action*="/misuse"], a[href^="/staff/people"]`).Length(); n != 0 {
		t.Errorf("%d ways to reach nobody", n)
	}
	for _, act := range []string{"/reply", "/misuse"} {
		if w := me.do(h, http.MethodPost, path(id)+act, url.Values{"kind": {"abuse"}, "evidence": {"x"}}); w.Code != http.StatusConflict {
			t.Errorf("%s: %d", act, w.Code)
		}
	}
	me.post(t, h, path(id)+"/move", url.Values{"from": {"new"}, "to": {"closed"}})
}

func TestUnknownRecords(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Reviewer)
	for _, at := range []string{"/staff/submissions/x", path(uuid.New()), "/staff/people/x", "/staff/people/" + uuid.NewString()} {
		if w := me.do(h, http.MethodGet, at, nil); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", at, w.Code)
		}
	}
	_, other := accounttest.Staff(t, h.accounts, h.Now(), account.Reviewer, account.Recruiter)
	id := h.sent(t, "career", "cv@example.com")
	if w := (member{cookie: other}).do(h, http.MethodGet, path(id), nil); w.Code != http.StatusOK {
		t.Errorf("one who has the role beside another: %d", w.Code)
	}
}
