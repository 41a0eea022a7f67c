package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/submission"
)

// Checks are those of what ends: an erasure and the time for which something is kept.
func (r *Retainer) Checks() []Check {
	return []Check{
		{
			Promise: "A-2", Name: "An erasure leaves no word of a person and no address.", Run: r.checkErasure,
			Remove: Removal{SQL: `
				CREATE FUNCTION keep_words() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
				CREATE TRIGGER keep_words BEFORE UPDATE ON answers FOR EACH ROW EXECUTE FUNCTION keep_words()`},
		},
		{
			Promise: "A-2", Name: "No erasure waits for longer than a day, unless a legal hold stops it.", Run: r.checkWaiting,
			Remove: Removal{SQL: `
				INSERT INTO person (id, email, address_hmac, created_at) VALUES (gen_random_uuid(), 'waits@check.invalid', '\x01', now());
				INSERT INTO erasure (id, person_id, asked_at)
				SELECT gen_random_uuid(), id, '2000-01-01' FROM person WHERE email = 'waits@check.invalid'`},
		},
		{
			Promise: "A-2", Name: "What a legal hold covers can be neither deleted nor emptied.", Run: r.checkFence,
			Remove: Removal{SQL: `DROP TRIGGER answers_legal_hold ON answers`},
			Also:   []Removal{{SQL: `DROP TRIGGER message_words_legal_hold ON message`}},
		},
		{
			Promise: "A-4", Name: "The night deletes what is past its day, and nothing else.", Run: r.checkPurge,
			Remove: Removal{SQL: `REVOKE DELETE ON submission FROM site_serve`},
		},
		{
			Promise: "A-4", Name: "No record is left two days past its day.", Run: r.checkOverdue,
			Remove: Removal{SQL: `
				INSERT INTO submission (id, kind, status, reference, created_at, purge_after)
				VALUES (gen_random_uuid(), 'contact', 'new', '', now(), '2000-01-01')`},
		},
	}
}

// rehearse runs fn for a person made up for it, with one record in their own words, and takes everything back.
func (r *Retainer) rehearse(ctx context.Context, purge time.Time, fn func(tx pgx.Tx, who, record uuid.UUID) error) error {
	tx, err := r.desk.Pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	statement, err := r.desk.Statements.InForce()
	if err != nil {
		return err
	}
	a, now := r.desk.Activities()[0], r.desk.Now()
	who, record := uuid.New(), uuid.New()
	b := &pgx.Batch{}
	r.desk.People.Add(b, who, who.String()+"@check.invalid", now)
	b.Queue(`
		INSERT INTO submission (id, person_id, kind, status, reference, name, search, created_at, purge_after)
		VALUES ($1, $2, $3, $4, '', 'A name', to_tsvector('simple', 'words'), $5, $6)`,
		record, who, a.Kind, a.First(), now, purge.Format(time.DateOnly))
	b.Queue(`
		INSERT INTO form_revision (digest, kind, fields, wording, lang, created_at) VALUES ($1, $2, '[]', '{}', 'en', $3)`,
		record[:], a.Kind, now)
	b.Queue(`
		INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
		VALUES ($1, 1, $2, $3, 'en', '{"name": ["A name"]}', $4)`, record, record[:], statement.ID, now)
	b.Queue(`INSERT INTO reply (id, submission_id, body, created_at) VALUES ($1, $1, 'Words.', $2)`, record, now)
	b.Queue(`
		INSERT INTO message (id, person_id, submission_id, purpose, template, address, next_at, created_at)
		VALUES ($1, $2, $1, 'conduct', 'conduct', $3, $4, $4)`, record, who, who.String()+"@check.invalid", now)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	return fn(tx, who, record)
}

// checkErasure erases the person of a rehearsal and looks for what is left.
func (r *Retainer) checkErasure(ctx context.Context) error {
	return r.rehearse(ctx, r.today(), func(tx pgx.Tx, who, _ uuid.UUID) error {
		if _, err := r.eraser.empty(ctx, tx, erasing{Person: uuid.NullUUID{UUID: who, Valid: true}, AskedAt: r.desk.Now()}); err != nil {
			return fmt.Errorf("erase: %w", err)
		}
		var left []string
		err := tx.QueryRow(ctx, `
			SELECT array_remove(ARRAY[
				(SELECT 'the address' FROM person WHERE id = $1 AND (email IS NOT NULL OR address_hmac IS NOT NULL)),
				(SELECT 'a name' FROM submission WHERE person_id = $1 AND (name <> '' OR search IS NOT NULL)),
				(SELECT 'answers' FROM answers a JOIN submission s ON s.id = a.submission_id WHERE s.person_id = $1 AND a.values <> '{}'),
				(SELECT 'replies' FROM reply p JOIN submission s ON s.id = p.submission_id WHERE s.person_id = $1),
				(SELECT 'mail' FROM message WHERE person_id = $1)], NULL)`, who).Scan(&left)
		if err != nil {
			return fmt.Errorf("look for what is left: %w", err)
		}
		if len(left) > 0 {
			return fmt.Errorf("after an erasure there are still %v", left)
		}
		return nil
	})
}

func (r *Retainer) checkWaiting(ctx context.Context) error {
	var n int
	if err := r.desk.Pool.QueryRow(ctx, `
		SELECT count(*) FROM erasure WHERE done_at IS NULL AND asked_at < $1 AND NOT person_held(person_id)`,
		r.desk.Now().Add(-24*time.Hour)).Scan(&n); err != nil {
		return fmt.Errorf("read erasures: %w", err)
	}
	if n > 0 {
		return fmt.Errorf("%d erasures wait", n)
	}
	return nil
}

// checkFence looks at the triggers by which the database itself keeps what is held.
func (r *Retainer) checkFence(ctx context.Context) error {
	var missing []string
	err := r.desk.Pool.QueryRow(ctx, `
		SELECT coalesce(array_agg(t.name), '{}') FROM unnest($1::text[]) AS t (name)
		WHERE NOT EXISTS (SELECT FROM pg_trigger g JOIN pg_proc f ON f.oid = g.tgfoid
			WHERE g.tgname = t.name || '_legal_hold' AND f.proname LIKE 'refuse\_held%' AND g.tgenabled IN ('O', 'A'))`,
		[]string{
			"person", "submission", "answers", "note", "reply", "file", "contact_point", "misuse", "message", "message_words", "account",
		}).Scan(&missing)
	if err != nil {
		return fmt.Errorf("read triggers: %w", err)
	}
	if len(missing) > 0 {
		return fmt.Errorf("no fence stands around %v", missing)
	}
	return nil
}

// checkPurge lets the night come over a record that is past its day, and over one whose day is today.
func (r *Retainer) checkPurge(ctx context.Context) error {
	today, first := r.today(), time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)
	err := r.rehearse(ctx, first, func(tx pgx.Tx, _, record uuid.UUID) error {
		gone, err := r.desk.Store.Purge(ctx, tx, today, submission.Due{}, 1)
		if err == nil && (len(gone) != 1 || gone[0].ID != record) {
			err = errors.New("a record that is past its day is not deleted")
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.rehearse(ctx, today, func(tx pgx.Tx, _, _ uuid.UUID) error {
		gone, err := r.desk.Store.Purge(ctx, tx, today, submission.Due{Day: today.AddDate(0, 0, -1), ID: uuid.Max}, 1)
		if err == nil && len(gone) > 0 {
			err = errors.New("a record is deleted before its day is over")
		}
		return err
	})
}

func (r *Retainer) checkOverdue(ctx context.Context) error {
	var n int
	if err := r.desk.Pool.QueryRow(ctx, `
		SELECT count(*) FROM submission s WHERE `+submission.DueBefore, r.today().AddDate(0, 0, -2).Format(time.DateOnly)).Scan(&n); err != nil {
		return fmt.Errorf("read records past their day: %w", err)
	}
	if n > 0 {
		return fmt.Errorf("%d records are past their day", n)
	}
	return nil
}
