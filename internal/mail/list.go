package mail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/postgres"
)

// Item is a stored message as staff and the person see it in lists.
type Item struct {
	ID         uuid.UUID
	Person     uuid.NullUUID
	Submission uuid.NullUUID
	Account    uuid.NullUUID
	Purpose    string
	Template   string
	Channel    string
	Basis      string // statement version; empty where none applies
	Address    string
	State      string // queued, sent, failed, withheld, cancelled
	Attempts   int
	NextAt     time.Time
	LastError  string
	CreatedAt  time.Time
	SentAt     *time.Time
	BouncedAt  *time.Time
	Emptied    bool // its words are deleted
	Again      bool // Retry sends it
}

// again is the condition on a message that can be sent again: it failed, or was withheld for a restriction or a legal hold
// that is lifted (the reason is that of the function restrained). What was withheld for lack of another ground lacks it still.
const again = `data <> '{}' AND CASE state
	WHEN 'failed' THEN true
	WHEN 'withheld' THEN last_error = 'the use of the data is restricted' AND restrained(message) IS NULL
	ELSE false END`

const itemColumns = `id, person_id AS person, submission_id AS submission, account_id AS account, purpose, template, channel,
	coalesce(basis, '') AS basis, address, state, attempts, next_at, coalesce(last_error, '') AS last_error,
	created_at, sent_at, bounced_at, data = '{}' AS emptied, coalesce(` + again + `, false) AS again`

// Cursor is a place in a list, newest first; the zero value is its start. The next page starts at the last item.
type Cursor struct {
	At time.Time
	ID uuid.UUID
}

// Failed returns messages that were not delivered (failed or withheld), newest first.
func (q *Queue) Failed(ctx context.Context, before Cursor, limit int) ([]Item, error) {
	start := before.At.IsZero()
	return q.items(ctx, `state IN ('failed', 'withheld') AND ($1 OR (created_at, id) < ($2, $3))
		ORDER BY created_at DESC, id DESC LIMIT $4`, start, before.At, before.ID, limit)
}

// OfPerson returns all messages to a person, newest first.
func (q *Queue) OfPerson(ctx context.Context, person uuid.UUID) ([]Item, error) {
	return q.items(ctx, `person_id = $1 ORDER BY created_at DESC, id DESC`, person)
}

// OfSubmission returns all messages about a submission, oldest first.
func (q *Queue) OfSubmission(ctx context.Context, submission uuid.UUID) ([]Item, error) {
	return q.items(ctx, `submission_id = $1 ORDER BY created_at, id`, submission)
}

func (q *Queue) items(ctx context.Context, where string, args ...any) ([]Item, error) {
	items, err := postgres.Rows[Item](ctx, q.pool, `SELECT `+itemColumns+` FROM message WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	return items, nil
}

// Show returns one message with its words, as they were or will be sent. Where the words are gone (a code that was
// used, a body past its retention) Drawn is empty.
func (q *Queue) Show(ctx context.Context, id uuid.UUID) (Item, Drawn, error) {
	items, err := q.items(ctx, `id = $1`, id)
	if err != nil {
		return Item{}, Drawn{}, err
	}
	if len(items) == 0 {
		return Item{}, Drawn{}, ErrNotFound
	}
	var p pending
	err = q.pool.QueryRow(ctx, `
		SELECT m.person_id, m.template, m.data, c.wording, c.at
		FROM message m
		LEFT JOIN consent c ON c.person_id = m.person_id AND c.purpose = m.purpose AND c.channel = m.channel
		WHERE m.id = $1`, id).Scan(&p.Person, &p.Template, &p.Data, &p.Wording, &p.AgreedAt)
	if err != nil {
		return Item{}, Drawn{}, fmt.Errorf("show message: %w", err)
	}
	return items[0], q.words(ctx, id, p), nil
}

// Secret tells whether what mails by a template say is good for signing in, or opens something: it is for their reader alone.
func (q *Queue) Secret(template string) bool {
	d, ok := q.templates[template]
	return ok && d.Secret
}

// words draws a stored message. One that can't be drawn is listed with the reason; here it has no words.
func (q *Queue) words(ctx context.Context, id uuid.UUID, p pending) Drawn {
	d, ok := q.templates[p.Template]
	if !ok || string(p.Data) == "{}" {
		return Drawn{}
	}
	var drawn Drawn
	data, err := d.decode(p.Data)
	if err == nil {
		data, err = d.filled(ctx, data)
	}
	if err == nil {
		drawn, err = q.Draw(d.Name, data, q.agreed(id, &p))
	}
	if err != nil {
		return Drawn{}
	}
	return drawn
}

// Retry sends a message again that failed or that a restriction withheld which is lifted, now, with all its attempts. Where
// the address counted as dead it is believed anew, else what rests on consent would be withheld; mail that comes back once
// more marks it again. Retry returns ErrNotFound if the message is no such one, and ErrGone if there are no words to send.
func (q *Queue) Retry(ctx context.Context, id uuid.UUID) error {
	queued := false
	err := pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE message SET state = 'queued', attempts = 0, next_at = $2, last_error = NULL, bounced_at = NULL
			WHERE id = $1 AND `+again, id, q.now())
		if queued = tag.RowsAffected() > 0; err != nil || !queued {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE person p SET bounced_at = NULL
			FROM message m WHERE m.id = $1 AND p.id = m.person_id AND p.email = m.address AND p.bounced_at IS NOT NULL`, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("retry message: %w", err)
	}
	if queued {
		return nil
	}
	var failed bool
	err = q.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM message WHERE id = $1 AND state = 'failed')`, id).Scan(&failed)
	switch {
	case err != nil:
		return fmt.Errorf("retry message: %w", err)
	case failed:
		return ErrGone
	}
	return ErrNotFound
}

// Subscription is what an unsubscribe link ends.
type Subscription struct {
	Message uuid.UUID
	Person  uuid.UUID
	Purpose string
	Channel string
	Address string
}

// Unsubscribe returns what the token of an unsubscribe link stands for; the token is the authority and never expires.
// It returns key.ErrForged for a token that is not ours, and ErrNotFound where erasure took the message: then there is
// nothing left to end.
func (q *Queue) Unsubscribe(ctx context.Context, token string) (Subscription, error) {
	id, err := q.keys.ParseToken(unsubscribePurpose, token)
	if err != nil {
		return Subscription{}, err
	}
	s, err := postgres.Row[Subscription](ctx, q.pool, `
		SELECT id AS message, person_id AS person, purpose, channel, address
		FROM message WHERE id = $1 AND person_id IS NOT NULL`, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return Subscription{}, ErrNotFound
	}
	if err != nil {
		return Subscription{}, fmt.Errorf("find subscription: %w", err)
	}
	return s, nil
}

// Compare says how the templates known here differ from table mail_template: a difference means that some message
// can't be stored, or not be drawn. Nil means that they agree.
func (q *Queue) Compare(ctx context.Context) error {
	rows, err := q.pool.Query(ctx, `SELECT name, purpose FROM mail_template`)
	if err != nil {
		return fmt.Errorf("compare templates: %w", err)
	}
	stored := map[string]string{}
	var name, purpose string
	_, err = pgx.ForEachRow(rows, []any{&name, &purpose}, func() error {
		stored[name] = purpose
		return nil
	})
	if err != nil {
		return fmt.Errorf("compare templates: %w", err)
	}
	var differ []error
	for name, d := range q.templates {
		if stored[name] != d.Purpose {
			differ = append(differ, fmt.Errorf("template %s: purpose %q here, %q in the database", name, d.Purpose, stored[name]))
		}
	}
	for name := range stored {
		if _, ok := q.templates[name]; !ok {
			differ = append(differ, fmt.Errorf("template %s is in the database only", name))
		}
	}
	return errors.Join(differ...)
}
