package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
)

// check is one line of the doctor's report.
type check struct {
	name string
	run  func(context.Context) error
}

func runDoctor(ctx context.Context, c *cli, _ []string) error {
	return withApp(ctx, c, func(a *app) error { return a.examine(ctx) })
}

func (a *app) examine(ctx context.Context) error {
	failed := 0
	for _, ch := range a.checks() {
		if err := ch.run(ctx); err != nil {
			failed++
			fmt.Fprintf(a.stdout, "FAIL  %s: %v\n", ch.name, err)
			continue
		}
		fmt.Fprintf(a.stdout, "ok    %s\n", ch.name)
	}
	if failed > 0 {
		return fmt.Errorf("%d checks failed", failed)
	}
	return nil
}

func (a *app) checks() []check {
	list := []check{
		{"the schema is this version's", a.db.CheckSchema},
		{"a privacy statement is in force", func(context.Context) error { _, err := a.statements.InForce(); return err }},
		{"mail can leave", a.mail.Check},
		{"mail templates serve the purposes that the database knows", a.mail.Compare},
		{"files can be written, read and deleted", a.files.Probe},
		{"the virus scanner answers", a.checkScanner},
		{"serving has no owner's rights", a.checkOwner},
		{"site.yaml names real values", a.checkIdentity},
	}
	for _, c := range a.privacy.Checks() {
		list = append(list, check{c.Promise + ": " + c.Name, c.Run})
	}
	return list
}

func (a *app) checkScanner(ctx context.Context) error {
	if a.cfg.ClamdAddr == "" {
		if a.db.Embedded() {
			return nil // the development default: every file says that it is not scanned
		}
		return errors.New("CLAMD_ADDR is empty: uploads stay unscanned")
	}
	_, err := a.files.Scanner(ctx)
	return err
}

func (a *app) checkOwner(ctx context.Context) error {
	owner, err := a.db.ServesAsOwner(ctx)
	if err == nil && owner {
		return errors.New("DATABASE_URL connects as the owner of the tables: only triggers guard what is append-only")
	}
	return err
}

func (a *app) checkIdentity(context.Context) error {
	if a.cfg.SMTPURL != "" && a.site.Demo {
		return errors.New("SMTP_URL is set while web/content/site.yaml says demo: true")
	}
	return nil
}

// checkProcessors holds that no host outside this machine gets data without a contract on record (P-9).
func (a *app) checkProcessors(context.Context) error {
	var faults []error
	for name, raw := range map[string]string{"SMTP_URL": a.cfg.SMTPURL, "BLOB_URL": a.cfg.BlobURL, "DATABASE_URL": a.cfg.DatabaseURL} {
		u, err := url.Parse(raw)
		if raw == "" || err != nil || local(u.Hostname()) {
			continue
		}
		if _, ok := a.site.Processor(u.Hostname()); !ok {
			faults = append(faults, fmt.Errorf("%s points to %s, which no processor in site.yaml has", name, u.Hostname()))
		}
	}
	return errors.Join(faults...)
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || host == "localhost" || (ip != nil && ip.IsLoopback())
}
