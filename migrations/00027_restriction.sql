-- +goose Up
-- compatible: yes
-- Restriction of processing: what it covers is kept, and used for nothing but the person's rights, until it is lifted.

CREATE TABLE restriction (
  id uuid PRIMARY KEY,
  person_id uuid NOT NULL REFERENCES person,
  submission_id uuid REFERENCES submission ON DELETE CASCADE,
  ground text NOT NULL CHECK (ground IN ('wish', 'accuracy', 'unlawful', 'claim', 'objection')),
  officer_id uuid REFERENCES account,
  placed_at timestamptz NOT NULL,
  lifted_at timestamptz,
  lifted_by uuid REFERENCES account
);
COMMENT ON COLUMN restriction.submission_id IS 'NULL: all that came from the person until placed_at, and all that was agreed to';
COMMENT ON COLUMN restriction.officer_id IS 'NULL: the person placed it; likewise lifted_by';
CREATE UNIQUE INDEX restriction_standing ON restriction (person_id, submission_id) NULLS NOT DISTINCT WHERE lifted_at IS NULL;

-- Whether a restriction covers a record, or with NULL what a person agreed to. A request about rights is never covered.
CREATE FUNCTION restricted(person uuid, submission uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM restriction r LEFT JOIN submission s ON s.id = $2
    WHERE r.person_id = $1 AND r.lifted_at IS NULL AND s.kind IS DISTINCT FROM 'privacy'
      AND (r.submission_id = $2 OR r.submission_id IS NULL AND ($2 IS NULL OR s.created_at <= r.placed_at)))
$$;

-- Why a restriction keeps a message from being sent; NULL where none does. The code by which a person opens their own record
-- is theirs whatever is restricted.
CREATE FUNCTION restrained(m message) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT 'the use of the data is restricted' WHERE CASE
    WHEN m.person_id IS NULL OR m.template = 'code' THEN false
    WHEN m.purpose IN ('survey', 'product_news', 'promotion', 'newsletter') THEN restricted(m.person_id, NULL)
    WHEN m.purpose = 'service' AND m.submission_id IS NOT NULL THEN restricted(m.person_id, m.submission_id)
    ELSE false END
$$;

-- Such a message is stored as withheld instead of being refused, so that one person's restriction stops no work for others.
-- +goose StatementBegin
CREATE FUNCTION withhold_restricted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  reason text := restrained(NEW);
BEGIN
  IF reason IS NOT NULL THEN
    NEW.state := 'withheld';
    NEW.last_error := reason;
  END IF;
  RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER message_restricted BEFORE INSERT ON message FOR EACH ROW EXECUTE FUNCTION withhold_restricted();

GRANT SELECT, INSERT, UPDATE, DELETE ON restriction TO site_serve;

-- +goose Down
DROP TRIGGER message_restricted ON message;
DROP FUNCTION withhold_restricted();
DROP FUNCTION restrained(message);
DROP FUNCTION restricted(uuid, uuid);
DROP TABLE restriction;
