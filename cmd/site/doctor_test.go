package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres/pgtest"
	"clickcommerce.com/site/web"
)

var stages = []string{"configuration", "keys", "database", "files", "scanner", "mail", "statement", "erasures", "promises"}

func TestDoctorFindsNothing(t *testing.T) {
	t.Parallel()
	got := call(t, []string{"VAR_DIR=" + varDir(t)}, "", "doctor")
	got.want(t, 0)
	if strings.Contains(got.stdout, "FAIL") || strings.Contains(got.stdout, "--") {
		t.Errorf("on a fresh installation:\n%s", got.stdout)
	}
	var found []string
	for line := range strings.Lines(got.stdout) {
		if !strings.HasPrefix(line, " ") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	if !slices.Equal(found, stages) {
		t.Errorf("stages %v", found)
	}
}

func TestDoctorFinds(t *testing.T) {
	t.Parallel()
	in := newInstall(t)
	open := filepath.Join(in.dir, "open")
	other := filepath.Join(in.dir, "other")
	for _, path := range []string{open, other} {
		if _, err := key.Create(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(open, 0o640); err != nil { //nolint:gosec // too open, as the test wants it
		t.Fatal(err)
	}
	call(t, in.environ, "", "doctor").want(t, 1, "CLAMD_ADDR is empty", "1 checks failed") // and remembers the keys
	_, rest, _ := strings.Cut(pgtest.URL(t, in.pool), "?")
	for name, c := range map[string]struct {
		environ []string
		says    []string
		silent  []string // what can't be examined any more
	}{
		"configuration": {
			[]string{"LISTEN=nowhere", "FORM_LIMIT=many", "KEY_FILE=" + open},
			[]string{"LISTEN", "FORM_LIMIT", "mode 0640", "not examined without the configuration"},
			[]string{"\nmail\n", "\ndatabase\n"},
		},
		"keys of another installation": {
			[]string{"KEY_FILE=" + other},
			[]string{"FAIL  the keys are those", "ok    mail can leave", "ok    files can be written", "statement, erasures, promises"},
			[]string{"P-6"},
		},
		"no keys": {
			[]string{"KEY_FILE=" + filepath.Join(in.dir, "none")},
			[]string{"FAIL  KEY_FILE holds", "In production, 3", "ok    the schema", "ok    mail can leave", "not examined without keys"},
			[]string{"P-6"},
		},
		"no database": {
			[]string{"DATABASE_URL=postgres://site:hush@127.0.0.1:1/site"},
			[]string{"FAIL  the database answers", "ok    files can be written", "ok    mail can leave"},
			[]string{"the schema", "P-6"},
		},
		"no schema": {
			[]string{"DATABASE_URL=" + pgtest.Empty(t), "DATABASE_ADMIN_URL="},
			[]string{"FAIL  the schema", "site migrate"},
			[]string{"P-6"},
		},
		"serving as owner": {
			[]string{"DATABASE_URL=" + pgtest.AdminURL(t, in.pool)}, []string{"FAIL  serving has no owner's rights", "P-6"}, nil,
		},
		"no owner": {
			[]string{"DATABASE_ADMIN_URL=" + pgtest.URL(t, in.pool)}, []string{"FAIL  the owner can connect", "ok    mail can leave", "P-6"}, nil,
		},
		"no relay": {
			[]string{"SMTP_URL=smtp://site:hush@127.0.0.1:1"},
			[]string{"FAIL  mail can leave", "demo: true", "P-6"},
			nil,
		},
		"mail that stays": {
			[]string{"SITE_ENV=production"}, []string{"FAIL  mail can leave", "SMTP_URL is empty: mail is written to files", "P-6"}, nil,
		},
		"no scanner": {
			[]string{"CLAMD_ADDR=127.0.0.1:1"}, []string{"FAIL  the virus scanner answers", "ok    mail can leave"}, nil,
		},
		"no bucket": {
			[]string{"BLOB_URL=s3://key:hush@127.0.0.1:1/bucket?tls=off"},
			[]string{"FAIL  files can be written", "ok    mail can leave"},
			nil,
		},
		"hosts of nobody on record (P-9)": {
			[]string{
				"SMTP_URL=smtp://site:hush@smtp.invalid", "BLOB_URL=s3://key:hush@blob.invalid/bucket",
				"CLAMD_ADDR=clamd.invalid:3310", "DATABASE_ADMIN_URL=postgres://site:hush@db.invalid/site?" + rest,
			},
			[]string{"SMTP_URL leads to smtp.invalid", "BLOB_URL leads to blob.invalid", "CLAMD_ADDR leads to clamd.invalid"},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := call(t, append(slices.Clone(in.environ), c.environ...), "", "doctor")
			got.want(t, 1, append(c.says, "checks failed")...)
			for _, word := range c.silent {
				if strings.Contains(got.stdout, word) {
					t.Errorf("it says %q:\n%s", word, got.stdout)
				}
			}
		})
	}
}

// Keys are made with the embedded database: nobody is told that they are there before.
func TestDoctorMakesKeys(t *testing.T) {
	t.Parallel()
	dir := varDir(t)
	got := call(t, []string{"VAR_DIR=" + dir, "POSTGRES_BIN=/nonexistent"}, "", "doctor")
	got.want(t, 1, "FAIL  the database answers", "FAIL  KEY_FILE is made")
	if strings.Contains(got.stdout, "ok    KEY_FILE holds") {
		t.Errorf("no keys are there, and it says:\n%s", got.stdout)
	}
	call(t, []string{"VAR_DIR=" + dir}, "", "doctor").want(t, 0, "KEY_FILE is yet to be made")
	call(t, []string{"VAR_DIR=" + dir}, "", "doctor").want(t, 0, "ok    KEY_FILE holds every key")

	mistyped := filepath.Join(dir, "nowhere", "keys")
	call(t, []string{"VAR_DIR=" + dir, "KEY_FILE=" + mistyped}, "", "doctor").want(t, 1, mistyped+" is not there")
	if _, err := os.Stat(filepath.Dir(mistyped)); !os.IsNotExist(err) {
		t.Errorf("beside the keys of this database others were made: %v", err)
	}
}

// Once mail is really sent, each value that stands in for a real one is named.
func TestStandIns(t *testing.T) {
	t.Parallel()
	site, err := page.LoadSite(web.FS)
	if err != nil {
		t.Fatal(err)
	}
	site.Demo = false
	a := &app{cli: &cli{cfg: config{SMTPURL: "smtp://127.0.0.1"}}, site: site}
	err = a.checkIdentity()
	for _, name := range []string{
		"phone", "address", "sender.address", "inboxes.contact", "processors: Lakeshore", "offices: Chicago",
	} {
		if err == nil || !strings.Contains("\n"+err.Error(), "\n"+name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "privacy_email") {
		t.Errorf("the real address is named: %v", err)
	}
	for name, change := range map[string]func(*page.Site){
		"name":           func(s *page.Site) { s.Name = "Click Commerce (demo)" },
		"phone":          func(s *page.Site) { s.Phone = "+1 312-555-0199" },
		"address":        func(s *page.Site) { s.Address = []string{"Click Commerce", "7 Example Plaza"} },
		"privacy_email":  func(s *page.Site) { s.PrivacyEmail = "legal@clickcommerce.test" },
		"sender.address": func(s *page.Site) { s.Sender.Address = "post@mail.example.org" },
		"inboxes.survey": func(s *page.Site) { s.Inboxes = map[string]string{"survey": "asks@example.net"} },
		"processors: A":  func(s *page.Site) { s.Processors = []page.Processor{{Name: "A", Hosts: []string{"a.test", "a.net"}}} },
		"processors: B":  func(s *page.Site) { s.Processors = []page.Processor{{Name: "B", Contract: "DPA-DEMO-03"}} },
		"offices: C":     func(s *page.Site) { s.Offices = []page.Office{{Name: "C", Phone: "(312) 555-0100"}} },
		"":               func(s *page.Site) { s.Phone, s.Sender.Address = "+1 312 555 2100", "post@my-example.com" },
	} {
		site := page.Site{Name: "Click Commerce", LegalName: "Click Commerce, Inc.", PrivacyEmail: "legal@clickcommerce.com"}
		change(&site)
		if got := strings.Join(site.StandIns(), ","); got != name {
			t.Errorf("named %q, not %q", got, name)
		}
	}
}

// An inbox that belongs to no activity is a misspelling: what it was meant for would be told to contact.
func TestInboxes(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	if err := a.checkInboxes(); err != nil {
		t.Error(err)
	}
	a.site.Inboxes["aliance"] = a.site.Inboxes["alliance"]
	delete(a.site.Inboxes, "alliance")
	err := a.checkInboxes()
	for _, name := range []string{"inboxes.aliance", "inboxes.alliance"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}

// The page's check follows the newest chains alone; the doctor follows all of them, and all seals.
func TestDoctorReadsTheWholeLedger(t *testing.T) {
	t.Parallel()
	in := newInstall(t)
	owner := pgtest.Admin(t, in.pool)
	exec := func(sql string) {
		t.Helper()
		if _, err := owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`
		WITH p AS (INSERT INTO person (id, email, address_hmac, created_at)
			SELECT lpad(n::text, 32, '0')::uuid, n || '@example.com', n::text::bytea, now() FROM generate_series(1, 600) n RETURNING id)
		INSERT INTO consent_event (person_id, purpose, channel, granted, wording, statement_version, origin, at)
		SELECT p.id, 'newsletter', 'email', true, 'Mail me.', (SELECT max(id) FROM statement_version), 'preferences', now() FROM p ORDER BY id`)
	exec(`
		INSERT INTO consent_checkpoint (upto, events, digest, at)
		SELECT n, 1, sha256(convert_to(n::text, 'UTF8')), now() FROM generate_series(1, 60) n`)
	exec(`ALTER TABLE consent_event DISABLE TRIGGER USER`)
	exec(`UPDATE consent_event SET wording = 'Call me.' WHERE person_id = lpad('1', 32, '0')::uuid`)
	call(t, in.environ, "", "doctor").want(t, 1,
		"FAIL  P-6: The chain of consents is whole.", "entry 1 of person 00000000-0000-0000-0000-000000000001",
		"FAIL  P-6: No end of a chain was cut off since it was sealed.")
}

// Whatever setting leads to a stranger's host, P-9 is red; this machine and hosts on record are not strangers.
func TestProcessors(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for setting, strange := range map[string]bool{
		"DATABASE_URL=postgres://u@db.invalid/site":            true,
		"DATABASE_URL=postgres://u@127.0.0.1,db.invalid/site":  true,
		"DATABASE_URL=postgres://u@/site?host=db.invalid":      true,
		"DATABASE_URL=postgres://u@/site?host=/run/postgresql": false,
		"DATABASE_URL=postgres://u@DB.example.com./site":       false,
		"SMTP_URL=smtp://smtp.example.com:587":                 false,
		"SMTP_URL=smtp://[::1]:25":                             false,
		"SMTP_URL=smtps://relay.invalid":                       true,
		"BLOB_URL=s3://k:s@files.example.com/b":                false,
		"BLOB_URL=s3://k:s@192.0.2.1:9000/b":                   true,
		"CLAMD_ADDR=/run/clamav/clamd.ctl":                     false,
		"CLAMD_ADDR=scanner.invalid:3310":                      true,
	} {
		cfg, err := readConfig([]string{"VAR_DIR=" + t.TempDir(), setting})
		if err != nil {
			t.Fatalf("%s: %v", setting, err)
		}
		b := &app{cli: &cli{cfg: cfg}, site: a.site}
		if err := b.checkProcessors(); (err != nil) != strange {
			t.Errorf("%s: %v", setting, err)
		}
	}
}
