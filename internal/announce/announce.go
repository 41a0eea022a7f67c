// Package announce writes to those who agreed to it: issues of the newsletter, news of products, promotion, invitations
// to surveys (P-6). Marketers write one, see how many may get it, try it on themselves, and send it.
//
// What it promises:
//
//   - Whom an announcement reaches is asked of the database as role site_marketing, which sees nobody whose consent is
//     not in force (postgres.AsMarketing), and asked again by the queue of mails right before each one leaves.
//   - Nobody gets an announcement twice: the people are walked through in the order of their ids, the note of how far is
//     written in the transaction that queues their messages, and a message's id follows from announcement and person.
//   - A sending may be cut off anywhere and goes on where it was. It takes the same memory however many people it reaches,
//     and never fills the queue of mails so that answers to requests would have to wait behind it.
//   - What is paused or stopped leaves no more, the mails that wait in the queue included.
//   - Nobody learns whether a mail was opened or a link followed: there is nothing in it that would report that.
package announce

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/page"
)

// Kind is what staff have rights over.
const Kind = "announce"

// Room is this room. It is made by New and safe for concurrent use.
type Room struct {
	desk     *activity.Desk
	accounts *account.Service
	batch    int // people of one transaction
	ahead    int // mails that may wait in the queue before more are added
	parent   content.Page
	say      page.Say
	views    struct {
		list    page.View[listPage]
		edit    page.View[editPage]
		preview page.View[previewPage]
		issues  page.View[issuesPage]
		issue   page.View[issuePage]
	}
}

// New returns the room.
func New(desk *activity.Desk, accounts *account.Service, pages *content.Content) *Room {
	r := &Room{
		desk: desk, accounts: accounts, batch: 500, ahead: 2000, parent: pages.Must(newsletterPath), say: desk.Pages.Words("announce"),
	}
	r.views.list = page.Load[listPage](desk.Pages, "announce/staff_list")
	r.views.edit = page.Load[editPage](desk.Pages, "announce/staff_edit")
	r.views.preview = page.Load[previewPage](desk.Pages, "announce/staff_preview")
	r.views.issues = page.Load[issuesPage](desk.Pages, "announce/issues")
	r.views.issue = page.Load[issuePage](desk.Pages, "announce/issue")
	return r
}

// Work is what sends.
func (r *Room) Work() []job.Worker {
	return []job.Worker{{Name: "announce", Every: 5 * time.Second, Timeout: 10 * time.Minute, Run: r.Send}}
}

// Public mounts the archive of the newsletter.
func (r *Room) Public(router chi.Router) {
	set := r.desk.Pages
	router.Get(issuesPath, set.Cached(r.showIssues))
	router.Get(issuesPath+"/{slug}", set.Cached(r.showIssue))
	router.Get(feedPath, set.Cached(r.showFeed))
}

// Staff mounts the marketers' pages below /staff. The password is asked once more before a list leaves the house: it holds
// the numbers or postal addresses of everybody who agreed.
func (r *Room) Staff(router chi.Router) {
	handle := func(h page.Handler) http.HandlerFunc {
		return r.desk.Pages.Handle(account.Only(account.Publish, Kind, h))
	}
	router.Get("/announce", handle(r.showList))
	router.Get("/announce/new", handle(r.showNew))
	router.Post("/announce/new", handle(r.submitNew))
	router.Get("/announce/{id}", handle(r.showOne))
	router.Post("/announce/{id}", handle(r.submitOne))
	router.Get("/announce/{id}/preview", handle(r.showPreview))
	router.Post("/announce/{id}/test", handle(r.submitTest))
	router.Post("/announce/{id}/schedule", handle(r.submitSchedule))
	router.Post("/announce/{id}/{act:draft|pause|resume|stop}", handle(r.submitAct))
	router.With(r.accounts.RequireRight(account.Publish, Kind), r.accounts.RequireFresh).
		Post("/announce/{id}/list", handle(r.submitList))
}

// Documents are the issues of the newsletter, for the site's search and map.
func (r *Room) Documents(ctx context.Context) ([]content.Document, error) {
	list, err := r.issues(ctx, 2000)
	if err != nil {
		return nil, err
	}
	docs := make([]content.Document, 0, len(list))
	for _, a := range list {
		docs = append(docs, content.Document{
			Path: a.IssuePath(), Kind: "newsletter", Title: a.Subject, Summary: a.lead(), Body: content.Words(a.Body), Updated: *a.StartedAt,
		})
	}
	return docs, nil
}
