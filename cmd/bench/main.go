// Command bench measures how near the site comes to the limits of the machine it runs on: each row of its table pairs
// one path with the fastest way there is to do the same work, in turns and on the same database, so that the ratio
// tells even where the machine is slow or shared. Absolute figures are printed beside it and mean little elsewhere.
//
// It needs wrk, PostgreSQL's server with pgbench, and the built program (`make bench` builds it). It works in folders
// and databases of its own and removes them. It exits with 1 only where something broke: a target that is missed is a
// figure to look at, not a failure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	rounds       int
	each         time.Duration // of one measurement
	small, large int           // records in the two inboxes
	people       int           // to be told of a new use, announced to, and among whom one is erased
	events       int           // of the ledger
	only         string
	site         string // the program
	profile      string // where to write a profile instead
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "bare" {
		exit(serveBare(os.Args[2], os.Args[3]))
	}
	var o options
	seconds := 3
	flag.IntVar(&o.rounds, "rounds", 5, "how often limit and path take turns; the median counts")
	flag.IntVar(&seconds, "seconds", seconds, "how long each measurement lasts")
	flag.IntVar(&o.small, "small", 100_000, "records of the small inbox")
	flag.IntVar(&o.large, "large", 5_000_000, "records of the large inbox")
	flag.IntVar(&o.people, "people", 1_000_000, "people to be told of a new use, to announce to, and among whom one is erased")
	flag.IntVar(&o.events, "events", 10_000_000, "entries of the ledger to verify")
	flag.StringVar(&o.only, "only", "", "the rows to measure, divided by commas: "+strings.Join(names(), ", "))
	flag.StringVar(&o.site, "site", "bin/site", "the program")
	flag.StringVar(&o.profile, "profile", "", "measure nothing: write a processor profile of the site under the loads of page, form and post here")
	flag.Parse()
	o.each = time.Duration(max(1, seconds)) * time.Second
	o.rounds = max(1, o.rounds)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// row is a line of the table, or a few that are measured together.
type row struct {
	name    string
	measure func(context.Context, *bench) error
}

func rows() []row {
	return []row{
		{"page", measurePage},
		{"form", measureForm},
		{"accept", measureAccept},
		{"post", measurePost},
		{"inbox", measureInbox},
		{"memory", measureMemory},
		{"notice", measureNotice},
		{"announce", measureAnnounce},
		{"erase", measureErase},
		{"ledger", measureLedger},
	}
}

func names() []string {
	var list []string
	for _, r := range rows() {
		list = append(list, r.name)
	}
	return list
}

// wanted returns the rows that were asked for.
func (o options) wanted() ([]row, error) {
	if o.only == "" {
		return rows(), nil
	}
	var list []row
	for name := range strings.SplitSeq(o.only, ",") {
		found := false
		for _, r := range rows() {
			if r.name == strings.TrimSpace(name) {
				list, found = append(list, r), true
			}
		}
		if !found {
			return nil, fmt.Errorf("no row %q; there are %s", name, strings.Join(names(), ", "))
		}
	}
	return list, nil
}

// bench is the place of work: a folder and a database server that end with it.
type bench struct {
	options
	*server
	table table
}

func run(ctx context.Context, o options) error {
	wanted, err := o.wanted()
	if err != nil {
		return err
	}
	s, err := startServer(ctx)
	if err != nil {
		return err
	}
	b := &bench{options: o, server: s}
	if o.profile != "" {
		err = b.writeProfile(ctx)
	} else {
		err = b.measure(ctx, wanted)
	}
	return errors.Join(err, s.close())
}

// measure prints what it has measured, also where it is cut off.
func (b *bench) measure(ctx context.Context, wanted []row) error {
	defer func() { b.table.print(os.Stdout) }()
	fmt.Printf("%d rounds of %s each, limit and path in turns; medians.\n%s\n\n", b.rounds, b.each, b.machine(ctx))
	for _, r := range wanted {
		start := time.Now()
		fmt.Fprintf(os.Stderr, "%s …", r.name)
		if err := r.measure(ctx, b); err != nil {
			fmt.Fprintln(os.Stderr)
			return fmt.Errorf("%s: %w", r.name, err)
		}
		fmt.Fprintf(os.Stderr, " %s\n", time.Since(start).Round(time.Second))
	}
	return nil
}
