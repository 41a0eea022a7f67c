package access_test

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
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
	"clickcommerce.com/site/internal/mail/mailtest"
	"clickcommerce.com/site/internal/submission"
)

var _ = flag.Bool("update", false, "write golden files")

const path = "/connect/request"

type house struct {
	*testing.T
	*activitytest.Bench
	accounts *account.Service
	reviewer account.Account
	roles    []account.Role // of whoever asks under /staff
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, roles: []account.Role{account.Reviewer}}
	templates := append(account.Templates(), access.Templates()...)
	activitytest.New(t, templates, func(b *activitytest.Bench) activity.Activities {
		h.Bench = b
		h.accounts = account.New(account.Config{
			Pool: b.Pool, Keys: b.Ring, Mail: b.Mail, Pages: b.Pages, PublicURL: "http://example.test", Now: b.Now,
			Client: func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.7") },
		})
		return activity.Activities{access.New(b.Desk, h.accounts)}
	})
	h.accounts.ConnectRoutes(h.Router)
	var err error
	h.reviewer, err = h.accounts.Create(t.Context(), account.Hire{
		Email: "rita@staff.example.com", Name: "Rita Vance", Roles: h.roles, Password: accounttest.Password,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Router.Route("/staff", func(r chi.Router) {
		r.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				in := &account.Session{Account: h.reviewer, Kind: account.Staff, Roles: h.roles}
				next.ServeHTTP(w, req.WithContext(account.With(req.Context(), in)))
			})
		})
		h.activity().Staff(r)
	})
	return h
}

func (h *house) activity() activity.Activity { return h.Desk.Activities()[0] }

func (h *house) filled() url.Values {
	h.Helper()
	values := activitytest.Hidden(h.Get(path).Body.String())
	f, err := h.activity().Form(h.Context(), uuid.Nil)
	if err != nil {
		h.Fatal(err)
	}
	for name, list := range activitytest.Examples(f) {
		values[name] = list
	}
	return values
}

func (h *house) sent(email string) submission.Record {
	h.Helper()
	values := h.filled()
	values.Set("email", email)
	w := h.Post(path, values)
	if w.Code != http.StatusSeeOther {
		h.Fatalf("POST: %d", w.Code)
	}
	id, err := h.Store.ByToken(strings.TrimPrefix(w.Header().Get("Location"), "/r/"))
	if err != nil {
		h.Fatal(err)
	}
	return h.record(id)
}

func (h *house) record(id uuid.UUID) submission.Record {
	h.Helper()
	rec, err := h.Store.Get(h.Context(), id)
	if err != nil {
		h.Fatal(err)
	}
	return rec
}

func (h *house) receipt(id uuid.UUID) string { return h.Get(h.Desk.ReceiptPath(id)).Body.String() }

// deed posts one of the pages for staff; service parts are opened where the pairs name nothing else.
func (h *house) deed(id uuid.UUID, word string, pairs ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	if word != "end" {
		form.Set("products", "service-parts")
	}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return h.Post("/staff/access/"+id.String()+"/"+word, form)
}

// move takes the record's own step, as the workspace does.
func (h *house) move(id uuid.UUID, to string) error {
	rec := h.record(id)
	status, _ := h.activity().Status(to)
	return h.Store.Move(h.Context(), id, submission.Change{
		From: []string{rec.Status}, To: to, By: submission.Actor{ID: h.reviewer.ID, Role: "reviewer"}, Decides: status.Final,
		PurgeAfter: h.Now().AddDate(0, status.Months, 0), Moved: h.activity().Moved,
	})
}

func (h *house) work() {
	h.Helper()
	for _, w := range h.activity().Work {
		if err := w.Run(h.Context()); err != nil {
			h.Fatal(err)
		}
	}
	for _, d := range h.activity().Deletes {
		if _, err := d.Run(h.Context(), h.Pool, h.Now()); err != nil {
			h.Fatal(err)
		}
	}
}

// mailed drains the queue and returns the subjects, in the order of their ids.
func (h *house) mailed() []string {
	h.Helper()
	var list []string
	for _, m := range h.Mails(h.T) {
		for line := range strings.Lines(m) {
			if subject, ok := strings.CutPrefix(line, "Subject: "); ok {
				list = append(list, strings.TrimSpace(subject))
				break
			}
		}
	}
	return list
}

// takeUp sets the password of an invited address.
func (h *house) takeUp(email string) {
	h.Helper()
	a, err := h.accounts.Find(h.Context(), email)
	if err != nil {
		h.Fatal(err)
	}
	link, err := h.accounts.Invite(h.Context(), a.ID)
	if err != nil {
		h.Fatal(err)
	}
	w := h.Post(strings.TrimPrefix(link, "http://example.test"), url.Values{"password": {accounttest.Password}})
	if w.Code != http.StatusSeeOther {
		h.Fatalf("set password: %d", w.Code)
	}
	h.Mails(h.T)
	h.work()
}

func (h *house) exec(sql string, args ...any) {
	h.Helper()
	if _, err := h.Pool.Exec(h.Context(), sql, args...); err != nil {
		h.Fatal(err)
	}
}

func (h *house) count(sql string, args ...any) (n int) {
	h.Helper()
	if err := h.Pool.QueryRow(h.Context(), sql, args...).Scan(&n); err != nil {
		h.Fatal(err)
	}
	return n
}

func TestForm(t *testing.T) {
	h := newHouse(t)
	w := h.Post(path, activitytest.Hidden(h.Get(path).Body.String()))
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var links []string
	doc.Find(".errors a").Each(func(_ int, a *goquery.Selection) { links = append(links, a.AttrOr("href", "")) })
	all := []string{"#f-name", "#f-email", "#f-company", "#f-country", "#f-role-0", "#f-products-0", "#f-why"}
	if diff := cmp.Diff(links, all); diff != "" || w.Code != http.StatusUnprocessableEntity {
		t.Errorf("empty form: %d, links (-got +want):\n%s", w.Code, diff)
	}
	f, err := h.activity().Form(t.Context(), uuid.Nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range f.Fields {
		if field.Why == "" {
			t.Errorf("%s does not say why it is asked", field.Name)
		}
	}
	rec := h.sent("ada@example.com")
	if body := h.receipt(rec.ID); !strings.Contains(body, "25 November 2026") { // two working days after the 23rd
		t.Error("the receipt does not say by when")
	}
	if got := h.mailed(); len(got) != 2 {
		t.Errorf("mails: %v", got)
	}
	if n := h.count(`SELECT count(*) FROM account WHERE kind = 'connect'`); n != 0 {
		t.Error("a request makes an account")
	}
}

func TestStaffApproveByTheRecordsStep(t *testing.T) {
	h := newHouse(t)
	rec := h.sent("ada@example.com")
	h.mailed()
	if err := h.move(rec.ID, "approved"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h.mailed(), []string{"Your access to Clickconnect"}); diff != "" {
		t.Errorf("mails (-got +want):\n%s", diff)
	}
	a, err := h.accounts.OfPerson(t.Context(), rec.PersonID.UUID)
	if err != nil {
		t.Fatal(err)
	}
	// Through 23 November 2027 in Chicago, which is six hours behind.
	if want := time.Date(2027, 11, 24, 6, 0, 0, 0, time.UTC); !a.ExpiresAt.Equal(want) {
		t.Errorf("ends %s, want %s", a.ExpiresAt, want)
	}
	if got := h.record(rec.ID).PurgeAfter.Format(time.DateOnly); got != "2028-05-24" {
		t.Errorf("record deleted after %s", got)
	}
	if body := h.receipt(rec.ID); !strings.Contains(body, "Access until") || !strings.Contains(body, "/connect/reset") {
		t.Error("the receipt does not say how to get in")
	}
	h.takeUp("ada@example.com")
	if body := h.receipt(rec.ID); !strings.Contains(body, "Sign in to Clickconnect") || h.record(rec.ID).Status != "active" {
		t.Errorf("taken up: %s", h.record(rec.ID).Status)
	}

	// Asking again prolongs what there is, and never shortens it.
	h.Advance(60 * 24 * time.Hour)
	second := h.sent("ada@example.com")
	h.mailed()
	if err := h.move(second.ID, "approved"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h.mailed(), []string{"Your access to Clickconnect lasts until 22 January 2028"}); diff != "" {
		t.Errorf("mails (-got +want):\n%s", diff)
	}
	h.work()
	if h.record(second.ID).Status != "active" || h.count(`SELECT count(*) FROM account WHERE kind = 'connect'`) != 1 {
		t.Error("a second request made a second account")
	}
}

// No step without a question may give access: staff close records by the dozen with those.
func TestNothingGivesAccessInPassing(t *testing.T) {
	h := newHouse(t)
	for _, s := range h.activity().Statuses {
		for _, m := range s.Moves {
			if m.To == "approved" && len(m.Reasons) == 0 {
				t.Errorf("from %s access is given without a question", s.Value)
			}
		}
	}
}

func TestAddressOfStaffIsRefused(t *testing.T) {
	h := newHouse(t)
	rec := h.sent("rita@staff.example.com")
	h.mailed()
	if w := h.deed(rec.ID, "approve", "until", "2027-05-01", "reason", "contract"); w.Code != http.StatusConflict {
		t.Errorf("status %d", w.Code)
	}
	if got := h.record(rec.ID).Status; got != "new" || len(h.mailed()) != 0 {
		t.Errorf("status %s, or a mail left", got)
	}
}

func TestTermIsChosenRenewedAndEnded(t *testing.T) {
	h := newHouse(t)
	rec := h.sent("ada@example.com")
	h.mailed()
	page := h.Get("/staff/access/" + rec.ID.String() + "/approve")
	if page.Code != http.StatusOK || !strings.Contains(page.Body.String(), `value="2027-11-23"`) {
		t.Errorf("GET approve: %d, or the usual term is not offered", page.Code)
	}
	for name, bad := range map[string][]string{
		"nothing":         {"until", "", "reason", ""},
		"no one":          {"until", "2027-05-01", "reason", ""},
		"past":            {"until", "2026-11-22", "reason", "contract"},
		"too long":        {"until", "2028-11-24", "reason", "contract"},
		"no date":         {"until", "soon", "reason", "contract"},
		"nothing to open": {"until", "2027-05-01", "reason", "contract", "products", ""},
	} {
		if w := h.deed(rec.ID, "approve", bad...); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w := h.deed(rec.ID, "approve", "until", "2026-12-11", "reason", "contract"); w.Code != http.StatusSeeOther {
		t.Fatalf("approve: %d", w.Code)
	}
	if w := h.deed(rec.ID, "approve", "until", "2026-12-11", "reason", "contract"); w.Code != http.StatusSeeOther {
		t.Errorf("pressed twice: %d", w.Code)
	}
	if w := h.deed(rec.ID, "approve", "until", "2026-12-10", "reason", "contract"); w.Code != http.StatusConflict {
		t.Errorf("approved once more, otherwise: %d", w.Code)
	}
	h.takeUp("ada@example.com")
	if got := h.mailed(); len(got) != 0 {
		t.Errorf("a term of three weeks was told again: %v", got)
	}
	for range 2 { // the second brings no second mail
		if w := h.deed(rec.ID, "renew", "until", "2027-03-01"); w.Code != http.StatusSeeOther {
			t.Fatalf("renew: %d", w.Code)
		}
	}
	if diff := cmp.Diff(h.mailed(), []string{"Your access to Clickconnect lasts until 1 March 2027"}); diff != "" {
		t.Errorf("mails (-got +want):\n%s", diff)
	}
	if w := h.deed(rec.ID, "end", "reason", ""); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("ended without a ground: %d", w.Code)
	}
	for range 2 {
		if w := h.deed(rec.ID, "end", "reason", "left"); w.Code != http.StatusSeeOther {
			t.Fatalf("end: %d", w.Code)
		}
	}
	mails := h.Mails(t)
	if len(mails) != 1 || !strings.Contains(strings.ReplaceAll(mails[0], "=\r\n", ""), "you no longer need it") {
		t.Errorf("mails at the end: %v", mails)
	}
	a, err := h.accounts.OfPerson(t.Context(), rec.PersonID.UUID)
	if err != nil || a.Active(h.Now()) || h.record(rec.ID).Status != "expired" {
		t.Errorf("after the end: active %t, %s, %v", a.Active(h.Now()), h.record(rec.ID).Status, err)
	}
	h.work()
	if got := h.mailed(); len(got) != 0 {
		t.Errorf("told twice: %v", got)
	}

	// It can be given again, and the password is still good.
	if w := h.deed(rec.ID, "renew", "until", "2027-06-01"); w.Code != http.StatusSeeOther {
		t.Fatalf("renew after the end: %d", w.Code)
	}
	h.work()
	if got := h.record(rec.ID).Status; got != "active" {
		t.Errorf("given again: %s", got)
	}
	h.mailed()

	// A legal hold keeps the account, whatever code does.
	h.Advance(13 * 30 * 24 * time.Hour)
	h.exec(`
		WITH o AS (INSERT INTO account (id, kind, email, name, created_at) VALUES (gen_random_uuid(), 'staff', 'claims@example.com', 'Grace', now()) RETURNING id)
		INSERT INTO legal_hold (id, scope, person_id, ground, officer_id, placed_at, reviewed_at, review_on)
		SELECT gen_random_uuid(), 'person', $1, 'A claim.', id, now(), now(), now()::date + 30 FROM o`, rec.PersonID.UUID)
	h.work()
	if n := h.count(`SELECT count(*) FROM account WHERE kind = 'connect'`); n != 1 {
		t.Error("the account of a held person was deleted")
	}
	if _, err := h.Pool.Exec(t.Context(), `DELETE FROM account WHERE kind = 'connect'`); err == nil || !strings.Contains(err.Error(), "legal hold") {
		t.Errorf("the database lets it be deleted: %v", err)
	}
	h.exec(`UPDATE legal_hold SET lifted_at = now(), lifted_by = officer_id`)

	// In the end the account goes, and the record says so.
	h.work()
	h.work()
	if n := h.count(`SELECT count(*) FROM account WHERE kind = 'connect'`); n != 0 {
		t.Error("the account outlived its access by more than six months")
	}
	html, err := h.activity().Panel(account.With(t.Context(), &account.Session{Roles: h.roles}), h.record(rec.ID))
	if err != nil || !strings.Contains(string(html), "was deleted") {
		t.Errorf("panel: %s, %v", html, err)
	}
}

// What its sender wanted restricted is not decided either, and its panel offers nothing.
func TestRestrictedIsNotDecided(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	rec := h.sent("ada@example.com")
	h.mailed()
	h.exec(`
		INSERT INTO restriction (id, person_id, submission_id, ground, placed_at)
		VALUES (gen_random_uuid(), $1, $2, 'wish', now())`, rec.PersonID.UUID, rec.ID)
	if w := h.deed(rec.ID, "approve", "until", "2026-12-11", "reason", "contract"); w.Code != http.StatusConflict {
		t.Errorf("approve: %d", w.Code)
	}
	if got, mails := h.record(rec.ID).Status, h.mailed(); got != "new" || len(mails) != 0 {
		t.Errorf("now %s, mailed %v", got, mails)
	}
	html, err := h.activity().Panel(account.With(t.Context(), &account.Session{Roles: h.roles}), h.record(rec.ID))
	if err != nil || strings.Contains(string(html), "/approve") {
		t.Errorf("panel: %s, %v", html, err)
	}
	h.exec(`UPDATE restriction SET lifted_at = now()`)
	if w := h.deed(rec.ID, "approve", "until", "2026-12-11", "reason", "contract"); w.Code != http.StatusSeeOther {
		t.Errorf("approve, once lifted: %d", w.Code)
	}
}

func TestRights(t *testing.T) {
	h := newHouse(t)
	rec := h.sent("ada@example.com")
	for _, tt := range []struct {
		roles  []account.Role
		status int
		offers bool
	}{
		{[]account.Role{account.Reviewer}, http.StatusOK, true},
		{[]account.Role{account.Privacy}, http.StatusForbidden, false},
		{[]account.Role{account.Marketer}, http.StatusNotFound, false},
		{[]account.Role{account.Admin}, http.StatusNotFound, false},
	} {
		h.roles = tt.roles
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			w := h.Do(httptest.NewRequest(method, "/staff/access/"+rec.ID.String()+"/approve", nil))
			want := tt.status
			if method == http.MethodPost && want == http.StatusOK {
				want = http.StatusUnprocessableEntity
			}
			if w.Code != want {
				t.Errorf("%s as %s: %d, want %d", method, tt.roles, w.Code, want)
			}
		}
		html, err := h.activity().Panel(account.With(t.Context(), &account.Session{Roles: tt.roles}), rec)
		if err != nil || strings.Contains(string(html), "/approve") != tt.offers {
			t.Errorf("panel for %s: %s, %v", tt.roles, html, err)
		}
	}
	h.roles = []account.Role{account.Reviewer}
	if n := h.count(`SELECT count(*) FROM audit_event WHERE action = 'read' AND object_id = $1`, rec.ID); n != 2 {
		t.Errorf("%d readings logged, want the reviewer's two", n)
	}
	for _, bad := range []string{"/staff/access/x/approve", "/staff/access/" + uuid.NewString() + "/approve"} {
		if w := h.Get(bad); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
	if err := h.Store.Quarantine(t.Context(), []uuid.UUID{rec.ID}, submission.System); err != nil {
		t.Fatal(err)
	}
	if w := h.deed(rec.ID, "approve", "until", "2027-05-01", "reason", "contract"); w.Code != http.StatusConflict {
		t.Errorf("in quarantine: %d", w.Code)
	}
}

func TestMails(t *testing.T) {
	q := mailtest.New(t, mailtest.Config(t, nil, "", access.Templates()...))
	mailtest.Golden(t, q,
		mailtest.Example{Name: "renewed", Template: "access-renewed", Data: access.Renewed{
			Name: "Ada Lovelace", Until: "23 November 2027", SignInURL: "/connect/sign-in",
		}},
		mailtest.Example{Name: "ending", Template: "access-ending", Data: access.Ending{
			Name: "Ada Lovelace", Until: "23 November 2027", ReceiptURL: "/r/token",
		}},
		mailtest.Example{Name: "ended", Template: "access-ended", Data: access.Ended{Name: "Ada Lovelace", ReceiptURL: "/r/token"}},
		mailtest.Example{Name: "ended-early", Template: "access-ended", Data: access.Ended{
			Name: "Ada Lovelace", Ground: "The contract with your company has ended.", ReceiptURL: "/r/token",
		}},
	)
}
