package mail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres"
)

// Erase deletes the messages of a person, sent or not, that were written until the given time: to them, and what inboxes
// were told about their records, unless a legal hold covers the record. Sweep then deletes what was written to the folder of mail.
func (q *Queue) Erase(ctx context.Context, tx pgx.Tx, person uuid.UUID, until time.Time) error {
	b := &pgx.Batch{}
	b.Queue(`
		DELETE FROM message m WHERE m.person_id = $1 AND m.created_at <= $2 AND NOT EXISTS (SELECT FROM submission s
			WHERE s.id = m.submission_id AND held(s.person_id, s.id, s.kind, s.created_at))`, person, until)
	b.Queue(`
		DELETE FROM message m USING submission s
		WHERE s.person_id = $1 AND s.created_at <= $2 AND m.submission_id = s.id
			AND NOT held(s.person_id, s.id, s.kind, s.created_at)`, person, until)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("erase messages: %w", err)
	}
	return nil
}

// pruneBatch is how many messages lose their words in one statement.
const pruneBatch = 500

// Prune empties the words of messages created before the given time that are no longer to be sent (retention), except
// about records under a legal hold. The rows stay, so that their unsubscribe links keep working. It returns how many it
// emptied.
func (q *Queue) Prune(ctx context.Context, before time.Time) (int64, error) {
	var done int64
	for {
		tag, err := q.pool.Exec(ctx, `
			UPDATE message SET data = '{}' WHERE id IN (SELECT m.id FROM message m WHERE `+Prunable+` LIMIT $2)`,
			before, pruneBatch)
		if err != nil {
			return done, fmt.Errorf("prune messages: %w", err)
		}
		if done += tag.RowsAffected(); tag.RowsAffected() < pruneBatch {
			return done, nil
		}
	}
}

// Prunable is the condition on a message m whose words Prune deletes; $1 is the time.
const Prunable = `m.created_at < $1 AND m.state <> 'queued' AND m.data <> '{}'
	AND NOT EXISTS (SELECT FROM submission s
		WHERE s.id = m.submission_id AND held(s.person_id, s.id, s.kind, s.created_at))
	AND NOT EXISTS (SELECT FROM legal_hold h WHERE h.person_id = m.person_id AND h.lifted_at IS NULL)`

// tornAge is how long a file may be under way to the folder of written mail.
const tornAge = time.Hour

// Sweep deletes written mails of which no message is left, or one without words from before the given time (Prunable says
// which keep them), and what writes that were cut short left. It returns how many it deleted; where no mail is written to
// a folder there are none.
func (q *Queue) Sweep(ctx context.Context, before time.Time) (int, error) {
	if q.dir == "" {
		return 0, nil
	}
	entries, err := os.ReadDir(q.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("sweep written mail: %w", err)
	}
	var ids []uuid.UUID
	deleted := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > tornAge {
				deleted++
				_ = os.Remove(filepath.Join(q.dir, e.Name())) // the next sweep tries again
			}
			continue
		}
		name, ok := strings.CutSuffix(e.Name(), ".eml")
		if id, err := uuid.Parse(name); ok && err == nil {
			ids = append(ids, id)
		}
	}
	gone, err := postgres.Column[uuid.UUID](ctx, q.pool, `
		SELECT f.id FROM unnest($1::uuid[]) AS f (id) LEFT JOIN message m ON m.id = f.id
		WHERE m.id IS NULL OR m.created_at < $2 AND m.data = '{}'`, ids, before)
	if err != nil {
		return deleted, fmt.Errorf("sweep written mail: %w", err)
	}
	for _, id := range gone {
		if err := os.Remove(filepath.Join(q.dir, id.String()+".eml")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return deleted, fmt.Errorf("sweep written mail: %w", err)
		}
		deleted++
	}
	return deleted, nil
}
