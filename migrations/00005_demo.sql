-- +goose Up
-- compatible: yes
-- Product demonstrations: a film each, and what a live hour shows.

CREATE TABLE demo (
  id uuid PRIMARY KEY,
  slug text NOT NULL UNIQUE,
  title text NOT NULL,
  family text NOT NULL,
  summary text NOT NULL,
  body text NOT NULL,
  minutes_live int NOT NULL CHECK (minutes_live > 0),
  film text NOT NULL,
  chapters jsonb NOT NULL,
  captions jsonb NOT NULL,
  transcript text NOT NULL,
  state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'published', 'withdrawn')),
  publish_at timestamptz CHECK (publish_at IS NOT NULL OR state <> 'published'),
  version int NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by uuid REFERENCES account
);
COMMENT ON COLUMN demo.family IS 'address of the product page that it belongs to';
COMMENT ON COLUMN demo.film IS 'name of a film under web/content/film; its length is the end of the last caption';
COMMENT ON COLUMN demo.chapters IS 'list of at (seconds), title and scene';
COMMENT ON COLUMN demo.captions IS 'list of from and to (seconds) and text';
CREATE TRIGGER demo_generation AFTER INSERT OR UPDATE OR DELETE ON demo
  FOR EACH STATEMENT EXECUTE FUNCTION bump_generation();

GRANT SELECT, INSERT, UPDATE, DELETE ON demo TO site_serve;

-- +goose Down
DROP TABLE demo;
