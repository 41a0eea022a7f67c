-- +goose Up
-- compatible: no
-- New uses of old data (P-18). A use that a version adds holds for older records only where the statement calls it
-- compatible with what was said, and then 30 days after the person was told, unless the person objected. Everything else
-- needs a new submission, or consent.

ALTER TABLE statement_use ADD COLUMN compatible text NOT NULL DEFAULT '';
COMMENT ON COLUMN statement_use.compatible IS 'why a use that is new may be made of older data after notice; empty: it may not';
ALTER TABLE statement_use ADD CONSTRAINT statement_use_never_by_notice
  CHECK (compatible = '' OR purpose NOT IN ('survey', 'product_news', 'promotion', 'newsletter'));

ALTER TABLE notice ADD COLUMN message_id uuid, ADD COLUMN queued_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN objected_at timestamptz;
CREATE INDEX notice_undelivered ON notice (message_id) WHERE delivered_at IS NULL;
CREATE INDEX submission_kind_person ON submission (kind, person_id);

INSERT INTO mail_template (name, purpose) VALUES ('statement-changed', 'notice');

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION may_send(m message) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  who person;
  about text;
BEGIN
  IF m.purpose = 'internal' THEN
    RETURN CASE WHEN m.person_id IS NOT NULL THEN 'an internal message goes to no person' END;
  END IF;
  IF m.person_id IS NULL THEN
    RETURN CASE WHEN m.purpose <> 'account' THEN 'a message of this purpose needs a person' END;
  END IF;
  SELECT * INTO who FROM person WHERE id = m.person_id;
  IF who.erased_at IS NOT NULL THEN
    RETURN 'the person was erased';
  END IF;
  IF m.purpose IN ('survey', 'product_news', 'promotion', 'newsletter') THEN
    IF m.channel = 'email' AND m.address IS DISTINCT FROM who.email THEN
      RETURN 'the address is not the person''s';
    END IF;
    IF NOT EXISTS (SELECT FROM consent c WHERE c.person_id = m.person_id AND c.purpose = m.purpose
        AND c.channel = m.channel AND c.in_force) THEN
      RETURN format('no consent in force for %s by %s', m.purpose, m.channel);
    END IF;
    RETURN NULL;
  END IF;
  IF m.purpose = 'service' AND m.submission_id IS NOT NULL THEN
    SELECT s.kind INTO about FROM submission s WHERE s.id = m.submission_id;
    IF NOT EXISTS (SELECT FROM statement_use u
        WHERE u.version = m.basis AND u.activity = about AND u.purpose = m.purpose)
      AND NOT EXISTS (SELECT FROM notice n JOIN statement_use u ON u.version = n.version
        WHERE n.person_id = m.person_id AND n.objected_at IS NULL AND n.delivered_at <= m.created_at - interval '30 days'
          AND u.activity = about AND u.purpose = m.purpose AND u.compatible <> '') THEN
      RETURN format('statement %s names no %s mail about %s', coalesce(m.basis, '(none)'), m.purpose, about);
    END IF;
  END IF;
  RETURN NULL;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION may_send(m message) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  who person;
  about text;
BEGIN
  IF m.purpose = 'internal' THEN
    RETURN CASE WHEN m.person_id IS NOT NULL THEN 'an internal message goes to no person' END;
  END IF;
  IF m.person_id IS NULL THEN
    RETURN CASE WHEN m.purpose <> 'account' THEN 'a message of this purpose needs a person' END;
  END IF;
  SELECT * INTO who FROM person WHERE id = m.person_id;
  IF who.erased_at IS NOT NULL THEN
    RETURN 'the person was erased';
  END IF;
  IF m.purpose IN ('survey', 'product_news', 'promotion', 'newsletter') THEN
    IF m.channel = 'email' AND m.address IS DISTINCT FROM who.email THEN
      RETURN 'the address is not the person''s';
    END IF;
    IF NOT EXISTS (SELECT FROM consent c WHERE c.person_id = m.person_id AND c.purpose = m.purpose
        AND c.channel = m.channel AND c.in_force) THEN
      RETURN format('no consent in force for %s by %s', m.purpose, m.channel);
    END IF;
    RETURN NULL;
  END IF;
  IF m.purpose = 'service' AND m.submission_id IS NOT NULL THEN
    SELECT s.kind INTO about FROM submission s WHERE s.id = m.submission_id;
    IF NOT EXISTS (SELECT FROM statement_use u
        WHERE u.version = m.basis AND u.activity = about AND u.purpose = m.purpose)
      AND NOT EXISTS (SELECT FROM notice n JOIN statement_use u ON u.version = n.version
        WHERE n.person_id = m.person_id AND n.delivered_at IS NOT NULL
          AND u.activity = about AND u.purpose = m.purpose) THEN
      RETURN format('statement %s names no %s mail about %s', coalesce(m.basis, '(none)'), m.purpose, about);
    END IF;
  END IF;
  RETURN NULL;
END
$$;
-- +goose StatementEnd
DELETE FROM message WHERE template = 'statement-changed';
DELETE FROM mail_template WHERE name = 'statement-changed';
DROP INDEX submission_kind_person;
ALTER TABLE notice DROP COLUMN objected_at, DROP COLUMN queued_at, DROP COLUMN message_id;
ALTER TABLE statement_use DROP COLUMN compatible;
