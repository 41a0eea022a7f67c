package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/postgres/cluster"
)

// Scratch is a throwaway server whose databases are copies of one migrated template. It gives up durability for speed:
// for tests and proofs, never for what somebody relies on.
type Scratch struct {
	cluster *cluster.Cluster
	admin   *pgxpool.Pool
	last    atomic.Int64
}

const scratchTemplate = "template_site"

// NewScratch starts the server in dir, which it may fill, and migrates the template. Close it.
func NewScratch(ctx context.Context, dir string) (*Scratch, error) {
	c, err := cluster.Start(ctx, cluster.Config{Dir: dir, Throwaway: true})
	if err != nil {
		return nil, err
	}
	admin, err := ConnectAdmin(ctx, c.URL(cluster.Owner, "postgres"))
	if err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	s := &Scratch{cluster: c, admin: admin}
	if err := s.makeTemplate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("make the template: %w", err), s.Close())
	}
	return s, nil
}

// Close ends the server. What it held is gone as far as anybody may rely on.
func (s *Scratch) Close() error {
	s.admin.Close()
	return s.cluster.Stop()
}

// Socket is the folder of the server's socket.
func (s *Scratch) Socket() string { return s.cluster.Socket() }

// URL is the connection string of a role, EmbeddedRole for serving, and a database.
func (s *Scratch) URL(role, database string) string { return s.cluster.URL(role, database) }

// Copy makes a migrated database and returns its name.
func (s *Scratch) Copy(ctx context.Context) (string, error) {
	return s.create(ctx, " TEMPLATE "+scratchTemplate)
}

// Empty makes a database without any schema and returns its name.
func (s *Scratch) Empty(ctx context.Context) (string, error) { return s.create(ctx, "") }

func (s *Scratch) create(ctx context.Context, how string) (string, error) {
	name := fmt.Sprintf("scratch_%d", s.last.Add(1))
	if _, err := s.admin.Exec(ctx, `CREATE DATABASE `+name+how); err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	return name, nil
}

// Drop removes a database, whoever is connected to it.
func (s *Scratch) Drop(ctx context.Context, name string) error {
	if _, err := s.admin.Exec(ctx, `DROP DATABASE `+quote(name)+` WITH (FORCE)`); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

// Open opens one of the databases as a site does that was given its address.
func (s *Scratch) Open(ctx context.Context, name string) (*DB, error) {
	return Open(ctx, Config{URL: s.URL(EmbeddedRole, name), AdminURL: s.URL(cluster.Owner, name)})
}

func (s *Scratch) makeTemplate(ctx context.Context) error {
	if err := CreateRole(ctx, s.admin, EmbeddedRole); err != nil {
		return err
	}
	if _, err := s.admin.Exec(ctx, `CREATE DATABASE `+scratchTemplate); err != nil {
		return err
	}
	admin, err := ConnectAdmin(ctx, s.URL(cluster.Owner, scratchTemplate))
	if err != nil {
		return err
	}
	err = Migrate(ctx, admin, EmbeddedRole)
	admin.Close()
	if err != nil {
		return err
	}
	return s.alone(ctx)
}

// alone waits until the server has seen the template's last connection go: a copy is refused before.
func (s *Scratch) alone(ctx context.Context) error {
	for {
		err := s.admin.QueryRow(ctx, `SELECT FROM pg_stat_activity WHERE datname = $1 LIMIT 1`, scratchTemplate).Scan()
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}
