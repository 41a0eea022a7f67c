package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/caarlos0/env/v11"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/page"
)

// config is the environment, checked. Its zero values are those of a development machine.
type config struct {
	// Listen is where the site answers; AdminListen where metrics and pprof do, which must never be public.
	Listen      string `env:"LISTEN" envDefault:"127.0.0.1:8080"`
	AdminListen string `env:"ADMIN_LISTEN" envDefault:"127.0.0.1:8081"`
	// PublicURL is how the world reaches us: the trusted origin of forms, and the beginning of mailed links.
	PublicURL string `env:"PUBLIC_URL"`
	// DatabaseURL is the role that serves, DatabaseAdminURL the owner, for migrate and doctor. Both empty: embedded.
	DatabaseURL      string `env:"DATABASE_URL"`
	DatabaseAdminURL string `env:"DATABASE_ADMIN_URL"`
	// VarDir holds all state that is not in a database elsewhere.
	VarDir string `env:"VAR_DIR" envDefault:"var"`
	// SMTPURL is the relay; empty: mail is written to VarDir/mail.
	SMTPURL string `env:"SMTP_URL"`
	// BlobURL is where uploads live; empty: VarDir/files.
	BlobURL string `env:"BLOB_URL"`
	// ClamdAddr is the virus scanner; empty: uploads stay unscanned, and say so.
	ClamdAddr string `env:"CLAMD_ADDR"`
	// KeyFile holds the keys; it is made only with the embedded database.
	KeyFile string `env:"KEY_FILE"`
	// TrustedProxies are networks whose X-Forwarded-For counts.
	TrustedProxies string `env:"TRUSTED_PROXIES" envDefault:"127.0.0.0/8,::1/128"`
	// FormLimit is how many sendings a client may make for each form.
	FormLimit string `env:"FORM_LIMIT" envDefault:"30/m"`

	proxies page.Proxies
	limit   activity.Limit
}

// readConfig reads the environment and complains of all that is wrong with it at once.
func readConfig(environ []string) (config, error) {
	var c config
	values := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	if err := env.ParseWithOptions(&c, env.Options{Environment: values}); err != nil {
		return c, fmt.Errorf("environment: %w", err)
	}
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.Listen
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	if c.KeyFile == "" {
		c.KeyFile = filepath.Join(c.VarDir, "keys")
	}
	return c, errors.Join(c.checkAddresses(), c.checkURLs(), c.parse())
}

func (c *config) checkAddresses() error {
	var faults []error
	for name, address := range map[string]string{"LISTEN": c.Listen, "ADMIN_LISTEN": c.AdminListen} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			faults = append(faults, fmt.Errorf("%s=%q: write host:port", name, address))
		}
	}
	return errors.Join(faults...)
}

// checkURLs never repeats a value: several hold passwords.
func (c *config) checkURLs() error {
	var faults []error
	check := func(name, value string, schemes ...string) {
		u, err := url.Parse(value)
		if value == "" {
			return
		}
		if err != nil || u.Host == "" && !strings.HasPrefix(value, "postgres") {
			faults = append(faults, fmt.Errorf("%s: not a URL (one of %s)", name, strings.Join(schemes, ", ")))
			return
		}
		for _, s := range schemes {
			if u.Scheme == s {
				return
			}
		}
		faults = append(faults, fmt.Errorf("%s: begins with %s, not with %s", name, u.Scheme, strings.Join(schemes, " or ")))
	}
	check("PUBLIC_URL", c.PublicURL, "http", "https")
	check("DATABASE_URL", c.DatabaseURL, "postgres", "postgresql")
	check("DATABASE_ADMIN_URL", c.DatabaseAdminURL, "postgres", "postgresql")
	check("SMTP_URL", c.SMTPURL, "smtp", "smtps")
	check("BLOB_URL", c.BlobURL, "s3")
	if c.DatabaseURL == "" && c.DatabaseAdminURL != "" {
		faults = append(faults, errors.New("DATABASE_ADMIN_URL is set without DATABASE_URL"))
	}
	return errors.Join(faults...)
}

func (c *config) parse() error {
	var faults []error
	for text := range strings.SplitSeq(c.TrustedProxies, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("TRUSTED_PROXIES: %q is no network like 10.0.0.0/8", text))
			continue
		}
		c.proxies = append(c.proxies, prefix)
	}
	var err error
	if c.limit, err = activity.ParseLimit(c.FormLimit); err != nil {
		faults = append(faults, fmt.Errorf("FORM_LIMIT: %w", err))
	}
	return errors.Join(faults...)
}
