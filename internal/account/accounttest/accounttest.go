// Package accounttest signs people in for the tests of rooms whose pages ask who is there.
package accounttest

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pquerna/otp/totp"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/mail/mailtest"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/web"
)

// Password is that of everybody made here.
const Password = "seven orange crates"

// Secret is that of every authenticator set up here.
const Secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

// pages are made once in a process: compressing the assets takes longer than a test.
var pages = sync.OnceValues(func() (*page.Set, error) {
	site, err := page.LoadSite(web.FS)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return page.New(page.Config{Web: web.FS, PublicURL: "https://www.example.com", Site: site, Log: log, Now: time.Now})
})

// loading lets one test at a time load views into pages.
var loading sync.Mutex

// New returns a service with real pages and a real mail queue (one that nobody drains) at publicURL.
func New(t testing.TB, pool *pgxpool.Pool, keys *key.Ring, publicURL string, now func() time.Time) *account.Service {
	t.Helper()
	set, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	loading.Lock()
	defer loading.Unlock()
	return With(t, pool, keys, set, publicURL, now)
}

// With is New for a test that has pages of its own.
func With(t testing.TB, pool *pgxpool.Pool, keys *key.Ring, pages *page.Set, publicURL string, now func() time.Time) *account.Service {
	t.Helper()
	files, err := fs.Sub(web.FS, "mail")
	if err != nil {
		t.Fatal(err)
	}
	c := mailtest.Config(t, pool, "", append(mail.Core(), account.Templates()...)...)
	c.Keys, c.Files, c.Now, c.Identity.PublicURL = keys, files, now, publicURL
	return account.New(account.Config{
		Pool: pool, Keys: keys, Mail: mailtest.New(t, c), Pages: pages, PublicURL: publicURL, Now: now,
		Client: func(r *http.Request) netip.Addr {
			at, err := netip.ParseAddrPort(r.RemoteAddr)
			if err != nil {
				return netip.Addr{}
			}
			return at.Addr()
		},
	})
}

// Staff makes a member of staff with roles, whose name is the first role, and signs them in. now is the service's time.
func Staff(t testing.TB, s *account.Service, now time.Time, roles ...account.Role) (account.Account, *http.Cookie) {
	t.Helper()
	email := string(roles[0]) + "-" + uuid.NewString()[:8] + "@staff.example.com"
	a, err := s.Create(t.Context(), account.Hire{Email: email, Name: roles[0].Label(), Roles: roles, Password: Password})
	if err != nil {
		t.Fatal(err)
	}
	code := codeAt(t, now)
	if _, err := s.Enrol(t.Context(), a, Secret, code); err != nil {
		t.Fatal(err)
	}
	half := post(t, routes(s), "/staff/sign-in", url.Values{"email": {email}, "password": {Password}})
	// The code of now was spent at enrolment; that of the next step is accepted as early.
	whole := post(t, routes(s), "/staff/totp", url.Values{"code": {codeAt(t, now.Add(30*time.Second))}}, half)
	return a, whole
}

// Customer gives a person access to the portal for a year and signs them in. The person row must exist.
func Customer(t testing.TB, s *account.Service, pool *pgxpool.Pool, person uuid.UUID, email string, now time.Time) (account.Account, *http.Cookie) {
	t.Helper()
	var id uuid.UUID
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) (err error) {
		id, err = s.Grant(t.Context(), tx, person, email, "Ada Lovelace", now.AddDate(1, 0, 0))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	link, err := s.Invite(context.WithoutCancel(t.Context()), id)
	if err != nil {
		t.Fatal(err)
	}
	if r := send(routes(s), "/connect/invite/"+path.Base(link), url.Values{"password": {Password}}); r.Code != http.StatusSeeOther {
		t.Fatalf("set password: %d", r.Code)
	}
	a, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return a, post(t, routes(s), "/connect/sign-in", url.Values{"email": {email}, "password": {Password}})
}

func routes(s *account.Service) http.Handler {
	r := chi.NewRouter()
	s.StaffRoutes(r)
	s.ConnectRoutes(r)
	return r
}

// post sends a form that must set one cookie, and returns it.
func post(t testing.TB, h http.Handler, to string, form url.Values, cookies ...*http.Cookie) *http.Cookie {
	t.Helper()
	w := send(h, to, form, cookies...)
	set := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(set) != 1 {
		t.Fatalf("POST %s: status %d, %d cookies", to, w.Code, len(set))
	}
	return set[0]
}

func send(h http.Handler, to string, form url.Values, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, to, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func codeAt(t testing.TB, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(Secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}
