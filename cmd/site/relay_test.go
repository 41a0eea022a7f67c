package main

import (
	"testing"

	"github.com/google/uuid"
)

// TestRelay holds that a server elsewhere is taken for another company's: it gets no letter about a record of which no statement
// named a company, as none did in 2006. This machine's own gets it.
func TestRelay(t *testing.T) {
	t.Parallel()
	in := newInstall(t)
	for setting, want := range map[string]string{
		"SMTP_URL=": "sent",
		"SMTP_URL=smtp://127.0.0.1:1?starttls=off":         "queued: the mail server could not be reached: connect: connection refused",
		"SMTP_URL=smtp://smtp.example.com:25?starttls=off": "withheld: no statement that its person read names a company that carries our mail",
	} {
		id := oldLetter(t, in)
		_ = in.open(t, setting).mail.Drain(t.Context()) // nobody answers on the second
		var got string
		if err := in.pool.QueryRow(t.Context(), `SELECT concat_ws(': ', state, last_error) FROM message WHERE id = $1`, id).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %q, want %q; %v", setting, got, want, err)
		}
	}
}

// oldLetter queues a letter about a demonstration asked for in 2006.
func oldLetter(t *testing.T, in install) uuid.UUID {
	t.Helper()
	id := uuid.New()
	for _, sql := range []string{
		`INSERT INTO person (id, email, address_hmac, created_at) VALUES ($1::uuid, $1::uuid::text || '@example.com', $1::uuid::text::bytea, now())`,
		`INSERT INTO form_revision (digest, kind, fields, wording, lang, created_at)
			SELECT $1::uuid::text::bytea, 'demo', '[]', '{}', 'en', now()`,
		`INSERT INTO submission (id, person_id, kind, status, reference, created_at, purge_after)
			VALUES ($1, $1, 'demo', 'new', '', now(), now() + interval '1 year')`,
		`INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
			VALUES ($1::uuid, 1, $1::uuid::text::bytea, '2006-12-05', 'en', '{}', now())`,
		`INSERT INTO message (id, person_id, submission_id, purpose, template, basis, address, data, next_at, created_at)
			VALUES ($1::uuid, $1, $1, 'service', 'letter', '2006-12-05', $1::uuid::text || '@example.com',
				'{"Subject": "Words", "Paragraphs": ["Hi."]}', now(), now())`,
	} {
		if _, err := in.pool.Exec(t.Context(), sql, id); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	return id
}
