package main

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestRetainCommand(t *testing.T) {
	t.Parallel()
	in := newInstall(t)
	for i := range 3 {
		if _, err := in.pool.Exec(t.Context(), `
			INSERT INTO submission (id, kind, status, reference, created_at, purge_after)
			VALUES ($1, 'contact', 'answered', '', $2, $3)`, uuid.New(), time.Now(), time.Now().AddDate(0, 0, i*3-5)); err != nil {
			t.Fatal(err)
		}
	}
	count := func(want int) {
		t.Helper()
		var n int
		if err := in.pool.QueryRow(t.Context(), `SELECT count(*) FROM submission`).Scan(&n); err != nil || n != want {
			t.Errorf("%d records are there, not %d; %v", n, want, err)
		}
	}
	call(t, in.environ, "", "retain", "--dry-run").want(t, 0, "contact  answered  2", "2 would be deleted.")
	count(3)
	call(t, in.environ, "", "retain").want(t, 0, "contact  answered  2", "2 deleted.")
	count(1)
	call(t, in.environ, "", "retain").want(t, 0, "0 deleted.")
	call(t, in.environ, "", "retain", "now").want(t, 2, "usage: site retain [--dry-run]")
}
