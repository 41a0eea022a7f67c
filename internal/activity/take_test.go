package activity_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

const staged = `SELECT count(*) FROM file WHERE state = 'staged'`

func TestStepsLeadToTheReceipt(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	first := b.filled(t)
	first.Set("step", "0")
	first.Del("why")
	first.Set("email", "nobody")
	w := b.post(t, samplePath, first)
	if w.Code != http.StatusUnprocessableEntity || doc(t, w).Find("#f-why").Length() != 0 || doc(t, w).Find("#f-email").Length() != 1 {
		t.Errorf("a fault on the first page: %d %s", w.Code, notices(t, w))
	}
	first.Set("email", "ada@example.com")
	w = b.post(t, samplePath, first)
	if w.Code != http.StatusOK || doc(t, w).Find("#f-why").Length() != 1 || notices(t, w) != "" {
		t.Fatalf("the second page: %d %s", w.Code, notices(t, w))
	}
	second := again(t, url.Values{}, w)
	w = b.post(t, samplePath, second, upload{"cv", "cv.txt", "Ada"})
	if w.Code != http.StatusUnprocessableEntity || doc(t, w).Find(".kept").Length() != 1 {
		t.Fatalf("the second page without an answer: %d %s", w.Code, notices(t, w))
	}
	second = again(t, second, w)
	second.Set("why", "Because.")
	_, id := b.sent(t, second)
	versions, err := b.Store.Versions(context.Background(), id)
	if err != nil || len(versions) != 1 {
		t.Fatalf("versions: %v, %v", versions, err)
	}
	if got := versions[0].Values.Get("name"); got != "Ada Lovelace" {
		t.Errorf("name %q", got)
	}
	if n := b.count(t, `SELECT count(*) FROM file WHERE state = 'attached' AND field = 'cv' AND submission_id = $1`, id); n != 1 {
		t.Errorf("%d files attached", n)
	}
}

// Before the first statement is in force nothing is asked, and a form's page says why.
func TestNoStatementNoForm(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.Advance(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Sub(activitytest.Start()))
	w := b.Get(samplePath)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "without one we ask for nothing") {
		t.Errorf("%d\n%s", w.Code, w.Body)
	}
}

// TestReview reads the answers through, changes one, and sends them: nothing is stored before, and nothing is lost.
func TestReview(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	values := b.filled(t)
	values.Set("step", "1")
	values.Set(form.LookField, form.LookReview)
	w := b.post(t, samplePath, values, upload{"cv", "cv.txt", "Ada"})
	d := doc(t, w)
	if text := d.Find(".review").Text(); w.Code != http.StatusOK || !strings.Contains(text, "Ada Lovelace") || !strings.Contains(text, "cv.txt") {
		t.Fatalf("the review: %d %s %q", w.Code, notices(t, w), text)
	}
	if d.Find(".field").Length() != 0 || b.count(t, `SELECT count(*) FROM submission`) != 0 {
		t.Error("the review shows fields, or something was stored")
	}
	if !strings.HasPrefix(d.Find("title").Text(), "Read it through: ") || d.Find(".review button[formaction$='#f-why'][value=change]").Length() != 1 {
		t.Errorf("the review is called %q, or offers no change of an answer", d.Find("title").Text())
	}
	values = activitytest.Hidden(w.Body.String())
	values.Set(form.LookField, form.LookChange)
	w = b.post(t, samplePath, values)
	if d = doc(t, w); w.Code != http.StatusOK || d.Find("#f-why").Length() != 1 || d.Find(".kept").Length() != 1 || notices(t, w) != "" {
		t.Fatalf("back from the review: %d %s", w.Code, notices(t, w))
	}
	values = activitytest.Hidden(w.Body.String())
	values.Set("why", "")
	values.Set(form.LookField, form.LookReview)
	if w = b.post(t, samplePath, values); w.Code != http.StatusUnprocessableEntity || doc(t, w).Find("#f-why").Length() != 1 {
		t.Fatalf("with a fault: %d", w.Code)
	}
	values.Set("why", "Because of this.")
	w = b.post(t, samplePath, values)
	_, id := b.sent(t, activitytest.Hidden(w.Body.String()))
	versions, err := b.Store.Versions(t.Context(), id)
	if err != nil || len(versions) != 1 || versions[0].Values.Get("why") != "Because of this." {
		t.Errorf("stored: %+v, %v", versions, err)
	}
	if n := b.count(t, `SELECT count(*) FROM file WHERE state = 'attached' AND submission_id = $1`, id); n != 1 {
		t.Errorf("%d files attached", n)
	}
}

func TestNoFileIsStagedWithoutASeal(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	cv := upload{"cv", "cv.txt", "Ada"}
	for name, change := range map[string]func(url.Values){
		"none":   func(v url.Values) { v.Del(form.SealField) },
		"forged": func(v url.Values) { v.Set(form.SealField, "AAAA") },
		"of another form": func(v url.Values) {
			other := form.Form{Kind: "other", Fields: sampleForm().Fields}
			v.Set(form.SealField, form.NewSeal(other, "x", b.Now()).Close(b.Ring))
		},
		"after the file": func(v url.Values) {
			v["zz"], v[form.SealField] = v[form.SealField], nil
		},
	} {
		values := b.filled(t)
		change(values)
		w := b.post(t, samplePath, values, cv)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(notices(t, w), "choose it again") {
			t.Errorf("%s: %d %s", name, w.Code, notices(t, w))
		}
		if n := b.count(t, staged); n != 0 {
			t.Errorf("%s: %d files staged", name, n)
		}
	}
	// A page that was open too long is read once more; its file is kept.
	values := b.filled(t)
	b.Advance(25 * time.Hour)
	w := b.post(t, samplePath, values, cv)
	if w.Code != http.StatusUnprocessableEntity || doc(t, w).Find(".kept").Length() != 1 {
		t.Errorf("expired: %d %s", w.Code, notices(t, w))
	}
}

func TestOneFileAField(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	values := b.filled(t)
	values.Del("why")
	w := b.post(t, samplePath, values,
		upload{"cv", "", ""}, upload{"cv", "one.txt", "One"}, upload{"cv", "two.txt", "Two"}, upload{"letter", "a.txt", "A"},
		upload{"cv", "three.txt", "Three"})
	if n := b.count(t, staged); n != 2 || !strings.Contains(doc(t, w).Find(".kept").Text(), "one.txt") {
		t.Errorf("%d files staged, %q kept", n, doc(t, w).Find(".kept").Text())
	}
	// The one that is replaced goes.
	values = again(t, values, w)
	w = b.post(t, samplePath, values, upload{"cv", "new.txt", "New"})
	if n := b.count(t, staged); n != 2 {
		t.Errorf("%d files staged once one was replaced", n)
	}
	values = again(t, values, w)
	values.Set("cv_remove", "yes")
	w = b.post(t, samplePath, values)
	if n := b.count(t, staged); n != 1 || doc(t, w).Find(".kept").Length() != 1 {
		t.Errorf("%d files staged once one was removed", n)
	}
}

func TestOnlyAFileAnswersAFileField(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	values := b.filled(t)
	values.Set("cv", "anything")
	w := b.Post(samplePath, values)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, notices(t, w))
	}
	if n := b.count(t, `SELECT count(*) FROM answers WHERE values ? 'cv'`); n != 0 {
		t.Error("typed text stands in the place of a file")
	}
}

func TestKeptFileOutlastsTheLimitAndTheDatabase(t *testing.T) {
	t.Parallel()
	b := open(t, nil, func(c *activity.Config) { c.Limit = activity.Limit{N: 2, Per: time.Hour} })
	values := b.filled(t)
	values.Del("why")
	w := b.post(t, samplePath, values, upload{"cv", "cv.txt", "Ada"})
	values = again(t, values, w)
	token := values.Get("cv_kept")
	if w.Code != http.StatusUnprocessableEntity || token == "" {
		t.Fatalf("%d, token %q", w.Code, token)
	}
	w = b.post(t, samplePath, values)
	if w.Code != http.StatusUnprocessableEntity {
		t.Fatalf("the second: %d", w.Code)
	}
	w = b.post(t, samplePath, values)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" ||
		!strings.Contains(doc(t, w).Find(".kept").Text(), "cv.txt") {
		t.Errorf("over the limit: %d, kept %q", w.Code, doc(t, w).Find(".kept").Text())
	}
	b.Pool.Close()
	b.Advance(time.Hour)
	values.Set("cv_remove", "yes")
	w = b.post(t, samplePath, values)
	next := again(t, url.Values{}, w)
	got := []string{next.Get("cv_kept"), next.Get("cv_remove")}
	if diff := cmp.Diff(got, []string{token, "yes"}); w.Code != http.StatusServiceUnavailable || diff != "" {
		t.Errorf("without a database: %d (-got +want):\n%s", w.Code, diff)
	}
}

func TestStoreOfFilesAwayKeepsWhatFollowsTheFile(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	values := b.filled(t)
	body, kind := parts(t, values, upload{"cv", "cv.txt", "Ada"})
	after := "Content-Disposition: form-data; name=\"why\"\r\n\r\nTyped after the file\r\n--"
	boundary := strings.TrimPrefix(kind, "multipart/form-data; boundary=")
	text := strings.TrimSuffix(string(body), "--\r\n") + "\r\n" + after + boundary + "--\r\n"
	text = strings.Replace(text, `name="why"`, `name="zz"`, 1)
	b.Pool.Close()
	r, err := http.NewRequest(http.MethodPost, samplePath, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	w := b.Do(r)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(doc(t, w).Find("#f-why").Text(), "Typed after the file") {
		t.Errorf("%d %q", w.Code, doc(t, w).Find("#f-why").Text())
	}
}

func TestAFileThatIsNotKeptIsAskedForAgain(t *testing.T) {
	t.Parallel()
	const again = "choose it again before you send"
	b := open(t, nil, func(c *activity.Config) { c.Limit = activity.Limit{N: 1, Per: time.Hour} })
	values := b.filled(t)
	b.sent(t, values)
	cv := upload{"cv", "cv.txt", "Ada"}
	w := b.post(t, samplePath, values, cv)
	if kept := doc(t, w).Find(".kept").Text(); w.Code != http.StatusTooManyRequests || !strings.Contains(kept, "cv.txt") || strings.Contains(notices(t, w), again) {
		t.Errorf("the first over the limit: %d, kept %q, %s", w.Code, kept, notices(t, w))
	}
	if w := b.post(t, samplePath, values); w.Code != http.StatusTooManyRequests || strings.Contains(notices(t, w), again) {
		t.Errorf("over the limit without a file: %d %s", w.Code, notices(t, w))
	}
	if w := b.post(t, samplePath, values, cv); w.Code != http.StatusTooManyRequests || !strings.Contains(notices(t, w), again) {
		t.Errorf("over the limit: %d %s", w.Code, notices(t, w))
	}
	b.Advance(time.Hour)
	b.Pool.Close()
	if w := b.post(t, samplePath, values, cv); w.Code != http.StatusServiceUnavailable || !strings.Contains(notices(t, w), again) {
		t.Errorf("without a database: %d %s", w.Code, notices(t, w))
	}
}

func TestTypedTextOutlastsTheForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		why  error
		code int
		says string
	}{
		"closed":      {&page.Error{Status: http.StatusConflict, Message: "It is over."}, http.StatusConflict, "It is over."},
		"withdrawn":   {page.ErrNotFound, http.StatusNotFound, "taken off our site"},
		"unavailable": {errors.New("no connection"), http.StatusServiceUnavailable, "in a minute"},
	} {
		var why error
		b := open(t, func(a *activity.Activity) {
			a.Fill = func(context.Context, *submission.Entry) error { return why }
		})
		values := b.filled(t)
		values.Set("why", "Because we know pumps.")
		keeps := func(path string, uploads ...upload) {
			t.Helper()
			w := b.post(t, path, values, uploads...)
			typed := doc(t, w).Find("#f-why").Text()
			if w.Code != c.code || !strings.Contains(typed, "know pumps") || !strings.Contains(notices(t, w), c.says) {
				t.Errorf("%s: %s: %d, %q, %s", name, path, w.Code, typed, notices(t, w))
			}
			if again := doc(t, w).Find(".form button").Length() > 0; again != (c.code == http.StatusServiceUnavailable) {
				t.Errorf("%s: %s: offers to send: %t", name, path, again)
			}
		}
		why = c.why
		keeps(samplePath) // while it was stored
		b.lookup = why
		keeps(samplePath, upload{"cv", "cv.txt", strings.Repeat("Ada", 1000)})
		values.Set(form.SealField, "Zm9yZ2Vk")
		if w := b.post(t, samplePath, values); doc(t, w).Find("#f-why").Length() > 0 {
			t.Errorf("%s: a sending that is not of our page is shown", name)
		}
	}
}

// TestTypedTextOutlastsTheProcess sends to a process that has not shown the form: the one that did has ended.
func TestTypedTextOutlastsTheProcess(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	values := b.filled(t)
	values.Set("why", "Because we know pumps.")
	values["regions"] = []string{"north", "south"}
	next := activity.NewDesk(b.Desk.Config)
	a := b.sample(next, nil)
	next.Open(activity.Activities{a})
	b.Router = chi.NewRouter()
	a.Public(b.Router)

	b.lookup = &page.Error{Status: http.StatusConflict, Message: "It is over."}
	w := b.post(t, samplePath, values)
	if w.Code != http.StatusConflict || doc(t, w).Find("#f-why").Text() != "Because we know pumps." ||
		!strings.Contains(notices(t, w), "It is over.") || doc(t, w).Find(".form button").Length() > 0 {
		t.Errorf("closed: %d, %s", w.Code, w.Body)
	}
	b.lookup = errors.New("no connection")
	w = b.post(t, samplePath, values, upload{"cv", "cv.txt", "Ada"})
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" ||
		!strings.Contains(notices(t, w), "choose it again") {
		t.Errorf("away: %d, %s", w.Code, notices(t, w))
	}
	b.lookup = nil
	again := activitytest.Hidden(w.Body.String())
	doc(t, w).Find(".form textarea").Each(func(_ int, typed *goquery.Selection) {
		again.Set(typed.AttrOr("name", ""), strings.TrimPrefix(typed.Text(), "\n"))
	})
	doc(t, w).Find(".form input[checked]").Each(func(_ int, ticked *goquery.Selection) {
		again.Add(ticked.AttrOr("name", ""), ticked.AttrOr("value", ""))
	})
	if w := b.post(t, samplePath, again); w.Code != http.StatusSeeOther {
		t.Errorf("sent again: %d, %s", w.Code, w.Body)
	}
}

// TestTheSameFindsItsReceipt sends again, long after, what was stored when it came first though no answer arrived.
func TestTheSameFindsItsReceipt(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	values := b.filled(t)
	receipt, _ := b.sent(t, values)
	again := func(when string) {
		t.Helper()
		if w := b.post(t, samplePath, values); w.Code != http.StatusSeeOther || w.Header().Get("Location") != receipt {
			t.Errorf("%s: %d to %q, %s", when, w.Code, w.Header().Get("Location"), notices(t, w))
		}
	}
	b.lookup = &page.Error{Status: http.StatusConflict, Message: "It is over."}
	again("when the form takes nothing more")
	next := activity.NewDesk(b.Desk.Config)
	a := b.sample(next, nil)
	next.Open(activity.Activities{a})
	before := b.Router
	b.Router = chi.NewRouter()
	a.Public(b.Router)
	again("when another process has shown it")
	b.Router = before
	b.lookup = nil
	b.Advance(25 * time.Hour)
	again("when the page is too old")
	values.Set("why", "Something else.")
	if w := b.post(t, samplePath, values); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("another sending from the old page: %d", w.Code)
	}
}

func TestBlockedIsKeptApartButNotWhereTheLawGrants(t *testing.T) {
	t.Parallel()
	for name, never := range map[string]bool{"usual": false, "never apart": true} {
		b := open(t, func(a *activity.Activity) { a.NeverApart = never }, func(c *activity.Config) {
			c.Blocked = func(email string) bool { return email == "ada@example.com" }
		})
		_, id := b.sent(t, b.filled(t))
		if apart := b.record(t, id).Quarantined != nil; apart == never {
			t.Errorf("%s: kept apart: %t", name, apart)
		}
	}
}

func TestCrowdAndTrap(t *testing.T) {
	t.Parallel()
	for name, never := range map[string]bool{"usual": false, "never apart": true} {
		b := open(t, func(a *activity.Activity) { a.NeverApart = never }, func(c *activity.Config) {
			c.Limit = activity.Limit{N: 1000, Per: time.Minute}
		})
		values := b.filled(t)
		for i := range 8 {
			values.Set("why", strings.Repeat("x", i+1))
			b.sent(t, values)
		}
		values.Set("why", "The ninth")
		w := b.post(t, samplePath, values)
		want := map[bool]int{false: http.StatusUnprocessableEntity, true: http.StatusSeeOther}[never]
		if w.Code != want {
			t.Errorf("%s: the ninth of an address: %d", name, w.Code)
		}
		trapped := maps.Clone(values)
		trapped.Set(form.TrapField, "x")
		trapped.Set("why", "The trapped")
		w = b.post(t, samplePath, trapped)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(notices(t, w), "once more") {
			t.Errorf("%s: a filled trap: %d", name, w.Code)
		}
		b.Advance(3 * time.Second)
		_, id := b.sent(t, again(t, trapped, w))
		if apart := b.record(t, id).Quarantined != nil; apart == never {
			t.Errorf("%s: trapped twice: kept apart: %t", name, apart)
		}
	}
}

// TestTheSameSendingIsNoCrowd: who retries without end is led to the one receipt each time.
func TestTheSameSendingIsNoCrowd(t *testing.T) {
	t.Parallel()
	b := open(t, nil, func(c *activity.Config) { c.Limit = activity.Limit{N: 1000, Per: time.Minute} })
	values := b.filled(t)
	first, _ := b.sent(t, values)
	for i := range 30 {
		w := b.post(t, samplePath, values)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != first {
			t.Fatalf("repeated %d times: %d to %q, not to %s", i+1, w.Code, w.Header().Get("Location"), first)
		}
	}
}

// Some systems allow control characters in a file's name, and browsers send them as they are.
func TestFileNameWithControlCharacters(t *testing.T) {
	t.Parallel()
	const cv = "Ada\tLovelace\r\n\r\nEngineer, and \"more\"\n"
	b := open(t, nil)
	values := b.filled(t)
	body, kind := parts(t, values, upload{"cv", "a\x01\x1b \"q\"\x7f.txt", cv})
	boundary := strings.TrimPrefix(kind, "multipart/form-data; boundary=")
	after := "Content-Disposition: form-data; name=\"why\"\r\n\r\nTyped after the file\r\n--"
	text := strings.Replace(strings.TrimSuffix(string(body), "--\r\n")+"\r\n"+after+boundary+"--\r\n", `\"q\"`, "%22q%22", 1)
	text = strings.Replace(text, `name="why"`, `name="zz"`, 1)
	r, err := http.NewRequest(http.MethodPost, samplePath, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	if w := b.Do(r); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, notices(t, w))
	}
	type kept struct {
		Name, Why string
		Size      int64
	}
	var got kept
	if err := b.Pool.QueryRow(t.Context(), `
		SELECT f.name, f.size, a.values->'why'->>0 FROM file f JOIN answers a USING (submission_id)`).Scan(&got.Name, &got.Size, &got.Why); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, kept{`a "q".txt`, "Typed after the file", int64(len(cv))}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}
