package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// startS3 runs a real S3 server over a folder, and returns the address of a bucket in it.
func startS3(t *testing.T) string {
	t.Helper()
	// -n builds the tool and says where it is; run by go itself, it would outlive the test.
	find := exec.CommandContext(t.Context(), "go", "tool", "-modfile=../../.ci/s3.mod", "-n", "versitygw")
	var complaint strings.Builder
	find.Stderr = &complaint
	found, err := find.Output()
	if err != nil {
		t.Fatalf("build versitygw: %v\n%s", err, complaint.String())
	}
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/uploads", 0o755))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := l.Addr().String()
	must(t, l.Close())
	cmd := exec.Command(strings.TrimSpace(string(found)), "--port", addr, "--access", "user", "--secret", "se/cr+et",
		"--region", "eu-test-1", "--quiet", "posix", dir)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // being killed, or what out tells
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	deadline := time.Now().Add(30 * time.Second)
	for {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			must(t, conn.Close())
			return "s3://user:se%2Fcr+et@" + addr + "/uploads?region=eu-test-1&tls=off"
		}
		select {
		case <-ended:
			t.Fatalf("versitygw ended: %v\n%s", cmd.ProcessState, out.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("versitygw does not answer")
		}
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	blobs, err := OpenBlobs("", t.TempDir()+"/deep/er/files")
	must(t, err)
	testBlobs(t, blobs)
}

func TestBucket(t *testing.T) {
	t.Parallel()
	address := startS3(t)
	for name, raw := range map[string]string{
		"root": address, "inside a folder": strings.Replace(address, "/uploads?", "/uploads/site/one?", 1),
	} {
		t.Run(name, func(t *testing.T) {
			blobs, err := OpenBlobs(raw, "")
			must(t, err)
			testBlobs(t, blobs)
		})
	}
	t.Run("whole way", func(t *testing.T) { testStoreOver(t, address) })
	t.Run("wrong secret", func(t *testing.T) {
		blobs, err := OpenBlobs(strings.Replace(address, "se%2Fcr", "wrong", 1), "")
		must(t, err)
		if err := blobs.Put(t.Context(), "a", strings.NewReader("x")); err == nil || strings.Contains(err.Error(), "wrong") {
			t.Errorf("error %v, want one without the secret", err)
		}
	})
}

func testBlobs(t *testing.T, blobs Blobs) {
	ctx := t.Context()
	body := noise(3 << 20)
	must(t, blobs.Put(ctx, "file/one", bytes.NewReader([]byte("old"))))
	read := bytes.NewReader(body)
	_, err := read.Seek(100, io.SeekStart)
	must(t, err)
	must(t, blobs.Put(ctx, "file/one", read)) // from its start, wherever it stands
	must(t, blobs.Put(ctx, "file/ab/two", bytes.NewReader(nil)))
	must(t, blobs.Put(ctx, "journal/three", strings.NewReader("3")))
	for _, offset := range []int{0, 1, len(body) - 1, len(body), len(body) + 5} {
		got, err := fetch(ctx, blobs, "file/one", int64(offset))
		if err != nil || !bytes.Equal(got, body[min(offset, len(body)):]) {
			t.Errorf("from %d: %d bytes, %v", offset, len(got), err)
		}
	}
	if _, err := fetch(ctx, blobs, "file/none", 0); !errors.Is(err, ErrNoBlob) {
		t.Errorf("missing: %v, want ErrNoBlob", err)
	}
	for _, name := range []string{"", "../x", "/x", "a//b", "a/./b", "A", "a\x00", "file/"} {
		_, err := blobs.Get(ctx, name, 0)
		if err == nil || blobs.Put(ctx, name, strings.NewReader("x")) == nil || blobs.Delete(ctx, name) == nil {
			t.Errorf("name %q is taken", name)
		}
	}
	later, before := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	if diff := cmp.Diff(names(t, blobs, "file/", later), []string{"file/ab/two", "file/one"}); diff != "" {
		t.Errorf("listed (-got +want):\n%s", diff)
	}
	if got := names(t, blobs, "file/", before); len(got) != 0 {
		t.Errorf("younger than asked: %q", got)
	}
	if got := names(t, blobs, "nothing/", later); len(got) != 0 {
		t.Errorf("of an unused prefix: %q", got)
	}
	for range 2 {
		must(t, blobs.Delete(ctx, "file/one"))
	}
	if _, err := fetch(ctx, blobs, "file/one", 0); !errors.Is(err, ErrNoBlob) {
		t.Errorf("deleted: %v, want ErrNoBlob", err)
	}
	for name, err := range blobs.List(ctx, "file/", later) {
		if err != nil || name != "file/ab/two" {
			t.Errorf("listed %q, %v", name, err)
		}
		break
	}
}

func fetch(ctx context.Context, blobs Blobs, name string, offset int64) ([]byte, error) {
	r, err := blobs.Get(ctx, name, offset)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r)
	return body, errors.Join(err, r.Close())
}

func names(t *testing.T, blobs Blobs, prefix string, before time.Time) []string {
	t.Helper()
	got := []string{}
	for name, err := range blobs.List(t.Context(), prefix, before) {
		must(t, err)
		got = append(got, name)
	}
	slices.Sort(got)
	return got
}

func testStoreOver(t *testing.T, address string) {
	h := newHouse(t, "")
	blobs, err := OpenBlobs(address, "")
	must(t, err)
	h.blobs = blobs
	must(t, h.Probe(t.Context()))
	body := docx(t, string(bytes.Repeat([]byte("Jane "), 100)))
	kit := pack(t, part{Name: "noise", Body: noise(2 << 20), Store: true})
	s, long := h.attached("cv.docx", body), h.attached("kit.zip", kit)
	if !bytes.Equal(h.read(s.ID), body) || !bytes.Equal(h.read(long.ID), kit) {
		t.Error("files came back otherwise")
	}
	res, got, err := get(t, "GET", h.serve(long.ID).URL, "Range", "bytes=700000-1400000")
	if err != nil || res.StatusCode != http.StatusPartialContent || !bytes.Equal(got, kit[700000:1400001]) {
		t.Errorf("range: %v, %d bytes", err, len(got))
	}
	must(t, h.Remove(t.Context(), s.ID))
	h.stage("left.txt", []byte("left"))
	h.wait(25 * time.Hour)
	must(t, blobs.Put(t.Context(), h.prefix+"norow", strings.NewReader("x")))
	h.expire()
	swept, err := h.Sweep(t.Context())
	if diff := cmp.Diff(swept, Swept{Blobs: 1}); err != nil || diff != "" {
		t.Errorf("swept: %v (-got +want):\n%s", err, diff)
	}
	if got := names(t, blobs, h.prefix, time.Now().Add(time.Hour)); len(got) != 1 {
		t.Errorf("blobs left: %q", got)
	}
}

func TestOpenBlobsRefuses(t *testing.T) {
	for _, raw := range []string{
		"http://k:hush@h/b", "s3://h/b", "s3://k:hush@h", "s3://k:hush@/b", "s3://k@h/b", "s3://k:hush@h/b?tls=maybe",
		"s3://k:hush%zz@h/b", "://",
	} {
		if _, err := OpenBlobs(raw, ""); err == nil || strings.Contains(fmt.Sprint(err), "hush") {
			t.Errorf("OpenBlobs(%q): error %v, want one without the secret", raw, err)
		}
	}
	if _, err := OpenBlobs("", ""); err == nil {
		t.Error("neither address nor folder: no error")
	}
}

func TestFolderSurvivesCutWrite(t *testing.T) {
	t.Parallel()
	f := newFolder(t.TempDir())
	broken := errors.New("disk full")
	if err := f.Put(t.Context(), "file/a", &failing{err: broken}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	for _, prefix := range []string{"file/", tmpPrefix} {
		if got := names(t, f, prefix, time.Now().Add(time.Hour)); len(got) != 0 {
			t.Errorf("left behind: %q", got)
		}
	}
	if err := newHouse(t, "").Probe(t.Context()); err != nil {
		t.Errorf("probe: %v", err)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error)       { return 0, f.err }
func (f *failing) Seek(int64, int) (int64, error) { return 0, nil }
