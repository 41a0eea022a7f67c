// Package activitytest gives tests a desk on real parts: a database of their own, the site's own templates and
// statement, mail written to a folder, and a clock that stands still until it is moved.
package activitytest

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-chi/chi/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/key/keytest"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/submission"
	"clickcommerce.com/site/web"
)

// Start is when the clock of a Bench stands at first: a Monday after the statement came into force.
func Start() time.Time { return time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC) }

// Bench is a desk with all it needs.
type Bench struct {
	Pool    *pgxpool.Pool
	Ring    *key.Ring
	Pages   *page.Set
	Content *content.Content
	Mail    *mail.Queue
	Files   *file.Store
	Store   *submission.Store
	Desk    *activity.Desk
	Router  chi.Router
	MailDir string
	clock   atomic.Int64
	tick    atomic.Int64
	t       testing.TB
}

// New returns a bench whose router serves the receipts and the activities that build returns. The rooms' own mail
// templates must be named, since the desk is made with them; changes may adjust its configuration.
func New(
	t testing.TB, templates []mail.Template, build func(*Bench) activity.Activities, changes ...func(*activity.Config),
) *Bench {
	t.Helper()
	b := &Bench{Pool: pgtest.New(t), Ring: keytest.New(t), MailDir: t.TempDir(), Router: chi.NewRouter(), t: t}
	b.clock.Store(Start().UnixNano())
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelError}))
	site := must(page.LoadSite(web.FS))(t)
	b.Pages = must(page.New(page.Config{Web: web.FS, PublicURL: "http://example.test", Site: site, Log: log, Now: b.Now}))(t)
	b.Content = must(content.Load(web.FS))(t)
	Publish(t, b.Pool)
	statements := must(consent.NewStatements(ctx, b.Pool, b.Now))(t)
	b.Mail = must(mail.New(mail.Config{
		Pool: b.Pool, Keys: b.Ring, Files: sub(t, "mail"), Templates: append(mail.Core(), templates...), Dir: b.MailDir, Now: b.Now, Log: log,
		Identity: mail.Identity{
			Name: site.Name, LegalName: site.LegalName, Address: site.Address, PublicURL: "http://example.test",
			PrivacyEmail: site.PrivacyEmail, From: netmail.Address{Name: site.Sender.Name, Address: site.Sender.Address},
		},
	}))(t)
	blobs := must(file.OpenBlobs("", t.TempDir()))(t)
	b.Files = file.New(file.Config{Pool: b.Pool, Blobs: blobs, Keys: b.Ring, Now: b.Now, Log: log})
	people := person.New(b.Pool, b.Ring, b.Now)
	b.Store = submission.NewStore(submission.Config{
		Pool: b.Pool, Ring: b.Ring, People: people, Mail: b.Mail, Files: b.Files, Now: b.Now, Log: log,
	})
	t.Cleanup(b.Store.Close)
	config := activity.Config{
		Pages: b.Pages, Pool: b.Pool, Ring: b.Ring, Store: b.Store, People: people,
		Ledger: consent.NewLedger(b.Pool, b.Ring, b.Now), Statements: statements, Mail: b.Mail, Files: b.Files, Now: b.Now, Log: log,
	}
	for _, change := range changes {
		change(&config)
	}
	b.Desk = activity.NewDesk(config)
	b.Desk.Open(build(b))
	b.Desk.Public(b.Router)
	for _, a := range b.Desk.Activities() {
		if a.Public != nil {
			a.Public(b.Router)
		}
	}
	return b
}

// Publish publishes the statements of web/privacy.
func Publish(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	for _, id := range must(consent.Drafts(web.FS))(t) {
		draft := must(consent.ReadDraft(web.FS, id))(t)
		if err := consent.Publish(context.Background(), pool, draft, Start()); err != nil {
			t.Fatal(err)
		}
	}
}

// Now is the bench's clock.
func (b *Bench) Now() time.Time { return time.Unix(0, b.clock.Add(b.tick.Load())).UTC() }

// Tick lets the clock move on by a microsecond whenever it is looked at, as real ones do.
func (b *Bench) Tick() { b.tick.Store(int64(time.Microsecond)) }

// Advance moves the clock.
func (b *Bench) Advance(d time.Duration) { b.clock.Add(int64(d)) }

// Get asks for an address.
func (b *Bench) Get(path string) *httptest.ResponseRecorder {
	return b.do(httptest.NewRequest(http.MethodGet, path, nil))
}

// Post sends a form as browsers do.
func (b *Bench) Post(path string, values url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// Do serves any request.
func (b *Bench) Do(r *http.Request) *httptest.ResponseRecorder { return b.do(r) }

func (b *Bench) do(r *http.Request) *httptest.ResponseRecorder {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.Router.ServeHTTP(w, r)
	b.CheckTitle(r, w)
	return w
}

var (
	title   = regexp.MustCompile(`<title>([^<]*)</title>`)
	heading = regexp.MustCompile(`<h1[^>]*>([^<]*)`)
)

// CheckTitle holds an answer to the one rule for all: the title of a page begins with "Error:" where what was sent is refused, and
// nowhere else; a heading never does.
func (b *Bench) CheckTitle(r *http.Request, w *httptest.ResponseRecorder) {
	b.t.Helper()
	m := title.FindStringSubmatch(w.Body.String())
	if m == nil {
		return // no page
	}
	refused := w.Code >= http.StatusBadRequest && w.Code != http.StatusUnauthorized && r.Method == http.MethodPost ||
		w.Code == http.StatusUnprocessableEntity
	if strings.HasPrefix(m[1], "Error: ") != refused || strings.Count(m[1], "Error:") > 1 {
		b.t.Errorf("%s %s: %d under the title %q", r.Method, r.URL.Path, w.Code, m[1])
	}
	if h := heading.FindStringSubmatch(w.Body.String()); len(h) > 1 && strings.Contains(h[1], "Error:") {
		b.t.Errorf("%s %s: %d under the heading %q", r.Method, r.URL.Path, w.Code, h[1])
	}
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// Hidden returns the hidden fields of a page.
func Hidden(page string) url.Values {
	values := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		values.Add(m[1], m[2])
	}
	return values
}

// Examples returns values that a form accepts: each field's example.
func Examples(f form.Form) url.Values {
	values := url.Values{}
	for _, field := range f.Fields {
		if field.Example != "" && field.Kind != form.File {
			values.Set(field.Name, field.Example)
		}
	}
	return values
}

// Blamed checks that a page says what is wrong with one field as every form does: in the summary, which has the focus and
// leads to the field, and at the field, which is described by it. It returns the field.
func Blamed(t testing.TB, page *goquery.Document, id string) *goquery.Selection {
	t.Helper()
	field, link := page.Find("#"+id), page.Find(`.errors[role="alert"][tabindex="-1"][autofocus] a`)
	if link.Length() != 1 || link.AttrOr("href", "") != "#"+id || page.Find("[autofocus]").Length() != 1 {
		t.Errorf("%s: %d links in the summary, to %q; %d things have the focus",
			id, link.Length(), link.AttrOr("href", ""), page.Find("[autofocus]").Length())
	}
	said := page.Find("#" + id + "-error")
	if !strings.HasSuffix(said.Text(), "Error: "+link.Text()) || said.Closest(".field").Find("#"+id).Length() != 1 {
		t.Errorf("%s: the summary says %q, the field %q", id, link.Text(), said.Text())
	}
	if ids := strings.Fields(field.AttrOr("aria-describedby", "")); field.AttrOr("aria-invalid", "") != "true" || !slices.Contains(ids, id+"-error") {
		t.Errorf("%s: invalid %q, described by %v", id, field.AttrOr("aria-invalid", ""), ids)
	}
	return field
}

// Mails drains the queue and returns the mails that were written since the last call, by template-independent text.
func (b *Bench) Mails(t testing.TB) []string {
	t.Helper()
	if err := b.Mail.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	var mails []string
	names := must(filepath.Glob(filepath.Join(b.MailDir, "*.eml")))(t)
	for _, name := range names {
		mails = append(mails, string(must(os.ReadFile(name))(t)))
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	return mails
}

// testLog writes what the program logs into the test's own output.
type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func sub(t testing.TB, dir string) fs.FS {
	t.Helper()
	return must(fs.Sub(web.FS, dir))(t)
}
