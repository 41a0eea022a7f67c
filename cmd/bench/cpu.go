package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit in which the kernel counts the time of processes (USER_HZ, 100 on every Linux).
const tick = 10 * time.Millisecond

// reading is what one measurement found.
type reading struct {
	rate float64 // per second, or milliseconds, or MB
	cpu  float64 // µs of processor time for each, by all that took part; 0 where it was not counted
}

// spent measures what a piece of work costs in processor time, load generator and database included. Where the machine
// is shared it tells more than the rate.
func (b *bench) spent(ctx context.Context, others []int, work func() (rate float64, n int, err error)) (reading, error) {
	before, err := b.cpu(ctx, others)
	if err != nil {
		return reading{}, err
	}
	rate, n, err := work()
	if err != nil {
		return reading{}, err
	}
	after, err := b.cpu(ctx, others)
	if err != nil {
		return reading{}, err
	}
	return reading{rate, float64((after - before).Microseconds()) / float64(max(1, n))}, nil
}

// cpu sums the processor time of this program, of those it has started and waited for, of the database with all its
// processes, and of others.
func (b *bench) cpu(ctx context.Context, others []int) (time.Duration, error) {
	admin, err := b.db.Admin(ctx)
	if err != nil {
		return 0, err
	}
	var backend int
	if err := admin.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
		return 0, err
	}
	p, err := readProcess(backend)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			return 0, fmt.Errorf("processor time: %w", err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	for _, pid := range others {
		o, err := readProcess(pid)
		if err != nil {
			return 0, err
		}
		sum += o.own
	}
	server, err := family(p.parent)
	return sum + server, err
}

// process state of interest.
type state struct {
	parent      int
	own, waited time.Duration
}

func readProcess(pid int) (state, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return state{}, fmt.Errorf("processor time: %w", err)
	}
	// The name in parentheses may hold anything; what follows is fields 3 and on (proc(5)).
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 15 {
		return state{}, fmt.Errorf("processor time: /proc/%d/stat is short", pid)
	}
	var n [15]int64
	for i := 1; i < 15; i++ {
		n[i], _ = strconv.ParseInt(fields[i], 10, 64) // one field that is no number is none of ours
	}
	return state{
		parent: int(n[1]), own: time.Duration(n[11]+n[12]) * tick, waited: time.Duration(n[13]+n[14]) * tick,
	}, nil
}

// family is the time of a process, of its children, and of those that have ended.
func family(pid int) (time.Duration, error) {
	root, err := readProcess(pid)
	if err != nil {
		return 0, err
	}
	sum := root.own + root.waited
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, dir := range dirs {
		child, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if s, err := readProcess(child); err == nil && s.parent == pid { // others come and go
			sum += s.own
		}
	}
	return sum, nil
}
