-- +goose Up
-- compatible: yes
-- An address for e-mail only: a consent to calls or letters must not hand out the e-mail address. And a use of data
-- cannot be published without its basis (A-1) and its time limit (A-4), whoever writes the row.

CREATE OR REPLACE VIEW contactable WITH (security_barrier) AS
SELECT c.person_id, c.purpose, c.channel, CASE WHEN c.channel = 'email' THEN p.email END AS address, c.at AS since, c.wording,
  c.statement_version
FROM consent c
JOIN person p ON p.id = c.person_id
WHERE c.in_force AND p.bounced_at IS NULL;
COMMENT ON COLUMN contactable.address IS 'NULL where the consent is for another way than e-mail: no number or postal address is collected for those';

ALTER TABLE statement_use ADD CONSTRAINT statement_use_said CHECK (basis <> '' AND retention <> '');

-- +goose Down
ALTER TABLE statement_use DROP CONSTRAINT statement_use_said;
COMMENT ON COLUMN contactable.address IS NULL;
CREATE OR REPLACE VIEW contactable WITH (security_barrier) AS
SELECT c.person_id, c.purpose, c.channel, p.email AS address, c.at AS since, c.wording, c.statement_version
FROM consent c
JOIN person p ON p.id = c.person_id
WHERE c.in_force AND p.bounced_at IS NULL;
