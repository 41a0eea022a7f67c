package consent

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/postgres"
)

// Statement is a published version of the privacy statement (P-17). It can't be changed.
type Statement struct {
	ID          string    `db:"id"` // its date of publication, as in 2026-11-01
	EffectiveOn time.Time `db:"effective_on"`
	Title       string    `db:"title"`
	Summary     string    `db:"summary"` // what changed against the one before
	Body        string    `db:"body"`    // Markdown
	Digest      []byte    `db:"digest"`
	PublishedAt time.Time `db:"published_at"`
}

// Name is how pages and labels name the version.
func (s Statement) Name() string { return s.EffectiveOn.Format("2 January 2006") }

// ErrNoStatement says that none is in force: no form may be shown.
var ErrNoStatement = errors.New("consent: no privacy statement is in force")

// Statements knows which statement is in force. It answers from memory; Refresh brings it up to date.
type Statements struct {
	pool *pgxpool.Pool
	now  func() time.Time
	list atomic.Pointer[[]Statement]
}

// NewStatements reads the published versions.
func NewStatements(ctx context.Context, pool *pgxpool.Pool, now func() time.Time) (*Statements, error) {
	s := &Statements{pool: pool, now: now}
	if err := s.Refresh(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Refresh reads the published versions again.
func (s *Statements) Refresh(ctx context.Context) error {
	list, err := postgres.Rows[Statement](ctx, s.pool, `
		SELECT id, effective_on, title, summary, body, digest, published_at
		FROM statement_version ORDER BY effective_on DESC, id DESC`)
	if err != nil {
		return fmt.Errorf("read statements: %w", err)
	}
	s.list.Store(&list)
	return nil
}

// All returns the published versions, the latest effective first.
func (s *Statements) All() []Statement { return *s.list.Load() }

// InForce returns the version with the greatest effective date that is not after today in Chicago, or ErrNoStatement.
func (s *Statements) InForce() (Statement, error) {
	today := s.now().In(clock.Zone()).Format(time.DateOnly)
	for _, v := range s.All() {
		if v.EffectiveOn.Format(time.DateOnly) <= today {
			return v, nil
		}
	}
	return Statement{}, ErrNoStatement
}

// Get returns a published version by its id.
func (s *Statements) Get(id string) (Statement, bool) {
	for _, v := range s.All() {
		if v.ID == id {
			return v, true
		}
	}
	return Statement{}, false
}
