package publish

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ErrStale says that somebody else changed a row since the version on which a change is based.
var ErrStale = errStale

// Change runs a room's own change of a row, for pages that a room adds to those of this desk: under the same lock, with
// a new version, logged with old and new values, followed by the room's After. The version is the one that the page
// showed; ErrStale says that it is no longer the row's, page.ErrNotFound that there is no such row. The word for the
// history is done.
func (d *Desk) Change(
	ctx context.Context, room Room, id uuid.UUID, version int, done string, fn func(pgx.Tx) error,
) error {
	e := &editor{Desk: d, room: room}
	return e.change(ctx, step{id: id, version: version, done: done, fn: fn})
}
