-- +goose Up
-- compatible: yes
-- Whether a message is restrained is asked at each sending: a function in SQL was planned anew for each, which cost more than
-- all the rest of it. These say the same, and keep their plans.

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION restricted(person uuid, submission uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT FROM restriction r LEFT JOIN submission s ON s.id = $2
    WHERE r.person_id = $1 AND r.lifted_at IS NULL AND s.kind IS DISTINCT FROM 'privacy'
      AND (r.submission_id = $2 OR r.submission_id IS NULL AND ($2 IS NULL OR s.created_at <= r.placed_at)))
    OR EXISTS (SELECT FROM legal_hold h JOIN submission s ON s.id = $2
      WHERE h.lifted_at IS NULL AND s.kind <> 'privacy' AND s.created_at <= h.placed_at
        AND (h.person_id = s.person_id OR h.submission_id = s.id
          OR h.kind = s.kind AND company_day(s.created_at) BETWEEN h.from_day AND h.to_day));
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION restrained(m message) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  reason CONSTANT text := 'the use of the data is restricted';
BEGIN
  RETURN CASE
    WHEN m.person_id IS NULL OR m.template = 'code' THEN NULL
    WHEN needs_consent(m.purpose) AND restricted(m.person_id, NULL) THEN reason
    WHEN m.purpose = 'service' AND m.submission_id IS NOT NULL AND restricted(m.person_id, m.submission_id) THEN reason
  END;
END
$$;
-- +goose StatementEnd

-- +goose Down
CREATE OR REPLACE FUNCTION restricted(person uuid, submission uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM restriction r LEFT JOIN submission s ON s.id = $2
    WHERE r.person_id = $1 AND r.lifted_at IS NULL AND s.kind IS DISTINCT FROM 'privacy'
      AND (r.submission_id = $2 OR r.submission_id IS NULL AND ($2 IS NULL OR s.created_at <= r.placed_at)))
    OR EXISTS (SELECT FROM legal_hold h JOIN submission s ON s.id = $2
      WHERE h.lifted_at IS NULL AND s.kind <> 'privacy' AND s.created_at <= h.placed_at
        AND (h.person_id = s.person_id OR h.submission_id = s.id
          OR h.kind = s.kind AND company_day(s.created_at) BETWEEN h.from_day AND h.to_day))
$$;

CREATE OR REPLACE FUNCTION restrained(m message) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT 'the use of the data is restricted' WHERE CASE
    WHEN m.person_id IS NULL OR m.template = 'code' THEN false
    WHEN m.purpose IN ('survey', 'product_news', 'promotion', 'newsletter') THEN restricted(m.person_id, NULL)
    WHEN m.purpose = 'service' AND m.submission_id IS NOT NULL THEN restricted(m.person_id, m.submission_id)
    ELSE false END
$$;
