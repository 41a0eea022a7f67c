-- +goose Up
-- compatible: yes
-- What a sender does on the receipt: opens its contents by a mailed code, and writes to us about the request.

CREATE TABLE receipt_code (
  submission_id uuid PRIMARY KEY REFERENCES submission ON DELETE CASCADE,
  hash bytea NOT NULL,
  created_at timestamptz NOT NULL,
  attempts int NOT NULL DEFAULT 0
);
COMMENT ON COLUMN receipt_code.hash IS 'HMAC of the code; a new code replaces the one before';

CREATE TABLE reply (
  id uuid PRIMARY KEY,
  submission_id uuid NOT NULL REFERENCES submission ON DELETE CASCADE,
  body text NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX reply_of ON reply (submission_id, created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON receipt_code, reply TO site_serve;

-- +goose Down
DROP TABLE reply, receipt_code;
