package account

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/securecookie"
)

const secretSize = 32

// ticket is what a cookie says: the session it names, and on a remembered computer the series and its token. One
// cookie carries both, so that staying signed in sets one cookie as its box says.
type ticket struct {
	session uuid.UUID
	secret  []byte
	device  uuid.UUID // uuid.Nil where the computer isn't remembered
	token   []byte
}

const (
	shortTicket = 16 + secretSize
	longTicket  = 2 * shortTicket
)

var errTicket = errors.New("account: not a ticket")

func (t ticket) bytes() []byte {
	b := append(append(make([]byte, 0, longTicket), t.session[:]...), t.secret...)
	if t.device != uuid.Nil {
		b = append(append(b, t.device[:]...), t.token...)
	}
	return b
}

func parseTicket(b []byte) (ticket, error) {
	if len(b) != shortTicket && len(b) != longTicket {
		return ticket{}, errTicket
	}
	t := ticket{session: uuid.UUID(b[:16]), secret: b[16:shortTicket]}
	if len(b) == longTicket {
		t.device, t.token = uuid.UUID(b[shortTicket:shortTicket+16]), b[shortTicket+16:]
		if t.device == uuid.Nil {
			return ticket{}, errTicket
		}
	}
	return t, nil
}

// cookieName names the door; over https the prefix makes browsers refuse a cookie that another host of the domain or
// a plain connection tries to plant.
func (s *Service) cookieName(kind Kind) string {
	if s.secure {
		return "__Host-" + string(kind)
	}
	return string(kind)
}

// cookie returns the Set-Cookie of a ticket: until the browser closes, or until the computer is to be forgotten.
func (s *Service) cookie(kind Kind, t ticket, until time.Time) (*http.Cookie, error) {
	name := s.cookieName(kind)
	value, err := securecookie.EncodeMulti(name, t.bytes(), s.keys.Cookie()...)
	if err != nil {
		return nil, err
	}
	c := s.blank(kind)
	c.Value = value
	if t.device != uuid.Nil {
		c.Expires = until.UTC()
		c.MaxAge = int(until.Sub(s.now()).Seconds())
	}
	return c, nil
}

// gone returns the Set-Cookie that takes the cookie away.
func (s *Service) gone(kind Kind) *http.Cookie {
	c := s.blank(kind)
	c.MaxAge = -1
	return c
}

func (s *Service) blank(kind Kind) *http.Cookie {
	return &http.Cookie{
		Name: s.cookieName(kind), Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	}
}

// ticketOf reads the cookie of a request; anything but a ticket we made is no ticket.
func (s *Service) ticketOf(r *http.Request, kind Kind) (ticket, bool) {
	c, err := r.Cookie(s.cookieName(kind))
	if err != nil {
		return ticket{}, false
	}
	t, err := s.decode(kind, c.Value)
	return t, err == nil
}

func (s *Service) decode(kind Kind, value string) (ticket, error) {
	var raw []byte
	if err := securecookie.DecodeMulti(s.cookieName(kind), value, &raw, s.keys.Cookie()...); err != nil {
		return ticket{}, errTicket
	}
	return parseTicket(raw)
}

func newSecret() []byte {
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails: crypto/rand aborts the program instead
	return secret
}

func hashOf(secret []byte) []byte {
	sum := sha256.Sum256(secret)
	return sum[:]
}
