package webinar

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/submission"
)

// restored answers a registration that comes back from quarantine by how it stands now: by the calendar entry of its seat,
// unless that was mailed, or by its place in line; where the event was called off meanwhile, an entry that was mailed is
// taken back. What has ended brings no mail, and what Tend ends, seats or calls off in its next turn is told by that.
func (r *Room) restored(ctx context.Context, tx pgx.Tx, rec submission.Record, first []mail.Message) ([]mail.Message, error) {
	if rec.Status != Registered && rec.Status != Waitlisted && rec.Status != Cancelled {
		return nil, nil
	}
	w, err := byID(ctx, tx, rec.SubjectID.UUID)
	if errors.Is(err, page.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if rec.Status == Cancelled {
		return r.takenBack(ctx, tx, w, rec)
	}
	list := toStaff(first)
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

// takenBack is the mail that takes back the calendar entry of an event that was called off.
func (r *Room) takenBack(ctx context.Context, tx pgx.Tx, w Webinar, rec submission.Record) ([]mail.Message, error) {
	if !w.Cancelled() || !r.desk.Now().Before(w.End()) {
		return nil, nil
	}
	seated, err := invited(ctx, tx, rec.ID)
	if err != nil || !seated {
		return nil, err
	}
	return []mail.Message{{Template: "webinar-cancelled", Data: r.revoke(w, guestOf(rec))}}, nil
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
