package submission_test

import (
	"errors"
	"strings"
	"testing"

	"clickcommerce.com/site/internal/submission"
)

// A request is found by its number from the moment in which it came; once withdrawn, by nothing else, whether it was
// indexed before or not: the index has nothing more to read of it.
func TestWithdrawnIsFoundByItsNumber(t *testing.T) {
	t.Parallel()
	for name, indexed := range map[string]bool{"indexed": true, "not yet indexed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			index := func() {
				t.Helper()
				if err := b.Store.Index(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			found := func(query string, want int) {
				t.Helper()
				list, err := b.Store.List(t.Context(), submission.Filter{Kinds: []string{"contact"}, Query: query})
				if err != nil || len(list.Records) != want {
					t.Errorf("%q: %d found, want %d (%v)", query, len(list.Records), want, err)
				}
			}
			byNumber := func(a submission.Accepted) {
				t.Helper()
				if r, err := b.Store.ByReference(t.Context(), strings.ToLower(a.Reference)); err != nil || r.ID != a.ID {
					t.Errorf("by number: %s, %v", r.ID, err)
				}
			}
			other, a := accept(t, b, entry(b, "grace@example.com", "compiler")), accept(t, b, entry(b, "ada@example.com", "gearbox"))
			byNumber(a)
			if indexed {
				index()
				byNumber(a)
				found("gearbox", 1)
				found("engines", 2)
			}
			c := submission.Change{From: []string{"new"}, To: "withdrawn", PurgeAfter: b.Now().AddDate(0, 1, 0)}
			if err := b.Store.Withdraw(t.Context(), a.ID, c); err != nil {
				t.Fatal(err)
			}
			if !value[bool](t, b, `SELECT indexed_at IS NOT NULL FROM submission WHERE id = $1`, a.ID) {
				t.Error("an index in the making may still write the words that it has read")
			}
			index()
			byNumber(a)
			byNumber(other)
			found(a.Reference, 1)
			found("gearbox", 0)
			found("engines", 1)
			if _, err := b.Store.ByReference(t.Context(), "CC-9"); !errors.Is(err, submission.ErrNotFound) {
				t.Errorf("a number that was never given: %v", err)
			}
		})
	}
}
