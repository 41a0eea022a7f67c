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
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/submission"
)

// seatView is what the receipt and the record page show of a registration.
type seatView struct {
	listed
	Receipt  string // its address
	Status   string
	Position int
	Others   []Webinar // that one may change to
	Public   bool      // its page is there
	Known    bool      // the address was confirmed since, or before this took the place of another: whoever reads it has the mailbox
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
	l, err := r.list(ctx, w)
	if err != nil {
		return v, false, err
	}
	v = seatView{listed: l, Receipt: r.desk.ReceiptPath(rec.ID), Status: shownAs(rec.Status), Public: publish.Public(w.State, w.PublishAt, r.desk.Now())}
	err = r.desk.Pool.QueryRow(ctx, `
		SELECT count(*) + 1, EXISTS (SELECT FROM confirmation WHERE person_id = $4 AND at >= $2)
			OR EXISTS (SELECT FROM submission_event x JOIN submission o ON o.id = x.submission_id
				WHERE o.person_id = $4 AND x.kind = 'exchanged' AND (x.detail ->> 'event')::uuid = $1 AND x.at >= $2)
		FROM submission
		WHERE subject_id = $1 AND status = 'waitlisted' AND quarantined_at IS NULL AND (created_at, id) < ($2, $3)`,
		w.ID, rec.CreatedAt, rec.ID, rec.PersonID).Scan(&v.Position, &v.Known)
	if err != nil {
		return v, false, fmt.Errorf("read place on the waiting list: %w", err)
	}
	if v.Status != Waitlisted || rec.Quarantined != nil || w.Cancelled() {
		v.Position = 0
	}
	v.Known = v.Known && slices.Contains(live(), rec.Status) && rec.Quarantined == nil
	return v, true, nil
}

// shownAs is the status in whose words a registration is shown: that an address was registered before is told to its
// owner by mail, and to nobody else.
func shownAs(status string) string {
	switch status {
	case Repeated:
		return Registered
	case Queued:
		return Waitlisted
	}
	return status
}

// receipt shows how a registration stands. What it shows depends on the address being registered before only once the
// mailbox was shown to be the reader's: until then the way into the room and the change to another event are left to the
// mail, and what can be pressed does the same to the eye, whether there is a seat behind it or not. That the number of
// free seats, which everybody sees, stays the same by a second sending is not hidden; nor that it never moves up.
func (r *Room) receipt(ctx context.Context, rec submission.Record) (activity.Extra, error) {
	v, ok, err := r.view(ctx, rec)
	if err != nil || !ok {
		return activity.Extra{}, err
	}
	var extra activity.Extra
	if slices.Contains(live(), v.Status) && v.Stand.Takes() {
		if v.Known {
			if v.Others, err = r.others(ctx, v.ID); err != nil {
				return activity.Extra{}, err
			}
		}
		label := "Give my seat back"
		if v.Status == Waitlisted {
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
	list, err := r.published(ctx)
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
	if again(rec.Status) {
		v.Position = 0 // shown to its sender, and held by nobody
	}
	return r.views.show.Fragment("webinar-panel", v)
}

// servePersonal serves the entry of a seat, without the address that it was mailed to.
func (r *Room) servePersonal(w http.ResponseWriter, req *http.Request, rec submission.Record) error {
	if rec.Kind != Kind || shownAs(rec.Status) != Registered {
		return page.ErrNotFound
	}
	v, ok, err := r.view(req.Context(), rec)
	if err != nil {
		return err
	}
	if !ok {
		return page.ErrNotFound
	}
	if !v.Known {
		v.JoinURL = ""
	}
	e := r.personal(v.Webinar, guestOf(rec), "PUBLISH")
	e.Attendee = "" // the receipt tells no contents to whoever has its link
	return serveEntry(w, req, v.Webinar, e)
}

// cancel gives a seat back, or a place on the waiting list. Pressed twice, it has been given back. What was sent for an
// address that had a seat is cancelled by itself, without a mail: the seat stands.
func (r *Room) cancel(w http.ResponseWriter, req *http.Request, rec submission.Record) error {
	if rec.Kind != Kind {
		return page.ErrNotFound
	}
	var held bool // until now
	err := r.desk.Store.Move(req.Context(), rec.ID, submission.Change{
		From: append(live(), Repeated, Queued), To: Cancelled, Kind: "cancelled", By: submission.Sender, Decides: true,
		Moved: func(ctx context.Context, tx pgx.Tx, now submission.Record, to string) error {
			held = true
			if now.Quarantined != nil {
				return r.errApart
			}
			return r.moved(ctx, tx, now, to)
		},
	})
	if errors.Is(err, r.errApart) {
		return r.errApart
	}
	if err != nil && (held || !errors.Is(err, submission.ErrMove)) {
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
	if rec.Kind != Kind {
		return page.ErrNotFound
	}
	if err := page.ReadForm(req, page.MostForm); err != nil {
		return err
	}
	to, err := r.bySlug(ctx, form.Clean(req.PostForm.Get("to"), false))
	if err != nil {
		return err
	}
	if done, err := r.exchanged(w, req, rec, to.ID); done || err != nil {
		return err
	}
	if err := r.mayChange(ctx, rec, to); err != nil {
		return err
	}
	versions, err := r.desk.Store.Versions(ctx, rec.ID)
	if err != nil {
		return err
	}
	if len(versions) == 0 {
		return page.ErrNotFound
	}
	e, err := r.exchange(rec, to, versions)
	if err != nil {
		return err
	}
	accepted, err := r.desk.Store.Accept(ctx, e)
	if errors.Is(err, errFull) || errors.Is(err, errThere) || errors.Is(err, submission.ErrMove) {
		if done, err := r.exchanged(w, req, rec, to.ID); done || err != nil { // by the first of two clicks
			return err
		}
	}
	if err != nil {
		return r.unchanged(err)
	}
	http.Redirect(w, req, submission.ReceiptPath(accepted.Token), http.StatusSeeOther)
	return nil
}

// mayChange says why a registration can't be exchanged for a seat at that event, whether or not one is free.
func (r *Room) mayChange(ctx context.Context, rec submission.Record, to Webinar) error {
	if !slices.Contains(live(), shownAs(rec.Status)) {
		return &page.Error{Status: http.StatusConflict, Message: r.say("given_up")}
	}
	v, ok, err := r.view(ctx, rec)
	switch {
	case err != nil:
		return err
	case !ok:
		return page.ErrNotFound
	case rec.Quarantined != nil:
		return r.errApart
	case !v.Known:
		return &page.Error{Status: http.StatusConflict, Message: r.say("unknown")}
	case to.ID == v.ID:
		return page.ErrNotFound
	}
	return nil
}

// unchanged says to whoever wanted another event why nothing was exchanged.
func (r *Room) unchanged(err error) error {
	switch {
	case errors.Is(err, r.errApart):
		return r.errApart
	case errors.Is(err, errFull), errors.Is(err, r.errClosed), errors.Is(err, submission.ErrMove):
		return &page.Error{Status: http.StatusConflict, Message: r.say("full")}
	case errors.Is(err, errThere):
		return &page.Error{Status: http.StatusConflict, Message: r.say("there")}
	}
	return err
}

// exchanged leads to the seat for which a registration was given up, if it was given up for one at that event.
func (r *Room) exchanged(w http.ResponseWriter, req *http.Request, old submission.Record, to uuid.UUID) (bool, error) {
	var id uuid.UUID
	err := r.desk.Pool.QueryRow(req.Context(), `
		SELECT s.id FROM submission_event e
		JOIN submission s ON s.person_id = $3 AND s.subject_id = $2 AND s.status = ANY($4) AND s.quarantined_at IS NULL
		WHERE e.submission_id = $1 AND e.kind = 'exchanged' AND e.detail ->> 'event' = $2::text
		ORDER BY s.created_at, s.id LIMIT 1`, old.ID, to, old.PersonID, live()).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for exchanged registration: %w", err)
	}
	http.Redirect(w, req, r.desk.ReceiptPath(id), http.StatusSeeOther)
	return true, nil
}

// exchange prepares the new registration, which takes the old one's answers but no consent, and its place. It stands
// under the statement that was shown with the first answers: nobody saw another since (P-18).
func (r *Room) exchange(old submission.Record, to Webinar, newestFirst []submission.Version) (submission.Entry, error) {
	first := newestFirst[len(newestFirst)-1]
	f, values := registration(to), maps.Clone(newestFirst[0].Values)
	for _, field := range f.Fields {
		if field.Kind == form.Consent {
			delete(values, field.Name)
		}
	}
	e, err := r.desk.Entry(f, values)
	if err != nil {
		return e, err
	}
	e.Email, e.Seal = old.Email, form.NewSeal(f, first.Statement, r.desk.Now())
	e.Locked = func(ctx context.Context, tx pgx.Tx, e *submission.Entry) error {
		if err := r.lockBoth(ctx, tx, old, to.ID); err != nil {
			return err
		}
		if err := r.give(ctx, tx, e, func(uuid.UUID) string { return "" }); err != nil { // confirmed, or nothing could be exchanged
			return err
		}
		switch e.Status {
		case Repeated, Queued:
			return errThere
		case Waitlisted:
			return errFull
		}
		return r.desk.Store.MoveTx(ctx, tx, old.ID, submission.Change{
			From: live(), To: Cancelled, Kind: "exchanged", By: submission.Sender, Decides: true, Moved: r.moved,
			Detail: map[string]string{"event": to.ID.String()},
		})
	}
	return e, nil
}

// lockBoth takes the locks in the order that all keep who hold two events: registrations first, then the events by their ids.
func (r *Room) lockBoth(ctx context.Context, tx pgx.Tx, old submission.Record, to uuid.UUID) error {
	var apart bool
	err := tx.QueryRow(ctx, `SELECT quarantined_at IS NOT NULL FROM submission WHERE id = $1 FOR UPDATE`, old.ID).Scan(&apart)
	if err != nil {
		return fmt.Errorf("lock registration: %w", err)
	}
	if apart {
		return r.errApart
	}
	_, err = tx.Exec(ctx, `SELECT FROM webinar WHERE id IN ($1, $2) ORDER BY id FOR UPDATE`, old.SubjectID.UUID, to)
	if err != nil {
		return fmt.Errorf("lock webinars: %w", err)
	}
	return nil
}
