package pgtest_test

import (
	"testing"

	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

func TestNew(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one", "two", "three"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			var role string
			if err := pool.QueryRow(t.Context(), `SELECT current_user`).Scan(&role); err != nil {
				t.Fatal(err)
			}
			if role != postgres.EmbeddedRole {
				t.Errorf("role %q", role)
			}
			if _, err := pool.Exec(t.Context(), `CREATE TABLE own (id int)`); err == nil {
				t.Error("the serving role can create tables")
			}
			if err := postgres.CheckSchema(t.Context(), pool); err != nil {
				t.Error(err)
			}
			if _, err := pgtest.Admin(t, pool).Exec(t.Context(), `CREATE TABLE own (id int)`); err != nil {
				t.Error(err)
			}
		})
	}
}
