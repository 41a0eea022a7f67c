package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/web"
)

// TestChecksFindTheirWay holds that checks which ask the site do so as a stranger, also where a member of staff has them
// run: they pass on a whole site, and what they read is kept for nobody with that colleague's name on it.
func TestChecksFindTheirWay(t *testing.T) {
	now := time.Now()
	a := newAppAt(t, web.FS, func() time.Time { return now })
	_, cookie := accounttest.Staff(t, a.accounts, now, account.Privacy)
	ask := func(path string, cookies ...*http.Cookie) string {
		r := httptest.NewRequest(http.MethodGet, "http://site.test"+path, http.NoBody)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		a.front().ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
		return w.Body.String()
	}
	if body := ask("/staff/promises", cookie); strings.Contains(body, "answers 404") {
		t.Error("a check is led astray by the request that had it run")
	}
	for _, path := range []string{"/", "/privacy", "/cookies", "/contact"} {
		if strings.Contains(ask(path), account.Privacy.Label()+"</span>") {
			t.Errorf("%s shows a visitor who of the staff is signed in", path)
		}
	}
}
