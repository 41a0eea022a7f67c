package access

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// deed is something that staff do with an access on a page of its own.
type deed struct {
	from []string
	form func(now time.Time) form.Form
	do   func(ctx context.Context, rec submission.Record, v form.Values, by submission.Actor) error
}

func (r *room) staff(router chi.Router) {
	for word, d := range map[string]deed{
		"approve": {[]string{"new", activity.Asked}, r.approveForm, r.approve},
		"renew":   {[]string{approved, active, ended}, r.renewForm, r.renew},
		"end":     {[]string{approved, active}, r.endForm, r.end},
	} {
		handle := r.desk.Pages.Handle(r.on(d))
		router.Get("/access/{id}/"+word, handle)
		router.Post("/access/{id}/"+word, handle)
	}
}

// on shows the page of a deed, and does it when it is sent.
func (r *room) on(d deed) page.Handler {
	return func(w http.ResponseWriter, req *http.Request) error {
		rec, by, err := r.open(req)
		if err != nil {
			return err
		}
		f := d.form(r.desk.Now())
		possible := slices.Contains(d.from, rec.Status)
		if req.Method != http.MethodPost {
			if !possible {
				return r.late()
			}
			values, err := r.offered(req.Context(), rec, f)
			if err != nil {
				return err
			}
			return r.drawTerm(w, req, http.StatusOK, rec, by, f, form.Shown{Values: values})
		}
		if err := page.ReadForm(req, page.MostForm); err != nil {
			return err
		}
		values, errs := f.Parse(req.PostForm)
		if len(errs) > 0 && possible {
			return r.drawTerm(w, req, http.StatusUnprocessableEntity, rec, by, f, form.Shown{Values: req.PostForm, Errors: errs})
		}
		err = r.perform(req.Context(), d, rec, values, by)
		if err != nil {
			return err
		}
		http.Redirect(w, req, submission.RecordPath(rec.ID), http.StatusSeeOther)
		return nil
	}
}

// perform does a deed once, however often the button was pressed.
func (r *room) perform(ctx context.Context, d deed, rec submission.Record, v form.Values, by submission.Actor) error {
	if done, err := r.repeated(ctx, rec.ID, by, detail(v)); done || err != nil {
		return err
	}
	if slices.Contains(d.from, rec.Status) {
		if err := d.do(ctx, rec, v, by); !errors.Is(err, submission.ErrMove) {
			return err
		}
		if done, err := r.repeated(ctx, rec.ID, by, detail(v)); done || err != nil { // it was, while this one waited
			return err
		}
	}
	return r.late()
}

// detail is what the record's history tells of a deed.
func detail(v form.Values) map[string]string {
	d := map[string]string{}
	for name, value := range map[string]string{
		"until": v.Get("until"), "opens": strings.Join(v["products"], " "), "reason": v.Get("reason"),
	} {
		if value != "" {
			d[name] = value
		}
	}
	return d
}

// repeated tells whether the last that was done to a record is the same, by the same: somebody pressed twice.
func (r *room) repeated(ctx context.Context, id uuid.UUID, by submission.Actor, d map[string]string) (bool, error) {
	events, err := r.desk.Store.Events(ctx, id)
	if err != nil || len(events) == 0 {
		return false, err
	}
	last := events[len(events)-1]
	for name, value := range d {
		if last.Detail[name] != value {
			return false, nil
		}
	}
	return last.Actor.UUID == by.ID && len(d) > 0, nil
}

func (r *room) late() error {
	return &page.Error{Status: http.StatusConflict, Message: r.say("late")}
}

// open returns the record of the address, for staff who may act on it.
func (r *room) open(req *http.Request) (rec submission.Record, by submission.Actor, err error) {
	in := account.From(req.Context())
	id, bad := uuid.Parse(chi.URLParam(req, "id"))
	if in == nil || bad != nil || !in.Can(account.See, Kind) {
		return rec, by, page.ErrNotFound
	}
	if !in.Can(account.Act, Kind) {
		return rec, by, page.ErrForbidden
	}
	rec, err = r.desk.Store.Get(req.Context(), id)
	if errors.Is(err, submission.ErrNotFound) || err == nil && rec.Kind != Kind {
		return rec, by, page.ErrNotFound
	}
	if err != nil {
		return rec, by, err
	}
	if rec.Quarantined != nil {
		return rec, by, &page.Error{Status: http.StatusConflict, Message: r.say("apart")}
	}
	if err := r.desk.Changeable(req.Context(), rec.ID); err != nil {
		return rec, by, err
	}
	return rec, submission.Actor{ID: in.Account.ID, Role: string(in.Under(account.Act, Kind))}, nil
}

// offered fills in the usual term, and the products that were asked for.
func (r *room) offered(ctx context.Context, rec submission.Record, f form.Form) (url.Values, error) {
	if _, asks := f.Field("until"); !asks {
		return nil, nil
	}
	opens, err := suggested(ctx, r.desk.Pool, rec)
	return url.Values{
		"until": {clock.AddMonths(r.desk.Now().In(clock.Zone()), usualTerm).Format(time.DateOnly)}, "products": opens,
	}, err
}

// drawTerm logs the reading before it shows whose access it is.
func (r *room) drawTerm(
	w http.ResponseWriter, req *http.Request, status int, rec submission.Record, by submission.Actor, f form.Form, s form.Shown,
) error {
	if err := r.desk.Store.Read(req.Context(), rec.ID, by); err != nil {
		return err
	}
	t, err := r.term(req.Context(), rec)
	if err != nil {
		return err
	}
	s.Action = req.URL.Path
	v := f.Plain(s)
	return r.views.term.Write(w, req, status, termPage{
		Base: page.Base{
			Title: f.Title, NoIndex: true,
			Crumbs: []page.Crumb{{Label: "Inbox", Path: "/staff/submissions"}, {Label: rec.Reference, Path: submission.RecordPath(rec.ID)}, {Label: f.Title}},
		},
		Name: rec.Name, Company: rec.Company, Reference: rec.Reference, Back: submission.RecordPath(rec.ID), Term: t, Form: v,
	})
}
