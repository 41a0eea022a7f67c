-- +goose Up
-- compatible: yes
-- A telephone number or a postal address is shown for what its owner agreed to where the statement of that choice names it
-- as data of that purpose.

CREATE OR REPLACE VIEW contactable WITH (security_barrier) AS
SELECT c.person_id, c.purpose, c.channel, CASE WHEN c.channel = 'email' THEN p.email
    WHEN EXISTS (SELECT FROM statement_use u
      WHERE u.version = c.statement_version AND u.purpose = c.purpose AND u.recipient = 'own department'
        AND names_data(u.data, CASE c.channel WHEN 'phone' THEN 'phone number' ELSE 'postal address' END)) THEN
      (SELECT k.value FROM contact_point_in_use k WHERE k.person_id = c.person_id AND k.channel = c.channel) END AS address,
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
COMMENT ON COLUMN contactable.address IS 'by the channel: e-mail address, telephone number, postal address; NULL where no number or postal address was given, or the statement does not name it';

-- +goose Down
CREATE OR REPLACE VIEW contactable WITH (security_barrier) AS
SELECT c.person_id, c.purpose, c.channel, CASE WHEN c.channel = 'email' THEN p.email
    ELSE (SELECT k.value FROM contact_point_in_use k WHERE k.person_id = c.person_id AND k.channel = c.channel) END AS address,
  c.at AS since, c.wording, c.statement_version
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
  WHERE s.address_hmac = p.address_hmac AND s.purpose = c.purpose AND s.channel = c.channel) AND NOT restricted(p.id, NULL)
ORDER BY c.person_id;
COMMENT ON COLUMN contactable.address IS 'by the channel: e-mail address, telephone number, postal address; NULL where no number or postal address was given';
