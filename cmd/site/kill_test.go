package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/postgres"
)

// outcome is what a client knows of one sending.
type outcome struct {
	location string // of the receipt, once acknowledged
	tries    int
}

// TestKill sends forms while the site, its database, and both are killed. Whatever was acknowledged is there once;
// whatever was not is there at most once, also where the client tried again.
func TestKill(t *testing.T) {
	dir, address := varDir(t), freeAddress(t)
	p := startSite(t, dir, address)
	load := &load{url: p.url, outcomes: map[string]*outcome{}}
	load.fetchSeal(t)
	stopLoad := load.start(t, 16)

	rounds := []struct {
		name string
		kill func(*testing.T, *process)
	}{
		{"site", killSite},
		{"database", func(t *testing.T, _ *process) { killPostgres(t, dir) }},
		{"both", func(t *testing.T, p *process) { killPostgres(t, dir); killSite(t, p) }},
	}
	for _, round := range rounds {
		load.waitFor(t, 150)
		round.kill(t, p)
		if p.ended() {
			p = startSite(t, dir, address)
		}
		p.waitReady(t)
	}
	load.waitFor(t, 150)
	stopLoad()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := <-p.done
	p.done <- err
	if err != nil {
		t.Errorf("the program ended with %v", err)
	}
	verify(t, dir, load)
}

func killSite(t *testing.T, p *process) {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.done <- <-p.done
}

func killPostgres(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "postgres", "*", "data", "postmaster.pid"))
	if err != nil || len(files) != 1 {
		t.Fatalf("postmaster.pid under %s: %v, %v", dir, files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(string(raw), "\n", 2)[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// load sends applications without end, each with a name of its own.
type load struct {
	url      string
	seal     string
	mu       sync.Mutex
	outcomes map[string]*outcome
	last     atomic.Int64
	acks     atomic.Int64
	stopped  atomic.Bool
}

var sealPattern = regexp.MustCompile(`name="seal" value="([^"]+)"`)

func (l *load) fetchSeal(t *testing.T) {
	t.Helper()
	resp, err := http.Get(l.url + "/alliances/apply")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	l.seal = sealPattern.FindStringSubmatch(string(raw))[1]
}

func (l *load) start(t *testing.T, clients int) (stop func()) {
	t.Helper()
	client := &http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: clients},
	}
	var clientsDone sync.WaitGroup
	for range clients {
		clientsDone.Go(func() {
			for !l.stopped.Load() {
				l.sendOne(client)
			}
		})
	}
	return func() {
		l.stopped.Store(true)
		clientsDone.Wait()
	}
}

// sendOne sends one application; every second client tries again what was not acknowledged, as a person would.
func (l *load) sendOne(client *http.Client) {
	n := l.last.Add(1)
	name := fmt.Sprintf("Load Number %d", n)
	o := &outcome{}
	l.mu.Lock()
	l.outcomes[name] = o
	l.mu.Unlock()
	values := url.Values{
		"seal": {l.seal}, "name": {name}, "email": {fmt.Sprintf("load%d@example.com", n%500)}, "company": {"Load"},
		"country": {"US"}, "size": {"1-9"}, "kind": {"reseller"}, "regions": {"europe"}, "products": {"contracts"},
		"why": {"Because."}, "consent_newsletter": {"yes"},
	}
	for try := range 3 {
		o.tries++
		resp, err := client.PostForm(l.url+"/alliances/apply", values)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusSeeOther {
				o.location = resp.Header.Get("Location")
				l.acks.Add(1)
				return
			}
		}
		if n%2 == 0 || try == 2 || l.stopped.Load() {
			return
		}
		time.Sleep(100 * time.Millisecond) // a person waits before trying again
	}
}

// waitFor waits until that many more were acknowledged.
func (l *load) waitFor(t *testing.T, more int64) {
	t.Helper()
	want := l.acks.Load() + more
	for deadline := time.Now().Add(60 * time.Second); l.acks.Load() < want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("only %d of %d acknowledged after a minute", l.acks.Load(), want)
		}
	}
}

func verify(t *testing.T, dir string, l *load) {
	t.Helper()
	ctx := context.Background()
	db, err := postgres.Open(ctx, postgres.Config{VarDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	ring, err := key.Load(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.Pool.Query(ctx, `
		SELECT s.name, s.id, (SELECT count(*) FROM answers a WHERE a.submission_id = s.id),
			(SELECT count(*) FROM consent_event c WHERE c.submission_id = s.id),
			(SELECT count(*) FROM message m WHERE m.submission_id = s.id)
		FROM submission s`)
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]string{}
	for rows.Next() {
		var name string
		var id [16]byte
		var answers, consents, messages int
		if err := rows.Scan(&name, &id, &answers, &consents, &messages); err != nil {
			t.Fatal(err)
		}
		if _, twice := stored[name]; twice {
			t.Errorf("%s is stored twice", name)
		}
		if answers != 1 || consents != 1 || messages != 2 {
			t.Errorf("%s: %d answers, %d consents, %d messages", name, answers, consents, messages)
		}
		stored[name] = "/r/" + ring.Token("receipt", id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	acknowledged, silent := 0, 0
	for name, o := range l.outcomes {
		switch at, ok := stored[name]; {
		case o.location != "" && !ok:
			t.Errorf("%s was acknowledged and is lost", name)
		case o.location != "" && at != o.location:
			t.Errorf("%s was acknowledged with another receipt", name)
		case o.location != "":
			acknowledged++
		case ok:
			silent++
		}
	}
	t.Logf("%d sent, %d acknowledged and there once, %d there without having been acknowledged", len(l.outcomes), acknowledged, silent)
}
