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
	if proof.Noticed != proof.Removed || proof.Removed != len(a.privacy.Checks()) {
		t.Errorf("%d removed, %d noticed of %d checks:\n%s", proof.Removed, proof.Noticed, len(a.privacy.Checks()), &out)
	}
	for n := 1; n <= 18; n++ {
		id := fmt.Sprintf("P-%d", n)
		if !slices.ContainsFunc(a.privacy.Checks(), func(c privacy.Check) bool { return c.Promise == id }) {
			t.Errorf("promise %s has no check", id)
		}
	}
	t.Log(out.String())
}
