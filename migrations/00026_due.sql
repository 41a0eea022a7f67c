-- +goose Up
-- compatible: yes
-- The law counts a month from the day of the request, not from the latest change of its status: what was answered and is
-- asked again begins anew on the day on which it came back.

ALTER TABLE submission ADD COLUMN reopened_at timestamptz;
COMMENT ON COLUMN submission.reopened_at IS 'when its sender''s answer opened it again, the last time; NULL: never';

UPDATE submission s SET reopened_at = e.at
FROM (
  SELECT submission_id, max(at) AS at FROM submission_event
  WHERE kind = 'moved' AND actor_role = 'sender' AND detail ->> 'from' = 'answered' GROUP BY submission_id
) e
WHERE e.submission_id = s.id;

-- +goose Down
ALTER TABLE submission DROP COLUMN reopened_at;
