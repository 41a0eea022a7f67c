package connect_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/access"
	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/alliance"
	"clickcommerce.com/site/internal/connect"
	"clickcommerce.com/site/internal/mail/mailtest"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/internal/submission"
)

var _ = flag.Bool("update", false, "write golden files")

// house is the portal with the rooms that it needs, and one member of staff who is always signed in under /staff.
type house struct {
	*testing.T
	*activitytest.Bench
	accounts  *account.Service
	addresses *privacy.Addresses
	portal    *connect.Portal
	files     map[uuid.UUID][]connect.Download
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, files: map[uuid.UUID][]connect.Download{}}
	templates := append(append(account.Templates(), access.Templates()...), connect.Templates()...)
	activitytest.New(t, templates, func(b *activitytest.Bench) activity.Activities {
		h.Bench = b
		h.accounts = account.New(account.Config{
			Pool: b.Pool, Keys: b.Ring, Mail: b.Mail, Pages: b.Pages, PublicURL: "http://example.test", Now: b.Now,
			Client: func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.7") },
		})
		return activity.Activities{alliance.New(b.Desk, b.Content), access.New(b.Desk, h.accounts)}
	})
	h.addresses = privacy.NewAddresses(h.Desk, h.accounts)
	h.portal = connect.New(connect.Config{
		Desk: h.Desk, Content: h.Content, Accounts: h.accounts, Addresses: h.addresses,
		Downloads: func(_ context.Context, who uuid.UUID) ([]connect.Download, error) { return h.files[who], nil },
	})
	h.portal.Public(h.Router)
	reviewer, err := h.accounts.Create(t.Context(), account.Hire{
		Email: "rita@staff.example.com", Name: "Rita Vance", Roles: []account.Role{account.Reviewer}, Password: accounttest.Password,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Router.Route("/staff", func(r chi.Router) {
		r.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				in := &account.Session{Account: reviewer, Kind: account.Staff, Roles: reviewer.Roles}
				next.ServeHTTP(w, req.WithContext(account.With(req.Context(), in)))
			})
		})
		a, _ := h.Desk.Activities().Find(access.Kind)
		a.Staff(r)
	})
	return h
}

// send fills in a form as the person of the address, and returns the receipt's path.
func (h *house) send(path, kind, email string) string {
	h.Helper()
	values := activitytest.Hidden(h.Get(path).Body.String())
	a, _ := h.Desk.Activities().Find(kind)
	f, err := a.Form(h.Context(), uuid.Nil)
	if err != nil {
		h.Fatal(err)
	}
	for name, list := range activitytest.Examples(f) {
		values[name] = list
	}
	values.Set("email", email)
	w := h.Post(path, values)
	if w.Code != http.StatusSeeOther {
		h.Fatalf("POST %s: %d", path, w.Code)
	}
	return w.Header().Get("Location")
}

func (h *house) id(receipt string) uuid.UUID {
	h.Helper()
	id, err := h.Store.ByToken(strings.TrimPrefix(receipt, "/r/"))
	if err != nil {
		h.Fatal(err)
	}
	return id
}

func (h *house) status(receipt string) string {
	h.Helper()
	rec, err := h.Store.Get(h.Context(), h.id(receipt))
	if err != nil {
		h.Fatal(err)
	}
	return rec.Status
}

// work runs what the rooms do by themselves.
func (h *house) work() {
	h.Helper()
	a, _ := h.Desk.Activities().Find(access.Kind)
	for _, w := range a.Work {
		if err := w.Run(h.Context()); err != nil {
			h.Fatal(err)
		}
	}
}

// link drains the mails and returns the path of the one link that begins so.
func (h *house) link(prefix string) string {
	h.Helper()
	mails := strings.Join(h.Mails(h.T), "\n")
	mails = strings.ReplaceAll(mails, "=\r\n", "")
	found := regexp.MustCompile(`http://example\.test(` + prefix + `[\w-]+)`).FindStringSubmatch(mails)
	if found == nil {
		h.Fatalf("no mail has a link to %s:\n%s", prefix, mails)
	}
	return found[1]
}

// browser keeps cookies as browsers do.
type browser struct {
	*house
	jar map[string]*http.Cookie
}

func (h *house) browser() *browser { return &browser{h, map[string]*http.Cookie{}} }

func (b *browser) do(method, to string, form url.Values) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequest(method, to, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.ask(r)
}

// ask sends any request with the cookies of the browser.
func (b *browser) ask(r *http.Request) *httptest.ResponseRecorder {
	for _, c := range b.jar {
		r.AddCookie(c)
	}
	w := b.Do(r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		} else {
			b.jar[c.Name] = c
		}
	}
	return w
}

func (b *browser) get(to string) *httptest.ResponseRecorder {
	b.Helper()
	return b.do(http.MethodGet, to, nil)
}

func (b *browser) post(to string, pairs ...string) *httptest.ResponseRecorder {
	b.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, to, form)
}

// want checks status and, for redirects, where to.
func want(t *testing.T, w *httptest.ResponseRecorder, status int, location ...string) *httptest.ResponseRecorder {
	t.Helper()
	if w.Code != status || len(location) > 0 && w.Header().Get("Location") != location[0] {
		t.Fatalf("status %d to %q, want %d %v:\n%s", w.Code, w.Header().Get("Location"), status, location, words(w, "main"))
	}
	return w
}

func words(w *httptest.ResponseRecorder, selector string) string {
	return strings.Join(strings.Fields(parsed(w).Find(selector).Text()), " ")
}

// parsed is the page of an answer; the parser takes any text.
func parsed(w *httptest.ResponseRecorder) *goquery.Document {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(w.Body.String()))
	if err != nil {
		panic(err)
	}
	return doc
}

// admitted asks, is approved for 12 months, and sets a password.
func (h *house) admitted(email string) (receipt string) {
	h.Helper()
	receipt = h.send("/connect/request", access.Kind, email)
	want(h.T, h.Post("/staff/access/"+h.id(receipt).String()+"/approve", url.Values{
		"until": {"2027-11-23"}, "reason": {"administrator"}, "products": {"service-parts"},
	}), http.StatusSeeOther)
	invite := h.link("/connect/invite/")
	want(h.T, h.Get(invite), http.StatusOK)
	want(h.T, h.Post(invite, url.Values{"password": {accounttest.Password}}), http.StatusSeeOther, "/connect/sign-in?done=password")
	h.work()
	return receipt
}

func (b *browser) signIn(email string) {
	b.Helper()
	want(b.T, b.post("/connect/sign-in", "email", email, "password", accounttest.Password, "remember", "yes"), http.StatusSeeOther, "/connect")
}

func TestFromRequestToEnd(t *testing.T) {
	h := newHouse(t)
	other := h.send("/alliances/apply", alliance.Kind, "eve@example.com")
	mine := h.send("/alliances/apply", alliance.Kind, "ada@example.com")
	receipt := h.admitted("ada@example.com")
	if got := h.status(receipt); got != "active" {
		t.Fatalf("after the password was set: %s", got)
	}
	b := h.browser()
	b.signIn("ada@example.com")
	w := want(t, b.get("/connect"), http.StatusOK)
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control of the portal: %q", got)
	}
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var receipts []string
	doc.Find(`main a[href^="/r/"]`).Each(func(_ int, a *goquery.Selection) { receipts = append(receipts, a.AttrOr("href", "")) })
	if diff := cmp.Diff(receipts, []string{receipt, mine}); diff != "" {
		t.Errorf("receipts (-got +want):\n%s", diff)
	}
	if text := doc.Text(); strings.Contains(text, "eve@") || strings.Contains(w.Body.String(), other) {
		t.Error("the portal shows another person's request")
	}
	if text := doc.Find("main").Text(); !strings.Contains(text, "23 November 2027") || !strings.Contains(text, "No files yet") {
		t.Errorf("portal: %s", text)
	}
	if bar := doc.Find(".portal").Text(); !strings.Contains(bar, "Sign out") || !strings.Contains(bar, "Ada Lovelace") {
		t.Errorf("portal bar: %s", bar)
	}

	h.Advance(330 * 24 * time.Hour) // the session is over, the computer is forgotten after 60 days
	h.work()
	want(t, b.get("/connect/devices"), http.StatusSeeOther, "/connect/sign-in?next=%2Fconnect%2Fdevices")
	b.signIn("ada@example.com")
	h.Mails(t)
	h.Advance(6 * 24 * time.Hour)
	h.work()
	mails := strings.Join(h.Mails(t), "")
	if !strings.Contains(mails, "ends on 23 November 2027") {
		t.Errorf("a month ahead nobody was told:\n%s", mails)
	}
	h.work()
	if again := h.Mails(t); len(again) != 0 {
		t.Errorf("told %d times more", len(again))
	}
	if text := words(b.get("/connect"), "main"); !strings.Contains(text, "Your access ends on 23 November 2027") {
		t.Errorf("the portal does not say that it ends: %s", text)
	}
	h.Advance(29*24*time.Hour + 16*time.Hour)
	if text := words(b.get("/connect"), "h1"); text != "Clickconnect" {
		t.Errorf("after the end: %q", text)
	}
	want(t, b.post("/connect/sign-in", "email", "ada@example.com", "password", accounttest.Password), http.StatusUnprocessableEntity)
	h.work()
	if got := h.status(receipt); got != "expired" {
		t.Errorf("after the end: %s", got)
	}
	if mails := h.Mails(t); len(mails) != 1 || !strings.Contains(mails[0], "has ended") {
		t.Errorf("%d mails at the end", len(mails))
	}
}

func TestStartIsPublicAndCached(t *testing.T) {
	h := newHouse(t)
	w := want(t, h.Get("/connect"), http.StatusOK)
	if w.Header().Get("ETag") == "" || !strings.HasPrefix(w.Header().Get("Cache-Control"), "private, no-cache") {
		t.Errorf("headers: %v", w.Header())
	}
	for _, link := range []string{"/connect/sign-in", "/connect/request"} {
		if !strings.Contains(w.Body.String(), `href="`+link+`"`) {
			t.Errorf("no link to %s", link)
		}
	}
	for _, path := range []string{"/connect/preferences", "/connect/devices", "/connect/address"} {
		want(t, h.Get(path), http.StatusSeeOther, "/connect/sign-in?next="+url.QueryEscape(path))
	}
}

func TestPreferences(t *testing.T) {
	h := newHouse(t)
	h.admitted("ada@example.com")
	b := h.browser()
	b.signIn("ada@example.com")
	if _, err := h.Pool.Exec(t.Context(), `
		INSERT INTO suppression (address_hmac, purpose, channel, reason, at, way, officer_id)
		SELECT address_hmac, 'promotion', 'email', 'staff', $1::timestamptz - interval '2 days', 'phone', gen_random_uuid()
		FROM person WHERE email = 'ada@example.com'`, h.Now()); err != nil {
		t.Fatal(err)
	}
	if text := words(b.get("/connect/preferences"), "main"); !strings.Contains(text, "No since 21 November 2026, told to our staff.") {
		t.Errorf("what was refused for the address before is not told: %s", text)
	}
	page := b.get("/connect/preferences").Body.String()
	if strings.Contains(page, " checked") {
		t.Errorf("boxes are ticked:\n%s", page)
	}
	hidden := activitytest.Hidden(page)
	hidden.Set("newsletter_email", "yes")
	want(t, b.do(http.MethodPost, "/connect/preferences", hidden), http.StatusSeeOther, "/connect/preferences?kept")
	want(t, b.do(http.MethodPost, "/connect/preferences", hidden), http.StatusSeeOther) // pressed twice: kept once
	events := func() []string {
		t.Helper()
		var list []string
		err := h.Pool.QueryRow(t.Context(), `
			SELECT coalesce(array_agg(concat_ws(' ', purpose, channel, granted, origin, statement_version, wording) ORDER BY seq), '{}')
			FROM consent_event`).Scan(&list)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	first := []string{"newsletter email t connect 2026-11-18 Mail me the newsletter, four times a year."}
	if diff := cmp.Diff(events(), first); diff != "" {
		t.Errorf("ledger (-got +want):\n%s", diff)
	}
	if text := words(b.get("/connect/preferences"), "main"); !strings.Contains(text, "Yes since 23 November 2026, on this page.") {
		t.Errorf("the page does not say since when: %s", text)
	}
	// A page drawn before the choice must not undo it.
	want(t, b.do(http.MethodPost, "/connect/preferences", activitytest.Hidden(page)), http.StatusSeeOther)
	if diff := cmp.Diff(events(), first); diff != "" {
		t.Errorf("after an old page (-got +want):\n%s", diff)
	}
	want(t, b.post("/connect/preferences", "stop", "all"), http.StatusSeeOther, "/connect/preferences?stopped")
	if got := events(); len(got) != 2 || !strings.HasPrefix(got[1], "newsletter email f connect") {
		t.Errorf("after stopping: %v", got)
	}
	var held int
	if err := h.Pool.QueryRow(t.Context(), `SELECT count(*) FROM suppression`).Scan(&held); err != nil || held != 2 {
		t.Errorf("%d refusals kept, %v", held, err)
	}
	if text := words(b.get("/connect/preferences"), "main"); !strings.Contains(text, "No since 23 November 2026, on this page.") {
		t.Errorf("the page after stopping: %s", text)
	}
	// What staff were told waits for 30 days, and is left out then.
	if _, err := h.Pool.Exec(t.Context(), `
		INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
		SELECT id, 'survey', 'phone', true, 'Call me.', '2026-11-01', 'staff', $1 FROM person WHERE email = 'ada@example.com'`, h.Now()); err != nil {
		t.Fatal(err)
	}
	if page := words(b.get("/connect/preferences"), "main"); !strings.Contains(page, "told to our staff, and never confirmed") {
		t.Error("what waits for its confirmation is left out")
	}
	if _, err := h.Pool.Exec(t.Context(), `UPDATE account SET expires_at = NULL`); err != nil {
		t.Fatal(err)
	}
	h.Advance(31 * 24 * time.Hour)
	b.signIn("ada@example.com")
	if page := words(b.get("/connect/preferences"), "main"); strings.Count(page, "told to our staff") != 1 { // the refusal
		t.Error("what lapsed is listed as if it could still be confirmed")
	}
}

// TestCallsAndLetters holds that calls need a number and letters an address, that who is signed in needs no further proof,
// and that nothing of it stays when the last box is taken back.
func TestCallsAndLetters(t *testing.T) {
	h := newHouse(t)
	h.admitted("ada@example.com")
	b := h.browser()
	b.signIn("ada@example.com")
	send := func(code int, change ...string) string {
		t.Helper()
		values := activitytest.Hidden(b.get("/connect/preferences").Body.String())
		for i := 0; i < len(change); i += 2 {
			values.Set(change[i], change[i+1])
		}
		h.Advance(time.Second)
		w := b.do(http.MethodPost, "/connect/preferences", values)
		want(t, w, code)
		return w.Body.String()
	}
	reach := func() string {
		t.Helper()
		var got string
		if err := h.Pool.QueryRow(t.Context(), `
			SELECT coalesce(string_agg(concat_ws(' ', purpose, channel, address), ', ' ORDER BY purpose, channel), '') FROM contactable`).Scan(&got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, tt := range []struct {
		code   int
		change []string
		want   string
	}{
		{422, []string{"survey_phone", "yes", "phone", ""}, ""},
		{422, []string{"survey_phone", "yes", "phone", "my office"}, ""},
		{422, []string{"promotion_post", "yes", "address", " "}, ""},
		{303, []string{"phone", "+1 312 555 0100", "address", "1 Mill Lane"}, ""}, // nothing ticked, nothing kept
		{303, []string{"survey_phone", "yes", "phone", "+1 312 555 0100"}, "survey phone +13125550100"},
		{303, []string{"survey_phone", "yes", "newsletter_phone", "yes", "phone", "+1 312 555 0101"}, "newsletter phone +13125550101, survey phone +13125550101"},
		{303, []string{"survey_phone", "yes", "promotion_post", "yes", "phone", "+1 312 555 0101", "address", "Ada\r\n1 Mill Lane"}, "promotion post Ada\n1 Mill Lane, survey phone +13125550101"},
		{422, []string{"survey_phone", "yes", "promotion_post", "yes", "phone", "", "address", "Ada\r\n1 Mill Lane"}, "promotion post Ada\n1 Mill Lane, survey phone +13125550101"},
		{303, []string{"promotion_post", "yes", "address", "Ada\r\n1 Mill Lane"}, "promotion post Ada\n1 Mill Lane"},
	} {
		body := send(tt.code, tt.change...)
		if got := reach(); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.change, got, tt.want)
		}
		if tt.code == 422 && !strings.Contains(body, `aria-invalid="true"`) {
			t.Errorf("%q: no field is marked", tt.change)
		}
	}
	send(303, "stop", "all")
	var left int
	if err := h.Pool.QueryRow(t.Context(), `SELECT count(*) FROM contact_point`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d numbers and addresses are left, %v", left, err)
	}
}

// TestUnreadBodiesKeepWhatWasTyped sends what can't be read whole: the page stays, and stands as it stood.
func TestUnreadBodiesKeepWhatWasTyped(t *testing.T) {
	h := newHouse(t)
	h.admitted("ada@example.com")
	b := h.browser()
	b.signIn("ada@example.com")
	hidden := activitytest.Hidden(b.get("/connect/preferences").Body.String())
	hidden.Set("newsletter_email", "yes")
	want(t, b.do(http.MethodPost, "/connect/preferences", hidden), http.StatusSeeOther)
	long := strings.Repeat("x", 70<<10)
	for to, selector := range map[string]string{"/connect/preferences": "#newsletter_email[checked]", "/connect/address": "#f-email"} {
		r := httptest.NewRequest(http.MethodPost, to, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		w := want(t, b.ask(r), http.StatusUnsupportedMediaType)
		if doc := parsed(w); doc.Find(selector).Length() != 1 || !strings.Contains(words(w, ".notice"), "not sent by this form") {
			t.Errorf("another type to %s: %s", to, words(w, "main"))
		}
	}
	w := want(t, b.post("/connect/address", "email", "ada.king@example.org", "x", long), http.StatusRequestEntityTooLarge)
	if got := parsed(w).Find("#f-email").AttrOr("value", ""); got != "ada.king@example.org" {
		t.Errorf("kept the address %q", got)
	}
	hidden.Set("phone", "+1 312 555 0100")
	hidden.Set("promotion_phone", "yes")
	hidden.Set("z", long)
	w = want(t, b.do(http.MethodPost, "/connect/preferences", hidden), http.StatusRequestEntityTooLarge)
	if doc := parsed(w); doc.Find("#f-phone").AttrOr("value", "") != "+1 312 555 0100" || doc.Find("#promotion_phone[checked]").Length() != 1 {
		t.Errorf("too much: %s", words(w, "main"))
	}
}

func TestChangeOfAddress(t *testing.T) {
	h := newHouse(t)
	receipt := h.admitted("ada@example.com")
	b := h.browser()
	b.signIn("ada@example.com")
	h.Advance(16 * time.Minute)
	want(t, b.get("/connect/address"), http.StatusSeeOther, "/connect/confirm?next=%2Fconnect%2Faddress")
	want(t, b.post("/connect/confirm", "password", accounttest.Password, "next", "/connect/address"), http.StatusSeeOther, "/connect/address")
	want(t, b.get("/connect/address"), http.StatusOK)
	for _, bad := range []string{"", "no address", "ada@example.com"} {
		want(t, b.post("/connect/address", "email", bad), http.StatusUnprocessableEntity)
	}
	h.Mails(t)
	want(t, b.post("/connect/address", "email", "Ada.King@example.org"), http.StatusSeeOther, "/connect/address?sent")
	link := h.link("/connect/address/")
	want(t, h.browser().get(link), http.StatusSeeOther) // nobody is signed in there
	thief := h.browser()
	h.admitted("eve@example.com")
	thief.signIn("eve@example.com")
	want(t, thief.get(link), http.StatusGone)
	want(t, thief.post(link), http.StatusGone)
	want(t, b.get(link), http.StatusOK)
	if a, err := h.accounts.Find(t.Context(), "ada@example.com"); err != nil || a.Email != "ada@example.com" {
		t.Fatalf("looking at the link changed something: %v", err)
	}
	h.Mails(t)
	want(t, b.post(link), http.StatusSeeOther, "/connect?address")
	want(t, b.post(link), http.StatusGone)
	mails := h.Mails(t)
	if len(mails) != 1 || !strings.Contains(mails[0], "To: <ada@example.com>") || strings.Contains(mails[0], "ada.king") {
		t.Errorf("the old address got %v", mails)
	}
	p, err := h.Desk.People.Find(t.Context(), "ada.king@example.org")
	if err != nil || p.VerifiedAt == nil {
		t.Errorf("person: %+v, %v", p, err)
	}
	if !strings.Contains(b.get("/connect").Body.String(), receipt) {
		t.Error("the request was lost on the way")
	}
	h.browser().signIn("ada.king@example.org")

	// An address that belongs to somebody else is refused to its reader only.
	want(t, b.post("/connect/address", "email", "eve@example.com"), http.StatusSeeOther)
	taken := h.link("/connect/address/")
	want(t, b.post(taken), http.StatusConflict)
	h.Advance(25 * time.Hour)
	b.signIn("ada.king@example.org")
	want(t, b.get(taken), http.StatusGone)
	var waiting int
	if n, err := h.addresses.Deletes()[0].Run(t.Context(), h.Pool, h.Now()); err != nil || n != 1 {
		t.Errorf("%d addresses forgotten, %v", n, err)
	}
	if err := h.Pool.QueryRow(t.Context(), `SELECT count(*) FROM new_address`).Scan(&waiting); err != nil || waiting != 0 {
		t.Errorf("%d addresses wait, %v", waiting, err)
	}
	for i := range 6 {
		code := http.StatusSeeOther
		if i == 5 {
			code = http.StatusTooManyRequests
		}
		want(t, b.post("/connect/address", "email", fmt.Sprintf("n%d@example.org", i)), code)
	}
}

func TestDownloads(t *testing.T) {
	h := newHouse(t)
	h.admitted("ada@example.com")
	p, err := h.Desk.People.Find(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	h.files[p.ID] = []connect.Download{{Title: "Import guide", Detail: "PDF, 2 MB", Path: "/downloads/get/x", Until: h.Now().AddDate(0, 1, 0)}}
	b := h.browser()
	b.signIn("ada@example.com")
	if text := words(b.get("/connect"), "#files ~ *, .rows.linked"); !strings.Contains(b.get("/connect").Body.String(), `href="/downloads/get/x"`) {
		t.Errorf("files: %s", text)
	}
	h.admitted("eve@example.com")
	e := h.browser()
	e.signIn("eve@example.com")
	if strings.Contains(e.get("/connect").Body.String(), "/downloads/get/x") {
		t.Error("another person sees the file")
	}
}

func TestMails(t *testing.T) {
	q := mailtest.New(t, mailtest.Config(t, nil, "", connect.Templates()...))
	mailtest.Golden(t, q, mailtest.Example{Name: "address-confirm", Template: "address-confirm", Data: connect.AddressConfirm{
		Name: "Ada Lovelace", Until: "24 November 2026, 09:00 CST", URL: "/connect/address/token",
	}})
}

// The portal names the same day as the receipt: it counts from the request's last step, not from its arrival.
func TestPromiseIsThatOfTheReceipt(t *testing.T) {
	h := newHouse(t)
	receipt := h.send("/alliances/apply", alliance.Kind, "ada@example.com")
	h.admitted("ada@example.com")
	for _, to := range []string{activity.Asked, "new"} {
		h.Advance(3 * 24 * time.Hour)
		from := h.status(receipt)
		if err := h.Store.Move(t.Context(), h.id(receipt), submission.Change{From: []string{from}, To: to, By: submission.Sender}); err != nil {
			t.Fatal(err)
		}
	}
	b := h.browser()
	b.signIn("ada@example.com")
	by := regexp.MustCompile(`You hear from us by (\d+ \w+ \d+)`)
	want := by.FindStringSubmatch(words(h.Get(receipt), "main"))
	got := by.FindStringSubmatch(words(b.get("/connect"), "main"))
	if diff := cmp.Diff(got, want); diff != "" || want == nil {
		t.Errorf("portal (-) and receipt (+):\n%s", diff)
	}
}
