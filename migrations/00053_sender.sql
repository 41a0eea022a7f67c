-- +goose Up
-- compatible: yes
-- What can be sent twice (digest) was sent by somebody: what comes while its sender is erased finds nobody, and is refused
-- here, to be stored once more for a person of its own.

SET LOCAL lock_timeout = '5s';
ALTER TABLE submission ADD CONSTRAINT submission_sender CHECK (digest IS NULL OR person_id IS NOT NULL) NOT VALID;

-- +goose Down
ALTER TABLE submission DROP CONSTRAINT submission_sender;
