package form

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"clickcommerce.com/site/internal/key"
)

// SealField is the name of the hidden field that carries the seal.
const SealField = "seal"

// sealAge is how long a page may stay open before it must be read again.
const sealAge = 24 * time.Hour

// Reasons why a form can't be taken as it is. In each case it is shown again with everything that was typed.
var (
	ErrSealForged  = errors.New("form: the seal is missing, forged or of another form")
	ErrSealExpired = errors.New("form: the seal is older than a day")
	ErrSealStale   = errors.New("form: the wording or the statement changed since the page was shown")
)

// Seal says what the sender was shown: which form in which wording, under which statement, in which language, when.
// It says nothing of the visitor, so that one page serves everybody for a minute. Only an anonymous form adds a nonce.
type Seal struct {
	Kind      string
	Revision  []byte
	Statement string
	Lang      string
	Minute    int64 // since 1970
	Nonce     []byte
}

// NewSeal returns the seal of a form that is shown now under a statement.
func NewSeal(f Form, statement string, now time.Time) Seal {
	s := Seal{
		Kind: f.Kind, Revision: f.Revision().Digest, Statement: statement, Lang: Lang, Minute: now.Unix() / 60,
	}
	if f.Anonymous {
		s.Nonce = make([]byte, 16)
		rand.Read(s.Nonce)
	}
	return s
}

const sealPurpose = "form"

// Close returns the seal as the text of the hidden field.
func (s Seal) Close(ring *key.Ring) string {
	body := strings.Join([]string{
		s.Kind, hex.EncodeToString(s.Revision), s.Statement, s.Lang,
		strconv.FormatInt(s.Minute, 10), base64.RawURLEncoding.EncodeToString(s.Nonce),
	}, "|")
	return ring.Seal(sealPurpose, []byte(body))
}

// OpenSeal returns what Close closed, or ErrSealForged.
func OpenSeal(ring *key.Ring, text string) (Seal, error) {
	body, err := ring.Open(sealPurpose, text)
	if err != nil {
		return Seal{}, ErrSealForged
	}
	part := strings.Split(string(body), "|")
	if len(part) != 6 {
		return Seal{}, ErrSealForged
	}
	revision, err1 := hex.DecodeString(part[1])
	minute, err2 := strconv.ParseInt(part[4], 10, 64)
	nonce, err3 := base64.RawURLEncoding.DecodeString(part[5])
	if err := errors.Join(err1, err2, err3); err != nil {
		return Seal{}, fmt.Errorf("%w: %w", ErrSealForged, err)
	}
	return Seal{Kind: part[0], Revision: revision, Statement: part[2], Lang: part[3], Minute: minute, Nonce: nonce}, nil
}

// Check tells whether what the seal says was shown is still what the form and the statement say.
func (s Seal) Check(f Form, statement string, now time.Time) error {
	if s.Kind != f.Kind || f.Anonymous != (len(s.Nonce) > 0) {
		return ErrSealForged
	}
	shown := time.Unix(s.Minute*60, 0)
	if shown.After(now.Add(time.Minute)) {
		return ErrSealForged
	}
	if now.Sub(shown) > sealAge {
		return ErrSealExpired
	}
	if s.Statement != statement || !bytes.Equal(s.Revision, f.Revision().Digest) {
		return ErrSealStale
	}
	return nil
}
