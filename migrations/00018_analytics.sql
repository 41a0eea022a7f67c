-- +goose Up
-- compatible: yes
-- Visits, counted without knowing visitors (P-11): one dimension a row, no time finer than the day, nothing that could
-- tell one visitor from another. A schema of its own: nothing in it refers to anything else, nor the other way round.
CREATE SCHEMA analytics;
CREATE TABLE analytics.page_count (
  day date NOT NULL,
  kind text NOT NULL CHECK (kind IN ('page', 'referrer', 'campaign', 'first_week', 'first_campaign')),
  value text NOT NULL CHECK (value <> '' AND length(value) <= 200),
  bot boolean NOT NULL,
  count bigint NOT NULL CHECK (count > 0),
  PRIMARY KEY (day, kind, value, bot),
  -- A referrer is a host, never an address of a page there.
  CHECK (kind <> 'referrer' OR value !~ '[^a-z0-9.-]')
);
COMMENT ON COLUMN analytics.page_count.day IS 'in America/Chicago';

-- The one way out (P-12): whole months, nothing under ten, no totals, each figure rounded down to tens, so that what is
-- left out can't be reckoned from what is there.
CREATE VIEW analytics.figure AS
SELECT date_trunc('month', day)::date AS month, kind, value, bot, (div(sum(count), 10) * 10)::bigint AS n
FROM analytics.page_count
GROUP BY 1, 2, 3, 4
HAVING sum(count) >= 10;

GRANT USAGE ON SCHEMA analytics TO site_serve;
GRANT SELECT, INSERT, DELETE ON analytics.page_count TO site_serve;
GRANT SELECT ON analytics.figure TO site_serve;

-- +goose Down
DROP SCHEMA analytics CASCADE;
