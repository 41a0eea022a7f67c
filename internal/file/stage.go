package file

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// stagedFor is how long a file waits for its form to be sent: as long as the seal of the form is good.
	stagedFor = 24 * time.Hour
	// stagedMargin keeps a file from expiring between Resume and the statements of Attach.
	stagedMargin = 10 * time.Minute
	// drained is how many times the limit is read on, so that the refusal can tell how large the file is.
	drained = 8

	tokenPurpose = "staged"
)

// Upload is a file as it arrives. Accept and Max (bytes) must be given; Field is the form field's name.
type Upload struct {
	Name   string
	Reader io.Reader
	Accept []Type
	Max    int64
	Field  string
}

// Staged is a file that passed its checks and waits for its form. SHA256 identifies the contents (64 hex digits): it,
// not the id, belongs into what makes two sendings equal. Token goes into a hidden field; whoever has it may attach
// or discard the file.
type Staged struct {
	ID     uuid.UUID
	Field  string
	Name   string
	Size   int64
	Type   Type
	SHA256 string
	Token  string
}

// Describe is the name and size for a person: "cv.pdf, 240 KB".
func (s Staged) Describe() string { return s.Name + ", " + Size(s.Size) }

// Stage reads, checks and stores an upload. It returns a *Refusal for what the sender can mend; an error of
// u.Reader comes back wrapped (an *http.MaxBytesError too); anything else is ours. The reader is read once, at most
// eight times its limit, and never held in memory or written unencrypted.
func (s *Store) Stage(ctx context.Context, u Upload) (Staged, error) {
	name, claimed, err := checkName(u.Name, u.Accept)
	if err != nil {
		return Staged{}, err
	}
	dataKey := make([]byte, 32)
	rand.Read(dataKey)
	aead, err := newAEAD(dataKey)
	if err != nil {
		return Staged{}, err
	}
	wrapped, err := s.keys.Wrap(dataKey)
	if err != nil {
		return Staged{}, fmt.Errorf("wrap file key: %w", err)
	}
	var kept spool
	defer func() { _ = kept.Close() }()
	size, digest, err := receive(&kept, aead, u, name)
	if err != nil {
		return Staged{}, err
	}
	plain := newOpener(aead, size, kept.from)
	found, err := checkContents(name, claimed, plain, size, u.Accept)
	if err != nil {
		return Staged{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Staged{}, fmt.Errorf("make file id: %w", err)
	}
	r := row{
		ID: id, State: StateStaged, Field: u.Field, Name: withExtension(name, found), Media: found.Media(),
		Size: size, SHA256: digest, Key: wrapped, Scan: Pending, Created: s.now(),
	}
	if s.scanner == nil {
		r.Scan = Unscanned
	}
	if err := s.keep(ctx, r, &kept); err != nil {
		return Staged{}, err
	}
	return s.staged(r), nil
}

// receive reads an upload into the spool, and refuses it where it is empty or over its limit.
func receive(to io.Writer, aead cipher.AEAD, u Upload, name string) (size int64, digest []byte, err error) {
	sum := sha256.New()
	sealed := newSealer(to, aead)
	size, err = io.Copy(io.MultiWriter(sum, sealed), io.LimitReader(u.Reader, u.Max+1))
	if err != nil {
		return 0, nil, fmt.Errorf("receive file: %w", err)
	}
	if name == "" {
		name = "This file"
	}
	if size == 0 {
		return 0, nil, &Refusal{Empty, say("empty", "name", name)}
	}
	if size > u.Max {
		rest, err := io.Copy(io.Discard, io.LimitReader(u.Reader, (drained-1)*u.Max))
		if err != nil {
			return 0, nil, fmt.Errorf("receive file: %w", err)
		}
		return 0, nil, tooLarge(name, size+rest, u.Max)
	}
	if err := sealed.Close(); err != nil {
		return 0, nil, fmt.Errorf("receive file: %w", err)
	}
	return size, sum.Sum(nil), nil
}

func tooLarge(name string, size, limit int64) *Refusal {
	is, may := Size(size), Size(limit)
	switch {
	case size > drained*limit:
		is = say("more_than", "size", Size(drained*limit))
	case is == may:
		is, may = say("bytes", "n", size), say("with_bytes", "size", may, "n", limit)
	}
	return &Refusal{TooLarge, say("too_large", "name", name, "is", is, "limit", may)}
}

// keep stores contents, then the row that names them.
func (s *Store) keep(ctx context.Context, r row, contents *spool) error {
	blob := s.prefix + strings.ToLower(rand.Text())
	if err := s.blobs.Put(ctx, blob, contents.reader()); err != nil {
		return fmt.Errorf("store file: %w", err)
	}
	_, err := s.pool.Exec(ctx, `
		INSERT INTO file (id, state, field, name, media_type, size, sha256, blob, key, scan, scan_next_at, created_at,
			expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)`,
		r.ID, r.State, r.Field, r.Name, r.Media, r.Size, r.SHA256, blob, r.Key, r.Scan, r.Created,
		r.Created.Add(stagedFor))
	if err != nil {
		// The blob stays: the row may have been committed although the answer was lost. Sweep takes it otherwise.
		return fmt.Errorf("record file: %w", err)
	}
	return nil
}

func (s *Store) staged(r row) Staged {
	return Staged{
		ID: r.ID, Field: r.Field, Name: r.Name, Size: r.Size, Type: typeOfMedia(r.Media),
		SHA256: hex.EncodeToString(r.SHA256), Token: s.keys.Seal(tokenPurpose, append(r.ID[:], r.Field...)),
	}
}

// open returns the row that a token stands for, or ErrGone.
func (s *Store) open(ctx context.Context, token string) (row, error) {
	body, err := s.keys.Open(tokenPurpose, token)
	if err != nil || len(body) < len(uuid.UUID{}) {
		return row{}, ErrGone
	}
	r, err := s.find(ctx, uuid.UUID(body[:16]))
	if err != nil {
		return row{}, err
	}
	if !bytes.Equal(body[16:], []byte(r.Field)) {
		return row{}, ErrGone
	}
	return r, nil
}

// Resume returns the file that a token of Stage stands for, for 24 hours after staging, also where it was attached
// in the meantime: a form sent twice finds it both times. It returns ErrGone where the file expired or was removed or
// the token is not ours, and a *Refusal where a virus was found since. Callers compare Field with the field whose
// hidden input brought the token.
func (s *Store) Resume(ctx context.Context, token string) (Staged, error) {
	r, err := s.open(ctx, token)
	if err != nil {
		return Staged{}, err
	}
	if r.Scan == Infected {
		return Staged{}, &Refusal{Virus, say("virus", "name", r.Name)}
	}
	if r.State == StateRemoved || s.now().After(r.Created.Add(stagedFor-stagedMargin)) {
		return Staged{}, ErrGone
	}
	return s.staged(r), nil
}

// Discard deletes the staged file that a token stands for. One that is attached, removed or unknown is left as it is,
// without error.
func (s *Store) Discard(ctx context.Context, token string) error {
	r, err := s.open(ctx, token)
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.remove(ctx, `id = $1 AND state = 'staged'`, r.ID)
}

// Attach queues the statements that make staged files part of a submission. They must come after the one that inserts
// the submission, in the same transaction. Where that row does not exist (the sending was a repeat of another), or the
// file is part of it already, they do nothing. A file that another submission took first is attached to this one too.
// Files are found by submission and field afterwards (Of): of a shared one the id differs.
func (s *Store) Attach(b *pgx.Batch, submission uuid.UUID, ids ...uuid.UUID) {
	for _, id := range ids {
		b.Queue(`
			UPDATE file SET state = 'attached', expires_at = NULL, submission_id = $2
			WHERE id = $1 AND state = 'staged' AND EXISTS (SELECT FROM submission WHERE id = $2)`, id, submission)
		b.Queue(`
			INSERT INTO file (id, state, submission_id, field, name, media_type, size, sha256, blob, key, scan,
				scan_signature, scan_next_at, scanned_at, created_at)
			SELECT $3, 'attached', $2, field, name, media_type, size, sha256, blob, key, scan,
				scan_signature, scan_next_at, scanned_at, created_at
			FROM file f
			WHERE id = $1 AND state = 'attached' AND submission_id <> $2
				AND EXISTS (SELECT FROM submission WHERE id = $2)
				AND NOT EXISTS (SELECT FROM file WHERE submission_id = $2 AND field = f.field AND sha256 = f.sha256)
			FOR SHARE OF f`,
			id, submission, uuid.Must(uuid.NewV7()))
	}
}

// Hold queues the statement by which a room keeps a staged file for a row of its own: holder is the room's name, id
// the row's. It does nothing for a file that is not staged any more. QueueRelease gives it up.
func (s *Store) Hold(b *pgx.Batch, holder string, id uuid.UUID, file uuid.UUID) {
	b.Queue(`
		UPDATE file SET state = 'attached', expires_at = NULL, holder = $2, holder_id = $3
		WHERE id = $1 AND state = 'staged'`, file, holder, id)
}
