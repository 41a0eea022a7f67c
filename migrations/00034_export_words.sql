-- +goose Up
-- compatible: no
-- Why a list left is chosen from a list; what is written beside it may name somebody, and stands where an erasure reaches it.

CREATE TABLE export_words (
  export_id uuid PRIMARY KEY REFERENCES export ON DELETE CASCADE,
  body text NOT NULL CHECK (body <> '')
);
COMMENT ON TABLE export_words IS 'deleted once somebody in the list, or named in it, is erased';

INSERT INTO export_words (export_id, body) SELECT id, reason FROM export;
ALTER TABLE export DISABLE TRIGGER export_append_only;
UPDATE export SET reason = 'other';
ALTER TABLE export ENABLE TRIGGER export_append_only;
ALTER TABLE export DROP CONSTRAINT export_reason_check,
  ADD CONSTRAINT export_reason CHECK (reason IN ('write', 'work', 'event', 'check', 'demand', 'announcement', 'other'));
COMMENT ON COLUMN export.reason IS 'one of a list, never a person''s words: those stand in export_words';

GRANT SELECT, INSERT, DELETE ON export_words TO site_serve;

-- +goose Down
ALTER TABLE export DROP CONSTRAINT export_reason, ADD CONSTRAINT export_reason_check CHECK (reason <> '');
ALTER TABLE export DISABLE TRIGGER export_append_only;
UPDATE export e SET reason = w.body FROM export_words w WHERE w.export_id = e.id;
ALTER TABLE export ENABLE TRIGGER export_append_only;
DROP TABLE export_words;
