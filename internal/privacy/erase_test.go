package privacy_test

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/privacy"
)

// faulty blobs fail to put while they are told to.
type faulty struct {
	file.Blobs
	put bool
}

var errCut = errors.New("cut off")

func (f *faulty) Put(ctx context.Context, name string, body io.ReadSeeker) error {
	if f.put {
		return errCut
	}
	return f.Blobs.Put(ctx, name, body)
}

func (h house) blobs(t *testing.T) *faulty {
	t.Helper()
	b, err := file.OpenBlobs("", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &faulty{Blobs: b}
}

// text is what a blob holds, nothing where there is none.
func (f *faulty) text(t *testing.T, name string) string {
	t.Helper()
	r, err := f.Get(t.Context(), name, 0)
	if errors.Is(err, file.ErrNoBlob) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// ask sends a question for an address and returns who that is.
func (h house) ask(t *testing.T, email string) uuid.UUID {
	t.Helper()
	values := activitytest.Hidden(h.Get("/contact").Body.String())
	form, err := h.Desk.Activities()[1].Form(t.Context(), uuid.Nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range activitytest.Examples(form) {
		values[name] = list
	}
	values.Set("email", email)
	if w := h.Post("/contact", values); w.Code != 303 {
		t.Fatalf("contact: %d", w.Code)
	}
	p, err := h.Desk.People.Find(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// newest is the last record of a person.
func (h house) newest(t *testing.T, who uuid.UUID) uuid.UUID {
	t.Helper()
	list, err := h.Store.OfPerson(t.Context(), who)
	if err != nil || len(list) == 0 {
		t.Fatalf("%d records, %v", len(list), err)
	}
	return list[0].ID
}

// state is what is left of a person.
func (h house) state(t *testing.T, who uuid.UUID) string {
	t.Helper()
	var state string
	err := h.Pool.QueryRow(t.Context(), `
		SELECT concat_ws(' ',
			CASE WHEN p.email IS NULL AND p.address_hmac IS NULL AND p.erased_at IS NOT NULL THEN 'emptied' ELSE 'known' END,
			CASE WHEN EXISTS (SELECT FROM answers a JOIN submission s ON s.id = a.submission_id
				WHERE s.person_id = p.id AND a.values <> '{}') THEN 'words' END,
			CASE WHEN EXISTS (SELECT FROM message WHERE person_id = p.id) THEN 'mail' END,
			(SELECT string_agg(CASE WHEN done_at IS NULL THEN 'open' ELSE 'done' END, ' ') FROM erasure WHERE person_id = p.id))
		FROM person p WHERE p.id = $1`, who).Scan(&state)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func wantState(t *testing.T, h house, who uuid.UUID, when, want string) {
	t.Helper()
	if got := h.state(t, who); got != want {
		t.Errorf("%s: %q, want %q", when, got, want)
	}
}

// Cut off anywhere, an erasure goes on where it was; nothing is erased that the journal does not know.
func TestEraseGoesOn(t *testing.T) {
	t.Parallel()
	h := bench(t)
	blobs, who, cut := h.blobs(t), h.ask(t, "ada@example.org"), true
	eraser := privacy.NewEraser(privacy.EraserConfig{Desk: h.Desk, Blobs: blobs, Holders: []activity.Holder{{
		Erase: func(context.Context, pgx.Tx, uuid.UUID, time.Time) error {
			if cut {
				return errCut
			}
			return nil
		},
	}}})
	ctx := t.Context()

	blobs.put = true
	if _, err := eraser.Erase(ctx, who); !errors.Is(err, errCut) {
		t.Errorf("without a journal: %v", err)
	}
	wantState(t, h, who, "without a journal", "known words mail open")
	blobs.put = false
	if err := eraser.Resume(ctx); !errors.Is(err, errCut) {
		t.Errorf("a room fails: %v", err)
	}
	wantState(t, h, who, "when a room failed", "known words mail open")
	if err := eraser.Current(ctx); err != nil {
		t.Errorf("cut off is not restored: %v", err)
	}
	cut = false
	if err := eraser.Resume(ctx); err != nil {
		t.Error(err)
	}
	wantState(t, h, who, "at the end", "emptied done")
	report, err := eraser.Erase(ctx, who)
	if err != nil || !report.Done {
		t.Errorf("again: %+v, %v", report, err)
	}
	wantState(t, h, who, "again", "emptied done")
	if _, err := eraser.Erase(ctx, uuid.New()); !errors.Is(err, person.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}

// agree has a person agree to a purpose by mail, provably.
func (h house) agree(t *testing.T, who uuid.UUID, purpose consent.Purpose) {
	t.Helper()
	if err := pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error {
		return h.Desk.Ledger.Record(t.Context(), tx, who, consent.Event{
			Purpose: purpose, Channel: consent.ByEmail, Granted: true, Wording: "Mail me.", Statement: "2026-11-16", Origin: consent.FromPreferences,
		})
	}); err != nil {
		t.Fatal(err)
	}
}

// contactable lists for what a person may be contacted.
func (h house) contactable(t *testing.T, who uuid.UUID) (purposes string) {
	t.Helper()
	if err := pgtest.Admin(t, h.Pool).QueryRow(t.Context(), `
		SELECT coalesce(string_agg(purpose, ' ' ORDER BY purpose), '') FROM contactable WHERE person_id = $1`, who).Scan(&purposes); err != nil {
		t.Fatal(err)
	}
	return purposes
}

// holdAll places a legal hold on all of a person.
func (h house) holdAll(t *testing.T, who uuid.UUID) {
	t.Helper()
	if _, err := pgtest.Admin(t, h.Pool).Exec(t.Context(), `
		WITH o AS (INSERT INTO account (id, kind, email, name, created_at) VALUES (gen_random_uuid(), 'staff', 'officer@example.com', 'Grace', now()) RETURNING id)
		INSERT INTO legal_hold (id, scope, person_id, ground, officer_id, placed_at, reviewed_at, review_on)
		SELECT gen_random_uuid(), 'person', $1, 'A claim', id, now(), now(), now()::date + 30 FROM o`, who); err != nil {
		t.Fatal(err)
	}
}

// lift lifts every legal hold, and has what waited carried out.
func (h house) lift(t *testing.T, eraser *privacy.Eraser) {
	t.Helper()
	if _, err := pgtest.Admin(t, h.Pool).Exec(t.Context(), `UPDATE legal_hold SET lifted_at = now(), lifted_by = officer_id`); err != nil {
		t.Fatal(err)
	}
	if err := eraser.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestErasureThatWaited takes what had come when it was asked for, in every room, not what its person sent while a hold
// made it wait; nothing is sent meanwhile for which they had agreed before.
func TestErasureThatWaited(t *testing.T) {
	t.Parallel()
	h := bench(t)
	eraser := privacy.NewEraser(privacy.EraserConfig{Desk: h.Desk, Blobs: h.blobs(t), Holders: []activity.Holder{
		{Erase: new(account.Service).ErasePerson}, privacy.AddressHolder(h.Pool),
	}})
	ctx, who := t.Context(), h.ask(t, "ada@example.org")
	h.agree(t, who, consent.Promotion)
	if got := h.contactable(t, who); got != "promotion" {
		t.Fatalf("before: %q", got)
	}
	admin := pgtest.Admin(t, h.Pool)
	if _, err := admin.Exec(ctx, `
		WITH a AS (INSERT INTO account (id, kind, email, person_id, name, created_at)
			VALUES (gen_random_uuid(), 'connect', 'ada@example.org', $1, 'Ada', $2))
		INSERT INTO restriction (id, person_id, submission_id, ground, placed_at)
		SELECT gen_random_uuid(), $1, id, 'wish', $2 FROM submission WHERE person_id = $1`, who, h.Now()); err != nil {
		t.Fatal(err)
	}
	h.holdAll(t, who)
	if report, err := eraser.Erase(ctx, who); err != nil || report.Done {
		t.Fatalf("under a hold: %+v, %v", report, err)
	}
	if got := h.contactable(t, who); got != "" {
		t.Errorf("while it waits: %q", got)
	}
	h.Advance(2 * time.Minute)
	h.ask(t, "ada@example.org")
	h.agree(t, who, consent.Survey)
	if _, err := admin.Exec(ctx, `
		INSERT INTO new_address (person_id, id, email, created_at, expires_at)
		VALUES ($1, gen_random_uuid(), 'new@example.org', $2, $2)`, who, h.Now()); err != nil {
		t.Fatal(err)
	}
	h.lift(t, eraser)
	wantState(t, h, who, "the hold was lifted", "known words mail done")
	var left string
	if err := admin.QueryRow(ctx, `
		SELECT concat_ws(' ', (SELECT 'account' FROM account WHERE person_id = $1), (SELECT 'restriction' FROM restriction WHERE person_id = $1),
			(SELECT 'ground' FROM legal_hold WHERE ground <> ''), (SELECT 'address' FROM new_address WHERE person_id = $1))`, who).Scan(&left); err != nil {
		t.Fatal(err)
	}
	if left != "address" {
		t.Errorf("left in the rooms: %q, not what came later alone", left)
	}
	if got := h.contactable(t, who); got != "survey" {
		t.Errorf("agreed to later: %q", got)
	}
	var kept, emptied int
	if err := h.Pool.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE a.values <> '{}'), count(*) FILTER (WHERE a.values = '{}')
		FROM answers a JOIN submission s ON s.id = a.submission_id WHERE s.person_id = $1`, who).Scan(&kept, &emptied); err != nil {
		t.Fatal(err)
	}
	if kept != 1 || emptied != 1 {
		t.Errorf("%d records kept, %d emptied", kept, emptied)
	}
	var id uuid.UUID
	if err := h.Pool.QueryRow(ctx, `SELECT id FROM erasure WHERE person_id = $1`, who).Scan(&id); err != nil {
		t.Fatal(err)
	}
	report, err := eraser.Report(ctx, id)
	if err != nil || !slices.ContainsFunc(report.Kept, func(r privacy.Remnant) bool { return strings.Contains(r.What, "sent after") }) {
		t.Errorf("it does not tell what stays: %+v, %v", report, err)
	}
	if report, err = eraser.Erase(ctx, who); err != nil || !report.Done {
		t.Errorf("asked once more: %+v, %v", report, err)
	}
	wantState(t, h, who, "asked once more", "emptied done done")
}

// asker is a house in which somebody asked a question, with its eraser.
func asker(t *testing.T) (house, *privacy.Eraser, uuid.UUID) {
	t.Helper()
	h := bench(t)
	return h, privacy.NewEraser(privacy.EraserConfig{Desk: h.Desk, Blobs: h.blobs(t)}), h.ask(t, "ada@example.org")
}

// TestErasureAskedAgainWhileItWaits means what came since, too: nothing of that is sent or stays.
func TestErasureAskedAgainWhileItWaits(t *testing.T) {
	t.Parallel()
	h, eraser, who := asker(t)
	h.holdAll(t, who)
	for _, when := range []string{"asked", "asked again"} {
		h.agree(t, who, consent.Survey)
		if report, err := eraser.Erase(t.Context(), who); err != nil || report.Done {
			t.Fatalf("%s: %+v, %v", when, report, err)
		}
		if got := h.contactable(t, who); got != "" {
			t.Errorf("%s: %q", when, got)
		}
		h.Advance(time.Minute)
		if when == "asked" {
			h.ask(t, "ada@example.org")
			h.Advance(time.Minute)
		}
	}
	h.lift(t, eraser)
	wantState(t, h, who, "the hold was lifted", "emptied done")
}

// TestErasureAskedAgainByAClockSetBack takes in all that came up to the later of the two askings.
func TestErasureAskedAgainByAClockSetBack(t *testing.T) {
	t.Parallel()
	h, eraser, who := asker(t)
	h.holdAll(t, who)
	h.Advance(time.Minute)
	h.ask(t, "ada@example.org")
	h.Advance(time.Minute)
	for _, when := range []string{"asked", "asked again"} {
		if report, err := eraser.Erase(t.Context(), who); err != nil || report.Done {
			t.Fatalf("%s: %+v, %v", when, report, err)
		}
		h.Advance(-time.Hour)
	}
	h.lift(t, eraser)
	wantState(t, h, who, "the hold was lifted", "emptied done")
}

// TestErasureAfterOneThatLeftSomething is not taken for that one, whatever the clock said then.
func TestErasureAfterOneThatLeftSomething(t *testing.T) {
	t.Parallel()
	h, eraser, who := asker(t)
	h.holdAll(t, who)
	if _, err := eraser.Erase(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	h.Advance(time.Minute)
	h.ask(t, "ada@example.org")
	h.lift(t, eraser)
	h.Advance(-time.Hour)
	if report, err := eraser.Erase(t.Context(), who); err != nil || !report.Done {
		t.Fatalf("%+v, %v", report, err)
	}
	wantState(t, h, who, "erased", "emptied done done")
}

// TestErasureLeavesWhatRestrictsTheRest: who sent something while it waited stays restricted as a whole.
func TestErasureLeavesWhatRestrictsTheRest(t *testing.T) {
	t.Parallel()
	h, eraser, who := asker(t)
	if _, err := pgtest.Admin(t, h.Pool).Exec(t.Context(), `
		INSERT INTO restriction (id, person_id, ground, placed_at) VALUES (gen_random_uuid(), $1, 'objection', $2)`, who, h.Now()); err != nil {
		t.Fatal(err)
	}
	h.holdAll(t, who)
	if _, err := eraser.Erase(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	h.Advance(time.Minute)
	h.ask(t, "ada@example.org")
	h.agree(t, who, consent.Survey)
	h.lift(t, eraser)
	if got := h.contactable(t, who); got != "" {
		t.Errorf("restricted as a whole, and yet to be written to for %q", got)
	}
}

// TestEraseAfterTheClockWasSetBack erases all, also what came by a clock that was ahead.
func TestEraseAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	h, eraser, who := asker(t)
	h.Advance(-time.Hour)
	if report, err := eraser.Erase(t.Context(), who); err != nil || !report.Done {
		t.Fatalf("%+v, %v", report, err)
	}
	wantState(t, h, who, "erased", "emptied done")
}

// TestLinksOfTheErased wants a sentence behind each genuine link, not that there is no such page.
func TestLinksOfTheErased(t *testing.T) {
	t.Parallel()
	h := bench(t)
	who := h.ask(t, "ada@example.org")
	record := h.newest(t, who)
	links := []string{
		h.Desk.ConfirmPath(record),
		"/preferences/confirm/" + h.Ring.Seal("preferences confirm", append(who[:], 0, 0, 0, 0, 0x7f, 0, 0, 0)),
	}
	for _, link := range links {
		if w := h.Get(link); w.Code != http.StatusOK {
			t.Errorf("before: %s: %d", link, w.Code)
		}
	}
	if _, err := privacy.NewEraser(privacy.EraserConfig{Desk: h.Desk, Blobs: h.blobs(t)}).Erase(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		for _, w := range []*httptest.ResponseRecorder{h.Get(link), h.Post(link, nil)} {
			if text := words(document(t, w, http.StatusGone).Find("main")); !strings.Contains(text, "You get no mail from us") {
				t.Errorf("%s: %s", link, text)
			}
		}
	}
}

// A database that does not know an erasure of the journal is older than it, whatever it holds of the person.
func TestReplay(t *testing.T) {
	t.Parallel()
	h := bench(t)
	eraser := privacy.NewEraser(privacy.EraserConfig{Desk: h.Desk, Blobs: h.blobs(t)})
	ctx := t.Context()
	back, gone, other := h.ask(t, "back@example.org"), h.ask(t, "gone@example.org"), h.ask(t, "other@example.org")
	h.Advance(-time.Hour) // by a clock that is set back they ask before they came
	for _, who := range []uuid.UUID{back, gone} {
		if _, err := eraser.Erase(ctx, who); err != nil {
			t.Fatal(err)
		}
	}
	if err := eraser.Current(ctx); err != nil {
		t.Fatal(err)
	}
	// As in a backup from before both erasures: one person is there with their address, the other is not there yet.
	if _, err := pgtest.Admin(t, h.Pool).Exec(ctx, `
		WITH f AS (DELETE FROM erasure RETURNING person_id)
		UPDATE person SET email = 'back@example.org', address_hmac = $2, erased_at = NULL
		WHERE id = $1 AND EXISTS (SELECT FROM f)`, back, person.AddressDigest(h.Ring, "back@example.org")); err != nil {
		t.Fatal(err)
	}
	if err := eraser.Current(ctx); !errors.Is(err, privacy.ErrOlder) || !strings.Contains(err.Error(), "repeat: 2") {
		t.Errorf("after a restore: %v", err)
	}
	if n, _, err := eraser.Replay(ctx); n != 2 || err != nil {
		t.Errorf("replayed %d, %v", n, err)
	}
	if err := eraser.Current(ctx); err != nil {
		t.Error(err)
	}
	wantState(t, h, back, "replayed", "emptied done done")
	wantState(t, h, other, "somebody else", "known words mail")
}

// A database that knows an erasure, but not that it was asked for again, is older too: it holds what came between.
func TestReplayOfWhatWasAskedAgain(t *testing.T) {
	t.Parallel()
	h, eraser, who := asker(t)
	ctx, admin := t.Context(), pgtest.Admin(t, h.Pool)
	h.holdAll(t, who)
	for range 2 {
		if _, err := eraser.Erase(ctx, who); err != nil {
			t.Fatal(err)
		}
		if err := eraser.Current(ctx); err != nil {
			t.Fatal(err)
		}
		h.Advance(time.Hour)
	}
	// As in a backup from between the two.
	if _, err := admin.Exec(ctx, `UPDATE erasure SET asked_at = asked_at - interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	h.agree(t, who, consent.Survey)
	if err := eraser.Current(ctx); !errors.Is(err, privacy.ErrOlder) || !strings.Contains(err.Error(), "repeat: 1") {
		t.Errorf("after a restore: %v", err)
	}
	if n, _, err := eraser.Replay(ctx); n != 1 || err != nil {
		t.Errorf("replayed %d, %v", n, err)
	}
	if err := eraser.Current(ctx); err != nil {
		t.Error(err)
	}
	if got := h.contactable(t, who); got != "" {
		t.Errorf("replayed, and yet to be written to for %q", got)
	}
	h.lift(t, eraser)
	wantState(t, h, who, "the hold was lifted", "emptied done")
}

// A refusal stands in the journal until it is lifted; a database that does not know it is older, and refuses again.
func TestRefusalsOutliveTheDatabase(t *testing.T) {
	t.Parallel()
	h := bench(t)
	blobs, who, ctx := h.blobs(t), h.ask(t, "ada@example.org"), t.Context()
	eraser := privacy.NewEraser(privacy.EraserConfig{Desk: h.Desk, Blobs: blobs})
	admin := pgtest.Admin(t, h.Pool)
	refused := func() (rows string) {
		t.Helper()
		if err := admin.QueryRow(ctx, `SELECT coalesce(string_agg((s.address_hmac, purpose, channel, reason, at)::text, ' '), '') FROM suppression s`).
			Scan(&rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	if err := h.Desk.Ledger.Withdraw(ctx, who, consent.ProductNews, consent.ByEmail, consent.FromUnsubscribe, "No.", "2026-11-16"); err != nil {
		t.Fatal(err)
	}
	blobs.put = true
	if err := eraser.EnterRefusals(ctx); !errors.Is(err, errCut) {
		t.Errorf("without a journal: %v", err)
	}
	blobs.put = false
	if err := errors.Join(eraser.EnterRefusals(ctx), eraser.Current(ctx)); err != nil {
		t.Fatal(err)
	}
	// As in a backup from before the refusal.
	before := refused()
	if _, err := admin.Exec(ctx, `
		ALTER TABLE suppression DISABLE TRIGGER refusal_changed; DELETE FROM suppression; ALTER TABLE suppression ENABLE TRIGGER refusal_changed`); err != nil {
		t.Fatal(err)
	}
	if err := eraser.Current(ctx); !errors.Is(err, privacy.ErrOlder) || !strings.Contains(err.Error(), "refusals: 1") {
		t.Errorf("after a restore: %v", err)
	}
	if erased, n, err := eraser.Replay(ctx); erased != 0 || n != 1 || err != nil {
		t.Errorf("replayed %d erasures, %d refusals, %v", erased, n, err)
	}
	if after := refused(); before == "" || after != before {
		t.Errorf("refused before: %q, after: %q", before, after)
	}
	// Whoever agrees again takes it back, in the journal too.
	h.agree(t, who, consent.ProductNews)
	if err := eraser.Current(ctx); err != nil {
		t.Errorf("just agreed again: %v", err)
	}
	if err := errors.Join(eraser.EnterRefusals(ctx), eraser.Current(ctx)); err != nil {
		t.Errorf("agreed again: %v", err)
	}
	for name, err := range blobs.List(ctx, "refusal/", time.Now().Add(time.Hour)) {
		t.Errorf("left in the journal: %s, %v", name, err)
	}
	// As in a backup from the moment between agreeing again and the journal, after which it was refused once more.
	if err := h.Desk.Ledger.Withdraw(ctx, who, consent.ProductNews, consent.ByEmail, consent.FromUnsubscribe, "No.", "2026-11-16"); err != nil {
		t.Fatal(err)
	}
	if err := eraser.EnterRefusals(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(ctx, `DELETE FROM suppression`); err != nil {
		t.Fatal(err)
	}
	if _, n, err := eraser.Replay(ctx); n != 1 || err != nil {
		t.Errorf("refused once more: %d refusals, %v", n, err)
	}
	if err := errors.Join(eraser.EnterRefusals(ctx), eraser.Current(ctx)); err != nil || refused() == "" {
		t.Errorf("refused once more: %q, %v", refused(), err)
	}
}

// What staff refused for an address that was nobody's is refused again in a restored database, with who took it and how.
func TestRefusalsOfNobodyOutliveTheDatabase(t *testing.T) {
	t.Parallel()
	h := bench(t)
	ctx, eraser := t.Context(), privacy.NewEraser(privacy.EraserConfig{Desk: h.Desk, Blobs: h.blobs(t)})
	if err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error {
		_, err := h.Desk.Ledger.RefuseAddress(ctx, tx, "grace@example.org", consent.AddressRefusal{
			Purpose: consent.Promotion, Channel: consent.ByEmail, Way: "mail", Officer: uuid.New(), At: h.Now(),
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	refused := func() (row string) {
		t.Helper()
		if err := h.Pool.QueryRow(ctx, `SELECT coalesce(string_agg((address_hmac, purpose, channel, reason, at, way, officer_id)::text, ' '), '')
			FROM suppression`).Scan(&row); err != nil {
			t.Fatal(err)
		}
		return row
	}
	before := refused()
	if err := eraser.EnterRefusals(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := pgtest.Admin(t, h.Pool).Exec(ctx, `
		ALTER TABLE suppression DISABLE TRIGGER refusal_changed; DELETE FROM suppression; ALTER TABLE suppression ENABLE TRIGGER refusal_changed`); err != nil {
		t.Fatal(err)
	}
	if err := eraser.Current(ctx); !errors.Is(err, privacy.ErrOlder) {
		t.Errorf("after a restore: %v", err)
	}
	if _, n, err := eraser.Replay(ctx); n != 1 || err != nil {
		t.Errorf("replayed %d refusals, %v", n, err)
	}
	if after := refused(); !strings.Contains(before, ",mail,") || after != before {
		t.Errorf("refused before: %q, after: %q", before, after)
	}
}

// A refusal holds by the address under which a restored database knows the person, too. The journal names whose an address is
// for as long as it is theirs, and entries that name nobody are still read.
func TestRefusalsFollowThePerson(t *testing.T) {
	t.Parallel()
	const first, second = "ada@example.org", "ada@king.example"
	h := bench(t)
	blobs, who, ctx := h.blobs(t), h.ask(t, first), t.Context()
	eraser := privacy.NewEraser(privacy.EraserConfig{Desk: h.Desk, Blobs: blobs})
	prefix := "refusal/" + h.Ring.Fingerprint()[:8] + "/"
	digest := func(email string) []byte { return person.AddressDigest(h.Ring, email) }
	name := func(email string) string { return prefix + hex.EncodeToString(digest(email)) + "-newsletter-email" }
	move := func(email string) {
		t.Helper()
		if err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error { return h.Desk.People.ChangeAddress(ctx, tx, who, email) }); err != nil {
			t.Fatal(err)
		}
	}
	wantNamed := func(when string, want ...string) {
		t.Helper()
		if err := eraser.EnterRefusals(ctx); err != nil {
			t.Fatal(err)
		}
		var named []string
		for _, email := range []string{first, second} {
			if strings.Contains(blobs.text(t, name(email)), who.String()) {
				named = append(named, email)
			}
		}
		if !slices.Equal(named, want) {
			t.Errorf("%s: the person is named as having %q, want %q", when, named, want)
		}
	}
	// back leaves what a backup from before the change of address and the refusal has.
	back := func() {
		t.Helper()
		if _, err := pgtest.Admin(t, h.Pool).Exec(ctx, `
			ALTER TABLE suppression DISABLE TRIGGER USER; DELETE FROM suppression; ALTER TABLE suppression ENABLE TRIGGER USER;
			ALTER TABLE consent_event DISABLE TRIGGER USER; DELETE FROM consent_event WHERE NOT granted;
			ALTER TABLE consent_event ENABLE TRIGGER USER`); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Pool.Exec(ctx, `UPDATE person SET email = $2, address_hmac = $3 WHERE id = $1`, who, first, digest(first)); err != nil {
			t.Fatal(err)
		}
		if got := h.contactable(t, who); got != "newsletter" {
			t.Fatalf("restored: mailed %q", got)
		}
	}
	replay := func() {
		t.Helper()
		if err := eraser.Current(ctx); !errors.Is(err, privacy.ErrOlder) {
			t.Errorf("after a restore: %v", err)
		}
		if _, _, err := eraser.Replay(ctx); err != nil {
			t.Fatal(err)
		}
	}

	h.agree(t, who, consent.Newsletter)
	move(second)
	if err := h.Desk.Ledger.Withdraw(ctx, who, consent.Newsletter, consent.ByEmail, consent.FromUnsubscribe, "No.", "2026-11-16"); err != nil {
		t.Fatal(err)
	}
	wantNamed("refused", second)
	back()
	replay()
	if got := h.contactable(t, who); got != "" {
		t.Errorf("mailed %q at the earlier address", got)
	}
	wantNamed("restored", first)
	move(second)
	wantNamed("moved again", second)

	// Entries from before they named anybody.
	for _, email := range []string{first, second} {
		old := regexp.MustCompile(`"person":[^,]*,`).ReplaceAllString(blobs.text(t, name(email)), "")
		if err := blobs.Put(ctx, name(email), strings.NewReader(old)); err != nil {
			t.Fatal(err)
		}
	}
	back()
	replay()
	if got := h.contactable(t, who); got != "" {
		t.Errorf("mailed %q, refused by an entry of old", got)
	}
	move(second)
	wantNamed("moved once more", second)
	if _, err := eraser.Erase(ctx, who); err != nil {
		t.Fatal(err)
	}
	wantNamed("erased")
	if blobs.text(t, name(second)) == "" {
		t.Error("erased: the refusal is no longer in the journal")
	}
}

// TestCutLedgerIsNoticedFromOutside cuts the whole end of the ledger off, heads and seals with it: what is left looks whole,
// but for the seal in the journal, which nothing that comes later takes the place of.
func TestCutLedgerIsNoticedFromOutside(t *testing.T) {
	t.Parallel()
	h := bench(t)
	ctx := t.Context()
	eraser := privacy.NewEraser(privacy.EraserConfig{Desk: h.Desk, Blobs: h.blobs(t)})
	sealer := consent.NewSealer(h.Desk.Ledger, h.Desk.Log)
	seal := func() error {
		t.Helper()
		for range 2 {
			if err := sealer.Seal(ctx); err != nil {
				t.Fatal(err)
			}
			h.Advance(consent.Settled)
		}
		return eraser.EnterSeal(ctx)
	}
	agree(t, h, "ada@example.org", consent.Event{Purpose: consent.Newsletter, Granted: true, Origin: consent.FromPreferences})
	if err := errors.Join(seal(), eraser.Current(ctx)); err != nil {
		t.Fatal(err)
	}
	if _, err := pgtest.Admin(t, h.Pool).Exec(ctx, `
		SET session_replication_role = replica;
		DELETE FROM consent_event; DELETE FROM consent_head; DELETE FROM consent_checkpoint;
		SET session_replication_role = DEFAULT`); err != nil {
		t.Fatal(err)
	}
	if err := h.Desk.Ledger.VerifySeals(ctx, 0); err != nil {
		t.Fatalf("the ledger alone shows it: %v", err)
	}
	agree(t, h, "bob@example.org", consent.Event{Purpose: consent.Newsletter, Granted: true, Origin: consent.FromPreferences})
	for name, err := range map[string]error{"sealing": seal(), "doctor": eraser.Current(ctx)} {
		if !errors.Is(err, privacy.ErrOlder) || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := eraser.Replay(ctx); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(eraser.Current(ctx), seal(), eraser.Current(ctx)); err != nil {
		t.Errorf("after what was lost is accepted: %v", err)
	}
}
