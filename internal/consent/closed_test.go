package consent_test

import (
	"log/slog"
	"testing"
	"time"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/key/keytest"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

// Closed chains go after six years, and nothing else does. Chains and seals verify as before, the next choice of the same
// person included; without its tombstones the chain is broken.
func TestClosedChainsLeaveTombstones(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	activitytest.Publish(t, pool)
	owner, now := pgtest.Admin(t, pool), activitytest.Start()
	ledger := consent.NewLedger(pool, keytest.New(t), func() time.Time { return now })
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := owner.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	choose := func(n int, granted bool, at string) {
		t.Helper()
		exec(`
			INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
			VALUES (lpad($1::int::text, 32, '0')::uuid, 'newsletter', 'email', $2, 'Mail me.', '2026-11-16', 'preferences', $3::text::timestamptz)`,
			n, granted, at)
	}
	exec(`
		INSERT INTO person (id, email, address_hmac, created_at)
		SELECT lpad(n::text, 32, '0')::uuid, n || '@example.com', n::text::bytea, '2010-01-01' FROM generate_series(1, 5) n`)
	for n := 1; n <= 5; n++ {
		choose(n, true, "2010-01-01")
	}
	choose(1, false, "2011-01-01") // refused long ago
	choose(2, false, "2026-01-01") // refused this year
	choose(3, false, "2011-01-01") // chosen again, and in force
	choose(3, true, "2012-01-01")
	exec(`UPDATE person SET email = NULL, erased_at = '2011-01-01' WHERE email = '4@example.com'`)
	choose(5, false, "2011-01-01") // held
	exec(`
		INSERT INTO account (id, email, name, kind, created_at) VALUES (gen_random_uuid(), 'officer@example.com', 'Officer', 'staff', now())`)
	exec(`
		INSERT INTO legal_hold (id, scope, person_id, ground, officer_id, placed_at, reviewed_at, review_on)
		SELECT gen_random_uuid(), 'person', lpad('5', 32, '0')::uuid, 'A suit.', id, now(), now(), now() + interval '1 month' FROM account`)
	sealer := consent.NewSealer(ledger, slog.New(slog.DiscardHandler))
	for range 2 {
		if err := sealer.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
	}
	whole := func(when string) {
		t.Helper()
		if broken, err := ledger.FirstBroken(t.Context(), 0); err != nil || broken != nil {
			t.Errorf("%s: the chain is broken at %v, %v", when, broken, err)
		}
		if err := ledger.VerifySeals(t.Context(), 0); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	whole("before")
	for _, want := range []int{2, 0} {
		var n int
		if err := pool.QueryRow(t.Context(), `SELECT remove_closed_chains(now() + interval '1 year', 100, now())`).Scan(&n); err != nil || n != want {
			t.Errorf("%d chains removed, not %d; %v", n, want, err)
		}
	}
	var left string
	if err := pool.QueryRow(t.Context(), `
		SELECT string_agg(right(person_id::text, 1) || ':' || seq, ' ' ORDER BY person_id, seq) FROM consent_event`).Scan(&left); err != nil ||
		left != "2:1 2:2 3:1 3:2 3:3 5:1 5:2" {
		t.Errorf("left are %s, %v", left, err)
	}
	whole("after")
	choose(1, true, "2026-11-01")
	whole("chosen again")

	exec(`ALTER TABLE consent_tombstone DISABLE TRIGGER USER`)
	exec(`UPDATE consent_tombstone SET hash = '\x00' WHERE person_id = lpad('1', 32, '0')::uuid AND seq = 2`)
	if broken, err := ledger.FirstBroken(t.Context(), 0); err != nil || broken == nil || broken.Seq != 3 {
		t.Errorf("a forged tombstone: %v, %v", broken, err)
	}
	if err := ledger.VerifySeals(t.Context(), 0); err == nil {
		t.Error("a forged tombstone: the seals hold")
	}
}

// Neither the serving role nor the owner can take out what is not closed.
func TestOpenChainsStand(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	activitytest.Publish(t, pool)
	owner := pgtest.Admin(t, pool)
	if _, err := owner.Exec(t.Context(), choosers, 2); err != nil {
		t.Fatal(err)
	}
	const forged = `
		INSERT INTO consent_tombstone (id, person_id, seq, hash, removed_at) SELECT id, person_id, seq, hash, now() FROM consent_event`
	for _, sql := range []string{`DELETE FROM consent_event`, `DELETE FROM consent_event WHERE seq = 2`, forged} {
		if _, err := pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("the serving role may %s", sql)
		}
		if _, err := owner.Exec(t.Context(), sql); err == nil {
			t.Errorf("the owner may %s", sql)
		}
	}
}
