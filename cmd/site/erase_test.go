package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/privacy"
	"clickcommerce.com/site/internal/submission"
)

// TestEraseEverything makes a person with everything everywhere, erases them, and looks for any trace in a full dump of
// the database, in the folder of files and in the folder of mail. Every table that can say something of a person must have
// said something of this one; what is still there of them is what they are told.
func TestEraseEverything(t *testing.T) {
	now := time.Now()
	tomorrow := now.In(clock.Zone()).AddDate(0, 0, 1).Format(time.DateOnly)
	a := newAppAt(t, withFiles(t, map[string]string{
		"privacy/" + tomorrow + ".md": next(t, tomorrow, "    data: [name, email address, ", "    data: [time of day, name, email address, "),
	}), func() time.Time { return now })
	loadDemo(t, a)
	server := serveApp(t, a)
	who := everything(t, a, server, tomorrow)
	takenAlong(t, a, server, who)
	others := known(t, a)

	before := search(t, a)
	before.mustBeFound(t)
	held := tablesAbout(t, a, who)
	held.mustBeWhole(t)
	files := blobs(t, a)
	report, err := a.eraser.Erase(t.Context(), who)
	if err != nil || !report.Done {
		t.Fatalf("erase: %+v, %v", report, err)
	}
	if err := a.eraser.EnterRefusals(t.Context()); err != nil { // as a worker does every few seconds
		t.Fatal(err)
	}
	now = now.Add(25 * time.Hour) // an upload that no form followed leads to nobody, and goes after a day
	if _, err := a.retainer.RunRooms(t.Context()); err != nil {
		t.Fatal(err)
	}
	now = now.Add(-25 * time.Hour)
	after := search(t, a)
	after.mustBeClean(t)
	left := held.left(t, a)
	left.mustBeTold(t, report.Kept)
	t.Logf("before: the person in %d rows of %d tables of %d; %s", held.rows(), len(held.found), len(held.all), before)
	t.Logf("after: %d empty rows of %d tables, each told in one of %d sentences; %s", left.rows(), len(left.found), len(report.Kept), after)

	if left := blobs(t, a); left >= files {
		t.Errorf("%d blobs of %d are left", left, files)
	}
	if left := known(t, a); left != others-1 {
		t.Errorf("%d people are left of %d", left, others)
	}
	again, err := a.eraser.Erase(t.Context(), who)
	if err != nil || !again.Done || again.ID != report.ID {
		t.Errorf("erase again: %+v, %v", again, err)
	}
	if _, err := a.people.Find(t.Context(), markedAddress); !errors.Is(err, person.ErrNotFound) {
		t.Errorf("find: %v", err)
	}
	refused(t, a)
	for _, check := range a.privacy.Checks() {
		if err := check.Run(t.Context()); err != nil {
			t.Errorf("after the erasure: %s: %v", check.Name, err)
		}
	}
	resp := sendMarked(t, server, contactForm(t, server))
	if resp.StatusCode != http.StatusSeeOther {
		t.Errorf("a new request after the erasure: %d", resp.StatusCode)
	}
}

// takenAlong holds that what such a person takes with them has every marked word that the database has of them, their
// files, and nobody else's address.
func takenAlong(t *testing.T, a *app, server *httptest.Server, who uuid.UUID) {
	t.Helper()
	ctx := t.Context()
	records, err := a.store.OfPerson(ctx, who)
	if err != nil {
		t.Fatal(err)
	}
	var request submission.Record
	reference := ""
	for _, r := range records {
		switch {
		case r.Kind == privacy.Kind && r.Quarantined == nil:
			request = r
		case r.Kind != privacy.Kind:
			reference = r.Reference
		}
	}
	page := server.URL + "/privacy/requests/" + a.store.Token(request.ID)
	post := func(values url.Values) []byte {
		resp, err := http.PostForm(page, values)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v: %d, %v: %.600s", values, resp.StatusCode, err, body)
		}
		return body
	}
	body := post(url.Values{"act": {"export"}, "grant": {a.desk.Grant(request, time.Hour)}, "reference": {reference}})
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatalf("%v: %.900s", err, body)
	}
	in, files := map[string]string{}, 0
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if in[f.Name] = string(raw); strings.HasPrefix(f.Name, "files/") && len(raw) > 0 {
			files++
		}
	}
	if files == 0 {
		t.Error("no upload is in the file")
	}
	word := regexp.MustCompile(`(?i)zqooqz[\w.@]*\w`)
	for _, want := range word.FindAllString(dumpOf(t, a, who), -1) {
		for _, name := range []string{"data.json", "index.html"} {
			if !strings.Contains(strings.ToLower(in[name]), strings.ToLower(want)) {
				t.Errorf("%s lacks %s", name, want)
			}
		}
	}
	var others []string
	if err := a.pool.QueryRow(ctx, `
		SELECT array_agg(email) FROM (SELECT email FROM person WHERE id <> $1 AND email IS NOT NULL UNION SELECT email FROM account WHERE person_id IS DISTINCT FROM $1) o`,
		who).Scan(&others); err != nil || len(others) < 3 {
		t.Fatalf("%d others, %v", len(others), err)
	}
	for name, text := range in {
		for _, other := range others {
			if strings.Contains(text, other) {
				t.Errorf("%s names %s", name, other)
			}
		}
	}
}

// dumpOf is what the tables that hold a person's words have of them, as text.
func dumpOf(t *testing.T, a *app, who uuid.UUID) (all string) {
	t.Helper()
	err := pgtest.Admin(t, a.pool).QueryRow(t.Context(), `
		WITH mine AS (SELECT id FROM submission WHERE person_id = $1)
		SELECT concat_ws(' ',
			(SELECT string_agg(concat_ws(' ', name, organisation, source), ' ') FROM submission WHERE person_id = $1),
			(SELECT string_agg(values::text, ' ') FROM answers WHERE submission_id IN (SELECT id FROM mine)),
			(SELECT string_agg(body, ' ') FROM note WHERE submission_id IN (SELECT id FROM mine)),
			(SELECT string_agg(body, ' ') FROM reply WHERE submission_id IN (SELECT id FROM mine)),
			(SELECT string_agg(evidence, ' ') FROM misuse WHERE person_id = $1),
			(SELECT string_agg(data::text, ' ') FROM message WHERE person_id = $1),
			(SELECT string_agg(concat_ws(' ', c.email, a.email, a.name), ' ') FROM account a LEFT JOIN new_address c ON c.person_id = a.person_id WHERE a.person_id = $1),
			(SELECT string_agg(value, ' ') FROM contact_point WHERE person_id = $1),
			(SELECT email FROM person WHERE id = $1))`, who).Scan(&all)
	if err != nil || len(all) < 1000 {
		t.Fatalf("%d characters of the person, %v", len(all), err)
	}
	return all
}

// refused holds that what the person refused stays refused, by digest; asking to be erased leaves none.
func refused(t *testing.T, a *app) {
	t.Helper()
	var kept int
	if err := a.pool.QueryRow(t.Context(), `SELECT count(*) FROM suppression WHERE address_hmac = $1`,
		person.AddressDigest(a.ring, markedAddress)).Scan(&kept); err != nil || kept != 2 {
		t.Errorf("%d refusals are kept, %v", kept, err)
	}
}

// known counts the people whose address is known, if they have answers.
func known(t *testing.T, a *app) (n int) {
	t.Helper()
	if err := a.pool.QueryRow(t.Context(), `
		SELECT count(*) FROM person p WHERE email IS NOT NULL AND EXISTS (
			SELECT FROM submission s JOIN answers n ON n.submission_id = s.id WHERE s.person_id = p.id AND n.values <> '{}')`).
		Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func blobs(t *testing.T, a *app) int {
	t.Helper()
	n := 0
	for _, err := range a.blobs.List(t.Context(), "file/", time.Now().Add(time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// sendMarked fills in a form with marked words, wherever it takes words, and sends it page by page.
func sendMarked(t *testing.T, server *httptest.Server, f *shownForm) *http.Response {
	t.Helper()
	return sendMarkedFrom(t, server, f, markedAddress)
}

func sendMarkedFrom(t *testing.T, server *httptest.Server, f *shownForm, address string) *http.Response {
	t.Helper()
	values, plain := marked(f, address), f.values
	for range 24 {
		resp := f.send(t, server, values)
		if resp.StatusCode == http.StatusSeeOther {
			resp.Body.Close()
			return resp
		}
		doc := parsed(t, resp)
		next := readForm(f.address, doc)
		switch {
		case resp.StatusCode == http.StatusUnprocessableEntity && next != nil: // a field that takes no such words
			doc.Find(".errors a").Each(func(_ int, s *goquery.Selection) {
				name := doc.Find(s.AttrOr("href", "#none")).AttrOr("name", "")
				values[name] = plain[name]
			})
			maps.Copy(values, next.hidden)
		case resp.StatusCode == http.StatusOK && next != nil:
			values, plain = marked(next, address), next.values
		default:
			return resp
		}
	}
	t.Errorf("%s does not take marked words", f.address)
	return &http.Response{StatusCode: http.StatusUnprocessableEntity}
}

func marked(f *shownForm, address string) url.Values {
	values := maps.Clone(f.values)
	for name, list := range f.values {
		switch {
		case f.hidden.Has(name) || name == form.SealField:
		case name == "email":
			values.Set(name, address)
		case name == "phone":
			values.Set(name, markedPhone)
		case strings.Contains(list[0], " ") || name == "company":
			values[name] = []string{"Zqooqz" + name + " " + list[0]}
		}
	}
	return values
}

func contactForm(t *testing.T, server *httptest.Server) *shownForm {
	t.Helper()
	resp, err := http.Get(server.URL + "/contact")
	if err != nil {
		t.Fatal(err)
	}
	f := readForm("/contact", parsed(t, resp))
	if f == nil {
		t.Fatal("no form to contact us")
	}
	return f
}

// TestAfterRestore brings a database back from a dump that is older than an erasure and a refusal: it is not served before
// both were repeated on it; nor is it served on when it is restored beneath the server.
func TestAfterRestore(t *testing.T) {
	t.Parallel()
	in := newInstall(t)
	a := in.open(t, "FORM_LIMIT=off")
	server := serveApp(t, a)
	sendMarked(t, server, contactForm(t, server))
	p, err := a.people.Find(t.Context(), markedAddress)
	if err != nil {
		t.Fatal(err)
	}
	reader, b := uuid.New(), &pgx.Batch{}
	a.people.Add(b, reader, "reader@example.org", time.Now())
	if err := a.pool.SendBatch(t.Context(), b).Close(); err != nil {
		t.Fatal(err)
	}
	statement, err := a.statements.InForce()
	if err != nil {
		t.Fatal(err)
	}
	if err := pgx.BeginFunc(t.Context(), a.pool, func(tx pgx.Tx) error {
		return a.ledger.Record(t.Context(), tx, reader, consent.Event{
			Purpose: consent.Newsletter, Channel: consent.ByEmail, Granted: true, Wording: "Mail me.", Statement: statement.ID,
			Origin: consent.FromPreferences,
		})
	}); err != nil {
		t.Fatal(err)
	}
	before := dump(t, pgtest.AdminURL(t, in.pool))
	if report, err := a.eraser.Erase(t.Context(), p.ID); err != nil || !report.Done {
		t.Fatalf("%+v, %v", report, err)
	}
	if err := errors.Join(
		a.ledger.Withdraw(t.Context(), reader, consent.Newsletter, consent.ByEmail, consent.FromUnsubscribe, "No.", statement.ID),
		a.eraser.EnterRefusals(t.Context())); err != nil {
		t.Fatal(err)
	}

	restored := pgtest.Empty(t)
	restore(t, restored, before)
	environ := append(in.environ, "DATABASE_URL="+restored, "DATABASE_ADMIN_URL="+restored, "LISTEN=127.0.0.1:0", "ADMIN_LISTEN=127.0.0.1:0")
	if !trace.MatchString(dump(t, restored)) {
		t.Fatal("the dump does not hold the person")
	}
	call(t, environ, "", "serve").want(t, 1, "older than the journal of erasures", "site doctor --after-restore")
	call(t, environ, "", "doctor").want(t, 1, "FAIL  the database knows every erasure, refusal and seal of the journal")
	call(t, environ, "", "doctor", "--after-restore").want(t, 1, "1 erasures repeated, 1 refusals", "ok    the database knows every erasure, refusal and seal of the journal")
	if found := trace.FindString(dump(t, restored)); found != "" {
		t.Errorf("the restored database still holds %q", found)
	}
	if row := regexp.MustCompile(reader.String() + `.*newsletter.*email.*t.*preferences`); !row.MatchString(before) {
		t.Error("the dump does not hold what was agreed to")
	}
	if left := contactable(t, restored, reader); left != 0 {
		t.Error("the restored database would send what was refused since")
	}
	// Served now, the same backup is restored beneath it.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "serve")
	cmd.Env = append([]string{"SITE_AS_PROGRAM=1", "PATH=" + os.Getenv("PATH")}, environ...)
	var said bytes.Buffer
	serves := &stopper{word: "Serving", stop: sync.OnceFunc(func() {
		empty(t, restored)
		// Its tables stand empty for a while before they are filled, as those of a big one do.
		restore(t, restored, strings.Replace(before, "\nCOPY ", "\nSELECT pg_sleep(2.5);\nCOPY ", 1))
	})}
	cmd.Stdout, cmd.Stderr = serves, &said
	err = cmd.Run()
	if !strings.Contains(serves.said.String(), serves.word) {
		t.Errorf("it is not served: %v: %s", err, &said)
	}
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(said.String(), "older than the journal of erasures") {
		t.Errorf("a backup restored beneath the server: %v: %s", err, &said)
	}
}

// restore brings a database to what a dump says.
func restore(t *testing.T, url, dump string) {
	t.Helper()
	psql := exec.CommandContext(t.Context(), pgtest.Program(t, "psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", url)
	psql.Stdin = strings.NewReader(dump)
	if out, err := psql.CombinedOutput(); err != nil {
		t.Errorf("restore: %v: %.600s", err, out)
	}
}

// empty removes all that is in a database which is served meanwhile: until it gets by the locks of the server.
func empty(t *testing.T, url string) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(context.WithoutCancel(t.Context())) }()
	const deadlock = "40P01"
	for {
		_, err := db.Exec(t.Context(), `DROP SCHEMA public, analytics, river CASCADE; CREATE SCHEMA public`)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == deadlock {
			continue
		}
		if err != nil {
			t.Errorf("empty the database: %v", err)
		}
		return
	}
}

// contactable counts for how much a database would have a person contacted.
func contactable(t *testing.T, url string, who uuid.UUID) (n int) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(context.WithoutCancel(t.Context())) }()
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM contactable WHERE person_id = $1`, who).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// stopper calls stop once a word was written.
type stopper struct {
	said strings.Builder
	word string
	stop func()
}

func (s *stopper) Write(p []byte) (int, error) {
	s.said.Write(p)
	if strings.Contains(s.said.String(), s.word) {
		s.stop()
	}
	return len(p), nil
}
