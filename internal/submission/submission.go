// Package submission keeps what people sent us: the one way in (Accept), the record with its answers, and what staff
// do with it.
//
// It promises that an accepted submission is on disk, is stored once however often it was sent, carries the statement
// version and the wording that were shown (P-18), and that each of its changes of status was allowed. It knows no
// activity: kinds, statuses and allowed moves are handed in.
package submission

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres"
)

// What can go wrong with a record.
var (
	ErrNotFound = errors.New("submission: not found")
	ErrMove     = errors.New("submission: the status does not allow this")
	ErrClosed   = errors.New("submission: the store is closed")
	ErrAnswered = errors.New("submission: it was answered or withdrawn meanwhile")
	ErrVersions = errors.New("submission: its answers were changed as often as they can be")
	ErrHeld     = errors.New("submission: a legal hold keeps it as it is")
)

// Config is what a Store needs.
type Config struct {
	Pool   *pgxpool.Pool
	Ring   *key.Ring
	People *person.Store
	Mail   *mail.Queue
	Files  *file.Store
	Now    func() time.Time
	Log    *slog.Logger
	// Accepted is called after a flush was committed: it wakes the drainers. It must not block.
	Accepted func()
	// Timeout bounds one commit; 0 means 15 seconds. Accept waits a third longer at most.
	Timeout time.Duration
	// Flushers is how many commits may run side by side; 0 means 2, which was fastest on two cores.
	Flushers int
	// Alone makes each submission a transaction of its own; it serves measurements only.
	Alone bool
}

// Store keeps submissions. Close it to end its flushers.
type Store struct {
	Config
	slots     chan *slot
	flushers  sync.WaitGroup
	closing   sync.RWMutex
	closed    bool
	revisions sync.Map // digests of revisions known to be stored
}

// NewStore returns a store whose flushers run.
func NewStore(c Config) *Store {
	if c.Flushers == 0 {
		c.Flushers = 2
	}
	if c.Timeout == 0 {
		c.Timeout = flushTimeout
	}
	if c.Accepted == nil {
		c.Accepted = func() {}
	}
	s := &Store{Config: c, slots: make(chan *slot, maxBatch)}
	for range c.Flushers {
		s.flushers.Go(s.flushLoop)
	}
	return s
}

// Close waits for what was handed in and ends the flushers. Accept returns ErrClosed from then on.
func (s *Store) Close() {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	close(s.slots)
	s.flushers.Wait()
}

const receiptPurpose = "receipt"

// Token returns the token of the receipt's address /r/{token}; it never changes.
func (s *Store) Token(id uuid.UUID) string { return s.Ring.Token(receiptPurpose, id) }

// ByToken returns the id that Token was given, or key.ErrForged.
func (s *Store) ByToken(token string) (uuid.UUID, error) {
	return s.Ring.ParseToken(receiptPurpose, token)
}

// crockford leaves out letters that are mistaken for digits.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// Reference returns the number that a sender is told: 50 random bits of the id, in a form that can be read out.
func Reference(id uuid.UUID) string {
	text := crockford.EncodeToString(id[9:16])
	return "CC-" + text[:5] + "-" + text[5:10]
}

// ReadReference returns a reference as Reference writes it, whichever way it was typed or read out: with other signs between
// its parts or none, in small letters, without "CC", with a letter for the digit that looks like it. What can't be one is
// returned as it is, and is the number of nothing.
func ReadReference(text string) string {
	plain := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, text)
	if len(plain) == 12 {
		plain = strings.TrimPrefix(plain, "CC")
	}
	if len(plain) != 10 {
		return text
	}
	plain = strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(plain)
	return "CC-" + plain[:5] + "-" + plain[5:]
}

// RecordPath is the page of a record in the workspace.
func RecordPath(id uuid.UUID) string { return "/staff/submissions/" + id.String() }

// ReceiptPath is the page of the receipt that the token opens (Store.Token).
func ReceiptPath(token string) string { return "/r/" + token }

// Revision makes sure that the wording of a form is stored, and returns its digest. Of an anonymous form it keeps the day
// alone: the first answer may be what brings the wording in, and its minute is nobody's business.
func (s *Store) Revision(ctx context.Context, f form.Form) ([]byte, error) {
	r := f.Revision()
	if _, known := s.revisions.Load(string(r.Digest)); known {
		return r.Digest, nil
	}
	at := s.Now()
	if f.Anonymous {
		at = at.UTC().Truncate(24 * time.Hour)
	}
	_, err := s.Pool.Exec(ctx, `
		INSERT INTO form_revision (digest, kind, subject_id, fields, wording, lang, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (digest) DO NOTHING`,
		r.Digest, r.Kind, nullable(r.Subject), r.Fields, r.Wording, r.Lang, at)
	if err != nil {
		return nil, fmt.Errorf("store form revision: %w", err)
	}
	s.revisions.Store(string(r.Digest), true)
	return r.Digest, nil
}

// AsShown returns the form of a revision as far as it is stored: what it is about, and its questions. ErrNotFound says that
// nothing was ever stored under it.
func (s *Store) AsShown(ctx context.Context, revision []byte) (form.Form, error) {
	var (
		f       form.Form
		subject uuid.NullUUID
	)
	err := s.Pool.QueryRow(ctx, `SELECT kind, subject_id, fields FROM form_revision WHERE digest = $1`, revision).
		Scan(&f.Kind, &subject, &f.Fields)
	if errors.Is(err, pgx.ErrNoRows) {
		return form.Form{}, ErrNotFound
	}
	if err != nil {
		return form.Form{}, fmt.Errorf("read form revision: %w", err)
	}
	f.Subject = subject.UUID
	return f, nil
}

// FirstStatement returns the version of the statement that was shown with the first answers; "" where there are none.
func (s *Store) FirstStatement(ctx context.Context, id uuid.UUID) (string, error) {
	list, err := postgres.Column[string](ctx, s.Pool, `SELECT statement_version FROM answers WHERE submission_id = $1 AND version = 1`, id)
	if err != nil {
		return "", fmt.Errorf("read statement shown: %w", err)
	}
	return strings.Join(list, ""), nil
}

func nullable(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }

// Record is a submission as staff and its sender see it.
type Record struct {
	ID          uuid.UUID     `db:"id"`
	PersonID    uuid.NullUUID `db:"person_id"`
	Email       string        `db:"email"`
	Verified    bool          `db:"verified"`
	Kind        string        `db:"kind"`
	Status      string        `db:"status"`
	SubjectID   uuid.NullUUID `db:"subject_id"`
	Subject     string        `db:"subject"`
	Reference   string        `db:"reference"`
	Name        string        `db:"name"`
	Company     string        `db:"organisation"`
	Channel     string        `db:"channel"`
	AssigneeID  uuid.NullUUID `db:"assignee_id"`
	Source      string        `db:"source"`
	CreatedAt   time.Time     `db:"created_at"`
	AskedAt     time.Time     `db:"asked_at"` // when it came, or came back after an answer
	StatusSince time.Time     `db:"status_since"`
	ReadAt      *time.Time    `db:"read_at"`
	DecidedAt   *time.Time    `db:"decided_at"`
	Quarantined *time.Time    `db:"quarantined_at"`
	PurgeAfter  time.Time     `db:"purge_after"`
	Was         string        `db:"-"` // the status before, for what follows a change of it (Moved)
}

// Erased tells whether its sender was erased: everybody else has an address.
func (r Record) Erased() bool { return r.Email == "" }

// Emptied tells whether its sender was erased: nothing is left in it, and no words are added.
func (r Record) Emptied() bool { return r.PersonID.Valid && r.Erased() }

const recordColumns = `s.id, s.person_id, coalesce(p.email, '') AS email, coalesce(p.verified_at IS NOT NULL, false) AS verified,
	s.kind, s.status, s.subject_id, s.subject, s.reference, s.name, s.organisation, s.channel, s.assignee_id,
	coalesce(s.source, '') AS source, s.created_at, coalesce(s.reopened_at, s.created_at) AS asked_at,
	coalesce(s.status_since, s.created_at) AS status_since,
	s.read_at, s.decided_at, s.quarantined_at, s.purge_after`

// Get returns one record, or ErrNotFound. An anonymous answer is no record, to nobody: it is read in the survey's results.
func (s *Store) Get(ctx context.Context, id uuid.UUID) (Record, error) { return s.get(ctx, s.Pool, id) }

func (s *Store) get(ctx context.Context, db audit.DB, id uuid.UUID) (Record, error) {
	return one(ctx, db, `s.id = $1`, id)
}

// ByReference returns the record with the number that its sender was told, or ErrNotFound. The number has no index of its
// own: it is looked for among what the search finds by it, and what is not indexed yet.
func (s *Store) ByReference(ctx context.Context, reference string) (Record, error) {
	return one(ctx, s.Pool, `s.reference = $1 AND (s.search @@ plainto_tsquery('simple', $1) OR s.indexed_at IS NULL)`,
		ReadReference(reference))
}

func one(ctx context.Context, db audit.DB, where string, arg any) (Record, error) {
	rows, err := db.Query(ctx, `
		SELECT `+recordColumns+`
		FROM submission s LEFT JOIN person p ON p.id = s.person_id
		WHERE s.person_id IS NOT NULL AND `+where, arg)
	if err != nil {
		return Record{}, fmt.Errorf("read submission: %w", err)
	}
	r, err := pgx.CollectOneRow(rows, pgx.RowToStructByName[Record])
	if errors.Is(err, pgx.ErrNoRows) {
		return Record{}, ErrNotFound
	}
	if err != nil {
		return Record{}, fmt.Errorf("read submission: %w", err)
	}
	return r, nil
}

// OfPerson returns all records of a person, newest first.
func (s *Store) OfPerson(ctx context.Context, who uuid.UUID) ([]Record, error) {
	records, err := postgres.Rows[Record](ctx, s.Pool, `
		SELECT `+recordColumns+`
		FROM submission s LEFT JOIN person p ON p.id = s.person_id
		WHERE s.person_id = $1 ORDER BY s.created_at DESC, s.id DESC LIMIT 500`, who)
	if err != nil {
		return nil, fmt.Errorf("read submissions of a person: %w", err)
	}
	return records, nil
}

// Version is what was answered at one time, with the questions as they were shown then.
type Version struct {
	N         int          `db:"version"`
	Statement string       `db:"statement_version"`
	Revision  []byte       `db:"form_revision"`
	Fields    []form.Field `db:"fields"`
	Values    form.Values  `db:"values"`
	At        time.Time    `db:"created_at"`
}

// Answers pairs the version's answers with its questions.
func (v Version) Answers() []form.Answer { return form.Answers(v.Fields, v.Values) }

// Versions returns what was answered, newest first.
func (s *Store) Versions(ctx context.Context, id uuid.UUID) ([]Version, error) {
	versions, err := postgres.Rows[Version](ctx, s.Pool, `
		SELECT a.version, a.statement_version, a.form_revision, r.fields, a.values, a.created_at
		FROM answers a JOIN form_revision r ON r.digest = a.form_revision
		WHERE a.submission_id = $1 ORDER BY a.version DESC`, id)
	if err != nil {
		return nil, fmt.Errorf("read answers: %w", err)
	}
	return versions, nil
}
