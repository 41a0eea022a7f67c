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
