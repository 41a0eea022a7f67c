package staff_test

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/account/accounttest"
)

func TestMisuseIsToldOnceAndBlocks(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "contact", "spam@example.com")
	h.Mails(t)
	me := h.as(t, account.Reviewer)
	values := url.Values{"kind": {""}, "evidence": {""}, "until": {"2031-01-01"}}
	w := me.do(h, http.MethodPost, path(id)+"/misuse", values)
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("nothing filled in: %d", w.Code)
	}
	has(t, document(t, w), ".errors", "Choose what it was. Write what you saw. The person reads it. Enter a day from today to 24 November 2027")
	values = url.Values{"kind": {"advertising"}, "evidence": {"Forty offers of cheap bearings."}, "until": {"2026-12-24"}, "key": {uuid.NewString()}}
	to := me.post(t, h, path(id)+"/misuse", values)
	me.post(t, h, path(id)+"/misuse", values)
	has(t, me.get(t, h, to), ".notice.bad", "Misuse: Advertising. Blocked until 24 December 2026")
	mails := h.Mails(t)
	if len(mails) != 1 {
		t.Fatalf("%d mails, want one", len(mails))
	}
	for _, words := range []string{"Forty offers of cheap bearings.", "24 December 2026", "number 6", "/r/"} {
		if !strings.Contains(strings.ReplaceAll(mails[0], "=\r\n", ""), words) {
			t.Errorf("the mail does not say %q:\n%s", words, mails[0])
		}
	}
	values.Set("evidence", "Fifty offers, in fact.") // the same page, brought back by the browser
	d := me.get(t, h, me.post(t, h, path(id)+"/misuse", values))
	has(t, d, ".notice.bad", "Fifty offers, in fact.")
	h.oneMail(t, "Fifty offers")
	if !h.misuse.Blocked("spam@example.com") || h.misuse.Blocked("ham@example.com") {
		t.Error("the block is on the wrong one")
	}
	h.Advance(31 * day)
	if !h.misuse.Blocked("spam@example.com") {
		t.Error("the block ended early")
	}
	h.Advance(day)
	if h.misuse.Blocked("spam@example.com") {
		t.Error("the block has no end")
	}
}

func TestObjection(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.sent(t, "contact", "spam@example.com")
	me := h.as(t, account.Reviewer)
	me.post(t, h, path(id)+"/misuse", url.Values{"kind": {"flooding"}, "evidence": {"Many."}, "until": {"2027-06-01"}})
	who := h.record(t, id).PersonID.UUID
	flags, err := h.misuse.Of(context.Background(), who)
	if err != nil || len(flags) != 1 {
		t.Fatalf("%v, %v", flags, err)
	}
	lift := "/staff/misuse/" + flags[0].ID.String() + "/lift"
	if w := me.do(h, http.MethodPost, lift, nil); w.Code != http.StatusForbidden {
		t.Errorf("the officer decides on the objection: %d", w.Code)
	}
	person := "/staff/people/" + who.String()
	if n := me.get(t, h, person).Find(`form[action="` + lift + `"]`).Length(); n != 0 {
		t.Error("the officer is offered to lift")
	}
	_, cookie := accounttest.Staff(t, h.accounts, h.Now(), account.Reviewer)
	other := member{cookie: cookie}
	d := other.get(t, h, person)
	has(t, d, ".notice.bad", "Misuse: Flooding")
	if n := d.Find(`form[action="` + lift + `"]`).Length(); n != 1 {
		t.Error("nobody else is offered to lift")
	}
	d = other.get(t, h, other.post(t, h, lift, nil))
	has(t, d, ".notice", "lifted on 23 November 2026")
	if h.misuse.Blocked("spam@example.com") {
		t.Error("still blocked")
	}
	if w := other.do(h, http.MethodPost, lift, nil); w.Code != http.StatusSeeOther {
		t.Errorf("lifted twice: %d", w.Code)
	}
	hasNot(t, me.get(t, h, path(id)), ".pane-record", "Misuse: Flooding")
}

func TestFlagsAreExportedErasedAndForgotten(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	id := h.sent(t, "contact", "spam@example.com")
	h.flagged(t, id)
	who := h.record(t, id).PersonID.UUID
	var out bytes.Buffer
	if err := h.misuse.Holder().Export(ctx, who, &out); err != nil || !strings.Contains(out.String(), `"kind":"abuse","evidence":"x"`) {
		t.Errorf("export: %s, %v", out.String(), err)
	}
	err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error { return h.misuse.Holder().Erase(ctx, tx, who, h.Now()) })
	if err != nil {
		t.Fatal(err)
	}
	flags, err := h.misuse.Of(ctx, who)
	if err != nil || len(flags) != 1 || flags[0].Evidence != "" {
		t.Errorf("after erasure: %+v, %v", flags, err)
	}
	for _, c := range []struct {
		months, left int
	}{{23, 1}, {2, 0}} {
		h.Advance(h.Now().AddDate(0, c.months, 0).Sub(h.Now()))
		h.forget(t)
		if flags, err = h.misuse.Of(ctx, who); err != nil || len(flags) != c.left {
			t.Errorf("after %d more months: %d flags, want %d, %v", c.months, len(flags), c.left, err)
		}
	}
}

// forget deletes the flags whose time is over.
func (h *house) forget(t *testing.T) {
	t.Helper()
	for _, d := range h.misuse.Deletes() {
		if _, err := d.Run(t.Context(), h.Pool, h.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

// What a hold covers outlives erasure and time, and the database refuses to lose it whatever code does.
func TestHeldFlagsAndMailsStay(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	id, other := h.sent(t, "contact", "spam@example.com"), h.sent(t, "contact", "spam@example.com")
	h.flagged(t, id)
	h.flagged(t, other)
	h.Mails(t)
	who := h.record(t, id).PersonID.UUID
	officer, _ := accounttest.Staff(t, h.accounts, h.Now(), account.Privacy)
	if _, err := h.Pool.Exec(ctx, `
		INSERT INTO legal_hold (id, scope, submission_id, ground, officer_id, placed_at, reviewed_at, review_on)
		VALUES (gen_random_uuid(), 'record', $1, 'A claim.', $2, now(), now(), now()::date + 30)`, id, officer.ID); err != nil {
		t.Fatal(err)
	}
	evidence := func(when string, want map[uuid.UUID]string) {
		t.Helper()
		flags, err := h.misuse.Of(ctx, who)
		if err != nil {
			t.Fatal(err)
		}
		got := map[uuid.UUID]string{}
		for _, f := range flags {
			got[f.Submission.UUID] = f.Evidence
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", when, diff)
		}
	}
	erase := func() {
		t.Helper()
		if err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error { return h.misuse.Holder().Erase(ctx, tx, who, h.Now()) }); err != nil {
			t.Fatal(err)
		}
	}
	erase()
	evidence("erased", map[uuid.UUID]string{id: "x", other: ""})
	h.Advance(h.Now().AddDate(0, 25, 0).Sub(h.Now()))
	h.forget(t)
	evidence("after 25 months", map[uuid.UUID]string{id: "x"})
	for _, sql := range []string{
		`UPDATE misuse SET evidence = '' WHERE submission_id = $1`, `DELETE FROM misuse WHERE submission_id = $1`,
		`UPDATE message SET data = '{}' WHERE submission_id = $1`, `DELETE FROM message WHERE submission_id = $1`,
	} {
		if _, err := h.Pool.Exec(ctx, sql, id); err == nil || !strings.Contains(err.Error(), "legal hold") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if _, err := h.Pool.Exec(ctx, `UPDATE legal_hold SET lifted_at = now(), lifted_by = officer_id`); err != nil {
		t.Fatal(err)
	}
	erase()
	evidence("lifted", map[uuid.UUID]string{id: ""})
	h.forget(t)
	evidence("lifted, and forgotten", map[uuid.UUID]string{})
}
