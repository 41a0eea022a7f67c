package submission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
)

// Entry is a submission to be accepted. Personal data enters the product by this type only.
type Entry struct {
	Form       form.Form
	Values     form.Values
	Files      []file.Staged
	Seal       form.Seal
	Email      string // empty for anonymous forms
	Name       string // short, for lists and greetings
	Company    string
	Source     string // how the sender came to us, in their words
	Status     string
	Channel    string // "" means form
	PurgeAfter time.Time
	Taken      *audit.Event // by whom of the staff it was taken, for a sender who told it; stored with it, once
	Quarantine bool         // kept apart, for maxQuarantine at most: no consent and no message until restored
	// Asks tells whether a status is one in which staff are to do something; nil: each is. What asks for nothing counts as
	// read from the start.
	Asks func(status string) bool
	// Locked, if set, runs first in a transaction of its own with the rest, for what needs a lock (the last seat). It
	// may change Status and Messages.
	Locked func(ctx context.Context, tx pgx.Tx, e *Entry) error
	// Messages returns what is to be mailed about the submission: to the sender where Address is empty.
	Messages func(id uuid.UUID, e *Entry) []mail.Message
}

// Accepted tells where a submission is to be found.
type Accepted struct {
	ID        uuid.UUID
	Reference string
	Token     string
	Repeated  bool // the same was accepted before: nothing was written, and these are the first one's
}

// slot is an entry on its way, with the place for its answer.
type slot struct {
	entry    Entry
	id       uuid.UUID
	ids      []uuid.UUID // all that it had: see renew
	personID uuid.UUID
	digest   []byte
	revision []byte
	values   []byte
	at       time.Time
	stored   Accepted
	done     chan error
}

// Accept stores the entry, with its consents and messages, and returns once that is on disk. The same entry under the
// same seal is stored once. Those who wait at the same time share one commit. Where the database does not answer, it
// gives up in time for a page that says so; the entry may be stored all the same, and sending it again is a repeat.
func (s *Store) Accept(ctx context.Context, e Entry) (Accepted, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout+s.Timeout/3)
	defer cancel()
	sl, err := s.slot(ctx, e)
	if err != nil {
		return Accepted{}, err
	}
	if e.Locked != nil || s.Alone || e.Form.Anonymous {
		err := s.acceptAlone(ctx, sl)
		return sl.stored, err
	}
	if err := s.enqueue(ctx, sl); err != nil {
		return Accepted{}, fmt.Errorf("accept: %w", err)
	}
	select {
	case err := <-sl.done:
		return sl.stored, err
	case <-ctx.Done():
		return Accepted{}, fmt.Errorf("accept: %w", ctx.Err())
	}
}

func (s *Store) enqueue(ctx context.Context, sl *slot) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return ErrClosed
	}
	select {
	case s.slots <- sl:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) slot(ctx context.Context, e Entry) (*slot, error) {
	revision, err := s.Revision(ctx, e.Form)
	if err != nil {
		return nil, err
	}
	values, err := json.Marshal(e.Values)
	if err != nil {
		return nil, fmt.Errorf("accept: %w", err)
	}
	sl := &slot{entry: e, revision: revision, values: values, at: s.Now(), done: make(chan error, 1)}
	if e.Form.Anonymous {
		sl.id = uuid.New() // one in order of time would tell when it came
		sl.at = sl.at.UTC().Truncate(24 * time.Hour)
		return sl, nil
	}
	sl.digest = s.digest(e, values)
	return sl, nil
}

// renew gives a slot its ids. A try whose answer was lost may have been stored: under other ids the next one finds that
// by the digest, and is a repeat that writes nothing.
func (sl *slot) renew() {
	sl.id, sl.personID = uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	sl.ids = append(sl.ids, sl.id)
}

// digest is equal for two sendings of the same page with the same content. Files count by content, not by id.
func (s *Store) digest(e Entry, values []byte) []byte {
	var files []string
	for _, f := range e.Files {
		files = append(files, f.Field+" "+f.SHA256)
	}
	if len(files) > 0 {
		plain := form.Values{}
		for name, list := range e.Values {
			if field, ok := e.Form.Field(name); !ok || field.Kind != form.File {
				plain[name] = list
			}
		}
		values, _ = json.Marshal(plain) // it was marshalled before
	}
	seal := fmt.Sprintf("%s %x %s %s %d %x", e.Seal.Kind, e.Seal.Revision, e.Seal.Statement, e.Seal.Lang, e.Seal.Minute, e.Seal.Nonce)
	return s.Ring.Digest("submission", []byte(e.Form.Kind), e.Form.Subject[:], values, []byte(strings.Join(files, "\n")), []byte(seal))
}

// queue adds the statements of one submission to a batch, in the one order that all use: person, submission, answers,
// files, consents, messages. What follows the submission is written only where that was, so that a repeat writes nothing.
// Where the person is erased at this moment, it waits for that and is refused, since it finds nobody (submission_sender).
func (s *Store) queue(b *pgx.Batch, sl *slot) error {
	e := sl.entry
	sl.renew()
	s.People.Add(b, sl.personID, e.Email, sl.at)
	b.Queue(`
		INSERT INTO submission (id, person_id, kind, status, subject_id, subject, reference, name, organisation, channel,
			source, digest, created_at, read_at, quarantined_at, purge_after, kept_after)
		VALUES ($1, (SELECT id FROM person WHERE email = $2 FOR KEY SHARE), $3, $4, $5, $6, $7, $8, $9, $10, nullif($11, ''), $12, $13, $14, $15,
			$16, $17)
		ON CONFLICT (digest) DO NOTHING`,
		sl.id, e.Email, e.Form.Kind, e.Status, nullable(e.Form.Subject), e.Form.Name, Reference(sl.id), e.Name, e.Company,
		channel(e), e.Source, sl.digest, sl.at, e.read(e.Status, sl.at), quarantined(e, sl.at), purgeAfter(e, sl.at),
		keptAfter(e))
	b.Queue(`
		INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
		SELECT $1, 1, $2, $3, $4, $5, $6 WHERE EXISTS (SELECT FROM submission WHERE id = $1)`,
		sl.id, sl.revision, e.Seal.Statement, e.Seal.Lang, string(sl.values), sl.at)
	if e.Taken != nil {
		audit.AddFor(b, sl.id, *e.Taken)
	}
	if len(e.Files) > 0 {
		ids := make([]uuid.UUID, 0, len(e.Files))
		for _, f := range e.Files {
			ids = append(ids, f.ID)
		}
		s.Files.Attach(b, sl.id, ids...)
	}
	if e.Quarantine {
		queueApart(b, sl)
		return nil
	}
	return s.queueFollowing(b, sl)
}

// queueStored reads what is stored now for each of the slots: as the last of a batch, since a repeat finds the first one's.
func (s *Store) queueStored(b *pgx.Batch, slots []*slot) {
	digests := make([][]byte, 0, len(slots))
	for _, sl := range slots {
		digests = append(digests, sl.digest)
	}
	b.Queue(`SELECT digest, id, reference FROM submission WHERE digest = ANY ($1)`, digests).Query(func(rows pgx.Rows) error {
		stored := map[string]Accepted{}
		var (
			digest []byte
			a      Accepted
		)
		if _, err := pgx.ForEachRow(rows, []any{&digest, &a.ID, &a.Reference}, func() error {
			stored[string(digest)] = a
			return nil
		}); err != nil {
			return err
		}
		for _, sl := range slots {
			found, ok := stored[string(sl.digest)]
			if !ok {
				return pgx.ErrNoRows
			}
			sl.stored = found
			sl.stored.Token, sl.stored.Repeated = s.Token(found.ID), !slices.Contains(sl.ids, found.ID)
		}
		return nil
	})
}

// Stored returns what the same entry under the same seal was stored as, or ErrNotFound.
func (s *Store) Stored(ctx context.Context, e Entry) (Accepted, error) {
	values, err := json.Marshal(e.Values)
	if err != nil {
		return Accepted{}, fmt.Errorf("look for an entry: %w", err)
	}
	a := Accepted{Repeated: true}
	err = s.Pool.QueryRow(ctx, `SELECT id, reference FROM submission WHERE digest = $1`, s.digest(e, values)).Scan(&a.ID, &a.Reference)
	if errors.Is(err, pgx.ErrNoRows) {
		return Accepted{}, ErrNotFound
	}
	if err != nil {
		return Accepted{}, fmt.Errorf("look for an entry: %w", err)
	}
	a.Token = s.Token(a.ID)
	return a, nil
}

// queueFollowing adds what a submission brings about: the consents given in it, and mail.
func (s *Store) queueFollowing(b *pgx.Batch, sl *slot) error {
	e := sl.entry
	for _, c := range consents(e.Form.Fields, e.Values, e.Seal.Statement, sl.revision, origin(channel(e)), sl.at) {
		consent.AddFor(b, sl.id, e.Email, c)
	}
	if e.Messages == nil {
		return nil
	}
	for _, m := range e.Messages(sl.id, &e) {
		to := ""
		if m.Address == "" {
			to, m.Basis = e.Email, e.Seal.Statement
		}
		if err := s.Mail.AddFor(b, sl.id, to, m, sl.at); err != nil {
			return fmt.Errorf("accept: %w", err)
		}
	}
	return nil
}

// consents returns the choices that were ticked, worded as they were shown. A box left empty is no choice.
func consents(
	fields []form.Field, v form.Values, statement string, revision []byte, from consent.Origin, at time.Time,
) []consent.Event {
	var events []consent.Event
	for _, f := range fields {
		if f.Kind == form.Consent && f.Purpose != "" && v.Has(f.Name, "yes") {
			e := consent.Event{
				Purpose: consent.Purpose(f.Purpose), Channel: consent.Channel(f.Channel), Granted: true, Revision: revision,
				Wording: f.Label, Statement: statement, Origin: from, At: at,
			}
			if e.Channel == consent.ByPhone {
				e.Point = form.Number(fields, v)
			}
			events = append(events, e)
		}
	}
	return events
}

// origin tells who ticked the boxes of a submission that came by a channel: the sender, or staff who were told.
func origin(channel string) consent.Origin {
	if channel == byForm {
		return consent.FromForm
	}
	return consent.FromStaff
}

// byForm is the channel of what came by a page of ours.
const byForm = "form"

func channel(e Entry) string {
	if e.Channel == "" {
		return byForm
	}
	return e.Channel
}

// read is when a record in a status counts as read: as it comes where nothing is asked of staff, else not yet.
func (e Entry) read(status string, at time.Time) *time.Time {
	if e.Asks == nil || e.Asks(status) {
		return nil
	}
	return &at
}

func quarantined(e Entry, at time.Time) *time.Time {
	if e.Quarantine {
		return &at
	}
	return nil
}

// acceptAlone stores one submission in a transaction of its own, which goes on without a sender who left.
func (s *Store) acceptAlone(ctx context.Context, sl *slot) error {
	until, _ := ctx.Deadline()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
	defer cancel()
	if sl.entry.Form.Anonymous {
		return s.acceptAnonymous(ctx, sl)
	}
	if sl.entry.Locked == nil {
		return s.flush(ctx, []*slot{sl})
	}
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := sl.entry.Locked(ctx, tx, &sl.entry); err != nil {
			return err
		}
		b := &pgx.Batch{}
		if err := s.queue(b, sl); err != nil {
			return err
		}
		s.queueStored(b, []*slot{sl})
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	s.Accepted()
	return nil
}

// acceptAnonymous stores an answer that leads to nobody: no person, no source, no event, no message; cut to the day.
// Its nonce is spent in a table that does not refer to it. It counts as indexed from the start: the search would keep
// its words, and the minute in which it indexed them.
func (s *Store) acceptAnonymous(ctx context.Context, sl *slot) error {
	e := sl.entry
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO spent_nonce (nonce, spent_on) VALUES ($1, $2) ON CONFLICT DO NOTHING`, e.Seal.Nonce, sl.at)
		if err != nil || tag.RowsAffected() == 0 {
			sl.stored.Repeated = err == nil
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO submission (id, kind, status, subject_id, subject, reference, created_at, indexed_at, quarantined_at,
				purge_after)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)`,
			sl.id, e.Form.Kind, e.Status, nullable(e.Form.Subject), e.Form.Name, Reference(sl.id), sl.at,
			quarantined(e, sl.at), purgeAfter(e, sl.at)); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
			VALUES ($1, 1, $2, $3, $4, $5, $6)`,
			sl.id, sl.revision, e.Seal.Statement, e.Seal.Lang, string(sl.values), sl.at)
		return err
	})
	if err != nil {
		return fmt.Errorf("accept anonymous answer: %w", err)
	}
	return nil
}
