package consent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres"
)

// Sealer puts seals over the whole ledger, so that it is noticed when the end of a chain is cut off together with its
// head. Each seal is also logged, and the last one kept beside the uploads (package privacy), where whoever can rewrite the
// database can't rewrite it.
type Sealer struct {
	ledger *Ledger
	log    *slog.Logger
	mu     sync.Mutex
	upto   int64 // the last event at the run before
	since  time.Time
}

// NewSealer returns a sealer of a ledger.
func NewSealer(l *Ledger, log *slog.Logger) *Sealer { return &Sealer{ledger: l, log: log} }

// Settled is how long a transaction may be open that has taken a number: after it no event comes in below that number. Where
// Seal is called every minute, what is older than twice as long has a seal.
const Settled = 10 * time.Minute

// Seal names a seal over all entries up to one: enough to know it again.
type Seal struct {
	Upto   int64  `json:"upto"`
	Digest []byte `json:"digest"`
}

// LastSeal returns the last seal, the zero value where there is none.
func (l *Ledger) LastSeal(ctx context.Context) (Seal, error) {
	last, err := l.lastCheckpoint(ctx)
	return Seal{last.Upto, last.Digest}, err
}

// HasSeal tells whether a seal is there as it was made.
func (l *Ledger) HasSeal(ctx context.Context, s Seal) (has bool, err error) {
	err = l.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM consent_checkpoint WHERE upto = $1 AND digest = $2)`, s.Upto, s.Digest).Scan(&has)
	return has, err
}

type checkpoint struct {
	Upto   int64  `db:"upto"`
	Events int64  `db:"events"`
	Digest []byte `db:"digest"`
}

// Seal seals what was stored before the last call, if that was at least as long ago as Settled.
func (s *Sealer) Seal(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.upto > 0 && s.ledger.now().Sub(s.since) < Settled {
		return nil
	}
	if s.upto > 0 {
		if err := s.seal(ctx, s.upto); err != nil {
			return fmt.Errorf("seal the ledger: %w", err)
		}
	}
	s.since = s.ledger.now()
	if err := s.ledger.pool.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM consent_event`).Scan(&s.upto); err != nil {
		return fmt.Errorf("seal the ledger: %w", err)
	}
	return nil
}

func (s *Sealer) seal(ctx context.Context, upto int64) error {
	last, err := s.ledger.lastCheckpoint(ctx)
	if err != nil || last.Upto >= upto {
		return err
	}
	next, err := s.ledger.over(ctx, last, upto)
	if err != nil {
		return err
	}
	if _, err := s.ledger.pool.Exec(ctx, `
		INSERT INTO consent_checkpoint (upto, events, digest, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		next.Upto, next.Events, next.Digest, s.ledger.now()); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "the ledger of consents is sealed", "upto", next.Upto, "events", next.Events, "digest", fmt.Sprintf("%x", next.Digest))
	return nil
}

// over makes the seal over the events after another seal.
func (l *Ledger) over(ctx context.Context, last checkpoint, upto int64) (checkpoint, error) {
	next := checkpoint{Upto: upto}
	err := l.pool.QueryRow(ctx, `
		SELECT count(*), sha256($1::bytea || coalesce(string_agg(hash, ''::bytea ORDER BY id), ''::bytea))
		FROM (SELECT id, hash FROM consent_event UNION ALL SELECT id, hash FROM consent_tombstone) links
		WHERE id > $2 AND id <= $3`, last.Digest, last.Upto, upto).Scan(&next.Events, &next.Digest)
	return next, err
}

func (l *Ledger) lastCheckpoint(ctx context.Context) (checkpoint, error) {
	list, err := l.checkpoints(ctx, 1)
	if err != nil || len(list) == 0 {
		return checkpoint{Digest: []byte{}}, err
	}
	return list[0], nil
}

// checkpoints returns the latest seals, the newest first, or all if most is 0.
func (l *Ledger) checkpoints(ctx context.Context, most int) ([]checkpoint, error) {
	return postgres.Rows[checkpoint](ctx, l.pool, `
		SELECT upto, events, digest FROM consent_checkpoint ORDER BY upto DESC LIMIT nullif($1::int, 0)`, most)
}

// ErrCut says that events are missing which were sealed, or read otherwise than when they were.
var ErrCut = errors.New("consent: the ledger is not what was sealed")

// VerifySeals compares the latest seals, or all if most is 0, with the events that they cover.
func (l *Ledger) VerifySeals(ctx context.Context, most int) error {
	ask := most
	if most > 0 {
		ask++ // the last one begins where the one before it ends
	}
	list, err := l.checkpoints(ctx, ask)
	if err != nil {
		return fmt.Errorf("verify seals: %w", err)
	}
	for i, sealed := range list {
		before := checkpoint{Digest: []byte{}}
		if i+1 < len(list) {
			before = list[i+1]
		} else if most > 0 && len(list) > most {
			return nil // covered by an older seal
		}
		now, err := l.over(ctx, before, sealed.Upto)
		if err != nil {
			return fmt.Errorf("verify seals: %w", err)
		}
		if now.Events != sealed.Events || !bytes.Equal(now.Digest, sealed.Digest) {
			return fmt.Errorf("%w: between entries %d and %d, %d of %d are there", ErrCut, before.Upto, sealed.Upto, now.Events, sealed.Events)
		}
	}
	return nil
}

// Unsealed tells whether there are entries that no seal covers, although none was made since that time.
func (l *Ledger) Unsealed(ctx context.Context, since time.Time) (bool, error) {
	var late bool
	if err := l.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM consent_event WHERE id > (SELECT coalesce(max(upto), -1) FROM consent_checkpoint))
			AND NOT EXISTS (SELECT FROM consent_checkpoint WHERE at >= $1)`, since).Scan(&late); err != nil {
		return false, fmt.Errorf("look for what is not sealed: %w", err)
	}
	return late, nil
}

// Broken is a link of a person's chain that does not hold.
type Broken struct {
	Person uuid.UUID `db:"person_id"`
	Seq    int64     `db:"seq"`
}

// FirstBroken follows the chains of the latest people, or of all if people is 0, and returns the first link that does not
// hold; nil if all hold. A chain without its head, and a head without its chain, do not hold. Where a chain was removed,
// its tombstones are what the next entry follows from.
func (l *Ledger) FirstBroken(ctx context.Context, people int) (*Broken, error) {
	from, err := l.earliest(ctx, people)
	if err != nil {
		return nil, fmt.Errorf("follow the chains: %w", err)
	}
	broken, err := postgres.Row[Broken](ctx, l.pool, `
		SELECT person_id, seq FROM (
			SELECT person_id, coalesce(e.seq, h.seq) AS seq, e.seq IS NULL OR h.seq IS NULL OR e.bad
				OR (e.seq = e.last AND (e.seq <> h.seq OR e.hash <> h.hash)) AS bad
			FROM (SELECT person_id, seq, hash FROM consent_head WHERE person_id >= $1) h
			FULL JOIN (
				SELECT k.person_id, k.seq, k.hash, max(k.seq) OVER (PARTITION BY k.person_id) AS last,
					k.seq <> row_number() OVER w OR CASE WHEN k.removed THEN NOT lag(k.removed, 1, true) OVER w
						ELSE k.hash <> consent_event_hash(lag(k.hash, 1, ''::bytea) OVER w, k.event) END AS bad
				FROM (
					SELECT person_id, seq, hash, e AS event, false AS removed FROM consent_event e WHERE person_id >= $1
					UNION ALL
					SELECT person_id, seq, hash, NULL::consent_event, true FROM consent_tombstone WHERE person_id >= $1) k
				WINDOW w AS (PARTITION BY k.person_id ORDER BY k.seq)) e USING (person_id)) links
		WHERE bad ORDER BY person_id, seq LIMIT 1`, from)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // all hold
	}
	if err != nil {
		return nil, fmt.Errorf("follow the chains: %w", err)
	}
	return &broken, nil
}

// earliest returns the first of so many people who chose latest, before everybody if people is 0.
func (l *Ledger) earliest(ctx context.Context, people int) (who uuid.UUID, err error) {
	if people == 0 {
		return uuid.Nil, nil
	}
	err = l.pool.QueryRow(ctx, `
		SELECT person_id FROM (SELECT person_id FROM consent_head ORDER BY person_id DESC LIMIT $1) latest
		ORDER BY person_id LIMIT 1`, people).Scan(&who)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, nil
	}
	return who, err
}
