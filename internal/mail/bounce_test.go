package mail_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

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

func messageID(id uuid.UUID, host string) string {
	return "Message-ID: <" + id.String() + "@" + host + ">\n"
}

func TestBounce(t *testing.T) {
	t.Parallel()
	const host = "www.example.com"
	came := row{State: "failed", Attempts: 1, Error: "came back: 5.1.1", Bounced: true}
	sent := row{State: "sent", Attempts: 1}
	for name, c := range map[string]struct {
		report func(id uuid.UUID) string
		err    error
		row    row
		person bool
	}{
		"by Message-ID": {
			func(id uuid.UUID) string {
				return dsn("failed", "5.1.1", "forwarded@elsewhere.example", messageID(id, host))
			},
			nil, came, true,
		},
		"by recipient": {
			func(uuid.UUID) string { return dsn("Failed", "5.1.1", "Ada@Example.com", "\n") }, nil, came, true,
		},
		"delayed": {
			func(id uuid.UUID) string { return dsn("delayed", "4.4.1", "ada@example.com", messageID(id, host)) }, nil, sent, false,
		},
		"delivered": {
			func(id uuid.UUID) string { return dsn("delivered", "2.0.0", "ada@example.com", messageID(id, host)) }, nil, sent, false,
		},
		"stranger": {
			func(uuid.UUID) string { return dsn("failed", "5.1.1", "eve@example.com", "\n") }, mail.ErrNotFound, sent, false,
		},
		"Message-ID of another host, other recipient": {
			func(id uuid.UUID) string {
				return dsn("failed", "5.1.1", "eve@example.com", messageID(id, "evil.example"))
			},
			mail.ErrNotFound, sent, false,
		},
		"Message-ID that we never gave, right recipient": {
			func(uuid.UUID) string { return dsn("failed", "5.1.1", "ada@example.com", messageID(uuid.New(), host)) },
			mail.ErrNotFound, sent, false,
		},
		"holiday note": {
			func(uuid.UUID) string { return "From: ada@example.com\r\nSubject: Away\r\n\r\nBack on Monday.\r\n" },
			mail.ErrNoReport, sent, false,
		},
		"nothing": {func(uuid.UUID) string { return "" }, mail.ErrNoReport, sent, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ada := w.person("ada@example.com")
			id := w.letter(ada, "ada@example.com")
			w.drain()
			report := c.report(id)
			if err := w.queue.Bounce(t.Context(), strings.NewReader(report)); !errors.Is(err, c.err) {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			// Servers repeat themselves; a report that names no mail then finds none that is still out.
			again := w.queue.Bounce(t.Context(), strings.NewReader(report))
			if !errors.Is(again, c.err) && !errors.Is(again, mail.ErrNotFound) {
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

func TestBounceWithoutMessageIDForgetsOldMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.letter(w.person("ada@example.com"), "ada@example.com")
	w.drain()
	w.clock.Pass(11 * 24 * time.Hour)
	err := w.queue.Bounce(t.Context(), strings.NewReader(dsn("failed", "5.1.1", "ada@example.com", "\n")))
	if !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if got := w.row(id).State; got != "sent" {
		t.Errorf("state %s", got)
	}
}

// Whoever wrote it, a report is read without fault, and what is taken from it has the forms that SQL and logs get.
func FuzzBounce(f *testing.F) {
	id := uuid.MustParse("0190f2d0-0000-7000-8000-000000000001")
	f.Add(dsn("failed", "5.1.1", "ada@example.com", messageID(id, "www.example.com")))
	f.Add(dsn("failed", "5.0.0", "", "\n"))
	f.Add("Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\nContent-Type: message/rfc822\n\n--x--")
	f.Add("Content-Type: multipart/report; boundary=\"\"\r\n\r\n")
	f.Fuzz(func(t *testing.T, raw string) {
		recipients, status, err := mail.ReadReport(raw)
		if err != nil && !errors.Is(err, mail.ErrNoReport) {
			t.Errorf("error %v", err)
		}
		if status != "" && (status[0] != '5' || strings.Trim(status, "0123456789.") != "") {
			t.Errorf("status %q", status)
		}
		for _, r := range recipients {
			if !strings.Contains(r, "@") || strings.ContainsAny(r, "\r\n\x00") || !utf8.ValidString(r) {
				t.Errorf("recipient %q", r)
			}
		}
	})
}
