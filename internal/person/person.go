// Package person keeps the people who wrote to us: an address and its state, nothing else that a stranger typed. A row
// is emptied when a person is erased, never deleted, so that what refers to it stays whole.
package person

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/postgres"
)

// ErrNotFound says that there is no such person, or no longer.
var ErrNotFound = errors.New("person: not found")

// Path is the page of a person in the workspace.
func Path(id uuid.UUID) string { return "/staff/people/" + id.String() }

// Person is an address and what we know of it. Email is empty once erased.
type Person struct {
	ID         uuid.UUID  `db:"id"`
	Email      string     `db:"email"`
	CreatedAt  time.Time  `db:"created_at"`
	VerifiedAt *time.Time `db:"verified_at"`
	BouncedAt  *time.Time `db:"bounced_at"`
	ErasedAt   *time.Time `db:"erased_at"`
}

// Store reads and writes people.
type Store struct {
	pool *pgxpool.Pool
	ring *key.Ring
	now  func() time.Time
}

// New returns the store of people.
func New(pool *pgxpool.Pool, ring *key.Ring, now func() time.Time) *Store {
	return &Store{pool, ring, now}
}

// AddressDigest stands for an address where the address itself must not be kept, as in the suppression list.
func AddressDigest(ring *key.Ring, email string) []byte { return ring.Digest("address", []byte(email)) }

// Add queues the storing of an address under id, unless it is known already. The address is in the spelling that
// form.ParseEmail returns.
func (s *Store) Add(b *pgx.Batch, id uuid.UUID, email string, at time.Time) {
	b.Queue(`
		INSERT INTO person (id, email, address_hmac, created_at)
		VALUES ($1, $2, $3, $4)
		ON CONFLICT (email) DO NOTHING`, id, email, AddressDigest(s.ring, email), at)
}

const columns = `id, coalesce(email, '') AS email, created_at, verified_at, bounced_at, erased_at`

// Get returns the person, also an erased one, or ErrNotFound.
func (s *Store) Get(ctx context.Context, id uuid.UUID) (Person, error) {
	return s.one(ctx, `SELECT `+columns+` FROM person WHERE id = $1`, id)
}

// Find returns the person of an address, or ErrNotFound.
func (s *Store) Find(ctx context.Context, email string) (Person, error) {
	return s.one(ctx, `SELECT `+columns+` FROM person WHERE email = $1`, email)
}

// FindFormer returns the person who had an address before the present one, or ErrNotFound, also where several had it.
func (s *Store) FindFormer(ctx context.Context, email string) (Person, error) {
	return s.one(ctx, `
		SELECT `+columns+` FROM person
		WHERE id IN (SELECT person_id FROM former_address WHERE address_hmac = $1)
			AND (SELECT count(*) FROM former_address WHERE address_hmac = $1) = 1`, AddressDigest(s.ring, email))
}

func (s *Store) one(ctx context.Context, sql string, arg any) (Person, error) {
	p, err := postgres.Row[Person](ctx, s.pool, sql, arg)
	if errors.Is(err, pgx.ErrNoRows) {
		return Person{}, ErrNotFound
	}
	if err != nil {
		return Person{}, fmt.Errorf("read person: %w", err)
	}
	return p, nil
}

// Confirm records that whoever reads the person's mail pressed the button behind the mailed link. It proves the choices of
// the person's chain up to that entry; a larger number than the last stands for that. ErrNotFound says that the person was
// erased.
func (s *Store) Confirm(ctx context.Context, tx pgx.Tx, id uuid.UUID, upTo int64) error {
	at := s.now()
	tag, err := tx.Exec(ctx, `
		UPDATE person SET verified_at = coalesce(verified_at, $2), bounced_at = NULL
		WHERE id = $1 AND erased_at IS NULL`, id, at)
	if err != nil {
		return fmt.Errorf("confirm address: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNotFound
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO confirmation (person_id, at, seq) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, id, at, upTo); err != nil {
		return fmt.Errorf("confirm address: %w", err)
	}
	return nil
}

// ConfirmedSince tells whether whoever reads the person's mail has shown so since then.
func (s *Store) ConfirmedSince(ctx context.Context, id uuid.UUID, since time.Time) (bool, error) {
	var confirmed bool
	if err := s.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM confirmation WHERE person_id = $1 AND at >= $2)`, id, since).Scan(&confirmed); err != nil {
		return false, fmt.Errorf("read confirmations: %w", err)
	}
	return confirmed, nil
}
