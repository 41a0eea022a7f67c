package publish

import (
	"cmp"
	"context"
	"errors"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/word"
)

// Words of the history for what every room can do. An Act brings its own.
const (
	doneCreated   = "created"
	doneEdited    = "edited"
	donePublished = "published"
	doneScheduled = "scheduled"
	doneWithdrawn = "withdrawn"
	doneDeleted   = "deleted"
)

type listPage struct {
	page.Base
	One, Many, Path string
	Notes           bool // the room says something of its rows
	Deleted         bool // a draft was, just now
	Rows            []listRow
	Older           string // address of the next page
}

type listRow struct {
	row
	Status, Note, Since, Edited, Address string
}

// editPage is the form of one row with all that can be done to it.
type editPage struct {
	page.Base
	One, Many     string
	Row           row
	New           bool
	Status, Since string
	Address       string // of the row's public page, where it has one now
	Form          form.View
	Acts          []actView
	History       []entry
	Conflict      *conflict
	Saved         bool
	Panel         template.HTML
	PreviewPath   string
	TakePath      string // where staff take a request for the row by phone; empty where they can't
}

func (e *editor) showList(w http.ResponseWriter, r *http.Request) error {
	after, _ := uuid.Parse(r.URL.Query().Get("after")) // anything else is the beginning
	rows, more, err := e.rows(r.Context(), after)
	if err != nil {
		return err
	}
	notes, err := e.notes(r.Context(), rows...)
	if err != nil {
		return err
	}
	data := listPage{
		Base: page.Base{Title: word.Capital(e.room.Many), NoIndex: true, Path: r.URL.Path},
		One:  e.room.One, Many: e.room.Many, Path: "/staff/" + e.room.Path, Notes: e.room.Notes != nil,
		Deleted: r.URL.Query().Has("deleted"),
	}
	for _, row := range rows {
		note := notes[row.ID]
		data.Rows = append(data.Rows, listRow{
			row: row, Status: row.shown(note, e.desk.Now()), Note: note.Words, Since: e.since(row), Edited: inWords(row.UpdatedAt),
			Address: e.path(row.ID),
		})
	}
	if more {
		data.Older = data.Path + "?after=" + rows[len(rows)-1].ID.String()
	}
	return e.views.list.Write(w, r, http.StatusOK, data)
}

func (e *editor) notes(ctx context.Context, rows ...row) (map[uuid.UUID]Note, error) {
	if e.room.Notes == nil {
		return nil, nil
	}
	ids := make([]uuid.UUID, 0, len(rows))
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return e.room.Notes(ctx, ids)
}

// form returns the edit form of a row; uuid.Nil stands for a new one.
func (e *editor) form(ctx context.Context, id uuid.UUID) (form.Form, error) {
	fields, err := e.room.Fields(ctx, e.desk.Pool, id)
	if err != nil {
		return form.Form{}, err
	}
	return form.Form{
		Kind: e.room.Kind, Fields: fields,
		Check: func(v form.Values, errs form.Errors) {
			checkSlug(fields, v, errs)
			if e.room.Check != nil {
				e.room.Check(v, errs)
			}
		},
	}, nil
}

// editing is one look at the form of a row, with what stands in it.
type editing struct {
	row      row // version 0: new
	base     int // the version that is edited, where it may be an older one
	form     form.Form
	shown    form.Shown
	conflict *conflict
	act      *tried // the act that was refused, with what was typed for it
}

func (e *editor) showNew(w http.ResponseWriter, r *http.Request) error {
	x, err := e.blank(r.Context())
	if err != nil {
		return err
	}
	return e.write(w, r, http.StatusOK, x)
}

// blank is the form of a new row.
func (e *editor) blank(ctx context.Context) (editing, error) {
	f, err := e.form(ctx, uuid.Nil)
	if err != nil {
		return editing{}, err
	}
	id, err := uuid.NewV7()
	return editing{row: row{ID: id, State: Draft}, form: f}, err
}

func (e *editor) showEdit(w http.ResponseWriter, r *http.Request) error {
	x, err := e.find(r)
	if err != nil {
		return err
	}
	return e.write(w, r, http.StatusOK, x)
}

// find returns the row that the address names, as it is stored.
func (e *editor) find(r *http.Request) (editing, error) {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return editing{}, page.ErrNotFound
	}
	return e.stored(r.Context(), id)
}

func (e *editor) stored(ctx context.Context, id uuid.UUID) (editing, error) {
	row, err := e.row(ctx, e.desk.Pool, id, "")
	if err != nil {
		return editing{}, err
	}
	values, err := e.room.Load(ctx, e.desk.Pool, id)
	if err != nil {
		return editing{}, err
	}
	f, err := e.form(ctx, id)
	return editing{row: row, form: f, shown: form.Shown{Values: url.Values(values)}}, err
}

func (e *editor) submitNew(w http.ResponseWriter, r *http.Request) error {
	f, err := e.form(r.Context(), uuid.Nil)
	if err != nil {
		return err
	}
	return e.take(w, r, editing{row: row{State: Draft}, form: f})
}

func (e *editor) submitEdit(w http.ResponseWriter, r *http.Request) error {
	x, err := e.find(r)
	if errors.Is(err, page.ErrNotFound) {
		return e.submitDeleted(w, r, err)
	}
	if err != nil {
		return err
	}
	return e.take(w, r, x)
}

// submitDeleted reads what was typed for a row that is not there.
func (e *editor) submitDeleted(w http.ResponseWriter, r *http.Request, missing error) error {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return missing
	}
	x, err := e.blank(r.Context())
	if err != nil {
		return err
	}
	in, err := e.desk.Receive(w, r, x.form)
	if err != nil {
		x.shown = form.Shown{Values: in.Values, Kept: in.Kept}
		return e.notStored(w, r, x, err)
	}
	return e.answerDeleted(w, r, id, in, missing)
}

// answerDeleted keeps what was typed for a draft that somebody deleted meanwhile: it may be saved as a new one.
func (e *editor) answerDeleted(w http.ResponseWriter, r *http.Request, id uuid.UUID, in activity.Received, missing error) error {
	changes, err := Changes(r.Context(), e.desk.Pool, e.room.Kind, id)
	if err != nil {
		return err
	}
	if len(changes) == 0 || changes[0].Action != doneDeleted {
		return missing
	}
	x, err := e.blank(r.Context())
	if err != nil {
		return err
	}
	x.shown = form.Shown{
		Values: in.Values, Kept: in.Kept, Message: e.say("deleted_typed", "who", changes[0].Editor, "one", e.room.One),
	}
	return e.write(w, r, http.StatusConflict, x)
}

// take saves what was typed, previews it, or shows it again with what is to be mended.
func (e *editor) take(w http.ResponseWriter, r *http.Request, x editing) error {
	in, fault := e.desk.Receive(w, r, x.form)
	fresh := x.row.Version == 0
	if fresh {
		id, err := uuid.Parse(in.Values.Get("id"))
		if err != nil {
			return page.ErrNotFound
		}
		x.row.ID = id
	}
	values, errs := x.form.Parse(in.Values)
	maps.Copy(errs, in.Errors)
	x.shown = form.Shown{Values: in.Values, Errors: errs, Kept: in.Kept, Message: in.Message}
	x.base, _ = strconv.Atoi(in.Values.Get("version"))
	if !fresh && x.base < 1 {
		x.base = -1 // what is no number is no version, so it is stale
	}
	if fault != nil {
		return e.notStored(w, r, x, fault)
	}
	if in.Status != 0 {
		return e.write(w, r, in.Status, x)
	}
	if len(errs) > 0 {
		return e.write(w, r, http.StatusUnprocessableEntity, x)
	}
	saving := Saving{ID: x.row.ID, New: fresh, Values: values, Files: in.Files, Now: e.desk.Now()}
	preview := in.Values.Get("do") == "preview"
	err := e.save(w, r, saving, x.base, preview)
	if errors.Is(err, errExists) { // twice, or again after the way back: an edit of what the first sending made
		saving.New, x.base = false, 1
		err = e.save(w, r, saving, x.base, preview)
	}
	if preview && err == nil {
		return nil
	}
	return e.answer(w, r, x, in, err)
}

// save does a saving that is based on a version, or draws its preview and keeps nothing.
func (e *editor) save(w http.ResponseWriter, r *http.Request, saving Saving, version int, preview bool) error {
	s := step{id: saving.ID, fresh: saving.New, version: version, done: doneEdited}
	if saving.New {
		s.done = doneCreated
	}
	s.fn = func(tx pgx.Tx) error { return e.room.Save(r.Context(), tx, saving) }
	if preview {
		s.preview = func(tx pgx.Tx) error { return e.preview(w, r, tx, saving.ID, saving.New) }
	}
	return e.change(r.Context(), s)
}

// notStored shows what was typed where it can't be stored just now.
func (e *editor) notStored(w http.ResponseWriter, r *http.Request, x editing, why error) error {
	e.sorry(w, r, x, why)
	x.shown.Errors, x.shown.Message = nil, e.say("not_stored")
	return e.write(w, r, http.StatusServiceUnavailable, x)
}

// sorry logs why something can't be stored, and says when to try again.
func (e *editor) sorry(w http.ResponseWriter, r *http.Request, x editing, why error) {
	e.desk.Log.ErrorContext(r.Context(), "could not save", "id", page.RequestID(r), "kind", e.room.Kind, "row", x.row.ID, "err", why)
	w.Header().Set("Retry-After", "30")
}

// answer says what became of a saving.
func (e *editor) answer(w http.ResponseWriter, r *http.Request, x editing, in activity.Received, err error) error {
	var (
		invalid Invalid
		known   *page.Error
	)
	switch {
	case err == nil:
		http.Redirect(w, r, e.path(x.row.ID)+"?saved", http.StatusSeeOther)
		return nil
	case errors.As(err, &invalid):
		x.shown.Errors = form.Errors(invalid)
		return e.write(w, r, http.StatusUnprocessableEntity, x)
	case errors.Is(err, errStale):
		now, err := e.stored(r.Context(), x.row.ID)
		if errors.Is(err, page.ErrNotFound) {
			return e.answerDeleted(w, r, x.row.ID, in, err)
		}
		if err != nil {
			return err
		}
		if now.conflict, err = e.compare(r.Context(), now, in.Values, x.base); err != nil {
			return err
		}
		now.shown = x.shown
		return e.write(w, r, http.StatusConflict, now)
	case errors.Is(err, page.ErrNotFound) && x.row.Version > 0:
		return e.answerDeleted(w, r, x.row.ID, in, err)
	case errors.As(err, &known):
		return err
	}
	return e.notStored(w, r, x, err)
}

func (e *editor) showPreview(w http.ResponseWriter, r *http.Request) error {
	x, err := e.find(r)
	if err != nil {
		return err
	}
	return e.preview(w, r, e.desk.Pool, x.row.ID, false)
}

// preview lets the room draw its public page, marked as what it is.
func (e *editor) preview(w http.ResponseWriter, r *http.Request, db DB, id uuid.UUID, fresh bool) error {
	back := e.path(id)
	if fresh {
		back = "/staff/" + e.room.Path
	}
	w.Header().Set("X-Robots-Tag", "noindex")
	return e.room.Preview(w, r.WithContext(page.WithPreview(r.Context(), back)), db, id)
}

// longest is how many characters a text may have that is written in a small field.
const longest = 8000

// write draws the edit page.
func (e *editor) write(w http.ResponseWriter, r *http.Request, status int, x editing) error {
	ctx, fresh := r.Context(), x.row.Version == 0
	notes, err := e.notes(ctx, x.row)
	if err != nil {
		return err
	}
	x.shown.Hidden = []form.Hidden{{Name: "version", Value: strconv.Itoa(cmp.Or(x.base, x.row.Version))}}
	x.shown.Action = e.path(x.row.ID)
	data := editPage{
		One: e.room.One, Many: e.room.Many, Row: x.row, New: fresh, Status: x.row.shown(notes[x.row.ID], e.desk.Now()), Since: e.since(x.row),
		Conflict: x.conflict, Saved: r.URL.Query().Has("saved"), PreviewPath: e.path(x.row.ID) + "/preview",
	}
	if fresh {
		x.shown.Action = "/staff/" + e.room.Path + "/new"
		x.shown.Hidden = append(x.shown.Hidden, form.Hidden{Name: "id", Value: x.row.ID.String()})
	}
	data.Form = x.form.Plain(x.shown)
	for i, f := range data.Form.Fields {
		if field, _ := x.form.Field(f.Name); field.Limit() > longest {
			data.Form.Fields[i].Rows = 20
		}
	}
	data.Base = page.Base{
		Title: e.title(x.row), NoIndex: true, Path: r.URL.Path,
		Crumbs: []page.Crumb{{Label: word.Capital(e.room.Many), Path: "/staff/" + e.room.Path}, {Label: e.title(x.row)}},
	}
	apart := e.room.Apart != nil && e.room.Apart(form.Values(x.shown.Values))
	if Public(x.row.State, x.row.PublishAt, e.desk.Now()) && !apart {
		data.Address = e.room.Public(x.row.Slug)
		data.TakePath = e.takePath(ctx, x.row.ID)
	}
	if !fresh {
		if err := e.complete(ctx, &data, x); err != nil {
			return err
		}
	}
	return e.views.edit.Write(w, r, status, data)
}

// complete adds what only a stored row has: its acts, its history, the room's own panel.
func (e *editor) complete(ctx context.Context, data *editPage, x editing) error {
	acts, err := e.acts(ctx, e.desk.Pool, x.row)
	if err != nil {
		return err
	}
	data.Acts = viewActs(acts, x)
	if data.History, err = e.history(ctx, x); err != nil {
		return err
	}
	if e.room.Panel != nil {
		data.Panel, err = e.room.Panel(ctx, x.row.ID)
	}
	return err
}

// takePath is where staff take a request for a public row from somebody who called; empty where their roles don't let
// them, and where nothing can be asked for by name.
func (e *editor) takePath(ctx context.Context, id uuid.UUID) string {
	a, ok := e.desk.Activities().Find(e.room.Kind)
	if !ok || !account.From(ctx).Can(account.Act, e.room.Kind) {
		return ""
	}
	if f, err := a.Form(ctx, id); err != nil || f.Anonymous {
		return ""
	}
	if why, err := a.WhyClosed(ctx, id); err != nil || why != "" {
		return ""
	}
	return activity.TakePath(a.Kind, id)
}

func (e *editor) title(r row) string {
	if r.Version == 0 {
		return "New " + e.room.One
	}
	return r.Title
}
