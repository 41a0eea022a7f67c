package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/job"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres"
)

// Eraser takes everything about a person out of all rooms, at the person's wish.
//
// It promises that an erasure is written to the journal before anything is erased, that it can be cut off anywhere and
// goes on where it was (Work), that erasing twice is erasing once, that exactly what a legal hold covers waits until
// the hold is lifted, and that the asking itself ends what the person agreed to.
type Eraser struct {
	desk    *activity.Desk
	journal journal
	holders []activity.Holder
	say     page.Say
}

// EraserConfig is what an Eraser needs. The holders of the activities it finds at the desk; Holders are those of the
// other rooms that keep something about people in tables of their own.
type EraserConfig struct {
	Desk    *activity.Desk
	Blobs   file.Blobs // the journal lies beside the uploads
	Holders []activity.Holder
}

// NewEraser returns the eraser.
func NewEraser(c EraserConfig) *Eraser {
	return &Eraser{c.Desk, newJournal(c.Blobs, c.Desk.Ring), c.Holders, c.Desk.Pages.Words("privacy")}
}

// Erasure tells what came of an erasure.
type Erasure struct {
	ID    uuid.UUID
	Done  bool // false: a legal hold stops the rest until it is lifted
	Since time.Time
	Kept  []Remnant
}

// Remnant is something that stays after an erasure, and why.
type Remnant struct{ What, Why string }

// errHeldWhole says that a legal hold covers the person as a whole.
var errHeldWhole = errors.New("privacy: a legal hold covers the person")

// erasing is a row of table erasure.
type erasing struct {
	ID          uuid.UUID     `db:"id"`
	Person      uuid.NullUUID `db:"person_id"`
	AskedAt     time.Time     `db:"asked_at"`
	JournaledAt *time.Time    `db:"journaled_at"`
	DoneAt      *time.Time    `db:"done_at"`
	Digest      []byte        `db:"-"` // of the address, which the person's row forgets
	Waited      bool          `db:"-"` // carried out later than it was asked for
}

const erasingColumns = `id, person_id, asked_at, journaled_at, done_at`

// Erase erases a person, as far as no legal hold stops it; what a hold stops is erased once it is lifted. It returns
// person.ErrNotFound for an unknown id, and for somebody whom retention emptied: only an erasure at their own wish can be
// told of. Who asks again while an erasure waits asks for what came since, too.
func (e *Eraser) Erase(ctx context.Context, who uuid.UUID) (Erasure, error) {
	err := pgx.BeginFunc(ctx, e.desk.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO erasure (id, person_id, asked_at)
			SELECT $1, id, $3 FROM person WHERE id = $2 AND erased_at IS NULL
			ON CONFLICT (person_id) WHERE done_at IS NULL DO UPDATE
			SET asked_at = greatest(erasure.asked_at, excluded.asked_at), journaled_at = NULL`, uuid.Must(uuid.NewV7()), who, e.desk.Now())
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return e.endChoices(ctx, tx, who)
	})
	if err != nil {
		return Erasure{}, fmt.Errorf("ask for an erasure: %w", err)
	}
	asked, err := postgres.Row[erasing](ctx, e.desk.Pool, `
		SELECT `+erasingColumns+` FROM erasure WHERE person_id = $1
		ORDER BY done_at IS NULL DESC, asked_at DESC, id DESC LIMIT 1`, who)
	if errors.Is(err, pgx.ErrNoRows) {
		return Erasure{}, person.ErrNotFound
	}
	if err != nil {
		return Erasure{}, fmt.Errorf("read erasure: %w", err)
	}
	return e.carryOut(ctx, asked)
}

// endChoices ends what a person agreed to: an erasure may wait long, and nothing is to be sent meanwhile.
func (e *Eraser) endChoices(ctx context.Context, tx pgx.Tx, who uuid.UUID) error {
	s, err := e.desk.Statements.InForce()
	if err != nil {
		return err
	}
	return e.desk.Ledger.End(ctx, tx, who, consent.FromErasure, e.say("stopped_by_erasure"), s.ID)
}

// Report tells what came of an erasure; person.ErrNotFound says that there is none of that id.
func (e *Eraser) Report(ctx context.Context, id uuid.UUID) (Erasure, error) {
	x, err := postgres.Row[erasing](ctx, e.desk.Pool, `SELECT `+erasingColumns+` FROM erasure WHERE id = $1`, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return Erasure{}, person.ErrNotFound
	}
	if err != nil {
		return Erasure{}, fmt.Errorf("read erasure: %w", err)
	}
	return e.tell(ctx, x)
}

// carryOut does what of an erasure is still to be done. Each step may be repeated.
func (e *Eraser) carryOut(ctx context.Context, x erasing) (Erasure, error) {
	if x.DoneAt != nil {
		return e.tell(ctx, x)
	}
	if err := e.desk.Pool.QueryRow(ctx, `SELECT address_hmac FROM person WHERE id = $1`, x.Person).Scan(&x.Digest); err != nil {
		return Erasure{}, fmt.Errorf("read whom to erase: %w", err)
	}
	if x.JournaledAt == nil {
		if err := e.enter(ctx, x); err != nil {
			return Erasure{}, err
		}
	}
	heldBack := 0
	err := pgx.BeginFunc(ctx, e.desk.Pool, func(tx pgx.Tx) (err error) {
		heldBack, err = e.empty(ctx, tx, x)
		return err
	})
	if errors.Is(err, errHeldWhole) {
		return e.tell(ctx, x)
	}
	if err != nil {
		return Erasure{}, fmt.Errorf("erase person: %w", err)
	}
	// Of what was committed nothing can be read any more; now the disk gives back its room.
	if err := e.desk.Files.Purge(ctx); err != nil {
		return Erasure{}, err
	}
	if _, err := e.desk.Mail.Sweep(ctx, time.Time{}); err != nil {
		return Erasure{}, err
	}
	if heldBack > 0 {
		return e.tell(ctx, x)
	}
	now := e.desk.Now()
	tag, err := e.desk.Pool.Exec(ctx, `UPDATE erasure SET done_at = $3 WHERE id = $1 AND asked_at = $2`, x.ID, x.AskedAt, now)
	if err != nil {
		return Erasure{}, fmt.Errorf("finish erasure: %w", err)
	}
	if tag.RowsAffected() > 0 { // else it was asked for once more meanwhile, and goes on
		x.DoneAt = &now
	}
	return e.tell(ctx, x)
}

// enter writes an erasure to the journal, and once more where it was asked for again.
func (e *Eraser) enter(ctx context.Context, x erasing) error {
	if err := e.journal.add(ctx, entry{ID: x.ID, Person: x.Person.UUID, Digest: x.Digest, At: x.AskedAt.UTC()}); err != nil {
		return err
	}
	if _, err := e.desk.Pool.Exec(ctx, `UPDATE erasure SET journaled_at = $3 WHERE id = $1 AND asked_at = $2`, x.ID, x.AskedAt, e.desk.Now()); err != nil {
		return fmt.Errorf("journal an erasure: %w", err)
	}
	return nil
}

// empty takes what a person's rows hold, in all rooms, and returns how many records a legal hold keeps. The person's row
// is locked first: what is sent in meanwhile waits, finds nobody of that address, and is stored for a new person. Whoever
// sent something after asking, while a hold made the erasure wait, did not ask for that: then what came up to the asking
// goes, and no more.
func (e *Eraser) empty(ctx context.Context, tx pgx.Tx, x erasing) (heldBack int, err error) {
	var held, later bool
	who, until := x.Person.UUID, forever()
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM legal_hold h WHERE h.person_id = person.id AND h.lifted_at IS NULL),
			$4 AND EXISTS (SELECT FROM submission s WHERE s.person_id = person.id AND s.created_at > $2 AND s.kind <> $3)
		FROM person WHERE id = $1 FOR UPDATE`, who, x.AskedAt, Kind, x.Waited).Scan(&held, &later)
	if err != nil {
		return 0, err
	}
	if held {
		return 0, errHeldWhole
	}
	if later {
		until = x.AskedAt
	}
	if err := e.emptyRooms(ctx, tx, who, until); err != nil {
		return 0, err
	}
	if err := errors.Join(e.desk.Ledger.ErasePoints(ctx, tx, who, until), e.desk.Mail.Erase(ctx, tx, who, until)); err != nil {
		return 0, err
	}
	if heldBack, err = e.desk.Store.Erase(ctx, tx, who, until, e.ending); err != nil || heldBack > 0 {
		return heldBack, err
	}
	b := &pgx.Batch{}
	// If later records stay, the restriction of all and the notices with their objections stay too: they bind those records.
	b.Queue(`DELETE FROM restriction WHERE person_id = $1 AND placed_at <= $2 AND (submission_id IS NOT NULL OR NOT $3)`, who, until, later)
	b.Queue(`
		UPDATE legal_hold SET ground = '' WHERE lifted_at IS NOT NULL
			AND (person_id = $1 OR submission_id IN (SELECT id FROM submission WHERE person_id = $1))`, who)
	if !later {
		b.Queue(`DELETE FROM notice WHERE person_id = $1`, who)
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil || later {
		return 0, err
	}
	return 0, e.desk.People.Empty(ctx, tx, who)
}

// forever is later than anything that came, also by a clock that was ahead.
func forever() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }

// emptyRooms has every room empty what it keeps of a person beside the records, and came until then.
func (e *Eraser) emptyRooms(ctx context.Context, tx pgx.Tx, who uuid.UUID, until time.Time) error {
	for _, h := range e.allHolders() {
		if h.Erase == nil {
			continue
		}
		if err := h.Erase(ctx, tx, who, until); err != nil {
			return err
		}
	}
	return nil
}

func (e *Eraser) allHolders() []activity.Holder {
	list := []activity.Holder{}
	for _, a := range e.desk.Activities() {
		list = append(list, a.Holder)
	}
	return append(list, e.holders...)
}

// ending withdraws what is still open, since nobody is there any more who waits for it; what ended stays as it ended. A
// request to this room is what brought the erasure, and ends with it.
func (e *Eraser) ending(kind, status string) (to string, until time.Time) {
	a, ok := e.desk.Activities().Find(kind)
	if !ok || status == activity.Withdrawn {
		return "", time.Time{}
	}
	if s, known := a.Status(status); known && s.Final && !s.Withdrawable {
		return "", time.Time{}
	}
	to = activity.Withdrawn
	if kind == Kind {
		to = "closed"
	}
	s, _ := a.Status(to)
	return to, e.desk.KeptUntil(s.Months)
}

// digestOf is the digest of an address that was erased, for as long as the journal has it; nil where the person has theirs.
func (e *Eraser) digestOf(ctx context.Context, x erasing) ([]byte, error) {
	if x.Digest != nil || x.DoneAt == nil {
		return x.Digest, nil
	}
	var note entry
	err := e.journal.get(ctx, e.journal.erasures()+x.ID.String(), &note)
	if errors.Is(err, file.ErrNoBlob) {
		return nil, nil
	}
	return note.Digest, err
}

// tell says what is left of a person, and why.
func (e *Eraser) tell(ctx context.Context, x erasing) (Erasure, error) {
	report := Erasure{ID: x.ID, Done: x.DoneAt != nil, Since: x.AskedAt}
	digest, err := e.digestOf(ctx, x)
	if err != nil {
		return Erasure{}, err
	}
	var left struct {
		Records, Facts, Choices, Refusals, Flags, Held, Lifted, Exports, Demands, Later int
	}
	err = e.desk.Pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM submission WHERE person_id = $1),
			(SELECT count(*) FROM submission_event v JOIN submission s ON s.id = v.submission_id WHERE s.person_id = $1),
			(SELECT count(*) FROM consent_event WHERE person_id = $1),
			(SELECT count(*) FROM consent_event WHERE person_id = $1 AND NOT granted AND origin <> 'erasure')
				+ (SELECT count(*) FROM suppression WHERE address_hmac = coalesce($5, (SELECT address_hmac FROM person WHERE id = $1))),
			(SELECT count(*) FROM misuse WHERE person_id = $1),
			(SELECT count(*) FROM submission WHERE person_id = $1 AND held(person_id, id, kind, created_at)),
			(SELECT count(*) FROM legal_hold h WHERE h.lifted_at IS NOT NULL AND (h.person_id = $1
				OR h.submission_id IN (SELECT id FROM submission WHERE person_id = $1))),
			(SELECT count(*) FROM export_person p JOIN export e ON e.id = p.export_id WHERE p.person_id = $1 AND e.demand IS NULL),
			(SELECT count(*) FROM disclosures_told($1, $2)),
			(SELECT count(*) FROM submission s JOIN person p ON p.id = s.person_id
				WHERE p.id = $1 AND p.erased_at IS NULL AND $3 AND s.created_at > $4)`,
		x.Person, clock.Day(e.desk.Now()), report.Done, x.AskedAt, digest).Scan(&left.Records, &left.Facts, &left.Choices, &left.Refusals,
		&left.Flags, &left.Held, &left.Lifted, &left.Exports, &left.Demands, &left.Later)
	if err != nil {
		return Erasure{}, fmt.Errorf("tell what is left: %w", err)
	}
	for _, k := range []struct {
		n    int
		name string
	}{
		{left.Held, "held"},
		{left.Lifted, "lifted"},
		{left.Later, "later"},
		{left.Records, "records"},
		{left.Facts, "facts"},
		{left.Choices, "choices"},
		{left.Refusals, "refusals"},
		{left.Flags, "flags"},
		{left.Exports, "exports"},
		{left.Demands, "demands"},
		{1, "journal"},
		{1, "uploads"},
		{1, "backups"},
	} {
		if k.n > 0 {
			report.Kept = append(report.Kept, Remnant{e.say("kept_" + k.name), e.say("why_kept_" + k.name)})
		}
	}
	return report, nil
}

// resumeBatch is how many erasures one run carries on with.
const resumeBatch = 200

// Resume carries on with the erasures that were cut off, or whose legal hold was lifted.
func (e *Eraser) Resume(ctx context.Context) error {
	open, err := postgres.Rows[erasing](ctx, e.desk.Pool, `
		SELECT `+erasingColumns+` FROM erasure
		WHERE done_at IS NULL AND NOT (journaled_at IS NOT NULL AND person_held(person_id))
		ORDER BY asked_at LIMIT $1`, resumeBatch)
	if err != nil {
		return fmt.Errorf("list erasures: %w", err)
	}
	var faults []error
	for _, x := range open {
		x.Waited = true
		if _, err := e.carryOut(ctx, x); err != nil { // one that fails must not keep the others waiting
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// Work carries on with erasures, and brings refusals and seals to the journal.
func (e *Eraser) Work() []job.Worker {
	return []job.Worker{
		{Name: "erasures", Every: time.Minute, Timeout: 10 * time.Minute, Run: e.Resume},
		{Name: "refusals", Every: 5 * time.Second, Timeout: 10 * time.Minute, Run: e.EnterRefusals},
		{Name: "seals", Every: time.Minute, Run: e.EnterSeal},
	}
}

// ErrOlder says that the database is older than the journal of erasures, refusals and the ledger's last seal: it was restored,
// holds what was erased, and would send what was refused.
var ErrOlder = errors.New("the database is older than the journal of erasures and refusals: it was restored from a backup " +
	"and does not know who was erased, or refused what, since; run `site doctor --after-restore` before it is served")

// Current returns ErrOlder where the journal has erasures, refusals or a seal that the database does not know.
func (e *Eraser) Current(ctx context.Context) error {
	erased, err := e.journal.unknownErasures(ctx, e.desk.Pool)
	if err != nil {
		return err
	}
	refused, err := e.journal.unknownRefusals(ctx, e.desk.Pool)
	if err != nil {
		return err
	}
	if erased, err = e.journal.still(ctx, e.journal.erasures(), erased); err != nil {
		return err
	}
	if refused, err = e.journal.still(ctx, e.journal.refusals(), refused); err != nil {
		return err
	}
	if len(erased)+len(refused) > 0 {
		return fmt.Errorf("%w (erasures to repeat: %d, refusals: %d)", ErrOlder, len(erased), len(refused))
	}
	_, err = e.sealed(ctx)
	return err
}

// Replay repeats on a restored database the erasures and refusals that it does not know, and returns how many those were.
// What a legal hold of the restored database covers waits for it.
func (e *Eraser) Replay(ctx context.Context) (erased, refused int, err error) {
	if refused, err = e.refuseAgain(ctx); err != nil {
		return 0, refused, err
	}
	missing, err := e.journal.unknownErasures(ctx, e.desk.Pool)
	if err != nil {
		return 0, refused, err
	}
	for i, id := range missing {
		var note entry
		err := e.journal.get(ctx, e.journal.erasures()+id, &note)
		if errors.Is(err, file.ErrNoBlob) { // another instance has just forgotten it
			continue
		}
		if err != nil {
			return i, refused, err
		}
		if err := e.replay(ctx, note); err != nil {
			return i, refused, fmt.Errorf("repeat an erasure: %w", err)
		}
	}
	if err := e.forgetSeal(ctx); err != nil {
		return len(missing), refused, err
	}
	return len(missing), refused, e.Resume(ctx)
}

// replay erases whom an entry means: the very person, and whoever came under that address until then. That the database
// knows the entry is stored last: cut off, it is repeated.
func (e *Eraser) replay(ctx context.Context, note entry) error {
	ids, err := postgres.Column[uuid.UUID](ctx, e.desk.Pool, `
		SELECT id FROM person
		WHERE erased_at IS NULL AND (id = $1 OR address_hmac = $2 AND created_at <= $3) ORDER BY id`,
		note.Person, note.Digest, note.At)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := e.Erase(ctx, id); err != nil {
			return err
		}
	}
	now := e.desk.Now()
	_, err = e.desk.Pool.Exec(ctx, `
		INSERT INTO erasure (id, person_id, asked_at, journaled_at, done_at)
		VALUES ($1, (SELECT id FROM person WHERE id = $2), $3, $4, $4)
		ON CONFLICT (id) DO UPDATE SET asked_at = greatest(erasure.asked_at, excluded.asked_at)`,
		note.ID, note.Person, note.At, now)
	return err
}
