package postgres

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

func riverMigrator(pool *pgxpool.Pool) (*rivermigrate.Migrator[pgx.Tx], error) {
	return rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{
		Schema: JobSchema, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
}

func riverUp(ctx context.Context, admin *pgxpool.Pool) error {
	if _, err := admin.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+JobSchema); err != nil {
		return err
	}
	m, err := riverMigrator(admin)
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// riverDown removes the queue at once. River's own steps down rebuild old indexes on the way, which fails on a queue that was
// used.
func riverDown(ctx context.Context, admin *pgxpool.Pool) error {
	_, err := admin.Exec(ctx, `DROP SCHEMA IF EXISTS `+JobSchema+` CASCADE`)
	return err
}

func riverCheck(ctx context.Context, pool *pgxpool.Pool) error {
	m, err := riverMigrator(pool)
	if err != nil {
		return fmt.Errorf("check the job queue's schema: %w", err)
	}
	res, err := m.Validate(ctx, nil)
	if err != nil {
		return fmt.Errorf("check the job queue's schema: %w", err)
	}
	if !res.OK {
		return fmt.Errorf("%w (job queue)", ErrSchemaOld)
	}
	return nil
}

// admit gives the serving role what it needs beyond what the steps grant to site_serve: the job
// queue, the words about the schema, and membership.
func admit(ctx context.Context, admin *pgxpool.Pool, serving string) error {
	err := admin.QueryRow(ctx, `SELECT FROM pg_roles WHERE rolname = $1`, serving).Scan()
	if err != nil {
		return fmt.Errorf("find the serving role %q: %w", serving, err)
	}
	_, err = admin.Exec(ctx, `
		GRANT SELECT ON schema_step, goose_db_version TO site_serve;
		GRANT USAGE ON SCHEMA river TO site_serve;
		GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA river TO site_serve;
		GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA river TO site_serve;
		GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA river TO site_serve`)
	if err != nil {
		return fmt.Errorf("grant the job queue to site_serve: %w", err)
	}
	var version int
	var serves, enters bool
	// From 16 on a role's maker is a member that may neither inherit nor enter: ask for SET then.
	err = admin.QueryRow(ctx, `
		SELECT v, pg_has_role($1::name, 'site_serve', 'USAGE'),
			pg_has_role($1::name, 'site_marketing', CASE WHEN v >= 160000 THEN 'SET' ELSE 'MEMBER' END)
		FROM (SELECT current_setting('server_version_num')::int AS v) AS server`, serving).
		Scan(&version, &serves, &enters)
	if err != nil {
		return fmt.Errorf("look up the serving role's memberships: %w", err)
	}
	if !serves {
		if err := grant(ctx, admin, `GRANT site_serve TO `+quote(serving)); err != nil {
			return err
		}
	}
	if !enters {
		sql := `GRANT site_marketing TO ` + quote(serving)
		if version >= 160000 {
			sql += ` WITH INHERIT FALSE, SET TRUE`
		}
		return grant(ctx, admin, sql)
	}
	return nil
}

// grant shares a role of the whole cluster; another database's migration may be at it too.
func grant(ctx context.Context, admin *pgxpool.Pool, sql string) error {
	_, err := admin.Exec(ctx, sql)
	if Answered(err, "XX000", "23505") { // "tuple concurrently updated"
		_, err = admin.Exec(ctx, sql)
	}
	if err != nil {
		return fmt.Errorf("%s (a superuser can do so beforehand): %w", sql, err)
	}
	return nil
}
