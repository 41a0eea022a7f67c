package cluster

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLimit gives a start the time of initdb on top, until there is a cluster.
func TestLimit(t *testing.T) {
	t.Parallel()
	c := &Cluster{place: place{data: t.TempDir()}}
	if got := c.limit(); got != initFor+startFor {
		t.Errorf("without a cluster a start may take %v, want %v", got, initFor+startFor)
	}
	if err := os.WriteFile(filepath.Join(c.place.data, "PG_VERSION"), []byte("17\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := c.limit(); got != startFor {
		t.Errorf("with a cluster a start may take %v, want %v", got, startFor)
	}
}
