package account_test

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/account"
)

func TestSignInAnswersAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	gone := w.customer("gone@example.com")
	if err := w.service.Disable(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	w.exec(`UPDATE account SET expires_at = $1 WHERE id = $2`, w.clock.Now(), w.customer("late@example.com").ID)
	w.hire("boss@example.com", account.Admin)
	if _, err := w.service.Create(t.Context(), account.Hire{Email: "new@example.com", Roles: []account.Role{account.Admin}}); err != nil {
		t.Fatal(err)
	}
	bodies := map[string]bool{}
	for name, tt := range map[string][2]string{
		"wrong password":        {"ada@example.com", "seven orange crate"},
		"unknown address":       {"ida@example.com", password},
		"closed account":        {"gone@example.com", password},
		"access at its end":     {"late@example.com", password},
		"staff at the other":    {"boss@example.com", password},
		"no password yet":       {"new@example.com", "seven orange crate"},
		"not an address":        {"<b>x\x00", password},
		"password without end":  {"ada@example.com", strings.Repeat("x", 100_000)},
		"an address in capital": {"ADA@EXAMPLE.COM", "wrong"},
	} {
		before := w.service.Comparisons()
		b := w.browser()
		a := b.post("/connect/sign-in", "email", tt[0], "password", tt[1]).want(http.StatusUnprocessableEntity)
		if n := w.service.Comparisons() - before; n != 1 {
			t.Errorf("%s: %d passwords compared, want 1", name, n)
		}
		if len(a.cookies) != 0 {
			t.Errorf("%s: sets a cookie", name)
		}
		bodies[strings.ReplaceAll(a.text("main"), tt[0], "ADDRESS")] = true
		if got := a.value("password"); got != "" {
			t.Errorf("%s: the page repeats the password", name)
		}
	}
	if len(bodies) != 1 {
		t.Errorf("%d different answers: %v", len(bodies), bodies)
	}
}

// TestEmptyIsNoTry: each field that was left empty is told by itself, and nothing is compared or counted.
func TestEmptyIsNoTry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	for name, tt := range map[string]struct {
		email, password string
		want, not       []string
	}{
		"both":        {"", "", []string{"Enter your email address", "Enter your password"}, nil},
		"no address":  {" ", password, []string{"Enter your email address"}, []string{"Enter your password"}},
		"no password": {"ada@example.com", "", []string{"Enter your password"}, []string{"Enter your email address"}},
	} {
		before := w.service.Comparisons()
		for range 20 {
			a := w.browser().post("/connect/sign-in", "email", tt.email, "password", tt.password).want(http.StatusUnprocessableEntity)
			main := a.text("main")
			for _, words := range tt.want {
				if !strings.Contains(main, words) {
					t.Fatalf("%s: %q is missing in %s", name, words, main)
				}
			}
			for _, words := range append(tt.not, "is not right", "Too many tries") {
				if strings.Contains(main, words) {
					t.Fatalf("%s: says %q", name, words)
				}
			}
		}
		if n := w.service.Comparisons() - before; n != 0 {
			t.Errorf("%s: %d passwords compared", name, n)
		}
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	b := w.browser()
	page := b.get("/connect/sign-in").want(http.StatusOK)
	if box := page.doc().Find("input[name=remember]"); box.Length() != 1 || box.Is("[checked]") {
		t.Error("the box to stay signed in must be there, unticked")
	}
	if got := page.text("main form button"); got != "Sign in (sets 1 cookie)" {
		t.Errorf("the button says %q: it must name the cookie (P-15)", got)
	}
	if got := page.text("label[for=f-remember-0]"); got != "Keep me signed in on this computer for 60 days (sets 1 cookie)" {
		t.Errorf("the box says %q", got)
	}
	a := b.post("/connect/sign-in", "email", " Ada@Example.com ", "password", password).want(http.StatusSeeOther, "/connect")
	if len(a.cookies) != 1 {
		t.Fatalf("%d cookies set", len(a.cookies))
	}
	if c := a.cookies[0]; c.Name != "__Host-connect" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge != 0 {
		t.Errorf("cookie %v", c)
	}
	a = b.get("/connect").want(http.StatusOK).seen("ada@example.com")
	if got := a.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	b.get("/").want(http.StatusOK).seen("nobody")
	b.get("/connect/request").want(http.StatusOK).seen("nobody")
	b.get("/staff").want(http.StatusSeeOther, "/staff/sign-in")
	b.get("/connect/sign-in").want(http.StatusSeeOther, "/connect")

	first := w.service.Open(t, account.Connect, a.cookie(b))
	b.post("/connect/sign-in", "email", "ada@example.com", "password", password).want(http.StatusSeeOther)
	second := w.service.Open(t, account.Connect, a.cookie(b))
	if first.Session == second.Session {
		t.Error("the session id survived a sign-in")
	}
	if n := w.count(`SELECT count(*) FROM session`); n != 1 {
		t.Errorf("%d sessions: the one before must end", n)
	}
	thief := b.copied()
	b.post("/connect/sign-out").want(http.StatusSeeOther, "/connect/sign-in?done=out")
	if len(b.jar) != 0 || w.count(`SELECT count(*) FROM session`) != 0 {
		t.Error("sign-out left something")
	}
	thief.get("/connect").want(http.StatusSeeOther)
}

// TestRejectedCookies signs in where all cookies are rejected: nothing is set but by the button that takes it back (P-15).
func TestRejectedCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	w.enrol(w.hire("ann@example.com", account.Reviewer))
	for door, email := range map[string]string{"/connect": "ada@example.com", "/staff": "ann@example.com"} {
		b := w.browser()
		b.jar["choice"] = &http.Cookie{Name: "choice", Value: "none"}
		page := b.get(door + "/sign-in").want(http.StatusOK)
		if got := page.text("main form button"); got != "Tell me first, and sign in (sets 2 cookies)" {
			t.Errorf("the button says %q", got)
		}
		if n := len(page.doc().Find(".notice").Nodes); n != 1 || page.value("choice") != "tell" {
			t.Errorf("%s: %d notices, sends %q", door, n, page.value("choice"))
		}
		pairs := []string{"email", email, "password", password, "next", door + "/devices"}
		unasked := b.post(door+"/sign-in", pairs...).want(http.StatusUnprocessableEntity)
		wrong := b.post(door+"/sign-in", "email", email, "password", "wrong", "choice", "tell").want(http.StatusUnprocessableEntity)
		for name, a := range map[string]*answer{"shown": page, "not asked": unasked, "wrong password": wrong} {
			if len(a.cookies) > 0 {
				t.Errorf("%s, %s: sets %v", door, name, a.cookies)
			}
		}
		if unasked.value("email") != email || unasked.value("next") != door+"/devices" {
			t.Errorf("%s: kept %q, %q", door, unasked.value("email"), unasked.value("next"))
		}
		in := b.post(door+"/sign-in", append(pairs, "choice", "tell")...).want(http.StatusSeeOther)
		if len(in.cookies) != 2 || b.jar["choice"].Value != "tell" || !b.jar["choice"].HttpOnly || !b.jar["choice"].Secure {
			t.Errorf("%s: sets %v", door, in.cookies)
		}
	}
}

func (a *answer) cookie(b *browser) *http.Cookie { return b.jar["__Host-connect"] }

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		staff bool
		pass  []time.Duration // between visits
		alive bool
	}{
		"staff, shortly before idle": {true, []time.Duration{account.StaffIdle - time.Second}, true},
		"staff, idle":                {true, []time.Duration{account.StaffIdle}, false},
		"staff, busy for a day":      {true, []time.Duration{8 * time.Hour, 8 * time.Hour, 8 * time.Hour}, false},
		"customer, idle":             {false, []time.Duration{account.ConnectIdle}, false},
		"customer, busy for 13 days": {false, repeat(20*time.Hour, 15), true},
		"customer, busy for 14 days": {false, repeat(21*time.Hour, 16), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var b *browser
			at := "/connect"
			if tt.staff {
				at = "/staff"
				b, _ = w.staff("ann@example.com", account.Reviewer)
			} else {
				w.customer("ada@example.com")
				b = w.signedIn("ada@example.com", false)
			}
			for i, d := range tt.pass {
				w.clock.Pass(d)
				want := http.StatusOK
				if i == len(tt.pass)-1 && !tt.alive {
					want = http.StatusSeeOther
				}
				b.get(at).want(want)
			}
		})
	}
}

func repeat(d time.Duration, n int) []time.Duration {
	list := make([]time.Duration, n)
	for i := range list {
		list[i] = d
	}
	return list
}

func TestForgedCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	b := w.signedIn("ada@example.com", false)
	good := b.jar["__Host-connect"].Value
	other := w.signedIn("ada@example.com", false).jar["__Host-connect"].Value
	for name, value := range map[string]string{
		"changed": good[:20] + "A" + good[21:], "cut": good[:40], "empty": "", "two halves": good[:60] + other[60:],
	} {
		b.jar["__Host-connect"] = &http.Cookie{Name: "__Host-connect", Value: value}
		if b.get("/connect").Code == http.StatusOK {
			t.Errorf("%s cookie was believed", name)
		}
	}
	// A cookie of one door, under the name of the other.
	b.jar = map[string]*http.Cookie{"x": {Name: "__Host-staff", Value: good}}
	b.get("/staff").want(http.StatusSeeOther)
}

func TestWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	b := w.browser()
	fail := func(email string) *answer { return b.post("/connect/sign-in", "email", email, "password", "wrong") }
	for i, email := range []string{"ada@example.com", "nobody@example.com"} {
		b.client = fmt.Sprintf("198.51.100.%d:1", i) // so that it is not the client's own allowance that ends
		var waits []int
		for range 5 {
			fail(email).want(http.StatusUnprocessableEntity)
		}
		for range 4 {
			a := b.post("/connect/sign-in", "email", email, "password", password).want(http.StatusTooManyRequests)
			seconds, err := strconv.Atoi(a.Header().Get("Retry-After"))
			if err != nil {
				t.Fatal(err)
			}
			if got := a.value("email"); got != email {
				t.Errorf("the page forgot the address: %q", got)
			}
			waits = append(waits, seconds)
			w.clock.Pass(time.Duration(seconds) * time.Second)
			fail(email).want(http.StatusUnprocessableEntity)
		}
		if diff := cmp.Diff(waits, []int{15, 30, 60, 120}); diff != "" {
			t.Errorf("waits of %s (-got +want):\n%s", email, diff)
		}
	}
	w.clock.Pass(15 * time.Minute)
	b.client = "198.51.100.0:1"
	b.post("/connect/sign-in", "email", "ada@example.com", "password", password).want(http.StatusSeeOther)
	for range 4 { // the owner's success has cleared the account
		fail("ada@example.com").want(http.StatusUnprocessableEntity)
	}
	if n := w.count(`SELECT count(*) FROM sign_in_attempt WHERE encode(digest, 'escape') LIKE '%ada%'`); n != 0 {
		t.Error("an address is stored")
	}
	w.clock.Pass(2 * time.Hour)
	w.sweep()
	if n := w.count(`SELECT count(*) FROM sign_in_attempt`); n != 0 {
		t.Errorf("%d tries left after the window", n)
	}
}

func TestWaitOfClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	b := w.browser()
	for i := range 20 {
		b.post("/connect/sign-in", "email", fmt.Sprintf("x%d@example.com", i), "password", "wrong").want(http.StatusUnprocessableEntity)
	}
	b.post("/connect/sign-in", "email", "ada@example.com", "password", password).want(http.StatusTooManyRequests)
	b.client = "192.0.2.2:1000"
	b.post("/connect/sign-in", "email", "ada@example.com", "password", password).want(http.StatusSeeOther)
}

func TestParallelTriesAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	before := w.service.Comparisons()
	var wait sync.WaitGroup
	for i := range 30 {
		wait.Go(func() {
			b := w.browser()
			b.client = fmt.Sprintf("198.51.100.9:%d", i+1)
			b.post("/connect/sign-in", "email", "ada@example.com", "password", "wrong")
		})
	}
	wait.Wait()
	if n := w.service.Comparisons() - before; n != 5 {
		t.Errorf("%d passwords tried at once, want 5", n)
	}
}

// A stranger at one network must not keep the owner out, nor many of them try for ever.
func TestStrangerKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	fail := func(client string) int {
		b := w.browser()
		b.client = client
		return b.post("/connect/sign-in", "email", "ada@example.com", "password", "wrong").Code
	}
	for range 5 {
		fail("203.0.113.1:1")
	}
	if got := fail("203.0.113.1:1"); got != http.StatusTooManyRequests {
		t.Fatalf("the stranger's sixth try: %d", got)
	}
	w.signedIn("ada@example.com", false)
	if got := fail("203.0.113.1:1"); got != http.StatusTooManyRequests {
		t.Errorf("the owner's success set the stranger free: %d", got)
	}
	for i := range 45 {
		if got := fail(fmt.Sprintf("198.51.100.%d:1", i)); got != http.StatusUnprocessableEntity {
			t.Fatalf("network %d: %d", i, got)
		}
	}
	if got := fail("192.0.2.77:1"); got != http.StatusTooManyRequests {
		t.Errorf("after 50 tries from everywhere: %d", got)
	}
}

// Signing in and confirming one's password at once, again and again: one of two transactions must never be the victim
// of the other.
func TestDoubleClicks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	b := w.signedIn("ada@example.com", false)
	var wait sync.WaitGroup
	codes := make(chan int, 64)
	for i := range 8 {
		wait.Go(func() {
			c := b.copied()
			for range 3 {
				if i%2 == 0 {
					codes <- w.browser().post("/connect/sign-in", "email", "ada@example.com", "password", password).Code
				} else {
					codes <- c.post("/connect/confirm", "password", password).Code
				}
			}
		})
	}
	wait.Wait()
	close(codes)
	for code := range codes {
		if code >= http.StatusInternalServerError {
			t.Errorf("a sign-in ended with %d", code)
		}
	}
}

func TestHashIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.customer("ada@example.com")
	if err := w.service.Weaken(t.Context(), a.ID, password); err != nil {
		t.Fatal(err)
	}
	w.signedIn("ada@example.com", false)
	if n := w.count(`SELECT count(*) FROM account WHERE id = $1 AND password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'`, a.ID); n != 1 {
		t.Error("the hash kept its old costs")
	}
	w.signedIn("ada@example.com", false)
}

func TestNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	b := w.browser()
	b.get("/connect?tab=downloads").want(http.StatusSeeOther, "/connect/sign-in?next=%2Fconnect%3Ftab%3Ddownloads")
	b.post("/connect/sign-in", "email", "ada@example.com", "password", "wrong", "next", "/connect?tab=downloads").want(http.StatusUnprocessableEntity)
	b.post("/connect/sign-in", "email", "ada@example.com", "password", password, "next", "/connect?tab=downloads").
		want(http.StatusSeeOther, "/connect?tab=downloads")
	for next, want := range map[string]string{
		"": "/staff", "/staff": "/staff", "/staff/inbox?q=a+b": "/staff/inbox?q=a+b", "/staff/account": "/staff/account",
		"https://evil.example/staff": "/staff", "//evil.example/staff": "/staff", "/\\evil.example": "/staff",
		"/staff/\\evil.example": "/staff", "/staffx": "/staff", "/connect": "/staff", "/": "/staff", "staff": "/staff",
		"/staff/../connect": "/staff", "/staff//evil.example": "/staff", "/staff/\tx": "/staff", "/staff\n": "/staff",
		"javascript:alert(1)": "/staff", "/staff/sign-in": "/staff", "/staff/sign-out": "/staff", "/staff/totp?x": "/staff",
		"http:/staff": "/staff", "/staff#x": "/staff", "/staff/%2f%2fevil.example": "/staff", "/%5cevil.example": "/staff",
		"/staff/people/%zz": "/staff",
	} {
		if got := account.Local(account.Staff, next); got != want {
			t.Errorf("Local(%q) = %q, want %q", next, got, want)
		}
	}
}

func TestTypedSurvives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, _ := w.staff("ann@example.com", account.Reviewer)
	w.clock.Pass(account.StaffIdle)
	long := strings.Repeat("A long answer. ", 2000)
	a := ann.post("/staff/inbox?page=2", "note", long, "csrf", "", "password", "never shown").want(http.StatusUnauthorized)
	sealed := a.value("typed")
	if sealed == "" || !strings.Contains(a.text(".notice"), "is kept") {
		t.Fatalf("nothing kept: %s", a.text("main"))
	}
	a = ann.post("/staff/sign-in", "email", "ann@example.com", "password", "wrong", "typed", sealed).want(http.StatusUnprocessableEntity)
	a = ann.post("/staff/sign-in", "email", "ann@example.com", "password", password, "typed", a.value("typed")).want(http.StatusOK)
	a = ann.post("/staff/totp", "code", "000000", "typed", a.value("typed")).want(http.StatusUnprocessableEntity)
	a = ann.post("/staff/totp", "code", w.code(), "typed", a.value("typed")).want(http.StatusOK)
	if got, _ := a.doc().Find("main form").Attr("action"); got != "/staff/inbox?page=2" {
		t.Errorf("sends to %q", got)
	}
	if strings.Contains(a.Body.String(), "never shown") {
		t.Error("a password is repeated")
	}
	if a.value("note") != long || !strings.Contains(a.text(".facts"), "A long answer.") {
		t.Error("what was typed is lost")
	}
	if got := ann.post("/staff/inbox?page=2", "note", a.value("note")).want(http.StatusOK).Body.String(); got != "POST "+long {
		t.Error("sent again, something else arrived")
	}
}

// TestTypedOutlivesTheDatabase sends a note while nobody can say who is signed in.
func TestTypedOutlivesTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, _ := w.staff("ann@example.com", account.Reviewer)
	w.pool.Close()
	a := ann.post("/staff/inbox?page=2", "note", "Call back on Monday.", "password", "never shown").want(http.StatusServiceUnavailable)
	if a.Header().Get("Retry-After") == "" || !strings.Contains(a.text("main"), "Wait a minute") {
		t.Errorf("says %q", a.text("main"))
	}
	if to, _ := a.doc().Find("main form").Attr("action"); to != "/staff/inbox?page=2" || a.value("note") != "Call back on Monday." {
		t.Errorf("sends %q to %q", a.value("note"), to)
	}
	if strings.Contains(a.Body.String(), "never shown") {
		t.Error("a password is repeated")
	}
	ann.get("/staff/inbox").want(http.StatusInternalServerError)
}

// TestDoorsOutliveTheDatabase sends every form of the doors while the database is away, with and without the cookie of a
// session: each stays, with what it carries and what was typed but secrets.
func TestDoorsOutliveTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, _ := w.staff("ann@example.com", account.Reviewer)
	w.customer("eve@example.org")
	eve := w.signedIn("eve@example.org", true)
	kept := w.browser().post("/connect/devices", "phone", "+1 312 555 0100").want(http.StatusUnauthorized).value("typed")
	note := w.browser().post("/staff/inbox", "note", "Call back").want(http.StatusUnauthorized).value("typed")
	link, err := w.service.Invite(t.Context(), w.hire("bob@example.com", account.Reviewer).ID)
	if err != nil {
		t.Fatal(err)
	}
	w.pool.Close()
	secrets := []string{"password", "never shown", "code", "never shown", "present", "never shown"}
	for _, c := range []struct {
		by   *browser
		to   string
		sent []string
	}{
		{w.browser(), "/connect/sign-in", []string{"email", "eve@example.org", "next", "/connect/devices", "typed", kept}},
		{eve, "/connect/sign-in", []string{"email", "eve@example.org", "typed", kept}},
		{eve, "/connect/confirm", []string{"next", "/connect/devices", "typed", kept}},
		{w.browser(), "/connect/reset", []string{"email", "eve@example.org"}},
		{eve, "/connect/reset", []string{"email", "eve@example.org"}},
		{w.browser(), path(link), nil},
		{w.browser(), "/staff/sign-in", []string{"email", "ann@example.com", "typed", note}},
		{ann, "/staff/sign-in", []string{"email", "ann@example.com", "typed", note}},
		{ann, "/staff/totp", []string{"next", "/staff/inbox", "typed", note}},
		{ann, "/staff/totp", []string{"next", "/staff/inbox", "secret", "sealed"}},
		{ann, "/staff/recovery", []string{"next", "/staff/inbox", "typed", note}},
		{ann, "/staff/confirm", []string{"typed", note}},
	} {
		a := c.by.post(c.to, append(c.sent, secrets...)...).want(http.StatusServiceUnavailable)
		to, _ := a.doc().Find("main form").Attr("action")
		if a.Header().Get("Retry-After") == "" || to != c.to || !strings.Contains(a.text(".errors"), "does not answer") {
			t.Errorf("%s: sends to %q, says %q", c.to, to, a.text("main"))
		}
		for i := 0; i < len(c.sent); i += 2 {
			if got := a.value(c.sent[i]); got != c.sent[i+1] {
				t.Errorf("%s: keeps %q of %s %q", c.to, got, c.sent[i], c.sent[i+1])
			}
		}
		if strings.Contains(a.Body.String(), "never shown") {
			t.Errorf("%s: a secret is repeated", c.to)
		}
	}
}

// TestDoorsTellWhatTheyCantRead sends what none of their pages sends to those that only a session or a link opens.
func TestDoorsTellWhatTheyCantRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, a := w.staff("ann@example.com", account.Reviewer)
	link, err := w.service.Invite(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	half := w.browser()
	half.post("/staff/sign-in", "email", "ann@example.com", "password", password).want(http.StatusSeeOther, "/staff/totp")
	for to, by := range map[string]*browser{"/staff/confirm": ann, "/staff/totp": half, "/staff/recovery": half, path(link): half} {
		r := httptest.NewRequest(http.MethodPost, to, strings.NewReader(`{"code":1}`))
		r.Header.Set("Content-Type", "application/json")
		answer := by.send(r).want(http.StatusUnsupportedMediaType)
		if at, _ := answer.doc().Find("main form").Attr("action"); at != to || !strings.Contains(answer.text(".errors"), "not sent by this") {
			t.Errorf("%s: sends to %q, says %q", to, at, answer.text("main"))
		}
	}
}

// TestTypedBesideALargeFile sends a film of 40 MB and a title after it, and has been signed out meanwhile.
func TestTypedBesideALargeFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	film, err := form.CreateFormFile("film", "film.webm")
	if err == nil {
		_, err = film.Write(make([]byte, 40<<20))
	}
	if err = errors.Join(err, form.WriteField("title", "A new film"), form.Close()); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/staff/inbox", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	sealed := w.browser().send(r).want(http.StatusUnauthorized).value("typed")
	ann, _ := w.staff("ann@example.com", account.Marketer)
	a := ann.post("/staff/totp", "typed", sealed).want(http.StatusOK)
	if a.value("title") != "A new film" || !strings.Contains(a.text(".notice"), "Film") {
		t.Errorf("kept %q, and says %q", a.value("title"), a.text("main"))
	}
}

func TestTypedLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	b := w.browser()
	a := b.post("/connect", "note", strings.Repeat("x", 1100<<10)).want(http.StatusUnauthorized)
	if a.value("typed") != "" || !strings.Contains(a.text(".notice"), "too long to be kept") {
		t.Errorf("more than is carried: %s", a.text(".notice"))
	}
	captions := strings.Repeat("“Wait 50%…” ", 15_000) + "100%"
	long := b.post("/connect", "captions", captions).want(http.StatusUnauthorized).value("typed")
	again := w.browser().post("/connect/sign-in", "email", "ada@example.com", "password", password, "typed", long).want(http.StatusOK)
	if again.value("captions") != captions {
		t.Errorf("long captions came back as %d bytes of %d", len(again.value("captions")), len(captions))
	}
	in := []string{"email", "ada@example.com", "password", password}
	kept := b.post("/connect", "note", "hello").want(http.StatusUnauthorized).value("typed")
	b.post("/connect/sign-in", append(in, "typed", kept)...).want(http.StatusOK)
	for name, bad := range map[string]string{"changed": kept[:len(kept)-4] + "AAAA", "nonsense": "x"} {
		if got := b.post("/connect/sign-in", append(in, "typed", bad)...); got.Code != http.StatusSeeOther {
			t.Errorf("%s: status %d", name, got.Code)
		}
	}
	staffs := w.browser().post("/staff/inbox", "note", "x").want(http.StatusUnauthorized).value("typed")
	b.post("/connect/sign-in", append(in, "typed", staffs)...).want(http.StatusSeeOther, "/connect")
	w.clock.Pass(25 * time.Hour)
	b.post("/connect/sign-in", append(in, "typed", kept)...).want(http.StatusSeeOther, "/connect")
	b.do(http.MethodPost, "/connect/sign-in", url.Values{"email": {strings.Repeat("x", 4<<20)}}).want(http.StatusRequestEntityTooLarge)
}

// TestNothingOutlivesANewPassword lets an owner choose a new password, which ends every session, while somebody with the old
// one is at the door: in each case the answer waits for the account, and finds it changed.
func TestNothingOutlivesANewPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, ida := w.customer("ada@example.com"), w.customer("ida@example.com")
	ann := w.hire("ann@example.com", account.Reviewer)
	w.enrol(ann)
	w.clock.Pass(time.Minute) // the code of the set-up counts no more
	half := w.browser()
	half.post("/staff/sign-in", "email", ann.Email, "password", password).want(http.StatusSeeOther, "/staff/totp")
	inside := w.signedIn(ida.Email, false)
	const other, ended = `UPDATE account SET password_hash = 'another' WHERE id = $1`, `DELETE FROM session WHERE account_id = $1`
	for _, tt := range []struct {
		name, change string
		who          account.Account
		send         func() *answer
	}{
		{"a password at the door", other, ada, func() *answer {
			return w.browser().post("/connect/sign-in", "email", ada.Email, "password", password, "remember", "yes")
		}},
		{"a code", ended, ann, func() *answer { return half.post("/staff/totp", "code", w.code()) }},
		{"a change of password", ended, ida, func() *answer {
			return inside.post("/connect/devices/password", "present", password, "password", "eight purple chairs")
		}},
	} {
		before := w.count(`SELECT count(*) FROM session WHERE account_id = $1`, tt.who.ID)
		if got := w.during(tt.change, tt.who.ID, tt.send); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", tt.name, got.Code)
		}
		if n := w.count(`SELECT count(*) FROM session WHERE account_id = $1`, tt.who.ID); n > before {
			t.Errorf("%s: %d sessions, %d before", tt.name, n, before)
		}
	}
	if n := w.count(`SELECT count(*) FROM device`); n != 0 {
		t.Errorf("%d computers remembered", n)
	}
}
