-- +goose Up
-- compatible: no
-- The core: who wrote to us, what they sent, what they agreed to, what we send them, and who looked.

-- Roles are shared by all databases of a cluster, so another database may just have made them; or a
-- superuser has, for an owner that may not.
-- +goose StatementBegin
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['site_serve', 'site_marketing'] LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = name);
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;
    END;
  END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd

-- One row: which keys this database was written with.
CREATE TABLE installation (
  one bool PRIMARY KEY DEFAULT true CHECK (one),
  key_fingerprint text NOT NULL
);

-- One row: raised by every change of what public pages show; page caches compare it.
CREATE TABLE generation (
  one bool PRIMARY KEY DEFAULT true CHECK (one),
  n bigint NOT NULL
);
INSERT INTO generation (n) VALUES (1);

-- +goose StatementBegin
CREATE FUNCTION bump_generation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE generation SET n = n + 1;
  RETURN NULL;
END
$$;
-- +goose StatementEnd

-- An address and its state. Nothing here was typed by a stranger but the address itself.
CREATE TABLE person (
  id uuid PRIMARY KEY,
  email text UNIQUE CHECK (email = lower(email)),
  address_hmac bytea NOT NULL,
  created_at timestamptz NOT NULL,
  verified_at timestamptz,
  bounced_at timestamptz,
  erased_at timestamptz,
  CHECK ((email IS NULL) = (erased_at IS NOT NULL))
);
COMMENT ON COLUMN person.email IS 'lower case, domain in ASCII; NULL once erased';
CREATE INDEX person_email_prefix ON person (email text_pattern_ops);
CREATE INDEX person_address_hmac ON person (address_hmac);

-- What a form showed, word for word, so that it can be drawn again in ten years.
CREATE TABLE form_revision (
  digest bytea PRIMARY KEY,
  kind text NOT NULL,
  subject_id uuid,
  fields jsonb NOT NULL,
  wording jsonb NOT NULL,
  lang text NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE statement_version (
  id text PRIMARY KEY,
  effective_on date NOT NULL,
  title text NOT NULL,
  summary text NOT NULL,
  body text NOT NULL,
  digest bytea NOT NULL,
  published_at timestamptz NOT NULL
);

CREATE TABLE statement_use (
  version text NOT NULL REFERENCES statement_version,
  activity text NOT NULL,
  purpose text NOT NULL,
  data text[] NOT NULL,
  recipient text NOT NULL CHECK (recipient IN ('own department', 'processor', 'legal demand')),
  retention text NOT NULL,
  basis text NOT NULL,
  PRIMARY KEY (version, activity, purpose, recipient)
);

CREATE TABLE submission (
  id uuid PRIMARY KEY,
  person_id uuid REFERENCES person,
  kind text NOT NULL,
  status text NOT NULL,
  subject_id uuid,
  subject text NOT NULL DEFAULT '',
  reference text NOT NULL,
  name text NOT NULL DEFAULT '',
  organisation text NOT NULL DEFAULT '',
  channel text NOT NULL DEFAULT 'form' CHECK (channel IN ('form', 'phone', 'fair', 'post', 'mail')),
  assignee_id uuid,
  digest bytea UNIQUE,
  source text,
  search tsvector,
  indexed_at timestamptz,
  created_at timestamptz NOT NULL,
  read_at timestamptz,
  decided_at timestamptz,
  quarantined_at timestamptz,
  purge_after date NOT NULL
);
COMMENT ON COLUMN submission.digest IS 'HMAC of what was sent: the same sending twice is one row; NULL once withdrawn or erased';
COMMENT ON COLUMN submission.search IS 'filled a moment after the row by a drainer, which sets indexed_at';
COMMENT ON COLUMN submission.reference IS 'the number told to the sender, also found through search';
CREATE INDEX submission_newest ON submission (created_at DESC, id DESC);
CREATE INDEX submission_kind_status ON submission (kind, status, created_at DESC, id DESC);
CREATE INDEX submission_person ON submission (person_id, created_at DESC);
CREATE INDEX submission_assignee ON submission (assignee_id, created_at DESC, id DESC) WHERE assignee_id IS NOT NULL;
CREATE INDEX submission_subject ON submission (subject_id, created_at) WHERE subject_id IS NOT NULL;
CREATE INDEX submission_unindexed ON submission (created_at) WHERE indexed_at IS NULL;
CREATE INDEX submission_search ON submission USING gin (search) WITH (fastupdate = off);
CREATE INDEX submission_purge ON submission (purge_after);
-- A word that few rows hold must not look common to the planner, or it walks the time index instead of this one.
ALTER TABLE submission ALTER COLUMN search SET STATISTICS 10000;

-- Every version of what the sender answered; the newest counts.
CREATE TABLE answers (
  submission_id uuid NOT NULL REFERENCES submission ON DELETE CASCADE,
  version int NOT NULL,
  form_revision bytea NOT NULL REFERENCES form_revision,
  statement_version text NOT NULL REFERENCES statement_version,
  lang text NOT NULL,
  values jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (submission_id, version)
);

-- Facts about a submission: kinds, ids, times; never a person's words. It outlives the row it tells of.
CREATE TABLE submission_event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  submission_id uuid NOT NULL,
  kind text NOT NULL,
  actor_role text NOT NULL,
  actor_id uuid,
  detail jsonb NOT NULL DEFAULT '{}',
  at timestamptz NOT NULL
);
CREATE INDEX submission_event_of ON submission_event (submission_id, id);
CREATE TRIGGER submission_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON submission_event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE note (
  id uuid PRIMARY KEY,
  submission_id uuid NOT NULL REFERENCES submission ON DELETE CASCADE,
  author_id uuid NOT NULL,
  body text NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX note_of ON note (submission_id, created_at);

-- Nonces of anonymous forms, spent without a trace of what they brought in.
CREATE TABLE spent_nonce (
  nonce bytea PRIMARY KEY,
  spent_on date NOT NULL
);

-- The consent ledger: one hash chain a person, no address in it.
CREATE TABLE consent_head (
  person_id uuid PRIMARY KEY,
  seq bigint NOT NULL,
  hash bytea NOT NULL
);
CREATE TABLE consent_event (
  person_id uuid NOT NULL REFERENCES person,
  seq bigint NOT NULL,
  purpose text NOT NULL CHECK (purpose IN ('survey', 'product_news', 'promotion', 'newsletter')),
  channel text NOT NULL CHECK (channel IN ('email', 'phone', 'post')),
  granted bool NOT NULL,
  form_revision bytea REFERENCES form_revision,
  wording text NOT NULL,
  statement_version text NOT NULL REFERENCES statement_version,
  origin text NOT NULL,
  submission_id uuid,
  at timestamptz NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (person_id, seq)
);
COMMENT ON COLUMN consent_event.origin IS 'form, connect, unsubscribe, preferences, staff, bounce, erasure: the way the choice reached us';
CREATE INDEX consent_event_latest ON consent_event (person_id, purpose, channel, seq DESC);

-- +goose StatementBegin
CREATE FUNCTION consent_event_hash(prev bytea, e consent_event) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(prev || convert_to(concat_ws('|', e.person_id, e.seq, e.purpose, e.channel, e.granted,
    encode(e.form_revision, 'hex'), length(e.wording), e.wording, e.statement_version, e.origin, e.submission_id,
    (extract(epoch FROM e.at) * 1000000)::bigint), 'UTF8'))
$$;
-- +goose StatementEnd

-- Orders and chains the events of one person. The row of consent_head is the lock that keeps the order.
-- +goose StatementBegin
CREATE FUNCTION consent_event_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  head consent_head;
BEGIN
  INSERT INTO consent_head (person_id, seq, hash) VALUES (NEW.person_id, 0, ''::bytea) ON CONFLICT DO NOTHING;
  SELECT * INTO head FROM consent_head WHERE person_id = NEW.person_id FOR UPDATE;
  NEW.seq := head.seq + 1;
  NEW.hash := consent_event_hash(head.hash, NEW);
  UPDATE consent_head SET seq = NEW.seq, hash = NEW.hash WHERE person_id = NEW.person_id;
  RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER consent_event_chain BEFORE INSERT ON consent_event
  FOR EACH ROW EXECUTE FUNCTION consent_event_chain();
CREATE TRIGGER consent_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER form_revision_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON form_revision
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER statement_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statement_version
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER statement_use_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statement_use
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- When a person showed, by a button behind a mailed link, that the address is theirs. A choice made in a form counts
-- only once such a confirmation follows it: else anyone could subscribe an address that was confirmed before.
CREATE TABLE confirmation (
  person_id uuid NOT NULL REFERENCES person,
  at timestamptz NOT NULL,
  PRIMARY KEY (person_id, at)
);
CREATE TRIGGER confirmation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON confirmation
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Addresses that must not get a purpose by a channel, whatever is imported or restored. It survives erasure.
CREATE TABLE suppression (
  address_hmac bytea NOT NULL,
  purpose text NOT NULL,
  channel text NOT NULL,
  reason text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (address_hmac, purpose, channel)
);

-- The latest choice a person made for each purpose and channel, and whether it is in force: granted, confirmed within
-- 30 days (a choice made behind a mailed link or signed in is its own confirmation), and not suppressed.
CREATE VIEW consent AS
SELECT e.person_id, e.purpose, e.channel, e.granted, e.seq, e.wording, e.statement_version, e.origin, e.at,
  e.granted AND p.erased_at IS NULL
    AND (e.origin IN ('preferences', 'connect') OR EXISTS (SELECT FROM confirmation c
      WHERE c.person_id = e.person_id AND c.at >= e.at AND c.at <= e.at + interval '30 days'))
    AND NOT EXISTS (SELECT FROM suppression s
      WHERE s.address_hmac = p.address_hmac AND s.purpose = e.purpose AND s.channel = e.channel) AS in_force
FROM consent_event e
JOIN person p ON p.id = e.person_id
WHERE NOT EXISTS (SELECT FROM consent_event later
  WHERE later.person_id = e.person_id AND later.purpose = e.purpose AND later.channel = e.channel AND later.seq > e.seq);

-- All that marketing may see: who may be contacted for what, by which way.
CREATE VIEW contactable WITH (security_barrier) AS
SELECT c.person_id, c.purpose, c.channel, p.email AS address, c.at AS since, c.wording, c.statement_version
FROM consent c
JOIN person p ON p.id = c.person_id
WHERE c.in_force AND p.bounced_at IS NULL;

-- Which template serves which purpose. A message names both, so a promotion can't be sent as a service message.
CREATE TABLE mail_template (
  name text PRIMARY KEY,
  purpose text NOT NULL CHECK (purpose IN ('survey', 'product_news', 'promotion', 'newsletter',
    'service', 'notice', 'conduct', 'account', 'internal')),
  UNIQUE (name, purpose)
);
INSERT INTO mail_template (name, purpose) VALUES
  ('received', 'service'), ('confirm', 'service'), ('code', 'service'), ('more', 'service'), ('letter', 'service'),
  ('inbox', 'internal'), ('conduct', 'conduct');

-- The mail queue itself: a row is a message to be sent, being sent, or sent.
CREATE TABLE message (
  id uuid PRIMARY KEY,
  person_id uuid REFERENCES person,
  submission_id uuid,
  account_id uuid,
  purpose text NOT NULL,
  template text NOT NULL,
  channel text NOT NULL DEFAULT 'email' CHECK (channel IN ('email', 'phone', 'post')),
  basis text REFERENCES statement_version,
  address text NOT NULL,
  data jsonb NOT NULL DEFAULT '{}',
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed', 'withheld', 'cancelled')),
  attempts int NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL,
  last_error text,
  created_at timestamptz NOT NULL,
  sent_at timestamptz,
  bounced_at timestamptz,
  FOREIGN KEY (template, purpose) REFERENCES mail_template (name, purpose)
);
COMMENT ON COLUMN message.basis IS 'the statement version under which the data was collected that this message uses';
COMMENT ON COLUMN message.next_at IS 'not before; while being sent, the end of the lease';
CREATE INDEX message_due ON message (next_at) WHERE state = 'queued';
CREATE INDEX message_person ON message (person_id, created_at DESC) WHERE person_id IS NOT NULL;
CREATE INDEX message_submission ON message (submission_id, created_at) WHERE submission_id IS NOT NULL;
CREATE INDEX message_failed ON message (created_at DESC) WHERE state IN ('failed', 'withheld');

-- Notices of a changed statement that reached a person (P-18).
CREATE TABLE notice (
  person_id uuid NOT NULL REFERENCES person,
  version text NOT NULL REFERENCES statement_version,
  delivered_at timestamptz,
  PRIMARY KEY (person_id, version)
);

-- The gate (P-6, P-18): whatever code does, a message that lacks its ground is not stored. The drainer asks
-- may_send again before it sends.
-- +goose StatementBegin
CREATE FUNCTION may_send(m message) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
        WHERE n.person_id = m.person_id AND n.delivered_at IS NOT NULL
          AND u.activity = about AND u.purpose = m.purpose) THEN
      RETURN format('statement %s names no %s mail about %s', coalesce(m.basis, '(none)'), m.purpose, about);
    END IF;
  END IF;
  RETURN NULL;
END
$$;

CREATE FUNCTION message_gate() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER message_gate BEFORE INSERT OR UPDATE OF person_id, submission_id, purpose, template, channel, basis, address
  ON message FOR EACH ROW EXECUTE FUNCTION message_gate();

-- Who of the staff read, changed or exported what: ids and digests only.
CREATE TABLE audit_event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  actor_id uuid,
  actor_role text NOT NULL,
  action text NOT NULL,
  object text NOT NULL,
  object_id uuid,
  detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_event_object ON audit_event (object_id, id) WHERE object_id IS NOT NULL;
CREATE INDEX audit_event_time ON audit_event (at);
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT USAGE ON SCHEMA public TO site_serve, site_marketing;
GRANT SELECT, INSERT ON confirmation, installation, form_revision, statement_version, statement_use, submission_event, consent_event,
  audit_event TO site_serve;
GRANT SELECT ON generation, consent_head, consent, contactable, mail_template TO site_serve;
GRANT SELECT, INSERT, UPDATE ON person TO site_serve;
GRANT SELECT, INSERT, UPDATE, DELETE ON submission, answers, note, message, notice, spent_nonce, suppression TO site_serve;
GRANT SELECT ON contactable TO site_marketing;
GRANT INSERT ON message TO site_marketing;

-- +goose Down
DROP TABLE audit_event, notice, message CASCADE;
DROP FUNCTION IF EXISTS may_send CASCADE;
DROP FUNCTION message_gate();
DROP TABLE mail_template;
DROP VIEW contactable, consent;
DROP TABLE suppression, confirmation, consent_event, consent_head CASCADE;
DROP FUNCTION IF EXISTS consent_event_hash CASCADE;
DROP FUNCTION consent_event_chain();
DROP TABLE spent_nonce, note, submission_event, answers, submission, statement_use, statement_version, form_revision,
  person, generation, installation;
DROP FUNCTION bump_generation();
DROP FUNCTION refuse_change();
REVOKE USAGE ON SCHEMA public FROM site_serve, site_marketing;
