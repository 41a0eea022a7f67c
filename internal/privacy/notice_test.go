package privacy_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/mail/mailtest"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/web"
)

var _ = flag.Bool("update", false, "write the golden files")

// sender is somebody of whom records are held.
type sender struct {
	id                         uuid.UUID
	erased, bounced, confirmed bool
	records                    [][2]string // kind and version shown
}

// fill stores senders and their records, as the years have left them.
func fill(t *testing.T, h house, senders []sender) {
	t.Helper()
	ctx := context.Background()
	admin := pgtest.Admin(t, h.Pool)
	revision := []byte("revision of the test")
	if _, err := admin.Exec(ctx, `
		INSERT INTO form_revision (digest, kind, fields, wording, lang, created_at) VALUES ($1, 'contact', '[]', '{}', 'en', $2)`,
		revision, h.Now()); err != nil {
		t.Fatal(err)
	}
	b := &pgx.Batch{}
	for _, s := range senders {
		b.Queue(`
			INSERT INTO person (id, email, address_hmac, created_at, verified_at, bounced_at, erased_at)
			VALUES ($1::uuid, CASE WHEN $2 THEN NULL ELSE $1::uuid || '@example.com' END, uuid_send($1::uuid), $5::timestamptz,
				CASE WHEN $4 THEN $5::timestamptz END, CASE WHEN $3 THEN $5::timestamptz END, CASE WHEN $2 THEN $5::timestamptz END)`,
			s.id, s.erased, s.bounced, s.confirmed, h.Now())
		for _, record := range s.records {
			id := uuid.New()
			b.Queue(`
				INSERT INTO submission (id, person_id, kind, status, reference, created_at, status_since, purge_after)
				VALUES ($1::uuid, $2, $3, 'new', $1::uuid::text, $4::timestamptz, $4::timestamptz, $4::timestamptz)`, id, s.id, record[0], h.Now())
			b.Queue(`
				INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
				VALUES ($1, 1, $2, $3, 'en', '{}', $4)`, id, revision, record[1], h.Now())
		}
	}
	if err := admin.SendBatch(ctx, b).Close(); err != nil {
		t.Fatal(err)
	}
}

// publishWider publishes a version that names a new use of what came by the contact form.
func publishWider(t *testing.T, h house, compatible string) {
	t.Helper()
	publishWiderOn(t, h, compatible, "2026-11-20", 2)
}

// publishWiderOn does so under an id, to take effect days after the newest real one.
func publishWiderOn(t *testing.T, h house, compatible, id string, days int) {
	t.Helper()
	if err := publishUse(h, id, days, func(u *consent.Use) { u.Compatible = compatible }); err != nil {
		t.Fatal(err)
	}
}

// publishUse publishes what change makes of a wider use of contact.
func publishUse(h house, id string, days int, change func(*consent.Use)) error {
	return publishUses(h, id, days, func(u *consent.Use) {
		if u.Activity == "contact" && u.Purpose == "service" && u.Recipient == "own department" {
			u.Data = append(slices.Clone(u.Data), "time of day")
			change(u)
		}
	})
}

// publishUses publishes what change makes of each use.
func publishUses(h house, id string, days int, change func(*consent.Use)) error {
	ctx := context.Background()
	d, err := consent.ReadDraft(web.FS, "2026-11-18")
	if err != nil {
		return err
	}
	d.ID, d.EffectiveOn = id, d.EffectiveOn.AddDate(0, 0, days)
	for i := range d.Uses {
		change(&d.Uses[i])
	}
	if err := consent.Publish(ctx, h.Pool, d, h.Now()); err != nil {
		return err
	}
	return h.Desk.Statements.Refresh(ctx)
}

// tell runs the worker that tells people, as if an hour had passed since all were last gone through.
func tell(ctx context.Context, h house) error {
	if _, err := h.Pool.Exec(context.WithoutCancel(ctx), `UPDATE telling SET walked_at = '2000-01-01'`); err != nil {
		return err
	}
	return tellAnew(ctx, h)
}

// tellAnew is one more run of the worker, some minutes later.
func tellAnew(ctx context.Context, h house) error {
	for _, w := range h.room.Activity().Work {
		if w.Name == "notices" {
			return w.Run(ctx)
		}
	}
	return fmt.Errorf("no worker")
}

// notice is the mail that told somebody.
func (h house) notice(ctx context.Context, who uuid.UUID) (id uuid.UUID) {
	_ = h.Pool.QueryRow(ctx, `SELECT id FROM message WHERE person_id = $1 AND template = 'statement-changed'`, who).Scan(&id)
	return id
}

// comesBack lets the mail that told somebody come back, days after it left.
func (h house) comesBack(ctx context.Context, who uuid.UUID) error {
	return h.Mail.Bounce(ctx, strings.NewReader(strings.ReplaceAll(`Content-Type: multipart/report; report-type=delivery-status; boundary=B

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.com

Final-Recipient: rfc822; gone@example.com
Action: failed
Status: 5.1.1

--B
Content-Type: text/rfc822-headers

Message-ID: <`+h.Ring.Token("message id", h.notice(ctx, who))+`@example.test>
--B--
`, "\n", "\r\n")))
}

func told(t *testing.T, h house) map[uuid.UUID]int {
	t.Helper()
	rows, err := h.Pool.Query(context.Background(), `SELECT person_id FROM message WHERE template = 'statement-changed'`)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		t.Fatal(err)
	}
	list := map[uuid.UUID]int{}
	for _, id := range ids {
		list[id]++
	}
	return list
}

// TestEverybodyConcernedIsToldOnce generates people, versions and kinds, cuts the job off in the middle, lets it go on, and
// compares with what each person's records say.
func TestEverybodyConcernedIsToldOnce(t *testing.T) {
	h := bench(t)
	random := rand.New(rand.NewPCG(20061205, 18))
	versions := []string{"2006-12-05", "2026-11-16", "2026-11-18"}
	kinds := []string{"contact", "demo", "webinar"}
	senders := make([]sender, 1700)
	want := map[uuid.UUID]int{}
	for i := range senders {
		s := sender{
			id: uuid.New(), erased: random.IntN(10) == 0, bounced: random.IntN(10) == 0, confirmed: random.IntN(2) == 0,
		}
		concerned := false
		for range random.IntN(4) {
			kind, version := kinds[random.IntN(3)], versions[random.IntN(3)]
			s.records = append(s.records, [2]string{kind, version})
			// The new version says more of contact; those before it said more of everything than what came before them.
			concerned = concerned || kind == "contact" || version != "2026-11-18"
		}
		if concerned && !s.erased && !s.bounced {
			want[s.id] = 1
		}
		senders[i] = s
	}
	fill(t, h, senders)
	publishWider(t, h, "It is what they asked us for.")
	if got := cutOff(t, h); got == 0 || got == len(want) {
		t.Fatalf("%d of %d were told when the job was cut off: that is not the middle", got, len(want))
	}
	for range 2 {
		if err := tell(context.Background(), h); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(told(t, h), want); diff != "" {
		t.Errorf("told (-got +want):\n%.2000s", diff)
	}
	var loose, telling int
	if err := h.Pool.QueryRow(context.Background(), `
		SELECT count(*) FILTER (WHERE p.verified_at IS NULL AND (m.data -> 'Uses' <> 'null' OR m.data -> 'Asked' <> 'null')),
			count(*) FILTER (WHERE p.verified_at IS NOT NULL AND m.data ->> 'Uses' LIKE '%time of day%')
		FROM message m JOIN person p ON p.id = m.person_id WHERE m.template = 'statement-changed'`).Scan(&loose, &telling); err != nil {
		t.Fatal(err)
	}
	if loose > 0 || telling == 0 {
		t.Errorf("%d mails to unconfirmed addresses say what was sent in their name; %d mails say what is new", loose, telling)
	}
}

// Whose mail came back is told once more where the address was corrected since, and not before.
func TestCorrectedAddressIsTold(t *testing.T) {
	h := bench(t)
	ctx := context.Background()
	who := uuid.New()
	fill(t, h, []sender{{id: who, confirmed: true, records: [][2]string{{"contact", "2026-11-01"}}}})
	publishWider(t, h, "It is what they asked us for.")
	count := func() int {
		t.Helper()
		h.Advance(2 * time.Hour)
		if err := tell(ctx, h); err != nil {
			t.Fatal(err)
		}
		return told(t, h)[who]
	}
	if n := count(); n != 1 {
		t.Fatalf("told %d times", n)
	}
	if err := h.Mail.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.comesBack(ctx, who); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 1 {
		t.Errorf("told %d times at an address from which it came back", n)
	}
	if err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error { return h.Desk.People.ChangeAddress(ctx, tx, who, "right@example.com") }); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n := count(); n != 2 {
			t.Errorf("told %d times once the address is right", n)
		}
	}
	var address string
	if err := h.Pool.QueryRow(ctx, `SELECT m.address FROM message m WHERE id = $1`, h.notice(ctx, who)).Scan(&address); err != nil || address != "right@example.com" {
		t.Errorf("the notice is that to %q (%v)", address, err)
	}
}

// TestTellingWaitsForTheMails tells more people than mails may wait, and has some leave whenever it waits.
func TestTellingWaitsForTheMails(t *testing.T) {
	h := bench(t)
	const all, ahead, atOnce = 1200, 100, 500
	senders := make([]sender, all)
	for i := range senders {
		senders[i] = sender{id: uuid.New(), confirmed: true, records: [][2]string{{"contact", "2006-12-05"}}}
	}
	fill(t, h, senders)
	most, rests := 0, 0
	h.room.Ahead(ahead, func(ctx context.Context) {
		rests++
		var queued int
		if err := h.Pool.QueryRow(ctx, `SELECT count(*) FROM message WHERE state = 'queued'`).Scan(&queued); err != nil {
			t.Error(err)
		}
		most = max(most, queued)
		if _, err := h.Pool.Exec(ctx, `UPDATE message SET state = 'sent', sent_at = created_at WHERE state = 'queued'`); err != nil {
			t.Error(err)
		}
	})
	if err := tell(context.Background(), h); err != nil {
		t.Fatal(err)
	}
	if got := told(t, h); len(got) != all || rests != 3 || most > ahead+atOnce {
		t.Errorf("%d of %d told, after %d rests, with up to %d mails waiting", len(got), all, rests, most)
	}
}

// cutOff ends the job as soon as some were told, and returns how many.
func cutOff(t *testing.T, h house) int {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			var n int
			if h.Pool.QueryRow(ctx, `SELECT count(*) FROM notice`).Scan(&n) == nil && n > 0 {
				cancel()
			}
		}
	}()
	_ = tell(ctx, h) // cut off, or done
	cancel()
	<-done
	return len(told(t, h))
}

// TestOldRecordsAreHeld follows the record of four people through a change of use, at the gate.
func TestOldRecordsAreHeld(t *testing.T) {
	h := bench(t)
	ctx := context.Background()
	people := map[string]*sender{}
	for _, name := range []string{"told", "objects", "phones", "bounces", "again", "recent"} {
		people[name] = &sender{id: uuid.New(), confirmed: true, records: [][2]string{{"contact", "2006-12-05"}}}
	}
	people["recent"].records[0][1] = "2026-11-18"
	fill(t, h, []sender{*people["told"], *people["objects"], *people["phones"], *people["bounces"], *people["again"], *people["recent"]})
	publishWider(t, h, "It is what they asked us for.")
	if err := h.room.ObjectFor(ctx, people["phones"].id, uuid.New()); err != nil { // before anybody is told
		t.Fatal(err)
	}
	if err := tell(ctx, h); err != nil {
		t.Fatal(err)
	}
	open := func() []string {
		t.Helper()
		var list []string
		for _, name := range slices.Sorted(maps.Keys(people)) {
			var passes bool
			if err := h.Pool.QueryRow(ctx, `
				SELECT may_send(jsonb_populate_record(NULL::message, jsonb_build_object('purpose', 'service', 'channel', 'email',
					'person_id', s.person_id, 'submission_id', s.submission_id, 'address', p.email, 'basis', s.version,
					'created_at', $2::timestamptz))) IS NULL
				FROM collected s JOIN person p ON p.id = s.person_id WHERE s.person_id = $1`,
				people[name].id, h.Now()).Scan(&passes); err != nil {
				t.Fatal(err)
			}
			if passes {
				list = append(list, name)
			}
		}
		return list
	}
	steps := []struct {
		name string
		do   func() error
		want string
	}{
		{"before any mail left", func() error { return nil }, "recent"},
		{"the mails leave", func() error { return h.Mail.Drain(ctx) }, "recent"},
		{"it is noted, and two come back", func() error {
			return errors.Join(tell(ctx, h), h.comesBack(ctx, people["bounces"].id), h.comesBack(ctx, people["again"].id))
		}, "recent"},
		{"one objects", func() error {
			w := h.Post(h.room.ObjectionPath(people["objects"].id), nil)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "You objected") {
				return fmt.Errorf("%d %.300s", w.Code, w.Body)
			}
			return tell(ctx, h)
		}, "recent"},
		{"29 days, and one is sent again", func() error {
			h.Advance(29 * 24 * time.Hour)
			return errors.Join(h.Mail.Retry(ctx, h.notice(ctx, people["again"].id)), h.Mail.Drain(ctx), tell(ctx, h))
		}, "recent"},
		{"31 days", func() error { h.Advance(2 * 24 * time.Hour); return tell(ctx, h) }, "recent told"},
		{"the version in force asks for consent", func() error {
			defer h.Advance(60 * 24 * time.Hour)
			return publishUse(h, "2026-12-31", 43, func(u *consent.Use) { u.Basis = "your consent" })
		}, "recent"},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := strings.Join(open(), " "); got != step.want {
			t.Errorf("%s: the gate opens for %q, want %q", step.name, got, step.want)
		}
	}
	once := map[uuid.UUID]int{}
	for _, name := range []string{"told", "objects", "phones", "bounces", "again", "recent"} {
		once[people[name].id] = 1
	}
	if diff := cmp.Diff(told(t, h), once); diff != "" {
		t.Errorf("told (-got +want):\n%s", diff)
	}
}

// TestOfficeObjectionCoversTheSameDay objects by phone to a version that takes effect on the day of the one that was shown.
func TestOfficeObjectionCoversTheSameDay(t *testing.T) {
	h := bench(t)
	ctx := t.Context()
	phones, told := sender{id: uuid.New(), confirmed: true}, sender{id: uuid.New(), confirmed: true}
	phones.records, told.records = [][2]string{{"contact", "2026-11-18"}}, [][2]string{{"contact", "2026-11-18"}}
	fill(t, h, []sender{phones, told})
	publishWiderOn(t, h, "It is what they asked us for.", "2026-11-18b", 0)
	if err := errors.Join(h.room.ObjectFor(ctx, phones.id, uuid.New()), tell(ctx, h), h.Mail.Drain(ctx)); err != nil {
		t.Fatal(err)
	}
	h.Advance(31 * 24 * time.Hour)
	if err := tell(ctx, h); err != nil {
		t.Fatal(err)
	}
	rows, err := h.Pool.Query(ctx, `SELECT person_id FROM submission WHERE may_use(id, 'service', 'own department', 'time of day', $1)`, h.Now())
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if diff := cmp.Diff(got, []uuid.UUID{told.id}); err != nil || diff != "" {
		t.Errorf("opens for %v (-got +want):\n%s", err, diff)
	}
}

// TestRelayOpensByNotice holds that what was sent in when no statement named a company is handed to a relay 30 days after its
// sender was told of one, and not to that of somebody who objects.
func TestRelayOpensByNotice(t *testing.T) {
	h := bench(t)
	ctx := t.Context()
	told, objects := sender{id: uuid.New(), confirmed: true}, sender{id: uuid.New(), confirmed: true}
	told.records, objects.records = [][2]string{{"demo", "2006-12-05"}}, [][2]string{{"demo", "2006-12-05"}}
	fill(t, h, []sender{told, objects})
	err := publishUses(h, "2026-11-20", 2, func(u *consent.Use) {
		if u.Activity == "demo" && u.Purpose == "service" && u.Recipient == "processor" {
			u.Compatible = "The same mail, carried by a company under contract."
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tell(ctx, h), h.Mail.Drain(ctx)); err != nil {
		t.Fatal(err)
	}
	if w := h.Post(h.room.ObjectionPath(objects.id), nil); w.Code != http.StatusOK {
		t.Fatalf("object: %d", w.Code)
	}
	for _, step := range []struct {
		days int
		want []uuid.UUID
	}{{0, []uuid.UUID{}}, {29, []uuid.UUID{}}, {2, []uuid.UUID{told.id}}} {
		h.Advance(time.Duration(step.days) * 24 * time.Hour)
		if err := tell(ctx, h); err != nil {
			t.Fatal(err)
		}
		rows, err := h.Pool.Query(ctx, `
			SELECT person_id FROM submission WHERE may_hand_over(jsonb_populate_record(NULL::message, jsonb_build_object(
				'purpose', 'service', 'template', 'letter', 'person_id', person_id, 'submission_id', id)), $1) IS NULL`, h.Now())
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if diff := cmp.Diff(got, step.want); err != nil || diff != "" {
			t.Errorf("%d days on: %v (-got +want):\n%s", step.days, err, diff)
		}
	}
}

func TestChangeOfWordsTellsNobody(t *testing.T) {
	h := bench(t)
	fill(t, h, []sender{{id: uuid.New(), confirmed: true, records: [][2]string{{"contact", "2026-11-18"}, {"demo", "2026-11-18"}}}})
	d, err := consent.ReadDraft(web.FS, "2026-11-18")
	if err != nil {
		t.Fatal(err)
	}
	d.ID, d.EffectiveOn, d.Body = "2026-11-20", d.EffectiveOn.AddDate(0, 0, 2), strings.ReplaceAll(d.Body, "isn't", "is not")
	if err := consent.Publish(context.Background(), h.Pool, d, h.Now()); err != nil {
		t.Fatal(err)
	}
	if err := h.Desk.Statements.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := tell(context.Background(), h); err != nil {
		t.Fatal(err)
	}
	if got := told(t, h); len(got) > 0 {
		t.Errorf("%d told of a change of words", len(got))
	}
}

// TestAllAreGoneThroughHourly has somebody to be told who was not a moment ago, as one whose record came back from quarantine:
// everybody is gone through again within the hour, not every few minutes.
func TestAllAreGoneThroughHourly(t *testing.T) {
	t.Parallel()
	h := bench(t)
	ctx := t.Context()
	first := sender{id: uuid.New(), confirmed: true, records: [][2]string{{"demo", "2006-12-05"}}}
	later := sender{id: uuid.New(), confirmed: true, records: [][2]string{{"demo", "2006-12-05"}}}
	fill(t, h, []sender{first, later})
	apart := func(since *time.Time) {
		t.Helper()
		if _, err := h.Pool.Exec(ctx, `UPDATE submission SET quarantined_at = $2 WHERE person_id = $1`, later.id, since); err != nil {
			t.Fatal(err)
		}
	}
	now := h.Now()
	apart(&now)
	publishWider(t, h, "It is what they asked us for.")
	for i, want := range []map[uuid.UUID]int{{first.id: 1}, {first.id: 1}, {first.id: 1, later.id: 1}} {
		if err := tellAnew(ctx, h); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(told(t, h), want); diff != "" {
			t.Errorf("run %d told (-got +want):\n%s", i+1, diff)
		}
		if i == 0 {
			apart(nil)
		}
		if i == 1 {
			h.Advance(time.Hour + time.Minute)
		}
	}
}

// TestMailsTellWhatIsNew tells three people of a wider version and nobody of the same in other words; each reads of what the
// version that they saw did not say.
func TestMailsTellWhatIsNew(t *testing.T) {
	h := bench(t)
	ctx := context.Background()
	list := []sender{
		{id: uuid.New(), confirmed: true, records: [][2]string{{"contact", "2026-11-18"}}},
		{id: uuid.New(), confirmed: true, records: [][2]string{{"contact", "2026-11-18"}, {"demo", "2006-12-05"}}},
		{id: uuid.New(), confirmed: true, records: [][2]string{{"demo", "2026-11-18"}}},
	}
	fill(t, h, list)
	publishWider(t, h, "It is what they asked us for.")
	if err := tell(ctx, h); err != nil {
		t.Fatal(err)
	}
	publishWiderOn(t, h, "It is what they asked us for.", "2026-11-21", 3)
	if err := tell(ctx, h); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(told(t, h), map[uuid.UUID]int{list[0].id: 1, list[1].id: 1}); diff != "" {
		t.Fatalf("told (-got +want):\n%s", diff)
	}
	var data privacy.ChangedMail
	if err := h.Pool.QueryRow(ctx, `SELECT data FROM message WHERE person_id = $1`, list[0].id).Scan(&data); err != nil {
		t.Fatal(err)
	}
	if len(data.Uses) != 1 || !strings.HasSuffix(data.Uses[0], "now also: time of day.") || data.ChangesURL != "/privacy/changes/2026-11-18...2026-11-20" {
		t.Errorf("who had read all but one thing is told %q, %s", data.Uses, data.ChangesURL)
	}
	data = privacy.ChangedMail{}
	if err := h.Pool.QueryRow(ctx, `SELECT data FROM message WHERE person_id = $1`, list[1].id).Scan(&data); err != nil {
		t.Fatal(err)
	}
	if len(data.Asked) < 5 || len(data.Uses) != 1 || data.ChangesURL != "/privacy/changes/2006-12-05...2026-11-20" {
		t.Errorf("who had read the first version is told %q, %q, %s", data.Asked, data.Uses, data.ChangesURL)
	}
}

// TestRecordKeepsItsTimeLimit moves the day of deletion of a record for longer than its sender read of.
func TestRecordKeepsItsTimeLimit(t *testing.T) {
	h := bench(t)
	fill(t, h, []sender{{id: uuid.New(), records: [][2]string{{"contact", "2026-11-16"}}}})
	for move, want := range map[string]string{"1 month": "1 month", "18 months": "18 months", "30 months": "18 months 1 day"} {
		isKept(t, h, move, want)
	}
}

// TestNoticeKeepsNoLongerThanInForce tells a sender of a use with a time limit, and then puts a version with a shorter one in
// force.
func TestNoticeKeepsNoLongerThanInForce(t *testing.T) {
	h := bench(t)
	ctx := context.Background()
	fill(t, h, []sender{{id: uuid.New(), confirmed: true, records: [][2]string{{"contact", "2006-12-05"}}}})
	publishWider(t, h, "It is what they asked us for.")
	if err := tell(ctx, h); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Pool.Exec(ctx, `UPDATE notice SET delivered_at = now() - interval '31 days'`); err != nil {
		t.Fatal(err)
	}
	isKept(t, h, "30 months", "18 months 1 day")
	if err := publishUse(h, "2026-11-21", 3, func(u *consent.Use) { u.Retention = "6 months after the answer" }); err != nil {
		t.Fatal(err)
	}
	isKept(t, h, "30 months", "6 months 1 day")
}

// isKept moves the day of deletion of the one record, wants it within a day of another span, and moves it back.
func isKept(t *testing.T, h house, move, want string) {
	t.Helper()
	ctx := context.Background()
	var day, latest time.Time
	if err := h.Pool.QueryRow(ctx, `
		UPDATE submission SET purge_after = greatest(now(), status_since)::date + $1::text::interval RETURNING purge_after,
			((greatest(now(), status_since) AT TIME ZONE 'America/Chicago') + $2::text::interval)::date`, move, want).Scan(&day, &latest); err != nil {
		t.Fatal(err)
	}
	if off := day.Sub(latest); off < -24*time.Hour || off > 24*time.Hour {
		t.Errorf("moved by %s: kept until %s, want %s", move, day.Format(time.DateOnly), latest.Format(time.DateOnly))
	}
	if _, err := h.Pool.Exec(ctx, `UPDATE submission SET purge_after = '2026-01-01'`); err != nil {
		t.Fatal(err)
	}
}

// TestMessageDatedAhead dates a message after the days in which its reader may object.
func TestMessageDatedAhead(t *testing.T) {
	h := bench(t)
	ctx := context.Background()
	who := sender{id: uuid.New(), confirmed: true, records: [][2]string{{"contact", "2006-12-05"}}}
	fill(t, h, []sender{who})
	publishWider(t, h, "It is what they asked us for.")
	if err := tell(ctx, h); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Pool.Exec(ctx, `UPDATE notice SET delivered_at = now()`); err != nil {
		t.Fatal(err)
	}
	_, err := h.Pool.Exec(ctx, `
		INSERT INTO message (id, person_id, submission_id, purpose, template, basis, address, next_at, created_at)
		SELECT gen_random_uuid(), c.person_id, c.submission_id, 'service', 'letter', c.version, p.email, now(), now() + interval '90 days'
		FROM collected c JOIN person p ON p.id = c.person_id`)
	if err == nil || !strings.Contains(err.Error(), "names no service mail") {
		t.Errorf("a message of three months ahead: %v", err)
	}
}

// TestMessageThatWaited stores a message about an old record whose sender was told of the use, and lets it leave days later,
// when the version in force still names that use or no longer does.
func TestMessageThatWaited(t *testing.T) {
	for want, narrower := range map[string]bool{"sent": false, "withheld": true} {
		t.Run(want, func(t *testing.T) {
			h := bench(t)
			fill(t, h, []sender{{id: uuid.New(), confirmed: true, records: [][2]string{{"contact", "2006-12-05"}}}})
			publishWider(t, h, "It is what they asked us for.")
			if err := tell(t.Context(), h); err != nil {
				t.Fatal(err)
			}
			h.Mails(t)
			var record uuid.UUID
			if err := h.Pool.QueryRow(t.Context(), `
				WITH heard AS (UPDATE notice SET delivered_at = $1::timestamptz - interval '31 days')
				SELECT id FROM submission`, h.Now()).Scan(&record); err != nil {
				t.Fatal(err)
			}
			h.writes(t, record)
			if _, err := h.Pool.Exec(t.Context(), `UPDATE message SET next_at = $1 WHERE state = 'queued'`, h.Now().Add(72*time.Hour)); err != nil {
				t.Fatal(err)
			}
			if narrower {
				publishWithoutMails(t, h, "2026-11-24", 6)
			}
			h.Advance(72 * time.Hour)
			h.Mails(t)
			if got := h.mailed(t, record); got != "letter "+want {
				t.Errorf("got %s", got)
			}
		})
	}
}

// publishWithoutMails publishes a version that names no answers to what comes by the contact form.
func publishWithoutMails(t *testing.T, h house, id string, days int) {
	t.Helper()
	d, err := consent.ReadDraft(web.FS, "2026-11-18")
	if err != nil {
		t.Fatal(err)
	}
	d.ID, d.EffectiveOn = id, d.EffectiveOn.AddDate(0, 0, days)
	d.Uses = slices.DeleteFunc(slices.Clone(d.Uses), func(u consent.Use) bool { return u.Activity == "contact" && u.Purpose == "service" })
	if err := consent.Publish(t.Context(), h.Pool, d, h.Now()); err != nil {
		t.Fatal(err)
	}
}

// TestConsentIsNotReplacedByNotice publishes versions that use for more, after notice, what people gave by consent.
func TestConsentIsNotReplacedByNotice(t *testing.T) {
	h := bench(t)
	raw, err := fs.ReadFile(web.FS, "privacy/2026-11-16.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), "2026-11-16", "2027-01-01")
	const newsletter = "  - activity: newsletter\n    purpose: service\n"
	head, tail, ok := strings.Cut(text, newsletter)
	if !ok {
		t.Fatal("the statement has no newsletter")
	}
	for name, text := range map[string]string{
		"the same use on other ground": head + newsletter + strings.Replace(tail, "basis: consent", "basis: legitimate interest\n    compatible: We like it.", 1),
		"another use of the same": head + "  - activity: newsletter\n    purpose: account\n    data: [email address]\n    recipient: own department\n" +
			"    retention: 12 months\n    basis: legitimate interest\n    compatible: We like it.\n" + newsletter + tail,
	} {
		files := fstest.MapFS{"privacy/2027-01-01.md": {Data: []byte(text)}}
		_, err := privacy.Publish(context.Background(), h.Pool, files, privacy.Publication{ID: "2027-01-01", At: h.Now(), Kinds: kinds()})
		if err == nil || !strings.Contains(err.Error(), "rests on consent") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDifferentVersionsAtOnce publishes a version that takes effect before another, whose publication is under way.
func TestDifferentVersionsAtOnce(t *testing.T) {
	h := bench(t)
	ctx := t.Context()
	raw, err := fs.ReadFile(web.FS, "privacy/2026-11-18.md")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, id := range []string{"2026-12-01", "2026-12-10"} {
		files["privacy/"+id+".md"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(raw), "2026-11-18", id))}
	}
	slow, err := pgtest.Admin(t, h.Pool).Begin(ctx) // nobody notes what they did until it ends
	if err != nil {
		t.Fatal(err)
	}
	if _, err := slow.Exec(ctx, `LOCK TABLE audit_event IN SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	results := map[string]chan error{}
	for waiting, id := range []string{"2026-12-10", "2026-12-01"} {
		result := make(chan error, 1)
		results[id] = result
		go func() {
			_, err := privacy.Publish(ctx, h.Pool, files, privacy.Publication{ID: id, At: h.Now(), Kinds: kinds()})
			result <- err
		}()
		for n := 0; n <= waiting; {
			select {
			case err := <-result:
				t.Fatalf("%s did not wait: %v", id, err)
			default:
			}
			if err := h.Pool.QueryRow(ctx, `
				SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
				WHERE d.datname = current_database() AND NOT l.granted`).Scan(&n); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := slow.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-results["2026-12-10"]; err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := <-results["2026-12-01"]; !errors.Is(err, privacy.ErrOvertaken) {
		t.Errorf("the other, which takes effect before it: %v", err)
	}
}

func TestObjectionOfNobody(t *testing.T) {
	h := bench(t)
	if w := h.Get("/privacy/objection/forged"); w.Code != http.StatusNotFound {
		t.Errorf("forged: %d", w.Code)
	}
	if w := h.Get(h.room.ObjectionPath(uuid.New())); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "nothing to object to") {
		t.Errorf("of nobody: %d", w.Code)
	}
}

func TestMailOfChanges(t *testing.T) {
	t.Parallel()
	queue := mailtest.New(t, mailtest.Config(t, pgtest.New(t), "", privacy.Templates()...))
	mailtest.Golden(t, queue,
		mailtest.Example{Name: "changed", Template: "statement-changed", Data: privacy.ChangedMail{
			Effective: "20 November 2026", ChangesURL: "/privacy/changes/2006-12-05...2026-11-20", ObjectURL: "/privacy/objection/token",
			Uses:  []string{"Used to deal with your own request, by our own department, now also: time of day."},
			Asked: []string{"New: used for promotion, by our own department; kept: until you withdraw your consent."},
		}},
		mailtest.Example{Name: "changed_unconfirmed", Template: "statement-changed", Data: privacy.ChangedMail{
			Effective: "20 November 2026", ChangesURL: "/privacy/changes/2006-12-05...2026-11-20", ObjectURL: "/privacy/objection/token",
		}},
		mailtest.Example{Name: "new_address", Template: "new-address", Data: privacy.NewAddress{
			Until: "24 November 2026, 09:00 CST", URL: "/privacy/address/token",
		}},
		mailtest.Example{Name: "address_moved", Template: "address-moved", Data: privacy.AddressMoved{
			NewAddress: "a…@example.org", When: "24 November 2026, 09:00 CST", ContactURL: "/contact",
		}})
}
