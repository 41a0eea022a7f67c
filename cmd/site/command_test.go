package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/privacy"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	all := call(t, nil, "", "help")
	all.want(t, 0, append(variables(), "POSTGRES_BIN", "Usage: site COMMAND")...)
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
		{"no such role", "", "add eve@example.com --role boss", 2, `no role "boss": write reviewer, recruiter, alliance, marketer, privacy, admin`},
		{"no address", "", "add eve --role admin", 2, "site staff: account: not an email address"},
		{"no password", "", "add eve@example.com --role admin --password-stdin", 1, "is empty"},
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
	in := newInstall(t)
	for _, c := range []struct {
		args string
		code int
		says []string
	}{
		{"publish 2026-11-01", 1, []string{"is published"}},
		{"publish 1999-01-01", 1, []string{"1999-01-01"}},
		{"publish ../site", 1, []string{"site statement: "}},
		{"publish", 2, []string{"usage: site statement publish ID"}},
		{"publish 2026-11-01 --on tomorrow", 2, []string{"usage: "}},
		{"withdraw 2026-11-01", 2, []string{"usage: "}},
	} {
		call(t, in.environ, "", append([]string{"statement"}, strings.Fields(c.args)...)...).want(t, c.code, c.says...)
	}
}

// The command shows what would change, publishes on a day from today on, and leaves an entry in the log of acts.
func TestStatementPreviewAndDay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	files := withFiles(t, map[string]string{
		"privacy/2026-11-20.md": next(t, "2026-11-20", "    data: [name, email address, ", "    data: [time of day, name, email address, "),
	})
	in := newInstall(t)
	statement := func(args string) (string, error) {
		cfg, err := readConfig(in.environ)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		err = runStatement(t.Context(), &cli{
			cfg: cfg, log: slog.New(slog.DiscardHandler), web: files, stdin: strings.NewReader(""), stdout: &out, now: func() time.Time { return now },
		}, strings.Fields(args))
		return out.String(), err
	}
	said, err := statement("preview 2026-11-20")
	if err != nil || !strings.Contains(said, "Kind of change: use: data is used for more") || !strings.Contains(said, "Told by mail: 0 people") ||
		!strings.Contains(said, "time of day") || strings.Contains(said, "Published") {
		t.Errorf("preview: %v\n%s", err, said)
	}
	if _, err := statement("publish 2026-11-20"); !errors.Is(err, privacy.ErrPast) {
		t.Errorf("on a day that is over: %v", err)
	}
	if _, err := statement("publish 2026-11-20 --on 2026-11-10 --history"); !errors.Is(err, privacy.ErrOvertaken) {
		t.Errorf("before the one in force: %v", err)
	}
	if _, err := statement("publish 2026-11-20 --on 2206-12-01"); !errors.Is(err, privacy.ErrFar) {
		t.Errorf("in 180 years: %v", err)
	}
	if said, err := statement("publish 2026-11-20 --on now"); err != nil || !strings.Contains(said, "effective on 23 November 2026") {
		t.Errorf("at once: %v\n%s", err, said)
	}
	var versions, acts int
	if err := in.pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM statement_version WHERE effective_on = '2026-11-23'),
			(SELECT count(*) FROM audit_event WHERE action = 'publish' AND detail ->> 'version' = '2026-11-20')`).Scan(&versions, &acts); err != nil ||
		versions != 1 || acts != 1 {
		t.Errorf("%d versions and %d acts, %v", versions, acts, err)
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
