-- +goose Up
-- compatible: yes
-- The ledger of consents in order, and at its end. What is in force follows from the order in which things came, not from
-- clocks, which are set back at times. And a chain that says nothing any more is removed after six years, under a role of
-- its own, leaving the hashes by which everything else still verifies.

-- +goose StatementBegin
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'site_ledger') THEN
    CREATE ROLE site_ledger NOLOGIN;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- another database of this cluster has just made it
END
$$;
-- +goose StatementEnd

-- A confirmation proves the choices that came before it: those up to the entry that the chain then ended with.
ALTER TABLE confirmation ADD COLUMN seq bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN confirmation.seq IS 'the last entry of the person''s chain at that moment';
ALTER TABLE confirmation DISABLE TRIGGER confirmation_append_only;
UPDATE confirmation c SET seq = e.seq
FROM (SELECT c.person_id, c.at, max(e.seq) AS seq
  FROM confirmation c JOIN consent_event e ON e.person_id = c.person_id AND e.at <= c.at GROUP BY c.person_id, c.at) e
WHERE e.person_id = c.person_id AND e.at = c.at;
ALTER TABLE confirmation ENABLE TRIGGER confirmation_append_only;
ALTER TABLE confirmation DROP CONSTRAINT confirmation_pkey, ADD PRIMARY KEY (person_id, seq, at);

-- +goose StatementBegin
CREATE FUNCTION confirmation_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  NEW.seq := coalesce((SELECT seq FROM consent_head WHERE person_id = NEW.person_id), 0);
  RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER confirmation_order BEFORE INSERT ON confirmation FOR EACH ROW EXECUTE FUNCTION confirmation_order();

CREATE OR REPLACE VIEW consent_proven AS
SELECT e.person_id, e.purpose, e.channel, e.seq
FROM consent_event e
WHERE e.granted AND (e.origin IN ('preferences', 'connect') OR EXISTS (SELECT FROM confirmation c
  WHERE c.person_id = e.person_id AND c.seq >= e.seq AND c.at <= e.at + interval '30 days'));
GRANT SELECT ON consent_proven TO site_serve;

CREATE OR REPLACE VIEW contactable WITH (security_barrier) AS
SELECT c.person_id, c.purpose, c.channel, CASE WHEN c.channel = 'email' THEN p.email END AS address, c.at AS since, c.wording,
  c.statement_version
FROM (
  -- Of each purpose and channel the latest choice that was proven, after the last refusal.
  SELECT e.person_id, e.purpose, e.channel, e.seq, e.at, e.wording, e.statement_version,
    max(e.seq) FILTER (WHERE NOT e.granted) OVER (PARTITION BY e.person_id, e.purpose, e.channel) AS refused,
    max(e.seq) FILTER (WHERE e.granted AND (e.origin IN ('preferences', 'connect') OR EXISTS (SELECT FROM confirmation k
      WHERE k.person_id = e.person_id AND k.seq >= e.seq AND k.at <= e.at + interval '30 days')))
      OVER (PARTITION BY e.person_id, e.purpose, e.channel) AS proven
  FROM consent_event e
) c
JOIN person p ON p.id = c.person_id
WHERE c.seq = c.proven AND c.proven > coalesce(c.refused, 0) AND p.erased_at IS NULL AND p.bounced_at IS NULL AND NOT EXISTS (SELECT FROM suppression s
  WHERE s.address_hmac = p.address_hmac AND s.purpose = c.purpose AND s.channel = c.channel)
-- Within the barrier, for the planner does not look through it: without this line it sorts what is sorted already.
ORDER BY c.person_id;

-- A refusal is lifted only by what was chosen after it, whoever's chain that stands in.
CREATE FUNCTION consent_end() RETURNS bigint LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT last_value FROM consent_event_id_seq
$$;
ALTER TABLE suppression ADD COLUMN after bigint NOT NULL DEFAULT 0;
ALTER TABLE suppression ALTER COLUMN after SET DEFAULT consent_end();
COMMENT ON COLUMN suppression.after IS 'the last entry of the ledger at that moment';
UPDATE suppression s SET after = e.id
FROM (SELECT s.address_hmac, s.purpose, s.channel, max(e.id) AS id
  FROM suppression s JOIN person p ON p.address_hmac = s.address_hmac
  JOIN consent_event e ON e.person_id = p.id AND e.at <= s.at GROUP BY 1, 2, 3) e
WHERE (e.address_hmac, e.purpose, e.channel) = (s.address_hmac, s.purpose, s.channel);

-- What is left of a removed entry: its place and its hash.
CREATE TABLE consent_tombstone (
  id bigint PRIMARY KEY,
  person_id uuid NOT NULL,
  seq bigint NOT NULL,
  hash bytea NOT NULL,
  removed_at timestamptz NOT NULL,
  UNIQUE (person_id, seq)
);
CREATE TRIGGER consent_tombstone_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_tombstone
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Whether a chain may be removed: its last entry came before that time, nothing it says is in force, no hold stops it.
CREATE FUNCTION consent_closed(who uuid, before timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT NOT EXISTS (SELECT FROM consent_event e WHERE e.person_id = who AND e.at >= before)
    AND NOT EXISTS (SELECT FROM consent c WHERE c.person_id = who AND c.in_force)
    AND NOT person_held(who)
$$;

-- The second fence: whatever code does, an entry leaves only with its whole chain, six years after the last, behind a
-- tombstone that says what it said.
-- +goose StatementBegin
CREATE FUNCTION consent_tombstone_true() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT consent_closed(NEW.person_id, now() - interval '6 years') OR NOT EXISTS (SELECT FROM consent_event e
      WHERE e.id = NEW.id AND e.person_id = NEW.person_id AND e.seq = NEW.seq AND e.hash = NEW.hash) THEN
    RAISE EXCEPTION 'consent_tombstone: the chain is not closed, or not this one' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE FUNCTION consent_event_stands() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM consent_event e WHERE e.person_id = OLD.person_id
      AND NOT EXISTS (SELECT FROM consent_tombstone t WHERE t.id = e.id)) THEN
    RAISE EXCEPTION 'consent_event is append-only: DELETE of an open chain refused' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN OLD;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER consent_tombstone_true BEFORE INSERT ON consent_tombstone FOR EACH ROW EXECUTE FUNCTION consent_tombstone_true();
DROP TRIGGER consent_event_append_only ON consent_event;
CREATE TRIGGER consent_event_append_only BEFORE UPDATE OR TRUNCATE ON consent_event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consent_event_stands BEFORE DELETE ON consent_event FOR EACH ROW EXECUTE FUNCTION consent_event_stands();

GRANT USAGE ON SCHEMA public TO site_ledger;
GRANT SELECT ON consent_head, consent_event TO site_ledger;
GRANT DELETE ON consent_event TO site_ledger;
GRANT INSERT ON consent_tombstone TO site_ledger;
GRANT SELECT ON consent_tombstone TO site_serve;

-- The one way to that role: the serving role may ask for the removal of closed chains, of at most so many people at once.
-- +goose StatementBegin
CREATE FUNCTION remove_closed_chains(before timestamptz, most int, moment timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  people uuid[] := ARRAY(
    SELECT e.person_id FROM consent_event e JOIN consent_head h ON h.person_id = e.person_id AND h.seq = e.seq
    WHERE e.at < before AND consent_closed(e.person_id, least(before, now() - interval '6 years'))
    ORDER BY e.person_id LIMIT most);
BEGIN
  INSERT INTO consent_tombstone (id, person_id, seq, hash, removed_at)
  SELECT e.id, e.person_id, e.seq, e.hash, moment FROM consent_event e WHERE e.person_id = ANY (people);
  DELETE FROM consent_event WHERE person_id = ANY (people);
  RETURN cardinality(people);
END
$$;
DO $$
DECLARE
  way text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
  IF NOT pg_has_role('site_ledger', way) THEN
    GRANT site_ledger TO CURRENT_USER;
  END IF;
END
$$;
-- +goose StatementEnd
GRANT CREATE ON SCHEMA public TO site_ledger;
REVOKE EXECUTE ON FUNCTION remove_closed_chains(timestamptz, int, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_closed_chains(timestamptz, int, timestamptz) TO site_serve;
ALTER FUNCTION remove_closed_chains(timestamptz, int, timestamptz) OWNER TO site_ledger;
REVOKE CREATE ON SCHEMA public FROM site_ledger;

-- A seal over nothing begins the row of seals, so that it is noticed when none follows.
INSERT INTO consent_checkpoint (upto, events, digest, at)
SELECT 0, 0, sha256(''), now() WHERE NOT EXISTS (SELECT FROM consent_checkpoint);

-- What the serving role may try to change, to see whether the function that guards every append-only table still refuses.
CREATE TABLE fence (one bool PRIMARY KEY CHECK (one));
CREATE TRIGGER fence_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fence
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, UPDATE, DELETE ON fence TO site_serve;

-- +goose Down
DROP TABLE fence;
DROP FUNCTION remove_closed_chains(timestamptz, int, timestamptz);
DROP TRIGGER consent_event_stands ON consent_event;
DROP TRIGGER consent_event_append_only ON consent_event;
CREATE TRIGGER consent_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP FUNCTION consent_event_stands();
DROP TABLE consent_tombstone;
DROP FUNCTION consent_tombstone_true();
DROP FUNCTION consent_closed(uuid, timestamptz);
REVOKE DELETE ON consent_event FROM site_ledger;
REVOKE SELECT ON consent_head, consent_event FROM site_ledger;
REVOKE USAGE ON SCHEMA public FROM site_ledger;
ALTER TABLE suppression DROP COLUMN after;
DROP FUNCTION consent_end();
REVOKE SELECT ON consent_proven FROM site_serve;
CREATE OR REPLACE VIEW consent_proven AS
SELECT e.person_id, e.purpose, e.channel, e.seq
FROM consent_event e
WHERE e.granted AND (e.origin IN ('preferences', 'connect') OR EXISTS (SELECT FROM confirmation c
  WHERE c.person_id = e.person_id AND c.at >= e.at AND c.at <= e.at + interval '30 days'));
CREATE OR REPLACE VIEW contactable WITH (security_barrier) AS
SELECT c.person_id, c.purpose, c.channel, CASE WHEN c.channel = 'email' THEN p.email END AS address, c.at AS since, c.wording,
  c.statement_version
FROM (
  SELECT e.person_id, e.purpose, e.channel, e.seq, e.at, e.wording, e.statement_version,
    max(e.seq) FILTER (WHERE NOT e.granted) OVER (PARTITION BY e.person_id, e.purpose, e.channel) AS refused,
    max(e.seq) FILTER (WHERE e.granted AND (e.origin IN ('preferences', 'connect') OR EXISTS (SELECT FROM confirmation k
      WHERE k.person_id = e.person_id AND k.at >= e.at AND k.at <= e.at + interval '30 days')))
      OVER (PARTITION BY e.person_id, e.purpose, e.channel) AS proven
  FROM consent_event e
) c
JOIN person p ON p.id = c.person_id
WHERE c.seq = c.proven AND c.proven > coalesce(c.refused, 0) AND p.erased_at IS NULL AND p.bounced_at IS NULL AND NOT EXISTS (SELECT FROM suppression s
  WHERE s.address_hmac = p.address_hmac AND s.purpose = c.purpose AND s.channel = c.channel)
ORDER BY c.person_id;
DROP TRIGGER confirmation_order ON confirmation;
DROP FUNCTION confirmation_order();
-- Two of one moment, which differ by their place alone, become one.
ALTER TABLE confirmation DISABLE TRIGGER confirmation_append_only;
DELETE FROM confirmation c USING confirmation o WHERE o.person_id = c.person_id AND o.at = c.at AND o.seq > c.seq;
ALTER TABLE confirmation ENABLE TRIGGER confirmation_append_only;
ALTER TABLE confirmation DROP CONSTRAINT confirmation_pkey, ADD PRIMARY KEY (person_id, at), ALTER COLUMN seq DROP NOT NULL;
ALTER TABLE confirmation DROP COLUMN seq;
