package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/migrations"
)

// CheckRules compares the rules that guard our tables with those that the steps made: triggers, constraints, functions,
// and what each role may do. Its error names up to ten that are missing, or that came from elsewhere. A newer schema is not
// compared: its rules are those of a newer program.
func CheckRules(ctx context.Context, pool *pgxpool.Pool) error {
	steps, err := own().steps()
	if err != nil {
		return err
	}
	found, err := applied(ctx, pool, steps)
	if err != nil || len(found) > len(steps) {
		return err
	}
	there, err := rulesOf(ctx, pool)
	if err != nil {
		return err
	}
	return differ(strings.Split(strings.TrimSpace(migrations.Rules), "\n"), there)
}

// rulesOf lists the rules of our tables and functions, one a line: what it is of, a colon, and the rule.
func rulesOf(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	list, err := Column[string](ctx, pool, listRules)
	if err != nil {
		return nil, fmt.Errorf("read the rules of the database: %w", err)
	}
	slices.Sort(list)
	return list, nil
}

// differ names what is not on both sorted lists. What is of something that the steps did not make is nobody's business.
func differ(want, got []string) error {
	const most = 10
	ours := map[string]bool{}
	for _, rule := range want {
		ours[subject(rule)] = true
	}
	var faults []error
	for _, rule := range want {
		if _, there := slices.BinarySearch(got, rule); !there {
			faults = append(faults, fmt.Errorf("missing: %s", rule))
		}
	}
	for _, rule := range got {
		if _, known := slices.BinarySearch(want, rule); !known && ours[subject(rule)] {
			faults = append(faults, fmt.Errorf("not of this program: %s", rule))
		}
	}
	return errors.Join(faults[:min(most, len(faults))]...)
}

// subject is what a rule is of.
func subject(rule string) string {
	of, _, _ := strings.Cut(rule, ":")
	return of
}

// listRules says nothing in words that differ between versions of the server, which print conditions in ways of their own:
// a constraint is told by its name, and the body of a function by a digest.
const listRules = `
WITH role AS (
	SELECT oid, CASE WHEN rolname = current_user THEN 'the role that serves' ELSE rolname END AS name FROM pg_roles
	WHERE rolname IN (current_user, 'site_serve', 'site_marketing', 'site_ledger')
	UNION ALL SELECT 0, 'everybody'
), relation AS (
	SELECT c.oid, c.relname AS name, c.relacl, c.relowner, c.reloptions, c.relrowsecurity
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname IN ('public', 'analytics') AND c.relkind IN ('r', 'p', 'v')
)
SELECT format('%s: trigger %s calls %s at %s%s%s', r.name, t.tgname, f.proname, t.tgtype,
	CASE WHEN t.tgqual IS NOT NULL THEN ' under a condition' END, CASE WHEN t.tgenabled <> 'O' THEN ' (not in force)' END)
FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid JOIN pg_proc f ON f.oid = t.tgfoid WHERE NOT t.tgisinternal
UNION ALL
SELECT format('%s: constraint %s%s', r.name, c.conname, CASE WHEN NOT c.convalidated THEN ' (not for all rows)' END)
FROM pg_constraint c JOIN relation r ON r.oid = c.conrelid WHERE c.contype IN ('c', 'f', 'p', 'u', 'x')
UNION ALL
SELECT format('%s: %s is never null', r.name, a.attname)
FROM pg_attribute a JOIN relation r ON r.oid = a.attrelid WHERE a.attnotnull AND a.attnum > 0
UNION ALL
SELECT format('%s: rewritten by %s', r.name, w.rulename)
FROM pg_rewrite w JOIN relation r ON r.oid = w.ev_class WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT format('%s: option %s', r.name, o) FROM relation r, unnest(r.reloptions) o
UNION ALL
SELECT format('%s: row security', r.name) FROM relation r WHERE r.relrowsecurity
UNION ALL
SELECT format('%s: %s has %s%s', r.name, role.name, lower(g.privilege_type), CASE WHEN g.is_grantable THEN ', to pass on' END)
FROM relation r, aclexplode(r.relacl) g JOIN role ON role.oid = g.grantee WHERE g.grantee <> r.relowner
UNION ALL
SELECT format('%s: %s has %s of %s', r.name, role.name, lower(g.privilege_type), a.attname)
FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid, aclexplode(a.attacl) g JOIN role ON role.oid = g.grantee
WHERE g.grantee <> r.relowner
UNION ALL
SELECT format('%s(%s): %s%s', f.proname, pg_get_function_identity_arguments(f.oid), md5(f.prosrc),
	CASE WHEN f.prosecdef THEN ', as its owner, ' || array_to_string(f.proconfig, ', ') END)
FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE n.nspname IN ('public', 'analytics') AND f.prokind = 'f'
UNION ALL
SELECT format('%s(%s): %s may call it', f.proname, pg_get_function_identity_arguments(f.oid), role.name)
FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace,
	aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) g JOIN role ON role.oid = g.grantee
WHERE n.nspname IN ('public', 'analytics') AND f.prokind = 'f' AND g.grantee <> f.proowner
UNION ALL
SELECT format('schema %s: %s has %s', n.nspname, role.name, lower(g.privilege_type))
FROM pg_namespace n, aclexplode(n.nspacl) g JOIN role ON role.oid = g.grantee
WHERE n.nspname IN ('public', 'analytics') AND g.grantee <> n.nspowner
UNION ALL
SELECT format('roles: %s is a member of %s', role.name, of.name)
FROM pg_auth_members m JOIN role ON role.oid = m.member JOIN role of ON of.oid = m.roleid
UNION ALL
SELECT format('roles: %s may %s', role.name, power.name)
FROM pg_roles p JOIN role USING (oid), LATERAL (VALUES ('do anything', p.rolsuper), ('make roles', p.rolcreaterole),
	('make databases', p.rolcreatedb), ('pass row security', p.rolbypassrls), ('replicate', p.rolreplication)) power (name, has)
WHERE power.has
UNION ALL
SELECT format('roles: triggers fire as %s', current_setting('session_replication_role'))`
