package survey_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/internal/survey"
)

// tables returns every row of every table, but for those that tell of the house and not of what came in.
func (h *house) tables() map[string][]string {
	h.t.Helper()
	admin := pgtest.Admin(h.t, h.Pool)
	rows, err := admin.Query(h.t.Context(), `
		SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
		WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`)
	if err != nil {
		h.t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		h.t.Fatal(err)
	}
	dump := map[string][]string{}
	for _, name := range names {
		rows, err := admin.Query(h.t.Context(), `SELECT to_jsonb(t)::text FROM `+name+` t ORDER BY 1`)
		if err != nil {
			h.t.Fatal(err)
		}
		if dump[name], err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			h.t.Fatal(err)
		}
	}
	return dump
}

// TestAnonymousAnswerLeadsToNobody looks at every row that an anonymous answer leaves in the whole database.
func TestAnonymousAnswerLeadsToNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := h.tables()
	h.Advance(37 * time.Minute) // 15:37: a time of day that stands nowhere else
	w, sent := h.walk(anonymous, func(v url.Values) { v.Set("q_change", "Larger letters") })
	want(t, w, 303)
	if got := w.Header().Get("Location"); got != anonymous+"/thanks" {
		t.Fatalf("sent to %s", got)
	}
	if cookies := w.Header()["Set-Cookie"]; len(cookies) > 0 {
		t.Errorf("cookies: %v", cookies)
	}
	if err := h.Store.Index(t.Context()); err != nil { // the drainers that run after any form
		t.Fatal(err)
	}
	if mails := h.Mails(t); len(mails) > 0 {
		t.Errorf("it brought %d mails", len(mails))
	}
	after := h.tables()
	var changed []string
	for name, rows := range after {
		for _, row := range rows {
			if contains(before[name], row) {
				continue
			}
			changed = append(changed, name)
			checkRow(t, name, row, sent)
		}
	}
	wantRows := map[string]int{"public.answers": 1, "public.form_revision": 1, "public.spent_nonce": 1, "public.submission": 1}
	got := map[string]int{}
	for _, name := range changed {
		got[name]++
	}
	if diff := cmp.Diff(got, wantRows); diff != "" {
		t.Errorf("rows that came (-got +want):\n%s", diff)
	}
	for _, query := range []submission.Filter{{}, {Query: "letters"}, {Unread: true}} {
		query.Kinds = []string{survey.Kind}
		list, err := h.Store.List(t.Context(), query)
		if err != nil || len(list.Records) > 0 {
			t.Errorf("staff find it in the queue by %+v: %v, %v", query, list.Records, err)
		}
	}
}

// TestSpentPage sends a page again, with the same answers and with others: nobody can tell which they are, so both are
// told that nothing was taken, and where a fresh page is.
func TestSpentPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w, sent := h.walk(anonymous, func(v url.Values) { v.Set("q_change", "Larger letters") })
	want(t, w, 303)
	lacks(t, h.Get(w.Header().Get("Location")), "counted once")
	before := h.tables()
	for _, words := range []string{"Larger letters", "Fewer letters"} {
		sent.Set("q_change", words)
		w := h.Post(anonymous, sent)
		want(t, w, 303)
		want(t, h.Get(w.Header().Get("Location")), 200, "counted once", "were not taken", `class="button" href="`+anonymous+`"`)
	}
	if diff := cmp.Diff(h.tables(), before); diff != "" {
		t.Errorf("it left a trace (-got +want):\n%s", diff)
	}
	w, _ = h.walk(anonymous, func(v url.Values) { v.Set("q_change", "Fewer letters") })
	want(t, w, 303)
	if n := scan[int](h, `SELECT count(*) FROM submission`); n != 2 {
		t.Errorf("%d answers are stored, want two", n)
	}
}

func contains(rows []string, row string) bool {
	for _, r := range rows {
		if r == row {
			return true
		}
	}
	return false
}

var timeOfDay = regexp.MustCompile(`T(\d\d:\d\d:\d\d)`)

func checkRow(t *testing.T, table, row string, sent url.Values) {
	t.Helper()
	for _, m := range timeOfDay.FindAllStringSubmatch(row, -1) {
		if m[1] != "00:00:00" {
			t.Errorf("%s holds a time of day: %s", table, row)
		}
	}
	for _, trace := range []string{"192.0.2.1", "@", "15:37", "Go-http-client", sent.Get("seal")} {
		if strings.Contains(row, trace) {
			t.Errorf("%s holds %q: %s", table, trace, row)
		}
	}
	if table != "public.submission" {
		return
	}
	var r map[string]any
	if err := json.Unmarshal([]byte(row), &r); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"person_id", "source", "search", "digest", "read_at", "decided_at", "quarantined_at", "assignee_id"} {
		if r[name] != nil {
			t.Errorf("submission.%s is %v", name, r[name])
		}
	}
	id, err := uuid.Parse(fmt.Sprint(r["id"]))
	if err != nil || id.Version() != 4 {
		t.Errorf("its id %v tells when it came", r["id"])
	}
}

// TestAnonymousPageIsNobodysElse proves that two who open the page at once are two: a shared nonce would lose an answer.
func TestAnonymousPageIsNobodysElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one, two := h.Get(anonymous), h.Get(anonymous)
	if got := one.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	if activitytest.Hidden(one.Body.String()).Get("seal") == activitytest.Hidden(two.Body.String()).Get("seal") {
		t.Fatal("two pages carry one seal")
	}
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if w, _ := h.walk(anonymous, nil); w.Code != 303 {
				t.Errorf("status %d", w.Code)
			}
		})
	}
	wait.Wait()
	if n := scan[int](h, `SELECT count(*) FROM submission`); n != 20 {
		t.Errorf("%d of 20 answers are stored", n)
	}
}

func TestDoubtfulAnonymousAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w, sent := h.walk(anonymous, nil)
	want(t, w, 303)
	sent.Set("seal", activitytest.Hidden(h.Get(anonymous).Body.String()).Get("seal"))
	sent.Set(form.TrapField, "http://spam.example")
	w = h.Post(anonymous, sent)
	want(t, w, 422, "press the button once more")
	sent.Set("again", activitytest.Hidden(w.Body.String()).Get("again"))
	h.Advance(5 * time.Second)
	want(t, h.Post(anonymous, sent), 303)
	results := "/staff" + strings.Replace(anonymous, "using-this-site", h.id(anonymous).String(), 1) + "/results"
	want(t, h.as("Rita", "GET", results, nil), 200, "1 answer looks like a program")
	want(t, h.as("Rita", "POST", results+"/restore", nil), 403)
	want(t, h.as("Max", "POST", results+"/restore", nil), 303)
	lacks(t, h.as("Max", "GET", results, nil), "like a program")
}
