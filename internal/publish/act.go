package publish

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// actView is an act ready to be drawn.
type actView struct {
	Act
	Action   string
	Version  int
	Open     bool
	Views    []form.FieldView
	Problems []form.Problem
	Message  string
}

// tried is an act that was refused, with what was typed for it.
type tried struct {
	name    string
	values  url.Values
	errs    form.Errors
	message string
}

// acts returns what can be done to a row as it is: publishing, withdrawing and deleting, then the room's own.
func (e *editor) acts(ctx context.Context, db DB, r row) ([]Act, error) {
	var list []Act
	if status := r.status(e.desk.Now()); status != Published {
		list = append(list, e.publishing(status))
	}
	if r.State == Published {
		list = append(list, Act{
			Name: "withdraw", Label: "Withdraw", Done: doneWithdrawn, Danger: true,
			Hint: e.say("withdraw_hint"),
			Do: func(ctx context.Context, tx pgx.Tx, id uuid.UUID, _ form.Values) error {
				return e.setState(ctx, tx, id, Withdrawn, nil)
			},
		})
	}
	if r.State == Draft {
		list = append(list, Act{
			Name: deleting, Label: "Delete the draft", Done: doneDeleted, Danger: true, Hint: e.say("delete_hint"),
			Do: func(ctx context.Context, tx pgx.Tx, id uuid.UUID, _ form.Values) error { return e.drop(ctx, tx, id) },
		})
	}
	if e.room.Acts == nil {
		return list, nil
	}
	own, err := e.room.Acts(ctx, db, r.ID)
	return append(list, own...), err
}

// deleting is the act after which there is no row.
const deleting = "delete"

// publishing is the act that makes a row public, now or at a time to come.
func (e *editor) publishing(status string) Act {
	act := Act{
		Name: "publish", Label: "Publish", Done: donePublished,
		Hint: e.say("publish_hint"),
		Fields: []form.Field{
			{Name: "date", Label: "Day", Kind: form.Date},
			{Name: "time", Label: "Time in Chicago", Kind: form.Text, Max: 5, Example: "09:00"},
		},
		Check: func(v form.Values, errs form.Errors) {
			if _, err := clock.At(v.Get("date"), v.Get("time")); err != nil {
				errs.Add("time", "Enter a time of day that clocks show on that day, from 00:00 to 23:59, and its day.")
			}
		},
	}
	if status == scheduled {
		act.Label = "Change the schedule"
	}
	act.Do = func(ctx context.Context, tx pgx.Tx, id uuid.UUID, v form.Values) error {
		at, err := clock.At(v.Get("date"), v.Get("time"))
		if err != nil {
			return err
		}
		if at.IsZero() {
			at = e.desk.Now()
		}
		return e.setState(ctx, tx, id, Published, &at)
	}
	return act
}

func (e *editor) setState(ctx context.Context, tx pgx.Tx, id uuid.UUID, state string, at *time.Time) error {
	if state == Published && e.room.Ready != nil {
		lack, err := e.room.Ready(ctx, tx, id)
		if err != nil {
			return err
		}
		if lack != "" {
			return notReady(lack)
		}
	}
	_, err := tx.Exec(ctx, `
		UPDATE `+e.table()+` SET state = $2, publish_at = coalesce($3, publish_at) WHERE id = $1`, id, state, at)
	return err
}

// notReady is what a row lacks to be published.
type notReady string

func (n notReady) Error() string { return "publish: not ready" }

// submitAct does one of the acts, unless the row is no longer what it was when the button was drawn.
func (e *editor) submitAct(w http.ResponseWriter, r *http.Request) error {
	x, err := e.find(r)
	if err != nil {
		return err
	}
	acts, err := e.acts(r.Context(), e.desk.Pool, x.row)
	if err != nil {
		return err
	}
	name := chi.URLParam(r, "act")
	i := slices.IndexFunc(acts, func(a Act) bool { return a.Name == name })
	if i < 0 {
		return e.refuse(w, r, http.StatusConflict, x, tried{name: name, message: e.say("not_now", "one", e.room.One)})
	}
	act := acts[i]
	in, err := e.desk.Receive(w, r, form.Form{Fields: act.renamed()})
	if err != nil {
		return e.notDone(w, r, x, tried{name: name, values: in.Values}, err)
	}
	values, errs := act.parse(in.Values)
	maps.Copy(errs, in.Errors)
	if len(errs) > 0 {
		return e.refuse(w, r, http.StatusUnprocessableEntity, x, tried{name: name, values: in.Values, errs: errs})
	}
	version, _ := strconv.Atoi(in.Values.Get("version"))
	done := act.Done
	if at, err := clock.At(values.Get("date"), values.Get("time")); act.Name == "publish" && err == nil && at.After(e.desk.Now()) {
		done = doneScheduled
	}
	err = e.change(r.Context(), step{
		id: x.row.ID, version: version, done: done, gone: act.Name == deleting,
		fn: func(tx pgx.Tx) error { return act.Do(r.Context(), tx, x.row.ID, values) },
	})
	return e.answerAct(w, r, x, act, in.Values, err)
}

func (e *editor) answerAct(w http.ResponseWriter, r *http.Request, x editing, act Act, typed url.Values, err error) error {
	var (
		lack    notReady
		invalid Invalid
		known   *page.Error
	)
	t := tried{name: act.Name, values: typed}
	switch {
	case err == nil && act.Name == deleting:
		http.Redirect(w, r, "/staff/"+e.room.Path+"?deleted", http.StatusSeeOther)
		return nil
	case err == nil:
		http.Redirect(w, r, e.path(x.row.ID)+"?saved", http.StatusSeeOther)
		return nil
	case errors.As(err, &lack):
		t.message = string(lack)
		return e.refuse(w, r, http.StatusUnprocessableEntity, x, t)
	case errors.As(err, &invalid):
		t.errs = form.Errors{}
		for name, sentence := range invalid {
			t.errs[act.Name+"-"+name] = sentence
		}
		return e.refuse(w, r, http.StatusUnprocessableEntity, x, t)
	case errors.Is(err, errStale):
		now, err := e.find(r)
		if err != nil {
			return err
		}
		t.message = e.say("stale", "who", now.row.Editor, "one", e.room.One)
		return e.refuse(w, r, http.StatusConflict, now, t)
	case errors.As(err, &known):
		return err
	}
	return e.notDone(w, r, x, t, err)
}

// notDone shows what was typed for an act that can't be done just now.
func (e *editor) notDone(w http.ResponseWriter, r *http.Request, x editing, t tried, why error) error {
	e.sorry(w, r, x, why)
	t.message = e.say("not_stored")
	return e.refuse(w, r, http.StatusServiceUnavailable, x, t)
}

func (e *editor) refuse(w http.ResponseWriter, r *http.Request, status int, x editing, t tried) error {
	x.act = &t
	return e.write(w, r, status, x)
}

// renamed returns the act's fields under names that no other form of the page has.
func (a Act) renamed() []form.Field {
	fields := slices.Clone(a.Fields)
	for i := range fields {
		fields[i].Name = a.Name + "-" + fields[i].Name
	}
	return fields
}

// parse judges what was typed for an act. The values come under the room's own names, the errors under the page's.
func (a Act) parse(sent url.Values) (form.Values, form.Errors) {
	values, errs := form.Form{Fields: a.renamed()}.Parse(sent)
	own := form.Values{}
	for name, list := range values {
		own[strings.TrimPrefix(name, a.Name+"-")] = list
	}
	if a.Check == nil || len(errs) > 0 {
		return own, errs
	}
	found := form.Errors{}
	a.Check(own, found)
	for name, sentence := range found {
		errs[a.Name+"-"+name] = sentence
	}
	return own, errs
}

// viewActs draws the acts of a row; the one that was refused stands open, with what was typed.
func viewActs(acts []Act, x editing) []actView {
	views := make([]actView, 0, len(acts)+1)
	for _, a := range acts {
		v := actView{Act: a, Action: x.shown.Action + "/" + a.Name, Version: x.row.Version}
		shown := form.Shown{}
		if x.act != nil && x.act.name == a.Name {
			shown.Values, shown.Errors = x.act.values, x.act.errs
			v.Open, v.Message = true, x.act.message
		}
		if len(a.Fields) > 0 {
			drawn := form.Form{Fields: a.renamed()}.View(shown)
			v.Views, v.Problems = drawn.Fields, drawn.Problems
		}
		views = append(views, v)
	}
	if x.act != nil && !slices.ContainsFunc(acts, func(a Act) bool { return a.Name == x.act.name }) {
		views = append(views, actView{Act: Act{Label: "Not done"}, Open: true, Message: x.act.message})
	}
	return views
}
