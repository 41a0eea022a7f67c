package career_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"html/template"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jba/templatecheck"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/career"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/web"
)

const (
	withVisa    = "/careers/software-engineer-service-parts"
	withoutVisa = "/careers/technical-writer"
	over        = "/careers/summer-internship-engineering"
)

// house is the careers pages with the demo openings.
type house struct {
	*activitytest.Bench
	t    *testing.T
	room *career.Room
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t}
	h.Bench = activitytest.New(t, nil, func(b *activitytest.Bench) activity.Activities {
		h.room = career.New(b.Desk, publish.New(b.Desk), b.Content)
		return activity.Activities{h.room.Activity()}
	})
	for range 2 { // run twice: it changes nothing the second time
		if err := h.room.Demo(t.Context(), web.FS); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// upload is a file as a browser sends it.
type upload struct {
	name string
	body []byte
}

// send posts a form with a file, as browsers do; none leaves the file's part empty.
func (h *house) send(path string, v url.Values, u upload) *httptest.ResponseRecorder {
	h.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for name, list := range v {
		for _, value := range list {
			if err := m.WriteField(name, value); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	part, err := m.CreateFormFile("resume", u.name)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := part.Write(u.body); err != nil {
		h.t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		h.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	return h.Do(r)
}

// filled returns what a candidate would send for an opening, with the hidden fields of its page.
func (h *house) filled(path string) url.Values {
	h.t.Helper()
	w := h.Get(path)
	if w.Code != http.StatusOK {
		h.t.Fatalf("GET %s: %d\n%s", path, w.Code, w.Body)
	}
	v := activitytest.Hidden(w.Body.String())
	for name, value := range map[string]string{
		"name": "Ada Lovelace", "email": "ada@example.com", "country": "US", "letter": "I would like to mend your catalogue.",
		"start": "2027-02-01", "link": "www.example.com/work", "visa": "no",
	} {
		v.Set(name, value)
	}
	return v
}

func (h *house) accepted(w *httptest.ResponseRecorder) submission.Record {
	h.t.Helper()
	if w.Code != http.StatusSeeOther {
		h.t.Fatalf("status %d, want 303\n%s", w.Code, w.Body)
	}
	id, err := h.Store.ByToken(strings.TrimPrefix(w.Header().Get("Location"), "/r/"))
	if err != nil {
		h.t.Fatal(err)
	}
	rec, err := h.Store.Get(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return rec
}

func (h *house) filesOf(id uuid.UUID) []string {
	h.t.Helper()
	infos, err := h.Files.Of(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	var list []string
	for _, i := range infos {
		list = append(list, i.Describe())
	}
	return list
}

func (h *house) count() int {
	h.t.Helper()
	var n int
	if err := h.Pool.QueryRow(h.t.Context(), `SELECT count(*) FROM submission`).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func want(t *testing.T, w *httptest.ResponseRecorder, status int, words ...string) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d\n%s", w.Code, status, w.Body)
	}
	for _, word := range words {
		if !strings.Contains(w.Body.String(), word) {
			t.Errorf("%q is missing in\n%s", word, w.Body)
		}
	}
}

func none(t *testing.T, w *httptest.ResponseRecorder, words ...string) {
	t.Helper()
	for _, word := range words {
		if strings.Contains(w.Body.String(), word) {
			t.Errorf("%q is in\n%s", word, w.Body)
		}
	}
}

// pdf is one page with a line of text, its cross-reference table correct.
func pdf(text string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	stream := "BT /F1 12 Tf 72 720 Td (" + text + ") Tj ET"
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(stream), stream),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	xref := "0000000000 65535 f \n"
	for i, o := range objects {
		xref += fmt.Sprintf("%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref, len(objects)+1, start)
	return b.Bytes()
}

// bomb is a Word document of some kilobytes that unpacks to 200 MB.
func bomb(t *testing.T) []byte {
	t.Helper()
	zeros := make([]byte, 200<<20)
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "word/document.xml", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(zeros)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(zeros); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func TestPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	list := h.Get("/careers")
	want(t, list, 200, "8 openings", "Technical writer", "Closed lately", "Summer internship", "/careers/apply")
	doc, err := goquery.NewDocumentFromReader(list.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := doc.Find(".rows.dated > li").Length(); got != 8 {
		t.Errorf("%d openings are listed, want 8", got)
	}
	want(t, h.Get(withoutVisa), 200, "Technical writer", "Apply until", "$76,000 to $95,000", `"JobPosting"`, withoutVisa+"/apply")
	closed := h.Get(over)
	want(t, closed, 200, "This opening is closed", "Open now")
	none(t, closed, "JobPosting", over+"/apply")
	want(t, h.Get("/careers/none"), 404)
	want(t, h.Get("/careers/none/apply"), 404)
	if w := h.Get(over + "/apply"); w.Code != 303 || w.Header().Get("Location") != over {
		t.Errorf("form of a closed opening: %d to %q", w.Code, w.Header().Get("Location"))
	}
	none(t, h.Get(withoutVisa+"/apply"), "sponsor a visa?")
	want(t, h.Get(withVisa+"/apply"), 200, "sponsor a visa?", "Seen by", "recruiters", "10 MB at most", "photograph, date of birth")
	want(t, h.Get("/careers/apply"), 200, "What would you like to work on?")
	none(t, h.Get("/careers/apply"), "sponsor a visa?")
}

// The list shows the last day of each opening large, and is in that order.
func TestListIsInOrderOfDays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc, err := goquery.NewDocumentFromReader(h.Get("/careers").Body)
	if err != nil {
		t.Fatal(err)
	}
	var days []time.Time
	doc.Find(".dated .leaf").Each(func(_ int, s *goquery.Selection) {
		words := s.Find("span").Text() + " " + s.Find("b").Text() + " " + s.Find("small").Text()
		if day, err := time.Parse("January 2 2006", words); err == nil {
			days = append(days, day)
		}
	})
	if len(days) < 5 || !slices.IsSortedFunc(days, time.Time.Compare) {
		t.Errorf("the openings stand in this order: %v", days)
	}
}

func TestJobPosting(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc, err := goquery.NewDocumentFromReader(h.Get(withVisa).Body)
	if err != nil {
		t.Fatal(err)
	}
	var posting map[string]any
	doc.Find(`script[type="application/ld+json"]`).Each(func(_ int, s *goquery.Selection) {
		var d map[string]any
		if err := json.Unmarshal([]byte(s.Text()), &d); err != nil {
			t.Errorf("%v in %s", err, s.Text())
		}
		if d["@type"] == "JobPosting" {
			posting = d
		}
	})
	value := posting["baseSalary"].(map[string]any)["value"].(map[string]any)
	got := []any{posting["title"], posting["employmentType"], posting["datePosted"], posting["validThrough"], value["minValue"], value["maxValue"]}
	if diff := cmp.Diff(got, []any{
		"Software engineer, service parts", "FULL_TIME", "2026-11-12T09:00:00-06:00", "2026-12-27T23:59:59-06:00", 118000.0, 146000.0,
	}); diff != "" {
		t.Error(diff)
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	newHouse(t).Pages.Each(func(name string, tmpl *template.Template, data any) {
		if !strings.HasPrefix(name, "career/") && !strings.HasPrefix(name, "publish/") {
			return
		}
		if err := templatecheck.CheckHTML(tmpl, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	docs, err := h.room.Documents(t.Context())
	if err != nil || len(docs) != 8 {
		t.Fatalf("%d documents, %v; want the 8 open ones", len(docs), err)
	}
	ids, err := h.room.Subjects(t.Context())
	if err != nil || len(ids) != 9 || ids[8] != uuid.Nil {
		t.Errorf("subjects %v, %v; want the 8 open ones, and none", ids, err)
	}
	for _, d := range docs {
		if d.Kind != "opening" || d.Title == "" || d.Path == over {
			t.Errorf("document %+v", d)
		}
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range []string{withVisa + "/apply", withoutVisa + "/apply", "/careers/apply"} {
		w := h.send(path, activitytest.Hidden(h.Get(path).Body.String()), upload{})
		want(t, w, 422, "Error: ", `href="#f-name"`, `href="#f-email"`, `href="#f-country"`, `href="#f-resume"`)
		if strings.Contains(w.Body.String(), `href="#f-visa-0"`) != (path == withVisa+"/apply") {
			t.Errorf("%s: the question about visas is asked of the wrong ones", path)
		}
	}
	var id uuid.UUID
	if err := h.Pool.QueryRow(t.Context(), `SELECT id FROM opening WHERE visa LIMIT 1`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []uuid.UUID{id, uuid.Nil} {
		f, err := h.room.Activity().Form(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		var offered []string
		for _, field := range f.Fields {
			if field.Why == "" {
				t.Errorf("field %s of %q says no why", field.Name, f.Title)
			}
			if field.Purpose != "" {
				offered = append(offered, field.Purpose)
			}
		}
		if diff := cmp.Diff(offered, []string{"survey"}); diff != "" {
			t.Errorf("consents offered: %s", diff)
		}
	}
}

// The journey of a candidate with a mistake first: the file is kept while it is mended.
func TestMistakeThenSent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := withVisa + "/apply"
	v := h.filled(path)
	v.Set("email", "ada@")
	v.Set("keep", "24")
	body := pdf("Ada Lovelace, engineer")
	w := h.send(path, v, upload{`C:\Users\ada\cv.pdf`, body})
	size := file.Size(int64(len(body)))
	want(t, w, 422, "Error: ", `href="#f-email"`, "cv.pdf, "+size+": kept", "Remove it", "I would like to mend your catalogue.", `value="24" checked`)
	none(t, w, `href="#f-resume"`)

	v.Set("email", "ada@example.com")
	v.Set("resume_kept", activitytest.Hidden(w.Body.String()).Get("resume_kept"))
	first := h.send(path, v, upload{})
	rec := h.accepted(first)
	if rec.Status != "new" || rec.Subject != "Software engineer, service parts" || rec.Kind != career.Kind {
		t.Errorf("record %+v", rec)
	}
	if diff := cmp.Diff(h.filesOf(rec.ID), []string{"cv.pdf, " + size}); diff != "" {
		t.Errorf("files: %s", diff)
	}
	infos, err := h.Files.Of(t.Context(), rec.ID)
	if err != nil || len(infos) != 1 || infos[0].Scan != file.Unscanned || !strings.HasPrefix(infos[0].Warning(), "Not scanned") {
		t.Errorf("without a scanner: %+v, %v", infos, err)
	}
	got, err := h.Files.Open(t.Context(), infos[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := got.Close(); err != nil {
			t.Error(err)
		}
	}()
	if back, err := io.ReadAll(got); err != nil || !bytes.Equal(back, body) {
		t.Errorf("read back %d bytes of %d, %v", len(back), len(body), err)
	}
	want(t, h.Get(first.Header().Get("Location")), 200, rec.Reference, "A recruiter reads it", withVisa, "7 December 2026")

	again := h.send(path, v, upload{}) // pressed twice, or reloaded
	if diff := cmp.Diff(again.Header().Get("Location"), first.Header().Get("Location")); diff != "" || h.count() != 1 {
		t.Errorf("sent twice: %d rows, %s", h.count(), diff)
	}
	again = h.send(path, without(v, "resume_kept"), upload{"cv.pdf", body}) // the same file chosen anew
	if h.accepted(again).ID != rec.ID || h.count() != 1 {
		t.Errorf("the same with the file chosen anew: %d rows", h.count())
	}
	if mails := h.Mails(t); len(mails) != 2 {
		t.Errorf("%d mails, want one to the candidate and one to the inbox", len(mails))
	}
}

func without(v url.Values, name string) url.Values {
	c := url.Values{}
	for k, list := range v {
		if k != name {
			c[k] = list
		}
	}
	return c
}

func TestKeptFileRemovedAndReplaced(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := withoutVisa + "/apply"
	v := h.filled(path)
	v.Del("name")
	w := h.send(path, v, upload{"old.pdf", pdf("old")})
	want(t, w, 422, "old.pdf, ")
	token := activitytest.Hidden(w.Body.String()).Get("resume_kept")

	v.Set("name", "Ada Lovelace")
	v.Set("resume_kept", token)
	v.Set("resume_remove", "yes")
	w = h.send(path, v, upload{})
	want(t, w, 422, `href="#f-resume"`)
	none(t, w, "old.pdf")

	v.Del("resume_remove")
	w = h.send(path, v, upload{}) // its token leads nowhere now
	want(t, w, 422, "no longer there")

	v.Del("name")
	v.Del("resume_kept")
	w = h.send(path, v, upload{"old.pdf", pdf("old")})
	v.Set("resume_kept", activitytest.Hidden(w.Body.String()).Get("resume_kept"))
	v.Set("name", "Ada Lovelace")
	rec := h.accepted(h.send(path, v, upload{"new.txt", []byte("Ada Lovelace\nEngineer\n")}))
	if diff := cmp.Diff(h.filesOf(rec.ID), []string{"new.txt, 22 bytes"}); diff != "" {
		t.Errorf("files: %s", diff)
	}
}

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := withoutVisa + "/apply"
	for name, test := range map[string]struct {
		file   upload
		status int
		words  string
	}{
		"lying":    {upload{"cv.pdf", []byte("\x89PNG\r\n\x1a\n" + strings.Repeat("x", 100))}, 422, "cv.pdf"},
		"zip bomb": {upload{"cv.docx", bomb(t)}, 422, "unpacks to far more than its own size"},
		"empty":    {upload{"cv.pdf", nil}, 422, "cv.pdf is empty"},
		"old Word": {upload{"cv.doc", []byte("x")}, 422, "old Word format"},
		"program":  {upload{"cv.exe", []byte("MZ")}, 422, "do not take here"},
		"too big":  {upload{"cv.txt", bytes.Repeat([]byte("word "), 11<<20/5)}, 413, "the limit is 10 MB"},
	} {
		t.Run(name, func(t *testing.T) {
			w := h.send(path, h.filled(path), test.file)
			want(t, w, test.status, test.words, "Ada Lovelace", `href="#f-resume"`)
			none(t, w, ": kept")
		})
	}
	if n := h.count(); n != 0 {
		t.Errorf("%d submissions came of refused files", n)
	}
}

// Who was writing when an opening closed loses nothing.
func TestClosedWhileWriting(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := "/careers/integration-engineer-supply-chain/apply" // closes in 8 days
	h.Advance(8*24*time.Hour + 13*time.Hour)                   // 22:00 in Chicago on the last day
	v := h.filled(path)
	h.Advance(4 * time.Hour)
	if w := h.Get(path); w.Code != 303 {
		t.Errorf("the form is still shown after the last day: %d", w.Code)
	}
	rec := h.accepted(h.send(path, v, upload{"cv.pdf", pdf("in time")}))
	if !rec.SubjectID.Valid {
		t.Error("sent the night it closed, and not taken for the opening")
	}

	h.Advance(30 * time.Hour)
	if same := h.accepted(h.send(path, v, upload{"cv.pdf", pdf("in time")})); same.ID != rec.ID {
		t.Error("the same sending was stored again, since its opening is closed")
	}
	v.Set("email", "bob@example.com")
	w := h.send(path, v, upload{"cv.pdf", pdf("too late")})
	want(t, w, 422, "closed while you were writing", "I would like to mend your catalogue.", "cv.pdf, ", "Send a résumé without an opening")
	for name, list := range activitytest.Hidden(w.Body.String()) {
		v[name] = list
	}
	rec = h.accepted(h.send(path, v, upload{}))
	if rec.SubjectID.Valid || rec.Email != "bob@example.com" || len(h.filesOf(rec.ID)) != 1 {
		t.Errorf("sent without the opening: %+v", rec)
	}
}

// What is not public yet tells nothing, not even by its form.
func TestUnpublishedOpeningStaysHidden(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const path = "/careers/integration-engineer-supply-chain/apply"
	v := h.filled(path)
	for _, state := range []string{
		`state = 'published', publish_at = '2027-01-01'`, `state = 'draft', publish_at = NULL`, `state = 'withdrawn', publish_at = NULL`,
	} {
		if _, err := h.Pool.Exec(t.Context(), `UPDATE opening SET `+state); err != nil {
			t.Fatal(err)
		}
		want(t, h.send(path, v, upload{"cv.pdf", pdf("early")}), 404)
		h.Pages.Invalidate()
		want(t, h.Get(path), 404)
	}
}

// A declined résumé goes after a year, or after two where its sender chose so.
func TestRetention(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.room.Activity()
	status, _ := a.Status("declined")
	for keep, months := range map[string]int{"": 12, "12": 12, "24": 24, "no": 12} {
		v := h.filled("/careers/apply")
		v.Set("email", "ada"+keep+"@example.com")
		if keep != "" {
			v.Set("keep", keep)
		}
		rec := h.accepted(h.send("/careers/apply", v, upload{"cv.pdf", pdf("x")}))
		err := h.Store.Move(t.Context(), rec.ID, submission.Change{
			From: []string{"new"}, To: "declined", Decides: true, By: submission.Actor{Role: "recruiter"}, Moved: a.Moved,
			PurgeAfter: h.Now().AddDate(0, status.Months, 0),
		})
		if err != nil {
			t.Fatal(err)
		}
		rec, err = h.Store.Get(t.Context(), rec.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := rec.PurgeAfter.Format(time.DateOnly), h.Now().AddDate(0, months, 0).Format(time.DateOnly); got != want {
			t.Errorf("keep %q: deleted after %s, want %s", keep, got, want)
		}
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.room.Activity()
	var values []string
	for _, s := range a.Statuses {
		values = append(values, s.Value)
		for _, m := range s.Moves {
			if _, ok := a.Status(m.To); !ok {
				t.Errorf("%s leads to an unknown status %q", s.Value, m.To)
			}
			if m.To == "declined" && (!m.Letter || len(m.Reasons) == 0) {
				t.Errorf("from %s declined without a letter or reasons", s.Value)
			}
		}
	}
	if diff := cmp.Diff(values, []string{"new", "screening", "interview", "offer", "hired", "declined", "withdrawn"}); diff != "" {
		t.Error(diff)
	}
	want := map[account.Role]bool{account.Recruiter: true, account.Privacy: true}
	for _, role := range account.Roles() {
		if got := account.Can([]account.Role{role}, account.See, career.Kind); got != want[role] {
			t.Errorf("%s sees résumés: %v", role, got)
		}
	}
}

func TestPanel(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for path, words := range map[string]string{
		withoutVisa + "/apply": "Technical writer</a>", "/careers/apply": "Sent without an opening.",
	} {
		rec := h.accepted(h.send(path, h.filled(path), upload{"cv.pdf", pdf("x")}))
		html, err := h.room.Activity().Panel(t.Context(), rec)
		if err != nil || !strings.Contains(string(html), words) {
			t.Errorf("panel: %v\n%s", err, html)
		}
	}
}

var versionField = regexp.MustCompile(`name="version" value="(\d+)"`)

// A recruiter makes an opening, looks at it, publishes it, and takes it back.
func TestRecruiter(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ann := account.Account{ID: uuid.Must(uuid.NewV7()), Name: "Ann", Kind: account.Staff}
	if _, err := h.Pool.Exec(t.Context(), `
		INSERT INTO account (id, email, name, kind, created_at) VALUES ($1, 'ann@example.com', 'Ann', 'staff', $2)`, ann.ID, h.Now()); err != nil {
		t.Fatal(err)
	}
	router := chi.NewRouter()
	router.Route("/staff", h.room.Activity().Staff)
	as := func(method, path string, v url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(v.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		session := &account.Session{Account: ann, Kind: account.Staff, Roles: []account.Role{account.Recruiter}}
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r.WithContext(account.With(context.WithoutCancel(r.Context()), session)))
		return w
	}
	list := as("GET", "/staff/openings", nil)
	want(t, list, 200, "Technical writer", "Documentation, closes 23 December 2026, 0 applied")
	doc, err := goquery.NewDocumentFromReader(list.Body)
	if err != nil {
		t.Fatal(err)
	}
	for title, state := range map[string]string{"Technical writer": "Published", "Summer internship, engineering": "Closed"} {
		if got := doc.Find(`tr:contains("` + title + `") .tag`).Text(); got != state {
			t.Errorf("the list says of %s: %q, want %q", title, got, state)
		}
	}
	v := activitytest.Hidden(as("GET", "/staff/openings/new", nil).Body.String())
	want(t, as("POST", "/staff/openings/new", v), 422, `href="#f-title"`, `href="#f-team"`, `href="#f-place"`, `href="#f-salary"`, `href="#f-employment-0"`)
	for name, value := range map[string]string{
		"title": "Apply", "team": "Service parts", "place": "Chicago, Illinois", "employment": "PART_TIME", "hours": "20 hours a week",
		"salary": "$50,000 to $60,000 a year", "closes_on": "2027-01-31", "summary": "Plan parts.", "body": "## Work\n\nPlan <script>parts</script>.",
	} {
		v.Set(name, value)
	}
	want(t, as("POST", "/staff/openings/new", v), 422, "taken by the form without an opening")
	v.Set("title", "Parts planner")
	made := as("POST", "/staff/openings/new", v)
	if made.Code != 303 {
		t.Fatalf("create: %d\n%s", made.Code, made.Body)
	}
	path, _, _ := strings.Cut(made.Header().Get("Location"), "?")
	preview := as("GET", path+"/preview", nil)
	want(t, preview, 200, "Only staff see this page", "Plan parts.", "20 hours a week")
	none(t, preview, "<script>parts")
	want(t, h.Get("/careers/parts-planner"), 404)
	want(t, h.Get("/careers/parts-planner/apply"), 404)
	version := func() url.Values {
		return url.Values{"version": {versionField.FindStringSubmatch(as("GET", path, nil).Body.String())[1]}}
	}
	want(t, as("POST", path+"/publish", version()), 303)
	want(t, h.Get("/careers/parts-planner"), 200, "Plan parts.")
	sent := h.filled("/careers/parts-planner/apply")
	want(t, as("POST", path+"/withdraw", version()), 303)
	h.Pages.Invalidate()
	want(t, h.Get("/careers/parts-planner"), 404)
	want(t, h.send("/careers/parts-planner/apply", sent, upload{"cv.pdf", pdf("x")}), 422, "closed while you were writing", "Ada Lovelace", "cv.pdf, ")
	if err := h.room.Demo(t.Context(), web.FS); err != nil {
		t.Fatal(err)
	}
}

// What staff edited is not overwritten when the demo content is loaded again.
func TestDemoKeepsEdits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ann := uuid.Must(uuid.NewV7())
	for _, sql := range []string{
		`INSERT INTO account (id, email, name, kind, created_at) VALUES ($1, 'ann@example.com', 'Ann', 'staff', now())`,
		`UPDATE opening SET title = 'Edited', updated_by = $1 WHERE slug = 'technical-writer'`,
	} {
		if _, err := h.Pool.Exec(t.Context(), sql, ann); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.room.Demo(t.Context(), web.FS); err != nil {
		t.Fatal(err)
	}
	var title string
	if err := h.Pool.QueryRow(t.Context(), `SELECT title FROM opening WHERE slug = 'technical-writer'`).Scan(&title); err != nil || title != "Edited" {
		t.Errorf("title %q, %v", title, err)
	}
}
