-- +goose Up
-- compatible: yes
-- A legal hold covers more than records: what was written of misuse, the words of mails, and the account of a person of whom
-- everything is held.

-- Whether a hold covers what is kept of a person as a whole, or of one of their records.
CREATE FUNCTION held(person uuid, submission uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM legal_hold h WHERE h.person_id = $1 AND h.lifted_at IS NULL)
    OR EXISTS (SELECT FROM submission s WHERE s.id = $2 AND held(s.person_id, s.id, s.kind, s.created_at))
$$;

-- The second fence: whatever code does, what is held is neither deleted nor emptied.
-- +goose StatementBegin
CREATE FUNCTION refuse_held_about() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF held(OLD.person_id, OLD.submission_id) THEN
    RAISE EXCEPTION '%: a legal hold stops %', TG_TABLE_NAME, TG_OP
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'legal_hold';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER misuse_legal_hold BEFORE UPDATE OF evidence OR DELETE ON misuse FOR EACH ROW EXECUTE FUNCTION refuse_held_about();
CREATE TRIGGER message_legal_hold BEFORE DELETE ON message FOR EACH ROW EXECUTE FUNCTION refuse_held_about();
-- A secret leaves with the mail that carries it, and what is stopped before it was sent said nothing to anybody.
CREATE TRIGGER message_words_legal_hold BEFORE UPDATE OF data ON message
  FOR EACH ROW WHEN (OLD.state <> 'queued' AND NEW.data IS DISTINCT FROM OLD.data) EXECUTE FUNCTION refuse_held_about();
CREATE TRIGGER account_legal_hold BEFORE DELETE ON account
  FOR EACH ROW WHEN (OLD.person_id IS NOT NULL) EXECUTE FUNCTION refuse_held_point();

-- +goose Down
DROP TRIGGER account_legal_hold ON account;
DROP TRIGGER message_words_legal_hold ON message;
DROP TRIGGER message_legal_hold ON message;
DROP TRIGGER misuse_legal_hold ON misuse;
DROP FUNCTION refuse_held_about();
DROP FUNCTION held(uuid, uuid);
