package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is a postmaster that this process started.
type server struct {
	process *os.Process
	done    chan struct{} // closed when it has ended and been waited for
}

// run makes the data folder where it is missing and starts the server in it. Call it as owner.
func (c *Cluster) run(ctx context.Context) error {
	if err := c.initialise(ctx); err != nil {
		return err
	}
	lingering := time.Now().Add(lingerFor)
	for {
		if err := c.endOrphan(ctx); err != nil {
			return err
		}
		s, err := c.launch()
		if err != nil {
			return err
		}
		if err = c.ready(ctx, s); err == nil {
			c.server = s
			return nil
		}
		select {
		case <-s.done:
		default: // out of time, but alive
			return errors.Join(err, s.stop(true))
		}
		// A server that fails for another reason takes its own lock file away.
		_, lockErr := os.Stat(filepath.Join(c.place.data, "postmaster.pid"))
		if lockErr != nil || time.Now().After(lingering) {
			return fmt.Errorf("embedded Postgres does not start: %w: %s", err, c.lastWords())
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("embedded Postgres: waiting for the last server to go: %w", err)
		}
	}
}

// initialise runs initdb beside the final place and renames, so that a killed one leaves nothing that
// looks like a cluster.
func (c *Cluster) initialise(ctx context.Context) error {
	switch v, err := os.ReadFile(filepath.Join(c.place.data, "PG_VERSION")); {
	case err == nil && string(bytes.TrimSpace(v)) != strconv.Itoa(c.install.major):
		return fmt.Errorf("embedded Postgres: %s holds data of version %s, the server is %d: install that version",
			c.place.data, bytes.TrimSpace(v), c.install.major)
	case err == nil:
		return nil
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("embedded Postgres: %w", err)
	}
	if others, _ := filepath.Glob(filepath.Join(filepath.Dir(c.place.dir), "*", "data")); len(others) > 0 {
		c.cfg.Log.Warn("a new, empty embedded database is made: the data of another version of Postgres stays where it is",
			"version", c.install.major, "other", others)
	}
	fresh := c.place.data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("embedded Postgres: %w", err)
	}
	args := []string{
		"-D", fresh, "-U", Owner, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
		"--data-checksums", "--no-instructions",
	}
	if c.cfg.Throwaway {
		args = append(args, "--no-sync")
	}
	ctx, cancel := context.WithTimeout(ctx, initFor)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.install.path("initdb"), args...)
	c.prepare(cmd, syscall.SIGKILL)
	// The death signal is bound to the thread that starts the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	if err := os.Rename(fresh, c.place.data); err != nil {
		return fmt.Errorf("embedded Postgres: %w", err)
	}
	return nil
}

// prepare gives a server program its user, folder and a clean environment: no PG… of ours.
func (c *Cluster) prepare(cmd *exec.Cmd, orphaned syscall.Signal) {
	cmd.Dir = c.place.dir
	cmd.Env = []string{"PATH=" + c.install.bin + ":/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = procAttr(c.place.account, orphaned)
}

func (c *Cluster) settings() []string {
	s := []string{
		"listen_addresses=", "unix_socket_permissions=0700", "timezone=UTC", "log_timezone=UTC",
		// A statement's values and the rows of a violated constraint are people's data.
		"log_error_verbosity=terse", "log_min_error_statement=panic",
		"max_connections=100", "jit=off",
	}
	if c.cfg.Throwaway {
		s = append(s, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal",
			"max_wal_senders=0", "shared_buffers=64MB", "max_connections=200", "autovacuum=off")
	}
	return s
}

// launch starts the postmaster and keeps waiting for it, so that it never stays a zombie.
func (c *Cluster) launch() (*server, error) {
	log, err := c.openLog()
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args := []string{"-D", c.place.data, "-k", c.place.run, "-p", port}
	for _, s := range c.settings() {
		args = append(args, "-c", s)
	}
	cmd := exec.Command(c.install.path("postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	orphaned := syscall.SIGINT // a fast, clean shutdown
	if c.cfg.Throwaway {
		orphaned = syscall.SIGQUIT
	}
	c.prepare(cmd, orphaned)

	s := &server{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Never unlocked: the kernel sends the death signal when the starting thread ends, so the
		// thread must live as long as the server.
		runtime.LockOSThread()
		err := cmd.Start()
		if err == nil {
			s.process = cmd.Process
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // why it ended stands in its log
		}
		close(s.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	return s, nil
}

func (c *Cluster) openLog() (*os.File, error) {
	name := filepath.Join(c.place.dir, "postgres.log")
	const keep = 10 << 20
	if info, err := os.Stat(name); err == nil && info.Size() > keep {
		if err := os.Rename(name, name+".1"); err != nil {
			return nil, fmt.Errorf("embedded Postgres: %w", err)
		}
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("embedded Postgres: %w", err)
	}
	return f, nil
}

// lastWords is the end of the server's log.
func (c *Cluster) lastWords() string {
	b, err := os.ReadFile(filepath.Join(c.place.dir, "postgres.log"))
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-600):]))
}

// ready waits until the server answers, ends, or ctx does.
func (c *Cluster) ready(ctx context.Context, s *server) error {
	for {
		err := c.answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return errors.New("the server ended")
		case <-ctx.Done():
			return fmt.Errorf("embedded Postgres does not answer: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// answers tries one connection.
func (c *Cluster) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.URL(Owner, "postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

func (c *Cluster) alive(ctx context.Context) bool { return c.answers(ctx) == nil }

// endOrphan stops a server that answers though its owner is gone and nobody else owns it.
func (c *Cluster) endOrphan(ctx context.Context) error {
	if !c.alive(ctx) {
		return nil
	}
	b, err := os.ReadFile(filepath.Join(c.place.data, "postmaster.pid"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("embedded Postgres: %w", err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	if pid, err := strconv.Atoi(first); err == nil && pid > 1 {
		_ = syscall.Kill(pid, syscall.SIGINT) // gone meanwhile is as good
	}
	return nil
}

// stop ends the server: cleanly unless hurried, by force if it does not.
func (s *server) stop(hurry bool) error {
	steps := []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, 20 * time.Second}, {syscall.SIGQUIT, 5 * time.Second}, {syscall.SIGKILL, 5 * time.Second}}
	if hurry {
		steps = steps[1:]
	}
	for _, step := range steps {
		_ = s.process.Signal(step.signal) // gone meanwhile is as good
		select {
		case <-s.done:
			return nil
		case <-time.After(step.wait):
		}
	}
	return errors.New("embedded Postgres does not end")
}
