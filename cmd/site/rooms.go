package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/access"
	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/alliance"
	"clickcommerce.com/site/internal/analytics"
	"clickcommerce.com/site/internal/announce"
	"clickcommerce.com/site/internal/career"
	"clickcommerce.com/site/internal/connect"
	"clickcommerce.com/site/internal/contact"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/demo"
	"clickcommerce.com/site/internal/download"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/news"
	"clickcommerce.com/site/internal/newsletter"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/staff"
	"clickcommerce.com/site/internal/survey"
	"clickcommerce.com/site/internal/webinar"
)

// rooms are the activities of the site and what stands beside them.
type rooms struct {
	activities activity.Activities
	sources    []content.Source
	public     []func(chi.Router)
	staff      []func(chi.Router)
	content    []staff.Link
	work       []job.Worker
	demo       []func(context.Context, fs.FS) error
}

// makeRooms is the list of activities: a new one is a line here, a folder in internal/ and one in web/templates/.
func (a *app) makeRooms() rooms {
	editor := publish.New(a.desk)
	careers := career.New(a.desk, editor, a.content)
	webinars := webinar.New(a.desk, editor, a.content, a.web)
	demos := demo.New(demo.Config{Desk: a.desk, Content: a.content, Publish: editor, Web: a.web})
	downloads := download.New(download.Config{
		Desk: a.desk, Content: a.content, Publish: editor,
		Entitled: func(ctx context.Context, person uuid.UUID, family string) (bool, error) {
			return access.Entitled(ctx, a.store, person, family)
		},
	})
	surveys := survey.New(a.desk, editor, a.content)
	announcer := announce.New(a.desk, a.accounts, a.content)
	newsroom := news.New(a.desk, editor, a.content)
	addresses := privacy.NewAddresses(a.desk, a.accounts)
	a.retainer = privacy.NewRetainer(privacy.RetainerConfig{
		Eraser: a.eraser,
		Before: []func(context.Context) error{surveys.Tidy}, // answers become counts before they go
		Also:   slices.Concat(a.files.Deletes(), a.accounts.Deletes(), a.misuse.Deletes(), addresses.Deletes()),
	})
	portal := connect.New(connect.Config{
		Desk: a.desk, Content: a.content, Accounts: a.accounts, Addresses: addresses, Downloads: a.entitled(downloads),
	})
	a.visits = analytics.New(analytics.Config{Pages: a.pages, Pool: a.pool, Now: a.now, Log: a.log})
	a.privacy = privacy.New(privacy.Config{
		Desk: a.desk, Content: a.content, Web: a.web, Accounts: a.accounts, Checks: a.promises(), Server: a.front,
		Published: func() { a.wake(privacy.Noticing) },
	})
	return rooms{
		activities: activity.Activities{
			alliance.New(a.desk, a.content),
			careers.Activity(),
			webinars.Activity(),
			demos.Activity(),
			downloads.Activity(),
			surveys.Activity(),
			access.New(a.desk, a.accounts),
			newsletter.New(a.desk, a.content),
			contact.New(a.desk, a.content),
			a.privacy.Activity(),
		},
		public: []func(chi.Router){
			portal.Public, announcer.Public, newsroom.Public, addresses.Public, privacy.NewRights(a.eraser, addresses).Public,
		},
		staff: []func(chi.Router){
			announcer.Staff, newsroom.Staff, a.visits.Staff, addresses.Staff, privacy.NewHolds(a.eraser).Staff,
			privacy.NewRestrictions(a.desk).Staff, privacy.NewOffice(a.eraser, a.accounts).Staff,
		},
		work: announcer.Work(),
		sources: []content.Source{
			careers.Documents, webinars.Documents, demos.Documents, downloads.Documents, surveys.Documents,
			announcer.Documents, newsroom.Documents, a.privacy.Documents,
		},
		content: contentLinks(),
		demo: []func(context.Context, fs.FS) error{
			careers.Demo, webinars.Demo, demos.Demo, downloads.Demo, surveys.Demo, surveys.DemoAnswers, announcer.Demo, newsroom.Demo,
		},
	}
}

// contentLinks lead staff to what they edit, and to what is seen of it.
func contentLinks() []staff.Link {
	return []staff.Link{
		{Label: "Webinars", Path: "/staff/webinars", Kind: webinar.Kind, Right: account.Publish},
		{Label: "Demonstrations", Path: "/staff/demos", Kind: demo.Kind, Right: account.Publish},
		{Label: "Downloads", Path: "/staff/downloads", Kind: download.Kind, Right: account.Publish},
		{Label: "Surveys", Path: "/staff/surveys", Kind: survey.Kind, Right: account.Publish},
		{Label: "Survey results", Path: "/staff/surveys/results", Kind: survey.Kind, Right: account.See},
		{Label: "Openings", Path: "/staff/openings", Kind: career.Kind, Right: account.Publish},
		{Label: "Announcements", Path: "/staff/announce", Kind: announce.Kind, Right: account.Publish},
		{Label: "News", Path: "/staff/news", Kind: news.Kind, Right: account.Publish},
		{Label: "Privacy statements", Path: "/staff/statements", Kind: privacy.Kind, Right: account.Publish},
		{Label: "Checks of promises", Path: "/staff/promises", Kind: privacy.Kind, Right: account.Publish},
		{Label: "Disclosures", Path: "/staff/disclosures", Kind: privacy.Kind, Right: account.Publish},
		{Label: "Erasures", Path: "/staff/erasures", Kind: privacy.Kind, Right: account.Publish},
		{Label: "Restrictions", Path: "/staff/restrictions", Kind: privacy.Kind, Right: account.Publish},
		{Label: "Legal holds", Path: "/staff/holds", Kind: privacy.Kind, Right: account.Publish},
		{Label: "Visits", Path: "/staff/visits", Kind: analytics.Kind, Right: account.See},
	}
}

// entitled lists the files that a person may fetch in the portal: those asked for, and those of the product families
// that the granted access names.
func (a *app) entitled(downloads *download.Room) func(context.Context, uuid.UUID) ([]connect.Download, error) {
	return func(ctx context.Context, person uuid.UUID) ([]connect.Download, error) {
		families, err := access.Families(ctx, a.store, person)
		if err != nil {
			return nil, err
		}
		offers, err := downloads.ForConnect(ctx, person, families...)
		if err != nil {
			return nil, err
		}
		list := make([]connect.Download, 0, len(offers))
		for _, o := range offers {
			list = append(list, connect.Download(o))
		}
		return list, nil
	}
}

// demoVisits counts example visits of the written pages.
func (a *app) demoVisits(ctx context.Context) error {
	paths := []string{"/"}
	for _, under := range []string{"/products", "/industries"} {
		paths = append(paths, under)
		for _, p := range a.content.Under(under) {
			paths = append(paths, p.Path)
		}
	}
	return a.visits.Demo(ctx, paths)
}

// mailTemplates are those of all rooms.
func (a *app) mailTemplates() []mail.Template {
	return slices.Concat(
		mail.Core(), account.Templates(), webinar.Templates(), access.Templates(), connect.Templates(), download.Templates(),
		privacy.Templates(), announce.Templates(a.pool, a.cfg.PublicURL),
	)
}

// promises are the checks of promises beyond those that the database makes alone.
func (a *app) promises() []privacy.Check {
	return slices.Concat(a.retainer.Checks(), a.visits.Checks(a.front), []privacy.Check{
		{
			Promise: "P-9", Name: "Every host that the configuration names belongs to a processor on record.", Run: func(context.Context) error { return a.checkProcessors() },
			Remove: privacy.Removal{Setting: "SMTP_URL=smtp://mail.elsewhere.example:25"},
		},
		a.scheduled("P-6", "The work that seals the ledger is scheduled.", "seal_ledger"),
		a.scheduled("P-18", "The work that tells people of a new use is scheduled.", "notices"),
		a.scheduled("A-2", "The work that carries on with erasures is scheduled.", "erasures"),
		a.scheduled("A-4", "The work that deletes what is past its day is scheduled.", "retain"),
		a.scheduled("A-4", "The work that deletes what goes within hours is scheduled.", "retain_rooms"),
	})
}

// scheduled is a check that a worker is among those that run beside the server.
func (a *app) scheduled(promise, name, worker string) privacy.Check {
	return privacy.Check{Promise: promise, Name: name, Remove: privacy.Removal{Job: worker}, Run: func(context.Context) error {
		if !slices.ContainsFunc(a.workers(), func(w job.Worker) bool { return w.Name == worker }) {
			return fmt.Errorf("no worker %s", worker)
		}
		return nil
	}}
}

// follow keeps what this instance holds in memory in step with the database.
func (a *app) follow(ctx context.Context) error {
	return errors.Join(a.statements.Refresh(ctx), a.misuse.Refresh(ctx))
}
