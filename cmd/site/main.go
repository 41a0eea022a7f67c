// Command site is the corporate web site of Click Commerce, Inc.: its pages, the forms by which people get in touch, and
// the workspace in which staff answer them, in one program.
//
// It is configured by the environment alone (see config.go) and run by its commands (see commands below, or `site
// help`). `site serve` is the server; without DATABASE_URL it starts a database of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"clickcommerce.com/site/web"
)

const doctor = "doctor"

// command is one word of the program, and its manual.
type command struct {
	name, args, short string
	long              string
	run               func(ctx context.Context, c *cli, args []string) error
}

// errUsage is returned by a command that was called wrongly, before it did anything.
var errUsage = errors.New("called wrongly")

// callFault is returned by a command whose call or configuration does not stand, before it did anything.
type callFault struct{ error }

func commands() []command {
	return []command{
		{"serve", "", "serve the site until told to stop", `
Answers at LISTEN, and with metrics and pprof at ADMIN_LISTEN. Without DATABASE_URL it starts its own Postgres under
VAR_DIR and brings it up to date; any other database must have been migrated, or it refuses to start.
SIGINT and SIGTERM stop it: first the visitors are served, then the work ends, then the database is let go.`, alone(runServe)},
		{"migrate", "[down]", "bring the database up to this version", `
Runs as DATABASE_ADMIN_URL (else DATABASE_URL), which must own the database. It makes the roles site_serve,
site_marketing and site_ledger, applies what is missing, admits the serving role, and renews rights that the roles lack, as
after a restore into a new cluster. "down" removes everything, the data included; not with SITE_ENV=production.`, runMigrate},
		{"demo", "", "load example content and submissions", `
Webinars, demos, downloads, openings, surveys, news, staff accounts and a season's submissions. It may run again:
what is there is brought up to date. All its people have addresses at example.com, .net or .org.`, alone(runDemo)},
		{"staff", "add EMAIL --role ROLE [--name NAME] [--password-stdin]", "make a member of staff", `
ROLE is reviewer, recruiter, alliance, marketer, privacy or admin; several are divided by commas. Without
--password-stdin an invitation is mailed, and its link printed.`, runStaff},
		{"statement", "publish ID [--on DAY|now] [--history] | preview ID", "publish a version of the privacy statement", `
ID is the name of a file in web/privacy without its ending. First it prints what changes, for people and in words, and how
many would be told by mail; "preview" ends there. It takes effect on the day that its file names, or on DAY (as in
2027-01-31), today at the earliest and within a year; with --history in the past too, for versions from before this site.
What is published can't be changed.`, runStatement},
		{"bounce", "", "take in one delivery report", `
Reads one report (RFC 3464) from standard input, and marks the message and the address that it tells of.`, alone(runBounce)},
		{doctor, "[--after-restore]", "check configuration, database, mail, files and promises", `
Prints a line for each check, in stages: configuration, keys, database, files, scanner, mail, statement, erasures,
promises. It goes on after what fails, as far as the rest can be examined, and exits with 1 if anything failed.
With --after-restore it first erases whom a database restored from a backup brought back, and refuses what was refused
since, by the journal that lies beside the uploads; until then "serve" refuses that database. Never restore the journal
itself.`, runDoctor},
		{"retain", "[--dry-run]", "delete what has been kept long enough", `
Deletes records past their day, the words of old mails, old facts, and the addresses of people about whom nothing is held
any more, as "serve" does every night; what a legal hold covers stays. It prints what it deleted, by kind and outcome.
With --dry-run it says what it would delete, and deletes nothing.`, runRetain},
		{"prove", "", "prove that every broken promise would be noticed", `
Copies schema and server into a scratch place of this machine, takes the rules that keep the promises out of copies, one
at a time, and demands that the check of each goes red. It changes nothing but the date that /privacy/promises shows.
It needs the programs of Postgres on this machine, and exits with 1 if a removal goes unnoticed.`, alone(runProve)},
		{"help", "[COMMAND]", "print this, or the manual of a command", "", nil},
	}
}

// cli is what commands talk to.
type cli struct {
	cfg    config
	faults error // of the configuration; only the doctor meets any
	log    *slog.Logger
	web    fs.FS // templates, static files, content, statements, mail
	stdin  io.Reader
	stdout io.Writer
	now    func() time.Time
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main with its surroundings handed in: it returns the exit code.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		return help(args, stdout, stderr)
	}
	cmd, ok := find(args[0])
	if !ok {
		fmt.Fprintf(stderr, "site: no command %q; see site help\n", args[0])
		return 2
	}
	cfg, faults := readConfig(environ)
	if faults != nil && cmd.name != doctor {
		fmt.Fprintf(stderr, "site: the configuration does not stand:\n%s\n", indent(faults.Error()))
		return 2
	}
	log, flush := newLog(stderr)
	defer flush()
	c := &cli{
		cfg: cfg, faults: faults, log: log, web: web.FS,
		stdin: stdin, stdout: stdout, now: time.Now,
	}
	err := cmd.run(ctx, c, args[1:])
	var fault callFault
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "usage: site %s\n", cmd.usage())
		return 2
	case errors.As(err, &fault):
		fmt.Fprintf(stderr, "site %s: %v\n", cmd.name, fault)
		return 2
	case err != nil:
		fmt.Fprintf(stderr, "site %s: %v\n", cmd.name, err)
		return 1
	}
	return 0
}

func (c command) usage() string { return strings.TrimSpace(c.name + " " + c.args) }

// alone makes a command of one that takes no arguments.
func alone(run func(context.Context, *cli) error) func(context.Context, *cli, []string) error {
	return func(ctx context.Context, c *cli, args []string) error {
		if len(args) > 0 {
			return errUsage
		}
		return run(ctx, c)
	}
}

func find(name string) (command, bool) {
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

func help(args []string, stdout, stderr io.Writer) int {
	if len(args) < 2 {
		fmt.Fprint(stdout, "The corporate web site of Click Commerce, Inc.\n\nUsage: site COMMAND\n\n")
		for _, c := range commands() {
			fmt.Fprintf(stdout, "  %-10s %s\n", c.name, c.short)
		}
		fmt.Fprintf(stdout, "\nIt is configured by the environment, as the README tells:\n  %s\n\n"+
			"It exits with 0 when all is done, 1 when something failed, 2 when the call or the configuration does not stand.\n",
			strings.Join(append(variables(), "POSTGRES_BIN"), "\n  "))
		return 0
	}
	c, ok := find(args[1])
	if !ok {
		fmt.Fprintf(stderr, "site: no command %q; see site help\n", args[1])
		return 2
	}
	fmt.Fprintf(stdout, "site %s: %s\n%s\n", c.usage(), c.short, c.long)
	return 0
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }
