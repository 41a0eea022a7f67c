package staff_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/submission"
)

// wanted is a complete form of an export of addresses.
func wanted(more ...string) url.Values {
	v := url.Values{
		"purpose": {"newsletter"}, "channel": {"email"}, "recipient": {"own department"}, "reason": {"write"}, "words": {"To write the winter issue."},
	}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

// listing is a complete form of an export of submissions.
func listing(more ...string) url.Values {
	return wanted(append([]string{"purpose", "service", "reason", "work", "words", "To share the work."}, more...)...)
}

// saves sends the form of an export, and returns the file's rows and the stored export's id.
func (m member) saves(t *testing.T, h *house, path string, v url.Values) (rows [][]string, id uuid.UUID) {
	t.Helper()
	w := m.do(h, http.MethodPost, path, v)
	if w.Code != http.StatusOK {
		t.Fatalf("POST %s: %d\n%s", path, w.Code, text(document(t, w), ".errors"))
	}
	body := w.Body.Bytes()
	rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var sum []byte
	if err := h.Pool.QueryRow(t.Context(), `SELECT id, sha256 FROM export ORDER BY id DESC LIMIT 1`).Scan(&id, &sum); err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256(body); !bytes.Equal(sum, want[:]) {
		t.Error("the digest is not the file's")
	}
	return rows, id
}

// confirm lets the sender of a record confirm the address.
func (h *house) confirm(t *testing.T, id uuid.UUID) uuid.UUID {
	t.Helper()
	who := h.record(t, id).PersonID.UUID
	if err := pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error {
		return h.Desk.People.Confirm(t.Context(), tx, who, math.MaxInt64)
	}); err != nil {
		t.Fatal(err)
	}
	return who
}

// refuse withdraws the newsletter.
func (h *house) refuse(t *testing.T, who uuid.UUID) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error {
		return h.Desk.Ledger.Record(t.Context(), tx, who, consent.Event{
			Purpose: consent.Newsletter, Channel: consent.ByEmail, Wording: "No.", Statement: "2026-11-16", Origin: consent.FromPreferences,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) erase(t *testing.T, who uuid.UUID) {
	t.Helper()
	if err := pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error { return h.Desk.People.Empty(t.Context(), tx, who) }); err != nil {
		t.Fatal(err)
	}
}

func agreed(e *submission.Entry) { e.Values["consent_newsletter"] = []string{"yes"} }

func TestContactsLeaveByConsentOnly(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, email := range []string{"yes@example.com", "=cmd@example.com"} {
		h.confirm(t, h.sent(t, "contact", email, agreed))
	}
	h.sent(t, "contact", "unconfirmed@example.com", agreed)
	h.sent(t, "contact", "never@example.com")
	me := h.as(t, account.Marketer)
	rows, id := me.saves(t, h, "/staff/exports/contacts", wanted())
	wording := "Mail me the newsletter, four times a year."
	want := [][]string{
		{"row", "email address", "agreed on", "wording", "statement"},
		{"1", "’=cmd@example.com", "2026-11-23", wording, "2026-11-18"},
		{"2", "yes@example.com", "2026-11-23", wording, "2026-11-18"},
	}
	if diff := cmp.Diff(rows, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	w := me.do(h, http.MethodPost, "/staff/exports/contacts", wanted())
	if got := w.Header().Get("Content-Disposition"); !strings.Contains(got, `filename="contacts-newsletter-email-2026-11-23-delete-by-2027-02-21.csv"`) {
		t.Errorf("sent as %s", got)
	}
	var logged map[string]string
	if err := h.Pool.QueryRow(t.Context(), `SELECT detail FROM audit_event WHERE action = 'export' AND object_id = $1`, id).Scan(&logged); err != nil {
		t.Fatal(err)
	}
	delete(logged, "sha256")
	if diff := cmp.Diff(logged, map[string]string{"purpose": "newsletter", "recipient": "own department", "count": "2"}); diff != "" {
		t.Errorf("logged (-got +want):\n%s", diff)
	}
	d := me.get(t, h, "/staff/exports/"+id.String())
	has(t, d, "main", "To write the winter issue.")
	has(t, d, "main", "nobody in it withdrew")
}

// What is lacking is said, and nothing leaves.
func TestExportAsksForEverything(t *testing.T) {
	t.Parallel()
	h := open(t)
	if _, err := pgtest.Admin(t, h.Pool).Exec(t.Context(), `
		ALTER TABLE statement_use DISABLE TRIGGER USER;
		UPDATE statement_use SET data = '{email address}' WHERE purpose = 'survey';
		ALTER TABLE statement_use ENABLE TRIGGER USER`); err != nil {
		t.Fatal(err)
	}
	me := h.as(t, account.Marketer)
	if offered := text(me.get(t, h, "/staff/exports"), "#contacts-recipient"); strings.Contains(offered, "Processor") {
		t.Errorf("offers whom no statement names for these purposes: %s", offered)
	}
	for want, v := range map[string]url.Values{
		"Choose what the list is for": wanted("purpose", "service"),
		"Choose the way":              wanted("channel", "carrier pigeon"),
		"Choose who gets the list":    wanted("recipient", "A friend"),
		"Choose why":                  wanted("reason", "announcement"),
		"Write what the list":         wanted("reason", "other", "words", " "),
		"Shorten this":                wanted("words", strings.Repeat("x", 301)),
		"Leave addresses out":         wanted("words", "For ada@example.com"),
		"who gets the list":           wanted("recipient", "demand:"+uuid.NewString()),
		"gets the list.":              wanted("recipient", "processor:Lakeshore Mail Relay (demo)"),
		"gets the postal address":     wanted("purpose", "survey", "channel", "post"),
	} {
		w := me.do(h, http.MethodPost, "/staff/exports/contacts", v)
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", want, w.Code)
		}
		d := document(t, w)
		has(t, d, "#x-contacts ~ form .errors", want)
		if d.Find("#x-queue ~ form .errors").Length() > 0 {
			t.Errorf("%s: said at the other form too", want)
		}
	}
	var n int
	if err := h.Pool.QueryRow(t.Context(), `SELECT count(*) FROM export`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d exports, %v", n, err)
	}
	reviewer := h.as(t, account.Reviewer)
	reviewer.saves(t, h, "/staff/exports/submissions", listing("recipient", "processor:Lakeshore Mail Relay (demo)"))
	has(t, reviewer.get(t, h, "/staff/exports"), "table", "Processor: Lakeshore Mail Relay (demo)")
}

// A consent to calls hands out no email address, whoever reads the view.
func TestOtherChannelsHaveNoAddress(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	who := h.record(t, h.sent(t, "contact", "ada@example.com")).PersonID.UUID
	for _, channel := range []consent.Channel{consent.ByEmail, consent.ByPhone, consent.ByPost} {
		err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error {
			return h.Desk.Ledger.Record(ctx, tx, who, consent.Event{
				Purpose: consent.Promotion, Channel: channel, Granted: true, Wording: "Yes.", Statement: "2026-11-01",
				Origin: consent.FromPreferences,
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, err := h.Pool.Query(ctx, `SELECT channel || ' ' || coalesce(address, '-') FROM contactable ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, []string{"email ada@example.com", "phone -", "post -"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	calls, _ := h.as(t, account.Marketer).saves(t, h, "/staff/exports/contacts", wanted("purpose", "promotion", "channel", "phone"))
	if len(calls) != 1 {
		t.Errorf("without a number: %v", calls)
	}
}

// A number or a postal address leaves by the consent for its own way, and where the statement of that consent names it.
func TestContactsLeaveByEachWay(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	who := h.record(t, h.sent(t, "contact", "ada@example.com")).PersonID.UUID
	agree := func(channel consent.Channel, statement, point string) {
		t.Helper()
		e := consent.Event{
			Purpose: consent.Promotion, Granted: true, Wording: "Yes.", Origin: consent.FromPreferences,
			Channel: channel, Statement: statement, Point: point,
		}
		if err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error { return h.Desk.Ledger.Record(ctx, tx, who, e) }); err != nil {
			t.Fatal(err)
		}
	}
	const home = "Ada Lovelace, 4200 Commerce Ct, Lisle, IL 60532"
	agree(consent.ByPhone, "2026-11-16", "+13125550142")
	agree(consent.ByPost, "2026-11-16", home) // which names no postal address
	me := h.as(t, account.Marketer)
	list := func(channel string) [][]string {
		t.Helper()
		rows, _ := me.saves(t, h, "/staff/exports/contacts", wanted("purpose", "promotion", "channel", channel))
		return rows
	}
	if diff := cmp.Diff(list("phone"), [][]string{
		{"row", "phone number", "agreed on", "wording", "statement"}, {"1", "’+13125550142", "2026-11-23", "Yes.", "2026-11-16"},
	}); diff != "" {
		t.Errorf("calls (-got +want):\n%s", diff)
	}
	if rows := list("post"); len(rows) != 1 {
		t.Errorf("under a statement that names no postal address: %v", rows)
	}
	agree(consent.ByPost, "2026-11-18", home)
	if rows := list("post"); len(rows) != 2 || !strings.Contains(rows[1][1], "4200 Commerce Ct") || rows[1][4] != "2026-11-18" {
		t.Errorf("letters: %v", rows)
	}
}

func TestExportAsksForThePasswordAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Marketer)
	h.Advance(16 * minute)
	w := me.do(h, http.MethodPost, "/staff/exports/contacts", wanted())
	if w.Code != http.StatusUnauthorized || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("after 16 minutes: %d", w.Code)
	}
}

// Whose a record is stands in the list where that was asked for, and in each row where it is allowed.
func TestFieldsLeaveRowByRow(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range submission.PageSize {
		h.sent(t, "contact", "ada@example.com", named("Ada Lovelace", "+Northline\n=1+1"))
	}
	h.sent(t, "demo", "b@example.com")
	h.sent(t, "career", "c@example.com")
	h.confirm(t, h.sent(t, "contact", "yes@example.com", named("Grace Hopper", "Navy"), agreed))
	me := h.as(t, account.Reviewer)
	rows, _ := me.saves(t, h, "/staff/exports/submissions?kind=contact&after=x", listing())
	if len(rows) != submission.PageSize+2 || len(rows[0]) != 11 {
		t.Errorf("%d rows of %d cells", len(rows), len(rows[0]))
	}
	if all := joined(rows); strings.Contains(all, "@") || strings.Contains(all, "Lovelace") || strings.Contains(all, "Northline") {
		t.Error("a name, an address or a company is in the list")
	}
	whole := listing()
	whole["field"] = []string{"name", "email", "company"}
	rows, _ = me.saves(t, h, "/staff/exports/submissions", whole)
	if len(rows) != submission.PageSize+3 {
		t.Errorf("%d rows of all kinds", len(rows))
	}
	if diff := cmp.Diff([][]string{rows[1][11:], rows[3][11:]}, [][]string{
		{"Grace Hopper", "yes@example.com", "Navy"}, {"Ada Lovelace", "ada@example.com", "’+Northline =1+1"},
	}); diff != "" {
		t.Errorf("for dealing with the requests (-got +want):\n%s", diff)
	}
	whole.Set("purpose", "newsletter")
	rows, _ = me.saves(t, h, "/staff/exports/submissions?kind=contact", whole)
	if diff := cmp.Diff([][]string{rows[1][11:], rows[2][11:]}, [][]string{{"", "yes@example.com", ""}, {"", "", ""}}); diff != "" {
		t.Errorf("for the newsletter (-got +want):\n%s", diff)
	}
	whole.Set("recipient", "processor:Lakeshore Mail Relay (demo)")
	rows, _ = me.saves(t, h, "/staff/exports/submissions?kind=contact", whole)
	if got := strings.Join(rows[1][11:], ""); got != "" {
		t.Errorf("the newsletter names no processor, and %q leaves", got)
	}
	whole.Set("recipient", "own department")
	whole.Set("purpose", "service")
	owner := pgtest.Admin(t, h.Pool) // a statement that names no such use
	for _, sql := range []string{`ALTER TABLE statement_use DISABLE TRIGGER USER`, `DELETE FROM statement_use WHERE activity = 'contact'`} {
		if _, err := owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	rows, _ = me.saves(t, h, "/staff/exports/submissions?kind=contact", whole)
	if got := strings.Join(rows[1][11:], ""); got != "" {
		t.Errorf("the statement does not name the use, and %q leaves", got)
	}
}

func joined(rows [][]string) string {
	var all strings.Builder
	for _, r := range rows {
		all.WriteString(strings.Join(r, "\t") + "\n")
	}
	return all.String()
}

// Who withdraws or is erased afterwards appears on the recall list of each file, by the number of the row.
func TestExportsRememberWhoIsInThem(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	var people, records []uuid.UUID
	for _, email := range []string{"a@example.com", "b@example.com", "c@example.com"} {
		id := h.sent(t, "contact", email, agreed)
		records, people = append(records, id), append(people, h.confirm(t, id))
	}
	me := h.as(t, account.Marketer)
	_, contacts := me.saves(t, h, "/staff/exports/contacts", wanted())
	reviewer := h.as(t, account.Reviewer)
	service := listing()
	service["field"] = []string{"email"}
	_, list := reviewer.saves(t, h, "/staff/exports/submissions", service) // newest first: c, b, a
	h.Advance(10 * minute)
	h.refuse(t, people[1])
	h.erase(t, people[2])
	if _, err := h.Pool.Exec(ctx, `UPDATE submission SET status = 'withdrawn', status_since = $2 WHERE id = $1`, records[0], h.Now()); err != nil {
		t.Fatal(err)
	}
	recall := func(m member, id uuid.UUID) [][]string {
		t.Helper()
		w := m.do(h, http.MethodPost, "/staff/exports/"+id.String()+"/recall", nil)
		rows, err := csv.NewReader(w.Body).ReadAll()
		if err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d, %v", w.Code, err)
		}
		return rows
	}
	head := []string{"row to remove", "why", "since"}
	if diff := cmp.Diff(recall(me, contacts), [][]string{
		head, {"2", "The person withdrew the consent", "2026-11-23"}, {"3", "The person was erased", "2026-11-23"},
	}); diff != "" {
		t.Errorf("addresses (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(recall(reviewer, list), [][]string{
		head, {"1", "The person was erased", "2026-11-23"}, {"3", "The person withdrew the request", "2026-11-23"},
	}); diff != "" {
		t.Errorf("submissions (-got +want):\n%s", diff)
	}
	h.Advance(minute)
	_, later := reviewer.saves(t, h, "/staff/exports/submissions", service)
	if diff := cmp.Diff(recall(reviewer, later), [][]string{head}); diff != "" {
		t.Errorf("a file made afterwards (-got +want):\n%s", diff)
	}
	if _, err := pgtest.Admin(t, h.Pool).Exec(ctx, `
		ALTER TABLE statement_use DISABLE TRIGGER USER;
		DELETE FROM statement_use WHERE activity = 'contact' AND purpose = 'service'`); err != nil {
		t.Fatal(err)
	}
	if rows := recall(reviewer, list); len(rows) != 4 || rows[2][1] != "The person objected, or the statement no longer allows this use" {
		t.Errorf("submissions of which the use is no longer allowed: %v", rows)
	}
	has(t, me.get(t, h, "/staff/exports"), "table", "2 to remove")
	has(t, me.get(t, h, "/staff/exports/"+contacts.String()), "main", "2 rows of the file are about people who withdrew")
	if w := reviewer.do(h, http.MethodGet, "/staff/exports/"+contacts.String(), nil); w.Code != http.StatusNotFound {
		t.Errorf("somebody else's export: %d", w.Code)
	}
	officer := h.as(t, account.Privacy)
	has(t, officer.get(t, h, "/staff/exports"), "table", "Dealing with the requests")
	has(t, officer.get(t, h, "/staff/people/"+people[0].String()), "main", "Exported: dealing with the requests")
	h.Advance(91 * day)
	officer = h.again(t, account.Privacy)
	has(t, officer.get(t, h, "/staff/exports"), "table", "Had to be deleted")
}

// A record that was erased is called back on that day, also while something else keeps the row of its person, and although
// its status says nothing of it.
func TestErasedRecordIsCalledBackWhilstItsPersonStays(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	ended := h.sent(t, "contact", "ada@example.com")
	who := h.record(t, ended).PersonID.UUID
	h.sent(t, "contact", "bob@example.com")
	held := h.sent(t, "demo", "ada@example.com")
	reviewer := h.as(t, account.Reviewer)
	if _, err := h.Pool.Exec(ctx, `
		INSERT INTO legal_hold (id, scope, submission_id, ground, officer_id, placed_at, reviewed_at, review_on)
		VALUES ($1, 'record', $1, 'A claim.', $2, $3, $3, company_day($3))`, held, reviewer.ID, h.Now()); err != nil {
		t.Fatal(err)
	}
	v := listing()
	v["field"] = []string{"email", "name"}
	rows, id := reviewer.saves(t, h, "/staff/exports/submissions?kind=contact", v) // newest first: bob, ada
	if len(rows) != 3 || rows[2][2] != ended.String() {
		t.Fatalf("exported: %v", rows)
	}
	h.Advance(day)
	officer, at := h.as(t, account.Privacy), "/staff/exports/"+id.String()
	has(t, officer.get(t, h, at), "main", "nobody in it withdrew or was erased since")
	leave := func(string, string) (string, time.Time) { return "", time.Time{} }
	if err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error {
		kept, err := h.Store.Erase(ctx, tx, who, h.Now(), leave)
		if kept != 1 {
			t.Errorf("%d records are kept", kept)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	page := officer.get(t, h, at)
	has(t, page, "main tbody", "Row 2 The person was erased 24 Nov")
	hasNot(t, page, "main tbody", "Row 1")
	h.Advance(minute)
	_, id = h.again(t, account.Reviewer).saves(t, h, "/staff/exports/submissions?kind=contact", v)
	has(t, officer.get(t, h, "/staff/exports/"+id.String()), "main", "nobody in it withdrew or was erased since")
}

// again signs in anew, since the session before has ended.
func (h *house) again(t *testing.T, role account.Role) member {
	t.Helper()
	delete(h.staff, role)
	return h.as(t, role)
}

// What is restricted, and what is under a legal hold, stands in no list.
func TestListsLeaveOutWhatIsNotToBeUsed(t *testing.T) {
	t.Parallel()
	h := open(t)
	free, restricted, held := h.sent(t, "contact", "a@example.com"), h.sent(t, "contact", "b@example.com"), h.sent(t, "contact", "c@example.com")
	reviewer := h.as(t, account.Reviewer)
	for sql, id := range map[string]uuid.UUID{
		`INSERT INTO restriction (id, person_id, submission_id, ground, placed_at) SELECT id, person_id, id, 'wish', now() FROM submission WHERE id = $1`: restricted,
		`INSERT INTO legal_hold (id, scope, submission_id, ground, officer_id, placed_at, reviewed_at, review_on)
			SELECT $1, 'record', $1, 'A claim.', a.id, now(), now(), now()::date FROM account a LIMIT 1`: held,
	} {
		if _, err := h.Pool.Exec(t.Context(), sql, id); err != nil {
			t.Fatal(err)
		}
	}
	rows, _ := reviewer.saves(t, h, "/staff/exports/submissions", listing())
	if len(rows) != 2 || rows[1][2] != free.String() {
		t.Errorf("the list has %v", rows)
	}
}

// A list for a legal demand goes to an entry of the register, made by the officer, who reads what is not theirs to decide.
func TestLegalDemandGetsItsList(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	who := h.record(t, h.sent(t, "contact", "ada@example.com")).PersonID.UUID
	entry := uuid.New()
	for _, sql := range []string{
		`INSERT INTO disclosure (id, entry, version, ground, outcome, asked_on, silent_until, entered_by, at)
			VALUES ($1, $1, 1, 'law', 'open', '2026-11-20', '2026-12-20', $1, now())`,
		`INSERT INTO disclosure_words (disclosure_id, requester, demand, basis, given) VALUES ($1, 'Circuit Court', 'All', 'Rule 1', '')`,
	} {
		if _, err := h.Pool.Exec(ctx, sql, entry); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Pool.Exec(ctx, `INSERT INTO disclosure_person (disclosure_id, n, person_id) VALUES ($1, 1, $2)`, entry, who); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Pool.Exec(ctx, `
		INSERT INTO restriction (id, person_id, ground, placed_at) VALUES ($1, $1, 'claim', $2)`, who, h.Now()); err != nil {
		t.Fatal(err)
	}
	v := listing("purpose", "internal", "recipient", "demand:"+entry.String())
	v["field"] = []string{"email"}
	officer, reviewer := h.as(t, account.Privacy), h.as(t, account.Reviewer)
	has(t, officer.get(t, h, "/staff/exports"), "#submissions-recipient", "Legal demand: Circuit Court, 20 November 2026")
	hasNot(t, reviewer.get(t, h, "/staff/exports"), "#submissions-recipient", "Legal demand")
	for name, bad := range map[string]url.Values{
		"to our own department": listing("purpose", "internal"), "for another purpose": listing("recipient", "demand:"+entry.String()),
	} {
		if w := officer.do(h, http.MethodPost, "/staff/exports/submissions", bad); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w := reviewer.do(h, http.MethodPost, "/staff/exports/submissions", v); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("by a reviewer: %d", w.Code)
	}
	rows, _ := officer.saves(t, h, "/staff/exports/submissions?kind=contact", v)
	if len(rows) != 2 || rows[1][11] != "ada@example.com" {
		t.Errorf("restricted for a claim, and demanded: %v", rows)
	}
	hasNot(t, officer.get(t, h, "/staff/exports"), "table", "to remove")
	at := "/staff/people/" + who.String()
	has(t, officer.get(t, h, at), "main", "Demanded by law")
	hasNot(t, reviewer.get(t, h, at), "main", "Demanded by law")
	hasNot(t, reviewer.get(t, h, at), "main", "A legal demand")
	h.Advance(28 * day)
	reviewer = h.again(t, account.Reviewer)
	has(t, reviewer.get(t, h, at), "main", "Circuit Court")
}

// A list for a legal demand has nobody whom its entry does not name, since nobody else is told of it. It says how many it
// leaves out.
func TestLegalDemandGetsThoseItNamesAlone(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.record(t, h.sent(t, "contact", "ada@example.com")).PersonID.UUID
	for _, kind := range []string{"contact", "contact", "demo"} {
		h.sent(t, kind, "bob@example.com")
	}
	entry := uuid.New()
	enter := func(version int, people ...any) {
		t.Helper()
		id := uuid.New()
		b := &pgx.Batch{}
		b.Queue(`
			INSERT INTO disclosure (id, entry, version, ground, outcome, asked_on, silent_until, entered_by, at)
			VALUES ($1, $2, $3, 'law', 'open', '2026-11-20', '2026-11-30', $1, now())`, id, entry, version)
		b.Queue(`INSERT INTO disclosure_words (disclosure_id, requester, demand, basis, given) VALUES ($1, 'Circuit Court', 'All', 'Rule 1', '')`, id)
		for i, who := range people {
			column := "address" // of somebody who was unknown then
			if _, known := who.(uuid.UUID); known {
				column = "person_id"
			}
			b.Queue(`INSERT INTO disclosure_person (disclosure_id, n, `+column+`) VALUES ($1, $2, $3)`, id, i+1, who)
		}
		if err := h.Pool.SendBatch(t.Context(), b).Close(); err != nil {
			t.Fatal(err)
		}
	}
	enter(1, ada, "cy@example.com")
	h.sent(t, "contact", "cy@example.com")
	v := listing("purpose", "internal", "recipient", "demand:"+entry.String())
	v["field"] = []string{"email"}
	officer := h.as(t, account.Privacy)
	has(t, officer.get(t, h, "/staff/exports"), "main", "only what the people sent whom its entry names")
	hasNot(t, h.as(t, account.Reviewer).get(t, h, "/staff/exports"), "main", "legal demand has only")

	rows, id := officer.saves(t, h, "/staff/exports/submissions?kind=contact", v)
	if len(rows) != 3 || rows[1][11] != "cy@example.com" || rows[2][11] != "ada@example.com" {
		t.Errorf("the file has %v", rows)
	}
	has(t, officer.get(t, h, "/staff/exports/"+id.String()), "main", "Left out 2 submissions of people whom the entry of the demand does not name")

	w := officer.do(h, http.MethodPost, "/staff/exports/submissions?kind=demo", v)
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a selection in which the entry names nobody: %d", w.Code)
	}
	has(t, document(t, w), ".errors", "names nobody whose submissions are in this list")

	enter(2, "nobody@example.com")
	w = officer.do(h, http.MethodPost, "/staff/exports/submissions", v)
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("an entry about nobody of ours: %d", w.Code)
	}
	var exports int
	if err := h.Pool.QueryRow(t.Context(), `SELECT count(*) FROM export`).Scan(&exports); err != nil || exports != 1 {
		t.Errorf("%d exports are remembered, %v", exports, err)
	}
	at := "/staff/people/" + ada.String() // in the file, although the entry was corrected since
	has(t, officer.get(t, h, at), "main", "Exported: what a legal demand asks for")
	hasNot(t, h.as(t, account.Reviewer).get(t, h, at), "main", "legal demand")
	h.Advance(8 * day)
	has(t, h.again(t, account.Reviewer).get(t, h, at), "main", "Exported: what a legal demand asks for")
}

// The database takes no export that lacks what the promise names, and lets nobody rewrite one.
func TestDatabaseKeepsExports(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.confirm(t, h.sent(t, "contact", "a@example.com", agreed))
	_, id := h.as(t, account.Marketer).saves(t, h, "/staff/exports/contacts", wanted())
	insert := func(recipient, processor, reason, life string) error {
		_, err := h.Pool.Exec(t.Context(), `
			INSERT INTO export (id, kind, purpose, channel, recipient, processor, reason, fields, filter, count, sha256, account_id, role, at, expires_at)
			SELECT $1, kind, purpose, channel, nullif($3, ''), nullif($4, ''), $5, fields, filter, count, sha256, account_id, role, at, at + $6::interval
			FROM export WHERE id = $2`, uuid.New(), id, recipient, processor, reason, life)
		return err
	}
	for name, err := range map[string]error{
		"export_recipient": insert("a friend", "", "check", "1 day"), `"recipient"`: insert("", "", "check", "1 day"),
		"export_reason": insert("own department", "", "To write to Ada Lovelace", "1 day"), "export_expires": insert("own department", "", "check", "2161 hours"),
		"export_recip": insert("processor", "", "check", "1 day"), "recipient_": insert("legal demand", "", "check", "1 day"),
	} {
		if err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(name, "_")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := insert("processor", "Lakeshore", "check", "2160 hours"); err != nil {
		t.Error(err)
	}
	for _, sql := range []string{`UPDATE export SET purpose = 'survey'`, `DELETE FROM export`, `DELETE FROM export_person`} {
		if _, err := h.Pool.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	var n int
	if err := h.Pool.QueryRow(t.Context(), `SELECT count(*) FROM export`).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d exports are left, %v", n, err)
	}
}
