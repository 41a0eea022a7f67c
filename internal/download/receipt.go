package download

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

// renewals are at least this far apart, and not without end.
const (
	renewPause = 10 * time.Minute
	renewMost  = 20
	twoClicks  = 30 * time.Second // between them at most
)

// story is what a request came to, for its sender and for staff.
type story struct {
	Download Download
	Accepted string
	Issued   time.Time
	Until    time.Time
	Serial   int
	Uses     []used
	Offered  bool      // to the one who asked, still
	Open     bool      // the link is good now
	Again    time.Time // from when on another can be mailed, where that is still to come
}

// used is one download.
type used struct {
	Version string    `db:"version"`
	At      time.Time `db:"at"`
}

func (r *Room) story(ctx context.Context, rec submission.Record) (story, error) {
	d, err := r.byID(ctx, r.Desk.Pool, rec.SubjectID.UUID)
	if err != nil {
		return story{}, err
	}
	issued, err := firstIssued(ctx, r.Desk.Pool, rec)
	if err != nil {
		return story{}, err
	}
	s, err := r.linkState(ctx, link{rec.ID, 1, issued})
	if err != nil {
		return story{}, err
	}
	accepted, err := r.accepted(ctx, rec.ID)
	if err != nil {
		return story{}, err
	}
	uses, err := postgres.Rows[used](ctx, r.Desk.Pool, `SELECT version, at FROM download_use WHERE submission_id = $1 ORDER BY at, id`, rec.ID)
	if err != nil {
		return story{}, fmt.Errorf("read downloads: %w", err)
	}
	offered := rec.Status != activity.Withdrawn && rec.Quarantined == nil && r.offered(d)
	until, now := s.IssuedAt.Add(linkLasts), r.Desk.Now()
	told := story{
		Download: d, Accepted: accepted, Issued: s.IssuedAt, Until: until, Serial: s.Serial, Uses: uses,
		Offered: offered, Open: offered && accepted == d.LicenceName() && now.Before(until) && s.Uses < linkUses,
	}
	if again := s.IssuedAt.Add(renewPause); offered && s.Serial < renewMost && now.Before(again) {
		told.Again = again
	}
	return told, nil
}

// firstIssued is when a request got its first link: as it came, or as it was taken out of quarantine.
func firstIssued(ctx context.Context, db postgres.Reader, rec submission.Record) (time.Time, error) {
	first, err := postgres.Row[struct{ At time.Time }](ctx, db, `
		SELECT coalesce(min(created_at), $2) AS at FROM message
		WHERE submission_id = $1 AND template = 'download-link' AND state <> 'cancelled'`, rec.ID, rec.CreatedAt)
	if err != nil {
		return time.Time{}, fmt.Errorf("read when a link was mailed: %w", err)
	}
	return first.At, nil
}

// receipt tells what became of the link, never the link itself: only the mailbox has it.
func (r *Room) receipt(ctx context.Context, rec submission.Record) (activity.Extra, error) {
	s, err := r.story(ctx, rec)
	if errors.Is(err, page.ErrNotFound) {
		return activity.Extra{}, nil
	}
	if err != nil {
		return activity.Extra{}, err
	}
	drawn, err := r.views.get.Fragment("story", s)
	extra := activity.Extra{HTML: drawn}
	if s.Offered && s.Accepted == s.Download.LicenceName() && s.Again.IsZero() && s.Serial < renewMost {
		extra.Acts = []activity.Act{{Path: "new-link", Label: "Mail me a new link"}}
	}
	if !s.Open && rec.Status != activity.Withdrawn && rec.Quarantined == nil {
		extra.Next = r.closed(s, len(extra.Acts) > 0)
	}
	return extra, err
}

// closed says what the sender can do once the link is good no more.
func (r *Room) closed(s story, renewable bool) string {
	switch {
	case !s.Offered:
		return r.say("next_not_offered")
	case s.Accepted != s.Download.LicenceName(): // its text changed, and was not accepted anew
		return r.say("next_write")
	case renewable:
		return r.say("next_renew")
	case !s.Again.IsZero():
		return r.say("next_renew_later", "time", s.Again.In(clock.Zone()).Format("15:04 MST"))
	}
	return r.say("next_write")
}

// panel is the story for staff.
func (r *Room) panel(ctx context.Context, rec submission.Record) (template.HTML, error) {
	s, err := r.story(ctx, rec)
	if errors.Is(err, page.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return r.views.get.Fragment("story", s)
}

// renew mails a new link. The one before it ends.
func (r *Room) renew(w http.ResponseWriter, req *http.Request, rec submission.Record) error {
	ctx := req.Context()
	if rec.Kind != Kind || rec.Status == activity.Withdrawn || rec.Quarantined != nil {
		return page.ErrNotFound
	}
	d, err := r.byID(ctx, r.Desk.Pool, rec.SubjectID.UUID)
	if err != nil {
		return err
	}
	accepted, err := r.accepted(ctx, rec.ID)
	if err != nil {
		return err
	}
	if !r.offered(d) || accepted != d.LicenceName() {
		return page.ErrNotFound
	}
	err = pgx.BeginFunc(ctx, r.Desk.Pool, func(tx pgx.Tx) error {
		serial, err := r.nextSerial(ctx, tx, rec)
		if err != nil {
			return err
		}
		var message mail.Message
		return r.Desk.Store.MoveTx(ctx, tx, rec.ID, submission.Change{
			From: []string{statusSent, statusFetched}, To: statusSent, Kind: "link", By: submission.Sender, Decides: true,
			Message: &message,
			Moved: func(ctx context.Context, tx pgx.Tx, rec submission.Record, _ string) (err error) {
				message, err = r.nextLink(ctx, tx, rec, serial)
				return err
			},
		})
	})
	if errors.Is(err, errManyLinks) {
		w.Header().Set("Retry-After", strconv.Itoa(int(renewPause.Seconds())))
		return &page.Error{Status: http.StatusTooManyRequests, Message: r.say("mailed")}
	}
	if err != nil && !errors.Is(err, errJustRenewed) {
		return err
	}
	http.Redirect(w, req, r.Desk.ReceiptPath(rec.ID), http.StatusSeeOther)
	return nil
}

// nextLink is the mail with the link of a request that is good from now on, in place of those that have not left. Who never
// got one is asked by it to confirm the address, as by the first.
func (r *Room) nextLink(ctx context.Context, tx pgx.Tx, rec submission.Record, serial int) (mail.Message, error) {
	if _, err := r.Desk.Mail.CancelOf(ctx, tx, rec.ID, linkTemplate); err != nil {
		return mail.Message{}, err
	}
	var left bool
	if err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM message WHERE submission_id = $1 AND template = $2 AND state <> 'cancelled')`,
		rec.ID, linkTemplate).Scan(&left); err != nil {
		return mail.Message{}, fmt.Errorf("look for a mailed link: %w", err)
	}
	data := r.linkMail(link{rec.ID, serial, r.Desk.Now()}, rec.Name, rec.Subject, !left)
	return mail.Message{Template: linkTemplate, Data: data}, nil
}

// restored mails, beside the first mail, the link that was about to leave as its request was set apart.
func (r *Room) restored(ctx context.Context, tx pgx.Tx, rec submission.Record, first []mail.Message) ([]mail.Message, error) {
	if rec.Status == activity.Withdrawn {
		return nil, nil
	}
	stopped, err := r.Desk.Mail.Stopped(ctx, tx, rec.ID)
	if err != nil || !slices.Contains(stopped, linkTemplate) {
		return first, err
	}
	serial := 1
	err = tx.QueryRow(ctx, `
		UPDATE download_link SET issued_at = $2 WHERE submission_id = $1 RETURNING serial`, rec.ID, r.Desk.Now()).Scan(&serial)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("issue link anew: %w", err)
	}
	next, err := r.nextLink(ctx, tx, rec, serial)
	if err != nil {
		return nil, err
	}
	toStaff := slices.DeleteFunc(first, func(m mail.Message) bool { return m.Template == linkTemplate })
	return toStaff, r.Desk.Store.SendTx(ctx, tx, rec.ID, next)
}

var (
	// errJustRenewed says that the button was pressed twice: the link is on its way.
	errJustRenewed = errors.New("download: the link was renewed a moment ago")
	errManyLinks   = errors.New("download: a link was mailed a short while ago, or many were")
)

// nextSerial gives a request its next link.
func (r *Room) nextSerial(ctx context.Context, tx pgx.Tx, rec submission.Record) (int, error) {
	now := r.Desk.Now()
	issued, err := firstIssued(ctx, tx, rec)
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO download_link (submission_id, serial, issued_at) VALUES ($1, 1, $2)
		ON CONFLICT (submission_id) DO NOTHING`, rec.ID, issued); err != nil {
		return 0, fmt.Errorf("renew link: %w", err)
	}
	var serial int
	err = tx.QueryRow(ctx, `
		UPDATE download_link SET serial = serial + 1, issued_at = $2, uses = 0, used_at = NULL
		WHERE submission_id = $1 AND issued_at <= $3 AND serial < $4
		RETURNING serial`, rec.ID, now, now.Add(-renewPause), renewMost).Scan(&serial)
	if errors.Is(err, pgx.ErrNoRows) {
		var twice bool
		if err := tx.QueryRow(ctx, `SELECT serial > 1 AND issued_at > $2 FROM download_link WHERE submission_id = $1`,
			rec.ID, now.Add(-twoClicks)).Scan(&twice); err != nil {
			return 0, fmt.Errorf("renew link: %w", err)
		}
		if twice {
			return 0, errJustRenewed
		}
		return 0, errManyLinks
	}
	if err != nil {
		return 0, fmt.Errorf("renew link: %w", err)
	}
	return serial, nil
}

// fetched is a download as an export lists it.
type fetched struct {
	Title   string    `db:"title"           json:"title"`
	Version string    `db:"version"         json:"version"`
	Licence string    `db:"licence"         json:"licence"`
	At      time.Time `db:"at"              json:"at"`
}

const ofPerson = `(u.person_id = $1 OR EXISTS (SELECT FROM submission s WHERE s.id = u.submission_id AND s.person_id = $1))`

// erase forgets what a person fetched until then, or asked for until then, and by which links.
func (r *Room) erase(ctx context.Context, tx pgx.Tx, who uuid.UUID, until time.Time) error {
	for _, sql := range []string{
		`DELETE FROM download_use WHERE person_id = $1 AND at <= $2`,
		`DELETE FROM download_use u USING submission s
			WHERE s.id = u.submission_id AND s.person_id = $1 AND s.created_at <= $2 AND NOT held(s.person_id, s.id, s.kind, s.created_at)`,
		`DELETE FROM download_link l USING submission s
			WHERE s.id = l.submission_id AND s.person_id = $1 AND s.created_at <= $2 AND NOT held(s.person_id, s.id, s.kind, s.created_at)`,
	} {
		if _, err := tx.Exec(ctx, sql, who, until); err != nil {
			return fmt.Errorf("erase downloads: %w", err)
		}
	}
	return nil
}
