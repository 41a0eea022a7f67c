-- +goose Up
-- compatible: yes
-- Mail that goes to very many at once leaves after all that answers somebody.

ALTER TABLE message ADD COLUMN bulk boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN message.bulk IS 'one of very many: claimed only while nothing else is due';
UPDATE message SET bulk = true WHERE state = 'queued' AND (template = 'statement-changed' OR needs_consent(purpose));

DROP INDEX message_due;
CREATE INDEX message_due ON message (bulk, next_at) WHERE state = 'queued';

-- +goose Down
DROP INDEX message_due;
CREATE INDEX message_due ON message (next_at) WHERE state = 'queued';
ALTER TABLE message DROP COLUMN bulk;
