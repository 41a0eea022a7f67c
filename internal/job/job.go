// Package job runs the work that follows from rows: drainers that look for rows in a certain state
// and move them on. River schedules them; the rows themselves are the queue, so nothing is lost with a
// job.
//
// It promises: each worker runs at least every Worker.Every on one of the instances that share the
// database, soon after Kick (at most a second behind PgBouncer, where there is no LISTEN), and not
// at the same time on two of them. A run that fails is tried again. A killed process
// delays the others by some seconds at most.
package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"clickcommerce.com/site/internal/postgres"
)

const (
	// atOnce bounds how many workers of this instance run together; each holds a connection for its
	// lock beside the ones that it uses. PgBouncer must have twice as many for us: with fewer, the locks
	// could keep the workers from what they need to end.
	atOnce = 4
	// period bounds how long the job of a killed process, still marked as running, keeps new ones out.
	period = 15 * time.Second
	// usualTimeout is a worker's when it names none.
	usualTimeout = time.Minute
	// attempts is low: the next period brings a fresh job anyway.
	attempts = 3
)

// Worker is one kind of periodic work. Run must be safe to repeat: it may be cut off anywhere.
type Worker struct {
	Name    string        // unique, lower case with underscores
	Every   time.Duration // at least a second
	Timeout time.Duration // for one run; 0 means a minute
	Run     func(ctx context.Context) error
}

func (w Worker) timeout() time.Duration {
	if w.Timeout > 0 {
		return w.Timeout
	}
	return usualTimeout
}

// Jobs runs a set of workers.
type Jobs struct {
	pool    *pgxpool.Pool
	log     *slog.Logger
	client  *river.Client[pgx.Tx]
	workers map[string]Worker
	kicks   map[string]chan struct{} // one waiting kick at most
	stop    context.CancelFunc
	kickers sync.WaitGroup
}

// New prepares the workers; nothing runs before Start. It fails on two workers of one name, or one
// without a name, period or function.
func New(pool *pgxpool.Pool, log *slog.Logger, workers ...Worker) (*Jobs, error) {
	j := &Jobs{pool: pool, log: log, workers: map[string]Worker{}, kicks: map[string]chan struct{}{}}
	longest := usualTimeout
	periodic := make([]*river.PeriodicJob, 0, len(workers))
	for _, w := range workers {
		if _, twice := j.workers[w.Name]; twice || w.Name == "" || w.Every < time.Second || w.Run == nil {
			return nil, fmt.Errorf("job %q: needs a name of its own, a period of a second or more, and a function", w.Name)
		}
		j.workers[w.Name] = w
		j.kicks[w.Name] = make(chan struct{}, 1)
		longest = max(longest, w.timeout())
		periodic = append(periodic, river.NewPeriodicJob(river.PeriodicInterval(w.Every),
			func() (river.JobArgs, *river.InsertOpts) { return drain{Name: w.Name}, nil }, nil))
	}
	registry := river.NewWorkers()
	if err := river.AddWorkerSafely(registry, &drainer{jobs: j}); err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Schema:       postgres.JobSchema,
		Logger:       slog.New(quiet{log.Handler()}),
		Workers:      registry,
		Queues:       map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: atOnce}},
		PeriodicJobs: periodic,
		PollOnly:     postgres.Pooled(pool.Config().ConnConfig),

		FetchCooldown:        50 * time.Millisecond,
		MaxAttempts:          attempts,
		RescueStuckJobsAfter: longest + time.Minute,
		// A drainer every 5 s leaves 17,000 rows a day; only failures are worth a look later.
		CompletedJobRetentionPeriod: time.Hour,
		DiscardedJobRetentionPeriod: 48 * time.Hour,
		// REINDEX takes the tables' owner, which the serving role is not.
		ReindexerIndexNames: []string{},
	})
	if err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	j.client = client
	return j, nil
}

// Client is River's own, for its staff pages.
func (j *Jobs) Client() *river.Client[pgx.Tx] { return j.client }

// Start begins to work, with one run of each worker at once. It goes on until Stop, whatever becomes
// of ctx.
func (j *Jobs) Start(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if err := j.client.Start(ctx); err != nil {
		return fmt.Errorf("start jobs: %w", err)
	}
	ctx, j.stop = context.WithCancel(ctx)
	for name, kick := range j.kicks {
		j.kickers.Go(func() { j.insert(ctx, name, kick) })
		j.Kick(name)
	}
	return nil
}

// Stop takes no new work and waits for what runs; when ctx ends first, it cancels the contexts of
// what still runs and waits five seconds more.
func (j *Jobs) Stop(ctx context.Context) error {
	if j.stop == nil {
		return nil
	}
	j.stop()
	j.kickers.Wait()
	err := j.client.Stop(ctx)
	if err == nil || ctx.Err() == nil {
		return err
	}
	hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := j.client.StopAndCancel(hard); err != nil {
		return fmt.Errorf("stop jobs: %w", err)
	}
	return nil
}

// Kick has a worker run soon. Call it after the commit of what the worker is to see, never inside the
// transaction. It costs nothing: kicks are gathered and a job inserted in the background.
func (j *Jobs) Kick(name string) {
	kick, ok := j.kicks[name]
	if !ok {
		j.log.Error("kick of an unknown job", "job", name)
		return
	}
	select {
	case kick <- struct{}{}:
	default: // one is waiting already, and will be inserted after this moment
	}
}

// insert turns kicks into jobs. A job that runs already may have looked before the kick's commit, so
// the kick waits until a fresh one is accepted; one that has not begun will see it.
func (j *Jobs) insert(ctx context.Context, name string, kick <-chan struct{}) {
	const soon, late = 100 * time.Millisecond, time.Second
	for {
		select {
		case <-ctx.Done():
			return
		case <-kick:
		}
		for wait := soon; ; wait = min(2*wait, late) {
			res, err := j.client.Insert(ctx, drain{Name: name}, nil)
			if err == nil && (!res.UniqueSkippedAsDuplicate || res.Job.State != rivertype.JobStateRunning) {
				break
			}
			if err != nil && ctx.Err() == nil {
				j.log.Warn("a job could not be inserted yet", "job", name, "error", err)
				wait = late
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		}
	}
}

// drain is the job: run the worker of that name.
type drain struct {
	Name string `json:"name"`
}

func (drain) Kind() string { return "drain" }

// InsertOpts keeps one job of a name at a time, per period.
func (drain) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: river.UniqueOpts{
		ByArgs: true, ByPeriod: period,
		ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
			rivertype.JobStateRunning, rivertype.JobStateScheduled,
		},
	}}
}

type drainer struct {
	river.WorkerDefaults[drain]
	jobs *Jobs
}

func (d *drainer) Timeout(job *river.Job[drain]) time.Duration {
	return d.jobs.workers[job.Args.Name].timeout()
}

func (d *drainer) NextRetry(job *river.Job[drain]) time.Time {
	return time.Now().Add(time.Duration(job.Attempt*job.Attempt) * time.Second)
}

// Work runs the worker under a lock that dies with the connection: jobs of two periods, or one that
// was given up and one that is new, would otherwise run side by side.
func (d *drainer) Work(ctx context.Context, job *river.Job[drain]) error {
	w, ok := d.jobs.workers[job.Args.Name]
	if !ok {
		return fmt.Errorf("no worker %q in this program", job.Args.Name)
	}
	busy := false
	err := pgx.BeginFunc(ctx, d.jobs.pool, func(tx pgx.Tx) error {
		// The transaction idles for as long as the worker runs.
		if _, err := tx.Exec(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
			return err
		}
		var locked bool
		err := tx.QueryRow(ctx,
			`SELECT pg_try_advisory_xact_lock(hashtextextended('job ' || $1, 0))`, w.Name).Scan(&locked)
		if err != nil {
			return err
		}
		if busy = !locked; busy {
			return nil
		}
		return w.Run(ctx)
	})
	if busy {
		return river.JobSnooze(time.Second)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", w.Name, err)
	}
	return err
}

// quiet passes on River's warnings and errors.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}

func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }
func (q quiet) WithGroup(name string) slog.Handler   { return quiet{q.Handler.WithGroup(name)} }
