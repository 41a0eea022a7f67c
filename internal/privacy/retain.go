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

// Retainer deletes what has been kept for as long as the statement says: records past their day, words
// of old mails, old facts, and the addresses of people about whom nothing is held any more.
//
// It promises that nothing is deleted before its date, that everything is gone by the night after, except what a legal
// hold covers, and that it works in small transactions: cut off anywhere, the next run goes on. What rooms say goes sooner
// than the records, or beside them, goes within the hour, and stands in the same plan and the same report.
type Retainer struct {
	desk   *activity.Desk
	eraser *Eraser
	before []func(context.Context) error
	also   []job.Deletion
}

// RetainerConfig is what a retainer is made of. What rooms must keep of records that are about to go, they do in Before,
// which runs first: answers to surveys become counts. Also is what rooms delete that are no activities.
type RetainerConfig struct {
	Eraser *Eraser
	Before []func(context.Context) error
	Also   []job.Deletion
}

// NewRetainer returns the retainer.
func NewRetainer(c RetainerConfig) *Retainer {
	return &Retainer{desk: c.Eraser.desk, eraser: c.Eraser, before: c.Before, also: c.Also}
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

// Deletions lists what is deleted besides the records of activities.
func (r *Retainer) Deletions() []job.Deletion { return append(r.ofRooms(), r.olds()...) }

// ofRooms lists what rooms delete.
func (r *Retainer) ofRooms() []job.Deletion {
	var list []job.Deletion
	for _, a := range r.desk.Activities() {
		list = append(list, a.Deletes...)
	}
	return append(list, r.also...)
}

// olds lists what is deleted by its age, whatever became of it.
func (r *Retainer) olds() []job.Deletion {
	return []job.Deletion{
		{
			Kind: "message", Outcome: "words of mails", Months: mailMonths, Due: `message m WHERE ` + mail.Prunable, At: "m.created_at",
			Drop: r.desk.Mail.Prune,
		},
		{
			Kind: "audit", Outcome: "who read, changed, exported", Months: 24, Due: `audit_event WHERE at < $1`, At: "at",
			Drop: r.forget(`SELECT forget_audit_events($1, $2)`),
		},
		{
			Kind: "submission", Outcome: "facts about deleted records", Months: 24, Due: `submission_event e WHERE at < $1
				AND NOT EXISTS (SELECT FROM submission s WHERE s.id = e.submission_id)`, At: "at",
			Drop: r.forget(`SELECT forget_submission_events($1, $2)`),
		},
		r.rows("content", "who changed what is public", 24, "content_change", "at", ""),
		r.rows("download", "fetched in the portal", 18, "download_use", "at", " AND submission_id IS NULL AND NOT person_held(person_id)"),
		{
			Kind: "consent", Outcome: "numbers and postal addresses that no choice needs", Months: 1,
			Due: `contact_point k WHERE ` + consent.IdlePoint, At: "k.at",
			Drop: r.forget(`
				WITH gone AS (DELETE FROM contact_point WHERE (person_id, channel, at) IN (
					SELECT k.person_id, k.channel, k.at FROM contact_point k WHERE ` + consent.IdlePoint + ` LIMIT $2) RETURNING 1)
				SELECT count(*) FROM gone`),
		},
		r.rows("hold", "lifted", 24, "legal_hold", "lifted_at", ""),
		r.rows("restriction", "lifted", 24, "restriction", "lifted_at", ""),
		r.rows("retention", "reports like this", 24, "retention_line", "at", ""),
		{
			Kind: "export", Outcome: "lists that left", Months: 24, Due: `export WHERE at < $1`, At: "at",
			Drop: r.forget(`SELECT forget_exports($1, $2)`),
		},
		{
			Kind: "disclosure", Outcome: "closed", Months: 24, Due: `disclosure_now WHERE at < $1
				AND coalesce(told_on, CASE WHEN outcome = 'nothing' THEN answered_on END) < $1::date`, At: "at",
			Drop: r.forget(`SELECT forget_disclosures($1, $2)`),
		},
		{
			Kind: "consent", Outcome: "choices of which none is in force", Months: 72, Due: `consent_event e
				JOIN consent_head h ON h.person_id = e.person_id AND h.seq = e.seq
				WHERE e.at < $1 AND consent_closed(e.person_id, $1)`, At: "e.at",
			Drop: r.forget(`SELECT remove_closed_chains($1, $2, now())`),
		},
		{
			Kind: "erasure", Outcome: "done", Months: 24, Due: `erasure WHERE done_at < $1`, At: "done_at", Drop: r.forgetErasures,
		},
	}
}

// rows is a table of which rows are deleted by their age.
func (r *Retainer) rows(kind, outcome string, months int, table, at, and string) job.Deletion {
	due := table + ` WHERE ` + at + ` < $1` + and
	return job.Deletion{Kind: kind, Outcome: outcome, Months: months, Due: due, At: at, Drop: r.forget(`
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
		ids, err := postgres.Column[uuid.UUID](ctx, r.desk.Pool, `
			SELECT id FROM erasure WHERE done_at < $1 ORDER BY done_at LIMIT $2`, before, retainBatch)
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

func (r *Retainer) today() time.Time { return clock.Day(r.desk.Now()) }

// mailMonths is how long the words of a mail are kept.
const mailMonths = 12

// Run deletes what is due and reports it, also where its time ends before it is through. What fails does not keep the rest
// from being deleted.
func (r *Retainer) Run(ctx context.Context) ([]RetainLine, error) {
	var faults []error
	for _, before := range r.before {
		if err := before(ctx); err != nil {
			return nil, fmt.Errorf("before deleting: %w", err) // else what it keeps would be lost
		}
	}
	lines, err := r.purge(ctx)
	faults = append(faults, err, r.desk.Files.Purge(ctx))
	aged, err := r.drop(ctx, r.Deletions())
	lines, faults = append(lines, aged...), append(faults, err)
	people, err := r.forgetPeople(ctx)
	lines, faults = append(lines, people), append(faults, err)
	_, err = r.desk.Mail.Sweep(ctx, clock.AddMonths(r.desk.Now(), -mailMonths))
	faults = append(faults, err, r.eraser.Resume(ctx))
	lines = something(lines)
	told, end := context.WithTimeout(context.WithoutCancel(ctx), reportTime)
	defer end()
	return lines, errors.Join(append(faults, r.report(told, lines))...)
}

const reportTime = 10 * time.Second

// RunRooms deletes what rooms delete and is due, and reports it.
func (r *Retainer) RunRooms(ctx context.Context) ([]RetainLine, error) {
	lines, err := r.drop(ctx, r.ofRooms())
	lines = something(lines)
	return lines, errors.Join(err, r.report(ctx, lines))
}

// drop deletes what is due of each, and goes on after one that fails.
func (r *Retainer) drop(ctx context.Context, list []job.Deletion) ([]RetainLine, error) {
	var lines []RetainLine
	var faults []error
	for _, d := range list {
		line, err := r.measure(ctx, d)
		if err == nil && line.N > 0 {
			line.N, err = d.Run(ctx, r.desk.Pool, r.desk.Now())
		}
		lines, faults = append(lines, line), append(faults, err)
	}
	return lines, errors.Join(faults...)
}

// something leaves out the lines that tell of nothing.
func something(lines []RetainLine) []RetainLine {
	return slices.DeleteFunc(lines, func(l RetainLine) bool { return l.N == 0 })
}

// Plan reports what Run would delete now, and deletes nothing.
func (r *Retainer) Plan(ctx context.Context) ([]RetainLine, error) {
	lines, err := postgres.Rows[RetainLine](ctx, r.desk.Pool, `
		SELECT now() AS at, s.kind, s.status AS outcome, count(*) AS n, min(s.purge_after)::timestamptz AS oldest
		FROM submission s WHERE `+submission.DueBefore+` GROUP BY s.kind, s.status ORDER BY s.kind, s.status`,
		r.today().Format(time.DateOnly))
	if err != nil {
		return nil, fmt.Errorf("plan deletion: %w", err)
	}
	for _, d := range r.Deletions() {
		line, err := r.measure(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("plan deletion: %w", err)
		}
		lines = append(lines, line)
	}
	people := RetainLine{Kind: "person", Outcome: nothingHeld}
	if err := r.desk.Pool.QueryRow(ctx, `SELECT count(*), min(p.created_at) FROM person p WHERE `+unheldPerson,
		r.desk.Now().Add(-newcomer)).Scan(&people.N, &people.Oldest); err != nil {
		return nil, fmt.Errorf("plan deletion of people: %w", err)
	}
	return something(append(lines, people)), nil
}

func (r *Retainer) measure(ctx context.Context, d job.Deletion) (RetainLine, error) {
	n, oldest, err := d.Measure(ctx, r.desk.Pool, r.desk.Now())
	return RetainLine{Kind: d.Kind, Outcome: d.Outcome, N: n, Oldest: oldest}, err
}

// purge deletes records past their day, by kind and outcome. Where the database refuses a batch, its records are tried one
// by one: what can't be deleted keeps nothing else from it.
func (r *Retainer) purge(ctx context.Context) ([]RetainLine, error) {
	var (
		lines  = map[[2]string]*RetainLine{}
		last   submission.Due
		most   = retainBatch
		single int // records that are still to be tried one by one
		faults []error
	)
	for {
		list, err := r.purgeSome(ctx, last, most)
		switch {
		case err != nil && (ctx.Err() != nil || postgres.Away(err) || len(list) == 0):
			return sorted(lines), errors.Join(append(faults, err)...)
		case err != nil && len(list) > 1:
			most, single = 1, len(list)
			continue
		case err != nil:
			faults = append(faults, fmt.Errorf("record %s: %w", list[0].ID, err))
			if len(faults) == manyFaults {
				return sorted(lines), errors.Join(faults...)
			}
		default:
			count(lines, list)
		}
		if len(list) < most {
			return sorted(lines), errors.Join(faults...)
		}
		last = list[len(list)-1]
		if single--; single <= 0 {
			most = retainBatch
		}
	}
}

// manyFaults are so many that what is wrong is no matter of single records.
const manyFaults = 50

// purgeSome deletes the first records after last that are due, and returns which it was about, deleted or not.
func (r *Retainer) purgeSome(ctx context.Context, last submission.Due, most int) (list []submission.Due, err error) {
	err = pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) (err error) {
		list, err = r.desk.Store.Purge(ctx, tx, r.today(), last, most)
		return err
	})
	return list, err
}

func count(lines map[[2]string]*RetainLine, gone []submission.Due) {
	for _, d := range gone {
		id := [2]string{d.Kind, d.Status}
		if lines[id] == nil {
			lines[id] = &RetainLine{Kind: d.Kind, Outcome: d.Status, Oldest: &d.Day}
		}
		lines[id].N++
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
		var list, gone []unheld
		err := pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) (err error) {
			list, gone, err = r.forgetSome(ctx, tx, last)
			return err
		})
		if err != nil {
			return line, fmt.Errorf("forget people: %w", err)
		}
		for _, p := range gone { // only now are they
			line.N++
			if line.Oldest == nil || p.CreatedAt.Before(*line.Oldest) {
				line.Oldest = &p.CreatedAt
			}
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
// waits and finds nobody of that address. It returns whom it looked at, and whom of them it emptied.
func (r *Retainer) forgetSome(ctx context.Context, tx pgx.Tx, after uuid.UUID) (list, gone []unheld, err error) {
	until := r.desk.Now().Add(-newcomer)
	list, err = postgres.Rows[unheld](ctx, tx, `
		SELECT p.id, p.created_at FROM person p WHERE `+unheldPerson+` AND p.id > $2
		ORDER BY p.id LIMIT $3 FOR UPDATE SKIP LOCKED`, until, after, retainBatch)
	if err != nil || len(list) == 0 {
		return nil, nil, err
	}
	ids := make([]uuid.UUID, 0, len(list))
	for _, p := range list {
		ids = append(ids, p.ID)
	}
	gone, err = postgres.Rows[unheld](ctx, tx, `
		SELECT p.id, p.created_at FROM person p WHERE `+unheldPerson+` AND p.id = ANY ($2)`, until, ids)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range gone {
		if err := errors.Join(r.desk.Ledger.ErasePoints(ctx, tx, p.ID, forever()), r.desk.Mail.Erase(ctx, tx, p.ID, forever()),
			r.desk.People.Empty(ctx, tx, p.ID)); err != nil {
			return nil, nil, err
		}
	}
	return list, gone, nil
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

// Work deletes every night, and what rooms delete every hour.
func (r *Retainer) Work() []job.Worker {
	return []job.Worker{
		{Name: "retain", Every: retainEvery, Timeout: time.Hour, Run: r.logged(r.Run)},
		{Name: "retain_rooms", Every: time.Hour, Timeout: 10 * time.Minute, Run: r.logged(r.RunRooms)},
	}
}

func (r *Retainer) logged(run func(context.Context) ([]RetainLine, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		lines, err := run(ctx)
		for _, l := range lines {
			r.desk.Log.InfoContext(ctx, "deleted", "kind", l.Kind, "outcome", l.Outcome, "n", l.N)
		}
		return err
	}
}
