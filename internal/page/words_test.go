package page_test

import (
	"io"
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	say := newSet(t, time.Now, io.Discard).Words("test")
	for _, tt := range []struct{ got, want string }{
		{say("plain"), "It is done."},
		{say("filled", "name", "{count}", "count", 2), "{count} has 2, and {other} none."},
		{say("done_" + "never"), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
