package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
)

// exam is one run of the doctor, in stages. It goes on after what fails, as far as the rest can be examined without it.
type exam struct {
	*app
	failed   int
	restored bool // the database was restored from a backup: what was erased since is erased again
}

func runDoctor(ctx context.Context, c *cli, args []string) error {
	restored := len(args) == 1 && args[0] == "--after-restore"
	if len(args) > 0 && !restored {
		return errUsage
	}
	e := &exam{app: &app{cli: c, seen: newSeen()}, restored: restored}
	err := e.run(ctx)
	if e.failed > 0 {
		err = errors.Join(fmt.Errorf("%d checks failed", e.failed), err)
	}
	return err
}

// run examines everything. Its error is that of letting go.
func (e *exam) run(ctx context.Context) (err error) {
	if !e.configuration() {
		e.skip("keys, database, files, scanner, mail, statement, erasures, promises", "the configuration")
		return nil
	}
	e.keys()
	stands := e.database(ctx)
	if e.db != nil {
		defer func() { err = errors.Join(err, e.db.Close()) }()
	}
	if e.ring == nil && e.cfg.DatabaseURL == "" && !stands {
		e.check("KEY_FILE is made", fmt.Errorf("%s is not there: it is made once the embedded database stands", e.cfg.KeyFile))
	}
	e.services(ctx)
	if !stands {
		e.skip("statement, erasures, promises", "keys and database")
		return nil
	}
	if e.stage("statement"); !e.check("the program stands on this database", e.wire(ctx)) {
		return nil
	}
	defer e.store.Close()
	e.check("every activity has its inbox in site.yaml", e.checkInboxes())
	_, err = e.statements.InForce()
	e.check("a privacy statement is in force", err)
	e.stage("erasures")
	if e.restored {
		e.replay(ctx)
	}
	e.check("the database knows every erasure, refusal and seal of the journal", e.eraser.Current(ctx))
	e.stage("promises")
	for _, c := range e.privacy.Checks() {
		e.check(c.Promise+": "+c.Name, c.Examine(ctx))
	}
	return nil
}

// replay erases once more whom a restored database brought back, and refuses once more what was refused since.
func (e *exam) replay(ctx context.Context) {
	erased, refused, err := e.eraser.Replay(ctx)
	if e.check("what was erased or refused since the backup is so again", err) {
		fmt.Fprintf(e.stdout, "        %d erasures repeated, %d refusals\n", erased, refused)
	}
}

func (e *exam) configuration() bool {
	e.stage("configuration")
	if !e.check("the environment can be read", e.faults) {
		return false
	}
	var err error
	if e.site, err = page.LoadSite(e.web); !e.check("site.yaml is whole", err) {
		return false
	}
	e.check("site.yaml names real values where mail is really sent", e.checkIdentity())
	e.check("every host that gets data has a processor on record (P-9)", e.checkProcessors())
	return true
}

func (e *exam) keys() {
	e.stage("keys")
	ring, err := key.Load(e.cfg.KeyFile)
	if errors.Is(err, os.ErrNotExist) && e.cfg.DatabaseURL == "" {
		e.check("KEY_FILE is yet to be made, with the embedded database", nil)
		return
	}
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w\n(made once, by `site doctor` with DATABASE_URL and SITE_ENV unset: README, In production, 3)", err)
	}
	e.check("KEY_FILE holds every key, for its owner alone", err)
	e.ring = ring
}

// database tells whether the program can be wired on it.
func (e *exam) database(ctx context.Context) bool {
	e.stage("database")
	db, err := openDatabase(ctx, e.cli)
	if !e.check("the database answers", err) {
		return false
	}
	e.db, e.pool = db, db.Pool
	if !e.check("the schema is one that this version can serve", db.Ready(ctx)) {
		return false
	}
	owner, err := db.ServesAsOwner(ctx)
	if err == nil && owner {
		err = errors.New("DATABASE_URL connects as the owner of the tables: only triggers guard what is append-only")
	}
	e.check("serving has no owner's rights", err)
	if e.cfg.DatabaseAdminURL != "" {
		owner, err := db.AdminOwns(ctx)
		if err == nil && !owner {
			err = errors.New("DATABASE_ADMIN_URL does not connect as the owner of the tables")
		}
		e.check("the owner can connect, to migrate", err)
	}
	ring, err := openKeys(ctx, e.cfg.KeyFile, db)
	if !e.check("the keys are those that the database was written with", err) {
		return false
	}
	e.ring = ring
	return true
}

// services are what the site needs beside its database.
func (e *exam) services(ctx context.Context) {
	if e.ring == nil {
		e.skip("files, scanner", "keys")
	} else {
		e.stage("files")
		if e.check("the place of files is known", e.openFiles()) {
			e.check("files can be written, read and deleted", e.files.Probe(ctx))
			e.stage("scanner")
			e.scanner(ctx)
		}
	}
	e.stage("mail")
	var err error
	if e.mail, err = e.openMail(); !e.check("mails can be drawn", err) {
		return
	}
	e.relay(ctx)
	if e.pool != nil {
		e.check("mail templates serve the purposes that the database knows", e.mail.Compare(ctx))
	}
}

// relay tells whether mail leaves this machine: files are no mail where people wait for it.
func (e *exam) relay(ctx context.Context) {
	switch {
	case e.cfg.SMTPURL != "":
		e.check("mail can leave", e.mail.Check(ctx))
	case e.cfg.SiteEnv == "production":
		e.check("mail can leave", fmt.Errorf("SMTP_URL is empty: mail is written to files in %s", e.mailDir()))
	default:
		e.check("mail can leave, to files in "+e.mailDir()+" as SMTP_URL is empty", e.mail.Check(ctx))
	}
}

func (e *exam) scanner(ctx context.Context) {
	switch {
	case e.cfg.ClamdAddr != "":
		_, err := e.files.Scanner(ctx)
		e.check("the virus scanner answers", err)
	case e.cfg.DatabaseURL != "":
		e.check("uploads are scanned", errors.New("CLAMD_ADDR is empty"))
	default:
		e.check("uploads are not scanned while developing, and say so", nil)
	}
}

func (e *exam) stage(name string) { fmt.Fprintf(e.stdout, "%s\n", name) }

func (e *exam) skip(what, without string) {
	fmt.Fprintf(e.stdout, "%s\n  --    not examined without %s\n", what, without)
}

// check writes one line, and tells whether all is well.
func (e *exam) check(name string, err error) bool {
	if err == nil {
		fmt.Fprintf(e.stdout, "  ok    %s\n", name)
		return true
	}
	e.failed++
	fmt.Fprintf(e.stdout, "  FAIL  %s\n%s\n", name, indent(indent(indent(indent(err.Error())))))
	return false
}

// checkIdentity holds that no stand-in appears under a mail that is really sent.
func (a *app) checkIdentity() error {
	if a.cfg.SMTPURL == "" {
		return nil
	}
	var faults []error
	if a.site.Demo {
		faults = append(faults, errors.New("SMTP_URL is set while web/content/site.yaml says demo: true"))
	}
	for _, name := range a.site.StandIns() {
		faults = append(faults, fmt.Errorf("%s stands in for a real value", name))
	}
	return errors.Join(faults...)
}

// checkInboxes holds that each activity tells an inbox of its own, and that each inbox is told something.
func (a *app) checkInboxes() error {
	var faults []error
	for _, act := range a.rooms.activities {
		if a.site.Inboxes[act.Kind] == "" {
			faults = append(faults, fmt.Errorf("inboxes.%s is missing: %s is told instead", act.Kind, a.site.Inbox(act.Kind)))
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(a.site.Inboxes)) {
		if _, ok := a.rooms.activities.Find(kind); !ok && kind != "security" { // security.txt names that one
			faults = append(faults, fmt.Errorf("inboxes.%s: there is no such activity", kind))
		}
	}
	return errors.Join(faults...)
}

// checkProcessors holds that no host outside this machine gets data without a contract on record (P-9).
func (a *app) checkProcessors() error {
	var faults []error
	for _, name := range []string{"DATABASE_URL", "DATABASE_ADMIN_URL", "SMTP_URL", "BLOB_URL", "CLAMD_ADDR"} {
		hosts, err := a.cfg.hosts(name)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
		for _, host := range hosts {
			host = strings.ToLower(strings.TrimSuffix(host, "."))
			if _, ok := a.site.Processor(host); !ok && !local(host) {
				faults = append(faults, fmt.Errorf("%s leads to %s, which no processor in site.yaml has", name, host))
			}
		}
	}
	return errors.Join(faults...)
}

// hosts are those to which a setting sends personal data.
func (c *config) hosts(name string) ([]string, error) {
	raw := map[string]string{
		"DATABASE_URL": c.DatabaseURL, "DATABASE_ADMIN_URL": c.DatabaseAdminURL, "SMTP_URL": c.SMTPURL, "BLOB_URL": c.BlobURL,
		"CLAMD_ADDR": c.ClamdAddr,
	}[name]
	switch {
	case raw == "":
		return nil, nil
	case strings.HasPrefix(name, "DATABASE"):
		return postgres.Hosts(raw)
	case name == "CLAMD_ADDR":
		host, err := file.ClamdHost(raw)
		return []string{host}, err
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("not a URL") // err repeats the password
	}
	return []string{u.Hostname()}, nil
}

// local tells whether a host is this machine: a loopback address, or a socket.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || host == "localhost" || strings.HasPrefix(host, "/") || (ip != nil && ip.IsLoopback())
}
