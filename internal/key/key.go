// Package key holds the secrets of an installation: named, versioned keys in one file (KEY_FILE).
//
// Two of them rotate: cookie (sign-in cookies) and seal (hidden form fields); older versions keep opening what they
// closed. Two never do: file (wraps the key of each upload) and pseudonym (digests, and the tokens of mailed links,
// which must stay good for years). The fingerprint of those two is kept in the database, so that an instance started
// with another key file refuses to serve instead of writing what nobody can read.
package key

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/uuid"
	"github.com/gorilla/securecookie"
)

// ErrForged says that a sealed text or a token was not made with these keys, or was changed since.
var ErrForged = errors.New("key: forged or damaged")

const (
	size    = 32 // bytes of one key
	macSize = 16 // bytes of a MAC in links and seals: 128 bits, beyond guessing
)

// version is one key of a name; the last of a list is the newest.
type version struct {
	ID     int    `json:"id"`
	Secret []byte `json:"secret"`
}

type content struct {
	Cookie    []version `json:"cookie"`
	Seal      []version `json:"seal"`
	File      []version `json:"file"`
	Pseudonym []version `json:"pseudonym"`
}

// Ring is the set of keys of one installation. It is safe for concurrent use.
type Ring struct{ keys content }

// Create writes a new key file at path, readable by its owner alone, and returns its keys. It fails where a file
// already stands: keys are never overwritten. The file is whole and on disk, or not there: nothing is written with keys
// that a loss of power can take away.
func Create(path string) (*Ring, error) {
	keys := content{Cookie: fresh(), Seal: fresh(), File: fresh(), Pseudonym: fresh()}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create key file: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // made with mode 0600
	if err != nil {
		return nil, fmt.Errorf("create key file: %w", err)
	}
	enc := json.NewEncoder(f)
	enc.SetIndent("", "  ")
	err = errors.Join(enc.Encode(keys), f.Sync(), f.Close())
	if err == nil {
		err = os.Link(f.Name(), path) // refused where a file stands, which a rename would replace
	}
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return nil, fmt.Errorf("write key file: %w", err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("write key file: %w", err)
	}
	return &Ring{keys}, nil
}

// syncFolder brings the names in a folder to disk.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Load reads the key file at path. A file that others than its owner may read is refused, as is one that lacks a key.
func Load(path string) (*Ring, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key file %s is open to others (mode %04o): set it to 0600", path, info.Mode().Perm())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	var keys content
	if err := json.Unmarshal(raw, &keys); err != nil {
		return nil, fmt.Errorf("key file %s is not valid JSON", path)
	}
	for name, list := range map[string][]version{
		"cookie": keys.Cookie, "seal": keys.Seal, "file": keys.File, "pseudonym": keys.Pseudonym,
	} {
		if !usable(list) {
			return nil, fmt.Errorf("key file %s: its %q keys are not all of %d bytes, with numbers of their own from 1 to 255", path, name, size)
		}
	}
	return &Ring{keys}, nil
}

// usable tells whether every key of a list can be used, the retired ones too: they still open what they closed, and anybody
// can close something with an empty one.
func usable(list []version) bool {
	seen := map[int]bool{}
	for _, v := range list {
		if len(v.Secret) != size || v.ID < 1 || v.ID > 255 || seen[v.ID] {
			return false
		}
		seen[v.ID] = true
	}
	return len(list) > 0
}

// Fingerprint names the keys that never rotate. It tells nothing about them.
func (r *Ring) Fingerprint() string {
	mac := hmac.New(sha256.New, newest(r.keys.Pseudonym).Secret)
	for _, v := range r.keys.File {
		mac.Write(v.Secret)
	}
	return hex.EncodeToString(mac.Sum(nil)[:macSize])
}

// Cookie returns the codecs of sign-in cookies, the newest key first: encode with the first, decode with all.
func (r *Ring) Cookie() []securecookie.Codec {
	codecs := make([]securecookie.Codec, 0, len(r.keys.Cookie))
	for i := len(r.keys.Cookie) - 1; i >= 0; i-- {
		secret := r.keys.Cookie[i].Secret
		c := securecookie.New(derive(secret, "cookie hash"), derive(secret, "cookie block"))
		c.MaxAge(0) // the row behind the cookie holds its end
		codecs = append(codecs, c)
	}
	return codecs
}

// Seal returns body in a form that a visitor may carry and read but not change. The purpose is bound to it: what was
// sealed for one purpose does not open for another.
func (r *Ring) Seal(purpose string, body []byte) string {
	mac := sum(newest(r.keys.Seal).Secret, purpose, body)
	return base64.RawURLEncoding.EncodeToString(slices.Concat(body, mac[:macSize]))
}

// Open returns the body that Seal closed under any seal key still in the file, or ErrForged.
func (r *Ring) Open(purpose, sealed string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < macSize {
		return nil, ErrForged
	}
	body, mac := raw[:len(raw)-macSize], raw[len(raw)-macSize:]
	for _, v := range r.keys.Seal {
		if hmac.Equal(mac, sum(v.Secret, purpose, body)[:macSize]) {
			return body, nil
		}
	}
	return nil, ErrForged
}

// Digest returns 32 bytes that stand for parts without telling them; equal parts give equal digests for ever.
func (r *Ring) Digest(purpose string, parts ...[]byte) []byte {
	return sum(newest(r.keys.Pseudonym).Secret, purpose, parts...)
}

// Token returns the one link token of an id for a purpose: always the same, and not to be guessed from the id.
func (r *Ring) Token(purpose string, id uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString(append(id[:], r.Digest("token "+purpose, id[:])[:macSize]...))
}

// ParseToken returns the id of a token that Token made for the same purpose, or ErrForged.
func (r *Ring) ParseToken(purpose, token string) (uuid.UUID, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != len(uuid.UUID{})+macSize {
		return uuid.Nil, ErrForged
	}
	id := uuid.UUID(raw[:16])
	if !hmac.Equal(raw[16:], r.Digest("token "+purpose, id[:])[:macSize]) {
		return uuid.Nil, ErrForged
	}
	return id, nil
}

// Wrap encrypts the key of one file (AES-256-GCM under the file key); Unwrap gives it back.
func (r *Ring) Wrap(dataKey []byte) ([]byte, error) {
	v := newest(r.keys.File)
	aead, err := gcm(v.Secret)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails: crypto/rand aborts the program instead
	return aead.Seal(append([]byte{byte(v.ID)}, nonce...), nonce, dataKey, nil), nil
}

// Unwrap is the inverse of Wrap; it returns ErrForged where the text was changed or another key file made it.
func (r *Ring) Unwrap(wrapped []byte) ([]byte, error) {
	for _, v := range r.keys.File {
		aead, err := gcm(v.Secret)
		if err != nil {
			return nil, err
		}
		if len(wrapped) < 1+aead.NonceSize() || wrapped[0] != byte(v.ID) {
			continue
		}
		nonce, sealed := wrapped[1:1+aead.NonceSize()], wrapped[1+aead.NonceSize():]
		if plain, err := aead.Open(nil, nonce, sealed, nil); err == nil {
			return plain, nil
		}
	}
	return nil, ErrForged
}

func fresh() []version {
	secret := make([]byte, size)
	rand.Read(secret)
	return []version{{ID: 1, Secret: secret}}
}

func newest(list []version) version { return list[len(list)-1] }

// sum binds purpose and parts unambiguously: each is preceded by its length.
func sum(secret []byte, purpose string, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, derive(secret, purpose))
	for _, p := range parts {
		mac.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(p))))
		mac.Write(p)
	}
	return mac.Sum(nil)
}

func derive(secret []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

func gcm(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(derive(secret, "wrap"))
	if err != nil {
		return nil, fmt.Errorf("file key: %w", err)
	}
	return cipher.NewGCM(block)
}
