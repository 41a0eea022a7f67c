package file

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres"
)

const (
	scanLease   = 5 * time.Minute // longer than scanTimeout: no second drainer takes a file that is being scanned
	scanBackoff = 5 * time.Second // doubled with each attempt
	scanWaits   = 10 * time.Minute
	scanTries   = 5 // after which contents that the scanner cannot judge are Failed
)

// Scan sends every file that waits for it to the virus scanner, and returns when none is due. Several may run at once,
// in several processes. While the scanner is away files stay Pending, however long that takes, and Scan returns that
// error once per attempt; contents that the scanner cannot judge become Failed after five attempts. Infected
// contents are deleted, and the row says what was found. Without a scanner waiting files become Unscanned; once there
// is one, they are scanned after all.
func (s *Store) Scan(ctx context.Context) error {
	if s.scanner == nil {
		_, err := s.pool.Exec(ctx, `UPDATE file SET scan = 'unscanned' WHERE scan = 'pending' AND state <> 'removed'`)
		if err != nil {
			return fmt.Errorf("give up scanning: %w", err)
		}
		return nil
	}
	for {
		r, attempts, err := s.claim(ctx)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.scanOne(ctx, r, attempts); err != nil {
			return err
		}
	}
}

// claim takes the file that waited longest, by moving its next attempt beyond the lease.
func (s *Store) claim(ctx context.Context) (row, int, error) {
	now := s.now()
	type claimed struct {
		row
		Attempts int `db:"scan_attempts"`
	}
	c, err := postgres.Row[claimed](ctx, s.pool, `
		UPDATE file SET scan = 'pending', scan_attempts = scan_attempts + 1, scan_next_at = $2
		WHERE id = (
			SELECT id FROM file
			WHERE scan IN ('pending', 'unscanned') AND scan_next_at <= $1 AND state <> 'removed'
			ORDER BY scan_next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING `+columns+`, scan_attempts`, now, now.Add(scanLease))
	if err != nil {
		return row{}, 0, fmt.Errorf("claim file to scan: %w", err)
	}
	return c.row, c.Attempts, nil
}

func (s *Store) scanOne(ctx context.Context, r row, attempts int) error {
	signature, err := s.ask(ctx, r)
	var unreadable unreadableError
	switch {
	case err == nil && signature == "":
		return s.finish(ctx, r, Clean, "")
	case err == nil:
		return s.quarantine(ctx, r, signature)
	case errors.As(err, &unreadable) && attempts >= scanTries:
		return s.finish(ctx, r, Failed, string(unreadable))
	case errors.Is(err, ErrDamaged), errors.Is(err, ErrNoBlob):
		s.log.ErrorContext(ctx, "file cannot be read back", "file", r.ID, "error", err)
		return s.finish(ctx, r, Failed, "contents cannot be read back")
	}
	// The pause is recorded even where ctx ended the attempt.
	saved := s.postpone(context.WithoutCancel(ctx), r.ID, attempts)
	if errors.As(err, &unreadable) {
		return saved
	}
	return errors.Join(fmt.Errorf("scan file: %w", err), saved)
}

func (s *Store) ask(ctx context.Context, r row) (string, error) {
	contents, err := s.reader(ctx, r)
	if err != nil {
		return "", err
	}
	defer func() { _ = contents.Close() }()
	return s.scanner.scan(ctx, contents)
}

// finish records a verdict on these contents, for every row that shares them.
func (s *Store) finish(ctx context.Context, r row, verdict Scan, signature string) error {
	_, err := s.pool.Exec(ctx, `
		UPDATE file SET scan = $2, scan_signature = nullif($3, ''), scanned_at = $4
		WHERE blob = $1 AND scan IN ('pending', 'unscanned')`, r.Blob, verdict, signature, s.now())
	if err != nil {
		return fmt.Errorf("record scan: %w", err)
	}
	return nil
}

// quarantine destroys the key first, so that infected contents cannot be read even where deleting them fails.
func (s *Store) quarantine(ctx context.Context, r row, signature string) error {
	_, err := s.pool.Exec(ctx, `
		UPDATE file SET scan = 'infected', scan_signature = $2, scanned_at = $3, key = NULL
		WHERE blob = $1 AND state <> 'removed'`, r.Blob, signature, s.now())
	if err != nil {
		return fmt.Errorf("record infected file: %w", err)
	}
	s.log.WarnContext(ctx, "infected file deleted", "file", r.ID, "signature", signature)
	return s.purge(ctx, []*string{r.Blob})
}

func (s *Store) postpone(ctx context.Context, id uuid.UUID, attempts int) error {
	pause := min(scanBackoff<<min(attempts-1, 10), scanWaits)
	_, err := s.pool.Exec(ctx, `UPDATE file SET scan_next_at = $2 WHERE id = $1 AND scan = 'pending'`,
		id, s.now().Add(pause))
	if err != nil {
		return fmt.Errorf("postpone scan: %w", err)
	}
	return nil
}

// Rescan makes a file wait for the scanner again, for a member of staff who has mended what made it fail. It does
// nothing for one that is infected or removed.
func (s *Store) Rescan(ctx context.Context, id uuid.UUID) error {
	_, err := s.pool.Exec(ctx, `
		UPDATE file SET scan = 'pending', scan_signature = NULL, scan_attempts = 0, scan_next_at = $2
		WHERE id = $1 AND scan IN ('error', 'clean', 'unscanned') AND state <> 'removed'`, id, s.now())
	if err != nil {
		return fmt.Errorf("rescan file: %w", err)
	}
	return nil
}

// Scanner tells which scanner answers ("ClamAV 1.4.6/…"), empty where none is configured.
func (s *Store) Scanner(ctx context.Context) (string, error) {
	if s.scanner == nil {
		return "", nil
	}
	return s.scanner.version(ctx)
}
