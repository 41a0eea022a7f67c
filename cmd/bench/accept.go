package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/postgres"
)

// waiting is how many submissions are under way at any time.
const waiting = 64

// standing is how many records are there before each measurement, so that each begins alike.
const standing = 20_000

// measureAccept pairs submission.Store.Accept, called by 64 at once, with pgbench storing the same rows.
func measureAccept(ctx context.Context, b *bench) error {
	w, err := b.newWorld(ctx, "accept")
	if err != nil {
		return err
	}
	err = errors.Join(
		b.pairAccept(ctx, w, "Accept alone, 64 waiting", goal{least: 1.3}, false),
		b.pairAccept(ctx, w, "  the same without natural batching", goal{}, true),
	)
	return errors.Join(err, w.drop(ctx))
}

func (b *bench) pairAccept(ctx context.Context, w *world, name string, g goal, alone bool) error {
	in, err := w.open(ctx, alone)
	if err != nil {
		return err
	}
	defer in.close()
	script, err := w.limit(ctx, in, nil)
	if err != nil {
		return err
	}
	rounds, err := b.inTurns(
		func() (reading, error) { return b.measureLimit(ctx, w, nil, script) },
		func() (reading, error) {
			if err := w.reset(ctx); err != nil {
				return reading{}, err
			}
			return b.spent(ctx, nil, func() (float64, int, error) { return b.accept(ctx, in) })
		})
	if err != nil {
		return err
	}
	b.table.add(name, "pgbench, the same rows in one statement", rounds, g, perSecond)
	b.table.note(limitNote)
	return nil
}

const limitNote = "Submissions: pgbench -c64 -j2 -M prepared inserts one person, submission and answers and two messages by one statement, " +
	"a transaction each. Its messages both are internal and about no record, since the gate would not see person and record beside " +
	"them: less work than ours has. " +
	"Each measurement begins after a checkpoint with the same 20,000 records."

// measureLimit runs pgbench on a world that was reset; others are the processes that run beside it.
func (b *bench) measureLimit(ctx context.Context, w *world, others []int, script string) (reading, error) {
	if err := w.reset(ctx); err != nil {
		return reading{}, err
	}
	return b.spent(ctx, others, func() (float64, int, error) { return b.pgbench(ctx, w, script) })
}

// accept calls Accept from 64 goroutines and returns how many were accepted per second, and in all.
func (b *bench) accept(ctx context.Context, in *inner) (rate float64, total int, err error) {
	f, seal, err := in.application(ctx)
	if err != nil {
		return 0, 0, err
	}
	var n atomic.Int64
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range waiting {
		group.Go(func() error {
			for time.Since(start) < b.each {
				if err := in.acceptOne(ctx, f, seal, n.Add(1), nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = group.Wait()
	return float64(n.Load()) / time.Since(start).Seconds(), int(n.Load()), err
}

// acceptOne takes the n-th application; the consents of those fields are ticked.
func (in *inner) acceptOne(ctx context.Context, f form.Form, seal form.Seal, n int64, ticked []string) error {
	values := answers()
	for _, name := range ticked {
		values[name] = []string{"yes"}
	}
	name, email := who(n)
	values["name"], values["email"] = []string{name}, []string{email}
	entry, err := in.desk.Entry(f, values)
	if err != nil {
		return err
	}
	entry.Seal = seal
	accepted, err := in.desk.Store.Accept(ctx, entry)
	if err == nil && accepted.Repeated {
		return errors.New("a new submission was taken for a repeat")
	}
	return err
}

// reset leaves the standing records and nothing else, indexed, and the log of the database at its beginning.
func (w *world) reset(ctx context.Context) error {
	if err := w.fill(ctx, standing); err != nil {
		return err
	}
	if _, err := w.owner.Exec(ctx, `CHECKPOINT`); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// sample is what one submission stores, as the site stored it.
type sample struct {
	Status, Subject, Organisation, Statement, Lang, Values, Purge string
	Revision                                                      string
	Messages                                                      []message
	Choices                                                       []choice
}

type message struct{ Data string }

type choice struct{ Purpose, Channel, Wording, Origin string }

// limit writes the script of pgbench from the rows that one Accept has stored, so that both store the same.
func (w *world) limit(ctx context.Context, in *inner, ticked []string) (string, error) {
	if err := w.reset(ctx); err != nil {
		return "", err
	}
	f, seal, err := in.application(ctx)
	if err != nil {
		return "", err
	}
	if err := in.acceptOne(ctx, f, seal, 0, ticked); err != nil {
		return "", err
	}
	s, err := w.sample(ctx)
	if err != nil {
		return "", err
	}
	if len(s.Choices) != len(ticked) {
		return "", fmt.Errorf("%d consents ticked, %d stored", len(ticked), len(s.Choices))
	}
	return s.script()
}

func (w *world) sample(ctx context.Context) (sample, error) {
	var s sample
	_, email := who(0)
	err := w.owner.QueryRow(ctx, `
		SELECT s.status, s.subject, s.organisation, a.statement_version, a.lang, a.values::text, s.purge_after::text,
			encode(a.form_revision, 'hex')
		FROM submission s JOIN person p ON p.id = s.person_id JOIN answers a ON a.submission_id = s.id
		WHERE p.email = $1`, email).
		Scan(&s.Status, &s.Subject, &s.Organisation, &s.Statement, &s.Lang, &s.Values, &s.Purge, &s.Revision)
	if err != nil {
		return s, fmt.Errorf("read the sample: %w", err)
	}
	if s.Choices, err = postgres.Rows[choice](ctx, w.owner, `
		SELECT e.purpose, e.channel, e.wording, e.origin FROM consent_event e JOIN person p ON p.id = e.person_id
		WHERE p.email = $1 ORDER BY e.seq`, email); err != nil {
		return s, fmt.Errorf("read the sample's consents: %w", err)
	}
	rows, err := w.owner.Query(ctx, `
		SELECT m.data::text FROM message m JOIN submission s ON s.id = m.submission_id JOIN person p ON p.id = s.person_id
		WHERE p.email = $1 ORDER BY m.template`, email)
	if err != nil {
		return s, fmt.Errorf("read the sample's messages: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var m message
		if err := rows.Scan(&m.Data); err != nil {
			return s, err
		}
		s.Messages = append(s.Messages, m)
	}
	if err := rows.Err(); err != nil {
		return s, err
	}
	if len(s.Messages) != 2 {
		return s, fmt.Errorf("a submission brings %d messages, not 2", len(s.Messages))
	}
	return s, nil
}

// variable is what pgbench would take for one of its variables within a text.
var variable = regexp.MustCompile(`(?:^|[^:]):[A-Za-z0-9_]`)

func (s sample) script() (string, error) {
	name, email := who(0)
	values := strings.NewReplacer(quoted(name), quoted("Ada Bench 1234567"), quoted(email), quoted("ada.bench.1234567@example.com")).
		Replace(s.Values)
	consents := s.consents()
	for _, text := range []string{values, s.Messages[0].Data, s.Messages[1].Data, consents} {
		if variable.MatchString(text) {
			return "", fmt.Errorf("pgbench would read a variable in %s", text)
		}
	}
	if _, err := hex.DecodeString(s.Revision); err != nil {
		return "", fmt.Errorf("revision of the form: %w", err)
	}
	script := strings.Replace(limitScript, "$consents", consents, 1)
	return strings.NewReplacer(
		"$status", literal(s.Status), "$subject", literal(s.Subject), "$organisation", literal(s.Organisation),
		"$statement", literal(s.Statement), "$lang", literal(s.Lang), "$values", literal(values), "$purge", literal(s.Purge),
		"$revision", `'\x`+s.Revision+`'`, "$first", literal(s.Messages[0].Data), "$second", literal(s.Messages[1].Data),
		"$id", timedID,
	).Replace(script), nil
}

// consents is the part of the statement that stores them, empty where none was ticked.
func (s sample) consents() string {
	if len(s.Choices) == 0 {
		return ""
	}
	var rows []string
	for _, c := range s.Choices {
		rows = append(rows, "("+strings.Join([]string{literal(c.Purpose), literal(c.Channel), literal(c.Wording), literal(c.Origin)}, ", ")+")")
	}
	return strings.Replace(limitConsents, "$rows", strings.Join(rows, ", "), 1)
}

func quoted(s string) string { return `"` + s + `"` }

func literal(s string) string { return `'` + strings.ReplaceAll(s, `'`, `''`) + `'` }

// timedID makes an id that begins with the time, as ours do: random ones would scatter over the indexes.
const timedID = `(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') ||
  substr(replace(gen_random_uuid()::text, '-', ''), 13))::uuid`

const limitScript = `\set n random(1, 1000000000000000)
WITH p AS (
  INSERT INTO person (id, email, address_hmac, created_at)
  VALUES ($id, 'ada.bench.' || :n::text || '@example.com', sha256(convert_to(:n::text, 'UTF8')), now())
  ON CONFLICT (email) DO NOTHING
  RETURNING id
), s AS (
  INSERT INTO submission (id, person_id, kind, status, subject_id, subject, reference, name, organisation, channel,
    digest, source, created_at, quarantined_at, purge_after)
  SELECT $id, p.id, 'alliance', $status, NULL, $subject, 'CC-ABCDE-FGHJK', 'Ada Bench ' || :n::text, $organisation, 'form',
    sha256(convert_to('d' || :n::text, 'UTF8')), NULL, now(), NULL, $purge
  FROM p
  ON CONFLICT (digest) DO NOTHING
  RETURNING id
), a AS (
  INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
  SELECT s.id, 1, $revision, $statement, $lang, $values, now() FROM s
)$consents
INSERT INTO message (id, person_id, submission_id, account_id, purpose, template, basis, address, data, next_at, created_at)
SELECT $id, NULL, NULL, NULL, 'internal', 'inbox', $statement, m.address, m.data::jsonb, now(), now()
FROM s, (VALUES ('alliances@clickcommerce.example', $first), ('ada.bench.' || :n::text || '@example.com', $second)) AS m (address, data);
`

const limitConsents = `, c AS (
  INSERT INTO consent_event (person_id, purpose, channel, granted, form_revision, wording, statement_version, origin, submission_id, at)
  SELECT p.id, v.purpose, v.channel, true, $revision, v.wording, $statement, v.origin, s.id, now()
  FROM p, s, (VALUES $rows) AS v (purpose, channel, wording, origin)
)`
