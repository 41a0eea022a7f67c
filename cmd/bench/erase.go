package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/internal/staff"
)

const (
	fewPeople = 1_000
	erasures  = 10 // of one measurement
)

// measureErase pairs erasing somebody among many with erasing somebody among few.
func measureErase(ctx context.Context, b *bench) (err error) {
	few, err := b.openCrowd(ctx, "few", fewPeople)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, few.close(ctx)) }()
	many, err := b.openCrowd(ctx, "many", b.people)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, many.close(ctx)) }()
	rounds, err := b.inTurns(
		func() (reading, error) { return few.eraseSome(ctx) },
		func() (reading, error) { return many.eraseSome(ctx) })
	if err != nil {
		return err
	}
	b.table.add(fmt.Sprintf("erasing one of %s people", thousands(float64(b.people))),
		fmt.Sprintf("one of %s people", thousands(fewPeople)), rounds, goal{}, milliseconds)
	b.table.note("Erasing: of people with a request, a choice and a mail each, one after the other; from the entry in the journal to the report.")
	return nil
}

// crowd is a number of people, and what erases them.
type crowd struct {
	world  *world
	inner  *inner
	eraser *privacy.Eraser
	next   uint64 // to be erased
	step   uint64 // so that they lie far apart
}

func (b *bench) openCrowd(ctx context.Context, name string, people int) (*crowd, error) {
	w, err := b.newWorld(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := w.fillWritten(ctx, people); err != nil {
		return nil, errors.Join(err, w.drop(ctx))
	}
	in, err := w.open(ctx, false)
	if err != nil {
		return nil, errors.Join(err, w.drop(ctx))
	}
	eraser := privacy.NewEraser(privacy.EraserConfig{Desk: in.desk, Blobs: in.blobs, Holders: []activity.Holder{
		{Export: in.accounts.ExportPerson, Erase: in.accounts.ErasePerson},
		privacy.AddressHolder(in.pool),
		staff.NewMisuse(in.pool, in.desk.Mail, time.Now).Holder(),
	}})
	step := people / (erasures * (b.rounds + 1))
	return &crowd{world: w, inner: in, eraser: eraser, next: 1, step: uint64(max(1, step))}, nil
}

// fillWritten stores people who agreed to the newsletter, and got a mail.
func (w *world) fillWritten(ctx context.Context, people int) error {
	if err := w.fillAgreed(ctx, people); err != nil {
		return err
	}
	if _, err := w.owner.Exec(ctx, announceAtOnce, people); err != nil {
		return fmt.Errorf("store mails: %w", err)
	}
	if _, err := w.leave(ctx); err != nil {
		return fmt.Errorf("store mails: %w", err)
	}
	_, err := w.owner.Exec(ctx, `VACUUM (ANALYZE) message`)
	return err
}

// eraseSome returns how many milliseconds it takes to erase one.
func (c *crowd) eraseSome(ctx context.Context) (reading, error) {
	began := time.Now()
	for range erasures {
		var who uuid.UUID
		binary.BigEndian.PutUint64(who[8:], c.next)
		c.next += c.step
		done, err := c.eraser.Erase(ctx, who)
		if err != nil {
			return reading{}, err
		}
		if !done.Done {
			return reading{}, fmt.Errorf("%s is not erased", who)
		}
	}
	return reading{rate: float64(time.Since(began).Microseconds()) / 1000 / erasures}, nil
}

func (c *crowd) close(ctx context.Context) error {
	c.inner.close()
	return c.world.drop(ctx)
}
