-- +goose Up
-- compatible: yes
-- A choice that nobody proved takes nothing away from one that was: whoever types a stranger's address into a form
-- and ticks a box must not put the consent out of force that its owner gave and confirmed before.

-- Choices that their person stands behind: made behind a mailed link or signed in, or confirmed within 30 days.
CREATE VIEW consent_proven AS
SELECT e.person_id, e.purpose, e.channel, e.seq
FROM consent_event e
WHERE e.granted AND (e.origin IN ('preferences', 'connect') OR EXISTS (SELECT FROM confirmation c
  WHERE c.person_id = e.person_id AND c.at >= e.at AND c.at <= e.at + interval '30 days'));

-- The choice that counts for each purpose and channel: after the last refusal the latest one that was proven, and where
-- none was, the latest. It is in force if it was granted and proven, and is not suppressed.
CREATE OR REPLACE VIEW consent AS
SELECT e.person_id, e.purpose, e.channel, e.granted, e.seq, e.wording, e.statement_version, e.origin, e.at,
  p.erased_at IS NULL
    AND EXISTS (SELECT FROM consent_proven x WHERE x.person_id = e.person_id AND x.seq = e.seq)
    AND NOT EXISTS (SELECT FROM suppression s
      WHERE s.address_hmac = p.address_hmac AND s.purpose = e.purpose AND s.channel = e.channel) AS in_force
FROM consent_event e
JOIN person p ON p.id = e.person_id
WHERE NOT EXISTS (SELECT FROM consent_event r
    WHERE r.person_id = e.person_id AND r.purpose = e.purpose AND r.channel = e.channel AND r.seq > e.seq AND NOT r.granted)
  AND NOT EXISTS (SELECT FROM consent_proven o
    WHERE o.person_id = e.person_id AND o.purpose = e.purpose AND o.channel = e.channel AND o.seq > e.seq)
  AND (EXISTS (SELECT FROM consent_proven x WHERE x.person_id = e.person_id AND x.seq = e.seq)
    OR (NOT EXISTS (SELECT FROM consent_event l
        WHERE l.person_id = e.person_id AND l.purpose = e.purpose AND l.channel = e.channel AND l.seq > e.seq)
      AND NOT EXISTS (SELECT FROM consent_proven o
        WHERE o.person_id = e.person_id AND o.purpose = e.purpose AND o.channel = e.channel AND o.seq < e.seq
          AND NOT EXISTS (SELECT FROM consent_event r
            WHERE r.person_id = o.person_id AND r.purpose = o.purpose AND r.channel = o.channel AND r.seq > o.seq
              AND NOT r.granted))));

-- +goose Down
CREATE OR REPLACE VIEW consent AS
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
DROP VIEW consent_proven;
