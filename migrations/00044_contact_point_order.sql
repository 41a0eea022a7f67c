-- +goose Up
-- compatible: yes
-- Which number or postal address of a person is the latest, and which confirmation proves it, follows from the order in which
-- they came, as it does for the choices that they came with: clocks are set back at times.

ALTER TABLE contact_point ADD COLUMN seq bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN contact_point.seq IS 'the last entry of the person''s chain at that moment: the choice that it came with';
UPDATE contact_point k SET seq = coalesce(
  (SELECT max(e.seq) FROM consent_event e WHERE e.person_id = k.person_id AND e.channel = k.channel AND e.at = k.at),
  (SELECT h.seq FROM consent_head h WHERE h.person_id = k.person_id), 0);
CREATE TRIGGER contact_point_order BEFORE INSERT OR UPDATE ON contact_point FOR EACH ROW EXECUTE FUNCTION confirmation_order();

-- Of each person and channel the latest one that was proven within 30 days.
CREATE OR REPLACE VIEW contact_point_in_use AS
SELECT DISTINCT ON (k.person_id, k.channel) k.person_id, k.channel, k.value, k.at
FROM contact_point k
WHERE k.origin IN ('preferences', 'connect') OR EXISTS (SELECT FROM confirmation c
  WHERE c.person_id = k.person_id AND c.seq >= k.seq AND c.at <= k.at + interval '30 days')
ORDER BY k.person_id, k.channel, k.seq DESC, k.at DESC;

-- +goose Down
CREATE OR REPLACE VIEW contact_point_in_use AS
SELECT DISTINCT ON (k.person_id, k.channel) k.person_id, k.channel, k.value, k.at
FROM contact_point k
WHERE k.origin IN ('preferences', 'connect') OR EXISTS (SELECT FROM confirmation c
  WHERE c.person_id = k.person_id AND c.at >= k.at AND c.at <= k.at + interval '30 days')
ORDER BY k.person_id, k.channel, k.at DESC;
DROP TRIGGER contact_point_order ON contact_point;
ALTER TABLE contact_point DROP COLUMN seq;
