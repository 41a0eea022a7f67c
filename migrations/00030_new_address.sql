-- +goose Up
-- compatible: no
-- A new address waits for its proof whoever its owner is, with an account or without one.

CREATE TABLE new_address (
  person_id uuid PRIMARY KEY REFERENCES person,
  id uuid NOT NULL UNIQUE,
  email text NOT NULL CHECK (email = lower(email)),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
COMMENT ON COLUMN new_address.id IS 'named by the mailed link; a newer request replaces an older one';
INSERT INTO new_address (person_id, id, email, created_at, expires_at)
SELECT a.person_id, c.id, c.email, c.created_at, c.expires_at
FROM connect_address c JOIN account a ON a.id = c.account_id WHERE a.person_id IS NOT NULL;
DROP TABLE connect_address;
GRANT SELECT, INSERT, UPDATE, DELETE ON new_address TO site_serve;

INSERT INTO mail_template (name, purpose) VALUES ('new-address', 'notice'), ('address-moved', 'notice');

-- +goose Down
DELETE FROM message WHERE template IN ('new-address', 'address-moved');
DELETE FROM mail_template WHERE name IN ('new-address', 'address-moved');
CREATE TABLE connect_address (
  account_id uuid PRIMARY KEY REFERENCES account ON DELETE CASCADE,
  id uuid NOT NULL UNIQUE,
  email text NOT NULL CHECK (email = lower(email)),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
COMMENT ON COLUMN connect_address.id IS 'named by the mailed link; a newer request replaces an older one';
INSERT INTO connect_address (account_id, id, email, created_at, expires_at)
SELECT a.id, n.id, n.email, n.created_at, n.expires_at FROM new_address n JOIN account a ON a.person_id = n.person_id;
GRANT SELECT, INSERT, UPDATE, DELETE ON connect_address TO site_serve;
DROP TABLE new_address;
