package clock_test

import (
	"testing"
	"time"

	"clickcommerce.com/site/internal/clock"
)

func TestZone(t *testing.T) {
	t.Parallel()
	night := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	if got := night.In(clock.Zone()).Format("2 January 15:04 MST"); got != "23 November 21:00 CST" {
		t.Errorf("got %s", got)
	}
}
