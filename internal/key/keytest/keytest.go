// Package keytest gives tests a key file of their own.
package keytest

import (
	"path/filepath"
	"testing"

	"clickcommerce.com/site/internal/key"
)

// New returns fresh keys in a file that goes with the test.
func New(t testing.TB) *key.Ring {
	t.Helper()
	ring, err := key.Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}
