-- +goose Up
-- compatible: yes
-- How those are reached who agreed to calls or letters: the number or the postal address that they gave with that choice. It
-- counts by the same proof as the choice does, so that nobody else's number takes its place, and it is deleted with the
-- last choice that needs it.

CREATE TABLE contact_point (
  person_id uuid NOT NULL REFERENCES person,
  channel text NOT NULL CHECK (channel IN ('phone', 'post')),
  value text NOT NULL CHECK (value <> ''),
  origin text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (person_id, channel, at)
);
COMMENT ON COLUMN contact_point.value IS 'a number in E.164, or the lines of a postal address';
CREATE INDEX contact_point_at ON contact_point (at);

-- Of each person and channel the latest one that was proven within 30 days.
CREATE VIEW contact_point_in_use AS
SELECT DISTINCT ON (k.person_id, k.channel) k.person_id, k.channel, k.value, k.at
FROM contact_point k
WHERE k.origin IN ('preferences', 'connect') OR EXISTS (SELECT FROM confirmation c
  WHERE c.person_id = k.person_id AND c.at >= k.at AND c.at <= k.at + interval '30 days')
ORDER BY k.person_id, k.channel, k.at DESC;

CREATE OR REPLACE VIEW contactable WITH (security_barrier) AS
SELECT c.person_id, c.purpose, c.channel, CASE WHEN c.channel = 'email' THEN p.email
    ELSE (SELECT k.value FROM contact_point_in_use k WHERE k.person_id = c.person_id AND k.channel = c.channel) END AS address,
  c.at AS since, c.wording, c.statement_version
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
  WHERE s.address_hmac = p.address_hmac AND s.purpose = c.purpose AND s.channel = c.channel) AND NOT restricted(p.id, NULL)
-- Within the barrier, for the planner does not look through it: without this line it sorts what is sorted already.
ORDER BY c.person_id;
COMMENT ON COLUMN contactable.address IS 'by the channel: e-mail address, telephone number, postal address; NULL where no number or postal address was given';

-- +goose StatementBegin
CREATE FUNCTION refuse_held_point() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM legal_hold h WHERE h.person_id = OLD.person_id AND h.lifted_at IS NULL) THEN
    RAISE EXCEPTION '%: a legal hold stops %', TG_TABLE_NAME, TG_OP
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'legal_hold';
  END IF;
  RETURN OLD;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER contact_point_legal_hold BEFORE DELETE ON contact_point FOR EACH ROW EXECUTE FUNCTION refuse_held_point();

GRANT SELECT, INSERT, UPDATE, DELETE ON contact_point TO site_serve;
GRANT SELECT ON contact_point_in_use TO site_serve;

-- +goose Down
CREATE OR REPLACE VIEW contactable WITH (security_barrier) AS
SELECT c.person_id, c.purpose, c.channel, CASE WHEN c.channel = 'email' THEN p.email END AS address, c.at AS since, c.wording,
  c.statement_version
FROM (
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
ORDER BY c.person_id;
COMMENT ON COLUMN contactable.address IS 'NULL where the consent is for another way than e-mail: no number or postal address is collected for those';
DROP VIEW contact_point_in_use;
DROP TABLE contact_point;
DROP FUNCTION refuse_held_point();
