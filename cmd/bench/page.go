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
	bare, err := b.startBare(ctx, site.url+path)
	if err != nil {
		return err
	}
	defer bare.kill()
	get := func(address string) func() (reading, error) {
		return func() (reading, error) {
			return b.spent(ctx, []int{bare.pid(), site.pid()}, func() (float64, int, error) {
				return b.wrk(ctx, address, "-H", acceptBrotli)
			})
		}
	}
	rounds, err := b.inTurns(get(bare.url+"/"), get(site.url+path))
	if err != nil {
		return err
	}
	b.table.add(name, "bare net/http, the same brotli bytes", rounds, g, perSecond)
	b.table.note("Pages: wrk -t2 -c64; the bare server runs in a process of its own and neither routes, logs nor counts.")
	return nil
}
