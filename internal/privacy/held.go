package privacy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/consent"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/submission"
)

// held is all that is kept about a person, as data.json of their file gives it. Of staff it names roles only.
type held struct {
	account string // the name on it

	Made     time.Time     `json:"made"`
	Person   heldPerson    `json:"person"`
	Requests []heldRequest `json:"requests"`
	Messages []heldMessage `json:"messages"`
	Choices  []heldChoice  `json:"choices"`
	Refusals []heldRefusal `json:"refused_for_this_address"`
	Notices  []heldNotice  `json:"notices"`
	Limits   []heldLimit   `json:"restrictions"`
	Rooms    []heldRoom    `json:"further"`
}

type heldPerson struct {
	Email       string          `json:"email"`
	Since       time.Time       `json:"since"`
	ConfirmedAt *time.Time      `json:"confirmed_at,omitempty"`
	BouncedAt   *time.Time      `json:"mail_came_back_at,omitempty"`
	Points      []consent.Point `json:"for_calls_and_letters"`
}

type heldRequest struct {
	id           uuid.UUID
	token        string
	kind         string
	withdrawable bool

	Reference    string        `json:"reference"`
	What         string        `json:"what"`
	Subject      string        `json:"subject,omitempty"`
	Name         string        `json:"name,omitempty"`
	Organisation string        `json:"organisation,omitempty"`
	Channel      string        `json:"came_by"`
	Source       string        `json:"heard_of_us,omitempty"`
	Status       string        `json:"status"`
	At           time.Time     `json:"at"`
	DeletedAfter time.Time     `json:"deleted_after"`
	ByLaw        bool          `json:"kept_by_law"`
	Answers      []heldAnswers `json:"answers"`
	Files        []heldFile    `json:"files"`
	Replies      []heldWords   `json:"your_later_words"`
	Notes        []heldWords   `json:"notes_of_staff"`
	Opened       []heldEvent   `json:"opened"`
	Events       []heldEvent   `json:"events"`
}

type heldAnswers struct {
	Version   int          `json:"version"`
	Statement string       `json:"statement"`
	At        time.Time    `json:"at"`
	Answers   []heldAnswer `json:"answers"`
}

type heldAnswer struct {
	Name     string   `json:"name"`
	Question string   `json:"question"`
	Answer   []string `json:"answer"`
}

type heldFile struct {
	info   file.Info
	Name   string `json:"name"`
	Size   int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	State  string `json:"remark,omitempty"`
}

type heldWords struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

type heldEvent struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
	Role string    `json:"role"`
}

type heldMessage struct {
	At        time.Time  `json:"at"`
	SentAt    *time.Time `json:"sent_at,omitempty"`
	BouncedAt *time.Time `json:"came_back_at,omitempty"`
	State     string     `json:"state"`
	Purpose   string     `json:"purpose"`
	Channel   string     `json:"channel"`
	Address   string     `json:"address"`
	Subject   string     `json:"subject,omitempty"`
	Text      string     `json:"text,omitempty"`
}

type heldChoice struct {
	Purpose   string    `db:"purpose" json:"purpose"`
	Channel   string    `db:"channel" json:"channel"`
	Granted   bool      `db:"granted" json:"granted"`
	Wording   string    `db:"wording" json:"wording"`
	Statement string    `db:"statement_version" json:"statement"`
	Origin    string    `db:"origin" json:"by"`
	At        time.Time `db:"at" json:"at"`
}

// heldRefusal was made for the address before we knew whose it is.
type heldRefusal struct {
	Purpose string    `json:"purpose"`
	Channel string    `json:"channel"`
	Way     string    `json:"told_by,omitempty"` // how it reached staff
	At      time.Time `json:"at"`
}

type heldNotice struct {
	Version     string     `db:"version" json:"statement"`
	DeliveredAt *time.Time `db:"delivered_at" json:"delivered_at,omitempty"`
	ObjectedAt  *time.Time `db:"objected_at" json:"objected_at,omitempty"`
}

// heldLimit is a restriction of use, of one request or of all that had come by then.
type heldLimit struct {
	id         uuid.UUID
	submission uuid.NullUUID
	own        bool

	Reference string     `json:"reference,omitempty"`
	Ground    string     `json:"ground"`
	Since     time.Time  `json:"since"`
	LiftedAt  *time.Time `json:"lifted_at,omitempty"`
}

// heldRoom is what a room keeps in tables of its own, as it exports it.
type heldRoom struct {
	Room string          `json:"room,omitempty"`
	Data json.RawMessage `json:"data"`
}

// gather reads all that is held about a person, out of every room. person.ErrNotFound says that there is nobody any more.
func (e *Eraser) gather(ctx context.Context, who uuid.UUID) (held, error) {
	p, err := e.desk.People.Get(ctx, who)
	if err == nil && p.ErasedAt != nil {
		err = person.ErrNotFound
	}
	if err != nil {
		return held{}, err
	}
	h := held{Made: e.desk.Now(), Person: heldPerson{p.Email, p.CreatedAt, p.VerifiedAt, p.BouncedAt, nil}}
	if err := e.desk.Pool.QueryRow(ctx, `SELECT coalesce(min(name), '') FROM account WHERE person_id = $1`, who).Scan(&h.account); err != nil {
		return held{}, fmt.Errorf("read whose account it is: %w", err)
	}
	if h.Person.Points, err = e.desk.Ledger.Points(ctx, who); err != nil {
		return held{}, err
	}
	records, err := e.desk.Store.OfPerson(ctx, who)
	if err != nil {
		return held{}, err
	}
	for _, rec := range records {
		x, err := e.request(ctx, rec)
		if err != nil {
			return held{}, err
		}
		h.Requests = append(h.Requests, x)
	}
	if h.Messages, err = e.messages(ctx, who); err != nil {
		return held{}, err
	}
	if h.Choices, err = postgres.Rows[heldChoice](ctx, e.desk.Pool, `
		SELECT purpose, channel, granted, wording, statement_version, origin, at
		FROM consent_event WHERE person_id = $1 ORDER BY seq`, who); err != nil {
		return held{}, fmt.Errorf("read choices of a person: %w", err)
	}
	if h.Refusals, err = e.refusals(ctx, who); err != nil {
		return held{}, err
	}
	if h.Notices, err = postgres.Rows[heldNotice](ctx, e.desk.Pool, `
		SELECT version, max(delivered_at) AS delivered_at, max(objected_at) AS objected_at
		FROM notice WHERE person_id = $1 GROUP BY version ORDER BY version`, who); err != nil {
		return held{}, fmt.Errorf("read notices to a person: %w", err)
	}
	if h.Limits, err = e.limits(ctx, who); err != nil {
		return held{}, err
	}
	h.Rooms, err = e.rooms(ctx, who)
	return h, err
}

// refusals are told without who of the staff took them.
func (e *Eraser) refusals(ctx context.Context, who uuid.UUID) ([]heldRefusal, error) {
	rows, err := e.desk.Ledger.RefusedByAddress(ctx, who)
	if err != nil {
		return nil, err
	}
	var list []heldRefusal
	for _, x := range rows {
		list = append(list, heldRefusal{string(x.Purpose), string(x.Channel), x.Way, x.At})
	}
	return list, nil
}

func (e *Eraser) limits(ctx context.Context, who uuid.UUID) ([]heldLimit, error) {
	rows, err := restrictionsOf(ctx, e.desk, who)
	if err != nil {
		return nil, err
	}
	var list []heldLimit
	for _, r := range rows {
		list = append(list, heldLimit{r.ID, r.Submission, r.Officer == "", r.Reference, groundWords(r.Ground), r.PlacedAt, r.LiftedAt})
	}
	return list, nil
}

// request reads one record with all that stands beside it.
func (e *Eraser) request(ctx context.Context, rec submission.Record) (heldRequest, error) {
	store := e.desk.Store
	told, err := store.AsTold(ctx, rec)
	if err != nil {
		return heldRequest{}, err
	}
	a, _ := e.desk.Activities().Find(rec.Kind)
	status, _ := a.Status(told.Status)
	x := heldRequest{
		id: rec.ID, kind: rec.Kind, token: e.desk.Store.Token(rec.ID), withdrawable: e.desk.Withdrawable(told),
		Reference: rec.Reference, What: a.Title, Subject: rec.Subject, Name: rec.Name, Organisation: rec.Company,
		Channel: rec.Channel, Source: rec.Source, Status: status.Public, At: rec.CreatedAt, DeletedAfter: told.PurgeAfter,
	}
	if x.ByLaw, err = store.Held(ctx, rec.ID); err != nil {
		return x, err
	}
	if x.Answers, err = e.answers(ctx, rec.ID); err != nil {
		return x, err
	}
	infos, err := e.desk.Files.Of(ctx, rec.ID)
	if err != nil {
		return x, err
	}
	for _, i := range infos {
		x.Files = append(x.Files, heldFile{i, i.Name, i.Size, i.SHA256, i.Warning()})
	}
	replies, err := e.desk.Replies(ctx, rec.ID)
	if err != nil {
		return x, err
	}
	for _, r := range replies {
		x.Replies = append(x.Replies, heldWords{r.At, r.Body})
	}
	notes, err := store.Notes(ctx, rec.ID)
	if err != nil {
		return x, err
	}
	for _, n := range notes {
		x.Notes = append(x.Notes, heldWords{n.At, n.Body})
	}
	err = e.past(ctx, rec.ID, &x)
	return x, err
}

func (e *Eraser) answers(ctx context.Context, id uuid.UUID) ([]heldAnswers, error) {
	versions, err := e.desk.Store.Versions(ctx, id)
	if err != nil {
		return nil, err
	}
	var list []heldAnswers
	for _, v := range versions {
		x := heldAnswers{Version: v.N, Statement: v.Statement, At: v.At}
		for _, a := range v.Answers() {
			if a.Kind != form.File { // an id there; the files themselves follow
				x.Answers = append(x.Answers, heldAnswer{a.Name, a.Label, a.Texts})
			}
		}
		list = append(list, x)
	}
	return list, nil
}

// past adds who opened the record, and what became of it: roles and days, never who.
func (e *Eraser) past(ctx context.Context, id uuid.UUID, x *heldRequest) error {
	opened, err := e.desk.Openings(ctx, id)
	if err != nil {
		return err
	}
	for _, o := range opened {
		x.Opened = append(x.Opened, heldEvent{o.Day, "opened", o.Role})
	}
	events, err := e.desk.Store.Events(ctx, id)
	if err != nil {
		return err
	}
	for _, v := range events {
		x.Events = append(x.Events, heldEvent{v.At, v.Kind, v.Role})
	}
	return nil
}

func (e *Eraser) messages(ctx context.Context, who uuid.UUID) ([]heldMessage, error) {
	items, err := e.desk.Mail.OfPerson(ctx, who)
	if err != nil {
		return nil, err
	}
	var list []heldMessage
	for _, i := range items {
		_, drawn, err := e.desk.Mail.Show(ctx, i.ID)
		if err != nil {
			return nil, err
		}
		if i.SentAt == nil && (i.Account.Valid || i.Template == "code") {
			drawn.Text = "" // a link that signs in, on its way to the same mailbox
		}
		list = append(list, heldMessage{
			i.CreatedAt, i.SentAt, i.BouncedAt, i.State, i.Purpose, i.Channel, i.Address, drawn.Subject, drawn.Text,
		})
	}
	return list, nil
}

// rooms asks every room what it keeps beside the records.
func (e *Eraser) rooms(ctx context.Context, who uuid.UUID) ([]heldRoom, error) {
	var list []heldRoom
	ask := func(room string, h activity.Holder) error {
		if h.Export == nil {
			return nil
		}
		var out bytes.Buffer
		if err := h.Export(ctx, who, &out); err != nil {
			return err
		}
		for dec := json.NewDecoder(&out); ; {
			var data json.RawMessage
			err := dec.Decode(&data)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read what a room exports: %w", err)
			}
			list = append(list, heldRoom{room, data})
		}
	}
	for _, a := range e.desk.Activities() {
		if err := ask(a.Title, a.Holder); err != nil {
			return nil, err
		}
	}
	for _, h := range e.holders {
		if err := ask("", h); err != nil {
			return nil, err
		}
	}
	return list, nil
}
