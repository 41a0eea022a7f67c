package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// roles are those that the steps grant rights to. They belong to the cluster, so no dump of a database holds them.
func roles() []string { return []string{"site_serve", "site_marketing", "site_ledger"} }

func missingRoles(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	missing, err := Column[string](ctx, pool, `SELECT r FROM unnest($1::text[]) r WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r)`, roles())
	if err != nil {
		return nil, fmt.Errorf("look for the roles: %w", err)
	}
	return missing, nil
}

// lacking is ErrRoles with the names of the roles, and nil where none is missing.
func lacking(missing []string) error {
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%w (not in this cluster: %s)", ErrRoles, strings.Join(missing, ", "))
}

// barred says why the schema's own tables are there and closed to the role that serves.
func barred(ctx context.Context, pool *pgxpool.Pool) error {
	missing, err := missingRoles(ctx, pool)
	if err != nil || len(missing) > 0 {
		return errors.Join(err, lacking(missing))
	}
	return fmt.Errorf("%w (%s was not let in)", ErrRoles, pool.Config().ConnConfig.User)
}

// makeRoles makes those that are missing. Another database's migration may be at it too.
func makeRoles(ctx context.Context, admin *pgxpool.Pool) error {
	missing, err := missingRoles(ctx, admin)
	if err != nil {
		return err
	}
	for _, name := range missing {
		_, err := admin.Exec(ctx, `CREATE ROLE `+quote(name)+` NOLOGIN`)
		if err != nil && !Answered(err, "42710", "23505") {
			return fmt.Errorf("make the role %s (a superuser can do so beforehand): %w", name, err)
		}
	}
	return nil
}

// renew grants what the rules say that our roles have and the database lacks, and takes from everybody what the rules
// don't say that everybody has: restored into a cluster without these roles, a database comes without either. It leaves a
// newer schema alone, whose rules are those of a newer program.
func (s schema) renew(ctx context.Context, admin *pgxpool.Pool, steps int) error {
	if s.rules == "" {
		return nil
	}
	var recorded int
	err := admin.QueryRow(ctx, `
		SELECT count(DISTINCT version_id) FROM goose_db_version WHERE is_applied AND version_id > 0`).Scan(&recorded)
	if err != nil {
		return fmt.Errorf("renew the rights: %w", err)
	}
	if recorded > steps {
		return nil
	}
	if _, err := admin.Exec(ctx, giveLedger); err != nil {
		return fmt.Errorf("give site_ledger its function: %w", err)
	}
	there, err := rulesOf(ctx, admin)
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	b.Queue(`SET LOCAL search_path = public, analytics`)
	for _, sql := range amends(strings.Split(strings.TrimSpace(s.rules), "\n"), there) {
		b.Queue(sql)
	}
	// A batch is one transaction.
	if err := admin.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("renew the rights: %w", err)
	}
	return nil
}

// giveLedger makes site_ledger the owner of the one function that runs as that role, as the step did that made it.
const giveLedger = `
DO $$
DECLARE
  way text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_proc WHERE proname = 'remove_closed_chains' AND proowner <> 'site_ledger'::regrole) THEN
    RETURN;
  END IF;
  IF NOT pg_has_role('site_ledger', way) THEN
    GRANT site_ledger TO CURRENT_USER;
  END IF;
  GRANT CREATE ON SCHEMA public TO site_ledger;
  ALTER FUNCTION public.remove_closed_chains(timestamptz, int, timestamptz) OWNER TO site_ledger;
  REVOKE CREATE ON SCHEMA public FROM site_ledger;
END
$$`

var (
	ruleSchema = regexp.MustCompile(`^schema (\w+): (site_\w+) has (\w+)$`)
	ruleColumn = regexp.MustCompile(`^(\w+): (site_\w+) has (\w+) of (\w+)$`)
	ruleTable  = regexp.MustCompile(`^(\w+): (site_\w+) has (\w+)$`)
	ruleCall   = regexp.MustCompile(`^(\w+\(.*\)): (site_\w+) may call it$`)
	ruleAll    = regexp.MustCompile(`^(\w+\(.*\)): everybody may call it$`)
)

// amends are the statements that bring the rights there to those wanted. Both lists are sorted.
func amends(want, there []string) []string {
	ours := map[string]bool{}
	var list []string
	for _, rule := range want {
		ours[subject(rule)] = true
		if _, has := slices.BinarySearch(there, rule); has {
			continue
		}
		if m := ruleSchema.FindStringSubmatch(rule); m != nil {
			list = append(list, fmt.Sprintf(`GRANT %s ON SCHEMA %s TO %s`, m[3], m[1], m[2]))
		} else if m := ruleColumn.FindStringSubmatch(rule); m != nil {
			list = append(list, fmt.Sprintf(`GRANT %s (%s) ON %s TO %s`, m[3], m[4], m[1], m[2]))
		} else if m := ruleTable.FindStringSubmatch(rule); m != nil {
			list = append(list, fmt.Sprintf(`GRANT %s ON %s TO %s`, m[3], m[1], m[2]))
		} else if m := ruleCall.FindStringSubmatch(rule); m != nil {
			list = append(list, fmt.Sprintf(`GRANT EXECUTE ON FUNCTION %s TO %s`, m[1], m[2]))
		}
	}
	for _, rule := range there {
		_, wanted := slices.BinarySearch(want, rule)
		if m := ruleAll.FindStringSubmatch(rule); m != nil && !wanted && ours[m[1]] {
			list = append(list, `REVOKE EXECUTE ON FUNCTION `+m[1]+` FROM PUBLIC`)
		}
	}
	return list
}
