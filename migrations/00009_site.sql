-- +goose Up
-- compatible: yes
-- What the search of the public site finds: the written pages, and the published rows of the rooms. Everything here
-- can be made again from its sources; nothing that a visitor sent is ever in it.
CREATE TABLE search_document (
  path text PRIMARY KEY CHECK (path LIKE '/%'),
  kind text NOT NULL CHECK (kind <> ''),
  title text NOT NULL CHECK (title <> ''),
  summary text NOT NULL DEFAULT '',
  body text NOT NULL DEFAULT '',
  updated_at timestamptz,
  tsv tsvector NOT NULL GENERATED ALWAYS AS (
    setweight(to_tsvector('english', title), 'A') ||
    setweight(to_tsvector('english', summary), 'B') ||
    setweight(to_tsvector('english', body), 'D')) STORED
);
CREATE INDEX search_document_words ON search_document USING gin (tsv);
CREATE INDEX search_document_latest ON search_document (kind, updated_at DESC);

GRANT SELECT, INSERT, UPDATE, DELETE ON search_document TO site_serve;

-- +goose Down
DROP TABLE search_document;
