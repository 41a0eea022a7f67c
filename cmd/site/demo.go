package main

import (
	"context"
	"fmt"
)

func runDemo(ctx context.Context, c *cli, _ []string) error {
	return withApp(ctx, c, func(a *app) error {
		if err := a.loadDemo(ctx); err != nil {
			return err
		}
		fmt.Fprintln(c.stdout, "The example content is loaded.")
		return nil
	})
}

// loadDemo loads what each room brings of its own.
func (a *app) loadDemo(ctx context.Context) error {
	for _, load := range a.rooms.demo {
		if err := load(ctx); err != nil {
			return err
		}
	}
	return nil
}
