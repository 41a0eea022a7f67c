package mail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/mail/mailtest"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

func TestSentMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var logged bytes.Buffer
	w.config.Log = slog.New(slog.NewTextHandler(&logged, nil))
	w.queue = mailtest.New(t, w.config)
	ada := w.person("ada@example.com")
	id := w.add(w.about(mail.Message{Person: valid(ada), Template: "code", Address: "ada@example.com", Data: mail.Code{
		Code: "402917", Reference: "AL-7K2M-94QX",
	}}))
	w.drain()
	if diff := cmp.Diff(w.state(id), row{State: "sent", Attempts: 1}); diff != "" {
		t.Errorf("row (-got +want):\n%s", diff)
	}
	if got := string(w.row(id).Data); got != "{}" {
		t.Errorf("the code stays in the database: %s", got)
	}
	mails := w.server.Mails()
	if len(mails) != 1 || mails[0].To != "ada@example.com" || mails[0].From != "post@mail.example.com" {
		t.Fatalf("got %+v", mails)
	}
	m := parse(t, mails[0].Raw)
	want := map[string]string{
		"From": `"Click Commerce" <post@mail.example.com>`, "To": "<ada@example.com>",
		"Message-ID": "<" + w.queue.MessageID(id) + ">", "Date": "Mon, 23 Nov 2026 15:00:00 +0000",
		"Auto-Submitted": "auto-generated", "Subject": "Your code for AL-7K2M-94QX",
		"User-Agent": "", "X-Mailer": "", "List-Unsubscribe": "", "List-Unsubscribe-Post": "",
	}
	for name, value := range want {
		if got := m.Header.Get(name); got != value {
			t.Errorf("%s: got %q, want %q", name, got, value)
		}
	}
	if !strings.Contains(mails[0].Raw, "402917") {
		t.Error("the mail lacks the code")
	}
	for _, secret := range []string{"ada@", "402917", "AL-7K2M"} {
		if strings.Contains(logged.String(), secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
	if !strings.Contains(logged.String(), id.String()) {
		t.Error("the log names no id")
	}
}

func TestConsentedMailCarriesItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	w.choose(ada, true)
	id := w.digest(ada, "ada@example.com")
	w.drain()
	mails := w.server.To("ada@example.com")
	if len(mails) != 1 {
		t.Fatalf("got %d mails", len(mails))
	}
	m := parse(t, mails[0].Raw)
	link := strings.Trim(m.Header.Get("List-Unsubscribe"), "<>")
	token, ok := strings.CutPrefix(link, "https://www.example.com/unsubscribe/")
	if !ok || m.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		t.Fatalf("headers: %q, %q", link, m.Header.Get("List-Unsubscribe-Post"))
	}
	_, drawn, err := w.queue.Show(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{drawn.Text, drawn.HTML} {
		for _, want := range []string{
			"You get this because on 23 November 2026 you ticked: “Send me the monthly newsletter by email.”",
			link, "Click Commerce, Inc.", "100 Example Plaza, Suite 1200",
		} {
			if !strings.Contains(part, want) {
				t.Errorf("the footer lacks %q", want)
			}
		}
	}
	w.clock.Pass(10 * 365 * 24 * time.Hour) // the token never expires
	got, err := w.queue.Unsubscribe(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	want := mail.Subscription{Message: id, Person: ada, Purpose: "newsletter", Channel: "email", Address: "ada@example.com"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("subscription (-got +want):\n%s", diff)
	}
	if _, err := w.queue.Unsubscribe(t.Context(), token[:len(token)-1]+"_"); !errors.Is(err, key.ErrForged) {
		t.Errorf("forged token: got %v", err)
	}
	if _, err := w.queue.Unsubscribe(t.Context(), w.config.Keys.Token("unsubscribe", uuid.New())); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("token of an erased message: got %v", err)
	}
}

func TestWithheld(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *world, ada uuid.UUID)
		reason string
	}{
		"consent withdrawn": {
			func(w *world, ada uuid.UUID) { w.choose(ada, false) }, "no consent in force for newsletter by email",
		},
		"address suppressed": {func(w *world, _ uuid.UUID) {
			w.exec(`INSERT INTO suppression (address_hmac, purpose, channel, reason, at)
				VALUES ($1, 'newsletter', 'email', 'by phone', now())`, []byte("ada@example.com"))
		}, "no consent in force for newsletter by email"},
		"person erased": {func(w *world, ada uuid.UUID) {
			w.exec(`UPDATE person SET email = NULL, erased_at = now() WHERE id = $1`, ada)
		}, "the person was erased"},
		"mail came back": {func(w *world, ada uuid.UUID) {
			w.exec(`UPDATE person SET bounced_at = now() WHERE id = $1`, ada)
		}, "mail to the address came back"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ada := w.person("ada@example.com")
			w.choose(ada, true)
			id := w.digest(ada, "ada@example.com")
			c.change(w, ada)
			w.drain()
			if diff := cmp.Diff(w.state(id), row{State: "withheld", Attempts: 1, Error: c.reason}); diff != "" {
				t.Errorf("row (-got +want):\n%s", diff)
			}
			if n := len(w.server.Mails()); n != 0 {
				t.Errorf("%d mails left", n)
			}
		})
	}
}

// TestRelayOfAnotherCompany holds that a mail leaves by it where the statement that its person read names a company for what
// is in the mail, and that what could reach them in no other way leaves always.
func TestRelayOfAnotherCompany(t *testing.T) {
	t.Parallel()
	const withheld, sent = "withheld no statement that its person read names a company that carries our mail", "sent"
	for named, want := range map[string]struct{ letter, digest, inbox string }{
		"":                     {withheld, withheld, withheld},
		"{name,message}":       {withheld, withheld, sent},
		"{email address}":      {sent, sent, withheld},
		"{name,email address}": {sent, sent, sent},
	} {
		t.Run(named, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.config.Relay = true
			w.config.Templates = append(w.config.Templates, mail.Template{Name: "new-address", Purpose: "notice", Data: newAddress{}})
			w.queue = mailtest.New(t, w.config)
			if named != "" {
				w.exec(`INSERT INTO statement_use (version, activity, purpose, data, recipient, retention, basis)
					VALUES ($1, 'contact', 'service', $2::text::text[], 'processor', 'a year', 'your request')`, statement, named)
			}
			if diff := cmp.Diff(w.mailOfAllKinds(), map[string]string{
				"letter": want.letter, "digest": want.digest, "inbox": want.inbox, "code": sent, "notice": sent, "choice": sent,
			}); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

type newAddress struct{ Until, URL string }

// mailOfAllKinds sends what there is to send to somebody and tells what became of it.
func (w *world) mailOfAllKinds() map[string]string {
	w.Helper()
	const to = "ada@example.com"
	ada := w.person(to)
	w.choose(ada, true)
	ids := map[string]uuid.UUID{
		"letter": w.letter(ada, to),
		"digest": w.digest(ada, to),
		"inbox": w.add(mail.Message{
			Submission: valid(w.submission(ada)), Template: "inbox", Address: "inbox@example.com", Data: mail.Inbox{Kind: "Question", URL: "/q"},
		}),
		"code":   w.add(w.about(mail.Message{Person: valid(ada), Template: "code", Address: to, Data: mail.Code{Code: "1"}})),
		"notice": w.add(mail.Message{Person: valid(ada), Template: "new-address", Address: to, Data: newAddress{URL: "/new"}}),
		"choice": w.add(mail.Message{
			Person: valid(ada), Template: "confirm", Address: to, Data: mail.Confirm{What: "news", Wording: "w", URL: "/news"},
		}),
	}
	w.drain()
	states := map[string]string{}
	for name, id := range ids {
		r := w.state(id)
		states[name] = strings.TrimSpace(r.State + " " + r.Error)
	}
	return states
}

func TestTemporaryFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	id := w.letter(ada, "ada@example.com")
	w.server.Answer(func(to string) error {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "not now, " + to}
	})
	const reason = "the mail server refused: 451 4.3.0"
	for i, wait := range []time.Duration{
		time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		w.drain()
		r := w.row(id)
		if r.State != "queued" || r.Attempts != i+1 || r.Error != reason || !r.NextAt.Equal(w.clock.Now().Add(wait)) {
			t.Fatalf("after attempt %d: %+v", i+1, r)
		}
		w.clock.Pass(wait - time.Second)
		w.drain()
		if got := w.row(id).Attempts; got != i+1 {
			t.Fatalf("attempt %d came early", got)
		}
		w.clock.Pass(time.Second)
	}
	w.drain()
	if diff := cmp.Diff(w.state(id), row{State: "failed", Attempts: 7, Error: reason}); diff != "" {
		t.Fatalf("row (-got +want):\n%s", diff)
	}
	w.server.Answer(nil)
	if err := w.queue.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := w.queue.Retry(t.Context(), id); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("retry of a queued message: got %v", err)
	}
	w.drain()
	if diff := cmp.Diff(w.state(id), row{State: "sent", Attempts: 1}); diff != "" {
		t.Errorf("row after retry (-got +want):\n%s", diff)
	}
}

func TestPermanentFailure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code     int
		enhanced smtp.EnhancedCode
		reason   string
		dead     bool
	}{
		"no such user":     {550, smtp.EnhancedCode{5, 1, 1}, "the mail server refused: 550 5.1.1", true},
		"no such domain":   {550, smtp.EnhancedCode{5, 1, 2}, "the mail server refused: 550 5.1.2", true},
		"sender unwelcome": {550, smtp.EnhancedCode{5, 1, 8}, "the mail server refused: 550 5.1.8", false},
		"policy":           {550, smtp.EnhancedCode{5, 7, 1}, "the mail server refused: 550 5.7.1", false},
		"too big":          {552, smtp.EnhancedCode{5, 3, 4}, "the mail server refused: 552 5.3.4", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ada, eve := w.person("ada@example.com"), w.person("eve@example.com")
			id, other := w.letter(ada, "ada@example.com"), w.letter(eve, "eve@example.com")
			w.server.Answer(func(to string) error {
				if to == "ada@example.com" {
					return &smtp.SMTPError{Code: c.code, EnhancedCode: c.enhanced, Message: "<" + to + "> no"}
				}
				return nil
			})
			w.drain()
			if diff := cmp.Diff(w.state(id), row{State: "failed", Attempts: 1, Error: c.reason, Bounced: true}); diff != "" {
				t.Errorf("row (-got +want):\n%s", diff)
			}
			if got := w.personBounced(ada); got != c.dead {
				t.Errorf("person bounced: %v", got)
			}
			if got := w.row(other).State; got != "sent" {
				t.Errorf("the next message is %s", got)
			}
		})
	}
}

// TestNoMailIsTaken has a relay that takes nothing from us any more, as once its limit of the day is reached: that says
// nothing about a mail, so none fails by it, and all leave once it does.
func TestNoMailIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var ids []uuid.UUID
	for _, address := range []string{"ada@example.com", "eve@example.com", "ida@example.com"} {
		ids = append(ids, w.letter(w.person(address), address))
	}
	w.server.Unwelcome(&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 4, 5}, Message: "daily limit"})
	if err := w.queue.Drain(t.Context()); err == nil {
		t.Error("nobody is told that no mail leaves")
	}
	var waits []string
	for _, id := range ids {
		r := w.row(id)
		if r.State != "queued" || r.Bounced {
			t.Errorf("a mail is %s", r.State)
		}
		waits = append(waits, r.Error)
	}
	slices.Sort(waits)
	if diff := cmp.Diff(waits, []string{"", "", "the mail server refused: 550 5.4.5"}); diff != "" {
		t.Errorf("tried (-got +want):\n%s", diff)
	}
	w.server.Unwelcome(nil)
	w.clock.Pass(time.Minute)
	w.drain()
	for _, id := range ids {
		if got := w.row(id).State; got != "sent" {
			t.Errorf("a mail is %s once mail is taken again", got)
		}
	}
}

// TestSentAgainToADeadAddress sends a mail with consent again to an address that counts as dead, because a relay was wrong
// once: it arrives, and one that comes back anew marks the address anew.
func TestSentAgainToADeadAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, eve := w.person("ada@example.com"), w.person("eve@example.com")
	w.choose(ada, true)
	w.exec(`UPDATE person SET bounced_at = now() WHERE id = $1`, eve)
	var answer error = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no"}
	w.server.Answer(func(string) error { return answer })
	id := w.digest(ada, "ada@example.com")
	w.drain()
	for _, want := range []row{
		{State: "failed", Attempts: 1, Error: "the mail server refused: 550 5.1.1", Bounced: true}, {State: "sent", Attempts: 1},
	} {
		if !w.personBounced(ada) {
			t.Error("the address does not count as dead")
		}
		if err := w.queue.Retry(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		w.drain()
		if diff := cmp.Diff(w.state(id), want); diff != "" {
			t.Errorf("sent again (-got +want):\n%s", diff)
		}
		answer = nil
	}
	if w.personBounced(ada) || !w.personBounced(eve) {
		t.Errorf("counted as dead: %v, and somebody else %v", w.personBounced(ada), w.personBounced(eve))
	}
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	first := w.letter(ada, "ada@example.com")
	w.clock.Pass(time.Second)
	second := w.letter(ada, "ada@example.com")
	w.config.SMTP = "smtp://127.0.0.1:1?starttls=off"
	gone := mailtest.New(t, w.config)
	if err := gone.Drain(t.Context()); err == nil || strings.Contains(err.Error(), "ada@") {
		t.Errorf("got %v", err)
	}
	if err := gone.Check(t.Context()); err == nil {
		t.Error("check finds no fault")
	}
	want := row{State: "queued", Attempts: 1, Error: "the mail server could not be reached: connect: connection refused"}
	if diff := cmp.Diff(w.state(first), want); diff != "" {
		t.Errorf("first (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(w.state(second), row{State: "queued"}); diff != "" {
		t.Errorf("second (-got +want):\n%s", diff)
	}
	if err := w.queue.Check(t.Context()); err != nil {
		t.Error(err)
	}
	w.clock.Pass(time.Minute)
	w.drain()
	if got := len(w.server.Mails()); got != 2 {
		t.Errorf("got %d mails", got)
	}
}

func TestParallelDrainersSendOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const people = 90
	for i := range people {
		address := fmt.Sprintf("p%d@example.com", i)
		w.letter(w.person(address), address)
	}
	var wg sync.WaitGroup
	failures := make(chan error, 6)
	for range 6 {
		q := mailtest.New(t, w.config)
		wg.Go(func() { failures <- q.Drain(t.Context()) })
	}
	wg.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			t.Error(err)
		}
	}
	times := map[string]int{}
	for _, m := range w.server.Mails() {
		times[m.To]++
	}
	if len(times) != people {
		t.Errorf("%d people got mail, want %d", len(times), people)
	}
	for to, n := range times {
		if n != 1 {
			t.Errorf("%s got %d mails", to, n)
		}
	}
}

// A drainer that dies after the server took the mail leaves a lease behind. When it ends, another sends again, and the
// two mails are known as one by their Message-ID. What the first one writes down late is void.
func TestLeaseOutlivesACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.letter(w.person("ada@example.com"), "ada@example.com")
	other := mailtest.New(t, w.config)
	w.server.Answer(func(string) error {
		w.server.Answer(nil)
		if err := other.Drain(t.Context()); err != nil { // the lease holds
			t.Error(err)
		}
		w.clock.Pass(5 * time.Minute)
		if err := other.Drain(t.Context()); err != nil { // the lease has ended
			t.Error(err)
		}
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "too late"}
	})
	w.drain()
	if diff := cmp.Diff(w.state(id), row{State: "sent", Attempts: 2}); diff != "" {
		t.Errorf("row (-got +want):\n%s", diff)
	}
	if got := len(w.server.Mails()); got != 1 {
		t.Errorf("got %d mails", got)
	}
	w.exec(`UPDATE message SET state = 'queued', sent_at = NULL, next_at = $2 WHERE id = $1`, id, w.clock.Now())
	w.drain()
	mails := w.server.Mails()
	if a, b := parse(t, mails[0].Raw), parse(t, mails[1].Raw); a.Header.Get("Message-ID") != b.Header.Get("Message-ID") {
		t.Error("a repeated mail has another Message-ID")
	}
}

func TestCutOffForEverIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.letter(w.person("ada@example.com"), "ada@example.com")
	w.exec(`UPDATE message SET attempts = 7 WHERE id = $1`, id)
	w.drain()
	want := row{State: "failed", Attempts: 8, Error: "given up: every attempt was cut off"}
	if diff := cmp.Diff(w.state(id), want); diff != "" {
		t.Errorf("row (-got +want):\n%s", diff)
	}
}

func TestStoppedDrainGivesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	var ids []uuid.UUID
	for range 3 {
		ids = append(ids, w.letter(ada, "ada@example.com"))
	}
	ctx, stop := context.WithCancel(t.Context())
	w.server.Answer(func(string) error { stop(); return nil })
	if err := w.queue.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	var sent, free int
	for _, id := range ids {
		switch r := w.row(id); {
		case r.State == "sent":
			sent++
		case r.State == "queued" && r.Attempts == 0 && !r.NextAt.After(w.clock.Now()):
			free++
		}
	}
	if sent != 1 || free != 2 {
		t.Errorf("%d sent, %d given back", sent, free)
	}
}

// That a mail was stopped is written down although we are told to end while we ask for it.
func TestStoppedDrainCancels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	letter := slices.IndexFunc(w.config.Templates, func(t mail.Template) bool { return t.Name == "letter" })
	w.config.Templates[letter].Stands = func(context.Context, any) error {
		stop()
		return mail.ErrStopped
	}
	id := w.letter(w.person("ada@example.com"), "ada@example.com")
	if err := mailtest.New(t, w.config).Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := w.row(id).State; got != "cancelled" {
		t.Errorf("a stopped message is %s", got)
	}
}

// What was tried, taken again and given back has not left: it can be cancelled like any other that waits.
func TestGivenBackCanBeCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	about := w.submission(ada)
	letter := func() uuid.UUID {
		w.clock.Pass(time.Second)
		return w.add(mail.Message{
			Person: valid(ada), Submission: valid(about), Basis: statement, Template: "letter", Address: "ada@example.com",
			Data: mail.Letter{Subject: "Words", Paragraphs: []string{"Hi."}},
		})
	}
	ids := []uuid.UUID{letter(), letter()}
	w.config.SMTP = "smtp://127.0.0.1:1?starttls=off"
	away := mailtest.New(t, w.config)
	for range 2 { // tries one, and then the other
		if err := away.Drain(t.Context()); err == nil {
			t.Fatal("the relay is there")
		}
	}
	w.clock.Pass(5 * time.Minute)
	if err := away.Drain(t.Context()); err == nil { // takes both, and gives one back
		t.Fatal("the relay is there")
	}
	if first, second := w.row(ids[0]).Attempts, w.row(ids[1]).Attempts; first+second != 3 {
		t.Fatalf("tried %d and %d times", first, second)
	}
	if err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		return w.queue.CancelAbout(t.Context(), tx, about)
	}); err != nil {
		t.Fatal(err)
	}
	w.clock.Pass(time.Hour)
	w.drain()
	for _, id := range ids {
		if got := w.row(id).State; got != "cancelled" {
			t.Errorf("a cancelled message is %s", got)
		}
	}
}

// A code that was sent is not kept: there is nothing to send again where its mail comes back.
func TestEmptiedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	id := w.add(w.about(mail.Message{
		Person: valid(ada), Template: "code", Address: "ada@example.com", Data: mail.Code{Code: "123456", Reference: "R"},
	}))
	w.drain()
	report := dsn("failed", "5.1.1", "ada@example.com", returned(w.queue.MessageID(id)))
	if err := w.queue.Bounce(t.Context(), strings.NewReader(report)); err != nil {
		t.Fatal(err)
	}
	if err := w.queue.Retry(t.Context(), id); !errors.Is(err, mail.ErrGone) {
		t.Errorf("got %v, want ErrGone", err)
	}
	if got := w.row(id).State; got != "failed" {
		t.Errorf("the message is %s", got)
	}
	failed, err := w.queue.Failed(t.Context(), mail.Cursor{}, 10)
	if err != nil || len(failed) != 1 || !failed[0].Emptied {
		t.Errorf("listed as %+v, %v", failed, err)
	}
}

// TestUndrawableFails sees that what can't be drawn fails, but where a newer program beside this one may be able to: that is
// put off.
func TestUndrawableFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	bad := w.add(w.about(mail.Message{Person: valid(ada), Template: "more", Address: "ada@example.com", Data: mail.More{
		What: "w", Question: "secret", URL: "https://evil.example/",
	}}))
	odd := w.letter(ada, "ada@example.com")
	w.exec(`UPDATE message SET data = '{"Subject": 7}' WHERE id = $1`, odd)
	old := w.letter(ada, "ada@example.com")
	w.config.Templates = w.config.Templates[:4]
	w.queue = mailtest.New(t, w.config)
	w.drain()
	const unknown = "this version knows no template letter"
	for id, want := range map[uuid.UUID]row{
		bad: {State: "failed", Attempts: 1, Error: "the text of template more can't be drawn from this data"},
		odd: {State: "queued", Attempts: 1, Error: unknown},
		old: {State: "queued", Attempts: 1, Error: unknown},
	} {
		if diff := cmp.Diff(w.state(id), want); diff != "" {
			t.Errorf("row (-got +want):\n%s", diff)
		}
	}
	w.config.Templates = mail.Core()
	w.queue = mailtest.New(t, w.config)
	w.clock.Pass(time.Minute)
	w.drain()
	if got, want := w.row(odd).Error, "the stored data does not fit template letter"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := w.row(old).State; got != "sent" {
		t.Errorf("a mail by a template that another program knows is %s", got)
	}
}

func parse(t *testing.T, raw string) *netmail.Message {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestAnswersLeaveFirst has ten thousand mails wait that go to very many, and one that was asked for since.
func TestAnswersLeaveFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person("ada@example.com")
	w.choose(ada, true)
	if _, err := pgtest.Admin(t, w.pool).Exec(t.Context(), `
		ALTER TABLE message DISABLE TRIGGER USER;
		INSERT INTO message (id, person_id, purpose, template, address, next_at, created_at, bulk)
		SELECT gen_random_uuid(), id, 'newsletter', 'digest', email, created_at, created_at, true FROM person, generate_series(1, 10000);
		ALTER TABLE message ENABLE TRIGGER USER`); err != nil {
		t.Fatal(err)
	}
	w.clock.Pass(time.Minute)
	digest, answer := w.digest(ada, "ada@example.com"), w.letter(ada, "ada@example.com")
	var bulk, answers bool
	if err := w.pool.QueryRow(t.Context(), `
		SELECT (SELECT bulk FROM message WHERE id = $1), (SELECT bulk FROM message WHERE id = $2)`, digest, answer).Scan(&bulk, &answers); err != nil {
		t.Fatal(err)
	}
	if !bulk || answers {
		t.Errorf("a mail that rests on consent is bulk: %t; a letter is: %t", bulk, answers)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w.server.Answer(func(string) error { stop(); return nil }) // after the first mail
	if err := w.queue.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.state(answer), row{State: "sent", Attempts: 1}); diff != "" {
		t.Errorf("the answer (-got +want):\n%s", diff)
	}
	for _, bulk := range []bool{false, true} {
		if plan := w.claimPlan(bulk); !strings.Contains(plan, "Index Scan using message_due") || strings.Contains(plan, "Sort") {
			t.Errorf("what is due is found by this plan where bulk is %t:\n%s", bulk, plan)
		}
	}
	if crowded, err := w.queue.Crowded(t.Context(), "digest", 10_002); err != nil || crowded {
		t.Errorf("10,001 mails are 10,002: %t, %v", crowded, err)
	}
	if crowded, err := w.queue.Crowded(t.Context(), "digest", 10_001); err != nil || !crowded {
		t.Errorf("10,001 mails are as many as that: %t, %v", crowded, err)
	}
}

// claimPlan is how the database finds what is due, in a plan that is kept.
func (w *world) claimPlan(bulk bool) string {
	w.Helper()
	var plan []string
	err := pgx.BeginFunc(w.Context(), pgtest.Admin(w.T, w.pool), func(tx pgx.Tx) error {
		for _, sql := range []string{`ANALYZE message`, `SET LOCAL plan_cache_mode = force_generic_plan`, `PREPARE due AS ` + mail.ClaimDue} {
			if _, err := tx.Exec(w.Context(), sql); err != nil {
				return err
			}
		}
		rows, err := tx.Query(w.Context(), fmt.Sprintf(`EXPLAIN EXECUTE due (%t, now(), 20, now())`, bulk), pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return err
		}
		plan, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return strings.Join(plan, "\n")
}
