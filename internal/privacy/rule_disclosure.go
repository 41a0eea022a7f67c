package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/person"
)

// disclosureChecks ask the database what it refuses of what leaves the house.
func (r *Room) disclosureChecks() []Check {
	return []Check{
		{
			Promise: "P-9", Name: "No list is exported without a recipient of one of the three classes, a reason and an end.", Run: r.checkExports,
			Remove: Removal{SQL: `ALTER TABLE export DROP CONSTRAINT export_recipient; ALTER TABLE export ALTER COLUMN recipient DROP NOT NULL`},
		},
		{
			Promise: "P-9", Name: "Who is in an exported list is kept beside it, and nobody who serves this site can rewrite that.",
			Run:    r.checkAppendOnly("export", "export_person"),
			Remove: Removal{SQL: `GRANT DELETE ON export_person TO site_serve`},
		},
		{
			Promise: "P-10", Name: "The register takes no disclosure in good faith that a second person did not approve.",
			Run:    r.checkConstraint("disclosure", "disclosure_good_faith"),
			Remove: Removal{SQL: `ALTER TABLE disclosure DROP CONSTRAINT disclosure_good_faith`},
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

// checkExports holds that the row of an export must have what the promise names.
func (r *Room) checkExports(ctx context.Context) error {
	return errors.Join(
		r.checkColumn("export", "recipient")(ctx), r.checkConstraint("export", "export_recipient")(ctx),
		r.checkColumn("export", "reason")(ctx), r.checkConstraint("export", "export_reason")(ctx), r.checkConstraint("export", "export_expires")(ctx),
	)
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
