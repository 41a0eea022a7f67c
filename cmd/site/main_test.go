package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be the program itself, for tests that need a process to start, signal and kill.
func TestMain(m *testing.M) {
	if os.Getenv("SITE_AS_PROGRAM") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is the program, running by itself.
type process struct {
	*exec.Cmd
	url  string
	done chan error
}

// startSite runs `site serve` on the embedded database under dir and waits until it is ready.
func startSite(t *testing.T, dir, address string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], "serve")
	cmd.Env = append(os.Environ(), "SITE_AS_PROGRAM=1", "VAR_DIR="+dir, "LISTEN="+address, "ADMIN_LISTEN=127.0.0.1:0",
		"FORM_LIMIT=off", "DATABASE_URL=", "SITE_ENV=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: cmd, url: "http://" + address, done: make(chan error, 1)}
	go func() {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			if strings.Contains(lines.Text(), `"level":"ERROR"`) && testing.Verbose() {
				fmt.Fprintln(os.Stderr, lines.Text())
			}
		}
		_, _ = io.Copy(io.Discard, stderr)
		p.done <- cmd.Wait()
	}()
	t.Cleanup(func() {
		if !p.ended() {
			_ = p.Process.Kill()
			p.done <- <-p.done
		}
	})
	p.waitReady(t)
	return p
}

// ended tells whether the process is gone.
func (p *process) ended() bool {
	select {
	case err, open := <-p.done:
		if open {
			p.done <- err // for whoever asks next
		}
		return true
	default:
		return false
	}
}

func (p *process) waitReady(t *testing.T) {
	t.Helper()
	client := &http.Client{Timeout: time.Second}
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		select {
		case err := <-p.done:
			p.done <- err
			t.Fatalf("the program ended: %v", err)
		default:
		}
		resp, err := client.Get(p.url + "/readyz")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatal("the program is not ready after 40 seconds")
}

// varDir is a folder for the program's state that the database's own user may enter.
func varDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "site-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // as root, Postgres runs as another user
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

func TestServeStopsWhenTold(t *testing.T) {
	p := startSite(t, varDir(t), freeAddress(t))
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.done:
		p.done <- err
		if err != nil {
			t.Errorf("told to stop, it ended with %v", err)
		}
	case <-time.After(40 * time.Second):
		t.Error("told to stop, it still runs after 40 seconds")
		_ = p.Process.Kill()
	}
}

func TestCommands(t *testing.T) {
	for name, tt := range map[string]struct {
		args    []string
		environ []string
		code    int
		says    string
	}{
		"no command":         {nil, nil, 0, "Usage: site COMMAND"},
		"help of one":        {[]string{"help", "serve"}, nil, 0, "until told to stop"},
		"unknown":            {[]string{"dance"}, nil, 2, "no command"},
		"bad environment":    {[]string{"serve"}, []string{"LISTEN=nowhere", "SMTP_URL=ftp://u:secret@x", "FORM_LIMIT=many", "TRUSTED_PROXIES=me"}, 2, "FORM_LIMIT"},
		"bad staff":          {[]string{"staff"}, []string{"VAR_DIR=/nonexistent"}, 2, "usage: site staff add EMAIL"},
		"too much":           {[]string{"doctor", "now"}, []string{"VAR_DIR=/nonexistent"}, 2, "usage: site doctor"},
		"bad migrate":        {[]string{"migrate", "up"}, []string{"VAR_DIR=/nonexistent"}, 2, "usage: site migrate [down]"},
		"down in production": {[]string{"migrate", "down"}, []string{"SITE_ENV=production", "DATABASE_URL=postgres://x@127.0.0.1:1/x"}, 1, "not with SITE_ENV=production"},
		"half a statement":   {[]string{"statement", "publish"}, []string{"VAR_DIR=/nonexistent"}, 2, "usage: site statement publish ID"},
		"bad statement":      {[]string{"statement", "publish", "1999-01-01"}, []string{"VAR_DIR=/nonexistent"}, 1, "1999-01-01"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			code := run(context.Background(), tt.args, tt.environ, strings.NewReader(""), &out, &out)
			if code != tt.code || !strings.Contains(out.String(), tt.says) {
				t.Errorf("exit %d, want %d; printed:\n%s", code, tt.code, &out)
			}
			if strings.Contains(out.String(), "secret") {
				t.Error("a password was printed")
			}
		})
	}
}
