package staff_test

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity/activitytest"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

func TestTakeByPhone(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Alliance)
	has(t, me.get(t, h, "/staff/submissions/new"), ".rows", "Alliance application")
	hasNot(t, me.get(t, h, "/staff/submissions/new"), ".rows", "Question")
	at := "/staff/submissions/new?kind=alliance"
	w := me.do(h, http.MethodGet, at, nil)
	values := activitytest.Hidden(w.Body.String())
	d := document(t, w)
	has(t, d, ".consents", "Mail me the newsletter, four times a year.")
	has(t, d, ".label", "18 November 2026")
	if n := d.Find(".trap").Length(); n != 0 {
		t.Error("staff are asked to fall into the trap")
	}
	values.Set("why", "Pumps in Ohio")
	values.Set("taken_by", me.ID.String())
	values.Set("consent_newsletter", "yes")
	w = me.do(h, http.MethodPost, at, values)
	d = document(t, w)
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("half of it: %d", w.Code)
	}
	has(t, d, ".errors", "3 things to put right Choose how it reached us. Enter your full name.")
	has(t, d, "textarea[name=why]", "Pumps in Ohio")
	values.Set("name", "Grace Hopper")
	values.Set("email", "Grace@Example.com")
	values.Set("via", "phone")
	to := me.post(t, h, at, values)
	if again := me.post(t, h, at, values); again != to {
		t.Errorf("sent twice: %s and %s", to, again)
	}
	d = me.get(t, h, to)
	has(t, d, ".notice.good", "The record is stored")
	has(t, d, ".record-side", "grace@example.com Not confirmed")
	has(t, d, ".record-side", "Came by phone")
	has(t, d, ".record-side", "Counts once the address is confirmed")
	if n := strings.Count(text(d, ".timeline"), "Taken by phone"); n != 1 {
		t.Errorf("taken %d times: %s", n, text(d, ".timeline"))
	}
	if mails := h.Mails(t); len(mails) != 2 || !strings.Contains(strings.Join(mails, ""), "/confirm/") {
		t.Errorf("%d mails, want a confirmation with its link, and the notice", len(mails))
	}
}

func TestTakeWithAnOldPage(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Alliance)
	at := "/staff/submissions/new?kind=alliance"
	values := activitytest.Hidden(me.do(h, http.MethodGet, at, nil).Body.String())
	for name, value := range map[string]string{
		"name": "Grace Hopper", "email": "grace@example.com", "why": "x", "via": "fair", "taken_by": me.ID.String(),
	} {
		values.Set(name, value)
	}
	values.Set("seal", "forged")
	w := me.do(h, http.MethodPost, at, values)
	if w.Code != http.StatusUnprocessableEntity {
		t.Fatalf("a forged seal: %d", w.Code)
	}
	body := w.Body.String()
	if !strings.Contains(body, "read the consents out again") || !strings.Contains(body, "Grace Hopper") {
		t.Error("the page does not say what to do, or lost what was typed")
	}
	values["seal"] = activitytest.Hidden(body)["seal"]
	me.post(t, h, at, values)
	var n int
	if err := h.Pool.QueryRow(context.Background(), `SELECT count(*) FROM submission WHERE channel = 'fair'`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d records, %v", n, err)
	}
}

func TestTakeOfWhatNeedsASubject(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Marketer) // demo is not among the plain kinds
	if w := me.do(h, http.MethodGet, "/staff/submissions/new?kind=demo", nil); w.Code != http.StatusNotFound {
		t.Errorf("without its subject: %d", w.Code)
	}
	link := me.get(t, h, "/staff/submissions/new").Find(".rows a")
	if link.Length() != 1 {
		t.Errorf("%d requests can be taken", link.Length())
	}
	at := link.AttrOr("href", "")
	values := activitytest.Hidden(me.do(h, http.MethodGet, at, nil).Body.String())
	for name, value := range map[string]string{
		"name": "Grace Hopper", "email": "grace@example.com", "why": "x", "via": "fair", "taken_by": me.ID.String(),
	} {
		values.Set(name, value)
	}
	to := me.post(t, h, at, values)
	id := uuid.MustParse(strings.TrimSuffix(strings.TrimPrefix(to, "/staff/submissions/"), "?done=taken"))
	if rec := h.record(t, id); rec.SubjectID.UUID != film || rec.Subject != "Pumps, seen from inside" || rec.Channel != "fair" {
		t.Errorf("%+v", rec)
	}
}

// TestTakeKeepsWhatWasTyped can't store a request that was read out at length.
func TestTakeKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Reviewer)
	const at = "/staff/submissions/new?kind=contact"
	values := activitytest.Hidden(me.do(h, http.MethodGet, at, nil).Body.String())
	for name, value := range map[string]string{
		"name": "Grace Hopper", "email": "grace@example.com", "why": "Pumps in Ohio", "via": "phone", "taken_by": me.ID.String(),
	} {
		values.Set(name, value)
	}
	closed := me.do(h, http.MethodPost, "/staff/submissions/new?kind=demo&subject="+over.String(), values)
	if d := document(t, closed); closed.Code != http.StatusConflict {
		t.Errorf("closed: %d", closed.Code)
	} else {
		has(t, d, ".notice", "It is over. What you typed is still here")
		has(t, d, "textarea[name=why]", "Pumps in Ohio")
	}
	owner := pgtest.Admin(t, h.Pool)
	rename := func(from, to string) {
		t.Helper()
		if _, err := owner.Exec(context.Background(), `ALTER TABLE `+from+` RENAME TO `+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("answers", "answers_away")
	w := me.do(h, http.MethodPost, at, values)
	d := document(t, w)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("not stored: %d", w.Code)
	}
	has(t, d, "textarea[name=why]", "Pumps in Ohio")
	if got := d.Find("input[name=seal]").AttrOr("value", ""); got != values.Get("seal") {
		t.Error("the page has another seal: what was stored after all would be stored twice")
	}
	rename("answers_away", "answers")
	me.post(t, h, at, values)
}

// TestTakeWithAFile hands over a file at a fair, with a mistake on the page: it is kept and need not be chosen again.
func TestTakeWithAFile(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Recruiter)
	const at = "/staff/submissions/new?kind=career"
	values := activitytest.Hidden(me.do(h, http.MethodGet, at, nil).Body.String())
	values.Set("email", "grace@example.com")
	values.Set("why", "x")
	values.Set("via", "fair")
	values.Set("taken_by", me.ID.String())
	w := me.upload(t, h, at, values, "cv", "cv.txt", "Ten years of pumps.")
	if w.Code != http.StatusUnprocessableEntity {
		t.Fatalf("without a name: %d", w.Code)
	}
	page := w.Body.String()
	if !strings.Contains(page, "cv.txt, 19 bytes") {
		t.Error("the file is not kept")
	}
	for name, list := range activitytest.Hidden(page) {
		values[name] = list
	}
	values.Set("name", "Grace Hopper")
	d := me.get(t, h, me.post(t, h, at, values))
	if n := d.Find("#r-files").Length(); n > 0 {
		t.Error("a file that an answer names stands on the page twice")
	}
	opened := d.Find(".answers form:contains('cv.txt, 19 bytes')")
	if w := me.do(h, http.MethodPost, opened.AttrOr("action", "/"), nil); w.Body.String() != "Ten years of pumps." {
		t.Errorf("the file of an answer: %d %q", w.Code, w.Body)
	}
	delete(values, "cv_kept") // a required file is not required of staff
	values.Set("name", "Without a file")
	me.post(t, h, at, values)
}

// upload sends a form with a file.
func (m member) upload(
	t *testing.T, h *house, path string, values url.Values, field, name, text string,
) *httptest.ResponseRecorder {
	t.Helper()
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	for key := range values {
		if err := parts.WriteField(key, values.Get(key)); err != nil {
			t.Fatal(err)
		}
	}
	w, err := parts.CreateFormFile(field, name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, &b)
	r.Header.Set("Content-Type", parts.FormDataContentType())
	r.AddCookie(m.cookie)
	return h.Do(r)
}
