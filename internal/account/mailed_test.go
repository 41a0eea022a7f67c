package account_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clickcommerce.com/site/internal/account"
)

// path leaves the site's own part of a mailed link.
func path(link string) string { return strings.TrimPrefix(link, "https://www.example.com") }

func TestReset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.customer("ada@example.com")
	in := w.signedIn(ada.Email, true)
	b := w.browser()
	b.get("/connect/reset").want(http.StatusOK)
	b.post("/connect/reset", "email", "no address").want(http.StatusUnprocessableEntity)
	known := b.post("/connect/reset", "email", " ADA@example.com ").want(http.StatusOK)
	unknown := b.post("/connect/reset", "email", "ida@example.com").want(http.StatusOK)
	if known.text("main") != unknown.text("main") {
		t.Errorf("the page tells whether an account exists:\n%s\n%s", known.text("main"), unknown.text("main"))
	}
	links := w.mailed("reset", ada.Email)
	if n := w.count(`SELECT count(*) FROM message WHERE template = 'reset'`); n != 1 || len(links) != 1 {
		t.Fatalf("%d mails", n)
	}
	at := path(links[0])
	if !strings.HasPrefix(at, "/connect/reset/") {
		t.Fatalf("link %s", links[0])
	}
	b.get(at).want(http.StatusOK)
	in.get("/connect").want(http.StatusOK) // looking changed nothing
	b.post(at, "password", "short").want(http.StatusUnprocessableEntity)
	b.get(strings.Replace(at, "/connect/", "/staff/", 1)).want(http.StatusGone)
	b.get(strings.Replace(at, "/reset/", "/invite/", 1)).want(http.StatusGone)
	b.get(at[:len(at)-2] + "AA").want(http.StatusGone)

	var ok, gone atomic.Int32
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			switch w.browser().post(at, "password", "eight purple chairs").Code {
			case http.StatusSeeOther:
				ok.Add(1)
			case http.StatusGone:
				gone.Add(1)
			}
		})
	}
	wait.Wait()
	if ok.Load() != 1 || gone.Load() != 3 {
		t.Errorf("one link, used at once: %d set a password, %d were told it is used up", ok.Load(), gone.Load())
	}
	b.get(at).want(http.StatusGone)
	in.get("/connect").want(http.StatusSeeOther, "/connect/sign-in")
	b.post("/connect/sign-in", "email", ada.Email, "password", password).want(http.StatusUnprocessableEntity)
	b.post("/connect/sign-in", "email", ada.Email, "password", "eight purple chairs").want(http.StatusSeeOther)
	if got := w.told(ada.Email); !slices.Equal(got, []string{"password"}) {
		t.Errorf("the owner was told of %q", got)
	}
}

func TestResetEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.customer("ada@example.com")
	b := w.browser()
	ask := func() string {
		b.post("/connect/reset", "email", ada.Email).want(http.StatusOK)
		list := w.mailed("reset", ada.Email)
		return path(list[len(list)-1])
	}
	first := ask()
	second := ask()
	b.get(first).want(http.StatusGone) // a newer one was sent
	w.clock.Pass(24*time.Hour - time.Second)
	b.get(second).want(http.StatusOK)
	w.clock.Pass(time.Second)
	b.get(second).want(http.StatusGone)
	b.post(second, "password", "eight purple chairs").want(http.StatusGone)
	third := ask()
	if err := w.service.Disable(t.Context(), ada.ID); err != nil {
		t.Fatal(err)
	}
	b.get(third).want(http.StatusGone)
	b.post("/connect/reset", "email", ada.Email).want(http.StatusOK)
	if n := len(w.mailed("reset", ada.Email)); n != 3 {
		t.Errorf("%d mails: a closed account gets none", n)
	}
}

func TestResetIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.customer("ada@example.com")
	b := w.browser()
	for range 10 {
		b.post("/connect/reset", "email", ada.Email).want(http.StatusOK)
	}
	if n := len(w.mailed("reset", ada.Email)); n != 3 {
		t.Errorf("%d mails to one address, want 3", n)
	}
	a := b.post("/connect/reset", "email", "any@example.com").want(http.StatusTooManyRequests)
	if a.Header().Get("Retry-After") == "" || a.value("email") != "any@example.com" {
		t.Errorf("Retry-After %q, address %q", a.Header().Get("Retry-After"), a.value("email"))
	}
}

func TestInvite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, err := w.service.Create(t.Context(), account.Hire{Email: "Ann.Smith@example.com", Roles: []account.Role{account.Admin}})
	if err != nil {
		t.Fatal(err)
	}
	if a.Name != "ann.smith" || a.HasPassword {
		t.Errorf("account %+v", a)
	}
	link, err := w.service.Invite(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.mailed("invite", a.Email); len(got) != 1 || got[0] != link {
		t.Fatalf("mails %v, link %s", got, link)
	}
	b := w.browser()
	w.clock.Pass(7*24*time.Hour - time.Second)
	b.get(path(link)).want(http.StatusOK)
	b.post(path(link), "password", "ann.smith@example.com").want(http.StatusUnprocessableEntity)
	w.clock.Pass(time.Second)
	b.post(path(link), "password", password).want(http.StatusGone)
	// Whoever lost the invitation asks for a password, and is invited again.
	b.post("/staff/reset", "email", a.Email).want(http.StatusOK)
	got := w.mailed("invite", a.Email)
	b.post(path(got[len(got)-1]), "password", password).want(http.StatusSeeOther, "/staff/sign-in?done=password")
	b.post("/staff/sign-in", "email", a.Email, "password", password).want(http.StatusSeeOther, "/staff/totp")
	if got := w.told(a.Email); len(got) != 0 {
		t.Errorf("a first password was told as a change: %q", got)
	}
	w.sweep()
	if n := w.count(`SELECT count(*) FROM account_link`); n != 2 {
		t.Errorf("%d links kept within the month", n)
	}
	w.clock.Pass(60 * 24 * time.Hour)
	w.sweep()
	if n := w.count(`SELECT count(*) FROM account_link`) + w.count(`SELECT count(*) FROM session`); n != 0 {
		t.Errorf("%d rows left after two months", n)
	}
}

func TestResetKeepsTheCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, a := w.staff("ann@example.com", account.Admin)
	b.post("/staff/reset", "email", a.Email).want(http.StatusOK)
	at := path(w.mailed("reset", a.Email)[0])
	b.post(at, "password", "eight purple chairs").want(http.StatusSeeOther)
	b.get("/staff").want(http.StatusSeeOther, "/staff/sign-in")
	b.post("/staff/sign-in", "email", a.Email, "password", "eight purple chairs").want(http.StatusSeeOther)
	if got := b.get("/staff/totp").want(http.StatusOK).text("h1"); got != "The code of your authenticator" {
		t.Errorf("a new password took the code away: %q", got)
	}
	if n := w.count(`SELECT count(*) FROM audit_event WHERE action = 'set password' AND object_id = $1 AND actor_id = $1`, a.ID); n != 1 {
		t.Errorf("%d events in the audit", n)
	}
}

func TestResetHasNoOtherWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hire("ann@example.com", account.Admin)
	texts := map[string]bool{}
	for i, email := range []string{"ann@example.com", "x@example.com", "y@example.com"} {
		b := w.browser()
		b.client = fmt.Sprintf("192.0.2.%d:1", i)
		// An account of staff is none at the customers' door.
		texts[b.post("/connect/reset", "email", email).want(http.StatusOK).text("main")] = true
	}
	if len(texts) != 1 || w.count(`SELECT count(*) FROM message`) != 0 {
		t.Errorf("%d texts, %d mails", len(texts), w.count(`SELECT count(*) FROM message`))
	}
}
