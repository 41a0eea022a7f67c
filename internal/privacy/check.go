package privacy

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Check finds out whether a rule that keeps a promise holds at this moment. Its error is for operators, not for visitors,
// and names no person.
type Check struct {
	Promise string // its id, as in P-6
	Name    string // what holds, in one sentence
	Run     func(ctx context.Context) error
}

// Result is how a check ended.
type Result struct {
	Promise, Name string
	OK            bool
}

const (
	checkEvery = time.Minute
	checkTime  = 5 * time.Second
)

// checker runs the checks when somebody wants to know, at most once a minute.
type checker struct {
	checks []Check
	now    func() time.Time
	log    *slog.Logger
	mu     sync.Mutex
	at     time.Time
	last   []Result
}

func newChecker(log *slog.Logger, now func() time.Time, checks []Check) *checker {
	return &checker{checks: checks, now: now, log: log}
}

// results returns the results of the last run, and when that was.
func (c *checker) results(ctx context.Context) ([]Result, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && c.now().Sub(c.at) < checkEvery {
		return c.last, c.at
	}
	c.at, c.last = c.now(), make([]Result, 0, len(c.checks))
	for _, check := range c.checks {
		c.last = append(c.last, c.run(ctx, check))
	}
	return c.last, c.at
}

// run runs one check. It outlives the visitor who asked first, since others read its result.
func (c *checker) run(ctx context.Context, check Check) Result {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTime)
	defer cancel()
	err := check.Run(ctx)
	if err != nil {
		c.log.ErrorContext(ctx, "a promise is broken", "promise", check.Promise, "check", check.Name, "err", err)
	}
	return Result{Promise: check.Promise, Name: check.Name, OK: err == nil}
}

// Checks returns all checks, so that `site doctor` can run them too.
func (r *Room) Checks() []Check { return r.checker.checks }
