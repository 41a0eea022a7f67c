package account_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jba/templatecheck"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/key/keytest"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/mail/mailtest"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/web"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	roles := []account.Role{account.Recruiter, account.Admin, account.Admin}
	a, err := w.service.Create(t.Context(), account.Hire{Email: "Ann@Example.com ", Name: "Ann Smith", Roles: roles, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	want := account.Account{
		ID: a.ID, Email: "ann@example.com", Name: "Ann Smith", Kind: account.Staff, HasPassword: true,
		Roles: []account.Role{account.Admin, account.Recruiter}, CreatedAt: a.CreatedAt,
	}
	if diff := cmp.Diff(a, want); diff != "" {
		t.Errorf("account (-got +want):\n%s", diff)
	}
	for name, tt := range map[string]struct {
		hire account.Hire
		want error
	}{
		"same address":   {account.Hire{Email: "ANN@example.com", Roles: roles}, account.ErrTaken},
		"no address":     {account.Hire{Email: "ann", Roles: roles}, account.ErrAddress},
		"no role":        {account.Hire{Email: "bob@example.com"}, account.ErrRole},
		"unknown role":   {account.Hire{Email: "bob@example.com", Roles: []account.Role{"boss"}}, account.ErrRole},
		"short password": {account.Hire{Email: "bob@example.com", Roles: roles, Password: "short"}, nil},
	} {
		_, err := w.service.Create(t.Context(), tt.hire)
		if tt.want == nil {
			if bad := (account.PasswordError{}); !errors.As(err, &bad) {
				t.Errorf("%s: got %v", name, err)
			}
		} else if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	list, err := w.service.List(t.Context(), account.Staff)
	if err != nil || len(list) != 1 {
		t.Errorf("List: %d, %v", len(list), err)
	}
	if _, err := w.service.Find(t.Context(), "nobody@example.com"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("Find: %v", err)
	}
	if n := w.count(`SELECT count(*) FROM audit_event WHERE object_id = $1 AND action = 'create' AND actor_role = 'system'`, a.ID); n != 1 {
		t.Errorf("%d events in the audit", n)
	}
}

func TestLastAdmin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	ann, bob := w.hire("ann@example.com", account.Admin), w.hire("bob@example.com", account.Admin, account.Reviewer)
	errs := make([]error, 2)
	var wait sync.WaitGroup
	wait.Go(func() { errs[0] = w.service.Disable(ctx, ann.ID) })
	wait.Go(func() { errs[1] = w.service.SetRoles(ctx, bob.ID, []account.Role{account.Reviewer}) })
	wait.Wait()
	if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), account.ErrLastAdmin) {
		t.Fatalf("two administrators removed at once: %v, %v", errs[0], errs[1])
	}
	if n := w.count(`SELECT count(*) FROM account a JOIN account_role r ON r.account_id = a.id WHERE r.role = 'admin' AND a.disabled_at IS NULL`); n != 1 {
		t.Errorf("%d administrators left", n)
	}
	carol := w.hire("carol@example.com", account.Admin)
	if err := w.service.Enable(ctx, ann.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.service.SetRoles(ctx, ann.ID, []account.Role{account.Marketer}); err != nil {
		t.Errorf("with another administrator left: %v", err)
	}
	if err := w.service.Disable(ctx, bob.ID); err != nil {
		t.Error(err)
	}
	if err := w.service.Disable(ctx, carol.ID); !errors.Is(err, account.ErrLastAdmin) {
		t.Errorf("got %v", err)
	}
	if err := w.service.Disable(ctx, uuid.New()); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestDisableEndsSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hire("boss@example.com", account.Admin)
	b, a := w.staff("ann@example.com", account.Reviewer)
	b.get("/staff").want(http.StatusOK)
	if err := w.service.Disable(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	b.get("/staff").want(http.StatusSeeOther, "/staff/sign-in")
	b.post("/staff/sign-in", "email", a.Email, "password", password).want(http.StatusUnprocessableEntity)
	if err := w.service.Enable(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	b.get("/staff").want(http.StatusSeeOther, "/staff/sign-in")
	w.clock.Pass(time.Minute)
	b.signInStaff(a.Email)
}

func TestRolesTakeEffectAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, a := w.staff("ann@example.com", account.Reviewer)
	b.get("/staff/people").want(http.StatusForbidden)
	if err := w.service.SetRoles(t.Context(), a.ID, []account.Role{account.Privacy}); err != nil {
		t.Fatal(err)
	}
	b.get("/staff/people").want(http.StatusOK)
	var detail string
	if err := w.pool.QueryRow(t.Context(), `SELECT detail::text FROM audit_event WHERE action = 'set roles'`).Scan(&detail); err != nil {
		t.Fatal(err)
	}
	if detail != `{"after": "privacy", "before": "reviewer"}` {
		t.Errorf("audit says %s", detail)
	}
}

func TestGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	person := uuid.New()
	w.exec(`INSERT INTO person (id, email, address_hmac, created_at) VALUES ($1, 'ada@example.com', '', $2)`, person, w.clock.Now())
	grant := func(email string, until time.Time) (id uuid.UUID, err error) {
		err = pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
			id, err = w.service.Grant(t.Context(), tx, person, email, "Ada", until)
			return err
		})
		return id, err
	}
	week := w.clock.Now().Add(7 * 24 * time.Hour)
	first, err := grant("ada@example.com", week)
	if err != nil {
		t.Fatal(err)
	}
	again, err := grant("ada@example.com", week.AddDate(0, 1, 0))
	if err != nil || again != first {
		t.Fatalf("granted again: %v, %v", again, err)
	}
	links := w.mailed("invite", "ada@example.com")
	if len(links) != 2 {
		t.Fatalf("%d invitations", len(links))
	}
	b := w.browser()
	b.post(path(links[0]), "password", password).want(http.StatusGone)
	b.post(path(links[1]), "password", password).want(http.StatusSeeOther)
	b = w.signedIn("ada@example.com", true)
	if _, err := grant("ada@example.com", week); err != nil {
		t.Fatal(err)
	}
	if n := len(w.mailed("invite", "ada@example.com")); n != 2 {
		t.Error("one who has a password was invited")
	}
	b.get("/connect").want(http.StatusOK)
	w.clock.Pass(7 * 24 * time.Hour)
	b.get("/connect").want(http.StatusSeeOther)
	w.hire("staff@example.com", account.Reviewer)
	w.exec(`DELETE FROM account WHERE id = $1`, first)
	if _, err := grant("staff@example.com", week); !errors.Is(err, account.ErrTaken) {
		t.Errorf("an address of staff: %v", err)
	}
}

func TestHolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.customer("ada@example.com")
	b := w.signedIn(ada.Email, true)
	var out bytes.Buffer
	if err := w.service.ExportPerson(t.Context(), ada.Person.UUID, &out); err != nil {
		t.Fatal(err)
	}
	var got map[string]struct {
		Email     string                `json:"email"`
		ExpiresAt *time.Time            `json:"expires_at"`
		Sessions  []account.SessionInfo `json:"sessions"`
		Devices   []account.DeviceInfo  `json:"remembered_computers"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || strings.Contains(out.String(), "argon2") {
		t.Errorf("exported %s, %v", &out, err)
	}
	held := got["access_to_clickconnect"]
	if held.Email != ada.Email || len(held.Sessions) != 1 || len(held.Devices) != 1 || held.ExpiresAt == nil {
		t.Errorf("held: %+v", held)
	}
	out.Reset()
	if err := w.service.ExportPerson(t.Context(), uuid.New(), &out); out.Len() > 0 || err != nil {
		t.Errorf("of another: %s, %v", &out, err)
	}
	erase := func(until time.Time) {
		t.Helper()
		if err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
			return w.service.ErasePerson(t.Context(), tx, ada.Person.UUID, until)
		}); err != nil {
			t.Fatal(err)
		}
	}
	erase(ada.CreatedAt.Add(-time.Second))
	b.get("/connect").want(http.StatusOK)
	erase(ada.CreatedAt)
	b.get("/connect").want(http.StatusSeeOther)
	for _, table := range []string{"account", "session", "device", "account_link"} {
		if n := w.count(`SELECT count(*) FROM ` + table); n != 0 {
			t.Errorf("%s: %d rows left", table, n)
		}
	}
}

func (w *world) changeAddress(id uuid.UUID, address string) error {
	return pgx.BeginFunc(w.Context(), w.pool, func(tx pgx.Tx) error {
		return w.service.ChangeAddress(w.Context(), tx, id, address)
	})
}

func TestChangeAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.customer("ada@example.com")
	w.customer("eve@example.com")
	for address, want := range map[string]error{
		"EVE@example.com": account.ErrTaken, "nothing": account.ErrAddress, "Lovelace@example.com": nil,
	} {
		if err := w.changeAddress(ada.ID, address); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", address, err, want)
		}
	}
	if n := w.count(`SELECT count(*) FROM message WHERE template = 'address-changed' AND address = 'ada@example.com'
		AND data->>'NewAddress' = 'l…@example.com'`); n != 1 {
		t.Errorf("%d mails to the old address", n)
	}
	w.signedIn("lovelace@example.com", false)
}

// TestChangeAddressEndsLinks tries what was mailed to a mailbox that somebody got away from.
func TestChangeAddressEndsLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.customer("ada@example.com")
	bob, err := w.service.Create(t.Context(), account.Hire{Email: "bob@example.com", Roles: []account.Role{account.Reviewer}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.service.Invite(t.Context(), bob.ID); err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	b.post("/connect/reset", "email", ada.Email).want(http.StatusOK)
	for id, address := range map[uuid.UUID]string{ada.ID: "ada@example.org", bob.ID: "bob@example.org"} {
		if err := w.changeAddress(id, address); err != nil {
			t.Fatal(err)
		}
	}
	for _, link := range []string{w.mailed("reset", "ada@example.com")[0], w.mailed("invite", "bob@example.com")[0]} {
		b.get(path(link)).want(http.StatusGone)
		b.post(path(link), "password", password).want(http.StatusGone)
	}
	if n := len(w.mailed("invite", "ada@example.org")); n != 0 {
		t.Error("one who has a password was invited")
	}
	links := w.mailed("invite", "bob@example.org")
	if len(links) != 1 {
		t.Fatalf("%d invitations to the new address", len(links))
	}
	b.post(path(links[0]), "password", password).want(http.StatusSeeOther)
}

func TestAccountTest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, cookie := accounttest.Staff(t, w.service, w.clock.Now(), account.Recruiter)
	b := w.browser()
	b.jar[cookie.Name] = cookie
	b.get("/staff").want(http.StatusOK).seen(a.Email)
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	site, err := page.LoadSite(web.FS)
	if err != nil {
		t.Fatal(err)
	}
	pages, err := page.New(page.Config{Web: web.FS, PublicURL: "https://www.example.com", Site: site, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	accounttest.With(t, pgtest.New(t), keytest.New(t), pages, "https://www.example.com", time.Now)
	pages.Each(func(name string, tmpl *template.Template, data any) {
		if !strings.HasPrefix(name, "account/") {
			return
		}
		if err := templatecheck.CheckHTML(tmpl, data); err != nil {
			t.Errorf("%s with %s: %v", name, reflect.TypeOf(data), err)
		}
	})
}

// changed is the mail that tells an owner what was changed of the account.
func changed(what string) mailtest.Example {
	return mailtest.Example{Name: "changed-" + strings.ReplaceAll(what, " ", "-"), Template: "account-changed", Data: account.Changed{
		Name: "Ann Smith", What: what, When: "24 November 2026, 09:00 CST",
		ResetURL: "https://www.example.com/staff/reset", ContactURL: "https://www.example.com/contact",
	}}
}

func TestMails(t *testing.T) {
	t.Parallel()
	q := mailtest.New(t, mailtest.Config(t, nil, "", append(mail.Core(), account.Templates()...)...))
	mailtest.Golden(t, q,
		mailtest.Example{Name: "invite-staff", Template: "invite", Data: account.Invite{Name: "Ann Smith", Staff: true, Until: "1 December 2026, 09:00 CST", URL: "https://www.example.com/staff/invite/token"}},
		mailtest.Example{Name: "invite", Template: "invite", Data: account.Invite{Name: "Ada Lovelace", Until: "1 December 2026, 09:00 CST", URL: "https://www.example.com/connect/invite/token"}},
		mailtest.Example{Name: "reset", Template: "reset", Data: account.Reset{Name: "Ada Lovelace", Until: "25 November 2026, 09:00 CST", URL: "https://www.example.com/connect/reset/token"}},
		mailtest.Example{Name: "device-ended", Template: "device-ended", Data: account.DeviceEnded{
			Name: "Ada Lovelace", Device: "Firefox on Linux", When: "24 November 2026, 09:00 CST",
			SignInURL: "https://www.example.com/connect/sign-in", ResetURL: "https://www.example.com/connect/reset",
		}},
		mailtest.Example{Name: "address-changed", Template: "address-changed", Data: account.AddressChanged{
			Name: "Ada Lovelace", NewAddress: "l…@example.com", When: "24 November 2026, 09:00 CST", ContactURL: "https://www.example.com/contact",
		}},
		changed("password"), changed("authenticator"), changed("dropped"), changed("recovery codes"),
	)
}
