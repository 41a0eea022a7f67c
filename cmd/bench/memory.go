package main

import (
	"context"
	"errors"
	"time"
)

// measureMemory looks at what a freshly started site holds: at rest, and at most while pages are read and forms sent.
func measureMemory(ctx context.Context, b *bench) error {
	w, err := b.newWorld(ctx, "memory")
	if err != nil {
		return err
	}
	var idle, loaded []pair
	for range b.rounds {
		var rest, peak float64
		if rest, peak, err = b.weigh(ctx, w); err != nil {
			return errors.Join(err, w.drop(ctx))
		}
		idle, loaded = append(idle, mb(mostIdle, rest)), append(loaded, mb(mostLoaded, peak))
	}
	b.table.add("memory of the site, idle", "a fixed limit", idle, goal{most: 1}, megabytes)
	b.table.add("memory of the site, loaded", "a fixed limit", loaded, goal{most: 1}, megabytes)
	b.table.note("Memory: VmRSS three seconds after the start; its peak while wrk reads pages and then sends forms.")
	return w.drop(ctx)
}

// What the site may hold, in MB.
const (
	mostIdle   = 40
	mostLoaded = 120
)

// settled is how long after its start a program has found its rest.
const settled = 3 * time.Second

func mb(most, got float64) pair { return pair{reading{rate: most}, reading{rate: got}} }

func (b *bench) weigh(ctx context.Context, w *world) (idle, peak float64, err error) {
	site, err := b.startSite(ctx, w)
	if err != nil {
		return 0, 0, err
	}
	time.Sleep(settled)
	if idle, err = site.memory(); err == nil {
		peak, err = b.peak(ctx, w, site)
	}
	return idle, peak, errors.Join(err, site.stop())
}

// peak samples the memory while the site is under load.
func (b *bench) peak(ctx context.Context, w *world, site *process) (float64, error) {
	p, err := newPoster(ctx, b, w, site)
	if err != nil {
		return 0, err
	}
	most := watchMemory(site.pid())
	_, _, err = b.wrk(ctx, site.url+"/", "-H", acceptBrotli)
	if err == nil {
		err = w.reset(ctx)
	}
	if err == nil {
		_, _, err = p.post(ctx)
	}
	return most(), err
}

// watchMemory samples what a process holds until the function that it returns is called, which tells the most.
func watchMemory(pid int) func() float64 {
	done, ended := make(chan struct{}), make(chan float64)
	go func() {
		var most float64
		for {
			if now, err := memoryOf(pid); err == nil {
				most = max(most, now)
			}
			select {
			case <-done:
				ended <- most
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() float64 { close(done); return <-ended }
}
