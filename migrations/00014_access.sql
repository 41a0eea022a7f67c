-- +goose Up
-- compatible: yes
-- Access to Clickconnect: which end of a term its owner was told of, and new addresses that wait for confirmation.

CREATE TABLE access_term (
  account_id uuid PRIMARY KEY REFERENCES account ON DELETE CASCADE,
  warned_for timestamptz
);
COMMENT ON COLUMN access_term.warned_for IS 'the end of the term that the owner knows of; another one is told again';

CREATE TABLE connect_address (
  account_id uuid PRIMARY KEY REFERENCES account ON DELETE CASCADE,
  id uuid NOT NULL UNIQUE,
  email text NOT NULL CHECK (email = lower(email)),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
COMMENT ON COLUMN connect_address.id IS 'named by the mailed link; a newer request replaces an older one';

INSERT INTO mail_template (name, purpose) VALUES
  ('access-renewed', 'account'), ('access-ending', 'account'), ('access-ended', 'account'), ('address-confirm', 'account');

GRANT SELECT, INSERT, UPDATE, DELETE ON access_term, connect_address TO site_serve;

-- +goose Down
DELETE FROM message WHERE template IN ('access-renewed', 'access-ending', 'access-ended', 'address-confirm');
DELETE FROM mail_template WHERE name IN ('access-renewed', 'access-ending', 'access-ended', 'address-confirm');
DROP TABLE connect_address, access_term;
