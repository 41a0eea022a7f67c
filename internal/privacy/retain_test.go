package privacy_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/privacy"
)

func (h house) retainer(t *testing.T, before ...func(context.Context) error) *privacy.Retainer {
	t.Helper()
	return privacy.NewRetainer(privacy.RetainerConfig{
		Eraser: privacy.NewEraser(privacy.EraserConfig{Desk: h.Desk, Blobs: h.blobs(t)}), Before: before,
		Also: h.Files.Deletes(),
	})
}

// add stores people and records of a kind in SQL, each record with its day.
func (h house) add(t fatal, kind, status string, days ...time.Time) []uuid.UUID {
	var ids []uuid.UUID
	for _, day := range days {
		who, id := uuid.New(), uuid.New()
		email := who.String() + "@example.net"
		for _, q := range []struct {
			sql  string
			args []any
		}{
			{`INSERT INTO person (id, email, address_hmac, created_at) VALUES ($1, $2, $3, $4)`, []any{
				who, email, person.AddressDigest(h.Ring, email), activitytest.Start().AddDate(-3, 0, 0),
			}},
			{`INSERT INTO submission (id, person_id, kind, status, reference, created_at, purge_after)
				VALUES ($1, $2, $3, $4, '', $5, $6)`, []any{
				id, who, kind, status, activitytest.Start().AddDate(-3, 0, 0), day.Format(time.DateOnly),
			}},
			{`INSERT INTO note (id, submission_id, author_id, body, created_at)
				SELECT gen_random_uuid(), $1, id, 'A note.', $2 FROM account LIMIT 1`, []any{id, day}},
		} {
			if _, err := h.Pool.Exec(context.Background(), q.sql, q.args...); err != nil {
				t.Fatal(err)
			}
		}
		ids = append(ids, id)
	}
	return ids
}

type fatal interface{ Fatal(args ...any) }

func (h house) there(t fatal, table string, id uuid.UUID) (there bool) {
	if err := h.Pool.QueryRow(context.Background(), `SELECT EXISTS (SELECT FROM `+table+` WHERE id = $1)`, id).Scan(&there); err != nil {
		t.Fatal(err)
	}
	return there
}

// Whatever the records and the clock: nothing is deleted before its day is over, and everything after, but for what is
// under a legal hold, or restricted so that it is there for a claim.
func TestRetainByDate(t *testing.T) {
	t.Parallel()
	h := bench(t)
	officer := h.officer(t)
	r := h.retainer(t)
	kinds := h.Desk.Activities().Kinds()
	rapid.Check(t, func(rt *rapid.T) {
		today := h.Now().In(clock.Zone())
		offsets := rapid.SliceOfN(rapid.IntRange(-400, 400), 1, 12).Draw(rt, "days")
		type made struct {
			id   uuid.UUID
			day  time.Time
			held bool
		}
		var all []made
		for i, offset := range offsets {
			day := today.AddDate(0, 0, offset)
			m := made{
				h.add(rt, rapid.SampledFrom(kinds).Draw(rt, fmt.Sprint("kind ", i)), "answered", day)[0], day,
				rapid.IntRange(0, 4).Draw(rt, fmt.Sprint("held ", i)) == 0,
			}
			if m.held {
				h.hold(rt, officer, m.id)
			}
			if ground := rapid.SampledFrom([]string{"", "", "", "wish", "unlawful", "claim"}).Draw(rt, fmt.Sprint("ground ", i)); ground != "" {
				if _, err := h.Pool.Exec(context.Background(), `
					INSERT INTO restriction (id, person_id, submission_id, ground, placed_at)
					SELECT gen_random_uuid(), person_id, id, $2, $3 FROM submission WHERE id = $1`, m.id, ground, h.Now()); err != nil {
					rt.Fatal(err)
				}
				m.held = m.held || ground != "wish"
			}
			all = append(all, m)
		}
		for range rapid.IntRange(1, 4).Draw(rt, "nights") {
			h.Advance(time.Duration(rapid.IntRange(0, 200*24).Draw(rt, "hours")) * time.Hour)
			planned, err := r.Plan(context.Background())
			if err != nil {
				rt.Fatal(err)
			}
			done, err := r.Run(context.Background())
			if err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(records(done, kinds), records(planned, kinds)); diff != "" {
				rt.Fatalf("deleted, not as planned (-got +want):\n%s", diff)
			}
			now := h.Now().In(clock.Zone()).Format(time.DateOnly)
			for _, m := range all {
				if want := m.held || m.day.Format(time.DateOnly) >= now; h.there(rt, "submission", m.id) != want {
					rt.Fatalf("on %s the record of %s (held: %t) is there: %t", now, m.day.Format(time.DateOnly), m.held, !want)
				}
			}
		}
	})
}

// records are the lines of kinds of records.
func records(lines []privacy.RetainLine, kinds []string) map[string]int64 {
	list := map[string]int64{}
	for _, l := range lines {
		for _, kind := range kinds {
			if l.Kind == kind && l.Outcome != "facts about deleted records" {
				list[l.Kind+" "+l.Outcome] += l.N
			}
		}
	}
	return list
}

// officer is a member of staff whom holds can name.
func (h house) officer(t *testing.T) uuid.UUID {
	t.Helper()
	id := uuid.New()
	if _, err := h.Pool.Exec(t.Context(), `
		INSERT INTO account (id, email, name, kind, created_at) VALUES ($1, $2, 'Officer', 'staff', $3)`,
		id, id.String()+"@example.com", h.Now()); err != nil {
		t.Fatal(err)
	}
	return id
}

func (h house) hold(t fatal, officer, record uuid.UUID) uuid.UUID {
	id := uuid.New()
	if _, err := h.Pool.Exec(context.Background(), `
		INSERT INTO legal_hold (id, scope, submission_id, ground, officer_id, placed_at, reviewed_at, review_on)
		VALUES ($1, 'record', $2, 'A claim.', $3, $4, $4, $4::timestamptz::date)`, id, record, officer, h.Now()); err != nil {
		t.Fatal(err)
	}
	return id
}

// Beside records, each kind of data goes at its age and no sooner.
func TestRetainByAge(t *testing.T) {
	t.Parallel()
	h := bench(t)
	ctx, admin := t.Context(), pgtest.Admin(t, h.Pool)
	who := h.ask(t, "ada@example.org")
	var record uuid.UUID
	if err := h.Pool.QueryRow(ctx, `SELECT id FROM submission WHERE person_id = $1`, who).Scan(&record); err != nil {
		t.Fatal(err)
	}
	// The second fence of facts goes by the database's own clock.
	real := time.Now()
	month := func(n int) time.Time { return h.Now().AddDate(0, -n, 0) }
	officer := h.officer(t)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := admin.Exec(ctx, sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, months := range []int{11, 13, 17, 19, 23, 25} {
		at := month(months)
		exec(`INSERT INTO audit_event (at, actor_role, action, object) VALUES ($1, 'privacy', 'read', 'person')`, at)
		exec(`INSERT INTO submission_event (submission_id, kind, actor_role, at) VALUES (gen_random_uuid(), 'moved', 'system', $1)`, at)
		exec(`INSERT INTO content_change (kind, row_id, editor_role, action, version, old, new, at)
			VALUES ('news', gen_random_uuid(), 'marketer', 'edited', 1, '{}', '{}', $1)`, at)
		exec(`INSERT INTO message (id, submission_id, purpose, template, address, data, state, next_at, created_at)
			VALUES (gen_random_uuid(), $2, 'internal', 'inbox', 'inbox@example.com', '{"a": 1}', 'sent', $1, $1)`, at, record)
		exec(`INSERT INTO legal_hold (id, scope, submission_id, ground, officer_id, placed_at, reviewed_at, review_on, lifted_at, lifted_by)
			VALUES (gen_random_uuid(), 'record', gen_random_uuid(), 'A claim.', $2, $1, $1, $1::timestamptz::date, $1, $2)`, at, officer)
	}
	if real.Before(month(0).AddDate(0, -1, 0)) {
		t.Fatal("the clock of the bench is far ahead of the real one: facts look too young")
	}
	lines, err := h.retainer(t).Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(counted(lines), map[string]int64{
		"audit: who read, changed, exported":      1,
		"submission: facts about deleted records": 1,
		"content: who changed what is public":     1,
		"message: words of mails":                 5,
		"hold: lifted":                            1,
	}); diff != "" {
		t.Errorf("deleted (-got +want):\n%s", diff)
	}
	wantState(t, h, who, "with a record that stays", "known words mail")
}

// What rooms delete stands in the plan, and goes as planned, each once.
func TestRetainOfRooms(t *testing.T) {
	t.Parallel()
	h := bench(t)
	ctx := t.Context()
	r := h.retainer(t)
	lapsed := h.add(t, "newsletter", "new", h.Now().AddDate(0, 0, 3))[0]
	both := h.add(t, "newsletter", "new", h.Now().AddDate(0, 0, -2))[0] // past its own day too: it counts as a record
	for expires, name := range map[time.Duration]string{-time.Hour: "over", time.Hour: "soon"} {
		if _, err := h.Pool.Exec(ctx, `
			INSERT INTO file (id, state, field, name, media_type, size, sha256, blob, key, scan, scan_next_at, created_at, expires_at)
			VALUES (gen_random_uuid(), 'staged', 'cv', $2, 'text/plain', 1, sha256(''), $2, 'k', 'clean', $1, $1, $1)`,
			h.Now().Add(expires), name); err != nil {
			t.Fatal(err)
		}
	}
	ofRooms := map[string]int64{"subscription: never confirmed": 1, "file: chosen, never sent": 1}
	plan, err := r.Plan(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(ofRooms)
	want["newsletter: new"] = 1
	if diff := cmp.Diff(counted(plan), want); diff != "" {
		t.Errorf("planned (-got +want):\n%s", diff)
	}
	lines, err := r.RunRooms(ctx)
	if diff := cmp.Diff(counted(lines), ofRooms); err != nil || diff != "" {
		t.Errorf("deleted by the hour: %v (-got +want):\n%s", err, diff)
	}
	if h.there(t, "submission", lapsed) || !h.there(t, "submission", both) {
		t.Error("a request that nobody confirmed is there, or the hour deleted what is the night's")
	}
	if _, err := r.Run(ctx); err != nil || h.there(t, "submission", both) {
		t.Errorf("the night left what is past its day: %v", err)
	}
}

func counted(lines []privacy.RetainLine) map[string]int64 {
	list := map[string]int64{}
	for _, l := range lines {
		list[l.Kind+": "+l.Outcome] += l.N
	}
	return list
}

// A person about whom nothing is held any more is emptied; one who agreed to something, or is under a hold, is not.
func TestRetainPeople(t *testing.T) {
	t.Parallel()
	h := bench(t)
	ctx := t.Context()
	day := h.Now().AddDate(0, 0, -2)
	ids := h.add(t, "contact", "new", day, day, day)
	people := make([]uuid.UUID, len(ids))
	for i, id := range ids {
		if err := h.Pool.QueryRow(ctx, `SELECT person_id FROM submission WHERE id = $1`, id).Scan(&people[i]); err != nil {
			t.Fatal(err)
		}
	}
	h.agreed(t, people[1])
	h.hold(t, h.officer(t), ids[2])
	fresh := h.ask(t, "fresh@example.org")
	if _, err := h.retainer(t).Run(ctx); err != nil {
		t.Fatal(err)
	}
	wantState(t, h, people[0], "with nothing left", "emptied")
	wantState(t, h, people[1], "with a consent", "known")
	wantState(t, h, people[2], "with a record under a hold", "known")
	wantState(t, h, fresh, "with a record", "known words mail")
}

// What a batch that fails did not delete is not reported either.
func TestRetainReportsWhatIsGone(t *testing.T) {
	t.Parallel()
	h := bench(t)
	ctx, admin := t.Context(), pgtest.Admin(t, h.Pool)
	day := h.Now().AddDate(0, 0, -2)
	h.add(t, "contact", "new", day, day)
	if _, err := admin.Exec(ctx, `
		CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF EXISTS (SELECT FROM person WHERE erased_at IS NOT NULL) THEN RAISE 'only one is emptied'; END IF;
			RETURN NEW;
		END $$;
		CREATE TRIGGER fails BEFORE UPDATE ON person FOR EACH ROW EXECUTE FUNCTION fails()`); err != nil {
		t.Fatal(err)
	}
	lines, err := h.retainer(t).Run(ctx)
	if got := counted(lines)["person: nothing is held any more"]; err == nil || got != 0 {
		t.Errorf("%d people reported as deleted in a batch that failed: %v", got, err)
	}
	if _, err := admin.Exec(ctx, `DROP TRIGGER fails ON person`); err != nil {
		t.Fatal(err)
	}
	if lines, err = h.retainer(t).Run(ctx); err != nil {
		t.Fatal(err)
	}
	var oldest *time.Time
	var reported int64
	if err := h.Pool.QueryRow(ctx, `
		SELECT sum(n)::bigint, min(oldest) FROM retention_line WHERE kind = 'person'`).Scan(&reported, &oldest); err != nil {
		t.Fatal(err)
	}
	if got := counted(lines)["person: nothing is held any more"]; got != 2 || reported != 2 || oldest == nil {
		t.Errorf("%d people deleted, %d reported to staff, the oldest of %v", got, reported, oldest)
	}
}

// agreed lets a person agree to the newsletter, provenly.
func (h house) agreed(t *testing.T, who uuid.UUID) {
	t.Helper()
	if _, err := h.Pool.Exec(t.Context(), `
		INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
		VALUES ($1, 'newsletter', 'email', true, 'Yes.', (SELECT min(id) FROM statement_version), 'preferences', $2)`,
		who, h.Now().AddDate(-2, 0, 0)); err != nil {
		t.Fatal(err)
	}
}

// What rooms do before records go must be done, or nothing goes. Mail that was written goes with its message.
func TestRetainInOrder(t *testing.T) {
	t.Parallel()
	h := bench(t)
	ctx := t.Context()
	id := h.add(t, "survey", "new", h.Now().AddDate(0, 0, -2))[0]
	if _, err := h.retainer(t, func(context.Context) error { return errCut }).Run(ctx); !errors.Is(err, errCut) || !h.there(t, "submission", id) {
		t.Errorf("got %v", err)
	}
	orphan := filepath.Join(h.MailDir, uuid.NewString()+".eml")
	h.ask(t, "ada@example.org")
	if err := h.Mail.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(orphan, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.retainer(t).Run(ctx); err != nil || h.there(t, "submission", id) {
		t.Errorf("got %v", err)
	}
	left, err := filepath.Glob(filepath.Join(h.MailDir, "*.eml"))
	if err != nil || len(left) == 0 {
		t.Errorf("mails of messages that are there went too: %v", err)
	}
	if _, err := os.Stat(orphan); !os.IsNotExist(err) {
		t.Errorf("a mail without a message stays: %v", err)
	}
}

// The letter as it was sent is kept as long as the words of which it was made.
func TestRetainSparesHeldMail(t *testing.T) {
	t.Parallel()
	h := bench(t)
	ctx := t.Context()
	record := h.newest(t, h.ask(t, "ada@example.org"))
	if err := h.Mail.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	hold := h.hold(t, h.officer(t), record)
	written := func() int {
		t.Helper()
		if _, err := h.retainer(t).Run(ctx); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(h.MailDir, "*.eml"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	before := written()
	h.Advance(500 * 24 * time.Hour)
	if n := written(); before == 0 || n != before {
		t.Errorf("%d letters of %d are left under a hold", n, before)
	}
	if _, err := h.Pool.Exec(ctx, `UPDATE legal_hold SET lifted_at = $2, lifted_by = officer_id WHERE id = $1`, hold, h.Now()); err != nil {
		t.Fatal(err)
	}
	if n := written(); n != 0 {
		t.Errorf("%d letters are left once it is lifted", n)
	}
}

// What a hold on all of a kind stops is nothing that a rehearsal finds fault with.
func TestRehearsalsPassUnderHolds(t *testing.T) {
	t.Parallel()
	h := bench(t)
	retainer, officer := h.retainer(t), h.officer(t)
	for _, a := range h.Desk.Activities() {
		if _, err := h.Pool.Exec(t.Context(), `
			INSERT INTO legal_hold (id, scope, kind, from_day, to_day, ground, officer_id, placed_at, reviewed_at, review_on)
			SELECT gen_random_uuid(), 'kind', $1, d - 400, d + 400, 'A claim.', $2, $3, $3, d
			FROM (SELECT $3::timestamptz::date AS d) x`, a.Kind, officer, h.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range retainer.Checks() {
		if err := c.Run(t.Context()); err != nil {
			t.Errorf("%s, %s: %v", c.Promise, c.Name, err)
		}
	}
}

// A record that can't be deleted keeps no other, of its batch or later, and is told.
func TestRetainGoesOnAfterOneThatFails(t *testing.T) {
	t.Parallel()
	h := bench(t)
	ctx := t.Context()
	var days []time.Time
	for i := range 210 { // more than one batch
		days = append(days, h.Now().AddDate(0, 0, -500+i))
	}
	ids := h.add(t, "survey", "new", days...)
	owner := pgtest.Admin(t, h.Pool)
	for _, sql := range []string{
		`CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stuck'; END $$`,
		`CREATE TRIGGER stuck BEFORE DELETE ON submission FOR EACH ROW WHEN (OLD.id = '` + ids[5].String() + `') EXECUTE FUNCTION stuck()`,
	} {
		if _, err := owner.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	lines, err := h.retainer(t).Run(ctx)
	if err == nil || !strings.Contains(err.Error(), ids[5].String()) {
		t.Errorf("the record that stays is not told: %v", err)
	}
	if n := counted(lines)["survey: new"]; n != 209 {
		t.Errorf("%d deleted", n)
	}
	if !h.there(t, "submission", ids[5]) || h.there(t, "submission", ids[4]) || h.there(t, "submission", ids[209]) {
		t.Error("not exactly the one is left")
	}
}
