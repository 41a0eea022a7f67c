package alliance_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/alliance"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/submission"
)

func bench(t *testing.T) *activitytest.Bench {
	return activitytest.New(t, nil, func(b *activitytest.Bench) activity.Activities {
		return activity.Activities{alliance.New(b.Desk, b.Content)}
	})
}

const apply = "/alliances/apply"

// filled returns the page's hidden fields with an example in every other.
func filled(t *testing.T, b *activitytest.Bench) url.Values {
	t.Helper()
	w := b.Get(apply)
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: %d %s", apply, w.Code, w.Body)
	}
	values := activitytest.Hidden(w.Body.String())
	a, _ := b.Desk.Activities().Find(alliance.Kind)
	f, err := a.Form(context.Background(), uuid.Nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range activitytest.Examples(f) {
		values[name] = list
	}
	return values
}

func sent(t *testing.T, b *activitytest.Bench, values url.Values) string {
	t.Helper()
	w := b.Post(apply, values)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("POST %s: %d\n%s", apply, w.Code, problems(w))
	}
	return w.Header().Get("Location")
}

func problems(w *httptest.ResponseRecorder) string {
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(doc.Find(".errors, .notice").Text()), " ")
}

func TestEmptyFormSaysWhatIsMissing(t *testing.T) {
	b := bench(t)
	w := b.Post(apply, activitytest.Hidden(b.Get(apply).Body.String()))
	if w.Code != http.StatusUnprocessableEntity {
		t.Fatalf("got %d", w.Code)
	}
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if title := doc.Find("title").Text(); !strings.HasPrefix(title, "Error: ") {
		t.Errorf("title %q", title)
	}
	var links []string
	doc.Find(".errors a").Each(func(_ int, a *goquery.Selection) {
		href := a.AttrOr("href", "")
		links = append(links, href)
		if doc.Find(href).Length() != 1 {
			t.Errorf("%s leads to %d elements", href, doc.Find(href).Length())
		}
	})
	want := []string{"#f-company", "#f-name", "#f-email", "#f-country", "#f-size-0", "#f-kind-0", "#f-regions-0", "#f-products-0", "#f-why"}
	if diff := cmp.Diff(links, want); diff != "" {
		t.Errorf("links of the summary (-got +want):\n%s", diff)
	}
}

func TestApplication(t *testing.T) {
	b := bench(t)
	values := filled(t, b)
	values.Set("consent_newsletter", "yes")
	address := sent(t, b, values)
	receipt := b.Get(address)
	body := receipt.Body.String()
	if receipt.Code != http.StatusOK || !strings.Contains(body, "Thank you, it has arrived") ||
		!strings.Contains(body, "7 December 2026") { // ten working days after 23 November
		t.Errorf("receipt: %d %s", receipt.Code, body)
	}
	if strings.Contains(body, "ada@example.com") || strings.Contains(body, "Lovelace") {
		t.Error("the receipt shows contents without a code")
	}
	mails := b.Mails(t)
	if len(mails) != 2 {
		t.Fatalf("%d mails, want a confirmation and a notice", len(mails))
	}
	if again := sent(t, b, values); again != address {
		t.Error("the same sending twice has two receipts")
	}
	if mails := b.Mails(t); len(mails) != 0 {
		t.Errorf("the repeat brought %d mails", len(mails))
	}

	confirm := regexp.MustCompile(`http://example\.test(/confirm/[\w-]+)`).FindStringSubmatch(strings.Join(mails, ""))
	if confirm == nil {
		t.Fatal("no mail carries a link to confirm the address")
	}
	inForce := func() bool {
		var ok bool
		if err := b.Pool.QueryRow(context.Background(), `SELECT bool_or(in_force) FROM consent`).Scan(&ok); err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if w := b.Get(confirm[1]); w.Code != http.StatusOK || inForce() {
		t.Errorf("GET confirm: %d; in force: %t", w.Code, inForce())
	}
	if w := b.Post(confirm[1], nil); w.Code != http.StatusSeeOther || !inForce() {
		t.Errorf("POST confirm: %d; in force: %t", w.Code, inForce())
	}
}

func TestContentsOpenByMailedCode(t *testing.T) {
	b := bench(t)
	address := sent(t, b, filled(t, b))
	b.Mails(t)
	if w := b.Post(address+"/open", url.Values{"code": {"000000"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a code that was never sent: %d", w.Code)
	}
	b.Post(address+"/code", nil)
	mails := strings.Join(b.Mails(t), "")
	code := regexp.MustCompile(`\b\d{6}\b`).FindString(strings.SplitN(mails, "\r\n\r\n", 2)[1])
	w := b.Post(address+"/open", url.Values{"code": {code}})
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "ada@example.com") {
		t.Fatalf("the right code %q: %d", code, w.Code)
	}
	edit := regexp.MustCompile(`href="(/r/[^"]+/edit/[^"]+)"`).FindStringSubmatch(w.Body.String())
	if edit == nil {
		t.Fatal("no way to change the answers")
	}
	form := b.Get(edit[1])
	if form.Code != http.StatusOK || !strings.Contains(form.Body.String(), "Northline Bearings") {
		t.Fatalf("edit: %d", form.Code)
	}
	values := filled(t, b)
	for name, list := range activitytest.Hidden(form.Body.String()) {
		values[name] = list
	}
	values.Set("why", "Because we know pumps better than anybody in Ohio.")
	if w := b.Post(edit[1], values); w.Code != http.StatusSeeOther {
		t.Fatalf("edit: %d %s", w.Code, problems(w))
	}
	id, err := b.Store.ByToken(strings.TrimPrefix(address, "/r/"))
	if err != nil {
		t.Fatal(err)
	}
	versions, err := b.Store.Versions(context.Background(), id)
	if err != nil || len(versions) != 2 || versions[0].Values.Get("email") != "ada@example.com" ||
		!strings.Contains(versions[0].Values.Get("why"), "Ohio") {
		t.Errorf("versions: %+v, %v", versions, err)
	}
	b.Advance(31 * time.Minute)
	if w := b.Get(edit[1]); w.Code != http.StatusNotFound {
		t.Errorf("the grant outlived its half hour: %d", w.Code)
	}
}

func TestWithdrawDeletesAndFrees(t *testing.T) {
	b := bench(t)
	values := filled(t, b)
	address := sent(t, b, values)
	if w := b.Post(address+"/withdraw", nil); w.Code != http.StatusSeeOther {
		t.Fatalf("withdraw: %d", w.Code)
	}
	var text string
	if err := b.Pool.QueryRow(context.Background(),
		`SELECT string_agg(values::text, '') FROM answers`).Scan(&text); err != nil || text != "{}" {
		t.Errorf("answers after withdrawal: %q, %v", text, err)
	}
	if mails := b.Mails(t); len(mails) != 0 {
		t.Errorf("%d mails left after the withdrawal", len(mails))
	}
	if again := sent(t, b, values); again == address {
		t.Error("the same can't be sent anew after withdrawal")
	}
}

func TestNothingTypedIsLost(t *testing.T) {
	b := bench(t)
	typed := strings.Repeat("Näher am Markt. ", 300)
	for name, tt := range map[string]struct {
		change func(url.Values)
		want   int
	}{
		"too long":    {func(url.Values) {}, http.StatusUnprocessableEntity},
		"no seal":     {func(v url.Values) { v.Del("seal") }, http.StatusUnprocessableEntity},
		"forged seal": {func(v url.Values) { v.Set("seal", "AAAA") }, http.StatusUnprocessableEntity},
		"huge":        {func(v url.Values) { v.Set("zz", strings.Repeat("x", 5<<20)) }, http.StatusRequestEntityTooLarge},
	} {
		values := filled(t, b)
		values.Set("why", typed)
		tt.change(values)
		w := b.Post(apply, values)
		doc, err := goquery.NewDocumentFromReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := doc.Find("#f-why").Text(); w.Code != tt.want || strings.TrimSpace(got) != strings.TrimSpace(typed) {
			t.Errorf("%s: %d, %d characters kept", name, w.Code, len(got))
		}
		if v := doc.Find(`input[name=seal]`).AttrOr("value", ""); v == "" {
			t.Errorf("%s: the page has no seal", name)
		}
	}
	r := httptest.NewRequest(http.MethodPost, apply, strings.NewReader(`{"name":"x"}`))
	r.Header.Set("Content-Type", "application/json")
	if w := b.Do(r); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %d", w.Code)
	}
}

func TestDoubtfulSendingIsAskedOnceMore(t *testing.T) {
	b := bench(t)
	values := filled(t, b)
	values.Set("homepage_2", "http://spam.example")
	w := b.Post(apply, values)
	if w.Code != http.StatusUnprocessableEntity {
		t.Fatalf("a filled trap: %d", w.Code)
	}
	again := activitytest.Hidden(w.Body.String())
	b.Advance(5 * time.Second)
	for name, list := range again {
		values[name] = list
	}
	trapped := url.Values{}
	for name, list := range values {
		trapped[name] = list
	}
	trapped.Set("name", "Robot Insistent")
	sent(t, b, trapped)
	ctx := context.Background()
	kinds := []string{alliance.Kind}
	held, err := b.Store.List(ctx, submission.Filter{Kinds: kinds, Quarantined: true})
	if err != nil || len(held.Records) != 1 {
		t.Fatalf("quarantine: %+v, %v", held, err)
	}
	if mails := b.Mails(t); len(mails) != 0 {
		t.Errorf("a quarantined submission brought %d mails", len(mails))
	}
	if err := b.Desk.Restore(ctx, held.Records[0].ID, submission.System); err != nil {
		t.Fatal(err)
	}
	if mails := b.Mails(t); len(mails) != 2 {
		t.Errorf("once restored: %d mails, want 2", len(mails))
	}
	values.Del("homepage_2")
	sent(t, b, values)
	open, err := b.Store.List(ctx, submission.Filter{Kinds: kinds})
	if err != nil || len(open.Records) != 2 {
		t.Errorf("queue: %d records, %v", len(open.Records), err)
	}
}

// TestSetApartByMistake sets an application apart whose receipt was mailed and whose letter still waits: once it is
// restored, the letter leaves, and nothing a second time.
func TestSetApartByMistake(t *testing.T) {
	t.Parallel()
	b := bench(t)
	id, err := b.Store.ByToken(strings.TrimPrefix(sent(t, b, filled(t, b)), "/r/"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(b.Mails(t)); n != 2 {
		t.Fatalf("%d mails at first", n)
	}
	reviewer := submission.Actor{Role: "reviewer", ID: uuid.New()}
	if err := b.Store.Move(t.Context(), id, submission.Change{
		From: []string{"new"}, To: "declined", By: reviewer, Decides: true,
		Message: &mail.Message{
			NotBefore: b.Now().Add(submission.UndoWindow), Template: "letter",
			Data: mail.Letter{Subject: "Not this year", Paragraphs: []string{"Apply again in June."}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	b.Advance(30 * time.Second)
	if _, err := b.Pool.Exec(t.Context(), `
		INSERT INTO message (id, person_id, submission_id, purpose, template, basis, address, data, next_at, created_at)
		SELECT gen_random_uuid(), person_id, submission_id, purpose, template, basis, address, data, $2, $3 FROM message
		WHERE submission_id = $1 AND template = 'received'`, id, b.Now().Add(time.Hour), b.Now()); err != nil { // like a reminder
		t.Fatal(err)
	}
	if err := b.Store.Quarantine(t.Context(), []uuid.UUID{id}, reviewer); err != nil {
		t.Fatal(err)
	}
	b.Advance(24 * time.Hour)
	if n := len(b.Mails(t)); n != 0 {
		t.Errorf("%d mails left while it was set apart", n)
	}
	if err := b.Desk.Restore(t.Context(), id, reviewer); err != nil {
		t.Fatal(err)
	}
	if mails := b.Mails(t); len(mails) != 1 || !strings.Contains(mails[0], "Apply again in June.") {
		t.Errorf("%d mails once it is restored, want the letter alone", len(mails))
	}
}

// TestGoneWhileSetApart sets applications apart before their mail left: what was withdrawn meanwhile, or whose sender was
// erased, comes back without any.
func TestGoneWhileSetApart(t *testing.T) {
	t.Parallel()
	b := bench(t)
	for name, gone := range map[string]func(receipt string){
		"withdrawn": func(receipt string) {
			if w := b.Post(receipt+"/withdraw", nil); w.Code != http.StatusSeeOther {
				t.Errorf("withdraw: %d", w.Code)
			}
		},
		"erased": func(string) {
			if _, err := b.Pool.Exec(t.Context(), `
				WITH gone AS (DELETE FROM message)
				UPDATE person SET email = NULL, address_hmac = NULL, erased_at = $1 WHERE email = 'erased@example.com'`, b.Now()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		values := filled(t, b)
		values.Set("email", name+"@example.com")
		receipt := sent(t, b, values)
		id, err := b.Store.ByToken(strings.TrimPrefix(receipt, "/r/"))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Store.Quarantine(t.Context(), []uuid.UUID{id}, submission.System); err != nil {
			t.Fatal(err)
		}
		gone(receipt)
		if err := b.Desk.Restore(t.Context(), id, submission.System); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if mails := b.Mails(t); len(mails) != 0 {
			t.Errorf("%s: restored with %d mails", name, len(mails))
		}
	}
}

func TestTwoFirstSubmissionsOfOneAddress(t *testing.T) {
	b := bench(t)
	base := filled(t, b)
	var wait sync.WaitGroup
	locations := make([]string, 16)
	for i := range locations {
		values := url.Values{}
		for name, list := range base {
			values[name] = list
		}
		values.Set("company", "Company "+string(rune('A'+i)))
		values.Set("consent_newsletter", "yes")
		wait.Go(func() {
			w := b.Post(apply, values)
			_, _ = io.Copy(io.Discard, w.Body)
			locations[i] = w.Header().Get("Location")
		})
	}
	wait.Wait()
	distinct := map[string]bool{}
	for _, l := range locations {
		distinct[l] = true
	}
	if len(distinct) != len(locations) || distinct[""] {
		t.Errorf("locations: %v", locations)
	}
	var people, events, last int
	if err := b.Pool.QueryRow(context.Background(), `
		SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM consent_event), (SELECT max(seq) FROM consent_event)`).
		Scan(&people, &events, &last); err != nil {
		t.Fatal(err)
	}
	if people != 1 || events != 16 || last != 16 {
		t.Errorf("%d people, %d consents, the last is number %d", people, events, last)
	}
}

func TestDatabaseAwayKeepsWhatWasTyped(t *testing.T) {
	b := bench(t)
	values := filled(t, b)
	values.Set("why", "Because we know pumps.")
	b.Pool.Close()
	w := b.Post(apply, values)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" ||
		!strings.Contains(w.Body.String(), "Because we know pumps.") {
		t.Errorf("got %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

// The label says 24 months after an alliance ends: an approved application is kept while it runs, and its end is a step.
func TestKeptWhileTheAllianceRuns(t *testing.T) {
	a := bench(t).Desk.Activities()[0]
	approved, _ := a.Status("approved")
	ended, ok := a.Status("ended")
	if !ok || len(approved.Moves) != 1 || approved.Moves[0].To != "ended" || approved.Moves[0].Close || approved.Months < 120 || ended.Months != 24 {
		t.Errorf("approved %+v, ended %+v", approved, ended)
	}
}
