package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"clickcommerce.com/site/internal/form"
)

// shownForm is a form as its page shows it: filled in by what the page itself says, as a person would.
type shownForm struct {
	address   string
	multipart bool
	values    url.Values // hidden fields, and an answer for each question
	hidden    url.Values
	file      string // name of the file field
	required  []string
}

// readForm reads the form of a page that carries a seal, or returns nil.
func readForm(address string, doc *goquery.Document) *shownForm {
	el := doc.Find(`form:has(input[name="` + form.SealField + `"])`).First()
	if el.Length() == 0 {
		return nil
	}
	f := &shownForm{
		address: el.AttrOr("action", address), multipart: el.AttrOr("enctype", "") != "", values: url.Values{}, hidden: url.Values{},
	}
	el.Find(`input[type=hidden]`).Each(func(_ int, s *goquery.Selection) {
		f.hidden.Add(s.AttrOr("name", ""), s.AttrOr("value", ""))
	})
	maps.Copy(f.values, f.hidden)
	el.Find("input, select, textarea").Each(func(_ int, s *goquery.Selection) { f.answer(el, s) })
	return f
}

func (f *shownForm) answer(el, s *goquery.Selection) {
	name := s.AttrOr("name", "")
	group := s.Closest("fieldset:not(.consents)")
	if s.AttrOr("aria-required", "") == "true" || group.Length() == 1 && group.Find("legend .optional").Length() == 0 {
		if !slices.Contains(f.required, name) {
			f.required = append(f.required, name)
		}
	}
	switch {
	case name == "" || name == form.TrapField || s.AttrOr("type", "") == "hidden":
	case s.AttrOr("type", "") == "file":
		f.file = name
	case s.AttrOr("type", "") == "radio" || s.AttrOr("type", "") == "checkbox":
		offered := strings.HasPrefix(name, "consent_") && s.AttrOr("aria-required", "") == ""
		if !f.values.Has(name) && !offered {
			f.values.Set(name, s.AttrOr("value", ""))
		}
	case goquery.NodeName(s) == "select":
		f.values.Set(name, s.Find(`option[value!=""]`).First().AttrOr("value", ""))
	case s.AttrOr("type", "") == "date":
		f.values.Set(name, "2027-01-31")
	default:
		hint := el.Find("#" + s.AttrOr("id", "none") + "-hint").Text()
		_, example, ok := strings.Cut(hint, "For example: ")
		if !ok {
			example = "Something that a person would say"
		}
		f.values.Set(name, example)
	}
}

// send posts values as the page's form would, with a real PDF where it asks for a file.
func (f *shownForm) send(t *testing.T, server *httptest.Server, values url.Values) *http.Response {
	t.Helper()
	body, kind := io.Reader(strings.NewReader(values.Encode())), "application/x-www-form-urlencoded"
	if f.multipart {
		body, kind = f.parts(t, values)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, server.URL+f.address, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func (f *shownForm) parts(t *testing.T, values url.Values) (io.Reader, string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for name, list := range values {
		for _, value := range list {
			if err := w.WriteField(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if f.file != "" && len(values) > len(f.hidden) {
		part, err := w.CreateFormFile(f.file, "cv.pdf")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &buf, w.FormDataContentType()
}

// findForms crawls the site for its forms, one of each address.
func findForms(t *testing.T, server *httptest.Server) []*shownForm {
	t.Helper()
	var forms []*shownForm
	seen, known := map[string]bool{"/": true}, map[string]bool{}
	for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
		resp, err := http.Get(server.URL + queue[0])
		if err != nil {
			t.Fatal(err)
		}
		doc, err := goquery.NewDocumentFromReader(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
			continue
		}
		if f := readForm(queue[0], doc); f != nil && !known[f.address] {
			known[f.address] = true
			forms = append(forms, f)
		}
		doc.Find("a[href]").Each(func(_ int, s *goquery.Selection) {
			link, _, _ := strings.Cut(s.AttrOr("href", ""), "#")
			if strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "/static/") && !seen[link] {
				seen[link] = true
				queue = append(queue, link)
			}
		})
	}
	return forms
}

// TestEveryForm sends each form of the site empty, filled in, filled with what nobody should type, and wrongly.
func TestEveryForm(t *testing.T) {
	a := newApp(t)
	loadDemo(t, a)
	testConsents(t, a)
	server := serveApp(t, a)
	forms := findForms(t, server)
	kinds := map[string]bool{}
	for _, f := range forms {
		seal, err := form.OpenSeal(a.ring, f.hidden.Get(form.SealField))
		if err != nil {
			t.Errorf("%s: %v", f.address, err)
		}
		t.Run(f.address, func(t *testing.T) {
			testEmpty(t, server, f)
			testHostile(t, server, f)
			testWrongly(t, server, f)
			golden := seal.Kind
			if kinds[seal.Kind] {
				golden = "" // one of a kind
			}
			kinds[seal.Kind] = true
			testFilled(t, server, f, golden)
		})
	}
	for _, kind := range a.desk.Activities().Kinds() {
		if !kinds[kind] {
			t.Errorf("no page leads to a form of kind %s", kind)
		}
	}
	a.pool.Close()
	for _, f := range forms {
		t.Run(f.address+" without the database", func(t *testing.T) { testAway(t, server, f) })
	}
}

// testAway sends what somebody typed while the database is away.
func testAway(t *testing.T, server *httptest.Server, f *shownForm) {
	t.Helper()
	resp := f.send(t, server, f.values)
	doc := parsed(t, resp)
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	for name := range f.values {
		field := doc.Find(`.form [name="` + name + `"]`).
			Not(`[type="radio"]:not([checked]), [type="checkbox"]:not([checked])`)
		kept := field.AttrOr("value", "") + field.FilterFunction(func(_ int, s *goquery.Selection) bool {
			return goquery.NodeName(s) == "textarea"
		}).Text() + field.Find("option[selected]").AttrOr("value", "")
		if name != form.SealField && strings.TrimSpace(kept) != f.values.Get(name) {
			t.Errorf("%s: kept %q of %q", name, kept, f.values.Get(name))
		}
	}
}

func parsed(t *testing.T, resp *http.Response) *goquery.Document {
	t.Helper()
	defer resp.Body.Close()
	doc, err := goquery.NewDocumentFromReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func testEmpty(t *testing.T, server *httptest.Server, f *shownForm) {
	t.Helper()
	resp := f.send(t, server, f.hidden)
	if resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("empty: %d", resp.StatusCode)
	}
	doc := parsed(t, resp)
	lines := doc.Find(".errors a")
	if lines.Length() == 0 {
		t.Error("empty: nothing is said to be missing")
	}
	if strings.HasPrefix(f.address, "/surveys/") {
		lines = lines.Slice(0, 0) // whose questions staff write, without words for when they are not answered
	}
	for _, line := range lines.EachIter() {
		if strings.HasPrefix(line.Text(), "Please ") {
			t.Errorf("empty: %q repeats a label, where how to mend it should be said", line.Text())
		}
	}
	if title := doc.Find("title").Text(); !strings.HasPrefix(title, "Error:") {
		t.Errorf("empty: the title is %q", title)
	}
}

// testFilled sends a form page by page. Its receipt is compared with the golden one of that name, unless there is none.
func testFilled(t *testing.T, server *httptest.Server, f *shownForm, golden string) {
	t.Helper()
	values := url.Values{}
	maps.Copy(values, f.values)
	for range 12 { // the pages of a long form
		resp := f.send(t, server, values)
		if resp.StatusCode == http.StatusSeeOther {
			location := resp.Header.Get("Location")
			resp.Body.Close()
			receipt, err := http.Get(server.URL + location)
			if err != nil {
				t.Fatal(err)
			}
			doc := parsed(t, receipt)
			if receipt.StatusCode != http.StatusOK || doc.Find("h1").Length() != 1 {
				t.Errorf("receipt %s: %d", location, receipt.StatusCode)
			}
			if golden != "" {
				compareReceipt(t, golden, doc)
			}
			again := f.send(t, server, values)
			again.Body.Close()
			if to, _, _ := strings.Cut(again.Header.Get("Location"), "?"); f.file == "" && to != location {
				t.Errorf("the same sending again: %d to %s, not to %s", again.StatusCode, to, location)
			}
			return
		}
		doc := parsed(t, resp)
		next := readForm(f.address, doc)
		if resp.StatusCode != http.StatusOK || next == nil {
			if resp.StatusCode == http.StatusOK && strings.Contains(doc.Find("h1").Text(), "Thank") {
				return // an anonymous form has no receipt
			}
			t.Fatalf("filled in: %d: %s", resp.StatusCode, strings.Join(strings.Fields(doc.Find(".errors, .notice").Text()), " "))
		}
		values = next.values
	}
	t.Error("the form has no end")
}

// testHostile sends what must come back as text, never as markup, and never break anything.
func testHostile(t *testing.T, server *httptest.Server, f *shownForm) {
	t.Helper()
	for name, text := range map[string]string{
		"markup":    `"><script>alert(1)</script>{{.}}`,
		"controls":  "a\x00b\u202ec\u200bd\x07",
		"not UTF-8": "\xff\xfe\xfd",
		"header":    "x\r\nBcc: victim@example.com\r\n\r\nbody",
		"long":      strings.Repeat("ä", 500_000),
	} {
		values := url.Values{}
		maps.Copy(values, f.hidden)
		for field := range f.values {
			if !f.hidden.Has(field) {
				values.Set(field, text)
			}
		}
		resp := f.send(t, server, values)
		raw, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode >= 500 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
		if bytes.Contains(raw, []byte("<script>alert")) {
			t.Errorf("%s: came back as markup", name)
		}
		if name == "markup" {
			wantTyped(t, raw, values)
		}
	}
}

// wantTyped wants every field in which one types freely to come back as it was typed.
func wantTyped(t *testing.T, raw []byte, values url.Values) {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range doc.Find("main textarea, main input[type=text], main input[type=email], main input[type=tel]").EachIter() {
		name := field.AttrOr("name", "")
		if got := field.AttrOr("value", strings.TrimPrefix(field.Text(), "\n")); values.Has(name) && got != values.Get(name) {
			t.Errorf("%s came back as %q", name, got)
		}
	}
}

// testWrongly breaks the sending itself.
func testWrongly(t *testing.T, server *httptest.Server, f *shownForm) {
	t.Helper()
	forged := url.Values{}
	maps.Copy(forged, f.values)
	forged.Set(form.SealField, "Zm9yZ2Vk")
	repeated := url.Values{}
	maps.Copy(repeated, f.hidden)
	for range 10_000 {
		repeated.Add("email", "a@example.com")
	}
	for name, tt := range map[string]struct {
		values url.Values
		status int
	}{
		"forged seal":    {forged, http.StatusUnprocessableEntity},
		"10,000 repeats": {repeated, http.StatusRequestEntityTooLarge}, // what stands after them would be lost
	} {
		if resp := f.send(t, server, tt.values); resp.StatusCode != tt.status {
			t.Errorf("%s: %d", name, resp.StatusCode)
			resp.Body.Close()
		}
	}
	for kind, want := range map[string]int{"application/json": http.StatusUnsupportedMediaType, "text/plain": http.StatusUnsupportedMediaType} {
		resp, err := http.Post(server.URL+f.address, kind, strings.NewReader(`{"email":"a@example.com"}`))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d", kind, resp.StatusCode)
		}
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPut, server.URL+f.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", resp.StatusCode)
	}
}

// TestUnreadableBodies sends what no page of ours sends to the forms that have no receipt: each answers with its own page,
// and keeps what could be read.
func TestUnreadableBodies(t *testing.T) {
	server := serveApp(t, newApp(t))
	post := func(address, kind, body string) (int, *goquery.Document) {
		resp, err := http.Post(server.URL+address, kind, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, parsed(t, resp)
	}
	doors := []string{"/staff/sign-in", "/staff/reset", "/connect/sign-in", "/connect/reset"}
	for _, address := range append(doors, "/cookies") {
		for _, kind := range []string{"application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x"} {
			status, doc := post(address, kind, `{"email":"ada@example.com","choice":"all"}`)
			told := doc.Find(".errors, .notice.bad").Text()
			if form := doc.Find(`main form[action="` + address + `"]`); status != 415 || form.Length() != 1 || !strings.Contains(told, "not sent by this") {
				t.Errorf("%s to %s: %d, told %q", kind, address, status, told)
			}
		}
	}
	const urlencoded = "application/x-www-form-urlencoded"
	for _, address := range doors {
		status, doc := post(address, urlencoded, "email=ada%zz&password=a%2")
		if got := doc.Find("#f-email").AttrOr("value", ""); status != 422 || got != "ada%zz" {
			t.Errorf("what can't be decoded to %s: %d, kept %q", address, status, got)
		}
		status, doc = post(address, urlencoded, "email=ada@example.com&password="+strings.Repeat("x", 4<<20))
		if got := doc.Find("#f-email").AttrOr("value", ""); status != 413 || got != "ada@example.com" {
			t.Errorf("too much to %s: %d, kept %q", address, status, got)
		}
	}
}

var update = flag.Bool("update", false, "write the golden files")

// passing is what a receipt says of its day alone: its number, days and times.
var passing = regexp.MustCompile(`CC-[0-9A-Z]{5}-[0-9A-Z]{5}|((Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, )?\d{1,2} [A-Z][a-z]+( \d{4})?|\d{1,2}:\d{2}( [A-Z]{3,4})?|C[SD]T`)

// compareReceipt compares the words of a receipt, a line for each piece of text.
func compareReceipt(t *testing.T, golden string, doc *goquery.Document) {
	t.Helper()
	var lines []string
	for node := range doc.Find("main").Nodes[0].Descendants() {
		if text := strings.Join(strings.Fields(node.Data), " "); node.Type == html.TextNode && text != "" {
			lines = append(lines, passing.ReplaceAllString(text, "…"))
		}
	}
	got, file := strings.Join(lines, "\n")+"\n", filepath.Join("testdata", "receipt", golden+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil { //nolint:gosec // part of the repository
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the receipt reads otherwise than %s (-want +got):\n%s", file, diff)
	}
}

// testConsents holds what every form may offer besides what it is for: two at most, none needed, and calls only beside a
// field for the number. Letters are asked for in the preferences alone.
func testConsents(t *testing.T, a *app) {
	t.Helper()
	for _, act := range a.desk.Activities() {
		subjects, err := act.Open(t.Context())
		if err != nil {
			t.Fatal(act.Kind, err)
		}
		for _, subject := range subjects {
			f, err := act.Form(t.Context(), subject)
			if err != nil {
				t.Fatal(act.Kind, err)
			}
			checkConsents(t, f, act.Kind)
			checkPhone(t, f, act.Kind)
		}
	}
}

// checkPhone wants the country to be asked before the number that it completes.
func checkPhone(t *testing.T, f form.Form, kind string) {
	t.Helper()
	at := func(k form.Kind) int {
		return slices.IndexFunc(f.Fields, func(x form.Field) bool { return x.Kind == k })
	}
	if phone, country := at(form.Phone), at(form.Country); phone >= 0 && (country < 0 || country > phone) {
		t.Errorf("%s: a phone number without a country before it", kind)
	}
}

func checkConsents(t *testing.T, f form.Form, kind string) {
	t.Helper()
	var offered int
	callable := slices.ContainsFunc(f.Fields, func(x form.Field) bool { return x.Kind == form.Phone })
	for _, x := range f.Fields {
		if x.Kind != form.Consent || x.Purpose == "" {
			continue
		}
		offered++
		if x.Required && kind != "newsletter" {
			t.Errorf("%s: %s is needed", kind, x.Name)
		}
		if x.Channel == "post" || x.Channel == "phone" && !callable {
			t.Errorf("%s: %s offers the channel %s", kind, x.Name, x.Channel)
		}
	}
	if offered > 2 {
		t.Errorf("%s: %d consents are offered", kind, offered)
	}
}
