// Package account says who is signed in: passwords, one-time codes, sessions, remembered computers, roles, and the
// mailed links by which an account is opened or got back.
//
// It promises that
//   - a password is kept as argon2id only, and that a flood of sign-ins can't exhaust memory;
//   - sign-in answers alike, by the same steps, whether an address has an account or not; so does reset in its words and
//     status, though an account costs the moment in which its mail is written, which the limit of ten an hour leaves
//     little to measure by;
//   - a stranger can't keep the owner of an account out from one network: waits grow for an account as tried from there;
//   - no page for staff opens without a one-time code, and no code counts twice;
//   - a computer stays signed in only where its owner ticked the box for it (P-14), and a copied cookie of such a
//     computer ends that series and is told to the owner;
//   - what somebody typed into a form outlives the end of a session.
//
// A session lives in the row, the cookie only names it: ending a session, a device or an account takes effect with
// the next request.
package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
)

// Kind says which of the two doors an account opens.
type Kind string

// The kinds of accounts.
const (
	Staff   Kind = "staff"   // the workspace under /staff
	Connect Kind = "connect" // the customers' portal under /connect
)

// Errors that callers tell apart. None of them carries an address.
var (
	ErrRefused   = errors.New("account: address, password or code not accepted")
	ErrNotFound  = errors.New("account: not found")
	ErrTaken     = errors.New("account: the address has an account already")
	ErrAddress   = errors.New("account: not an email address")
	ErrRole      = errors.New("account: unknown role, or none")
	ErrLastAdmin = errors.New("account: the last administrator can't be removed")
	ErrLink      = errors.New("account: the link was used, has expired, or is not ours")
)

// WaitError says that too many tries went before and how long to wait until the next.
type WaitError struct{ For time.Duration }

// Error implements error.
func (e *WaitError) Error() string { return fmt.Sprintf("account: wait %s", e.For) }

// Account is one who may sign in.
type Account struct {
	ID           uuid.UUID
	Email        string // lower case
	Person       uuid.NullUUID
	Name         string
	Kind         Kind
	Roles        []Role // sorted; empty for customers
	HasPassword  bool   // false until an invitation was taken up
	HasTOTP      bool
	CreatedAt    time.Time
	LastSignInAt *time.Time
	DisabledAt   *time.Time
	ExpiresAt    *time.Time // customers only
}

// Active tells whether the account may sign in at that time.
func (a Account) Active(now time.Time) bool {
	return a.DisabledAt == nil && (a.ExpiresAt == nil || now.Before(*a.ExpiresAt))
}

// Config is what a Service needs. Pages and Client may be missing where nothing is served, as in commands.
type Config struct {
	Pool      *pgxpool.Pool
	Keys      *key.Ring
	Mail      *mail.Queue // its templates must include those of Templates
	Pages     *page.Set
	PublicURL string                         // how the world reaches us; https makes cookies Secure
	Client    func(*http.Request) netip.Addr // page.Proxies.Client
	Now       func() time.Time               // nil: time.Now
	Log       *slog.Logger                   // nil: nothing is logged
}

// Service keeps the accounts. It is safe for concurrent use.
type Service struct {
	pool   *pgxpool.Pool
	keys   *key.Ring
	mail   *mail.Queue
	now    func() time.Time
	hash   *hasher
	public string // without a slash at the end
	secure bool
	log    *slog.Logger
	client func(*http.Request) netip.Addr
	views
}

// New returns the service. It panics, as page.Load does, where a template is missing.
func New(c Config) *Service {
	s := &Service{
		pool: c.Pool, keys: c.Keys, mail: c.Mail, now: c.Now, client: c.Client, log: c.Log,
		public: strings.TrimSuffix(c.PublicURL, "/"), secure: strings.HasPrefix(c.PublicURL, "https://"),
		// 19 MiB twice at once: the least that OWASP advises, and a share of memory that a flood can't raise.
		hash: newHasher(params{memory: 19 << 10, time: 2, threads: 1}, 2),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if c.Pages != nil {
		s.views = loadViews(c.Pages)
	}
	return s
}

const columns = `a.id, a.email, a.person_id AS person, a.name, a.kind,
	ARRAY(SELECT r.role FROM account_role r WHERE r.account_id = a.id ORDER BY r.role) AS roles,
	a.password_hash IS NOT NULL AS has_password, a.totp_confirmed_at IS NOT NULL AS has_totp,
	a.created_at, a.last_sign_in_at, a.disabled_at, a.expires_at`

// Get returns the account of an id, or ErrNotFound.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Account, error) {
	return one(ctx, s.pool, `WHERE a.id = $1`, id)
}

// Find returns the account of an address, or ErrNotFound.
func (s *Service) Find(ctx context.Context, email string) (Account, error) {
	return one(ctx, s.pool, `WHERE a.email = $1`, fold(email))
}

// OfPerson returns the customer account of a person, or ErrNotFound.
func (s *Service) OfPerson(ctx context.Context, person uuid.UUID) (Account, error) {
	return one(ctx, s.pool, `WHERE a.person_id = $1`, person)
}

// List returns all accounts of a kind in order of name.
func (s *Service) List(ctx context.Context, kind Kind) ([]Account, error) {
	list, err := postgres.Rows[Account](ctx, s.pool, `SELECT `+columns+` FROM account a WHERE a.kind = $1 ORDER BY a.name, a.email`, kind)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return list, nil
}

func one(ctx context.Context, q postgres.Reader, where string, arg any) (Account, error) {
	a, err := postgres.Row[Account](ctx, q, `SELECT `+columns+` FROM account a `+where, arg)
	if errors.Is(err, pgx.ErrNoRows) {
		return Account{}, ErrNotFound
	}
	if err != nil {
		return Account{}, fmt.Errorf("read account: %w", err)
	}
	return a, nil
}

// fold is the one spelling of an address that rows and limits know; what no database takes is left out.
func fold(email string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(strings.ToLower(strings.TrimSpace(email)), ""), "\x00", "")
}
