package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/analytics"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/newsletter"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/internal/site"
	"clickcommerce.com/site/internal/staff"
	"clickcommerce.com/site/internal/submission"
)

// app is the whole program, wired: every room gets here what it needs, and nowhere else.
type app struct {
	*cli
	db         *postgres.DB
	pool       *pgxpool.Pool
	ring       *key.Ring
	site       *page.Site
	pages      *page.Set
	content    *content.Content
	statements *consent.Statements
	people     *person.Store
	ledger     *consent.Ledger
	mail       *mail.Queue
	blobs      file.Blobs
	files      *file.Store
	store      *submission.Store
	accounts   *account.Service
	desk       *activity.Desk
	rooms      rooms
	index      *site.Index
	seen       seen
	misuse     *staff.Misuse
	privacy    *privacy.Room
	eraser     *privacy.Eraser
	retainer   *privacy.Retainer
	visits     *analytics.Room
	jobs       *job.Jobs
	workspace  *staff.Workspace
	running    atomic.Bool         // the jobs are
	began      time.Time           // when they did
	leaving    <-chan struct{}     // closed once the server is to end
	front      func() http.Handler // all that the server answers, made when first asked for
	without    privacy.Removal     // what a proof took out of this copy; nothing of a site that serves
}

// open wires the program on a database that is up to date. Close it.
func open(ctx context.Context, c *cli) (*app, error) {
	a := &app{cli: c, seen: newSeen()}
	var err error
	if a.db, err = openDatabase(ctx, c); err != nil {
		return nil, err
	}
	if err = a.wire(ctx); err != nil {
		return nil, errors.Join(err, a.db.Close())
	}
	return a, nil
}

// withApp runs fn on the wired program and lets go of it.
func withApp(ctx context.Context, c *cli, fn func(*app) error) error {
	a, err := open(ctx, c)
	if err != nil {
		return err
	}
	return errors.Join(fn(a), a.Close())
}

// withDatabase runs fn on the database alone.
func withDatabase(ctx context.Context, c *cli, fn func(*postgres.DB) error) error {
	db, err := openDatabase(ctx, c)
	if err != nil {
		return err
	}
	return errors.Join(fn(db), db.Close())
}

func openDatabase(ctx context.Context, c *cli) (*postgres.DB, error) {
	return postgres.Open(ctx, postgres.Config{
		URL: c.cfg.DatabaseURL, AdminURL: c.cfg.DatabaseAdminURL, VarDir: c.cfg.VarDir, Log: c.log,
	})
}

func (a *app) wire(ctx context.Context) error {
	if err := a.db.Ready(ctx); err != nil {
		return err
	}
	a.pool = a.db.Pool
	var err error
	if a.ring, err = openKeys(ctx, a.cfg.KeyFile, a.db); err != nil {
		return err
	}
	if a.db.Embedded() {
		if err := a.publishFirst(ctx); err != nil {
			return err
		}
	}
	if err := a.wireGround(ctx); err != nil {
		return err
	}
	return a.wireRooms(ctx)
}

// wireGround makes what all rooms stand on.
func (a *app) wireGround(ctx context.Context) error {
	var err error
	if a.site, err = page.LoadSite(a.web); err != nil {
		return err
	}
	if a.statements, err = consent.NewStatements(ctx, a.pool, a.now); err != nil {
		return err
	}
	if a.content, err = content.Load(a.web); err != nil {
		return err
	}
	a.pages, err = page.New(page.Config{
		Web: a.web, PublicURL: a.cfg.PublicURL, Site: a.site, Log: a.log, Now: a.now, Pictures: a.content.Pictures(),
		Notice: func(ctx context.Context) *page.Notice { return a.privacy.Notice(ctx) },
		Seen:   a.seen.count,
		Viewed: a.viewed,
	})
	if err != nil {
		return err
	}
	if a.mail, err = a.openMail(); err != nil {
		return err
	}
	if err := a.openFiles(); err != nil {
		return err
	}
	a.people = person.New(a.pool, a.ring, a.now)
	a.ledger = consent.NewLedger(a.pool, a.ring, a.now)
	a.store = submission.NewStore(submission.Config{
		Pool: a.pool, Ring: a.ring, People: a.people, Mail: a.mail, Files: a.files, Now: a.now, Log: a.log,
		Accepted: func() { a.wake("mail") },
	})
	a.accounts = account.New(account.Config{
		Pool: a.pool, Keys: a.ring, Mail: a.mail, Pages: a.pages, PublicURL: a.cfg.PublicURL,
		Client: a.cfg.proxies.Client, Now: a.now, Log: a.log,
	})
	return nil
}

// wireRooms makes the desk, hands it the activities, and opens the workspace over them.
func (a *app) wireRooms(ctx context.Context) error {
	a.misuse = staff.NewMisuse(a.pool, a.mail, a.now)
	if err := a.misuse.Refresh(ctx); err != nil {
		return err
	}
	a.desk = activity.NewDesk(activity.Config{
		Pages: a.pages, Pool: a.pool, Ring: a.ring, Store: a.store, People: a.people, Ledger: a.ledger,
		Statements: a.statements, Mail: a.mail, Files: a.files, Proxies: a.cfg.proxies, Limit: a.cfg.limit,
		Blocked: a.misuse.Blocked, Refused: func() { a.wake(newsletter.Kind) }, Now: a.now, Log: a.log,
	})
	a.eraser = privacy.NewEraser(privacy.EraserConfig{
		Desk: a.desk, Blobs: a.blobs, Holders: []activity.Holder{
			{Export: a.accounts.ExportPerson, Erase: a.accounts.ErasePerson}, privacy.AddressHolder(a.pool), a.misuse.Holder(),
		},
	})
	a.front = sync.OnceValue(a.handler)
	a.rooms = a.makeRooms()
	if a.without.Forms != nil {
		a.rooms.activities = a.without.Forms(a.rooms.activities)
	}
	a.desk.Open(a.rooms.activities)
	a.index = site.NewIndex(a.pool, a.now, a.content, append(a.rooms.sources, a.rooms.activities.Documents)...)
	var err error
	if a.jobs, err = job.New(a.pool, a.log, a.workers()...); err != nil {
		return err
	}
	a.workspace, err = staff.New(staff.Config{
		Desk: a.desk, Accounts: a.accounts, Misuse: a.misuse, Jobs: a.jobs, Content: a.rooms.content,
		Rooms: a.rooms.staff,
	})
	return err
}

func (a *app) openFiles() error {
	var err error
	if a.blobs, err = file.OpenBlobs(a.cfg.BlobURL, filepath.Join(a.cfg.VarDir, "files")); err != nil {
		return err
	}
	a.files = file.New(file.Config{
		Pool: a.pool, Blobs: a.blobs, Keys: a.ring, Clamd: a.cfg.ClamdAddr, Now: a.now, Log: a.log,
	})
	return nil
}

func (a *app) openMail() (*mail.Queue, error) {
	files, err := fs.Sub(a.web, "mail")
	if err != nil {
		return nil, fmt.Errorf("mail templates: %w", err)
	}
	hosts, err := a.cfg.hosts("SMTP_URL")
	if err != nil {
		return nil, fmt.Errorf("SMTP_URL: %w", err)
	}
	return mail.New(mail.Config{
		Pool: a.pool, Keys: a.ring, Files: files, Templates: a.mailTemplates(), SMTP: a.cfg.SMTPURL,
		Relay: slices.ContainsFunc(hosts, func(host string) bool { return !local(host) }),
		Dir:   a.mailDir(), Now: a.now, Log: a.log,
		Identity: mail.Identity{
			Name: a.site.Name, LegalName: a.site.LegalName, Address: a.site.Address, PublicURL: a.cfg.PublicURL,
			PrivacyEmail: a.site.PrivacyEmail,
			From:         netmail.Address{Name: a.site.Sender.Name, Address: a.site.Sender.Address},
		},
	})
}

// mailDir is where mails are written while there is no relay.
func (a *app) mailDir() string { return filepath.Join(a.cfg.VarDir, "mail") }

// viewed counts a visit; what a check asks for is none.
func (a *app) viewed(r *http.Request, answer http.Header) {
	if !privacy.Probing(r) {
		a.visits.View(r, answer)
	}
}

// wake runs a worker at once, where the jobs run in this process.
func (a *app) wake(worker string) {
	if a.running.Load() {
		a.jobs.Kick(worker)
	}
}

// Close lets go of everything, in the opposite order.
func (a *app) Close() error {
	a.store.Close()
	return a.db.Close()
}

// publishFirst publishes the statements that came with this binary where none is: without one no form can be shown.
func (a *app) publishFirst(ctx context.Context) error {
	var none bool
	if err := a.pool.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM statement_version)`).Scan(&none); err != nil || !none {
		return err
	}
	return publishAll(ctx, a.pool, a.web, a.now())
}

// openKeys reads the key file, makes it with the embedded database, and refuses keys that this database was not
// written with.
func openKeys(ctx context.Context, path string, db *postgres.DB) (*key.Ring, error) {
	ring, err := key.Load(path)
	if errors.Is(err, os.ErrNotExist) && db.Embedded() {
		ring, err = firstKeys(ctx, path, db)
	}
	if err != nil {
		return nil, err
	}
	if _, err := db.Pool.Exec(ctx, `
		INSERT INTO installation (key_fingerprint) VALUES ($1) ON CONFLICT DO NOTHING`, ring.Fingerprint()); err != nil {
		return nil, fmt.Errorf("remember the keys: %w", err)
	}
	known, err := writtenWith(ctx, db)
	if err != nil {
		return nil, err
	}
	if known != ring.Fingerprint() {
		return nil, fmt.Errorf("KEY_FILE %s is not the one that this database was written with (fingerprint %s, not %s)",
			path, ring.Fingerprint(), known)
	}
	return ring, nil
}

// firstKeys makes the key file, unless the database was written with other keys: these would open nothing, and one day be
// taken for the right ones.
func firstKeys(ctx context.Context, path string, db *postgres.DB) (*key.Ring, error) {
	known, err := writtenWith(ctx, db)
	if err != nil {
		return nil, err
	}
	if known != "" {
		return nil, fmt.Errorf("KEY_FILE %s is not there, and this database was written with keys already (fingerprint %s)", path, known)
	}
	ring, err := key.Create(path)
	if errors.Is(err, os.ErrExist) {
		return key.Load(path) // another process was first
	}
	return ring, err
}

// writtenWith is the fingerprint of the keys that a database was written with, "" before the first.
func writtenWith(ctx context.Context, db *postgres.DB) (fingerprint string, err error) {
	err = db.Pool.QueryRow(ctx, `SELECT key_fingerprint FROM installation`).Scan(&fingerprint)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("compare the keys: %w", err)
	}
	return fingerprint, nil
}

// handler is all that the server answers.
func (a *app) handler() http.Handler {
	mounts := []func(chi.Router){a.desk.Public}
	for _, act := range a.rooms.activities {
		if act.Public != nil {
			mounts = append(mounts, act.Public)
		}
	}
	mounts = append(mounts, a.rooms.public...)
	mounts = append(mounts, a.workspace.Routes)
	handler := site.Router(site.Config{
		Set: a.pages, Content: a.content, Index: a.index, Now: a.now, Log: a.log, Rooms: mounts,
		Ready: a.ready,
	})
	if a.without.Serve != nil {
		return a.without.Serve(handler)
	}
	return handler
}

// ready says why this instance should get no visitors now.
func (a *app) ready(ctx context.Context) error {
	select {
	case <-a.leaving:
		return errors.New("the site is being stopped")
	default:
	}
	if err := a.pool.Ping(ctx); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	if _, err := a.statements.InForce(); err != nil {
		return err
	}
	return nil
}
