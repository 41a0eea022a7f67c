-- +goose Up
-- compatible: yes
-- Seals over the ledger of consents as a whole. Each person's chain shows a change within it, but not that its end was cut
-- off together with its head; a seal over all events up to a number does.

ALTER TABLE consent_event ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY;
CREATE UNIQUE INDEX consent_event_id ON consent_event (id);

CREATE TABLE consent_checkpoint (
  upto bigint PRIMARY KEY,
  events bigint NOT NULL,
  digest bytea NOT NULL,
  at timestamptz NOT NULL
);
COMMENT ON COLUMN consent_checkpoint.digest IS 'over the digest before and the hashes of the events since, in the order of their ids';
CREATE TRIGGER consent_checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON consent_checkpoint TO site_serve;

-- +goose Down
DROP TABLE consent_checkpoint;
ALTER TABLE consent_event DROP COLUMN id;
