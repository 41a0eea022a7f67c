-- +goose Up
-- compatible: yes
-- News, as marketers write them. Who wrote an item is told by role, never by name.

CREATE TABLE news (
  id uuid PRIMARY KEY,
  slug text NOT NULL UNIQUE,
  title text NOT NULL,
  summary text NOT NULL,
  body text NOT NULL,
  author text NOT NULL DEFAULT 'marketing' CHECK (author IN ('marketing', 'products', 'privacy', 'management')),
  corrected_at timestamptz,
  state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'published', 'withdrawn')),
  publish_at timestamptz CHECK (publish_at IS NOT NULL OR state <> 'published'),
  version int NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by uuid REFERENCES account
);
COMMENT ON COLUMN news.corrected_at IS 'when the words were last changed after they had become public; NULL: never';
CREATE INDEX news_newest ON news (publish_at DESC, id DESC) WHERE state = 'published';
CREATE TRIGGER news_generation AFTER INSERT OR UPDATE OR DELETE ON news
  FOR EACH STATEMENT EXECUTE FUNCTION bump_generation();

GRANT SELECT, INSERT, UPDATE, DELETE ON news TO site_serve;

-- +goose Down
DROP TABLE news;
