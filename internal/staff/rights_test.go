package staff_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/staff"
	"clickcommerce.com/site/internal/submission"
)

// line is one address of the table: what each role gets, and nobody.
type line struct {
	n                        int
	method, pattern, subject string
	want                     []string // in the order of columns
}

// columns are the roles, then "nobody": one who isn't signed in.
func columns() []string {
	var list []string
	for _, r := range account.Roles() {
		list = append(list, string(r))
	}
	return append(list, "nobody")
}

func readRights(t *testing.T) []line {
	t.Helper()
	f, err := os.Open("testdata/rights.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var table []line
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if words[0] == "EDIT" || len(words) > 2 && words[2] == "content" {
			continue // pages of the rooms, which cmd/site asks
		}
		if len(words) != 3+len(columns()) {
			t.Fatalf("rights.txt:%d: %d words, want method, address, subject and %v", n, len(words), columns())
		}
		table = append(table, line{n, words[0], words[1], words[2], words[3:]})
	}
	return table
}

// TestRights asks every address of the workspace as every role, and compares with the written table.
func TestRights(t *testing.T) {
	t.Parallel()
	h := open(t)
	table := readRights(t)
	listed := map[string]bool{}
	for _, l := range table {
		listed[l.method+" "+l.pattern] = true
	}
	r := chi.NewRouter()
	h.space.Routes(r)
	err := chi.Walk(r, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if !listed[method+" "+pattern] {
			t.Errorf("%s %s stands in no line of rights.txt", method, pattern)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range table {
		for i, column := range columns() {
			who := member{}
			if column != "nobody" {
				// A session of its own, since signing out and closing sessions are among the addresses.
				who.Account, who.cookie = h.fresh(t, account.Role(column))
			}
			w := who.do(h, l.method, h.address(t, l), h.payload(t, l))
			if got := fmt.Sprint(w.Code); got != l.want[i] {
				t.Errorf("rights.txt:%d: %s %s (%s) as %s: got %s, want %s", l.n, l.method, l.pattern, l.subject, column, got, l.want[i])
			}
		}
	}
}

// fresh signs in: who is there already, unless the session or the account may be gone.
func (h *house) fresh(t *testing.T, role account.Role) (account.Account, *http.Cookie) {
	t.Helper()
	m := h.as(t, role)
	if w := m.do(h, http.MethodGet, "/staff/account", nil); w.Code == http.StatusOK {
		return m.Account, m.cookie
	}
	delete(h.staff, role)
	m = h.as(t, role)
	return m.Account, m.cookie
}

// address puts a real thing, made for this one request, into the pattern.
func (h *house) address(t *testing.T, l line) string {
	t.Helper()
	switch {
	case strings.HasPrefix(l.pattern, "/staff/submissions/{id}"):
		var adjust []func(*submission.Entry)
		if strings.Contains(l.pattern, "{file}") {
			adjust = append(adjust, h.withFile(t))
		}
		id := h.sent(t, l.subject, uuid.NewString()+"@example.com", adjust...)
		files, err := h.Files.Of(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			l.pattern = strings.Replace(l.pattern, "{file}", f.ID.String(), 1)
		}
		return strings.Replace(l.pattern, "{id}", id.String(), 1)
	case strings.HasPrefix(l.pattern, "/staff/people/"):
		id := h.sent(t, l.subject, uuid.NewString()+"@example.com")
		return strings.Replace(l.pattern, "{id}", h.record(t, id).PersonID.UUID.String(), 1)
	case strings.HasPrefix(l.pattern, "/staff/misuse/"):
		return strings.Replace(l.pattern, "{id}", h.flagged(t, h.sent(t, l.subject, uuid.NewString()+"@example.com")).String(), 1)
	case strings.HasPrefix(l.pattern, "/staff/team/{id}"):
		a, err := h.accounts.Create(context.Background(), account.Hire{
			Email: uuid.NewString() + "@staff.example.com", Roles: []account.Role{account.Reviewer},
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Replace(l.pattern, "{id}", a.ID.String(), 1)
	case strings.HasPrefix(l.pattern, "/staff/exports/{id}"):
		return strings.Replace(l.pattern, "{id}", h.exported(t).String(), 1)
	case l.pattern == "/staff/mail/{id}" && l.subject != "-":
		return strings.Replace(l.pattern, "{id}", h.undelivered(t, h.sent(t, l.subject, uuid.NewString()+"@example.com")).String(), 1)
	case strings.HasPrefix(l.pattern, "/staff/mail/{id}"):
		return strings.Replace(l.pattern, "{id}", h.failed(t).String(), 1)
	case l.pattern == "/staff/submissions/new" && l.subject != "-":
		return l.pattern + "?kind=" + l.subject
	}
	return strings.NewReplacer("{token}", "none", "*", "api/queues").Replace(l.pattern)
}

// flagged flags a record by a colleague who asks for nothing else.
func (h *house) flagged(t *testing.T, id uuid.UUID) uuid.UUID {
	t.Helper()
	officer, _ := accounttest.Staff(t, h.accounts, h.Now(), account.Reviewer)
	rec := h.record(t, id)
	f := staff.Flag{
		ID: uuid.New(), Person: rec.PersonID.UUID, Submission: uuid.NullUUID{UUID: id, Valid: true}, Kind: "abuse", Evidence: "x", At: h.Now(),
	}
	if err := h.misuse.Add(context.Background(), f, by(officer, account.Reviewer), rec.Email, mail.Conduct{Evidence: f.Evidence, ObjectURL: "/contact"}); err != nil {
		t.Fatal(err)
	}
	return f.ID
}

// exported lets a colleague who asks for nothing else export a list.
func (h *house) exported(t *testing.T) uuid.UUID {
	t.Helper()
	var who member
	who.Account, who.cookie = accounttest.Staff(t, h.accounts, h.Now(), account.Marketer)
	if w := who.do(h, http.MethodPost, "/staff/exports/contacts", wanted()); w.Code != http.StatusOK {
		t.Fatalf("export: %d", w.Code)
	}
	var id uuid.UUID
	if err := h.Pool.QueryRow(context.Background(), `SELECT id FROM export WHERE account_id = $1`, who.ID).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// undelivered lets the confirmation of a record fail, and returns that mail.
func (h *house) undelivered(t *testing.T, record uuid.UUID) uuid.UUID {
	t.Helper()
	var id uuid.UUID
	if err := h.Pool.QueryRow(context.Background(), `
		UPDATE message SET state = 'failed', last_error = '550 no such user' WHERE submission_id = $1 AND template = 'received'
		RETURNING id`, record).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// failed is a mail that could not be delivered.
func (h *house) failed(t *testing.T) uuid.UUID {
	t.Helper()
	id := uuid.New()
	ctx := context.Background()
	err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error {
		if err := h.Mail.Insert(ctx, tx, mail.Message{
			ID: id, Template: "inbox", Address: "hello@example.com", Data: mail.Inbox{Kind: "Question", Reference: "CC-1", URL: "/staff"},
		}); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE message SET state = 'failed', last_error = '550 no such user' WHERE id = $1`, id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// payload is what a POST needs to be carried out by one who may.
func (h *house) payload(t *testing.T, l line) url.Values {
	t.Helper()
	if l.method == http.MethodPost && l.pattern == "/staff/submissions" && l.subject != "-" {
		id := h.sent(t, l.subject, uuid.NewString()+"@example.com")
		return url.Values{"id": {id.String()}, "do": {"quarantine"}}
	}
	values := map[string]url.Values{
		"/staff/submissions/{id}/move":   {"from": {"new"}, "to": {"closed"}, "subject": {"s"}, "text": {"t"}},
		"/staff/submissions/{id}/reply":  {"subject": {"An answer"}, "text": {"Words"}},
		"/staff/submissions/{id}/note":   {"text": {"Words"}},
		"/staff/submissions/{id}/assign": {"to": {"none"}},
		"/staff/submissions/{id}/misuse": {"kind": {"abuse"}, "evidence": {"Words"}},
		"/staff/people/{id}/opt-out":     {"purpose": {"newsletter"}, "channel": {"email"}, "way": {"phone"}, "reason": {"stop"}},
		"/staff/refusals": {
			"email": {"grace@example.com"}, "purpose": {"newsletter"}, "channel": {"email"}, "way": {"phone"}, "reason": {"stop"},
		},
		"/staff/exports/contacts":    {"purpose": {"newsletter"}, "channel": {"email"}, "recipient": {"own department"}, "reason": {"write"}},
		"/staff/exports/submissions": {"purpose": {"service"}, "recipient": {"own department"}, "reason": {"work"}},
		"/staff/sign-in":             {"email": {uuid.NewString() + "@staff.example.com"}},
		"/staff/team":                {"email": {uuid.NewString() + "@staff.example.com"}, "role": {"reviewer"}},
		"/staff/team/{id}/roles":     {"role": {"marketer"}},
	}
	if v := values[l.pattern]; v != nil && l.subject == "alliance" && strings.HasSuffix(l.pattern, "/move") {
		return url.Values{"from": {"new"}, "to": {"approved"}, "subject": {"s"}, "text": {"t"}}
	}
	return values[l.pattern]
}

// TestRightsNameEachRole keeps the table honest: a new role needs a column.
func TestRightsNameEachRole(t *testing.T) {
	t.Parallel()
	head, err := os.ReadFile("testdata/rights.txt")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(head)) {
		if words := strings.Fields(l); len(words) > 3 && words[1] == "method" {
			if got := words[4:]; !slices.Equal(got, columns()) {
				t.Errorf("columns %v, want %v", got, columns())
			}
			return
		}
	}
	t.Error("rights.txt has no line that names its columns")
}
