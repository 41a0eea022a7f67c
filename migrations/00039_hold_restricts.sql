-- +goose Up
-- compatible: yes
-- A legal hold restricts the records that it found: they are kept, and used for nothing but the person's rights, until it
-- is lifted. What its person sends later is held too, and answered.

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

-- +goose Down
CREATE OR REPLACE FUNCTION restricted(person uuid, submission uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM restriction r LEFT JOIN submission s ON s.id = $2
    WHERE r.person_id = $1 AND r.lifted_at IS NULL AND s.kind IS DISTINCT FROM 'privacy'
      AND (r.submission_id = $2 OR r.submission_id IS NULL AND ($2 IS NULL OR s.created_at <= r.placed_at)))
$$;
