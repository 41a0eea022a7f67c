-- +goose Up
-- compatible: yes
-- A mail that leaves by the relay of another company is handed over: address and words lie there. Each version that names a
-- company for a kind of record names it for the service of it; a newsletter takes the same way as a letter.

-- +goose StatementBegin
CREATE FUNCTION may_hand_over(m message, at timestamptz) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  reason CONSTANT text := 'no statement that its person read names a company that carries our mail';
BEGIN
  -- Whoever is to be told of a change can be told in no other way, and whoever is just signing in or asks for a code waits
  -- for it under the statement of today.
  IF m.purpose IN ('notice', 'account') OR m.template = 'code' THEN
    RETURN NULL;
  END IF;
  IF needs_consent(m.purpose) THEN
    RETURN CASE WHEN NOT EXISTS (SELECT FROM consent c
      JOIN statement_use u ON u.version = c.statement_version AND u.recipient = 'processor' AND names_data(u.data, 'email address')
      WHERE c.person_id = m.person_id AND c.purpose = m.purpose AND c.channel = m.channel) THEN reason END;
  END IF;
  -- Without a record it answers what was just done behind a mailed link, or tells staff of nobody. The mail to an inbox goes to
  -- staff and names a sender.
  IF m.submission_id IS NULL OR may_use(m.submission_id, 'service', 'processor',
      CASE WHEN m.person_id IS NULL THEN 'name' ELSE 'email address' END, at) THEN
    RETURN NULL;
  END IF;
  RETURN reason;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION may_hand_over IS 'why a message may not leave by the relay of another company; NULL: it may';

-- +goose Down
DROP FUNCTION may_hand_over;
