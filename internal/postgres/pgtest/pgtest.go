// Package pgtest gives each test a migrated database of its own on a real server.
//
// The server is private to the test process, started by the first New, and dies with the process;
// what dead processes left behind is removed by the next. Databases are copies of one migrated
// template, so a test costs some tens of milliseconds and may run in parallel with any other.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/postgres/cluster"
)

const (
	template = "template_site"
	// small keeps many parallel tests below the server's limit of 200 connections.
	small = "&pool_max_conns=8"
	// closing is how long the test's own connections have to come back.
	closing = 10 * time.Second
)

// server is this process's cluster and a pool that makes and drops databases in it.
type server struct {
	cluster *cluster.Cluster
	pool    *pgxpool.Pool
	last    atomic.Int64
}

// shared is started by the first test that asks, and never stopped: the process's end does that.
var shared = sync.OnceValues(start)

// New returns a pool on a fresh migrated database, as the serving role. The database is dropped when
// the test ends; a test that has not given back a connection by then fails.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	s := running(t)
	ctx := t.Context()
	name := fmt.Sprintf("test_%d", s.last.Add(1))
	if _, err := s.pool.Exec(ctx, `CREATE DATABASE `+name+` TEMPLATE `+template); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closing)
		defer cancel()
		if _, err := s.pool.Exec(ctx, `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return open(t, s.url(postgres.EmbeddedRole, name))
}

// Admin returns a pool on the same database as its owner.
func Admin(t testing.TB, pool *pgxpool.Pool) *pgxpool.Pool {
	t.Helper()
	return open(t, AdminURL(t, pool))
}

// URL is the connection string of pool's database as the serving role.
func URL(t testing.TB, pool *pgxpool.Pool) string {
	t.Helper()
	return running(t).url(postgres.EmbeddedRole, pool.Config().ConnConfig.Database)
}

// AdminURL is the connection string of pool's database as its owner.
func AdminURL(t testing.TB, pool *pgxpool.Pool) string {
	t.Helper()
	return running(t).url(cluster.Owner, pool.Config().ConnConfig.Database)
}

// Empty returns the owner's connection string of a fresh database without any schema, dropped when
// the test ends.
func Empty(t testing.TB) string {
	t.Helper()
	s := running(t)
	name := fmt.Sprintf("empty_%d", s.last.Add(1))
	if _, err := s.pool.Exec(t.Context(), `CREATE DATABASE `+name); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closing)
		defer cancel()
		if _, err := s.pool.Exec(ctx, `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return s.url(cluster.Owner, name)
}

func running(t testing.TB) *server {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return s
}

func (s *server) url(role, database string) string { return s.cluster.URL(role, database) }

func open(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Connect(t.Context(), url+small)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		closed := make(chan struct{})
		go func() {
			pool.Close()
			close(closed)
		}()
		select {
		case <-closed:
		case <-time.After(closing):
			t.Errorf("pgtest: %d connections were not given back", pool.Stat().AcquiredConns())
		}
	})
	return pool
}

// start runs the cluster in a folder of this process, and migrates the template.
func start() (*server, error) {
	parent := filepath.Join(os.TempDir(), fmt.Sprintf("site-pgtest-%d", os.Geteuid()))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	sweep(parent)
	dir, err := os.MkdirTemp(parent, "")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the server runs as another user when we are root
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := cluster.Start(ctx, cluster.Config{Dir: dir, Throwaway: true})
	if err != nil {
		return nil, err
	}
	pool, err := postgres.ConnectAdmin(ctx, c.URL(cluster.Owner, "postgres"))
	if err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	s := &server{cluster: c, pool: pool}
	if err := s.makeTemplate(ctx); err != nil {
		pool.Close()
		return nil, errors.Join(err, c.Stop())
	}
	return s, nil
}

func (s *server) makeTemplate(ctx context.Context) error {
	if err := postgres.CreateRole(ctx, s.pool, postgres.EmbeddedRole); err != nil {
		return err
	}
	if _, err := s.pool.Exec(ctx, `CREATE DATABASE `+template); err != nil {
		return err
	}
	admin, err := postgres.ConnectAdmin(ctx, s.cluster.URL(cluster.Owner, template))
	if err != nil {
		return err
	}
	err = postgres.Migrate(ctx, admin, postgres.EmbeddedRole)
	admin.Close()
	if err != nil {
		return err
	}
	return s.alone(ctx)
}

// alone waits until the server has seen the template's last connection go: a copy is refused before.
func (s *server) alone(ctx context.Context) error {
	for {
		err := s.pool.QueryRow(ctx, `SELECT FROM pg_stat_activity WHERE datname = $1 LIMIT 1`, template).Scan()
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// sweep removes the folders whose owner's lock is free: its process is dead. A lock that was made
// just now may not be held yet.
func sweep(parent string) {
	locks, _ := filepath.Glob(filepath.Join(parent, "*", "*", "lock"))
	for _, name := range locks {
		if info, err := os.Stat(name); err != nil || time.Since(info.ModTime()) < closing {
			continue
		}
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			dir := filepath.Dir(filepath.Dir(name))
			if strings.HasPrefix(dir, parent) {
				_ = os.RemoveAll(dir) // what stays is tried again by the next
			}
		}
		_ = f.Close()
	}
}
