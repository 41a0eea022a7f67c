package access_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/submission"
)

const day = 24 * time.Hour

func (h *house) approved(email, until string) submission.Record {
	h.Helper()
	rec := h.sent(email)
	if w := h.deed(rec.ID, "approve", "until", until, "reason", "contract"); w.Code != http.StatusSeeOther {
		h.Fatalf("approve: %d", w.Code)
	}
	h.mailed()
	return rec
}

func (h *house) setApart(id uuid.UUID) {
	h.Helper()
	if err := h.Store.Quarantine(h.Context(), []uuid.UUID{id}, submission.System); err != nil {
		h.Fatal(err)
	}
}

func (h *house) restore(id uuid.UUID) {
	h.Helper()
	if err := h.Desk.Restore(h.Context(), id, submission.System); err != nil {
		h.Fatal(err)
	}
}

// A request that was set apart by mistake while its invitation was taken up is kept as long as the access that it gave.
func TestTakenUpWhileSetApart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	rec := h.approved("ada@example.com", "2027-05-01")
	kept := h.record(rec.ID).PurgeAfter
	h.setApart(rec.ID)
	h.takeUp("ada@example.com")
	apart := h.record(rec.ID)
	if apart.Status != "active" || !apart.PurgeAfter.Before(h.Now().Add(31*day)) {
		t.Errorf("set apart: %s, deleted after %s", apart.Status, apart.PurgeAfter)
	}
	h.restore(rec.ID)
	h.work()
	if got := h.record(rec.ID); got.Status != "active" || !got.PurgeAfter.Equal(kept) {
		t.Errorf("restored: %s, deleted after %s, want %s", got.Status, got.PurgeAfter, kept)
	}
}

// An access that ends does not keep a request that is set apart.
func TestEndedWhileSetApart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	rec := h.approved("ada@example.com", "2026-12-03")
	h.takeUp("ada@example.com")
	h.setApart(rec.ID)
	apart := h.record(rec.ID).PurgeAfter
	h.Advance(11 * day)
	h.work()
	if got := h.record(rec.ID); got.Status != "expired" || !got.PurgeAfter.Equal(apart) {
		t.Errorf("%s, deleted after %s, want %s", got.Status, got.PurgeAfter, apart)
	}
}

// Nothing is mailed about a request that is set apart: its owner is told of the end once it is restored, or by another.
func TestEndIsNotMailedWhileSetApart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	rec := h.approved("ada@example.com", "2027-01-01")
	h.takeUp("ada@example.com")
	h.setApart(rec.ID)
	h.Advance(15 * day)
	h.work()
	if got := h.mailed(); len(got) != 0 {
		t.Errorf("warned: %v", got)
	}
	h.restore(rec.ID)
	h.work()
	if diff := cmp.Diff(h.mailed(), []string{"Your access to Clickconnect ends on 1 January 2027"}); diff != "" {
		t.Errorf("restored (-got +want):\n%s", diff)
	}
	second := h.approved("ada@example.com", "2027-01-01")
	h.setApart(second.ID)
	h.Advance(30 * day)
	h.work()
	if diff := cmp.Diff(h.mailed(), []string{"Your access to Clickconnect has ended"}); diff != "" {
		t.Errorf("ended (-got +want):\n%s", diff)
	}
	if n := h.count(`SELECT count(*) FROM message WHERE submission_id = $1 AND template = 'access-ended'`, second.ID); n != 0 {
		t.Error("it is told by the one that is set apart")
	}
}

// What was to be told of an access as its request was set apart is told once it is restored, if it is still so.
func TestRestoredTellsWhatWasStopped(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before, meanwhile func(h *house, id uuid.UUID)
		want              []string
	}{
		"warning": {
			before: func(h *house, _ uuid.UUID) { h.Advance(150 * day); h.work() },
			want:   []string{"Your access to Clickconnect ends on 1 May 2027"},
		},
		"warning, told": {before: func(h *house, _ uuid.UUID) { h.Advance(150 * day); h.work(); h.mailed() }},
		"longer term": {
			before: func(h *house, id uuid.UUID) { h.deed(id, "renew", "until", "2027-08-01") },
			want:   []string{"Your access to Clickconnect lasts until 1 August 2027"},
		},
		"end": {
			before: func(h *house, id uuid.UUID) { h.deed(id, "end", "reason", "left") },
			want:   []string{"Your access to Clickconnect has ended"},
		},
		"end, told": {before: func(h *house, id uuid.UUID) { h.deed(id, "end", "reason", "left"); h.mailed() }},
		"longer term, ended since": {
			before:    func(h *house, id uuid.UUID) { h.deed(id, "renew", "until", "2027-08-01") },
			meanwhile: func(h *house, _ uuid.UUID) { h.Advance(300 * day); h.work() },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			rec := h.approved("ada@example.com", "2027-05-01")
			h.takeUp("ada@example.com")
			h.work()
			h.mailed()
			tt.before(h, rec.ID)
			h.setApart(rec.ID)
			if tt.meanwhile != nil {
				tt.meanwhile(h, rec.ID)
			}
			if got := h.mailed(); len(got) != 0 {
				t.Errorf("mailed while it is set apart: %v", got)
			}
			h.restore(rec.ID)
			h.work()
			if diff := cmp.Diff(h.mailed(), tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}
