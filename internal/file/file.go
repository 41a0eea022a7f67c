// Package file takes in what strangers upload, and lets nobody open it before it was checked.
//
// The way of a file: Stage reads it once, within its limit, into an encrypted spool; looks at its contents, not at
// its name alone; refuses with words for the form field (Refusal); and stores it. It is then "staged": kept for 24
// hours under a token that a hidden field of the re-shown form carries (Resume, Discard). Attach queues the statements
// that make it part of a submission, inside that submission's own transaction. Scan sends waiting files to clamd; until
// one is found clean, Open and Serve withhold it. Sweep deletes what was never attached.
//
// What the package promises:
//
//   - Contents are written and synced before the row that names them; a row never points at nothing.
//   - At rest there is ciphertext alone, spool included: a random key per file, itself wrapped by the key `file`, and
//     AES-256-GCM in chunks, so that changing, cutting or reordering is noticed while reading.
//   - A stranger's file name is for showing. Blobs have random names.
//   - Removing a file destroys its wrapped key in the same statement, so the contents are unreadable at once, and then
//     deletes the blob; Sweep finishes what a crash interrupted.
//   - An upload sent again with another submission is attached to both, and lives until both are gone.
package file

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/postgres"
)

var (
	// ErrGone says that a file is no longer there: never staged here, expired, removed, or its token is forged.
	ErrGone = errors.New("file: no longer here")
	// ErrWithheld says that a file may not be opened: not scanned yet, found infected, or not to be scanned.
	ErrWithheld = errors.New("file: withheld")
)

// Scan is what is known about viruses in a file.
type Scan string

// The states of a scan. Only Clean may be opened, and Unscanned where no scanner is configured at all.
const (
	Pending   Scan = "pending"
	Clean     Scan = "clean"
	Infected  Scan = "infected"
	Unscanned Scan = "unscanned"
	Failed    Scan = "error"
)

// State is where a file stands between upload and deletion.
type State string

// The states of a file.
const (
	StateStaged   State = "staged"
	StateAttached State = "attached"
	StateRemoved  State = "removed"
)

// Config is what a Store needs. Clamd is the address of the virus scanner, host:port or a socket's path; where it is
// empty, files stay Unscanned and say so. Now and Log default to the wall clock and slog's default.
type Config struct {
	Pool  *pgxpool.Pool
	Blobs Blobs
	Keys  *key.Ring
	Clamd string
	Now   func() time.Time
	Log   *slog.Logger
}

// Store keeps uploads: rows in the table file, contents in Blobs. It is safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	blobs   Blobs
	keys    *key.Ring
	scanner *clamd
	now     func() time.Time
	log     *slog.Logger
	prefix  string
}

// New returns a Store. It touches neither database nor blobs nor scanner.
func New(c Config) *Store {
	s := &Store{pool: c.Pool, blobs: c.Blobs, keys: c.Keys, now: c.Now, log: c.Log}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if c.Clamd != "" {
		s.scanner = newClamd(c.Clamd)
	}
	// Another installation that shares the bucket by mistake has other keys, so its sweeper never sees our blobs.
	s.prefix = "file/" + c.Keys.Fingerprint()[:8] + "/"
	return s
}

// Info is what is known of a file without reading it.
type Info struct {
	ID         uuid.UUID
	State      State
	Submission uuid.NullUUID
	Field      string
	Name       string // cleaned, for showing
	Type       Type
	Size       int64  // bytes
	SHA256     string // of the contents, 64 hex digits
	Scan       Scan
	Signature  string // what the scanner found, where Infected or Failed
	Created    time.Time
	Scanned    time.Time // zero until scanned

	// Openable tells whether Open and Serve would give the contents now.
	Openable bool
}

// Warning is a sentence for whoever is about to open the file, or empty where it was found clean.
func (i Info) Warning() string {
	switch {
	case i.State == StateRemoved:
		return say("removed")
	case i.Scan == Clean:
		return ""
	case i.Scan == Infected:
		return say("infected", "signature", i.Signature)
	case i.Scan == Failed:
		return say("unread")
	case i.Openable:
		return say("unscanned")
	}
	return say("waiting")
}

// Describe is the name and size for a person: "cv.pdf, 240 KB".
func (i Info) Describe() string { return i.Name + ", " + Size(i.Size) }

// Size words a number of bytes as a desktop shows it, in units of 1024: "10 MB", "1.4 MB", "240 KB", "1 byte".
func Size(bytes int64) string {
	switch {
	case bytes == 1:
		return "1 byte"
	case bytes < 1<<10:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < 1<<20-512:
		return fmt.Sprintf("%d KB", (bytes+512)>>10)
	case bytes < 1<<30-1<<19:
		return tenths(bytes, 1<<20) + " MB"
	}
	return tenths(bytes, 1<<30) + " GB"
}

func tenths(n, unit int64) string {
	t := (n*10 + unit/2) / unit
	if t%10 == 0 || t >= 1000 {
		return strconv.FormatInt((t+5)/10, 10)
	}
	return fmt.Sprintf("%d.%d", t/10, t%10)
}

// row is a line of the table file.
type row struct {
	ID         uuid.UUID     `db:"id"`
	State      State         `db:"state"`
	Submission uuid.NullUUID `db:"submission_id"`
	Field      string        `db:"field"`
	Name       string        `db:"name"`
	Media      string        `db:"media_type"`
	Size       int64         `db:"size"`
	SHA256     []byte        `db:"sha256"`
	Blob       *string       `db:"blob"`
	Key        []byte        `db:"key"`
	Scan       Scan          `db:"scan"`
	Signature  *string       `db:"scan_signature"`
	Created    time.Time     `db:"created_at"`
	Scanned    *time.Time    `db:"scanned_at"`
	Expires    *time.Time    `db:"expires_at"`
}

const columns = `id, state, submission_id, field, name, media_type, size, sha256, blob, key, scan, scan_signature,
	created_at, scanned_at, expires_at`

func (s *Store) info(r row) Info {
	i := Info{
		ID: r.ID, State: r.State, Submission: r.Submission, Field: r.Field, Name: r.Name, Type: typeOfMedia(r.Media),
		Size: r.Size, SHA256: hex.EncodeToString(r.SHA256), Scan: r.Scan, Created: r.Created,
	}
	if r.Signature != nil {
		i.Signature = *r.Signature
	}
	if r.Scanned != nil {
		i.Scanned = *r.Scanned
	}
	i.Openable = r.State == StateAttached && (r.Scan == Clean || s.scanner == nil && unchecked(r.Scan))
	return i
}

func unchecked(s Scan) bool { return s == Unscanned || s == Pending }

// Info returns what is known of a file, removed ones included until they are swept, or ErrGone.
func (s *Store) Info(ctx context.Context, id uuid.UUID) (Info, error) {
	r, err := s.find(ctx, id)
	if err != nil {
		return Info{}, err
	}
	return s.info(r), nil
}

// Infos returns what is known of files, by id; those that are gone are missing.
func (s *Store) Infos(ctx context.Context, db postgres.Reader, ids []uuid.UUID) (map[uuid.UUID]Info, error) {
	list, err := s.list(ctx, db, `SELECT `+columns+` FROM file WHERE id = ANY ($1)`, ids)
	known := make(map[uuid.UUID]Info, len(list))
	for _, i := range list {
		known[i.ID] = i
	}
	return known, err
}

// Of returns the files of a submission in the order in which they came; none is no error.
func (s *Store) Of(ctx context.Context, submission uuid.UUID) ([]Info, error) {
	return s.list(ctx, s.pool, `SELECT `+columns+` FROM file WHERE submission_id = $1 ORDER BY id`, submission)
}

// Held returns the files that a room holds for rows of its own (see Hold) by the ids of those rows, the newest first.
func (s *Store) Held(ctx context.Context, db postgres.Reader, holder string, ids ...uuid.UUID) (map[uuid.UUID][]Info, error) {
	type heldRow struct {
		row
		Holder uuid.UUID `db:"holder_id"`
	}
	rows, err := postgres.Rows[heldRow](ctx, db, `
		SELECT holder_id, `+columns+` FROM file WHERE holder = $1 AND holder_id = ANY ($2) ORDER BY id DESC`, holder, ids)
	if err != nil {
		return nil, fmt.Errorf("list held files: %w", err)
	}
	held := map[uuid.UUID][]Info{}
	for _, r := range rows {
		held[r.Holder] = append(held[r.Holder], s.info(r.row))
	}
	return held, nil
}

func (s *Store) list(ctx context.Context, db postgres.Reader, sql string, args ...any) ([]Info, error) {
	rows, err := postgres.Rows[row](ctx, db, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	infos := make([]Info, 0, len(rows))
	for _, r := range rows {
		infos = append(infos, s.info(r))
	}
	return infos, nil
}

func (s *Store) find(ctx context.Context, id uuid.UUID) (row, error) {
	r, err := postgres.Row[row](ctx, s.pool, `SELECT `+columns+` FROM file WHERE id = $1`, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return row{}, ErrGone
	}
	if err != nil {
		return row{}, fmt.Errorf("find file: %w", err)
	}
	return r, nil
}
