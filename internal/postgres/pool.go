package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	maxConns      = 16
	maxAdminConns = 4
	// startingUp is how long a database may take from its start to its first answer.
	startingUp = 10 * time.Second
)

// Connect opens a pool with the settings of the serving role, and waits for an answer.
func Connect(ctx context.Context, url string) (*pgxpool.Pool, error) {
	cfg, err := poolConfig(url, maxConns)
	if err != nil {
		return nil, err
	}
	if !Pooled(cfg.ConnConfig) {
		setDefault(cfg.ConnConfig.RuntimeParams, "statement_timeout", "30s")
		setDefault(cfg.ConnConfig.RuntimeParams, "idle_in_transaction_session_timeout", "60s")
	}
	return open(ctx, cfg)
}

// ConnectAdmin opens a pool with the settings of the owner: no timeouts.
func ConnectAdmin(ctx context.Context, url string) (*pgxpool.Pool, error) {
	cfg, err := poolConfig(url, maxAdminConns)
	if err != nil {
		return nil, err
	}
	return open(ctx, cfg)
}

// Pooled tells whether the connection string is made for a pooler in transaction mode: there is no
// LISTEN, no session state, and no start-up parameter beyond those that PgBouncer knows.
func Pooled(cfg *pgx.ConnConfig) bool {
	return cfg.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement
}

// Hosts returns the hosts, or socket folders, to which a connection string leads. The error never repeats the password.
func Hosts(url string) ([]string, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	hosts := []string{cfg.ConnConfig.Host}
	for _, f := range cfg.ConnConfig.Fallbacks {
		if !slices.Contains(hosts, f.Host) {
			hosts = append(hosts, f.Host)
		}
	}
	return hosts, nil
}

func poolConfig(url string, conns int32) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err // names the setting, hides the password
	}
	plain, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if _, given := plain.RuntimeParams["pool_max_conns"]; !given {
		cfg.MaxConns = conns
	}
	if plain.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	setDefault(cfg.ConnConfig.RuntimeParams, "application_name", "site")
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	cfg.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		registerUUID(conn.TypeMap())
		conn.TypeMap().RegisterType(&pgtype.Type{
			Name: "timestamptz", OID: pgtype.TimestamptzOID,
			Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
		})
		return nil
	}
	return cfg, nil
}

func setDefault(params map[string]string, name, value string) {
	if _, given := params[name]; !given {
		params[name] = value
	}
}

func open(ctx context.Context, cfg *pgxpool.Config) (*pgxpool.Pool, error) {
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startingUp)
	defer cancel()
	var last error // of a try that was not cut off: it names host, port and reason, never the password
	for {
		err := pool.Ping(ctx)
		if err == nil {
			return pool, nil
		}
		if !startsUp(err) || ctx.Err() != nil {
			pool.Close()
			if last != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, fmt.Errorf("no answer within %s: %w", startingUp, last)
			}
			return nil, err
		}
		last = err
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// startsUp tells whether waiting may help: nobody listens yet, or the server says that it is on its way.
func startsUp(err error) bool {
	var dial *net.OpError
	return Answered(err, "57P03") || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) ||
		errors.Is(err, syscall.ECONNRESET) || errors.As(err, &dial)
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// AsMarketing runs fn in a transaction of the role site_marketing, which may read who can be
// contacted and write messages, and nothing else (P-6): the only way in. It commits if fn returns nil.
func AsMarketing(ctx context.Context, pool *pgxpool.Pool, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		return MarketingIn(ctx, tx, fn)
	})
}

// MarketingIn is AsMarketing for one part of a transaction: when fn returns nil, tx goes on as the serving role, so that
// what was done as site_marketing and the note of it are one. After an error tx is void.
func MarketingIn(ctx context.Context, tx pgx.Tx, fn func(pgx.Tx) error) error {
	if _, err := tx.Exec(ctx, `SET LOCAL ROLE site_marketing`); err != nil {
		return fmt.Errorf("enter role site_marketing: %w", err)
	}
	if err := fn(tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `SET LOCAL ROLE NONE`); err != nil {
		return fmt.Errorf("leave role site_marketing: %w", err)
	}
	return nil
}
