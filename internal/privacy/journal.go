package privacy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/postgres"
)

// journal keeps a blob for each erasure and each refusal, and one for the ledger's last seal, beside the uploads and outside
// the database: a database that is restored from a backup learns by it whom to erase again, and what was refused. No address
// is in it. All instances that share the blobs share the journal.
type journal struct {
	blobs        file.Blobs
	installation string
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
	return journal{blobs, ring.Fingerprint()[:8]}
}

func (j journal) erasures() string { return "erasure/" + j.installation + "/" }
func (j journal) refusals() string { return "refusal/" + j.installation + "/" }

// add stores an erasure; once it returns, the entry survives a loss of power. Adding again keeps the last.
func (j journal) add(ctx context.Context, e entry) error {
	return j.put(ctx, j.erasures()+e.ID.String(), e)
}

// remove deletes an erasure that no backup is old enough to need.
func (j journal) remove(ctx context.Context, id uuid.UUID) error {
	return j.drop(ctx, j.erasures()+id.String())
}

func (j journal) put(ctx context.Context, name string, entry any) error {
	raw, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	if err := j.blobs.Put(ctx, name, bytes.NewReader(raw)); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

func (j journal) get(ctx context.Context, name string, entry any) error {
	r, err := j.blobs.Get(ctx, name, 0)
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	raw, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err == nil {
		err = json.Unmarshal(raw, entry)
	}
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	return nil
}

func (j journal) drop(ctx context.Context, name string) error {
	if err := j.blobs.Delete(ctx, name); err != nil {
		return fmt.Errorf("delete from journal: %w", err)
	}
	return nil
}

var (
	erasureName = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	refusalName = regexp.MustCompile(`^([0-9a-f]{2})+-[a-z-]+$`)
)

// unknownErasures lists the erasures of which the database does not know, in the order in which they were made, and those
// of which it does not know that they were asked for again.
func (j journal) unknownErasures(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	unknown, err := j.unknown(ctx, pool, j.erasures(), erasureName, `
		SELECT j.name FROM unnest($1::text[]) AS j (name)
		WHERE NOT EXISTS (SELECT FROM erasure e WHERE e.id = j.name::uuid) ORDER BY j.name`)
	if err != nil {
		return nil, err
	}
	again, err := j.askedAgain(ctx, pool)
	return append(unknown, again...), err
}

// askedAgain lists the waiting erasures that the journal has with a later asking. The database is asked last: it is told
// of an asking before the journal is.
func (j journal) askedAgain(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	waiting, err := postgres.Rows[erasing](ctx, pool, `SELECT `+erasingColumns+` FROM erasure WHERE done_at IS NULL`)
	if err != nil {
		return nil, fmt.Errorf("compare journal: %w", err)
	}
	var ids []uuid.UUID
	var asked []time.Time
	for _, x := range waiting {
		var e entry
		err := j.get(ctx, j.erasures()+x.ID.String(), &e)
		if errors.Is(err, file.ErrNoBlob) {
			continue // still to be entered
		}
		if err != nil {
			return nil, err
		}
		ids, asked = append(ids, e.ID), append(asked, e.At)
	}
	again, err := postgres.Column[string](ctx, pool, `
		SELECT e.id::text FROM unnest($1::uuid[], $2::timestamptz[]) AS j (id, asked_at) JOIN erasure e USING (id)
		WHERE e.done_at IS NULL AND j.asked_at > e.asked_at ORDER BY e.id`, ids, asked)
	if err != nil {
		return nil, fmt.Errorf("compare journal: %w", err)
	}
	return again, nil
}

// notStored lists the refusals of a batch that the database does not hold.
const notStored = `
	SELECT j.name
	FROM unnest($1::text[]) AS j (name), decode(split_part(j.name, '-', 1), 'hex') AS digest
	WHERE NOT EXISTS (SELECT FROM suppression s
		WHERE s.address_hmac = digest AND refusal_name(s.address_hmac, s.purpose, s.channel) = j.name)`

// unstoredRefusals lists the refusals that the database does not hold.
func (j journal) unstoredRefusals(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	return j.unknown(ctx, pool, j.refusals(), refusalName, notStored)
}

// unknownRefusals lists the refusals of which the database does not know. One that was just lifted it knows: it is still
// to leave the journal.
func (j journal) unknownRefusals(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	return j.unknown(ctx, pool, j.refusals(), refusalName, notStored+`
		AND NOT EXISTS (SELECT FROM refusal_change c
			WHERE c.address_hmac = digest AND refusal_name(c.address_hmac, c.purpose, c.channel) = j.name)`)
}

// still lists those of some entries that the journal has by now: another instance may have taken one out meanwhile.
func (j journal) still(ctx context.Context, prefix string, names []string) ([]string, error) {
	var list []string
	for _, name := range names {
		r, err := j.blobs.Get(ctx, prefix+name, 0)
		if errors.Is(err, file.ErrNoBlob) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read journal: %w", err)
		}
		if err := r.Close(); err != nil {
			return nil, fmt.Errorf("read journal: %w", err)
		}
		list = append(list, name)
	}
	return list, nil
}

// journalBatch is how many entries are compared with the database at once.
const journalBatch = 1000

// unknown lists the entries below a prefix whose names a query returns again.
func (j journal) unknown(ctx context.Context, pool *pgxpool.Pool, prefix string, ours *regexp.Regexp, query string) ([]string, error) {
	var missing, batch []string
	compare := func() error {
		names, err := postgres.Column[string](ctx, pool, query, batch)
		if err != nil {
			return fmt.Errorf("compare journal: %w", err)
		}
		missing, batch = append(missing, names...), batch[:0]
		return nil
	}
	always := time.Now().AddDate(100, 0, 0) // whatever the clock of the place of blobs says
	for name, err := range j.blobs.List(ctx, prefix, always) {
		if err != nil {
			return nil, fmt.Errorf("list journal: %w", err)
		}
		if name = path.Base(name); !ours.MatchString(name) {
			continue
		}
		if batch = append(batch, name); len(batch) == journalBatch {
			if err := compare(); err != nil {
				return nil, err
			}
		}
	}
	err := compare()
	return missing, err
}
