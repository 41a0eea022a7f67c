package file

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

func (h *house) hold(holder string, owner, id uuid.UUID) {
	h.t.Helper()
	var b pgx.Batch
	h.Hold(&b, holder, owner, id)
	must(h.t, h.pool.SendBatch(h.t.Context(), &b).Close())
}

// startClamd runs ClamAV's daemon with one signature, and returns its TCP address and its socket.
func startClamd(t *testing.T) (tcp, socket string) {
	t.Helper()
	program, err := exec.LookPath("clamd")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/clamd"); err != nil {
			t.Fatal("clamd is missing: install the package clamav-daemon")
		}
	}
	// A socket's path may have 107 bytes, fewer than a test's own folder takes.
	dir, err := os.MkdirTemp("", "clamd-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	// ndb: name, any type, any offset, bytes.
	must(t, os.WriteFile(filepath.Join(dir, "own.ndb"),
		fmt.Appendf(nil, "Eicar-Test:0:*:%s\n", hex.EncodeToString([]byte(eicar()))), 0o644))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	tcp, socket = l.Addr().String(), filepath.Join(dir, "s")
	must(t, l.Close())
	_, port, err := net.SplitHostPort(tcp)
	must(t, err)
	conf := filepath.Join(dir, "clamd.conf")
	must(t, os.WriteFile(conf, fmt.Appendf(nil, `Foreground yes
DatabaseDirectory %s
TemporaryDirectory %s
LocalSocket %s
TCPSocket %s
TCPAddr 127.0.0.1
StreamMaxLength 1M
`, dir, dir, socket, port), 0o644))
	cmd := exec.Command(program, "--config-file", conf)
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
		if _, err := newClamd(tcp).version(t.Context()); err == nil {
			return tcp, socket
		}
		select {
		case <-ended:
			t.Fatalf("clamd ended: %v\n%s", cmd.ProcessState, out.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("clamd does not answer")
		}
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	tcp, socket := startClamd(t)
	for name, addr := range map[string]string{"tcp": tcp, "socket": socket, "unix:": "unix:" + socket} {
		t.Run(name, func(t *testing.T) { testScan(t, addr) })
	}
}

func testScan(t *testing.T, addr string) {
	h := newHouse(t, addr)
	clean := h.attached("cv.pdf", pdf("Jane"))
	bad := h.attached("bad.txt", []byte(eicar()))
	packed := h.attached("bad.docx", pack(t, append(docxParts("x"), part{Name: "word/a", Body: []byte(eicar())})...))
	staged := h.stage("bad.txt", []byte(eicar()))
	long := h.attached("long.txt", []byte(strings.Repeat("0123456789", 200_000)))
	for _, s := range []Staged{clean, bad, packed, long} {
		if _, err := h.Open(t.Context(), s.ID); !errors.Is(err, ErrWithheld) {
			t.Errorf("%s before its scan: %v, want ErrWithheld", s.Name, err)
		}
	}
	if version, err := h.Scanner(t.Context()); err != nil || !strings.HasPrefix(version, "ClamAV") {
		t.Errorf("scanner %q, %v", version, err)
	}
	for range scanTries + 1 {
		must(t, h.Scan(t.Context()))
		h.wait(scanWaits)
	}
	if got := h.info(clean.ID); got.Scan != Clean || !got.Openable || got.Warning() != "" || got.Scanned.IsZero() {
		t.Errorf("clean file: %+v", got)
	}
	h.read(clean.ID)
	for _, s := range []Staged{bad, packed, staged} {
		got := h.info(s.ID)
		if got.Scan != Infected || !strings.HasPrefix(got.Signature, "Eicar-Test") || got.Openable {
			t.Errorf("infected file: %+v", got)
		}
	}
	var r *Refusal
	if _, err := h.Resume(t.Context(), staged.Token); !errors.As(err, &r) || r.Reason != Virus {
		t.Errorf("resume of an infected file: %v", err)
	}
	if got := h.info(long.ID); got.Scan != Failed || !strings.Contains(got.Signature, "size limit exceeded") {
		t.Errorf("too long for the scanner: %+v", got)
	}
	for _, s := range []Staged{bad, packed, long} {
		if _, err := h.Open(t.Context(), s.ID); !errors.Is(err, ErrWithheld) {
			t.Errorf("%s: %v, want ErrWithheld", s.Name, err)
		}
	}
	if n := len(h.stored()); n != 2 {
		t.Errorf("%d blobs, want those of the clean and the long file", n)
	}
}

func TestScanInParallelTakesEachFileOnce(t *testing.T) {
	t.Parallel()
	addr, _ := startClamd(t)
	h := newHouse(t, addr)
	for i := range 20 {
		h.attached("cv.txt", fmt.Appendf(nil, "file %d", i))
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := h.Scan(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var clean, attempts int
	must(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE scan = 'clean'), sum(scan_attempts) FROM file`).
		Scan(&clean, &attempts))
	if clean != 20 || attempts != 20 {
		t.Errorf("%d clean after %d attempts, want 20 and 20", clean, attempts)
	}
}

func TestScanWaitsForItsScanner(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	gone := l.Addr().String()
	must(t, l.Close())
	h := newHouse(t, gone)
	s := h.attached("cv.txt", []byte("Jane"))
	for range 3 * scanTries {
		if err := h.Scan(t.Context()); !errors.Is(err, errScanner) {
			t.Fatalf("error %v, want that of the scanner", err)
		}
		must(t, h.Scan(t.Context())) // not due: nothing to do
		h.wait(scanWaits)
	}
	if got := h.info(s.ID); got.Scan != Pending || got.Openable {
		t.Errorf("while the scanner is away: %+v", got)
	}
	h.scanner.address, _ = startClamd(t)
	must(t, h.Scan(t.Context()))
	if got := h.info(s.ID); got.Scan != Clean {
		t.Errorf("once it is back: %+v", got)
	}
}

func TestScanHangs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c) }()
		}
	}()
	h := newHouse(t, l.Addr().String())
	s := h.attached("cv.txt", []byte("Jane"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := h.Scan(ctx); !errors.Is(err, errScanner) {
		t.Errorf("error %v, want that of the scanner", err)
	}
	var later bool
	must(t, h.pool.QueryRow(t.Context(), `SELECT scan_next_at < $2 FROM file WHERE id = $1`, s.ID,
		h.now().Add(scanLease/2)).Scan(&later))
	if !later {
		t.Error("the pause of the attempt that was cut short is not recorded")
	}
}

func TestWithoutScanner(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	s := h.attached("cv.txt", []byte("Jane"))
	must(t, h.Scan(t.Context()))
	got := h.info(s.ID)
	if got.Scan != Unscanned || !got.Openable || !strings.HasPrefix(got.Warning(), "Not scanned") {
		t.Errorf("without a scanner: %+v", got)
	}
	if version, err := h.Scanner(t.Context()); version != "" || err != nil {
		t.Errorf("scanner %q, %v", version, err)
	}
	addr, _ := startClamd(t)
	h.scanner = newClamd(addr)
	if _, err := h.Open(t.Context(), s.ID); !errors.Is(err, ErrWithheld) {
		t.Errorf("once there is a scanner: %v, want ErrWithheld", err)
	}
	must(t, h.Scan(t.Context()))
	if got := h.info(s.ID); got.Scan != Clean {
		t.Errorf("after its scan: %+v", got)
	}
	must(t, h.Rescan(t.Context(), s.ID))
	if got := h.info(s.ID); got.Scan != Pending {
		t.Errorf("told to scan again: %+v", got)
	}
}

func TestScanOfDamagedContents(t *testing.T) {
	t.Parallel()
	addr, _ := startClamd(t)
	h := newHouse(t, addr)
	s := h.attached("cv.txt", []byte("Jane"))
	must(t, os.Truncate(h.blobPath(s.ID), 3))
	lost := h.attached("cv.txt", []byte("John"))
	must(t, os.Remove(h.blobPath(lost.ID)))
	must(t, h.Scan(t.Context()))
	for _, s := range []Staged{s, lost} {
		if got := h.info(s.ID); got.Scan != Failed || got.Openable {
			t.Errorf("damaged contents: %+v", got)
		}
	}
}
