package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"mime"
	"mime/quotedprintable"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"clickcommerce.com/site/internal/person"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/internal/privacy"
)

// trace finds a marked person's words, addresses and number, plain or as a database prints bytes.
var trace = regexp.MustCompile(`(?i)zqooqz|(7a|5a)716f6f717a|312.?555.?0187|13125550187`)

// searched is what was searched for traces, and what was found.
type searched struct {
	places       map[string]string // by place: all its text
	files, mails int
}

// search reads all where a trace could be. Mails are searched as they are and decoded.
func search(t *testing.T, a *app) searched {
	t.Helper()
	x := searched{places: map[string]string{"the database": dump(t, pgtest.AdminURL(t, a.pool))}}
	for place, count := range map[string]*int{"mail": &x.mails, "files": &x.files} {
		var all strings.Builder
		err := filepath.WalkDir(filepath.Join(a.cfg.VarDir, place), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			*count++
			raw, err := os.ReadFile(path)
			all.WriteString(path + "\n")
			all.Write(raw)
			if place == "mail" {
				all.WriteString(readable(raw))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		x.places[place] = all.String()
	}
	return x
}

var base64Lines = regexp.MustCompile(`(?m)(?:^[A-Za-z0-9+/=]{4,76}\r?\n)+`)

// readable is a mail with its words decoded, whatever their encoding.
func readable(raw []byte) string {
	var all strings.Builder
	for line := range strings.Lines(strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(string(raw))) {
		if text, err := new(mime.WordDecoder).DecodeHeader(line); err == nil {
			all.WriteString(text)
		}
	}
	plain, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(string(raw)))) // as far as it is that
	all.Write(plain)
	for _, block := range base64Lines.FindAllString(string(raw), -1) {
		plain, _ := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "").Replace(block))
		all.Write(plain)
	}
	return all.String()
}

func (x searched) traces() (n int) {
	for _, text := range x.places {
		n += len(trace.FindAllStringIndex(text, -1))
	}
	return n
}

func (x searched) String() string {
	bytes := 0
	for _, text := range x.places {
		bytes += len(text)
	}
	return fmt.Sprintf("%d traces in %d bytes: a dump of the database, %d mails, %d files", x.traces(), bytes, x.mails, x.files)
}

// mustBeFound holds that the search finds something, or it would prove nothing. Uploads are encrypted: those are there.
func (x searched) mustBeFound(t *testing.T) {
	t.Helper()
	for place, text := range x.places {
		if place != "files" && !trace.MatchString(text) {
			t.Errorf("before the erasure nothing is in %s", place)
		}
	}
	if x.files == 0 {
		t.Error("no file was kept")
	}
}

func (x searched) mustBeClean(t *testing.T) {
	t.Helper()
	for place, text := range x.places {
		for _, at := range trace.FindAllStringIndex(text, 5) {
			t.Errorf("%s: …%s…", place, text[max(0, at[0]-200):min(len(text), at[1]+80)])
		}
	}
}

// dump is a whole database in plain SQL.
func dump(t *testing.T, databaseURL string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), pgtest.Program(t, "pg_dump"), "--no-password", databaseURL).Output()
	if err != nil {
		t.Fatalf("pg_dump: %v", err)
	}
	return string(out)
}

// nobodyIn is why a table has no row about a person who writes to us. Every other table must have one: a table that is new
// belongs into the life of the marked person, or here.
var nobodyIn = map[string][]string{
	"what the site offers, written by staff": {
		"announcement", "content_change", "demo", "download", "download_version", "licence", "news", "opening", "question",
		"search_document", "survey", "webinar",
	},
	"what the program knows of itself": {
		"consent_checkpoint", "fence", "form_revision", "generation", "goose_db_version", "installation", "mail_template",
		"promise_check", "proof", "retention_line", "schema_step", "statement_use", "statement_version", "telling",
		"river.river_job", "river.river_leader", "river.river_migration", "river.river_notification", "river.river_queue",
	},
	"staff alone":                                     {"account_role", "recovery_code"},
	"counts, of nobody":                               {"analytics.page_count", "disclosure_past", "survey_count", "survey_mixed"},
	"nonces of forms that ask no name":                {"spent_nonce"},
	"facts; whom they are about is in a table beside": {"disclosure", "export"},
	"digests that lead to nobody, for an hour":        {"sign_in_attempt"},
	"written by the erasure":                          {"erasure"},
	"after six years, by number":                      {"consent_tombstone"},
}

// stays is how a person is told of the rows that are left of them in a table.
var stays = map[string]string{
	"person": "choices about messages", "consent_event": "choices about messages", "consent_head": "choices about messages",
	"confirmation": "choices about messages", "suppression": "a digest of the address", "submission": "that there were requests",
	"answers": "that there were requests", "submission_event": "when a request changed", "audit_event": "when a request changed",
	"misuse": "that the site was used", "export_person": "in which rows of exported lists", "disclosure_person": "that the law demanded",
	"survey_counted": "that there were requests", "legal_hold": "that a legal hold", "erasure": "that something was erased",
}

// row is a row of a table: its text, and its id where it has one.
type row struct{ table, text, id string }

// about is which tables say something of a person.
type about struct {
	all   []string       // tables
	found map[string]int // rows about the person by table
	marks map[string]bool
}

var marks = regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\\\\x[0-9a-f]{40,}`)

// tablesAbout looks through every table that the catalogue has for rows that name the person: by id, by the id of
// something of theirs, by digest of an address, or by what they wrote.
func tablesAbout(t *testing.T, a *app, who uuid.UUID) about {
	t.Helper()
	x := about{marks: map[string]bool{who.String(): true}}
	for _, address := range []string{firstAddress, secondAddress, markedAddress, nextAddress} {
		x.marks[`\\x`+hex.EncodeToString(person.AddressDigest(a.ring, address))] = true
	}
	tables, rows := readAll(t, a)
	x.all = tables
	for known := 0; known < len(x.marks); { // what belongs to something of the person's is the person's
		known = len(x.marks)
		for _, r := range rows {
			if theirs := []string{"submission", "message", "account", "device", "file"}; slices.Contains(theirs, r.table) && x.names(r) {
				x.marks[r.id] = true
			}
		}
	}
	x.count(rows)
	return x
}

func (x *about) count(rows []row) {
	x.found = map[string]int{}
	for _, r := range rows {
		if x.names(r) {
			x.found[r.table]++
		}
	}
}

func (x *about) names(r row) bool {
	return slices.ContainsFunc(marks.FindAllString(r.text, -1), func(m string) bool { return x.marks[m] }) || trace.MatchString(r.text)
}

func (x *about) rows() (n int) {
	for _, rows := range x.found {
		n += rows
	}
	return n
}

// left is what there still is of the same person.
func (x *about) left(t *testing.T, a *app) about {
	t.Helper()
	_, rows := readAll(t, a)
	now := about{all: x.all, marks: x.marks}
	now.count(rows)
	return now
}

// mustBeWhole holds that the life of the marked person left out no table.
func (x *about) mustBeWhole(t *testing.T) {
	t.Helper()
	var want, got []string
	excepted := slices.Concat(slices.Collect(maps.Values(nobodyIn))...)
	for _, table := range x.all {
		if !slices.Contains(excepted, table) {
			want = append(want, table)
		}
		if x.found[table] > 0 {
			got = append(got, table)
		}
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("tables with rows about the person, and those that must have some (-got +want):\n%s", diff)
	}
	for _, table := range excepted {
		if !slices.Contains(x.all, table) {
			t.Errorf("there is no table %s", table)
		}
	}
}

// mustBeTold holds that the person is told of each table in which something of them is left, and of nothing else.
func (x *about) mustBeTold(t *testing.T, kept []privacy.Remnant) {
	t.Helper()
	told := map[string]bool{"copies in backups": true, "uploads that no form followed": true}
	for table, n := range x.found {
		sentence := stays[table]
		i := slices.IndexFunc(kept, func(r privacy.Remnant) bool { return sentence != "" && strings.HasPrefix(r.What, sentence) })
		if i < 0 {
			t.Errorf("%d rows of %s are left, of which the person is not told", n, table)
			continue
		}
		told[kept[i].What] = true
	}
	for _, r := range kept {
		if !told[r.What] || r.Why == "" {
			t.Errorf("told of what is not there: %s, %s", r.What, r.Why)
		}
	}
}

// readAll returns the tables of the catalogue, in order, and their rows.
func readAll(t *testing.T, a *app) (tables []string, rows []row) {
	t.Helper()
	ctx, db := t.Context(), pgtest.Admin(t, a.pool)
	list, err := db.Query(ctx, `
		SELECT oid::regclass::text FROM pg_class
		WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`)
	if err == nil {
		tables, err = pgx.CollectRows(list, pgx.RowTo[string])
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		list, err := db.Query(ctx, `SELECT $1, to_jsonb(x)::text, coalesce(to_jsonb(x)->>'id', '') FROM `+table+` x`, table)
		if err == nil {
			var more []row
			more, err = pgx.CollectRows(list, func(r pgx.CollectableRow) (x row, err error) { return x, r.Scan(&x.table, &x.text, &x.id) })
			rows = append(rows, more...)
		}
		if err != nil {
			t.Fatalf("%s: %v", table, err)
		}
	}
	return tables, rows
}
