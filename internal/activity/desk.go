package activity

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

// Config is what a Desk needs.
type Config struct {
	Pages      *page.Set
	Pool       *pgxpool.Pool
	Ring       *key.Ring
	Store      *submission.Store
	People     *person.Store
	Ledger     *consent.Ledger
	Statements *consent.Statements
	Mail       *mail.Queue
	Files      *file.Store
	Proxies    page.Proxies
	Limit      Limit // of sendings, for each client and form
	// Blocked tells whether what an address sends is to be kept apart (P-8). It must not wait. May be nil.
	Blocked func(email string) bool
	// Refused is told when a choice may have been taken back: what went on because of it ends. May be nil.
	Refused func()
	Now     func() time.Time
	Log     *slog.Logger
}

// Desk shows forms, takes what is sent, and keeps the receipts.
type Desk struct {
	Config
	say        page.Say
	clients    *limiter
	spare      *limiter // sendings too many whose files are kept all the same
	addresses  *limiter
	codes      *limiter // codes that are mailed to a person
	tries      *limiter // codes that a person types
	activities Activities
	views      receiptViews
	again      page.View[againPage]
	shown      sync.Map // forms by the digest of their revision: shown again where the database can't be asked for them
}

// addressLimit is how many submissions an hour may name one address before they look doubtful: somebody may be using
// our confirmations to fill a stranger's mailbox.
var addressLimit = Limit{8, time.Hour}

// NewDesk returns a desk without activities: to make one takes a desk, so they are handed over later, by Open.
func NewDesk(c Config) *Desk {
	addresses := addressLimit
	if c.Limit.N == 0 {
		addresses = Limit{} // limits are off as a whole
	}
	if c.Refused == nil {
		c.Refused = func() {}
	}
	return &Desk{
		Config: c, say: c.Pages.Words("activity"), clients: newLimiter(c.Limit), spare: newLimiter(c.Limit),
		addresses: newLimiter(addresses), codes: newLimiter(Limit{10, time.Hour}),
		tries: newLimiter(Limit{20, time.Hour}), views: loadReceiptViews(c.Pages),
		again: page.Load[againPage](c.Pages, "activity/again"),
	}
}

// Open hands the desk its activities. It is called once, before anything is served.
func (d *Desk) Open(as Activities) { d.activities = as }

// Activities returns what Open was given.
func (d *Desk) Activities() Activities { return d.activities }

// Door is one public form: where it is, and what stands around it.
type Door struct {
	// Form returns the form that the address leads to, or page.ErrNotFound.
	Form func(r *http.Request) (form.Form, error)
	// Page draws the page around the form.
	Page func(w http.ResponseWriter, r *http.Request, status int, f form.Form, v form.View) error
	// Thanks answers a sending that has no receipt, that of an anonymous form. Such a page is good for one sending; repeated
	// says that it was used before, so that nothing was stored, whether the answers are the same or not.
	Thanks func(w http.ResponseWriter, r *http.Request, f form.Form, repeated bool) error
}

const (
	stepField  = "step"
	againField = "again"
)

// Mount serves a form at a path: GET shows it, from the page cache, and POST takes what is sent.
func (d *Desk) Mount(router chi.Router, path string, door Door) {
	router.Get(path, d.Pages.Cached(d.Show(door)))
	router.Post(path, d.Pages.Handle(d.Take(door)))
}

// Show answers GET: the empty form.
func (d *Desk) Show(door Door) page.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, err := door.Form(r)
		if err != nil {
			return err
		}
		f = d.remember(f)
		statement, err := d.Statement()
		if err != nil {
			return err
		}
		if f.Anonymous {
			w.Header().Set("Cache-Control", "no-store") // the seal carries a nonce of this page alone
		}
		view := f.View(form.Shown{
			Action: r.URL.Path, Statement: statement.Name(), Seal: form.NewSeal(f, statement.ID, d.Now()).Close(d.Ring),
			Hidden: stepHidden(f, 0), Values: source(f, r),
		})
		return door.Page(w, r, http.StatusOK, f, view)
	}
}

// Statement is the one in force. Where there is none nothing may be asked, and whoever wants to see a form is told so.
func (d *Desk) Statement() (consent.Statement, error) {
	s, err := d.Statements.InForce()
	if errors.Is(err, consent.ErrNoStatement) {
		return s, &page.Error{Status: http.StatusServiceUnavailable, Message: d.say("no_statement")}
	}
	return s, err
}

// KeptUntil is the day of deletion of what is to be kept for so many months from today, as the company counts days.
func (d *Desk) KeptUntil(months int) time.Time { return clock.AddMonths(clock.Day(d.Now()), months) }

// remember keeps a form as it is shown, and returns it settled.
func (d *Desk) remember(f form.Form) form.Form {
	f = f.Settled()
	d.shown.LoadOrStore(string(f.Revision().Digest), f)
	return f
}

func stepHidden(f form.Form, step int) []form.Hidden {
	if len(f.Steps()) < 2 {
		return nil
	}
	return []form.Hidden{{Name: stepField, Value: strconv.Itoa(step)}}
}
