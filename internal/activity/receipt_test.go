package activity_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/submission"
)

// A database that is away does not make a mailed link a dead one.
func TestMailedLinkOutlastsTheDatabase(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	_, id := b.sent(t, b.filled(t))
	b.Pool.Close()
	if w := b.Get(b.Desk.ConfirmPath(id)); w.Code != http.StatusInternalServerError {
		t.Errorf("shown: %d", w.Code)
	}
	if w := b.Post(b.Desk.ConfirmPath(id), nil); w.Code != http.StatusInternalServerError {
		t.Errorf("pressed: %d", w.Code)
	}
}

func TestQuarantinedLearnsNothingAndGetsNoMail(t *testing.T) {
	t.Parallel()
	b := open(t, nil, func(c *activity.Config) { c.Blocked = func(string) bool { return true } })
	receipt, id := b.sent(t, b.filled(t))
	w := b.Post(receipt+"/code", nil)
	if w.Code != http.StatusOK || doc(t, w).Find("#f-code").Length() != 1 {
		t.Errorf("code: %d", w.Code)
	}
	if w := b.Post(receipt+"/message", url.Values{"message": {"Hello?"}}); w.Code != http.StatusSeeOther {
		t.Errorf("message: %d", w.Code)
	}
	if n := b.count(t, `SELECT count(*) FROM reply WHERE submission_id = $1`, id); n != 1 {
		t.Errorf("%d replies stored", n)
	}
	if n := b.count(t, `SELECT count(*) FROM message`); n != 0 {
		t.Errorf("%d mails queued", n)
	}
}

func TestReplyReachesTheInboxOnce(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	receipt, _ := b.sent(t, b.filled(t))
	b.Mails(t)
	for range 2 {
		if w := b.Post(receipt+"/message", url.Values{"message": {"Hello?"}}); w.Code != http.StatusSeeOther {
			t.Errorf("message: %d", w.Code)
		}
	}
	if mails := b.Mails(t); len(mails) != 1 || !strings.Contains(mails[0], "Reply: Sample") {
		t.Errorf("mails: %q", mails)
	}
}

// TestReceiptDatesByTheCompany sends on a Sunday evening in Chicago, when it is Monday in Greenwich.
func TestReceiptDatesByTheCompany(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	monday := b.Now().AddDate(0, 0, (8-int(b.Now().Weekday()))%7)
	b.Advance(time.Date(monday.Year(), monday.Month(), monday.Day(), 2, 30, 0, 0, time.UTC).Sub(b.Now()))
	sunday := b.Now().AddDate(0, 0, -1)
	receipt, id := b.sent(t, b.filled(t))
	if err := b.Store.Read(t.Context(), id, submission.Actor{ID: uuid.New(), Role: "recruiter"}); err != nil {
		t.Fatal(err)
	}
	page := func() string {
		return strings.Join(strings.Fields(doc(t, b.Get(receipt)).Find(".receipt").Text()), " ")
	}
	due := sunday.AddDate(0, 0, 2).Format("2 January 2006")
	for _, want := range []string{"You hear from us by " + due, "Recruiter, " + sunday.Format("2 January 2006")} {
		if got := page(); !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	b.Advance(48 * time.Hour) // Tuesday evening: the day is not over
	if got := page(); strings.Contains(got, "should have heard") {
		t.Errorf("late on the evening of the last day: %q", got)
	}
	b.Advance(4 * time.Hour)
	if got := page(); !strings.Contains(got, "should have heard from us by "+due) {
		t.Errorf("not late on the day after: %q", got)
	}
}

func TestReplyIsNeverLost(t *testing.T) {
	t.Parallel()
	b := open(t, nil, func(c *activity.Config) { c.Limit = activity.Limit{N: 3, Per: time.Minute} })
	receipt, _ := b.sent(t, b.filled(t))
	send := func(text string, want int) {
		t.Helper()
		w := b.Post(receipt+"/message", url.Values{"message": {text}})
		d := doc(t, w)
		if w.Code != want || strings.TrimSpace(d.Find("#f-message").Text()) != text {
			t.Errorf("%d, want %d; %d characters kept", w.Code, want, len(d.Find("#f-message").Text()))
		}
		if want != http.StatusServiceUnavailable { // there the form stands by itself, and nothing is wrong with what it holds
			activitytest.Blamed(t, d, "f-message")
		}
		if action := d.Find("#f-message").Closest("form").AttrOr("action", ""); action != receipt+"/message" {
			t.Errorf("the form goes to %q", action)
		}
		if (want == http.StatusTooManyRequests || want == http.StatusServiceUnavailable) && w.Header().Get("Retry-After") == "" {
			t.Errorf("%d without Retry-After", want)
		}
	}
	send(strings.Repeat("x", 4001), http.StatusUnprocessableEntity)
	send("", http.StatusUnprocessableEntity)
	if w := b.Post(receipt+"/message", url.Values{"message": {strings.Repeat("x", 5<<20)}}); w.Code != http.StatusRequestEntityTooLarge ||
		len(doc(t, w).Find("#f-message").Text()) < 3<<20 {
		t.Errorf("5 MB: %d", w.Code)
	}
	send("The fourth", http.StatusTooManyRequests)
	b.Pool.Close()
	send("Without a database", http.StatusServiceUnavailable)
}

func TestWithdrawnTwiceIsWithdrawn(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	receipt, id := b.sent(t, b.filled(t))
	for range 2 {
		if w := b.Post(receipt+"/withdraw", nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != receipt {
			t.Errorf("withdraw: %d to %q", w.Code, w.Header().Get("Location"))
		}
	}
	if status := b.record(t, id).Status; status != activity.Withdrawn {
		t.Errorf("status %q", status)
	}
	_, decided := b.sent(t, b.filled(t))
	b.move(t, decided, "new", "done", nil)
	if w := b.Post(b.Desk.ReceiptPath(decided)+"/withdraw", nil); w.Code != http.StatusConflict {
		t.Errorf("withdraw what is decided: %d", w.Code)
	}
}

func (b *bench) move(t testing.TB, id uuid.UUID, from, to string, m *mail.Message) {
	t.Helper()
	err := b.Store.Move(context.Background(), id, submission.Change{
		From: []string{from}, To: to, By: submission.System, Decides: to == "done", Message: m,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPromiseCountsFromTheLastMove(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	receipt, id := b.sent(t, b.filled(t)) // Monday 23 November
	next := func(want string) {
		t.Helper()
		got := strings.Join(strings.Fields(doc(t, b.Get(receipt)).Find(".next p").Text()), " ")
		if got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	next("We read it. You hear from us by 25 November 2026.")
	b.Advance(2 * 24 * time.Hour)
	next("We read it. You hear from us by 25 November 2026.")
	b.Advance(24 * time.Hour)
	next("We read it. You should have heard from us by 25 November 2026. Write to us below and we look into it.")
	b.move(t, id, "new", "held", nil) // Thursday 26 November
	next("We think. You hear from us by 3 December 2026.")
	b.Advance(24 * time.Hour)
	b.move(t, id, "held", "new", nil) // Friday
	next("We read it. You hear from us by 1 December 2026.")
	b.Advance(24 * time.Hour)
	letter := mail.Message{
		Template: "letter", NotBefore: b.Now().Add(time.Hour), Data: mail.Letter{Subject: "Wait", Paragraphs: []string{"Please."}},
	}
	b.move(t, id, "new", "held", &letter)
	if err := b.Store.Undo(context.Background(), id, submission.System, letter.ID); err != nil {
		t.Fatal(err)
	}
	next("We read it. You hear from us by 1 December 2026.")
	b.Advance(3 * 24 * time.Hour)
	b.move(t, id, "new", "held", nil)
	next("We think. You hear from us by 8 December 2026.")
}

func TestReceiptNamesTheStatementOfTheFirstAnswers(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	receipt, id := b.sent(t, b.filled(t))
	shown := b.version(t, id)
	_, err := pgtest.Admin(t, b.Pool).Exec(context.Background(), `
		INSERT INTO statement_version SELECT (jsonb_populate_record(s, '{"id": "2026-10-24"}')).* FROM statement_version s WHERE id = $1`, shown)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Pool.Exec(context.Background(), `
		INSERT INTO answers (submission_id, version, form_revision, statement_version, lang, values, created_at)
		SELECT submission_id, 2, form_revision, '2026-10-24', lang, values, created_at FROM answers WHERE submission_id = $1`, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Desk.Statements.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	link := doc(t, b.Get(receipt)).Find(`a[href^="/privacy/versions/"]`)
	if link.AttrOr("href", "") != "/privacy/versions/"+shown {
		t.Errorf("%d links, the first to %q", link.Length(), link.AttrOr("href", ""))
	}
}

// version is the statement that was shown with the first answers of a record.
func (b *bench) version(t testing.TB, id uuid.UUID) (statement string) {
	t.Helper()
	err := b.Pool.QueryRow(context.Background(), `
		SELECT statement_version FROM answers WHERE submission_id = $1 AND version = 1`, id).Scan(&statement)
	if err != nil {
		t.Fatal(err)
	}
	return statement
}

// editing returns the address of the form of a record, and what its page would send with other grounds.
func (b *bench) editing(t testing.TB, id uuid.UUID, why string) (string, url.Values) {
	t.Helper()
	path := b.Desk.ReceiptPath(id) + "/edit/" + b.Desk.Grant(b.record(t, id), 30*time.Minute)
	w := b.Get(path)
	if w.Code != http.StatusOK {
		t.Fatalf("edit: %d", w.Code)
	}
	values := again(t, b.filled(t), w)
	values.Set("step", "1")
	values.Set("why", why)
	return path, values
}

// TestFormerAddressOpensNothing presses what was mailed before the sender got away from the mailbox.
func TestFormerAddressOpensNothing(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	receipt, id := b.sent(t, b.filled(t))
	before, code := b.record(t, id), b.code(t, receipt)
	edit, values := b.editing(t, id, "Other grounds.")
	err := pgx.BeginFunc(t.Context(), b.Pool, func(tx pgx.Tx) error {
		return b.Desk.People.ChangeAddress(t.Context(), tx, before.PersonID.UUID, "ada@example.org")
	})
	if err != nil {
		t.Fatal(err)
	}
	if w := b.Get(edit); w.Code != http.StatusNotFound {
		t.Errorf("the form: %d", w.Code)
	}
	if w := b.post(t, edit, values); w.Code != http.StatusNotFound {
		t.Errorf("new answers: %d", w.Code)
	}
	for name, key := range map[string]url.Values{
		"the code": {"code": {code}}, "the page": {"grant": {b.Desk.Grant(before, time.Hour)}},
	} {
		if w := b.Post(receipt+"/open", key); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	b.Advance(time.Hour)
	b.editing(t, id, "Other grounds.")
	if w := b.Post(receipt+"/open", url.Values{"code": {b.code(t, receipt)}}); w.Code != http.StatusOK {
		t.Errorf("by a code to the new address: %d", w.Code)
	}
}

func TestEditTwiceIsOneVersionAndOneNotice(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	_, id := b.sent(t, b.filled(t))
	b.Mails(t)
	path, values := b.editing(t, id, "Other grounds.")
	for range 2 {
		if w := b.post(t, path, values); w.Code != http.StatusSeeOther {
			t.Errorf("edit: %d %s", w.Code, notices(t, w))
		}
	}
	versions, err := b.Store.Versions(context.Background(), id)
	if err != nil || len(versions) != 2 || versions[0].Values.Get("why") != "Other grounds." {
		t.Errorf("%d versions, %v", len(versions), err)
	}
	if mails := b.Mails(t); len(mails) != 1 || !strings.Contains(mails[0], "Changed answers: Sample") {
		t.Errorf("mails: %q", mails)
	}
}

func TestEditKeepsWhatWasTypedWhereTheFormIsClosed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		close func(t *testing.T, b *bench, id uuid.UUID)
		want  int
	}{
		"decided":   {func(t *testing.T, b *bench, id uuid.UUID) { b.move(t, id, "new", "done", nil) }, http.StatusConflict},
		"withdrawn": {func(_ *testing.T, b *bench, id uuid.UUID) { b.Post(b.Desk.ReceiptPath(id)+"/withdraw", nil) }, http.StatusConflict},
		"link over": {func(_ *testing.T, b *bench, _ uuid.UUID) { b.Advance(31 * time.Minute) }, http.StatusNotFound},
	} {
		b := open(t, nil)
		_, id := b.sent(t, b.filled(t))
		path, values := b.editing(t, id, "Other grounds.")
		tt.close(t, b, id)
		if w := b.Get(path); w.Code != tt.want {
			t.Errorf("%s: GET %d", name, w.Code)
		}
		w := b.post(t, path, values)
		d := doc(t, w)
		if w.Code != tt.want || strings.TrimSpace(d.Find("#f-why").Text()) != "Other grounds." ||
			!strings.Contains(notices(t, w), "still here") || d.Find(`a[href="`+b.Desk.ReceiptPath(id)+`"]`).Length() == 0 {
			t.Errorf("%s: %d %s", name, w.Code, notices(t, w))
		}
		if n := b.count(t, `SELECT count(*) FROM answers WHERE submission_id = $1`, id); n != 1 {
			t.Errorf("%s: %d versions", name, n)
		}
		if w := b.post(t, b.Desk.ReceiptPath(id)+"/edit/forged", values); w.Code != http.StatusNotFound || doc(t, w).Find("#f-why").Length() != 0 {
			t.Errorf("%s: a forged link: %d", name, w.Code)
		}
	}
}

func TestEditKeepsWhatWasTypedWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	_, id := b.sent(t, b.filled(t))
	path, values := b.editing(t, id, "Other grounds.")
	b.Pool.Close()
	w := b.post(t, path, values)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" ||
		strings.TrimSpace(doc(t, w).Find("#f-why").Text()) != "Other grounds." || doc(t, w).Find("form").AttrOr("action", "") != path {
		t.Errorf("%d %s", w.Code, notices(t, w))
	}
}

// TestDecidedWhileTheFormIsRead is decided between the look at the record and the storing of the answers.
func TestDecidedWhileTheFormIsRead(t *testing.T) {
	t.Parallel()
	var b *bench
	var id uuid.UUID
	asked := 0
	b = open(t, func(a *activity.Activity) {
		usual := a.Form
		a.Form = func(ctx context.Context, subject uuid.UUID) (form.Form, error) {
			if asked++; asked == 2 { // the page asks first, then the sending
				b.move(t, id, "new", "done", nil)
			}
			return usual(ctx, subject)
		}
	})
	_, id = b.sent(t, b.filled(t))
	path, values := b.editing(t, id, "Other grounds.")
	w := b.post(t, path, values)
	if w.Code != http.StatusConflict || strings.TrimSpace(doc(t, w).Find("#f-why").Text()) != "Other grounds." {
		t.Errorf("%d %s", w.Code, notices(t, w))
	}
}

func TestEditHasALimit(t *testing.T) {
	t.Parallel()
	b := open(t, nil, func(c *activity.Config) { c.Limit = activity.Limit{N: 2, Per: time.Hour} })
	_, id := b.sent(t, b.filled(t))
	path, values := b.editing(t, id, "One.")
	if w := b.post(t, path, values); w.Code != http.StatusSeeOther {
		t.Errorf("within the limit: %d", w.Code)
	}
	values.Set("why", "Two.")
	w := b.post(t, path, values)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || strings.TrimSpace(doc(t, w).Find("#f-why").Text()) != "Two." {
		t.Errorf("over the limit: %d", w.Code)
	}
}

// code asks for a code on a receipt and reads it from the mail.
func (b *bench) code(t testing.TB, receipt string) string {
	t.Helper()
	b.Mails(t)
	if w := b.Post(receipt+"/code", nil); w.Code != http.StatusOK {
		t.Fatalf("ask for a code: %d", w.Code)
	}
	code := regexp.MustCompile(`\b\d{6}\b`).FindString(strings.Join(b.Mails(t), ""))
	if code == "" {
		t.Fatal("no code was mailed")
	}
	return code
}

func TestCodeOpensOnce(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	receipt, _ := b.sent(t, b.filled(t))
	code := url.Values{"code": {b.code(t, receipt)}}
	if w := b.Post(receipt+"/code", nil); w.Code != http.StatusOK || len(b.Mails(t)) != 0 {
		t.Errorf("asked for by two clicks: %d, and another mail", w.Code)
	}
	grouped := url.Values{"code": {code.Get("code")[:3] + "\u00a0" + code.Get("code")[3:] + " "}}
	for _, want := range []int{http.StatusOK, http.StatusUnprocessableEntity} {
		if w := b.Post(receipt+"/open", grouped); w.Code != want {
			t.Errorf("open: %d, want %d", w.Code, want)
		}
	}
	if n := b.count(t, `SELECT count(*) FROM receipt_code`); n != 0 {
		t.Errorf("%d codes are left", n)
	}
}

// TestCodeIsNeverLost sends a code that can't be read, or not be looked up.
func TestCodeIsNeverLost(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	receipt, _ := b.sent(t, b.filled(t))
	r := httptest.NewRequest(http.MethodPost, receipt+"/open", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	if w := b.Do(r); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("another type: %d", w.Code)
	} else {
		activitytest.Blamed(t, doc(t, w), "f-code")
	}
	w := b.Post(receipt+"/open", url.Values{"code": {"12345"}})
	d := doc(t, w)
	if field := activitytest.Blamed(t, d, "f-code"); w.Code != http.StatusUnprocessableEntity || field.AttrOr("value", "") != "12345" {
		t.Errorf("a wrong one: %d, kept %q", w.Code, field.AttrOr("value", ""))
	}
	if d.Find(".notice.good").Length() != 0 || d.Find(".errors").Closest("form").AttrOr("action", "") != receipt+"/open" {
		t.Error("a wrong one: the page says that a code is on its way, or the summary stands outside the form")
	}
	if d := doc(t, b.Post(receipt+"/code", nil)); d.Find("#f-code[autofocus][inputmode=numeric]").Length() != 1 || d.Find(".notice.good").Length() != 1 {
		t.Error("once mailed, the page does not open at its field")
	}
	for w = b.Post(receipt+"/code", nil); w.Code == http.StatusOK; {
		w = b.Post(receipt+"/code", nil)
	}
	if w.Code != http.StatusTooManyRequests {
		t.Errorf("too many codes: %d", w.Code)
	}
	activitytest.Blamed(t, doc(t, w), "f-code") // where the newest can still be typed
	b.Pool.Close()
	w = b.Post(receipt+"/open", url.Values{"code": {"123456"}})
	field := doc(t, w).Find("#f-code")
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || field.AttrOr("value", "") != "123456" {
		t.Errorf("without a database: %d, kept %q", w.Code, field.AttrOr("value", ""))
	}
	if to := field.Closest("form").AttrOr("action", ""); to != receipt+"/open" {
		t.Errorf("the form goes to %q", to)
	}
}

// TestCodesCantBeGuessed tries codes at the receipts of one person in turn.
func TestCodesCantBeGuessed(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	first, _ := b.sent(t, b.filled(t))
	values := b.filled(t)
	values.Set("why", "Another.")
	second, _ := b.sent(t, values)
	tried, last := 0, 0
	for range 15 {
		for _, receipt := range []string{first, second} {
			if last = b.Post(receipt+"/open", url.Values{"code": {"none"}}).Code; last == http.StatusUnprocessableEntity {
				tried++
			}
		}
	}
	if tried != 20 || last != http.StatusTooManyRequests {
		t.Errorf("%d tries were taken, the last one answered with %d", tried, last)
	}
	b.Advance(time.Hour)
	if w := b.Post(first+"/open", url.Values{"code": {b.code(t, first)}}); w.Code != http.StatusOK {
		t.Errorf("an hour later: %d", w.Code)
	}
}

// The receipt of somebody who was erased says so, and neither takes anything nor promises a mail.
func TestReceiptOfAnErasedSender(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	receipt, id := b.sent(t, b.filled(t))
	rec := b.record(t, id)
	if err := pgx.BeginFunc(t.Context(), b.Pool, func(tx pgx.Tx) error {
		return b.Desk.People.Empty(t.Context(), tx, rec.PersonID.UUID)
	}); err != nil {
		t.Fatal(err)
	}
	b.Mails(t)
	words := url.Values{"message": {"Is it <really> gone?"}}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"look": b.Get(receipt), "code": b.Post(receipt+"/code", nil), "open": b.Post(receipt+"/open", url.Values{"code": {"123456"}}),
		"message": b.Post(receipt+"/message", words), "withdraw": b.Post(receipt+"/withdraw", nil),
	} {
		page := doc(t, w)
		if w.Code != http.StatusGone || page.Find("h1").Text() != "What you sent was erased" || page.Find("main form").Length() != 0 {
			t.Errorf("%s: %d %q, %d forms", name, w.Code, page.Find("h1").Text(), page.Find("main form").Length())
		}
		if got := page.Find(".lines").Text(); name == "message" && got != words.Get("message") {
			t.Errorf("what was typed is lost: %q", got)
		}
	}
	if n := b.count(t, `SELECT (SELECT count(*) FROM reply) + (SELECT count(*) FROM receipt_code)`); n != 0 || len(b.Mails(t)) != 0 {
		t.Errorf("%d rows came of it", n)
	}
}

// A receipt promises no answer while the law or the sender's wish forbids one.
func TestReceiptOfWhatRests(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	receipt, id := b.sent(t, b.filled(t))
	next := func() string { return strings.Join(strings.Fields(doc(t, b.Get(receipt)).Find(".next p").Text()), " ") }
	promised := next()
	if !strings.Contains(promised, "You hear from us by") {
		t.Fatalf("nothing is promised: %q", promised)
	}
	ctx := t.Context()
	if _, err := b.Pool.Exec(ctx, `
		INSERT INTO restriction (id, person_id, submission_id, ground, placed_at)
		SELECT gen_random_uuid(), person_id, id, 'wish', $2 FROM submission WHERE id = $1`, id, b.Now()); err != nil {
		t.Fatal(err)
	}
	if got := next(); !strings.HasPrefix(got, "Its use is restricted for now") || strings.Contains(got, "hear from us by") {
		t.Errorf("restricted: %q", got)
	}
	if _, err := b.Pool.Exec(ctx, `UPDATE restriction SET lifted_at = $1`, b.Now()); err != nil {
		t.Fatal(err)
	}
	if got := next(); got != promised {
		t.Errorf("lifted: %q", got)
	}
	if _, err := b.Pool.Exec(ctx, `
		WITH o AS (INSERT INTO account (id, kind, email, name, created_at)
			VALUES (gen_random_uuid(), 'staff', 'officer@example.com', 'Grace', now()) RETURNING id)
		INSERT INTO legal_hold (id, scope, submission_id, ground, officer_id, placed_at, reviewed_at, review_on)
		SELECT gen_random_uuid(), 'record', $1, 'A claim', id, now(), now(), now()::date + 30 FROM o`, id); err != nil {
		t.Fatal(err)
	}
	if got := next(); !strings.HasPrefix(got, "The law makes us keep this") || strings.Contains(got, "hear from us by") {
		t.Errorf("held: %q", got)
	}
	if _, err := pgtest.Admin(t, b.Pool).Exec(ctx, `
		INSERT INTO erasure (id, person_id, asked_at) SELECT gen_random_uuid(), person_id, $2 FROM submission WHERE id = $1`, id, b.Now()); err != nil {
		t.Fatal(err)
	}
	if got := next(); !strings.HasPrefix(got, "You asked us to erase this. The law makes us keep it") {
		t.Errorf("held, and to be erased: %q", got)
	}
	if page := doc(t, b.Get(receipt)); page.Find("#withdraw").Length() != 0 || !strings.Contains(page.Find(".facts").Text(), "or once the law lets us") {
		t.Error("held: it offers to be withdrawn, or names a day on which it is deleted")
	}
}
