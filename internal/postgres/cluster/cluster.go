// Package cluster runs a private PostgreSQL server out of the distribution's binaries: the database
// of a fresh checkout, and the database of the tests.
//
// It promises: the server listens on a Unix socket alone, in a folder that only its own user (and
// root) can enter, which is why its logins need no password. Root is dropped to the user postgres or
// nobody. Whoever starts first owns the server and stops it; further processes use the running one,
// and the first of them takes over when the owner goes. A killed process takes its server along, a
// killed server is started again, and the data survives both.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Owner is the role that initdb makes: superuser of the cluster and owner of all in it.
const Owner = "site_owner"

const (
	// startFor bounds a start: crash recovery after kill -9 took 0.3 s, a busy shutdown of the
	// server before may take some seconds more.
	startFor = 30 * time.Second
	// initFor bounds initdb, which writes and syncs a thousand files: a second or two, but far longer on a slow or busy
	// disk.
	initFor = 2 * time.Minute
	// lingerFor bounds the wait for a dead server's lock file, which stays while the dead process
	// is a zombie (about 1.5 s) or its children are still leaving.
	lingerFor = 10 * time.Second
	// watchEvery is how often a process that uses another's server looks whether the other is gone.
	watchEvery = 250 * time.Millisecond
)

// Config says where the server lives and for what.
type Config struct {
	// Dir holds the cluster, in a folder named after the major version. As root, when the server's
	// user cannot reach it, a folder below /var/lib or the temporary folder is used instead, and its file
	// "elsewhere" says which.
	Dir string
	// Throwaway gives up durability for speed and ends the server without a checkpoint: tests only.
	Throwaway bool
	// Log hears what the operator should know; nil means silence.
	Log *slog.Logger
}

// Cluster is a running server, ours or another process's.
type Cluster struct {
	cfg     Config
	install install
	place   place
	lock    *os.File
	server  *server // nil while another process owns it
	quit    chan struct{}
	quitted chan struct{}
}

// Start makes the cluster if there is none, starts its server if nobody runs it, and returns when
// the server answers.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("embedded Postgres: %w", err)
	}
	cfg.Dir = dir
	c := &Cluster{cfg: cfg, quit: make(chan struct{}), quitted: make(chan struct{})}
	if c.install, err = findInstall(home(dir)); err != nil {
		return nil, err
	}
	if c.place, err = findPlace(cfg, c.install); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.limit())
	defer cancel()
	if err := c.join(ctx); err != nil {
		return nil, errors.Join(err, c.release())
	}
	go c.watch()
	return c, nil
}

// limit is how long a start may take: longer while the cluster is to be made first, by us or by another process.
func (c *Cluster) limit() time.Duration {
	if _, err := os.Stat(filepath.Join(c.place.data, "PG_VERSION")); err != nil {
		return initFor + startFor
	}
	return startFor
}

// URL is the connection string of a role and database of this cluster.
func (c *Cluster) URL(role, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(role), Path: "/" + database,
		RawQuery: url.Values{"host": {c.place.run}, "port": {port}, "sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

// Major is the server's major version.
func (c *Cluster) Major() int { return c.install.major }

// Dir is the folder that holds the data, the log and, unless its path is too long, the socket.
func (c *Cluster) Dir() string { return c.place.dir }

// Socket is the folder of the socket: psql -h takes it.
func (c *Cluster) Socket() string { return c.place.run }

// Stop ends the server if this process owns it, and leaves it alone otherwise. Connections are cut.
func (c *Cluster) Stop() error {
	close(c.quit)
	<-c.quitted
	var err error
	if c.server != nil {
		err = c.server.stop(c.cfg.Throwaway)
		c.server = nil
	}
	return errors.Join(err, c.release())
}

// join makes this process the owner of a running server, or the guest of one.
func (c *Cluster) join(ctx context.Context) error {
	for {
		owner, err := c.own()
		if err != nil {
			return err
		}
		if owner {
			return c.run(ctx)
		}
		if c.alive(ctx) {
			return nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("embedded Postgres in %s: another process holds it and it does not answer: %w",
				c.place.dir, err)
		}
	}
}

// own tries to take the lock that the owner holds for as long as it lives; the kernel drops it with
// the process, however that ends.
func (c *Cluster) own() (bool, error) {
	if c.lock == nil {
		f, err := os.OpenFile(filepath.Join(c.place.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return false, fmt.Errorf("embedded Postgres (made by another user?): %w", err)
		}
		c.lock = f
	}
	err := syscall.Flock(int(c.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("embedded Postgres: lock %s: %w", c.lock.Name(), err)
	}
	return true, nil
}

func (c *Cluster) release() error {
	if c.lock == nil {
		return nil
	}
	err := c.lock.Close()
	c.lock = nil
	return err
}

// watch starts the server again when it dies under us, and takes over when its owner goes.
func (c *Cluster) watch() {
	defer close(c.quitted)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		var died <-chan struct{}
		if c.server != nil {
			died = c.server.done
		}
		select {
		case <-c.quit:
			return
		case <-died:
			c.server = nil
			c.cfg.Log.Error("the embedded Postgres ended under us: starting it again")
		case <-tick.C:
			if c.server != nil {
				continue
			}
			if owner, err := c.own(); err != nil || !owner {
				continue
			}
			c.cfg.Log.Warn("the process that ran the embedded Postgres is gone: taking over")
		}
		c.restart()
	}
}

// restart tries once; watch comes back to it at its next tick, since the lock is ours by now.
func (c *Cluster) restart() {
	ctx, cancel := context.WithTimeout(context.Background(), c.limit())
	defer cancel()
	go func() {
		select {
		case <-c.quit:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := c.run(ctx); err != nil && ctx.Err() == nil {
		c.cfg.Log.Error("the embedded Postgres does not start", "error", err)
	}
}

// pause waits, or returns why there is no time left.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
