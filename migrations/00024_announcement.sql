-- +goose Up
-- compatible: no
-- What marketers announce to those who agreed to it (P-6): newsletter, news of products, promotion, surveys. Whom it
-- reaches is nowhere in these rows: the view contactable says that, batch by batch, when it is sent.

CREATE TABLE announcement (
  id uuid PRIMARY KEY,
  purpose text NOT NULL CHECK (purpose IN ('survey', 'product_news', 'promotion', 'newsletter')),
  channel text NOT NULL CHECK (channel IN ('email', 'phone', 'post')),
  subject text NOT NULL CHECK (subject <> ''),
  body text NOT NULL CHECK (body <> ''),
  agreed_from date,
  agreed_to date,
  domain text NOT NULL DEFAULT '',
  state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'scheduled', 'sending', 'paused', 'stopped', 'sent')),
  send_at timestamptz,
  slug text UNIQUE,
  reached uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  queued bigint NOT NULL DEFAULT 0,
  started_at timestamptz,
  ended_at timestamptz,
  list_until timestamptz,
  version int NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL,
  updated_by uuid REFERENCES account,
  CONSTRAINT announcement_send_at CHECK (state <> 'scheduled' OR send_at IS NOT NULL),
  CONSTRAINT announcement_list CHECK (list_until IS NULL OR channel <> 'email')
);
COMMENT ON COLUMN announcement.slug IS 'of the public page of a newsletter issue, from when its sending begins';
COMMENT ON COLUMN announcement.reached IS 'everybody up to this person has a message; moves in the transaction that writes them';
COMMENT ON COLUMN announcement.list_until IS 'of calls and letters: until when the list may be fetched';
CREATE INDEX announcement_open ON announcement (state) WHERE state IN ('scheduled', 'sending');
CREATE INDEX announcement_newest ON announcement (updated_at DESC);
CREATE INDEX announcement_issue ON announcement (started_at DESC) WHERE slug IS NOT NULL;

-- Not with every batch of a sending, which no page shows.
CREATE TRIGGER announcement_generation AFTER INSERT OR DELETE OR UPDATE OF state, slug, subject, body ON announcement
  FOR EACH STATEMENT EXECUTE FUNCTION bump_generation();

GRANT SELECT, INSERT, UPDATE ON announcement TO site_serve;

INSERT INTO mail_template (name, purpose) VALUES
  ('newsletter', 'newsletter'), ('product-news', 'product_news'), ('promotion', 'promotion'), ('survey-invitation', 'survey'),
  ('announcement-test', 'internal');

-- +goose Down
DELETE FROM message WHERE template IN ('newsletter', 'product-news', 'promotion', 'survey-invitation', 'announcement-test');
DELETE FROM mail_template WHERE name IN ('newsletter', 'product-news', 'promotion', 'survey-invitation', 'announcement-test');
DROP TABLE announcement;
