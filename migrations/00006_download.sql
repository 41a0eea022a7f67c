-- +goose Up
-- compatible: yes
-- Downloads: what is offered under which licence, its files by version, and who fetched what by which link.

CREATE TABLE licence (
  name text NOT NULL,
  version text NOT NULL,
  body text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, version)
);
COMMENT ON TABLE licence IS 'people accept a version, so its text never changes';
CREATE TRIGGER licence_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON licence
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE download (
  id uuid PRIMARY KEY,
  slug text NOT NULL UNIQUE,
  title text NOT NULL,
  family text NOT NULL DEFAULT '',
  audience text NOT NULL CHECK (audience IN ('public', 'connect')),
  summary text NOT NULL,
  body text NOT NULL,
  licence text NOT NULL,
  licence_version text NOT NULL,
  state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'published', 'withdrawn')),
  publish_at timestamptz CHECK (publish_at IS NOT NULL OR state <> 'published'),
  version int NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by uuid REFERENCES account,
  FOREIGN KEY (licence, licence_version) REFERENCES licence
);
COMMENT ON COLUMN download.family IS 'address of the product page that it belongs to; empty: of no single one';
COMMENT ON COLUMN download.audience IS 'connect: offered in the Clickconnect portal alone';
CREATE TRIGGER download_generation AFTER INSERT OR UPDATE OR DELETE ON download
  FOR EACH STATEMENT EXECUTE FUNCTION bump_generation();

-- The files of a download. The newest that may be opened is the one offered.
CREATE TABLE download_version (
  id uuid PRIMARY KEY,
  download_id uuid NOT NULL REFERENCES download ON DELETE CASCADE,
  version text NOT NULL,
  file_id uuid REFERENCES file ON DELETE SET NULL,
  type text NOT NULL,
  size bigint NOT NULL,
  sha256 text NOT NULL,
  created_at timestamptz NOT NULL,
  UNIQUE (download_id, version)
);
COMMENT ON COLUMN download_version.file_id IS 'NULL once a newer version has taken its place and the contents are deleted';
CREATE TRIGGER download_version_generation AFTER INSERT OR UPDATE OR DELETE ON download_version
  FOR EACH STATEMENT EXECUTE FUNCTION bump_generation();

-- The link that was mailed for a request. A request without a row has its first link, unused.
CREATE TABLE download_link (
  submission_id uuid PRIMARY KEY REFERENCES submission ON DELETE CASCADE,
  serial int NOT NULL,
  issued_at timestamptz NOT NULL,
  uses int NOT NULL DEFAULT 0,
  used_at timestamptz
);
COMMENT ON COLUMN download_link.serial IS 'number of the link that is good; those before it are not';

CREATE TABLE download_use (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  download_id uuid NOT NULL REFERENCES download ON DELETE CASCADE,
  version text NOT NULL,
  licence text NOT NULL,
  licence_version text NOT NULL,
  submission_id uuid REFERENCES submission ON DELETE CASCADE,
  person_id uuid REFERENCES person,
  at timestamptz NOT NULL,
  CHECK (num_nonnulls(submission_id, person_id) = 1)
);
COMMENT ON COLUMN download_use.person_id IS 'who fetched it in the portal; by a mailed link, submission_id tells';
CREATE INDEX download_use_submission ON download_use (submission_id) WHERE submission_id IS NOT NULL;
CREATE INDEX download_use_person ON download_use (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX download_use_download ON download_use (download_id);

INSERT INTO mail_template (name, purpose) VALUES ('download-link', 'service');

GRANT SELECT, INSERT ON licence TO site_serve;
GRANT SELECT, INSERT, UPDATE, DELETE ON download, download_version, download_link, download_use TO site_serve;

-- +goose Down
DELETE FROM message WHERE template = 'download-link';
DELETE FROM mail_template WHERE name = 'download-link';
DROP TABLE download_use, download_link, download_version, download, licence;
