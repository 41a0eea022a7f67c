package submission_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

// line is the way to the database, on which everything can be lost.
type line struct {
	lost  atomic.Bool
	mu    sync.Mutex
	conns []net.Conn
}

type lineConn struct {
	net.Conn
	line *line
}

// Write pretends to send what is lost: the answer never comes.
func (c lineConn) Write(p []byte) (int, error) {
	if c.line.lost.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, conn)
	return lineConn{conn, l}, nil
}

// mend ends the connections on which something was lost.
func (l *line) mend() {
	l.lost.Store(false)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

// TestDatabaseThatDoesNotAnswer holds nobody: whoever waits is told soon, however many wait, and what they sent can be
// sent again.
func TestDatabaseThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	b, way := newBench(t), &line{}
	cfg := b.Pool.Config().Copy()
	cfg.ConnConfig.DialFunc = way.dial
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	store := submission.NewStore(submission.Config{
		Pool: pool, Ring: b.Ring, People: person.New(pool, b.Ring, b.Now), Mail: b.Mail, Files: b.Files, Now: b.Now, Timeout: timeout,
	})
	t.Cleanup(store.Close)
	if _, err := store.Accept(t.Context(), entry(b, "first@example.com", "hello")); err != nil {
		t.Fatal(err)
	}
	way.lost.Store(true)
	send := func(accept func(submission.Entry) error) {
		var wait sync.WaitGroup
		for i := range 100 {
			wait.Go(func() {
				if err := accept(entry(b, fmt.Sprintf("p%d@example.com", i), "hello")); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	}
	start := time.Now()
	send(func(e submission.Entry) error {
		if _, err := store.Accept(t.Context(), e); err == nil {
			return errors.New("accepted by a database that does not answer")
		}
		return nil
	})
	if took := time.Since(start); took > 2*timeout {
		t.Errorf("100 senders waited %v for a database that does not answer within %v", took, timeout)
	}
	start = time.Now()
	other := entry(b, "other@example.com", "hello")
	other.Form.Title = "A wording that is not stored yet"
	if _, err := store.Accept(t.Context(), other); err == nil || time.Since(start) > 2*timeout {
		t.Errorf("an unknown wording: %v after %v", err, time.Since(start))
	}
	way.mend()
	patience := time.Now().Add(time.Minute)
	send(func(e submission.Entry) error {
		_, err := store.Accept(t.Context(), e)
		for err != nil && time.Now().Before(patience) { // a slow machine may not make all connections anew within the time for one answer
			_, err = store.Accept(t.Context(), e)
		}
		return err
	})
	var stored int
	if err := b.Pool.QueryRow(t.Context(), `SELECT count(*) FROM submission`).Scan(&stored); err != nil || stored != 101 {
		t.Errorf("%d are stored, want 101 (%v)", stored, err)
	}
}

func TestAnswerOfTheCommitIsLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first, second, err := b.Store.FlushTwice(t.Context(), entry(b, "ada@example.com", "hello"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(second, first); diff != "" {
		t.Errorf("the second try (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(counts(t, b), [5]int{1, 1, 1, 1, 1}); diff != "" {
		t.Errorf("rows of person, submission, answers, consent_event, message (-got +want):\n%s", diff)
	}
}
