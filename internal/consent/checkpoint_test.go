package consent_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/key/keytest"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

// TestSealsNoticeACutTail removes the last entry of a chain together with its head: the chain itself still looks whole.
func TestSealsNoticeACutTail(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool, ring := pgtest.New(t), keytest.New(t)
	activitytest.Publish(t, pool)
	now := activitytest.Start()
	clock := func() time.Time { return now }
	ledger := consent.NewLedger(pool, ring, clock)
	sealer := consent.NewSealer(ledger, slog.New(slog.DiscardHandler))
	who := uuid.Must(uuid.NewV7())
	b := &pgx.Batch{}
	person.New(pool, ring, clock).Add(b, who, "ada@example.com", now)
	if err := pool.SendBatch(ctx, b).Close(); err != nil {
		t.Fatal(err)
	}
	choose := func(granted bool) {
		t.Helper()
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			return ledger.Record(ctx, tx, who, consent.Event{
				Purpose: consent.Newsletter, Channel: consent.ByEmail, Granted: granted, Wording: "Mail me.",
				Statement: "2026-11-16", Origin: consent.FromPreferences,
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	pass := func() {
		t.Helper()
		now = now.Add(time.Hour)
		if err := sealer.Seal(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for _, granted := range []bool{true, false, true} {
		choose(granted)
		pass()
	}
	pass()
	choose(false) // not yet sealed
	if err := ledger.VerifySeals(ctx, 10); err != nil {
		t.Fatalf("untouched: %v", err)
	}
	if broken, err := ledger.FirstBroken(ctx, 0); err != nil || broken != nil {
		t.Fatalf("untouched: %v, %v", broken, err)
	}
	exec := func(sql string) {
		t.Helper()
		if _, err := pgtest.Admin(t, pool).Exec(ctx, sql, who); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pgtest.Admin(t, pool).Exec(ctx, `ALTER TABLE consent_event DISABLE TRIGGER USER`); err != nil {
		t.Fatal(err)
	}
	exec(`DELETE FROM consent_event WHERE person_id = $1 AND seq >= 3`)
	exec(`UPDATE consent_head h SET seq = e.seq, hash = e.hash FROM consent_event e WHERE h.person_id = $1 AND e.person_id = $1 AND e.seq = 2`)
	if broken, err := ledger.FirstBroken(ctx, 0); err != nil || broken != nil {
		t.Fatalf("the chain alone: %v, %v", broken, err)
	}
	if err := ledger.VerifySeals(ctx, 10); !errors.Is(err, consent.ErrCut) {
		t.Errorf("a cut tail: %v", err)
	}
	exec(`UPDATE consent_event SET granted = NOT granted WHERE person_id = $1 AND seq = 2`)
	if broken, err := ledger.FirstBroken(ctx, 0); err != nil || broken == nil || broken.Seq != 2 || broken.Person != who {
		t.Errorf("a rewritten entry: %v, %v", broken, err)
	}
}

// TestBrokenAtEitherEnd takes a chain away from its head, and a head from its chain.
func TestBrokenAtEitherEnd(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"events are gone":       `DELETE FROM consent_event WHERE person_id = $1`,
		"the head is gone":      `DELETE FROM consent_head WHERE person_id = $1`,
		"the head is another's": `UPDATE consent_head SET seq = 7 WHERE person_id = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			activitytest.Publish(t, pool)
			ledger := consent.NewLedger(pool, keytest.New(t), activitytest.Start)
			owner := pgtest.Admin(t, pool)
			exec := func(sql string, args ...any) {
				t.Helper()
				if _, err := owner.Exec(t.Context(), sql, args...); err != nil {
					t.Fatal(err)
				}
			}
			exec(choosers, 9)
			exec(`ALTER TABLE consent_event DISABLE TRIGGER USER`)
			who := uuid.MustParse("00000000-0000-0000-0000-000000000005")
			exec(sql, who)
			for _, people := range []int{0, 6} {
				if broken, err := ledger.FirstBroken(t.Context(), people); err != nil || broken == nil || broken.Person != who {
					t.Errorf("of %d people: %v, %v", people, broken, err)
				}
			}
			if broken, err := ledger.FirstBroken(t.Context(), 3); err != nil || broken != nil {
				t.Errorf("of the latest three: %v, %v", broken, err)
			}
		})
	}
}

// choosers are $1 people with two choices each.
const choosers = `
	WITH p AS (INSERT INTO person (id, email, address_hmac, created_at)
		SELECT lpad(n::text, 32, '0')::uuid, n || '@example.com', n::text::bytea, '2026-11-20' FROM generate_series(1, $1::int) n
		RETURNING id)
	INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
	SELECT p.id, 'newsletter', 'email', granted, 'Mail me.', '2026-11-16', 'preferences', '2026-11-20'
	FROM p, unnest(ARRAY[true, false]) granted ORDER BY p.id`
