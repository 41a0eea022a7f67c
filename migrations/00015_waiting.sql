-- +goose Up
-- compatible: yes
-- Since when a submission has been in its status, so that what waits for an answer is counted from when it last came
-- back to those who answer.

ALTER TABLE submission ADD COLUMN status_since timestamptz;
COMMENT ON COLUMN submission.status_since IS 'of its latest change of status; NULL: it has the status it came with';

UPDATE submission s SET status_since = e.at
FROM (
  SELECT submission_id, max(at) AS at FROM submission_event WHERE detail ? 'from' AND detail ? 'to' GROUP BY submission_id
) e
WHERE e.submission_id = s.id AND s.decided_at IS NULL;

-- +goose Down
ALTER TABLE submission DROP COLUMN status_since;
