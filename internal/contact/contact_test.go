package contact_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/contact"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/submission"
)

func bench(t *testing.T) *activitytest.Bench {
	return activitytest.New(t, nil, func(b *activitytest.Bench) activity.Activities {
		return activity.Activities{contact.New(b.Desk, b.Content)}
	})
}

func filled(t *testing.T, b *activitytest.Bench) url.Values {
	t.Helper()
	values := activitytest.Hidden(b.Get("/contact").Body.String())
	f, err := b.Desk.Activities()[0].Form(context.Background(), uuid.Nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range activitytest.Examples(f) {
		values[name] = list
	}
	return values
}

func sent(t *testing.T, b *activitytest.Bench, values url.Values) (string, uuid.UUID) {
	t.Helper()
	w := b.Post("/contact", values)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("POST /contact: %d\n%s", w.Code, w.Body)
	}
	address := w.Header().Get("Location")
	id, err := b.Store.ByToken(strings.TrimPrefix(address, "/r/"))
	if err != nil {
		t.Fatal(err)
	}
	return address, id
}

func TestPage(t *testing.T) {
	b := bench(t)
	w := b.Get("/contact")
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusOK || doc.Find("h1").Length() != 1 || !strings.Contains(doc.Find("main").Text(), "Chicago (headquarters)") {
		t.Errorf("GET: %d, %d headings", w.Code, doc.Find("h1").Length())
	}
	if n := doc.Find(".consents input[type=checkbox]").Length(); n != 2 {
		t.Errorf("%d consents are offered", n)
	}
	w = b.Post("/contact", activitytest.Hidden(b.Get("/contact").Body.String()))
	if doc, err = goquery.NewDocumentFromReader(w.Body); err != nil {
		t.Fatal(err)
	}
	var links []string
	doc.Find(".errors a").Each(func(_ int, a *goquery.Selection) { links = append(links, a.AttrOr("href", "")) })
	if diff := cmp.Diff(links, []string{"#f-topic-0", "#f-question", "#f-name", "#f-email"}); diff != "" || w.Code != http.StatusUnprocessableEntity {
		t.Errorf("empty form: %d, links (-got +want):\n%s", w.Code, diff)
	}
}

func TestPhoneNeverBlocks(t *testing.T) {
	b := bench(t)
	for _, phone := range []string{"", "ask my colleague", "0312 555", "+49 30 23125 114"} {
		values := filled(t, b)
		values.Set("phone", phone)
		values.Del("country")
		values.Set("question", "With the phone "+phone)
		sent(t, b, values)
	}
}

// TestReplyOpensAgain goes the way of a question: answered by a letter whose link leads to the receipt, where a reply
// makes it new again; once closed, a reply is kept and leaves it closed.
func TestReplyOpensAgain(t *testing.T) {
	ctx := context.Background()
	b := bench(t)
	receipt, id := sent(t, b, filled(t, b))
	if body := b.Get(receipt).Body.String(); !strings.Contains(body, "25 November 2026") { // two working days
		t.Error("the receipt does not say by when")
	}
	b.Mails(t)
	staff := submission.Actor{ID: uuid.New(), Role: "reviewer"}
	move := func(from, to string, letter *mail.Message) {
		t.Helper()
		if err := b.Store.Move(ctx, id, submission.Change{From: []string{from}, To: to, By: staff, Message: letter}); err != nil {
			t.Fatal(err)
		}
	}
	status := func() string {
		t.Helper()
		rec, err := b.Store.Get(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return rec.Status
	}
	reply := func(words string) {
		t.Helper()
		if w := b.Post(receipt+"/message", url.Values{"message": {words}}); w.Code != http.StatusSeeOther {
			t.Fatalf("reply: %d", w.Code)
		}
	}
	kept := func(want string) {
		t.Helper()
		rec, err := b.Store.Get(ctx, id)
		if err != nil || rec.PurgeAfter.Format(time.DateOnly) != want {
			t.Errorf("deleted after %s, want %s (%v)", rec.PurgeAfter.Format(time.DateOnly), want, err)
		}
	}
	kept("2028-05-23")
	b.Advance(24 * time.Hour)
	reply("I forgot: it is about our dealers.")
	kept("2028-05-24")
	b.Mails(t)
	move("new", activity.Answered, &mail.Message{
		Template: "letter", Data: mail.Letter{Subject: "Your question", Paragraphs: []string{"Yes."}, URL: receipt},
	})
	mails := b.Mails(t)
	if len(mails) != 1 || !regexp.MustCompile(`http://example\.test`+regexp.QuoteMeta(receipt)).MatchString(mails[0]) {
		t.Fatalf("the letter does not lead to the receipt: %q", mails)
	}
	reply("And what does it cost?")
	if got := status(); got != "new" {
		t.Errorf("after a reply: %s", got)
	}
	reply("And what does it cost?") // the button pressed twice
	if got := len(b.Mails(t)); got != 1 {
		t.Errorf("%d notices to the inbox, want one", got)
	}
	move("new", "closed", nil)
	reply("Thank you.")
	if got := status(); got != "closed" {
		t.Errorf("a reply to a closed question: %s", got)
	}
	replies, err := b.Desk.Replies(ctx, id)
	if err != nil || len(replies) != 3 {
		t.Errorf("%d replies, %v", len(replies), err)
	}
}

// What is in quarantine is not kept longer because its sender writes.
func TestReplyInQuarantine(t *testing.T) {
	b := bench(t)
	receipt, id := sent(t, b, filled(t, b))
	if err := b.Store.Quarantine(t.Context(), []uuid.UUID{id}, submission.System); err != nil {
		t.Fatal(err)
	}
	b.Advance(24 * time.Hour)
	if w := b.Post(receipt+"/message", url.Values{"message": {"Hello?"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("reply: %d", w.Code)
	}
	if rec, err := b.Store.Get(t.Context(), id); err != nil || rec.PurgeAfter.Format(time.DateOnly) != "2026-12-23" {
		t.Errorf("deleted after %v, %v", rec.PurgeAfter, err)
	}
}
