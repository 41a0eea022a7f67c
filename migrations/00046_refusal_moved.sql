-- +goose Up
-- compatible: yes
-- The journal of refusals says whose an address is, for as long as it is theirs: a database that is restored from before the
-- address was changed refuses by the earlier one too. So what stands refused is entered once more when an address changes or
-- its person is emptied, after which nobody is named.

-- +goose StatementBegin
CREATE FUNCTION refusals_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO refusal_change (address_hmac, purpose, channel)
  SELECT address_hmac, purpose, channel FROM suppression WHERE address_hmac IN (OLD.address_hmac, NEW.address_hmac);
  RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER person_refusals_moved AFTER UPDATE OF address_hmac ON person
  FOR EACH ROW WHEN (OLD.address_hmac IS DISTINCT FROM NEW.address_hmac) EXECUTE FUNCTION refusals_moved();

-- What the journal has by now names nobody yet.
INSERT INTO refusal_change (address_hmac, purpose, channel)
SELECT address_hmac, purpose, channel FROM suppression JOIN person USING (address_hmac);

-- +goose Down
DROP TRIGGER person_refusals_moved ON person;
DROP FUNCTION refusals_moved();
