package privacy

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

// errNobody says that what an officer typed means nobody here.
var errNobody = errors.New("privacy: nobody is known by this address or number")

// personOf returns whose address it is that an officer typed. We keep it in one spelling, they need not know it.
func personOf(ctx context.Context, desk *activity.Desk, typed string) (uuid.UUID, error) {
	email, sentence := form.ParseEmail(strings.TrimSpace(typed))
	if sentence != "" {
		return uuid.Nil, errNobody // no address
	}
	who, err := desk.People.Find(ctx, email)
	if errors.Is(err, person.ErrNotFound) {
		return uuid.Nil, errNobody
	}
	return who.ID, err
}

// recordOf returns the record of a number that an officer typed, and whose it is. It finds none of the kind but.
func recordOf(ctx context.Context, desk *activity.Desk, typed, but string) (record, who uuid.UUID, err error) {
	rec, err := desk.Store.ByReference(ctx, typed)
	if errors.Is(err, submission.ErrNotFound) || err == nil && rec.Kind == but {
		return uuid.Nil, uuid.Nil, errNobody
	}
	return rec.ID, rec.PersonID.UUID, err
}
