package main

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
)

func TestRetainCommand(t *testing.T) {
	t.Parallel()
	in := newInstall(t)
	for i := range 3 {
		if _, err := in.pool.Exec(t.Context(), `
			INSERT INTO submission (id, kind, status, reference, created_at, purge_after)
			VALUES ($1, 'contact', 'answered', '', $2, $3)`, uuid.New(), time.Now(), time.Now().AddDate(0, 0, i*3-5)); err != nil {
			t.Fatal(err)
		}
	}
	count := func(want int) {
		t.Helper()
		var n int
		if err := in.pool.QueryRow(t.Context(), `SELECT count(*) FROM submission`).Scan(&n); err != nil || n != want {
			t.Errorf("%d records are there, not %d; %v", n, want, err)
		}
	}
	oldest := time.Now().UTC().AddDate(0, 0, -5).Format("2 January 2006")
	call(t, in.environ, "", "retain", "--dry-run").want(t, 0, "contact  answered  2", oldest, "2 would be deleted.")
	count(3)
	call(t, in.environ, "", "retain").want(t, 0, "contact  answered  2", "2 deleted.")
	count(1)
	call(t, in.environ, "", "retain").want(t, 0, "0 deleted.")
	call(t, in.environ, "", "retain", "now").want(t, 2, "usage: site retain [--dry-run]")
}

// What rooms delete stands in the dry run, goes with all else and stands in the report: of each one that is due and one that
// is not, a day to either side.
func TestRetainOfRooms(t *testing.T) {
	t.Parallel()
	in := newInstall(t)
	a := in.open(t)
	_, cookie := accounttest.Staff(t, a.accounts, time.Now(), account.Privacy)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := in.pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	const person = `WITH p AS (INSERT INTO person (id, email, address_hmac, created_at)
		SELECT i, i || '@example.com', i::text::bytea, now() FROM gen_random_uuid() i RETURNING id, email)`
	now := time.Now().UTC()
	var lines []string
	for _, c := range []struct {
		line string
		kept time.Time // what has been kept since then is on its last day
		sql  string    // $1: since when it is kept
	}{
		{"subscription never confirmed", now.AddDate(0, 0, -30), person + `
			INSERT INTO submission (id, person_id, kind, status, reference, created_at, purge_after)
			SELECT id, id, 'newsletter', 'new', '', $1, now() + interval '2 days' FROM p`},
		{"account access that has ended", now.AddDate(0, -6, 0), person + `
			INSERT INTO account (id, kind, person_id, email, name, created_at, expires_at)
			SELECT id, 'connect', id, email, 'Ada', now(), $1 FROM p`},
		{"survey spent numbers of anonymous forms", now.AddDate(0, 0, -2), `
			INSERT INTO spent_nonce (nonce, spent_on) VALUES (gen_random_uuid()::text::bytea, $1::timestamptz::date)`},
		{"file chosen, never sent", now, `
			INSERT INTO file (id, state, field, name, media_type, size, sha256, blob, key, scan, scan_next_at, created_at, expires_at)
			SELECT i, 'staged', 'cv', 'cv.txt', 'text/plain', 1, sha256(''), i::text, 'k', 'clean', $1, $1, $1 FROM gen_random_uuid() i`},
		{"account sessions that have ended", now, `
			INSERT INTO session (id, secret_hash, account_id, label, created_at, last_seen_at, expires_at)
			SELECT gen_random_uuid(), '', id, '', $1, $1, $1 FROM account WHERE kind = 'staff'`},
		{"account remembered computers", now.AddDate(0, -1, 0), `
			INSERT INTO device (id, account_id, token_hash, rotated_at, label, created_at, last_used_at, expires_at, revoked_at)
			SELECT gen_random_uuid(), id, '', now(), '', now(), now(), now() + interval '1 day', $1 FROM account WHERE kind = 'staff'`},
		{"account mailed links", now.AddDate(0, -1, 0), `
			INSERT INTO account_link (id, account_id, kind, created_at, expires_at)
			SELECT gen_random_uuid(), id, 'reset', now(), $1 FROM account WHERE kind = 'staff'`},
		{"account tries to sign in", now.Add(-time.Hour), `
			INSERT INTO sign_in_attempt (scope, digest, tries, last_at, next_at) VALUES ('check', gen_random_uuid()::text::bytea, 1, $1, $1)`},
		{"misuse flags", now.AddDate(0, -24, 0), person + `
			INSERT INTO misuse (id, person_id, kind, evidence, officer_id, created_at)
			SELECT p.id, p.id, 'abuse', 'x', a.id, $1 FROM p, account a WHERE a.kind = 'staff'`},
		{"person new addresses never confirmed", now, person + `
			INSERT INTO new_address (person_id, id, email, created_at, expires_at) SELECT id, id, 'new-' || email, now(), $1 FROM p`},
	} {
		exec(c.sql, c.kept.AddDate(0, 0, -1))
		exec(c.sql, c.kept.AddDate(0, 0, 1))
		lines = append(lines, c.line)
	}
	plan := call(t, in.environ, "", "retain", "--dry-run")
	plan.want(t, 0, strconv.Itoa(len(lines))+" would be deleted.")
	for _, line := range lines {
		if told := strings.Join(strings.Fields(plan.stdout), " "); !strings.Contains(told, line+" 1 ") {
			t.Errorf("no %q in %s", line, plan.stdout)
		}
	}
	if _, err := a.retainer.RunRooms(t.Context()); err != nil { // by the hour
		t.Fatal(err)
	}
	exec(`INSERT INTO submission (id, kind, status, reference, created_at, purge_after)
		VALUES (gen_random_uuid(), 'contact', 'answered', '', now(), '2020-01-01')`)
	call(t, in.environ, "", "retain").want(t, 0, "contact  answered  1", "1 deleted.") // by night
	body := desk{a.front(), cookie}.ask(http.MethodGet, "/staff/holds", nil).Body
	report, err := goquery.NewDocumentFromReader(body)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	report.Find("[aria-labelledby=h-report] tbody tr").Each(func(_ int, row *goquery.Selection) {
		cells := row.Children()
		told = append(told, cells.Eq(0).Text()+" "+cells.Eq(1).Text()+" "+cells.Eq(2).Text())
	})
	if diff := cmp.Diff(told, []string{
		"Accounts Access that has ended 1", "Accounts Mailed links 1", "Accounts Remembered computers 1",
		"Accounts Sessions that have ended 1", "Accounts Tries to sign in 1", "Question Answered 1", "Uploads Chosen, never sent 1",
		"Flags of misuse Flags 1", "Addresses New addresses never confirmed 1", "Newsletter Never confirmed 1",
		"Survey Spent numbers of anonymous forms 1",
	}); diff != "" {
		t.Errorf("the report (-got +want):\n%s", diff)
	}
}

// Choices that nobody relies on any more are deleted with all else, six years after the last, and the chain still holds.
func TestRetainRemovesClosedChains(t *testing.T) {
	t.Parallel()
	in := newInstall(t)
	if _, err := in.pool.Exec(t.Context(), `
		WITH p AS (INSERT INTO person (id, email, address_hmac, created_at)
			SELECT gen_random_uuid(), n || '@example.com', n::text::bytea, '2010-01-01' FROM generate_series(1, 3) n RETURNING id, email)
		INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
		SELECT p.id, 'newsletter', 'email', p.email LIKE '3%', 'Mail me.', (SELECT min(v.id) FROM statement_version v), 'preferences', '2010-01-01'
		FROM p`); err != nil {
		t.Fatal(err)
	}
	const line = "consent  choices of which none is in force  2"
	call(t, in.environ, "", "retain", "--dry-run").want(t, 0, line)
	call(t, in.environ, "", "retain").want(t, 0, line)
	var left, stones int
	if err := in.pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM consent_event), (SELECT count(*) FROM consent_tombstone)`).Scan(&left, &stones); err != nil || left != 1 || stones != 2 {
		t.Errorf("%d entries and %d tombstones are left, %v", left, stones, err)
	}
	if broken, err := in.open(t).ledger.FirstBroken(t.Context(), 0); err != nil || broken != nil {
		t.Errorf("the chain is broken at %v, %v", broken, err)
	}
}
