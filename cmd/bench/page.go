package main

import (
	"context"
	"errors"
)

const acceptBrotli = "Accept-Encoding: br"

func measurePage(ctx context.Context, b *bench) error {
	return b.measureGet(ctx, "page", "/", goal{least: 0.85})
}

func measureForm(ctx context.Context, b *bench) error {
	return b.measureGet(ctx, "form page with its seal", formPath, goal{least: 0.80})
}

// measureGet pairs a page of the site with bare net/http that writes the same compressed bytes.
func (b *bench) measureGet(ctx context.Context, name, path string, g goal) error {
	w, err := b.newWorld(ctx, "pages")
	if err != nil {
		return err
	}
	site, err := b.startSite(ctx, w)
	if err != nil {
		return errors.Join(err, w.drop(ctx))
	}
	err = b.pairGet(ctx, site, name, path, g)
	return errors.Join(err, site.stop(), w.drop(ctx))
}

func (b *bench) pairGet(ctx context.Context, site *process, name, path string, g goal) error {
	bare, stop, err := b.startBare(ctx, site.url+path)
	if err != nil {
		return err
	}
	defer stop()
	get := func(address string) func() (float64, error) {
		return func() (float64, error) {
			rate, _, err := b.wrk(ctx, address, "-H", acceptBrotli)
			return rate, err
		}
	}
	rounds, err := b.inTurns(get(bare), get(site.url+path))
	if err != nil {
		return err
	}
	b.table.add(name, "bare net/http, the same brotli bytes", rounds, g, perSecond)
	b.table.note("Pages: wrk -t2 -c64; the bare server runs in a process of its own and neither routes, logs nor counts.")
	return nil
}
