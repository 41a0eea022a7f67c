package submission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"clickcommerce.com/site/internal/mail"
)

const (
	// maxBatch is how many submissions share one commit at most.
	maxBatch = 64
	// flushTimeout bounds one commit; it runs on a context of its own, since many wait for it.
	flushTimeout = 15 * time.Second
)

// errAway says that a flush failed by no fault of what it held: the database did not answer.
var errAway = errors.New("the database does not answer")

// flushLoop commits what waits: whoever comes while a commit runs goes with the next, so that an idle store costs no
// delay and a busy one few commits. Where the database does not answer, all fail at once: trying one after the other
// would hold the last one for minutes.
func (s *Store) flushLoop() {
	for first := range s.slots {
		slots := s.gather(first)
		err := s.flushInTime(slots)
		if err != nil && len(slots) > 1 && !errors.Is(err, errAway) {
			s.flushEach(slots)
			continue
		}
		for _, sl := range slots {
			sl.done <- err
		}
	}
}

func (s *Store) gather(first *slot) []*slot {
	slots := []*slot{first}
	for len(slots) < maxBatch {
		select {
		case sl, ok := <-s.slots:
			if !ok {
				return slots
			}
			slots = append(slots, sl)
		default:
			return slots
		}
	}
	return slots
}

// flushEach finds out which of a failed batch is to blame, and stores the others.
func (s *Store) flushEach(slots []*slot) {
	var away error
	for _, sl := range slots {
		err := away
		if err == nil {
			err = s.flushInTime([]*slot{sl})
		}
		if errors.Is(err, errAway) {
			away = err
		}
		sl.done <- err
	}
}

func (s *Store) flushInTime(slots []*slot) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
	defer cancel()
	return s.flush(ctx, slots)
}

// flush commits the slots in one round trip: a pipelined batch without BEGIN is one implicit transaction. They are
// sorted by address, so that two flushes meeting at the same people wait for each other in one order. It returns
// errAway unless the database refused something, or something could not be written down for it.
func (s *Store) flush(ctx context.Context, slots []*slot) error {
	slices.SortFunc(slots, func(a, b *slot) int { return strings.Compare(a.entry.Email, b.entry.Email) })
	b := &pgx.Batch{}
	// Who waits for one person's row, which an erasure holds, is found out and waits alone (flushEach).
	b.Queue(`SELECT set_config('lock_timeout', $1, true)`, fmt.Sprint((s.Timeout / 3).Milliseconds()))
	var bad error
	for _, sl := range slots {
		bad = errors.Join(bad, s.queue(b, sl))
	}
	if bad != nil {
		return bad
	}
	s.queueStored(b, slots)
	err := s.Pool.SendBatch(ctx, b).Close()
	var refused *pgconn.PgError
	switch {
	case err == nil:
		s.Accepted()
		return nil
	case errors.As(err, &refused), errors.Is(err, pgx.ErrNoRows):
		if refused != nil && refused.ConstraintName == "answers_form_revision_fkey" {
			s.revisions.Clear() // the database lost what it had: it was restored, or another took its place
		}
		return mail.Refused(fmt.Errorf("accept: %w", err))
	}
	return fmt.Errorf("accept: %w: %w", errAway, err)
}
