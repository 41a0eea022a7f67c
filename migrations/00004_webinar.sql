-- +goose Up
-- compatible: yes
-- Webinars and events. A registration is a submission; its status says whether it holds a seat. The row of the webinar
-- is the lock under which seats are given and freed.

CREATE TABLE webinar (
  id uuid PRIMARY KEY,
  slug text NOT NULL UNIQUE,
  title text NOT NULL,
  summary text NOT NULL,
  body text NOT NULL,
  speakers text NOT NULL DEFAULT '',
  starts_local timestamp NOT NULL,
  zone text NOT NULL,
  minutes int NOT NULL CHECK (minutes BETWEEN 5 AND 1440),
  capacity int NOT NULL CHECK (capacity BETWEEN 1 AND 100000),
  reserved int NOT NULL DEFAULT 0 CHECK (reserved >= 0 AND reserved <= capacity),
  place text NOT NULL DEFAULT '',
  join_url text NOT NULL DEFAULT '',
  recording text NOT NULL DEFAULT '',
  captions jsonb NOT NULL DEFAULT '[]',
  transcript text NOT NULL DEFAULT '',
  sequence int NOT NULL DEFAULT 0,
  moved_at timestamptz,
  cancelled_at timestamptz,
  cancel_reason text NOT NULL DEFAULT '',
  state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'published', 'withdrawn')),
  publish_at timestamptz CHECK (publish_at IS NOT NULL OR state <> 'published'),
  version int NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by uuid REFERENCES account,
  CONSTRAINT webinar_somewhere CHECK (place <> '' OR join_url <> '')
);
COMMENT ON COLUMN webinar.starts_local IS 'what the clock in the zone shows; the instant is derived from both, by the time zone rules of the day';
COMMENT ON COLUMN webinar.zone IS 'IANA name';
COMMENT ON COLUMN webinar.reserved IS 'seats given outside this site: speakers, guests, by telephone';
COMMENT ON COLUMN webinar.place IS 'postal address, a line each; empty: online only';
COMMENT ON COLUMN webinar.recording IS 'name of a film, see package film; empty: none';
COMMENT ON COLUMN webinar.sequence IS 'raised by every move and by the cancellation; calendars take the highest';
CREATE INDEX webinar_start ON webinar (starts_local);
CREATE TRIGGER webinar_generation AFTER INSERT OR UPDATE OR DELETE ON webinar
  FOR EACH STATEMENT EXECUTE FUNCTION bump_generation();

-- What was mailed about a registration beside the answer to it: each kind once.
CREATE TABLE webinar_mailing (
  submission_id uuid NOT NULL REFERENCES submission ON DELETE CASCADE,
  kind text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (submission_id, kind)
);

INSERT INTO mail_template (name, purpose) VALUES
  ('webinar-registered', 'service'), ('webinar-waiting', 'service'), ('webinar-again', 'service'),
  ('webinar-seat', 'service'), ('webinar-moved', 'service'), ('webinar-cancelled', 'service'),
  ('webinar-reminder', 'service'), ('webinar-recording', 'service');

GRANT SELECT, INSERT, UPDATE, DELETE ON webinar TO site_serve;
GRANT SELECT, INSERT, DELETE ON webinar_mailing TO site_serve;

-- +goose Down
DELETE FROM message WHERE template LIKE 'webinar-%';
DELETE FROM mail_template WHERE name LIKE 'webinar-%';
DROP TABLE webinar_mailing, webinar;
