-- +goose Up
-- compatible: no
-- May a record be used for a purpose, by a recipient, down to one kind of data? One answer for mails, files that leave and
-- days of deletion (P-18): yes where the statement that its sender read named it, or a consent in force does, or the sender
-- was told of it 30 days ago and did not object, and the version that names it is in force.

-- What was said to whom: a mail tells of what is new for the activities of which the person has older records.
ALTER TABLE notice DROP CONSTRAINT notice_pkey, ADD COLUMN kind text;
INSERT INTO notice (person_id, version, kind, delivered_at, message_id, queued_at, objected_at)
SELECT DISTINCT n.person_id, n.version, s.kind, n.delivered_at, n.message_id, n.queued_at, n.objected_at
FROM notice n JOIN submission s ON s.person_id = n.person_id;
DELETE FROM notice WHERE kind IS NULL;
ALTER TABLE notice ADD PRIMARY KEY (person_id, kind, version);

-- Letters about nothing that was sent in are few, and each is listed.
ALTER TABLE mail_template ADD COLUMN alone boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN mail_template.alone IS 'may go as service about no record: to confirm a choice made behind a mailed link';
UPDATE mail_template SET alone = true WHERE name = 'confirm';
ALTER TABLE mail_template ADD COLUMN elsewhere boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN mail_template.elsewhere IS 'goes to an address that is not the person''s yet, or no more: to prove a new one, to tell the old one';
UPDATE mail_template SET elsewhere = true WHERE name IN ('new-address', 'address-moved');

CREATE VIEW collected AS
SELECT s.id AS submission_id, s.person_id, s.kind, a.statement_version AS version
FROM submission s
CROSS JOIN LATERAL (
  SELECT statement_version FROM answers WHERE submission_id = s.id ORDER BY answers.version DESC LIMIT 1) a;
COMMENT ON VIEW collected IS 'the statement version that was shown with the answers that count';
GRANT SELECT ON collected TO site_serve;

-- +goose StatementBegin
CREATE FUNCTION needs_consent(purpose text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT purpose IN ('survey', 'product_news', 'promotion', 'newsletter')
$$;

CREATE FUNCTION company_day(at timestamptz) RETURNS date LANGUAGE sql STABLE AS $$
  SELECT (at AT TIME ZONE 'America/Chicago')::date
$$;

-- Whether a list of data names a kind of it, in words of its own or among others: "name and email address" names both.
-- One expression without a query in it, which is drawn into each statement that asks: a function of its own would be
-- planned anew by each.
CREATE FUNCTION names_data(data text[], field text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT field = ANY (data)
    OR strpos(' ' || translate(array_to_string(data, ' | '), ',.;:()/-', '        ') || ' ', ' ' || field || ' ') > 0
$$;

-- The longest span that a time limit names; NULL where it ends with an event, whenever that is.
CREATE FUNCTION longest_span(retention text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN retention !~ '\m(not stated|until|while|term of|end of)\M' THEN
    (SELECT max((m[1] || ' ' || m[2])::interval) FROM regexp_matches(retention, '(\d{1,4}) (hour|day|week|month|year)s?', 'g') m) END
$$;

-- The uses that may be made of a record at a time.
CREATE FUNCTION uses_of(record uuid, at timestamptz) RETURNS SETOF statement_use LANGUAGE sql STABLE AS $$
  -- Its sender read of it.
  SELECT u.version, u.activity, u.purpose, u.data, u.recipient, u.retention, u.basis, u.compatible
  FROM collected r
  JOIN statement_use u ON u.version = r.version AND u.activity = r.kind AND NOT needs_consent(u.purpose)
  WHERE r.submission_id = record
UNION ALL
  -- Its sender agreed, by a way that a consent opens alone: an address does not give away a number.
  SELECT u.version, u.activity, u.purpose, ARRAY(SELECT d FROM unnest(u.data) d
      WHERE d NOT IN ('email address', 'phone number', 'postal address')
        OR d = CASE c.channel WHEN 'email' THEN 'email address' WHEN 'phone' THEN 'phone number' ELSE 'postal address' END),
    u.recipient, u.retention, u.basis, u.compatible
  FROM collected r
  JOIN consent c ON c.person_id = r.person_id AND c.in_force
  JOIN statement_use u ON u.version = c.statement_version AND u.activity = r.kind AND u.purpose = c.purpose
  WHERE r.submission_id = record
UNION ALL
  -- Its sender was told: the version in force still says so, and no objection to a change of this use was pressed.
  SELECT u.version, u.activity, u.purpose, ARRAY(SELECT unnest(u.data) INTERSECT SELECT unnest(f.data)),
    u.recipient, u.retention, u.basis, u.compatible
  FROM collected r
  JOIN notice n ON n.person_id = r.person_id AND n.kind = r.kind
    AND n.objected_at IS NULL AND n.delivered_at <= at - interval '30 days'
  JOIN statement_version v ON v.id = n.version AND v.effective_on <= company_day(at)
  JOIN statement_use u ON u.version = n.version AND u.activity = r.kind AND u.compatible <> '' AND NOT needs_consent(u.purpose)
  JOIN statement_use f ON f.activity = u.activity AND f.purpose = u.purpose AND f.recipient = u.recipient
    AND f.version = (SELECT id FROM statement_version WHERE effective_on <= company_day(at)
      ORDER BY effective_on DESC, id DESC LIMIT 1)
  LEFT JOIN statement_use own ON own.version = r.version AND own.activity = u.activity AND own.purpose = u.purpose
    AND own.recipient = u.recipient
  WHERE r.submission_id = record AND coalesce(own.basis, '') NOT LIKE '%consent%'
    AND NOT EXISTS (SELECT FROM notice o
      JOIN statement_use w ON w.version = o.version AND w.activity = u.activity AND w.purpose = u.purpose AND w.recipient = u.recipient
      WHERE o.person_id = r.person_id AND o.kind = r.kind AND o.objected_at IS NOT NULL
        AND (own.version IS NULL OR NOT w.data <@ own.data OR w.retention <> own.retention OR w.basis <> own.basis))
$$;

CREATE FUNCTION may_use(submission uuid, purpose text, recipient text, field text, at timestamptz DEFAULT now())
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  shown collected;
BEGIN
  -- Nearly always its sender read of it. That is asked first and by itself: the plan of all the ways costs many times as much.
  SELECT * INTO shown FROM collected WHERE submission_id = may_use.submission;
  IF NOT needs_consent(may_use.purpose) AND EXISTS (SELECT FROM statement_use u
      WHERE u.version = shown.version AND u.activity = shown.kind AND u.purpose = may_use.purpose
        AND u.recipient = may_use.recipient AND (may_use.field IS NULL OR names_data(u.data, may_use.field))) THEN
    RETURN true;
  END IF;
  RETURN EXISTS (SELECT FROM uses_of(may_use.submission, may_use.at) u
    WHERE u.purpose = may_use.purpose AND u.recipient = may_use.recipient
      AND (may_use.field IS NULL OR names_data(u.data, may_use.field)));
END
$$;
COMMENT ON FUNCTION may_use IS 'field: a kind of data in the words of the statement, as in "email address"; NULL: the use as such';

CREATE OR REPLACE FUNCTION may_send(m message) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  at timestamptz := coalesce(m.created_at, now());
  who person;
  about collected;
BEGIN
  IF m.purpose = 'internal' THEN
    IF m.person_id IS NOT NULL THEN
      RETURN 'an internal message goes to no person';
    END IF;
    -- Telling the department that deals with a request is part of dealing with it.
    IF m.submission_id IS NOT NULL AND NOT may_use(m.submission_id, 'service', 'own department', NULL, at)
        AND NOT may_use(m.submission_id, 'internal', 'own department', NULL, at) THEN
      RETURN 'the statement shown with the record names no internal use';
    END IF;
    RETURN NULL;
  END IF;
  IF m.person_id IS NULL THEN
    RETURN CASE WHEN m.purpose <> 'account' THEN 'a message of this purpose needs a person' END;
  END IF;
  SELECT * INTO who FROM person WHERE id = m.person_id;
  IF who.erased_at IS NOT NULL THEN
    RETURN 'the person was erased';
  END IF;
  IF m.channel = 'email' AND m.purpose <> 'account' AND m.address IS DISTINCT FROM who.email
      AND NOT EXISTS (SELECT FROM mail_template t WHERE t.name = m.template AND t.elsewhere) THEN
    RETURN 'the address is not the person''s';
  END IF;
  IF needs_consent(m.purpose) THEN
    IF NOT EXISTS (SELECT FROM consent c WHERE c.person_id = m.person_id AND c.purpose = m.purpose
        AND c.channel = m.channel AND c.in_force) THEN
      RETURN format('no consent in force for %s by %s', m.purpose, m.channel);
    END IF;
    RETURN NULL;
  END IF;
  IF m.purpose NOT IN ('service', 'conduct') THEN
    RETURN NULL;
  END IF;
  IF m.submission_id IS NULL THEN
    RETURN CASE WHEN m.purpose = 'service' AND NOT EXISTS (SELECT FROM mail_template t WHERE t.name = m.template AND t.alone)
      THEN 'a message of this kind is about a record' END;
  END IF;
  SELECT * INTO about FROM collected WHERE submission_id = m.submission_id;
  IF about.person_id IS DISTINCT FROM m.person_id THEN
    RETURN 'the record is not the person''s';
  END IF;
  IF m.purpose = 'service' AND NOT EXISTS (SELECT FROM answers WHERE submission_id = m.submission_id AND statement_version = m.basis) THEN
    RETURN format('statement %s was not shown with the record', coalesce(m.basis, '(none)'));
  END IF;
  IF NOT may_use(m.submission_id, m.purpose, 'own department', 'email address', at) THEN
    RETURN format('statement %s names no %s mail about %s', about.version, m.purpose, about.kind);
  END IF;
  RETURN NULL;
END
$$;

-- A message dated ahead does not open the gate sooner.
CREATE OR REPLACE FUNCTION message_gate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  m message := NEW;
  reason text;
BEGIN
  m.created_at := least(NEW.created_at, now());
  reason := may_send(m);
  IF reason IS NOT NULL THEN
    RAISE EXCEPTION 'message refused: %', reason USING ERRCODE = 'check_violation', CONSTRAINT = 'message_gate';
  END IF;
  RETURN NEW;
END
$$;

-- A day of deletion moves no further than what may be done with the record allows, counted from now: the code knows
-- the time limits of today's statement, the record keeps those of its own.
CREATE FUNCTION submission_kept() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  at timestamptz := greatest(now(), NEW.created_at, NEW.status_since);
  latest date;
BEGIN
  SELECT CASE WHEN count(*) = 0 THEN OLD.purge_after
    WHEN bool_and(longest_span(u.retention) IS NOT NULL) THEN max(company_day(at + longest_span(u.retention)) + 1) END
  INTO latest FROM uses_of(NEW.id, at) u WHERE u.purpose = 'service' AND u.recipient = 'own department';
  NEW.purge_after := greatest(OLD.purge_after, least(NEW.purge_after, latest));
  RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER submission_kept BEFORE UPDATE OF purge_after ON submission
  FOR EACH ROW WHEN (NEW.purge_after > OLD.purge_after) EXECUTE FUNCTION submission_kept();
DROP TRIGGER message_gate ON message;
CREATE TRIGGER message_gate BEFORE INSERT OR UPDATE OF person_id, submission_id, purpose, template, channel, basis, address, created_at
  ON message FOR EACH ROW EXECUTE FUNCTION message_gate();

-- +goose Down
DROP TRIGGER message_gate ON message;
CREATE TRIGGER message_gate BEFORE INSERT OR UPDATE OF person_id, submission_id, purpose, template, channel, basis, address
  ON message FOR EACH ROW EXECUTE FUNCTION message_gate();
DROP TRIGGER submission_kept ON submission;
DROP FUNCTION submission_kept();
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION message_gate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  reason text := may_send(NEW);
BEGIN
  IF reason IS NOT NULL THEN
    RAISE EXCEPTION 'message refused: %', reason USING ERRCODE = 'check_violation', CONSTRAINT = 'message_gate';
  END IF;
  RETURN NEW;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION may_send(m message) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  who person;
  about text;
BEGIN
  IF m.purpose = 'internal' THEN
    RETURN CASE WHEN m.person_id IS NOT NULL THEN 'an internal message goes to no person' END;
  END IF;
  IF m.person_id IS NULL THEN
    RETURN CASE WHEN m.purpose <> 'account' THEN 'a message of this purpose needs a person' END;
  END IF;
  SELECT * INTO who FROM person WHERE id = m.person_id;
  IF who.erased_at IS NOT NULL THEN
    RETURN 'the person was erased';
  END IF;
  IF m.purpose IN ('survey', 'product_news', 'promotion', 'newsletter') THEN
    IF m.channel = 'email' AND m.address IS DISTINCT FROM who.email THEN
      RETURN 'the address is not the person''s';
    END IF;
    IF NOT EXISTS (SELECT FROM consent c WHERE c.person_id = m.person_id AND c.purpose = m.purpose
        AND c.channel = m.channel AND c.in_force) THEN
      RETURN format('no consent in force for %s by %s', m.purpose, m.channel);
    END IF;
    RETURN NULL;
  END IF;
  IF m.purpose = 'service' AND m.submission_id IS NOT NULL THEN
    SELECT s.kind INTO about FROM submission s WHERE s.id = m.submission_id;
    IF NOT EXISTS (SELECT FROM statement_use u
        WHERE u.version = m.basis AND u.activity = about AND u.purpose = m.purpose)
      AND NOT EXISTS (SELECT FROM notice n JOIN statement_use u ON u.version = n.version
        WHERE n.person_id = m.person_id AND n.objected_at IS NULL AND n.delivered_at <= m.created_at - interval '30 days'
          AND u.activity = about AND u.purpose = m.purpose AND u.compatible <> '') THEN
      RETURN format('statement %s names no %s mail about %s', coalesce(m.basis, '(none)'), m.purpose, about);
    END IF;
  END IF;
  RETURN NULL;
END
$$;
-- +goose StatementEnd
DROP FUNCTION may_use;
DROP FUNCTION uses_of;
DROP FUNCTION longest_span, names_data, company_day, needs_consent;
DROP VIEW collected;
ALTER TABLE mail_template DROP COLUMN alone, DROP COLUMN elsewhere;
DELETE FROM notice n USING notice o WHERE o.person_id = n.person_id AND o.version = n.version AND o.kind < n.kind;
ALTER TABLE notice DROP CONSTRAINT notice_pkey, DROP COLUMN kind, ADD PRIMARY KEY (person_id, version);
