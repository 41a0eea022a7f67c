package privacy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres"
)

// toldChecks rehearse what is closed in a database where people are told of new uses, or restrict what they sent.
func (r *Room) toldChecks() []Check {
	return []Check{
		{
			Promise: "P-18", Name: "A new use of an older record is refused until 30 days after its person was told, and for good once they object.",
			Run:    r.checkTold,
			Remove: looser("n.delivered_at <= at - interval '30 days'", "true"),
			Also: []Removal{
				looser("at - interval '30 days'", "at"),
				looser("o.objected_at IS NOT NULL", "false"),
				looser("u.compatible <> ''", "true"),
				looser("v.effective_on <= company_day(at)", "true"),
				looser("f.version = (SELECT id", "f.version = (SELECT u.version"),
				looser("f.basis NOT LIKE '%consent%'", "true"),
				looser("coalesce(own.basis, '') NOT LIKE '%consent%'", "true"),
			},
		},
		{
			Promise: "A-2", Name: "Nobody is written to about what they restricted, and no list for marketing has them.", Run: r.checkRestricted,
			Remove: Removal{SQL: `DROP TRIGGER message_restricted ON message`},
			Also: []Removal{
				{SQL: `CREATE OR REPLACE FUNCTION restricted(person uuid, submission uuid) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT false'`},
				{SQL: redefined(`'CREATE OR REPLACE VIEW contactable WITH (security_barrier) AS ' || pg_get_viewdef('contactable'::regclass)`,
					"NOT restricted(p.id, NULL::uuid)", "true")},
			},
		},
	}
}

// looser rewrites a condition under which a record may be used.
func looser(condition, into string) Removal {
	return Removal{SQL: redefined(`pg_get_functiondef('uses_of(uuid, timestamptz)'::regprocedure)`, condition, into)}
}

// redefined makes a function or view anew, from an expression for its definition, with other words in it. It fails where the
// definition has not those words: then nothing would be taken out.
func redefined(definition, old, into string) string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return `DO $do$ DECLARE def text := ` + definition + `; BEGIN
		IF strpos(def, ` + quote(old) + `) = 0 THEN RAISE EXCEPTION 'the rule reads otherwise'; END IF;
		EXECUTE replace(def, ` + quote(old) + `, ` + quote(into) + `);
	END $do$`
}

// telling is how the sender of a question was told that a processor gets the address too.
type telling struct {
	fault      string // what is wrong where the use is open; empty: it is to be
	arrived    int    // how many days ago the mail arrived; 0: it did not
	compatible string // why the version says that notice is enough
	in         int    // days until the version takes effect
	force      string // the basis of the same use in the version in force; empty: it has no such use
	objected   bool   // the person was told of that one as well, and objected
	agreed     bool   // the version that was shown names the use for other data, by consent
}

func tellings() []telling {
	const why, request = "A rehearsal.", "your request"
	return []telling{
		{"", 31, why, -1, request, false, false},
		{"a new use is open although nobody was told of it", 0, why, -1, request, false, false},
		{"a new use is open 29 days after its mail", 29, why, -1, request, false, false},
		{"a new use is open that the statement does not open by notice", 31, "", -1, request, false, false},
		{"a new use is open before its version takes effect", 31, why, 1, request, false, false},
		{"a use is open that the version in force does not name", 31, why, -1, "", false, false},
		{"a use is open by notice although the version in force asks for consent", 31, why, -1, "your consent", false, false},
		{"a new use is open although its person objected", 31, why, -1, request, true, false},
		{"more is used by notice of what rests on consent", 31, why, -1, request, false, true},
	}
}

// checkTold tells somebody in each way, and asks for the use.
func (r *Room) checkTold(ctx context.Context) error {
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		record, version := uuid.New(), "check "+who.ID.String()
		if err := r.sendUnder(ctx, tx, who, record, version); err != nil {
			return err
		}
		for _, c := range tellings() {
			open, err := r.opens(ctx, tx, c, who, record, version)
			switch {
			case err != nil:
				return fmt.Errorf("tell of a use: %w", err)
			case open && c.fault != "":
				return errors.New(c.fault)
			case !open && c.fault == "":
				return errors.New("a new use is refused although its person was told of it and did not object")
			}
		}
		return nil
	})
}

// opens tells in one way, asks for the use, and takes the telling back.
func (r *Room) opens(ctx context.Context, tx pgx.Tx, c telling, who person.Person, record uuid.UUID, version string) (open bool, err error) {
	inner, err := tx.Begin(ctx)
	if err != nil {
		return false, err
	}
	b, now, told, force := &pgx.Batch{}, r.desk.Now(), version+" told", version+" force"
	b.Queue(`INSERT INTO statement_version (id, effective_on, title, summary, body, digest, published_at)
		SELECT id, company_day($3) + day, 'A rehearsal', '', '', sha256(id::bytea), $3
		FROM (VALUES ($1, $4::int), ($2, 0)) v (id, day)`, told, force, now, c.in)
	b.Queue(`INSERT INTO statement_use (version, activity, purpose, data, recipient, retention, basis, compatible)
		SELECT version, 'contact', 'service', ARRAY[data], 'processor', '12 months', basis, compatible
		FROM (VALUES ($1, 'email address', 'your request', $4, true), ($2, 'email address', $5, '', $5 <> ''), ($3, 'name', 'your consent', '', $6))
			u (version, data, basis, compatible, named)
		WHERE named`, told, force, version, c.compatible, c.force, c.agreed)
	b.Queue(`INSERT INTO notice (person_id, version, kind, queued_at, delivered_at, objected_at)
		SELECT $1, version, 'contact', $4, CASE WHEN days > 0 THEN $4::timestamptz - make_interval(days => days) END, CASE WHEN objected THEN $4 END
		FROM (VALUES ($2, $5::int, false), ($3, 0, $6)) n (version, days, objected)`, who.ID, told, force, now, c.arrived, c.objected)
	b.Queue(`SELECT may_use($1, 'service', 'processor', 'email address', $2)`, record, now).
		QueryRow(func(row pgx.Row) error { return row.Scan(&open) })
	err = inner.SendBatch(ctx, b).Close()
	return open, errors.Join(err, inner.Rollback(ctx))
}

// checkRestricted writes to somebody about a question, and sends them a newsletter that they agreed to, before they restrict
// all that came from them and afterwards.
func (r *Room) checkRestricted(ctx context.Context) error {
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		record, version := uuid.New(), "check "+who.ID.String()
		if err := r.sendUnder(ctx, tx, who, record, version); err != nil {
			return err
		}
		if err := r.nameUse(ctx, tx, version); err != nil {
			return err
		}
		if err := r.agree(ctx, tx, who, true); err != nil {
			return err
		}
		if got, err := r.reaches(ctx, tx, who, record, version); err != nil || got != "queued, queued, listed" {
			return cmp.Or(err, fmt.Errorf("letter, newsletter and list before anything is restricted: %s", got))
		}
		_, err := tx.Exec(ctx, `INSERT INTO restriction (id, person_id, ground, placed_at) VALUES ($1, $2, $3, $4)`,
			uuid.New(), who.ID, groundWish, r.desk.Now())
		if err != nil {
			return fmt.Errorf("restrict: %w", err)
		}
		if got, err := r.reaches(ctx, tx, who, record, version); err != nil || got != "withheld, withheld, not listed" {
			return cmp.Or(err, fmt.Errorf("letter, newsletter and list of what is restricted: %s", got))
		}
		return nil
	})
}

// reaches tells what becomes of a letter about a record and of a newsletter, and whether marketing sees their reader.
func (r *Room) reaches(ctx context.Context, tx pgx.Tx, who person.Person, record uuid.UUID, version string) (string, error) {
	var letter, newsletter string
	err := tx.QueryRow(ctx, `
		WITH stored AS (
			INSERT INTO message (id, person_id, submission_id, purpose, template, basis, address, next_at, created_at)
			SELECT gen_random_uuid(), $1, record, purpose, template, basis, $2, $3, $3
			FROM (VALUES ('service', 'letter', $4::uuid, $5), ('newsletter', 'newsletter', NULL, NULL)) m (purpose, template, record, basis)
			RETURNING purpose, state)
		SELECT max(state) FILTER (WHERE purpose = 'service'), max(state) FILTER (WHERE purpose = 'newsletter') FROM stored`,
		who.ID, who.Email, r.desk.Now(), record, version).Scan(&letter, &newsletter)
	if err != nil {
		return "", fmt.Errorf("write: %w", err)
	}
	listed := "not listed"
	err = postgres.MarketingIn(ctx, tx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			SELECT CASE WHEN EXISTS (SELECT FROM contactable WHERE person_id = $1) THEN 'listed' ELSE $2 END`, who.ID, listed).Scan(&listed)
	})
	if err != nil {
		return "", fmt.Errorf("list: %w", err)
	}
	return letter + ", " + newsletter + ", " + listed, nil
}
