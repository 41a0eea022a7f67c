// Package staff is the workspace: the queue of all submissions, the record and what staff may do with it, the people
// behind them, exports, mail that did not arrive, colleagues.
//
// It promises that
//   - a role sees the kinds it is there for and no others: what it may not see is not there (404), what it may see but
//     not change is refused (403); testdata/rights.txt is the whole table, and a test walks it;
//   - each opening of a record or file is logged before it is shown (P-5);
//   - no decision silently overwrites another, and what was typed is kept when a step is refused;
//   - an export names its purpose, its recipient and its reason; it holds of each person only what they agreed to, or what the
//     statement that they saw allows; and it is on record who is in it, so that it can be called back (P-9);
//   - a flag of misuse is told to the person it is about, and a block has an end (P-8).
package staff

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"riverqueue.com/riverui"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// Link is an entry of the navigation for those who have the right over its kind.
type Link struct {
	Label, Path, Kind string
	Right             account.Right
}

// Config is what a Workspace needs. The desk must know its activities (Desk.Open) before New.
type Config struct {
	Desk     *activity.Desk
	Accounts *account.Service
	Misuse   *Misuse
	Jobs     *job.Jobs // nil: the pages of River are left out
	Content  []Link    // pages on which the activities' contents are edited
	// Rooms mount the pages of rooms that are no activities (news, privacy); they check rights themselves.
	Rooms []func(chi.Router)
}

// Workspace serves the pages under /staff.
type Workspace struct {
	desk     *activity.Desk
	accounts *account.Service
	misuse   *Misuse
	content  []Link
	rooms    []func(chi.Router)
	river    *riverui.Handler
	say      page.Say
	views    views
}

// New returns the workspace. It panics, as page.Load does, where a template is missing.
func New(c Config) (*Workspace, error) {
	ws := &Workspace{
		desk: c.Desk, accounts: c.Accounts, misuse: c.Misuse, content: c.Content, rooms: c.Rooms,
		say: c.Desk.Pages.Words("staff"), views: loadViews(c.Desk.Pages),
	}
	if c.Jobs != nil {
		river, err := newRiver(c.Jobs, c.Desk.Log)
		if err != nil {
			return nil, err
		}
		ws.river = river
	}
	return ws, nil
}

// Start begins the background work of River's own pages; it ends with ctx. Without them it does nothing.
func (ws *Workspace) Start(ctx context.Context) error {
	if ws.river == nil {
		return nil
	}
	if err := ws.river.Start(ctx); err != nil {
		return fmt.Errorf("start pages of jobs: %w", err)
	}
	return nil
}

// views are the pages of this room.
type views struct {
	queue   page.View[queuePage]
	record  page.View[recordPage]
	take    page.View[takePage]
	person  page.View[personPage]
	find    page.View[findPage]
	refusal page.View[refusalPage]
	exports page.View[exportsPage]
	export  page.View[exportPage]
	mail    page.View[mailPage]
	letter  page.View[messagePage]
	team    page.View[teamPage]
	member  page.View[memberPage]
	design  page.View[designPage]
}

func loadViews(set *page.Set) views {
	return views{
		queue:   page.Load[queuePage](set, "staff/queue"),
		record:  page.Load[recordPage](set, "staff/record"),
		take:    page.Load[takePage](set, "staff/take"),
		person:  page.Load[personPage](set, "staff/person"),
		find:    page.Load[findPage](set, "staff/find"),
		refusal: page.Load[refusalPage](set, "staff/refusal"),
		exports: page.Load[exportsPage](set, "staff/exports"),
		export:  page.Load[exportPage](set, "staff/export"),
		mail:    page.Load[mailPage](set, "staff/mail"),
		letter:  page.Load[messagePage](set, "staff/message"),
		team:    page.Load[teamPage](set, "staff/team"),
		member:  page.Load[memberPage](set, "staff/member"),
		design:  page.Load[designPage](set, "staff/design"),
	}
}

// kinds lists the kinds over which the session has the right; never nil.
func (ws *Workspace) kinds(in *account.Session, right account.Right) []string {
	return account.Allowed(in.Roles, right, ws.desk.Activities().Kinds())
}

// actor is the session as submissions know it: who, under which role.
func actor(in *account.Session, right account.Right, kind string) submission.Actor {
	return submission.Actor{ID: in.Account.ID, Role: string(in.Under(right, kind))}
}

// some is an id that is known.
func some(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }

// maxBody bounds what the forms of the workspace send; the longest letter is far shorter.
const maxBody = 1 << 20

// read parses a form of the workspace.
func read(r *http.Request) error {
	return page.ReadForm(r, maxBody)
}
