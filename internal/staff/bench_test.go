package staff_test

import (
	"fmt"
	"net/http"
	"testing"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

// BenchmarkInbox draws the inbox over many records, most of which were read, given to somebody and decided, as after
// some years. cmd/bench takes it further.
func BenchmarkInbox(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := open(b)
			me := h.as(b, account.Reviewer)
			owner := pgtest.Admin(b, h.Pool)
			for _, sql := range []string{
				`INSERT INTO submission (id, kind, status, reference, name, organisation, created_at, read_at, decided_at, assignee_id, purge_after)
				SELECT gen_random_uuid(), (ARRAY['alliance', 'contact', 'demo', 'career'])[1 + n % 4],
					CASE WHEN n % 100 < 3 THEN 'new' ELSE 'closed' END, 'CC-' || n, 'Name ' || n, 'Company ' || n % 5000,
					'2026-11-20'::timestamptz - n * interval '5 minutes',
					CASE WHEN n % 100 >= 2 THEN '2026-11-21'::timestamptz END, CASE WHEN n % 100 >= 3 THEN '2026-11-21'::timestamptz END,
					CASE WHEN n % 100 >= 5 THEN (SELECT id FROM account LIMIT 1) END, '2028-01-01'
				FROM generate_series(1, ` + fmt.Sprint(n) + `) n`,
				`ANALYZE submission`,
			} {
				if _, err := owner.Exec(b.Context(), sql); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if w := me.do(h, http.MethodGet, "/staff/submissions", nil); w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
