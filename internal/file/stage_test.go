package file

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

func TestStageKeepsFileUntilAttached(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	body := pdf("Jane Doe")
	sum := sha256.Sum256(body)
	got := h.stage("dir/CV of\u202e Jane.pdf", body)
	want := Staged{
		ID: got.ID, Field: "cv", Name: "CV of Jane.pdf", Size: int64(len(body)), Type: PDF,
		SHA256: hex.EncodeToString(sum[:]), Token: got.Token,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("staged (-got +want):\n%s", diff)
	}
	again, err := h.Resume(t.Context(), got.Token)
	if diff := cmp.Diff(again, want); err != nil || diff != "" {
		t.Errorf("resumed: %v (-got +want):\n%s", err, diff)
	}
	if _, err := h.Open(t.Context(), got.ID); !errors.Is(err, ErrGone) {
		t.Errorf("open of a staged file: %v, want ErrGone", err)
	}
	sub := uuid.New()
	h.submit(true, sub, got.ID)
	files, err := h.Of(t.Context(), sub)
	must(t, err)
	if len(files) != 1 || files[0].ID != got.ID || files[0].State != StateAttached || files[0].Submission.UUID != sub {
		t.Errorf("files of the submission: %+v", files)
	}
	if read := h.read(got.ID); !bytes.Equal(read, body) {
		t.Error("another file came back")
	}
}

func (h *house) read(id uuid.UUID) []byte {
	h.t.Helper()
	r, err := h.Open(h.t.Context(), id)
	must(h.t, err)
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	must(h.t, err)
	return b
}

func TestStageStoresCiphertextUnderRandomName(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	s := h.stage("Jane-Doe-Chicago.txt", bytes.Repeat([]byte("Jane Doe, Chicago\n"), 10_000))
	path := h.blobPath(s.ID)
	raw, err := os.ReadFile(path)
	must(t, err)
	if bytes.Contains(raw, []byte("Jane")) || strings.Contains(path, "Jane") {
		t.Error("the file or its name lies there in clear")
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}

func TestStageLimit(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	text := bytes.Repeat([]byte("x"), limit+1)
	if s := h.stage("full.txt", text[:limit]); s.Size != limit {
		t.Errorf("size %d", s.Size)
	}
	tests := map[string]struct {
		body io.Reader
		want string
	}{
		"a byte too many": {bytes.NewReader(text), "big.txt is 10485761 bytes; the limit is 10 MB (10485760 bytes)."},
		"larger":          {io.LimitReader(endless{}, 12_900_000), "big.txt is 12.3 MB; the limit is 10 MB."},
		"endless":         {endless{}, "big.txt is more than 80 MB; the limit is 10 MB."},
		"empty":           {strings.NewReader(""), "big.txt is empty"},
	}
	before := len(h.stored())
	for name, tt := range tests {
		_, err := h.Stage(t.Context(), Upload{Name: "big.txt", Reader: tt.body, Accept: documents(), Max: limit})
		var r *Refusal
		if !errors.As(err, &r) || !strings.Contains(r.Message, tt.want) {
			t.Errorf("%s: %v %+v, want %q", name, err, r, tt.want)
		}
	}
	if n := len(h.stored()); n != before {
		t.Errorf("%d blobs of refused files", n-before)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestStageReturnsTheReadersError(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	broken := errors.New("connection lost")
	up := Upload{Name: "a.txt", Accept: documents(), Max: limit}
	up.Reader = io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken))
	if _, err := h.Stage(t.Context(), up); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	up.Reader = http.MaxBytesReader(httptest.NewRecorder(), io.NopCloser(strings.NewReader("too long")), 3)
	var tooLong *http.MaxBytesError
	if _, err := h.Stage(t.Context(), up); !errors.As(err, &tooLong) {
		t.Errorf("error %v", err)
	}
	if got := h.stored(); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
}

func TestResumeRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	s := h.stage("cv.txt", []byte("Jane"))
	other := h.stage("cv.txt", []byte("John"))
	h.exec(`UPDATE file SET field = 'letter' WHERE id = $1`, other.ID)
	foreign := newHouse(t, "").stage("cv.txt", []byte("x"))
	for name, token := range map[string]string{
		"empty": "", "noise": "!!", "changed": "__" + s.Token[2:], "of another house": foreign.Token,
		"of another field": other.Token, "for another purpose": h.keys.Seal("form", append(s.ID[:], "cv"...)),
		"too short": h.keys.Seal(tokenPurpose, []byte("x")),
	} {
		if _, err := h.Resume(t.Context(), token); !errors.Is(err, ErrGone) {
			t.Errorf("%s: %v, want ErrGone", name, err)
		}
		if err := h.Discard(t.Context(), token); err != nil {
			t.Errorf("discard %s: %v", name, err)
		}
	}
	h.wait(23*time.Hour + 49*time.Minute)
	if _, err := h.Resume(t.Context(), s.Token); err != nil {
		t.Errorf("within 24 hours: %v", err)
	}
	h.wait(2 * time.Minute)
	if _, err := h.Resume(t.Context(), s.Token); !errors.Is(err, ErrGone) {
		t.Errorf("about to expire: %v, want ErrGone", err)
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	s, kept := h.stage("cv.txt", []byte("Jane")), h.attached("cv.txt", []byte("John"))
	for range 2 {
		must(t, h.Discard(t.Context(), s.Token))
	}
	if _, err := h.Resume(t.Context(), s.Token); !errors.Is(err, ErrGone) {
		t.Errorf("after discarding: %v", err)
	}
	must(t, h.Discard(t.Context(), kept.Token))
	if got := h.read(kept.ID); string(got) != "John" {
		t.Errorf("an attached file was discarded")
	}
	if got := h.stored(); len(got) != 1 {
		t.Errorf("blobs left: %q", got)
	}
}

func TestAttachTwice(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	s := h.stage("cv.txt", []byte("Jane"))
	first, repeat, second := uuid.New(), uuid.New(), uuid.New()
	h.submit(true, first, s.ID)
	h.submit(false, first, s.ID)  // the same batch again
	h.submit(false, repeat, s.ID) // a repeat whose own row was not written
	if _, err := h.Resume(t.Context(), s.Token); err != nil {
		t.Errorf("a form sent again: %v", err)
	}
	h.submit(true, second, s.ID) // another submission with the same kept file
	h.submit(false, second, s.ID)
	for sub, want := range map[uuid.UUID]int{first: 1, repeat: 0, second: 1} {
		files, err := h.Of(t.Context(), sub)
		must(t, err)
		if len(files) != want {
			t.Errorf("submission has %d files, want %d", len(files), want)
		}
		for _, f := range files {
			if string(h.read(f.ID)) != "Jane" {
				t.Error("the shared file reads otherwise")
			}
		}
	}
	must(t, h.Erase(t.Context(), first))
	files, err := h.Of(t.Context(), second)
	must(t, err)
	if len(files) != 1 || string(h.read(files[0].ID)) != "Jane" {
		t.Error("erasing one submission took the other's file")
	}
	must(t, h.Erase(t.Context(), second))
	if got := h.stored(); len(got) != 0 {
		t.Errorf("blobs left: %q", got)
	}
}

func TestAttachInParallelKeepsEveryFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	s := h.stage("cv.txt", []byte("Jane"))
	subs := make([]uuid.UUID, 8)
	var all sync.WaitGroup
	for i := range subs {
		subs[i] = uuid.New()
		all.Go(func() { h.submit(true, subs[i], s.ID) })
	}
	all.Wait()
	for _, sub := range subs {
		files, err := h.Of(t.Context(), sub)
		must(t, err)
		if len(files) != 1 {
			t.Errorf("a submission has %d files, want 1", len(files))
		}
	}
}

func TestStageInParallel(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			body := bytes.Repeat(fmt.Appendf(nil, "line of %d\n", i), 1+i*20_000)
			s := h.stage("cv.txt", body)
			h.submit(true, uuid.New(), s.ID)
			if !bytes.Equal(h.read(s.ID), body) {
				t.Errorf("file %d came back otherwise", i)
			}
		})
	}
	all.Wait()
}

func TestHold(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	s, owner := h.stage("kit.zip", pack(t, part{Name: "a", Body: []byte("a")})), uuid.New()
	h.hold("download", owner, s.ID)
	h.wait(48 * time.Hour)
	h.expire()
	_, err := h.Sweep(t.Context())
	must(t, err)
	all, err := h.Held(t.Context(), h.pool, "download", owner)
	must(t, err)
	held := all[owner]
	if len(held) != 1 || held[0].ID != s.ID || !held[0].Openable {
		t.Fatalf("held: %+v", held)
	}
	b := &pgx.Batch{}
	h.QueueRelease(b, "download", owner)
	must(t, h.pool.SendBatch(t.Context(), b).Close())
	must(t, h.Purge(t.Context()))
	if got := h.stored(); len(got) != 0 {
		t.Errorf("blobs left: %q", got)
	}
}
