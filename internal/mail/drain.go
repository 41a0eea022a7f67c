package mail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	gomail "github.com/wneessen/go-mail"

	"clickcommerce.com/site/internal/postgres"
)

const (
	// batch is how many messages a drainer takes at once.
	batch = 20
	// lease is how long they are its own; after a crash others take them when it ends.
	lease = 5 * time.Minute
	// maxAttempts is the first one and one after each wait of backoff.
	maxAttempts = 7
	// settleTimeout bounds writing down what became of a mail.
	settleTimeout = 10 * time.Second
)

// backoff is the wait after each attempt that failed for now; after the last one the message has failed.
func backoff(attempts int) (wait time.Duration, again bool) {
	waits := [maxAttempts - 1]time.Duration{
		time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	}
	if attempts >= maxAttempts {
		return 0, false
	}
	return waits[attempts-1], true
}

// claim names a message under lease. attempts is the fence: whoever takes the message after us raises it, and what we
// then write about it finds no row.
type claim struct {
	ID       uuid.UUID
	Attempts int
	Reason   *string // why the attempt before failed, if there was one
}

// Drain sends all messages that are due, and returns when none is left. What becomes of a single message is written
// to its row; Drain returns an error only when the database can't be reached, the mail server can't or takes no mail of ours,
// or ctx is cancelled. Any number of drainers may run at once, in any number of processes.
func (q *Queue) Drain(ctx context.Context) error {
	for {
		until := q.now().Add(lease)
		claims, err := q.claim(ctx, until)
		if err != nil {
			return fmt.Errorf("claim messages: %w", err)
		}
		if len(claims) == 0 {
			return nil
		}
		err = q.sendAll(ctx, claims, until)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) { // the run's own time is over: the next one goes on
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// claim takes what goes to very many only while nothing else is due.
func (q *Queue) claim(ctx context.Context, until time.Time) ([]claim, error) {
	for _, bulk := range []bool{false, true} {
		if claims, err := q.claimDue(ctx, bulk, until); err != nil || len(claims) > 0 {
			return claims, err
		}
	}
	return nil, nil
}

const claimDue = `
	WITH due AS MATERIALIZED (
		SELECT id, last_error FROM message
		WHERE state = 'queued' AND channel = 'email' AND bulk = $1 AND next_at <= $2
		ORDER BY next_at LIMIT $3 FOR UPDATE SKIP LOCKED
	)
	UPDATE message m SET next_at = $4, attempts = m.attempts + 1, last_error = NULL
	FROM due WHERE m.id = due.id
	RETURNING m.id, m.attempts, due.last_error AS reason`

func (q *Queue) claimDue(ctx context.Context, bulk bool, until time.Time) ([]claim, error) {
	return postgres.Rows[claim](ctx, q.pool, claimDue, bulk, q.now(), batch, until)
}

// sendAll sends what was claimed. What it can't come to before the lease ends, or because ctx does, it gives back.
func (q *Queue) sendAll(ctx context.Context, claims []claim, until time.Time) error {
	server := &connection{transport: q.transport}
	defer server.close()
	for i, c := range claims {
		if ctx.Err() != nil || q.now().Add(2*sendTimeout).After(until) { // a session may have to be opened
			return errors.Join(ctx.Err(), q.giveBack(ctx, q.now(), claims[i:]))
		}
		m, d, err := q.ready(ctx, c)
		if err != nil {
			return errors.Join(err, q.giveBack(ctx, q.now(), claims[i:]))
		}
		if m == nil {
			continue
		}
		if err := server.open(ctx); err != nil {
			return errors.Join(err, q.unreachable(ctx, claims[i:], whyUnreachable(err)))
		}
		sent := server.session.send(c.ID.String(), m)
		if unwelcome(sent) {
			return errors.Join(sent, q.unreachable(ctx, claims[i:], sent.Error()))
		}
		if err := q.settle(ctx, c, d, sent); err != nil {
			return err
		}
		if broken(sent) {
			server.close()
		}
	}
	return nil
}

// unreachable puts off the first of the messages, since no mail can leave, and gives back the others for the next drain: one
// failed call says enough. Where ctx ended the call, it says nothing of the server.
func (q *Queue) unreachable(ctx context.Context, claims []claim, reason string) error {
	if ctx.Err() != nil {
		return q.giveBack(ctx, q.now(), claims)
	}
	return errors.Join(q.later(ctx, claims[0], reason), q.giveBack(ctx, q.now(), claims[1:]))
}

// pending is what is read of a message right before it is sent.
type pending struct {
	Person   uuid.NullUUID
	Purpose  string
	Template string
	Address  string
	Data     []byte
	Refused  *string
	Apart    bool // the submission it is about was set apart since
	Wording  *string
	AgreedAt *time.Time
}

// pending asks the gate once more, as of now: what was agreed to, and the version of the statement in force, may have changed
// since the message was stored. Where another company carries the mail, it asks whether a statement said so to the person. It
// returns nothing where the message was cancelled, erased or taken over.
func (q *Queue) pending(ctx context.Context, db postgres.Reader, c claim, relay bool) ([]pending, error) {
	list, err := postgres.Rows[pending](ctx, db, `
		SELECT m.person_id AS person, m.purpose, m.template, m.address, m.data,
			coalesce(may_send(jsonb_populate_record(m, jsonb_build_object('created_at', $3::timestamptz))), restrained(m),
				CASE WHEN $4 THEN may_hand_over(m, $3) END,
				CASE WHEN c.in_force AND p.bounced_at IS NOT NULL THEN 'mail to the address came back' END)
				AS refused,
			coalesce(s.quarantined_at >= m.created_at, false) AS apart, c.wording, c.at AS agreed_at
		FROM message m
		LEFT JOIN person p ON p.id = m.person_id
		LEFT JOIN submission s ON s.id = m.submission_id
		LEFT JOIN consent c ON c.person_id = m.person_id AND c.purpose = m.purpose AND c.channel = m.channel
		WHERE m.id = $1 AND m.state = 'queued' AND m.attempts = $2`, c.ID, c.Attempts, q.now(), relay)
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	return list, nil
}

// WouldLeave takes a message within a transaction as a drainer does, and asks what that asks right before it sends: whether
// the message leaves, by whosever computer. The caller rolls the transaction back; else the message counts as on its way.
func (q *Queue) WouldLeave(ctx context.Context, tx pgx.Tx, id uuid.UUID) (bool, error) {
	c := claim{ID: id}
	err := tx.QueryRow(ctx, `UPDATE message SET attempts = attempts + 1 WHERE id = $1 RETURNING attempts`, id).Scan(&c.Attempts)
	if err != nil {
		return false, fmt.Errorf("claim message: %w", err)
	}
	list, err := q.pending(ctx, tx, c, false)
	return len(list) == 1 && list[0].Refused == nil, err
}

// ready draws a mail that may leave. It returns no mail where there is none to send: then the row says why. Its error is that
// of the database.
func (q *Queue) ready(ctx context.Context, c claim) (*gomail.Msg, *drawer, error) {
	list, err := q.pending(ctx, q.pool, c, q.relay)
	if err != nil || len(list) == 0 {
		return nil, nil, err
	}
	p := &list[0]
	if p.Refused != nil {
		return nil, nil, q.close(ctx, c, "withheld", *p.Refused)
	}
	if p.Apart {
		reason := apart
		c.Reason = &reason
		return nil, nil, q.giveBack(ctx, q.now().Add(lookAgain), []claim{c})
	}
	if c.Attempts > maxAttempts {
		return nil, nil, q.close(ctx, c, "failed", "given up: every attempt was cut off")
	}
	d, ok := q.templates[p.Template]
	if !ok { // a newer program beside this one may
		return nil, nil, q.later(ctx, c, "this version knows no template "+p.Template)
	}
	data, err := d.decode(p.Data)
	if err != nil {
		return nil, nil, q.later(ctx, c, err.Error())
	}
	switch err := d.stands(ctx, data); {
	case errors.Is(err, ErrStopped):
		return nil, nil, q.cancel(ctx, c)
	case errors.Is(err, ErrPaused):
		return nil, nil, q.giveBack(ctx, q.now().Add(lookAgain), []claim{c})
	case err != nil:
		return nil, nil, q.undrawn(ctx, c, fmt.Errorf("read whether a sending stands: %w", err))
	}
	if data, err = d.filled(ctx, data); err != nil {
		return nil, nil, q.undrawn(ctx, c, fmt.Errorf("read what messages share: %w", err))
	}
	m, err := q.mail(c.ID, d, p, data)
	if err != nil {
		return nil, nil, q.close(ctx, c, "failed", err.Error())
	}
	return m, d, nil
}

// undrawn puts off a message whose own reading failed, so that it holds up no other. Where the database is away, that is said
// of all.
func (q *Queue) undrawn(ctx context.Context, c claim, why error) error {
	if ctx.Err() != nil || postgres.Away(why) {
		return why
	}
	return q.later(ctx, c, why.Error())
}

// lookAgain is when a mail of a paused sending, or about what was set apart, is looked at anew, if nobody resumed it before.
const lookAgain = 5 * time.Minute

// cancel ends a message whose sending was stopped, with its words.
func (q *Queue) cancel(ctx context.Context, c claim) error {
	ctx, cancel := settling(ctx)
	defer cancel()
	_, err := q.pool.Exec(ctx, `
		UPDATE message SET state = 'cancelled', data = '{}' WHERE id = $1 AND attempts = $2 AND state = 'queued'`, c.ID, c.Attempts)
	if err != nil {
		return fmt.Errorf("cancel message %s: %w", c.ID, err)
	}
	return nil
}

func (q *Queue) mail(id uuid.UUID, d *drawer, p *pending, data any) (*gomail.Msg, error) {
	drawn, err := q.Draw(d.Name, data, q.agreed(id, p))
	if err != nil {
		return nil, err
	}
	return q.compose(id, d, p.Address, drawn, data, q.now())
}

func (q *Queue) agreed(id uuid.UUID, p *pending) Agreed {
	if p.Wording == nil || p.AgreedAt == nil {
		return Agreed{}
	}
	return Agreed{
		At: *p.AgreedAt, Wording: *p.Wording,
		Unsubscribe: q.UnsubscribePath(id), Preferences: q.PreferencesPath(p.Person.UUID),
	}
}

// settling is the context for writing down what became of a mail, which happens even while we are told to stop.
func settling(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
}

// settle writes down what became of a mail.
func (q *Queue) settle(ctx context.Context, c claim, d *drawer, sent error) error {
	var no *refusal
	switch {
	case sent == nil:
		if err := q.sent(ctx, c, d); err != nil {
			return fmt.Errorf("mark message %s as sent: %w", c.ID, err)
		}
		q.log.Info("mail sent", "message", c.ID)
		return nil
	case errors.As(sent, &no) && no.permanent():
		return q.bounced(ctx, c, no)
	default:
		return q.later(ctx, c, sent.Error())
	}
}

func (q *Queue) sent(ctx context.Context, c claim, d *drawer) error {
	ctx, cancel := settling(ctx)
	defer cancel()
	_, err := q.pool.Exec(ctx, `
		UPDATE message SET state = 'sent', sent_at = $3, data = CASE WHEN $4 THEN '{}' ELSE data END
		WHERE id = $1 AND attempts = $2 AND state = 'queued'`, c.ID, c.Attempts, q.now(), d.Secret)
	return err
}

// later plans the next attempt, or gives up.
func (q *Queue) later(ctx context.Context, c claim, reason string) error {
	wait, again := backoff(c.Attempts)
	if !again {
		return q.close(ctx, c, "failed", reason)
	}
	ctx, cancel := settling(ctx)
	defer cancel()
	_, err := q.pool.Exec(ctx, `
		UPDATE message SET next_at = $3, last_error = $4
		WHERE id = $1 AND attempts = $2 AND state = 'queued'`, c.ID, c.Attempts, q.now().Add(wait), reason)
	if err != nil {
		return fmt.Errorf("put off message %s: %w", c.ID, err)
	}
	q.log.Warn("mail put off", "message", c.ID, "reason", reason, "wait", wait.String())
	return nil
}

// close ends a message that won't be sent.
func (q *Queue) close(ctx context.Context, c claim, state, reason string) error {
	ctx, cancel := settling(ctx)
	defer cancel()
	_, err := q.pool.Exec(ctx, `
		UPDATE message SET state = $3, last_error = $4
		WHERE id = $1 AND attempts = $2 AND state = 'queued'`, c.ID, c.Attempts, state, reason)
	if err != nil {
		return fmt.Errorf("close message %s: %w", c.ID, err)
	}
	q.log.Warn("mail "+state, "message", c.ID, "reason", reason)
	return nil
}

// bounced ends a message that the server refused for good, and remembers an address that does not exist.
func (q *Queue) bounced(ctx context.Context, c claim, no *refusal) error {
	ctx, cancel := settling(ctx)
	defer cancel()
	err := pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE message SET state = 'failed', bounced_at = $3, last_error = $4
			WHERE id = $1 AND attempts = $2 AND state = 'queued'`, c.ID, c.Attempts, q.now(), no.Error())
		if err != nil || tag.RowsAffected() == 0 || !no.dead() {
			return err
		}
		return markPerson(ctx, tx, c.ID, q.now())
	})
	if err != nil {
		return fmt.Errorf("mark message %s as bounced: %w", c.ID, err)
	}
	q.log.Warn("mail failed", "message", c.ID, "reason", no.Error())
	return nil
}

// markPerson remembers that mail to the address of a message's person comes back, if that still is the address.
func markPerson(ctx context.Context, tx pgx.Tx, message uuid.UUID, at time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE person p SET bounced_at = $2
		FROM message m WHERE m.id = $1 AND p.id = m.person_id AND p.email = m.address AND p.bounced_at IS NULL`, message, at)
	return err
}

// giveBack ends the lease of messages that were not tried, as if they had not been taken.
func (q *Queue) giveBack(ctx context.Context, next time.Time, claims []claim) error {
	ctx, cancel := settling(ctx)
	defer cancel()
	ids, fences, reasons := make([]uuid.UUID, len(claims)), make([]int, len(claims)), make([]*string, len(claims))
	for i, c := range claims {
		ids[i], fences[i], reasons[i] = c.ID, c.Attempts, c.Reason
	}
	_, err := q.pool.Exec(ctx, `
		UPDATE message m SET next_at = $4, attempts = m.attempts - 1, last_error = mine.reason
		FROM unnest($1::uuid[], $2::int[], $3::text[]) AS mine (id, attempts, reason)
		WHERE m.id = mine.id AND m.attempts = mine.attempts AND m.state = 'queued'`, ids, fences, reasons, next)
	if err != nil {
		return fmt.Errorf("give messages back: %w", err)
	}
	return nil
}

// Crowded tells whether as many messages of one template as that are due: who adds very many waits until some have left.
func (q *Queue) Crowded(ctx context.Context, template string, most int) (bool, error) {
	var crowded bool
	if err := q.pool.QueryRow(ctx, `
		SELECT count(*) >= $3 FROM (
			SELECT FROM message WHERE state = 'queued' AND bulk AND next_at <= $2 AND template = $1 LIMIT $3) due`,
		template, q.now(), most).Scan(&crowded); err != nil {
		return false, fmt.Errorf("look at the queue of mails: %w", err)
	}
	return crowded, nil
}
