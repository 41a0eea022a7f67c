package privacy

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/consent"
)

// ownChecks are those that this room can make by itself.
func (r *Room) ownChecks() []Check {
	return []Check{
		{"P-1", "The statement in force names the privacy address of this site, with its subject line.", r.checkAddress},
		{"P-2", "The activities of the statement are those of the software.", r.checkActivities},
		{"P-3", "Each field of each form has a label.", r.checkFields},
		{"P-4", "Each field of each form says why it is asked.", r.checkReasons},
		{"P-5", "Nobody who serves this site can rewrite who read what.", r.checkAppendOnly("audit_event", "submission_event")},
		{"P-6", "The database refuses a newsletter to somebody who did not agree.", r.checkGate},
		{"P-6", "The chain of consents is whole.", r.checkChain},
		{"P-7", "The statement names all four ways to stop messages, and none is empty.", r.checkWaysOut},
		{"P-9", "No use in the statement has a recipient beyond the three classes.", r.checkRecipients},
		{"P-17", "Every published version reads as its file does.", r.checkTexts},
		{"P-17", "A published version cannot be changed by whoever serves this site.", r.checkAppendOnly("statement_version", "statement_use", "form_revision")},
		{"P-18", "No answers are kept without the version that was shown.", r.checkColumn("answers", "statement_version")},
		{"P-18", "The database refuses a message about a use that no version named.", r.checkUse},
		{"A-1", "Each use in the statement has a basis.", r.checkUses(func(u consent.Use) string { return u.Basis })},
		{"A-4", "Each use in the statement has a time limit.", r.checkUses(func(u consent.Use) string { return u.Retention })},
		{"A-4", "No record is kept without the day of its deletion.", r.checkColumn("submission", "purge_after")},
		{"A-5", "The ledger of consents can only grow.", r.checkAppendOnly("consent_event", "confirmation")},
		{"A-6", "Each processor has a country and a contract, and stands in the statement.", r.checkProcessors},
	}
}

func (r *Room) checkAddress(context.Context) error {
	s, err := r.desk.Statements.InForce()
	if err != nil {
		return err
	}
	if !strings.Contains(s.Body, "mailto:"+r.desk.Pages.Site().PrivacyEmail+"?subject=Privacy%20Statement%20Question") {
		return errors.New("the address in site.yaml is not the one in the statement")
	}
	return nil
}

func (r *Room) checkActivities(ctx context.Context) error {
	uses, err := r.uses(ctx)
	if err != nil {
		return err
	}
	var named []string
	for _, u := range uses {
		named = append(named, u.Activity)
	}
	slices.Sort(named)
	named = slices.Compact(named)
	kinds := slices.Sorted(slices.Values(r.desk.Activities().Kinds()))
	if !slices.Equal(named, kinds) {
		return fmt.Errorf("the statement names %v, the software has %v", named, kinds)
	}
	return nil
}

// uses are those of the statement in force.
func (r *Room) uses(ctx context.Context) ([]consent.Use, error) {
	s, err := r.desk.Statements.InForce()
	if err != nil {
		return nil, err
	}
	return r.desk.Statements.Uses(ctx, s.ID)
}

func (r *Room) checkFields(ctx context.Context) error {
	return r.eachField(ctx, func(f fieldEntry) string {
		if f.Label == "" {
			return "no label"
		}
		return ""
	})
}

func (r *Room) checkReasons(ctx context.Context) error {
	return r.eachField(ctx, func(f fieldEntry) string {
		if f.Why == "" {
			return "no reason"
		}
		return ""
	})
}

func (r *Room) eachField(ctx context.Context, fault func(fieldEntry) string) error {
	inv, err := r.makeInventory(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, a := range inv.Activities {
		for _, f := range a.Fields {
			if words := fault(f); words != "" {
				faults = append(faults, fmt.Errorf("%s, field %s: %s", a.Kind, f.Name, words))
			}
		}
	}
	return errors.Join(faults...)
}

// checkAppendOnly holds that the role that serves may only add to the tables, and that the second fence, a trigger, is up.
func (r *Room) checkAppendOnly(tables ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		var faults []error
		for _, table := range tables {
			var may, fenced bool
			err := r.desk.Pool.QueryRow(ctx, `
				SELECT has_table_privilege($1, 'UPDATE, DELETE, TRUNCATE'), EXISTS (
					SELECT FROM pg_trigger g JOIN pg_proc f ON f.oid = g.tgfoid
					WHERE g.tgrelid = $1::regclass AND f.proname = 'refuse_change' AND g.tgenabled IN ('O', 'A'))`,
				table).Scan(&may, &fenced)
			if err != nil {
				return fmt.Errorf("read rights: %w", err)
			}
			if may || !fenced {
				faults = append(faults, fmt.Errorf("%s: changeable by this role: %t, guarded by its trigger: %t", table, may, fenced))
			}
		}
		return errors.Join(faults...)
	}
}

// checkGate asks the gate about a newsletter to somebody who does not exist, and so agreed to nothing.
func (r *Room) checkGate(ctx context.Context) error {
	if err := r.checkTrigger(ctx, "message", "message_gate"); err != nil {
		return err
	}
	return r.refused(ctx, map[string]any{"purpose": "newsletter", "channel": "email", "person_id": uuid.New()})
}

// checkUse asks the gate about a message that rests on no statement.
func (r *Room) checkUse(ctx context.Context) error {
	return r.refused(ctx, map[string]any{
		"purpose": "service", "channel": "email", "person_id": uuid.New(), "submission_id": uuid.New(),
	})
}

func (r *Room) refused(ctx context.Context, message map[string]any) error {
	var refused bool
	if err := r.desk.Pool.QueryRow(ctx, `SELECT may_send(jsonb_populate_record(NULL::message, $1)) IS NOT NULL`, message).
		Scan(&refused); err != nil {
		return fmt.Errorf("ask the gate: %w", err)
	}
	if !refused {
		return errors.New("the gate lets the message pass")
	}
	return nil
}

func (r *Room) checkTrigger(ctx context.Context, table, trigger string) error {
	var up bool
	if err := r.desk.Pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = $1::regclass AND tgname = $2 AND tgenabled IN ('O', 'A'))`,
		table, trigger).Scan(&up); err != nil {
		return fmt.Errorf("read triggers: %w", err)
	}
	if !up {
		return fmt.Errorf("%s has no trigger %s", table, trigger)
	}
	return nil
}

// checked is how many people's chains are followed, the newest first.
const checked = 500

func (r *Room) checkChain(ctx context.Context) error {
	var broken int
	err := r.desk.Pool.QueryRow(ctx, `
		SELECT count(*) FROM (
			SELECT e.seq <> row_number() OVER w
				OR e.hash <> consent_event_hash(coalesce(lag(e.hash) OVER w, ''::bytea), e)
				OR (e.seq = max(e.seq) OVER (PARTITION BY e.person_id) AND (e.seq <> h.seq OR e.hash <> h.hash)) AS bad
			FROM (SELECT person_id, seq, hash FROM consent_head ORDER BY person_id DESC LIMIT $1) h
			JOIN consent_event e ON e.person_id = h.person_id
			WINDOW w AS (PARTITION BY e.person_id ORDER BY e.seq)) links
		WHERE bad`, checked).Scan(&broken)
	if err != nil {
		return fmt.Errorf("follow the chains: %w", err)
	}
	if broken > 0 {
		return fmt.Errorf("%d links are broken", broken)
	}
	return nil
}

func (r *Room) checkWaysOut(context.Context) error {
	s, err := r.desk.Statements.InForce()
	if err != nil {
		return err
	}
	_, clauses, err := Clauses(s.Body)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(clauses, func(c Clause) bool { return c.ID == "opt-out" })
	if i < 0 {
		return errors.New("no clause opt-out")
	}
	for _, way := range []string{"**Link.**", "**Mail.**", "**Post.**", "**Phone.**"} {
		if !strings.Contains(clauses[i].Text, way) {
			return fmt.Errorf("the clause does not name the way %s", way)
		}
	}
	if site := r.desk.Pages.Site(); site.Phone == "" || len(site.Address) == 0 || site.PrivacyEmail == "" {
		return errors.New("site.yaml lacks phone, address or privacy_email")
	}
	return nil
}

func (r *Room) checkRecipients(ctx context.Context) error {
	var good bool
	err := r.desk.Pool.QueryRow(ctx, `
		SELECT NOT EXISTS (SELECT FROM statement_use WHERE recipient NOT IN ('own department', 'processor', 'legal demand'))
			AND EXISTS (SELECT FROM pg_constraint
				WHERE conrelid = 'statement_use'::regclass AND contype = 'c' AND convalidated
					AND pg_get_constraintdef(oid) LIKE '%recipient%')`).Scan(&good)
	if err != nil {
		return fmt.Errorf("read recipients: %w", err)
	}
	if !good {
		return errors.New("another recipient is named, or could be")
	}
	return nil
}

// checkTexts compares what is published with the files that came with this program.
func (r *Room) checkTexts(ctx context.Context) error {
	if err := r.desk.Statements.Refresh(ctx); err != nil {
		return err
	}
	var faults []error
	for _, s := range r.desk.Statements.All() {
		draft, err := consent.ReadDraft(r.web, s.ID)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		uses, err := r.desk.Statements.Uses(ctx, s.ID)
		if err != nil {
			return err
		}
		same := draft.Title == s.Title && draft.Summary == s.Summary && draft.Body == s.Body &&
			draft.EffectiveOn.Equal(s.EffectiveOn) && bytes.Equal(draft.Digest, s.Digest) && sameUses(draft.Uses, uses)
		if !same {
			faults = append(faults, fmt.Errorf("version %s differs from its file", s.ID))
		}
	}
	return errors.Join(faults...)
}

func sameUses(a, b []consent.Use) bool {
	order := func(x, y consent.Use) int {
		return cmp.Or(cmp.Compare(x.Activity, y.Activity), cmp.Compare(x.Purpose, y.Purpose), cmp.Compare(x.Recipient, y.Recipient))
	}
	same := func(x, y consent.Use) bool {
		return order(x, y) == 0 && slices.Equal(x.Data, y.Data) && x.Retention == y.Retention && x.Basis == y.Basis
	}
	return slices.EqualFunc(slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order), same)
}

func (r *Room) checkColumn(table, column string) func(context.Context) error {
	return func(ctx context.Context) error {
		var must bool
		if err := r.desk.Pool.QueryRow(ctx, `
			SELECT attnotnull FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2`, table, column).Scan(&must); err != nil {
			return fmt.Errorf("read columns: %w", err)
		}
		if !must {
			return fmt.Errorf("%s.%s may be empty", table, column)
		}
		return nil
	}
}

func (r *Room) checkUses(of func(consent.Use) string) func(context.Context) error {
	return func(ctx context.Context) error {
		uses, err := r.uses(ctx)
		if err != nil {
			return err
		}
		for _, u := range uses {
			if strings.TrimSpace(of(u)) == "" {
				return fmt.Errorf("%s, %s, %s says nothing", u.Activity, u.Purpose, u.Recipient)
			}
		}
		return nil
	}
}

func (r *Room) checkProcessors(context.Context) error {
	s, err := r.desk.Statements.InForce()
	if err != nil {
		return err
	}
	var faults []error
	for _, p := range r.desk.Pages.Site().Processors {
		if p.Country == "" || p.Contract == "" || !strings.Contains(s.Body, p.Name) {
			faults = append(faults, fmt.Errorf("%s lacks a country, a contract, or its place in the statement", p.Name))
		}
	}
	return errors.Join(faults...)
}
