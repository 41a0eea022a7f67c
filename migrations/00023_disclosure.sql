-- +goose Up
-- compatible: yes
-- What leaves the house: the register of disclosures that the law demanded (P-10), and the exports with the people in
-- them (P-9).

-- The facts of an entry. A correction is a further version; nothing is rewritten. What is said in words, and whom it is
-- about, stands in rows of their own, which an erasure empties.
CREATE TABLE disclosure (
  id uuid PRIMARY KEY,
  entry uuid NOT NULL,
  version int NOT NULL CHECK (version > 0),
  ground text NOT NULL CHECK (ground IN ('law', 'good faith')),
  outcome text NOT NULL CHECK (outcome IN ('open', 'all', 'part', 'nothing')),
  asked_on date NOT NULL,
  answered_on date,
  told_on date,
  silent_until date,
  entered_by uuid NOT NULL,
  approved_by uuid,
  at timestamptz NOT NULL,
  UNIQUE (entry, version),
  CONSTRAINT disclosure_good_faith
    CHECK (ground <> 'good faith' OR (approved_by IS NOT NULL AND approved_by <> entered_by)),
  CONSTRAINT disclosure_answered CHECK ((outcome = 'open') = (answered_on IS NULL) AND answered_on >= asked_on),
  CONSTRAINT disclosure_told CHECK (told_on >= asked_on AND (silent_until IS NULL OR told_on >= silent_until))
);
COMMENT ON COLUMN disclosure.entry IS 'the same in all versions of an entry';
COMMENT ON COLUMN disclosure.silent_until IS 'before this day the people concerned may not be told';
CREATE INDEX disclosure_asked ON disclosure (asked_on);
CREATE TRIGGER disclosure_append_only BEFORE UPDATE OR TRUNCATE ON disclosure
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER disclosure_young BEFORE DELETE ON disclosure FOR EACH ROW EXECUTE FUNCTION refuse_young();

CREATE TABLE disclosure_words (
  disclosure_id uuid PRIMARY KEY REFERENCES disclosure ON DELETE CASCADE,
  requester text NOT NULL CHECK (requester <> ''),
  demand text NOT NULL CHECK (demand <> ''),
  basis text NOT NULL CHECK (basis <> ''),
  given text NOT NULL
);
COMMENT ON COLUMN disclosure_words.basis IS 'the rule of law, or why it was believed in good faith that one requires it';

CREATE TABLE disclosure_person (
  disclosure_id uuid NOT NULL REFERENCES disclosure ON DELETE CASCADE,
  n int NOT NULL,
  person_id uuid REFERENCES person,
  submission_id uuid,
  address text CHECK (address IS NULL OR person_id IS NULL),
  PRIMARY KEY (disclosure_id, n)
);
COMMENT ON COLUMN disclosure_person.submission_id IS 'the record by which the person was named; NULL: by the address';
COMMENT ON COLUMN disclosure_person.address IS 'of somebody of whom nothing was held; NULL once erased';
CREATE INDEX disclosure_person_of ON disclosure_person (person_id);
CREATE INDEX disclosure_person_address ON disclosure_person (address) WHERE address IS NOT NULL;

-- Each entry as it was last corrected.
CREATE VIEW disclosure_now AS
SELECT d.id, d.entry, d.version, d.ground, d.outcome, d.asked_on, d.answered_on, d.told_on, d.silent_until, d.entered_by,
  d.approved_by, d.at
FROM disclosure d
WHERE NOT EXISTS (SELECT FROM disclosure later WHERE later.entry = d.entry AND later.version > d.version);

-- What a person may know: the entries about them of which no prohibition is running on that day.
CREATE FUNCTION disclosures_told(person uuid, today date) RETURNS SETOF disclosure_now LANGUAGE sql STABLE AS $$
  SELECT d.* FROM disclosure_now d
  WHERE (d.silent_until IS NULL OR d.silent_until <= $2) AND EXISTS (SELECT FROM disclosure_person x
    WHERE x.disclosure_id = d.id
      AND (x.person_id = $1 OR x.address = (SELECT p.email FROM person p WHERE p.id = $1)))
$$;

-- How many demands were deleted, by the first day of their half year: what was published stays true.
CREATE TABLE disclosure_past (
  half date PRIMARY KEY,
  n bigint NOT NULL CHECK (n > 0)
);

-- An entry goes 24 months after it was closed: after the people were told, or after nothing was given.
CREATE FUNCTION forget_disclosures(before timestamptz, most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH old AS (
    SELECT entry, asked_on FROM disclosure_now
    WHERE at < least(before, now() - interval '24 months')
      AND coalesce(told_on, CASE WHEN outcome = 'nothing' THEN answered_on END) < least(before, now() - interval '24 months')::date
    ORDER BY at LIMIT most
  ), gone AS (DELETE FROM disclosure d USING old WHERE d.entry = old.entry
  ), counted AS (
    INSERT INTO disclosure_past AS p (half, n)
    SELECT make_date(extract(year FROM asked_on)::int, CASE WHEN extract(month FROM asked_on) < 7 THEN 1 ELSE 7 END, 1) AS half, count(*)
    FROM old GROUP BY 1
    ON CONFLICT (half) DO UPDATE SET n = p.n + EXCLUDED.n)
  SELECT count(*) FROM old
$$;

-- Each file that left: who took it, for what, to whom, and its digest. It must be gone everywhere when it expires.
CREATE TABLE export (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('contacts', 'submissions')),
  purpose text NOT NULL CHECK (purpose IN ('survey', 'product_news', 'promotion', 'newsletter', 'service', 'internal')),
  channel text CHECK ((channel IS NOT NULL) = (kind = 'contacts')),
  recipient text NOT NULL,
  processor text,
  demand uuid,
  reason text NOT NULL CHECK (reason <> ''),
  fields text[] NOT NULL,
  filter jsonb NOT NULL,
  count int NOT NULL CHECK (count >= 0),
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  account_id uuid NOT NULL,
  role text NOT NULL,
  at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT export_recipient CHECK (CASE recipient
    WHEN 'own department' THEN num_nonnulls(processor, demand) = 0
    WHEN 'processor' THEN processor <> '' AND processor IS NOT NULL AND demand IS NULL
    WHEN 'legal demand' THEN demand IS NOT NULL AND processor IS NULL
    ELSE false END),
  CONSTRAINT export_expires CHECK (expires_at > at AND expires_at <= at + interval '2160 hours')
);
COMMENT ON COLUMN export.demand IS 'the entry of the register of disclosures';
COMMENT ON COLUMN export.filter IS 'of a list of submissions; never what was searched for';
CREATE INDEX export_account ON export (account_id, at DESC);
CREATE INDEX export_at ON export (at DESC);
CREATE INDEX export_demand ON export (demand) WHERE demand IS NOT NULL;

-- Who is in which row of the file: what a recall list is made from.
CREATE TABLE export_person (
  export_id uuid NOT NULL REFERENCES export ON DELETE CASCADE,
  row int NOT NULL CHECK (row > 0),
  person_id uuid NOT NULL REFERENCES person,
  submission_id uuid,
  filled boolean NOT NULL,
  PRIMARY KEY (export_id, row)
);
COMMENT ON COLUMN export_person.filled IS 'the row says who the person is; false: those fields were left empty, as nothing allowed them';
CREATE INDEX export_person_of ON export_person (person_id);

CREATE TRIGGER export_append_only BEFORE UPDATE OR TRUNCATE ON export
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER export_young BEFORE DELETE ON export FOR EACH ROW EXECUTE FUNCTION refuse_young();
CREATE TRIGGER export_person_append_only BEFORE UPDATE OR TRUNCATE ON export_person
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION forget_exports(before timestamptz, most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH gone AS (
    DELETE FROM export WHERE id IN (
      SELECT id FROM export WHERE at < least(before, now() - interval '24 months') ORDER BY at LIMIT most)
    RETURNING 1)
  SELECT count(*) FROM gone
$$;

REVOKE EXECUTE ON FUNCTION forget_disclosures(timestamptz, int), forget_exports(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_disclosures(timestamptz, int), forget_exports(timestamptz, int) TO site_serve;
GRANT SELECT, INSERT ON disclosure, disclosure_person, export, export_person TO site_serve;
GRANT UPDATE (address) ON disclosure_person TO site_serve;
GRANT SELECT, INSERT, DELETE ON disclosure_words TO site_serve;
GRANT SELECT ON disclosure_now, disclosure_past TO site_serve;

-- +goose Down
DROP FUNCTION forget_exports(timestamptz, int);
DROP TABLE export_person, export;
DROP FUNCTION forget_disclosures(timestamptz, int);
DROP TABLE disclosure_past;
DROP FUNCTION disclosures_told(uuid, date);
DROP VIEW disclosure_now;
DROP TABLE disclosure_person, disclosure_words, disclosure;
