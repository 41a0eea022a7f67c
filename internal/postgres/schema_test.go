package postgres_test

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/postgres/cluster"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

// objects lists what a schema consists of, one line each.
func objects(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `
		SELECT 'relation ' || c.oid::regclass || ' ' || coalesce(c.relacl::text, '') FROM pg_class c
		WHERE c.relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^(pg_|information_schema)')
		UNION ALL
		SELECT 'column ' || a.attrelid::regclass || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'v')
		WHERE a.attnum > 0 AND NOT a.attisdropped
			AND c.relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^(pg_|information_schema)')
		UNION ALL
		SELECT 'function ' || p.oid::regprocedure FROM pg_proc p
		WHERE p.pronamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^(pg_|information_schema)')
		UNION ALL
		SELECT 'type ' || t.oid::regtype FROM pg_type t
		WHERE t.typnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^(pg_|information_schema)')
		UNION ALL
		SELECT 'trigger ' || t.tgname || ' ' || t.tgrelid::regclass FROM pg_trigger t WHERE NOT t.tgisinternal
		UNION ALL
		SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'
		ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestUpDownUp(t *testing.T) {
	t.Parallel()
	pool := admin(t, pgtest.Empty(t))
	before := objects(t, pool)
	if err := postgres.Migrate(t.Context(), pool, postgres.EmbeddedRole); err != nil {
		t.Fatal(err)
	}
	full := objects(t, pool)
	if len(full) <= len(before) {
		t.Fatal("nothing was made")
	}
	if err := postgres.Migrate(t.Context(), pool, postgres.EmbeddedRole); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if _, err := pool.Exec(t.Context(), `
		INSERT INTO river.river_job (kind, args, max_attempts, state, unique_key, finalized_at)
		SELECT 'done', '{}', 1, 'completed', 'the same', now() FROM generate_series(1, 2)`); err != nil {
		t.Fatal(err)
	}
	if err := postgres.MigrateDown(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(objects(t, pool), before); diff != "" {
		t.Errorf("left after down: %s", diff)
	}
	if err := postgres.Migrate(t.Context(), pool, postgres.EmbeddedRole); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(objects(t, pool), full); diff != "" {
		t.Errorf("another schema the second time: %s", diff)
	}
}

func TestMigrationsTakeTurns(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	done := make(chan error)
	for range 4 {
		pool := admin(t, url)
		go func() { done <- postgres.Migrate(t.Context(), pool, postgres.EmbeddedRole) }()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestCheckSchema(t *testing.T) {
	t.Parallel()
	step := func(compatible, table string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("-- +goose Up\n-- compatible: " + compatible + "\nCREATE TABLE " + table +
			" (n int);\n-- +goose Down\nDROP TABLE " + table + ";\n")}
	}
	one := fstest.MapFS{"00001_a.sql": step("no", "a")}
	two := fstest.MapFS{"00001_a.sql": step("no", "a"), "00002_b.sql": step("yes", "b")}
	three := fstest.MapFS{"00001_a.sql": two["00001_a.sql"], "00002_b.sql": two["00002_b.sql"], "00003_c.sql": step("no", "c")}

	pool := admin(t, pgtest.Empty(t))
	tests := []struct {
		name           string
		applied, check fstest.MapFS
		want           error
	}{
		{"nothing yet", nil, one, postgres.ErrSchemaOld},
		{"the same", one, one, nil},
		{"one is missing", nil, two, postgres.ErrSchemaOld},
		{"a newer one that is compatible", two, one, nil},
		{"caught up", nil, two, nil},
		{"a newer one that is not", three, two, postgres.ErrSchemaNew},
		{"the same, seen by the oldest", nil, one, postgres.ErrSchemaNew},
		{"caught up again", nil, three, nil},
	}
	for _, tt := range tests {
		if tt.applied != nil {
			if err := postgres.MigrateFiles(t.Context(), tt.applied, pool, cluster.Owner); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
		}
		if err := postgres.CheckFiles(t.Context(), tt.check, pool); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	silent := fstest.MapFS{"00001_a.sql": {Data: []byte("-- +goose Up\nSELECT 1;\n")}}
	if err := postgres.MigrateFiles(t.Context(), silent, pool, cluster.Owner); err == nil {
		t.Error("a step that does not say whether it is compatible was accepted")
	}
}

// A database that was made when the steps had other numbers is left as it is.
func TestOtherSteps(t *testing.T) {
	t.Parallel()
	step := func(table string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("-- +goose Up\n-- compatible: yes\nCREATE TABLE " + table +
			" (n int);\n-- +goose Down\nDROP TABLE " + table + ";\n")}
	}
	ours := fstest.MapFS{"00001_a.sql": step("a"), "00002_c.sql": step("c")}
	for name, prepare := range map[string]func(*testing.T, *pgxpool.Pool){
		"another name": func(t *testing.T, pool *pgxpool.Pool) {
			theirs := fstest.MapFS{"00001_a.sql": step("a"), "00002_b.sql": step("b")}
			if err := postgres.MigrateFiles(t.Context(), theirs, pool, cluster.Owner); err != nil {
				t.Fatal(err)
			}
		},
		"from before names were recorded": func(t *testing.T, pool *pgxpool.Pool) {
			if err := postgres.MigrateFiles(t.Context(), ours, pool, cluster.Owner); err != nil {
				t.Fatal(err)
			}
			if _, err := pool.Exec(t.Context(), `ALTER TABLE schema_step DROP COLUMN name`); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := admin(t, pgtest.Empty(t))
			prepare(t, pool)
			before := objects(t, pool)
			if err := postgres.CheckFiles(t.Context(), ours, pool); !errors.Is(err, postgres.ErrSchemaOther) {
				t.Errorf("checked: %v", err)
			}
			if err := postgres.MigrateFiles(t.Context(), ours, pool, cluster.Owner); !errors.Is(err, postgres.ErrSchemaOther) {
				t.Errorf("migrated: %v", err)
			}
			if err := postgres.MigrateFilesDown(t.Context(), ours, pool); !errors.Is(err, postgres.ErrSchemaOther) {
				t.Errorf("migrated down: %v", err)
			}
			if diff := cmp.Diff(objects(t, pool), before); diff != "" {
				t.Errorf("changed: %s", diff)
			}
		})
	}
}
