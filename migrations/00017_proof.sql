-- +goose Up
-- compatible: yes
-- When each check of a promise passed last, and what came of each proof: a run in which every rule was taken out of a
-- copy to see whether its check notices.

CREATE TABLE promise_check (
  promise text NOT NULL,
  name text NOT NULL,
  passed_at timestamptz NOT NULL,
  PRIMARY KEY (promise, name)
);

CREATE TABLE proof (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  removed int NOT NULL,
  noticed int NOT NULL CHECK (noticed <= removed)
);
CREATE TRIGGER proof_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON proof
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What decides about a person is done by a person (A-8).
ALTER TABLE submission_event ADD CONSTRAINT submission_event_decided_by_a_person
  CHECK (actor_role <> 'system' OR detail->>'to' IS NULL
    OR detail->>'to' NOT IN ('approved', 'declined', 'screening', 'interview', 'offer', 'hired'));

-- A computer is remembered for 60 days at most (P-14).
ALTER TABLE device ADD CONSTRAINT device_short CHECK (expires_at <= created_at + interval '1440 hours');

GRANT SELECT, INSERT, UPDATE ON promise_check TO site_serve;
GRANT SELECT, INSERT ON proof TO site_serve;

-- +goose Down
ALTER TABLE device DROP CONSTRAINT device_short;
ALTER TABLE submission_event DROP CONSTRAINT submission_event_decided_by_a_person;
DROP TABLE proof, promise_check;
