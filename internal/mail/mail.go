// Package mail writes to people and to inboxes: messages, their templates, sending, bounces, one-click unsubscribe.
//
// A row of table message is a mail to be sent, being sent, or sent; there is no other queue. Rooms add messages in the
// transaction that gives the reason for them, so a message exists exactly if its reason does. Drain sends what is due.
//
// What it promises:
//
//   - A message without its ground (P-6, P-18) is neither stored nor sent: the database refuses it when it is added
//     (ErrRefused) and is asked again right before sending; withdrawn in between means withheld.
//   - At least once: a crash between sending and marking repeats a mail, under the same Message-ID. Several drainers
//     never send the same message at the same time.
//   - What answers somebody leaves before what goes to very many, however much of that waits.
//   - A template serves one purpose, written down in Go, in table mail_template and nowhere else.
//   - No header can be injected: subjects are one line by construction, addresses are parsed, not pasted.
//   - Errors and logs name ids and codes, never an address or a word of a message.
package mail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	netmail "net/mail"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/postgres"
)

var (
	// ErrRefused says that a message lacks its ground; the error's text holds the reason, which names no person.
	ErrRefused = errors.New("mail: refused")
	// ErrLeft says that a message can't be cancelled any more: it was sent, is being sent, or was cancelled.
	ErrLeft = errors.New("mail: message has left")
	// ErrNotFound says that no such message is stored (or that erasure took it).
	ErrNotFound = errors.New("mail: no such message")
	// ErrGone says that a message can't be sent again: its words are deleted.
	ErrGone = errors.New("mail: the words of the message are gone")
)

// Identity is who writes. Every mail names it.
type Identity struct {
	Name, LegalName string
	Address         []string        // postal, one line each
	From            netmail.Address // sender of every mail; reports of what did not arrive come back to it
	PublicURL       string          // how the world reaches the site; all links start with it
	PrivacyEmail    string
}

// Config is what a Queue needs. Optional fields say so.
type Config struct {
	Pool      *pgxpool.Pool
	Keys      *key.Ring
	Files     fs.FS      // the folder web/mail
	Templates []Template // Core and those of the rooms
	Identity  Identity
	SMTP      string           // SMTP_URL; empty: mails are written as .eml files into Dir
	Relay     bool             // the server of SMTP is run by another company
	Dir       string           // folder of .eml files, made when first needed
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: silent
}

// Queue adds, sends and finds messages. It is safe for concurrent use.
type Queue struct {
	pool      *pgxpool.Pool
	keys      *key.Ring
	templates map[string]*drawer
	identity  Identity
	base      *url.URL
	transport transport
	relay     bool // what transport takes is handed to another company
	dir       string
	now       func() time.Time
	log       *slog.Logger
}

// New parses all templates and the configuration. It returns an error if a template lacks a file, an address or URL is
// unusable, or two templates share a name.
func New(c Config) (*Queue, error) {
	q := &Queue{pool: c.Pool, keys: c.Keys, identity: c.Identity, relay: c.Relay, dir: c.Dir, now: c.Now, log: c.Log}
	var err error
	if q.base, err = url.Parse(strings.TrimSuffix(c.Identity.PublicURL, "/")); err != nil || q.base.Host == "" {
		return nil, errors.New("mail: PUBLIC_URL is not an absolute URL")
	}
	q.identity.PublicURL = q.base.String()
	if _, err := netmail.ParseAddress(c.Identity.From.String()); err != nil {
		return nil, fmt.Errorf("mail: sender: %w", err)
	}
	if q.transport, err = newTransport(c.SMTP, c.Dir, q.base.Hostname()); err != nil {
		return nil, err
	}
	if q.templates, err = parse(c.Files, c.Templates, q.base); err != nil {
		return nil, err
	}
	if q.now == nil {
		q.now = time.Now
	}
	if q.log == nil {
		q.log = slog.New(slog.DiscardHandler)
	}
	return q, nil
}

// Message is a mail to be sent.
type Message struct {
	ID         uuid.UUID     // made when zero; set it to cancel the message later
	Person     uuid.NullUUID // whom it is for; none for internal ones
	Submission uuid.NullUUID // what it is about
	Account    uuid.NullUUID
	Template   string    // name of a Template; the purpose follows from it
	Address    string    // where it goes
	Data       any       // of the type that the template declares
	Basis      string    // statement version under which the data it uses was collected
	NotBefore  time.Time // zero: at once
}

const insert = `
	INSERT INTO message (id, person_id, submission_id, account_id, purpose, template, basis, address, data, next_at, created_at, bulk)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`

// insertFor finds the person by address and writes nothing where the submission was not stored: the second sending of
// the same form adds no second answer.
const insertFor = `
	INSERT INTO message (id, person_id, submission_id, account_id, purpose, template, basis, address, data, next_at, created_at, bulk)
	SELECT $1::uuid, coalesce($2::uuid, (SELECT p.id FROM person p WHERE p.email = $13::text)), $3::uuid, $4::uuid, $5::text,
		$6::text, $7::text, $8::text, $9::jsonb, $10::timestamptz, $11::timestamptz, $12::boolean
	WHERE EXISTS (SELECT FROM submission s WHERE s.id = $3::uuid)`

// Add queues the insertion of m, created at the given time, into b. It returns an error, and queues nothing, if the
// template is unknown or the data is not of its type. A refusal shows when the batch runs: see Refused.
func (q *Queue) Add(b *pgx.Batch, m Message, at time.Time) error {
	args, err := q.row(m, at)
	if err != nil {
		return err
	}
	b.Queue(insert, args...)
	return nil
}

// AddFor is Add for a message about a submission that the same batch writes: nothing is added where the submission was
// not stored. A message without Person goes to the person of that email address, unless email is empty (messages to
// inboxes); one without Address goes to email.
func (q *Queue) AddFor(b *pgx.Batch, submission uuid.UUID, email string, m Message, at time.Time) error {
	m.Submission = uuid.NullUUID{UUID: submission, Valid: true}
	if m.Address == "" {
		m.Address = email
	}
	args, err := q.row(m, at)
	if err != nil {
		return err
	}
	var who *string
	if email != "" {
		who = &email
	}
	b.Queue(insertFor, append(args, who)...)
	return nil
}

// Insert adds m now, within tx. It returns ErrRefused if the message lacks its ground; the transaction is then void.
// It needs nothing but the right to insert messages, so it serves inside postgres.AsMarketing too.
func (q *Queue) Insert(ctx context.Context, tx pgx.Tx, m Message) error {
	args, err := q.row(m, q.now())
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insert, args...); err != nil {
		return Refused(fmt.Errorf("add message: %w", err))
	}
	return nil
}

// Refused turns the error of a batch that held a refused message into ErrRefused with the reason. It returns any
// other error as it is.
func Refused(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.ConstraintName == "message_gate" {
		return fmt.Errorf("%w: %s", ErrRefused, strings.TrimPrefix(pg.Message, "message refused: "))
	}
	return err
}

func (q *Queue) row(m Message, at time.Time) ([]any, error) {
	d, ok := q.templates[m.Template]
	if !ok {
		return nil, fmt.Errorf("mail: no template %q", m.Template)
	}
	if got, want := reflect.TypeOf(m.Data), reflect.TypeOf(d.Data); got != want {
		return nil, fmt.Errorf("mail: template %s draws %v, not %v", m.Template, want, got)
	}
	if m.Address == "" {
		return nil, fmt.Errorf("mail: message by template %s has no address", m.Template)
	}
	data, err := json.Marshal(m.Data)
	if err != nil {
		return nil, fmt.Errorf("mail: data of template %s: %w", m.Template, err)
	}
	if m.ID == uuid.Nil {
		if m.ID, err = uuid.NewV7(); err != nil {
			return nil, fmt.Errorf("mail: make id: %w", err)
		}
	}
	next := at
	if m.NotBefore.After(at) {
		next = m.NotBefore
	}
	var basis *string
	if m.Basis != "" {
		basis = &m.Basis
	}
	return []any{
		m.ID, m.Person, m.Submission, m.Account, d.Purpose, m.Template, basis, m.Address, withoutNUL(data), next, at, d.bulk(),
	}, nil
}

// Fresh gives m, whose id its page made, another one where a message has that which was cancelled or says something else:
// browsers bring a page back that was used. It tells whether m itself is stored, since somebody pressed twice; links are
// not compared, for they may hold when they were made.
func (q *Queue) Fresh(ctx context.Context, m *Message) (stored bool, err error) {
	data, err := json.Marshal(m.Data)
	if err != nil {
		return false, fmt.Errorf("mail: data of template %s: %w", m.Template, err)
	}
	for {
		err := q.pool.QueryRow(ctx, `
			SELECT state <> 'cancelled' AND template = $2 AND data - 'URL' = $3::jsonb - 'URL' FROM message WHERE id = $1`,
			m.ID, m.Template, withoutNUL(data)).Scan(&stored)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("find message: %w", err)
		case stored:
			return true, nil
		}
		m.ID = uuid.NewSHA1(m.ID, nil) // the same for each of two clicks
	}
}

// withoutNUL drops the one character that JSON can hold and Postgres can't.
func withoutNUL(data []byte) string {
	var b strings.Builder
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			b.WriteByte(data[i])
			continue
		}
		if bytes.HasPrefix(data[i:], []byte(`\u0000`)) {
			i += len(`\u0000`) - 1
			continue
		}
		b.Write(data[i : i+2]) // an escaped character, perhaps a backslash
		i++
	}
	return b.String()
}

// A message under its lease is queued, was tried, and has no error yet: that one is on its way and can't be stopped.
const cancellable = `state = 'queued' AND (attempts = 0 OR last_error IS NOT NULL)`

// Cancel stops a message that has not left (the Undo of a letter). It returns ErrLeft if it is too late.
func (q *Queue) Cancel(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	tag, err := tx.Exec(ctx, `UPDATE message SET state = 'cancelled', data = '{}' WHERE id = $1 AND `+cancellable, id)
	if err != nil {
		return fmt.Errorf("cancel message: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrLeft
	}
	return nil
}

// CancelAbout stops all messages about a submission that have not left: it was withdrawn.
func (q *Queue) CancelAbout(ctx context.Context, tx pgx.Tx, submission uuid.UUID) error {
	return q.cancelAbout(ctx, tx, submission, nil)
}

// CancelOf stops the messages of some templates about a submission that have not left, since what they say is over, and
// returns the templates of those that it stopped. Those that failed or were withheld are among them, since Retry would send
// them; they keep their words, which a legal hold may need.
func (q *Queue) CancelOf(ctx context.Context, tx pgx.Tx, submission uuid.UUID, templates ...string) ([]string, error) {
	stopped, err := postgres.Column[string](ctx, tx, `
		UPDATE message SET state = 'cancelled', data = CASE state WHEN 'queued' THEN '{}' ELSE data END
		WHERE submission_id = $1 AND template = ANY ($2) AND (`+cancellable+` OR state IN ('failed', 'withheld'))
		RETURNING template`, submission, templates)
	if err != nil {
		return nil, fmt.Errorf("cancel messages: %w", err)
	}
	return stopped, nil
}

// SuspendAbout stops the messages about a submission that is set apart, but for those that a person decided to send: they
// wait for ReleaseAbout. The others are made by what happens, and may be out of date by then.
func (q *Queue) SuspendAbout(ctx context.Context, tx pgx.Tx, submission uuid.UUID) error {
	var byHand []string
	for name, d := range q.templates {
		if d.ByHand {
			byHand = append(byHand, name)
		}
	}
	return q.cancelAbout(ctx, tx, submission, byHand)
}

func (q *Queue) cancelAbout(ctx context.Context, tx pgx.Tx, submission uuid.UUID, but []string) error {
	_, err := tx.Exec(ctx, `UPDATE message SET state = 'cancelled', data = '{}'
		WHERE submission_id = $1 AND NOT template = ANY (coalesce($2::text[], '{}')) AND `+cancellable, submission, but)
	if err != nil {
		return fmt.Errorf("cancel messages: %w", err)
	}
	return nil
}

// Stopped returns the templates whose last message about a submission was stopped before it left.
func (q *Queue) Stopped(ctx context.Context, tx pgx.Tx, submission uuid.UUID) ([]string, error) {
	templates, err := postgres.Column[string](ctx, tx, `
		SELECT template FROM (
			SELECT DISTINCT ON (template) template, state FROM message WHERE submission_id = $1
			ORDER BY template, created_at DESC, id DESC) AS last
		WHERE state = 'cancelled'`, submission)
	if err != nil {
		return nil, fmt.Errorf("read messages that were stopped: %w", err)
	}
	return templates, nil
}

// apart is why a message waits about a submission that was set apart after it was stored.
const apart = "the submission is set apart"

// ReleaseAbout lets leave what waited because a submission was set apart, and returns the templates of all that was ever
// stored about it and not cancelled.
func (q *Queue) ReleaseAbout(ctx context.Context, tx pgx.Tx, submission uuid.UUID) ([]string, error) {
	if _, err := tx.Exec(ctx, `
		UPDATE message SET next_at = $2, last_error = NULL
		WHERE submission_id = $1 AND state = 'queued' AND last_error = $3`, submission, q.now(), apart); err != nil {
		return nil, fmt.Errorf("release messages: %w", err)
	}
	templates, err := postgres.Column[string](ctx, tx, `
		SELECT DISTINCT template FROM message WHERE submission_id = $1 AND state <> 'cancelled'`, submission)
	if err != nil {
		return nil, fmt.Errorf("read messages about a submission: %w", err)
	}
	return templates, nil
}
