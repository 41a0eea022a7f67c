-- +goose Up
-- compatible: yes
-- A confirmation proves what the link was mailed for and what came before it, not what was added to the chain since.
-- An earlier program names no entry and means all that there is.

ALTER TABLE confirmation ALTER COLUMN seq DROP DEFAULT;
COMMENT ON COLUMN confirmation.seq IS 'the last entry of the person''s chain that it proves';

-- +goose StatementBegin
CREATE FUNCTION confirmation_bound() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  NEW.seq := least(NEW.seq, coalesce((SELECT seq FROM consent_head WHERE person_id = NEW.person_id), 0));
  RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE OR REPLACE TRIGGER confirmation_order BEFORE INSERT ON confirmation FOR EACH ROW EXECUTE FUNCTION confirmation_bound();

-- +goose Down
CREATE OR REPLACE TRIGGER confirmation_order BEFORE INSERT ON confirmation FOR EACH ROW EXECUTE FUNCTION confirmation_order();
DROP FUNCTION confirmation_bound();
ALTER TABLE confirmation ALTER COLUMN seq SET DEFAULT 0;
COMMENT ON COLUMN confirmation.seq IS 'the last entry of the person''s chain at that moment';
