-- +goose Up
-- compatible: yes
-- What is refused, or agreed to again, is brought to the journal beside the uploads too: a database that is restored from a
-- backup learns by it what was refused since. No address is in it.

-- Refusals that came or went and are still to be entered there. What one says now stands in suppression.
CREATE TABLE refusal_change (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  address_hmac bytea NOT NULL,
  purpose text NOT NULL,
  channel text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refusal_change_of ON refusal_change (address_hmac);

-- +goose StatementBegin
CREATE FUNCTION refusal_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  r suppression := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
BEGIN
  INSERT INTO refusal_change (address_hmac, purpose, channel) VALUES (r.address_hmac, r.purpose, r.channel);
  RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER refusal_changed AFTER INSERT OR DELETE ON suppression FOR EACH ROW EXECUTE FUNCTION refusal_changed();

-- The name of a refusal in the journal.
CREATE FUNCTION refusal_name(address_hmac bytea, purpose text, channel text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT encode(address_hmac, 'hex') || '-' || replace(purpose, '_', '-') || '-' || channel
$$;

INSERT INTO refusal_change (address_hmac, purpose, channel) SELECT address_hmac, purpose, channel FROM suppression;

GRANT SELECT, DELETE ON refusal_change TO site_serve;

-- +goose Down
DROP FUNCTION refusal_name(bytea, text, text);
DROP TRIGGER refusal_changed ON suppression;
DROP FUNCTION refusal_changed();
DROP TABLE refusal_change;
