package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"clickcommerce.com/site/internal/announce"
)

// measureAnnounce writes an issue of the newsletter to everybody, and compares with storing the same rows by one
// statement.
func measureAnnounce(ctx context.Context, b *bench) error {
	w, err := b.newWorld(ctx, "announce")
	if err != nil {
		return err
	}
	return errors.Join(b.pairAnnounce(ctx, w), w.drop(ctx))
}

func (b *bench) pairAnnounce(ctx context.Context, w *world) error {
	if err := w.fillAgreed(ctx, b.people); err != nil {
		return err
	}
	limit, err := w.oneStatement(ctx, announceAtOnce, min(b.people, 100_000))
	if err != nil {
		return err
	}
	rate, peak, err := b.announceToAll(ctx, w)
	if err != nil {
		return err
	}
	b.table.add(fmt.Sprintf("announcing to %s people", thousands(float64(b.people))), "one statement with the same rows",
		[]pair{{reading{rate: limit}, reading{rate: rate}}}, goal{}, perSecond)
	b.table.add("  memory of the program meanwhile", "a fixed limit", []pair{mb(mostLoaded, peak)}, goal{most: 1}, megabytes)
	b.table.note("Announcing: messages a second, each through the gate, from the first batch to the last; once. Sending them is not " +
		"measured: whenever as many wait as may, they are taken off the queue, and the clock stands still meanwhile.")
	return nil
}

// fillAgreed stores people who agreed to the newsletter and proved it, each with a request.
func (w *world) fillAgreed(ctx context.Context, people int) error {
	if err := w.asLoader(ctx, fmt.Sprintf(fillAsked, people, "alliance")); err != nil {
		return fmt.Errorf("store people: %w", err)
	}
	if err := w.fillLedger(ctx, 1); err != nil {
		return err
	}
	_, err := w.owner.Exec(ctx, `VACUUM (ANALYZE) person, submission, answers`)
	return err
}

// announceToAll returns how fast messages were queued and how much memory this program held at most.
func (b *bench) announceToAll(ctx context.Context, w *world) (rate, peak float64, err error) {
	in, err := w.open(ctx, false)
	if err != nil {
		return 0, 0, err
	}
	defer in.close()
	if _, err := w.owner.Exec(ctx, scheduleIssue); err != nil {
		return 0, 0, fmt.Errorf("schedule an issue: %w", err)
	}
	room := announce.New(in.desk, in.accounts, in.content)
	most := watchMemory(os.Getpid())
	defer func() { peak = most() }()
	var spent time.Duration
	for queued := 0; queued < b.people; {
		began := time.Now()
		if err := room.Send(ctx); err != nil {
			return 0, 0, err
		}
		spent += time.Since(began)
		n, err := w.leave(ctx)
		if err != nil {
			return 0, 0, err
		}
		if n == 0 {
			return 0, 0, fmt.Errorf("only %d of %d people were written to", queued, b.people)
		}
		queued += n
	}
	return float64(b.people) / spent.Seconds(), 0, nil
}

// leave takes the mails that wait off the queue, as if they had been sent, and returns how many those were.
func (w *world) leave(ctx context.Context) (int, error) {
	done, err := w.owner.Exec(ctx, `UPDATE message SET state = 'sent', sent_at = now() WHERE state = 'queued'`)
	return int(done.RowsAffected()), err
}

const scheduleIssue = `
INSERT INTO announcement (id, purpose, channel, subject, body, state, send_at, updated_at)
VALUES (gen_random_uuid(), 'newsletter', 'email', 'The part that nobody counted', 'A depot had four hundred pumps.', 'scheduled', now(), now())`

// announceAtOnce stores what announcing to $1 people stores.
const announceAtOnce = `
INSERT INTO message (id, person_id, purpose, template, basis, address, data, next_at, created_at)
SELECT gen_random_uuid(), id, 'newsletter', 'newsletter', (SELECT max(v.id) FROM statement_version v), email,
  jsonb_build_object('announcement', gen_random_uuid()), now(), now()
FROM person ORDER BY id LIMIT $1`
