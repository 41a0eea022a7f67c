package cluster_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres/cluster"
)

// dirVar makes the test binary a process that runs the cluster in that folder until its input ends.
const dirVar = "CLUSTER_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(dirVar); dir != "" {
		os.Exit(program(dir))
	}
	os.Exit(m.Run())
}

func program(dir string) int {
	c, err := cluster.Start(context.Background(), cluster.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := c.Stop(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// process is another process that uses the cluster.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	wait  func() error
}

// spawn starts a process; the returned function waits until it says that it is ready.
func spawn(t *testing.T, dir string) (*process, func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), dirVar+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, stdin: in, wait: sync.OnceValue(cmd.Wait)}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = p.wait()
	})
	return p, func() {
		t.Helper()
		line, _ := bufio.NewReader(out).ReadString('\n')
		if strings.TrimSpace(line) != "ready" {
			t.Fatalf("process: %q", line)
		}
	}
}

// folder is a temporary folder that other users can reach, unlike t.TempDir.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cluster-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func start(t *testing.T, cfg cluster.Config) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func stop(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
}

func query(ctx context.Context, c *cluster.Cluster, sql string) (string, error) {
	conn, err := pgx.Connect(ctx, c.URL(cluster.Owner, "postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var s string
	err = conn.QueryRow(ctx, sql).Scan(&s)
	return s, err
}

func keep(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.URL(cluster.Owner, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `CREATE TABLE kept AS SELECT 42 AS n`); err != nil {
		t.Fatal(err)
	}
}

// kept polls until the row written by keep is read, since a server may be on its way.
func kept(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		got, err := query(t.Context(), c, `SELECT n::text FROM kept`)
		if err == nil && got == "42" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("data not read: %q, %v", got, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func postmaster(t *testing.T, c *cluster.Cluster) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(c.Dir(), "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := bytes.Cut(b, []byte("\n"))
	pid, err := strconv.Atoi(string(first))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestColdAndWarm(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	c := start(t, cluster.Config{Dir: dir})
	major := strconv.Itoa(c.Major())
	keep(t, c)
	for setting, want := range map[string]string{"listen_addresses": "", "data_checksums": "on", "server_encoding": "UTF8"} {
		if got, err := query(t.Context(), c, `SELECT current_setting('`+setting+`')`); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", setting, got, err, want)
		}
	}
	if want := filepath.Join(dir, major); c.Dir() != want {
		t.Errorf("Dir() = %s, want %s", c.Dir(), want)
	}
	info, err := os.Stat(c.Socket())
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("socket folder: %v, %v", info.Mode(), err)
	}
	stop(t, c)
	c = start(t, cluster.Config{Dir: dir})
	kept(t, c)
	stop(t, c)
}

func TestBrokenInitdbIsRepeated(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	c := start(t, cluster.Config{Dir: dir, Throwaway: true})
	stop(t, c)
	data := filepath.Join(c.Dir(), "data")
	if err := os.Rename(data, data+".new"); err != nil { // as if killed before its last step
		t.Fatal(err)
	}
	stop(t, start(t, cluster.Config{Dir: dir, Throwaway: true}))
}

func TestParallelColdStarts(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	var ready []func()
	for range 3 {
		_, r := spawn(t, dir)
		ready = append(ready, r)
	}
	for _, r := range ready {
		r()
	}
}

// A guest neither stops the owner's server nor dies with it.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	owner, ready := spawn(t, dir)
	ready()
	guest := start(t, cluster.Config{Dir: dir})
	keep(t, guest)
	first := postmaster(t, guest)
	stop(t, guest)

	guest = start(t, cluster.Config{Dir: dir})
	kept(t, guest)
	if pid := postmaster(t, guest); pid != first {
		t.Fatalf("the guest's stop ended the owner's server: %d, now %d", first, pid)
	}
	if err := owner.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := owner.wait(); err != nil {
		t.Fatal(err)
	}
	kept(t, guest)
	if pid := postmaster(t, guest); pid == first {
		t.Fatal("the owner's stop did not end its server")
	}
	stop(t, guest)
}

func TestKilled(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ program, server bool }{
		"program": {program: true},
		"server":  {server: true},
		"both":    {program: true, server: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			owner, ready := spawn(t, dir)
			ready()
			guest := start(t, cluster.Config{Dir: dir})
			keep(t, guest)
			pid := postmaster(t, guest)
			if tt.program {
				stop(t, guest) // leave the next start to a process that saw nothing of this
				if err := owner.cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			if tt.server {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			if tt.program {
				_ = owner.wait()
				guest = start(t, cluster.Config{Dir: dir})
			}
			kept(t, guest)
			stop(t, guest)
		})
	}
}

func TestDeepPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), strings.Repeat("deep/", 30))
	c := start(t, cluster.Config{Dir: dir, Throwaway: true})
	t.Cleanup(func() { _ = os.RemoveAll(c.Socket()) })
	if !strings.HasPrefix(c.Dir(), dir) || strings.HasPrefix(c.Socket(), dir) {
		t.Errorf("data in %s, socket in %s", c.Dir(), c.Socket())
	}
	if _, err := query(t.Context(), c, `SELECT 'x'`); err != nil {
		t.Error(err)
	}
	stop(t, c)
}

// As root the server runs as another user, who cannot pass a closed parent; otherwise as ourselves,
// who can.
func TestClosedParent(t *testing.T) {
	t.Parallel()
	closed := folder(t)
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(closed, "var")
	var log bytes.Buffer
	c := start(t, cluster.Config{Dir: dir, Throwaway: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if os.Geteuid() == 0 {
		t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(c.Dir())) })
		if strings.HasPrefix(c.Dir(), dir) {
			t.Errorf("data in %s", c.Dir())
		}
		if !strings.Contains(log.String(), c.Dir()) {
			t.Errorf("not told: %s", log.String())
		}
	} else if !strings.HasPrefix(c.Dir(), dir) {
		t.Errorf("data in %s, want it below %s", c.Dir(), dir)
	}
	stop(t, c)
	again := start(t, cluster.Config{Dir: dir, Throwaway: true})
	if again.Dir() != c.Dir() {
		t.Errorf("another folder at the second start: %s, then %s", c.Dir(), again.Dir())
	}
	keep(t, again)
	stop(t, again)

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	anew := start(t, cluster.Config{Dir: dir, Throwaway: true})
	if os.Geteuid() == 0 {
		t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(anew.Dir())) })
	}
	if got, err := query(t.Context(), anew, `SELECT coalesce(to_regclass('kept')::text, 'none')`); err != nil || got != "none" {
		t.Errorf("after the wanted folder was deleted: table %q, %v", got, err)
	}
	stop(t, anew)
}

// Processes that start at once behind a closed parent settle on one folder.
func TestClosedParentAtOnce(t *testing.T) {
	t.Parallel()
	closed := folder(t)
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(closed, "var")
	var ready []func()
	for range 3 {
		_, r := spawn(t, dir)
		ready = append(ready, r)
	}
	for _, r := range ready {
		r()
	}
	c := start(t, cluster.Config{Dir: dir})
	if os.Geteuid() == 0 {
		t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(c.Dir())) })
	}
	if _, err := os.Stat(filepath.Join(c.Dir(), "data", "postmaster.pid")); err != nil {
		t.Errorf("the processes use another folder: %v", err)
	}
	stop(t, c)
}

func TestOtherVersion(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	c := start(t, cluster.Config{Dir: dir, Throwaway: true})
	stop(t, c)

	t.Run("beside", func(t *testing.T) {
		other := folder(t)
		if err := os.MkdirAll(filepath.Join(other, "9", "data"), 0o700); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		c := start(t, cluster.Config{Dir: other, Throwaway: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
		stop(t, c)
		if !strings.Contains(log.String(), "another version") {
			t.Errorf("not told: %s", log.String())
		}
	})
	t.Run("inside", func(t *testing.T) {
		if err := os.WriteFile(filepath.Join(c.Dir(), "data", "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := cluster.Start(t.Context(), cluster.Config{Dir: dir, Throwaway: true})
		if err == nil || !strings.Contains(err.Error(), "holds data of version 9") {
			t.Errorf("err = %v", err)
		}
	})
}

func TestFolderOfAnother(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	c := start(t, cluster.Config{Dir: dir, Throwaway: true})
	stop(t, c)
	if err := os.Chmod(c.Socket(), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.Start(t.Context(), cluster.Config{Dir: dir, Throwaway: true}); err == nil {
		t.Error("a socket folder that anybody can enter was accepted")
	}
}

// A setting that the server refuses must be told at once, with its own words.
func TestServerThatCannotStart(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	c := start(t, cluster.Config{Dir: dir, Throwaway: true})
	stop(t, c)
	conf := filepath.Join(c.Dir(), "data", "postgresql.conf")
	if err := os.WriteFile(conf, []byte("no_such_setting = on\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	_, err := cluster.Start(t.Context(), cluster.Config{Dir: dir, Throwaway: true})
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("err = %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("told after %s", took)
	}
}

func TestNoBinaries(t *testing.T) {
	t.Setenv("POSTGRES_BIN", t.TempDir())
	if _, err := cluster.Start(t.Context(), cluster.Config{Dir: folder(t)}); err == nil {
		t.Error("started without a server")
	}
}
