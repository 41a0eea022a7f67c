package privacy_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

// thing is each thing that a version says of a use, one a row: whoever read all of another's rows read of all of it.
const thing = `
	WITH thing AS (
		SELECT version, activity, purpose, recipient, 'use' AS said FROM statement_use
		UNION ALL SELECT version, activity, purpose, recipient, unnest(data) FROM statement_use
		UNION ALL SELECT version, activity, purpose, recipient, 'month ' || n || regexp_replace(retention, '^\d+ months', '')
			FROM statement_use, generate_series(1, split_part(retention, ' ', 1)::int) n
		UNION ALL SELECT version, activity, purpose, recipient, 'unasked' FROM statement_use WHERE basis <> 'consent')`

// toTell says plainly who is to be told of version $1: whoever can be reached and has a record of which it says a thing
// that neither the version shown then nor a mail about the same activity told, and who has no mail about both.
const toTell = thing + `
	SELECT DISTINCT p.id FROM person p
	JOIN submission s ON s.person_id = p.id
	JOIN answers a ON a.submission_id = s.id
	JOIN thing t ON t.version = $1 AND t.activity = s.kind
	WHERE p.bounced_at IS NULL AND a.statement_version <> $1
		AND NOT EXISTS (SELECT FROM notice n WHERE n.person_id = p.id AND n.kind = s.kind AND n.version = $1)
		AND NOT EXISTS (SELECT FROM thing o
			WHERE (o.activity, o.purpose, o.recipient, o.said) = (t.activity, t.purpose, t.recipient, t.said)
				AND (o.version = a.statement_version OR o.version IN (SELECT n.version FROM notice n JOIN message m ON m.id = n.message_id
					WHERE n.person_id = p.id AND n.kind = s.kind AND m.bounced_at IS NULL)))`

// wronglyOpen says plainly which uses of which records may be made at $1, and returns those of which may_use says
// otherwise.
const wronglyOpen = thing + `, force AS (
		SELECT id FROM statement_version WHERE effective_on <= ($1::timestamptz AT TIME ZONE 'America/Chicago')::date
		ORDER BY effective_on DESC LIMIT 1),
	asked AS (
		SELECT s.id, s.person_id, s.kind, a.statement_version AS version, purpose, recipient, field, coalesce(field, 'use') AS said
		FROM submission s JOIN answers a ON a.submission_id = s.id,
			unnest('{service,internal,newsletter}'::text[]) purpose, unnest('{own department,processor}'::text[]) recipient,
			unnest('{name,email address,NULL}'::text[]) field)
	SELECT format('%s of %s, %s, %s: %s', q.kind, q.version, q.purpose, q.recipient, q.said)
	FROM asked q
	LEFT JOIN statement_use own ON (own.version, own.activity, own.purpose, own.recipient) = (q.version, q.kind, q.purpose, q.recipient)
	WHERE may_use(q.id, q.purpose, q.recipient, q.field, $1) <> CASE WHEN q.purpose = 'newsletter' THEN
		coalesce((SELECT e.granted AND EXISTS (SELECT FROM thing t
				WHERE (t.version, t.activity, t.purpose, t.recipient, t.said) = (e.statement_version, q.kind, q.purpose, q.recipient, q.said))
			FROM consent_event e WHERE e.person_id = q.person_id ORDER BY e.seq DESC LIMIT 1), false)
	ELSE
		EXISTS (SELECT FROM thing t
			WHERE (t.version, t.activity, t.purpose, t.recipient, t.said) = (q.version, q.kind, q.purpose, q.recipient, q.said))
		OR (own.basis IS DISTINCT FROM 'consent'
			AND EXISTS (SELECT FROM thing t
				WHERE (t.version, t.activity, t.purpose, t.recipient, t.said) = ((SELECT id FROM force), q.kind, q.purpose, q.recipient, q.said))
			AND EXISTS (SELECT FROM thing t
				WHERE (t.version, t.activity, t.purpose, t.recipient, t.said) = ((SELECT id FROM force), q.kind, q.purpose, q.recipient, 'unasked'))
			AND EXISTS (SELECT FROM notice n
				JOIN message m ON m.id = n.message_id AND m.bounced_at IS NULL AND m.sent_at + interval '30 days' <= $1
				JOIN statement_version v ON v.id = n.version AND v.effective_on <= ($1::timestamptz AT TIME ZONE 'America/Chicago')::date
				JOIN statement_use u ON u.version = n.version AND u.compatible <> ''
				JOIN thing t ON (t.version, t.activity, t.purpose, t.recipient) = (u.version, u.activity, u.purpose, u.recipient)
				WHERE n.person_id = q.person_id AND n.kind = q.kind AND n.objected_at IS NULL
					AND (t.activity, t.purpose, t.recipient, t.said) = (q.kind, q.purpose, q.recipient, q.said))
			AND NOT EXISTS (SELECT FROM notice n JOIN statement_use w USING (version)
				WHERE n.person_id = q.person_id AND n.kind = q.kind AND n.objected_at IS NOT NULL
					AND (w.activity, w.purpose, w.recipient) = (q.kind, q.purpose, q.recipient)
					AND (own.version IS NULL OR NOT (w.data <@ own.data AND w.retention = own.retention AND w.basis = own.basis))))
	END`

// age is a history of statements and of people who send, are told, object, agree.
type age struct {
	*rapid.T
	house  house
	admin  *pgxpool.Pool
	people []uuid.UUID
	last   time.Time // when the newest version takes effect
}

// TestWhoIsToldAndWhatIsHeld generates versions, kinds, choices, objections, bounces and days, and compares who is told, and
// of which records which use may be made, with what plain SQL says.
func TestWhoIsToldAndWhatIsHeld(t *testing.T) {
	h := bench(t)
	admin := pgtest.Admin(t, h.Pool)
	if _, err := admin.Exec(context.Background(), `
		INSERT INTO form_revision (digest, kind, fields, wording, lang, created_at) VALUES ('\x00', 'contact', '[]', '{}', 'en', now())`); err != nil {
		t.Fatal(err)
	}
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue { // each walks through months in a database
		t.Cleanup(func() { _ = f.Value.Set(f.DefValue) })
		_ = f.Value.Set("25")
	}
	rapid.Check(t, func(t *rapid.T) {
		a := &age{T: t, house: h, admin: admin, last: h.Now().AddDate(-1, 0, 0)}
		a.begin()
		a.publish(0)
		for i := range rapid.IntRange(1, 3).Draw(t, "versions") {
			a.send()
			a.last = a.last.AddDate(0, 0, 1)
			if soon := h.Now().AddDate(0, 0, rapid.IntRange(-5, 40).Draw(t, "effective")); soon.After(a.last) {
				a.last = soon
			}
			a.publish(i + 1)
			a.tell(i + 1)
			a.live()
			a.send()
			a.tell(i + 1)
			a.compare()
		}
	})
}

func (a *age) exec(sql string, args ...any) {
	a.Helper()
	if _, err := a.admin.Exec(context.Background(), sql, args...); err != nil {
		a.Fatal(err)
	}
}

// begin forgets the history before, past every rule that would keep it.
func (a *age) begin() {
	a.exec(`
		SET session_replication_role = replica;
		DELETE FROM suppression; DELETE FROM confirmation; DELETE FROM consent_event; DELETE FROM consent_head; DELETE FROM notice;
		DELETE FROM message; DELETE FROM answers; DELETE FROM submission; DELETE FROM person; DELETE FROM statement_use;
		DELETE FROM statement_version;
		SET session_replication_role = DEFAULT`)
	for i := range rapid.IntRange(1, 4).Draw(a.T, "people") {
		id := uuid.New()
		a.people = append(a.people, id)
		a.exec(`INSERT INTO person (id, email, address_hmac, created_at, verified_at) VALUES ($1::uuid, $2, uuid_send($1::uuid), $3::timestamptz, $3::timestamptz)`,
			id, fmt.Sprintf("p%d@example.com", i), a.house.Now())
	}
}

func (a *age) publish(i int) {
	d := consent.Draft{Statement: consent.Statement{ID: fmt.Sprintf("v%d", i), EffectiveOn: a.last, Digest: []byte{}}}
	for _, kind := range []string{"contact", "demo"} {
		for _, way := range [][2]string{
			{"service", "own department"}, {"service", "processor"}, {"internal", "own department"}, {"newsletter", "own department"},
		} {
			u := consent.Use{Activity: kind, Purpose: way[0], Recipient: way[1], Basis: "consent"}
			u.Data = [][]string{{}, {"name"}, {"email address"}, {"name", "email address"}}[rapid.IntRange(0, 3).Draw(a.T, "data")]
			u.Retention = fmt.Sprintf("%d months", rapid.IntRange(1, 3).Draw(a.T, "months")) +
				rapid.SampledFrom([]string{"", "", " after the last message"}).Draw(a.T, "after")
			if way[0] != "newsletter" && rapid.IntRange(0, 4).Draw(a.T, "basis") > 0 {
				u.Basis = "your request"
				u.Compatible = rapid.SampledFrom([]string{"", "It serves the same end."}).Draw(a.T, "compatible")
			}
			if len(u.Data) > 0 {
				d.Uses = append(d.Uses, u)
			}
		}
	}
	if err := consent.Publish(context.Background(), a.house.Pool, d, a.house.Now()); err != nil {
		a.Fatal(err)
	}
	if err := a.house.Desk.Statements.Refresh(context.Background()); err != nil {
		a.Fatal(err)
	}
}

// send lets some people send something, under the version in force.
func (a *age) send() {
	s, err := a.house.Desk.Statements.InForce()
	if err != nil {
		a.Fatal(err)
	}
	for _, who := range a.people {
		if rapid.Bool().Draw(a.T, "sends") {
			id, now := uuid.New(), a.house.Now()
			a.exec(`INSERT INTO submission (id, person_id, kind, status, reference, created_at, purge_after) VALUES ($1, $2, $3, 'new', 'R', $4::timestamptz, $4::timestamptz)`,
				id, who, rapid.SampledFrom([]string{"contact", "demo"}).Draw(a.T, "kind"), now)
			a.exec(`INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
				VALUES ($1, 1, '\x00', $2, 'en', '{}', $3)`, id, s.ID, now)
		}
	}
}

// live lets mails leave and come back, people object, agree and refuse, and days pass.
func (a *age) live() {
	ctx := context.Background()
	s, err := a.house.Desk.Statements.InForce()
	if err != nil {
		a.Fatal(err)
	}
	a.mail()
	for _, who := range a.people {
		if rapid.IntRange(0, 3).Draw(a.T, "objects") == 0 {
			a.house.Post(a.house.room.ObjectionPath(who), nil)
		}
		if rapid.IntRange(0, 1).Draw(a.T, "is back") == 0 {
			a.exec(`UPDATE person SET bounced_at = NULL WHERE id = $1`, who)
		}
		if choice := rapid.IntRange(0, 2).Draw(a.T, "chooses"); choice > 0 {
			if err := pgx.BeginFunc(ctx, a.house.Pool, func(tx pgx.Tx) error {
				return a.house.Desk.Ledger.Record(ctx, tx, who, consent.Event{
					Purpose: consent.Newsletter, Channel: consent.ByEmail, Granted: choice == 1, Wording: "W", Statement: s.ID, Origin: consent.FromPreferences,
				})
			}); err != nil {
				a.Fatal(err)
			}
		}
	}
	a.house.Advance(time.Duration(rapid.IntRange(0, 45).Draw(a.T, "days")) * 24 * time.Hour)
}

// mail lets some mails leave, and some of those come back, before or after it was noted that they left.
func (a *age) mail() {
	var left []uuid.UUID
	for _, who := range a.people {
		switch rapid.IntRange(0, 4).Draw(a.T, "mail") {
		case 0: // waits
		case 1:
			left = append(left, who)
			fallthrough
		default:
			a.exec(`UPDATE message SET state = 'sent', sent_at = $2 WHERE person_id = $1 AND state = 'queued'`, who, a.house.Now())
		}
	}
	if rapid.Bool().Draw(a.T, "noted") {
		if err := tell(context.Background(), a.house); err != nil {
			a.Fatal(err)
		}
	}
	for _, who := range left {
		a.exec(`UPDATE message SET state = 'failed', bounced_at = $2 WHERE person_id = $1 AND sent_at = $2`, who, a.house.Now())
		a.exec(`UPDATE person SET bounced_at = $2 WHERE id = $1`, who, a.house.Now())
	}
}

func rowsOf[T any](a *age, sql string, args ...any) []T {
	a.Helper()
	rows, err := a.admin.Query(context.Background(), sql, args...)
	if err != nil {
		a.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		a.Fatal(err)
	}
	return list
}

// tell tells of a version, and compares whom.
func (a *age) tell(i int) {
	a.Helper()
	version := fmt.Sprintf("v%d", i)
	want := rowsOf[uuid.UUID](a, toTell, version)
	before := rowsOf[uuid.UUID](a, `SELECT id FROM message`)
	if err := tell(context.Background(), a.house); err != nil {
		a.Fatal(err)
	}
	got := rowsOf[uuid.UUID](a, `SELECT person_id FROM message WHERE basis = $1 AND id <> ALL ($2)`, version, before)
	byID := func(x, y uuid.UUID) int { return slices.Compare(x[:], y[:]) }
	slices.SortFunc(want, byID)
	slices.SortFunc(got, byID)
	if diff := cmp.Diff(got, want); diff != "" {
		a.Fatalf("told of %s (-got +want):\n%s", version, diff)
	}
}

func (a *age) compare() {
	a.Helper()
	if wrong := rowsOf[string](a, wronglyOpen, a.house.Now()); len(wrong) > 0 {
		a.Fatalf("may_use says otherwise than plain SQL of %q", wrong)
	}
}
