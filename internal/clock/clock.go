// Package clock knows where the company is: its days begin and end there, whatever the machine thinks.
//
// It promises that the rules of that zone are at hand: they are part of the program.
package clock

import (
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
