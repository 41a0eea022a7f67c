package file

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/postgres"
)

// Swept counts what Sweep deleted: files whose holder is gone, and blobs without a row.
type Swept struct{ Orphaned, Blobs int }

// orphanAge is how long a blob may lie without a row: far longer than any upload takes from Put to its row.
const orphanAge = 24 * time.Hour

// Deletes says that staged files go once their time is over: 24 hours after they came.
func (s *Store) Deletes() []job.Deletion {
	const expired = `state = 'staged' AND expires_at <= $1`
	return []job.Deletion{{
		Kind: "file", Outcome: "chosen, never sent", Due: `file WHERE ` + expired, At: "expires_at",
		Drop: func(ctx context.Context, before time.Time) (int64, error) {
			return s.removeUnlocked(ctx, expired, before)
		},
	}}
}

// Sweep deletes what nobody needs: attached files whose submission is gone, what a crash left of removed and infected ones,
// and blobs of this installation that no row names. Several may run at once.
func (s *Store) Sweep(ctx context.Context) (Swept, error) {
	orphaned, err := s.removeUnlocked(ctx, `state = 'attached' AND submission_id IS NULL AND holder IS NULL`)
	done := Swept{Orphaned: int(orphaned)}
	if err != nil {
		return done, err
	}
	done.Blobs, err = s.sweepBlobs(ctx)
	return done, err
}

// removeUnlocked empties the rows that match a condition and that nobody is just using, deletes their blobs, and returns how
// many those were.
func (s *Store) removeUnlocked(ctx context.Context, condition string, args ...any) (int64, error) {
	var n int64
	err := s.pool.QueryRow(ctx, `
		WITH removed AS (UPDATE file SET `+removal+`
			WHERE id IN (SELECT id FROM file WHERE `+condition+` FOR UPDATE SKIP LOCKED) RETURNING 1)
		SELECT count(*) FROM removed`, args...).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("remove files: %w", err)
	}
	return n, s.Purge(ctx)
}

// Purge deletes the contents of removed and infected files, and the rows of the removed: what QueueErase has left to be
// done, and what a crash interrupted.
func (s *Store) Purge(ctx context.Context) error {
	blobs, err := postgres.Column[*string](ctx, s.pool, `
		SELECT DISTINCT blob FROM file WHERE state = 'removed' OR scan = 'infected' AND blob IS NOT NULL`)
	if err != nil {
		return fmt.Errorf("list removed files: %w", err)
	}
	return s.purge(ctx, blobs)
}

// removal empties a row of all that could be read by it. The row itself goes once its blob is gone.
const removal = `state = 'removed', submission_id = NULL, holder = NULL, holder_id = NULL, expires_at = NULL,
	name = '', key = NULL, scan_signature = NULL`

// remove empties the rows that match a condition, then deletes their blobs. Where that fails, Sweep does it later.
func (s *Store) remove(ctx context.Context, condition string, args ...any) error {
	blobs, err := postgres.Column[*string](ctx, s.pool, `UPDATE file SET `+removal+` WHERE `+condition+` RETURNING blob`, args...)
	if err != nil {
		return fmt.Errorf("remove files: %w", err)
	}
	return s.purge(ctx, blobs)
}

// purge deletes the blobs that no living row needs, then the removed rows that named them; nil stands for removed rows
// whose blob went before. A living row can't come to share a blob in between: it is copied only from a living one,
// which Attach locks.
func (s *Store) purge(ctx context.Context, blobs []*string) error {
	for _, blob := range blobs {
		if blob != nil {
			if err := s.purgeBlob(ctx, *blob); err != nil {
				return err
			}
		}
		_, err := s.pool.Exec(ctx, `DELETE FROM file WHERE blob IS NOT DISTINCT FROM $1 AND state = 'removed'`, blob)
		if err != nil {
			return fmt.Errorf("delete file rows: %w", err)
		}
	}
	return nil
}

func (s *Store) purgeBlob(ctx context.Context, blob string) error {
	var needed bool
	err := s.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM file WHERE blob = $1 AND state <> 'removed' AND scan <> 'infected')`,
		blob).Scan(&needed)
	if err != nil {
		return fmt.Errorf("delete contents: %w", err)
	}
	if needed {
		return nil
	}
	if err := s.blobs.Delete(ctx, blob); err != nil {
		return err
	}
	if _, err := s.pool.Exec(ctx, `UPDATE file SET blob = NULL WHERE blob = $1 AND state <> 'removed'`, blob); err != nil {
		return fmt.Errorf("delete contents: %w", err)
	}
	return nil
}

// sweepBlobs deletes blobs without a row, and what writes that were cut short left.
func (s *Store) sweepBlobs(ctx context.Context) (int, error) {
	before := s.now().Add(-orphanAge)
	deleted, err := s.blobs.Tidy(ctx, before)
	if err != nil {
		return deleted, err
	}
	batch := make([]string, 0, 500)
	for name, err := range s.blobs.List(ctx, s.prefix, before) {
		if err != nil {
			return deleted, err
		}
		if batch = append(batch, name); len(batch) < cap(batch) {
			continue
		}
		n, err := s.deleteUnknown(ctx, batch)
		if deleted += n; err != nil {
			return deleted, err
		}
		batch = batch[:0]
	}
	n, err := s.deleteUnknown(ctx, batch)
	return deleted + n, err
}

func (s *Store) deleteUnknown(ctx context.Context, names []string) (int, error) {
	if len(names) == 0 {
		return 0, nil
	}
	unknown, err := postgres.Column[string](ctx, s.pool, `
		SELECT stored.blob FROM unnest($1::text[]) AS stored (blob)
		WHERE NOT EXISTS (SELECT FROM file WHERE file.blob = stored.blob)`, names)
	if err != nil {
		return 0, fmt.Errorf("list blobs without a row: %w", err)
	}
	for i, name := range unknown {
		if err := s.blobs.Delete(ctx, name); err != nil {
			return i, err
		}
	}
	return len(unknown), nil
}

// Erase deletes the files of submissions: from its return on nobody can read them, not even from what an interrupted
// deletion left behind.
func (s *Store) Erase(ctx context.Context, submissions ...uuid.UUID) error {
	return s.remove(ctx, `submission_id = ANY($1)`, submissions)
}

// QueueErase queues the statement by which the files of a submission become unreadable when the caller's transaction
// commits. Purge deletes the contents afterwards.
func (s *Store) QueueErase(b *pgx.Batch, submission uuid.UUID) {
	b.Queue(`UPDATE file SET `+removal+` WHERE submission_id = $1`, submission)
}

// Remove deletes single files, attached or staged; unknown ones are no error.
func (s *Store) Remove(ctx context.Context, ids ...uuid.UUID) error {
	return s.remove(ctx, `id = ANY($1) AND state <> 'removed'`, ids)
}

// QueueRelease queues the statement by which the files that a room holds for a row of its own (see Hold) become unreadable
// when the caller's transaction commits. Purge deletes the contents afterwards.
func (s *Store) QueueRelease(b *pgx.Batch, holder string, id uuid.UUID) {
	b.Queue(`UPDATE file SET `+removal+` WHERE holder = $1 AND holder_id = $2`, holder, id)
}

// RemoveReplaced deletes the files that a room holds in whose place, in the same field of the same row, a newer one may
// be opened since before a time.
func (s *Store) RemoveReplaced(ctx context.Context, holder string, before time.Time) error {
	openable := []Scan{Clean}
	if s.scanner == nil {
		openable = append(openable, Unscanned, Pending)
	}
	return s.remove(ctx, `holder = $1 AND EXISTS (
		SELECT FROM file newer WHERE newer.holder = $1 AND newer.holder_id = file.holder_id AND newer.field = file.field
			AND newer.id > file.id AND newer.state = 'attached' AND newer.scan = ANY ($2)
			AND coalesce(newer.scanned_at, newer.created_at) <= $3)`, holder, openable, before)
}

// Export hands every file of a submission to give, in the order in which they came, for a person who asks what is held
// about them. The reader is nil for a file that may not be opened; Info.Warning says why. It stops at give's first
// error and returns it.
func (s *Store) Export(ctx context.Context, submission uuid.UUID, give func(Info, io.Reader) error) error {
	infos, err := s.Of(ctx, submission)
	if err != nil {
		return err
	}
	for _, info := range infos {
		if err := s.export(ctx, info, give); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) export(ctx context.Context, info Info, give func(Info, io.Reader) error) error {
	r, err := s.Open(ctx, info.ID)
	if errors.Is(err, ErrWithheld) {
		return give(info, nil)
	}
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	return give(r.Info, r)
}

// Probe writes, reads and deletes a blob, and returns what fails: what doctor asks.
func (s *Store) Probe(ctx context.Context) error {
	name, body := s.prefix+"probe-"+strings.ToLower(rand.Text()), []byte("probe")
	if err := s.blobs.Put(ctx, name, bytes.NewReader(body)); err != nil {
		return err
	}
	r, err := s.blobs.Get(ctx, name, 0)
	if err != nil {
		return errors.Join(err, s.blobs.Delete(ctx, name))
	}
	got, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(got, body) {
		err = ErrDamaged
	}
	return errors.Join(err, r.Close(), s.blobs.Delete(ctx, name))
}
