package main

import (
	"context"
	"testing"
	"time"

	"clickcommerce.com/site/internal/postgres"
)

// concerned is how many people have a record under a version that did not name all of the newest.
const concerned = 10_000

// TestKillWhileTelling kills the site while it tells people of new uses (P-18). Each is told once.
func TestKillWhileTelling(t *testing.T) {
	ctx, dir, address := t.Context(), varDir(t), freeAddress(t)
	p := startSite(t, dir, address) // migrates, and publishes the statements
	killSite(t, p)
	db, err := postgres.Open(ctx, postgres.Config{VarDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	owner, err := db.Admin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := owner.Exec(ctx, collected, concerned); err != nil {
		t.Fatal(err)
	}
	// As an hour after all, who were nobody, were last gone through.
	if _, err := owner.Exec(ctx, `UPDATE telling SET walked_at = '2000-01-01'`); err != nil {
		t.Fatal(err)
	}
	told := func() (n int) {
		if err := db.Pool.QueryRow(ctx, `SELECT count(*) FROM notice`).Scan(&n); err != nil {
			return -1 // the server changes hands
		}
		return n
	}
	p = startSite(t, dir, address)
	first := await(ctx, t, told, 1)
	killSite(t, p)
	if first >= concerned {
		t.Fatal("all were told before the site was killed: that proves nothing")
	}
	p = startSite(t, dir, address)
	await(ctx, t, told, concerned)
	killSite(t, p)
	var people, messages int
	if err := owner.QueryRow(ctx, `
		SELECT count(DISTINCT person_id), count(*) FROM message WHERE template = 'statement-changed'`).Scan(&people, &messages); err != nil {
		t.Fatal(err)
	}
	if people != concerned || messages != concerned {
		t.Errorf("%d messages to %d people, want one to each of %d", messages, people, concerned)
	}
	t.Logf("killed when %d of %d were told; in the end %d messages to %d people", first, concerned, messages, people)
}

// collected stores $1 people, each with a question that was sent under the statement of 2006.
const collected = `
	WITH revision AS (
		INSERT INTO form_revision (digest, kind, fields, wording, lang, created_at)
		VALUES ('\x01', 'contact', '[]', '{}', 'en', now()) RETURNING digest),
	people AS (
		INSERT INTO person (id, email, address_hmac, created_at, verified_at)
		SELECT gen_random_uuid(), 'p' || n || '@example.com', int4send(n), now(), now() FROM generate_series(1, $1) n RETURNING id),
	records AS (
		INSERT INTO submission (id, person_id, kind, status, reference, created_at, status_since, purge_after)
		SELECT gen_random_uuid(), id, 'contact', 'new', id::text, now(), now(), now() + interval '1 year' FROM people RETURNING id)
	INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
	SELECT id, 1, (SELECT digest FROM revision), '2006-12-05', 'en', '{}', now() FROM records`

// await waits until a count has come so far, and returns it.
func await(ctx context.Context, t *testing.T, count func() int, least int) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute) // no faster than mails leave
	defer cancel()
	for ctx.Err() == nil {
		if n := count(); n >= least {
			return n
		}
	}
	t.Fatalf("only %d of %d in time", count(), least)
	return 0
}
