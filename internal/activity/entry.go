package activity

import (
	"errors"

	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/submission"
)

// Entry returns what is to be accepted of answers that came by another way than the public page (by phone, at a fair),
// with the mail that goes with them. The caller adds seal, channel and what the activity fills in.
func (d *Desk) Entry(f form.Form, v form.Values) (submission.Entry, error) {
	a, ok := d.activities.Find(f.Kind)
	if !ok {
		return submission.Entry{}, errors.New("no activity of kind " + f.Kind)
	}
	return d.entry(a, f, v), nil
}
