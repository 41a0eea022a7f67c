package staff_test

import (
	"context"
	"encoding/hex"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/submission"
)

func TestPersonShowsWhatTheRoleOpens(t *testing.T) {
	t.Parallel()
	h := open(t)
	question := h.sent(t, "contact", "ada@example.com", func(e *submission.Entry) { e.Values["consent_newsletter"] = []string{"yes"} })
	h.sent(t, "career", "ada@example.com")
	h.sent(t, "career", "ada@example.com")
	who := h.record(t, question).PersonID.UUID
	at := "/staff/people/" + who.String()
	me := h.as(t, account.Reviewer)
	d := me.get(t, h, at)
	has(t, d, "main", "2 more that your role does not open.")
	if n := d.Find(".queue li").Length(); n != 1 {
		t.Errorf("%d submissions, want the question alone", n)
	}
	if n := d.Find("[aria-labelledby=p-mails] tbody tr").Length(); n != 1 {
		t.Errorf("%d mails, want that about the question alone", n)
	}
	has(t, d, "main", "Newsletter Email Counts once the address is confirmed")
	d = h.as(t, account.Privacy).get(t, h, at)
	if n := d.Find(".queue li").Length(); n != 3 {
		t.Errorf("the privacy officer sees %d submissions", n)
	}
	if w := h.as(t, account.Marketer).do(h, http.MethodGet, at, nil); w.Code != http.StatusNotFound {
		t.Errorf("the marketer, who sees none of them: %d", w.Code)
	}
	events, err := audit.Of(context.Background(), h.Pool, who)
	if err != nil || len(events) != 2 || events[0].Role != "reviewer" || events[1].Role != "privacy" {
		t.Errorf("readings of the person: %+v, %v", events, err)
	}
}

func TestOptOutByPhone(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	id := h.sent(t, "contact", "ada@example.com", func(e *submission.Entry) { e.Values["consent_newsletter"] = []string{"yes"} })
	who := h.record(t, id).PersonID.UUID
	if err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error { return h.Desk.People.Confirm(ctx, tx, who, math.MaxInt64) }); err != nil {
		t.Fatal(err)
	}
	at := "/staff/people/" + who.String()
	me := h.as(t, account.Reviewer)
	w := me.do(h, http.MethodPost, at+"/opt-out", url.Values{"purpose": {"newsletter", "service"}})
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("half of it: %d", w.Code)
	}
	has(t, document(t, w), ".errors", "3 things to put right Choose by which way it is not wanted.")
	to := me.post(t, h, at+"/opt-out", url.Values{
		"purpose": {"newsletter", "promotion"}, "channel": {"email", "phone"}, "way": {"phone"}, "reason": {"never"},
	})
	d := me.get(t, h, to)
	has(t, d, ".notice.good", "Nothing of that is sent any more.")
	has(t, d, "main", "By phone: says it was never agreed to. Recorded by staff.")
	choices, err := h.Desk.Ledger.Of(ctx, who)
	if err != nil || len(choices) != 4 {
		t.Fatalf("%d choices, %v", len(choices), err)
	}
	for _, c := range choices {
		if c.Granted || c.InForce || c.Origin != consent.FromStaff || c.Statement != "2026-11-18" {
			t.Errorf("%+v", c)
		}
	}
	var suppressed int
	if err := h.Pool.QueryRow(ctx, `SELECT count(*) FROM suppression`).Scan(&suppressed); err != nil || suppressed != 4 {
		t.Errorf("%d suppressions, %v", suppressed, err)
	}
	if w := h.as(t, account.Marketer).do(h, http.MethodPost, at+"/opt-out", nil); w.Code != http.StatusNotFound {
		t.Errorf("one who sees none of the submissions: %d", w.Code)
	}
}

// TestRefusalOfNobody records what somebody refuses of whom nothing is held, and holds it against what comes later.
func TestRefusalOfNobody(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	const email = "grace@example.com"
	me := h.as(t, account.Reviewer)
	look := me.post(t, h, "/staff/search", url.Values{"q": {email}})
	offer, ok := me.get(t, h, look).Find(`.empty a:contains("Record a refusal")`).Attr("href")
	if !ok || strings.Contains(offer, "grace") {
		t.Fatalf("offered at %q", offer)
	}
	d := me.get(t, h, offer)
	if got := d.Find("#out-email").AttrOr("value", ""); got != email {
		t.Errorf("the address is not carried over: %q", got)
	}
	w := me.do(h, http.MethodPost, "/staff/refusals", url.Values{"email": {"grace@"}, "purpose": {"newsletter"}, "way": {"fax"}})
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("half of it: %d", w.Code)
	}
	d = document(t, w)
	has(t, d, ".errors", "4 things to put right")
	if got := d.Find("#out-email").AttrOr("value", ""); got != "grace@" || d.Find("#out-purpose-3[checked], #out-email[aria-invalid]").Length() != 2 {
		t.Errorf("what was typed is not kept: %q", got)
	}
	want := url.Values{
		"email": {" Grace@Example.com "}, "purpose": {"newsletter", "promotion"}, "channel": {"email"}, "way": {"phone"}, "reason": {"stop"},
	}
	var wait sync.WaitGroup
	for range 4 { // pressed more than once
		wait.Go(func() {
			if w := me.do(h, http.MethodPost, "/staff/refusals", want); w.Code != http.StatusSeeOther {
				t.Errorf("recorded: %d", w.Code)
			}
		})
	}
	wait.Wait()
	has(t, me.get(t, h, me.post(t, h, "/staff/refusals", want)), ".notice.good", "Nothing of that is sent to this address")
	h.wantLogged(t, "reviewer opt out address: promotion/email newsletter/email, phone, stop", email)
	h.wantRefused(t, 2)

	// What they send later is taken; what somebody ticks for them in it, or imports, brings nothing.
	id := h.sent(t, "contact", email, func(e *submission.Entry) { e.Values["consent_newsletter"] = []string{"yes"} })
	who := h.record(t, id).PersonID.UUID
	if _, err := h.Pool.Exec(ctx, `
		INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
		VALUES ($1, 'promotion', 'email', true, 'From a list.', '2026-11-18', 'preferences', $2)`, who, h.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Pool.Exec(ctx, `INSERT INTO confirmation (person_id, at, seq) VALUES ($1, $2, 99)`, who, h.Now()); err != nil {
		t.Fatal(err)
	}
	if got := h.contactable(t, who); got != "" {
		t.Errorf("mailed %q in spite of it", got)
	}
	has(t, me.get(t, h, "/staff/people/"+who.String()), "main", "Newsletter, Email: by phone, ")
	h.sent(t, "contact", email, func(e *submission.Entry) { e.Values["consent_newsletter"] = []string{"yes"} })
	p, err := h.Desk.People.Get(ctx, who)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Desk.Confirm(ctx, p, math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	if got := h.contactable(t, who); !strings.Contains(got, "newsletter") {
		t.Errorf("agreed anew and confirmed, and yet mailed %q", got)
	}
}

// TestRefusalOfSomebody records as a person's own what was refused by an address that they have, also one that the role does
// not open; the answer tells nobody that they are known. Of an address that they had, and others may have by now, it ends
// nothing of theirs.
func TestRefusalOfSomebody(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	who := h.record(t, h.sent(t, "career", "ada@example.com")).PersonID.UUID
	me := h.as(t, account.Alliance)
	refuse := func(email, purpose string) {
		t.Helper()
		to := me.post(t, h, "/staff/refusals", url.Values{
			"email": {email}, "purpose": {purpose}, "channel": {"email"}, "way": {"mail"}, "reason": {"unsaid"},
		})
		if to != "/staff/refusals?done=refused" {
			t.Errorf("%s: leads to %s", email, to)
		}
	}
	refuse("ada@example.com", "promotion")
	refuse("ada@example.com", "promotion")
	h.moves(t, who, "ada@king.example")
	refuse("ada@example.com", "newsletter")
	var chain int
	if err := h.Pool.QueryRow(ctx, `SELECT count(*) FROM consent_event WHERE person_id = $1`, who).Scan(&chain); err != nil || chain != 1 {
		t.Errorf("%d entries in the chain, %v", chain, err)
	}
	choices, err := h.Desk.Ledger.Of(ctx, who)
	if err != nil || len(choices) != 1 || choices[0].Granted || choices[0].Purpose != consent.Promotion || choices[0].Origin != consent.FromStaff {
		t.Errorf("choices: %+v, %v", choices, err)
	}
	h.wantRefused(t, 3) // the first by both addresses
	events, err := audit.Of(ctx, h.Pool, who)
	if err != nil || len(events) != 1 || events[0].Action != "opt out" || events[0].Role != "alliance" {
		t.Errorf("logged: %+v, %v", events, err)
	}
}

// wantLogged wants a single opt-out in the log, which names no address.
func (h *house) wantLogged(t *testing.T, want, email string) {
	t.Helper()
	var got, all string
	if err := h.Pool.QueryRow(t.Context(), `
		SELECT coalesce(string_agg(concat_ws(' ', actor_role, action, object || object_id::text, object) || ': ' || (detail ->> 'of') || ', '
				|| (detail ->> 'way') || ', ' || (detail ->> 'reason'), '; ') FILTER (WHERE action = 'opt out'), ''),
			string_agg(a::text, ' ')
		FROM audit_event a`).Scan(&got, &all); err != nil {
		t.Fatal(err)
	}
	if got != want || strings.Contains(all, email) || strings.Contains(all, hex.EncodeToString(person.AddressDigest(h.Ring, email))) {
		t.Errorf("logged %q, want %q, in %s", got, want, all)
	}
}

func (h *house) wantRefused(t *testing.T, want int) {
	t.Helper()
	var n int
	if err := h.Pool.QueryRow(t.Context(), `SELECT count(*) FROM suppression`).Scan(&n); err != nil || n != want {
		t.Errorf("%d refusals, want %d; %v", n, want, err)
	}
}

// contactable tells for what marketing may write to a person.
func (h *house) contactable(t *testing.T, who uuid.UUID) (purposes string) {
	t.Helper()
	if err := h.Pool.QueryRow(t.Context(), `
		SELECT coalesce(string_agg(purpose, ' ' ORDER BY purpose), '') FROM contactable WHERE person_id = $1`, who).Scan(&purposes); err != nil {
		t.Fatal(err)
	}
	return purposes
}

// TestFoundByNumber finds who asks by phone or letter for no more calls or letters, and records it.
func TestFoundByNumber(t *testing.T) {
	t.Parallel()
	h := open(t)
	agree := func(kind, email string, channel consent.Channel, point string) {
		who := h.record(t, h.sent(t, kind, email)).PersonID.UUID
		e := consent.Event{
			Purpose: consent.Promotion, Channel: channel, Point: point, Granted: true, Wording: "Yes.", Statement: "2026-11-18",
			Origin: consent.FromPreferences, At: h.Now(),
		}
		if err := pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error { return h.Desk.Ledger.Record(t.Context(), tx, who, e) }); err != nil {
			t.Fatal(err)
		}
	}
	agree("contact", "ada@example.com", consent.ByPhone, "+13125550100")
	agree("demo", "grace@example.com", consent.ByPost, "Grace Hopper\n12 St. Mary's Road\nChicago, IL 60606")
	agree("contact", "kay@example.com", consent.ByPhone, "+442079460018")
	find := func(role account.Role, piece string) *goquery.Document {
		w := h.as(t, role).do(h, http.MethodPost, "/staff/people", url.Values{"piece": {piece}})
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", piece, w.Code)
		}
		return document(t, w)
	}
	const ada, kay = "ada@example.com Phone: +13125550100", "kay@example.com Phone: +442079460018"
	const grace = "grace@example.com Post: Grace Hopper 12 St. Mary's Road Chicago, IL 60606"
	for piece, want := range map[string]string{
		"+1 312 555 0100": ada, "(0312) 555-0100": ada, "+1 312 555 0199": "",
		"+44 (0)20 7946 0018": kay, "(020) 7946 0018": kay,
		"12 st marys road": grace, "Road, Chicago": grace, "%%%% 2 St_Marys": "",
	} {
		if got := text(find(account.Privacy, piece), ".rows"); got != want {
			t.Errorf("%s: got %q, want %q", piece, got, want)
		}
	}
	has(t, find(account.Marketer, "312 555 0100"), "main", "1 person that your role does not open. Tell the privacy officer today.")
	has(t, find(account.Marketer, "Road, Chicago"), ".rows", "grace@example.com")
	officer := h.as(t, account.Privacy)
	to, _ := find(account.Privacy, "312 555 0100").Find(".rows a").Attr("href")
	officer.post(t, h, to+"/opt-out", url.Values{"purpose": {"promotion"}, "channel": {"phone"}, "way": {"phone"}, "reason": {"stop"}})
	has(t, find(account.Privacy, "312 555 0100"), "main", "Nobody is called at that number")
	for _, piece := range []string{"", "312 - 555", "0000000", "000 000 1", "(0)(0)(0) 0312 - 555"} {
		if w := officer.do(h, http.MethodPost, "/staff/people", url.Values{"piece": {piece}}); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%q, too few to tell one from many: %d", piece, w.Code)
		}
	}
	crowd := func(from, to int) {
		if _, err := h.Pool.Exec(t.Context(), `
			INSERT INTO contact_point (person_id, channel, value, origin, at)
			SELECT person_id, channel, '9 Long Lane', origin, at - n * interval '1 minute'
			FROM contact_point, generate_series($1::int, $2) n WHERE channel = 'post' AND value LIKE 'Grace%'`, from, to); err != nil {
			t.Fatal(err)
		}
	}
	crowd(1, 50)
	hasNot(t, find(account.Privacy, "9 Long Lane"), "main", "There are more")
	crowd(51, 51)
	d := find(account.Privacy, "9 Long Lane")
	has(t, d, "main", "There are more than the latest 50. Say more of it.")
	if n := d.Find(".rows li").Length(); n != 50 {
		t.Errorf("%d of 51 are shown", n)
	}
}

func TestEvidenceIsForThoseWhoSeeTheKind(t *testing.T) {
	t.Parallel()
	h := open(t)
	question, career := h.sent(t, "contact", "ada@example.com"), h.sent(t, "career", "ada@example.com")
	recruiter := h.as(t, account.Recruiter)
	recruiter.post(t, h, path(career)+"/misuse", url.Values{"kind": {"identity"}, "evidence": {"The résumé is another person's."}})
	at := "/staff/people/" + h.record(t, question).PersonID.UUID.String()
	for role, want := range map[account.Role]bool{account.Reviewer: false, account.Recruiter: true, account.Privacy: true} {
		d := h.as(t, role).get(t, h, at)
		has(t, d, ".notice.bad", "Misuse: False identity")
		if got := strings.Contains(text(d, "main"), "The résumé is"); got != want {
			t.Errorf("%s reads the evidence: %t, want %t", role, got, want)
		}
	}
	hasNot(t, h.as(t, account.Reviewer).get(t, h, path(question)), "main", "The résumé is")
}

// moves gives a person another address.
func (h *house) moves(t *testing.T, who uuid.UUID, email string) {
	t.Helper()
	ctx := t.Context()
	if err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error { return h.Desk.People.ChangeAddress(ctx, tx, who, email) }); err != nil {
		t.Fatal(err)
	}
}

// TestRefusedBeforeTheyWrote tells of somebody without choices what was refused for their address before, also where they
// have another by now.
func TestRefusedBeforeTheyWrote(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.as(t, account.Reviewer)
	me.post(t, h, "/staff/refusals", url.Values{
		"email": {"grace@example.com"}, "purpose": {"promotion"}, "channel": {"email"}, "way": {"phone"}, "reason": {"stop"},
	})
	who := h.record(t, h.sent(t, "contact", "grace@example.com")).PersonID.UUID
	h.moves(t, who, "grace@hopper.example")
	d := me.get(t, h, "/staff/people/"+who.String())
	has(t, d, "main", "Refused for an address of this person before we knew them Promotion, Email: by phone, ")
	if text := d.Find("main").Text(); strings.Contains(text, "nothing refused") {
		t.Errorf("it says besides that nothing was refused: %s", text)
	}
}
