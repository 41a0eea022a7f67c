package privacy_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"clickcommerce.com/site/internal/account/accounttest"
)

// TestPasswordStandsForTheNumber holds that whoever just signed in needs neither code nor number, and nobody else gets by.
func TestPasswordStandsForTheNumber(t *testing.T) {
	t.Parallel()
	s := openSelf(t)
	contact, other := s.asks(t, "ada@example.org", "Zqooqz of Ada"), s.asks(t, "bob@example.org", "Xyzzyx of Bob")
	_, ada := accounttest.Customer(t, s.accounts, s.Pool, contact.PersonID.UUID, "ada@example.org", s.Now())
	_, bob := accounttest.Customer(t, s.accounts, s.Pool, other.PersonID.UUID, "bob@example.org", s.Now())
	path, _ := s.requests(t, "ada@example.org", "erase")
	bobs, _ := s.requests(t, "bob@example.org", "erase")
	signIn := strings.Replace(path, "/privacy/requests/", "/connect/data/", 1)
	if !strings.Contains(s.Get(path).Body.String(), `href="`+signIn+`"`) {
		t.Error("the page does not lead to the sign-in")
	}
	get := func(cookie *http.Cookie) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, signIn, http.NoBody)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		return s.Do(r)
	}
	if w := get(nil); w.Code != http.StatusSeeOther {
		t.Errorf("nobody: %d", w.Code)
	}
	if w := get(bob); w.Code != http.StatusNotFound {
		t.Errorf("somebody else: %d", w.Code)
	}
	doc := document(t, get(ada), http.StatusOK)
	hidden := url.Values{}
	for _, name := range []string{"grant", "signed"} {
		hidden.Set(name, doc.Find(`input[name="`+name+`"]`).AttrOr("value", ""))
	}
	shown := document(t, s.Post(path, with(hidden, "act", "open")), http.StatusOK)
	if shown.Find(`input[name="reference"]`).Length() != 0 || shown.Find(`input[name="signed"]`).Length() < 3 {
		t.Error("a number is asked all the same, or the proof is not carried along")
	}
	if in := unzip(t, s.Post(path, with(hidden, "act", "export"))); !strings.Contains(in["data.json"], "Zqooqz of Ada") {
		t.Error("the file lacks what Ada sent")
	}
	for name, v := range map[string]url.Values{
		"forged": with(hidden, "signed", "AAAA"), "none": {"grant": hidden["grant"]}, "proof without a grant": {"signed": hidden["signed"]},
	} {
		if w := s.Post(path, with(v, "act", "erase", "sure", "yes")); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	_, bobGrant := s.opens(t, bobs)
	if w := s.Post(bobs, with(bobGrant, "signed", hidden.Get("signed"), "act", "erase", "sure", "yes")); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("for the request of somebody else: %d", w.Code)
	}
	s.Advance(16 * time.Minute)
	if w := get(ada); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/connect/confirm") {
		t.Errorf("a password given long ago: %d", w.Code)
	}
	if w := s.Post(path, with(hidden, "act", "erase", "sure", "yes")); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a proof too old: %d", w.Code)
	}
	wantState(t, s.house, contact.PersonID.UUID, "before", "known words mail")
	_, grant := s.opens(t, path)
	s.Advance(-16 * time.Minute)
	document(t, s.Post(path, with(grant, "signed", hidden.Get("signed"), "act", "erase", "sure", "yes")), http.StatusOK)
	wantState(t, s.house, contact.PersonID.UUID, "after", "emptied done")
}
