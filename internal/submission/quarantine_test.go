package submission_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/submission"
)

// Whatever happens to a record that is set apart, it is deleted by its thirtieth day; restored, it is kept as long as it
// would have been by then.
func TestChangedWhileSetApart(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	from := activitytest.Start()
	move := func(c submission.Change) func(*activitytest.Bench, pgx.Tx, uuid.UUID) error {
		return func(b *activitytest.Bench, tx pgx.Tx, id uuid.UUID) error {
			c.From, c.By = []string{"new"}, submission.System
			return b.Store.MoveTx(t.Context(), tx, id, c)
		}
	}
	for name, tt := range map[string]struct {
		happens     func(b *activitytest.Bench, tx pgx.Tx, id uuid.UUID) error
		apart, back int // the days on which it is deleted: while it is set apart, and once it is restored
	}{
		"nothing":              {func(*activitytest.Bench, pgx.Tx, uuid.UUID) error { return nil }, 30, 400},
		"another status":       {move(submission.Change{To: "active"}), 30, 400},
		"kept longer":          {move(submission.Change{To: "called off", PurgeAfter: from.Add(500 * day)}), 30, 500},
		"kept less":            {move(submission.Change{To: "withdrawn", PurgeAfter: from.Add(20 * day)}), 20, 20},
		"kept exactly so long": {move(submission.Change{To: "withdrawn", PurgeAfter: from.Add(30 * day)}), 30, 30},
		"kept less, then":      {move(submission.Change{To: "withdrawn", PurgeAfter: from.Add(40 * day)}), 30, 40},
		"stored by an older program": {func(_ *activitytest.Bench, tx pgx.Tx, id uuid.UUID) error {
			_, err := tx.Exec(t.Context(), `UPDATE submission SET kept_after = NULL WHERE id = $1`, id)
			return err
		}, 30, 400},
		"kept by its room": {func(b *activitytest.Bench, tx pgx.Tx, id uuid.UUID) error {
			return b.Store.Keep(t.Context(), tx, id, from.Add(450*day))
		}, 30, 450},
		"erased": {func(b *activitytest.Bench, tx pgx.Tx, id uuid.UUID) error {
			_, err := b.Store.Erase(t.Context(), tx, record(t, b, id).PersonID.UUID, b.Now(),
				func(string, string) (string, time.Time) { return "withdrawn", from.Add(40 * day) })
			return err
		}, 30, 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			came := entry(b, "ada@example.com", "doubtful")
			came.PurgeAfter, came.Quarantine = from.Add(400*day), true
			later := entry(b, "ada@example.com", "by mistake")
			later.PurgeAfter = from.Add(400 * day)
			ids := []uuid.UUID{accept(t, b, came).ID, accept(t, b, later).ID}
			if err := b.Store.Quarantine(t.Context(), ids, submission.System); err != nil {
				t.Fatal(err)
			}
			check := func(when string, id uuid.UUID, days int) {
				t.Helper()
				if got := record(t, b, id).PurgeAfter; !got.Equal(from.Add(time.Duration(days) * day).Truncate(day)) {
					t.Errorf("%s: deleted after %s, want day %d", when, got.Format(time.DateOnly), days)
				}
			}
			for _, id := range ids {
				if err := pgx.BeginFunc(t.Context(), b.Pool, func(tx pgx.Tx) error { return tt.happens(b, tx, id) }); err != nil {
					t.Fatal(err)
				}
				check("apart", id, tt.apart)
				if err := b.Store.Restore(t.Context(), id, submission.System, nil); err != nil {
					t.Fatal(err)
				}
				check("back", id, tt.back)
			}
		})
	}
}
