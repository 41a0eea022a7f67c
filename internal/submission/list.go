package submission

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
	"clickcommerce.com/site/internal/postgres"
)

// PageSize is how many records a page of the queue shows.
const PageSize = 50

// Filter says which records are wanted. Kinds bounds it to what the reader may see; its other zero fields mean "any".
// Anonymous answers are never among them.
type Filter struct {
	Kinds      []string // of the reader's roles; none: nothing is found
	Kind       string
	Status     string
	Subject    uuid.UUID
	Assignee   uuid.UUID
	Of, NotOf  []uuid.UUID // if not nil, what these people sent, and what nobody of these did
	Unassigned bool
	Unread     bool
	// Statuses, if not nil, leaves records in one of them, by kind.
	Statuses map[string][]string
	// Waiting, if not nil, leaves those that are undecided and wait too long in one of these statuses.
	Waiting []Wait
	// Due, if not nil, leaves those in one of these statuses and lists them by the day that the law gives, the next one first.
	Due []Term
	// Fold leaves of several open requests for the same wish of one person the oldest one.
	Fold        []Wish
	From, To    time.Time // of arrival; To exclusive
	Quarantined bool      // true: only those, false: none of those
	Query       string    // words of answers, a company, a reference, or an address
	After       Cursor    // the page that follows it
	Before      Cursor    // the page that precedes it
}

// Wait says since before when a record of a kind waits too long in a status.
type Wait struct {
	Kind, Status string
	Before       time.Time
	Asked        bool // it counts from when it was asked, not from its latest change of status
}

// Term is a status in which a record of a kind is answered within calendar months of the asking.
type Term struct {
	Kind, Status string
	Months       int
}

// Cursor is a place in the queue: the record at its edge, with the time by which the list is ordered. Its zero value is the beginning.
type Cursor struct {
	At time.Time `json:"a"`
	ID uuid.UUID `json:"i"`
}

// String returns the cursor as text for an address.
func (c Cursor) String() string {
	if c.ID == uuid.Nil {
		return ""
	}
	raw, _ := json.Marshal(c) // times and ids always marshal
	return base64.RawURLEncoding.EncodeToString(raw)
}

// ParseCursor returns what String wrote; anything else is the beginning.
func ParseCursor(text string) Cursor {
	var c Cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return Cursor{}
	}
	return c
}

// List is one page of the queue, newest first or by the day due, and the cursors of its neighbours (zero where there is
// none): Newer is that of the page before.
type List struct {
	Records      []Record
	Newer, Older Cursor
}

// conditions gathers SQL conditions with numbered parameters.
type conditions struct {
	sql  []string
	args []any
}

func (c *conditions) add(sql string, args ...any) { c.sql = append(c.sql, c.fill(sql, args...)) }

// fill numbers the parameters of a piece of SQL.
func (c *conditions) fill(sql string, args ...any) string {
	for _, a := range args {
		c.args = append(c.args, a)
		sql = strings.Replace(sql, "?", fmt.Sprintf("$%d", len(c.args)), 1)
	}
	return sql
}

func (f Filter) conditions() conditions {
	var c conditions
	c.add("s.kind = ANY(?)", f.Kinds)
	c.add("s.person_id IS NOT NULL") // an anonymous answer is read in its results, with ten others at least
	if f.Kind != "" {
		c.add("s.kind = ?", f.Kind)
	}
	if f.Status != "" {
		c.add("s.status = ?", f.Status)
	}
	if f.Subject != uuid.Nil {
		c.add("s.subject_id = ?", f.Subject)
	}
	if f.Assignee != uuid.Nil {
		c.add("s.assignee_id = ?", f.Assignee)
	}
	if f.Of != nil {
		c.add("s.person_id = ANY(?)", f.Of)
	}
	if f.NotOf != nil {
		c.add("s.person_id <> ALL(?)", f.NotOf)
	}
	if f.Unassigned {
		c.add("s.assignee_id IS NULL")
	}
	if f.Unread {
		c.add("s.read_at IS NULL")
	}
	if f.Waiting != nil {
		f.waiting(&c)
	}
	if f.Statuses != nil {
		f.statuses(&c)
	}
	if f.Due != nil {
		f.due(&c)
	}
	f.fold(&c)
	if !f.From.IsZero() {
		c.add("s.created_at >= ?", f.From)
	}
	if !f.To.IsZero() {
		c.add("s.created_at < ?", f.To)
	}
	if f.Quarantined {
		c.add("s.quarantined_at IS NOT NULL")
	} else {
		c.add("s.quarantined_at IS NULL")
	}
	f.search(&c)
	return c
}

// waiting says once more that a record came before, because the indexes have that time alone.
func (f Filter) waiting(c *conditions) {
	either, args := []string{"false"}, []any{}
	for _, w := range f.Waiting {
		since := "coalesce(s.status_since, s.created_at)"
		if w.Asked {
			since = "coalesce(s.reopened_at, s.created_at)"
		}
		either = append(either, "s.kind = ? AND s.status = ? AND s.created_at < ? AND "+since+" < ?")
		args = append(args, w.Kind, w.Status, w.Before, w.Before)
	}
	c.add("s.decided_at IS NULL AND ("+strings.Join(either, " OR ")+")", args...)
}

func (f Filter) due(c *conditions) {
	either, args := []string{"false"}, []any{}
	for _, t := range f.Due {
		either, args = append(either, "s.kind = ? AND s.status = ?"), append(args, t.Kind, t.Status)
	}
	c.add("("+strings.Join(either, " OR ")+")", args...)
}

// key is the time by which the list is ordered, and the direction.
func (f Filter) key(c *conditions) (key, order string) {
	if len(f.Due) == 0 {
		return "s.created_at", "DESC"
	}
	months := "CASE"
	for _, t := range f.Due {
		months += c.fill(" WHEN s.kind = ? AND s.status = ? THEN ?::int", t.Kind, t.Status, t.Months)
	}
	day := c.fill("(coalesce(s.reopened_at, s.created_at) AT TIME ZONE ?)::date", clock.Zone().String())
	return "(" + day + " + make_interval(months => " + months + " END)) AT TIME ZONE 'UTC'", "ASC"
}

// statuses names each status with its kind, since the planner knows how few records such a pair has.
func (f Filter) statuses(c *conditions) {
	pairs, args := []string{"false"}, []any{}
	for _, kind := range slices.Sorted(maps.Keys(f.Statuses)) {
		for _, status := range f.Statuses[kind] {
			pairs, args = append(pairs, "s.kind = ? AND s.status = ?"), append(args, kind, status)
		}
	}
	c.add("("+strings.Join(pairs, " OR ")+")", args...)
}

// asWords is a query typed by staff. Its last word may be the beginning of one, from three letters on: fewer match too
// much to be of use.
const asWords = `regexp_replace(websearch_to_tsquery('simple', ?)::text, '(^|[^!])''([^'']{3,})''$', '\1''\2'':*')::tsquery`

// search looks for an address where the text can begin one, else for words.
func (f Filter) search(c *conditions) {
	text := strings.ToLower(strings.TrimSpace(f.Query))
	switch {
	case text == "":
	case strings.Index(text, "@") > 0 && len(text) >= 4:
		if stored, fault := form.ParseEmail(text); fault == "" { // whichever way its domain is written
			text = stored
		}
		c.add("s.person_id IN (SELECT id FROM person WHERE email LIKE ? LIMIT 1000)", likePrefix(text))
	default:
		c.add("s.search @@ "+asWords, strings.TrimPrefix(text, "@"))
	}
}

func likePrefix(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// List returns a page of the queue. It reads one record more than it shows, to know whether there is another page.
func (s *Store) List(ctx context.Context, f Filter) (List, error) {
	c := f.conditions()
	key, order := f.key(&c)
	beyond := map[string]string{"DESC": "<", "ASC": ">"}
	switch {
	case f.Before.ID != uuid.Nil:
		order = map[string]string{"DESC": "ASC", "ASC": "DESC"}[order]
		c.add("("+key+", s.id) "+beyond[order]+" (?, ?)", f.Before.At, f.Before.ID)
	case f.After.ID != uuid.Nil:
		c.add("("+key+", s.id) "+beyond[order]+" (?, ?)", f.After.At, f.After.ID)
	}
	sql := `SELECT ` + recordColumns + `, ` + key + ` AS key
		FROM submission s LEFT JOIN person p ON p.id = s.person_id
		WHERE ` + strings.Join(c.sql, " AND ") + `
		ORDER BY ` + key + ` ` + order + `, s.id ` + order + fmt.Sprintf(` LIMIT %d`, PageSize+1)
	records, err := postgres.Rows[listed](ctx, s.Pool, sql, c.args...)
	if err != nil {
		return List{}, fmt.Errorf("list submissions: %w", err)
	}
	return paged(records, f), nil
}

// listed is a record with the time by which the list is ordered.
type listed struct {
	Record
	Key time.Time `db:"key"`
}

func paged(records []listed, f Filter) List {
	more := len(records) > PageSize
	records = records[:min(len(records), PageSize)]
	backwards := f.Before.ID != uuid.Nil
	if backwards {
		for i, j := 0, len(records)-1; i < j; i, j = i+1, j-1 {
			records[i], records[j] = records[j], records[i]
		}
	}
	l := List{Records: make([]Record, 0, len(records))}
	for _, r := range records {
		l.Records = append(l.Records, r.Record)
	}
	if len(records) == 0 {
		return l
	}
	first, last := records[0], records[len(records)-1]
	if (backwards && more) || (!backwards && f.After.ID != uuid.Nil) {
		l.Newer = Cursor{first.Key, first.ID}
	}
	if backwards || more {
		l.Older = Cursor{last.Key, last.ID}
	}
	return l
}

// countCap is where counting stops: "1,000+" tells as much as an exact number, at a fraction of the cost.
const countCap = 1000

// Count returns how many records the filter finds, up to 1,001, which stands for "more than 1,000".
func (s *Store) Count(ctx context.Context, f Filter) (int, error) {
	c := f.conditions()
	var n int
	err := s.Pool.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM (SELECT FROM submission s WHERE %s LIMIT %d) x`,
		strings.Join(c.sql, " AND "), countCap+1), c.args...).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count submissions: %w", err)
	}
	return n, nil
}

// indexRuns is how many times 500 submissions are indexed by one call. Indexing costs more than accepting: while more
// comes in than it keeps up with, taking it in goes before finding it.
const indexRuns = 2

// Index fills the search vectors of submissions that have none yet, oldest first, and returns when none is left or
// 1,000 are done. It runs a moment after Accept, which stays quick without it. Answers are found by the words that staff
// read, which are labels of options and names of countries, and as they are stored; words with accents without them too,
// and an address by its domain.
func (s *Store) Index(ctx context.Context) error {
	countries := map[string]string{}
	for _, c := range form.Countries() {
		countries[c.Value] = c.Label
	}
	for range indexRuns {
		tag, err := s.Pool.Exec(ctx, `
			WITH due AS (
				SELECT id FROM submission WHERE indexed_at IS NULL ORDER BY created_at LIMIT 500 FOR UPDATE SKIP LOCKED
			), words AS (
				SELECT s.id, left(concat_ws(' ', s.reference, s.name, s.organisation, s.subject,
					(SELECT string_agg(left(v.value, 20000), ' ')
						FROM answers a, jsonb_each(a.values) f, jsonb_array_elements_text(f.value) v
						WHERE a.submission_id = s.id),
					(SELECT string_agg(coalesce(o.option->>'label', $2::jsonb->>v.value), ' ')
						FROM answers a JOIN form_revision r ON r.digest = a.form_revision
						CROSS JOIN jsonb_array_elements(r.fields) f (field)
						CROSS JOIN jsonb_array_elements_text(a.values->(f.field->>'name')) v
						LEFT JOIN jsonb_array_elements(f.field->'options') o (option) ON o.option->>'value' = v.value
						WHERE a.submission_id = s.id AND (o.option IS NOT NULL OR f.field->>'kind' = 'country'))), 100000) AS text
				FROM due JOIN submission s USING (id)
			)
			UPDATE submission s SET indexed_at = $1, search = to_tsvector('simple', concat_ws(' ', w.text,
				substring(w.text FROM '@(\S+)'),
				CASE WHEN w.text ~ '[^\x01-\x7f]' AND octet_length(w.text) < 200000 THEN -- taken apart it is up to three times as long
					translate(regexp_replace(normalize(lower(w.text), NFD), '[\u0300-\u036f]', '', 'g'), 'øłđı', 'oldi')
				END))
			FROM words w WHERE s.id = w.id`, s.Now(), countries)
		if err != nil {
			return fmt.Errorf("index submissions: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return nil
		}
	}
	return nil
}
