package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	logWaits = 100 * time.Millisecond // how long a line waits for others at most
	logHolds = 32 << 10               // how many bytes wait at most
)

// newLog returns what the program says its lines to, as JSON. The lines of requests wait for each other: on a busy site
// to write each by itself costs a tenth of an answer from memory. A warning or worse leaves at once, with what waited
// before it. The function that comes with it writes what still waits, and is called at the end.
func newLog(out io.Writer) (*slog.Logger, func()) {
	lines := &gathered{out: out}
	return slog.New(urgent{slog.NewJSONHandler(lines, nil), lines}), lines.flush
}

// gathered is a writer that lets what is written wait for more.
type gathered struct {
	out io.Writer

	mu    sync.Mutex
	lines []byte
	due   bool // flush will be called
}

func (g *gathered) Write(line []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines = append(g.lines, line...)
	if len(g.lines) >= logHolds {
		g.write()
	}
	if !g.due {
		g.due = true
		time.AfterFunc(logWaits, g.flush)
	}
	return len(line), nil
}

func (g *gathered) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.due = false
	g.write()
}

func (g *gathered) write() {
	if len(g.lines) > 0 {
		_, _ = g.out.Write(g.lines) // a log that can't be written has nobody to tell
		g.lines = g.lines[:0]
	}
}

// urgent is a handler whose warnings and errors do not wait.
type urgent struct {
	slog.Handler
	lines *gathered
}

func (u urgent) Handle(ctx context.Context, r slog.Record) error {
	err := u.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		u.lines.flush()
	}
	return err
}

func (u urgent) WithAttrs(attrs []slog.Attr) slog.Handler {
	return urgent{u.Handler.WithAttrs(attrs), u.lines}
}

func (u urgent) WithGroup(name string) slog.Handler {
	return urgent{u.Handler.WithGroup(name), u.lines}
}
