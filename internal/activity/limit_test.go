package activity

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseLimit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Limit{
		"off": {}, "5/s": {5, time.Second}, "30/m": {30, time.Minute}, "200/h": {200, time.Hour},
	} {
		got, err := ParseLimit(text)
		if diff := cmp.Diff(got, want); err != nil || diff != "" {
			t.Errorf("%q: %v (-got +want):\n%s", text, err, diff)
		}
	}
	for _, text := range []string{"", "30", "30/", "0/m", "-1/m", "x/m", "30/d", "30/m/s"} {
		if _, err := ParseLimit(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestLimiterSaysHowLongToWait(t *testing.T) {
	t.Parallel()
	l := newLimiter(Limit{2, time.Minute})
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	for i := range 2 {
		if _, ok := l.allow("a", now); !ok {
			t.Errorf("number %d was refused", i+1)
		}
	}
	wait, ok := l.allow("a", now)
	if ok || wait != 30*time.Second {
		t.Errorf("number 3: %t, wait %s", ok, wait)
	}
	if again, ok := l.allow("a", now); ok || again != wait {
		t.Errorf("being refused costs: wait %s, then %s", wait, again)
	}
	if _, ok := l.allow("b", now); !ok {
		t.Error("another was refused with it")
	}
	if _, ok := l.allow("a", now.Add(wait)); !ok {
		t.Error("refused after the wait")
	}
	if _, ok := newLimiter(Limit{}).allow("a", now); !ok {
		t.Error("no limit refuses")
	}
}

func TestLimiterForgetsTheIdle(t *testing.T) {
	t.Parallel()
	l := newLimiter(Limit{1, time.Minute})
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	for i := range maxBuckets - 1 {
		l.allow(fmt.Sprint(i), now)
	}
	later := now.Add(2 * time.Minute)
	l.allow("busy", later)
	l.allow("one more", later)
	if n := len(l.buckets); n != 2 {
		t.Errorf("%d are remembered", n)
	}
	if _, ok := l.allow("busy", later); ok {
		t.Error("the busy one was forgotten with the idle")
	}
}

func TestClientIsANetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
	} {
		if got := clientKey(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}
