package privacy_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
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
		Erase: func(context.Context, pgx.Tx, uuid.UUID) error {
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

// A database that does not know an erasure of the journal is older than it, whatever it holds of the person.
func TestReplay(t *testing.T) {
	t.Parallel()
	h := bench(t)
	eraser := privacy.NewEraser(privacy.EraserConfig{Desk: h.Desk, Blobs: h.blobs(t)})
	ctx := t.Context()
	back, gone, other := h.ask(t, "back@example.org"), h.ask(t, "gone@example.org"), h.ask(t, "other@example.org")
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
	if n, err := eraser.Replay(ctx); n != 2 || err != nil {
		t.Errorf("replayed %d, %v", n, err)
	}
	if err := eraser.Current(ctx); err != nil {
		t.Error(err)
	}
	wantState(t, h, back, "replayed", "emptied done done")
	wantState(t, h, other, "somebody else", "known words mail")
}
