-- +goose Up
-- compatible: yes
-- Uploads: what was sent, where its encrypted contents lie, and whether anyone may open it.

CREATE TABLE file (
  id uuid PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('staged', 'attached', 'removed')),
  submission_id uuid REFERENCES submission ON DELETE SET NULL,
  holder text,
  holder_id uuid,
  field text NOT NULL,
  name text NOT NULL,
  media_type text NOT NULL,
  size bigint NOT NULL CHECK (size > 0),
  sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
  blob text,
  key bytea,
  scan text NOT NULL CHECK (scan IN ('pending', 'clean', 'infected', 'unscanned', 'error')),
  scan_signature text,
  scan_attempts int NOT NULL DEFAULT 0,
  scan_next_at timestamptz NOT NULL,
  scanned_at timestamptz,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  CONSTRAINT file_held_once CHECK (submission_id IS NULL OR holder IS NULL),
  CONSTRAINT file_holder_whole CHECK ((holder IS NULL) = (holder_id IS NULL)),
  CONSTRAINT file_staged_expires CHECK ((state = 'staged') = (expires_at IS NOT NULL)),
  CONSTRAINT file_loose_unless_attached CHECK (state = 'attached' OR (submission_id IS NULL AND holder IS NULL)),
  CONSTRAINT file_readable CHECK (state = 'removed' OR scan = 'infected' OR (blob IS NOT NULL AND key IS NOT NULL)),
  CONSTRAINT file_shredded CHECK (key IS NULL OR (state <> 'removed' AND scan <> 'infected'))
);
COMMENT ON COLUMN file.key IS 'the key of these contents, wrapped; without it they cannot be read even where the blob still lies';
COMMENT ON COLUMN file.blob IS 'random name of the encrypted contents; NULL once they are deleted; rows of one upload sent twice share it';
COMMENT ON COLUMN file.holder IS 'the room that keeps the file, where that is not a submission';
COMMENT ON COLUMN file.name IS 'display name, cleaned; never used as a path; emptied on removal';
CREATE INDEX file_submission ON file (submission_id) WHERE submission_id IS NOT NULL;
CREATE INDEX file_holder ON file (holder, holder_id) WHERE holder IS NOT NULL;
CREATE INDEX file_blob ON file (blob) WHERE blob IS NOT NULL;
CREATE INDEX file_to_scan ON file (scan_next_at) WHERE scan IN ('pending', 'unscanned');
CREATE INDEX file_expiring ON file (expires_at) WHERE state = 'staged';
CREATE INDEX file_to_delete ON file (id) WHERE state = 'removed' OR (scan = 'infected' AND blob IS NOT NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON file TO site_serve;

-- +goose Down
DROP TABLE file;
