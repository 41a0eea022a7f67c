package pgtest

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestSweep(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	old := time.Now().Add(-time.Hour)
	tests := []struct {
		name       string
		held, stay bool
		made       time.Time
	}{
		{"alive", true, true, old},
		{"dead", false, false, old},
		{"just made", false, true, time.Now()},
	}
	for _, tt := range tests {
		dir := filepath.Join(parent, tt.name, "15")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		lock, err := os.Create(filepath.Join(dir, "lock"))
		if err != nil {
			t.Fatal(err)
		}
		defer lock.Close()
		if tt.held {
			if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(lock.Name(), tt.made, tt.made); err != nil {
			t.Fatal(err)
		}
	}
	sweep(parent)
	for _, tt := range tests {
		_, err := os.Stat(filepath.Join(parent, tt.name))
		if stays := err == nil; stays != tt.stay {
			t.Errorf("%s: stays %v, want %v", tt.name, stays, tt.stay)
		}
	}
}
