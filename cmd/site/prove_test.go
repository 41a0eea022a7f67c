package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/privacy"
)

// TestProve is the rule about rules: each promise has a check, and taking its rule away turns that check red.
func TestProve(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	a := newApp(t)
	proof, err := a.prove(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	removals := 0
	for _, c := range a.privacy.Checks() {
		removals += len(c.Removals())
	}
	if proof.Noticed != proof.Removed || proof.Removed != removals {
		t.Errorf("%d removed, %d noticed of %d removals:\n%s", proof.Removed, proof.Noticed, removals, &out)
	}
	for series, last := range map[string]int{"P": 18, "A": 9} {
		for n := 1; n <= last; n++ {
			id := fmt.Sprintf("%s-%d", series, n)
			if !slices.ContainsFunc(a.privacy.Checks(), func(c privacy.Check) bool { return c.Promise == id }) {
				t.Errorf("promise %s has no check", id)
			}
		}
	}
	t.Log(out.String())
}

// A server proves by itself: never while it starts, then where no proof is known, and again when the last is a week old.
func TestProofDue(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, c := range []struct {
		state string
		began time.Duration // ago; 0: it does not serve
		last  time.Duration // since the last proof; 0: as before
		due   bool
	}{
		{"a command", 0, 0, false},
		{"just started", time.Second, 0, false},
		{"settled, never proved", proofWaits, 0, true},
		{"proved long ago", proofWaits, 8 * 24 * time.Hour, true},
		{"just started, proved long ago", time.Second, 0, false},
		{"proved this week", proofWaits, 6 * 24 * time.Hour, false},
	} {
		if a.began = (time.Time{}); c.began > 0 {
			a.began = time.Now().Add(-c.began)
		}
		if c.last > 0 {
			if err := a.privacy.RecordProof(t.Context(), privacy.Proof{At: time.Now().Add(-c.last), Removed: 1, Noticed: 1}); err != nil {
				t.Fatal(err)
			}
		}
		due, err := a.proofDue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if due != c.due {
			t.Errorf("%s: due is %v", c.state, due)
		}
	}
	if !slices.ContainsFunc(a.workers(), func(w job.Worker) bool { return w.Name == proofWorker }) {
		t.Error("no worker proves")
	}
}

// A proof under way ends with the server, and leaves nothing behind that would be taken for one.
func TestProofEndsWithTheServer(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	a.leaving = ctx.Done()
	if err := a.proveAlong(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	due, err := a.privacy.ProofDue(t.Context())
	if err != nil || !due {
		t.Errorf("due %v, %v", due, err)
	}
}
