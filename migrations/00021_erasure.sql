-- +goose Up
-- compatible: yes
-- What becomes of records at their end: erasure at a person's wish, deletion when their time is over, and the legal hold
-- that stops both for exactly the records it names.

-- An erased person keeps no digest of the address either: what must outlive an erasure stands in suppression.
ALTER TABLE person ALTER COLUMN address_hmac DROP NOT NULL;
UPDATE person SET address_hmac = NULL WHERE erased_at IS NOT NULL;
ALTER TABLE person ADD CONSTRAINT person_digest CHECK (address_hmac IS NOT NULL OR erased_at IS NOT NULL);

-- Erasures under way and done. Each stands in the journal beside the blobs too, before anything is erased; a journal
-- entry without a row here tells that this database was restored from before the erasure.
CREATE TABLE erasure (
  id uuid PRIMARY KEY,
  person_id uuid REFERENCES person,
  asked_at timestamptz NOT NULL,
  journaled_at timestamptz,
  done_at timestamptz,
  CHECK (person_id IS NOT NULL OR done_at IS NOT NULL)
);
COMMENT ON COLUMN erasure.person_id IS 'NULL: replayed from the journal on a database that did not know the person yet';
COMMENT ON COLUMN erasure.done_at IS 'NULL: under way, or waiting for a legal hold to be lifted';
CREATE UNIQUE INDEX erasure_open ON erasure (person_id) WHERE done_at IS NULL;
CREATE INDEX erasure_of ON erasure (person_id, asked_at);

CREATE TABLE legal_hold (
  id uuid PRIMARY KEY,
  scope text NOT NULL CHECK (scope IN ('person', 'record', 'kind')),
  person_id uuid REFERENCES person,
  submission_id uuid,
  kind text,
  from_day date,
  to_day date,
  ground text NOT NULL,
  officer_id uuid NOT NULL REFERENCES account,
  placed_at timestamptz NOT NULL,
  reviewed_at timestamptz NOT NULL,
  review_on date NOT NULL,
  lifted_at timestamptz,
  lifted_by uuid REFERENCES account,
  CONSTRAINT legal_hold_scope CHECK (CASE scope
    WHEN 'person' THEN person_id IS NOT NULL AND num_nonnulls(submission_id, kind, from_day, to_day) = 0
    WHEN 'record' THEN submission_id IS NOT NULL AND num_nonnulls(person_id, kind, from_day, to_day) = 0
    ELSE num_nonnulls(kind, from_day, to_day) = 3 AND from_day <= to_day AND num_nonnulls(person_id, submission_id) = 0 END),
  CONSTRAINT legal_hold_reviewed CHECK (review_on <= reviewed_at + interval '12 months'),
  CONSTRAINT legal_hold_lifted CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
COMMENT ON TABLE legal_hold IS 'a hold ends when it is lifted, never by itself: past review_on it waits for the officer';
COMMENT ON COLUMN legal_hold.ground IS 'in the words of the officer; emptied with the person whom it is about';
COMMENT ON COLUMN legal_hold.from_day IS 'of a kind: the records that came from this day to to_day, in America/Chicago';
CREATE INDEX legal_hold_person ON legal_hold (person_id) WHERE lifted_at IS NULL;
CREATE INDEX legal_hold_submission ON legal_hold (submission_id) WHERE lifted_at IS NULL;
CREATE INDEX legal_hold_kind ON legal_hold (kind) WHERE lifted_at IS NULL;
CREATE TRIGGER legal_hold_stands BEFORE DELETE ON legal_hold
  FOR EACH ROW WHEN (OLD.lifted_at IS NULL) EXECUTE FUNCTION refuse_change();

-- Whether a hold covers a record.
CREATE FUNCTION held(person uuid, submission uuid, kind text, came timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM legal_hold h WHERE h.lifted_at IS NULL AND (h.person_id = $1 OR h.submission_id = $2
    OR h.kind = $3 AND ($4 AT TIME ZONE 'America/Chicago')::date BETWEEN h.from_day AND h.to_day))
$$;

-- Whether a hold covers a person or any record of theirs: then the person can't be emptied.
CREATE FUNCTION person_held(person uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM legal_hold h WHERE h.lifted_at IS NULL AND h.person_id = $1)
    OR EXISTS (SELECT FROM submission s WHERE s.person_id = $1 AND held(s.person_id, s.id, s.kind, s.created_at))
$$;

-- The second fence: whatever code does, what is held is neither deleted nor emptied.
-- +goose StatementBegin
CREATE FUNCTION refuse_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  about uuid;
  stopped boolean;
BEGIN
  IF TG_TABLE_NAME = 'person' THEN
    stopped := person_held(OLD.id);
  ELSIF TG_TABLE_NAME = 'submission' THEN
    stopped := held(OLD.person_id, OLD.id, OLD.kind, OLD.created_at);
  ELSE
    about := OLD.submission_id;
    SELECT held(s.person_id, s.id, s.kind, s.created_at) INTO stopped FROM submission s WHERE s.id = about;
  END IF;
  IF stopped THEN
    RAISE EXCEPTION '%: a legal hold stops %', TG_TABLE_NAME, TG_OP
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'legal_hold';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER person_legal_hold BEFORE UPDATE OF email ON person
  FOR EACH ROW WHEN (NEW.email IS NULL AND OLD.email IS NOT NULL) EXECUTE FUNCTION refuse_held();
CREATE TRIGGER submission_legal_hold BEFORE DELETE ON submission FOR EACH ROW EXECUTE FUNCTION refuse_held();
CREATE TRIGGER answers_legal_hold BEFORE UPDATE OF values OR DELETE ON answers
  FOR EACH ROW EXECUTE FUNCTION refuse_held();
CREATE TRIGGER note_legal_hold BEFORE UPDATE OR DELETE ON note FOR EACH ROW EXECUTE FUNCTION refuse_held();
CREATE TRIGGER reply_legal_hold BEFORE UPDATE OR DELETE ON reply FOR EACH ROW EXECUTE FUNCTION refuse_held();
CREATE TRIGGER file_legal_hold BEFORE UPDATE OF state ON file
  FOR EACH ROW WHEN (OLD.submission_id IS NOT NULL AND NEW.state = 'removed') EXECUTE FUNCTION refuse_held();

-- What the nights deleted: kinds, outcomes and numbers.
CREATE TABLE retention_line (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  outcome text NOT NULL,
  n bigint NOT NULL,
  oldest timestamptz
);
CREATE INDEX retention_line_at ON retention_line (at);

-- Facts are kept for 24 months. Until then nobody deletes them, and nobody ever changes them.
-- +goose StatementBegin
CREATE FUNCTION refuse_young() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.at > now() - interval '24 months' THEN
    RAISE EXCEPTION '% is append-only for 24 months: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN OLD;
END
$$;
-- +goose StatementEnd
DROP TRIGGER audit_event_append_only ON audit_event;
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR TRUNCATE ON audit_event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_event_young BEFORE DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION refuse_young();
DROP TRIGGER submission_event_append_only ON submission_event;
CREATE TRIGGER submission_event_append_only BEFORE UPDATE OR TRUNCATE ON submission_event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER submission_event_young BEFORE DELETE ON submission_event FOR EACH ROW EXECUTE FUNCTION refuse_young();
CREATE INDEX submission_event_time ON submission_event (at);

-- The serving role may not delete facts, but it may ask for the deletion of old ones: at most so many at once, and of
-- submission_event those alone whose record is gone.
CREATE FUNCTION forget_audit_events(before timestamptz, most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH old AS (
    SELECT id FROM audit_event WHERE at < least(before, now() - interval '24 months') ORDER BY at LIMIT most
  ), gone AS (DELETE FROM audit_event e USING old WHERE e.id = old.id RETURNING 1)
  SELECT count(*) FROM gone
$$;
CREATE FUNCTION forget_submission_events(before timestamptz, most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH old AS (
    SELECT id FROM submission_event e WHERE at < least(before, now() - interval '24 months')
      AND NOT EXISTS (SELECT FROM submission s WHERE s.id = e.submission_id)
    ORDER BY at LIMIT most
  ), gone AS (DELETE FROM submission_event e USING old WHERE e.id = old.id RETURNING 1)
  SELECT count(*) FROM gone
$$;
REVOKE EXECUTE ON FUNCTION forget_audit_events(timestamptz, int), forget_submission_events(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_audit_events(timestamptz, int), forget_submission_events(timestamptz, int) TO site_serve;

GRANT SELECT, INSERT, UPDATE, DELETE ON erasure, legal_hold TO site_serve;
GRANT SELECT, INSERT, DELETE ON retention_line TO site_serve;

-- +goose Down
DROP FUNCTION forget_submission_events(timestamptz, int);
DROP FUNCTION forget_audit_events(timestamptz, int);
DROP INDEX submission_event_time;
DROP TRIGGER submission_event_young ON submission_event;
DROP TRIGGER submission_event_append_only ON submission_event;
CREATE TRIGGER submission_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON submission_event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP TRIGGER audit_event_young ON audit_event;
DROP TRIGGER audit_event_append_only ON audit_event;
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP FUNCTION refuse_young();
DROP TABLE retention_line;
DROP TRIGGER file_legal_hold ON file;
DROP TRIGGER reply_legal_hold ON reply;
DROP TRIGGER note_legal_hold ON note;
DROP TRIGGER answers_legal_hold ON answers;
DROP TRIGGER submission_legal_hold ON submission;
DROP TRIGGER person_legal_hold ON person;
DROP FUNCTION refuse_held();
DROP FUNCTION person_held(uuid);
DROP FUNCTION held(uuid, uuid, text, timestamptz);
DROP TABLE legal_hold, erasure;
ALTER TABLE person DROP CONSTRAINT person_digest;
UPDATE person SET address_hmac = '\x' WHERE address_hmac IS NULL;
ALTER TABLE person ALTER COLUMN address_hmac SET NOT NULL;
