package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/privacy"
)

// runRetain deletes now what the night would delete, or only says what that would be.
func runRetain(ctx context.Context, c *cli, args []string) error {
	dry := len(args) == 1 && args[0] == "--dry-run"
	if len(args) > 0 && !dry {
		return errUsage
	}
	return withApp(ctx, c, func(a *app) error {
		if err := a.eraser.Current(ctx); err != nil {
			return err
		}
		run, verb := a.retainer.Run, "deleted"
		if dry {
			run, verb = a.retainer.Plan, "would be deleted"
		}
		lines, err := run(ctx)
		if said := printRetained(c.stdout, lines, verb); err == nil {
			err = said
		}
		return err
	})
}

// printRetained writes what a run deleted as a table.
func printRetained(to io.Writer, lines []privacy.RetainLine, verb string) error {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	var all int64
	if len(lines) > 0 {
		fmt.Fprintln(out, "KIND\tOUTCOME\tHOW MANY\tOLDEST")
	}
	for _, l := range lines {
		oldest := ""
		if l.Oldest != nil {
			oldest = clock.Local(*l.Oldest).Format("2 January 2006")
		}
		fmt.Fprintf(out, "%s\t%s\t%d\t%s\n", l.Kind, l.Outcome, l.N, oldest)
		all += l.N
	}
	fmt.Fprintf(out, "%d %s.\n", all, verb)
	return out.Flush()
}
