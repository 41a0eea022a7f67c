package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres/pgtest"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	all := call(t, nil, "", "help")
	all.want(t, 0, append(variables(), "Usage: site COMMAND")...)
	for _, c := range commands() {
		if !strings.Contains(all.stdout, "\n  "+c.name+" ") {
			t.Errorf("help does not list %s", c.name)
		}
		call(t, nil, "", "help", c.name).want(t, 0, "site "+c.usage()+": "+c.short)
	}
	call(t, nil, "").want(t, 0, "Usage: site COMMAND")
	call(t, nil, "", "--help").want(t, 0, "Usage: site COMMAND")
	call(t, []string{"LISTEN=nowhere"}, "", "help").want(t, 0, "Usage: site COMMAND") // whatever is set
	call(t, nil, "", "help", "dance").want(t, 2, `no command "dance"`)
	call(t, nil, "", "dance").want(t, 2, `no command "dance"`)
}

func TestStaffAdd(t *testing.T) {
	t.Parallel()
	in := newInstall(t)
	const password = "five hushed green lamps"
	for _, c := range []struct {
		name, stdin, args string
		code              int
		says              string
	}{
		{"password", password + "\n", "add ann@example.com --role admin --password-stdin", 0, "https://site.test/staff/sign-in"},
		{"invitation", "", "add Bob@example.com --role reviewer,privacy --name Bob", 0, "https://site.test/staff/invite/"},
		{"taken", "", "add bob@example.com --role reviewer", 1, "site staff: "},
		{"no such role", "", "add eve@example.com --role boss", 1, `no role "boss": there are [reviewer`},
		{"no address", "", "add eve --role admin", 1, "site staff: "},
		{"short password", "x\n", "add eve@example.com --role admin --password-stdin", 1, "site staff: "},
		{"no role", "", "add eve@example.com", 2, "usage: site staff add EMAIL --role ROLE"},
		{"flags first", "", "add --role admin eve@example.com", 2, "usage: "},
		{"two addresses", "", "add eve@example.com --role admin mallory@example.com", 2, "usage: "},
		{"unknown flag", "", "add eve@example.com --rule admin", 2, "usage: "},
		{"unknown verb", "", "remove eve@example.com", 2, "usage: "},
		{"nothing", "", "", 2, "usage: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := call(t, in.environ, c.stdin, append([]string{"staff"}, strings.Fields(c.args)...)...)
			got.want(t, c.code, c.says)
		})
	}
	rows, err := pgtest.Admin(t, in.pool).Query(t.Context(), `
		SELECT concat_ws(' ', email, name, password_hash IS NOT NULL,
			(SELECT string_agg(role, '+' ORDER BY role) FROM account_role WHERE account_id = id))
		FROM account ORDER BY email`)
	if err != nil {
		t.Fatal(err)
	}
	made, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, []string{"ann@example.com ann t admin", "bob@example.com Bob f privacy+reviewer"}); diff != "" {
		t.Errorf("accounts (-got +want):\n%s", diff)
	}
	if err := in.open(t).mail.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if letters := in.letters(t); len(letters) != 1 || !strings.Contains(letters[0], "To: <bob@example.com>") {
		t.Errorf("letters: %s", letters)
	}
}

func TestStatementPublish(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	environ := []string{
		"VAR_DIR=" + t.TempDir(), "DATABASE_URL=" + pgtest.URL(t, pool), "DATABASE_ADMIN_URL=" + pgtest.AdminURL(t, pool),
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"publish 2026-11-01", 0, "Published 2026-11-01, effective on 1 November 2026."},
		{"publish 2026-11-01", 1, "is published"},
		{"publish 1999-01-01", 1, "1999-01-01"},
		{"publish ../site", 1, "site statement: "},
		{"publish", 2, "usage: site statement publish ID"},
		{"withdraw 2026-11-01", 2, "usage: "},
	} {
		call(t, environ, "", append([]string{"statement"}, strings.Fields(c.args)...)...).want(t, c.code, c.says)
	}
}

// A letter leaves for real and comes back: only a report that knows its Message-ID counts.
func TestBounce(t *testing.T) {
	t.Parallel()
	in := newInstall(t)
	call(t, in.environ, "", "staff", "add", "gone@example.com", "--role", "admin").want(t, 0)
	if err := in.open(t).mail.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	letters := in.letters(t)
	if len(letters) != 1 {
		t.Fatalf("%d letters", len(letters))
	}
	_, messageID, _ := strings.Cut(letters[0], "Message-ID: <")
	messageID, _, _ = strings.Cut(messageID, ">")
	for _, c := range []struct {
		name, report string
		code         int
		says         string
	}{
		{"holiday note", "From: gone@example.com\r\nSubject: Away\r\n\r\nBack on Monday.\r\n", 1, "not a delivery report"},
		{"nothing", "", 1, "not a delivery report"},
		{"forged", deliveryReport("x" + messageID), 1, "no such message"},
		{"report", deliveryReport(messageID), 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			call(t, in.environ, c.report, "bounce").want(t, c.code, c.says)
			var came bool
			if err := in.pool.QueryRow(t.Context(), `SELECT bounced_at IS NOT NULL FROM message`).Scan(&came); err != nil {
				t.Fatal(err)
			}
			if came != (c.code == 0) {
				t.Errorf("the letter came back: %v", came)
			}
		})
	}
	call(t, in.environ, "", "bounce", "now").want(t, 2, "usage: site bounce")
}

// deliveryReport is one as Postfix writes it, about the mail of that Message-ID.
func deliveryReport(messageID string) string {
	return strings.ReplaceAll(`From: MAILER-DAEMON@relay.example.com
To: post@mail.example.com
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B.1/relay"

--B.1/relay
Content-Type: text/plain; charset=us-ascii

Your message could not be delivered.

--B.1/relay
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.com

Final-Recipient: rfc822; gone@example.com
Action: failed
Status: 5.1.1

--B.1/relay
Content-Type: text/rfc822-headers

Message-ID: <`+messageID+`>
--B.1/relay--
`, "\n", "\r\n")
}
