-- +goose Up
-- compatible: yes
-- Which addresses a person had before, by digest alone: what is written about an old address later is still about them, and
-- is erased with them.

CREATE TABLE former_address (
  address_hmac bytea NOT NULL,
  person_id uuid NOT NULL REFERENCES person,
  PRIMARY KEY (address_hmac, person_id)
);
CREATE INDEX former_address_of ON former_address (person_id);

-- What was demanded about an address of which nothing was held is about whoever takes a new one in its place.
-- +goose StatementBegin
CREATE FUNCTION address_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO former_address (address_hmac, person_id) VALUES (OLD.address_hmac, OLD.id) ON CONFLICT DO NOTHING;
  DELETE FROM former_address WHERE person_id = NEW.id AND address_hmac = NEW.address_hmac;
  UPDATE disclosure_person SET person_id = NEW.id, address = NULL WHERE address = OLD.email;
  RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER person_address_moved AFTER UPDATE OF email ON person
  FOR EACH ROW WHEN (OLD.email <> NEW.email) EXECUTE FUNCTION address_moved();

GRANT SELECT, DELETE ON former_address TO site_serve;

-- +goose Down
DROP TRIGGER person_address_moved ON person;
DROP FUNCTION address_moved();
DROP TABLE former_address;
