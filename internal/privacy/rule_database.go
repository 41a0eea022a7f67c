package privacy

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/person"
)

// databaseChecks ask the database what it refuses.
func (r *Room) databaseChecks() []Check {
	return []Check{
		{
			Promise: "P-5", Name: "Nobody who serves this site can rewrite who read what.", Run: r.checkAppendOnly("audit_event", "submission_event"),
			Remove: Removal{SQL: `GRANT UPDATE ON audit_event TO site_serve`},
			Also:   []Removal{{SQL: `GRANT UPDATE (detail) ON audit_event TO site_serve`}},
		},
		{
			Promise: "P-6", Name: "The database refuses a newsletter to somebody who did not agree, and lets it pass once they confirmed that they do.", Run: r.checkGate,
			Remove: Removal{SQL: `ALTER TABLE message DISABLE TRIGGER message_gate`},
			Also: []Removal{{SQL: `
				CREATE OR REPLACE FUNCTION message_gate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`}, {SQL: openGate}},
		},
		{
			Promise: "P-6", Name: "Whoever selects people for marketing can read nobody who did not agree, and change nothing.", Run: r.checkMarketing,
			Remove: Removal{SQL: `GRANT SELECT ON person TO site_marketing`},
			Also: []Removal{
				{SQL: `GRANT SELECT (email) ON person TO site_marketing`},
				{SQL: `GRANT UPDATE, DELETE ON suppression TO site_marketing`},
			},
		},
		{
			Promise: "P-6", Name: "Whoever selects people for marketing stores no message but what rests on consent.", Run: r.checkErrand,
			Remove: Removal{SQL: `
				CREATE OR REPLACE FUNCTION message_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
					IF may_send(NEW) IS NOT NULL THEN RAISE EXCEPTION 'refused' USING CONSTRAINT = 'message_gate'; END IF;
					RETURN NEW; END $$`},
			Also: []Removal{{SQL: `
				CREATE OR REPLACE FUNCTION message_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
					IF may_send(NEW) IS NOT NULL OR current_user = 'site_marketing' AND NOT needs_consent(NEW.purpose) THEN
						RAISE EXCEPTION 'refused' USING CONSTRAINT = 'message_gate'; END IF;
					RETURN NEW; END $$`}},
		},
		{
			Promise: "P-6", Name: "The chain of consents is whole.", Run: r.checkChain(checkedPeople), Whole: r.checkChain(0),
			Remove: Removal{SQL: brokenChain},
		},
		{
			Promise: "P-6", Name: "No end of a chain was cut off since it was sealed.", Run: r.checkSeals(checkedSeals), Whole: r.checkSeals(0),
			Remove: Removal{SQL: cutTail},
		},
		{
			Promise: "P-7", Name: "Who refused gets nothing, whatever was agreed to before.", Run: r.checkSuppression,
			Remove: Removal{SQL: openGate},
		},
		{
			Promise: "P-7", Name: "What is refused is entered in a journal outside the database, so that a restored backup learns of it.",
			Run: r.checkJournal, Remove: Removal{SQL: `DROP TRIGGER refusal_changed ON suppression`},
			Also: []Removal{{SQL: `
				INSERT INTO refusal_change (address_hmac, purpose, channel, at) VALUES ('\x04', 'newsletter', 'email', '2000-01-01')`}},
		},
		{
			Promise: "P-8", Name: "A message about misuse leaves by its own template and by no other.", Run: r.checkConduct,
			Remove: Removal{SQL: `ALTER TABLE message DROP CONSTRAINT message_template_purpose_fkey`},
		},
		{
			Promise: "P-9", Name: "No use in the statement has a recipient beyond the three classes.", Run: r.checkRecipients,
			Remove: Removal{SQL: `ALTER TABLE statement_use DROP CONSTRAINT statement_use_recipient_check`},
		},
		{
			Promise: "P-9", Name: "The relay of another company gets a mail only where a statement that its person read names such a company.",
			Run: r.checkRelay,
			Remove: Removal{SQL: `CREATE OR REPLACE FUNCTION may_hand_over(m message, at timestamptz) RETURNS text
				LANGUAGE sql STABLE AS 'SELECT NULL::text'`},
			Also: []Removal{{SQL: `CREATE OR REPLACE FUNCTION may_use(submission uuid, purpose text, recipient text, field text, at timestamptz DEFAULT now())
				RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'`}},
		},
		{
			Promise: "P-14", Name: "No computer is remembered for longer than 60 days.", Run: r.checkConstraint("device", "device_short"),
			Remove: Removal{SQL: `ALTER TABLE device DROP CONSTRAINT device_short`},
		},
		{
			Promise: "P-17", Name: "A published version cannot be changed by whoever serves this site.",
			Run:    r.checkAppendOnly("statement_version", "statement_use", "form_revision"),
			Remove: Removal{SQL: `ALTER TABLE statement_version DISABLE TRIGGER statement_version_append_only`},
		},
		{
			Promise: "P-18", Name: "No answers are kept without the version that was shown.", Run: r.checkColumn("answers", "statement_version"),
			Remove: Removal{SQL: `ALTER TABLE answers ALTER COLUMN statement_version DROP NOT NULL`},
		},
		{
			Promise: "P-18", Name: "What the version that was shown does not name is refused, and nothing is kept longer than it says.", Run: r.checkUse,
			Remove: Removal{SQL: openGate},
			Also: []Removal{
				{SQL: `CREATE OR REPLACE FUNCTION may_use(submission uuid, purpose text, recipient text, field text, at timestamptz DEFAULT now())
					RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'`},
				{SQL: `CREATE OR REPLACE FUNCTION uses_of(record uuid, at timestamptz) RETURNS SETOF statement_use
					LANGUAGE sql STABLE AS 'SELECT * FROM statement_use'`},
				{SQL: `ALTER TABLE submission DISABLE TRIGGER submission_kept`},
			},
		},
		{
			Promise: "A-4", Name: "No record is kept without the day of its deletion.", Run: r.checkColumn("submission", "purge_after"),
			Remove: Removal{SQL: `ALTER TABLE submission ALTER COLUMN purge_after DROP NOT NULL`},
		},
		{
			Promise: "A-5", Name: "The ledger of consents can only grow.", Run: r.checkAppendOnly("consent_event", "confirmation", "consent_tombstone", "consent_checkpoint"),
			Remove: Removal{SQL: `GRANT DELETE ON consent_event TO site_serve`},
			Also: []Removal{{SQL: `GRANT UPDATE (granted) ON consent_event TO site_serve`}, {SQL: `
				CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`}},
		},
		{
			Promise: "A-8", Name: "The database refuses a decision about a person that names no person who made it.",
			Run:    r.checkConstraint("submission_event", "submission_event_decided_by_a_person"),
			Remove: Removal{SQL: `ALTER TABLE submission_event DROP CONSTRAINT submission_event_decided_by_a_person`},
		},
	}
}

// openGate lets every message pass.
const openGate = `CREATE OR REPLACE FUNCTION may_send(m message) RETURNS text LANGUAGE sql STABLE AS 'SELECT NULL::text'`

// brokenChain stores a choice and rewrites it, past both fences.
const brokenChain = `
	INSERT INTO person (id, email, address_hmac, created_at) VALUES (gen_random_uuid(), 'chain@check.invalid', '\x00', now());
	INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
	SELECT p.id, 'newsletter', 'email', false, 'No.', (SELECT min(id) FROM statement_version), 'unsubscribe', now()
	FROM person p WHERE email = 'chain@check.invalid';
	ALTER TABLE consent_event DISABLE TRIGGER USER;
	UPDATE consent_event SET granted = true`

// cutTail stores a choice, seals it, and takes it away with its head, past both fences.
const cutTail = `
	INSERT INTO person (id, email, address_hmac, created_at) VALUES (gen_random_uuid(), 'tail@check.invalid', '\x01', now());
	INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
	SELECT p.id, 'newsletter', 'email', false, 'No.', (SELECT min(id) FROM statement_version), 'unsubscribe', now()
	FROM person p WHERE email = 'tail@check.invalid';
	INSERT INTO consent_checkpoint (upto, events, digest, at)
	SELECT max(e.id), count(*), sha256(sha256('') || string_agg(e.hash, ''::bytea ORDER BY e.id)), now() FROM consent_event e;
	ALTER TABLE consent_event DISABLE TRIGGER USER;
	DELETE FROM consent_event;
	DELETE FROM consent_head`

// rehearse runs fn for a person made up for it, who reads a mailbox that cannot exist, and takes everything back.
func (r *Room) rehearse(ctx context.Context, fn func(tx pgx.Tx, who person.Person) error) error {
	tx, err := r.desk.Pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	who := person.Person{ID: uuid.New()}
	who.Email = who.ID.String() + "@check.invalid"
	b := &pgx.Batch{}
	r.desk.People.Add(b, who.ID, who.Email, r.desk.Now())
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	return fn(tx, who)
}

// agree lets the person of a rehearsal agree to the newsletter and confirm the address.
func (r *Room) agree(ctx context.Context, tx pgx.Tx, who person.Person, granted bool) error {
	s, err := r.desk.Statements.InForce()
	if err != nil {
		return err
	}
	e := consent.Event{
		Purpose: consent.Newsletter, Channel: consent.ByEmail, Granted: granted, Wording: "A rehearsal.",
		Statement: s.ID, Origin: consent.FromForm, At: r.desk.Now(),
	}
	if err := r.desk.Ledger.Record(ctx, tx, who.ID, e); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO confirmation (person_id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, who.ID, r.desk.Now())
	return err
}

// gate asks whether the person of a rehearsal may get a newsletter.
func (r *Room) gate(ctx context.Context, tx pgx.Tx, who person.Person) (open bool, err error) {
	return r.asked(ctx, tx, map[string]any{
		"purpose": "newsletter", "channel": "email", "person_id": who.ID, "address": who.Email,
	})
}

// asked puts a message before the function by which the gate decides.
func (r *Room) asked(ctx context.Context, tx pgx.Tx, message map[string]any) (open bool, err error) {
	if err := tx.QueryRow(ctx, `SELECT may_send(jsonb_populate_record(NULL::message, $1)) IS NULL`, message).Scan(&open); err != nil {
		return false, fmt.Errorf("ask the gate: %w", err)
	}
	return open, nil
}

// checkSuppression agrees, refuses, and tries again: a stranger may type the address into a form.
func (r *Room) checkSuppression(ctx context.Context) error {
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		for _, granted := range []bool{true, false, true} {
			if err := r.agree(ctx, tx, who, granted); err != nil {
				return err
			}
		}
		open, err := r.gate(ctx, tx, who)
		if err == nil && open {
			err = errors.New("a newsletter passes to somebody who refused it")
		}
		return err
	})
}

// checkJournal refuses, and looks whether that is to be entered in the journal; and whether what is to be entered waits.
func (r *Room) checkJournal(ctx context.Context) error {
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		if err := r.agree(ctx, tx, who, false); err != nil {
			return err
		}
		var noted, late bool
		if err := tx.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM refusal_change c JOIN person p USING (address_hmac) WHERE p.id = $1),
				EXISTS (SELECT FROM refusal_change WHERE at < now() - $2::interval)`, who.ID, patience).Scan(&noted, &late); err != nil {
			return fmt.Errorf("look for refusals to be entered: %w", err)
		}
		if !noted {
			return errors.New("a refusal is not brought to the journal")
		}
		if late {
			return errors.New("there are refusals that did not come to the journal for a day")
		}
		return nil
	})
}

// checkConduct tries to pass off a letter as a message about misuse.
func (r *Room) checkConduct(ctx context.Context) error {
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO message (id, person_id, purpose, template, address, next_at, created_at)
			VALUES ($1, $2, 'conduct', 'letter', $3, $4, $4)`, uuid.New(), who.ID, who.Email, r.desk.Now())
		if fault, ok := errors.AsType[*pgconn.PgError](err); ok && fault.ConstraintName == "message_template_purpose_fkey" {
			return nil
		}
		if err != nil {
			return fmt.Errorf("try to send: %w", err)
		}
		return errors.New("a letter passes for a message about misuse")
	})
}

func (r *Room) checkConstraint(table, constraint string) func(context.Context) error {
	return func(ctx context.Context) error {
		var up bool
		if err := r.desk.Pool.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = $1::regclass AND conname = $2 AND convalidated)`,
			table, constraint).Scan(&up); err != nil {
			return fmt.Errorf("read constraints: %w", err)
		}
		if !up {
			return fmt.Errorf("%s lacks the constraint %s", table, constraint)
		}
		return nil
	}
}

func (r *Room) checkRecipients(ctx context.Context) error {
	var good bool
	err := r.desk.Pool.QueryRow(ctx, `
		SELECT NOT EXISTS (SELECT FROM statement_use WHERE recipient NOT IN ('own department', 'processor', 'legal demand'))
			AND EXISTS (SELECT FROM pg_constraint
				WHERE conrelid = 'statement_use'::regclass AND contype = 'c' AND convalidated
					AND pg_get_constraintdef(oid) LIKE '%recipient%')`).Scan(&good)
	if err != nil {
		return fmt.Errorf("read recipients: %w", err)
	}
	if !good {
		return errors.New("another recipient is named, or could be")
	}
	return nil
}

func (r *Room) checkColumn(table, column string) func(context.Context) error {
	return func(ctx context.Context) error {
		var must bool
		if err := r.desk.Pool.QueryRow(ctx, `
			SELECT attnotnull FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2`, table, column).Scan(&must); err != nil {
			return fmt.Errorf("read columns: %w", err)
		}
		if !must {
			return fmt.Errorf("%s.%s may be empty", table, column)
		}
		return nil
	}
}

const (
	checkedPeople = 500 // whose chains a check follows, the newest first
	checkedSeals  = 48  // that a check compares, the newest first
)

// checkChain follows the chains of so many people, of all if people is 0.
func (r *Room) checkChain(people int) func(context.Context) error {
	return func(ctx context.Context) error {
		broken, err := r.desk.Ledger.FirstBroken(ctx, people)
		if err == nil && broken != nil {
			err = fmt.Errorf("entry %d of person %s does not follow from the one before, or is no end", broken.Seq, broken.Person)
		}
		return err
	}
}

// checkSeals compares so many seals, all if most is 0.
func (r *Room) checkSeals(most int) func(context.Context) error {
	return func(ctx context.Context) error { return r.desk.Ledger.VerifySeals(ctx, most) }
}
