package connect

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/page"
)

type homePage struct {
	page.Base
	Name, Email string
	Until       string // the last day of the access
	Soon        bool   // it ends within a month
	Computers   int    // remembered
	Mails       int    // purposes in force
	Good        string
	Requests    []request
	HasFiles    bool // downloads are part of this portal
	Downloads   []Download
}

// request is one of the person's own submissions.
type request struct {
	What, Subject, Reference string
	At                       time.Time
	Status                   activity.Status
	By                       string // the day of our answer, where one was promised
	Path                     string // the receipt
	Deleted                  time.Time
}

func (p *Portal) showHome(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	who, err := owner(r)
	if err != nil {
		return err
	}
	in := account.From(ctx)
	data := homePage{
		Base: p.base("Your requests and files", "/connect"), Name: in.Account.Name, Email: in.Account.Email,
		HasFiles: p.downloads != nil,
	}
	if end := in.Account.ExpiresAt; end != nil {
		data.Until, data.Soon = through(*end), end.Sub(p.desk.Now()) <= 30*24*time.Hour
	}
	if r.URL.Query().Has("address") {
		data.Good = p.say("address_changed")
	}
	devices, err := p.accounts.Devices(ctx, in.Account.ID)
	if err != nil {
		return err
	}
	data.Computers = len(devices)
	choices, err := p.desk.Ledger.Of(ctx, who)
	if err != nil {
		return err
	}
	for _, c := range choices {
		if c.InForce {
			data.Mails++
		}
	}
	if data.Requests, err = p.requests(ctx, who); err != nil {
		return err
	}
	if p.downloads != nil {
		if data.Downloads, err = p.downloads(ctx, who); err != nil {
			return err
		}
	}
	return p.views.home.Write(w, r, http.StatusOK, data)
}

// requests lists what the person sent, newest first.
func (p *Portal) requests(ctx context.Context, who uuid.UUID) ([]request, error) {
	records, err := p.desk.Store.OfPerson(ctx, who)
	if err != nil {
		return nil, err
	}
	list := make([]request, 0, len(records))
	for _, rec := range records {
		a, ok := p.desk.Activities().Find(rec.Kind)
		if !ok {
			continue
		}
		if rec, err = p.desk.Store.AsTold(ctx, rec); err != nil {
			return nil, err
		}
		status, _ := a.Status(rec.Status)
		list = append(list, request{
			What: a.Title, Subject: rec.Subject, Reference: rec.Reference, At: rec.CreatedAt.In(clock.Zone()),
			Status: status, By: status.DueBy(rec),
			Path: p.desk.ReceiptPath(rec.ID), Deleted: rec.PurgeAfter,
		})
	}
	return list, nil
}
