package postgres_test

import (
	"errors"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/postgres/cluster"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

// A backup is restored into a new cluster, whose roles nobody has made: the program says so, and migrating mends it.
func TestRestoreIntoAnotherCluster(t *testing.T) {
	t.Parallel()
	from := pgtest.New(t)
	want, err := postgres.RulesOf(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	dump := filepath.Join(folder(t), "site.dump")
	if out, err := osexec.Command(pgtest.Program(t, "pg_dump"), "-Fc", "-f", dump, pgtest.AdminURL(t, from)).CombinedOutput(); err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, out)
	}

	c, err := cluster.Start(t.Context(), cluster.Config{Dir: filepath.Join(folder(t), "new"), Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	root := admin(t, c.URL(cluster.Owner, "postgres"))
	for _, sql := range []string{
		`CREATE ROLE owner LOGIN CREATEROLE`, `CREATE ROLE ` + postgres.EmbeddedRole + ` LOGIN`, `CREATE DATABASE site OWNER owner`,
	} {
		exec(t, root, sql)
	}
	out, err := osexec.Command(pgtest.Program(t, "pg_restore"), "--no-owner", "-d", c.URL("owner", "site"), dump).CombinedOutput()
	if err == nil || !strings.Contains(string(out), `role "site_serve" does not exist`) {
		t.Fatalf("restored without its roles: %v\n%s", err, out)
	}

	db := openDB(t, postgres.Config{URL: c.URL(postgres.EmbeddedRole, "site"), AdminURL: c.URL("owner", "site")})
	defer closeDB(t, db)
	err = db.Ready(t.Context())
	if !errors.Is(err, postgres.ErrRoles) || !strings.Contains(err.Error(), "site_serve, site_marketing, site_ledger") {
		t.Errorf("before: %v", err)
	}
	both := openDB(t, postgres.Config{URL: c.URL("owner", "site")}) // an owner can read its tables
	if err := both.Ready(t.Context()); !errors.Is(err, postgres.ErrRoles) {
		t.Errorf("before, served by the owner: %v", err)
	}
	closeDB(t, both)

	for range 2 {
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if err := postgres.CheckRules(t.Context(), db.Pool); err != nil {
		t.Errorf("other rules: %v", err)
	}
	got, err := postgres.RulesOf(t.Context(), db.Pool)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("rules (-restored +first):\n%s", diff)
	}
	var owner string
	err = db.Pool.QueryRow(t.Context(), `SELECT proowner::regrole::text FROM pg_proc WHERE proname = 'remove_closed_chains'`).Scan(&owner)
	if err != nil || owner != "site_ledger" {
		t.Errorf("chains are removed as %s, %v", owner, err)
	}
}
