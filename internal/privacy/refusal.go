package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/postgres"
)

// refusal is a row of table suppression, as the journal keeps it, with whose the address is by now: a database from before
// they took it knows them by another. Nobody is named once they gave it up or were erased, nor in entries of old.
type refusal struct {
	Person  uuid.NullUUID `json:"person"`
	Digest  []byte        `json:"address_digest"`
	Purpose string        `json:"purpose"`
	Channel string        `json:"channel"`
	Reason  string        `json:"reason"`
	At      time.Time     `json:"at"`
	Way     *string       `json:"way,omitempty"` // both where staff were told it for an address that was nobody's
	Officer uuid.NullUUID `json:"officer"`
}

// refusalChange is a refusal that came or went; Stands tells which, as things are now.
type refusalChange struct {
	ID      int64         `db:"id"`
	Name    string        `db:"name"`
	Person  uuid.NullUUID `db:"person_id"`
	Digest  []byte        `db:"address_hmac"`
	Purpose string        `db:"purpose"`
	Channel string        `db:"channel"`
	Stands  bool          `db:"stands"`
	Reason  string        `db:"reason"`
	At      time.Time     `db:"at"`
	Way     *string       `db:"way"`
	Officer uuid.NullUUID `db:"officer_id"`
}

// refusalBatch is how many refusals are brought to the journal before the database forgets that they were to be.
const refusalBatch = 200

// EnterRefusals brings to the journal what was refused since, and takes out of it what was agreed to again. What changes
// once more meanwhile is done once more.
func (e *Eraser) EnterRefusals(ctx context.Context) error {
	for {
		list, err := postgres.Rows[refusalChange](ctx, e.desk.Pool, `
			SELECT c.id, refusal_name(c.address_hmac, c.purpose, c.channel) AS name, p.id AS person_id, c.address_hmac, c.purpose, c.channel,
				s.at IS NOT NULL AS stands, coalesce(s.reason, '') AS reason, coalesce(s.at, c.at) AS at, s.way, s.officer_id
			FROM refusal_change c LEFT JOIN suppression s USING (address_hmac, purpose, channel) LEFT JOIN person p USING (address_hmac)
			ORDER BY c.id LIMIT $1`, refusalBatch)
		if err != nil {
			return fmt.Errorf("list refusals: %w", err)
		}
		ids := make([]int64, 0, len(list))
		for _, c := range list {
			if err := e.enterRefusal(ctx, c); err != nil {
				return err
			}
			ids = append(ids, c.ID)
		}
		if _, err := e.desk.Pool.Exec(ctx, `DELETE FROM refusal_change WHERE id = ANY ($1)`, ids); err != nil {
			return fmt.Errorf("journal refusals: %w", err)
		}
		if len(list) < refusalBatch {
			return nil
		}
	}
}

func (e *Eraser) enterRefusal(ctx context.Context, c refusalChange) error {
	name := e.journal.refusals() + c.Name
	if !c.Stands {
		return e.journal.drop(ctx, name)
	}
	return e.journal.put(ctx, name, refusal{c.Person, c.Digest, c.Purpose, c.Channel, c.Reason, c.At.UTC(), c.Way, c.Officer})
}

// refuseAgain stores in a restored database the refusals that it does not hold, also by the address under which it knows the
// person, and returns how many those were. One that the backup was about to take out of the journal is stored too: it may
// have been refused again since.
func (e *Eraser) refuseAgain(ctx context.Context) (int, error) {
	missing, err := e.journal.unstoredRefusals(ctx, e.desk.Pool)
	if err != nil {
		return 0, err
	}
	for i, name := range missing {
		var x refusal
		err := e.journal.get(ctx, e.journal.refusals()+name, &x)
		if errors.Is(err, file.ErrNoBlob) {
			continue // lifted just now
		}
		if err != nil {
			return i, err
		}
		if _, err := e.desk.Pool.Exec(ctx, `
			INSERT INTO suppression (address_hmac, purpose, channel, reason, at, way, officer_id)
			SELECT digest, $3, $4, $5, $6, $7, $8
			FROM (VALUES ($2::bytea), ((SELECT address_hmac FROM person WHERE id = $1))) AS known (digest) WHERE digest IS NOT NULL
			ON CONFLICT (address_hmac, purpose, channel) DO NOTHING`, x.Person, x.Digest, x.Purpose, x.Channel, x.Reason, x.At,
			x.Way, x.Officer); err != nil {
			return i, fmt.Errorf("repeat a refusal: %w", err)
		}
	}
	return len(missing), nil
}
