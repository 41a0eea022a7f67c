package activity_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/submission"
)

// The sample activity: a form of two pages, the second with two files. It borrows the inbox and the template of kind
// alliance.
const (
	sampleKind = "alliance"
	samplePath = "/sample"
)

func sampleForm() form.Form {
	letter := form.Field{Name: "letter", Label: "Letter", Kind: form.File, Why: "We read it.", Step: "Case", Accept: []string{".txt"}, MaxBytes: 1 << 20}
	cv := letter
	cv.Name, cv.Label = "cv", "Résumé"
	f := form.Form{
		Kind: sampleKind, Title: "Sample", Button: "Send it", Review: true,
		Label: form.Facts{For: "a test", SeenBy: "the test", SharedWith: "nobody", Deleted: "after it"},
		Fields: []form.Field{
			activity.NameField("To greet you."), activity.EmailField("To answer."), activity.PhoneField("To call."),
			{Name: "why", Label: "Why", Kind: form.LongText, Required: true, Max: 500, Why: "To decide.", Step: "Case", Example: "Because."},
			letter, cv,
		},
	}
	for i := range 3 {
		f.Fields[i].Step = "You"
	}
	return f
}

type samplePage struct {
	page.Base
	Form form.View
}

func (b *bench) sample(desk *activity.Desk, change func(*activity.Activity)) activity.Activity {
	view := page.Load[samplePage](desk.Pages, "alliance/apply")
	door := activity.Door{
		Form: func(*http.Request) (form.Form, error) { return sampleForm(), b.lookup },
		Page: func(w http.ResponseWriter, r *http.Request, status int, f form.Form, v form.View) error {
			return view.Write(w, r, status, samplePage{page.Base{Title: f.Title, Description: "A sample."}, v})
		},
	}
	a := activity.Activity{
		Kind: sampleKind, Title: "Sample", What: "sample", Path: samplePath,
		Statuses: []activity.Status{
			{Value: "new", Label: "New", Public: "We have it.", Next: "We read it.", Days: 2, Months: 12, Withdrawable: true},
			{Value: "held", Label: "Held", Public: "It waits.", Next: "We think.", Days: 5, Months: 12, Withdrawable: true},
			{Value: "done", Label: "Done", Public: "It is decided.", Final: true, Months: 12},
			{Value: activity.Withdrawn, Label: "Withdrawn", Public: "You took it back.", Final: true, Months: 1},
		},
		Form: func(context.Context, uuid.UUID) (form.Form, error) { return sampleForm(), nil },
		Public: func(r chi.Router) {
			desk.Mount(r, samplePath, door)
		},
	}
	if change != nil {
		change(&a)
	}
	return a
}

type bench struct {
	*activitytest.Bench
	lookup error // why the form can't be looked up
}

func open(t testing.TB, change func(*activity.Activity), configure ...func(*activity.Config)) *bench {
	t.Helper()
	b := &bench{}
	b.Bench = activitytest.New(t, nil, func(house *activitytest.Bench) activity.Activities {
		return activity.Activities{b.sample(house.Desk, change)}
	}, configure...)
	return b
}

// upload is a file of a multipart body.
type upload struct{ field, name, text string }

// parts writes a body as browsers do: hidden fields and text first, in the order of the form.
func parts(t testing.TB, values url.Values, uploads ...upload) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, name := range []string{form.SealField, "step"} {
		if values.Has(name) {
			write(t, m, name, values.Get(name))
		}
	}
	for name, list := range values {
		if name != form.SealField && name != "step" {
			for _, value := range list {
				write(t, m, name, value)
			}
		}
	}
	for _, u := range uploads {
		w, err := m.CreateFormFile(u.field, u.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, u.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), m.FormDataContentType()
}

func write(t testing.TB, m *multipart.Writer, name, value string) {
	t.Helper()
	if err := m.WriteField(name, value); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) post(t testing.TB, path string, values url.Values, uploads ...upload) *httptest.ResponseRecorder {
	t.Helper()
	body, kind := parts(t, values, uploads...)
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	return b.Do(r)
}

// filled is the last page of the form, with every answer.
func (b *bench) filled(t testing.TB) url.Values {
	t.Helper()
	w := b.Get(samplePath)
	if w.Code != http.StatusOK {
		t.Fatalf("GET: %d %s", w.Code, w.Body)
	}
	values := activitytest.Hidden(w.Body.String())
	for name, list := range activitytest.Examples(sampleForm()) {
		values[name] = list
	}
	values.Set("step", "1")
	return values
}

// sent sends the form and returns its receipt's address and the record's id.
func (b *bench) sent(t testing.TB, values url.Values, uploads ...upload) (receipt string, id uuid.UUID) {
	t.Helper()
	w := b.post(t, samplePath, values, uploads...)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("POST: %d %s", w.Code, notices(t, w))
	}
	receipt = w.Header().Get("Location")
	id, err := b.Store.ByToken(strings.TrimPrefix(receipt, "/r/"))
	if err != nil {
		t.Fatal(err)
	}
	return receipt, id
}

func (b *bench) record(t testing.TB, id uuid.UUID) submission.Record {
	t.Helper()
	rec, err := b.Store.Get(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func (b *bench) count(t testing.TB, sql string, args ...any) int {
	t.Helper()
	var n int
	if err := b.Pool.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// again is what the page that was shown again would send: hidden fields, and what is typed.
func again(t testing.TB, values url.Values, w *httptest.ResponseRecorder) url.Values {
	t.Helper()
	next := url.Values{}
	for name, list := range values {
		next[name] = list
	}
	for name, list := range activitytest.Hidden(w.Body.String()) {
		next[name] = list
	}
	return next
}

func doc(t testing.TB, w *httptest.ResponseRecorder) *goquery.Document {
	t.Helper()
	d, err := goquery.NewDocumentFromReader(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func notices(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	return strings.Join(strings.Fields(doc(t, w).Find(".errors, .notice, .error").Text()), " ")
}
