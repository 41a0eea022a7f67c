package webinar

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the rules of all zones, also where the machine has none
)

// Reading says how often a clock in a zone shows a local time.
type Reading int

// The readings there are.
const (
	Once    Reading = iota
	Twice           // clocks go back over it: the first time is meant (RFC 5545, 3.3.5)
	Skipped         // clocks go forward over it: the offset before the gap is taken (likewise)
)

// Instant returns when a clock in the zone shows the local time, whose own zone is not looked at.
func Instant(local time.Time, zone *time.Location) (time.Time, Reading) {
	wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
	// No zone is more than a day from UTC, so these see the offsets before and after a change on that day.
	before, after := offset(wall.Add(-24*time.Hour), zone), offset(wall.Add(24*time.Hour), zone)
	var found []time.Time
	for _, o := range []int{before, after} {
		t := wall.Add(-time.Duration(o) * time.Second)
		if offset(t, zone) == o && (len(found) == 0 || !found[0].Equal(t)) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return wall.Add(-time.Duration(before) * time.Second).In(zone), Skipped
	case 1:
		return found[0].In(zone), Once
	}
	if found[1].Before(found[0]) {
		found[0] = found[1]
	}
	return found[0].In(zone), Twice
}

func offset(t time.Time, zone *time.Location) int {
	_, seconds := t.In(zone).Zone()
	return seconds
}

// Zone returns the time zone of an IANA name. Names that depend on the machine are refused.
func Zone(name string) (*time.Location, error) {
	if name != "UTC" && !strings.Contains(name, "/") {
		return nil, fmt.Errorf("webinar: %q names no time zone", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("webinar: %w", err)
	}
	return zone, nil
}

// daysUntil counts the midnights between now and an event, in the event's zone.
func daysUntil(start, now time.Time) int {
	day := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	return int(day(start).Sub(day(now.In(start.Location()))) / (24 * time.Hour))
}

// city is how people call a zone: "New York".
func city(zone string) string {
	return strings.ReplaceAll(zone[strings.LastIndex(zone, "/")+1:], "_", " ")
}

// zoneLabel names the zone beside a time: "Chicago time (CST)". Zones without letters of their own get their offset.
func zoneLabel(t time.Time, zone string) string {
	if zone == "UTC" {
		return "UTC"
	}
	short := t.Format("MST")
	if strings.ContainsAny(short, "+-") {
		short = "UTC" + t.Format("-07:00")
	}
	return city(zone) + " time (" + short + ")"
}
