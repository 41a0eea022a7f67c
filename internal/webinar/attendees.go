package webinar

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

type attendeesPage struct {
	page.Base
	listed
	People []attendee
	CanAct bool
	Open   bool // the doors: who is there can be recorded
	Saved  bool
}

// attendee is a line of the list at the door: a name and whom it stands for, no address.
type attendee struct {
	ID        uuid.UUID `db:"id"`
	Name      string    `db:"name"`
	Company   string    `db:"organisation"`
	Reference string    `db:"reference"`
	Status    string    `db:"status"`
	Fixed     bool      `db:"fixed"` // a legal hold, or its sender's wish, keeps it as it is
	At        time.Time `db:"created_at"`
}

// reader returns the webinar of the address and under which role the list of its attendees may be used.
func (r *Room) reader(req *http.Request, right account.Right) (Webinar, *account.Session, error) {
	in := account.From(req.Context())
	if in == nil || !in.Can(right, Kind) {
		return Webinar{}, nil, page.ErrForbidden
	}
	id, err := uuid.Parse(chi.URLParam(req, "id"))
	if err != nil {
		return Webinar{}, nil, page.ErrNotFound
	}
	w, err := byID(req.Context(), r.desk.Pool, id)
	return w, in, err
}

// showAttendees shows who has a seat or waits, to be printed for the door. Looking at it is logged.
func (r *Room) showAttendees(w http.ResponseWriter, req *http.Request) error {
	one, in, err := r.reader(req, account.See)
	if err != nil {
		return err
	}
	shown, err := r.list(req.Context(), one)
	if err != nil {
		return err
	}
	people, err := r.people(req.Context(), one.ID)
	if err != nil {
		return err
	}
	if err := audit.Record(req.Context(), r.desk.Pool, audit.Event{
		At: r.desk.Now(), ActorID: uuid.NullUUID{UUID: in.Account.ID, Valid: true}, Role: string(in.Under(account.See, Kind)),
		Action: "read", Object: "attendees", ObjectID: uuid.NullUUID{UUID: one.ID, Valid: true},
	}); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return r.views.attendees.Write(w, req, http.StatusOK, attendeesPage{
		Base:   page.Base{Title: "Attendees: " + one.Title, NoIndex: true, Path: req.URL.Path},
		listed: shown, People: people, CanAct: in.Can(account.Act, Kind), Open: one.doorsOpen(r.desk.Now()), Saved: req.URL.Query().Has("saved"),
	})
}

func (r *Room) people(ctx context.Context, webinar uuid.UUID) ([]attendee, error) {
	people, err := postgres.Rows[attendee](ctx, r.desk.Pool, `
		SELECT id, name, organisation, reference, status, created_at,
			held(person_id, id, kind, created_at) OR restricted(person_id, id) AS fixed
		FROM submission
		WHERE subject_id = $1 AND status IN ('registered', 'attended', 'waitlisted') AND quarantined_at IS NULL
		ORDER BY status = 'waitlisted', CASE WHEN status = 'waitlisted' THEN '' ELSE lower(name) END, created_at, id`, webinar)
	if err != nil {
		return nil, fmt.Errorf("list attendees: %w", err)
	}
	return people, nil
}

// takeAttendance records who was there.
func (r *Room) takeAttendance(w http.ResponseWriter, req *http.Request) error {
	one, in, err := r.reader(req, account.Act)
	if err != nil {
		return err
	}
	if err := page.ReadForm(req, 256<<10); err != nil {
		return err
	}
	people, err := r.people(req.Context(), one.ID)
	if err != nil {
		return err
	}
	by := submission.Actor{ID: in.Account.ID, Role: string(in.Under(account.Act, Kind))}
	for _, who := range people {
		if who.Fixed || !slices.Contains(req.PostForm["id"], who.ID.String()) {
			continue
		}
		err := r.desk.Store.Move(req.Context(), who.ID, submission.Change{
			From: []string{Registered}, To: Attended, By: by, Decides: true, Moved: r.moved,
		})
		if err != nil && !errors.Is(err, submission.ErrMove) {
			return err
		}
	}
	http.Redirect(w, req, req.URL.Path+"?saved", http.StatusSeeOther)
	return nil
}
