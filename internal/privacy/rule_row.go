package privacy

import (
	"context"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/postgres"
)

// rowChecks ask for the rules that a single row can break, and for all that the schema's steps brought.
func (r *Room) rowChecks() []Check {
	return []Check{
		{
			Promise: "P-8", Name: "A block for misuse ends after it began, and nobody lifts a flag that they raised.",
			Run:    r.checkRefused("misuse", r.badFlags),
			Remove: Removal{SQL: `ALTER TABLE misuse DROP CONSTRAINT misuse_check1`},
			Also:   []Removal{{SQL: `ALTER TABLE misuse DROP CONSTRAINT misuse_check`}},
		},
		{
			Promise: "P-10", Name: "The register takes no day of telling the person before a prohibition ends.",
			Run:    r.checkRefused("disclosure", r.earlyTellings),
			Remove: Removal{SQL: `ALTER TABLE disclosure DROP CONSTRAINT disclosure_told`},
			Also:   []Removal{relaxed("disclosure", "disclosure_told", "told_on >= asked_on"), relaxed("disclosure", "disclosure_told", "told_on >= silent_until")},
		},
		{
			Promise: "P-11", Name: "What is counted of where visitors came from is the name of a host, and no address.",
			Run:    r.checkRefused("analytics.page_count", r.referringPages),
			Remove: Removal{SQL: `ALTER TABLE analytics.page_count DROP CONSTRAINT page_count_check`},
		},
		{
			Promise: "P-18", Name: "A use for marketing never comes about by notice alone.",
			Run:    r.checkRefused("statement_use", r.noticedMarketing),
			Remove: Removal{SQL: `ALTER TABLE statement_use DROP CONSTRAINT statement_use_never_by_notice`},
			Also:   []Removal{relaxed("statement_use", "statement_use_never_by_notice", "compatible = '' OR purpose <> 'newsletter'")},
		},
		{
			Promise: "A-2", Name: "No legal hold goes without a review for longer than 12 months.",
			Run:    r.checkRefused("legal_hold", r.endlessHolds),
			Remove: Removal{SQL: `ALTER TABLE legal_hold DROP CONSTRAINT legal_hold_reviewed`},
			Also:   []Removal{relaxed("legal_hold", "legal_hold_reviewed", "review_on <= reviewed_at + interval '13 months'")},
		},
		{
			Promise: "A-5", Name: "Every rule of the database is one that came with this version: triggers, constraints, functions, and what each role may do.",
			Run:    func(ctx context.Context) error { return postgres.CheckRules(ctx, r.desk.Pool) },
			Remove: Removal{SQL: `ALTER TABLE consent_tombstone DISABLE TRIGGER consent_tombstone_true`},
			Also: []Removal{
				{SQL: `ALTER TABLE consent_tombstone ENABLE REPLICA TRIGGER consent_tombstone_true`},
				{SQL: `ALTER TABLE survey DROP CONSTRAINT survey_anonymous_consent`},
				{SQL: `ALTER TABLE file DROP CONSTRAINT file_shredded`},
				{SQL: `DROP TRIGGER person_address_moved ON person`},
				{SQL: `DROP TRIGGER submission_kept_apart ON submission`},
				{SQL: `ALTER TABLE submission ALTER COLUMN kind DROP NOT NULL`},
				{SQL: `CREATE RULE unseen AS ON INSERT TO audit_event DO INSTEAD NOTHING`},
				{SQL: `GRANT UPDATE, DELETE ON proof TO site_serve`},
				{SQL: `GRANT CREATE ON SCHEMA public TO site_serve`},
				{SQL: `GRANT SELECT ON answers TO PUBLIC`},
			},
		},
	}
}

// badFlags are a block that ended before it began, and an objection decided by who raised the flag.
func (r *Room) badFlags() (rows []badRow) {
	officer, now := uuid.New(), r.desk.Now()
	good := map[string]any{
		"id": uuid.New(), "person_id": uuid.New(), "kind": "abuse", "evidence": "A rehearsal.", "officer_id": officer, "created_at": now,
	}
	return []badRow{
		{"misuse_check", with(good, map[string]any{"blocked_until": now.Add(-time.Second)})},
		{"misuse_check1", with(good, map[string]any{"lifted_at": now, "lifted_by": officer})},
	}
}

// earlyTellings tell before they were asked, and while they may not.
func (r *Room) earlyTellings() []badRow {
	today := r.today()
	told := with(r.goodFaith(uuid.New(), 1, uuid.New(), nil), map[string]any{"ground": byLaw, "told_on": today})
	return []badRow{
		{"disclosure_told", with(told, map[string]any{"asked_on": today.AddDate(0, 0, 1)})},
		{"disclosure_told", with(told, map[string]any{"silent_until": today.AddDate(0, 0, 1)})},
	}
}

// referringPages are addresses of pages where the name of a host belongs.
func (r *Room) referringPages() (rows []badRow) {
	for _, page := range []string{"example.com/ada", "example.com?q=ada", "ada@example.com"} {
		rows = append(rows, badRow{"page_count_check", map[string]any{
			"day": r.today(), "kind": "referrer", "value": page, "bot": false, "count": 1,
		}})
	}
	return rows
}

// noticedMarketing would use older records for each purpose of marketing once their people were told.
func (r *Room) noticedMarketing() (rows []badRow) {
	for _, purpose := range []string{"survey", "product_news", "promotion", "newsletter"} {
		rows = append(rows, badRow{"statement_use_never_by_notice", map[string]any{
			"version": "a rehearsal", "activity": "contact", "purpose": purpose, "data": []string{"name"}, "recipient": "own department",
			"retention": "12 months", "basis": "consent", "compatible": "It is like what was said.",
		}})
	}
	return rows
}

// endlessHolds are to be reviewed a day too late.
func (r *Room) endlessHolds() []badRow {
	now := r.desk.Now()
	return []badRow{{"legal_hold_reviewed", map[string]any{
		"id": uuid.New(), "scope": holdPerson, "person_id": uuid.New(), "ground": "A rehearsal.", "officer_id": uuid.New(),
		"placed_at": now, "reviewed_at": now, "review_on": r.today().AddDate(1, 0, 2),
	}}}
}
