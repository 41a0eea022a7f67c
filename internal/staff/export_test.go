package staff_test

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/submission"
)

func TestContactsLeaveByConsentOnly(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	agreed := func(e *submission.Entry) { e.Values["consent_newsletter"] = []string{"yes"} }
	for _, email := range []string{"yes@example.com", "=cmd@example.com"} {
		id := h.sent(t, "contact", email, agreed)
		if err := h.Desk.People.Confirm(ctx, h.record(t, id).PersonID.UUID); err != nil {
			t.Fatal(err)
		}
	}
	h.sent(t, "contact", "unconfirmed@example.com", agreed)
	h.sent(t, "contact", "never@example.com")
	me := h.as(t, account.Marketer)
	values := url.Values{"purpose": {"newsletter"}, "channel": {"email"}}
	w := me.do(h, http.MethodPost, "/staff/export/contacts", values)
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("to nobody: %d", w.Code)
	}
	has(t, document(t, w), ".errors", "Choose who gets the list.")
	values.Set("recipient", "Own department")
	w = me.do(h, http.MethodPost, "/staff/export/contacts", values)
	body := w.Body.String()
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	wording := "Mail me the newsletter, four times a year."
	want := [][]string{
		{"e-mail address", "agreed on", "wording", "statement"},
		{"'=cmd@example.com", "2026-11-23", wording, "2026-11-16"},
		{"yes@example.com", "2026-11-23", wording, "2026-11-16"},
	}
	if diff := cmp.Diff(rows, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if got := w.Header().Get("Content-Disposition"); !strings.Contains(got, `attachment; filename="contacts-newsletter-email-2026-11-23.csv"`) {
		t.Errorf("sent as %s", got)
	}
	var detail map[string]string
	if err := h.Pool.QueryRow(ctx, `SELECT detail FROM audit_event WHERE action = 'export'`).Scan(&detail); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	if diff := cmp.Diff(detail, map[string]string{
		"purpose": "newsletter", "channel": "email", "recipient": "Own department", "count": "2", "sha256": hex.EncodeToString(sum[:]),
	}); diff != "" {
		t.Errorf("logged (-got +want):\n%s", diff)
	}
	for _, bad := range []url.Values{{"purpose": {"service"}}, {"channel": {"fax"}}, {"channel": {"phone"}}, {"channel": {"post"}}, {"recipient": {"A friend"}}} {
		all := url.Values{"purpose": {"newsletter"}, "channel": {"email"}, "recipient": {"Own department"}}
		for name, list := range bad {
			all[name] = list
		}
		if w := me.do(h, http.MethodPost, "/staff/export/contacts", all); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d", bad, w.Code)
		}
	}
}

// A consent to calls hands out no e-mail address, whoever reads the view.
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
	d := h.as(t, account.Marketer).get(t, h, "/staff/export")
	if n := d.Find("#export-channel option").Length(); n != 2 {
		t.Errorf("%d ways are offered", n)
	}
}

func TestExportAsksForThePasswordAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Marketer)
	h.Advance(16 * minute)
	w := me.do(h, http.MethodPost, "/staff/export/contacts", url.Values{"purpose": {"newsletter"}})
	if w.Code != http.StatusUnauthorized || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("after 16 minutes: %d", w.Code)
	}
}

func TestListOfSubmissionsHasNoAddresses(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range submission.PageSize {
		h.sent(t, "contact", "ada@example.com", named("Ada Lovelace", "+Northline\n=1+1"))
	}
	h.sent(t, "demo", "b@example.com")
	h.sent(t, "career", "c@example.com")
	me := h.as(t, account.Reviewer)
	w := me.do(h, http.MethodPost, "/staff/export/submissions?kind=contact&after=x", nil)
	body := w.Body.String()
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(rows) != submission.PageSize+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if strings.Contains(body, "@") || strings.Contains(body, "Lovelace") {
		t.Error("an address or a name is in the list")
	}
	if got := rows[1][5]; got != "'+Northline =1+1" {
		t.Errorf("the company is %q", got)
	}
	w = me.do(h, http.MethodPost, "/staff/export/submissions", nil)
	if rows, err = csv.NewReader(w.Body).ReadAll(); err != nil || len(rows) != submission.PageSize+2 {
		t.Errorf("%d rows of all kinds, %v", len(rows), err)
	}
}
