-- +goose Up
-- compatible: yes
-- What is set apart is deleted by its thirtieth day at the latest, whatever happens to it meanwhile, and once restored it is
-- kept as long as it would have been: the day on which it would be deleted otherwise stands beside the day on which it is.

ALTER TABLE submission ADD kept_after date;
COMMENT ON COLUMN submission.kept_after IS 'while it is set apart: the day of deletion that it has again once it is restored';

-- What is set apart already: its day until then, unless its sender ended it or a later step moved the day.
UPDATE submission s SET kept_after = CASE
  WHEN s.status = 'withdrawn' OR s.purge_after > (s.quarantined_at + interval '31 days')::date
    OR EXISTS (SELECT FROM submission_event e WHERE e.submission_id = s.id AND e.kind = 'erased') THEN s.purge_after
  ELSE coalesce((SELECT (e.detail ->> 'kept')::date FROM submission_event e
    WHERE e.submission_id = s.id AND e.kind = 'quarantined' ORDER BY e.id DESC LIMIT 1), s.purge_after) END
WHERE s.quarantined_at IS NOT NULL;

-- +goose StatementBegin
CREATE FUNCTION submission_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.quarantined_at IS NULL THEN
    NEW.kept_after := NULL;
  ELSIF OLD.quarantined_at IS NULL THEN
    NEW.kept_after := OLD.purge_after;
  ELSIF OLD.kept_after IS NOT NULL OR NEW.purge_after <> OLD.purge_after THEN
    -- The day is written, be it the same one: what leaves it as it is writes kept_after again. Where that is unknown, since an
    -- older program stored what was set apart as it came, it stays so.
    NEW.kept_after := NEW.purge_after;
    NEW.purge_after := least(OLD.purge_after, NEW.purge_after);
  END IF;
  RETURN NEW;
END
$$;
-- +goose StatementEnd
-- By its name it comes after submission_kept, which bounds the day by what the statement allows.
CREATE TRIGGER submission_kept_apart BEFORE UPDATE OF purge_after, quarantined_at ON submission
  FOR EACH ROW WHEN (OLD.quarantined_at IS NOT NULL OR NEW.quarantined_at IS NOT NULL) EXECUTE FUNCTION submission_apart();

-- +goose Down
DROP TRIGGER submission_kept_apart ON submission;
DROP FUNCTION submission_apart();
ALTER TABLE submission DROP COLUMN kept_after;
