package account_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"clickcommerce.com/site/internal/account"
)

func (b *browser) held() account.Cookie {
	b.Helper()
	return b.service.Open(b.T, account.Connect, b.jar["__Host-connect"])
}

func TestRemember(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	plain := w.signedIn("ada@example.com", false)
	b := w.browser()
	a := b.post("/connect/sign-in", "email", "ada@example.com", "password", password, "remember", "yes").want(http.StatusSeeOther)
	if len(a.cookies) != 1 || a.cookies[0].MaxAge != int(account.DeviceLife.Seconds()) {
		t.Fatalf("cookies %v: the box names one, for 60 days", a.cookies)
	}
	first := b.held()
	w.clock.Pass(account.ConnectIdle)
	plain.get("/connect").want(http.StatusSeeOther)
	a = b.get("/connect").want(http.StatusOK).seen("ada@example.com")
	second := b.held()
	if first.Token == second.Token || first.Session == second.Session || first.Device != second.Device {
		t.Error("the token must change, and the session be new")
	}
	if got := a.cookies[0].MaxAge; got != int((account.DeviceLife - account.ConnectIdle).Seconds()) {
		t.Errorf("the renewed cookie lasts %d s: the 60 days are counted from sign-in", got)
	}
	if got := b.get("/connect").want(http.StatusOK); len(got.cookies) != 0 {
		t.Error("a cookie is set while the session lasts")
	}
	w.clock.Pass(account.DeviceLife)
	b.get("/connect").want(http.StatusSeeOther, "/connect/sign-in")
}

func TestStaffAreNotRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.hire("ann@example.com", account.Admin)
	w.enrol(a)
	b := w.browser()
	if b.get("/staff/sign-in").doc().Find("[name=remember]").Length() != 0 {
		t.Error("staff are offered to be remembered")
	}
	got := b.post("/staff/sign-in", "email", a.Email, "password", password, "remember", "yes").want(http.StatusSeeOther)
	if got.cookies[0].MaxAge != 0 || w.count(`SELECT count(*) FROM device`) != 0 {
		t.Error("staff are remembered")
	}
}

func TestSideBySide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	b := w.signedIn("ada@example.com", true)
	w.clock.Pass(account.ConnectIdle)
	var wait sync.WaitGroup
	tabs := make([]*browser, 8)
	for i := range tabs {
		tabs[i] = b.copied()
		wait.Go(func() { tabs[i].get("/connect").seen("ada@example.com") })
	}
	wait.Wait()
	for _, tab := range tabs[1:] {
		if tab.held() != tabs[0].held() {
			t.Error("requests side by side got different cookies")
		}
	}
	if n := w.count(`SELECT count(*) FROM session`); n != 1 {
		t.Errorf("%d sessions", n)
	}
	tabs[0].get("/connect").want(http.StatusOK)
	b.copied().get("/connect").want(http.StatusOK) // overtaken on its way, within the minute
	w.clock.Pass(account.Grace)
	tabs[1].get("/connect").want(http.StatusOK)
}

func TestLostAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	b := w.signedIn("ada@example.com", true)
	w.clock.Pass(account.ConnectIdle)
	b.copied().get("/connect").want(http.StatusOK) // its answer never arrives
	w.clock.Pass(5 * 24 * time.Hour)
	b.get("/connect").want(http.StatusOK).seen("ada@example.com")
	w.clock.Pass(5 * 24 * time.Hour)
	b.get("/connect").want(http.StatusOK).seen("ada@example.com")
}

func TestCopiedCookieEndsTheSeries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	owner := w.signedIn("ada@example.com", true)
	thief := owner.copied()
	w.clock.Pass(account.ConnectIdle)
	thief.get("/connect").want(http.StatusOK)
	thief.get("/connect").want(http.StatusOK)
	w.clock.Pass(account.ConnectIdle)
	owner.get("/connect").want(http.StatusSeeOther, "/connect/sign-in")
	thief.get("/connect").want(http.StatusSeeOther, "/connect/sign-in")
	if n := w.count(`SELECT count(*) FROM message WHERE template = 'device-ended' AND address = 'ada@example.com' AND purpose = 'account'`); n != 1 {
		t.Errorf("%d mails to the owner, want 1", n)
	}
	owner.get("/connect").want(http.StatusSeeOther)
	if n := w.count(`SELECT count(*) FROM message WHERE template = 'device-ended'`); n != 1 {
		t.Errorf("%d mails after another visit: one is enough", n)
	}
	w.signedIn("ada@example.com", true).get("/connect").want(http.StatusOK)
}

func TestPrefetchDoesNotRotate(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]http.Header{
		"Sec-Purpose": {"Sec-Purpose": {"prefetch;prerender"}}, "Purpose": {"Purpose": {"prefetch"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.customer("ada@example.com")
			b := w.signedIn("ada@example.com", true)
			w.clock.Pass(account.ConnectIdle)
			ahead := b.copied()
			ahead.header = header
			if a := ahead.get("/connect").want(http.StatusOK).seen("ada@example.com"); len(a.cookies) != 0 {
				t.Error("a page fetched ahead changed the cookie")
			}
			if n := w.count(`SELECT count(*) FROM device WHERE previous_hash IS NOT NULL`); n != 0 {
				t.Error("a page fetched ahead replaced the token")
			}
			ahead.post("/connect/erase", "note", "x").want(http.StatusUnauthorized)
		})
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	w.customer("eve@example.com")
	here := w.signedIn("ada@example.com", true)
	there := w.signedIn("ada@example.com", true)
	eve := w.signedIn("eve@example.com", true)
	page := here.get("/connect/devices").want(http.StatusOK)
	if n := page.doc().Find("section[aria-labelledby=d-kept] ul li").Length(); n != 2 {
		t.Fatalf("%d computers listed: %s", n, page.text("main"))
	}
	if got := page.text("main"); !strings.Contains(got, "Firefox on Linux this one") || strings.Contains(got, "Mozilla") {
		t.Errorf("listed as %s", got)
	}
	eve.post("/connect/devices", "device", there.held().Device.String()).want(http.StatusSeeOther)
	there.get("/connect").want(http.StatusOK)
	here.post("/connect/devices", "device", there.held().Device.String()).want(http.StatusSeeOther, "/connect/devices?done=forgotten")
	there.get("/connect").want(http.StatusSeeOther)
	here.post("/connect/devices", "device", "nonsense").want(http.StatusNotFound)

	third := w.signedIn("ada@example.com", true)
	here.post("/connect/devices", "session", third.held().Session.String()).want(http.StatusSeeOther, "/connect/devices?done=ended")
	third.get("/connect").want(http.StatusSeeOther)
	if n := w.count(`SELECT count(*) FROM message WHERE template = 'device-ended'`); n != 0 {
		t.Error("what the owner ended was taken for theft")
	}
	thief := here.copied()
	here.post("/connect/sign-out").want(http.StatusSeeOther)
	thief.get("/connect").want(http.StatusSeeOther)
	w.clock.Pass(account.ConnectIdle)
	thief.get("/connect").want(http.StatusSeeOther)
	eve.get("/connect").want(http.StatusOK)

	fourth := w.signedIn("ada@example.com", true)
	fifth := w.signedIn("ada@example.com", true)
	fifth.post("/connect/devices/password", "present", password, "password", "eight purple chairs").want(http.StatusSeeOther, "/connect/devices?done=changed")
	fourth.get("/connect").want(http.StatusSeeOther)
	w.clock.Pass(account.ConnectIdle)
	fifth.get("/connect").want(http.StatusOK)
}

// TestSeries plays an owner whose browser sends several requests at once, whose answers get lost, whose requests
// overtake each other, while days pass; then somebody shows an old copy of the cookie. The owner is never locked out by
// their own browser, and an older token always ends the series.
func TestSeries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.customer("ada@example.com")
	w.exec(`UPDATE account SET expires_at = NULL`) // years pass
	rapid.Check(t, func(rt *rapid.T) {
		w.exec(`DELETE FROM device`)
		w.exec(`DELETE FROM message`)
		cookie, err := w.service.Remember(t.Context(), ada)
		if err != nil {
			rt.Fatal(err)
		}
		owner := w.browser()
		owner.jar[cookie.Name] = cookie
		copies := []*browser{owner.copied()} // of every cookie there ever was
		for range rapid.IntRange(1, 6).Draw(rt, "days") {
			w.clock.Pass(rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, account.ConnectIdle, 3 * account.ConnectIdle}).Draw(rt, "pause"))
			owner = day(rt, owner)
			copies = append(copies, owner.copied())
		}
		if n := w.count(`SELECT count(*) FROM message`); n != 0 {
			rt.Fatalf("%d mails about theft, without a thief", n)
		}
		w.clock.Pass(account.ConnectIdle)
		for range 2 { // the second visit brings the new token back
			if !owner.alive() {
				rt.Fatal("the owner is locked out")
			}
		}
		w.clock.Pass(account.Grace)
		if rapid.SampledFrom(copies).Draw(rt, "stolen").alive() {
			rt.Fatal("an older token opened a session")
		}
		if owner.alive() {
			rt.Fatal("the series outlived an older token")
		}
		if n := w.count(`SELECT count(*) FROM message WHERE template = 'device-ended'`); n != 1 {
			rt.Fatalf("%d mails to the owner, want 1", n)
		}
	})
}

func (b *browser) alive() bool { return b.get("/connect").Code == http.StatusOK }

// day sends requests side by side and returns the browser with the cookie it then holds.
func day(rt *rapid.T, owner *browser) *browser {
	tabs := make([]*browser, rapid.IntRange(1, 3).Draw(rt, "tabs"))
	let := make([]bool, len(tabs))
	var wait sync.WaitGroup
	for i := range tabs {
		tabs[i] = owner.copied()
		wait.Go(func() { let[i] = tabs[i].alive() })
	}
	wait.Wait()
	for _, ok := range let {
		if !ok {
			rt.Fatal("the owner is locked out of a tab")
		}
	}
	if rapid.Bool().Draw(rt, "answers lost") {
		return owner
	}
	next := rapid.SampledFrom(tabs).Draw(rt, "last answer")
	if !next.alive() {
		rt.Fatal("the owner is locked out with the new cookie")
	}
	if rapid.Bool().Draw(rt, "overtaken") && !owner.copied().alive() {
		rt.Fatal("the owner is locked out by a request that was overtaken")
	}
	return next
}
