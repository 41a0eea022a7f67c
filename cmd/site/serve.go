package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"clickcommerce.com/site/internal/job"
)

const (
	stopVisitors = 10 * time.Second // how long requests under way may take to end
	stopWork     = 20 * time.Second
	firstWork    = 2 * time.Second // how long the jobs' first turns take, about
)

func runServe(ctx context.Context, c *cli) error {
	if c.cfg.writes() {
		if err := writable(c.cfg.VarDir); err != nil {
			return callFault{fmt.Errorf("VAR_DIR: %w", err)}
		}
	}
	public, err := net.Listen("tcp", c.cfg.Listen)
	if err != nil {
		return fmt.Errorf("LISTEN: %w", err)
	}
	admin, err := net.Listen("tcp", c.cfg.AdminListen)
	if err != nil {
		return errors.Join(fmt.Errorf("ADMIN_LISTEN: %w", err), public.Close())
	}
	a, err := open(ctx, c)
	if err != nil {
		return errors.Join(err, public.Close(), admin.Close())
	}
	if err := a.eraser.Current(ctx); err != nil {
		return errors.Join(err, public.Close(), admin.Close(), a.Close())
	}
	return errors.Join(a.serve(ctx, public, admin), a.Close())
}

// writable makes a folder where it is missing, and tries to write in it: that it can't be is not to be missed by a visitor
// first.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // as root, the embedded database runs as another user
		return err
	}
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// serve answers on both listeners until ctx ends, and returns once everything under way has ended: visitors first, then
// the work.
func (a *app) serve(ctx context.Context, public, admin net.Listener) error {
	if err := a.startWork(ctx, a.index.Start, a.workspace.Start); err != nil {
		return errors.Join(err, public.Close(), admin.Close())
	}
	site, metrics := publicServer(a.front()), adminServer(a.adminHandler())

	settleMemory()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return closed(site.Serve(newAnswers(public))) })
	group.Go(func() error { return closed(metrics.Serve(admin)) })
	group.Go(func() error { a.pages.Watch(ctx, a.pool, a.statements.Refresh); return nil })
	group.Go(func() error { a.keepUp(ctx); return nil })
	group.Go(func() error { return a.refuseOlder(ctx) })
	group.Go(func() error { a.visits.Run(ctx); return nil })
	group.Go(func() error {
		<-ctx.Done()
		return a.stop(site, metrics)
	})
	fmt.Fprintf(a.stdout, "Serving %s (metrics and pprof at http://%s).\n", a.cfg.PublicURL, admin.Addr())
	err := group.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopVisitors)
	defer cancel()
	return errors.Join(err, a.visits.Flush(last)) // what was counted since the last minute
}

// publicServer and adminServer let no client hold a connection for ever.
func publicServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ConnState: answered, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 3 * time.Minute, // an upload on a slow line
		WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
}

func adminServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 2 * time.Minute, // a profile is sent when its seconds are over
		IdleTimeout:  time.Minute, MaxHeaderBytes: 64 << 10,
	}
}

// startWork starts the jobs, and then what looks at the database beside them. Where that fails the jobs end again: they
// would keep their connections, and the database could never be let go of.
func (a *app) startWork(ctx context.Context, others ...func(context.Context) error) error {
	a.began, a.leaving = time.Now(), ctx.Done()
	if err := a.jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	a.running.Store(true)
	time.AfterFunc(proofWaits, func() { a.wake(proofWorker) })
	for _, start := range others {
		if err := start(ctx); err != nil {
			return errors.Join(err, a.endWork(stopWork))
		}
	}
	return nil
}

// endWork ends the jobs, those that still run once patience is over by force.
func (a *app) endWork(patience time.Duration) error {
	a.running.Store(false)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return a.jobs.Stop(ctx)
}

// settleMemory gives back what only the start and the first turns of the jobs needed, and lets garbage grow to three times
// what is in use before it is collected: what is in use is little, and collecting it takes a fifth of the time of a busy
// site. GOGC overrides it.
func settleMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
	debug.FreeOSMemory()
	time.AfterFunc(firstWork, debug.FreeOSMemory)
}

func closed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (a *app) stop(site, metrics *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopVisitors)
	defer cancel()
	err := site.Shutdown(ctx)
	if err != nil { // whoever is still there is cut off, and gives back what the pool waits for
		err = errors.Join(err, site.Close())
	}
	return errors.Join(err, a.endWork(stopWork), metrics.Close())
}

// keepUp reads every 20 seconds what other instances may have changed.
func (a *app) keepUp(ctx context.Context) {
	tick := time.NewTicker(20 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := a.follow(ctx); err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "could not keep up with the database", "err", err)
		}
	}
}

// workers is the work that follows from rows, whoever wrote them.
func (a *app) workers() []job.Worker {
	list := []job.Worker{
		{Name: "mail", Every: 5 * time.Second, Timeout: 5 * time.Minute, Run: a.mail.Drain},
		{Name: "scan", Every: 5 * time.Second, Timeout: 10 * time.Minute, Run: a.files.Scan},
		{Name: "index", Every: 5 * time.Second, Run: a.store.Index},
		{Name: "sweep_files", Every: time.Hour, Timeout: 10 * time.Minute, Run: func(ctx context.Context) error {
			_, err := a.files.Sweep(ctx)
			return err
		}},
		a.index.Worker(),
		a.proofWork(),
	}
	for _, act := range a.rooms.activities {
		list = append(list, act.Work...)
	}
	list = append(list, a.eraser.Work()...)
	list = append(list, a.retainer.Work()...)
	list = append(list, a.rooms.work...)
	return slices.DeleteFunc(list, func(w job.Worker) bool { return w.Name == a.without.Job })
}

// adminHandler is for operators: metrics and profiles.
func (a *app) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(a.metrics(), promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
