package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/person"
)

// databaseChecks ask the database what it refuses.
func (r *Room) databaseChecks() []Check {
	return []Check{
		{
			Promise: "P-5", Name: "Nobody who serves this site can rewrite who read what.", Run: r.checkAppendOnly("audit_event", "submission_event"),
			Remove: Removal{SQL: `GRANT UPDATE ON audit_event TO site_serve`},
			Also: []Removal{
				{SQL: `GRANT UPDATE (detail) ON audit_event TO site_serve`},
				{SQL: `DROP TRIGGER audit_event_young ON audit_event`},
				{SQL: `CREATE OR REPLACE FUNCTION refuse_young() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'`},
			},
		},
		{
			Promise: "P-6", Name: "The database refuses a newsletter to somebody who did not agree, and lets it pass once they confirmed that they do.", Run: r.checkGate,
			Remove: Removal{SQL: `ALTER TABLE message DISABLE TRIGGER message_gate`},
			Also: []Removal{
				{SQL: `CREATE OR REPLACE FUNCTION message_gate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`},
				{SQL: `CREATE OR REPLACE TRIGGER message_gate BEFORE INSERT ON message FOR EACH ROW EXECUTE FUNCTION message_gate()`},
				{SQL: `CREATE OR REPLACE FUNCTION needs_consent(purpose text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
					SELECT purpose = 'newsletter' $$`},
				{SQL: openGate},
				{SQL: unproven},
				{SQL: provenLate},
				{SQL: provenBefore},
				{SQL: anySeq},
				unbound("s.address_hmac = p.address_hmac", "false"), unbound("r.seq > e.seq", "false"),
				opener("c.purpose = m.purpose", "true"), opener("c.channel = m.channel", "true"),
			},
		},
		{
			Promise: "P-6", Name: "Whoever selects people for marketing can read nobody who did not agree, and change nothing.", Run: r.checkMarketing,
			Remove: Removal{SQL: `GRANT SELECT ON person TO site_marketing`},
			Also: []Removal{
				{SQL: `GRANT SELECT (email) ON person TO site_marketing`},
				{SQL: `GRANT UPDATE, DELETE ON suppression TO site_marketing`},
				{SQL: everybody},
				{SQL: anySeq},
				lister("s.address_hmac = p.address_hmac", "false"), lister("c.proven > COALESCE(c.refused, (0)::bigint)", "true"),
				lister("e.origin = ANY (ARRAY['preferences'::text, 'connect'::text])", "true"),
				lister("k.at <= (e.at + '30 days'::interval)", "true"), lister("k.seq >= e.seq", "true"),
				lister("p.erased_at IS NULL", "true"), lister("p.bounced_at IS NULL", "true"),
			},
		},
		{
			Promise: "P-6", Name: "A newsletter that waited is withheld where its reader refused, or can’t be reached, before it leaves.", Run: r.checkLeaving,
			Remove: opener("IF m.purpose = 'internal' THEN", "IF m.attempts > 0 THEN RETURN NULL; END IF; IF m.purpose = 'internal' THEN"),
			Also: []Removal{
				opener("m.address IS DISTINCT FROM who.email", "false"),
				{SQL: redefined(`pg_get_functiondef('restrained(message)'::regprocedure)`, "WHEN needs_consent(m.purpose) AND", "WHEN false AND")},
				unbound("s.address_hmac = p.address_hmac", "false"),
			},
		},
		{
			Promise: "P-6", Name: "A number or postal address is shown to marketing only where the statement of that choice names it, and once it was proven.",
			Run:    r.checkPoints,
			Remove: Removal{SQL: `CREATE OR REPLACE FUNCTION names_data(data text[], field text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'`},
			Also: []Removal{
				lister("u.version = c.statement_version", "true"), lister("u.purpose = c.purpose", "true"),
				lister("u.recipient = 'own department'::text", "true"),
				{SQL: redefined(`'CREATE OR REPLACE VIEW contact_point_in_use AS ' || pg_get_viewdef('contact_point_in_use'::regclass)`,
					"c.seq >= k.seq", "true")},
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
			Also: []Removal{
				{SQL: `CREATE OR REPLACE FUNCTION consent_event_hash(prev bytea, e consent_event) RETURNS bytea LANGUAGE sql STABLE AS $$ SELECT sha256('') $$`},
				{SQL: redefined(`pg_get_functiondef('consent_event_hash(bytea, consent_event)'::regprocedure)`, "e.origin, ", "")},
				{SQL: redefined(`pg_get_functiondef('consent_event_hash(bytea, consent_event)'::regprocedure)`, "prev || ", "")},
			},
		},
		{
			Promise: "P-6", Name: "No end of a chain was cut off since it was sealed.", Run: r.checkSeals(checkedSeals), Whole: r.checkSeals(0),
			Remove: Removal{SQL: cutTail},
		},
		{
			Promise: "P-7", Name: "Who refused gets nothing, whatever was agreed to before.", Run: r.checkSuppression,
			Remove: Removal{SQL: openGate},
			Also:   []Removal{unbound("s.address_hmac = p.address_hmac", "false")},
		},
		{
			Promise: "P-7", Name: "What is refused is entered in a journal outside the database, so that a restored backup learns of it.",
			Run: r.checkJournal, Remove: Removal{SQL: `DROP TRIGGER refusal_changed ON suppression`},
			Also: []Removal{{SQL: `DROP TRIGGER person_refusals_moved ON person`}, {SQL: `
				INSERT INTO refusal_change (address_hmac, purpose, channel, at) VALUES ('\x04', 'newsletter', 'email', '2000-01-01')`}},
		},
		{
			Promise: "P-8", Name: "A message about misuse leaves by its own template and by no other.", Run: r.checkConduct,
			Remove: Removal{SQL: `ALTER TABLE message DROP CONSTRAINT message_template_purpose_fkey`},
		},
		{
			Promise: "P-9", Name: "No use in the statement has a recipient beyond the three classes.", Run: r.checkRecipients,
			Remove: Removal{SQL: `ALTER TABLE statement_use DROP CONSTRAINT statement_use_recipient_check`},
			Also:   []Removal{relaxed("statement_use", "statement_use_recipient_check", "recipient <> ''")},
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
			Promise: "P-14", Name: "No computer is remembered for longer than 60 days.", Run: r.checkRefused("device", r.longDevices),
			Remove: Removal{SQL: `ALTER TABLE device DROP CONSTRAINT device_short`},
			Also:   []Removal{relaxed("device", "device_short", "expires_at <= created_at + interval '61 days'")},
		},
		{
			Promise: "P-17", Name: "A published version cannot be changed by whoever serves this site.",
			Run:    r.checkAppendOnly("statement_version", "statement_use", "form_revision"),
			Remove: Removal{SQL: `ALTER TABLE statement_version DISABLE TRIGGER statement_version_append_only`},
		},
		{
			Promise: "P-18", Name: "No answers are kept without the version that was shown.", Run: r.checkRefused("answers", r.looseAnswers),
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
			Promise: "A-4", Name: "No record is kept without the day of its deletion.", Run: r.checkRefused("submission", r.endlessRecords),
			Remove: Removal{SQL: `ALTER TABLE submission ALTER COLUMN purge_after DROP NOT NULL`},
		},
		{
			Promise: "A-5", Name: "The ledger of consents can only grow.", Run: r.checkLedger,
			Remove: Removal{SQL: `GRANT DELETE ON consent_event TO site_serve`},
			Also: []Removal{
				{SQL: `GRANT UPDATE (granted) ON consent_event TO site_serve`},
				{SQL: `CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`},
				{SQL: `DROP TRIGGER consent_event_stands ON consent_event`},
				{SQL: `CREATE OR REPLACE FUNCTION consent_event_stands() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'`},
				{SQL: `CREATE OR REPLACE FUNCTION consent_closed(who uuid, before timestamptz) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'`},
			},
		},
		{
			Promise: "A-8", Name: "The database refuses a decision about a person that names no person who made it.",
			Run:    r.checkRefused("submission_event", r.ownDecisions),
			Remove: Removal{SQL: `ALTER TABLE submission_event DROP CONSTRAINT submission_event_decided_by_a_person`},
			Also:   []Removal{relaxed("submission_event", "submission_event_decided_by_a_person", "actor_role <> 'system' OR detail ->> 'to' IS DISTINCT FROM 'declined'")},
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

// agree lets the person of a rehearsal agree to the newsletter, or refuse it, and confirm the address.
func (r *Room) agree(ctx context.Context, tx pgx.Tx, who person.Person, granted bool) error {
	e := consent.Event{Purpose: consent.Newsletter, Channel: consent.ByEmail, Granted: granted, Origin: consent.FromForm, At: r.desk.Now()}
	if err := r.chooses(e)(ctx, tx, who); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO confirmation (person_id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, who.ID, r.desk.Now())
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
		return r.checkMoved(ctx, tx, who)
	})
}

// checkMoved enters a refusal in the journal, changes the address of who refused, and looks whether the earlier one is to be
// entered again: until then the journal had it as theirs.
func (r *Room) checkMoved(ctx context.Context, tx pgx.Tx, who person.Person) error {
	var digest []byte
	b, noted := &pgx.Batch{}, false
	b.Queue(`SELECT address_hmac FROM person WHERE id = $1`, who.ID).QueryRow(func(row pgx.Row) error { return row.Scan(&digest) })
	b.Queue(`DELETE FROM refusal_change c USING person p WHERE p.id = $1 AND c.address_hmac = p.address_hmac`, who.ID)
	b.Queue(`UPDATE person SET address_hmac = sha256(address_hmac) WHERE id = $1`, who.ID)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("change an address: %w", err)
	}
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM refusal_change WHERE address_hmac = $1)`, digest).Scan(&noted); err != nil {
		return fmt.Errorf("look for refusals to be entered: %w", err)
	}
	if !noted {
		return errors.New("the journal does not learn that an address which refused is somebody's no more")
	}
	return nil
}

// checkConduct tries to pass off a letter as a message about misuse.
func (r *Room) checkConduct(ctx context.Context) error {
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO message (id, person_id, purpose, template, address, next_at, created_at)
			VALUES ($1, $2, 'conduct', 'letter', $3, $4, $4)`, uuid.New(), who.ID, who.Email, r.desk.Now())
		if refusedBy(err, "message_template_purpose_fkey") {
			return nil
		}
		if err != nil {
			return fmt.Errorf("try to send: %w", err)
		}
		return errors.New("a letter passes for a message about misuse")
	})
}

// relaxed says a constraint otherwise.
func relaxed(table, constraint, into string) Removal {
	return Removal{SQL: `ALTER TABLE ` + table + ` DROP CONSTRAINT ` + constraint + `, ADD CONSTRAINT ` + constraint + ` CHECK (` + into + `)`}
}

// longDevices are remembered for a second more than 60 days.
func (r *Room) longDevices() []badRow {
	now := r.desk.Now()
	return []badRow{{"device_short", map[string]any{
		"id": uuid.New(), "account_id": uuid.New(), "token_hash": `\x00`, "rotated_at": now, "label": "", "created_at": now,
		"last_used_at": now, "expires_at": now.Add(60*24*time.Hour + time.Second),
	}}}
}

// looseAnswers were given under no statement.
func (r *Room) looseAnswers() []badRow {
	return []badRow{{"statement_version", map[string]any{
		"submission_id": uuid.New(), "version": 1, "form_revision": `\x00`, "statement_version": nil, "lang": "en",
		"values": map[string]any{}, "created_at": r.desk.Now(),
	}}}
}

// endlessRecords have no day of their deletion.
func (r *Room) endlessRecords() []badRow {
	return []badRow{{"purge_after", map[string]any{
		"id": uuid.New(), "kind": "contact", "status": "new", "reference": "", "created_at": r.desk.Now(), "purge_after": nil,
	}}}
}

// ownDecisions are made by the program: each that is about a person.
func (r *Room) ownDecisions() (rows []badRow) {
	for _, to := range []string{"approved", "declined", "screening", "interview", "offer", "hired"} {
		rows = append(rows, badRow{"submission_event_decided_by_a_person", map[string]any{
			"submission_id": uuid.New(), "kind": "moved", "actor_role": "system", "detail": map[string]any{"to": to}, "at": r.desk.Now(),
		}})
	}
	return rows
}

// checkRecipients looks at the uses there are, and tries to name another recipient.
func (r *Room) checkRecipients(ctx context.Context) error {
	var other bool
	err := r.desk.Pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM statement_use WHERE recipient NOT IN ('own department', 'processor', 'legal demand'))`).Scan(&other)
	if err != nil {
		return fmt.Errorf("read recipients: %w", err)
	}
	if other {
		return errors.New("another recipient is named")
	}
	return r.checkRefused("statement_use", func() []badRow {
		return []badRow{{"statement_use_recipient_check", map[string]any{
			"version": "a rehearsal", "activity": "contact", "purpose": "service", "data": []string{"name"}, "recipient": "partner",
			"retention": "12 months", "basis": "your request",
		}}}
	})(ctx)
}

const (
	checkedPeople = 500 // whose chains a check follows, the newest first
	checkedSeals  = 48  // that a check compares, the newest first
)

// checkChain follows the chains of so many people, of all if people is 0, and rehearses that a chain tells what was rewritten.
func (r *Room) checkChain(people int) func(context.Context) error {
	return func(ctx context.Context) error {
		broken, err := r.desk.Ledger.FirstBroken(ctx, people)
		switch {
		case err != nil:
			return err
		case broken != nil:
			return fmt.Errorf("entry %d of person %s does not follow from the one before, or is no end", broken.Seq, broken.Person)
		}
		return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error { return r.checkLinks(ctx, tx, who) })
	}
}

// checkLinks agrees and refuses, and reads the refusal's link as if it had been rewritten, one thing at a time, or had
// followed from something else.
func (r *Room) checkLinks(ctx context.Context, tx pgx.Tx, who person.Person) error {
	for _, granted := range []bool{true, false} {
		if err := r.agree(ctx, tx, who, granted); err != nil {
			return err
		}
	}
	var same []string
	err := tx.QueryRow(ctx, `
		SELECT coalesce(array_agg(x.what), '{}') FROM consent_event e
		JOIN consent_event f ON f.person_id = e.person_id AND f.seq = e.seq - 1,
			LATERAL (VALUES ('purpose', f.hash, '{"purpose": "promotion"}'::jsonb), ('channel', f.hash, '{"channel": "post"}'),
				('granted', f.hash, '{"granted": true}'), ('wording', f.hash, '{"wording": "Other words."}'),
				('statement_version', f.hash, '{"statement_version": "another"}'), ('origin', f.hash, '{"origin": "connect"}'),
				('at', f.hash, '{"at": "2000-01-01T00:00:00Z"}'), ('person_id', f.hash, '{"person_id": "00000000-0000-0000-0000-000000000000"}'),
				('the entry before', sha256(f.hash), '{}')) x (what, prev, change)
		WHERE e.person_id = $1 AND e.seq = 2 AND consent_event_hash(x.prev, jsonb_populate_record(e, x.change)) = e.hash`, who.ID).Scan(&same)
	if err != nil {
		return fmt.Errorf("read a chain: %w", err)
	}
	if len(same) > 0 {
		return fmt.Errorf("the chain does not tell when these are rewritten: %v", same)
	}
	return nil
}

// checkSeals compares so many seals, all if most is 0.
func (r *Room) checkSeals(most int) func(context.Context) error {
	return func(ctx context.Context) error { return r.desk.Ledger.VerifySeals(ctx, most) }
}
