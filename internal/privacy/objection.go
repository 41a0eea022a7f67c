package privacy

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

const objectionToken = "objection"

// ObjectionPath is where a person objects to new uses of what they sent.
func (r *Room) ObjectionPath(who uuid.UUID) string {
	return "/privacy/objection/" + r.desk.Ring.Token(objectionToken, who)
}

type objectionPage struct {
	page.Base
	Done    bool
	Nothing bool // nobody was told under this link, or the person is erased
}

func (r *Room) showObjection(w http.ResponseWriter, req *http.Request) error {
	return r.onObjection(w, req, `
		SELECT bool_and(objected_at IS NOT NULL) FROM notice n JOIN person p ON p.id = n.person_id
		WHERE n.person_id = $1 AND p.erased_at IS NULL HAVING count(*) > 0`)
}

// takeObjection objects to every new use that the person was told of, as often as it is pressed.
func (r *Room) takeObjection(w http.ResponseWriter, req *http.Request) error {
	return r.onObjection(w, req, `
		WITH objected AS (UPDATE notice n SET objected_at = coalesce(objected_at, $2) FROM person p
			WHERE p.id = n.person_id AND n.person_id = $1 AND p.erased_at IS NULL RETURNING true)
		SELECT true FROM objected LIMIT 1`, r.desk.Now())
}

// takeOfficeObjection notes an objection that reached us by phone or letter. It counts like one by the link, and also for
// versions of which the person was not told yet; told they are all the same.
func (r *Room) takeOfficeObjection(w http.ResponseWriter, req *http.Request) error {
	who, err := uuid.Parse(chi.URLParam(req, "id"))
	if err != nil {
		return page.ErrNotFound
	}
	p, err := r.desk.People.Get(req.Context(), who)
	if errors.Is(err, person.ErrNotFound) || err == nil && p.ErasedAt != nil {
		return page.ErrNotFound
	}
	if err != nil {
		return err
	}
	if err := r.object(req.Context(), who, actorOf(req)); err != nil {
		return err
	}
	http.Redirect(w, req, person.Path(who)+"?done=objected", http.StatusSeeOther)
	return nil
}

// object writes the objection down for every version later than the earliest that was shown with a record of a kind.
func (r *Room) object(ctx context.Context, who uuid.UUID, by submission.Actor) error {
	now := r.desk.Now()
	err := pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `
			INSERT INTO notice (person_id, version, kind, queued_at, objected_at)
			SELECT $1, later.id, shown.kind, $2, $2
			FROM (SELECT DISTINCT ON (c.kind) c.kind, v.effective_on, v.id
				FROM collected c JOIN statement_version v ON v.id = c.version
				WHERE c.person_id = $1 ORDER BY c.kind, v.effective_on, v.id) shown
			JOIN statement_version later ON (later.effective_on, later.id) > (shown.effective_on, shown.id)
			ON CONFLICT (person_id, kind, version) DO UPDATE SET objected_at = coalesce(notice.objected_at, EXCLUDED.objected_at)`,
			who, now); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{
			At: now, ActorID: uuid.NullUUID{UUID: by.ID, Valid: true}, Role: by.Role,
			Action: "object to new uses", Object: "person", ObjectID: uuid.NullUUID{UUID: who, Valid: true},
		})
	})
	if err != nil {
		return fmt.Errorf("note an objection: %w", err)
	}
	return nil
}

func (r *Room) onObjection(w http.ResponseWriter, req *http.Request, sql string, args ...any) error {
	who, err := r.desk.Ring.ParseToken(objectionToken, chi.URLParam(req, "token"))
	if err != nil {
		return page.ErrNotFound
	}
	data := objectionPage{Base: page.Base{
		Title: "Object to new uses", Description: r.say("objection_about"),
		NoIndex: true, Path: req.URL.Path,
	}}
	err = r.desk.Pool.QueryRow(req.Context(), sql, append([]any{who}, args...)...).Scan(&data.Done)
	if errors.Is(err, pgx.ErrNoRows) {
		data.Nothing, err = true, nil
	}
	if err != nil {
		return fmt.Errorf("object: %w", err)
	}
	w.Header().Set("Cache-Control", "no-store")
	return r.views.objection.Write(w, req, http.StatusOK, data)
}
