-- +goose Up
-- compatible: yes
-- Whose password, authenticator or recovery codes were changed is told by mail: it may have been somebody else.

INSERT INTO mail_template (name, purpose) VALUES ('account-changed', 'account');

-- +goose Down
DELETE FROM message WHERE template = 'account-changed';
DELETE FROM mail_template WHERE name = 'account-changed';
