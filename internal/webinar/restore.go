package webinar

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/submission"
)

// restored answers a registration that comes back from quarantine by how it stands now: by the calendar entry of its seat,
// unless that was mailed, or by its place in line; where the event was called off or the registration withdrawn meanwhile,
// an entry that was mailed is taken back. What Tend mails, ends, seats or calls off in its next turn is told by that.
func (r *Room) restored(ctx context.Context, tx pgx.Tx, rec submission.Record, first []mail.Message) ([]mail.Message, error) {
	w, err := byID(ctx, tx, rec.SubjectID.UUID)
	if errors.Is(err, page.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := forgetStopped(ctx, tx, rec.ID); err != nil {
		return nil, err
	}
	switch rec.Status {
	case Registered, Waitlisted:
		return r.answer(ctx, tx, w, rec, toStaff(first))
	case Cancelled, activity.Withdrawn:
		return r.takenBack(ctx, tx, w, rec)
	case Repeated, Queued:
		return r.gaveWay(ctx, tx, w, rec)
	}
	return nil, nil
}

// forgetStopped takes back the notes of what was mailed about a registration where that was stopped, as it was set apart,
// before it left: Tend mails it, if it is still of use.
func forgetStopped(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM webinar_mailing n USING (
			SELECT DISTINCT ON (e.kind) e.kind, m.state
			FROM submission_event e JOIN message m ON m.id = (e.detail ->> 'message')::uuid
			WHERE e.submission_id = $1 AND e.kind IN ('told_moved', 'reminded', 'sent_recording')
			ORDER BY e.kind, e.id DESC) AS last
		WHERE n.submission_id = $1 AND last.state = 'cancelled' AND last.kind = CASE split_part(n.kind, ':', 1)
			WHEN 'moved' THEN 'told_moved' WHEN 'recording' THEN 'sent_recording' ELSE 'reminded' END`, id)
	if err != nil {
		return fmt.Errorf("forget mailings that were stopped: %w", err)
	}
	return nil
}

// answer adds the mail that says how a live registration stands to what is mailed to staff.
func (r *Room) answer(
	ctx context.Context, tx pgx.Tx, w Webinar, rec submission.Record, list []mail.Message,
) ([]mail.Message, error) {
	if w.Cancelled() || !r.desk.Now().Before(w.End()) || !publish.Public(w.State, w.PublishAt, r.desk.Now()) {
		return list, nil
	}
	answer, err := r.standing(ctx, tx, w, rec)
	if err != nil || answer == nil {
		return list, err
	}
	if err := r.toldBy(ctx, tx, w, rec, answer.Template); err != nil {
		return nil, err
	}
	return append(list, *answer), nil
}

// gaveWay is the mail that says which registration of an address stands, while one does.
func (r *Room) gaveWay(ctx context.Context, tx pgx.Tx, w Webinar, rec submission.Record) ([]mail.Message, error) {
	if w.Cancelled() || !r.desk.Now().Before(w.End()) {
		return nil, nil
	}
	first, err := active(ctx, tx, w.ID, rec.Email)
	if err != nil || first == uuid.Nil {
		return nil, err
	}
	seated, err := invited(ctx, tx, rec.ID)
	if err != nil {
		return nil, err
	}
	return []mail.Message{{Template: "webinar-again", Data: r.second(w, rec, first, seated)}}, nil
}

// takenBack is the mail that takes back the calendar entry of a seat that is gone. Who was told of a place in line is
// told, once, that the event was called off.
func (r *Room) takenBack(ctx context.Context, tx pgx.Tx, w Webinar, rec submission.Record) ([]mail.Message, error) {
	if !r.desk.Now().Before(w.End()) {
		return nil, nil
	}
	seated, err := invited(ctx, tx, rec.ID)
	if err != nil {
		return nil, err
	}
	var taken, waits bool
	if err := tx.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE template = 'webinar-again' AND data ->> 'ICS' <> '') > 0,
			coalesce(bool_and(coalesce(data ->> 'Off', '') <> 'true') FILTER (WHERE template = 'webinar-waiting'), false)
		FROM message WHERE submission_id = $1 AND state <> 'cancelled'`, rec.ID).Scan(&taken, &waits); err != nil {
		return nil, fmt.Errorf("look for what was told: %w", err)
	}
	switch {
	case seated && taken:
		return nil, nil
	case seated:
		return []mail.Message{{Template: "webinar-cancelled", Data: r.revoke(w, guestOf(rec))}}, nil
	case waits && w.Cancelled() && rec.Status == Cancelled:
		return nil, r.tell(ctx, tx, rec, "webinar-waiting", r.off(w, guestOf(rec)))
	}
	return nil, nil
}

// toldBy notes that an answer, unless it was mailed before, tells of the move of its event, so that Tend does not tell
// of it again.
func (r *Room) toldBy(ctx context.Context, tx pgx.Tx, w Webinar, rec submission.Record, template string) error {
	if w.MovedAt == nil || w.MovedAt.Before(rec.CreatedAt) {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO webinar_mailing (submission_id, kind, at)
		SELECT $1, $2, $3 WHERE NOT EXISTS (
			SELECT FROM message WHERE submission_id = $1 AND template = $4 AND state <> 'cancelled')
		ON CONFLICT DO NOTHING`, rec.ID, toldMove(w), r.desk.Now(), template)
	if err != nil {
		return fmt.Errorf("note that a move is told: %w", err)
	}
	return nil
}

// standing is the mail that says how a registration stands; nil where there is nothing to say by it.
func (r *Room) standing(ctx context.Context, tx pgx.Tx, w Webinar, rec submission.Record) (*mail.Message, error) {
	var second bool
	var position int
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (`+another+`), (SELECT count(*) + 1 FROM submission o
			WHERE o.subject_id = s.subject_id AND o.status = 'waitlisted' AND o.quarantined_at IS NULL
				AND (o.created_at, o.id) < (s.created_at, s.id))
		FROM submission s WHERE s.id = $1`, rec.ID).Scan(&second, &position)
	if err != nil {
		return nil, fmt.Errorf("read how a registration stands: %w", err)
	}
	seated, err := invited(ctx, tx, rec.ID)
	if err != nil || seated || second {
		return nil, err
	}
	switch {
	case rec.Status == Registered:
		i := r.invite(w, guestOf(rec))
		i.ConfirmURL = r.desk.ConfirmPath(rec.ID)
		return &mail.Message{Template: "webinar-registered", Data: i}, nil
	case w.Free() == 0:
		n := r.notice(w, guestOf(rec))
		n.Position, n.ConfirmURL = position, r.desk.ConfirmPath(rec.ID)
		return &mail.Message{Template: "webinar-waiting", Data: n}, nil
	}
	return nil, nil
}
