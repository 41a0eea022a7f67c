// Package publish is how staff edit what everybody reads: webinars, demos, downloads, openings, surveys, news. One
// mechanism for all: a list, an edit form drawn from a list of fields, a preview, a schedule, publishing, withdrawing,
// and the history of each row with old and new values.
//
// It promises that
//   - a row is public exactly while Visible holds, and that nothing but an act of somebody with the right Publish over
//     the kind makes it so;
//   - two editors never overwrite each other unknowingly: whoever saves a version that another has replaced is shown
//     both texts, keeps what was typed, and then saves over it or takes the other;
//   - every change is logged in the transaction that makes it: who, when, the old values and the new ones;
//   - nothing is deleted that was public once, since people asked for it; a draft is, with its files.
//
// # How a room uses it
//
// The table of the room has these columns beside its own (the schedule is publish_at in the future):
//
//	id uuid PRIMARY KEY, slug text NOT NULL UNIQUE, title text NOT NULL,
//	state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'published', 'withdrawn')),
//	publish_at timestamptz CHECK (publish_at IS NOT NULL OR state <> 'published'),
//	version int NOT NULL DEFAULT 1, updated_at timestamptz NOT NULL DEFAULT now(),
//	updated_by uuid REFERENCES account
//
// and a bump_generation trigger. Public queries say WHERE Visible with the time as $1. The room then fills a Room and
// mounts it below /staff:
//
//	staff := desk.Staff(publish.Room{
//		Kind: "webinar", Table: "webinar", Path: "webinars", One: "webinar", Many: "webinars",
//		Public:  func(slug string) string { return "/webinars/" + slug },
//		Fields:  func(context.Context, publish.DB, uuid.UUID) ([]form.Field, error) { return fields(), nil },
//		Load:    r.values,  // one row as form.Values, by the names of the fields
//		Save:    r.save,    // INSERT where s.New (id, slug, title, own columns), else UPDATE of those; nothing else
//		Preview: r.preview, // draws the public page of the row, reading it from db; what marks it is added here
//	})
//	return activity.Activity{…, Staff: staff}
//
// State, publish_at, version, updated_at and updated_by are written here and nowhere else. What a room can do to its
// rows beyond that (cancel a webinar, move it) are Acts; what must follow a change in its transaction is After.
package publish

import (
	"context"
	"html/template"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
)

// Visible is the rule by which a row is public, as SQL: $1 is the time.
const Visible = `state = 'published' AND publish_at <= $1`

// The states of a row. A published row whose time has not come is called scheduled.
const (
	Draft     = "draft"
	Published = "published"
	Withdrawn = "withdrawn"
	scheduled = "scheduled"
)

// Public is Visible for a row at hand.
func Public(state string, at *time.Time, now time.Time) bool {
	return state == Published && at != nil && !at.After(now)
}

// DB reads rows: the pool, or the transaction in which a change is tried out.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Room is what a room says of the rows that staff edit. What may be nil says so.
type Room struct {
	Kind      string // whose right Publish is asked for; also the kind in the log, and the holder of the rows' files
	Table     string
	Path      string // below /staff: "webinars"
	One, Many string // "webinar", "webinars"
	// Public returns the address of a row's public page.
	Public func(slug string) string
	// Apart tells of a row's values that it has no public page, though it is published. Nil: each has one.
	Apart func(form.Values) bool
	// Fields returns the fields of the edit form; id is uuid.Nil for a new row. The names "slug" and "title" are those of
	// the columns. A File field arrives in Saving.Files.
	Fields func(ctx context.Context, db DB, id uuid.UUID) ([]form.Field, error)
	// Check may add errors that need more than one field. May be nil.
	Check func(form.Values, form.Errors)
	// Load returns a row by the names of the fields. Further names are logged when they change, and not shown in the form.
	// Of an unknown id it returns page.ErrNotFound.
	Load func(ctx context.Context, db DB, id uuid.UUID) (form.Values, error)
	// Save writes a row. An Invalid it returns is shown beside the fields, as is the violation of the unique slug.
	Save func(ctx context.Context, tx pgx.Tx, s Saving) error
	// Preview draws the public page of a row that may be unpublished, reading the row from db. It must not write.
	Preview func(w http.ResponseWriter, r *http.Request, db DB, id uuid.UUID) error
	// Ready says in a sentence what a row still lacks to be published, or "". May be nil.
	Ready func(ctx context.Context, db DB, id uuid.UUID) (string, error)
	// After runs in the transaction of every change, with its word ("edited", "published", ...). May be nil.
	After func(ctx context.Context, tx pgx.Tx, id uuid.UUID, what string) error
	// Acts returns what else can be done to a row as it is. May be nil.
	Acts func(ctx context.Context, db DB, id uuid.UUID) ([]Act, error)
	// Panel returns what the edit page shows beside the form: seats, results. May be nil.
	Panel func(ctx context.Context, id uuid.UUID) (template.HTML, error)
	// Notes returns what there is to say of rows beside their titles. May be nil.
	Notes func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Note, error)
}

// Note is what a room says of one row.
type Note struct {
	Words string // a few, for the list: "3 December, 34 of 40 seats"
	Over  string // the state of a public row whose day has passed, in place of "published": "closed"
}

// Saving is a row to be written. It passed the checks of its fields.
type Saving struct {
	ID     uuid.UUID
	New    bool // to be inserted; slug and title are among the values
	Values form.Values
	Files  []file.Staged // to be held by the room (file.Store.Hold) in the same transaction
	Now    time.Time
}

// Act is a step of a room's own with a row. Its POST goes to /staff/{path}/{id}/{name}.
type Act struct {
	Name   string // of the address; lower case, not "publish", "withdraw", "delete" or "preview"
	Label  string // the button: "Cancel the webinar"
	Done   string // for the history: "cancelled"
	Hint   string
	Danger bool
	Fields []form.Field
	Check  func(form.Values, form.Errors) // may be nil
	Do     func(ctx context.Context, tx pgx.Tx, id uuid.UUID, v form.Values) error
}

// Invalid says, by field, why a row can't be saved as it is.
type Invalid form.Errors

// Error implements error.
func (Invalid) Error() string { return "publish: not valid" }

// Desk serves the staff pages of all rooms.
type Desk struct {
	desk  *activity.Desk
	say   page.Say
	views struct {
		list page.View[listPage]
		edit page.View[editPage]
	}
}

// New returns the desk. It panics where a template is missing.
func New(desk *activity.Desk) *Desk {
	d := &Desk{desk: desk, say: desk.Pages.Words("publish")}
	d.views.list = page.Load[listPage](desk.Pages, "publish/staff_list")
	d.views.edit = page.Load[editPage](desk.Pages, "publish/staff_edit")
	return d
}

// Staff returns the function that mounts a room's pages, for Activity.Staff: their addresses are below /staff, where
// the router given to it must be, and where account.Service.RequireStaff must stand before them.
func (d *Desk) Staff(room Room) func(chi.Router) {
	e := &editor{Desk: d, room: room}
	return func(r chi.Router) {
		handle := func(h page.Handler) http.HandlerFunc {
			return d.desk.Pages.Handle(account.Only(account.Publish, room.Kind, h))
		}
		get := func(path string, h page.Handler) { r.Get("/"+room.Path+path, handle(h)) }
		post := func(path string, h page.Handler) { r.Post("/"+room.Path+path, handle(h)) }
		get("", e.showList)
		get("/new", e.showNew)
		post("/new", e.submitNew)
		get("/{id}", e.showEdit)
		post("/{id}", e.submitEdit)
		get("/{id}/preview", e.showPreview)
		post("/{id}/{act}", e.submitAct)
	}
}

// editor serves one room.
type editor struct {
	*Desk
	room Room
}

func (e *editor) path(id uuid.UUID) string { return "/staff/" + e.room.Path + "/" + id.String() }
