package privacy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

// Retainer deletes what has been kept for as long as the statement says (A-4, DESIGN 11): records past their day, words
// of old mails, old facts, and the addresses of people about whom nothing is held any more.
//
// It promises that nothing is deleted before its date, that everything is gone by the night after, except what a legal
// hold covers, and that it works in small transactions: cut off anywhere, the next run goes on. What rooms delete by
// themselves it leaves to them: unconfirmed subscriptions, staged files, sessions, flags of misuse, of which Plan tells, and
// ended accesses, of which it does not.
type Retainer struct {
	desk   *activity.Desk
	eraser *Eraser
	before []func(context.Context) error
}

// NewRetainer returns the retainer. What rooms must keep of records that are about to go, they do in before, which runs
// first: answers to surveys become counts.
func NewRetainer(eraser *Eraser, before ...func(context.Context) error) *Retainer {
	return &Retainer{eraser.desk, eraser, before}
}

// RetainLine tells of one kind of data and one outcome how many were deleted, or would be, and since when the oldest of
// them was due or had been kept.
type RetainLine struct {
	At      time.Time  `db:"at"`
	Kind    string     `db:"kind"`
	Outcome string     `db:"outcome"`
	N       int64      `db:"n"`
	Oldest  *time.Time `db:"oldest"`
}

const (
	retainBatch = 200 // records of one transaction
	agedBatch   = 5000
	// newcomer is how long a person without any record is left alone: they may just be confirming a choice.
	newcomer = 30 * 24 * time.Hour
)

// old is what is deleted once it has that many months.
type old struct {
	kind, outcome string
	months        int
	due           string // FROM … WHERE …, $1 is the time before which
	at            string // column of its time
	drop          func(ctx context.Context, before time.Time) (int64, error)
}

// leftToRooms lists what rooms delete by themselves, most of it within minutes.
func leftToRooms() []old {
	return []old{
		{
			"subscription", "never confirmed", 0, `submission s WHERE s.kind = 'newsletter' AND s.status = 'new'
				AND s.created_at <= $1::timestamptz - interval '30 days' AND s.purge_after >= $1::date
				AND NOT held(s.person_id, s.id, s.kind, s.created_at)`, "s.created_at", nil,
		},
		{"file", "chosen, never sent", 0, `file WHERE state = 'staged' AND expires_at <= $1`, "expires_at", nil},
		{"account", "sessions that have ended", 0, `session WHERE expires_at <= $1`, "expires_at", nil},
		{
			"misuse", "flags", 24, `misuse WHERE greatest(created_at, blocked_until) < $1 AND NOT held(person_id, submission_id)`,
			"greatest(created_at, blocked_until)", nil,
		},
	}
}

// olds lists what is deleted by its age, whatever became of it.
func (r *Retainer) olds() []old {
	return []old{
		{"message", "words of mails", 12, `message m WHERE ` + mail.Prunable, "m.created_at", r.desk.Mail.Prune},
		{"audit", "who read, changed, exported", 24, `audit_event WHERE at < $1`, "at", r.forget(`SELECT forget_audit_events($1, $2)`)},
		{
			"submission", "facts about deleted records", 24, `submission_event e WHERE at < $1
				AND NOT EXISTS (SELECT FROM submission s WHERE s.id = e.submission_id)`, "at",
			r.forget(`SELECT forget_submission_events($1, $2)`),
		},
		r.rows("content", "who changed what is public", 24, "content_change", "at", ""),
		r.rows("download", "fetched in the portal", 18, "download_use", "at", " AND submission_id IS NULL AND NOT person_held(person_id)"),
		{
			"consent", "numbers and postal addresses that no choice needs", 1, `contact_point k WHERE ` + consent.IdlePoint, "k.at",
			r.forget(`
				WITH gone AS (DELETE FROM contact_point WHERE (person_id, channel, at) IN (
					SELECT k.person_id, k.channel, k.at FROM contact_point k WHERE ` + consent.IdlePoint + ` LIMIT $2) RETURNING 1)
				SELECT count(*) FROM gone`),
		},
		r.rows("hold", "lifted", 24, "legal_hold", "lifted_at", ""),
		r.rows("restriction", "lifted", 24, "restriction", "lifted_at", ""),
		r.rows("retention", "reports like this", 24, "retention_line", "at", ""),
		{"export", "lists that left", 24, `export WHERE at < $1`, "at", r.forget(`SELECT forget_exports($1, $2)`)},
		{
			"disclosure", "closed", 24, `disclosure_now WHERE at < $1
				AND coalesce(told_on, CASE WHEN outcome = 'nothing' THEN answered_on END) < $1::date`, "at",
			r.forget(`SELECT forget_disclosures($1, $2)`),
		},
		{
			"consent", "choices of which none is in force", 72, `consent_event e
				JOIN consent_head h ON h.person_id = e.person_id AND h.seq = e.seq
				WHERE e.at < $1 AND consent_closed(e.person_id, $1)`, "e.at",
			r.forget(`SELECT remove_closed_chains($1, $2, now())`),
		},
		{"erasure", "done", 24, `erasure WHERE done_at < $1`, "done_at", r.forgetErasures},
	}
}

// rows is a table of which rows are deleted by their age.
func (r *Retainer) rows(kind, outcome string, months int, table, at, and string) old {
	due := table + ` WHERE ` + at + ` < $1` + and
	return old{kind, outcome, months, due, at, r.forget(`
		WITH gone AS (DELETE FROM ` + table + ` WHERE id IN (SELECT id FROM ` + due + ` ORDER BY ` + at + ` LIMIT $2) RETURNING 1)
		SELECT count(*) FROM gone`)}
}

// forget deletes by a query that deletes at most $2 rows older than $1 and returns how many those were.
func (r *Retainer) forget(sql string) func(context.Context, time.Time) (int64, error) {
	return func(ctx context.Context, before time.Time) (int64, error) {
		var done int64
		for {
			var n int64
			if err := r.desk.Pool.QueryRow(ctx, sql, before, agedBatch).Scan(&n); err != nil {
				return done, err
			}
			if done += n; n < agedBatch {
				return done, nil
			}
		}
	}
}

// forgetErasures forgets erasures that no backup is old enough to need: in the journal first, since a row missing there
// is a database that was restored.
func (r *Retainer) forgetErasures(ctx context.Context, before time.Time) (int64, error) {
	var done int64
	for {
		rows, err := r.desk.Pool.Query(ctx, `SELECT id FROM erasure WHERE done_at < $1 ORDER BY done_at LIMIT $2`, before, retainBatch)
		if err != nil {
			return done, err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil || len(ids) == 0 {
			return done, err
		}
		for _, id := range ids {
			if err := r.eraser.journal.remove(ctx, id); err != nil {
				return done, err
			}
		}
		if _, err := r.desk.Pool.Exec(ctx, `DELETE FROM erasure WHERE id = ANY ($1)`, ids); err != nil {
			return done, err
		}
		done += int64(len(ids))
	}
}

// today is the day that it is where the company is.
func (r *Retainer) today() time.Time { return r.desk.Now().In(clock.Zone()) }

// Run deletes what is due and reports it. What fails does not keep the rest from being deleted.
func (r *Retainer) Run(ctx context.Context) ([]RetainLine, error) {
	now := r.desk.Now()
	var faults []error
	for _, before := range r.before {
		if err := before(ctx); err != nil {
			return nil, fmt.Errorf("before deleting: %w", err) // else what it keeps would be lost
		}
	}
	lines, err := r.purge(ctx)
	faults = append(faults, err, r.desk.Files.Purge(ctx))
	for _, o := range r.olds() {
		line, err := r.measure(ctx, o)
		if err == nil && line.N > 0 {
			line.N, err = o.drop(ctx, now.AddDate(0, -o.months, 0))
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("delete %s, %s: %w", o.kind, o.outcome, err))
		}
		lines = append(lines, line)
	}
	people, err := r.forgetPeople(ctx)
	lines, faults = append(lines, people), append(faults, err)
	_, err = r.desk.Mail.Sweep(ctx, now.AddDate(0, -12, 0))
	faults = append(faults, err, r.eraser.Resume(ctx))
	lines = slices.DeleteFunc(lines, func(l RetainLine) bool { return l.N == 0 })
	return lines, errors.Join(append(faults, r.report(ctx, lines))...)
}

// Plan reports what Run would delete now, and what rooms are about to delete by themselves, and deletes nothing.
func (r *Retainer) Plan(ctx context.Context) ([]RetainLine, error) {
	lines, err := postgres.Rows[RetainLine](ctx, r.desk.Pool, `
		SELECT now() AS at, s.kind, s.status AS outcome, count(*) AS n, min(s.purge_after)::timestamptz AS oldest
		FROM submission s WHERE `+submission.DueBefore+` GROUP BY s.kind, s.status ORDER BY s.kind, s.status`,
		r.today().Format(time.DateOnly))
	if err != nil {
		return nil, fmt.Errorf("plan deletion: %w", err)
	}
	for _, o := range append(r.olds(), leftToRooms()...) {
		line, err := r.measure(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("plan deletion of %s, %s: %w", o.kind, o.outcome, err)
		}
		lines = append(lines, line)
	}
	people := RetainLine{Kind: "person", Outcome: nothingHeld}
	if err := r.desk.Pool.QueryRow(ctx, `SELECT count(*), min(p.created_at) FROM person p WHERE `+unheldPerson,
		r.desk.Now().Add(-newcomer)).Scan(&people.N, &people.Oldest); err != nil {
		return nil, fmt.Errorf("plan deletion of people: %w", err)
	}
	return slices.DeleteFunc(append(lines, people), func(l RetainLine) bool { return l.N == 0 }), nil
}

func (r *Retainer) measure(ctx context.Context, o old) (RetainLine, error) {
	line := RetainLine{Kind: o.kind, Outcome: o.outcome}
	err := r.desk.Pool.QueryRow(ctx, `SELECT count(*), min(`+o.at+`) FROM `+o.due,
		r.desk.Now().AddDate(0, -o.months, 0)).Scan(&line.N, &line.Oldest)
	return line, err
}

// purge deletes records past their day, by kind and outcome.
func (r *Retainer) purge(ctx context.Context) ([]RetainLine, error) {
	lines := map[[2]string]*RetainLine{}
	today, last := r.today(), submission.Due{}
	for {
		var gone []submission.Due
		err := pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) (err error) {
			gone, err = r.desk.Store.Purge(ctx, tx, today, last, retainBatch)
			return err
		})
		if err != nil {
			return sorted(lines), err
		}
		for _, d := range gone {
			id := [2]string{d.Kind, d.Status}
			if lines[id] == nil {
				lines[id] = &RetainLine{Kind: d.Kind, Outcome: d.Status, Oldest: &d.Day}
			}
			lines[id].N++
			last = d
		}
		if len(gone) < retainBatch {
			return sorted(lines), nil
		}
	}
}

func sorted(lines map[[2]string]*RetainLine) []RetainLine {
	list := make([]RetainLine, 0, len(lines))
	for _, l := range lines {
		list = append(list, *l)
	}
	slices.SortFunc(list, func(a, b RetainLine) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Outcome, b.Outcome))
	})
	return list
}

const nothingHeld = "nothing is held any more"

// unheldPerson is the condition on a person p about whom nothing is held but an address that nobody needs; $1 is the
// time before which they came. A refusal needs no address: its digest is kept.
const unheldPerson = `p.erased_at IS NULL AND p.created_at < $1
	AND NOT EXISTS (SELECT FROM submission s WHERE s.person_id = p.id)
	AND NOT EXISTS (SELECT FROM account a WHERE a.person_id = p.id)
	AND NOT EXISTS (SELECT FROM new_address n WHERE n.person_id = p.id)
	AND NOT EXISTS (SELECT FROM misuse m WHERE m.person_id = p.id)
	AND NOT EXISTS (SELECT FROM download_use u WHERE u.person_id = p.id)
	AND NOT EXISTS (SELECT FROM disclosure_person d WHERE d.person_id = p.id)
	AND NOT EXISTS (SELECT FROM erasure e WHERE e.person_id = p.id AND e.done_at IS NULL)
	AND NOT EXISTS (SELECT FROM message m WHERE m.person_id = p.id AND m.state = 'queued')
	AND NOT EXISTS (SELECT FROM consent c WHERE c.person_id = p.id AND c.granted AND (c.in_force OR c.at >= $1))
	AND NOT EXISTS (SELECT FROM legal_hold h WHERE h.person_id = p.id AND h.lifted_at IS NULL)`

// forgetPeople empties people about whom nothing is held any more, with the mail that they got.
func (r *Retainer) forgetPeople(ctx context.Context) (RetainLine, error) {
	line, last := RetainLine{Kind: "person", Outcome: nothingHeld}, uuid.Nil
	for {
		var list []unheld
		err := pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) (err error) {
			list, err = r.forgetSome(ctx, tx, last, &line)
			return err
		})
		if err != nil {
			return line, fmt.Errorf("forget people: %w", err)
		}
		if len(list) < retainBatch {
			return line, nil
		}
		last = list[len(list)-1].ID
	}
}

type unheld struct {
	ID        uuid.UUID `db:"id"`
	CreatedAt time.Time `db:"created_at"`
}

// forgetSome locks some people and then looks again: what was sent in before the lock counts, and what comes after it
// waits and finds nobody of that address.
func (r *Retainer) forgetSome(ctx context.Context, tx pgx.Tx, after uuid.UUID, line *RetainLine) ([]unheld, error) {
	until := r.desk.Now().Add(-newcomer)
	list, err := postgres.Rows[unheld](ctx, tx, `
		SELECT p.id, p.created_at FROM person p WHERE `+unheldPerson+` AND p.id > $2
		ORDER BY p.id LIMIT $3 FOR UPDATE SKIP LOCKED`, until, after, retainBatch)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	ids := make([]uuid.UUID, 0, len(list))
	for _, p := range list {
		ids = append(ids, p.ID)
	}
	sure, err := postgres.Rows[unheld](ctx, tx, `
		SELECT p.id, p.created_at FROM person p WHERE `+unheldPerson+` AND p.id = ANY ($2)`, until, ids)
	if err != nil {
		return nil, err
	}
	for _, p := range sure {
		if err := errors.Join(r.desk.Ledger.ErasePoints(ctx, tx, p.ID, r.desk.Now()), r.desk.Mail.Erase(ctx, tx, p.ID, r.desk.Now()),
			r.desk.People.Empty(ctx, tx, p.ID)); err != nil {
			return nil, err
		}
		line.N++
		if line.Oldest == nil || p.CreatedAt.Before(*line.Oldest) {
			line.Oldest = &p.CreatedAt
		}
	}
	return list, nil
}

// report keeps what a run deleted, for staff.
func (r *Retainer) report(ctx context.Context, lines []RetainLine) error {
	b := &pgx.Batch{}
	for _, l := range lines {
		b.Queue(`INSERT INTO retention_line (at, kind, outcome, n, oldest) VALUES ($1, $2, $3, $4, $5)`,
			r.desk.Now(), l.Kind, l.Outcome, l.N, l.Oldest)
	}
	if err := r.desk.Pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("report deletion: %w", err)
	}
	return nil
}

// retainEvery is a night and a day; a start runs it too, so that a machine that was off catches up.
const retainEvery = 24 * time.Hour

// Work deletes every night.
func (r *Retainer) Work() []job.Worker {
	return []job.Worker{{Name: "retain", Every: retainEvery, Timeout: time.Hour, Run: func(ctx context.Context) error {
		lines, err := r.Run(ctx)
		for _, l := range lines {
			r.desk.Log.InfoContext(ctx, "deleted", "kind", l.Kind, "outcome", l.Outcome, "n", l.N)
		}
		return err
	}}}
}
