package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"clickcommerce.com/site/internal/privacy"
)

// TestProve is the rule about rules: each promise has a check, and taking its rule away turns that check red.
func TestProve(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	a := newApp(t)
	a.stdout = &out
	p, err := newProver(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := p.proveAll(t.Context())
	if err := p.close(); err != nil {
		t.Error(err)
	}
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
