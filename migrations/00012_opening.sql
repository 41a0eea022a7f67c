-- +goose Up
-- compatible: yes
-- What staff changed in rows that everybody reads (all rooms), and the openings of the careers pages.

CREATE TABLE content_change (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  row_id uuid NOT NULL,
  editor_id uuid REFERENCES account,
  editor_role text NOT NULL,
  action text NOT NULL,
  version int NOT NULL,
  old jsonb NOT NULL,
  new jsonb NOT NULL,
  at timestamptz NOT NULL
);
COMMENT ON COLUMN content_change.version IS 'of the row once the change was made';
COMMENT ON COLUMN content_change.old IS 'the values that differ, as they were; new: as they are since';
CREATE INDEX content_change_row ON content_change (kind, row_id, id DESC);
CREATE INDEX content_change_time ON content_change (at);

CREATE TABLE opening (
  id uuid PRIMARY KEY,
  slug text NOT NULL UNIQUE,
  title text NOT NULL,
  team text NOT NULL,
  place text NOT NULL,
  remote bool NOT NULL,
  employment text NOT NULL CHECK (employment IN ('FULL_TIME', 'PART_TIME', 'CONTRACTOR', 'TEMPORARY', 'INTERN')),
  hours text NOT NULL,
  visa bool NOT NULL,
  salary text NOT NULL,
  closes_on date,
  summary text NOT NULL,
  body text NOT NULL,
  state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'published', 'withdrawn')),
  publish_at timestamptz CHECK (publish_at IS NOT NULL OR state <> 'published'),
  version int NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by uuid REFERENCES account
);
COMMENT ON COLUMN opening.closes_on IS 'last day on which the form takes applications, in America/Chicago; NULL: until filled';
COMMENT ON COLUMN opening.visa IS 'whether we can sponsor a visa, and so whether the form may ask';
COMMENT ON COLUMN opening.hours IS 'the words for employment: "Part time, 24 hours a week"';
CREATE TRIGGER opening_generation AFTER INSERT OR UPDATE OR DELETE ON opening
  FOR EACH STATEMENT EXECUTE FUNCTION bump_generation();

GRANT SELECT, INSERT, DELETE ON content_change TO site_serve;
GRANT SELECT, INSERT, UPDATE, DELETE ON opening TO site_serve;

-- +goose Down
DROP TABLE opening, content_change;
