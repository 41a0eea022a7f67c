-- +goose Up
-- compatible: yes
-- What is held, what may be used and whose ledger is closed is asked by the role that serves, and by rules in its name.
-- Everybody else has no business with it: the role of marketing reads one view and stores messages, nothing else.

REVOKE EXECUTE ON FUNCTION held(uuid, uuid), held(uuid, uuid, text, timestamptz), person_held(uuid),
  may_use(uuid, text, text, text, timestamptz), may_hand_over(message, timestamptz), consent_closed(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION held(uuid, uuid), held(uuid, uuid, text, timestamptz), person_held(uuid),
  may_use(uuid, text, text, text, timestamptz), may_hand_over(message, timestamptz), consent_closed(uuid, timestamptz) TO site_serve;
-- The function by which it deletes closed chains, and the rule that checks the tombstones, ask in this role's name.
GRANT EXECUTE ON FUNCTION consent_closed(uuid, timestamptz) TO site_ledger;

-- +goose Down
REVOKE EXECUTE ON FUNCTION consent_closed(uuid, timestamptz) FROM site_ledger;
REVOKE EXECUTE ON FUNCTION held(uuid, uuid), held(uuid, uuid, text, timestamptz), person_held(uuid),
  may_use(uuid, text, text, text, timestamptz), may_hand_over(message, timestamptz), consent_closed(uuid, timestamptz) FROM site_serve;
GRANT EXECUTE ON FUNCTION held(uuid, uuid), held(uuid, uuid, text, timestamptz), person_held(uuid),
  may_use(uuid, text, text, text, timestamptz), may_hand_over(message, timestamptz), consent_closed(uuid, timestamptz) TO PUBLIC;
