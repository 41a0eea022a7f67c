// Package postgres opens the database, keeps its schema, and owns the few rules about connections.
// Nothing else opens one; rooms are handed the pool.
//
// With Config.URL empty the database is embedded: the distribution's server, run privately under
// Config.VarDir (see package cluster), with the role site_owner as owner and site as the serving role.
// That is the development default. Otherwise any PostgreSQL 15 or newer serves:
//
//   - DATABASE_URL names the serving role. Best is a role of its own without rights beyond LOGIN:
//     Migrate makes it a member of site_serve (no DDL, no change of what is append-only) and lets it
//     enter site_marketing. Serving as the owner works, without that fence; see DB.ServesAsOwner.
//   - DATABASE_ADMIN_URL names the owner of the database, for Migrate. It needs CREATEROLE, or the
//     roles site_serve, site_marketing and site_ledger made beforehand, the first two granted to the serving
//     role, the last to the owner.
//   - Behind PgBouncer in transaction mode, DATABASE_URL carries default_query_exec_mode=cache_describe
//     and DATABASE_ADMIN_URL goes past PgBouncer. Statement timeouts are then PgBouncer's or the
//     role's to set (ALTER ROLE … SET statement_timeout), and jobs are polled for. Each instance needs
//     eight server connections or more (default_pool_size): see package job.
//
// Times come back in UTC. A statement of the serving role ends after 30 s, an idle transaction after
// 60 s, unless DATABASE_URL says otherwise; pool_max_conns is 16 unless it is given there.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/postgres/cluster"
)

// Config says which database to use.
type Config struct {
	URL      string // DATABASE_URL: the serving role; empty means embedded
	AdminURL string // DATABASE_ADMIN_URL: the owner; empty means URL
	VarDir   string // VAR_DIR: the embedded cluster lives in its folder "postgres"
	Log      *slog.Logger
}

// DB is an open database. Use Pool for everything but the schema.
type DB struct {
	Pool *pgxpool.Pool // as the serving role

	cluster  *cluster.Cluster // nil unless embedded
	adminURL string
	mu       sync.Mutex
	admin    *pgxpool.Pool
}

// Open connects, having started the embedded cluster if that is what the configuration asks for.
// It gives a database that is starting up a few seconds. The schema is not touched: see Ready.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if cfg.URL == "" {
		return openEmbedded(ctx, cfg)
	}
	silent := time.AfterFunc(time.Second, func() {
		cfg.Log.Warn("DATABASE_URL: nobody answers yet", "trying_for", startingUp.String())
	})
	pool, err := Connect(ctx, cfg.URL)
	silent.Stop()
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	db := &DB{Pool: pool, adminURL: cfg.AdminURL}
	if db.adminURL == "" {
		db.adminURL = cfg.URL
	}
	return db, nil
}

func openEmbedded(ctx context.Context, cfg Config) (*DB, error) {
	c, err := cluster.Start(ctx, cluster.Config{Dir: filepath.Join(cfg.VarDir, "postgres"), Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	db, err := attach(ctx, c)
	if err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	cfg.Log.Warn("DATABASE_URL is empty: the embedded database is used, which is for development only",
		"version", c.Major(), "folder", c.Dir(),
		"psql", fmt.Sprintf("psql -h %s -U %s %s", c.Socket(), cluster.Owner, embeddedDatabase))
	return db, nil
}

// attach makes the serving role and the database where they are missing, and connects.
func attach(ctx context.Context, c *cluster.Cluster) (*DB, error) {
	first, err := ConnectAdmin(ctx, c.URL(cluster.Owner, "postgres"))
	if err != nil {
		return nil, fmt.Errorf("embedded Postgres: %w", err)
	}
	defer first.Close()
	if err := createEmbedded(ctx, first); err != nil {
		return nil, fmt.Errorf("embedded Postgres: %w", err)
	}
	pool, err := Connect(ctx, c.URL(EmbeddedRole, embeddedDatabase))
	if err != nil {
		return nil, fmt.Errorf("embedded Postgres: %w", err)
	}
	return &DB{Pool: pool, cluster: c, adminURL: c.URL(cluster.Owner, embeddedDatabase)}, nil
}

// Embedded tells whether the database is the development default.
func (db *DB) Embedded() bool { return db.cluster != nil }

// Admin is a pool of the same database as its owner, without timeouts. It is opened at first use and
// closed by Close.
func (db *DB) Admin(ctx context.Context) (*pgxpool.Pool, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.admin != nil {
		return db.admin, nil
	}
	pool, err := ConnectAdmin(ctx, db.adminURL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_ADMIN_URL: %w", err)
	}
	db.admin = pool
	return pool, nil
}

// Close waits for the connections in use to come back, and stops the embedded server if this process
// started it.
func (db *DB) Close() error {
	db.Pool.Close()
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.admin != nil {
		db.admin.Close()
	}
	if db.cluster != nil {
		return db.cluster.Stop()
	}
	return nil
}

// Ready migrates the embedded database and checks any other: ErrSchemaOld, ErrSchemaNew.
func (db *DB) Ready(ctx context.Context) error {
	if db.Embedded() {
		if err := db.Migrate(ctx); err != nil {
			return err
		}
	}
	return db.CheckSchema(ctx)
}

// Migrate brings the schema up to this binary's, as owner; see the function of that name.
func (db *DB) Migrate(ctx context.Context) error {
	admin, err := db.Admin(ctx)
	if err != nil {
		return err
	}
	return Migrate(ctx, admin, db.Pool.Config().ConnConfig.User)
}

// MigrateDown removes everything that Migrate made, the data included.
func (db *DB) MigrateDown(ctx context.Context) error {
	admin, err := db.Admin(ctx)
	if err != nil {
		return err
	}
	return MigrateDown(ctx, admin)
}

// CheckSchema tells whether this binary can serve the schema that it finds.
func (db *DB) CheckSchema(ctx context.Context) error { return CheckSchema(ctx, db.Pool) }

// ServesAsOwner tells whether the serving role has the owner's rights, so that only triggers guard
// what is append-only. The schema must be there.
func (db *DB) ServesAsOwner(ctx context.Context) (bool, error) { return owns(ctx, db.Pool) }

// AdminOwns tells whether the role that migrates has the owner's rights. The schema must be there.
func (db *DB) AdminOwns(ctx context.Context) (bool, error) {
	admin, err := db.Admin(ctx)
	if err != nil {
		return false, err
	}
	return owns(ctx, admin)
}

func owns(ctx context.Context, pool *pgxpool.Pool) (owner bool, err error) {
	err = pool.QueryRow(ctx, `
		SELECT pg_has_role(current_user, relowner, 'MEMBER')
		FROM pg_class WHERE oid = 'schema_step'::regclass`).Scan(&owner)
	if err != nil {
		return false, fmt.Errorf("look up the schema's owner: %w", err)
	}
	return owner, nil
}

// Identity tells the database that answers from another that was put in its place: it differs once the server started
// anew, and once database or tables were made or emptied anew, as restoring a backup does.
func Identity(ctx context.Context, pool *pgxpool.Pool) (identity string, err error) {
	err = pool.QueryRow(ctx, `
		SELECT concat_ws(' ', pg_postmaster_start_time(), d.oid, pg_relation_filenode('person'), pg_relation_filenode('suppression'),
			pg_relation_filenode('erasure'))
		FROM pg_database d WHERE d.datname = current_database()`).Scan(&identity)
	if err != nil {
		return "", fmt.Errorf("ask the database who it is: %w", err)
	}
	return identity, nil
}
