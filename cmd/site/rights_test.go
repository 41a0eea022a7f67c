package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/web"
)

// right is a line of internal/staff/testdata/rights.txt: what each role gets at an address, and one who isn't signed in.
type right struct {
	method, pattern string
	want            []string
	ask             bool // by this test; the rest is asked by package staff, about records made for it
}

func readRights(t *testing.T) []right {
	t.Helper()
	text, err := os.ReadFile("../../internal/staff/testdata/rights.txt")
	if err != nil {
		t.Fatal(err)
	}
	var table []right
	for l := range strings.Lines(string(text)) {
		words := strings.Fields(l)
		switch {
		case len(words) == 0 || words[0] == "#":
		case words[0] == "EDIT":
			table = append(table, editorRights(words[1], words[3:])...)
		default:
			table = append(table, right{words[0], words[1], words[3:], words[2] == "content"})
		}
	}
	return table
}

// editorRights are the addresses of one editor of package publish.
func editorRights(at string, want []string) []right {
	var list []right
	for _, a := range []struct{ method, path, may string }{
		{http.MethodGet, "", "200"},
		{http.MethodGet, "/new", "200"},
		{http.MethodPost, "/new", "404"},
		{http.MethodGet, "/{id}", "404"},
		{http.MethodPost, "/{id}", "404"},
		{http.MethodGet, "/{id}/preview", "404"},
		{http.MethodPost, "/{id}/{act}", "404"},
	} {
		r := right{a.method, at + a.path, slices.Clone(want), true}
		for i, status := range r.want {
			switch {
			case status == "200":
				r.want[i] = a.may
			case status == "303" && a.method == http.MethodPost:
				r.want[i] = "401"
			}
		}
		list = append(list, r)
	}
	return list
}

// TestRights walks every address below /staff of the whole program: each stands in the table, and those of the rooms
// answer as it says, what no browser keeps.
func TestRights(t *testing.T) {
	now := time.Now()
	a := newAppAt(t, web.FS, func() time.Time { return now })
	router := chi.NewRouter()
	a.workspace.Routes(router)
	table := readRights(t)
	err := chi.Walk(router, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if !slices.ContainsFunc(table, func(r right) bool { return r.method == method && r.pattern == pattern }) {
			t.Errorf("%s %s stands in no line of rights.txt", method, pattern)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cookies := []*http.Cookie{}
	for _, role := range account.Roles() {
		_, cookie := accounttest.Staff(t, a.accounts, now, role)
		cookies = append(cookies, cookie)
	}
	cookies = append(cookies, nil) // one who isn't signed in
	for _, r := range table {
		if !r.ask {
			continue
		}
		for i, cookie := range cookies {
			path := strings.NewReplacer("{id}", uuid.NewString(), "{act}", "publish", "{name}", "usage", "{move:up|down|remove}", "up").Replace(r.pattern)
			req := httptest.NewRequest(r.method, path, http.NoBody)
			if r.method == http.MethodPost {
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			if cookie != nil {
				req.AddCookie(cookie)
			}
			w := httptest.NewRecorder()
			router.ServeHTTP(w, req)
			if got := fmt.Sprint(w.Code); got != r.want[i] {
				t.Errorf("%s %s, column %d: got %s, want %s", r.method, r.pattern, i+1, got, r.want[i])
			}
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s %s, column %d: Cache-Control %q", r.method, r.pattern, i+1, got)
			}
		}
	}
}
