package privacy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"clickcommerce.com/site/internal/postgres/pgtest"
)

// TestSlowChecksKeepNobodyWaiting holds a check up: who asks is answered all the same, first that nothing is known yet, later
// with what the run before found, and the check goes on meanwhile.
func TestSlowChecksKeepNobodyWaiting(t *testing.T) {
	var (
		now  = time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)
		hold = make(chan struct{})
	)
	c := &checker{pool: pgtest.New(t), now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler)}
	c.checks = []Check{{Promise: "P-1", Name: "slow", Run: func(context.Context) error {
		<-hold
		return nil
	}}}
	ask := func() Result {
		t.Helper()
		list, _, err := c.results(t.Context())
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		return list[0]
	}
	if got := ask(); got.OK || !got.Unasked || got.Fault != "" {
		t.Errorf("before the first run ended: %+v", got)
	}
	close(hold)
	if got := ask(); !got.OK || !got.Passed.Equal(now) {
		t.Errorf("after it ended: %+v", got)
	}

	hold, now = make(chan struct{}), now.Add(checkEvery)
	if got := ask(); !got.OK || !got.Passed.Equal(now.Add(-checkEvery)) {
		t.Errorf("while the second runs: %+v", got)
	}
	close(hold)
}

// TestUnaskedIsNotBroken tells an error of the rule from one of asking for it.
func TestUnaskedIsNotBroken(t *testing.T) {
	for _, tt := range []struct {
		err     error
		unasked bool
	}{
		{errors.New("3 letters went to who refused"), false},
		{&pgconn.PgError{Code: "42501"}, false},
		{fmt.Errorf("read persons: %w", context.DeadlineExceeded), true},
		{fmt.Errorf("read persons: %w", &pgconn.PgError{Code: "57014"}), true},
		{&pgconn.PgError{Code: "57P03"}, true},
	} {
		c := &checker{now: time.Now, log: slog.New(slog.DiscardHandler)}
		got := c.run(Check{Run: func(context.Context) error { return tt.err }})
		if got.OK || got.Unasked != tt.unasked || got.Fault == "" {
			t.Errorf("%v: %+v", tt.err, got)
		}
	}
}
