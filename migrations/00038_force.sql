-- +goose Up
-- compatible: yes
-- A notice of an older version opens no use that the version in force rests on consent, and for no longer than that says.

-- The uses that may be made of a record at a time.
CREATE OR REPLACE FUNCTION uses_of(record uuid, at timestamptz) RETURNS SETOF statement_use LANGUAGE sql STABLE AS $$
  -- Its sender read of it.
  SELECT u.version, u.activity, u.purpose, u.data, u.recipient, u.retention, u.basis, u.compatible
  FROM collected r
  JOIN statement_use u ON u.version = r.version AND u.activity = r.kind AND NOT needs_consent(u.purpose)
  WHERE r.submission_id = record
UNION ALL
  -- Its sender agreed, by a way that a consent opens alone: an address does not give away a number.
  SELECT u.version, u.activity, u.purpose, ARRAY(SELECT d FROM unnest(u.data) d
      WHERE d NOT IN ('email address', 'phone number', 'postal address')
        OR d = CASE c.channel WHEN 'email' THEN 'email address' WHEN 'phone' THEN 'phone number' ELSE 'postal address' END),
    u.recipient, u.retention, u.basis, u.compatible
  FROM collected r
  JOIN consent c ON c.person_id = r.person_id AND c.in_force
  JOIN statement_use u ON u.version = c.statement_version AND u.activity = r.kind AND u.purpose = c.purpose
  WHERE r.submission_id = record
UNION ALL
  -- Its sender was told: the version in force still says so, and no objection to a change of this use was pressed.
  SELECT u.version, u.activity, u.purpose, ARRAY(SELECT unnest(u.data) INTERSECT SELECT unnest(f.data)), u.recipient,
    CASE WHEN longest_span(u.retention) IS NULL OR longest_span(f.retention) < longest_span(u.retention)
      THEN f.retention ELSE u.retention END,
    u.basis, u.compatible
  FROM collected r
  JOIN notice n ON n.person_id = r.person_id AND n.kind = r.kind
    AND n.objected_at IS NULL AND n.delivered_at <= at - interval '30 days'
  JOIN statement_version v ON v.id = n.version AND v.effective_on <= company_day(at)
  JOIN statement_use u ON u.version = n.version AND u.activity = r.kind AND u.compatible <> '' AND NOT needs_consent(u.purpose)
  JOIN statement_use f ON f.activity = u.activity AND f.purpose = u.purpose AND f.recipient = u.recipient
    AND f.basis NOT LIKE '%consent%'
    AND f.version = (SELECT id FROM statement_version WHERE effective_on <= company_day(at)
      ORDER BY effective_on DESC, id DESC LIMIT 1)
  LEFT JOIN statement_use own ON own.version = r.version AND own.activity = u.activity AND own.purpose = u.purpose
    AND own.recipient = u.recipient
  WHERE r.submission_id = record AND coalesce(own.basis, '') NOT LIKE '%consent%'
    AND NOT EXISTS (SELECT FROM notice o
      JOIN statement_use w ON w.version = o.version AND w.activity = u.activity AND w.purpose = u.purpose AND w.recipient = u.recipient
      WHERE o.person_id = r.person_id AND o.kind = r.kind AND o.objected_at IS NOT NULL
        AND (own.version IS NULL OR NOT w.data <@ own.data OR w.retention <> own.retention OR w.basis <> own.basis))
$$;

-- +goose Down
CREATE OR REPLACE FUNCTION uses_of(record uuid, at timestamptz) RETURNS SETOF statement_use LANGUAGE sql STABLE AS $$
  -- Its sender read of it.
  SELECT u.version, u.activity, u.purpose, u.data, u.recipient, u.retention, u.basis, u.compatible
  FROM collected r
  JOIN statement_use u ON u.version = r.version AND u.activity = r.kind AND NOT needs_consent(u.purpose)
  WHERE r.submission_id = record
UNION ALL
  -- Its sender agreed, by a way that a consent opens alone: an address does not give away a number.
  SELECT u.version, u.activity, u.purpose, ARRAY(SELECT d FROM unnest(u.data) d
      WHERE d NOT IN ('email address', 'phone number', 'postal address')
        OR d = CASE c.channel WHEN 'email' THEN 'email address' WHEN 'phone' THEN 'phone number' ELSE 'postal address' END),
    u.recipient, u.retention, u.basis, u.compatible
  FROM collected r
  JOIN consent c ON c.person_id = r.person_id AND c.in_force
  JOIN statement_use u ON u.version = c.statement_version AND u.activity = r.kind AND u.purpose = c.purpose
  WHERE r.submission_id = record
UNION ALL
  -- Its sender was told: the version in force still says so, and no objection to a change of this use was pressed.
  SELECT u.version, u.activity, u.purpose, ARRAY(SELECT unnest(u.data) INTERSECT SELECT unnest(f.data)),
    u.recipient, u.retention, u.basis, u.compatible
  FROM collected r
  JOIN notice n ON n.person_id = r.person_id AND n.kind = r.kind
    AND n.objected_at IS NULL AND n.delivered_at <= at - interval '30 days'
  JOIN statement_version v ON v.id = n.version AND v.effective_on <= company_day(at)
  JOIN statement_use u ON u.version = n.version AND u.activity = r.kind AND u.compatible <> '' AND NOT needs_consent(u.purpose)
  JOIN statement_use f ON f.activity = u.activity AND f.purpose = u.purpose AND f.recipient = u.recipient
    AND f.version = (SELECT id FROM statement_version WHERE effective_on <= company_day(at)
      ORDER BY effective_on DESC, id DESC LIMIT 1)
  LEFT JOIN statement_use own ON own.version = r.version AND own.activity = u.activity AND own.purpose = u.purpose
    AND own.recipient = u.recipient
  WHERE r.submission_id = record AND coalesce(own.basis, '') NOT LIKE '%consent%'
    AND NOT EXISTS (SELECT FROM notice o
      JOIN statement_use w ON w.version = o.version AND w.activity = u.activity AND w.purpose = u.purpose AND w.recipient = u.recipient
      WHERE o.person_id = r.person_id AND o.kind = r.kind AND o.objected_at IS NOT NULL
        AND (own.version IS NULL OR NOT w.data <@ own.data OR w.retention <> own.retention OR w.basis <> own.basis))
$$;
