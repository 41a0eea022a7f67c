package job_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

const patience = 20 * time.Second

func start(t *testing.T, pool *pgxpool.Pool, workers ...job.Worker) *job.Jobs {
	t.Helper()
	j, err := job.New(pool, slog.New(slog.DiscardHandler), workers...)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := j.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return j
}

// until polls a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func counter(name string, every time.Duration) (job.Worker, *atomic.Int64) {
	runs := new(atomic.Int64)
	return job.Worker{Name: name, Every: every, Run: func(context.Context) error {
		runs.Add(1)
		return nil
	}}, runs
}

func TestRunsAtStartAndPeriodically(t *testing.T) {
	t.Parallel()
	often, runs := counter("often", time.Second)
	rare, rares := counter("rare", time.Hour)
	start(t, pgtest.New(t), often, rare)
	until(t, "three runs of a worker of every second", func() bool { return runs.Load() >= 3 })
	until(t, "a run at the start", func() bool { return rares.Load() >= 1 })
	if n := rares.Load(); n != 1 {
		t.Errorf("the hourly worker ran %d times", n)
	}
}

func TestKick(t *testing.T) {
	t.Parallel()
	w, runs := counter("mail", time.Hour)
	j := start(t, pgtest.New(t), w)
	until(t, "first run", func() bool { return runs.Load() == 1 })
	for want := int64(2); want <= 4; want++ {
		for range 1000 { // coalesced
			j.Kick("mail")
		}
		until(t, "run after kick", func() bool { return runs.Load() >= want })
	}
	if n := runs.Load(); n > 12 {
		t.Errorf("3,000 kicks made %d runs", n)
	}
	j.Kick("unknown")
}

// A kick that comes while the worker runs must lead to a further run: this one may have looked before.
func TestKickWhileRunning(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	j := start(t, pgtest.New(t), job.Worker{Name: "mail", Every: time.Hour, Run: func(context.Context) error {
		entered <- struct{}{}
		<-leave
		return nil
	}})
	<-entered
	j.Kick("mail")
	leave <- struct{}{}
	select {
	case <-entered:
		leave <- struct{}{}
	case <-time.After(patience):
		t.Fatal("no further run")
	}
}

func TestOneAtATimeOverInstances(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	var now, most, runs atomic.Int64
	w := job.Worker{Name: "mail", Every: time.Second, Run: func(ctx context.Context) error {
		n := now.Add(1)
		defer now.Add(-1)
		if n > most.Load() {
			most.Store(n)
		}
		runs.Add(1)
		_, err := pool.Exec(ctx, `SELECT pg_sleep(0.05)`)
		return err
	}}
	var all []*job.Jobs
	for range 3 {
		other, err := postgres.Connect(t.Context(), pgtest.URL(t, pool))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(other.Close)
		all = append(all, start(t, other, w))
	}
	until(t, "ten runs", func() bool {
		for _, j := range all {
			j.Kick("mail")
		}
		return runs.Load() >= 10
	})
	if most.Load() != 1 {
		t.Errorf("%d ran at once", most.Load())
	}
}

// The job of a killed process stays marked as running for a while; the lock and the work do not.
func TestLockOfAnother(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	w, runs := counter("mail", time.Hour)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT pg_advisory_xact_lock(hashtextextended('job mail', 0))`); err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background()) //nolint:errcheck // rolled back below, unless the test fails first
	j := start(t, pool, w)
	var snoozed int
	until(t, "snoozed", func() bool {
		err := pool.QueryRow(t.Context(), `
			SELECT count(*) FROM river.river_job WHERE metadata ? 'snoozes'`).Scan(&snoozed)
		return err == nil && snoozed == 1
	})
	if n := runs.Load(); n != 0 {
		t.Errorf("ran %d times under another's lock", n)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	j.Kick("mail")
	until(t, "run after the lock is free", func() bool { return runs.Load() == 1 })
}

func TestRetry(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	start(t, pgtest.New(t), job.Worker{Name: "mail", Every: time.Hour, Run: func(context.Context) error {
		switch runs.Add(1) {
		case 1:
			return errors.New("not yet")
		case 2:
			panic("still not")
		}
		return nil
	}})
	until(t, "third attempt", func() bool { return runs.Load() == 3 })
}

func TestStop(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		run  func(ctx context.Context, finish <-chan struct{}) error
		hard bool
	}{
		{"soft", func(_ context.Context, finish <-chan struct{}) error { <-finish; return nil }, false},
		{"hard", func(ctx context.Context, _ <-chan struct{}) error { <-ctx.Done(); return ctx.Err() }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			entered, finish := make(chan struct{}, 9), make(chan struct{})
			var ended atomic.Bool
			j, err := job.New(pgtest.New(t), slog.New(slog.DiscardHandler), job.Worker{
				Name: "mail", Every: time.Hour,
				Run: func(ctx context.Context) error {
					defer ended.Store(true)
					entered <- struct{}{}
					return tt.run(ctx, finish)
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			begun, cancel := context.WithCancel(t.Context())
			if err := j.Start(begun); err != nil {
				t.Fatal(err)
			}
			<-entered
			cancel() // does not stop the work
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if tt.hard {
				cancel()
			} else {
				close(finish)
			}
			if err := j.Stop(ctx); err != nil {
				t.Error(err)
			}
			if !ended.Load() {
				t.Error("stopped before the worker ended")
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good, _ := counter("mail", time.Second)
	tests := map[string][]job.Worker{
		"twice":       {good, good},
		"no name":     {{Every: time.Second, Run: good.Run}},
		"no period":   {{Name: "a", Run: good.Run}},
		"no function": {{Name: "a", Every: time.Second}},
	}
	pool := pgtest.New(t)
	for name, workers := range tests {
		if _, err := job.New(pool, slog.New(slog.DiscardHandler), workers...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestBehindPgBouncer(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Connect(t.Context(), pgtest.Bouncer(t, pgtest.New(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	w, runs := counter("mail", time.Hour)
	j := start(t, pool, w)
	for want := int64(1); want <= 3; want++ {
		until(t, "run", func() bool { return runs.Load() >= want })
		j.Kick("mail")
	}
}
