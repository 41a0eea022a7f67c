package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/postgres"
)

// Disclosure is an entry of the register of what was demanded from us by law (P-10), as it was last corrected. Its words
// are empty once the last person whom it was about is erased.
type Disclosure struct {
	ID          uuid.UUID     `db:"id"`    // of the version
	Entry       uuid.UUID     `db:"entry"` // the same in all versions
	Version     int           `db:"version"`
	Ground      string        `db:"ground"`
	Outcome     string        `db:"outcome"`
	AskedOn     time.Time     `db:"asked_on"`
	AnsweredOn  *time.Time    `db:"answered_on"`
	ToldOn      *time.Time    `db:"told_on"`
	SilentUntil *time.Time    `db:"silent_until"` // before this day the people may not be told
	EnteredBy   uuid.UUID     `db:"entered_by"`
	ApprovedBy  uuid.NullUUID `db:"approved_by"`
	At          time.Time     `db:"at"`
	Requester   string        `db:"requester"`
	Demand      string        `db:"demand"`
	Basis       string        `db:"basis"` // the rule, or why we believed that one requires it
	Given       string        `db:"given"`
	People      int           `db:"people"`
}

// The grounds of a disclosure.
const (
	byLaw       = "law"
	inGoodFaith = "good faith"
)

// What came of a demand.
const (
	notAnswered = "open"
	gaveAll     = "all"
	gavePart    = "part"
	gaveNothing = "nothing"
)

const disclosureColumns = `d.id, d.entry, d.version, d.ground, d.outcome, d.asked_on, d.answered_on, d.told_on, d.silent_until,
	d.entered_by, d.approved_by, d.at, coalesce(w.requester, '') AS requester, coalesce(w.demand, '') AS demand,
	coalesce(w.basis, '') AS basis, coalesce(w.given, '') AS given,
	(SELECT count(*) FROM disclosure_person x WHERE x.disclosure_id = d.id) AS people`

// Name is how an entry is called in lists and logs: whose demand, and of which day.
func (d Disclosure) Name() string {
	who := d.Requester
	if who == "" {
		who = "A demand"
	}
	return who + ", " + d.AskedOn.Format("2 January 2006")
}

// Silent tells whether on that day the people concerned may not be told.
func (d Disclosure) Silent(today time.Time) bool {
	return d.SilentUntil != nil && today.Before(*d.SilentUntil)
}

// Untold tells whether the people concerned are still to be told.
func (d Disclosure) Untold(today time.Time) bool {
	return d.ToldOn == nil && !d.Silent(today) && (d.Outcome == gaveAll || d.Outcome == gavePart)
}

// Disclosures returns the register, the newest demand first.
func Disclosures(ctx context.Context, db postgres.Reader) ([]Disclosure, error) {
	list, err := postgres.Rows[Disclosure](ctx, db, `
		SELECT `+disclosureColumns+`
		FROM disclosure_now d LEFT JOIN disclosure_words w ON w.disclosure_id = d.id
		ORDER BY d.asked_on DESC, d.entry DESC`)
	if err != nil {
		return nil, fmt.Errorf("read disclosures: %w", err)
	}
	return list, nil
}

// DisclosuresTold returns the entries about a person of which no prohibition to tell is running on that day.
func DisclosuresTold(ctx context.Context, db postgres.Reader, who uuid.UUID, today time.Time) ([]Disclosure, error) {
	list, err := postgres.Rows[Disclosure](ctx, db, `
		SELECT `+disclosureColumns+`
		FROM disclosures_told($1, $2) d LEFT JOIN disclosure_words w ON w.disclosure_id = d.id
		ORDER BY d.asked_on, d.entry`, who, today)
	if err != nil {
		return nil, fmt.Errorf("read disclosures about a person: %w", err)
	}
	return list, nil
}

// EndOfSilence is a day on which no prohibition to tell is running any more. What is read as of that day, also what the
// person may not know of yet, is for privacy officers alone.
func EndOfSilence() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }

// DisclosureNames returns the people of ours whom an entry names, as it was last corrected.
func DisclosureNames(ctx context.Context, db postgres.Reader, entry uuid.UUID) ([]uuid.UUID, error) {
	people, err := postgres.Column[uuid.UUID](ctx, db, `
		WITH named AS (
			SELECT x.person_id, x.address FROM disclosure_now d JOIN disclosure_person x ON x.disclosure_id = d.id WHERE d.entry = $1)
		SELECT person_id FROM named WHERE person_id IS NOT NULL
		UNION SELECT p.id FROM named JOIN person p ON p.email = named.address`, entry)
	if err != nil {
		return nil, fmt.Errorf("read whom a disclosure names: %w", err)
	}
	return people, nil
}

// disclosureVersions returns all versions of an entry, the newest first; none where there is no such entry.
func (r *Room) disclosureVersions(ctx context.Context, entry uuid.UUID) ([]Disclosure, error) {
	list, err := postgres.Rows[Disclosure](ctx, r.desk.Pool, `
		SELECT `+disclosureColumns+`
		FROM disclosure d LEFT JOIN disclosure_words w ON w.disclosure_id = d.id
		WHERE d.entry = $1 ORDER BY d.version DESC`, entry)
	if err != nil {
		return nil, fmt.Errorf("read disclosure: %w", err)
	}
	return list, nil
}

// concerned is somebody whom an entry is about: a person of ours, or an address of which we held nothing.
type concerned struct {
	Person     uuid.NullUUID `db:"person_id"`
	Submission uuid.NullUUID `db:"submission_id"`
	Address    string        `db:"address"`
	Reference  string        `db:"reference"`
	Erased     bool          `db:"erased"`
}

// named is how the officer names them.
func (c concerned) named() string {
	if c.Reference != "" {
		return c.Reference
	}
	return c.Address
}

// is tells whether two lines name the same: a person by the same record or by an address, or an address of nobody.
func (c concerned) is(o concerned) bool {
	return c.Person == o.Person && c.Submission == o.Submission && (c.Person.Valid || c.Address == o.Address)
}

func concernedBy(ctx context.Context, db postgres.Reader, version uuid.UUID) ([]concerned, error) {
	list, err := postgres.Rows[concerned](ctx, db, `
		SELECT x.person_id, x.submission_id, coalesce(p.email, x.address, '') AS address, coalesce(s.reference, '') AS reference,
			x.address IS NULL AND (p.id IS NULL OR p.erased_at IS NOT NULL) AS erased
		FROM disclosure_person x LEFT JOIN person p ON p.id = x.person_id
			LEFT JOIN submission s ON s.id = x.submission_id AND p.erased_at IS NULL
		WHERE x.disclosure_id = $1 ORDER BY x.n`, version)
	if err != nil {
		return nil, fmt.Errorf("read whom a disclosure is about: %w", err)
	}
	return list, nil
}

// errCorrected says that the version of an entry that was to be added is there already.
var errCorrected = errors.New("privacy: the entry was corrected in the meantime")

// enter adds a version of an entry: the first, or a correction. errCorrected says that this version exists.
func (r *Room) enter(ctx context.Context, d Disclosure, people []concerned, role string) error {
	err := pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO disclosure (id, entry, version, ground, outcome, asked_on, answered_on, told_on, silent_until,
				entered_by, approved_by, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (entry, version) DO NOTHING`,
			d.ID, d.Entry, d.Version, d.Ground, d.Outcome, d.AskedOn, d.AnsweredOn, d.ToldOn, d.SilentUntil,
			d.EnteredBy, d.ApprovedBy, d.At)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errCorrected
		}
		b := &pgx.Batch{}
		b.Queue(`
			INSERT INTO disclosure_words (disclosure_id, requester, demand, basis, given) VALUES ($1, $2, $3, $4, $5)`,
			d.ID, d.Requester, d.Demand, d.Basis, d.Given)
		for i, c := range people {
			address := c.Address
			if c.Person.Valid {
				address = ""
			}
			b.Queue(`
				INSERT INTO disclosure_person (disclosure_id, n, person_id, submission_id, address)
				VALUES ($1, $2, $3, $4, nullif($5, ''))`, d.ID, i+1, c.Person, c.Submission, address)
		}
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		action := "enter"
		if d.Version > 1 {
			action = "correct"
		}
		return audit.Record(ctx, tx, audit.Event{
			At: d.At, ActorID: uuid.NullUUID{UUID: d.EnteredBy, Valid: true}, Role: role, Action: action, Object: "disclosure",
			ObjectID: uuid.NullUUID{UUID: d.Entry, Valid: true},
		})
	})
	if err != nil {
		return fmt.Errorf("enter disclosure: %w", err)
	}
	return nil
}

// holder tells a person what left the house about them, and empties what is written about it. What may not be told yet is
// left out.
func (r *Room) holder() activity.Holder {
	return activity.Holder{Export: r.exportDisclosures, Erase: r.eraseLeft}
}

// disclosureLine and exportLine are what a person is told of a disclosure and of a file.
type disclosureLine struct {
	AskedOn    string `json:"asked_on"`
	Requester  string `json:"by"`
	Demand     string `json:"asked_for"`
	Ground     string `json:"ground"`
	Basis      string `json:"basis"`
	Outcome    string `json:"outcome"`
	Given      string `json:"given,omitempty"`
	AnsweredOn string `json:"answered_on,omitempty"`
	ToldOn     string `json:"you_were_told_on,omitempty"`
}

type exportLine struct {
	At        time.Time `db:"at" json:"at"`
	Kind      string    `db:"kind" json:"list"`
	Purpose   string    `db:"purpose" json:"purpose"`
	Recipient string    `db:"recipient" json:"recipient"`
	Processor string    `db:"processor" json:"processor,omitempty"`
}

func (r *Room) exportDisclosures(ctx context.Context, who uuid.UUID, to io.Writer) error {
	today := r.today()
	told, err := DisclosuresTold(ctx, r.desk.Pool, who, today)
	if err != nil {
		return err
	}
	data := struct {
		Disclosures []disclosureLine `json:"disclosures"`
		Exports     []exportLine     `json:"exports"`
	}{Disclosures: []disclosureLine{}}
	for _, d := range told {
		data.Disclosures = append(data.Disclosures, disclosureLine{
			AskedOn: d.AskedOn.Format(time.DateOnly), Requester: d.Requester, Demand: d.Demand, Ground: d.Ground, Basis: d.Basis,
			Outcome: d.Outcome, Given: d.Given, AnsweredOn: isoDay(d.AnsweredOn), ToldOn: isoDay(d.ToldOn),
		})
	}
	data.Exports, err = postgres.Rows[exportLine](ctx, r.desk.Pool, `
		SELECT e.at, e.kind, e.purpose, e.recipient, coalesce(e.processor, '') AS processor
		FROM export e
		WHERE e.id IN (SELECT export_id FROM export_person WHERE person_id = $1)
			AND NOT EXISTS (SELECT FROM disclosure_now d WHERE d.entry = e.demand AND d.silent_until > $2)
		ORDER BY e.at`, who, today)
	if err != nil {
		return fmt.Errorf("read exports about a person: %w", err)
	}
	if err := json.NewEncoder(to).Encode(data); err != nil {
		return fmt.Errorf("export disclosures: %w", err)
	}
	return nil
}

// eraseLeft takes a person out of what was written until then about what left the house: words beside a list in which they
// are, or which name them, as whole words.
func (r *Room) eraseLeft(ctx context.Context, tx pgx.Tx, who uuid.UUID, until time.Time) error {
	if err := r.eraseDisclosures(ctx, tx, who, until); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		DELETE FROM export_words w USING export e
		WHERE e.id = w.export_id AND e.at <= $2 AND (
			EXISTS (SELECT FROM export_person x WHERE x.export_id = w.export_id AND x.person_id = $1)
			OR EXISTS (SELECT FROM submission s WHERE s.person_id = $1 AND length(s.name) > 3
				AND strpos(' ' || lower(regexp_replace(w.body, '\W+', ' ', 'g')) || ' ', ' ' || lower(regexp_replace(s.name, '\W+', ' ', 'g')) || ' ') > 0))`,
		who, until)
	if err != nil {
		return fmt.Errorf("erase words of exports: %w", err)
	}
	return nil
}

// eraseDisclosures takes an address out of the register, and the words of the entries that are about nobody else any more.
// The entries are locked first: of two who are erased at once, the second sees that the first is gone.
func (r *Room) eraseDisclosures(ctx context.Context, tx pgx.Tx, who uuid.UUID, until time.Time) error {
	if _, err := tx.Exec(ctx, `
		SELECT FROM disclosure_person x
		WHERE x.disclosure_id IN (SELECT m.disclosure_id FROM disclosure_person m
			WHERE m.person_id = $1 OR m.address = (SELECT email FROM person WHERE id = $1))
		ORDER BY x.disclosure_id, x.n FOR UPDATE`, who); err != nil {
		return fmt.Errorf("lock disclosures: %w", err)
	}
	_, err := tx.Exec(ctx, `
		WITH mine AS (
			SELECT x.disclosure_id, x.n FROM disclosure_person x JOIN disclosure d ON d.id = x.disclosure_id
			WHERE d.at <= $2 AND (x.person_id = $1 OR x.address = (SELECT email FROM person WHERE id = $1))
		), alone AS (
			DELETE FROM disclosure_words w USING mine
			WHERE w.disclosure_id = mine.disclosure_id AND NOT EXISTS (
				SELECT FROM disclosure_person o LEFT JOIN person p ON p.id = o.person_id
				WHERE o.disclosure_id = w.disclosure_id AND (o.disclosure_id, o.n) NOT IN (SELECT disclosure_id, n FROM mine)
					AND (o.address IS NOT NULL OR p.erased_at IS NULL AND p.id IS NOT NULL)))
		UPDATE disclosure_person x SET address = NULL FROM mine
		WHERE x.disclosure_id = mine.disclosure_id AND x.n = mine.n AND x.address IS NOT NULL`, who, until)
	if err != nil {
		return fmt.Errorf("erase disclosures: %w", err)
	}
	return nil
}

func (r *Room) today() time.Time { return clock.Day(r.desk.Now()) }

func isoDay(day *time.Time) string {
	if day == nil {
		return ""
	}
	return day.Format(time.DateOnly)
}
