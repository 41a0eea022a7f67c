-- +goose Up
-- compatible: yes
-- What staff record beside submissions: misuse of the site (P-8), and the indexes behind the views of the queue.

-- Who used the site as /terms forbids, what was seen, and until when the address is held back.
CREATE TABLE misuse (
  id uuid PRIMARY KEY,
  person_id uuid NOT NULL REFERENCES person,
  submission_id uuid REFERENCES submission ON DELETE SET NULL,
  kind text NOT NULL CHECK (kind IN ('identity', 'flooding', 'attack', 'harvesting', 'abuse', 'advertising')),
  evidence text NOT NULL,
  officer_id uuid NOT NULL REFERENCES account,
  created_at timestamptz NOT NULL,
  blocked_until timestamptz CHECK (blocked_until > created_at),
  lifted_at timestamptz,
  lifted_by uuid REFERENCES account CHECK (lifted_by <> officer_id)
);
COMMENT ON COLUMN misuse.evidence IS 'in the words of the officer; emptied when the person is erased';
COMMENT ON COLUMN misuse.blocked_until IS 'until then what this address sends is quarantined; NULL: no block';
COMMENT ON COLUMN misuse.lifted_by IS 'an objection is decided by somebody else than who flagged';
CREATE INDEX misuse_person ON misuse (person_id, created_at DESC);

-- Each of these views finds few among millions; without an index of its own it would walk them all.
CREATE INDEX submission_unread ON submission (created_at DESC, id DESC) WHERE read_at IS NULL;
CREATE INDEX submission_unassigned ON submission (created_at DESC, id DESC) WHERE assignee_id IS NULL;
CREATE INDEX submission_undecided ON submission (created_at DESC, id DESC) WHERE decided_at IS NULL;
CREATE INDEX submission_quarantined ON submission (created_at DESC, id DESC) WHERE quarantined_at IS NOT NULL;

CREATE INDEX consent_event_submission ON consent_event (submission_id) WHERE submission_id IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON misuse TO site_serve;

-- +goose Down
DROP INDEX consent_event_submission, submission_quarantined, submission_undecided, submission_unassigned, submission_unread;
DROP TABLE misuse;
