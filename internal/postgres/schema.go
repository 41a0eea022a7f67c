package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"clickcommerce.com/site/migrations"
)

// JobSchema is the schema that River's tables live in, apart from ours.
const JobSchema = "river"

var (
	// ErrSchemaOld means that `site migrate` has to run first.
	ErrSchemaOld = errors.New("the database's schema is older than this program: run `site migrate`")
	// ErrSchemaNew means that a newer program has migrated past a step that this one cannot serve on.
	ErrSchemaNew = errors.New("the database's schema is newer than this program can serve: use a newer program")
	// ErrSchemaOther means that the database was made by other steps under the same numbers. Nothing is changed in it.
	ErrSchemaOther = errors.New("the database's schema was made by other steps than this program's: begin with an empty " +
		"database (the embedded one is the folder postgres under VAR_DIR)")
	// ErrRoles means that the schema is there, but not the roles of the cluster that it grants its rights to, or not these
	// rights: no dump of a database holds roles.
	ErrRoles = errors.New("the database grants its rights to roles that are missing, or that were missing when it was " +
		"restored: run `site migrate`, which makes them and renews their rights")
)

// Migrate applies, as owner, what is missing of our steps and of River's, and lets the role serving
// in: member of site_serve, able to enter site_marketing. Several processes may call it at once; they
// take turns. A step that fails leaves the ones before it applied. Missing roles are made first, and rights that they lack
// are granted anew, whatever the recorded steps say: a database restored into another cluster comes without them.
func Migrate(ctx context.Context, admin *pgxpool.Pool, serving string) error {
	return own().up(ctx, admin, serving)
}

// MigrateDown undoes every step, ours and River's. The roles stay: they belong to the cluster.
func MigrateDown(ctx context.Context, admin *pgxpool.Pool) error {
	return own().down(ctx, admin)
}

// CheckSchema returns nil if this program can serve the schema it finds: all its own steps are there,
// and no further one that says `compatible: no`. Otherwise ErrSchemaOld, ErrSchemaNew, ErrSchemaOther or ErrRoles.
func CheckSchema(ctx context.Context, pool *pgxpool.Pool) error {
	return own().check(ctx, pool)
}

// schema is a set of steps, and the rules that they leave.
type schema struct {
	files fs.FS
	rules string // empty: not looked after
}

// own is the schema of this program.
func own() schema { return schema{files: migrations.FS, rules: migrations.Rules} }

// step is one migration file; compatible says whether the binary before it can go on serving.
type step struct {
	Version    int64
	Name       string // of its file
	Compatible bool
}

var compatibleLine = regexp.MustCompile(`(?m)^-- compatible: (yes|no)\b`)

func (s schema) steps() ([]step, error) {
	names, err := fs.Glob(s.files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	steps := make([]step, 0, len(names))
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		body, err := fs.ReadFile(s.files, name)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		m := compatibleLine.FindSubmatch(body)
		if m == nil {
			return nil, fmt.Errorf("migration %s: no line `-- compatible: yes` or `-- compatible: no`", name)
		}
		steps = append(steps, step{version, name, string(m[1]) == "yes"})
	}
	slices.SortFunc(steps, func(a, b step) int { return int(a.Version - b.Version) })
	return steps, nil
}

func (s schema) up(ctx context.Context, admin *pgxpool.Pool, serving string) error {
	steps, err := s.steps()
	if err != nil {
		return err
	}
	return exclusively(ctx, admin, func() error {
		if _, err := applied(ctx, admin, steps); err != nil && !errors.Is(err, ErrSchemaOld) {
			return err
		}
		if err := makeRoles(ctx, admin); err != nil {
			return err
		}
		// Recorded before they are applied: no moment at which an older program could miss the word.
		if err := recordSteps(ctx, admin, steps); err != nil {
			return err
		}
		if err := s.goose(admin, func(p *goose.Provider) error {
			_, err := p.Up(ctx)
			return err
		}); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		if err := riverUp(ctx, admin); err != nil {
			return fmt.Errorf("migrate the job queue: %w", err)
		}
		if err := admit(ctx, admin, serving); err != nil {
			return err
		}
		return s.renew(ctx, admin, len(steps))
	})
}

func (s schema) down(ctx context.Context, admin *pgxpool.Pool) error {
	steps, err := s.steps()
	if err != nil {
		return err
	}
	return exclusively(ctx, admin, func() error {
		if _, err := applied(ctx, admin, steps); err != nil && !errors.Is(err, ErrSchemaOld) {
			return err
		}
		if err := riverDown(ctx, admin); err != nil {
			return fmt.Errorf("remove the job queue: %w", err)
		}
		if err := s.goose(admin, func(p *goose.Provider) error {
			_, err := p.DownTo(ctx, 0)
			return err
		}); err != nil {
			return fmt.Errorf("migrate down: %w", err)
		}
		if _, err := admin.Exec(ctx, `DROP TABLE IF EXISTS schema_step, goose_db_version`); err != nil {
			return fmt.Errorf("migrate down: %w", err)
		}
		return nil
	})
}

func (s schema) goose(admin *pgxpool.Pool, fn func(*goose.Provider) error) error {
	db := stdlib.OpenDBFromPool(admin)
	p, err := goose.NewProvider(goose.DialectPostgres, db, s.files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return errors.Join(fn(p), p.Close())
}

// exclusively runs fn while no other process migrates this database. It asks again and again rather
// than wait inside a statement, whose snapshot would hold up CREATE INDEX CONCURRENTLY.
func exclusively(ctx context.Context, admin *pgxpool.Pool, fn func() error) error {
	const key = 0x736974655f6d6967 // any number of our own: "site_mig"
	conn, err := admin.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer conn.Release()
	for got := false; !got; {
		if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(key)).Scan(&got); err != nil {
			return fmt.Errorf("lock the schema: %w", err)
		}
		if got {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for another migration: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
	err = fn()
	// Not under ctx: a connection that kept the lock must not go back to the pool.
	unlock, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, e := conn.Exec(unlock, `SELECT pg_advisory_unlock($1)`, int64(key)); e != nil {
		err = errors.Join(err, fmt.Errorf("unlock the schema: %w", e), conn.Conn().Close(unlock))
	}
	return err
}

func recordSteps(ctx context.Context, admin *pgxpool.Pool, steps []step) error {
	_, err := admin.Exec(ctx, `
		CREATE TABLE IF NOT EXISTS schema_step (
			version bigint PRIMARY KEY,
			name text NOT NULL,
			compatible boolean NOT NULL
		)`)
	if err != nil {
		return fmt.Errorf("record the schema's steps: %w", err)
	}
	b := &pgx.Batch{}
	for _, st := range steps {
		b.Queue(`
			INSERT INTO schema_step (version, name, compatible) VALUES ($1, $2, $3)
			ON CONFLICT (version) DO UPDATE SET name = excluded.name, compatible = excluded.compatible`,
			st.Version, st.Name, st.Compatible)
	}
	if err := admin.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("record the schema's steps: %w", err)
	}
	return nil
}

// applied returns the steps that the database has. It returns ErrSchemaOld where it has none, and ErrSchemaOther where
// one of them is not the one that has its number here: to go on from there would ruin what is in the database.
func applied(ctx context.Context, pool *pgxpool.Pool, steps []step) (map[int64]step, error) {
	rows, err := pool.Query(ctx, `
		SELECT g.version_id AS version, coalesce(s.name, '') AS name, coalesce(s.compatible, false) AS compatible
		FROM goose_db_version g LEFT JOIN schema_step s ON s.version = g.version_id
		WHERE g.is_applied AND g.version_id > 0`)
	var found []step
	if err == nil {
		found, err = pgx.CollectRows(rows, pgx.RowToStructByName[step])
	}
	switch {
	case Answered(err, "42P01"): // no such table
		return nil, ErrSchemaOld
	case Answered(err, "42501"): // none that we were let in to
		return nil, barred(ctx, pool)
	case Answered(err, "42703"): // from the time before steps had their names recorded
		return nil, ErrSchemaOther
	case err != nil:
		return nil, fmt.Errorf("read the schema's steps: %w", err)
	}
	have := map[int64]step{}
	for _, st := range found {
		have[st.Version] = st
	}
	for _, st := range steps {
		if other, ok := have[st.Version]; ok && other.Name != st.Name {
			return nil, fmt.Errorf("%w (step %s, where %s belongs)", ErrSchemaOther, other.Name, st.Name)
		}
	}
	return have, nil
}

func (s schema) check(ctx context.Context, pool *pgxpool.Pool) error {
	steps, err := s.steps()
	if err != nil {
		return err
	}
	have, err := applied(ctx, pool, steps)
	if err != nil {
		return err
	}
	for _, st := range steps {
		if _, ok := have[st.Version]; !ok {
			return fmt.Errorf("%w (step %s)", ErrSchemaOld, st.Name)
		}
		delete(have, st.Version)
	}
	for _, st := range have {
		if !st.Compatible {
			return fmt.Errorf("%w (step %s)", ErrSchemaNew, cmp.Or(st.Name, fmt.Sprint(st.Version)))
		}
	}
	if missing, err := missingRoles(ctx, pool); err != nil || len(missing) > 0 {
		return errors.Join(err, lacking(missing))
	}
	return riverCheck(ctx, pool)
}
