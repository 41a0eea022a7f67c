package webinar

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestInstant(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		local, zone, want string
		reading           Reading
	}{
		{"2026-12-03 11:00", "America/Chicago", "2026-12-03T17:00:00Z", Once},
		{"2026-07-03 11:00", "America/Chicago", "2026-07-03T16:00:00Z", Once},
		{"2026-03-08 02:30", "America/Chicago", "2026-03-08T08:30:00Z", Skipped}, // clocks go from 2 to 3
		{"2026-03-08 03:00", "America/Chicago", "2026-03-08T08:00:00Z", Once},
		{"2026-11-01 01:30", "America/Chicago", "2026-11-01T06:30:00Z", Twice}, // the first of the two
		{"2026-10-04 02:15", "Australia/Lord_Howe", "2026-10-03T15:45:00Z", Skipped},
		{"2011-12-30 12:00", "Pacific/Apia", "2011-12-30T22:00:00Z", Skipped}, // a day that was left out
		{"2026-05-05 09:00", "Asia/Kathmandu", "2026-05-05T03:15:00Z", Once},
		{"2026-05-05 09:00", "UTC", "2026-05-05T09:00:00Z", Once},
	} {
		zone, err := Zone(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		local, err := time.Parse("2006-01-02 15:04", tt.local)
		if err != nil {
			t.Fatal(err)
		}
		got, reading := Instant(local, zone)
		if got.UTC().Format(time.RFC3339) != tt.want || reading != tt.reading {
			t.Errorf("%s in %s: got %s (%d), want %s (%d)", tt.local, tt.zone, got.UTC().Format(time.RFC3339), reading, tt.want, tt.reading)
		}
	}
	for _, name := range []string{"", "Local", "EST", "America/Nowhere", "../etc/passwd"} {
		if _, err := Zone(name); err == nil {
			t.Errorf("zone %q was taken", name)
		}
	}
}

func TestDaysUntil(t *testing.T) {
	t.Parallel()
	chicago, err := Zone("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 11, 2, 9, 0, 0, 0, chicago)
	for now, want := range map[string]int{
		"2026-11-02T06:00:00Z": 0, // just after midnight there
		"2026-11-02T05:59:00Z": 1, // the evening before, 27 hours on a wall clock
		"2026-11-01T05:30:00Z": 1, // clocks go back on this day, which has 25 hours
		"2026-11-01T04:30:00Z": 2,
		"2026-10-03T17:00:00Z": 30,
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := daysUntil(start, at); got != want {
			t.Errorf("at %s: %d days, want %d", now, got, want)
		}
	}
}

var someZones = []string{
	"America/Chicago", "America/New_York", "America/St_Johns", "Europe/Berlin", "Europe/Dublin", "Asia/Kolkata",
	"Asia/Tehran", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/Sao_Paulo", "Asia/Tokyo", "UTC",
}

// Whatever the clock shows in a zone leads back to what it showed, and to the first instant at which it did.
func TestInstantAndBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone, err := Zone(rapid.SampledFrom(someZones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		minute := rapid.Int64Range(0, 36_000_000).Draw(t, "minute") // 1970 to 2038
		at := time.Unix(minute*60, 0).In(zone)
		if near := rapid.Bool().Draw(t, "near a change"); near {
			if _, change := at.ZoneBounds(); !change.IsZero() {
				at = change.Add(time.Duration(rapid.IntRange(-180, 180).Draw(t, "minutes from it")) * time.Minute)
			}
		}
		got, reading := Instant(at, zone)
		if got.Format(time.DateTime) != at.Format(time.DateTime) {
			t.Fatalf("%s became %s", at, got)
		}
		switch {
		case reading == Skipped:
			t.Fatalf("%s exists", at)
		case reading == Once && !got.Equal(at):
			t.Fatalf("%s and %s read alike", got, at)
		case got.After(at):
			t.Fatalf("%s is not the first %s", got, at)
		}
	})
}

// A time that no clock shows is read by the offset before the gap, so it lies behind the change.
func TestSkipped(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone, err := Zone(rapid.SampledFrom(someZones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		_, change := time.Unix(rapid.Int64Range(0, 1_900_000_000).Draw(t, "second"), 0).In(zone).ZoneBounds()
		if change.IsZero() {
			return
		}
		before, after := offset(change.Add(-time.Second), zone), offset(change, zone)
		gap := (after - before) / 60
		if gap <= 0 {
			return
		}
		inside := rapid.IntRange(0, gap-1).Draw(t, "minutes into the gap")
		wall := change.UTC().Add(time.Duration(before)*time.Second + time.Duration(inside)*time.Minute)
		got, reading := Instant(wall, zone)
		if reading != Skipped || !got.Equal(change.Add(time.Duration(inside)*time.Minute)) {
			t.Fatalf("%s in %s: %s (%d)", wall.Format(time.DateTime), zone, got, reading)
		}
	})
}
