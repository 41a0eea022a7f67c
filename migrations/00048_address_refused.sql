-- +goose Up
-- compatible: yes
-- Who writes or calls to be left alone may do so from an address that is nobody's here. Staff record that refusal by the
-- digest of the address alone; beside it stands how the wish reached us and who took it, which leave with it when it is lifted.

ALTER TABLE suppression ADD COLUMN way text CHECK (way IN ('phone', 'mail', 'post', 'met')), ADD COLUMN officer_id uuid,
  ADD CONSTRAINT suppression_taken CHECK ((way IS NULL) = (officer_id IS NULL));
COMMENT ON COLUMN suppression.way IS 'how the wish reached staff, where the address was nobody''s; NULL: it was made otherwise';

-- +goose Down
ALTER TABLE suppression DROP COLUMN way, DROP COLUMN officer_id;
