// Package pgtest gives each test a migrated database of its own on a real server.
//
// The server is private to the test process, started by the first New, and dies with the process;
// what dead processes left behind is removed by the next. Databases are copies of one migrated
// template, so a test costs some tens of milliseconds and may run in parallel with any other.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/postgres/cluster"
)

const (
	// small keeps many parallel tests below the server's limit of 200 connections.
	small = "&pool_max_conns=8"
	// closing is how long the test's own connections have to come back.
	closing = 10 * time.Second
)

// shared is started by the first test that asks, and never stopped: the process's end does that.
var shared = sync.OnceValues(start)

// New returns a pool on a fresh migrated database, as the serving role. The database is dropped when
// the test ends; a test that has not given back a connection by then fails.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	s := running(t)
	name, err := s.Copy(t.Context())
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	dropAfter(t, s, name)
	return open(t, s.URL(postgres.EmbeddedRole, name))
}

func dropAfter(t testing.TB, s *postgres.Scratch, name string) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closing)
		defer cancel()
		if err := s.Drop(ctx, name); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
}

// Admin returns a pool on the same database as its owner.
func Admin(t testing.TB, pool *pgxpool.Pool) *pgxpool.Pool {
	t.Helper()
	return open(t, AdminURL(t, pool))
}

// URL is the connection string of pool's database as the serving role.
func URL(t testing.TB, pool *pgxpool.Pool) string {
	t.Helper()
	return running(t).URL(postgres.EmbeddedRole, pool.Config().ConnConfig.Database)
}

// AdminURL is the connection string of pool's database as its owner.
func AdminURL(t testing.TB, pool *pgxpool.Pool) string {
	t.Helper()
	return running(t).URL(cluster.Owner, pool.Config().ConnConfig.Database)
}

// Empty returns the owner's connection string of a fresh database without any schema, dropped when
// the test ends.
func Empty(t testing.TB) string {
	t.Helper()
	s := running(t)
	name, err := s.Empty(t.Context())
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	dropAfter(t, s, name)
	return s.URL(cluster.Owner, name)
}

// Program is the path of one of Postgres's own programs, pg_dump or psql, of the version that the server has.
func Program(t testing.TB, name string) string {
	t.Helper()
	var major int
	if err := open(t, Empty(t)).QueryRow(t.Context(), `SELECT current_setting('server_version_num')::int / 10000`).Scan(&major); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	for _, dir := range []string{os.Getenv("POSTGRES_BIN"), fmt.Sprintf("/usr/lib/postgresql/%d/bin", major)} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); dir != "" && err == nil {
			return path
		}
	}
	return name // wherever the machine has it
}

func running(t testing.TB) *postgres.Scratch {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return s
}

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

// start runs the server in a folder of this process.
func start() (*postgres.Scratch, error) {
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
	return postgres.NewScratch(ctx, dir)
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
