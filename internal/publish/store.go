package publish

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
)

// row is what all rows have in common.
type row struct {
	ID        uuid.UUID  `db:"id"`
	Slug      string     `db:"slug"`
	Title     string     `db:"title"`
	State     string     `db:"state"`
	PublishAt *time.Time `db:"publish_at"`
	Version   int        `db:"version"`
	UpdatedAt time.Time  `db:"updated_at"`
	Editor    string     `db:"editor"`
}

// status is the row's state in the words of the workspace.
func (r row) status(now time.Time) string {
	if r.State == Published && !Public(r.State, r.PublishAt, now) {
		return scheduled
	}
	return r.State
}

// shown is the status as staff read it: of a public row whose day has passed, that it is over.
func (r row) shown(note Note, now time.Time) string {
	if status := r.status(now); status != Published || note.Over == "" {
		return status
	}
	return note.Over
}

const rowColumns = `t.id, t.slug, t.title, t.state, t.publish_at, t.version, t.updated_at, coalesce(a.name, '') AS editor`

// pageRows is how many rows one page of the list shows.
const pageRows = 100

func (e *editor) table() string { return pgx.Identifier{e.room.Table}.Sanitize() }

// rows returns a page of rows, last changed first, and whether older ones follow. It begins after a row, with the newest
// where there is none of that id.
func (e *editor) rows(ctx context.Context, after uuid.UUID) (list []row, more bool, err error) {
	list, err = postgres.Rows[row](ctx, e.desk.Pool, `
		SELECT `+rowColumns+`
		FROM `+e.table()+` t LEFT JOIN account a ON a.id = t.updated_by LEFT JOIN `+e.table()+` edge ON edge.id = $1
		WHERE edge.id IS NULL OR (t.updated_at, t.id) < (edge.updated_at, edge.id)
		ORDER BY t.updated_at DESC, t.id DESC LIMIT $2`, after, pageRows+1)
	if err != nil {
		return nil, false, fmt.Errorf("list %s: %w", e.room.Many, err)
	}
	if len(list) > pageRows {
		return list[:pageRows], true, nil
	}
	return list, false, nil
}

// row returns a row, or page.ErrNotFound.
func (e *editor) row(ctx context.Context, db DB, id uuid.UUID, lock string) (row, error) {
	got, err := postgres.Row[row](ctx, db, `
		SELECT `+rowColumns+`
		FROM `+e.table()+` t LEFT JOIN account a ON a.id = t.updated_by
		WHERE t.id = $1 `+lock, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return row{}, page.ErrNotFound
	}
	if err != nil {
		return row{}, fmt.Errorf("read %s: %w", e.room.One, err)
	}
	return got, nil
}

// The names under which the log keeps what the room does not load.
const (
	stateName = "state"
	sinceName = "publish_at"
)

// snapshot is a row with its state, to be compared with itself before or after a change.
func (e *editor) snapshot(ctx context.Context, db DB, r row) (form.Values, error) {
	v, err := e.room.Load(ctx, db, r.ID)
	if err != nil {
		return nil, err
	}
	v = maps.Clone(v)
	v[stateName] = []string{r.State}
	if r.PublishAt != nil {
		v[sinceName] = []string{r.PublishAt.UTC().Format(time.RFC3339)}
	}
	return v, nil
}

// drop deletes a draft, with the files that it holds. What was public once stays: people asked for it, and their records
// name it.
func (e *editor) drop(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	tag, err := tx.Exec(ctx, `DELETE FROM `+e.table()+` WHERE id = $1 AND state = 'draft'`, id)
	if err != nil {
		return fmt.Errorf("delete %s: %w", e.room.One, err)
	}
	if tag.RowsAffected() == 0 {
		return errStale
	}
	b := &pgx.Batch{}
	e.desk.Files.QueueRelease(b, e.room.Kind, id)
	return tx.SendBatch(ctx, b).Close()
}

var (
	errStale   = errors.New("publish: somebody else saved this in the meantime")
	errExists  = errors.New("publish: this new row was saved already")
	errPreview = errors.New("publish: nothing was to be kept")
)

// step is one change of a row. Its fn writes; the rest is the same for all.
type step struct {
	id      uuid.UUID
	fresh   bool // the row is made by it
	version int  // on which it is based
	gone    bool // the row is deleted by it
	done    string
	fn      func(tx pgx.Tx) error
	preview func(tx pgx.Tx) error // if set, it sees the change, which is then taken back
}

// change runs a step in a transaction of its own, and logs it. errStale says that it is based on an old version.
func (e *editor) change(ctx context.Context, s step) error {
	err := pgx.BeginFunc(ctx, e.desk.Pool, func(tx pgx.Tx) error {
		before, old, err := e.before(ctx, tx, s)
		if err != nil {
			return err
		}
		if err := s.fn(tx); err != nil {
			return err
		}
		if s.preview != nil {
			if err := s.preview(tx); err != nil {
				return err
			}
			return errPreview
		}
		if s.gone {
			return e.log(ctx, tx, s, before.Version+1, old, form.Values{})
		}
		after, err := e.row(ctx, tx, s.id, "")
		if err != nil {
			return err
		}
		now, err := e.snapshot(ctx, tx, after)
		if err != nil {
			return err
		}
		was, is := difference(old, now)
		if len(was)+len(is) == 0 && s.done == doneEdited {
			return nil
		}
		return e.settle(ctx, tx, s, before.Version+1, was, is)
	})
	if errors.Is(err, errPreview) {
		return nil
	}
	return e.taken(err)
}

// before locks the row and returns it as it is; of one that is to be made there is nothing.
func (e *editor) before(ctx context.Context, tx pgx.Tx, s step) (row, form.Values, error) {
	r, err := e.row(ctx, tx, s.id, "FOR UPDATE OF t")
	if s.fresh {
		if err == nil {
			return row{}, nil, errExists
		}
		if errors.Is(err, page.ErrNotFound) {
			return row{}, form.Values{}, nil
		}
	}
	if err != nil {
		return row{}, nil, err
	}
	if r.Version != s.version && s.preview == nil {
		return row{}, nil, errStale
	}
	old, err := e.snapshot(ctx, tx, r)
	return r, old, err
}

// settle gives the row its new version and writes the log.
func (e *editor) settle(ctx context.Context, tx pgx.Tx, s step, version int, was, is form.Values) error {
	if _, err := tx.Exec(ctx, `
		UPDATE `+e.table()+` SET version = $2, updated_at = $3, updated_by = $4 WHERE id = $1`,
		s.id, version, e.desk.Now(), account.From(ctx).Account.ID); err != nil {
		return fmt.Errorf("save %s: %w", e.room.One, err)
	}
	if err := e.log(ctx, tx, s, version, was, is); err != nil {
		return err
	}
	if e.room.After == nil {
		return nil
	}
	return e.room.After(ctx, tx, s.id, s.done)
}

// log writes who changed the row, and its values that differ.
func (e *editor) log(ctx context.Context, tx pgx.Tx, s step, version int, was, is form.Values) error {
	in := account.From(ctx)
	by := uuid.NullUUID{UUID: in.Account.ID, Valid: true}
	role, now := string(in.Under(account.Publish, e.room.Kind)), e.desk.Now()
	if _, err := tx.Exec(ctx, `
		INSERT INTO content_change (kind, row_id, editor_id, editor_role, action, version, old, new, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.room.Kind, s.id, by, role, s.done, version, was, is, now); err != nil {
		return fmt.Errorf("log change of %s: %w", e.room.One, err)
	}
	return audit.Record(ctx, tx, audit.Event{
		At: now, ActorID: by, Role: role, Action: s.done, Object: e.room.Kind, ObjectID: uuid.NullUUID{UUID: s.id, Valid: true},
	})
}

// difference returns the values that differ, as they were and as they are.
func difference(old, now form.Values) (was, is form.Values) {
	was, is = form.Values{}, form.Values{}
	for name, value := range old {
		if !slices.Equal(value, now[name]) && len(value) > 0 {
			was[name] = value
		}
	}
	for name, value := range now {
		if !slices.Equal(value, old[name]) && len(value) > 0 {
			is[name] = value
		}
	}
	return was, is
}

// taken turns the violation of the unique slug into a sentence beside its field.
func (e *editor) taken(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && strings.HasSuffix(pg.ConstraintName, "_slug_key") {
		return Invalid{"slug": e.say("taken", "one", e.room.One)}
	}
	return err
}

// Change is an entry of a row's history. Old and New hold the values that differ.
type Change struct {
	Editor  string      `db:"editor"`
	Role    string      `db:"editor_role"`
	Action  string      `db:"action"`
	Version int         `db:"version"`
	Old     form.Values `db:"old"`
	New     form.Values `db:"new"`
	At      time.Time   `db:"at"`
}

// maxChanges is how much of a history is shown.
const maxChanges = 100

// Changes returns the latest changes of a row, newest first.
func Changes(ctx context.Context, db DB, kind string, id uuid.UUID) ([]Change, error) {
	list, err := postgres.Rows[Change](ctx, db, `
		SELECT coalesce(a.name, '') AS editor, c.editor_role, c.action, c.version, c.old, c.new, c.at
		FROM content_change c LEFT JOIN account a ON a.id = c.editor_id
		WHERE c.kind = $1 AND c.row_id = $2 ORDER BY c.id DESC LIMIT $3`, kind, id, maxChanges)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	return list, nil
}
