package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

// folder is a temporary folder that the server's user can reach, unlike t.TempDir.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postgres-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openDB(t *testing.T, cfg postgres.Config) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func closeDB(t *testing.T, db *postgres.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func admin(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.ConnectAdmin(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func exec(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	cfg := postgres.Config{
		VarDir: filepath.Join(folder(t), "var"), Log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	db := openDB(t, cfg)
	if !db.Embedded() {
		t.Error("not embedded")
	}
	if !strings.Contains(log.String(), "development") {
		t.Errorf("not told: %s", log.String())
	}
	if err := db.CheckSchema(t.Context()); !errors.Is(err, postgres.ErrSchemaOld) {
		t.Errorf("before Ready: %v", err)
	}
	if err := db.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if owner, err := db.ServesAsOwner(t.Context()); err != nil || owner {
		t.Errorf("ServesAsOwner() = %v, %v", owner, err)
	}
	var role, zone string
	err := db.Pool.QueryRow(t.Context(), `SELECT current_user, current_setting('timezone')`).Scan(&role, &zone)
	if err != nil || role != postgres.EmbeddedRole || zone != "UTC" {
		t.Errorf("role %s, zone %s, %v", role, zone, err)
	}

	second := openDB(t, cfg) // as `site migrate` beside `site serve`
	if err := second.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	closeDB(t, second)
	if err := db.Pool.Ping(t.Context()); err != nil {
		t.Errorf("after the guest's end: %v", err)
	}
	closeDB(t, db)
	db = openDB(t, cfg)
	if err := db.CheckSchema(t.Context()); err != nil {
		t.Errorf("after a new start: %v", err)
	}
	closeDB(t, db)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	plain := pgtest.URL(t, pgtest.New(t))
	tests := []struct {
		name, url, timeout string
		conns              int32
	}{
		{"default", plain, "30s", 16},
		{"given", plain + "&pool_max_conns=3&statement_timeout=7s", "7s", 3},
		{"pooled", plain + "&default_query_exec_mode=cache_describe", "0", 16},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pool, err := postgres.Connect(t.Context(), tt.url)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			if n := pool.Config().MaxConns; n != tt.conns {
				t.Errorf("%d connections, want %d", n, tt.conns)
			}
			var timeout string
			if err := pool.QueryRow(t.Context(), `SHOW statement_timeout`).Scan(&timeout); err != nil || timeout != tt.timeout {
				t.Errorf("statement_timeout %s, %v; want %s", timeout, err, tt.timeout)
			}
			var at time.Time
			if err := pool.QueryRow(t.Context(), `SELECT now()`).Scan(&at); err != nil || at.Location() != time.UTC {
				t.Errorf("location %s, %v", at.Location(), err)
			}
		})
	}
}

func TestOpenTellsNoPassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://site:sesame@127.0.0.1:1/site?connect_timeout=x",
		"postgres://site:sesame@nowhere.invalid/site",
		"host=127.0.0.1 port=nine password=sesame",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := postgres.Open(ctx, postgres.Config{URL: url})
		cancel()
		if err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("err = %v", err)
		}
	}
}

func TestAsMarketing(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ask := func(sql string) error {
		return postgres.AsMarketing(t.Context(), pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), sql)
			return err
		})
	}
	if err := ask(`SELECT * FROM contactable`); err != nil {
		t.Errorf("contactable: %v", err)
	}
	for _, sql := range []string{
		`SELECT email FROM person`, `SELECT * FROM consent_event`, `SELECT * FROM message`, `DELETE FROM message`,
		`SELECT * FROM submission`, `UPDATE person SET email = NULL`, `SELECT * FROM river.river_job`,
		`SELECT held(gen_random_uuid(), NULL)`, `SELECT person_held(gen_random_uuid())`, `SELECT consent_closed(gen_random_uuid(), now())`,
		`SELECT may_use(gen_random_uuid(), 'service', 'processor', NULL)`,
	} {
		if err := ask(sql); err == nil {
			t.Errorf("%s: allowed", sql)
		}
	}
	var role string
	if err := pool.QueryRow(t.Context(), `SELECT current_user`).Scan(&role); err != nil || role != postgres.EmbeddedRole {
		t.Errorf("afterwards: %s, %v", role, err)
	}
}

// The owner is no superuser and makes no roles; they were made for it beforehand.
func TestOwnRoles(t *testing.T) {
	t.Parallel()
	base := admin(t, pgtest.Empty(t))
	database := base.Config().ConnConfig.Database
	for _, role := range []string{"plain_owner", "plain_server"} {
		if err := postgres.CreateRole(t.Context(), base, role); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, base, `GRANT site_serve, site_marketing, site_ledger TO plain_owner WITH ADMIN OPTION`)
	exec(t, base, `ALTER DATABASE `+database+` OWNER TO plain_owner`)
	as := func(role string) string {
		return strings.Replace(base.Config().ConnString(), "//site_owner@", "//"+role+"@", 1)
	}
	db := openDB(t, postgres.Config{URL: as("plain_server"), AdminURL: as("plain_owner")})
	defer closeDB(t, db)
	if db.Embedded() {
		t.Error("embedded")
	}
	if err := db.Ready(t.Context()); !errors.Is(err, postgres.ErrSchemaOld) {
		t.Errorf("Ready() of an empty database = %v: only the embedded one migrates by itself", err)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if owner, err := db.ServesAsOwner(t.Context()); err != nil || owner {
		t.Errorf("ServesAsOwner() = %v, %v", owner, err)
	}
	marketing := func(pool *pgxpool.Pool) error {
		return postgres.AsMarketing(t.Context(), pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `SELECT * FROM contactable`)
			return err
		})
	}
	if err := marketing(db.Pool); err != nil {
		t.Error(err)
	}

	both := openDB(t, postgres.Config{URL: as("plain_owner")}) // one URL for both
	defer closeDB(t, both)
	if err := both.Migrate(t.Context()); err != nil {
		t.Error(err)
	}
	if err := both.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if owner, err := both.ServesAsOwner(t.Context()); err != nil || !owner {
		t.Errorf("one URL: ServesAsOwner() = %v, %v", owner, err)
	}
	if err := marketing(both.Pool); err != nil {
		t.Error(err)
	}
	if err := both.MigrateDown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for url, want := range map[string][]string{
		"postgres://u:secret@db.example.com/site":                      {"db.example.com"},
		"postgres://u:secret@a.example.com,b.example.com:6432/site":    {"a.example.com", "b.example.com"},
		"postgres://u:secret@/site?host=db.example.com":                {"db.example.com"},
		"postgres://u@/site?host=/run/postgresql":                      {"/run/postgresql"},
		"postgres://u:secret@db.example.com:many/site":                 nil,
		"postgres://u:secret@db.example.com/site?sslmode=occasionally": nil,
	} {
		got, err := postgres.Hosts(url)
		if (err != nil) != (want == nil) {
			t.Errorf("%s: %v", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is told: %v", err)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", url, diff)
		}
	}
}

// Where nobody listens, the log says soon that one waits, and the error tells where that was and why, and not with which
// password.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer // read only once nobody writes any more
	_, err := postgres.Open(t.Context(), postgres.Config{
		URL: "postgres://site:hush@127.0.0.1:1/site", Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if n := strings.Count(log.String(), "nobody answers yet"); n != 1 {
		t.Errorf("said %d times that one waits: %s", n, log.String())
	}
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || !strings.Contains(err.Error(), "connection refused") ||
		strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
}
