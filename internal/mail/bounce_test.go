package mail_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/mail"
)

// dsn is a report as Postfix writes it.
func dsn(action, status, recipient, returned string) string {
	return strings.ReplaceAll(`From: MAILER-DAEMON@relay.example.com
To: post@mail.example.com
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="B.1/relay"

This is a MIME-encapsulated message.

--B.1/relay
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B.1/relay
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.com
Arrival-Date: Mon, 23 Nov 2026 15:00:00 +0000 (UTC)

Final-Recipient: rfc822; `+recipient+`
Original-Recipient: rfc822;`+recipient+`
Action: `+action+`
Status: `+status+`
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 `+status+` <`+recipient+`>: User unknown

--B.1/relay
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

From: "Click Commerce" <post@mail.example.com>
To: <`+recipient+`>
`+returned+`--B.1/relay--
`, "\n", "\r\n")
}

func returned(messageID string) string { return "Message-ID: <" + messageID + ">\n" }

func TestBounce(t *testing.T) {
	t.Parallel()
	cameBack := func(status string) row {
		return row{State: "failed", Attempts: 1, Error: "came back: " + status, Bounced: true}
	}
	failed := func(status string) func(*world, uuid.UUID) string {
		return func(w *world, id uuid.UUID) string {
			return dsn("failed", status, "ada@example.com", returned(w.queue.MessageID(id)))
		}
	}
	came := cameBack("5.1.1")
	sent := row{State: "sent", Attempts: 1}
	for name, c := range map[string]struct {
		report func(w *world, id uuid.UUID) string
		err    error
		row    row
		person bool
	}{
		"by Message-ID": {
			func(w *world, id uuid.UUID) string {
				return dsn("failed", "5.1.1", "forwarded@elsewhere.example", returned(w.queue.MessageID(id)))
			},
			nil, came, true,
		},
		"by In-Reply-To": {
			func(w *world, id uuid.UUID) string {
				return "In-Reply-To: <" + w.queue.MessageID(id) + ">\r\n" + dsn("Failed", "5.1.1", "ada@example.com", "\n")
			},
			nil, came, true,
		},
		"piped by a mail server": {
			func(w *world, id uuid.UUID) string {
				return "From MAILER-DAEMON Sat Nov 28 20:00:00 2026\r\n" + dsn("failed", "5.1.1", "ada@example.com", returned(w.queue.MessageID(id)))
			},
			nil, came, true,
		},
		"tried for days": {failed("4.4.7"), nil, cameBack("4.4.7"), false},
		"a policy, which is not about the address": {failed("5.7.1"), nil, cameBack("5.7.1"), false},
		"a full mailbox": {failed("5.2.2"), nil, cameBack("5.2.2"), false},
		"delayed": {
			func(w *world, id uuid.UUID) string {
				return dsn("delayed", "4.4.1", "ada@example.com", returned(w.queue.MessageID(id)))
			},
			nil, sent, false,
		},
		"delivered": {
			func(w *world, id uuid.UUID) string {
				return dsn("delivered", "2.0.0", "ada@example.com", returned(w.queue.MessageID(id)))
			},
			nil, sent, false,
		},
		"forged: the address alone": {
			func(*world, uuid.UUID) string { return dsn("failed", "5.1.1", "ada@example.com", "\n") },
			mail.ErrNotFound, sent, false,
		},
		"forged: made from the message's id": {
			func(_ *world, id uuid.UUID) string {
				return dsn("failed", "5.1.1", "ada@example.com", returned(id.String()+"@www.example.com"))
			},
			mail.ErrNotFound, sent, false,
		},
		"forged: the token of a link": {
			func(w *world, id uuid.UUID) string {
				token := strings.TrimPrefix(w.queue.UnsubscribePath(id), "/unsubscribe/")
				return dsn("failed", "5.1.1", "ada@example.com", returned(token+"@www.example.com"))
			},
			mail.ErrNotFound, sent, false,
		},
		"a message that is gone": {
			func(w *world, _ uuid.UUID) string {
				return dsn("failed", "5.1.1", "ada@example.com", returned(w.queue.MessageID(uuid.New())))
			},
			mail.ErrNotFound, sent, false,
		},
		"holiday note": {
			func(*world, uuid.UUID) string {
				return "From: ada@example.com\r\nSubject: Away\r\n\r\nBack on Monday.\r\n"
			},
			mail.ErrNoReport, sent, false,
		},
		"nothing": {func(*world, uuid.UUID) string { return "" }, mail.ErrNoReport, sent, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ada := w.person("ada@example.com")
			id := w.letter(ada, "ada@example.com")
			w.drain()
			report := c.report(w, id)
			if err := w.queue.Bounce(t.Context(), strings.NewReader(report)); !errors.Is(err, c.err) {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			// Servers repeat themselves.
			if again := w.queue.Bounce(t.Context(), strings.NewReader(report)); !errors.Is(again, c.err) {
				t.Errorf("the second time: %v", again)
			}
			if diff := cmp.Diff(w.state(id), c.row); diff != "" {
				t.Errorf("row (-got +want):\n%s", diff)
			}
			if got := w.personBounced(ada); got != c.person {
				t.Errorf("person bounced: %v", got)
			}
		})
	}
}

// Whoever wrote it, a report is read without fault, and what is taken from it has the forms that SQL and logs get.
func FuzzBounce(f *testing.F) {
	f.Add(dsn("failed", "5.1.1", "ada@example.com", returned("AZDy0AAAcACAAAAAAAAAAQ@www.example.com")))
	f.Add(dsn("failed", "5.0.0", "", "\n"))
	f.Add("Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\nContent-Type: message/rfc822\n\n--x--")
	f.Add("Content-Type: multipart/report; boundary=\"\"\r\n\r\n")
	f.Add("Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\r\nContent-Type: message/delivery-status\n\r\n" +
		"--x\r\nContent-Type: text/rfc822-headers\n\nMessage-ID:\r0")
	f.Fuzz(func(t *testing.T, raw string) {
		messageID, status, err := mail.ReadReport(raw)
		if err != nil && !errors.Is(err, mail.ErrNoReport) {
			t.Errorf("error %v", err)
		}
		if status != "" && (status[0] != '4' && status[0] != '5' || strings.Trim(status, "0123456789.") != "") {
			t.Errorf("status %q", status)
		}
		if strings.ContainsAny(messageID, "\r\n") {
			t.Errorf("Message-ID %q", messageID)
		}
	})
}
