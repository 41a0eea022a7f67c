package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"clickcommerce.com/site/internal/page"
)

// PasswordError says why a password is not taken: too short, too long, its owner's address, or a common one. The first
// two tell how long it may be and is.
type PasswordError struct {
	Reason    string // of the sentences password_… of this room's words, what follows the stroke
	Limit, Is int    // characters
}

// Error implements error, for who calls a command.
func (e PasswordError) Error() string {
	if e.Limit == 0 {
		return "password: " + e.Reason
	}
	return fmt.Sprintf("password: %s: %d characters instead of %d", e.Reason, e.Is, e.Limit)
}

// inWords says it to the visitor.
func (e PasswordError) inWords(say page.Say) string {
	return say("password_"+e.Reason, "limit", e.Limit, "is", e.Is)
}

const (
	staffLength   = 12
	connectLength = 10
	longest       = 512 // characters; longer ones only cost time
)

// leastLength is how many characters a password has at least.
func leastLength(kind Kind) int {
	if kind == Staff {
		return staffLength
	}
	return connectLength
}

// CheckPassword returns a PasswordError where a password may not be chosen: too short (12 characters for staff, 10 for
// customers), the address itself, or one of those that are tried first. Any character counts.
func CheckPassword(kind Kind, email, password string) error {
	least := leastLength(kind)
	plain := norm.NFKC.String(password)
	n := utf8.RuneCountInString(plain)
	if n < least {
		return PasswordError{Reason: "short", Limit: least, Is: n}
	}
	if n > longest {
		return PasswordError{Reason: "long", Limit: longest, Is: n}
	}
	lower := strings.ToLower(plain)
	if lower == fold(email) {
		return PasswordError{Reason: "address"}
	}
	if slices.Contains(strings.Fields(commonest), lower) || strings.Count(lower, lower[:1]) == len(lower) {
		return PasswordError{Reason: "common"}
	}
	return nil
}

// commonest are the passwords of ten characters or more that head every published list of leaked ones.
const commonest = `1234567890 12345678910 123456789012 1234567891 0123456789 9876543210 0987654321 1111111111 0000000000
	1122334455 1234512345 123123123123 qwertyuiop qwertyuiop1 qwertyuiop[] qwerty12345 qwerty123456 qwerty1234567 1q2w3e4r5t
	1q2w3e4r5t6y 1qaz2wsx3edc q1w2e3r4t5 q1w2e3r4t5y6 zaq12wsxcde3 asdfghjkl; asdfghjkl1 zxcvbnm123 zxcvbnm1234 abcdefghij
	abcdefghijkl abcd1234567 abc123456789 abcd12345678 password12 password123 password1234 password12345 password123456
	passwordpassword passw0rd123 passw0rd1234 p@ssword123 p@ssw0rd123 p@ssw0rd1234 p@$$w0rd123 administrator administrator1
	admin123456 admin12345678 letmein123 letmein1234 letmein12345 welcome123 welcome1234 welcome12345 changeme123 changeme1234
	iloveyou123 iloveyou1234 sunshine123 princess123 football123 baseball123 superman123 trustno1trustno1 whatever123
	computer123 internet123 michael123 jennifer123 charlie123 liverpool1 manchester1 summer2024! summer2025! winter2024!
	winter2025! spring2025! clickcommerce clickcommerce1 clickcommerce123 clickconnect clickconnect1 clickconnect123`

// params are the costs of one hash; see OWASP's password storage advice for argon2id.
type params struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

const (
	saltSize = 16
	hashSize = 32
)

// hasher makes and compares password hashes, at most as many at once as its gate has room for: a flood of sign-ins
// waits instead of taking 19 MiB each.
type hasher struct {
	params
	gate     chan struct{}
	dummy    string
	compared atomic.Int64 // comparisons made, for the test that all answers cost the same
}

func newHasher(p params, atOnce int) *hasher {
	h := &hasher{params: p, gate: make(chan struct{}, atOnce)}
	h.dummy = h.encode(rand.Text())
	return h
}

// make returns the PHC string of a password. It fails only when ctx ends while waiting.
func (h *hasher) make(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return h.encode(password), nil
}

// compare tells whether the password is that of a PHC string, and whether the string was made at other costs than
// today's. An empty string costs as much as any other and never matches.
func (h *hasher) compare(ctx context.Context, phc, password string) (match, stale bool, err error) {
	if err := h.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.leave()
	h.compared.Add(1)
	known := phc != ""
	if !known {
		phc = h.dummy
	}
	if len(password) > 4*longest {
		password, known = "", false
	}
	p, salt, want, err := parsePHC(phc)
	if err != nil {
		return false, false, err
	}
	got := derive(p, password, salt)
	return subtle.ConstantTimeCompare(got, want) == 1 && known, p != h.params, nil
}

func (h *hasher) enter(ctx context.Context) error {
	select {
	case h.gate <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

func (h *hasher) leave() { <-h.gate }

func (h *hasher) encode(password string) string {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails: crypto/rand aborts the program instead
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		b64(salt), b64(derive(h.params, password, salt)))
}

// derive compares by NFKC, so that a password typed on another keyboard or system is the same password.
func derive(p params, password string, salt []byte) []byte {
	return argon2.IDKey([]byte(norm.NFKC.String(password)), salt, p.time, p.memory, p.threads, hashSize)
}

var errPHC = errors.New("account: stored password hash is damaged")

func parsePHC(phc string) (p params, salt, hash []byte, err error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return params{}, nil, nil, errPHC
	}
	n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads)
	if err != nil || n != 3 || p.time == 0 || p.threads == 0 || p.memory > 1<<20 || p.time > 64 {
		return params{}, nil, nil, errPHC
	}
	if salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil {
		return params{}, nil, nil, errPHC
	}
	if hash, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil || len(hash) != hashSize {
		return params{}, nil, nil, errPHC
	}
	return p, salt, hash, nil
}
