package privacy

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres"
)

// attempt runs a statement and takes it back; fault is what the database answered.
func attempt(ctx context.Context, tx pgx.Tx, sql string, args ...any) (fault, err error) {
	inner, err := tx.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("attempt: %w", err)
	}
	_, fault = inner.Exec(ctx, sql, args...)
	if err := inner.Rollback(ctx); err != nil {
		return nil, fmt.Errorf("take an attempt back: %w", err)
	}
	return fault, nil
}

// refusedBy tells whether a fault is the work of a rule: a constraint, a column that may not be empty, or, for a rule
// without a name, a code.
func refusedBy(fault error, rule string) bool {
	pg, ok := errors.AsType[*pgconn.PgError](fault)
	return ok && cmp.Or(pg.ConstraintName, pg.ColumnName, pg.Code) == rule
}

// checkErrand tries, as the role of marketing, to write to somebody under each purpose that needs no consent, and as the role
// that serves, to send a test of an announcement to somebody who is not of the staff.
func (r *Room) checkErrand(ctx context.Context) error {
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		errands, err := postgres.Rows[errand](ctx, tx, `
			SELECT DISTINCT ON (purpose) name, purpose FROM mail_template WHERE NOT needs_consent(purpose) ORDER BY purpose, name`)
		if err != nil {
			return fmt.Errorf("read purposes: %w", err)
		}
		err = postgres.MarketingIn(ctx, tx, func(tx pgx.Tx) error {
			for _, e := range errands {
				if err := r.refuses(ctx, tx, who, e); err != nil {
					return fmt.Errorf("marketing: %w", err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		return r.refuses(ctx, tx, who, errand{"announcement-test", "internal"})
	})
}

// errand is a message that nobody may store, by its template and purpose.
type errand struct {
	Name    string `db:"name"`
	Purpose string `db:"purpose"`
}

// refuses tries to store an errand, with its person and without.
func (r *Room) refuses(ctx context.Context, tx pgx.Tx, who person.Person, e errand) error {
	for _, id := range []uuid.NullUUID{{UUID: who.ID, Valid: true}, {}} {
		fault, err := attempt(ctx, tx, `
			INSERT INTO message (id, person_id, purpose, template, address, next_at, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $6)`, uuid.New(), id, e.Purpose, e.Name, who.Email, r.desk.Now())
		if err != nil {
			return err
		}
		if !refusedBy(fault, "message_gate") {
			return fmt.Errorf("a message of purpose %s that rests on no consent is stored; the answer: %v", e.Purpose, fault)
		}
	}
	return nil
}

// checkUse sends a record under a version of the statement made for it, which names no answer to a question: a letter is
// refused and no processor gets it. Then the version names one: the letter passes, and the record is kept no longer than that.
func (r *Room) checkUse(ctx context.Context) error {
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		record, version := uuid.New(), "check "+who.ID.String()
		if err := r.sendUnder(ctx, tx, who, record, version); err != nil {
			return err
		}
		letter := map[string]any{
			"purpose": "service", "template": "letter", "channel": "email", "person_id": who.ID, "address": who.Email,
			"submission_id": record, "basis": version,
		}
		if open, err := r.asked(ctx, tx, letter); err != nil || open {
			return cmp.Or(err, errors.New("a message passes that no version of the statement named"))
		}
		if err := r.nameUse(ctx, tx, version); err != nil {
			return err
		}
		if open, err := r.asked(ctx, tx, letter); err != nil || !open {
			return cmp.Or(err, errors.New("a message is refused although the version that was shown names it"))
		}
		var handed bool
		var days int
		err := tx.QueryRow(ctx, `
			WITH moved AS (UPDATE submission SET purge_after = purge_after + 9999 WHERE id = $1 RETURNING purge_after - greatest(now(), $2)::date AS days)
			SELECT may_use($1, 'service', 'processor', NULL), days FROM moved`, record, r.desk.Now()).Scan(&handed, &days)
		switch {
		case err != nil:
			return fmt.Errorf("keep a record: %w", err)
		case handed:
			return errors.New("a processor may have what no version names for it")
		case days > 400:
			return fmt.Errorf("a record is kept for %d days although its version says 12 months", days)
		}
		return nil
	})
}

// checkRelay writes to somebody who sent a question and agreed to the newsletter under a version that names no company: no
// relay gets either mail. Then the version names one for answers: it gets both.
func (r *Room) checkRelay(ctx context.Context) error {
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		record, version := uuid.New(), "check "+who.ID.String()
		if err := r.sendUnder(ctx, tx, who, record, version); err != nil {
			return err
		}
		err := r.desk.Ledger.Record(ctx, tx, who.ID, consent.Event{
			Purpose: consent.Newsletter, Channel: consent.ByEmail, Granted: true, Wording: "A rehearsal.",
			Statement: version, Origin: consent.FromForm, At: r.desk.Now(),
		})
		if err != nil {
			return err
		}
		for _, named := range []bool{false, true} {
			if named {
				if _, err := tx.Exec(ctx, `
					INSERT INTO statement_use (version, activity, purpose, data, recipient, retention, basis)
					VALUES ($1, 'contact', 'service', '{email address}', 'processor', '12 months', 'your request')`, version); err != nil {
					return fmt.Errorf("name a company: %w", err)
				}
			}
			for _, purpose := range []string{"service", "newsletter"} {
				if err := r.handed(ctx, tx, who, record, purpose, named); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// handed demands that a relay gets a mail of a purpose, or that it does not.
func (r *Room) handed(ctx context.Context, tx pgx.Tx, who person.Person, record uuid.UUID, purpose string, want bool) error {
	message := map[string]any{"purpose": purpose, "channel": "email", "person_id": who.ID, "address": who.Email}
	if purpose == "service" {
		message["submission_id"] = record
	}
	var may bool
	if err := tx.QueryRow(ctx, `SELECT may_hand_over(jsonb_populate_record(NULL::message, $1), $2) IS NULL`, message, r.desk.Now()).Scan(&may); err != nil {
		return fmt.Errorf("ask for a relay: %w", err)
	}
	switch {
	case may && !want:
		return fmt.Errorf("a relay gets a mail of %s that no statement named it for", purpose)
	case want && !may:
		return fmt.Errorf("a relay gets no mail of %s although the statement names it", purpose)
	}
	return nil
}

// sendUnder stores a question under a version that names one use of it: that it is told of within the house.
func (r *Room) sendUnder(ctx context.Context, tx pgx.Tx, who person.Person, record uuid.UUID, version string) error {
	b, now := &pgx.Batch{}, r.desk.Now()
	b.Queue(`INSERT INTO statement_version (id, effective_on, title, summary, body, digest, published_at)
		VALUES ($1, '0001-01-01', 'A rehearsal', '', '', sha256($1::text::bytea), $2)`, version, now)
	b.Queue(`INSERT INTO statement_use (version, activity, purpose, data, recipient, retention, basis)
		VALUES ($1, 'contact', 'internal', '{name}', 'own department', '12 months', 'legitimate interest')`, version)
	b.Queue(`INSERT INTO form_revision (digest, kind, fields, wording, lang, created_at)
		VALUES (sha256($1::text::bytea), 'contact', '[]', '{}', 'en', $2)`, version, now)
	b.Queue(`INSERT INTO submission (id, person_id, kind, status, reference, created_at, purge_after)
		VALUES ($1, $2, 'contact', 'new', '', $3, $3::timestamptz::date)`, record, who.ID, now)
	b.Queue(`INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
		VALUES ($1, 1, sha256($2::text::bytea), $2, 'en', '{}', $3)`, record, version, now)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("rehearse: %w", err)
	}
	return nil
}

// nameUse lets a version name another use: that a question is answered by mail.
func (r *Room) nameUse(ctx context.Context, tx pgx.Tx, version string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO statement_use (version, activity, purpose, data, recipient, retention, basis)
		VALUES ($1, 'contact', 'service', '{email address}', 'own department', '12 months', 'your request')`, version)
	if err != nil {
		return fmt.Errorf("name a use: %w", err)
	}
	return nil
}
