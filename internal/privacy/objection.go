package privacy

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/page"
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

func (r *Room) onObjection(w http.ResponseWriter, req *http.Request, sql string, args ...any) error {
	who, err := r.desk.Ring.ParseToken(objectionToken, chi.URLParam(req, "token"))
	if err != nil {
		return page.ErrNotFound
	}
	data := objectionPage{Base: page.Base{
		Title: "Object to new uses", Description: "One button keeps what you sent from being used for more than you were told then.",
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
