package clock_test

import (
	"testing"
	"time"

	"clickcommerce.com/site/internal/clock"
)

func TestAt(t *testing.T) {
	t.Parallel()
	if at, err := clock.At("", ""); err != nil || !at.IsZero() {
		t.Errorf("nothing is %s, %v", at, err)
	}
	for _, c := range []struct{ day, hour, want string }{
		{"2026-11-24", "08:30", "2026-11-24T14:30:00Z"},
		{"2026-11-24", "8:30", "2026-11-24T14:30:00Z"},
		{"2026-11-24", "", "2026-11-24T15:00:00Z"},
		{"2027-07-01", "", "2027-07-01T14:00:00Z"},
		{"2027-03-14", "02:30", ""},                     // clocks go from 2 to 3
		{"2026-11-01", "01:30", "2026-11-01T06:30:00Z"}, // clocks show it twice
		{"", "08:30", ""},
		{"2026-02-30", "", ""},
		{"2026-11-24", "24:00", ""},
	} {
		got, err := clock.At(c.day, c.hour)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s %s is %s", c.day, c.hour, got)
			}
			continue
		}
		if err != nil || got.UTC().Format(time.RFC3339) != c.want {
			t.Errorf("%s %s is %s, %v", c.day, c.hour, got, err)
		}
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	night := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	if got := night.In(clock.Zone()).Format("2 January 15:04 MST"); got != "23 November 21:00 CST" {
		t.Errorf("got %s", got)
	}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("CET", 3600)
	for in, want := range map[time.Time]string{
		time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC): "23 November 2026, 00:00", // a mere day
		time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC): "22 November 2026, 21:00",
		time.Date(2026, 11, 23, 3, 0, 0, 0, berlin):   "23 November 2026, 03:00",
	} {
		if got := clock.Local(in).Format("2 January 2006, 15:04"); got != want {
			t.Errorf("%v: %s, want %s", in, got, want)
		}
	}
}

func TestDay(t *testing.T) {
	t.Parallel()
	night := time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC) // 31 October, 22:00, there
	if got := clock.Day(night); !got.Equal(time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC)) || got.Location() != time.UTC {
		t.Errorf("the day is %s", got)
	}
	if got := clock.Date(night); got != "31 October 2026" {
		t.Errorf("the day reads %s", got)
	}
	for end, day := range map[string]time.Time{
		"2026-11-01T05:00:00Z": clock.Day(night),
		"2026-11-02T06:00:00Z": time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), // clocks went back
		"2026-11-03T06:00:00Z": time.Date(2026, 11, 2, 23, 0, 0, 0, clock.Zone()),
	} {
		if got := clock.EndOf(day).UTC().Format(time.RFC3339); got != end {
			t.Errorf("%s ends at %s, want %s", day, got, end)
		}
	}
}
