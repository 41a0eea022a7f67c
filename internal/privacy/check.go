package privacy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/singleflight"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/postgres"
)

// Check finds out whether a rule that keeps a promise holds at this moment. Its error is for operators, not for visitors,
// and names no person.
type Check struct {
	Promise string // its id, as in P-6
	Name    string // what holds, in one sentence
	Run     func(ctx context.Context) error
	// Whole is Run without its bounds, for who has time; nil: Run has none.
	Whole  func(ctx context.Context) error
	Remove Removal   // how the rule is taken out of a copy, to prove that Run notices
	Also   []Removal // further ways to break it, each proved too
}

// Removals are all ways to break the rule.
func (c Check) Removals() []Removal { return append([]Removal{c.Remove}, c.Also...) }

// Examine finds out whether the rule holds everywhere, however long that takes.
func (c Check) Examine(ctx context.Context) error {
	if c.Whole != nil {
		return c.Whole(ctx)
	}
	return c.Run(ctx)
}

// Removal takes a rule out of a scratch copy of database and server. What is set of it is done.
type Removal struct {
	SQL       string // run by the owner of the scratch database
	Statement Edit   // of the statement's files, before they are published in the copy
	File      Edit   // of the files that the copy is served from, afterwards
	Setting   string // NAME=value, in the copy's environment
	Job       string // the name of the work that the copy does not do
	// Forms changes the activities of the copy.
	Forms func(activity.Activities) activity.Activities
	// Serve stands in front of the copy's answers.
	Serve func(http.Handler) http.Handler
}

// Edit replaces words in every file under web/ that Glob matches.
type Edit struct{ Glob, Old, New string }

// Possible tells whether the removal does anything.
func (r Removal) Possible() bool {
	return r.SQL != "" || r.Statement != Edit{} || r.File != Edit{} || r.Setting != "" || r.Job != "" || r.Forms != nil || r.Serve != nil
}

// Unasked tells an error of a check that says nothing about its rule: the database could not be asked, or not in time.
func Unasked(err error) bool {
	const outOfTime = "57014" // query_canceled, by the server's own limit
	return postgres.Away(err) || postgres.Answered(err, outOfTime) || errors.Is(err, errAway)
}

// Result is how a check ended.
type Result struct {
	Promise, Name string
	OK            bool
	Unasked       bool      // it came to no end: nothing is known of the rule
	Passed        time.Time // when it passed last; zero if it never did
	Fault         string    // for staff
}

const (
	checkEvery    = time.Minute
	checkTime     = 5 * time.Second
	checkPatience = 3 * time.Second // how long a visitor waits for checks that others will read too
)

// checker runs the checks when somebody wants to know, at most once a minute.
type checker struct {
	checks  []Check
	pool    *pgxpool.Pool
	now     func() time.Time
	log     *slog.Logger
	running singleflight.Group
	last    atomic.Pointer[checked]
}

// checked is what one run of all checks found.
type checked struct {
	at      time.Time
	results []Result
}

// results returns the results of the last run, and when that was. Where the checks take long, they go on for those who
// come later, and this one reads those of the run before; if there was none, they are told to be unasked, at no time.
func (c *checker) results(ctx context.Context) ([]Result, time.Time, error) {
	last := c.last.Load()
	if last != nil && c.now().Sub(last.at) < checkEvery {
		return last.results, last.at, nil
	}
	select {
	case run := <-c.running.DoChan("", c.runAll):
		if run.Err != nil {
			return nil, time.Time{}, run.Err
		}
		last = run.Val.(*checked) //nolint:forcetypeassert // what runAll returns
	case <-time.After(checkPatience):
	case <-ctx.Done():
		return nil, time.Time{}, ctx.Err()
	}
	if last == nil {
		return c.unasked(), time.Time{}, nil
	}
	return last.results, last.at, nil
}

// unasked are the results of a run that has not ended.
func (c *checker) unasked() []Result {
	list := make([]Result, len(c.checks))
	for i, check := range c.checks {
		list[i] = Result{Promise: check.Promise, Name: check.Name, Unasked: true}
	}
	return list
}

// runAll runs all checks and keeps what they found. It outlives the visitor who asked first, since others read it.
func (c *checker) runAll() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	passed, err := c.passed(ctx)
	if err != nil {
		return nil, err
	}
	run := &checked{at: c.now(), results: make([]Result, len(c.checks))}
	for i, check := range c.checks {
		result := c.run(check)
		if !result.OK {
			result.Passed = passed[check.Promise+check.Name]
		}
		run.results[i] = result
	}
	c.last.Store(run)
	return run, nil
}

// run runs one check. It knows nothing of the visitor who asked first, neither route nor name, since it may ask for pages
// that are kept for all.
func (c *checker) run(check Check) Result {
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	result := Result{Promise: check.Promise, Name: check.Name}
	err := survived(ctx, check.Run)
	if err == nil {
		result.OK, result.Passed = true, c.now()
		return result
	}
	result.Fault, result.Unasked = err.Error(), Unasked(err)
	if result.Unasked {
		c.log.WarnContext(ctx, "a check came to no end", "promise", check.Promise, "check", check.Name, "err", err)
	} else {
		c.log.ErrorContext(ctx, "a promise is broken", "promise", check.Promise, "check", check.Name, "err", err)
	}
	return result
}

// survived turns a panic into an error: nobody stands above a check who would.
func survived(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return run(ctx)
}

// passed reads when each check was recorded to have passed.
func (c *checker) passed(ctx context.Context) (map[string]time.Time, error) {
	type row struct {
		Promise  string    `db:"promise"`
		Name     string    `db:"name"`
		PassedAt time.Time `db:"passed_at"`
	}
	list, err := postgres.Rows[row](ctx, c.pool, `SELECT promise, name, passed_at FROM promise_check`)
	if err != nil {
		return nil, fmt.Errorf("read checks: %w", err)
	}
	at := make(map[string]time.Time, len(list))
	for _, r := range list {
		at[r.Promise+r.Name] = r.PassedAt
	}
	return at, nil
}

// record runs all checks and keeps when each passed, so that a page can say since when one fails.
func (c *checker) record(ctx context.Context) error {
	b := &pgx.Batch{}
	for _, check := range c.checks {
		if result := c.run(check); result.OK {
			b.Queue(`
				INSERT INTO promise_check (promise, name, passed_at) VALUES ($1, $2, $3)
				ON CONFLICT (promise, name) DO UPDATE SET passed_at = EXCLUDED.passed_at`,
				result.Promise, result.Name, result.Passed)
		}
	}
	if err := c.pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("record checks: %w", err)
	}
	return nil
}

// Checks returns all checks, so that `site doctor` can run them and `site prove` can prove them.
func (r *Room) Checks() []Check { return r.checker.checks }
