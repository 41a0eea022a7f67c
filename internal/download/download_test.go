package download_test

import (
	"archive/zip"
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/download"
	"clickcommerce.com/site/internal/mail/mailtest"
	"clickcommerce.com/site/internal/publish"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/web"
)

var _ = flag.Bool("update", false, "write the golden files")

// bench is a desk with the example downloads.
type bench struct {
	*activitytest.Bench
	t    *testing.T
	room *download.Room
	over bool // nobody's access lasts
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t}
	b.Bench = activitytest.New(t, download.Templates(), func(d *activitytest.Bench) activity.Activities {
		b.room = download.New(download.Config{Desk: d.Desk, Content: d.Content, Publish: publish.New(d.Desk), Entitled: b.entitled})
		return activity.Activities{b.room.Activity()}
	})
	if err := b.room.Demo(t.Context(), web.FS); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) entitled(_ context.Context, _ uuid.UUID, family string) (bool, error) {
	return !b.over && family == "partner-channels", nil
}

const (
	paper   = "/downloads/dealer-portal-checklist"
	request = paper + "/request"
)

func (b *bench) filled(path, email string) url.Values {
	b.t.Helper()
	w := b.Get(path)
	if w.Code != http.StatusOK {
		b.t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	values := activitytest.Hidden(w.Body.String())
	f, err := b.room.Activity().Form(b.t.Context(), uuid.Nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for name, list := range activitytest.Examples(f) {
		values[name] = list
	}
	values.Set("email", email)
	return values
}

func (b *bench) send(values url.Values) (string, submission.Record) {
	b.t.Helper()
	w := b.Post(request, values)
	address := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther {
		b.t.Fatalf("POST %s: %d\n%s", request, w.Code, w.Body)
	}
	return address, b.record(address)
}

func (b *bench) record(address string) submission.Record {
	b.t.Helper()
	id, err := b.Store.ByToken(strings.TrimPrefix(address, "/r/"))
	if err != nil {
		b.t.Fatal(err)
	}
	rec, err := b.Store.Get(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return rec
}

var (
	linked  = regexp.MustCompile(`http://example\.test(/downloads/get/[\w-]+)`)
	confirm = regexp.MustCompile(`http://example\.test(/confirm/[\w-]+)`)
)

// mails returns the mails since the last call, without the folding of quoted-printable.
func (b *bench) mails() []string {
	var list []string
	for _, mail := range b.Mails(b.t) {
		list = append(list, strings.ReplaceAll(mail, "=\r\n", ""))
	}
	return list
}

// link returns the link of the newest mail.
func (b *bench) link() string {
	b.t.Helper()
	for _, mail := range b.mails() {
		if m := linked.FindStringSubmatch(mail); m != nil {
			return m[1]
		}
	}
	b.t.Fatal("no mail carries a link")
	return ""
}

// ask sends the form and returns receipt and link.
func (b *bench) ask() (receipt, link string) {
	b.t.Helper()
	receipt, _ = b.send(b.filled(request, "ada@example.com"))
	return receipt, b.link()
}

// press presses the button behind a link, and returns the file's address or the status that stands against it.
func (b *bench) press(link string) (string, int) {
	w := b.Post(link, nil)
	return w.Header().Get("Location"), w.Code
}

func (b *bench) count(sql string, args ...any) int {
	b.t.Helper()
	var n int
	if err := b.Pool.QueryRow(b.t.Context(), sql, args...).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

func document(t *testing.T, w *httptest.ResponseRecorder) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestLibrary(t *testing.T) {
	b := newBench(t)
	if err := b.room.Demo(t.Context(), web.FS); err != nil { // loaded twice is loaded once
		t.Fatal(err)
	}
	if n := b.count(`SELECT count(*) FROM download_version`); n != 9 {
		t.Errorf("%d versions", n)
	}
	for path, want := range map[string]int{
		"/downloads": 8, "/downloads?kind=pdf": 5, "/downloads?kind=zip": 3, "/downloads?family=service-parts": 2,
		"/downloads?kind=zip&family=supply-chain": 1, "/downloads?kind=exe": 0,
	} {
		if n := document(t, b.Get(path)).Find("table tbody tr").Length(); n != want {
			t.Errorf("%s: %d papers, want %d", path, n, want)
		}
	}
	page := b.Get(paper).Body.String()
	for _, want := range []string{"2.3", "Click Commerce Reading Licence, version 1.1", "You may read, print and store", "SHA-256"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, path := range []string{"/downloads/none", "/downloads/price-import-templates", "/downloads/price-import-templates/request"} {
		if w := b.Get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	docs, err := b.room.Documents(t.Context())
	if err != nil || len(docs) != 8 {
		t.Errorf("%d documents, %v", len(docs), err)
	}
}

func TestEmptyForm(t *testing.T) {
	b := newBench(t)
	w := b.Post(request, activitytest.Hidden(b.Get(request).Body.String()))
	doc := document(t, w)
	var links []string
	doc.Find(".errors a").Each(func(_ int, a *goquery.Selection) { links = append(links, a.AttrOr("href", "")) })
	if diff := cmp.Diff(links, []string{"#f-name", "#f-email", "#f-licence-0"}); diff != "" || w.Code != http.StatusUnprocessableEntity {
		t.Errorf("%d: %s", w.Code, diff)
	}
}

func TestPortal(t *testing.T) {
	b := newBench(t)
	_, rec := b.send(b.filled(request, "ada@example.com"))
	titles := func(families ...string) []string {
		offers, err := b.room.ForConnect(t.Context(), rec.PersonID.UUID, families...)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, o := range offers {
			list = append(list, o.Title)
		}
		return list
	}
	if diff := cmp.Diff(titles("contracts"), []string{"Before you open a dealer portal"}); diff != "" {
		t.Errorf("entitled to another product: %s", diff)
	}
	if diff := cmp.Diff(titles("partner-channels"), []string{"Before you open a dealer portal", "Templates for importing prices"}); diff != "" {
		t.Errorf("entitled: %s", diff)
	}
	offers, err := b.room.ForConnect(t.Context(), rec.PersonID.UUID, "partner-channels")
	if err != nil {
		t.Fatal(err)
	}
	closed := offers[1].Path
	if page := b.Get(closed).Body.String(); !strings.Contains(page, "Accept the licence and download") {
		t.Error("the page does not ask to accept the licence")
	}
	address, code := b.press(closed)
	if code != http.StatusSeeOther {
		t.Fatalf("portal: %d", code)
	}
	file := b.Get(address).Body.Bytes()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil || len(z.File) != 4 {
		t.Errorf("archive: %v", err)
	}
	if n := b.count(`SELECT count(*) FROM download_use WHERE person_id = $1 AND licence_version = '1.0'`, rec.PersonID.UUID); n != 1 {
		t.Errorf("%d uses by the person", n)
	}
	if _, code := b.press(offers[0].Path); code != http.StatusSeeOther {
		t.Errorf("the file that was asked for: %d", code)
	}
	b.Advance(61 * time.Minute)
	if _, code := b.press(closed); code != http.StatusGone {
		t.Errorf("after an hour: %d", code)
	}
	var out strings.Builder
	holder := b.room.Activity().Holder
	if err := holder.Export(t.Context(), rec.PersonID.UUID, &out); err != nil || strings.Count(out.String(), `"title"`) != 2 {
		t.Errorf("export: %s %v", out.String(), err)
	}
	erase := func(until time.Time) int {
		t.Helper()
		if err := pgx.BeginFunc(t.Context(), b.Pool, func(tx pgx.Tx) error {
			return holder.Erase(t.Context(), tx, rec.PersonID.UUID, until)
		}); err != nil {
			t.Fatal(err)
		}
		return b.count(`SELECT count(*) FROM download_use`)
	}
	if n := erase(rec.CreatedAt.Add(-time.Second)); n != 2 {
		t.Errorf("%d uses are left of what came later", n)
	}
	if n := erase(b.Now()); n != 0 {
		t.Errorf("%d uses after erasure", n)
	}
}

// Every example file is what it says: read by other programs than ours.
func TestExampleFiles(t *testing.T) {
	b := newBench(t)
	rows, err := b.Pool.Query(t.Context(), `SELECT d.slug, v.type, v.file_id FROM download d JOIN download_version v ON v.download_id = d.id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	type one struct {
		slug, kind string
		id         uuid.UUID
	}
	var all []one
	for rows.Next() {
		var o one
		if err := rows.Scan(&o.slug, &o.kind, &o.id); err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	for _, o := range all {
		f, err := b.Files.Open(context.Background(), o.id)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(f)
		_ = f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if o.kind == "zip" {
			z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
			if err != nil || len(z.File) < 4 || !strings.HasPrefix(z.File[0].Name, o.slug) {
				t.Errorf("%s: %v", o.slug, err)
			}
			continue
		}
		cmd := exec.Command("pdftotext", "-", "-")
		cmd.Stdin = bytes.NewReader(raw)
		out, err := cmd.Output()
		if err != nil || len(out) < 2000 || !strings.Contains(string(out), "Contents") || strings.Contains(string(out), "?s ") {
			t.Errorf("%s: %d characters of text, %v", o.slug, len(out), err)
		}
	}
}

func TestMail(t *testing.T) {
	t.Parallel()
	link := download.LinkMail{
		Name: "Ada Byron", Title: "Counting dead stock", Reference: "CC-7K2M9-4QXAB", Until: "3 December 2026",
		LinkURL: "/downloads/get/token", ReceiptURL: "/r/token",
	}
	confirm := link
	confirm.Name, confirm.ConfirmURL = "", "/confirm/token"
	mailtest.Golden(t, mailtest.New(t, mailtest.Config(t, nil, "", download.Templates()...)),
		mailtest.Example{Name: "download-link", Template: "download-link", Data: link},
		mailtest.Example{Name: "download-link-confirm", Template: "download-link", Data: confirm},
	)
}
