package privacy

import (
	"context"
	"errors"
	"fmt"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/file"
)

// sealName is the journal's one blob about the ledger: its last seal. Whoever cuts the ledger's end off together with its
// seals leaves a shorter ledger that looks whole; it lacks this one.
func (j journal) sealName() string { return "seal/" + j.installation + "/ledger" }

// lastSeal returns the seal that the journal has, the zero value where it has none.
func (j journal) lastSeal(ctx context.Context) (consent.Seal, error) {
	var s consent.Seal
	err := j.get(ctx, j.sealName(), &s)
	if errors.Is(err, file.ErrNoBlob) {
		return consent.Seal{}, nil
	}
	return s, err
}

// EnterSeal brings the last seal of the ledger to the journal. It returns ErrOlder where the ledger lacks the one that is
// there, and leaves that.
func (e *Eraser) EnterSeal(ctx context.Context) error {
	known, err := e.sealed(ctx)
	if err != nil {
		return err
	}
	last, err := e.desk.Ledger.LastSeal(ctx)
	if err != nil {
		return fmt.Errorf("journal a seal: %w", err)
	}
	if last.Upto <= known.Upto {
		return nil
	}
	return e.journal.put(ctx, e.journal.sealName(), last)
}

// sealed returns the seal that the journal has, with ErrOlder where the ledger lacks it.
func (e *Eraser) sealed(ctx context.Context) (consent.Seal, error) {
	known, err := e.journal.lastSeal(ctx)
	if err != nil || known.Upto == 0 {
		return known, err
	}
	has, err := e.desk.Ledger.HasSeal(ctx, known)
	if err != nil {
		return known, fmt.Errorf("look for a seal: %w", err)
	}
	if !has {
		return known, fmt.Errorf("%w (or the end of the ledger of consents was cut off: its seal up to entry %d is gone)", ErrOlder, known.Upto)
	}
	return known, nil
}

// forgetSeal gives up the journal's seal where the ledger lacks it: what a backup did not have is lost, and the ledger goes on
// from there. That is logged, and the seal kept under another name, since it may have been cut.
func (e *Eraser) forgetSeal(ctx context.Context) error {
	lost, err := e.sealed(ctx)
	if !errors.Is(err, ErrOlder) {
		return err
	}
	if err := e.journal.put(ctx, fmt.Sprintf("%s-lost-%d", e.journal.sealName(), lost.Upto), lost); err != nil {
		return err
	}
	e.desk.Log.WarnContext(ctx, "the ledger of consents goes on without what was sealed outside the database",
		"upto", lost.Upto, "digest", fmt.Sprintf("%x", lost.Digest))
	return e.journal.drop(ctx, e.journal.sealName())
}
