package main

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

	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/web"
)

// sealed is a parameter of an address that only we can have made.
var sealed = regexp.MustCompile(`\{(token|grant|proof|pass)\}`)

// TestForgedTokens brings to every address with a token one that is made up, one of another purpose, and a genuine one that
// was cut off, altered, or made longer: none is taken, and nothing is written. Addresses are read from the router.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	now := time.Now()
	a := newAppAt(t, web.FS, func() time.Time { return now })
	who := asks(t, a, "ada@example.com")
	records, err := a.store.OfPerson(t.Context(), who)
	if err != nil || len(records) != 1 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	receipt := a.store.Token(records[0].ID)
	genuine := []string{
		receipt, a.ring.Token("preferences", who), strings.TrimPrefix(a.privacy.ObjectionPath(who), "/privacy/objection/"),
		a.desk.Grant(records[0], time.Hour), strings.TrimPrefix(a.desk.ConfirmPath(records[0].ID), "/confirm/"),
		a.ring.Token("unsubscribe", uuid.New()), a.ring.Token("new-address", uuid.New()), a.ring.Token("invite", uuid.New()),
	}
	forged := []string{"x", strings.Repeat("A", 500), "..", "%00", uuid.NewString(), a.ring.Token("another purpose", who)}
	for _, token := range genuine {
		first := "B"
		if token[0] == 'B' {
			first = "C"
		}
		forged = append(forged, token[:len(token)-1], token[1:], first+token[1:], token+"A", token+token)
	}
	w := httptest.NewRecorder()
	a.front().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/r/"+receipt, http.NoBody))
	if w.Code != http.StatusOK {
		t.Errorf("a genuine token: %d", w.Code)
	}
	before := dump(t, pgtest.AdminURL(t, a.pool))
	tried := 0
	err = chi.Walk(a.front().(chi.Routes), func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		names := sealed.FindAllString(pattern, -1)
		if len(names) == 0 || !slices.Contains([]string{http.MethodGet, http.MethodPost}, method) {
			return nil
		}
		for _, token := range forged {
			path := strings.Replace(pattern, names[0], url.PathEscape(token), 1)
			if len(names) > 1 { // the first is genuine there, or nothing would ask for the second
				path = strings.NewReplacer(names[0], receipt, names[1], url.PathEscape(token)).Replace(pattern)
			}
			r := httptest.NewRequest(method, path, strings.NewReader("sure=yes"))
			if method == http.MethodPost {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			w := httptest.NewRecorder()
			a.front().ServeHTTP(w, r)
			tried++
			toSignIn := strings.HasPrefix(w.Header().Get("Location"), "/connect/sign-in") || w.Code == http.StatusUnauthorized
			if !toSignIn && w.Code != http.StatusNotFound && w.Code != http.StatusGone {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if tried < 20*len(forged) {
		t.Errorf("only %d were tried", tried)
	}
	if after := dump(t, pgtest.AdminURL(t, a.pool)); rowsOf(after) != rowsOf(before) {
		t.Error("a forged token changed the database")
	}
	t.Logf("%d requests with forged tokens", tried)
}

// rowsOf is a dump without what each dump has of its own.
func rowsOf(dump string) string {
	var rows strings.Builder
	for line := range strings.Lines(dump) {
		if !strings.HasPrefix(line, `\`) && !strings.HasPrefix(line, "--") {
			rows.WriteString(line)
		}
	}
	return rows.String()
}
