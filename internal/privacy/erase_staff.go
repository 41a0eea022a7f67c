package privacy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

const erasuresPath = "/staff/erasures"

// Office is where the privacy officer erases a person who asked for it by whichever way, and sees what became of it.
type Office struct {
	eraser   *Eraser
	accounts *account.Service
	view     page.View[erasuresPage]
}

// NewOffice returns the office. It panics where a template is missing.
func NewOffice(eraser *Eraser, accounts *account.Service) *Office {
	return &Office{eraser, accounts, page.Load[erasuresPage](eraser.desk.Pages, "privacy/staff_erasures")}
}

type erasuresPage struct {
	page.Base
	Form form.View
	Told *Erasure // what just came of one
	List []erasureLine
}

// erasureLine is an erasure without whom it was about.
type erasureLine struct {
	AskedAt time.Time  `db:"asked_at"`
	DoneAt  *time.Time `db:"done_at"`
	Held    bool       `db:"held"`
}

// Staff mounts the page below /staff. The password is asked once more before anybody is erased.
func (o *Office) Staff(r chi.Router) {
	set := o.eraser.desk.Pages
	r.Get("/erasures", set.Handle(officer(o.show)))
	r.With(o.accounts.RequireRight(account.Publish, Kind), o.accounts.RequireFresh).
		Post("/erasures", set.Handle(officer(o.submit)))
}

func eraseForm() form.Form {
	return form.Form{
		Kind: Kind, Title: "Erase a person", Button: "Erase all of this person",
		Intro: "Make sure first that whoever asks is the person, and answer them: nothing can be mailed afterwards. It can’t be undone.",
		Fields: []form.Field{
			{Name: "email", Label: "Address of the person", Kind: form.Email, Required: true},
			{Name: "reference", Label: "Number of one of their records", Kind: form.Text, Required: true, Hint: "Two things that must fit, so that a slip erases nobody.", Example: "CC-7Q2HD-M5X0P"},
		},
	}
}

func (o *Office) show(w http.ResponseWriter, r *http.Request) error {
	id, err := uuid.Parse(r.URL.Query().Get("done"))
	if err != nil {
		return o.draw(w, r, http.StatusOK, form.Shown{}, nil)
	}
	told, err := o.eraser.Report(r.Context(), id)
	if errors.Is(err, person.ErrNotFound) {
		return page.ErrNotFound
	}
	if err != nil {
		return err
	}
	return o.draw(w, r, http.StatusOK, form.Shown{}, &told)
}

func (o *Office) draw(w http.ResponseWriter, r *http.Request, status int, s form.Shown, told *Erasure) error {
	s.Action = erasuresPath
	view := eraseForm().Plain(s)
	list, err := postgres.Rows[erasureLine](r.Context(), o.eraser.desk.Pool, `
		SELECT asked_at, done_at, done_at IS NULL AND person_held(person_id) AS held
		FROM erasure ORDER BY asked_at DESC, id DESC LIMIT 50`)
	if err != nil {
		return fmt.Errorf("list erasures: %w", err)
	}
	return o.view.Write(w, r, status, erasuresPage{
		Base: page.Base{Title: "Erasures", NoIndex: true}, Form: view, Told: told, List: list,
	})
}

func (o *Office) submit(w http.ResponseWriter, r *http.Request) error {
	if err := page.ReadForm(r, page.MostForm); err != nil {
		return err
	}
	v, errs := eraseForm().Parse(r.PostForm)
	if len(errs) > 0 {
		return o.draw(w, r, http.StatusUnprocessableEntity, form.Shown{Values: r.PostForm, Errors: errs}, nil)
	}
	ctx := r.Context()
	who, err := o.find(ctx, v.Get("email"), v.Get("reference"))
	if errors.Is(err, errNobody) {
		errs.Add("reference", o.eraser.say("erase_nothing"))
		return o.draw(w, r, http.StatusUnprocessableEntity, form.Shown{Values: r.PostForm, Errors: errs}, nil)
	}
	if err != nil {
		return err
	}
	by := actorOf(r)
	if err := audit.Record(ctx, o.eraser.desk.Pool, audit.Event{
		At: o.eraser.desk.Now(), ActorID: uuid.NullUUID{UUID: by.ID, Valid: true}, Role: by.Role, Action: "erase", Object: "person",
		ObjectID: uuid.NullUUID{UUID: who, Valid: true},
	}); err != nil {
		return err
	}
	told, err := o.eraser.Erase(ctx, who)
	if err != nil {
		return err
	}
	http.Redirect(w, r, erasuresPath+"?done="+told.ID.String(), http.StatusSeeOther)
	return nil
}

// find returns the person of an address who has a record of that number.
func (o *Office) find(ctx context.Context, email, reference string) (who uuid.UUID, err error) {
	err = o.eraser.desk.Pool.QueryRow(ctx, `
		SELECT p.id FROM person p WHERE p.email = $1
			AND EXISTS (SELECT FROM submission s WHERE s.person_id = p.id AND s.reference = $2)`, email, submission.ReadReference(reference)).Scan(&who)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, errNobody
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("find whom to erase: %w", err)
	}
	return who, nil
}
