package webinar

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// seatView is what the receipt and the record page show of a registration.
type seatView struct {
	listed
	Receipt  string // its address
	Status   string
	Position int
	Others   []Webinar // that one may change to
}

// Seated tells whether the registration holds a seat of an event that is not over.
func (v seatView) Seated() bool {
	return v.Status == Registered && (v.Stand.Takes() || v.Stand == Running)
}

// view gathers what is shown of a registration; ok is false where its event is gone.
func (r *Room) view(ctx context.Context, rec submission.Record) (v seatView, ok bool, err error) {
	w, err := byID(ctx, r.desk.Pool, rec.SubjectID.UUID)
	if errors.Is(err, page.ErrNotFound) {
		return v, false, nil
	}
	if err != nil {
		return v, false, err
	}
	v = seatView{listed: r.list(w), Receipt: r.desk.ReceiptPath(rec.ID), Status: rec.Status}
	if rec.Status == Waitlisted && rec.Quarantined == nil {
		err = r.desk.Pool.QueryRow(ctx, `
			SELECT count(*) FROM submission
			WHERE subject_id = $1 AND status = 'waitlisted' AND quarantined_at IS NULL AND (created_at, id) <= ($2, $3)`,
			w.ID, rec.CreatedAt, rec.ID).Scan(&v.Position)
		if err != nil {
			return v, false, fmt.Errorf("read place on the waiting list: %w", err)
		}
	}
	return v, true, nil
}

func (r *Room) receipt(ctx context.Context, rec submission.Record) (activity.Extra, error) {
	v, ok, err := r.view(ctx, rec)
	if err != nil || !ok || rec.Status == Repeated {
		return activity.Extra{}, err
	}
	var extra activity.Extra
	if slices.Contains(live(), rec.Status) && v.Stand.Takes() {
		if v.Others, err = r.others(ctx, v.ID); err != nil {
			return activity.Extra{}, err
		}
		label := "Give my seat back"
		if rec.Status == Waitlisted {
			label = "Leave the waiting list"
		}
		extra.Acts = []activity.Act{{Path: "cancel", Label: label}}
	}
	extra.HTML, err = r.views.show.Fragment("webinar-receipt", v)
	return extra, err
}

// live are the statuses in which a registration counts for something.
func live() []string { return []string{Registered, Waitlisted} }

// others are the events with a free seat that a registration may be changed to.
func (r *Room) others(ctx context.Context, but uuid.UUID) ([]Webinar, error) {
	list, err := r.public(ctx)
	if err != nil {
		return nil, err
	}
	now := r.desk.Now()
	list = slices.DeleteFunc(list, func(w Webinar) bool {
		stand := w.Stand(now)
		return w.ID == but || (stand != Open && stand != Nearly)
	})
	slices.SortFunc(list, func(a, b Webinar) int { return a.Start().Compare(b.Start()) })
	return list, nil
}

func (r *Room) panel(ctx context.Context, rec submission.Record) (template.HTML, error) {
	v, ok, err := r.view(ctx, rec)
	if err != nil || !ok {
		return "", err
	}
	return r.views.show.Fragment("webinar-panel", v)
}

// servePersonal serves the entry of a seat, as it was mailed.
func (r *Room) servePersonal(w http.ResponseWriter, req *http.Request, rec submission.Record) error {
	if rec.Kind != Kind || rec.Status != Registered {
		return page.ErrNotFound
	}
	one, err := byID(req.Context(), r.desk.Pool, rec.SubjectID.UUID)
	if err != nil {
		return err
	}
	return serveEntry(w, req, one, r.personal(one, guestOf(rec), "PUBLISH"))
}

// cancel gives a seat back, or a place on the waiting list. Pressed twice, it has been given back.
func (r *Room) cancel(w http.ResponseWriter, req *http.Request, rec submission.Record) error {
	if rec.Kind != Kind {
		return page.ErrNotFound
	}
	err := r.desk.Store.Move(req.Context(), rec.ID, submission.Change{
		From: live(), To: Cancelled, Kind: "cancelled", By: submission.Sender, Decides: true, Moved: r.moved,
	})
	if err != nil && !errors.Is(err, submission.ErrMove) {
		return err
	}
	http.Redirect(w, req, r.desk.ReceiptPath(rec.ID), http.StatusSeeOther)
	return nil
}

var (
	errFull  = errors.New("webinar: no seat is free there")
	errThere = errors.New("webinar: registered there already")
)

// change exchanges a registration for a seat at another event: both happen, or nothing does.
func (r *Room) change(w http.ResponseWriter, req *http.Request, rec submission.Record) error {
	ctx := req.Context()
	if rec.Kind != Kind || !slices.Contains(live(), rec.Status) {
		return page.ErrNotFound
	}
	to, err := r.bySlug(ctx, form.Clean(req.PostFormValue("to"), false))
	if err != nil {
		return err
	}
	versions, err := r.desk.Store.Versions(ctx, rec.ID)
	if err != nil {
		return err
	}
	if len(versions) == 0 || to.ID == rec.SubjectID.UUID {
		return page.ErrNotFound
	}
	e, err := r.exchange(rec, to, versions[0].Values)
	if err != nil {
		return err
	}
	accepted, err := r.desk.Store.Accept(ctx, e)
	switch {
	case errors.Is(err, errFull), errors.Is(err, errClosed), errors.Is(err, submission.ErrMove):
		return &page.Error{
			Status:  http.StatusConflict,
			Message: "No seat is free there any more. Your registration stands as it was: go back to your receipt.",
		}
	case errors.Is(err, errThere):
		return &page.Error{
			Status:  http.StatusConflict,
			Message: "You are registered there already. If you do not need this registration, cancel it on its receipt.",
		}
	case err != nil:
		return err
	}
	http.Redirect(w, req, "/r/"+accepted.Token, http.StatusSeeOther)
	return nil
}

// exchange prepares the new registration, which takes the old one's answers but no consent, and its place.
func (r *Room) exchange(old submission.Record, to Webinar, answers form.Values) (submission.Entry, error) {
	f, values := registration(to), maps.Clone(answers)
	for _, field := range f.Fields {
		if field.Kind == form.Consent {
			delete(values, field.Name)
		}
	}
	e, err := r.desk.Entry(f, values)
	if err != nil {
		return e, err
	}
	statement, err := r.desk.Statements.InForce()
	if err != nil {
		return e, err
	}
	e.Email, e.Seal = old.Email, form.NewSeal(f, statement.ID, r.desk.Now())
	e.Locked = func(ctx context.Context, tx pgx.Tx, e *submission.Entry) error {
		if err := lockBoth(ctx, tx, old, to.ID); err != nil {
			return err
		}
		if err := r.decide(ctx, tx, e); err != nil {
			return err
		}
		switch e.Status {
		case Repeated:
			return errThere
		case Waitlisted:
			return errFull
		}
		return r.desk.Store.MoveTx(ctx, tx, old.ID, submission.Change{
			From: live(), To: Cancelled, Kind: "exchanged", By: submission.Sender, Decides: true, Moved: r.moved,
		})
	}
	return e, nil
}

// lockBoth takes the locks in the order that all keep: the registration, then the events by their ids.
func lockBoth(ctx context.Context, tx pgx.Tx, old submission.Record, to uuid.UUID) error {
	if _, err := tx.Exec(ctx, `SELECT FROM submission WHERE id = $1 FOR UPDATE`, old.ID); err != nil {
		return fmt.Errorf("lock registration: %w", err)
	}
	_, err := tx.Exec(ctx, `SELECT FROM webinar WHERE id IN ($1, $2) ORDER BY id FOR UPDATE`, old.SubjectID.UUID, to)
	if err != nil {
		return fmt.Errorf("lock webinars: %w", err)
	}
	return nil
}
