package privacy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
)

// changedMail is the template by which people are told of new uses of old data (P-18).
const changedMail = "statement-changed"

// ChangedMail tells a person that a new version of the statement uses what they sent for more than they read of then.
type ChangedMail struct {
	Effective  string   // the day it takes effect
	Uses       []string // optional: what is new, in sentences; empty for an address that was never confirmed
	ChangesURL string
	ObjectURL  string
}

// Templates are the mails of this room.
func Templates() []mail.Template {
	return []mail.Template{
		{Name: changedMail, Purpose: "notice", Data: ChangedMail{}},
		{Name: newAddressMail, Purpose: "notice", Data: NewAddress{}, Secret: true},
		{Name: addressMovedMail, Purpose: "notice", Data: AddressMoved{}},
	}
}

// concerns says which records a version concerns: those of an activity that were collected under a version which did not
// name all that this one does.
type concerns struct {
	versions, kinds []string            // pairs
	said            map[string][]string // what is new, by kind, in sentences
}

// concerned compares a version with all that took effect before it.
func (r *Room) concerned(ctx context.Context, to consent.Draft) (concerns, error) {
	c := concerns{said: map[string][]string{}}
	for _, from := range r.desk.Statements.All() {
		if !from.EffectiveOn.Before(to.EffectiveOn) || from.ID == to.ID {
			continue
		}
		uses, err := r.desk.Statements.Uses(ctx, from.ID)
		if err != nil {
			return c, err
		}
		for _, change := range compareUses(uses, to.Uses) {
			if change.Wider {
				c.add(from.ID, change)
			}
		}
	}
	return c, nil
}

func (c *concerns) add(version string, change UseChange) {
	for _, kind := range change.Activities {
		if !slices.Contains(c.said[kind], change.Sentence) {
			c.said[kind] = append(c.said[kind], change.Sentence)
		}
		for i := range c.versions {
			if c.versions[i] == version && c.kinds[i] == kind {
				return
			}
		}
		c.versions, c.kinds = append(c.versions, version), append(c.kinds, kind)
	}
}

// ofConcern selects people by the version that was shown when a record of theirs was collected, in the order of their ids
// after $3. Who can't be reached, or was told already, is not among them.
const ofConcern = `
	FROM person p
	WHERE p.id > $3 AND p.erased_at IS NULL AND p.email IS NOT NULL AND p.bounced_at IS NULL
		AND NOT EXISTS (SELECT FROM notice n WHERE n.person_id = p.id AND n.version = $4)
		AND EXISTS (SELECT FROM submission s JOIN answers a ON a.submission_id = s.id AND a.version = 1
			WHERE s.person_id = p.id AND s.quarantined_at IS NULL
				AND (a.statement_version, s.kind) IN (SELECT * FROM unnest($1::text[], $2::text[])))`

// Told counts the people whom a version, once published, would have to be told to.
func (r *Room) Told(ctx context.Context, to consent.Draft) (int, error) {
	c, err := r.concerned(ctx, to)
	if err != nil {
		return 0, err
	}
	var n int
	if err := r.desk.Pool.QueryRow(ctx, `SELECT count(*)`+ofConcern, c.versions, c.kinds, uuid.Nil, to.ID).Scan(&n); err != nil {
		return 0, fmt.Errorf("count people concerned: %w", err)
	}
	return n, nil
}

const (
	tellAtOnce = 500 // people of one transaction: memory stays flat however many there are
	tellEvery  = 5 * time.Minute
	tellFor    = 2 * time.Hour
)

// tell tells everybody whom the newest version concerns, once each, and notes who was reached. It may be cut off
// anywhere: a person is told in the transaction that notes it.
func (r *Room) tell(ctx context.Context) error {
	if err := r.noteDelivered(ctx); err != nil {
		return err
	}
	all := r.desk.Statements.All()
	if len(all) == 0 {
		return nil
	}
	uses, err := r.desk.Statements.Uses(ctx, all[0].ID)
	if err != nil {
		return err
	}
	to := consent.Draft{Statement: all[0], Uses: uses}
	c, err := r.concerned(ctx, to)
	if err != nil || len(c.versions) == 0 {
		return err
	}
	last := uuid.Nil
	for {
		n, next, err := r.tellSome(ctx, to.Statement, c, last)
		if err != nil {
			return fmt.Errorf("tell of statement %s: %w", to.ID, err)
		}
		if n < tellAtOnce {
			return nil
		}
		last = next
	}
}

// reached is a person to be told.
type reached struct {
	ID        uuid.UUID `db:"id"`
	Email     string    `db:"email"`
	Confirmed bool      `db:"confirmed"`
	Kinds     []string  `db:"kinds"`
}

// tellSome tells the next people after last, and returns how many and who was the last of them.
func (r *Room) tellSome(ctx context.Context, to consent.Statement, c concerns, last uuid.UUID) (n int, next uuid.UUID, err error) {
	err = pgx.BeginFunc(ctx, r.desk.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT p.id, p.email, p.verified_at IS NOT NULL AS confirmed,
				(SELECT array_agg(DISTINCT s.kind) FROM submission s WHERE s.person_id = p.id AND s.kind = ANY($2)) AS kinds`+
			ofConcern+` ORDER BY p.id LIMIT $5 FOR UPDATE OF p SKIP LOCKED`, c.versions, c.kinds, last, to.ID, tellAtOnce)
		if err != nil {
			return err
		}
		people, err := pgx.CollectRows(rows, pgx.RowToStructByName[reached])
		if err != nil || len(people) == 0 {
			return err
		}
		n, next = len(people), people[len(people)-1].ID
		return r.queueNotices(ctx, tx, to, c, people)
	})
	return n, next, err
}

func (r *Room) queueNotices(ctx context.Context, tx pgx.Tx, to consent.Statement, c concerns, people []reached) error {
	now := r.desk.Now()
	b := &pgx.Batch{}
	for _, p := range people {
		id := uuid.Must(uuid.NewV7())
		m := mail.Message{
			ID: id, Person: uuid.NullUUID{UUID: p.ID, Valid: true}, Template: changedMail, Address: p.Email, Basis: to.ID,
			Data: ChangedMail{
				Effective: to.Name(), Uses: c.sentences(p), ChangesURL: r.sinceChanges(c, to), ObjectURL: r.ObjectionPath(p.ID),
			},
		}
		if err := r.desk.Mail.Add(b, m, now); err != nil {
			return err
		}
		b.Queue(`INSERT INTO notice (person_id, version, message_id, queued_at) VALUES ($1, $2, $3, $4)`, p.ID, to.ID, id, now)
	}
	return tx.SendBatch(ctx, b).Close()
}

// sentences are what is new for a person. Who never confirmed the address is told none: it may be another's, who is not
// to learn what was sent in its name.
func (c concerns) sentences(p reached) []string {
	if !p.Confirmed {
		return nil
	}
	var list []string
	for _, kind := range p.Kinds {
		for _, s := range c.said[kind] {
			if !slices.Contains(list, s) {
				list = append(list, s)
			}
		}
	}
	return list
}

// sinceChanges leads to what changed since the earliest version that is concerned.
func (r *Room) sinceChanges(c concerns, to consent.Statement) string {
	all := r.desk.Statements.All()
	for i := len(all) - 1; i >= 0; i-- {
		if slices.Contains(c.versions, all[i].ID) {
			return changesPath(all[i], to)
		}
	}
	return "/privacy/versions/" + to.ID
}

// noteDelivered notes whose mail left, and takes that back for mail that came back.
func (r *Room) noteDelivered(ctx context.Context) error {
	_, err := r.desk.Pool.Exec(ctx, `
		UPDATE notice n SET delivered_at = CASE WHEN m.bounced_at IS NULL THEN m.sent_at END
		FROM message m
		WHERE m.id = n.message_id AND m.state = 'sent' AND (n.delivered_at IS NULL) = (m.bounced_at IS NULL)`)
	if err != nil {
		return fmt.Errorf("note delivered notices: %w", err)
	}
	return nil
}

const objectionToken = "objection"

// ObjectionPath is where a person objects to new uses of what they sent.
func (r *Room) ObjectionPath(who uuid.UUID) string {
	return "/privacy/objection/" + r.desk.Ring.Token(objectionToken, who)
}

type objectionPage struct {
	page.Base
	Done    bool
	Nothing bool // nobody was told under this link, or the person is erased
}

func (r *Room) showObjection(w http.ResponseWriter, req *http.Request) error {
	return r.onObjection(w, req, `
		SELECT bool_and(objected_at IS NOT NULL) FROM notice n JOIN person p ON p.id = n.person_id
		WHERE n.person_id = $1 AND p.erased_at IS NULL HAVING count(*) > 0`)
}

// takeObjection objects to every new use that the person was told of, as often as it is pressed.
func (r *Room) takeObjection(w http.ResponseWriter, req *http.Request) error {
	return r.onObjection(w, req, `
		WITH objected AS (UPDATE notice n SET objected_at = coalesce(objected_at, $2) FROM person p
			WHERE p.id = n.person_id AND n.person_id = $1 AND p.erased_at IS NULL RETURNING true)
		SELECT true FROM objected LIMIT 1`, r.desk.Now())
}

func (r *Room) onObjection(w http.ResponseWriter, req *http.Request, sql string, args ...any) error {
	who, err := r.desk.Ring.ParseToken(objectionToken, chi.URLParam(req, "token"))
	if err != nil {
		return page.ErrNotFound
	}
	data := objectionPage{Base: page.Base{
		Title: "Object to new uses", Description: "One button keeps what you sent from being used for more than you were told then.",
		NoIndex: true, Path: req.URL.Path,
	}}
	err = r.desk.Pool.QueryRow(req.Context(), sql, append([]any{who}, args...)...).Scan(&data.Done)
	if errors.Is(err, pgx.ErrNoRows) {
		data.Nothing, err = true, nil
	}
	if err != nil {
		return fmt.Errorf("object: %w", err)
	}
	w.Header().Set("Cache-Control", "no-store")
	return r.views.objection.Write(w, req, http.StatusOK, data)
}
