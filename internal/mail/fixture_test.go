package mail_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/mail/mailtest"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

const statement = "v1"

// clock is time that passes when told.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a database with a statement in force, a mail server and a queue between them.
type world struct {
	*testing.T
	pool   *pgxpool.Pool
	server *mailtest.Server
	clock  *clock
	config mail.Config
	queue  *mail.Queue
}

// newWorld knows one template more than the database came with: "digest", of purpose newsletter, drawn by the files
// of confirm.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		T: t, pool: pgtest.New(t), server: mailtest.Serve(t),
		clock: &clock{now: time.Date(2026, time.November, 23, 15, 0, 0, 0, time.UTC)},
	}
	w.config = mailtest.Config(t, w.pool, w.server.URL+"?starttls=off", mail.Core()...)
	w.config.Now = w.clock.Now
	files := withDigest(t, w.config.Files)
	w.config.Files = files
	w.config.Templates = append(w.config.Templates,
		mail.Template{Name: "digest", Purpose: "newsletter", Data: mail.Confirm{}})
	w.queue = mailtest.New(t, w.config)
	w.exec(`INSERT INTO statement_version (id, effective_on, title, summary, body, digest, published_at)
		VALUES ($1, '2026-01-01', '', '', '', '', $2)`, statement, w.clock.Now())
	w.exec(`INSERT INTO statement_use (version, activity, purpose, data, recipient, retention, basis)
		VALUES ($1, 'contact', 'service', '{email address}', 'own department', 'a year', 'your request')`, statement)
	if _, err := pgtest.Admin(t, w.pool).Exec(t.Context(),
		`INSERT INTO mail_template (name, purpose) VALUES ('digest', 'newsletter')`); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) exec(sql string, args ...any) {
	w.Helper()
	if _, err := w.pool.Exec(context.WithoutCancel(w.Context()), sql, args...); err != nil {
		w.Fatal(err)
	}
}

// person stores a confirmed address.
func (w *world) person(email string) uuid.UUID {
	w.Helper()
	id := newID(w)
	w.exec(`INSERT INTO person (id, email, address_hmac, created_at, verified_at) VALUES ($1, $2, $3, $4, $4)`,
		id, email, []byte(email), w.clock.Now())
	return id
}

func (w *world) submission(person uuid.UUID) uuid.UUID {
	w.Helper()
	id := newID(w)
	w.exec(`INSERT INTO submission (id, person_id, kind, status, reference, created_at, purge_after)
		VALUES ($1, $2, 'contact', 'new', 'R', $3, '2030-01-01')`, id, person, w.clock.Now())
	w.exec(`INSERT INTO form_revision (digest, kind, fields, wording, lang, created_at)
		VALUES ('\x00', 'contact', '[]', '{}', 'en', $1) ON CONFLICT DO NOTHING`, w.clock.Now())
	w.exec(`INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
		VALUES ($1, 1, '\x00', $2, 'en', '{}', $3)`, id, statement, w.clock.Now())
	return id
}

// choose appends to the ledger.
func (w *world) choose(person uuid.UUID, granted bool) {
	w.Helper()
	w.exec(`INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
		VALUES ($1, 'newsletter', 'email', $2, 'Send me the monthly newsletter by email.', $3, 'preferences', $4)`,
		person, granted, statement, w.clock.Now())
}

// letter adds a message about a record to its sender and returns its id.
func (w *world) letter(person uuid.UUID, to string) uuid.UUID {
	w.Helper()
	return w.add(w.about(mail.Message{
		Person: valid(person), Template: "letter", Address: to, Data: mail.Letter{Subject: "Words", Paragraphs: []string{"Hi."}},
	}))
}

// about lets a message be about a record of its person.
func (w *world) about(m mail.Message) mail.Message {
	w.Helper()
	m.Submission, m.Basis = valid(w.submission(m.Person.UUID)), statement
	return m
}

// digest adds a message that needs consent.
func (w *world) digest(person uuid.UUID, to string) uuid.UUID {
	w.Helper()
	return w.add(mail.Message{
		Person: valid(person), Template: "digest", Address: to, Data: mail.Confirm{What: "news", Wording: "w", URL: "/news"},
	})
}

func (w *world) add(m mail.Message) uuid.UUID {
	w.Helper()
	m.ID = newID(w)
	if err := w.insert(m); err != nil {
		w.Fatal(err)
	}
	return m.ID
}

func (w *world) insert(m mail.Message) error {
	w.Helper()
	return pgx.BeginFunc(w.Context(), w.pool, func(tx pgx.Tx) error { return w.queue.Insert(w.Context(), tx, m) })
}

func (w *world) drain() {
	w.Helper()
	if err := w.queue.Drain(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// row is what tests compare of a stored message.
type row struct {
	State    string
	Attempts int
	Error    string
	Bounced  bool
	Data     json.RawMessage
	NextAt   time.Time
}

func (w *world) row(id uuid.UUID) row {
	w.Helper()
	var r row
	err := w.pool.QueryRow(w.Context(), `
		SELECT state, attempts, coalesce(last_error, ''), bounced_at IS NOT NULL, data, next_at FROM message WHERE id = $1`,
		id).Scan(&r.State, &r.Attempts, &r.Error, &r.Bounced, &r.Data, &r.NextAt)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// state is row without what most tests don't look at.
func (w *world) state(id uuid.UUID) row {
	w.Helper()
	r := w.row(id)
	return row{State: r.State, Attempts: r.Attempts, Error: r.Error, Bounced: r.Bounced}
}

func (w *world) personBounced(id uuid.UUID) bool {
	w.Helper()
	var bounced bool
	if err := w.pool.QueryRow(w.Context(), `SELECT bounced_at IS NOT NULL FROM person WHERE id = $1`, id).Scan(&bounced); err != nil {
		w.Fatal(err)
	}
	return bounced
}

func valid(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: true} }

func newID(t testing.TB) uuid.UUID {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// overlay copies files and adds or replaces some.
func overlay(t testing.TB, files fs.FS, more map[string]string) fs.FS {
	t.Helper()
	all := fstest.MapFS{}
	names, err := fs.Glob(files, "*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: raw}
	}
	for name, text := range more {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

func withDigest(t testing.TB, files fs.FS) fs.FS {
	t.Helper()
	more := map[string]string{}
	for _, end := range []string{".txt", ".html"} {
		raw, err := fs.ReadFile(files, "confirm"+end)
		if err != nil {
			t.Fatal(err)
		}
		more["digest"+end] = string(raw)
	}
	return overlay(t, files, more)
}
