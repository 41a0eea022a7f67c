package main

import (
	"context"
	"fmt"
)

func runDemo(ctx context.Context, c *cli, _ []string) error {
	a, err := open(ctx, c)
	if err != nil {
		return err
	}
	defer a.Close()
	fmt.Fprintln(c.stdout, "The example content is loaded.")
	return nil
}
