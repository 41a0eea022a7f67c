package privacy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/key"
)

// journal keeps a blob for each erasure, beside the uploads and outside the database: a database that is restored from
// a backup learns by it whom to erase again. No address is in it. All instances that share the blobs share the journal.
type journal struct {
	blobs  file.Blobs
	prefix string
}

// entry is an erasure as the journal keeps it. Who had changed their address since the backup is found by id, and by the
// digest where a restored database knows the address under another one.
type entry struct {
	ID     uuid.UUID `json:"id"`
	Person uuid.UUID `json:"person"`
	Digest []byte    `json:"address_digest"`
	At     time.Time `json:"at"`
}

// newJournal is that of the installation with these keys: one that shares the bucket by mistake has another.
func newJournal(blobs file.Blobs, ring *key.Ring) journal {
	return journal{blobs, "erasure/" + ring.Fingerprint()[:8] + "/"}
}

// add stores an entry; once it returns, the entry survives a loss of power. Adding twice is adding once.
func (j journal) add(ctx context.Context, e entry) error {
	raw, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("journal an erasure: %w", err)
	}
	if err := j.blobs.Put(ctx, j.prefix+e.ID.String(), bytes.NewReader(raw)); err != nil {
		return fmt.Errorf("journal an erasure: %w", err)
	}
	return nil
}

func (j journal) read(ctx context.Context, id uuid.UUID) (entry, error) {
	r, err := j.blobs.Get(ctx, j.prefix+id.String(), 0)
	if err != nil {
		return entry{}, fmt.Errorf("read journal of erasures: %w", err)
	}
	raw, err := io.ReadAll(r)
	var e entry
	if err = errors.Join(err, r.Close()); err == nil {
		err = json.Unmarshal(raw, &e)
	}
	if err != nil {
		return entry{}, fmt.Errorf("read journal of erasures: %w", err)
	}
	return e, nil
}

// remove deletes an entry that no backup is old enough to need.
func (j journal) remove(ctx context.Context, id uuid.UUID) error {
	if err := j.blobs.Delete(ctx, j.prefix+id.String()); err != nil {
		return fmt.Errorf("journal of erasures: %w", err)
	}
	return nil
}

// journalBatch is how many entries are compared with the database at once.
const journalBatch = 1000

// unknown lists the entries of which the database does not know, in the order in which they were made.
func (j journal) unknown(ctx context.Context, pool *pgxpool.Pool) ([]uuid.UUID, error) {
	var missing, batch []uuid.UUID
	compare := func() error {
		rows, err := pool.Query(ctx, `
			SELECT j.id FROM unnest($1::uuid[]) AS j (id)
			WHERE NOT EXISTS (SELECT FROM erasure e WHERE e.id = j.id) ORDER BY j.id`, batch)
		if err != nil {
			return fmt.Errorf("compare journal of erasures: %w", err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return fmt.Errorf("compare journal of erasures: %w", err)
		}
		missing, batch = append(missing, ids...), batch[:0]
		return nil
	}
	always := time.Now().AddDate(100, 0, 0) // whatever the clock of the place of blobs says
	for name, err := range j.blobs.List(ctx, j.prefix, always) {
		if err != nil {
			return nil, fmt.Errorf("list journal of erasures: %w", err)
		}
		id, err := uuid.Parse(path.Base(name))
		if err != nil {
			continue // none of ours
		}
		if batch = append(batch, id); len(batch) == journalBatch {
			if err := compare(); err != nil {
				return nil, err
			}
		}
	}
	return missing, compare()
}
