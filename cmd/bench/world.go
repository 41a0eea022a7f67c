package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	netmail "net/mail"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/alliance"
	"clickcommerce.com/site/internal/announce"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/web"
)

const (
	servingRole = postgres.EmbeddedRole
	publicURL   = "http://bench.example.com"
	formPath    = "/alliances/apply"
)

// inner is the part of the site that takes a submission, wired in this process as the program wires it.
type inner struct {
	pool       *pgxpool.Pool
	desk       *activity.Desk
	accounts   *account.Service
	statements *consent.Statements
	content    *content.Content
	blobs      file.Blobs
	alliance   activity.Activity
}

// open wires it. alone leaves out natural batching.
func (w *world) open(ctx context.Context, alone bool) (*inner, error) {
	pool, err := postgres.Connect(ctx, w.server.url(servingRole, w.name, 16))
	if err != nil {
		return nil, err
	}
	in := &inner{pool: pool}
	if err := in.wire(ctx, w, alone); err != nil {
		pool.Close()
		return nil, err
	}
	return in, nil
}

func (in *inner) wire(ctx context.Context, w *world, alone bool) error {
	site, err := page.LoadSite(web.FS)
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	if in.content, err = content.Load(web.FS); err != nil {
		return err
	}
	pages, err := page.New(page.Config{Web: web.FS, PublicURL: publicURL, Site: site, Log: log, Now: time.Now, Pictures: in.content.Pictures()})
	if err != nil {
		return err
	}
	if in.statements, err = consent.NewStatements(ctx, in.pool, time.Now); err != nil {
		return err
	}
	queue, err := w.mail(in.pool, site)
	if err != nil {
		return err
	}
	if in.blobs, err = file.OpenBlobs("", filepath.Join(w.server.dir, "files")); err != nil {
		return err
	}
	files := file.New(file.Config{Pool: in.pool, Blobs: in.blobs, Keys: w.ring, Now: time.Now, Log: log})
	people := person.New(in.pool, w.ring, time.Now)
	store := submission.NewStore(submission.Config{
		Pool: in.pool, Ring: w.ring, People: people, Mail: queue, Files: files, Now: time.Now, Log: log, Alone: alone,
	})
	in.accounts = account.New(account.Config{Pool: in.pool, Keys: w.ring, Mail: queue, PublicURL: publicURL, Now: time.Now})
	in.desk = activity.NewDesk(activity.Config{
		Pages: pages, Pool: in.pool, Ring: w.ring, Store: store, People: people, Statements: in.statements, Mail: queue,
		Ledger: consent.NewLedger(in.pool, w.ring, time.Now), Files: files, Now: time.Now, Log: log,
	})
	in.alliance = alliance.New(in.desk, in.content)
	in.desk.Open(activity.Activities{in.alliance})
	return nil
}

func (w *world) mail(pool *pgxpool.Pool, site *page.Site) (*mail.Queue, error) {
	files, err := fs.Sub(web.FS, "mail")
	if err != nil {
		return nil, err
	}
	return mail.New(mail.Config{
		Pool: pool, Keys: w.ring, Files: files, Templates: slices.Concat(mail.Core(), account.Templates(), announce.Templates(pool, publicURL)),
		Dir: filepath.Join(w.server.dir, "mail"), Now: time.Now,
		Identity: mail.Identity{
			Name: site.Name, LegalName: site.LegalName, Address: site.Address, PublicURL: publicURL,
			PrivacyEmail: site.PrivacyEmail, From: netmail.Address{Name: site.Sender.Name, Address: site.Sender.Address},
		},
	})
}

func (in *inner) close() {
	in.desk.Store.Close()
	in.pool.Close()
}

// application is the form that is measured, with a seal of now.
func (in *inner) application(ctx context.Context) (form.Form, form.Seal, error) {
	f, err := in.alliance.Form(ctx, uuid.Nil)
	if err != nil {
		return form.Form{}, form.Seal{}, err
	}
	statement, err := in.statements.InForce()
	if err != nil {
		return form.Form{}, form.Seal{}, err
	}
	return f, form.NewSeal(f, statement.ID, time.Now()), nil
}

// answers are about 600 bytes of a plausible application, without name and address, which differ each time.
func answers() form.Values {
	return form.Values{
		"company": {"Fox River Systems"}, "site": {"www.foxriver.example.com"}, "country": {"US"}, "phone": {"+1 312 555 0142"},
		"size": {"10-49"}, "kind": {"integrator"}, "regions": {"north-america", "europe"},
		"products": {"partner-channels", "service-parts"}, "customers": {"Northline Bearings; Orchard Medical; Prairie Pumps"},
		"why": {"We connect service systems for pump makers in Ohio and Illinois and keep meeting your parts planner there. " +
			"Three of our customers asked for one contact instead of two, and our people know both sides by now. We would like " +
			"to train four of them with you and to begin with a plan for the first half year."},
	}
}

// who is the n-th sender.
func who(n int64) (name, email string) {
	return fmt.Sprintf("Ada Bench %d", n), fmt.Sprintf("ada.bench.%d@example.com", n)
}
