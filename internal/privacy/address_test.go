package privacy_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/privacy"
)

var addressLink = regexp.MustCompile(`/privacy/address/[\w-]+`)

// mailedLink is the link to a new address, of the mails that wait.
func (s self) mailedLink(t *testing.T, to string) string {
	t.Helper()
	for _, m := range s.Mails(t) {
		if link := addressLink.FindString(strings.ReplaceAll(m, "=\r\n", "")); link != "" && strings.Contains(m, "To: <"+to+">") {
			return link
		}
	}
	t.Fatalf("no link was mailed to %s", to)
	return ""
}

// TestCorrectYourAddress goes from the page of one's data to the note in the old mailbox, without an account.
func TestCorrectYourAddress(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	contact, other := s.asks(t, "ada@example.org", "Zqooqz of Ada"), s.asks(t, "bob@example.org", "Xyzzyx of Bob")
	path, request := s.requests(t, "ada@example.org", "correct")
	_, grant := s.opens(t, path)
	ask := func(email, number string) *httptest.ResponseRecorder {
		return s.Post(path, with(grant, "act", "address", "email", email, "reference", number))
	}
	for _, v := range [][2]string{
		{"", contact.Reference},
		{"no address", contact.Reference},
		{"ada@example.org", contact.Reference},
		{"ada@king.example", ""},
		{"ada@king.example", other.Reference},
		{"ada@king.example", request.Reference},
	} {
		doc := document(t, ask(v[0], v[1]), http.StatusUnprocessableEntity)
		wrong := "f-email"
		if v[0] == "ada@king.example" {
			wrong = "f-number"
		}
		activitytest.Blamed(t, doc, wrong)
		if email, number := doc.Find("#f-email").AttrOr("value", ""), doc.Find("#f-number").AttrOr("value", ""); email != v[0] || number != v[1] {
			t.Errorf("%v: kept %q, %q", v, email, number)
		}
	}
	s.Mails(t)
	if w := ask("ADA@king.example", contact.Reference); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "waits for its button") {
		t.Fatalf("asked: %d", w.Code)
	}
	old := s.mailedLink(t, "ada@king.example")
	ask("ada@king.example", contact.Reference)
	link := s.mailedLink(t, "ada@king.example")
	if w := s.Get(old); w.Code != http.StatusGone {
		t.Errorf("a link that a newer one replaced: %d", w.Code)
	}
	if text := words(document(t, s.Get(link), http.StatusOK).Find("main")); strings.Contains(text, "ada@example.org") || !strings.Contains(text, "a…@example.org") {
		t.Errorf("the page: %s", text)
	}
	if p, err := s.Desk.People.Get(t.Context(), contact.PersonID.UUID); err != nil || p.Email != "ada@example.org" {
		t.Fatalf("looking changed it: %v", err)
	}
	document(t, s.Post(link, nil), http.StatusOK)
	if w := s.Post(link, nil); w.Code != http.StatusGone {
		t.Errorf("a second time: %d", w.Code)
	}
	if p, err := s.Desk.People.Get(t.Context(), contact.PersonID.UUID); err != nil || p.Email != "ada@king.example" || p.VerifiedAt == nil {
		t.Errorf("changed: %+v, %v", p, err)
	}
	told := s.Mails(t)
	if len(told) != 1 || !strings.Contains(told[0], "To: <ada@example.org>") || strings.Contains(told[0], "ada@king") {
		t.Errorf("the old address got %v", told)
	}
	if acts := s.acts(t, contact.PersonID.UUID); !slices.Contains(acts, "sender: change address") {
		t.Errorf("logged: %v", acts)
	}

	if w := ask("ada@byron.example", contact.Reference); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("by what a code to the old address opened: %d", w.Code)
	}

	// Somebody else's address is refused to its reader only, and too many mails are not sent.
	s.Advance(time.Hour)
	_, grant = s.opens(t, path)
	document(t, ask("bob@example.org", contact.Reference), http.StatusOK)
	if w := s.Post(s.mailedLink(t, "bob@example.org"), nil); w.Code != http.StatusConflict {
		t.Errorf("of somebody else: %d", w.Code)
	}
	ask("ada@lovelace.example", contact.Reference)
	late := s.mailedLink(t, "ada@lovelace.example")
	ask("ada@byron.example", contact.Reference)
	if w := ask("ada@noel.example", contact.Reference); w.Code != http.StatusTooManyRequests {
		t.Errorf("a sixth link: %d", w.Code)
	}
	s.Advance(25 * time.Hour)
	if w := s.Get(late); w.Code != http.StatusGone {
		t.Errorf("after a day: %d", w.Code)
	}
}

// TestAccountFollowsThePerson holds that whoever signs in does so with the corrected address.
func TestAccountFollowsThePerson(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	contact := s.asks(t, "ada@example.org", "Zqooqz of Ada")
	accounttest.Customer(t, s.accounts, s.Pool, contact.PersonID.UUID, "ada@example.org", s.Now())
	path, _ := s.requests(t, "ada@example.org", "correct")
	_, grant := s.opens(t, path)
	s.Post(path, with(grant, "act", "address", "email", "ada@king.example", "reference", contact.Reference))
	document(t, s.Post(s.mailedLink(t, "ada@king.example"), nil), http.StatusOK)
	a, err := s.accounts.Find(t.Context(), "ada@king.example")
	if err != nil || a.Person != contact.PersonID {
		t.Errorf("account: %+v, %v", a, err)
	}
}

func TestOfficerCorrectsAnAddress(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	contact := s.asks(t, "ada@example.org", "Zqooqz of Ada")
	s.Router.With(s.accounts.Load, s.accounts.RequireStaff()).Route("/staff", func(r chi.Router) {
		privacy.NewAddresses(s.Desk, s.accounts).Staff(r)
	})
	at := "/staff/people/" + contact.PersonID.UUID.String() + "/address"
	do := func(cookie *http.Cookie, method, path string, v url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(v.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(cookie)
		return s.Do(r)
	}
	_, reviewer := accounttest.Staff(t, s.accounts, s.Now(), account.Reviewer)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if w := do(reviewer, method, at, nil); w.Code != http.StatusForbidden {
			t.Errorf("a reviewer, %s: %d", method, w.Code)
		}
	}
	_, officer := accounttest.Staff(t, s.accounts, s.Now(), account.Privacy)
	document(t, do(officer, http.MethodGet, at, nil), http.StatusOK)
	if w := do(officer, http.MethodPost, at, url.Values{"email": {"ada@example.org"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("the same address: %d", w.Code)
	}
	if w := do(officer, http.MethodGet, "/staff/people/"+uuid.NewString()+"/address", nil); w.Code != http.StatusNotFound {
		t.Errorf("nobody: %d", w.Code)
	}
	if w := do(officer, http.MethodPost, at, url.Values{"email": {"ada@king.example"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("asked: %d", w.Code)
	}
	document(t, s.Post(s.mailedLink(t, "ada@king.example"), nil), http.StatusOK)
	if p, err := s.Desk.People.Get(t.Context(), contact.PersonID.UUID); err != nil || p.Email != "ada@king.example" {
		t.Errorf("changed: %+v, %v", p, err)
	}
	for range 4 {
		do(officer, http.MethodPost, at, url.Values{"email": {"ada@lovelace.example"}})
	}
	many := do(officer, http.MethodPost, at, url.Values{"email": {"ada@lovelace.example"}})
	if many.Code != http.StatusTooManyRequests || many.Header().Get("Retry-After") == "" {
		t.Errorf("a sixth link: %d, Retry-After %q", many.Code, many.Header().Get("Retry-After"))
	}
}
