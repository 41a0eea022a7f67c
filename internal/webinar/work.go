package webinar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/submission"
)

const (
	remembered = 400 * 24 * time.Hour // how long after its day an event may still bring mail: registrations are gone then
	dayBefore  = 24 * time.Hour
	hourBefore = time.Hour
	// tooLate is when the day's reminder, held up by us, is left to the hour's.
	tooLate = 2 * time.Hour
	// turn bounds how many registrations of one event a run takes up; the next run goes on.
	turn = 2000
)

// Tend does what follows from the events' rows: it calls off, tells of moves, gives free seats away, reminds, and
// sends recordings. Each is done once for each registration, however often Tend runs.
func (r *Room) Tend(ctx context.Context) error {
	list, err := postgres.Rows[Webinar](ctx, r.desk.Pool, `SELECT `+columns+` FROM webinar w WHERE w.starts_local > $1 ORDER BY w.starts_local`,
		r.desk.Now().Add(-remembered))
	if err != nil {
		return fmt.Errorf("read webinars: %w", err)
	}
	var failed []error
	for _, w := range list {
		failed = append(failed, r.tend(ctx, w))
	}
	return errors.Join(failed...)
}

func (r *Room) tend(ctx context.Context, w Webinar) error {
	if w.Cancelled() {
		return errors.Join(r.callOff(ctx, w), r.callOffAgain(ctx, w))
	}
	if !publish.Public(w.State, w.PublishAt, r.desk.Now()) {
		return nil // it was taken from the site: who registered hears nothing until it is back, or called off
	}
	return errors.Join(r.dropSeconds(ctx, w), r.tellMoved(ctx, w), r.giveSeats(ctx, w), r.remind(ctx, w), r.sendRecording(ctx, w))
}

// callOff ends the registrations of an event that does not take place. The mail comes with the change of status.
func (r *Room) callOff(ctx context.Context, w Webinar) error {
	ids, err := r.untold(ctx, w.ID, mailing{statuses: live(), before: r.desk.Now(), quarantined: true})
	if err != nil {
		return err
	}
	return each(ctx, ids, func(id uuid.UUID) error {
		return r.desk.Store.Move(ctx, id, submission.Change{
			From: live(), To: Cancelled, Kind: "called_off", By: submission.System, Decides: true, Moved: r.moved,
		})
	})
}

// callOffAgain lets what was sent for registered addresses end like the rest, to the eye: its owners were told of the
// registrations that counted.
func (r *Room) callOffAgain(ctx context.Context, w Webinar) error {
	ids, err := r.untold(ctx, w.ID, mailing{statuses: []string{Repeated, Queued}, before: r.desk.Now(), quarantined: true})
	if err != nil {
		return err
	}
	return each(ctx, ids, func(id uuid.UUID) error {
		return r.desk.Store.Move(ctx, id, submission.Change{
			From: []string{Repeated, Queued}, To: Cancelled, Kind: "called_off", By: submission.System, Decides: true,
		})
	})
}

// each changes registrations one by one, and passes over those that changed meanwhile or are gone. One that fails stops the
// others only where they would fail as well: else nobody behind it would ever hear anything.
func each(ctx context.Context, ids []uuid.UUID, change func(uuid.UUID) error) error {
	var failed []error
	for _, id := range ids {
		err := change(id)
		if err == nil || errors.Is(err, submission.ErrMove) || errors.Is(err, submission.ErrNotFound) {
			continue
		}
		failed = append(failed, err)
		if ctx.Err() != nil || postgres.Away(err) {
			break
		}
	}
	return errors.Join(failed...)
}

// mailing is something that all registrations of an event in some statuses are told once.
type mailing struct {
	kind        string // empty: known by the status alone
	statuses    []string
	before      time.Time // registrations made later know it already
	quarantined bool      // those too
	event       string    // of the history; empty: none
	message     func(w Webinar, rec submission.Record) mail.Message
	renews      bool // what waits and says how it was is not mailed any more
}

// untold lists the registrations that a mailing has not reached.
func (r *Room) untold(ctx context.Context, webinar uuid.UUID, m mailing) ([]uuid.UUID, error) {
	ids, err := postgres.Column[uuid.UUID](ctx, r.desk.Pool, `
		SELECT s.id FROM submission s
		WHERE s.subject_id = $1 AND s.status = ANY ($2) AND s.created_at <= $3 AND ($4 OR s.quarantined_at IS NULL)
			AND NOT EXISTS (SELECT FROM webinar_mailing m WHERE m.submission_id = s.id AND m.kind = $5)
		ORDER BY s.created_at, s.id LIMIT $6`, webinar, m.statuses, m.before, m.quarantined, m.kind, turn)
	if err != nil {
		return nil, fmt.Errorf("list registrations: %w", err)
	}
	return ids, nil
}

func (r *Room) send(ctx context.Context, w Webinar, m mailing) error {
	ids, err := r.untold(ctx, w.ID, m)
	if err != nil {
		return err
	}
	return each(ctx, ids, func(id uuid.UUID) error { return r.sendOne(ctx, w, m, id) })
}

// sendOne writes mail and the note that it was written, or neither. ErrMove says that the registration, or the event, is not
// as it was read.
func (r *Room) sendOne(ctx context.Context, w Webinar, m mailing, id uuid.UUID) error {
	rec, err := r.desk.Store.Get(ctx, id)
	if errors.Is(err, submission.ErrNotFound) || err == nil && rec.Email == "" {
		return nil
	}
	if err != nil {
		return err
	}
	message := m.message(w, rec)
	err = pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		// The registration is locked first, as everywhere, and must not have changed.
		c := submission.Change{
			From: []string{rec.Status}, To: rec.Status, Kind: m.event, By: submission.System, Decides: true,
			PurgeAfter: w.purgeAfter(), Message: &message,
		}
		c.Moved = func(ctx context.Context, tx pgx.Tx, rec submission.Record, _ string) error {
			err := unmoved(ctx, tx, w)
			if err == nil && m.renews {
				message, err = r.renew(ctx, tx, w, rec, message)
			}
			return err
		}
		if err := r.desk.Store.MoveTx(ctx, tx, id, c); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO webinar_mailing (submission_id, kind, at) VALUES ($1, $2, $3)`,
			id, m.kind, r.desk.Now())
		return err
	})
	if postgres.Violates(err, "webinar_mailing_pkey") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("tell of %s: %w", m.kind, err)
	}
	return nil
}

// unmoved returns ErrMove where an event was changed or called off since it was read, and keeps it as it is until the
// transaction ends: what a mail says of it is true when it is written.
func unmoved(ctx context.Context, tx pgx.Tx, w Webinar) error {
	var same bool
	err := tx.QueryRow(ctx, `SELECT sequence = $2 AND cancelled_at IS NULL FROM webinar WHERE id = $1 FOR SHARE`, w.ID, w.Sequence).Scan(&same)
	if err != nil {
		return fmt.Errorf("read webinar: %w", err)
	}
	if !same {
		return submission.ErrMove
	}
	return nil
}

// renew stops the mails that still wait with how an event was, and returns what is mailed in their stead. Who never got
// the first mail gets that, as it reads now: only it asks for the address to be confirmed.
func (r *Room) renew(ctx context.Context, tx pgx.Tx, w Webinar, rec submission.Record, m mail.Message) (mail.Message, error) {
	dated := ofSeat()
	if rec.Status == Waitlisted {
		dated = []string{"webinar-waiting"}
	}
	stopped, err := r.desk.Mail.CancelOf(ctx, tx, rec.ID, dated...)
	waited := slices.Contains(stopped, "webinar-waiting")
	switch confirm := r.desk.ConfirmPath(rec.ID); {
	case slices.Contains(stopped, "webinar-registered"), waited && rec.Status == Registered:
		i := r.invite(w, guestOf(rec))
		i.ConfirmURL = confirm
		m.Template, m.Data = "webinar-registered", i
	case slices.Contains(stopped, "webinar-seat"):
		m.Template = "webinar-seat"
	case waited:
		n := r.notice(w, guestOf(rec))
		n.Moved, n.ConfirmURL = true, confirm
		m.Data = n
	}
	return m, err
}

// toldMove is the kind of the mailing that tells of the latest move.
func toldMove(w Webinar) string { return fmt.Sprint("moved:", w.Sequence) }

// tellMoved sends the new calendar entry of an event that was moved since somebody registered.
func (r *Room) tellMoved(ctx context.Context, w Webinar) error {
	if w.MovedAt == nil || !r.desk.Now().Before(w.End()) {
		return nil
	}
	return r.send(ctx, w, mailing{
		kind: toldMove(w), statuses: live(), before: *w.MovedAt, event: "told_moved", renews: true,
		message: func(w Webinar, rec submission.Record) mail.Message {
			if rec.Status == Waitlisted {
				n := r.notice(w, guestOf(rec))
				n.Moved = true
				return mail.Message{Template: "webinar-waiting", Data: n}
			}
			return mail.Message{Template: "webinar-moved", Data: r.invite(w, guestOf(rec))}
		},
	})
}

// giveSeats gives away what became free by other ways than a change of status.
func (r *Room) giveSeats(ctx context.Context, w Webinar) error {
	if w.Free() == 0 || w.Waiting == 0 {
		return nil
	}
	err := pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		w, err := lock(ctx, tx, w.ID)
		if err != nil {
			return err
		}
		_, err = r.refill(ctx, tx, w)
		return err
	})
	if err != nil {
		return fmt.Errorf("give free seats: %w", err)
	}
	return nil
}

// remind writes a day and an hour before the beginning. After a move it reminds of the new time.
func (r *Room) remind(ctx context.Context, w Webinar) error {
	start := w.Start()
	left := start.Sub(r.desk.Now())
	var (
		kind string
		due  time.Time
	)
	switch {
	case left <= 0 || left > dayBefore:
		return nil
	case left <= hourBefore:
		kind, due = "hour", start.Add(-hourBefore)
	case left > tooLate:
		kind, due = "day", start.Add(-dayBefore)
	default:
		return nil
	}
	return r.send(ctx, w, mailing{
		kind: kind + start.UTC().Format(":20060102T1504"), statuses: []string{Registered}, before: due, event: "reminded",
		message: func(w Webinar, rec submission.Record) mail.Message {
			n := r.notice(w, guestOf(rec))
			n.Join, n.Begins = w.JoinURL, w.Begins()
			return mail.Message{Template: "webinar-reminder", Data: n}
		},
	})
}

// sendRecording tells those who had a seat where the film is.
func (r *Room) sendRecording(ctx context.Context, w Webinar) error {
	l, err := r.list(ctx, w)
	if err != nil || l.Stand != Recorded {
		return err
	}
	return r.send(ctx, w, mailing{
		kind: "recording", statuses: []string{Registered, Attended}, before: w.End(), event: "sent_recording",
		message: func(w Webinar, rec submission.Record) mail.Message {
			n := r.notice(w, guestOf(rec))
			n.FilmURL = w.Path() + "#recording"
			return mail.Message{Template: "webinar-recording", Data: n}
		},
	})
}

// RemoveOld deletes the recordings in whose place newer ones were uploaded.
func (r *Room) RemoveOld(ctx context.Context) error {
	return r.uploads.RemoveReplaced(ctx, r.desk.Now())
}

// mailed is what this room's own table holds of a person.
type mailed struct {
	Reference string    `json:"reference" db:"reference"`
	What      string    `json:"what" db:"kind"`
	At        time.Time `json:"at" db:"at"`
}

func (r *Room) export(ctx context.Context, who uuid.UUID, to io.Writer) error {
	list, err := postgres.Rows[mailed](ctx, r.desk.Pool, `
		SELECT s.reference, split_part(m.kind, ':', 1) AS kind, m.at FROM webinar_mailing m JOIN submission s ON s.id = m.submission_id
		WHERE s.person_id = $1 ORDER BY m.at, m.kind`, who)
	if err != nil {
		return fmt.Errorf("export webinar mailings: %w", err)
	}
	return json.NewEncoder(to).Encode(map[string][]mailed{"webinar_mailings": list})
}

// erase frees the seats of a person who is erased, of those taken until then.
func (r *Room) erase(ctx context.Context, tx pgx.Tx, who uuid.UUID, until time.Time) error {
	// All registrations are locked first, then the events in the order of their ids.
	ids, err := postgres.Column[uuid.UUID](ctx, tx, `
		SELECT id FROM submission
		WHERE person_id = $1 AND kind = $2 AND status = ANY ($3) AND created_at <= $4 AND NOT held(person_id, id, kind, created_at)
		ORDER BY subject_id, id FOR UPDATE`, who, Kind, live(), until)
	if err != nil {
		return fmt.Errorf("erase registrations: %w", err)
	}
	for _, id := range ids {
		err := r.desk.Store.MoveTx(ctx, tx, id, submission.Change{
			From: live(), To: activity.Withdrawn, Kind: "withdrawn", By: submission.System, Decides: true, Moved: r.freed,
		})
		if err != nil {
			return fmt.Errorf("erase registrations: %w", err)
		}
	}
	if _, err := tx.Exec(ctx, `
		DELETE FROM webinar_mailing WHERE submission_id IN (
			SELECT id FROM submission
			WHERE person_id = $1 AND created_at <= $2 AND NOT held(person_id, id, kind, created_at))`, who, until); err != nil {
		return fmt.Errorf("erase webinar mailings: %w", err)
	}
	return nil
}
