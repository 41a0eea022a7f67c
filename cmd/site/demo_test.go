package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDemo loads the example content twice: the workspace is alive, mostly read, and a second run adds nothing.
func TestDemo(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	type facts struct{ Kinds, Records, Unread int }
	var runs [2]facts
	for i := range runs {
		if err := a.loadDemo(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := a.pool.QueryRow(t.Context(), `
			SELECT count(DISTINCT kind), count(*), count(*) FILTER (WHERE read_at IS NULL) FROM submission
			WHERE person_id IS NOT NULL AND quarantined_at IS NULL`).Scan(&runs[i].Kinds, &runs[i].Records, &runs[i].Unread); err != nil {
			t.Fatal(err)
		}
	}
	got := runs[0]
	if got.Kinds < 9 || got.Records < 150 || got.Unread == 0 || got.Unread > got.Records/4 {
		t.Errorf("the workspace holds %+v", got)
	}
	var nearly, queue bool
	if err := a.pool.QueryRow(t.Context(), `
		SELECT bool_or(free BETWEEN 1 AND capacity / 10), bool_or(free <= 0) FROM (
			SELECT w.capacity, w.capacity - w.reserved - count(s.id) AS free
			FROM webinar w LEFT JOIN submission s ON s.subject_id = w.id AND s.status = 'registered'
			WHERE w.starts_local > localtimestamp GROUP BY w.id) coming`).Scan(&nearly, &queue); err != nil || !nearly || !queue {
		t.Errorf("coming webinars: one nearly full %t, one full %t (%v)", nearly, queue, err)
	}
	if diff := cmp.Diff(runs[0], runs[1]); diff != "" {
		t.Errorf("a second run changed something (-first +second):\n%s", diff)
	}
}
