package account

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Comparisons returns how many passwords were compared so far.
func (s *Service) Comparisons() int64 { return s.hash.compared.Load() }

// Weaken stores a password at lower costs than today's.
func (s *Service) Weaken(ctx context.Context, id uuid.UUID, password string) error {
	h := newHasher(params{memory: 8 << 10, time: 1, threads: 1}, 1)
	_, err := s.pool.Exec(ctx, `UPDATE account SET password_hash = $2 WHERE id = $1`, id, h.encode(password))
	return err
}

// Local is local.
func Local(kind Kind, next string) string { return local(kind, next) }

// Cookie is what a browser holds, opened.
type Cookie struct {
	Session, Device uuid.UUID
	Token           string
}

// Open opens a cookie.
func (s *Service) Open(t testing.TB, kind Kind, c *http.Cookie) Cookie {
	t.Helper()
	got, err := s.decode(kind, c.Value)
	if err != nil {
		t.Fatal(err)
	}
	return Cookie{got.session, got.device, string(got.token)}
}

// Remember signs a customer in on a remembered computer, without the password.
func (s *Service) Remember(ctx context.Context, a Account) (*http.Cookie, error) {
	var t ticket
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
		t, err = s.enter(ctx, tx, a, credentials{kind: a.Kind, remember: true, label: "Firefox on Linux"})
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.cookie(a.Kind, t, s.until())
}

// Kept seals something typed, as keep does.
func (s *Service) Kept(r *http.Request, kind Kind) (string, error) { return s.keep(r, kind) }

// Lifetimes that tests wait out.
const (
	StaffIdle    = staffIdle
	StaffWhole   = staffWhole
	ConnectIdle  = connectIdle
	ConnectWhole = connectWhole
	HalfWhole    = halfWhole
	FreshFor     = freshFor
	DeviceLife   = deviceLife
	Grace        = grace
)
