package account_test

import (
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pquerna/otp/totp"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/key/keytest"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

var _ = flag.Bool("update", false, "write golden files")

const password = accounttest.Password

// clock is time that passes when told.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is the room with a database, its pages, and some pages of others behind its guards.
type world struct {
	*testing.T
	pool    *pgxpool.Pool
	clock   *clock
	service *account.Service
	handler http.Handler
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, pool: pgtest.New(t), clock: &clock{now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}}
	w.service = accounttest.New(t, w.pool, keytest.New(t), "https://www.example.com", w.clock.Now)
	w.handler = w.routes()
	return w
}

// routes mounts the room beside pages that stand for those of the workspace, the portal and the public site. Each
// answers with who it sees and what was sent.
func (w *world) routes() http.Handler {
	echo := func(rw http.ResponseWriter, r *http.Request) {
		name := "nobody"
		if in := account.From(r.Context()); in != nil {
			name = in.Account.Email
		}
		rw.Header().Set("X-Seen", name)
		_, _ = rw.Write([]byte(r.Method + " " + r.FormValue("note")))
	}
	r := chi.NewRouter()
	w.service.StaffRoutes(r)
	w.service.ConnectRoutes(r)
	r.Group(func(r chi.Router) {
		r.Use(w.service.Load)
		r.Get("/", echo)
		r.Get("/connect/request", echo)
		r.Group(func(r chi.Router) {
			r.Use(w.service.RequireStaff())
			r.Get("/staff", echo)
			r.Get("/staff/inbox", echo)
			r.Post("/staff/inbox", echo)
			r.With(w.service.RequireFresh).Get("/staff/export", echo)
			r.With(w.service.RequireFresh).Post("/staff/export", echo)
		})
		r.With(w.service.RequireStaff(account.Admin, account.Privacy)).Get("/staff/people", echo)
		r.Group(func(r chi.Router) {
			r.Use(w.service.RequireConnect)
			r.Get("/connect", echo)
			r.Post("/connect", echo)
			r.With(w.service.RequireFresh).Post("/connect/erase", echo)
		})
	})
	return r
}

// browser keeps cookies as browsers do.
type browser struct {
	*world
	client string
	jar    map[string]*http.Cookie
	header http.Header
}

func (w *world) browser() *browser {
	return &browser{world: w, client: "192.0.2.1:1000", jar: map[string]*http.Cookie{}, header: http.Header{}}
}

// copied is another browser with the same cookies: a thief's, or the same one before an answer arrived.
func (b *browser) copied() *browser {
	c := b.browser()
	for name, cookie := range b.jar {
		c.jar[name] = cookie
	}
	return c
}

func (b *browser) do(method, to string, form url.Values) *answer {
	b.Helper()
	r := httptest.NewRequest(method, to, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.send(r)
}

func (b *browser) send(r *http.Request) *answer {
	b.Helper()
	r.RemoteAddr = b.client
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	for name, values := range b.header {
		r.Header[name] = values
	}
	for _, c := range b.jar {
		r.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	b.handler.ServeHTTP(rec, r)
	set := rec.Result().Cookies()
	for _, c := range set {
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		} else {
			b.jar[c.Name] = c
		}
	}
	return &answer{b.T, rec, set}
}

func (b *browser) get(to string) *answer { b.Helper(); return b.do(http.MethodGet, to, nil) }

func (b *browser) post(to string, pairs ...string) *answer {
	b.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, to, form)
}

// answer is what came back.
type answer struct {
	*testing.T
	*httptest.ResponseRecorder
	cookies []*http.Cookie
}

// want checks status and, for redirects, where to. A page that refuses what was typed says so first of all in its title.
func (a *answer) want(status int, location ...string) *answer {
	a.Helper()
	if a.Code != status {
		a.Fatalf("status %d, want %d; to %q; %s", a.Code, status, a.Header().Get("Location"), a.text("main"))
	}
	if len(location) > 0 && a.Header().Get("Location") != location[0] {
		a.Fatalf("redirect to %q, want %q", a.Header().Get("Location"), location[0])
	}
	if status == http.StatusUnprocessableEntity && !strings.HasPrefix(a.text("title"), "Error: ") {
		a.Errorf("refused under the title %q", a.text("title"))
	}
	return a
}

// seen checks who the page behind the guard saw.
func (a *answer) seen(email string) *answer {
	a.Helper()
	if got := a.Header().Get("X-Seen"); got != email {
		a.Fatalf("the page saw %q, want %q (status %d)", got, email, a.Code)
	}
	return a
}

func (a *answer) doc() *goquery.Document {
	a.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(a.Body.String()))
	if err != nil {
		a.Fatal(err)
	}
	return doc
}

func (a *answer) text(selector string) string {
	a.Helper()
	return strings.Join(strings.Fields(a.doc().Find(selector).Text()), " ")
}

// value is that of a form field.
func (a *answer) value(name string) string {
	a.Helper()
	v, _ := a.doc().Find("main [name=" + name + "]").Attr("value")
	return v
}

func (w *world) hire(email string, roles ...account.Role) account.Account {
	w.Helper()
	a, err := w.service.Create(w.Context(), account.Hire{Email: email, Roles: roles, Password: password})
	if err != nil {
		w.Fatal(err)
	}
	return a
}

// staff returns a browser in which a new member of staff is signed in, an hour after the authenticator was set up.
func (w *world) staff(email string, roles ...account.Role) (*browser, account.Account) {
	w.Helper()
	a := w.hire(email, roles...)
	w.enrol(a)
	b := w.browser()
	b.signInStaff(email)
	return b, a
}

func (w *world) enrol(a account.Account) []string {
	w.Helper()
	codes, err := w.service.Enrol(w.Context(), a, accounttest.Secret, w.code())
	if err != nil {
		w.Fatal(err)
	}
	w.clock.Pass(time.Minute)
	return codes
}

func (b *browser) signInStaff(email string) {
	b.Helper()
	b.post("/staff/sign-in", "email", email, "password", password).want(http.StatusSeeOther, "/staff/totp")
	b.post("/staff/totp", "code", b.code()).want(http.StatusSeeOther, "/staff")
}

// code is what the authenticator shows now.
func (w *world) code() string {
	w.Helper()
	code, err := totp.GenerateCode(accounttest.Secret, w.clock.Now())
	if err != nil {
		w.Fatal(err)
	}
	return code
}

// customer makes a person with access to the portal and a password.
func (w *world) customer(email string) account.Account {
	w.Helper()
	person := uuid.New()
	w.exec(`INSERT INTO person (id, email, address_hmac, created_at, verified_at) VALUES ($1, $2, $3, $4, $4)`,
		person, email, []byte(email), w.clock.Now())
	a, _ := accounttest.Customer(w, w.service, w.pool, person, email, w.clock.Now())
	w.exec(`DELETE FROM session`)
	return a
}

// signedIn returns a browser in which a customer is signed in.
func (w *world) signedIn(email string, remember bool) *browser {
	w.Helper()
	b := w.browser()
	pairs := []string{"email", email, "password", password}
	if remember {
		pairs = append(pairs, "remember", "yes")
	}
	b.post("/connect/sign-in", pairs...).want(http.StatusSeeOther, "/connect")
	return b
}

func (w *world) exec(sql string, args ...any) {
	w.Helper()
	if _, err := w.pool.Exec(context.WithoutCancel(w.Context()), sql, args...); err != nil {
		w.Fatal(err)
	}
}

// during changes an account and commits once send waits for its row, and returns what that is answered.
func (w *world) during(change string, id uuid.UUID, send func() *answer) *answer {
	w.Helper()
	tx, err := w.pool.Begin(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(w.Context())) }()
	for _, sql := range []string{`UPDATE account SET name = name WHERE id = $1`, change} {
		if _, err := tx.Exec(w.Context(), sql, id); err != nil {
			w.Fatal(err)
		}
	}
	answered := make(chan *answer, 1)
	go func() { answered <- send() }()
	for range 1000 {
		if w.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := tx.Commit(w.Context()); err != nil {
		w.Fatal(err)
	}
	return <-answered
}

func (w *world) count(sql string, args ...any) int {
	w.Helper()
	var n int
	if err := w.pool.QueryRow(w.Context(), sql, args...).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

// mailed returns the links of the mails of a template to an address, oldest first.
func (w *world) mailed(template, address string) []string {
	w.Helper()
	rows, err := w.pool.Query(w.Context(), `
		SELECT coalesce(data->>'URL', '') FROM message WHERE template = $1 AND address = $2 ORDER BY id`, template, address)
	if err != nil {
		w.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.Fatal(err)
	}
	return list
}

// told returns what the owner of an address was told was changed of the account, oldest first.
func (w *world) told(address string) []string {
	w.Helper()
	rows, err := w.pool.Query(w.Context(), `
		SELECT data->>'What' FROM message WHERE template = 'account-changed' AND address = $1 ORDER BY id`, address)
	if err != nil {
		w.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.Fatal(err)
	}
	return list
}

// sweep deletes what has ended.
func (w *world) sweep() {
	w.Helper()
	for _, d := range w.service.Deletes() {
		if _, err := d.Run(w.Context(), w.pool, w.clock.Now()); err != nil {
			w.Fatal(err)
		}
	}
}
