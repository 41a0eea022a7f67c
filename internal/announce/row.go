package announce

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

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
)

// The states of an announcement.
const (
	draft     = "draft"
	scheduled = "scheduled"
	sending   = "sending"
	paused    = "paused"
	stopped   = "stopped"
	sent      = "sent"
)

// listLasts is for how long a list of calls or letters may be fetched: what people choose later is not in the copies.
const listLasts = 7 * 24 * time.Hour

// announcement is a row of the table announcement.
type announcement struct {
	ID         uuid.UUID       `db:"id"`
	Purpose    consent.Purpose `db:"purpose"`
	Channel    consent.Channel `db:"channel"`
	Subject    string          `db:"subject"`
	Body       string          `db:"body"`
	AgreedFrom *time.Time      `db:"agreed_from"`
	AgreedTo   *time.Time      `db:"agreed_to"`
	Domain     string          `db:"domain"`
	State      string          `db:"state"`
	SendAt     *time.Time      `db:"send_at"`
	Slug       *string         `db:"slug"`
	Reached    uuid.UUID       `db:"reached"`
	Queued     int             `db:"queued"`
	StartedAt  *time.Time      `db:"started_at"`
	EndedAt    *time.Time      `db:"ended_at"`
	ListUntil  *time.Time      `db:"list_until"`
	Version    int             `db:"version"`
	UpdatedAt  time.Time       `db:"updated_at"`
	Editor     string          `db:"editor"`
}

const columns = `n.id, n.purpose, n.channel, n.subject, n.body, n.agreed_from, n.agreed_to, n.domain, n.state, n.send_at, n.slug,
	n.reached, n.queued, n.started_at, n.ended_at, n.list_until, n.version, n.updated_at, coalesce(a.name, '') AS editor`

const from = ` FROM announcement n LEFT JOIN account a ON a.id = n.updated_by `

// Path is the announcement in the workspace.
func (a announcement) Path() string { return staffPath + "/" + a.ID.String() }

// IssuePath is the public page of a newsletter issue that began to be sent, "" for anything else.
func (a announcement) IssuePath() string {
	if a.Slug == nil {
		return ""
	}
	return issuesPath + "/" + *a.Slug
}

// ByMail tells whether we send it ourselves; of calls and letters there is a list.
func (a announcement) ByMail() bool { return a.Channel == consent.ByEmail }

// Kind names purpose and channel in a sentence's beginning: "Newsletter, by email".
func (a announcement) Kind() string { return a.Purpose.Label() + ", " + a.Channel.Words() }

// StateLabel is the state in words.
func (a announcement) StateLabel() string {
	if a.State == sent && !a.ByMail() {
		return "List made"
	}
	return map[string]string{
		draft: "Draft", scheduled: "Scheduled", sending: "Being sent", paused: "Paused", stopped: "Stopped", sent: "Sent",
	}[a.State]
}

// Shape is how the state looks.
func (a announcement) Shape() string {
	switch a.State {
	case sent:
		return "good"
	case scheduled, sending:
		return "wait"
	case paused:
		return "bad"
	}
	return "off"
}

// lead is the first paragraph, for lists.
func (a announcement) lead() string {
	for part := range strings.SplitSeq(strings.ReplaceAll(a.Body, "\r\n", "\n"), "\n\n") {
		if part = plain(part); part != "" {
			return part
		}
	}
	return ""
}

// get returns an announcement, or page.ErrNotFound.
func get(ctx context.Context, db postgres.Reader, id uuid.UUID, lock string) (announcement, error) {
	a, err := postgres.Row[announcement](ctx, db, `SELECT `+columns+from+`WHERE n.id = $1 `+lock, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, page.ErrNotFound
	}
	if err != nil {
		return a, fmt.Errorf("read announcement: %w", err)
	}
	return a, nil
}

// all returns the newest announcements.
func (r *Room) all(ctx context.Context) ([]announcement, error) {
	list, err := postgres.Rows[announcement](ctx, r.desk.Pool, `SELECT `+columns+from+`ORDER BY n.updated_at DESC, n.id DESC LIMIT 500`)
	if err != nil {
		return nil, fmt.Errorf("list announcements: %w", err)
	}
	return list, nil
}

// errStale says that an announcement is no longer what it was when its page was drawn.
var errStale = errors.New("announce: changed in the meantime")

// change does something to an announcement that is in one of the states, and of the version that the editor saw, and
// logs it; else it returns errStale. A version of 0 stands for whichever it is.
func (r *Room) change(
	ctx context.Context, id uuid.UUID, version int, states []string, in *account.Session, did string,
	fn func(tx pgx.Tx, a announcement) error,
) error {
	return pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		a, err := get(ctx, tx, id, "FOR UPDATE OF n")
		if err != nil {
			return err
		}
		allowed := false
		for _, s := range states {
			allowed = allowed || s == a.State
		}
		if !allowed || version != 0 && version != a.Version {
			return errStale
		}
		if err := fn(tx, a); err != nil {
			return fmt.Errorf("%s: %w", did, err)
		}
		return r.log(ctx, tx, id, in, did)
	})
}

// log moves the version on and remembers who did what.
func (r *Room) log(ctx context.Context, tx pgx.Tx, id uuid.UUID, in *account.Session, did string) error {
	_, err := tx.Exec(ctx, `
		UPDATE announcement SET version = version + 1, updated_at = $2, updated_by = $3 WHERE id = $1`, id, r.desk.Now(), in.Account.ID)
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return audit.Record(ctx, tx, r.event(id, in, did))
}

func (r *Room) event(id uuid.UUID, in *account.Session, did string) audit.Event {
	return audit.Event{
		At: r.desk.Now(), ActorID: uuid.NullUUID{UUID: in.Account.ID, Valid: true}, Role: string(in.Under(account.Publish, Kind)),
		Action: did, Object: "announcement", ObjectID: uuid.NullUUID{UUID: id, Valid: true},
	}
}

// save writes a new announcement, or what is changed of a draft. A new one that is there already was saved by the same
// form: with the same words nothing is written, with others they are an edit of what the first sending made.
func (r *Room) save(ctx context.Context, a announcement, isNew bool, in *account.Session) error {
	const values = `purpose = $2, channel = $3, subject = $4, body = $5, agreed_from = $6, agreed_to = $7, domain = $8`
	args := []any{a.ID, a.Purpose, a.Channel, a.Subject, a.Body, a.AgreedFrom, a.AgreedTo, a.Domain}
	if isNew {
		made, err := r.create(ctx, a.ID, args, in)
		if err != nil || made {
			return err
		}
		stored, err := get(ctx, r.desk.Pool, a.ID, "")
		if err != nil || maps.EqualFunc(stored.values(), a.values(), slices.Equal) {
			return err
		}
		a.Version = 1
	}
	return r.change(ctx, a.ID, a.Version, []string{draft}, in, "edit", func(tx pgx.Tx, _ announcement) error {
		_, err := tx.Exec(ctx, `UPDATE announcement SET `+values+` WHERE id = $1`, args...)
		return err
	})
}

// create makes a new announcement, unless one of its id is there already; args are its id and values.
func (r *Room) create(ctx context.Context, id uuid.UUID, args []any, in *account.Session) (made bool, err error) {
	err = pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO announcement (id, purpose, channel, subject, body, agreed_from, agreed_to, domain, updated_at, updated_by)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING`,
			append(args, r.desk.Now(), in.Account.ID)...)
		if err != nil {
			return fmt.Errorf("save announcement: %w", err)
		}
		if made = tag.RowsAffected() == 1; !made {
			return nil
		}
		return audit.Record(ctx, tx, r.event(id, in, "create"))
	})
	return made, err
}
