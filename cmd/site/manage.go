package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/privacy"
)

func runMigrate(ctx context.Context, c *cli, args []string) error {
	down := len(args) == 1 && args[0] == "down"
	if len(args) > 0 && !down {
		return errUsage
	}
	if down && c.cfg.SiteEnv == production {
		return errors.New("migrate down removes everything, the data included: not with SITE_ENV=production")
	}
	return withDatabase(ctx, c, func(db *postgres.DB) error {
		if down {
			return db.MigrateDown(ctx)
		}
		if err := db.Migrate(ctx); err != nil {
			return err
		}
		fmt.Fprintln(c.stdout, "The database is up to date.")
		return nil
	})
}

func runStaff(ctx context.Context, c *cli, args []string) error {
	if len(args) < 2 || args[0] != "add" || strings.HasPrefix(args[1], "-") {
		return errUsage
	}
	flags := flag.NewFlagSet("staff add", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	role := flags.String("role", "", "")
	name := flags.String("name", "", "")
	fromStdin := flags.Bool("password-stdin", false, "")
	if err := flags.Parse(args[2:]); err != nil || flags.NArg() > 0 || *role == "" {
		return errUsage
	}
	hire := account.Hire{Email: args[1], Name: *name}
	if hire.Name == "" {
		hire.Name, _, _ = strings.Cut(args[1], "@")
	}
	for word := range strings.SplitSeq(*role, ",") {
		r := account.Role(word)
		if !r.Valid() {
			return callFault{fmt.Errorf("no role %q: write %s", word, roleNames())}
		}
		hire.Roles = append(hire.Roles, r)
	}
	if *fromStdin {
		raw, err := io.ReadAll(io.LimitReader(c.stdin, 1024))
		if err != nil {
			return fmt.Errorf("read the password: %w", err)
		}
		if hire.Password = strings.TrimRight(string(raw), "\r\n"); hire.Password == "" {
			return errors.New("the password on standard input is empty")
		}
	}
	return withApp(ctx, c, func(a *app) error { return a.hire(ctx, hire) })
}

// roleNames lists the roles that there are.
func roleNames() string {
	var names []string
	for _, r := range account.Roles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// hire makes the account, and invites where no password was given.
func (a *app) hire(ctx context.Context, h account.Hire) (err error) {
	var made account.Account
	var link string
	if h.Password != "" {
		made, err = a.accounts.Create(ctx, h)
	} else {
		made, link, err = a.accounts.CreateInvited(ctx, h)
	}
	if errors.Is(err, account.ErrAddress) {
		return callFault{err}
	}
	if err != nil {
		return err
	}
	if h.Password != "" {
		fmt.Fprintf(a.stdout, "Made %s. Sign in at %s/staff/sign-in.\n", made.Email, a.cfg.PublicURL)
		return nil
	}
	fmt.Fprintf(a.stdout, "Made %s. The invitation is mailed; its link, good for seven days:\n%s\n", made.Email, link)
	return nil
}

func runStatement(ctx context.Context, c *cli, args []string) error {
	if len(args) < 2 || (args[0] != "publish" && args[0] != "preview") || strings.HasPrefix(args[1], "-") {
		return errUsage
	}
	flags := flag.NewFlagSet("statement publish", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	on := flags.String("on", "", "")
	history := flags.Bool("history", false, "")
	if err := flags.Parse(args[2:]); err != nil || flags.NArg() > 0 {
		return errUsage
	}
	p := privacy.Publication{ID: args[1], History: *history, At: c.now(), Role: "system"}
	var err error
	if p.On, err = day(*on, c.now()); err != nil {
		return errUsage
	}
	draft, err := consent.ReadDraft(c.web, p.ID)
	if err != nil {
		return err // before anything is started
	}
	if !p.On.IsZero() {
		draft.EffectiveOn = p.On
	}
	return withApp(ctx, c, func(a *app) error {
		if err := a.previewStatement(ctx, draft); err != nil || args[0] == "preview" {
			return err
		}
		p.Kinds = a.rooms.activities.Kinds()
		made, err := privacy.Publish(ctx, a.pool, c.web, p)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "Published %s, effective on %s.\n", made.ID, made.Name())
		return nil
	})
}

// day reads "now" or a date; nothing is the zero day.
func day(text string, now time.Time) (time.Time, error) {
	switch text {
	case "":
		return time.Time{}, nil
	case "now":
		text = now.In(clock.Zone()).Format(time.DateOnly)
	}
	return time.Parse(time.DateOnly, text)
}

// previewStatement prints what publishing would change for people, and for how many. What keeps it from being published is
// its error.
func (a *app) previewStatement(ctx context.Context, draft consent.Draft) error {
	if _, there := a.statements.Get(draft.ID); there {
		return fmt.Errorf("%w: %s", consent.ErrPublished, draft.ID)
	}
	d, people, err := a.privacy.Preview(ctx, draft)
	if err != nil {
		return err
	}
	kind := "words only"
	switch {
	case d.Widens():
		kind = "use: data is used for more, or kept for longer"
	case len(d.Uses) > 0:
		kind = "use: narrower only"
	}
	fmt.Fprintf(a.stdout, "%s\nKind of change: %s.\nTakes effect: %s.\nTold by mail: %d people.\n", draft.Summary, kind, draft.Name(), people)
	for _, u := range d.Uses {
		sign := "-"
		if u.Wider {
			sign = "+"
		}
		fmt.Fprintf(a.stdout, "  %s %s (%s)\n", sign, u.Sentence, strings.Join(u.Activities, ", "))
	}
	for _, c := range d.Only(privacy.FateNew, privacy.FateChanged, privacy.FateMoved, privacy.FateGone) {
		fmt.Fprintf(a.stdout, "  %s: clause %s\n", c.Fate, c.ID)
	}
	if err := a.privacy.Faults(ctx, draft); err != nil {
		return fmt.Errorf("statement %s can't be published: %w", draft.ID, err)
	}
	return nil
}

func runBounce(ctx context.Context, c *cli) error {
	return withApp(ctx, c, func(a *app) error { return a.mail.Bounce(ctx, c.stdin) })
}
