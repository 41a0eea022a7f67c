package activity

import (
	"errors"
	"net/url"

	"github.com/google/uuid"

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

// TakePath is the page of the workspace on which staff take such a request: of a kind, and of a subject where it has one.
func TakePath(kind string, subject uuid.UUID) string {
	v := url.Values{"kind": {kind}}
	if subject != uuid.Nil {
		v.Set("subject", subject.String())
	}
	return "/staff/submissions/new?" + v.Encode()
}
