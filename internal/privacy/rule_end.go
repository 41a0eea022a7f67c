package privacy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

// Checks are those of what ends: an erasure and the time for which something is kept.
func (r *Retainer) Checks() []Check {
	return []Check{
		{
			Promise: "P-7", Name: "What was refused outlives an erasure, and holds whatever is imported under the address afterwards.",
			Run: r.checkRefusalStands,
			Remove: Removal{SQL: `
				CREATE FUNCTION forget_refusals() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
					DELETE FROM suppression WHERE address_hmac = OLD.address_hmac; RETURN NULL; END $$;
				CREATE TRIGGER forget_refusals AFTER UPDATE ON person FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION forget_refusals()`},
			Also: []Removal{
				{SQL: `
					CREATE FUNCTION keep_none() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
					CREATE TRIGGER keep_none BEFORE INSERT ON suppression FOR EACH ROW WHEN (NEW.way IS NOT NULL) EXECUTE FUNCTION keep_none()`},
				unbound("s.address_hmac = p.address_hmac", "false"), lister("s.address_hmac = p.address_hmac", "false"),
			},
		},
		{
			Promise: "A-2", Name: "An erasure leaves no word of a person and no address.", Run: r.checkErasure,
			Remove: Removal{SQL: `
				CREATE FUNCTION keep_words() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
				CREATE TRIGGER keep_words BEFORE UPDATE ON answers FOR EACH ROW EXECUTE FUNCTION keep_words()`},
			Also: []Removal{
				keeping("DELETE", "note"), keeping("DELETE", "reply"), keeping("DELETE", "contact_point"), keeping("UPDATE", "file"),
			},
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
			Also: []Removal{
				{SQL: `DROP TRIGGER message_words_legal_hold ON message`},
				{SQL: `DROP TRIGGER legal_hold_stands ON legal_hold`},
				{SQL: `DROP TRIGGER submission_legal_hold ON submission`},
				letting("refuse_held()", "IF stopped"), letting("refuse_held_about()", "IF held("),
				letting("refuse_held_point()", "IF EXISTS ("),
				{SQL: redefined(`pg_get_functiondef('held(uuid, uuid, text, timestamptz)'::regprocedure)`, "h.kind = $3", "false")},
				{SQL: redefined(`pg_get_functiondef('person_held(uuid)'::regprocedure)`, "s.person_id = $1", "false")},
			},
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

// rehearse runs fn for a person made up for it, with one record in their own words, and takes everything back. The record
// came before all that a legal hold covers, which would rightly stop what is rehearsed.
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
		VALUES ($1, $2, $3, $4, '', 'A name', to_tsvector('simple', 'words'), least($5::timestamptz, (
			SELECT min(from_day) - 2 FROM legal_hold WHERE lifted_at IS NULL)::timestamptz), $6)`,
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

// erase empties the person of a rehearsal, of whom no hold keeps anything.
func (r *Retainer) erase(ctx context.Context, tx pgx.Tx, who uuid.UUID) error {
	heldBack, err := r.eraser.empty(ctx, tx, erasing{Person: uuid.NullUUID{UUID: who, Valid: true}, AskedAt: r.desk.Now()})
	if err == nil && heldBack > 0 {
		err = fmt.Errorf("a legal hold keeps %d records of nobody real", heldBack)
	}
	if err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	return nil
}

// checkErasure erases the person of a rehearsal and looks for what is left.
func (r *Retainer) checkErasure(ctx context.Context) error {
	return r.rehearse(ctx, r.today(), func(tx pgx.Tx, who, record uuid.UUID) error {
		if err := r.keepMore(ctx, tx, who, record); err != nil {
			return err
		}
		if err := r.erase(ctx, tx, who); err != nil {
			return err
		}
		var left []string
		err := tx.QueryRow(ctx, `
			SELECT array_remove(ARRAY[
				(SELECT 'the address' FROM person WHERE id = $1 AND (email IS NOT NULL OR address_hmac IS NOT NULL)),
				(SELECT 'a name' FROM submission WHERE person_id = $1 AND (name <> '' OR search <> to_tsvector('simple', reference))),
				(SELECT 'answers' FROM answers a JOIN submission s ON s.id = a.submission_id WHERE s.person_id = $1 AND a.values <> '{}'),
				(SELECT 'replies' FROM reply p JOIN submission s ON s.id = p.submission_id WHERE s.person_id = $1),
				(SELECT 'mail' FROM message WHERE person_id = $1),
				(SELECT 'notes' FROM note WHERE submission_id = $2),
				(SELECT 'files' FROM file WHERE id = $2 AND (state <> 'removed' OR key IS NOT NULL OR name <> '')),
				(SELECT 'a postal address' FROM contact_point WHERE person_id = $1)], NULL)`, who, record).Scan(&left)
		if err != nil {
			return fmt.Errorf("look for what is left: %w", err)
		}
		if len(left) > 0 {
			return fmt.Errorf("after an erasure there are still %v", left)
		}
		return nil
	})
}

// checkRefusalStands refuses as the person of a rehearsal, and for an address that is nobody's. It erases the person, imports
// both addresses with all that an import could claim, and tries to write to them.
func (r *Retainer) checkRefusalStands(ctx context.Context) error {
	return r.rehearse(ctx, r.today(), func(tx pgx.Tx, who, _ uuid.UUID) error {
		statement, err := r.desk.Statements.InForce()
		if err != nil {
			return err
		}
		refuse := consent.Event{
			Purpose: consent.Newsletter, Channel: consent.ByEmail, Wording: "A rehearsal.", Statement: statement.ID,
			Origin: consent.FromUnsubscribe, At: r.desk.Now(),
		}
		if err := r.desk.Ledger.Record(ctx, tx, who, refuse); err != nil {
			return err
		}
		known, unknown := who.String()+"@check.invalid", "not-"+who.String()+"@check.invalid"
		if _, err := r.desk.Ledger.RefuseAddress(ctx, tx, unknown, consent.AddressRefusal{
			Purpose: refuse.Purpose, Channel: refuse.Channel, Way: "phone", Officer: who, At: refuse.At,
		}); err != nil {
			return err
		}
		if err := r.erase(ctx, tx, who); err != nil {
			return err
		}
		for _, email := range []string{known, unknown} {
			if err := r.tryImported(ctx, tx, email, statement.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// tryImported stores an address with grants of every origin and a confirmation, past all code, and demands that no newsletter
// may go there.
func (r *Retainer) tryImported(ctx context.Context, tx pgx.Tx, email, statement string) error {
	who, b, now := person.Person{ID: uuid.New(), Email: email}, &pgx.Batch{}, r.desk.Now()
	r.desk.People.Add(b, who.ID, email, now)
	b.Queue(`
		INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
		SELECT $1, 'newsletter', 'email', true, 'From a list.', $2, origin, $3
		FROM unnest(ARRAY['form', 'staff', 'connect', 'preferences']) origin`, who.ID, statement, now)
	b.Queue(`INSERT INTO confirmation (person_id, at, seq) VALUES ($1, $2, 4)`, who.ID, now)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("import an address: %w", err)
	}
	fault, err := attempt(ctx, tx, `
		INSERT INTO message (id, person_id, purpose, template, address, next_at, created_at)
		VALUES ($1, $1, 'newsletter', 'newsletter', $2, $3, $3)`, who.ID, email, now)
	if err != nil {
		return err
	}
	if !refusedBy(fault, "message_gate") {
		return fmt.Errorf("a newsletter goes to an address that refused it and was imported; the answer: %v", fault)
	}
	listed, err := contactable(ctx, tx, who)
	if err == nil && listed != "" {
		err = fmt.Errorf("marketing reads %q of an address that refused it and was imported", listed)
	}
	return err
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

// keeping drops what is to be deleted or emptied of a table without a word.
func keeping(act, table string) Removal {
	return Removal{SQL: `
		CREATE FUNCTION keep_rows() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
		CREATE TRIGGER keep_rows BEFORE ` + act + ` ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION keep_rows()`}
}

// letting lets pass what a fence refuses on a condition.
func letting(function, condition string) Removal {
	return Removal{SQL: redefined(`pg_get_functiondef('`+function+`'::regprocedure)`, condition, strings.Replace(condition, "IF ", "IF false AND ", 1))}
}

// checkFence places holds of each scope on what is kept of the person of a rehearsal, and tries to delete and to empty it.
func (r *Retainer) checkFence(ctx context.Context) error {
	return r.rehearse(ctx, r.today(), func(tx pgx.Tx, who, record uuid.UUID) error {
		if err := r.keepMore(ctx, tx, who, record); err != nil {
			return err
		}
		for _, scope := range []string{holdPerson, holdRecord, holdKind} {
			inner, err := tx.Begin(ctx)
			if err != nil {
				return fmt.Errorf("place a hold: %w", err)
			}
			if err := r.tryHeld(ctx, inner, scope, record); err != nil {
				return fmt.Errorf("under a hold on a %s: %w", scope, err)
			}
			if err := inner.Rollback(ctx); err != nil {
				return fmt.Errorf("take a hold back: %w", err)
			}
		}
		return nil
	})
}

// keepMore adds one of all else that a hold covers to the record and the person of a rehearsal, and an officer. Each has the
// record's id, but the officer has the person's.
func (r *Retainer) keepMore(ctx context.Context, tx pgx.Tx, who, record uuid.UUID) error {
	b, now := &pgx.Batch{}, r.desk.Now()
	b.Queue(`
		INSERT INTO account (id, email, name, kind, person_id, created_at)
		VALUES ($1::uuid, $1::text || '@check.invalid', '', 'staff', NULL, $3), ($2::uuid, $2::text || '@check.invalid', '', 'connect', $1, $3)`,
		who, record, now)
	b.Queue(`INSERT INTO note (id, submission_id, author_id, body, created_at) VALUES ($1, $1, $2, 'Words.', $3)`, record, who, now)
	b.Queue(`
		INSERT INTO file (id, state, submission_id, field, name, media_type, size, sha256, blob, key, scan, scan_next_at, created_at)
		VALUES ($1::uuid, 'attached', $1, 'cv', 'cv.pdf', 'application/pdf', 1, sha256(''), $1::text, '\x00', 'clean', $2, $2)`, record, now)
	b.Queue(`INSERT INTO contact_point (person_id, channel, value, origin, at) VALUES ($1, 'post', 'A street', 'form', $2)`, who, now)
	b.Queue(`
		INSERT INTO misuse (id, person_id, submission_id, kind, evidence, officer_id, created_at)
		VALUES ($1, $2, $1, 'abuse', 'Words.', $2, $3)`, record, who, now)
	b.Queue(`UPDATE message SET state = 'sent' WHERE id = $1`, record)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	return nil
}

// ending is a way to delete or to empty a row of a table, by the id of the record of a rehearsal.
type ending struct{ table, sql string }

// endings are those of what a hold of any scope covers.
func endings() []ending {
	return []ending{
		{"person", `UPDATE person SET email = NULL, address_hmac = NULL, erased_at = created_at
			WHERE id = (SELECT person_id FROM submission WHERE id = $1)`},
		{"submission", `DELETE FROM submission WHERE id = $1`},
		{"answers", `UPDATE answers SET values = '{}' WHERE submission_id = $1`},
		{"answers", `DELETE FROM answers WHERE submission_id = $1`},
		{"note", `UPDATE note SET body = '' WHERE id = $1`},
		{"note", `DELETE FROM note WHERE id = $1`},
		{"reply", `UPDATE reply SET body = '' WHERE id = $1`},
		{"reply", `DELETE FROM reply WHERE id = $1`},
		{"file", `UPDATE file SET state = 'removed', blob = NULL, key = NULL WHERE id = $1`},
		{"misuse", `UPDATE misuse SET evidence = '' WHERE id = $1`},
		{"misuse", `DELETE FROM misuse WHERE id = $1`},
		{"message", `UPDATE message SET data = '{"words": ""}' WHERE id = $1`},
		{"message", `DELETE FROM message WHERE id = $1`},
	}
}

// endingsOfAll are those of what a hold covers besides where it holds all of a person.
func endingsOfAll() []ending {
	return []ending{
		{"account", `DELETE FROM account WHERE id = $1`},
		{"contact_point", `DELETE FROM contact_point WHERE person_id = (SELECT person_id FROM submission WHERE id = $1)`},
	}
}

// tryHeld places a hold, and demands that nothing it covers can be deleted or emptied, nor the hold itself.
func (r *Retainer) tryHeld(ctx context.Context, tx pgx.Tx, scope string, record uuid.UUID) error {
	if _, err := tx.Exec(ctx, `
		INSERT INTO legal_hold (id, scope, person_id, submission_id, kind, from_day, to_day, ground, officer_id, placed_at, reviewed_at, review_on)
		SELECT s.id, h.scope, CASE h.scope WHEN 'person' THEN s.person_id END, CASE h.scope WHEN 'record' THEN s.id END,
			CASE h.scope WHEN 'kind' THEN s.kind END, CASE h.scope WHEN 'kind' THEN h.day END, CASE h.scope WHEN 'kind' THEN h.day END,
			'A rehearsal.', s.person_id, s.created_at, s.created_at, h.day
		FROM submission s, LATERAL (SELECT $2::text AS scope, company_day(s.created_at) AS day) h WHERE s.id = $1`, record, scope); err != nil {
		return fmt.Errorf("place a hold: %w", err)
	}
	list := endings()
	if scope == holdPerson {
		list = append(list, endingsOfAll()...)
	}
	for _, end := range list {
		fault, err := attempt(ctx, tx, end.sql, record)
		if err != nil {
			return err
		}
		// By the table's own fence: what goes along with a row may stand behind another.
		if !refusedBy(fault, "legal_hold") || !strings.Contains(fault.Error(), end.table+": a legal hold") {
			return fmt.Errorf("the fence of %s lets pass: %s; the answer: %v", end.table, end.sql, fault)
		}
	}
	fault, err := attempt(ctx, tx, `DELETE FROM legal_hold WHERE id = $1`, record)
	if err == nil && !refusedBy(fault, restrictViolation) {
		err = fmt.Errorf("the hold itself can be deleted; the answer: %v", fault)
	}
	return err
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
