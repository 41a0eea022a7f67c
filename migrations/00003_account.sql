-- +goose Up
-- compatible: yes
-- Who signs in: staff and customers, how they prove it, and the computers they are signed in on.

CREATE TABLE account (
  id uuid PRIMARY KEY,
  email text NOT NULL UNIQUE CHECK (email = lower(email)),
  person_id uuid UNIQUE REFERENCES person,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('staff', 'connect')),
  password_hash text,
  totp_secret bytea,
  totp_confirmed_at timestamptz,
  totp_last_step bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  last_sign_in_at timestamptz,
  disabled_at timestamptz,
  expires_at timestamptz,
  CHECK ((totp_secret IS NULL) = (totp_confirmed_at IS NULL)),
  CHECK (kind = 'staff' OR totp_secret IS NULL),
  CHECK (kind = 'connect' OR (expires_at IS NULL AND person_id IS NULL))
);
COMMENT ON COLUMN account.password_hash IS 'PHC string (argon2id); NULL until the invited sets a password';
COMMENT ON COLUMN account.totp_secret IS 'wrapped by the file key';
COMMENT ON COLUMN account.totp_last_step IS 'the 30-second step of the last code accepted: no code counts twice';
COMMENT ON COLUMN account.expires_at IS 'end of a customer''s access';

CREATE TABLE account_role (
  account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  role text NOT NULL CHECK (role IN ('reviewer', 'recruiter', 'alliance', 'marketer', 'privacy', 'admin')),
  PRIMARY KEY (account_id, role)
);

CREATE TABLE recovery_code (
  account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  hash bytea NOT NULL,
  used_at timestamptz,
  PRIMARY KEY (account_id, hash)
);
COMMENT ON COLUMN recovery_code.hash IS 'keyed digest: the codes are too short to be safe under a plain hash';

-- A computer that keeps a customer signed in (P-14): a series whose token changes each time it opens a session.
CREATE TABLE device (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  token_hash bytea NOT NULL,
  previous_hash bytea,
  rotated_at timestamptz NOT NULL,
  presented_at timestamptz,
  label text NOT NULL,
  created_at timestamptz NOT NULL,
  last_used_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);
COMMENT ON COLUMN device.presented_at IS 'when the token of token_hash first came back; until then the previous one is good';
COMMENT ON COLUMN device.label IS 'the words for browser and system, nothing that tells two computers of one make apart';
CREATE INDEX device_account ON device (account_id);

CREATE TABLE session (
  id uuid PRIMARY KEY,
  secret_hash bytea NOT NULL,
  account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  device_id uuid REFERENCES device ON DELETE CASCADE,
  label text NOT NULL,
  created_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  totp_at timestamptz,
  remembered bool NOT NULL DEFAULT false,
  reauth_at timestamptz
);
COMMENT ON COLUMN session.secret_hash IS 'SHA-256 of the secret in the cookie';
COMMENT ON COLUMN session.reauth_at IS 'when the password was last given in this session; NULL when a remembered computer opened it';
CREATE INDEX session_account ON session (account_id);
CREATE INDEX session_device ON session (device_id) WHERE device_id IS NOT NULL;
CREATE INDEX session_expires ON session (expires_at);

-- A mailed link that lets the owner of an address set a password, once.
CREATE TABLE account_link (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('invite', 'reset')),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX account_link_account ON account_link (account_id);

-- Tries within the last hour, by keyed digest of the account or the client: no address is kept.
CREATE TABLE sign_in_attempt (
  scope text NOT NULL,
  digest bytea NOT NULL,
  tries int NOT NULL,
  last_at timestamptz NOT NULL,
  next_at timestamptz NOT NULL,
  PRIMARY KEY (scope, digest)
);
CREATE INDEX sign_in_attempt_last ON sign_in_attempt (last_at);

ALTER TABLE submission ADD CONSTRAINT submission_assignee FOREIGN KEY (assignee_id) REFERENCES account;
ALTER TABLE note ADD CONSTRAINT note_author FOREIGN KEY (author_id) REFERENCES account;

INSERT INTO mail_template (name, purpose) VALUES
  ('invite', 'account'), ('reset', 'account'), ('device-ended', 'account'), ('address-changed', 'account');

GRANT SELECT, INSERT, UPDATE, DELETE ON account, account_role, recovery_code, device, session, account_link,
  sign_in_attempt TO site_serve;

-- +goose Down
DELETE FROM message WHERE template IN ('invite', 'reset', 'device-ended', 'address-changed');
DELETE FROM mail_template WHERE name IN ('invite', 'reset', 'device-ended', 'address-changed');
ALTER TABLE note DROP CONSTRAINT note_author;
ALTER TABLE submission DROP CONSTRAINT submission_assignee;
DROP TABLE sign_in_attempt, account_link, session, device, recovery_code, account_role, account;
