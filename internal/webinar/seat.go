package webinar

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/submission"
)

// Seats are given and freed under the lock of the webinar's row. Who holds it may take registrations only with SKIP
// LOCKED: everybody else locks the registration first and the webinar second.

// lock holds a webinar until the transaction ends, and returns it as it is once the lock is ours.
func lock(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Webinar, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM webinar WHERE id = $1 FOR UPDATE`, id); err != nil {
		return Webinar{}, fmt.Errorf("lock webinar: %w", err)
	}
	return byID(ctx, tx, id) // a statement of its own sees what was committed while we waited
}

// fill completes a registration that is to be accepted: whether it gets a seat is decided in its transaction.
func (r *Room) fill(_ context.Context, e *submission.Entry) error {
	e.Locked = r.decide
	return nil
}

// decide gives a seat, or a place on the waiting list. An address gets one of them: who registers again is written to
// at that address, and told nothing that the first sender alone may know.
func (r *Room) decide(ctx context.Context, tx pgx.Tx, e *submission.Entry) error {
	return r.give(ctx, tx, e, r.desk.ConfirmPath)
}

// give is decide, with where the sender confirms the address of a registration: "" where that is done.
func (r *Room) give(ctx context.Context, tx pgx.Tx, e *submission.Entry, confirm func(uuid.UUID) string) error {
	w, err := lock(ctx, tx, e.Form.Subject)
	if err != nil {
		return err
	}
	if !publish.Public(w.State, w.PublishAt, r.desk.Now()) || !w.Stand(r.desk.Now()).Takes() {
		return r.errClosed
	}
	if w, err = r.refill(ctx, tx, w); err != nil {
		return err
	}
	e.PurgeAfter = w.purgeAfter()
	if e.Quarantine {
		e.Status = Waitlisted // without a place on the list until it is restored
		return nil
	}
	first, err := active(ctx, tx, w.ID, e.Email)
	if err != nil {
		return err
	}
	var answer func(g guest) (string, any)
	switch {
	case first != uuid.Nil:
		if e.Status = Repeated; w.full() {
			e.Status = Queued
		}
		answer = func(g guest) (string, any) {
			return "webinar-again", r.again(w, g, first)
		}
	case w.full():
		e.Status = Waitlisted
		answer = func(g guest) (string, any) {
			n := r.notice(w, g)
			n.Position, n.ConfirmURL = w.Waiting+1, confirm(g.id)
			return "webinar-waiting", n
		}
	default:
		e.Status = Registered
		answer = func(g guest) (string, any) {
			i := r.invite(w, g)
			i.ConfirmURL = confirm(g.id)
			return "webinar-registered", i
		}
	}
	if e.Messages != nil { // else nothing is to be mailed
		e.Messages = answered(e.Messages, answer)
	}
	return nil
}

// answered puts the room's own answer in the place of the common one. The notice to the inbox stays.
func answered(
	common func(uuid.UUID, *submission.Entry) []mail.Message, answer func(guest) (string, any),
) func(uuid.UUID, *submission.Entry) []mail.Message {
	return func(id uuid.UUID, e *submission.Entry) []mail.Message {
		template, data := answer(guest{id, submission.Reference(id), e.Name, e.Email})
		list := []mail.Message{{Template: template, Data: data}}
		if again(e.Status) {
			return list
		}
		return append(list, toStaff(common(id, e))...)
	}
}

// toStaff leaves out the common answer to the sender.
func toStaff(list []mail.Message) []mail.Message {
	return slices.DeleteFunc(list, func(m mail.Message) bool { return m.Template == "received" })
}

// again tells whether a registration was sent for an address that had one. It holds nothing.
func again(status string) bool { return status == Repeated || status == Queued }

// active returns the registration by which an address has a seat or waits for one, or uuid.Nil.
func active(ctx context.Context, tx pgx.Tx, webinar uuid.UUID, email string) (uuid.UUID, error) {
	var id uuid.UUID
	err := tx.QueryRow(ctx, `
		SELECT s.id FROM submission s JOIN person p ON p.id = s.person_id
		WHERE p.email = $2 AND s.subject_id = $1 AND s.status IN ('registered', 'waitlisted') AND s.quarantined_at IS NULL
		ORDER BY s.created_at, s.id LIMIT 1`, webinar, email).Scan(&id)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, fmt.Errorf("look for registration: %w", err)
	}
	return id, nil
}

// refill gives free seats to those who wait, first come, first served, and returns the webinar as it is then. Who is
// being changed by somebody else at this moment is passed over, and thought of at the next turn.
func (r *Room) refill(ctx context.Context, tx pgx.Tx, w Webinar) (Webinar, error) {
	if w.Cancelled() || !r.desk.Now().Before(w.Start()) {
		return w, nil
	}
	for w.Free() > 0 && w.Waiting > 0 {
		var next uuid.UUID
		var second bool // the address has a registration already: this one came back from quarantine
		err := tx.QueryRow(ctx, `
			SELECT s.id, EXISTS (`+another+`) FROM submission s
			WHERE s.subject_id = $1 AND s.status = 'waitlisted' AND s.quarantined_at IS NULL
			ORDER BY s.created_at, s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED`, w.ID).Scan(&next, &second)
		if errors.Is(err, pgx.ErrNoRows) {
			return w, nil
		}
		if err != nil {
			return w, fmt.Errorf("find who waits: %w", err)
		}
		if second {
			if err := r.withdrawSecond(ctx, tx, next, Waitlisted); err != nil {
				return w, err
			}
			if w, err = byID(ctx, tx, w.ID); err != nil { // what follows that change has given the seat away already
				return w, err
			}
			continue
		}
		err = r.desk.Store.MoveTx(ctx, tx, next, submission.Change{
			From: []string{Waitlisted}, To: Registered, Kind: "seat", By: submission.System, Decides: true, Moved: r.moved,
		})
		if err != nil {
			return w, fmt.Errorf("give seat: %w", err)
		}
		w.Taken, w.Waiting = w.Taken+1, w.Waiting-1
	}
	return w, nil
}

// another finds a registration of the person of s that goes before s: one that was not restored from quarantine, or the
// earlier of two.
const another = `
	SELECT FROM submission o
	WHERE o.subject_id = s.subject_id AND o.person_id = s.person_id AND o.id <> s.id
		AND o.status IN ('registered', 'waitlisted') AND o.quarantined_at IS NULL
		AND EXISTS (SELECT FROM submission_event e WHERE e.submission_id = s.id AND e.kind = 'restored')
		AND ((o.created_at, o.id) < (s.created_at, s.id)
			OR NOT EXISTS (SELECT FROM submission_event e WHERE e.submission_id = o.id AND e.kind = 'restored'))`

// dropSeconds ends the registrations that came back from quarantine for an address which has another by now: an address
// has one seat or one place. Its owner is mailed which one stands.
func (r *Room) dropSeconds(ctx context.Context, w Webinar) error {
	if !r.desk.Now().Before(w.Start()) {
		return nil
	}
	ids, err := postgres.Column[uuid.UUID](ctx, r.desk.Pool, `
		SELECT s.id FROM submission s
		WHERE s.subject_id = $1 AND s.status IN ('registered', 'waitlisted') AND s.quarantined_at IS NULL AND EXISTS (`+another+`)
		ORDER BY s.id`, w.ID)
	if err != nil {
		return fmt.Errorf("look for second registrations: %w", err)
	}
	for _, id := range ids {
		err := pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
			return r.withdrawSecond(ctx, tx, id, live()...)
		})
		if err != nil && !errors.Is(err, submission.ErrMove) && !errors.Is(err, submission.ErrNotFound) {
			return err
		}
	}
	return nil
}

func (r *Room) withdrawSecond(ctx context.Context, tx pgx.Tx, id uuid.UUID, from ...string) error {
	err := r.desk.Store.MoveTx(ctx, tx, id, submission.Change{
		From: from, To: Repeated, Kind: "second", By: submission.System, Decides: true, Moved: r.moved,
	})
	if err != nil {
		return fmt.Errorf("end second registration: %w", err)
	}
	return nil
}

// moved is what follows a change of status: a seat is mailed, or goes to the next in line, in the same transaction. What
// is not withdrawn is kept as long as the event's other registrations, whoever changed it and when.
func (r *Room) moved(ctx context.Context, tx pgx.Tx, rec submission.Record, to string) error {
	if !rec.SubjectID.Valid {
		return nil
	}
	w, err := lock(ctx, tx, rec.SubjectID.UUID)
	if errors.Is(err, page.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if to != activity.Withdrawn {
		if err := r.desk.Store.Keep(ctx, tx, rec.ID, w.purgeAfter()); err != nil {
			return err
		}
	}
	if err := r.follow(ctx, tx, w, rec, to); err != nil || !frees(to) {
		return err
	}
	_, err = r.refill(ctx, tx, w)
	return err
}

// frees tells whether a seat may be free once a registration has that status.
func frees(status string) bool {
	return slices.Contains([]string{Repeated, Cancelled, activity.Withdrawn}, status)
}

// follow refuses a change of status that can't be, and mails who is concerned by it.
func (r *Room) follow(ctx context.Context, tx pgx.Tx, w Webinar, rec submission.Record, to string) error {
	switch to {
	case Registered:
		if w.Taken+w.Reserved > w.Capacity {
			return fmt.Errorf("no seat is free: %w", submission.ErrMove)
		}
		return r.tellSeat(ctx, tx, w, rec)
	case Attended:
		if !w.doorsOpen(r.desk.Now()) {
			return r.errEarly
		}
	case Repeated:
		return r.tellSecond(ctx, tx, w, rec)
	case Cancelled:
		if err := r.desk.Store.Release(ctx, tx, rec.ID); err != nil {
			return err
		}
		return r.tellCancelled(ctx, tx, w, rec)
	case activity.Withdrawn:
		return r.tellCancelled(ctx, tx, w, rec)
	}
	return nil
}

// freed gives away the seat of somebody who is not told: a person who is erased.
func (r *Room) freed(ctx context.Context, tx pgx.Tx, rec submission.Record, _ string) error {
	err := r.after(ctx, tx, rec.SubjectID.UUID, "")
	if errors.Is(err, page.ErrNotFound) {
		return nil
	}
	return err
}

// tellSeat brings the calendar entry of a seat to who waited. Where the mail that named the place in line has not left, it
// is not mailed any more, and this one asks for the address to be confirmed in its stead.
func (r *Room) tellSeat(ctx context.Context, tx pgx.Tx, w Webinar, rec submission.Record) error {
	if _, err := r.desk.Mail.CancelOf(ctx, tx, rec.ID, "webinar-waiting"); err != nil {
		return err
	}
	var unsaid bool
	if err := tx.QueryRow(ctx, `
		SELECT coalesce(bool_and(state = 'cancelled'), true) FROM message WHERE submission_id = $1 AND template = 'webinar-waiting'`,
		rec.ID).Scan(&unsaid); err != nil {
		return fmt.Errorf("look for a place in line: %w", err)
	}
	i := r.invite(w, guestOf(rec))
	if !unsaid {
		return r.tell(ctx, tx, rec, "webinar-seat", i)
	}
	i.ConfirmURL = r.desk.ConfirmPath(rec.ID)
	return r.tell(ctx, tx, rec, "webinar-registered", i)
}

// tellSecond tells the owner of an address which of two registrations stands, and takes back the calendar entry of the
// other, if that was mailed.
func (r *Room) tellSecond(ctx context.Context, tx pgx.Tx, w Webinar, rec submission.Record) error {
	first, err := active(ctx, tx, w.ID, rec.Email)
	if err != nil {
		return err
	}
	seated, err := r.endSeat(ctx, tx, rec)
	if err != nil {
		return err
	}
	return r.tell(ctx, tx, rec, "webinar-again", r.second(w, rec, first, seated))
}

// endSeat stops the mails that are untrue now that a registration holds nothing, and tells whether it had a calendar entry.
func (r *Room) endSeat(ctx context.Context, tx pgx.Tx, rec submission.Record) (seated bool, err error) {
	if seated, err = invited(ctx, tx, rec.ID); err != nil {
		return false, err
	}
	_, err = r.desk.Mail.CancelOf(ctx, tx, rec.ID, ofSeat()...)
	return seated, err
}

// tellCancelled takes back the calendar entry of who had one. Others hear of it only where the event was called off. About
// what is set apart nothing is mailed.
func (r *Room) tellCancelled(ctx context.Context, tx pgx.Tx, w Webinar, rec submission.Record) error {
	seated, err := r.endSeat(ctx, tx, rec)
	if err != nil || rec.Quarantined != nil {
		return err
	}
	if seated || w.Cancelled() && rec.Was == Registered { // nothing may have been mailed of a seat until now
		return r.tell(ctx, tx, rec, "webinar-cancelled", r.revoke(w, guestOf(rec)))
	}
	if !w.Cancelled() {
		return nil
	}
	return r.tell(ctx, tx, rec, "webinar-waiting", r.off(w, guestOf(rec)))
}

// invited tells whether the calendar entry of a seat was mailed, or is about to be.
func invited(ctx context.Context, tx pgx.Tx, id uuid.UUID) (mailed bool, err error) {
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM message WHERE submission_id = $1 AND state <> 'cancelled'
			AND template IN ('webinar-registered', 'webinar-seat', 'webinar-moved'))`, id).Scan(&mailed)
	if err != nil {
		return false, fmt.Errorf("look for invitation: %w", err)
	}
	return mailed, nil
}

// ofSeat names the mails that are untrue once their seat, or place in line, is gone. They may wait for a relay that was
// away, and would leave after the one that says so.
func ofSeat() []string {
	return []string{"webinar-registered", "webinar-seat", "webinar-moved", "webinar-reminder", "webinar-waiting"}
}

// tell mails a guest. Nobody is there to be told once a person was erased.
func (r *Room) tell(ctx context.Context, tx pgx.Tx, rec submission.Record, template string, data any) error {
	err := r.desk.Store.SendTx(ctx, tx, rec.ID, mail.Message{Template: template, Data: data})
	if errors.Is(err, submission.ErrNotFound) {
		return nil
	}
	return err
}

func guestOf(rec submission.Record) guest { return guest{rec.ID, rec.Reference, rec.Name, rec.Email} }
