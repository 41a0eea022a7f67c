package staff

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/audit"
	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/sheet"
)

// The kinds of exports.
const (
	ofContacts    = "contacts"
	ofSubmissions = "submissions"
)

// The classes of recipients; the database knows no other (P-9).
const (
	ownDepartment = "own department"
	aProcessor    = "processor"
	legalDemand   = "legal demand"
)

// keptFor is how long a file may be kept: the database takes no longer one.
const keptFor = 90 * 24 * time.Hour

// export is a file that left the house.
type export struct {
	ID        uuid.UUID         `db:"id"`
	Kind      string            `db:"kind"`
	Purpose   string            `db:"purpose"`
	Channel   string            `db:"channel"` // of contacts
	Recipient string            `db:"recipient"`
	Processor string            `db:"processor"`
	Demand    uuid.NullUUID     `db:"demand"` // the entry of the register of disclosures
	Reason    string            `db:"reason"` // one of exportReasons, or "announcement"
	Words     string            `db:"words"`  // beside it; empty once somebody in the list is erased
	Fields    []string          `db:"fields"`
	Filter    map[string]string `db:"filter"`
	Count     int               `db:"count"`
	Sum       []byte            `db:"sha256"`
	Account   uuid.UUID         `db:"account_id"`
	Role      string            `db:"role"`
	At        time.Time         `db:"at"`
	ExpiresAt time.Time         `db:"expires_at"`
}

const exportColumns = `id, kind, purpose, coalesce(channel, '') AS channel, recipient, coalesce(processor, '') AS processor, demand,
	reason, coalesce((SELECT body FROM export_words w WHERE w.export_id = export.id), '') AS words, fields, filter, count, sha256,
	account_id, role, at, expires_at`

// inRow is whom a row of a file is about.
type inRow struct {
	person     uuid.UUID
	submission uuid.NullUUID
	filled     bool // the row says who it is
}

// outgoing is a list on its way out: its bytes, and who is in each of its rows, which are numbered from 1.
type outgoing struct {
	sheet.Sheet
	rows []inRow
}

// add adds a row; its number stands in its first cell, so that it can be called back by that alone.
func (o *outgoing) add(who inRow, cells ...string) {
	o.rows = append(o.rows, who)
	o.Row(append([]string{strconv.Itoa(len(o.rows))}, cells...)...)
}

// remember stores an export with who is in it, and logs it; only then may the file leave.
func (ws *Workspace) remember(ctx context.Context, e *export, out *outgoing) error {
	sum := sha256.Sum256(out.Bytes())
	e.ID, e.Sum, e.Count = uuid.Must(uuid.NewV7()), sum[:], len(out.rows)
	e.ExpiresAt = e.At.Add(keptFor)
	err := pgx.BeginFunc(ctx, ws.desk.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO export (id, kind, purpose, channel, recipient, processor, demand, reason, fields, filter, count, sha256,
				account_id, role, at, expires_at)
			VALUES ($1, $2, $3, nullif($4, ''), $5, nullif($6, ''), $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
			e.ID, e.Kind, e.Purpose, e.Channel, e.Recipient, e.Processor, e.Demand, e.Reason, e.Fields, e.Filter, e.Count, e.Sum,
			e.Account, e.Role, e.At, e.ExpiresAt)
		if err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `INSERT INTO export_words (export_id, body) SELECT $1, $2::text WHERE $2 <> ''`, e.ID, e.Words); err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"export_person"}, []string{"export_id", "row", "person_id", "submission_id", "filled"},
			pgx.CopyFromSlice(len(out.rows), func(i int) ([]any, error) {
				x := out.rows[i]
				return []any{e.ID, i + 1, x.person, x.submission, x.filled}, nil
			}))
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{
			At: e.At, ActorID: some(e.Account), Role: e.Role, Action: "export", Object: e.Kind, ObjectID: some(e.ID),
			Detail: map[string]string{
				"purpose": e.Purpose, "recipient": e.Recipient, "count": strconv.Itoa(e.Count), "sha256": hex.EncodeToString(e.Sum),
			},
		})
	})
	if err != nil {
		return fmt.Errorf("remember export: %w", err)
	}
	return nil
}

// getExport returns an export; pgx.ErrNoRows says that there is none.
func (ws *Workspace) getExport(ctx context.Context, id uuid.UUID) (export, error) {
	e, err := postgres.Row[export](ctx, ws.desk.Pool, `SELECT `+exportColumns+` FROM export WHERE id = $1`, id)
	if err != nil {
		return export{}, fmt.Errorf("read export: %w", err)
	}
	return e, nil
}

// shownExports is how many exports the list goes back.
const shownExports = 100

// exportsOf returns the newest exports of an account; of all for uuid.Nil.
func (ws *Workspace) exportsOf(ctx context.Context, account uuid.UUID) ([]export, error) {
	list, err := postgres.Rows[export](ctx, ws.desk.Pool, `
		SELECT `+exportColumns+` FROM export WHERE $1::uuid IS NULL OR account_id = $1
		ORDER BY at DESC, id DESC LIMIT $2`, some(account), shownExports)
	if err != nil {
		return nil, errRead("exports", err)
	}
	return list, nil
}

// exportsWith returns the newest exports in which a person is. Those for a demand that may not be told of on that day are
// left out; from then on they are not, whomever the entry names since.
func (ws *Workspace) exportsWith(ctx context.Context, who uuid.UUID, day time.Time) ([]export, error) {
	list, err := postgres.Rows[export](ctx, ws.desk.Pool, `
		SELECT `+exportColumns+` FROM export WHERE id IN (SELECT export_id FROM export_person WHERE person_id = $1)
			AND NOT EXISTS (SELECT FROM disclosure_now d WHERE d.entry = export.demand AND d.silent_until > $3)
		ORDER BY at DESC, id DESC LIMIT $2`, who, shownExports, day)
	if err != nil {
		return nil, errRead("exports about a person", err)
	}
	return list, nil
}

// recalled is a row of a file that must be taken out of it, and why.
type recalled struct {
	Export uuid.UUID  `db:"export_id"`
	Row    int        `db:"row"`
	Why    string     `db:"why"`
	Since  *time.Time `db:"since"`
}

// The reasons for which a row is called back.
const (
	wasErased  = "erased"
	wasDeleted = "deleted"
	tookBack   = "withdrawn"
	noConsent  = "consent"
	notUsed    = "restricted"
	noGround   = "ground"
)

// words say why a row is called back.
func (r recalled) words() string {
	switch r.Why {
	case wasErased:
		return "The person was erased"
	case wasDeleted:
		return "The record was deleted"
	case tookBack:
		return "The person withdrew the request"
	case notUsed:
		return "Its use is restricted"
	case noGround:
		return "The person objected, or the statement no longer allows this use"
	}
	return "The person withdrew the consent"
}

// recall returns the rows of files that must be taken out of them: of people who were erased or withdrew since, and of
// records that are no more. A record may be erased long before its person's row is, which a legal hold on another record
// keeps.
func (ws *Workspace) recall(ctx context.Context, ids ...uuid.UUID) ([]recalled, error) {
	list, err := postgres.Rows[recalled](ctx, ws.desk.Pool, `
		SELECT export_id, row, why, since FROM (
			SELECT x.export_id, x.row, CASE
				WHEN p.erased_at < e.at THEN NULL -- the row left the house empty
				WHEN p.erased_at IS NOT NULL OR emptied.at IS NOT NULL THEN 'erased'
				WHEN x.submission_id IS NOT NULL AND s.id IS NULL THEN 'deleted'
				WHEN s.status = 'withdrawn' AND s.status_since > e.at THEN 'withdrawn'
				WHEN x.filled AND e.purpose IN ('survey', 'product_news', 'promotion', 'newsletter') AND NOT EXISTS (SELECT FROM consent c
					WHERE c.person_id = x.person_id AND c.purpose = e.purpose AND c.channel = coalesce(e.channel, 'email') AND c.in_force)
					THEN 'consent'
				WHEN e.recipient <> 'legal demand' AND restricted(x.person_id, x.submission_id) THEN 'restricted'
				WHEN x.filled AND x.submission_id IS NOT NULL AND e.recipient <> 'legal demand'
					AND NOT may_use(x.submission_id, e.purpose, e.recipient, NULL, $2) THEN 'ground'
				END AS why,
				CASE
				WHEN p.erased_at IS NOT NULL OR emptied.at IS NOT NULL THEN least(p.erased_at, emptied.at)
				WHEN x.submission_id IS NOT NULL AND s.id IS NULL THEN NULL
				WHEN s.status = 'withdrawn' AND s.status_since > e.at THEN s.status_since
				ELSE coalesce((SELECT max(v.at) FROM consent_event v WHERE v.person_id = x.person_id AND v.purpose = e.purpose AND NOT v.granted),
					(SELECT max(r.placed_at) FROM restriction r WHERE r.person_id = x.person_id AND r.lifted_at IS NULL),
					(SELECT max(n.objected_at) FROM notice n WHERE n.person_id = x.person_id))
				END AS since
			FROM export e JOIN export_person x ON x.export_id = e.id JOIN person p ON p.id = x.person_id
				LEFT JOIN submission s ON s.id = x.submission_id
				LEFT JOIN LATERAL (SELECT min(v.at) AS at FROM submission_event v
					WHERE v.submission_id = x.submission_id AND v.kind = 'erased' AND v.at >= e.at) emptied ON true
			WHERE e.id = ANY ($1)) t
		WHERE why IS NOT NULL ORDER BY export_id, row`, ids, ws.desk.Now())
	if err != nil {
		return nil, errRead("recall list", err)
	}
	return list, nil
}

// classes are those of recipients that a version of the statement, in force now or before, names for any of the purposes.
func (ws *Workspace) classes(ctx context.Context, purposes []option) ([]string, error) {
	values := make([]string, len(purposes))
	for i, p := range purposes {
		values[i] = p.Value
	}
	classes, err := postgres.Column[string](ctx, ws.desk.Pool, `
		SELECT DISTINCT u.recipient FROM statement_use u JOIN statement_version v ON v.id = u.version
		WHERE u.purpose = ANY ($1) AND v.effective_on <= company_day($2)`, values, ws.desk.Now())
	if err != nil {
		return nil, errRead("whom statements name", err)
	}
	return classes, nil
}

// naming returns the versions of the statement by which the recipient may have what reaches people, for the purpose.
func (ws *Workspace) naming(ctx context.Context, e export) ([]string, error) {
	versions, err := postgres.Column[string](ctx, ws.desk.Pool, `
		SELECT DISTINCT version FROM statement_use WHERE purpose = $1 AND recipient = $2 AND names_data(data, $3)`,
		e.Purpose, e.Recipient, kindOf(e.Channel))
	if err != nil {
		return nil, errRead("what statements name", err)
	}
	return versions, nil
}

// usable are the records that may stand in a list: none of which the use is restricted, and none under a legal hold, but for
// a list that the law demands.
func (ws *Workspace) usable(ctx context.Context, e export, ids []uuid.UUID) ([]uuid.UUID, error) {
	list, err := postgres.Column[uuid.UUID](ctx, ws.desk.Pool, `
		SELECT s.id FROM submission s
		WHERE s.id = ANY ($1) AND ($2 OR NOT restricted(s.person_id, s.id) AND NOT held(s.person_id, s.id))`, ids, e.Recipient == legalDemand)
	if err != nil {
		return nil, errRead("what may be listed", err)
	}
	return list, nil
}

// allowed returns the fields of each record that may leave: those of which the record's use for the purpose, by that
// recipient, is allowed now. A row for what people agree to says nothing once the consent by email has ended, for then it
// is called back.
func (ws *Workspace) allowed(ctx context.Context, e export, ids []uuid.UUID) (map[uuid.UUID][]string, error) {
	kinds := make([]string, 0, len(e.Fields))
	for _, f := range e.Fields {
		kinds = append(kinds, kindOf(f))
	}
	rows, err := ws.desk.Pool.Query(ctx, `
		SELECT s.id, f.field FROM submission s CROSS JOIN unnest($4::text[], $5::text[]) AS f (field, kind)
		WHERE s.id = ANY ($1) AND (NOT needs_consent($2) OR EXISTS (SELECT FROM consent c
				WHERE c.person_id = s.person_id AND c.purpose = $2 AND c.channel = 'email' AND c.in_force))
			AND may_use(s.id, $2, $3, f.kind, $6)`, ids, e.Purpose, e.Recipient, e.Fields, kinds, ws.desk.Now())
	if err != nil {
		return nil, errRead("what may be exported", err)
	}
	may := map[uuid.UUID][]string{}
	var id uuid.UUID
	var field string
	if _, err := pgx.ForEachRow(rows, []any{&id, &field}, func() error {
		may[id] = append(may[id], field)
		return nil
	}); err != nil {
		return nil, errRead("what may be exported", err)
	}
	return may, nil
}
