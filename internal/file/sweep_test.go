package file

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

func TestSweep(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	kept, left := h.attached("kept.txt", []byte("kept")), h.stage("left.txt", []byte("left"))
	orphan := h.attached("orphan.txt", []byte("orphan"))
	h.exec(`DELETE FROM submission WHERE id = (SELECT submission_id FROM file WHERE id = $1)`, orphan.ID)
	for _, name := range []string{h.prefix + "norow", tmpPrefix + "cutshort", "journal/erasure", "file/foreign/x"} {
		must(t, h.blobs.Put(t.Context(), name, bytes.NewReader([]byte("x"))))
	}
	sweep := func(want Swept) {
		t.Helper()
		got, err := h.Sweep(t.Context())
		if diff := cmp.Diff(got, want); err != nil || diff != "" {
			t.Errorf("swept: %v (-got +want):\n%s", err, diff)
		}
	}
	sweep(Swept{Orphaned: 1})
	h.wait(23 * time.Hour)
	sweep(Swept{})
	h.wait(time.Hour + time.Minute)
	if n := h.expire(); n != 1 {
		t.Errorf("%d staged files are over, not 1", n)
	}
	sweep(Swept{Blobs: 2})
	sweep(Swept{})
	for _, id := range []uuid.UUID{left.ID, orphan.ID} {
		if _, err := h.Info(t.Context(), id); !errors.Is(err, ErrGone) {
			t.Errorf("a swept file: %v", err)
		}
	}
	if got := h.read(kept.ID); string(got) != "kept" {
		t.Error("the attached file is gone")
	}
	if got := h.stored(); len(got) != 2 { // kept.txt and another installation's
		t.Errorf("blobs left: %q", got)
	}
	if _, err := h.blobs.Get(t.Context(), "journal/erasure", 0); err != nil {
		t.Errorf("the journal beside the files: %v", err)
	}
}

// expire deletes the staged files whose time is over.
func (h *house) expire() int64 {
	h.t.Helper()
	n, err := h.Deletes()[0].Run(h.t.Context(), h.pool, h.now())
	must(h.t, err)
	return n
}

func TestEraseInCallersTransaction(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	s := h.stage("cv.txt", []byte("Jane"))
	sub := uuid.New()
	h.submit(true, sub, s.ID)
	var b pgx.Batch
	h.QueueErase(&b, sub)
	must(t, h.pool.SendBatch(t.Context(), &b).Close())
	if _, err := h.Open(t.Context(), s.ID); !errors.Is(err, ErrGone) {
		t.Errorf("erased file: %v", err)
	}
	var legible bool
	must(t, h.pool.QueryRow(t.Context(), `SELECT key IS NOT NULL OR name <> '' FROM file WHERE id = $1`, s.ID).
		Scan(&legible))
	if legible || len(h.stored()) != 1 {
		t.Error("key or name outlived the transaction, or the contents went before it")
	}
	_, err := h.Sweep(t.Context())
	must(t, err)
	if got := h.stored(); len(got) != 0 {
		t.Errorf("blobs left: %q", got)
	}
}

func TestEraseOfInfectedAndRemove(t *testing.T) {
	t.Parallel()
	addr, _ := startClamd(t)
	h := newHouse(t, addr)
	bad := h.stage("bad.txt", []byte(eicar()))
	sub := uuid.New()
	h.submit(true, sub, bad.ID)
	must(t, h.Scan(t.Context()))
	must(t, h.Erase(t.Context(), sub))
	s := h.attached("cv.txt", []byte("Jane"))
	must(t, h.Remove(t.Context(), s.ID, uuid.New()))
	var rows int
	must(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM file`).Scan(&rows))
	if rows != 0 || len(h.stored()) != 0 {
		t.Errorf("%d rows, %d blobs left", rows, len(h.stored()))
	}
}

func TestRemoveReplaced(t *testing.T) {
	t.Parallel()
	addr, _ := startClamd(t)
	h := newHouse(t, addr)
	owner := uuid.New()
	hold := func(name string, body []byte, owner uuid.UUID) Staged {
		s := h.stage(name, body)
		h.hold("demo", owner, s.ID)
		return s
	}
	first, other := hold("first.txt", []byte("first"), owner), hold("other.txt", []byte("other"), uuid.New())
	must(t, h.Scan(t.Context()))
	second := hold("second.txt", []byte("second"), owner)
	remain := func(when string, want ...Staged) {
		t.Helper()
		must(t, h.RemoveReplaced(t.Context(), "demo", h.now()))
		must(t, h.RemoveReplaced(t.Context(), "webinar", h.now()))
		for _, s := range want {
			if _, err := h.Info(t.Context(), s.ID); err != nil {
				t.Errorf("%s: %s: %v", when, s.Name, err)
			}
		}
		if got := len(h.stored()); got != len(want) {
			t.Errorf("%s: %d blobs, want %d", when, got, len(want))
		}
	}
	remain("before the newer one is scanned", first, other, second)
	must(t, h.Scan(t.Context()))
	must(t, h.RemoveReplaced(t.Context(), "demo", h.now().Add(-time.Hour)))
	if _, err := h.Info(t.Context(), first.ID); err != nil {
		t.Errorf("the replaced file goes while it may still be read: %v", err)
	}
	remain("once the newer one is clean", other, second)
}

func TestExport(t *testing.T) {
	t.Parallel()
	addr, _ := startClamd(t)
	h := newHouse(t, addr)
	good, bad := h.stage("cv.txt", []byte("Jane")), h.stage("bad.txt", []byte(eicar()))
	sub := uuid.New()
	h.submit(true, sub, good.ID, bad.ID)
	must(t, h.Scan(t.Context()))
	got := map[string]string{}
	must(t, h.Export(t.Context(), sub, func(i Info, r io.Reader) error {
		if r == nil {
			got[i.Name] = i.Warning()
			return nil
		}
		body, err := io.ReadAll(r)
		got[i.Name] = string(body)
		return err
	}))
	want := map[string]string{
		"cv.txt":  "Jane",
		"bad.txt": "The virus scanner found " + h.info(bad.ID).Signature + " in this file. Its contents were deleted.",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("exported (-got +want):\n%s", diff)
	}
	stop := errors.New("enough")
	if err := h.Export(t.Context(), sub, func(Info, io.Reader) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}
