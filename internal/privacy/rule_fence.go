package privacy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/person"
)

// badRow is a row that the database has to refuse, by a constraint or for want of a column.
type badRow struct {
	rule string
	row  map[string]any
}

// with is a row with some values of its own.
func with(row, own map[string]any) map[string]any {
	row = maps.Clone(row)
	maps.Copy(row, own)
	return row
}

// checkRefused tries to store each row. A row that is refused by another rule than its own is one that the rule let pass.
func (r *Room) checkRefused(table string, rows func() []badRow) func(context.Context) error {
	return func(ctx context.Context) error {
		return r.rehearse(ctx, func(tx pgx.Tx, _ person.Person) error {
			for _, bad := range rows() {
				fault, err := tryRow(ctx, tx, table, bad.row)
				if err != nil {
					return err
				}
				if !refusedBy(fault, bad.rule) {
					return fmt.Errorf("%s lets pass what %s should refuse; the answer: %v", table, bad.rule, fault)
				}
			}
			return nil
		})
	}
}

func tryRow(ctx context.Context, tx pgx.Tx, table string, row map[string]any) (fault, err error) {
	return attempt(ctx, tx, rowInto(table, row), row)
}

func insertRow(ctx context.Context, tx pgx.Tx, table string, row map[string]any) error {
	_, err := tx.Exec(ctx, rowInto(table, row), row)
	return err
}

// rowInto is the statement that stores a row, $1, in a table, which may be named with its schema.
func rowInto(table string, row map[string]any) string {
	var columns []string
	for _, name := range slices.Sorted(maps.Keys(row)) {
		columns = append(columns, pgx.Identifier{name}.Sanitize())
	}
	name, list := pgx.Identifier(strings.Split(table, ".")).Sanitize(), strings.Join(columns, ", ")
	return `INSERT INTO ` + name + ` (` + list + `) SELECT ` + list + ` FROM jsonb_populate_record(NULL::` + name + `, $1)`
}

// checkAppendOnly holds that the role that serves may only add to the tables, not to a single column otherwise, and that
// the second fence, triggers, stands against every other way and refuses. It tries both.
func (r *Room) checkAppendOnly(tables ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
			faults := []error{checkFunction(ctx, tx)}
			guards := map[string]bool{}
			for _, table := range tables {
				of, err := checkRights(ctx, tx, table)
				faults = append(faults, err)
				for _, name := range of {
					guards[name] = true
				}
			}
			if err := errors.Join(faults...); err != nil {
				return err
			}
			return r.checkGuards(ctx, tx, who, slices.Sorted(maps.Keys(guards)))
		})
	}
}

// checkRights looks at one table, and returns the functions that guard its rows one by one.
func checkRights(ctx context.Context, tx pgx.Tx, table string) (guards []string, err error) {
	var may, fenced bool
	var column string
	// 8, 16 and 32 are DELETE, UPDATE and TRUNCATE. A row that leaves with another is guarded there against DELETE.
	err = tx.QueryRow(ctx, `
		WITH guard AS (
			SELECT f.proname::text AS name, g.tgtype::int AS type FROM pg_trigger g JOIN pg_proc f ON f.oid = g.tgfoid
			WHERE g.tgrelid = $1::regclass AND f.proname IN ('refuse_change', 'refuse_young', 'consent_event_stands')
				AND g.tgenabled IN ('O', 'A') AND g.tgqual IS NULL AND g.tgattr::text = '')
		SELECT has_any_column_privilege($1, 'UPDATE') OR has_table_privilege($1, 'DELETE, TRUNCATE'),
			(SELECT coalesce(bit_or(type), 0) FROM guard) | CASE WHEN EXISTS (SELECT FROM pg_constraint
				WHERE conrelid = $1::regclass AND contype = 'f' AND confdeltype = 'c') THEN 8 ELSE 0 END & 56 = 56,
			(SELECT coalesce(array_agg(name), '{}') FROM guard WHERE type & 1 = 1),
			(SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum LIMIT 1)`,
		table).Scan(&may, &fenced, &guards, &column)
	if err != nil {
		return nil, fmt.Errorf("read rights: %w", err)
	}
	if may || !fenced {
		return nil, fmt.Errorf("%s: changeable by this role: %t, guarded by its triggers: %t", table, may, fenced)
	}
	name, first := pgx.Identifier{table}.Sanitize(), pgx.Identifier{column}.Sanitize()
	for _, sql := range []string{
		`UPDATE ` + name + ` SET ` + first + ` = ` + first + ` WHERE false`, `DELETE FROM ` + name + ` WHERE false`,
	} {
		fault, err := attempt(ctx, tx, sql)
		if err != nil {
			return nil, err
		}
		if fault == nil {
			return nil, fmt.Errorf("%s: it was possible to %s", table, sql)
		}
	}
	return guards, nil
}

// restrictViolation is how a fence answers.
const restrictViolation = "23001"

// checkFunction tries the function behind the triggers, on a table of its own that this role may change but for it.
func checkFunction(ctx context.Context, tx pgx.Tx) error {
	for _, sql := range []string{`UPDATE fence SET one = true`, `DELETE FROM fence`} {
		fault, err := attempt(ctx, tx, sql)
		if err != nil {
			return err
		}
		if !refusedBy(fault, restrictViolation) {
			return fmt.Errorf("refuse_change lets pass: %s", sql)
		}
	}
	return nil
}

// checkGuards puts each function that guards rows before a table that nobody else sees, and tries to delete from it a row
// of today, of somebody who chose something. The role that serves may delete no row of the tables themselves: the guards
// are for those who may. On a server that lets this role make no such table, the look at the triggers has to do.
func (r *Room) checkGuards(ctx context.Context, tx pgx.Tx, who person.Person, guards []string) error {
	var may bool
	if err := tx.QueryRow(ctx, `SELECT has_database_privilege(current_database(), 'TEMP')`).Scan(&may); err != nil {
		return fmt.Errorf("read rights: %w", err)
	}
	if !may || len(guards) == 0 {
		return nil
	}
	if err := r.ticks(consent.Newsletter, consent.ByEmail, r.desk.Now())(ctx, tx, who); err != nil {
		return err
	}
	for _, guard := range guards {
		if err := checkGuard(ctx, tx, who, guard); err != nil {
			return err
		}
	}
	return nil
}

func checkGuard(ctx context.Context, tx pgx.Tx, who person.Person, guard string) error {
	table, function := pgx.Identifier{"guarded_by_" + guard}.Sanitize(), pgx.Identifier{guard}.Sanitize()
	b := &pgx.Batch{}
	b.Queue(`CREATE TEMPORARY TABLE ` + table + ` (person_id uuid, at timestamptz DEFAULT now()) ON COMMIT DROP`)
	b.Queue(`CREATE TRIGGER guard BEFORE DELETE ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION ` + function + `()`)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("put up a guard: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO `+table+` (person_id) VALUES ($1)`, who.ID); err != nil {
		return fmt.Errorf("put up a guard: %w", err)
	}
	fault, err := attempt(ctx, tx, `DELETE FROM `+table)
	if err == nil && !refusedBy(fault, restrictViolation) {
		err = fmt.Errorf("%s lets a row be deleted; the answer: %v", guard, fault)
	}
	return err
}

// checkLedger is checkAppendOnly for the ledger, and asks for the one way by which an entry leaves it: with a chain that
// says nothing any more, six years after its end.
func (r *Room) checkLedger(ctx context.Context) error {
	err := r.checkAppendOnly("consent_event", "confirmation", "consent_tombstone", "consent_checkpoint")(ctx)
	if err != nil {
		return err
	}
	old := r.desk.Now().AddDate(-7, 0, 0)
	agree, confirm := r.ticks(consent.Newsletter, consent.ByEmail, old), r.writes(`
		INSERT INTO confirmation (person_id, at, seq) SELECT person_id, at, seq FROM consent_event WHERE person_id = $1 AND at < $2`)
	refuse := consent.Event{Purpose: consent.Newsletter, Channel: consent.ByEmail, Origin: consent.FromUnsubscribe, At: old}
	lately := refuse
	lately.At = r.desk.Now()
	for _, c := range []struct {
		who    string // somebody who
		acts   []act
		closed bool
	}{
		{"agreed long ago, which is in force", []act{agree, confirm}, false},
		{"refused lately", []act{r.chooses(refuse), r.chooses(lately)}, false},
		{"refused long ago", []act{agree, confirm, r.chooses(refuse)}, true},
	} {
		closed, err := r.closed(ctx, c.acts)
		if err == nil && closed != c.closed {
			err = fmt.Errorf("whether the chain of somebody who %s may be removed: %t", c.who, closed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// closed tells whether the chain that somebody made may be removed.
func (r *Room) closed(ctx context.Context, acts []act) (closed bool, err error) {
	err = r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		for _, act := range acts {
			if err := act(ctx, tx, who); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, `SELECT consent_closed($1, $2::timestamptz - interval '6 years')`, who.ID, r.desk.Now()).Scan(&closed)
	})
	return closed, err
}
