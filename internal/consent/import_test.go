package consent_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/person"
)

// origins are all ways by which a choice reaches us; what is imported may claim any of them.
func origins() []consent.Origin {
	return []consent.Origin{
		consent.FromForm, consent.FromStaff, consent.FromConnect, consent.FromPreferences, consent.FromUnsubscribe,
	}
}

// Whoever opted out stays out whatever is put into the tables past all code: as the same person, and as a new one of the
// same address once the first was erased.
func TestImportBringsNobodyBack(t *testing.T) {
	w := newWorld(t)
	w.tick(t, false)
	w.imported(t, w.who.ID)
	w.refused(t, "the same person", w.who)

	if err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error { return w.people.Empty(t.Context(), tx, w.who.ID) }); err != nil {
		t.Fatal(err)
	}
	again := w.add(t, w.who.Email)
	w.imported(t, again.ID)
	w.refused(t, "a new person of the same address", again)

	other := w.add(t, "grace@example.com") // what is refused to the others is let through here
	w.imported(t, other.ID)
	if err := w.mail(t, other); err != nil {
		t.Errorf("who never opted out: %v", err)
	}
}

// Who refused from an address that was nobody's stays out whatever is imported or ticked under it later, until they agree anew
// and confirm that themselves.
func TestRefusedAddressStaysRefused(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	const email = "grace@example.com"
	refuse := func() (fresh bool) {
		t.Helper()
		if err := pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) (err error) {
			fresh, err = w.ledger.RefuseAddress(ctx, tx, email, consent.AddressRefusal{
				Purpose: consent.Promotion, Channel: consent.ByEmail, Way: "phone", Officer: uuid.New(), At: w.now,
			})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return fresh
	}
	if first, second := refuse(), refuse(); !first || second {
		t.Errorf("refused anew: %t, then %t", first, second)
	}
	w.who = w.add(t, email)
	w.imported(t, w.who.ID)
	w.refused(t, "imported", w.who)
	if list, err := w.ledger.RefusedByAddress(ctx, w.who.ID); err != nil || len(list) != 1 || list[0].Way != "phone" {
		t.Errorf("known of it: %+v, %v", list, err)
	}
	w.tick(t, true)
	w.refused(t, "ticked by anybody", w.who)
	w.confirm(t)
	w.want(t, "confirmed by themselves", true)
	if err := w.mail(t, w.who); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func (w *world) add(t *testing.T, email string) person.Person {
	t.Helper()
	p := person.Person{ID: uuid.Must(uuid.NewV7()), Email: email}
	b := &pgx.Batch{}
	w.people.Add(b, p.ID, p.Email, w.now)
	if err := w.pool.SendBatch(t.Context(), b).Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

// imported puts a grant of every origin into the ledger, as an import would, and a confirmation after them.
func (w *world) imported(t *testing.T, who uuid.UUID) {
	t.Helper()
	w.now = w.now.Add(time.Minute)
	for _, o := range origins() {
		if _, err := w.pool.Exec(t.Context(), `
			INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
			VALUES ($1, 'promotion', 'email', true, 'Bought from a list.', '2026-11-16', $2, $3)`, who, o, w.now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.pool.Exec(t.Context(), `INSERT INTO confirmation (person_id, at) VALUES ($1, $2)`, who, w.now); err != nil {
		t.Fatal(err)
	}
}

// mail tries to queue promotional mail.
func (w *world) mail(t *testing.T, to person.Person) error {
	t.Helper()
	_, err := w.pool.Exec(t.Context(), `
		INSERT INTO message (id, person_id, purpose, template, address, next_at, created_at)
		SELECT gen_random_uuid(), $1, purpose, name, $2, $3, $3 FROM mail_template WHERE purpose = 'promotion' LIMIT 1`,
		to.ID, to.Email, w.now)
	return err
}

func (w *world) refused(t *testing.T, whom string, to person.Person) {
	t.Helper()
	if gate, ok := errors.AsType[*pgconn.PgError](w.mail(t, to)); !ok || gate.ConstraintName != "message_gate" {
		t.Errorf("%s: the gate did not refuse: %v", whom, gate)
	}
	var seen bool
	if err := w.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM contactable WHERE person_id = $1)`, to.ID).Scan(&seen); err != nil || seen {
		t.Errorf("%s: marketing sees it: %t, %v", whom, seen, err)
	}
}
