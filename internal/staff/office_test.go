package staff_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/download"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/submission"
)

func TestFailedMailIsSentAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	me, admin := h.as(t, account.Reviewer), h.as(t, account.Admin)
	has(t, me.get(t, h, "/staff/mail"), ".empty", "All mail has arrived")
	id := h.sent(t, "contact", "ada@example.com")
	if _, err := h.Pool.Exec(context.Background(), `
		UPDATE message SET state = 'failed', last_error = '550 no such user' WHERE submission_id = $1 AND person_id IS NOT NULL`, id); err != nil {
		t.Fatal(err)
	}
	d := me.get(t, h, "/staff/mail")
	has(t, d, "tbody", "Confirmation About a request")
	has(t, d, "tbody", "a…@example.com")
	has(t, d, "tbody", "550 no such user")
	if d.Find(`tbody a[href="`+path(id)+`"]`).Length() != 1 {
		t.Error("no way to the record")
	}
	if d := admin.get(t, h, "/staff/mail"); d.Find("tbody a").Length() != 0 || strings.Contains(text(d, "main"), "ada@") {
		t.Error("the administrator is shown more than the failure")
	}
	again := d.Find("tbody form").AttrOr("action", "")
	has(t, me.get(t, h, admin.post(t, h, again, nil)), ".notice.good", "It is sent again.")
	has(t, me.get(t, h, me.post(t, h, again, nil)), ".notice.good", "nothing was sent")
	if mails := h.Mails(t); len(mails) != 2 {
		t.Errorf("%d mails", len(mails))
	}
}

// TestLetterThatARestrictionWithheld sees that it can be sent by hand once the restriction is lifted, and not before.
func TestLetterThatARestrictionWithheld(t *testing.T) {
	t.Parallel()
	h := open(t)
	me, record, key := h.as(t, account.Alliance), h.sent(t, "alliance", "ada@example.com"), uuid.NewString()
	h.Mails(t)
	me.post(t, h, path(record)+"/move", url.Values{
		"from": {"new"}, "to": {"declined"}, "reason": {"fit"}, "subject": {"No"}, "text": {"My careful letter."}, "key": {key},
	})
	exec := func(sql string) {
		if _, err := h.Pool.Exec(t.Context(), sql, record); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO restriction (id, person_id, submission_id, ground, placed_at) SELECT id, person_id, id, 'wish', now() FROM submission WHERE id = $1`)
	h.Advance(2 * minute)
	if mails := h.Mails(t); len(mails) != 0 {
		t.Fatalf("%d mails left in spite of the restriction", len(mails))
	}
	admin, again := h.as(t, account.Admin), "/staff/mail/"+key+"/retry"
	form := `form[action="` + again + `"]`
	d := admin.get(t, h, "/staff/mail")
	has(t, d, "tbody", "the use of the data is restricted")
	if d.Find(form).Length() != 0 {
		t.Error("it can be sent in spite of the restriction")
	}
	has(t, admin.get(t, h, admin.post(t, h, again, nil)), ".notice.good", "nothing was sent")
	exec(`UPDATE restriction SET lifted_at = now() WHERE id = $1`)
	if admin.get(t, h, "/staff/mail").Find(form).Length() != 1 {
		t.Error("it can't be sent although the restriction is lifted")
	}
	has(t, admin.get(t, h, admin.post(t, h, again, nil)), ".notice.good", "It is sent again.")
	h.oneMail(t, "My careful letter.")
}

// A mail whose words are deleted, a code that came back, is listed without a way to send it again.
func TestEmptiedMailIsNotSentAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Reviewer)
	record := h.sent(t, "contact", "ada@example.com")
	id := h.undelivered(t, record)
	if _, err := h.Pool.Exec(context.Background(), `UPDATE message SET data = '{}' WHERE id = $1`, id); err != nil {
		t.Fatal(err)
	}
	d := me.get(t, h, "/staff/mail")
	has(t, d, "tbody", "Its words are deleted.")
	if d.Find("tbody form").Length() != 0 {
		t.Error("it can be sent again")
	}
	again := "/staff/mail/" + id.String() + "/retry"
	has(t, me.get(t, h, me.post(t, h, again, nil)), ".notice.good", "Ask the person to request it anew.")
}

// The words of a failed mail are for those who see its record, without what its reader alone may do with it.
func TestWordsOfAFailedMail(t *testing.T) {
	t.Parallel()
	h := open(t)
	me, record := h.as(t, account.Reviewer), h.sent(t, "contact", "ada@example.com")
	id := h.undelivered(t, record)
	if n := me.get(t, h, "/staff/mail").Find(`tbody a[href="/staff/mail/` + id.String() + `"]`).Length(); n != 1 {
		t.Error("the list does not lead to the words")
	}
	if n := h.as(t, account.Admin).get(t, h, "/staff/mail").Find("tbody a").Length(); n != 0 {
		t.Error("the administrator is led to the words")
	}
	d := me.get(t, h, "/staff/mail/"+id.String())
	has(t, d, "main", "ada@example.com")
	has(t, d, "main", "550 no such user")
	has(t, d, ".thread", h.record(t, record).Reference)
	if strings.Contains(text(d, "main"), h.Desk.ConfirmPath(record)) {
		t.Error("staff could confirm the address in the person's place")
	}
	if h.record(t, record).ReadAt == nil {
		t.Error("the look was not logged")
	}
	if w := me.do(h, http.MethodGet, "/staff/mail/x", nil); w.Code != http.StatusNotFound {
		t.Errorf("no mail: %d", w.Code)
	}
}

// A mail that opens something for its reader alone is listed, but its link is not for staff.
func TestLinkOfAFailedMailIsItsReadersAlone(t *testing.T) {
	t.Parallel()
	h := open(t)
	me, record, id := h.as(t, account.Reviewer), h.sent(t, "contact", "ada@example.com"), uuid.New()
	if err := h.Store.Send(t.Context(), record, submission.System, mail.Message{
		ID: id, Template: "download-link", Data: download.LinkMail{Title: "A guide", LinkURL: "/downloads/get/secret", ReceiptURL: "/r/x"},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Pool.Exec(t.Context(), `UPDATE message SET state = 'failed', last_error = '550' WHERE id = $1`, id); err != nil {
		t.Fatal(err)
	}
	d := me.get(t, h, "/staff/mail/"+id.String())
	has(t, d, "main", "Your link to “A guide”")
	has(t, d, "main", "are for their reader alone")
	hasNot(t, d, "main", "/downloads/get/")
}

// A file whose scan failed is scanned again by who works on its record; another is left as it is.
func TestScanAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	me, id := h.as(t, account.Recruiter), h.sent(t, "career", "ada@example.com", h.withFile(t))
	state := func() (scan string) {
		if err := h.Pool.QueryRow(context.Background(), `SELECT scan FROM file WHERE submission_id = $1`, id).Scan(&scan); err != nil {
			t.Fatal(err)
		}
		return scan
	}
	files, err := h.Files.Of(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	again := path(id) + "/file/" + files[0].ID.String() + "/scan"
	before := state()
	has(t, me.get(t, h, me.post(t, h, again, nil)), ".notice.good", "did not fail")
	if state() != before || me.get(t, h, path(id)).Find(`form[action="`+again+`"]`).Length() != 0 {
		t.Error("one that did not fail can be scanned again")
	}
	if _, err := h.Pool.Exec(context.Background(), `UPDATE file SET scan = 'error' WHERE submission_id = $1`, id); err != nil {
		t.Fatal(err)
	}
	if n := me.get(t, h, path(id)).Find(`form[action="` + again + `"]`).Length(); n != 1 {
		t.Errorf("%d buttons to scan again", n)
	}
	if n := h.as(t, account.Privacy).get(t, h, path(id)).Find(`form[action="` + again + `"]`).Length(); n != 0 {
		t.Error("who may only look is offered it")
	}
	has(t, me.get(t, h, me.post(t, h, again, nil)), ".notice.good", "waits for the scanner again")
	if state() != "pending" {
		t.Errorf("the file is %s", state())
	}
	other := path(h.sent(t, "career", "bob@example.com")) + "/file/" + files[0].ID.String() + "/scan"
	if w := me.do(h, http.MethodPost, other, nil); w.Code != http.StatusNotFound {
		t.Errorf("a file of another record: %d", w.Code)
	}
}

func TestTeam(t *testing.T) {
	t.Parallel()
	h := open(t)
	admin := h.as(t, account.Admin)
	w := admin.do(h, http.MethodPost, "/staff/team", url.Values{"email": {"new"}, "name": {"New One"}})
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("no address: %d", w.Code)
	}
	d := document(t, w)
	has(t, d, ".errors", "Write the address like name@example.com.")
	if got := d.Find("#team-name").AttrOr("value", ""); got != "New One" {
		t.Errorf("typed name is %q", got)
	}
	w = admin.do(h, http.MethodPost, "/staff/team", url.Values{"email": {"new@staff.example.com"}, "role": {"king"}})
	has(t, document(t, w), ".errors", "Choose at least one role.")
	to := admin.post(t, h, "/staff/team", url.Values{"email": {"new@staff.example.com"}, "name": {"New One"}, "role": {"recruiter"}})
	d = admin.get(t, h, to)
	has(t, d, "tbody", "New One new@staff.example.com Recruiter never Invited")
	w = admin.do(h, http.MethodPost, "/staff/team", url.Values{"email": {"new@staff.example.com"}, "role": {"recruiter"}})
	has(t, document(t, w), ".errors", "This address has an account already.")
	if mails := strings.Join(h.Mails(t), ""); !strings.Contains(mails, "/staff/invite/") {
		t.Error("no invitation was mailed")
	}
	a, err := h.accounts.Find(context.Background(), "new@staff.example.com")
	if err != nil {
		t.Fatal(err)
	}
	at := "/staff/team/" + a.ID.String()
	d = admin.get(t, h, admin.post(t, h, at+"/roles", url.Values{"role": {"marketer", "reviewer"}}))
	has(t, d, ".facts", "Marketer, Reviewer")
	has(t, d, ".timeline", "Set roles: recruiter → marketer reviewer Administrator, admin")
	has(t, admin.get(t, h, admin.post(t, h, at+"/disable", nil)), ".head", "Closed")
	has(t, admin.get(t, h, admin.post(t, h, at+"/enable", nil)), ".head", "Invited")
}

// TestRecordsOfWhoLeaves sees that what a colleague owned is found as unassigned once they can't work on it.
func TestRecordsOfWhoLeaves(t *testing.T) {
	t.Parallel()
	h := open(t)
	admin, gone, me := h.as(t, account.Admin), h.as(t, account.Alliance), h.as(t, account.Reviewer)
	at := "/staff/team/" + gone.ID.String()
	for _, act := range []string{"/roles", "/disable"} {
		admin.post(t, h, at+"/roles", url.Values{"role": {"alliance"}})
		id := h.sent(t, "alliance", "ada@example.com")
		me.post(t, h, path(id)+"/assign", url.Values{"to": {gone.ID.String()}})
		me.post(t, h, path(id)+"/quarantine", nil)
		admin.post(t, h, at+act, url.Values{"role": {"recruiter"}})
		me.post(t, h, path(id)+"/restore", nil)
		if n := me.get(t, h, "/staff/submissions?view=unassigned").Find(`a[href^="` + path(id) + `"]`).Length(); n == 0 {
			t.Errorf("%s: the record is in nobody's list", act)
		}
		d := me.get(t, h, path(id))
		has(t, d, ".record-side", "Owner Nobody")
		has(t, d, ".timeline", "Assigned to nobody Administrator, admin")
	}
	kept := h.sent(t, "contact", "bob@example.com")
	me.post(t, h, path(kept)+"/assign", url.Values{"to": {me.ID.String()}})
	admin.post(t, h, "/staff/team/"+me.ID.String()+"/roles", url.Values{"role": {"reviewer", "marketer"}})
	if r := h.record(t, kept); r.AssigneeID.UUID != me.ID {
		t.Error("who still can work on it lost a record")
	}
}

func TestLastAdministratorStays(t *testing.T) {
	t.Parallel()
	h := open(t)
	admin := h.as(t, account.Admin)
	at := "/staff/team/" + admin.ID.String()
	for act, values := range map[string]url.Values{"/roles": {"role": {"reviewer"}}, "/disable": nil} {
		w := admin.do(h, http.MethodPost, at+act, values)
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", act, w.Code)
		}
		has(t, document(t, w), ".errors", "This is the last administrator.")
	}
	if w := admin.do(h, http.MethodGet, "/staff/team/"+uuid.NewString(), nil); w.Code != http.StatusNotFound {
		t.Errorf("nobody's page: %d", w.Code)
	}
}

func TestNavigationFollowsRoles(t *testing.T) {
	t.Parallel()
	h := open(t)
	for role, want := range map[account.Role]string{
		account.Reviewer:  "Inbox Exports Mail not delivered Your account",
		account.Recruiter: "Inbox Openings Exports Your account",
		account.Alliance:  "Inbox Exports Your account",
		account.Marketer:  "Inbox News Exports Your account",
		account.Privacy:   "Inbox Exports Your account",
		account.Admin:     "Mail not delivered People and roles Jobs Your account",
	} {
		d := h.as(t, role).get(t, h, "/staff/account")
		if got := text(d, ".staff-nav ul"); got != want {
			t.Errorf("%s: %q, want %q", role, got, want)
		}
		has(t, d, ".staff-nav [aria-current]", "Your account")
		has(t, d, ".staff-me", role.Label())
	}
}

func TestJobsPagesStayInside(t *testing.T) {
	t.Parallel()
	h := open(t)
	w := h.as(t, account.Admin).do(h, http.MethodGet, "/staff/jobs/", nil)
	body := w.Body.String()
	if w.Code != http.StatusOK || !strings.Contains(body, `src="/staff/jobs/assets/`) {
		t.Fatalf("%d\n%s", w.Code, body)
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self'; ") || strings.Contains(csp, "script-src") {
		t.Errorf("policy %q", csp)
	}
}
