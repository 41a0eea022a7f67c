package activity

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limit is how often something may be done: N times Per. The zero value sets no limit.
type Limit struct {
	N   int
	Per time.Duration
}

// ParseLimit reads FORM_LIMIT: "30/m", "5/s", "200/h", or "off".
func ParseLimit(text string) (Limit, error) {
	if text == "off" {
		return Limit{}, nil
	}
	count, unit, _ := strings.Cut(text, "/")
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || per == 0 {
		return Limit{}, fmt.Errorf("limit %q: write it like 30/m, 5/s, 200/h, or off", text)
	}
	return Limit{n, per}, nil
}

// maxBuckets bounds the memory of a limiter: beyond it those that could do all again are forgotten; where none could, all.
const maxBuckets = 50_000

// limiter counts by key, in memory, for this instance.
type limiter struct {
	limit   Limit
	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

func newLimiter(l Limit) *limiter { return &limiter{limit: l, buckets: map[string]*rate.Limiter{}} }

// allow counts one more for key, and says how long to wait where that is one too many.
func (l *limiter) allow(key string, now time.Time) (wait time.Duration, ok bool) {
	if l.limit.N == 0 {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[key]
	if b == nil {
		l.forget(now)
		b = rate.NewLimiter(rate.Every(l.limit.Per/time.Duration(l.limit.N)), l.limit.N)
		l.buckets[key] = b
	}
	if b.AllowN(now, 1) {
		return 0, true
	}
	r := b.ReserveN(now, 1)
	wait = r.DelayFrom(now)
	r.CancelAt(now)
	return wait, false
}

// forget drops those that could do all again, since they are as good as new.
func (l *limiter) forget(now time.Time) {
	if len(l.buckets) < maxBuckets {
		return
	}
	for key, b := range l.buckets {
		if b.TokensAt(now) >= float64(l.limit.N) {
			delete(l.buckets, key)
		}
	}
	if len(l.buckets) >= maxBuckets {
		clear(l.buckets)
	}
}

// clientKey is the network that counts as one client: an IPv4 address, or an IPv6 /64, which one household has.
func clientKey(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
