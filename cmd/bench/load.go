package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

var (
	wrkRate     = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	wrkTotal    = regexp.MustCompile(`(\d+) requests in`)
	wrkRefused  = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	wrkBroken   = regexp.MustCompile(`Socket errors: (.*)`)
	pgbenchRate = regexp.MustCompile(`tps = ([\d.]+) \(without`)
	pgbenchDone = regexp.MustCompile(`transactions actually processed: (\d+)`)
	pgbenchLost = regexp.MustCompile(`number of failed transactions: (\d+)`)
)

// wrk puts 64 connections of load on an address for the time of one measurement. It returns requests per second and
// how many were answered. An answer below 200 or above 399 is an error.
func (b *bench) wrk(ctx context.Context, address string, args ...string) (rate float64, total int, err error) {
	args = append([]string{"-t2", "-c64", fmt.Sprintf("-d%ds", int(b.each.Seconds()))}, append(args, address)...)
	out, err := exec.CommandContext(ctx, "wrk", args...).CombinedOutput() //nolint:gosec // a fixed program
	if err != nil {
		return 0, 0, fmt.Errorf("wrk: %w: %s", err, bytes.TrimSpace(out))
	}
	if m := wrkRefused.FindSubmatch(out); m != nil {
		return 0, 0, fmt.Errorf("%s: %s answers were refusals", address, m[1])
	}
	if m := wrkBroken.FindSubmatch(out); m != nil {
		return 0, 0, fmt.Errorf("%s: %s", address, m[1])
	}
	if rate, err = number(wrkRate, out); err != nil {
		return 0, 0, err
	}
	n, err := number(wrkTotal, out)
	return rate, int(n), err
}

// pgbench runs a script by 64 clients for the time of one measurement, and returns transactions per
// second and how many were done.
func (b *bench) pgbench(ctx context.Context, w *world, script string) (rate float64, total int, err error) {
	file := filepath.Join(b.dir, "limit.sql")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		return 0, 0, err
	}
	//nolint:gosec // a fixed program
	cmd := exec.CommandContext(ctx, filepath.Join(b.bin, "pgbench"), "-n", "-M", "prepared", "-c64", "-j2",
		"-T", strconv.Itoa(int(b.each.Seconds())), "-f", file, "-h", b.socket, "-p", "5432", "-U", servingRole, w.name)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("pgbench: %w: %s", err, bytes.TrimSpace(out))
	}
	if m := pgbenchLost.FindSubmatch(out); len(m) > 1 && string(m[1]) != "0" {
		return 0, 0, fmt.Errorf("pgbench: %s transactions failed", m[1])
	}
	if rate, err = number(pgbenchRate, out); err != nil {
		return 0, 0, err
	}
	n, err := number(pgbenchDone, out)
	return rate, int(n), err
}

func number(pattern *regexp.Regexp, out []byte) (float64, error) {
	m := pattern.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("nothing like %q in: %s", pattern, bytes.TrimSpace(out))
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

// inTurns measures limit and path in turns, after one measurement of each that does not count.
func (b *bench) inTurns(limit, ours func() (reading, error)) ([]pair, error) {
	var list []pair
	for round := range b.rounds + 1 {
		var p pair
		var err error
		if p.limit, err = limit(); err != nil {
			return nil, err
		}
		if p.ours, err = ours(); err != nil {
			return nil, err
		}
		if round > 0 {
			list = append(list, p)
		}
		time.Sleep(100 * time.Millisecond) // let go what is about to end
	}
	return list, nil
}
