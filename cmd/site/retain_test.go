package main

import (
	"testing"
	"time"

	"github.com/google/uuid"
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
	call(t, in.environ, "", "retain", "--dry-run").want(t, 0, "contact  answered  2", "2 would be deleted.")
	count(3)
	call(t, in.environ, "", "retain").want(t, 0, "contact  answered  2", "2 deleted.")
	count(1)
	call(t, in.environ, "", "retain").want(t, 0, "0 deleted.")
	call(t, in.environ, "", "retain", "now").want(t, 2, "usage: site retain [--dry-run]")
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
