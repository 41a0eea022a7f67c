package privacy_test

import (
	"context"
	"maps"
	"math"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/privacy"
)

func choose(h house, values url.Values, headers map[string]string, cookies ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/cookies", strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	for _, c := range cookies {
		name, value, _ := strings.Cut(c, "=")
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return h.Do(r)
}

func TestCookieChoice(t *testing.T) {
	h := bench(t)
	if w := h.Get("/cookies"); w.Code != http.StatusOK || w.Header().Get("Set-Cookie") != "" {
		t.Fatalf("GET: %d, sets %q", w.Code, w.Header().Get("Set-Cookie"))
	}
	for name, tt := range map[string]struct {
		values  url.Values
		headers map[string]string
		cookies []string
		want    []string // name=value, or name deleted
		to      string
	}{
		"accept all":             {url.Values{"choice": {"all"}}, nil, nil, []string{"choice=all", "first_visit=2026-W48"}, "/cookies?saved=all"},
		"with a campaign":        {url.Values{"choice": {"all"}, "campaign": {"spring-fair-2027"}}, nil, nil, []string{"choice=all", "first_visit=2026-W48.spring-fair-2027"}, "/cookies?saved=all"},
		"with a number":          {url.Values{"choice": {"all"}, "campaign": {"u-8839201"}}, nil, nil, []string{"choice=all", "first_visit=2026-W48"}, "/cookies?saved=all"},
		"an earlier first visit": {url.Values{"choice": {"all"}}, nil, []string{"first_visit=2026-W31"}, []string{"choice=all"}, "/cookies?saved=all"},
		"with GPC":               {url.Values{"choice": {"all"}}, map[string]string{"Sec-GPC": "1"}, nil, []string{"choice=all"}, "/cookies?saved=all"},
		"with DNT":               {url.Values{"choice": {"all"}}, map[string]string{"DNT": "1"}, []string{"first_visit=2026-W31"}, []string{"choice=all", "first_visit deleted"}, "/cookies?saved=all"},
		"tell":                   {url.Values{"choice": {"tell"}}, nil, nil, []string{"choice=tell"}, "/cookies?saved=tell"},
		"reject":                 {url.Values{"choice": {"none"}}, nil, []string{"choice=all", "first_visit=2026-W31"}, []string{"choice=none", "first_visit deleted"}, "/cookies?saved=none"},
		"forget":                 {url.Values{"choice": {"forget"}}, nil, []string{"choice=all", "first_visit=2026-W31"}, []string{"choice deleted", "first_visit deleted"}, "/cookies?forgotten"},
		"forget nothing":         {url.Values{"choice": {"forget"}}, nil, nil, nil, "/cookies?forgotten"},
	} {
		w := choose(h, tt.values, tt.headers, tt.cookies...)
		var got []string
		for _, c := range w.Result().Cookies() {
			if c.MaxAge < 0 {
				got = append(got, c.Name+" deleted")
				continue
			}
			got = append(got, c.Name+"="+c.Value)
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 365*24*3600 || c.Path != "/" {
				t.Errorf("%s: cookie %s", name, c)
			}
		}
		if diff := cmp.Diff(got, tt.want); diff != "" || w.Code != http.StatusSeeOther || w.Header().Get("Location") != tt.to {
			t.Errorf("%s: %d to %s, cookies (-got +want):\n%s", name, w.Code, w.Header().Get("Location"), diff)
		}
	}
	if w := choose(h, url.Values{"choice": {"some"}}, nil); w.Code != http.StatusUnprocessableEntity || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("a choice that there is not: %d", w.Code)
	}
}

func TestCookiePageNamesWhatItSets(t *testing.T) {
	h := bench(t)
	page := func(path string, headers map[string]string, cookies ...string) string {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		for name, value := range headers {
			r.Header.Set(name, value)
		}
		for _, c := range cookies {
			name, value, _ := strings.Cut(c, "=")
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		return words(document(t, h.Do(r), http.StatusOK).Find("main"))
	}
	for name, tt := range map[string]struct{ text, want string }{
		"plain":      {page("/cookies", nil), "Accept all (sets 2 cookies: choice, first_visit)"},
		"GPC":        {page("/cookies", map[string]string{"Sec-GPC": "1"}), "Accept all (sets 1 cookie: choice)"},
		"GPC's line": {page("/cookies", map[string]string{"Sec-GPC": "1"}), "Your browser sends Global Privacy Control"},
		"plain anew": {page("/cookies", nil), "Accept all (sets 2 cookies: choice, first_visit)"},
		"kept":       {page("/cookies?saved=none", nil, "choice=none"), "Your choice is kept in this browser"},
		"not kept":   {page("/cookies?saved=none", nil), "Your browser keeps no cookies"},
		"chosen":     {page("/cookies", nil, "choice=tell"), "Forget my choice"},
		"signed in":  {page("/cookies", nil, "connect=x"), "You have not chosen. Signing in has set 1 cookie; signing out deletes it."},
		"both doors": {page("/cookies", nil, "__Host-connect=x", "__Host-staff=y", "choice=none"), "You reject all. Signing in has set 2 cookies"},
		"none anew":  {page("/cookies", nil), "You have not chosen, and no cookie is set."},
	} {
		if !strings.Contains(tt.text, tt.want) {
			t.Errorf("%s: the page lacks %q", name, tt.want)
		}
	}
	if strings.Contains(page("/cookies", nil), "Forget my choice") {
		t.Error("there is a choice to forget before one was made")
	}
}

// TestCookieLine holds that the foot of a page tells of the cookies that are there, also where it comes from memory.
func TestCookieLine(t *testing.T) {
	h := bench(t)
	for _, tt := range []struct{ cookies, want string }{
		{"", "This site has set no cookie in your browser. Choose"},
		{"connect=x", "Signing in has set 1 cookie in your browser. No other is set. Choose"},
		{"staff=x; connect=y", "Signing in has set 2 cookies in your browser. No other is set. Choose"},
		{"connect=x; choice=none", "Signing in has set 1 cookie in your browser. You reject all cookies"},
		{"", "This site has set no cookie in your browser. Choose"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/privacy", http.NoBody)
		r.Header.Set("Cookie", tt.cookies)
		if line := words(document(t, h.Do(r), http.StatusOK).Find(".foot-cookie")); !strings.HasPrefix(line, tt.want) {
			t.Errorf("%q: %s", tt.cookies, line)
		}
	}
}

// TestCampaignReachesTheChoice holds that the name of the campaign that led to a page is carried to where a cookie may
// keep it, and that nobody else's page carries it.
func TestCampaignReachesTheChoice(t *testing.T) {
	h := bench(t)
	for _, tt := range []struct{ path, selector, attr, want string }{
		{"/privacy?utm_campaign=spring-fair", ".foot-cookie a", "href", "/cookies?campaign=spring-fair"},
		{"/privacy", ".foot-cookie a", "href", "/cookies"},
		{"/privacy?utm_campaign=u-8839201", ".foot-cookie a", "href", "/cookies"},
		{"/cookies?campaign=spring-fair", "input[name=campaign]", "value", "spring-fair"},
		{"/cookies", "input[name=campaign]", "value", ""},
	} {
		doc := document(t, h.Do(httptest.NewRequest(http.MethodGet, tt.path, http.NoBody)), http.StatusOK)
		if got := doc.Find(tt.selector).First().AttrOr(tt.attr, ""); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.path, got, tt.want)
		}
	}
}

// subscribed returns a person with a consent in force, and the address of the link in a mail that rests on it.
func subscribed(t *testing.T, h house) (person.Person, string) {
	t.Helper()
	ctx := context.Background()
	who := agree(t, h, "ada@example.com", consent.Event{Purpose: consent.Newsletter, Granted: true, Origin: consent.FromForm})
	if err := h.Desk.Confirm(ctx, who, math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	if _, err := pgtest.Admin(t, h.Pool).Exec(ctx, `INSERT INTO mail_template (name, purpose) VALUES ('issue', 'newsletter')`); err != nil {
		t.Fatal(err)
	}
	id := uuid.Must(uuid.NewV7())
	if _, err := h.Pool.Exec(ctx, `
		INSERT INTO message (id, person_id, purpose, template, address, state, next_at, created_at)
		VALUES ($1, $2, 'newsletter', 'issue', $3, 'sent', $4, $4)`, id, who.ID, who.Email, h.Now()); err != nil {
		t.Fatal(err)
	}
	return who, h.Desk.Mail.UnsubscribePath(id)
}

func states(t *testing.T, h house, who person.Person) map[string]string {
	t.Helper()
	choices, err := h.Desk.Ledger.Of(context.Background(), who.ID)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range choices {
		switch {
		case c.InForce:
			got[string(c.Purpose)] = "in force"
		case c.Granted:
			got[string(c.Purpose)] = "waits"
		default:
			got[string(c.Purpose)] = "refused by " + string(c.Origin)
		}
	}
	return got
}

func TestUnsubscribe(t *testing.T) {
	h := bench(t)
	who, address := subscribed(t, h)
	want := func(name, state string) {
		t.Helper()
		if diff := cmp.Diff(states(t, h, who), map[string]string{"newsletter": state}); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
	doc := document(t, h.Get(address), http.StatusOK)
	if text := words(doc.Find("main")); !strings.Contains(text, "Stop the newsletter by email") || strings.Contains(text, "ada@example.com") {
		t.Errorf("the page does not name the purpose, or shows the address: %s", text)
	}
	want("GET", "in force")
	multi := &strings.Builder{}
	parts := multipart.NewWriter(multi)
	if err := parts.WriteField("List-Unsubscribe", "One-Click"); err != nil {
		t.Fatal(err)
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, kind, body string }{
		{"one click, urlencoded", "application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"},
		{"one click, multipart", parts.FormDataContentType(), multi.String()},
		{"the button, again", "application/x-www-form-urlencoded", ""},
	} {
		r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(tt.body))
		r.Header.Set("Content-Type", tt.kind)
		w := h.Do(r)
		if w.Code != http.StatusOK || w.Header().Get("Set-Cookie") != "" || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d, cookie %q", tt.name, w.Code, w.Header().Get("Set-Cookie"))
		}
		want(tt.name, "refused by unsubscribe")
	}
	if text := words(document(t, h.Get(address), http.StatusOK).Find("main")); !strings.Contains(text, "gets the newsletter by email no longer") {
		t.Errorf("opened again it does not say that it is stopped: %s", text)
	}
	var events int
	if err := h.Pool.QueryRow(context.Background(), `SELECT count(*) FROM consent_event`).Scan(&events); err != nil || events != 2 {
		t.Errorf("%d events, want the consent and one refusal (%v)", events, err)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if w := h.Do(httptest.NewRequest(method, address[:len(address)-2]+"AA", nil)); w.Code != http.StatusNotFound {
			t.Errorf("%s with a forged token: %d", method, w.Code)
		}
	}
}

func TestUnsubscribeOfAnErasedPerson(t *testing.T) {
	for name, sql := range map[string]string{
		"the person is emptied":   `UPDATE person SET email = NULL, erased_at = now()`,
		"the message was deleted": `DELETE FROM message`,
	} {
		h := bench(t)
		_, address := subscribed(t, h)
		if _, err := h.Pool.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			doc := document(t, h.Do(httptest.NewRequest(method, address, nil)), http.StatusOK)
			if got := words(doc.Find("h1")); got != "You get no mail from us" {
				t.Errorf("%s, %s: %q", name, method, got)
			}
		}
	}
}

func TestPreferences(t *testing.T) {
	h := bench(t)
	who, _ := subscribed(t, h)
	h.Advance(time.Minute)
	address := h.Mail.PreferencesPath(who.ID)
	post := func(name, value string) {
		t.Helper()
		if w := h.Post(address, url.Values{name: {value}}); w.Code != http.StatusSeeOther {
			t.Fatalf("%s=%s: %d", name, value, w.Code)
		}
		h.Advance(time.Second)
	}
	want := func(name string, want map[string]string) {
		t.Helper()
		if diff := cmp.Diff(states(t, h, who), want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
	text := words(document(t, h.Get(address), http.StatusOK).Find("main"))
	for _, part := range []string{"a•••@e•••.com", "23 November 2026: “Mail me.”", "Nothing: you never agreed"} {
		if !strings.Contains(text, part) {
			t.Errorf("the page lacks %q: %s", part, text)
		}
	}
	if strings.Contains(text, "ada@example.com") {
		t.Error("the page shows the address to whoever has its link")
	}
	post("stop", "newsletter email")
	want("stopped", map[string]string{"newsletter": "refused by preferences"})
	h.Mails(t)
	post("start", "newsletter email")
	post("start", "newsletter email") // the button pressed twice
	want("started", map[string]string{"newsletter": "waits"})
	mails := h.Mails(t)
	if len(mails) != 1 {
		t.Fatalf("%d mails ask for confirmation, want one", len(mails))
	}
	confirm := ""
	for _, m := range link.FindAllStringSubmatch(strings.ReplaceAll(mails[0], "=\r\n", ""), -1) { // quoted-printable wraps
		if strings.HasPrefix(m[1], "/preferences/confirm/") {
			confirm = m[1]
		}
	}
	document(t, h.Get(confirm), http.StatusOK)
	want("GET of the mailed link", map[string]string{"newsletter": "waits"})
	if w := h.Post(confirm, nil); w.Code != http.StatusSeeOther {
		t.Fatalf("POST of the mailed link %q: %d", confirm, w.Code)
	}
	want("confirmed", map[string]string{"newsletter": "in force"})
	document(t, h.Get(confirm+"?done"), http.StatusOK)

	post("stop", "all")
	refused := "refused by preferences"
	all := map[string]string{"newsletter": refused, "product_news": refused, "promotion": refused, "survey": refused}
	want("everything stopped", all)
	if text := words(document(t, h.Get(confirm), http.StatusOK).Find("main")); !strings.Contains(text, "Nothing is left to confirm") {
		t.Errorf("an old link asks: %s", text)
	}
	if w := h.Post(confirm, nil); w.Header().Get("Location") != confirm { // an old link brings nothing back
		t.Errorf("an old link leads to %q", w.Header().Get("Location"))
	}
	want("an old link", all)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"no button":            h.Post(address, nil),
		"a purpose of no kind": h.Post(address, url.Values{"start": {"service email"}}),
		"start by phone":       h.Post(address, url.Values{"start": {"promotion phone"}}),
	} {
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w := h.Get(address[:len(address)-2] + "AA"); w.Code != http.StatusNotFound {
		t.Errorf("a forged link: %d", w.Code)
	}
	h.Advance(31 * 24 * time.Hour)
	if w := h.Post(confirm, nil); w.Code != http.StatusNotFound {
		t.Errorf("the mailed link after 31 days: %d", w.Code)
	}
}

// Who asks us to stop or erase confirms the address by our mail, and begins nothing by it that was ticked before.
func TestStoppingBeginsNothing(t *testing.T) {
	h := bench(t)
	who := agree(t, h, "ada@example.com", consent.Event{Purpose: consent.Newsletter, Granted: true, Origin: consent.FromForm})
	h.Advance(time.Minute)
	values := activitytest.Hidden(h.Get("/privacy/requests").Body.String())
	maps.Copy(values, url.Values{"want": {"stop"}, "email": {"ada@example.com"}})
	if w := h.Post("/privacy/requests", values); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var id uuid.UUID
	if err := h.Pool.QueryRow(t.Context(), `SELECT id FROM submission WHERE kind = 'privacy'`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	if mail := strings.Join(h.Mails(t), ""); strings.Contains(mail, "ticked") {
		t.Errorf("the mail speaks of what was ticked:\n%s", mail)
	}
	confirm := h.Desk.ConfirmPath(id)
	if text := words(document(t, h.Get(confirm), http.StatusOK).Find("main")); strings.Contains(text, "comes into force") {
		t.Errorf("the page shows %s", text)
	}
	if w := h.Post(confirm, nil); w.Code != http.StatusSeeOther {
		t.Errorf("confirmed: %d", w.Code)
	}
	if diff := cmp.Diff(states(t, h, who), map[string]string{"newsletter": "waits"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	now, err := h.Desk.People.Get(t.Context(), who.ID)
	if err != nil || now.VerifiedAt == nil {
		t.Errorf("the address does not count as confirmed: %v, %v", now.VerifiedAt, err)
	}
}

// TestCallsAndLetters asks for calls and letters where no account is needed: a number or an address counts once the mailbox
// has said so, and until then another one stays in use.
func TestCallsAndLetters(t *testing.T) {
	h := bench(t)
	who := agree(t, h, "ada@example.com")
	address := h.Mail.PreferencesPath(who.ID)
	ask := func(code int, start string, values url.Values) *goquery.Document {
		t.Helper()
		h.Advance(2 * time.Hour)
		values.Set("start", start)
		w := h.Post(address, values)
		if w.Code != code {
			t.Fatalf("%v: %d", values, w.Code)
		}
		if code == http.StatusSeeOther {
			return nil
		}
		return document(t, w, code)
	}
	proof := func() string {
		t.Helper()
		for _, m := range link.FindAllStringSubmatch(strings.ReplaceAll(h.Mails(t)[0], "=\r\n", ""), -1) {
			if strings.HasPrefix(m[1], "/preferences/confirm/") {
				return m[1]
			}
		}
		t.Fatal("no link to confirm")
		return ""
	}
	reach := func(name, want string) {
		t.Helper()
		var got string
		if err := h.Pool.QueryRow(t.Context(), `
			SELECT coalesce(string_agg(concat_ws(' ', purpose, channel, address), ', ' ORDER BY purpose, channel), '') FROM contactable`).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, values := range []url.Values{
		{},
		{"phone": {"+1 312 555 0100"}},
		{"phone_about": {"survey"}},
		{"phone_about": {"survey"}, "phone": {"0123"}},
		{"phone_about": {"survey"}, "phone": {"312 555 0100"}},
	} {
		if doc := ask(http.StatusUnprocessableEntity, "phone", values); doc.Find(".errors a").Length() == 0 || doc.Find("details[open]").Length() != 1 {
			t.Errorf("%v: the page does not say what is wrong", values)
		}
	}
	ask(http.StatusUnprocessableEntity, "post", url.Values{"post_about": {"survey"}})
	calls := url.Values{"phone_about": {"survey", "promotion"}, "phone": {"+1 312 555 0100"}}
	ask(http.StatusSeeOther, "phone", calls)
	reach("asked", "")
	confirm := proof()
	if text := words(document(t, h.Get(confirm), http.StatusOK).Find("main")); !strings.Contains(text, "+13125550100") {
		t.Errorf("the page does not show the number: %s", text)
	}
	h.Post(confirm, nil)
	reach("confirmed", "promotion phone +13125550100, survey phone +13125550100")
	ask(http.StatusSeeOther, "phone", calls) // again
	if n := len(h.Mails(t)); n != 0 {
		t.Errorf("%d mails ask for what is in force", n)
	}
	ask(http.StatusSeeOther, "phone", url.Values{"phone_about": {"survey"}, "phone": {"+1 312 555 0101"}})
	reach("another number, by whoever has the link", "promotion phone +13125550100, survey phone +13125550100")
	h.Post(proof(), nil)
	reach("confirmed by its owner", "promotion phone +13125550101, survey phone +13125550101")
	ask(http.StatusSeeOther, "post", url.Values{"post_about": {"newsletter"}, "address": {"Ada\r\n1 Mill Lane\r\nChicago"}})
	h.Post(proof(), nil)
	reach("letters", "newsletter post Ada\n1 Mill Lane\nChicago, promotion phone +13125550101, survey phone +13125550101")

	if _, err := h.retainer(t).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	points := func(name string, want int) {
		t.Helper()
		var got int
		if err := h.Pool.QueryRow(t.Context(), `SELECT count(*) FROM contact_point`).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %d numbers and addresses, want %d, %v", name, got, want, err)
		}
	}
	points("at first", 3)
	h.Advance(32 * 24 * time.Hour)
	if _, err := h.retainer(t).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	points("the number that another replaced is deleted", 2)
	h.Post(address, url.Values{"stop": {"survey phone"}})
	points("stopped one of two", 2)

	admin := pgtest.Admin(t, h.Pool)
	if _, err := admin.Exec(t.Context(), `
		WITH o AS (INSERT INTO account (id, kind, email, name, created_at) VALUES (gen_random_uuid(), 'staff', 'officer@example.com', 'Grace', $2) RETURNING id)
		INSERT INTO legal_hold (id, scope, person_id, ground, officer_id, placed_at, reviewed_at, review_on)
		SELECT gen_random_uuid(), 'person', $1, 'A claim.', id, $2, $2, $2::timestamptz::date FROM o`, who.ID, h.Now()); err != nil {
		t.Fatal(err)
	}
	h.Post(address, url.Values{"stop": {"promotion phone"}})
	points("stopped both under a hold", 2)
	if _, err := h.retainer(t).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	points("a night under a hold", 2)
	if _, err := admin.Exec(t.Context(), `DELETE FROM contact_point`); err == nil || !strings.Contains(err.Error(), "legal hold") {
		t.Errorf("deleted past the code: %v", err)
	}
	if _, err := admin.Exec(t.Context(), `UPDATE legal_hold SET lifted_at = $1, lifted_by = officer_id`, h.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.retainer(t).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	points("the night after the hold", 1)
	if _, err := privacy.NewEraser(privacy.EraserConfig{Desk: h.Desk, Blobs: h.blobs(t)}).Erase(t.Context(), who.ID); err != nil {
		t.Fatal(err)
	}
	points("erased", 0)
}

// TestUnprovenChoiceTakesNothingAway goes through the orders in which choices and confirmations may come.
// TestTypedPreferencesAreNeverLost sends numbers and addresses that can't be read whole, or not be stored.
func TestTypedPreferencesAreNeverLost(t *testing.T) {
	t.Parallel()
	h := bench(t)
	who := agree(t, h, "ada@example.com")
	address := h.Mail.PreferencesPath(who.ID)
	letters := url.Values{"start": {"post"}, "post_about": {"newsletter"}, "address": {"Ada King\n12 St James’s Square\nLondon"}}
	kept := func(w *httptest.ResponseRecorder, status int) *goquery.Document {
		t.Helper()
		doc := document(t, w, status)
		f := doc.Find(`form:has([name="address"])`)
		if got := f.Find(`[name="address"]`).Text(); !strings.HasPrefix(strings.TrimSpace(got), letters.Get("address")) {
			t.Errorf("%d: kept %.80q", status, got)
		}
		if f.AttrOr("action", "") != address || f.Find(`[name="start"]`).AttrOr("value", "") != "post" {
			t.Errorf("%d: the form goes to %q, for %q", status, f.AttrOr("action", ""), f.Find(`[name="start"]`).AttrOr("value", ""))
		}
		return doc
	}
	long := url.Values{"start": {"post"}, "address": letters["address"], "z": {strings.Repeat("x", 70<<10)}}
	doc := kept(h.Post(address, long), http.StatusRequestEntityTooLarge)
	if told := words(doc.Find(".notice.bad")); !strings.Contains(told, "larger than") {
		t.Errorf("too much: told %q", told)
	}
	r := httptest.NewRequest(http.MethodPost, address, strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	doc = document(t, h.Do(r), http.StatusUnsupportedMediaType)
	if told := words(doc.Find(".notice.bad")); !strings.Contains(told, "not sent by this form") || doc.Find("#choices").Length() != 1 {
		t.Errorf("another type: told %q", told)
	}
	h.Pool.Close()
	w := h.Post(address, letters)
	doc = kept(w, http.StatusServiceUnavailable)
	if w.Header().Get("Retry-After") == "" || !strings.Contains(words(doc.Find(".notice")), "could not store this just now") {
		t.Errorf("without a database: told %q", words(doc.Find(".notice")))
	}
	if _, ticked := doc.Find(`[name="post_about"][value="newsletter"]`).Attr("checked"); !ticked {
		t.Error("without a database: the tick is lost")
	}
	doc = document(t, h.Post(address, url.Values{"stop": {"all"}}), http.StatusServiceUnavailable)
	if got := doc.Find(`form [name="stop"]`).AttrOr("value", ""); got != "all" {
		t.Errorf("the button pressed was %q", got)
	}
}

func TestUnprovenChoiceTakesNothingAway(t *testing.T) {
	grant := consent.Event{Purpose: consent.Newsletter, Granted: true, Origin: consent.FromForm}
	refusal := consent.Event{Purpose: consent.Newsletter, Origin: consent.FromUnsubscribe}
	confirm := consent.Event{} // stands for the button behind a mailed link
	for name, tt := range map[string]struct {
		steps []consent.Event
		want  string
	}{
		"never confirmed":               {[]consent.Event{grant}, "waits"},
		"confirmed":                     {[]consent.Event{grant, confirm}, "in force"},
		"ticked again by anybody":       {[]consent.Event{grant, confirm, grant, grant}, "in force"},
		"confirmed again":               {[]consent.Event{grant, confirm, grant, confirm}, "in force"},
		"refused":                       {[]consent.Event{grant, confirm, refusal}, "refused by unsubscribe"},
		"refused while another waits":   {[]consent.Event{grant, confirm, grant, refusal}, "refused by unsubscribe"},
		"ticked by anybody thereafter":  {[]consent.Event{grant, confirm, refusal, grant}, "waits"},
		"agreed and confirmed again":    {[]consent.Event{grant, confirm, refusal, grant, confirm}, "in force"},
		"refused without having agreed": {[]consent.Event{refusal, grant}, "waits"},
	} {
		h := bench(t)
		who := agree(t, h, "ada@example.com")
		for _, step := range tt.steps {
			h.Advance(time.Minute)
			if step.Purpose == confirm.Purpose {
				if err := h.Desk.Confirm(context.Background(), who, math.MaxInt64); err != nil {
					t.Fatal(err)
				}
				continue
			}
			agree(t, h, "ada@example.com", step)
		}
		if diff := cmp.Diff(states(t, h, who), map[string]string{"newsletter": tt.want}); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

// A choice that was not confirmed within 30 days is as if it had not been made.
func TestPreferencesLeaveOutWhatLapsed(t *testing.T) {
	h := bench(t)
	who := agree(t, h, "ada@example.com",
		consent.Event{Purpose: consent.Newsletter, Granted: true, Origin: consent.FromForm},
		consent.Event{Purpose: consent.Survey, Granted: true, Origin: consent.FromStaff})
	row := func() string {
		t.Helper()
		return words(document(t, h.Get(h.Mail.PreferencesPath(who.ID)), http.StatusOK).Find("table"))
	}
	if text := row(); strings.Count(text, "Waits for your confirmation") != 2 {
		t.Errorf("not both wait: %s", text)
	}
	h.Advance(30*24*time.Hour + time.Second)
	if text := row(); strings.Count(text, "Nothing: you never agreed") != 4 {
		t.Errorf("still wait: %s", text)
	}
}

// proved returns the link of the mail that asks for a choice.
func proved(t *testing.T, h house) string {
	t.Helper()
	for _, mail := range h.Mails(t) {
		for _, m := range link.FindAllStringSubmatch(strings.ReplaceAll(mail, "=\r\n", ""), -1) {
			if strings.HasPrefix(m[1], "/preferences/confirm/") {
				return m[1]
			}
		}
	}
	t.Fatal("no link to confirm")
	return ""
}

// A mailed link proves what it was mailed for, and nothing that anybody added since: neither while its page stands open,
// nor by a link of old from a mailbox that is not the person's any more.
func TestProofIsOfWhatItWasMailedFor(t *testing.T) {
	refusal := consent.Event{Purpose: consent.Promotion, Origin: consent.FromUnsubscribe}
	tick := consent.Event{Purpose: consent.Promotion, Granted: true, Origin: consent.FromForm}
	for name, add := range map[string]func(t *testing.T, h house, who person.Person){
		"a stranger's tick": func(t *testing.T, h house, _ person.Person) { agree(t, h, "ada@example.com", tick) },
		"asked for from an old mailbox": func(t *testing.T, h house, who person.Person) {
			if err := pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error {
				return h.Desk.People.ChangeAddress(t.Context(), tx, who.ID, "ada@example.net")
			}); err != nil {
				t.Fatal(err)
			}
			h.Post(h.Mail.PreferencesPath(who.ID), url.Values{"start": {"promotion email"}})
			proved(t, h) // goes to the new one, where nobody answers it
		},
	} {
		h := bench(t)
		who := agree(t, h, "ada@example.com", refusal)
		h.Post(h.Mail.PreferencesPath(who.ID), url.Values{"start": {"newsletter email"}})
		confirm := proved(t, h)
		h.Advance(time.Minute)
		add(t, h, who)
		if text := words(document(t, h.Get(confirm), http.StatusOK).Find("main")); strings.Count(text, "“") != 1 {
			t.Errorf("%s: the page shows %s", name, text)
		}
		if w := h.Post(confirm, nil); w.Code != http.StatusSeeOther {
			t.Errorf("%s: %d", name, w.Code)
		}
		if diff := cmp.Diff(states(t, h, who), map[string]string{"newsletter": "in force", "promotion": "waits"}); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
		var suppressed int
		if err := h.Pool.QueryRow(t.Context(), `SELECT count(*) FROM suppression WHERE purpose = 'promotion'`).Scan(&suppressed); err != nil || suppressed == 0 {
			t.Errorf("%s: the refusal is lifted (%v)", name, err)
		}
	}
}
