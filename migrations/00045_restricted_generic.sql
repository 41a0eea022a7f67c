-- +goose Up
-- compatible: yes
-- Whether a person as a whole is restricted is asked for each message that rests on consent, and for each person of an
-- audience. Each time a plan of its own was made, since the one without a record looks cheaper than one for all: that took
-- thirty times as long as to look. Whoever replaces the function says this again.

ALTER FUNCTION restricted(uuid, uuid) SET plan_cache_mode = force_generic_plan;

-- +goose Down
ALTER FUNCTION restricted(uuid, uuid) RESET plan_cache_mode;
