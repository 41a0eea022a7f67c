package consent_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/key/keytest"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

// world is a ledger with one person and a clock that may be set either way.
type world struct {
	pool   *pgxpool.Pool
	ledger *consent.Ledger
	people *person.Store
	now    time.Time
	who    person.Person
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{pool: pgtest.New(t), now: activitytest.Start()}
	activitytest.Publish(t, w.pool)
	ring, clock := keytest.New(t), func() time.Time { return w.now }
	w.ledger, w.people = consent.NewLedger(w.pool, ring, clock), person.New(w.pool, ring, clock)
	w.who = person.Person{ID: uuid.Must(uuid.NewV7()), Email: "ada@example.com"}
	b := &pgx.Batch{}
	w.people.Add(b, w.who.ID, w.who.Email, w.now)
	if err := w.pool.SendBatch(t.Context(), b).Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

// tick is a choice in a form, which anybody can send.
func (w *world) tick(t *testing.T, granted bool) {
	t.Helper()
	if err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		return w.ledger.Record(t.Context(), tx, w.who.ID, consent.Event{
			Purpose: consent.Promotion, Channel: consent.ByEmail, Granted: granted, Wording: "Mail me.",
			Statement: "2026-11-16", Origin: consent.FromForm,
		})
	}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) confirm(t *testing.T) {
	t.Helper()
	if err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		if err := w.people.Confirm(t.Context(), tx, w.who.ID, math.MaxInt64); err != nil {
			return err
		}
		return w.ledger.LiftProven(t.Context(), tx, w.who)
	}); err != nil {
		t.Fatal(err)
	}
}

// want holds that the choice is in force, or not, and that marketing sees it so.
func (w *world) want(t *testing.T, when string, inForce bool) {
	t.Helper()
	choices, err := w.ledger.Of(t.Context(), w.who.ID)
	if err != nil || len(choices) != 1 || choices[0].InForce != inForce {
		t.Errorf("%s: %+v, %v", when, choices, err)
	}
	var seen bool
	if err := w.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM contactable WHERE person_id = $1)`, w.who.ID).Scan(&seen); err != nil || seen != inForce {
		t.Errorf("%s: marketing sees it: %t, %v", when, seen, err)
	}
}

// What is in force follows from the order in which choices and confirmations came, whichever way the clock was set
// between them.
func TestOrderNotTime(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"ahead": time.Hour, "still": 0, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.confirm(t)
			w.now = w.now.Add(step)
			w.tick(t, true)
			w.want(t, "ticked by a stranger after a confirmation", false)
			w.now = w.now.Add(step)
			w.confirm(t)
			w.want(t, "confirmed", true)
			w.now = w.now.Add(step)
			w.tick(t, false)
			w.confirm(t)
			w.want(t, "refused and confirmed", false)
			w.now = w.now.Add(step)
			w.tick(t, true)
			w.want(t, "ticked once more", false)
			w.now = w.now.Add(step)
			w.confirm(t)
			w.want(t, "confirmed once more", true)
		})
	}
}

// A confirmation lifts no refusal that came after the choice, in whatever chain it was made.
func TestConfirmationLiftsNoLaterRefusal(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"ahead": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tick(t, true)
			w.now = w.now.Add(step)
			if _, err := w.pool.Exec(t.Context(), `
				INSERT INTO suppression (address_hmac, purpose, channel, reason, at)
				SELECT address_hmac, 'promotion', 'email', 'restored', $2 FROM person WHERE id = $1`, w.who.ID, w.now); err != nil {
				t.Fatal(err)
			}
			w.now = w.now.Add(step)
			w.confirm(t)
			w.want(t, "refused after the choice", false)
			w.now = w.now.Add(step)
			w.tick(t, true)
			w.confirm(t)
			w.want(t, "chosen after the refusal", true)
		})
	}
}

// Likewise which number is called: the latest that a confirmation followed.
func TestOrderOfNumbers(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"ahead": time.Hour, "still": 0, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			give := func(number string) {
				t.Helper()
				w.now = w.now.Add(step)
				if err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
					return w.ledger.Record(t.Context(), tx, w.who.ID, consent.Event{
						Purpose: consent.Promotion, Channel: consent.ByPhone, Granted: true, Wording: "Call me.",
						Statement: "2026-11-16", Origin: consent.FromForm, Point: number,
					})
				}); err != nil {
					t.Fatal(err)
				}
			}
			confirm := func() {
				t.Helper()
				w.now = w.now.Add(step)
				w.confirm(t)
			}
			want := func(when, number string) {
				t.Helper()
				points, err := w.ledger.Points(t.Context(), w.who.ID)
				used := ""
				for _, p := range points {
					if p.InUse {
						used += p.Value
					}
				}
				if err != nil || used != number {
					t.Errorf("%s: %q is called, want %q, %v", when, used, number, err)
				}
			}
			confirm()
			give("+13125550101")
			want("given by a stranger after a confirmation", "")
			confirm()
			want("confirmed", "+13125550101")
			give("+13125550102")
			if step != 0 { // else it takes the place of the first
				want("another is given", "+13125550101")
			}
			confirm()
			want("confirmed too", "+13125550102")
		})
	}
}
