package privacy

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/person"
)

// disclosureChecks ask the database what it refuses of what leaves the house.
func (r *Room) disclosureChecks() []Check {
	return []Check{
		{
			Promise: "P-9", Name: "No list is exported without a recipient of one of the three classes, a reason and an end.", Run: r.checkRefused("export", r.badExports),
			Remove: Removal{SQL: `ALTER TABLE export DROP CONSTRAINT export_recipient; ALTER TABLE export ALTER COLUMN recipient DROP NOT NULL`},
			Also: []Removal{
				relaxed("export", "export_recipient", "recipient IN ('own department', 'processor', 'legal demand')"),
				relaxed("export", "export_reason", "reason <> ''"), relaxed("export", "export_expires", "expires_at > at"),
			},
		},
		{
			Promise: "P-9", Name: "Who is in an exported list is kept beside it, and nobody who serves this site can rewrite that.",
			Run:    r.checkAppendOnly("export", "export_person"),
			Remove: Removal{SQL: `GRANT DELETE ON export_person TO site_serve`},
		},
		{
			Promise: "P-10", Name: "The register takes no disclosure in good faith that a second person did not approve.",
			Run:    r.checkFourEyes,
			Remove: Removal{SQL: `ALTER TABLE disclosure DROP CONSTRAINT disclosure_good_faith`},
			Also: []Removal{
				relaxed("disclosure", "disclosure_good_faith", "true"),
				relaxed("disclosure", "disclosure_good_faith", "ground <> 'good faith' OR approved_by IS NOT NULL"),
				relaxed("disclosure", "disclosure_good_faith", "ground <> 'good faith' OR version > 1 OR approved_by <> entered_by"),
				{SQL: `DROP TRIGGER disclosure_approved ON disclosure`},
				approving("d.version = 1", "false"), approving("d.ground = 'good faith'", "false"),
				approving("d.approved_by <> d.entered_by", "true"), approving("NEW.approved_by = NEW.entered_by", "false"),
				approving("before.ground <> 'good faith'", "false"), approving("before.approved_by <> NEW.approved_by", "false"),
				approving("IF NOT FOUND", "IF false"),
			},
		},
		{
			Promise: "P-10", Name: "Nobody who serves this site can rewrite the register, only add to it.", Run: r.checkAppendOnly("disclosure"),
			Remove: Removal{SQL: `GRANT UPDATE ON disclosure TO site_serve`},
		},
		{
			Promise: "P-10", Name: "A person sees an entry from the day on which a prohibition to tell ends, and not before.", Run: r.checkSilence,
			Remove: Removal{SQL: `
				CREATE OR REPLACE FUNCTION disclosures_told(person uuid, today date) RETURNS SETOF disclosure_now LANGUAGE sql STABLE AS $$
					SELECT d.* FROM disclosure_now d
					WHERE EXISTS (SELECT FROM disclosure_person x WHERE x.disclosure_id = d.id AND x.person_id = $1)
				$$`},
		},
	}
}

// badExports each lack one thing that the promise names.
func (r *Room) badExports() (rows []badRow) {
	now := r.desk.Now()
	good := map[string]any{
		"id": uuid.New(), "kind": "submissions", "purpose": "service", "recipient": "own department", "reason": "work",
		"fields": []string{"name"}, "filter": map[string]any{}, "count": 0, "sha256": `\x` + strings.Repeat("00", 32),
		"account_id": uuid.New(), "role": "privacy", "at": now, "expires_at": now.Add(90 * 24 * time.Hour),
	}
	for _, bad := range []badRow{
		{"recipient", map[string]any{"recipient": nil}},
		{"export_recipient", map[string]any{"recipient": "partner"}},
		{"export_recipient", map[string]any{"recipient": "processor"}},    // which?
		{"export_recipient", map[string]any{"recipient": "legal demand"}}, // by which entry?
		{"reason", map[string]any{"reason": nil}},
		{"export_reason", map[string]any{"reason": ""}},
		{"export_reason", map[string]any{"reason": "in words"}},
		{"expires_at", map[string]any{"expires_at": nil}},
		{"export_expires", map[string]any{"expires_at": now.Add(90*24*time.Hour + time.Second)}},
	} {
		rows = append(rows, badRow{bad.rule, with(good, bad.row)})
	}
	return rows
}

// approving takes a condition out of the rule that corrections are held to.
func approving(condition, into string) Removal {
	return Removal{SQL: redefined(`pg_get_functiondef('disclosure_approved()'::regprocedure)`, condition, into)}
}

// The entries that are corrected in a rehearsal. Ann entered all of them, with Ben as the approver.
const (
	faithful  = iota // in good faith
	lawful           // by rule of law
	absent           // this one is not there
	turned           // by rule of law; then Ben gave a reason in good faith, which Cat approved
	completed        // in good faith; then Ben completed it
	entries
)

// correction is a further version of an entry.
type correction struct {
	what         string
	entry        int
	by, approver int // 0: nobody, 1: Ann, 2: Ben, 3: Cat
	rule         string
}

// corrections are what the register takes of them, and what it refuses by which rule.
func corrections() []correction {
	const eyes = "disclosure_good_faith"
	return []correction{
		{"names nobody", faithful, 3, 0, eyes},
		{"names who entered it at first", faithful, 3, 1, eyes},
		{"names who entered it at first, by the approver", faithful, 2, 1, eyes},
		{"names its own author, who approved nothing", faithful, 3, 3, eyes},
		{"turns to good faith, and names its own author", lawful, 2, 2, eyes},
		{"turns to good faith, and names who entered it at first", lawful, 3, 1, eyes},
		{"names who gave the reason that another approved", turned, 1, 2, eyes},
		{"corrects what is not there", absent, 3, 2, restrictViolation},
		{"is the approver's, who approved it before", faithful, 2, 2, ""},
		{"is its first author's", faithful, 1, 2, ""},
		{"is another's, and names a new approver", faithful, 2, 3, ""},
		{"names the approver, who completed it before", completed, 1, 2, ""},
	}
}

// checkFourEyes enters disclosures in good faith with nobody's approval, and with that of whoever entered them; then it
// corrects what two people stand for.
func (r *Room) checkFourEyes(ctx context.Context) error {
	if err := r.checkRefused("disclosure", r.lonelyDisclosures)(ctx); err != nil {
		return err
	}
	return r.rehearse(ctx, func(tx pgx.Tx, _ person.Person) error {
		staff, ids := []any{nil, uuid.New(), uuid.New(), uuid.New()}, make([]uuid.UUID, entries)
		for i := range ids {
			ids[i] = uuid.New()
		}
		byRule := map[string]any{"ground": byLaw}
		for _, row := range []map[string]any{
			r.goodFaith(ids[faithful], 1, staff[1], staff[2]),
			with(r.goodFaith(ids[lawful], 1, staff[1], staff[2]), byRule),
			with(r.goodFaith(ids[turned], 1, staff[1], staff[2]), byRule),
			r.goodFaith(ids[turned], 2, staff[2], staff[3]),
			r.goodFaith(ids[completed], 1, staff[1], staff[2]),
			r.goodFaith(ids[completed], 2, staff[2], staff[2]),
		} {
			if err := insertRow(ctx, tx, "disclosure", row); err != nil {
				return fmt.Errorf("enter a demand: %w", err)
			}
		}
		for _, c := range corrections() {
			version := 2
			if c.entry == turned || c.entry == completed {
				version = 3
			}
			row := r.goodFaith(ids[c.entry], version, staff[c.by], staff[c.approver])
			fault, err := tryRow(ctx, tx, "disclosure", row)
			switch {
			case err != nil:
				return err
			case c.rule == "" && fault != nil:
				return fmt.Errorf("a correction is refused that %s: %w", c.what, fault)
			case c.rule != "" && !refusedBy(fault, c.rule):
				return fmt.Errorf("a correction is taken that %s; the answer: %v", c.what, fault)
			}
		}
		return nil
	})
}

// goodFaith is a version of an entry as a row.
func (r *Room) goodFaith(entry uuid.UUID, version int, by, approver any) map[string]any {
	return map[string]any{
		"id": uuid.New(), "entry": entry, "version": version, "ground": inGoodFaith, "outcome": notAnswered, "asked_on": r.today(),
		"entered_by": by, "approved_by": approver, "at": r.desk.Now(),
	}
}

// lonelyDisclosures were made in good faith with nobody's approval, and with that of whoever entered them.
func (r *Room) lonelyDisclosures() (rows []badRow) {
	id := uuid.New()
	for _, approver := range []any{nil, id} {
		rows = append(rows, badRow{"disclosure_good_faith", r.goodFaith(id, 1, id, approver)})
	}
	return rows
}

// checkSilence enters a demand that may not be told before tomorrow, and asks as the person today and tomorrow.
func (r *Room) checkSilence(ctx context.Context) error {
	return r.rehearse(ctx, func(tx pgx.Tx, who person.Person) error {
		today, id := r.today(), uuid.New()
		tomorrow := today.AddDate(0, 0, 1)
		b := &pgx.Batch{}
		b.Queue(`
			INSERT INTO disclosure (id, entry, version, ground, outcome, asked_on, silent_until, entered_by, at)
			VALUES ($1, $1, 1, 'law', 'open', $2, $3, $1, $4)`, id, today, tomorrow, r.desk.Now())
		b.Queue(`INSERT INTO disclosure_person (disclosure_id, n, person_id) VALUES ($1, 1, $2)`, id, who.ID)
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return fmt.Errorf("enter a demand: %w", err)
		}
		for day, want := range map[time.Time]int{today: 0, tomorrow: 1} {
			list, err := DisclosuresTold(ctx, tx, who.ID, day)
			if err != nil {
				return err
			}
			if len(list) != want {
				return fmt.Errorf("on %s the person sees %d entries instead of %d", day.Format(time.DateOnly), len(list), want)
			}
		}
		return nil
	})
}
