package account

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// attempt is a try of a subject, and how many of them within the window pass without a wait; each one after that
// doubles the wait.
type attempt struct {
	scope, subject string
	free           int
	first          time.Duration
}

const (
	window  = time.Hour        // tries older than this since the last one are forgotten
	maxWait = 15 * time.Minute // longer would let a stranger lock an owner out for a day
	wait    = 15 * time.Second // the first wait
)

// Tries are counted in one order, which all keep, so that two sign-ins of one account can't deadlock: the
// client, the account from that client, the account; then the rows of the account itself. Codes come after those rows.

// byAccount bounds what many networks together may try on one account. A stranger at one network must not keep its owner
// out, so its allowance is far beyond what a single network gets.
func byAccount(email string) attempt { return attempt{"account", fold(email), 50, wait} }

// byPair is an account as tried from one network. Its scope names the account, so that all pairs of it can be forgotten.
func (s *Service) byPair(email string, client netip.Addr) attempt {
	return attempt{s.pairs(email), network(client), 5, wait}
}

func (s *Service) pairs(email string) string {
	return "account " + hex.EncodeToString(s.keys.Digest("sign-in pairs", []byte(fold(email))))
}

// A client may be a whole office behind one address, hence its larger allowance.
func byClient(client netip.Addr) attempt { return attempt{"client", network(client), 20, wait} }

func byCode(account uuid.UUID) attempt { return attempt{"code", account.String(), 5, wait} }

// resetOf and resetBy bound what a stranger can have mailed to one address, and to many.
func resetOf(email string) attempt { return attempt{"reset account", fold(email), 3, maxWait} }

func resetBy(client netip.Addr) attempt { return attempt{"reset client", network(client), 10, maxWait} }

// count takes one try before it is made, so that many at once can't slip through before the first has failed. It
// returns how long to wait where none is left; then nothing was counted.
func (s *Service) count(ctx context.Context, tx pgx.Tx, a attempt) (time.Duration, error) {
	now := s.now()
	digest := s.digest(a)
	var tries int
	err := tx.QueryRow(ctx, `
		INSERT INTO sign_in_attempt AS t (scope, digest, tries, last_at, next_at) VALUES ($1, $2, 1, $3, $3)
		ON CONFLICT (scope, digest) DO UPDATE SET last_at = $3,
			tries = CASE WHEN t.last_at < $4 THEN 1 ELSE t.tries + 1 END
		WHERE t.next_at <= $3
		RETURNING tries`, a.scope, digest, now, now.Add(-window)).Scan(&tries)
	if errors.Is(err, pgx.ErrNoRows) {
		var next time.Time
		err = tx.QueryRow(ctx, `SELECT next_at FROM sign_in_attempt WHERE scope = $1 AND digest = $2`,
			a.scope, digest).Scan(&next)
		if err != nil {
			return 0, fmt.Errorf("read tries: %w", err)
		}
		return max(next.Sub(now), time.Second), nil
	}
	if err != nil {
		return 0, fmt.Errorf("count try: %w", err)
	}
	if tries < a.free {
		return 0, nil
	}
	pause := min(a.first<<min(tries-a.free, 12), maxWait)
	_, err = tx.Exec(ctx, `UPDATE sign_in_attempt SET next_at = $3 WHERE scope = $1 AND digest = $2`,
		a.scope, digest, now.Add(pause))
	if err != nil {
		return 0, fmt.Errorf("set wait: %w", err)
	}
	return 0, nil
}

// try counts one try of each, or none and returns a *WaitError.
func (s *Service) try(ctx context.Context, attempts ...attempt) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return s.tryIn(ctx, tx, attempts...) })
}

func (s *Service) tryIn(ctx context.Context, tx pgx.Tx, attempts ...attempt) error {
	for _, a := range attempts {
		pause, err := s.count(ctx, tx, a)
		if err != nil {
			return err
		}
		if pause > 0 {
			return &WaitError{pause}
		}
	}
	return nil
}

// forget drops all tries of a subject: the owner is there.
func (s *Service) forget(ctx context.Context, tx pgx.Tx, a attempt) error {
	_, err := tx.Exec(ctx, `DELETE FROM sign_in_attempt WHERE scope = $1 AND digest = $2`, a.scope, s.digest(a))
	if err != nil {
		return fmt.Errorf("forget tries: %w", err)
	}
	return nil
}

// forgetAll drops the tries at an account, wherever they came from: its password is another one now.
func (s *Service) forgetAll(ctx context.Context, tx pgx.Tx, email string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM sign_in_attempt WHERE scope = $1`, s.pairs(email)); err != nil {
		return fmt.Errorf("forget tries: %w", err)
	}
	return s.forget(ctx, tx, byAccount(email))
}

// welcome settles the tries of a sign-in that succeeded, in the order in which they were counted.
func (s *Service) welcome(ctx context.Context, tx pgx.Tx, email string, client netip.Addr) error {
	if err := s.giveBack(ctx, tx, byClient(client)); err != nil {
		return err
	}
	if err := s.forget(ctx, tx, s.byPair(email, client)); err != nil {
		return err
	}
	return s.giveBack(ctx, tx, byAccount(email))
}

// giveBack takes back the one try that succeeded, and leaves the others: an own account doesn't open the way to
// trying those of others.
func (s *Service) giveBack(ctx context.Context, tx pgx.Tx, a attempt) error {
	_, err := tx.Exec(ctx, `
		UPDATE sign_in_attempt SET tries = tries - 1, next_at = last_at
		WHERE scope = $1 AND digest = $2 AND tries > 0`, a.scope, s.digest(a))
	if err != nil {
		return fmt.Errorf("give back try: %w", err)
	}
	return nil
}

func (s *Service) digest(a attempt) []byte {
	return s.keys.Digest("sign-in "+a.scope, []byte(a.subject))
}

// network is what counts as one client: an IPv4 address, or the /64 that one IPv6 household or office has.
func network(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}
