package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/consent"
)

// measureNotice has the site tell everybody of a change of use (P-18), and compares with storing the same rows by one
// statement.
func measureNotice(ctx context.Context, b *bench) error {
	w, err := b.newWorld(ctx, "notice")
	if err != nil {
		return err
	}
	return errors.Join(b.pairNotice(ctx, w), w.drop(ctx))
}

func (b *bench) pairNotice(ctx context.Context, w *world) error {
	if err := w.asLoader(ctx, fmt.Sprintf(fillAsked, b.people, "contact")); err != nil {
		return fmt.Errorf("store people: %w", err)
	}
	if _, err := w.owner.Exec(ctx, `VACUUM (ANALYZE) person, submission, answers`); err != nil {
		return err
	}
	limit, err := w.oneStatement(ctx, tellAtOnce, min(b.people, 100_000))
	if err != nil {
		return err
	}
	rate, peak, err := b.tellAll(ctx, w)
	if err != nil {
		return err
	}
	b.table.add(fmt.Sprintf("telling %s people of a new use", thousands(float64(b.people))), "one statement with the same rows",
		[]pair{{reading{rate: limit}, reading{rate: rate}}}, goal{}, perSecond)
	b.table.add("  memory of the site meanwhile", "a fixed limit", []pair{mb(mostLoaded, peak)}, goal{most: 1}, megabytes)
	b.table.note("Telling: people a second, each with a message of its own through the gate and a row that says so, in batches that " +
		"may be cut off, 2,000 waiting at most while others are taken off the queue as if they had been sent; once, from the start of " +
		"the site to the last row. Its limit stores the same two rows by one INSERT … SELECT.")
	return nil
}

// oneStatement stores what n people get by one statement, and takes it back.
func (w *world) oneStatement(ctx context.Context, statement string, n int) (rate float64, err error) {
	tx, err := w.owner.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	began := time.Now()
	if _, err := tx.Exec(ctx, statement, n); err != nil {
		return 0, fmt.Errorf("store at once: %w", err)
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

// tellAll starts the site, which tells everybody as fast as mails leave, and returns how fast and with how much memory at
// most.
func (b *bench) tellAll(ctx context.Context, w *world) (rate, peak float64, err error) {
	began := time.Now()
	site, err := b.startSite(ctx, w)
	if err != nil {
		return 0, 0, err
	}
	for told := 0; told < b.people; {
		if err := w.leaveFor(ctx, time.Second); err != nil {
			return 0, 0, errors.Join(err, site.stop())
		}
		now, err := site.memory()
		if err != nil {
			return 0, 0, errors.Join(err, site.stop())
		}
		peak = max(peak, now)
		if err := w.owner.QueryRow(ctx, `SELECT count(*) FROM notice`).Scan(&told); err != nil {
			return 0, 0, errors.Join(err, site.stop())
		}
	}
	return float64(b.people) / time.Since(began).Seconds(), peak, site.stop()
}

// leaveFor takes the mails that wait off the queue again and again for a while: there is no mail server.
func (w *world) leaveFor(ctx context.Context, d time.Duration) error {
	for until := time.Now().Add(d); time.Now().Before(until); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		if _, err := w.leave(ctx); err != nil {
			return fmt.Errorf("take mails off the queue: %w", err)
		}
	}
	return nil
}

// measureLedger follows every chain of consents, and compares with reading its rows.
func measureLedger(ctx context.Context, b *bench) error {
	w, err := b.newWorld(ctx, "ledger")
	if err != nil {
		return err
	}
	return errors.Join(b.pairLedger(ctx, w), w.drop(ctx))
}

func (b *bench) pairLedger(ctx context.Context, w *world) error {
	people := max(1, b.events/choicesEach)
	if err := w.asLoader(ctx, fmt.Sprintf(fillPeople, people-1)); err != nil {
		return fmt.Errorf("store people: %w", err)
	}
	if err := w.fillLedger(ctx, choicesEach); err != nil {
		return err
	}
	ledger := consent.NewLedger(w.owner, w.ring, time.Now)
	events := float64(people * choicesEach)
	rounds, err := b.inTurns(
		func() (reading, error) { return timed(events, func() error { return w.readLedger(ctx) }) },
		func() (reading, error) {
			return timed(events, func() error {
				broken, err := ledger.FirstBroken(ctx, 0)
				if err == nil && broken != nil {
					err = fmt.Errorf("the chain of %s is broken at %d", broken.Person, broken.Seq)
				}
				return err
			})
		})
	if err != nil {
		return err
	}
	b.table.add(fmt.Sprintf("verifying %s entries of the ledger", thousands(events)), "reading each of them once", rounds, goal{}, perSecond)
	b.table.note("Verifying: each entry's hash is made anew and compared, chain by chain, in the database; its limit counts the same rows' letters.")
	return nil
}

func timed(n float64, work func() error) (reading, error) {
	began := time.Now()
	err := work()
	return reading{rate: n / time.Since(began).Seconds()}, err
}

func (w *world) readLedger(ctx context.Context) error {
	return pgx.BeginFunc(ctx, w.owner, func(tx pgx.Tx) error {
		var letters int64
		return tx.QueryRow(ctx, `SELECT sum(length(e::text)) FROM consent_event e`).Scan(&letters)
	})
}

// choicesEach is how many choices each person of the ledger has made.
const choicesEach = 4

// fillAsked stores people, each with a request of a kind that was sent under the first version of the statement.
const fillAsked = `
INSERT INTO form_revision (digest, kind, fields, wording, lang, created_at)
VALUES ('\x00', '%[2]s', '[]', '{}', 'en', now()) ON CONFLICT DO NOTHING;
INSERT INTO person (id, email, address_hmac, created_at, verified_at)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'ada.' || n || '@example.com', sha256(n::text::bytea), now(), now() FROM generate_series(1, %[1]d) n;
INSERT INTO submission (id, person_id, kind, status, reference, created_at, status_since, purge_after)
SELECT lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, '%[2]s', 'closed', n::text, now(), now(), now() + interval '1 year'
FROM generate_series(1, %[1]d) n;
INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
SELECT lpad(to_hex(n), 32, '0')::uuid, 1, '\x00', (SELECT min(id) FROM statement_version), 'en', '{}', now()
FROM generate_series(1, %[1]d) n`

// tellAtOnce stores what telling $1 people stores.
const tellAtOnce = `
WITH told AS (
  INSERT INTO message (id, person_id, purpose, template, basis, address, data, next_at, created_at)
  SELECT gen_random_uuid(), id, 'notice', 'statement-changed', (SELECT max(v.id) FROM statement_version v), email,
    jsonb_build_object('Effective', '1 November 2026', 'Uses', jsonb_build_array(repeat('word ', 30)),
      'ChangesURL', '/privacy/changes/2006-12-05...2026-11-18', 'ObjectURL', '/privacy/objection/' || id), now(), now()
  FROM person ORDER BY id LIMIT $1 RETURNING id, person_id)
INSERT INTO notice (person_id, version, kind, message_id, queued_at)
SELECT person_id, (SELECT max(v.id) FROM statement_version v), 'contact', id, now() FROM told`
