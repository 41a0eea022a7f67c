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
	"clickcommerce.com/site/internal/postgres"
)

// standing is what was done about the newsletter, in that order, and what may follow from it.
type standing struct {
	who    string // somebody who
	acts   []act
	mailed bool   // the gate lets a newsletter pass
	listed string // what marketing reads of the person: purposes and channels
}

// act is something done by, or about, the person of a rehearsal.
type act func(ctx context.Context, tx pgx.Tx, who person.Person) error

// standings have, for each condition of a consent, somebody who meets all but that one; at the end those who meet all.
func (r *Room) standings() []standing {
	now := r.desk.Now()
	tick, late := r.ticks(consent.Newsletter, consent.ByEmail, now), r.ticks(consent.Newsletter, consent.ByEmail, now.AddDate(0, 0, -31))
	promotion, calls := r.ticks(consent.Promotion, consent.ByEmail, now), r.ticks(consent.Newsletter, consent.ByPhone, now)
	refuse := r.chooses(consent.Event{Purpose: consent.Newsletter, Channel: consent.ByEmail, Origin: consent.FromUnsubscribe, At: now})
	confirm := r.writes(`INSERT INTO confirmation (person_id, at, seq) VALUES ($1, $2, 9223372036854775807)`)
	suppress := r.writes(`
		INSERT INTO suppression (address_hmac, purpose, channel, reason, at)
		SELECT address_hmac, 'newsletter', 'email', 'a rehearsal', $2 FROM person WHERE id = $1`)
	forget := r.writes(`DELETE FROM suppression s USING person p WHERE p.id = $1 AND s.address_hmac = p.address_hmac AND s.at <= $2`)
	bounce := r.writes(`UPDATE person SET bounced_at = $2 WHERE id = $1`)
	erase := r.writes(`UPDATE person SET email = NULL, address_hmac = NULL, erased_at = $2 WHERE id = $1`)
	const newsletter = "newsletter by email"
	return []standing{
		{"never agreed", nil, false, ""},
		{"ticked the box, and confirmed nothing", []act{tick}, false, ""},
		{"confirmed the address before the box was ticked", []act{confirm, tick}, false, ""},
		{"confirmed 31 days after the box was ticked", []act{late, confirm}, false, ""},
		{"refused after agreeing", []act{tick, confirm, refuse}, false, ""},
		{"refused, whatever became of the list of refusals", []act{tick, confirm, refuse, forget}, false, ""},
		{"refused, and for whom somebody ticked the box again", []act{tick, confirm, refuse, forget, tick}, false, ""},
		{"is on the list of refusals, whatever was agreed to", []act{tick, confirm, suppress}, false, ""},
		{"agreed to promotion", []act{promotion, confirm}, false, "promotion by email"},
		{"agreed to calls", []act{calls, confirm}, false, "newsletter by phone"},
		{"was erased", []act{tick, confirm, erase}, false, ""},
		{"has a mailbox that is gone", []act{tick, confirm, bounce}, true, ""},
		{"agreed and confirmed", []act{tick, confirm}, true, newsletter},
		{"agreed again after refusing, and confirmed", []act{refuse, forget, tick, confirm}, true, newsletter},
	}
}

// ticks agrees by a form, which proves nothing yet.
func (r *Room) ticks(purpose consent.Purpose, channel consent.Channel, at time.Time) act {
	return r.chooses(consent.Event{Purpose: purpose, Channel: channel, Granted: true, Origin: consent.FromForm, At: at})
}

func (r *Room) chooses(e consent.Event) act {
	return func(ctx context.Context, tx pgx.Tx, who person.Person) error {
		s, err := r.desk.Statements.InForce()
		if err != nil {
			return err
		}
		e.Wording, e.Statement = "A rehearsal.", s.ID
		return r.desk.Ledger.Record(ctx, tx, who.ID, e)
	}
}

// writes runs a statement about a person, $1, at a time, $2.
func (r *Room) writes(sql string) act {
	return func(ctx context.Context, tx pgx.Tx, who person.Person) error {
		if _, err := tx.Exec(ctx, sql, who.ID, r.desk.Now()); err != nil {
			return fmt.Errorf("rehearse: %w", err)
		}
		return nil
	}
}

// eachStanding lets the person of a rehearsal come to each standing in turn, has it looked at, and takes it back.
func (r *Room) eachStanding(ctx context.Context, look func(tx pgx.Tx, who person.Person, s standing) error) error {
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		for _, s := range r.standings() {
			err := aside(ctx, tx, func(tx pgx.Tx) error {
				if err := does(ctx, tx, who, s.acts); err != nil {
					return err
				}
				return look(tx, who, s)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// does lets the person of a rehearsal do, or have done, one thing after the other.
func does(ctx context.Context, tx pgx.Tx, who person.Person, acts []act) error {
	for _, act := range acts {
		if err := act(ctx, tx, who); err != nil {
			return err
		}
	}
	return nil
}

// aside runs fn and takes back what it did.
func aside(ctx context.Context, tx pgx.Tx, fn func(tx pgx.Tx) error) error {
	inner, err := tx.Begin(ctx)
	if err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	if err := fn(inner); err != nil {
		return err
	}
	if err := inner.Rollback(ctx); err != nil {
		return fmt.Errorf("take a rehearsal back: %w", err)
	}
	return nil
}

// checkGate tries to store a newsletter to somebody of each standing, the other messages that need consent to somebody who
// never agreed, and to make a newsletter of a message that needs none.
func (r *Room) checkGate(ctx context.Context) error {
	err := r.eachStanding(ctx, func(tx pgx.Tx, who person.Person, s standing) error {
		fault, err := r.tryMail(ctx, tx, who, consent.Newsletter)
		switch {
		case err != nil:
			return err
		case s.mailed && fault != nil:
			return fmt.Errorf("a newsletter is refused, to somebody who %s: %w", s.who, fault)
		case !s.mailed && !refusedBy(fault, "message_gate"):
			return fmt.Errorf("a newsletter is not refused by the gate, to somebody who %s; the answer: %v", s.who, fault)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		for _, purpose := range []consent.Purpose{consent.Survey, consent.ProductNews, consent.Promotion} {
			fault, err := r.tryMail(ctx, tx, who, purpose)
			if err != nil {
				return err
			}
			if !refusedBy(fault, "message_gate") {
				return fmt.Errorf("a message of purpose %s is not refused by the gate, to somebody who never agreed; the answer: %v", purpose, fault)
			}
		}
		return r.turnToNewsletter(ctx, tx, who)
	})
}

func (r *Room) tryMail(ctx context.Context, tx pgx.Tx, who person.Person, purpose consent.Purpose) (fault, err error) {
	return attempt(ctx, tx, `
		INSERT INTO message (id, person_id, purpose, template, address, next_at, created_at)
		VALUES ($1, $2, $3, (SELECT min(name) FROM mail_template WHERE purpose = $3), $4, $5, $5)`,
		uuid.New(), who.ID, purpose, who.Email, r.desk.Now())
}

// turnToNewsletter stores a message that needs no consent, and tries to make a newsletter of it.
func (r *Room) turnToNewsletter(ctx context.Context, tx pgx.Tx, who person.Person) error {
	if _, err := tx.Exec(ctx, `
		INSERT INTO message (id, person_id, purpose, template, address, next_at, created_at)
		VALUES ($1, $1, 'conduct', 'conduct', $2, $3, $3)`, who.ID, who.Email, r.desk.Now()); err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	fault, err := attempt(ctx, tx, `UPDATE message SET purpose = 'newsletter', template = 'newsletter' WHERE id = $1`, who.ID)
	if err == nil && !refusedBy(fault, "message_gate") {
		err = fmt.Errorf("another message can be turned into a newsletter; the answer: %v", fault)
	}
	return err
}

// meantime is what became of the reader of a newsletter that waits.
type meantime struct {
	who    string // somebody who
	acts   []act
	leaves bool
}

func (r *Room) meantimes() []meantime {
	now := r.desk.Now()
	return []meantime{
		{"did nothing", nil, true},
		{"refused", []act{r.chooses(consent.Event{Purpose: consent.Newsletter, Channel: consent.ByEmail, Origin: consent.FromUnsubscribe, At: now})}, false},
		{"came to stand on the list of refusals", []act{r.writes(`
			INSERT INTO suppression (address_hmac, purpose, channel, reason, at)
			SELECT address_hmac, 'newsletter', 'email', 'a rehearsal', $2 FROM person WHERE id = $1`)}, false},
		{"restricted what is kept", []act{r.writes(`
			INSERT INTO restriction (id, person_id, ground, placed_at) VALUES ($1, $1, '` + groundWish + `', $2)`)}, false},
		{"took another address", []act{r.writes(`UPDATE person SET email = 'not-' || email, verified_at = $2 WHERE id = $1`)}, false},
		{"has a mailbox that is gone", []act{r.writes(`UPDATE person SET bounced_at = $2 WHERE id = $1`)}, false},
	}
}

// checkLeaving stores a newsletter to somebody who agreed and confirmed, has something happen, and asks what is asked before
// the mail leaves.
func (r *Room) checkLeaving(ctx context.Context) error {
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		if err := r.agree(ctx, tx, who, true); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO message (id, person_id, purpose, template, address, next_at, created_at)
			VALUES ($1, $1, 'newsletter', 'newsletter', $2, $3, $3)`, who.ID, who.Email, r.desk.Now()); err != nil {
			return fmt.Errorf("rehearse: %w", err)
		}
		for _, m := range r.meantimes() {
			err := aside(ctx, tx, func(tx pgx.Tx) error {
				if err := does(ctx, tx, who, m.acts); err != nil {
					return err
				}
				leaves, err := r.desk.Mail.WouldLeave(ctx, tx, who.ID)
				if err == nil && leaves != m.leaves {
					err = fmt.Errorf("whether a newsletter leaves to somebody who meanwhile %s: %t", m.who, leaves)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// checkPoints looks for numbers and for postal addresses, each beside a use of the other.
func (r *Room) checkPoints(ctx context.Context) error {
	const number, address = "phone number", "postal address"
	return errors.Join(r.checkPoint(ctx, consent.ByPhone, number, address), r.checkPoint(ctx, consent.ByPost, address, number))
}

// checkPoint agrees to a newsletter by a channel under a version made for it, and looks as the role of marketing for where it
// is to go: before the version names that data, though it names others, and once it does. Then somebody ticks the box anew, and
// gives a number of their own.
func (r *Room) checkPoint(ctx context.Context, channel consent.Channel, data, other string) error {
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		version := "check " + who.ID.String()
		if err := r.sendUnder(ctx, tx, who, uuid.New(), version); err != nil {
			return err
		}
		if err := r.nameOthers(ctx, tx, version, data, other); err != nil {
			return err
		}
		e := consent.Event{
			Purpose: consent.Newsletter, Channel: channel, Granted: true, Wording: "A rehearsal.", Statement: version,
			Origin: consent.FromPreferences, At: r.desk.Now(), Point: "what they gave",
		}
		if err := r.desk.Ledger.Record(ctx, tx, who.ID, e); err != nil {
			return err
		}
		if err := r.shows(ctx, tx, who, "before the statement names it", ""); err != nil {
			return err
		}
		if err := nameUse(ctx, tx, version, "newsletter", "newsletter", "own department", data); err != nil {
			return err
		}
		if err := r.shows(ctx, tx, who, "once the statement names it", e.Point); err != nil {
			return err
		}
		confirm := r.writes(`INSERT INTO confirmation (person_id, at, seq) VALUES ($1, $2, 9223372036854775807)`)
		e.Origin, e.Point, e.At = consent.FromForm, "what somebody gave", e.At.Add(time.Second)
		if err := errors.Join(confirm(ctx, tx, who), r.desk.Ledger.Record(ctx, tx, who.ID, e)); err != nil {
			return err
		}
		return r.shows(ctx, tx, who, "after somebody gave another", "what they gave")
	})
}

// nameOthers names uses of numbers and postal addresses that are not the one which is looked for: for another purpose, by a
// company, in another version, and of the other of the two.
func (r *Room) nameOthers(ctx context.Context, tx pgx.Tx, version, data, another string) error {
	other := version + " other"
	if _, err := tx.Exec(ctx, `
		INSERT INTO statement_version (id, effective_on, title, summary, body, digest, published_at)
		VALUES ($1, '0001-01-01', 'A rehearsal', '', '', sha256($1::text::bytea), $2)`, other, r.desk.Now()); err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	return errors.Join(
		nameUse(ctx, tx, version, "newsletter", "promotion", "own department", data),
		nameUse(ctx, tx, version, "newsletter", "newsletter", "processor", data),
		nameUse(ctx, tx, version, "contact", "newsletter", "own department", another),
		nameUse(ctx, tx, other, "newsletter", "newsletter", "own department", data))
}

func nameUse(ctx context.Context, tx pgx.Tx, version, activity, purpose, recipient, data string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO statement_use (version, activity, purpose, data, recipient, retention, basis)
		VALUES ($1, $2, $3, ARRAY[$5], $4, '12 months', 'your consent')`, version, activity, purpose, recipient, data)
	if err != nil {
		return fmt.Errorf("name a use: %w", err)
	}
	return nil
}

// shows demands that marketing reads a number or postal address of the person of a rehearsal, empty where it is to read none.
func (r *Room) shows(ctx context.Context, tx pgx.Tx, who person.Person, when, want string) error {
	var got string
	err := postgres.MarketingIn(ctx, tx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT coalesce(string_agg(address, ', '), '') FROM contactable WHERE person_id = $1`, who.ID).Scan(&got)
	})
	if err == nil && got != want {
		err = fmt.Errorf("%s, marketing reads %q instead of %q", when, got, want)
	}
	return err
}

// checkMarketing looks as the role of marketing for somebody of each standing, and for rights beyond its two.
func (r *Room) checkMarketing(ctx context.Context) error {
	if err := r.checkMarketingRights(ctx); err != nil {
		return err
	}
	return r.eachStanding(ctx, func(tx pgx.Tx, who person.Person, s standing) error {
		listed, err := contactable(ctx, tx, who)
		if err == nil && listed != s.listed {
			err = fmt.Errorf("marketing reads %[2]q instead of %[3]q, of somebody who %[1]s", s.who, listed, s.listed)
		}
		return err
	})
}

// contactable tells for what and by which ways marketing may contact a person.
func contactable(ctx context.Context, tx pgx.Tx, who person.Person) (listed string, err error) {
	err = postgres.MarketingIn(ctx, tx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			SELECT coalesce(string_agg(purpose || ' by ' || channel, ', ' ORDER BY purpose, channel), '')
			FROM contactable WHERE person_id = $1`, who.ID).Scan(&listed)
	})
	if err != nil {
		return "", fmt.Errorf("read who may be contacted: %w", err)
	}
	return listed, nil
}

// checkMarketingRights lists every right of the role of marketing, columns included, beyond its two.
func (r *Room) checkMarketingRights(ctx context.Context) error {
	var rights []string
	err := r.desk.Pool.QueryRow(ctx, `
		SELECT coalesce(array_agg(p.word || ' ' || c.oid::regclass ORDER BY c.relname, p.word), '{}')
		FROM pg_class c, (VALUES ('SELECT', true), ('INSERT', true), ('UPDATE', true), ('REFERENCES', true),
			('DELETE', false), ('TRUNCATE', false), ('TRIGGER', false)) AS p (word, columns)
		WHERE c.relkind IN ('r', 'v', 'm', 'p') AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
			AND CASE WHEN p.columns THEN has_any_column_privilege('site_marketing', c.oid, p.word)
				ELSE has_table_privilege('site_marketing', c.oid, p.word) END
			AND (c.relname, p.word) NOT IN (('contactable', 'SELECT'), ('message', 'INSERT'))`).Scan(&rights)
	if err != nil {
		return fmt.Errorf("read rights: %w", err)
	}
	if len(rights) > 0 {
		return fmt.Errorf("marketing has these rights: %v", rights)
	}
	return nil
}

// checkSuppression agrees, refuses, and agrees again: a stranger may type the address into a form.
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

// The rules of a consent, each taken out.

// everybody is contactable who was not erased.
const everybody = `
	CREATE OR REPLACE VIEW contactable WITH (security_barrier) AS
	SELECT p.id AS person_id, 'newsletter'::text AS purpose, 'email'::text AS channel, p.email AS address, p.created_at AS since,
		''::text AS wording, ''::text AS statement_version
	FROM person p WHERE p.erased_at IS NULL`

// unproven takes every box that was ticked for confirmed.
const unproven = `CREATE OR REPLACE VIEW consent_proven AS SELECT e.person_id, e.purpose, e.channel, e.seq FROM consent_event e WHERE e.granted`

// provenLate and provenBefore take any later confirmation for one in time, and any earlier one for one of this choice.
const (
	provenLate = `CREATE OR REPLACE VIEW consent_proven AS SELECT e.person_id, e.purpose, e.channel, e.seq FROM consent_event e
		WHERE e.granted AND EXISTS (SELECT FROM confirmation c WHERE c.person_id = e.person_id AND c.seq >= e.seq)`
	provenBefore = `CREATE OR REPLACE VIEW consent_proven AS SELECT e.person_id, e.purpose, e.channel, e.seq FROM consent_event e
		WHERE e.granted AND EXISTS (SELECT FROM confirmation c WHERE c.person_id = e.person_id AND c.at <= e.at + interval '30 days')`
)

// anySeq lets a confirmation say by itself what it proves.
const anySeq = `DROP TRIGGER confirmation_order ON confirmation`

// unbound takes a condition out of the view of consents in force.
func unbound(condition, into string) Removal {
	return Removal{SQL: redefined(`'CREATE OR REPLACE VIEW consent AS ' || pg_get_viewdef('consent'::regclass)`, condition, into)}
}

// lister takes a condition out of the view of those who may be contacted.
func lister(condition, into string) Removal {
	return Removal{SQL: redefined(`'CREATE OR REPLACE VIEW contactable WITH (security_barrier) AS ' || pg_get_viewdef('contactable'::regclass)`,
		condition, into)}
}

// opener takes a condition out of the gate.
func opener(condition, into string) Removal {
	return Removal{SQL: redefined(`pg_get_functiondef('may_send(message)'::regprocedure)`, condition, into)}
}
