// Package clock knows where the company is: its days begin and end there, whatever the machine thinks.
//
// It promises that the rules of that zone are at hand: they are part of the program.
package clock

import (
	"cmp"
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // the rules of all zones, also where the machine has none
)

var zone = sync.OnceValue(func() *time.Location {
	z, err := time.LoadLocation("America/Chicago")
	if err != nil {
		panic("clock: " + err.Error()) // the program was built without its rules
	}
	return z
})

// Zone returns the time zone of the company, by which it dates, opens and closes.
func Zone() *time.Location { return zone() }

// Local puts an instant, which the database gives in UTC, into the company's own zone. What has a zone of its own (an event)
// keeps it, and so does a mere day, which stands at midnight.
func Local(t time.Time) time.Time {
	if t.Location() != time.UTC || t.Equal(t.Truncate(24*time.Hour)) {
		return t
	}
	return t.In(Zone())
}

// Day is the day of an instant in the company's zone, as the database compares days: at midnight of UTC.
func Day(t time.Time) time.Time {
	y, m, d := t.In(Zone()).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// AddMonths returns the same time that many calendar months later, or earlier where months is negative; where that month is
// shorter, on its last day.
func AddMonths(t time.Time, months int) time.Time {
	day := t.AddDate(0, months, 0)
	if day.Day() != t.Day() {
		day = day.AddDate(0, 0, -day.Day())
	}
	return day
}

// EndOf is the moment at which a day is over in the company's zone. Of t only the day counts, as t's own zone writes it.
func EndOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, Zone())
}

// Date writes the day of an instant in words, as the company's calendars show it.
func Date(t time.Time) string { return t.In(Zone()).Format("2 January 2006") }

// At reads a day and a time of day, 2006-01-02 and 15:04, as the company's clocks show them: nine in the morning where
// there is only a day, the zero time where there is neither. What no clock shows is an error, as is the hour that they
// leave out in spring.
func At(day, hour string) (time.Time, error) {
	if day == "" && hour == "" {
		return time.Time{}, nil
	}
	const layout = "2006-01-02 15:04"
	typed := day + " " + cmp.Or(hour, "09:00")
	shown, err := time.Parse(layout, typed)
	if err != nil {
		return time.Time{}, fmt.Errorf("read a time: %w", err)
	}
	at := time.Date(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), 0, 0, Zone())
	if at.Hour() != shown.Hour() {
		return time.Time{}, fmt.Errorf("read a time: no clock in %s shows %s", Zone(), typed)
	}
	return at, nil
}
