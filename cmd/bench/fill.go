package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"
)

const (
	fillers   = 2       // statements side by side
	fillChunk = 100_000 // records of one statement
)

// fill empties the world and stores n records of two years, as the site would have left them: from n/3 people, of all
// kinds and statuses, with about 600 bytes of answers, indexed for search. The youngest 2 % are unread, 5 % unassigned;
// words are as common or rare as they are in life.
func (w *world) fill(ctx context.Context, n int) error {
	if err := w.empty(ctx); err != nil {
		return fmt.Errorf("empty the tables: %w", err)
	}
	if err := w.asLoader(ctx, fillWords, fmt.Sprintf(fillPeople, n/3+1)); err != nil {
		return fmt.Errorf("store people: %w", err)
	}
	var index string
	if err := w.owner.QueryRow(ctx, `SELECT pg_get_indexdef('submission_search'::regclass)`).Scan(&index); err != nil {
		return fmt.Errorf("read the definition of the search index: %w", err)
	}
	if err := w.asLoader(ctx, `DROP INDEX submission_search`); err != nil {
		return err
	}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(fillers)
	for from := 0; from < n; from += fillChunk {
		group.Go(func() error { return w.asLoader(inner, fmt.Sprintf(fillRecords, from, min(from+fillChunk, n)-1, n)) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("store records: %w", err)
	}
	if err := w.asLoader(ctx, index, `DROP TABLE bench_words`); err != nil {
		return fmt.Errorf("index for search: %w", err)
	}
	if _, err := w.owner.Exec(ctx, `VACUUM (ANALYZE) person, submission, answers`); err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	return nil
}

// empty tries again where the site's work under way and this wait for each other: the server ends one of the two.
func (w *world) empty(ctx context.Context) error {
	for {
		err := w.asLoader(ctx, emptyAll)
		if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "40P01" { // deadlock_detected
			return err
		}
	}
}

// asLoader runs statements in one transaction in which no trigger fires: neither those that keep tables append-only
// nor the checks of keys, which the statements respect by themselves.
func (w *world) asLoader(ctx context.Context, statements ...string) error {
	return pgx.BeginFunc(ctx, w.owner, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			SET LOCAL session_replication_role = replica;
			SET LOCAL synchronous_commit = off;
			SET LOCAL maintenance_work_mem = '512MB'`)
		for _, sql := range statements {
			if err == nil {
				_, err = tx.Exec(ctx, sql)
			}
		}
		return err
	})
}

// fillLedger lets everybody change their mind n times. It chains the choices of all people step by step, as the trigger
// would one after the other: millions take minutes so, not hours.
func (w *world) fillLedger(ctx context.Context, n int) error {
	for seq := 1; seq <= n; seq++ {
		if err := w.asLoader(ctx, fmt.Sprintf(fillChoices, seq)); err != nil {
			return fmt.Errorf("store choices: %w", err)
		}
	}
	if err := w.asLoader(ctx, fmt.Sprintf(fillHeads, n)); err != nil {
		return fmt.Errorf("store the heads of chains: %w", err)
	}
	_, err := w.owner.Exec(ctx, `VACUUM (ANALYZE) consent_event, consent_head`)
	return err
}

const emptyAll = `TRUNCATE person, consent_head, submission, answers, submission_event, message CASCADE`

// fillWords prepares sentences, so that writing millions of texts costs no more than joining them.
const fillWords = `
CREATE UNLOGGED TABLE bench_words AS
SELECT n, string_agg(word, ' ' ORDER BY i) AS text, to_tsvector('simple', string_agg(word, ' ' ORDER BY i)) AS vector
FROM (
  SELECT n, i, 'word' || (power(abs(hashint4(n * 977 + i)) / 2147483648.0, 3) * 20000)::int AS word
  FROM generate_series(0, 1999) n, generate_series(1, 28) i
) w
GROUP BY n;
CREATE UNIQUE INDEX ON bench_words (n);
ANALYZE bench_words`

const fillPeople = `
INSERT INTO person (id, email, address_hmac, created_at, verified_at)
SELECT lpad(to_hex(n), 32, '0')::uuid,
  (ARRAY['ada', 'bela', 'carl', 'dora', 'emil', 'fay', 'gus', 'hana'])[1 + abs(hashint4(n)) %% 8] || '.' || n || '@example.com',
  sha256(n::text::bytea), now() - interval '2 years', CASE WHEN n %% 3 > 0 THEN now() - interval '1 year' END
FROM generate_series(0, %d) n`

// fillRecords stores the records of numbers from … to, of n in all: the numbers run with the time.
const fillRecords = `
INSERT INTO form_revision (digest, kind, fields, wording, lang, created_at)
VALUES ('\x00', 'alliance', '[]', '{}', 'en', now()) ON CONFLICT DO NOTHING;
WITH record AS MATERIALIZED (
  SELECT i, (extract(epoch FROM at) * 1000)::bigint AS ms, at, people.id AS person_id, h, i > %[3]d::bigint * 98 / 100 AS young,
    (ARRAY['contact', 'contact', 'contact', 'download', 'download', 'download', 'download', 'webinar', 'webinar', 'webinar',
      'demo', 'demo', 'career', 'career', 'newsletter', 'newsletter', 'access', 'alliance', 'alliance', 'survey'])[1 + h %% 20] AS kind
  FROM (
    SELECT i, now() - interval '2 years' * (%[3]d - i) / %[3]d AS at, abs(hashint8(i) / 2) AS h
    FROM generate_series(%[1]d::bigint, %[2]d::bigint) i
  ) r
  JOIN person people ON people.id = lpad(to_hex(r.h %% (%[3]d / 3 + 1)), 32, '0')::uuid
), stored AS (
  INSERT INTO submission (id, person_id, kind, status, reference, name, organisation, assignee_id, digest, search, indexed_at,
    created_at, read_at, decided_at, quarantined_at, purge_after)
  SELECT (lpad(to_hex(ms), 12, '0') || '7000' || '8' || lpad(to_hex(i), 15, '0'))::uuid, person_id, kind,
    CASE WHEN young THEN 'new' ELSE (ARRAY['new', 'asked', 'approved', 'declined', 'answered', 'answered', 'closed', 'closed',
      'registered', 'sent', 'withdrawn'])[1 + h / 20 %% 11] END,
    'CC-' || upper(substr(md5(i::text), 1, 5) || '-' || substr(md5(i::text), 6, 5)), 'Bench ' || i, 'Company ' || h %% 9973,
    CASE WHEN i < %[3]d::bigint * 95 / 100 THEN lpad(to_hex(h %% 12), 32, '0')::uuid END, sha256(i::text::bytea),
    a.vector || b.vector || to_tsvector('simple', 'bench ' || i || ' company ' || h %% 9973 || CASE WHEN h %% 10000 = 7 THEN ' turbine' ELSE '' END),
    at, at, CASE WHEN NOT young THEN at + interval '1 day' END, CASE WHEN NOT young THEN at + interval '3 days' END,
    CASE WHEN h %% 500 = 3 THEN at END, (at + interval '24 months')::date
  FROM record r JOIN bench_words a ON a.n = h %% 2000 JOIN bench_words b ON b.n = h / 2000 %% 2000
)
INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
SELECT (lpad(to_hex(ms), 12, '0') || '7000' || '8' || lpad(to_hex(i), 15, '0'))::uuid, 1, '\x00',
  (SELECT max(id) FROM statement_version), 'en',
  jsonb_build_object('name', jsonb_build_array('Bench ' || i), 'company', jsonb_build_array('Company ' || h %% 9973),
    'message', jsonb_build_array(a.text), 'why', jsonb_build_array(b.text)), at
FROM record r JOIN bench_words a ON a.n = h %% 2000 JOIN bench_words b ON b.n = h / 2000 %% 2000`

// fillChoices stores everybody's choice of a number, linked to the one before.
const fillChoices = `
INSERT INTO consent_event (person_id, seq, purpose, channel, granted, wording, statement_version, origin, at, hash)
SELECT (e).person_id, (e).seq, (e).purpose, (e).channel, (e).granted, (e).wording, (e).statement_version, (e).origin, (e).at,
  consent_event_hash(before, e)
FROM (
  SELECT coalesce(b.hash, ''::bytea) AS before, ROW(p.id, %[1]d, 'newsletter', 'email', %[1]d %% 2 = 1, NULL,
    'Mail me the newsletter, four times a year.', v.id, 'preferences', NULL, now(), NULL, NULL)::consent_event AS e
  FROM person p
  CROSS JOIN (SELECT max(id) AS id FROM statement_version) v
  LEFT JOIN consent_event b ON b.person_id = p.id AND b.seq = %[1]d - 1
) choice`

// fillHeads says where everybody's chain ends, after as many choices.
const fillHeads = `
INSERT INTO consent_head (person_id, seq, hash)
SELECT person_id, seq, hash FROM consent_event WHERE seq = %d`
