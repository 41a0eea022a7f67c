-- +goose Up
-- compatible: yes
-- A correction says who wrote it, and who approved the disclosure: not always two people, where the approver completes what a
-- colleague entered. So the second pair of eyes is measured against who entered the demand at first, against who wrote a version
-- in good faith that another approved, and against who corrects wherever the approval was not there before. (An earlier
-- program that names the first colleague as the approver of another's correction is refused.)

ALTER TABLE disclosure DROP CONSTRAINT disclosure_good_faith, ADD CONSTRAINT disclosure_good_faith
  CHECK (ground <> 'good faith' OR (approved_by IS NOT NULL AND (version > 1 OR approved_by <> entered_by)));
COMMENT ON COLUMN disclosure.entered_by IS 'who wrote this version: of a later one, who corrected';

-- +goose StatementBegin
CREATE FUNCTION disclosure_approved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  before disclosure;
BEGIN
  SELECT * INTO before FROM disclosure d WHERE d.entry = NEW.entry AND d.version = NEW.version - 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'disclosure: version % corrects nothing', NEW.version USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.ground = 'good faith' AND (
      NEW.approved_by IN (SELECT d.entered_by FROM disclosure d WHERE d.entry = NEW.entry AND d.version < NEW.version
        AND (d.version = 1 OR d.ground = 'good faith' AND d.approved_by <> d.entered_by))
      OR NEW.approved_by = NEW.entered_by AND (before.ground <> 'good faith' OR before.approved_by <> NEW.approved_by)) THEN
    RAISE EXCEPTION 'disclosure: nobody approves what they entered themselves'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'disclosure_good_faith';
  END IF;
  RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER disclosure_approved BEFORE INSERT ON disclosure FOR EACH ROW WHEN (NEW.version > 1)
  EXECUTE FUNCTION disclosure_approved();

-- +goose Down
-- What an approver corrected stays as it is: the earlier rule holds for what comes.
DROP TRIGGER disclosure_approved ON disclosure;
DROP FUNCTION disclosure_approved();
ALTER TABLE disclosure DROP CONSTRAINT disclosure_good_faith, ADD CONSTRAINT disclosure_good_faith
  CHECK (ground <> 'good faith' OR (approved_by IS NOT NULL AND approved_by <> entered_by)) NOT VALID;
COMMENT ON COLUMN disclosure.entered_by IS NULL;
