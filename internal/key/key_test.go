package key_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/key/keytest"
)

func TestSealOpensOnlyForItsPurpose(t *testing.T) {
	ring := keytest.New(t)
	sealed := ring.Seal("form", []byte("alliance"))
	body, err := ring.Open("form", sealed)
	if err != nil || string(body) != "alliance" {
		t.Fatalf("Open = %q, %v", body, err)
	}
	changed := []byte(sealed)
	changed[2] ^= 1
	for name, try := range map[string][2]string{
		"other purpose": {"staged", sealed},
		"changed":       {"form", string(changed)},
		"truncated":     {"form", sealed[:10]},
		"empty":         {"form", ""},
		"other keys":    {"form", keytest.New(t).Seal("form", []byte("alliance"))},
	} {
		if _, err := ring.Open(try[0], try[1]); !errors.Is(err, key.ErrForged) {
			t.Errorf("%s: got %v, want ErrForged", name, err)
		}
	}
}

func TestTokenIsStable(t *testing.T) {
	ring, id := keytest.New(t), uuid.New()
	token := ring.Token("receipt", id)
	if token != ring.Token("receipt", id) {
		t.Error("two tokens of one id differ")
	}
	if got, err := ring.ParseToken("receipt", token); err != nil || got != id {
		t.Errorf("ParseToken = %v, %v", got, err)
	}
	for _, bad := range []string{"", "x", token[:20], token + "A", ring.Token("unsubscribe", id)} {
		if _, err := ring.ParseToken("receipt", bad); !errors.Is(err, key.ErrForged) {
			t.Errorf("ParseToken(%q): got %v, want ErrForged", bad, err)
		}
	}
}

func TestDigestKeepsPartsApart(t *testing.T) {
	ring := keytest.New(t)
	if bytes.Equal(ring.Digest("p", []byte("ab"), []byte("c")), ring.Digest("p", []byte("a"), []byte("bc"))) {
		t.Error("parts that join to the same text have the same digest")
	}
}

func TestWrap(t *testing.T) {
	ring := keytest.New(t)
	wrapped, err := ring.Wrap([]byte("data key"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ring.Unwrap(wrapped); err != nil || string(got) != "data key" {
		t.Errorf("Unwrap = %q, %v", got, err)
	}
	wrapped[len(wrapped)-1] ^= 1
	if _, err := ring.Unwrap(wrapped); !errors.Is(err, key.ErrForged) {
		t.Errorf("changed: got %v, want ErrForged", err)
	}
	if _, err := keytest.New(t).Unwrap(wrapped); !errors.Is(err, key.ErrForged) {
		t.Errorf("other keys: got %v, want ErrForged", err)
	}
}

func TestFileKeepsKeysAcrossRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	before, err := key.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Create(path); err == nil {
		t.Error("a second Create overwrote the keys")
	}
	sealed := before.Seal("form", []byte("x"))
	rotate(t, path, "seal")
	after, err := key.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := after.Open("form", sealed); err != nil {
		t.Errorf("a seal of before the rotation: %v", err)
	}
	if after.Fingerprint() != before.Fingerprint() {
		t.Error("rotating the seal key changed the fingerprint")
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := key.Load(path); err == nil {
		t.Error("a key file open to others was accepted")
	}
}

// A crash must not leave half a key file under the name, so it is written elsewhere; nothing of that stays.
func TestCreateLeavesOneFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	path := filepath.Join(dir, "keys")
	if _, err := key.Create(path); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Create(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second Create: got %v, want ErrExist", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("a second Create changed the file: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// Several processes that start at once end up with one and the same file, which each can read as soon as it is there.
func TestCreateAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	fingerprints := make([]string, 16)
	var wait sync.WaitGroup
	for i := range fingerprints {
		wait.Go(func() {
			ring, err := key.Create(path)
			if errors.Is(err, os.ErrExist) {
				ring, err = key.Load(path)
			}
			if err != nil {
				t.Error(err)
				return
			}
			fingerprints[i] = ring.Fingerprint()
		})
	}
	wait.Wait()
	for _, f := range fingerprints {
		if f != fingerprints[0] {
			t.Fatalf("several keys: %v", fingerprints)
		}
	}
}

// rotate appends a fresh version of the named key, as an operator does with an editor.
func rotate(t *testing.T, path, name string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string][]map[string]any
	if err := json.Unmarshal(raw, &keys); err != nil {
		t.Fatal(err)
	}
	keys[name] = append(keys[name], map[string]any{"id": 2, "secret": bytes.Repeat([]byte{7}, 32)})
	if raw, err = json.Marshal(keys); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}
