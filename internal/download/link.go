package download

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

const (
	linkLasts   = 7 * 24 * time.Hour
	linkUses    = 5
	passLasts   = 10 * time.Minute // also how long a press of the button counts as the same download
	portalLasts = time.Hour

	linkPurpose   = "download link"
	portalPurpose = "download portal"
	passPurpose   = "download pass"
)

// link is what a mailed address stands for.
type link struct {
	Submission uuid.UUID
	Serial     int
	Issued     time.Time
}

func (l link) until() time.Time { return l.Issued.Add(linkLasts) }

func (r *Room) linkPath(l link) string {
	body := binary.BigEndian.AppendUint32(slices.Clone(l.Submission[:]), uint32(l.Serial))
	return "/downloads/get/" + r.Desk.Ring.Seal(linkPurpose, binary.BigEndian.AppendUint64(body, uint64(l.Issued.Unix())))
}

func (r *Room) openLink(token string) (link, bool) {
	body, err := r.Desk.Ring.Open(linkPurpose, token)
	if err != nil || len(body) != 28 {
		return link{}, false
	}
	return link{
		uuid.UUID(body[:16]), int(binary.BigEndian.Uint32(body[16:])), time.Unix(int64(binary.BigEndian.Uint64(body[20:])), 0).UTC(),
	}, true
}

// portal is what an address in the Clickconnect portal stands for.
type portal struct {
	Person, Download uuid.UUID
	Until            time.Time
}

func (r *Room) portalPath(p portal) string {
	body := append(slices.Clone(p.Person[:]), p.Download[:]...)
	return "/downloads/get/" + r.Desk.Ring.Seal(portalPurpose, binary.BigEndian.AppendUint64(body, uint64(p.Until.Unix())))
}

func (r *Room) openPortal(token string) (portal, bool) {
	body, err := r.Desk.Ring.Open(portalPurpose, token)
	if err != nil || len(body) != 40 {
		return portal{}, false
	}
	return portal{uuid.UUID(body[:16]), uuid.UUID(body[16:32]), time.Unix(int64(binary.BigEndian.Uint64(body[32:])), 0).UTC()}, true
}

// What a link can be beside good.
const (
	expired    = "expired"
	usedUp     = "used up"
	superseded = "superseded"
	withdrawn  = "withdrawn" // the request
	gone       = "gone"      // the download
	relicensed = "relicensed"
	portalOver = "portal"
	accessOver = "access" // the person's
)

// visit is a look at a mailed or portal address.
type visit struct {
	Download Download
	State    string // empty: good
	Receipt  string // address; empty in the portal
	Accept   bool   // the licence is accepted with the button
	Until    time.Time
	Left     int // downloads; 0: no limit
	link     link
	portal   portal
	record   submission.Record
}

type getPage struct {
	page.Base
	visit
	Action string
}

// visited finds out what an address stands for and whether it is good now. A forged one is page.ErrNotFound.
func (r *Room) visited(ctx context.Context, token string) (visit, error) {
	if l, ok := r.openLink(token); ok {
		return r.visitLink(ctx, l)
	}
	p, ok := r.openPortal(token)
	if !ok {
		return visit{}, page.ErrNotFound
	}
	return r.visitPortal(ctx, p)
}

func (r *Room) visitPortal(ctx context.Context, p portal) (visit, error) {
	d, err := r.byID(ctx, r.Desk.Pool, p.Download)
	v := visit{Download: d, portal: p, Accept: true, Until: p.Until}
	if err != nil {
		return v, err
	}
	entitled := false
	if r.Entitled != nil {
		if entitled, err = r.Entitled(ctx, p.Person, slugOf(d.Family)); err != nil {
			return v, fmt.Errorf("read entitlement: %w", err)
		}
	}
	switch {
	case !entitled:
		v.State = accessOver
	case !r.offered(d):
		v.State = gone
	case !r.Desk.Now().Before(p.Until):
		v.State = portalOver
	}
	return v, nil
}

func (r *Room) visitLink(ctx context.Context, l link) (visit, error) {
	rec, err := r.Desk.Store.Get(ctx, l.Submission)
	if errors.Is(err, submission.ErrNotFound) {
		return visit{}, page.ErrNotFound
	}
	if err != nil {
		return visit{}, err
	}
	v := visit{link: l, record: rec, Receipt: r.Desk.ReceiptPath(rec.ID), Until: l.until()}
	if v.Download, err = r.byID(ctx, r.Desk.Pool, rec.SubjectID.UUID); err != nil {
		return v, err
	}
	s, err := r.linkState(ctx, l)
	if err != nil {
		return v, err
	}
	accepted, err := r.accepted(ctx, rec.ID)
	if err != nil {
		return v, err
	}
	v.Left = linkUses - s.Uses
	again := s.UsedAt != nil && r.Desk.Now().Before(s.UsedAt.Add(passLasts))
	switch {
	case rec.Status == activity.Withdrawn:
		v.State = withdrawn
	case rec.Quarantined != nil:
		v.State = gone
	case !r.offered(v.Download):
		v.State = gone
	case s.Serial != l.Serial:
		v.State = superseded
	case !r.Desk.Now().Before(l.until()):
		v.State = expired
	case v.Left <= 0 && !again:
		v.State = usedUp
	case accepted != v.Download.LicenceName():
		v.State = relicensed
	}
	return v, nil
}

// linkState is what is stored of a request's link.
type linkState struct {
	Serial   int        `db:"serial"`
	IssuedAt time.Time  `db:"issued_at"`
	Uses     int        `db:"uses"`
	UsedAt   *time.Time `db:"used_at"`
}

// linkState returns the state of the link that is good for l's request: of the first one, while none is stored.
func (r *Room) linkState(ctx context.Context, l link) (linkState, error) {
	s, err := postgres.Row[linkState](ctx, r.Desk.Pool, `
		SELECT serial, issued_at, uses, used_at FROM download_link WHERE submission_id = $1`, l.Submission)
	if errors.Is(err, pgx.ErrNoRows) {
		return linkState{Serial: 1, IssuedAt: l.Issued}, nil
	}
	if err != nil {
		return linkState{}, fmt.Errorf("read link: %w", err)
	}
	return s, nil
}

// accepted returns the licence that was accepted with a request.
func (r *Room) accepted(ctx context.Context, id uuid.UUID) (string, error) {
	list, err := r.Desk.Store.Versions(ctx, id)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[len(list)-1].Values.Get(acceptedName), nil
}

func (r *Room) showGet(w http.ResponseWriter, req *http.Request) error {
	v, err := r.visited(req.Context(), chi.URLParam(req, "token"))
	if err != nil {
		return err
	}
	return r.drawGet(w, req, v)
}

func (r *Room) drawGet(w http.ResponseWriter, req *http.Request, v visit) error {
	w.Header().Set("Cache-Control", "no-store")
	status := http.StatusOK
	if v.State != "" {
		status = http.StatusGone
	}
	return r.views.get.Write(w, req, status, getPage{
		Base: page.Base{
			Title: "Download: " + v.Download.Title, Description: r.say("get"),
			NoIndex: true, Section: "downloads", Path: "/downloads/get",
		},
		visit: v, Action: req.URL.Path,
	})
}

// takeGet counts a download and leads to the file by an address that is good for ten minutes, ranges included.
func (r *Room) takeGet(w http.ResponseWriter, req *http.Request) error {
	token := chi.URLParam(req, "token")
	v, err := r.visited(req.Context(), token)
	if err != nil {
		return err
	}
	if v.State == "" {
		v.State, err = r.count(req.Context(), v)
	}
	if err != nil {
		return err
	}
	if v.State != "" {
		return r.drawGet(w, req, v)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, req, req.URL.Path+"/file/"+r.pass(token, v.Download.File.FileID.UUID), http.StatusSeeOther)
	return nil
}

// count records a use, in one transaction with all that follows from it. It returns the state that stands against it.
func (r *Room) count(ctx context.Context, v visit) (state string, err error) {
	err = pgx.BeginFunc(ctx, r.Desk.Pool, func(tx pgx.Tx) error {
		if v.Receipt == "" {
			return r.use(ctx, tx, v)
		}
		spent, err := r.spend(ctx, tx, v.link)
		switch {
		case err != nil || spent == same:
			return err
		case spent == refused:
			state = usedUp
			return nil
		}
		if err := r.use(ctx, tx, v); err != nil {
			return err
		}
		err = r.Desk.Store.MoveTx(ctx, tx, v.record.ID, submission.Change{
			From: []string{statusSent}, To: statusFetched, By: submission.Sender, Decides: true,
		})
		if errors.Is(err, submission.ErrMove) { // fetched before
			return nil
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("count download: %w", err)
	}
	return state, nil
}

// What spending a use of a link comes to.
type spending int

const (
	refused spending = iota
	same             // a press soon after another: the same download, begun anew
	counted
)

// spend takes one of the link's uses, under the lock of its row.
func (r *Room) spend(ctx context.Context, tx pgx.Tx, l link) (spending, error) {
	now := r.Desk.Now()
	if _, err := tx.Exec(ctx, `
		INSERT INTO download_link (submission_id, serial, issued_at) VALUES ($1, $2, $3)
		ON CONFLICT (submission_id) DO NOTHING`, l.Submission, l.Serial, l.Issued); err != nil {
		return refused, err
	}
	var s linkState
	if err := tx.QueryRow(ctx, `
		SELECT serial, uses, used_at FROM download_link WHERE submission_id = $1 FOR UPDATE`, l.Submission).
		Scan(&s.Serial, &s.Uses, &s.UsedAt); err != nil {
		return refused, err
	}
	switch {
	case s.Serial != l.Serial:
		return refused, nil
	case s.UsedAt != nil && now.Before(s.UsedAt.Add(passLasts)):
		return same, nil
	case s.Uses >= linkUses:
		return refused, nil
	}
	_, err := tx.Exec(ctx, `
		UPDATE download_link SET uses = uses + 1, used_at = $2 WHERE submission_id = $1`, l.Submission, now)
	return counted, err
}

func (r *Room) use(ctx context.Context, tx pgx.Tx, v visit) error {
	d := v.Download
	submission := uuid.NullUUID{UUID: v.record.ID, Valid: v.Receipt != ""}
	person := uuid.NullUUID{UUID: v.portal.Person, Valid: v.Receipt == ""}
	_, err := tx.Exec(ctx, `
		INSERT INTO download_use (download_id, version, licence, licence_version, submission_id, person_id, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		d.ID, d.File.Version, d.Licence, d.LicenceVersion, submission, person, r.Desk.Now())
	return err
}

// pass closes a file's id for the one who holds a token, for ten minutes.
func (r *Room) pass(token string, id uuid.UUID) string {
	until := uint64(r.Desk.Now().Add(passLasts).Unix())
	return r.Desk.Ring.Seal(passPurpose+token, binary.BigEndian.AppendUint64(slices.Clone(id[:]), until))
}

// serve sends the file, whole or by ranges.
func (r *Room) serve(w http.ResponseWriter, req *http.Request) error {
	token := chi.URLParam(req, "token")
	body, err := r.Desk.Ring.Open(passPurpose+token, chi.URLParam(req, "pass"))
	if err != nil || len(body) != 24 {
		return page.ErrNotFound
	}
	v, err := r.visited(req.Context(), token)
	if err != nil {
		return err
	}
	if v.State == withdrawn || v.State == gone || v.State == accessOver ||
		!r.Desk.Now().Before(time.Unix(int64(binary.BigEndian.Uint64(body[16:])), 0)) {
		return r.late()
	}
	err = r.Desk.Files.Serve(w, req, uuid.UUID(body[:16]))
	if errors.Is(err, file.ErrGone) || errors.Is(err, file.ErrWithheld) {
		return r.late()
	}
	return err
}

func (r *Room) late() error {
	return &page.Error{Status: http.StatusGone, Message: r.say("late")}
}
