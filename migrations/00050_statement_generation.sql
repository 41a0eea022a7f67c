-- +goose Up
-- compatible: yes
-- A published statement makes the pages of every instance old, as other published content does: also where it was
-- published by a command beside them.

CREATE TRIGGER statement_version_generation AFTER INSERT ON statement_version
  FOR EACH STATEMENT EXECUTE FUNCTION bump_generation();

-- +goose Down
DROP TRIGGER statement_version_generation ON statement_version;
