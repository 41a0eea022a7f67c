-- +goose Up
-- compatible: yes
-- When all who are to be told of a version of the statement were last gone through: with a million people that is not done
-- every few minutes, nor by the check that it is done.

CREATE TABLE telling (
  version text PRIMARY KEY REFERENCES statement_version,
  walked_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON telling TO site_serve;

-- +goose Down
DROP TABLE telling;
