package announce

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/postgres"
)

// Send begins what is due and goes on with what is being sent, until the queue of mails holds enough or nobody is left.
// It may be cut off anywhere, and several may run at once.
func (r *Room) Send(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	open, err := postgres.Rows[struct {
		ID      uuid.UUID       `db:"id"`
		Purpose consent.Purpose `db:"purpose"`
	}](ctx, r.desk.Pool, `SELECT id, purpose FROM announcement WHERE state = $1 ORDER BY started_at, id`, sending)
	if err != nil {
		return fmt.Errorf("list what is being sent: %w", err)
	}
	for _, a := range open {
		if err := r.sendOne(ctx, a.ID, templateOf(a.Purpose)); err != nil {
			return err
		}
	}
	return nil
}

// begin takes what is scheduled and due into sending. An issue of the newsletter gets its public page.
func (r *Room) begin(ctx context.Context) error {
	now := r.desk.Now()
	due, err := postgres.Rows[announcement](ctx, r.desk.Pool,
		`SELECT `+columns+from+`WHERE n.state = $1 AND n.send_at <= $2 ORDER BY n.send_at, n.id`, scheduled, now)
	if err != nil {
		return fmt.Errorf("list what is due: %w", err)
	}
	for _, a := range due {
		slug, err := r.slugOf(ctx, a)
		if err != nil {
			return err
		}
		_, err = r.desk.Pool.Exec(ctx, `
			UPDATE announcement SET state = $3, started_at = $4, slug = $5, version = version + 1
			WHERE id = $1 AND state = $2 AND version = $6`, a.ID, scheduled, sending, now, slug, a.Version)
		if err != nil {
			return fmt.Errorf("begin to send: %w", err)
		}
	}
	return nil
}

// maxRefused is how often in a row a batch is made anew because somebody in it withdrew while it was written.
const maxRefused = 10

// sendOne queues batch after batch, as long as not too many mails of that kind wait.
func (r *Room) sendOne(ctx context.Context, id uuid.UUID, template string) error {
	for refused := 0; ; {
		crowded, err := r.desk.Mail.Crowded(ctx, template, r.ahead)
		if err != nil || crowded {
			return err
		}
		more, err := r.sendBatch(ctx, id)
		if errors.Is(err, mail.ErrRefused) && refused < maxRefused {
			refused++
			continue
		}
		if err != nil {
			return fmt.Errorf("send announcement %s: %w", id, err)
		}
		if !more {
			return nil
		}
		refused = 0
	}
}

// recipient is somebody who may get an announcement.
type recipient struct {
	Person    uuid.UUID `db:"person_id"`
	Address   string    `db:"address"`
	Statement string    `db:"statement_version"`
}

// sendBatch queues the messages to the next people and moves on, in one transaction. Its row lock keeps out pause, stop
// and a second sender for so long.
func (r *Room) sendBatch(ctx context.Context, id uuid.UUID) (more bool, err error) {
	err = pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		a, err := get(ctx, tx, id, "FOR UPDATE OF n")
		if err != nil || a.State != sending {
			return err
		}
		n, last, err := r.queue(ctx, tx, a)
		if err != nil {
			return err
		}
		if more = n == r.batch; n > 0 {
			_, err := tx.Exec(ctx, `UPDATE announcement SET reached = $2, queued = queued + $3 WHERE id = $1`, id, last, n)
			return err
		}
		return r.end(ctx, tx, id)
	})
	return more, err
}

// queue writes the messages of the next people in the order of their ids, as role site_marketing.
func (r *Room) queue(ctx context.Context, tx pgx.Tx, a announcement) (n int, last uuid.UUID, err error) {
	err = postgres.MarketingIn(ctx, tx, func(tx pgx.Tx) error {
		people, err := postgres.Rows[recipient](ctx, tx, `
			SELECT person_id, address, statement_version`+audience+` AND `+fits+` AND person_id > $6 ORDER BY person_id LIMIT $7`,
			append(a.filter(), a.Reached, r.batch)...)
		if err != nil || len(people) == 0 {
			return err
		}
		b, now := &pgx.Batch{}, r.desk.Now()
		for _, p := range people {
			if err := r.desk.Mail.Add(b, message(a, p), now); err != nil {
				return err
			}
		}
		n, last = len(people), people[len(people)-1].Person
		return mail.Refused(tx.SendBatch(ctx, b).Close())
	})
	return n, last, err
}

func message(a announcement, p recipient) mail.Message {
	return mail.Message{
		// The id follows from both, so that a second message to the same person has no place in the table.
		ID: uuid.NewSHA1(a.ID, p.Person[:]), Person: uuid.NullUUID{UUID: p.Person, Valid: true}, Template: templateOf(a.Purpose),
		Address: p.Address, Basis: p.Statement, Data: Letter{Announcement: a.ID},
	}
}

// waiting are the messages of announcement $1, of purpose $2, that have not left and are not just leaving.
const waiting = ` WHERE state = 'queued' AND purpose = $2 AND data ->> 'announcement' = $1::text AND (attempts = 0 OR last_error IS NOT NULL)`

// end closes an announcement once nobody is left and every mail was tried. Until then it can still be stopped.
func (r *Room) end(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		UPDATE announcement n SET state = $2, ended_at = $3, reached = DEFAULT WHERE id = $1 AND NOT EXISTS (
			SELECT FROM message m WHERE m.state = 'queued' AND m.attempts = 0 AND m.purpose = n.purpose
				AND m.data ->> 'announcement' = n.id::text)`, id, sent, r.desk.Now())
	return err
}

// far is for how long the mails of a paused announcement are put off; resuming brings them back.
const far = 100 * 365 * 24 * time.Hour

// pause keeps back what has not left.
func (r *Room) pause(ctx context.Context, tx pgx.Tx, a announcement) error {
	return r.putOff(ctx, tx, a, paused, r.desk.Now().Add(far))
}

// resume goes on where the sending was.
func (r *Room) resume(ctx context.Context, tx pgx.Tx, a announcement) error {
	return r.putOff(ctx, tx, a, sending, r.desk.Now())
}

func (r *Room) putOff(ctx context.Context, tx pgx.Tx, a announcement, state string, until time.Time) error {
	if _, err := tx.Exec(ctx, `UPDATE announcement SET state = $2 WHERE id = $1`, a.ID, state); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE message SET next_at = $3`+waiting, a.ID.String(), a.Purpose, until)
	return err
}

// stop ends it for good: what has not left never does, an issue's public page goes, and so does a list.
func (r *Room) stop(ctx context.Context, tx pgx.Tx, a announcement) error {
	taken, err := tx.Exec(ctx, `UPDATE message SET state = 'cancelled', data = '{}'`+waiting, a.ID.String(), a.Purpose)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		UPDATE announcement SET state = $2, ended_at = $3, reached = DEFAULT, queued = queued - $4 WHERE id = $1`,
		a.ID, stopped, r.desk.Now(), taken.RowsAffected())
	return err
}

// still counts the mails of an announcement that have not left, up to stillShown; more tells that there are more.
func (r *Room) still(ctx context.Context, a announcement) (n int, more bool, err error) {
	err = r.desk.Pool.QueryRow(ctx, `
		SELECT count(*) FROM (SELECT FROM message`+waiting+` LIMIT $3) m`, a.ID.String(), a.Purpose, stillShown+1).Scan(&n)
	if err != nil {
		return 0, false, fmt.Errorf("count the mails of an announcement: %w", err)
	}
	return min(n, stillShown), n > stillShown, nil
}

const stillShown = 10_000

// backToDraft takes the schedule away.
func (r *Room) backToDraft(ctx context.Context, tx pgx.Tx, a announcement) error {
	_, err := tx.Exec(ctx, `UPDATE announcement SET state = $2, send_at = NULL WHERE id = $1`, a.ID, draft)
	return err
}

// schedule sends it at a time, or makes the list of calls or letters now.
func (r *Room) schedule(ctx context.Context, tx pgx.Tx, a announcement, at time.Time) error {
	if a.ByMail() {
		_, err := tx.Exec(ctx, `UPDATE announcement SET state = $2, send_at = $3 WHERE id = $1`, a.ID, scheduled, at)
		return err
	}
	now := r.desk.Now()
	_, err := tx.Exec(ctx, `
		UPDATE announcement SET state = $2, started_at = $3, ended_at = $3, list_until = $4 WHERE id = $1`,
		a.ID, sent, now, now.Add(listLasts))
	return err
}
