package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"golang.org/x/sync/errgroup"
)

// writeProfile profiles the site while pages are read and forms are sent, as a build with -pgo wants it.
func (b *bench) writeProfile(ctx context.Context) error {
	w, err := b.newWorld(ctx, "profile")
	if err != nil {
		return err
	}
	site, err := b.startSite(ctx, w)
	if err != nil {
		return errors.Join(err, w.drop(ctx))
	}
	err = b.profileUnderLoad(ctx, w, site)
	return errors.Join(err, site.stop(), w.drop(ctx))
}

func (b *bench) profileUnderLoad(ctx context.Context, w *world, site *process) error {
	p, err := newPoster(ctx, b, w, site)
	if err != nil {
		return err
	}
	if err := w.reset(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return fetchProfile(ctx, site, 3*int(b.each.Seconds()), b.profile) })
	group.Go(func() error {
		for _, path := range []string{"/", formPath} {
			if _, _, err := b.wrk(ctx, site.url+path, "-H", acceptBrotli); err != nil {
				return err
			}
		}
		_, _, err := p.post(ctx)
		return err
	})
	return group.Wait()
}

func fetchProfile(ctx context.Context, site *process, seconds int, file string) error {
	address := fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", site.admin, seconds)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, resp.Status)
	}
	return os.WriteFile(file, raw, 0o600)
}
