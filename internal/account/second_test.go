package account_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
)

func TestStaffNeedACode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.hire("ann@example.com", account.Reviewer)
	w.enrol(a)
	b := w.browser()
	b.get("/staff/inbox?q=1").want(http.StatusSeeOther, "/staff/sign-in?next=%2Fstaff%2Finbox%3Fq%3D1")
	b.post("/staff/sign-in", "email", a.Email, "password", password, "next", "/staff/inbox?q=1").
		want(http.StatusSeeOther, "/staff/totp?next=%2Fstaff%2Finbox%3Fq%3D1")
	half := w.service.Open(t, account.Staff, b.jar["__Host-staff"])
	for _, closed := range []string{"/staff", "/staff/inbox", "/staff/people", "/staff/account", "/staff/export", "/staff/account/totp", "/staff/confirm"} {
		if got := b.get(closed); got.Code != http.StatusSeeOther || !strings.HasPrefix(got.Header().Get("Location"), "/staff/totp") {
			t.Errorf("with a password alone %s answers %d", closed, got.Code)
		}
	}
	for _, closed := range []string{"/staff/inbox", "/staff/export", "/staff/account/password", "/staff/account/totp", "/staff/account/recovery", "/staff/account/end"} {
		if got := b.post(closed, "note", "x"); got.Code != http.StatusUnauthorized {
			t.Errorf("with a password alone POST %s answers %d", closed, got.Code)
		}
	}
	b.get("/staff/totp").want(http.StatusOK)
	b.post("/staff/totp", "code", w.code(), "next", "/staff/inbox?q=1").want(http.StatusSeeOther, "/staff/inbox?q=1")
	if whole := w.service.Open(t, account.Staff, b.jar["__Host-staff"]); whole.Session == half.Session {
		t.Error("the id of the half session opens the whole")
	}
	b.get("/staff/inbox").want(http.StatusOK).seen(a.Email)
	b.get("/staff/people").want(http.StatusForbidden)
	if n := w.count(`SELECT count(*) FROM session`); n != 1 {
		t.Errorf("%d sessions", n)
	}
	late := w.browser()
	late.post("/staff/sign-in", "email", a.Email, "password", password).want(http.StatusSeeOther, "/staff/totp")
	w.clock.Pass(account.HalfWhole)
	late.post("/staff/totp", "code", w.code()).want(http.StatusUnauthorized)
}

func TestCodeCountsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.hire("ann@example.com", account.Admin)
	w.enrol(a)
	half := func() *browser {
		b := w.browser()
		b.post("/staff/sign-in", "email", a.Email, "password", password).want(http.StatusSeeOther)
		return b
	}
	code := func(after time.Duration) string {
		c, err := totp.GenerateCode(accounttest.Secret, w.clock.Now().Add(after))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	half().post("/staff/totp", "code", code(-60*time.Second)).want(http.StatusUnprocessableEntity) // two steps ago
	half().post("/staff/totp", "code", code(60*time.Second)).want(http.StatusUnprocessableEntity)
	half().post("/staff/totp", "code", code(-30*time.Second)).want(http.StatusSeeOther)
	half().post("/staff/totp", "code", code(0)).want(http.StatusSeeOther)
	half().post("/staff/totp", "code", code(0)).want(http.StatusUnprocessableEntity)               // spent
	half().post("/staff/totp", "code", code(-30*time.Second)).want(http.StatusUnprocessableEntity) // earlier than the last
	half().post("/staff/totp", "code", " "+code(30 * time.Second)[:3]+" "+code(30 * time.Second)[3:]).want(http.StatusSeeOther)
}

func TestWaitsOfCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.hire("ann@example.com", account.Admin)
	w.enrol(a)
	b := w.browser()
	b.post("/staff/sign-in", "email", a.Email, "password", password).want(http.StatusSeeOther)
	for range 5 {
		b.post("/staff/totp", "code", "000000").want(http.StatusUnprocessableEntity)
	}
	// Giving the password again doesn't take the wait away.
	b.post("/staff/sign-in", "email", a.Email, "password", password).want(http.StatusSeeOther)
	got := b.post("/staff/totp", "code", w.code()).want(http.StatusTooManyRequests)
	if got.Header().Get("Retry-After") != "15" {
		t.Errorf("Retry-After %q", got.Header().Get("Retry-After"))
	}
	b.post("/staff/recovery", "code", "aaaaa-aaaaa").want(http.StatusTooManyRequests)
	w.clock.Pass(15 * time.Second)
	b.post("/staff/totp", "code", w.code()).want(http.StatusSeeOther)
}

func TestEnrolment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.hire("ann@example.com", account.Reviewer)
	bob := w.hire("bob@example.com", account.Reviewer)
	b := w.browser()
	b.post("/staff/sign-in", "email", ann.Email, "password", password).want(http.StatusSeeOther, "/staff/totp")
	page := b.get("/staff/totp").want(http.StatusOK)
	if page.doc().Find("main svg path").Length() == 0 || strings.Contains(page.Body.String(), "data:") || strings.Contains(page.Body.String(), "style=") {
		t.Error("the picture must be drawn within the page")
	}
	secret := strings.ReplaceAll(page.text("main .steps code"), " ", "")
	codeOf := func() string {
		c, err := totp.GenerateCode(secret, w.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	wrong := b.post("/staff/totp", "code", "000000", "secret", page.value("secret")).want(http.StatusUnprocessableEntity)
	if got := strings.ReplaceAll(wrong.text("main .steps code"), " ", ""); got != secret {
		t.Error("a wrong code changed the secret: the phone would have to scan again")
	}
	if n := w.count(`SELECT count(*) FROM account WHERE totp_secret IS NOT NULL`); n != 0 {
		t.Error("an unproven secret was stored")
	}
	other := w.browser()
	other.post("/staff/sign-in", "email", bob.Email, "password", password).want(http.StatusSeeOther, "/staff/totp")
	other.post("/staff/totp", "code", codeOf(), "secret", page.value("secret")).want(http.StatusUnprocessableEntity)
	b.post("/staff/totp", "code", codeOf(), "secret", "forged").want(http.StatusUnprocessableEntity)

	done := b.post("/staff/totp", "code", codeOf(), "secret", page.value("secret"), "next", "/staff/inbox").want(http.StatusOK)
	codes := strings.Fields(done.text(".recovery-codes"))
	if len(codes) != 10 {
		t.Fatalf("%d recovery codes", len(codes))
	}
	if to, _ := done.doc().Find("main .actions a").Attr("href"); to != "/staff/inbox" {
		t.Errorf("goes on to %q", to)
	}
	b.get("/staff").want(http.StatusOK).seen(ann.Email)
	for _, what := range append(codes, secret) {
		if n := w.count(`SELECT count(*) FROM account a LEFT JOIN recovery_code r ON r.account_id = a.id
			WHERE encode(a.totp_secret, 'escape') LIKE '%' || $1 || '%' OR encode(r.hash, 'escape') LIKE '%' || $1 || '%'`, what); n != 0 {
			t.Error("a secret is stored in the clear")
		}
	}

	lost := w.browser()
	lost.post("/staff/sign-in", "email", ann.Email, "password", password).want(http.StatusSeeOther)
	lost.get("/staff/recovery").want(http.StatusOK)
	lost.post("/staff/recovery", "code", "zzzzz-zzzzz").want(http.StatusUnprocessableEntity)
	lost.post("/staff/recovery", "code", strings.ToUpper(strings.ReplaceAll(codes[3], "-", " "))).want(http.StatusSeeOther, "/staff")
	again := w.browser()
	again.post("/staff/sign-in", "email", ann.Email, "password", password).want(http.StatusSeeOther)
	again.post("/staff/recovery", "code", codes[3]).want(http.StatusUnprocessableEntity)
	if got := lost.get("/staff/account").want(http.StatusOK).text("main"); !strings.Contains(got, "9 recovery codes left") {
		t.Errorf("own page: %s", got)
	}
}

// TestTypedOutlivesTheAuthenticator sends a note after an administrator has dropped the authenticator: it waits until a new
// one is set up, whether the session had ended or is half of one.
func TestTypedOutlivesTheAuthenticator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, ann := w.staff("ann@example.com", account.Reviewer)
	if err := w.service.DropTOTP(t.Context(), ann.ID); err != nil {
		t.Fatal(err)
	}
	a := b.post("/staff/inbox?page=2", "note", "Half a note").want(http.StatusUnauthorized)
	a = b.post("/staff/sign-in", "email", ann.Email, "password", password, "typed", a.value("typed")).want(http.StatusOK)
	half := b.post("/staff/inbox?page=2", "note", "Half a note").want(http.StatusUnauthorized)
	for _, page := range []*answer{a, half} {
		if page.value("secret") == "" || page.value("typed") == "" {
			t.Fatalf("%q carries %q beside the secret %q", page.text("h1"), page.value("typed"), page.value("secret"))
		}
	}
	a = b.post("/staff/totp", "code", "000000", "secret", a.value("secret"), "typed", a.value("typed")).want(http.StatusUnprocessableEntity)
	code, err := totp.GenerateCode(strings.ReplaceAll(a.text("main .steps code"), " ", ""), w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	a = b.post("/staff/totp", "code", code, "secret", a.value("secret"), "typed", a.value("typed")).want(http.StatusOK)
	if n := len(strings.Fields(a.text(".recovery-codes"))); n != 10 {
		t.Errorf("%d recovery codes", n)
	}
	to, _ := a.doc().Find("main form").Attr("action")
	a = b.post(to, "typed", a.value("typed")).want(http.StatusOK)
	if to, _ := a.doc().Find("main form").Attr("action"); to != "/staff/inbox?page=2" || a.value("note") != "Half a note" {
		t.Errorf("kept %q for %q", a.value("note"), to)
	}
}

// TestTypedTakesTheOtherWay goes from the code to a recovery code and back, and in again from between the two, without losing
// what was typed before the session ended.
func TestTypedTakesTheOtherWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.hire("ann@example.com", account.Reviewer)
	codes := w.enrol(ann)
	b := w.browser()
	a := b.post("/staff/inbox?page=2", "note", "Half a note").want(http.StatusUnauthorized)
	if a.doc().Find(`main a[target="_blank"][href="/staff/reset"]`).Length() != 1 {
		t.Error("a forgotten password leads away from what is kept")
	}
	other := func() {
		t.Helper()
		way := a.doc().Find("main form.actions")
		to, _ := way.Attr("action")
		sealed, _ := way.Find(`[name="typed"]`).Attr("value")
		a = b.post(to, "show", "yes", "typed", sealed).want(http.StatusOK)
	}
	signIn := func() {
		t.Helper()
		a = b.post("/staff/sign-in", "email", ann.Email, "password", password, "typed", a.value("typed")).want(http.StatusOK)
	}
	signIn()
	for _, want := range []string{"A recovery code", "The code of your authenticator", "A recovery code"} {
		if other(); a.text("h1") != want {
			t.Fatalf("%q, want %q", a.text("h1"), want)
		}
	}
	w.exec(`DELETE FROM session`)
	a = b.post("/staff/recovery", "code", codes[0], "typed", a.value("typed")).want(http.StatusUnauthorized)
	signIn()
	other()
	a = b.post("/staff/recovery", "code", codes[0], "typed", a.value("typed")).want(http.StatusOK)
	if to, _ := a.doc().Find("main form").Attr("action"); to != "/staff/inbox?page=2" || a.value("note") != "Half a note" {
		t.Errorf("kept %q for %q", a.value("note"), to)
	}
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, a := w.staff("ann@example.com", account.Reviewer)
	w.clock.Pass(account.FreshFor)
	b.get("/staff/account/totp").want(http.StatusSeeOther, "/staff/confirm?next=%2Fstaff%2Faccount%2Ftotp")
	b.post("/staff/confirm", "password", "wrong", "next", "/staff/account/totp").want(http.StatusUnprocessableEntity)
	b.post("/staff/confirm", "password", password, "next", "/staff/account/totp").want(http.StatusSeeOther, "/staff/account/totp")
	page := b.get("/staff/account/totp").want(http.StatusOK)
	secret := strings.ReplaceAll(page.text("main .steps code"), " ", "")
	code, err := totp.GenerateCode(secret, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	done := b.post("/staff/account/totp", "code", code, "secret", page.value("secret")).want(http.StatusOK)
	first := strings.Fields(done.text(".recovery-codes"))
	made := b.post("/staff/account/recovery").want(http.StatusOK)
	if got := strings.Fields(made.text(".recovery-codes")); len(got) != 10 || got[0] == first[0] {
		t.Errorf("new codes %v", got)
	}
	old := w.browser()
	old.post("/staff/sign-in", "email", a.Email, "password", password).want(http.StatusSeeOther)
	w.clock.Pass(time.Minute)
	old.post("/staff/totp", "code", w.code()).want(http.StatusUnprocessableEntity)     // of the old secret
	old.post("/staff/recovery", "code", first[0]).want(http.StatusUnprocessableEntity) // of the old list
	if err := w.service.DropTOTP(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	b.get("/staff").want(http.StatusSeeOther, "/staff/sign-in")
	b.post("/staff/sign-in", "email", a.Email, "password", password).want(http.StatusSeeOther)
	if got := b.get("/staff/totp").want(http.StatusOK).text("h1"); got != "Set up your authenticator" {
		t.Errorf("after an administrator removed the authenticator: %q", got)
	}
	if got := w.told(a.Email); !slices.Equal(got, []string{"authenticator", "recovery codes", "dropped"}) {
		t.Errorf("the owner was told of %q", got)
	}
}

func TestRequireFresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.com")
	b := w.signedIn("ada@example.com", true)
	b.post("/connect/erase", "note", "all").want(http.StatusOK).seen("ada@example.com")
	w.clock.Pass(account.ConnectIdle)
	b.get("/connect").want(http.StatusOK).seen("ada@example.com") // the computer is remembered
	a := b.post("/connect/erase", "note", "all of it").want(http.StatusUnauthorized)
	if a.Header().Get("X-Seen") != "" {
		t.Fatal("a remembered session erased without the password")
	}
	a = b.post("/connect/confirm", "password", "wrong", "typed", a.value("typed")).want(http.StatusUnprocessableEntity)
	a = b.post("/connect/confirm", "password", password, "typed", a.value("typed")).want(http.StatusOK)
	if a.value("note") != "all of it" {
		t.Error("what was typed is lost")
	}
	if got := b.post("/connect/erase", "note", a.value("note")).want(http.StatusOK).Body.String(); got != "POST all of it" {
		t.Errorf("got %q", got)
	}
	w.clock.Pass(account.FreshFor)
	b.post("/connect/erase", "note", "x").want(http.StatusUnauthorized)
	for range 5 {
		b.post("/connect/confirm", "password", "wrong")
	}
	b.post("/connect/confirm", "password", password).want(http.StatusTooManyRequests)
}

func TestOwnPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, a := w.staff("ann@example.com", account.Reviewer, account.Privacy)
	w.clock.Pass(time.Minute)
	other := w.browser()
	other.signInStaff(a.Email)
	page := b.get("/staff/account").want(http.StatusOK)
	if got := page.text(".facts"); !strings.Contains(got, "Privacy officer, Reviewer") {
		t.Errorf("facts %q", got)
	}
	if got := page.doc().Find("main .rows li").Length(); got != 2 {
		t.Fatalf("%d sessions listed", got)
	}
	b.post("/staff/account/password", "present", "wrong", "password", "eight purple chairs").want(http.StatusUnprocessableEntity)
	short := b.post("/staff/account/password", "present", password, "password", "short").want(http.StatusUnprocessableEntity)
	if got := short.text("#f-password-error"); !strings.Contains(got, "at least 12 characters") {
		t.Errorf("complaint %q", got)
	}
	b.post("/staff/account/password", "present", password, "password", "eight purple chairs").want(http.StatusSeeOther, "/staff/account?done=changed")
	b.get("/staff").want(http.StatusOK)
	other.get("/staff").want(http.StatusSeeOther, "/staff/sign-in")
	b.post("/staff/account/end", "session", "00000000-0000-0000-0000-000000000000").want(http.StatusSeeOther)
	b.post("/staff/account/end", "session", w.service.Open(t, account.Staff, b.jar["__Host-staff"]).Session.String()).want(http.StatusSeeOther, "/staff/sign-in?done=out")
	b.get("/staff").want(http.StatusSeeOther)
	b.post("/staff/sign-in", "email", a.Email, "password", password).want(http.StatusUnprocessableEntity)
	b.post("/staff/sign-in", "email", a.Email, "password", "eight purple chairs").want(http.StatusSeeOther)
	if got := w.told(a.Email); !slices.Equal(got, []string{"password"}) {
		t.Errorf("the owner was told of %q", got)
	}
}

// Whoever has the password alone must not put an authenticator in the place of the one that was set up meanwhile.
func TestEnrolmentHappensOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.hire("ann@example.com", account.Reviewer)
	w.enrol(a)
	before := w.count(`SELECT count(*) FROM recovery_code WHERE account_id = $1`, a.ID)
	if _, err := w.service.Enrol(t.Context(), a, accounttest.Secret, w.code()); !errors.Is(err, account.ErrRefused) {
		t.Errorf("a second enrolment: %v", err)
	}
	if n := w.count(`SELECT count(*) FROM audit_event WHERE action = 'set up authenticator'`); n != 1 || before != 10 {
		t.Errorf("%d authenticators were set up, %d codes", n, before)
	}
}
