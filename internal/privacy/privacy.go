// Package privacy shows what the site says about personal data, and lets people act on it: the statement and its
// versions, the promises with what keeps them, the inventory, the choice about cookies, requests, and the ways to stop
// messages. It also keeps what the law asks of the house: erasure, deletion by date, legal holds, and registers.
//
// It promises that what it shows is drawn from what works: the statement from the database, where it can't be altered;
// the inventory from the declarations that decode the forms; the state of a promise from a check that just ran. It knows
// no activity: it is handed the list of them.
//
// Where to look:
//   - statement, publish, clause, difference, use, words: versions and what changed; notice, concern: who is told (P-18)
//   - promise, check, rule_*: the promises, and the checks that try to break them; inventory, question: what is asked, why
//   - request, rights, held*: the rights of a person, and all that is held about them
//   - address*, restriction*: what they correct, and what is only kept at their wish
//   - preference, objection, unsubscribe, point, cookie: what they choose
//   - erase*, journal, refusal: erasure, and what outlives a restored backup; retain: deletion by date
//   - hold*: legal holds; whom: whom an officer means; disclosure*: what was demanded by law (P-10)
package privacy

import (
	"context"
	"io/fs"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/page"
)

// Config is what the room needs.
type Config struct {
	Desk    *activity.Desk // its activities are those of the inventory; they may be handed to it later
	Content *content.Content
	Web     fs.FS // holds the statement files
	// Accounts knows the colleagues, one of whom approves a disclosure in good faith.
	Accounts *account.Service
	Checks   []Check // of what this room can't see itself: the configuration
	// Server returns what answers the visitors, for the checks that look at its answers. Nil: these are left out.
	Server func() http.Handler
	// Published is called once staff have published a version, so that Noticing need not wait for its turn. Nil: it does.
	Published func()
}

// Noticing is the worker that tells people of a new version.
const Noticing = "notices"

// Room serves the privacy pages.
type Room struct {
	desk     *activity.Desk
	accounts *account.Service
	web      fs.FS
	words    words
	say      page.Say
	server   func() http.Handler
	promises []Promise
	checker  *checker
	views    views
	ahead    int                   // notices that may wait in the queue of mails before more are added
	rest     func(context.Context) // passes the time until some have left

	published func() // has those told whom a new version concerns
}

// words are the written parts of pages.
type words struct{ privacy, cookies content.Page }

type views struct {
	statement   page.View[statementPage]
	versions    page.View[versionsPage]
	changes     page.View[changesPage]
	promises    page.View[promisesPage]
	inventory   page.View[inventoryPage]
	requests    page.View[requestPage]
	cookies     page.View[cookiePage]
	unsubscribe page.View[unsubscribePage]
	preferences page.View[preferencesPage]
	proof       page.View[proofPage]
	objection   page.View[objectionPage]
	statements  page.View[statementsPage]
	preview     page.View[previewPage]
	checks      page.View[staffPromisesPage]
	disclosures page.View[disclosuresPage]
	disclosure  page.View[disclosurePage]
	draft       page.View[disclosureEditPage]
}

// New returns the room. It panics if the file of promises, which came with the program, is broken.
func New(c Config) *Room {
	set := c.Desk.Pages
	promises, err := readPromises(c.Web)
	if err != nil {
		panic(err)
	}
	if c.Published == nil {
		c.Published = func() {}
	}
	r := &Room{
		promises: promises, ahead: tellAhead, rest: rest, published: c.Published,
		desk: c.Desk, accounts: c.Accounts, web: c.Web, server: c.Server, say: set.Words("privacy"),
		words: words{privacy: c.Content.Must("/privacy"), cookies: c.Content.Must("/cookies")},
		views: views{
			statement:   page.Load[statementPage](set, "privacy/statement"),
			versions:    page.Load[versionsPage](set, "privacy/versions"),
			changes:     page.Load[changesPage](set, "privacy/changes"),
			promises:    page.Load[promisesPage](set, "privacy/promises"),
			inventory:   page.Load[inventoryPage](set, "privacy/inventory"),
			requests:    page.Load[requestPage](set, "privacy/requests"),
			cookies:     page.Load[cookiePage](set, "privacy/cookies"),
			unsubscribe: page.Load[unsubscribePage](set, "privacy/unsubscribe"),
			preferences: page.Load[preferencesPage](set, "privacy/preferences"),
			proof:       page.Load[proofPage](set, "privacy/proof"),
			objection:   page.Load[objectionPage](set, "privacy/objection"),
			statements:  page.Load[statementsPage](set, "privacy/staff_statements"),
			preview:     page.Load[previewPage](set, "privacy/staff_preview"),
			checks:      page.Load[staffPromisesPage](set, "privacy/staff_promises"),
			disclosures: page.Load[disclosuresPage](set, "privacy/staff_disclosures"),
			disclosure:  page.Load[disclosurePage](set, "privacy/staff_disclosure"),
			draft:       page.Load[disclosureEditPage](set, "privacy/staff_disclosure_edit"),
		},
	}
	r.checker = &checker{checks: append(r.ownChecks(), c.Checks...), pool: c.Desk.Pool, now: c.Desk.Now, log: c.Desk.Log}
	return r
}

// Activity returns the activity of privacy requests; its Public mounts all pages of the room.
func (r *Room) Activity() activity.Activity {
	return activity.Activity{
		Kind: Kind, Title: "Privacy request", What: "privacy request", Path: requestPath,
		AddressOnly: true,
		NeverApart:  true, // what the law grants is not lost among what looks like misuse
		Same:        wantField,
		Statuses:    statuses(r.say, r.desk.Pages.Site().Authorities),
		Form:        requestForm,
		Receipt:     r.toRights,
		Public:      r.Public,
		Staff:       r.Staff,
		Holder:      r.holder(),
		Work: []job.Worker{{
			Name: "promises", Every: checksEvery, Run: func(ctx context.Context) error { return r.checker.record(ctx) },
		}, {
			Name: "seal_ledger", Every: time.Minute, Timeout: tellFor, Run: consent.NewSealer(r.desk.Ledger, r.desk.Log).Seal,
		}, {
			Name: Noticing, Every: tellEvery, Timeout: tellFor, Run: r.tell,
		}},
	}
}

// checksEvery is how often all checks run, whether or not anybody looks.
const checksEvery = time.Hour

// Public mounts the pages.
func (r *Room) Public(router chi.Router) {
	handle, cached := r.desk.Pages.Handle, r.desk.Pages.Cached
	router.Get("/privacy", cached(r.showStatement))
	router.Get("/privacy/versions", cached(r.showVersions))
	router.Get("/privacy/versions/{id}", cached(r.showVersion))
	router.Get("/privacy/changes/{range}", cached(r.showChanges))
	router.Get("/privacy/promises", cached(r.showPromises))
	router.Get("/privacy/inventory", cached(r.showInventory))
	router.Get("/privacy/inventory.json", cached(r.writeInventory))

	r.desk.Mount(router, requestPath, r.requestDoor()) // with a choice in its query the page is not cached
	router.Get("/privacy/question", handle(r.toQuestion))

	router.Get(cookiePath, r.cookieCache(r.showCookies))
	router.Post(cookiePath, handle(r.takeChoice))

	router.Get("/unsubscribe/{token}", handle(r.showUnsubscribe))
	router.Post("/unsubscribe/{token}", handle(r.takeUnsubscribe)) // also from mail programs (RFC 8058): see sameOrigin of room site
	router.Get("/preferences/{token}", handle(r.showPreferences))
	router.Post("/preferences/{token}", handle(r.takePreferences))
	router.Get("/privacy/objection/{token}", handle(r.showObjection))
	router.Post("/privacy/objection/{token}", handle(r.takeObjection))
	router.Get("/preferences/confirm/{proof}", handle(r.showProof))
	router.Post("/preferences/confirm/{proof}", handle(r.takeProof))
}

// crumbs lead back to the statement.
func crumbs(label string) []page.Crumb {
	return []page.Crumb{{Label: "Home", Path: "/"}, {Label: "Privacy", Path: "/privacy"}, {Label: label}}
}
