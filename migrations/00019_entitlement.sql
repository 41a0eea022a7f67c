-- +goose Up
-- compatible: yes
-- What an access opens is chosen by staff. For those that stand it is what their owners had asked for until now.

ALTER TABLE access_term ADD COLUMN families text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN access_term.families IS 'product families that staff opened to the account';

UPDATE access_term t SET families = coalesce((
  SELECT array_agg(DISTINCT f.family ORDER BY f.family)
  FROM account a
  JOIN submission s ON s.person_id = a.person_id AND s.kind = 'access' AND s.status IN ('approved', 'active')
  CROSS JOIN LATERAL (SELECT values FROM answers WHERE submission_id = s.id ORDER BY version DESC LIMIT 1) n
  CROSS JOIN LATERAL jsonb_array_elements_text(n.values -> 'products') AS f (family)
  WHERE a.id = t.account_id), '{}');

-- +goose Down
ALTER TABLE access_term DROP COLUMN families;
