package analytics

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/key/keytest"
)

// as asks for an address of the workspace as a role.
func (h *house) as(role account.Role) func(method, path string, values url.Values) *httptest.ResponseRecorder {
	h.t.Helper()
	accounts := accounttest.New(h.t, h.pool, keytest.New(h.t), home, func() time.Time { return h.now })
	_, cookie := accounttest.Staff(h.t, accounts, h.now, role)
	router := chi.NewRouter()
	router.Route("/staff", func(r chi.Router) {
		r.Use(accounts.Load, accounts.RequireStaff())
		h.Staff(r)
	})
	return func(method, path string, values url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(values.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(cookie)
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		return w
	}
}

// season counts some views of October, and moves on to the middle of November.
func (h *house) season() {
	h.t.Helper()
	h.count(byPage, "/", 129)
	h.count(byPage, "/products/contracts", 30)
	h.count(byPage, "/about", 9)
	h.count(byReferrer, direct, 120)
	h.count(byReferrer, "news.example.com", 19)
	h.count(byReferrer, "ada-lovelace.example.com", 3)
	ask(h.site, "/products/contracts", "User-Agent", "curl/8")
	h.flush()
	h.now = time.Date(2026, 11, 2, 12, 0, 0, 0, clock.Zone())
	h.count(byPage, "/news", 500)
	h.flush()
	h.now = time.Date(2026, 11, 16, 12, 0, 0, 0, clock.Zone())
}

func wants(t *testing.T, w *httptest.ResponseRecorder, status int, words ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("got %d, want %d", w.Code, status)
	}
	for _, x := range words {
		if strings.HasPrefix(x, "!") == strings.Contains(w.Body.String(), strings.TrimPrefix(x, "!")) {
			t.Errorf("%q: %s", x, w.Body)
		}
	}
}

func TestStaffVisits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	marketer := h.as(account.Marketer)
	wants(t, marketer("GET", "/staff/visits", nil), 200, "No month is over yet", "October 2026", "3 November 2026", "!Save")
	h.season()
	marketer = h.as(account.Marketer) // a session does not last for weeks
	w := marketer("GET", "/staff/visits", nil)
	wants(t, w, 200,
		"Visits: October 2026", `<a href="/products/contracts">/products/contracts</a>`, `<td class="num">120</td>`, `<td class="num">30</td>`,
		"news.example.com", `<td class="num">10</td>`, "Direct, or from a page of ours", "Withheld: fewer than 10", "3 December 2026",
		"!129", "!/about", "!ada-lovelace", "!500", "!/news<", "!November 2026</option>")
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("caching: %s", got)
	}
	wants(t, marketer("GET", "/staff/visits?month=2026-10&who=programs", nil), 200, "programs that say they are one", "Withheld", "!/products/contracts<")
	for _, month := range []string{"2026-11", "2026-09", "2031-01", "x", "2026-13", "0000-00"} {
		wants(t, marketer("GET", "/staff/visits?month="+month, nil), 422, "There are no figures of that month", "!500")
		if month != "2026-09" { // a month before the first has a sheet, and nothing in it
			wants(t, marketer("POST", "/staff/visits/export", url.Values{"month": {month}}), 422, "Only a month that is over", "!500")
		}
	}
	for _, role := range []account.Role{account.Reviewer, account.Recruiter, account.Alliance, account.Privacy} {
		as := h.as(role)
		wants(t, as("GET", "/staff/visits", nil), 403)
		wants(t, as("POST", "/staff/visits/export", url.Values{"month": {"2026-10"}}), 403)
	}
	wants(t, h.as(account.Admin)("GET", "/staff/visits", nil), 200)
}

func TestExport(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.season()
	w := h.as(account.Marketer)("POST", "/staff/visits/export", url.Values{"month": {"2026-10"}})
	want := strings.ReplaceAll(`month,dimension,value,who,"views, rounded down to tens"
2026-10,page,/,people,120
2026-10,page,/products/contracts,people,30
2026-10,page,every other page,people,withheld: fewer than 10
2026-10,page,every other page,programs,withheld: fewer than 10
2026-10,referring site,direct,people,120
2026-10,referring site,news.example.com,people,10
2026-10,referring site,every other site,people,withheld: fewer than 10
2026-10,referring site,every other site,programs,withheld: fewer than 10
2026-10,campaign,every other campaign,people,withheld: fewer than 10
2026-10,campaign,every other campaign,programs,withheld: fewer than 10
2026-10,week of first visit,every other week,people,withheld: fewer than 10
2026-10,week of first visit,every other week,programs,withheld: fewer than 10
2026-10,campaign of first visit,every other campaign,people,withheld: fewer than 10
2026-10,campaign of first visit,every other campaign,programs,withheld: fewer than 10
`, "\n", "\r\n")
	if diff := cmp.Diff(w.Body.String(), want); diff != "" {
		t.Error(diff)
	}
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="visits-2026-10.csv"` {
		t.Errorf("sent as %s", got)
	}
	got := h.scan(`
		SELECT concat_ws(' ', actor_role, action, object, detail ->> 'month', detail ->> 'count', length(detail ->> 'sha256'))
		FROM audit_event WHERE action = 'export'`)
	if got != "marketer export visits 2026-10 4 64" {
		t.Errorf("logged: %s", got)
	}
}

// TestSilentSite holds that the check of P-13 passes on a site that listens to the signals, and fails on one that is deaf.
func TestSilentSite(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	cookies := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.Method == http.MethodPost {
			http.SetCookie(w, &http.Cookie{Name: "choice", Value: "all"})
		}
	}
	router := chi.NewRouter()
	router.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			if r.Method == http.MethodGet {
				h.View(r, w.Header())
			}
		})
	})
	router.Get("/cookies", cookies)
	router.Post("/cookies", cookies)
	if err := h.CheckSilent(context.Background(), router); err != nil {
		t.Error(err)
	}
	if err := h.CheckSilent(context.Background(), deaf(router)); err == nil {
		t.Error("a deaf site passes")
	}
	if counted := words(h.counter.empty()); counted["referrer "+notCounted] != 0 {
		t.Errorf("the check is counted: %v", counted)
	}
}
