package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLog: lines wait for each other no longer than they may, in their order; a warning takes along what waited.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		written := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			if got := strings.Count(out.String(), "\n"); got != want {
				t.Errorf("%s: %d lines are written, want %d:\n%s", when, got, want, &out)
			}
		}
		log, flush := newLog(&out)

		log.Info("one")
		log.Info("two")
		written("at once", 0)
		time.Sleep(logWaits)
		written("after the wait", 2)

		log.Info("three")
		log.With("id", 4).Warn("four")
		written("with a warning", 4)
		if one, four := strings.Index(out.String(), `"one"`), strings.Index(out.String(), `"four"`); one > four {
			t.Errorf("the lines are out of order:\n%s", &out)
		}

		log.Info(strings.Repeat("5", logHolds))
		written("as many as may wait", 5)

		log.Info("six")
		flush()
		written("at the end", 6)
	})
}
