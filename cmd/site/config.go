package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/caarlos0/env/v11"

	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/file"
	"clickcommerce.com/site/internal/key"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
)

// production is the SITE_ENV of a site that people use.
const production = "production"

// config is the environment, checked. Its zero values are those of a development machine.
type config struct {
	// SiteEnv is "production" where the embedded database must not be used, else empty or "development".
	SiteEnv string `env:"SITE_ENV"`
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

// readConfig reads the environment and complains of all that is wrong with it at once. It never repeats a value that may
// hold a password.
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
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	if c.KeyFile == "" {
		c.KeyFile = filepath.Join(c.VarDir, "keys")
	}
	return c, errors.Join(
		c.checkAddresses(), c.checkPublicURL(), c.checkDatabase(), c.checkPlaces(), c.checkServices(), c.parse())
}

// variables lists the names that readConfig knows.
func variables() []string {
	fields, err := env.GetFieldParams(&config{})
	if err != nil {
		panic(err) // the struct above is not one that can be read
	}
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		names = append(names, f.Key)
	}
	return names
}

func (c *config) checkAddresses() error {
	_, err := splitAddress("LISTEN", c.Listen)
	host, adminErr := splitAddress("ADMIN_LISTEN", c.AdminListen)
	if adminErr == nil && !inside(host) {
		adminErr = fmt.Errorf("ADMIN_LISTEN=%q: metrics and pprof are never public: write localhost, or a loopback or private "+
			"address", c.AdminListen)
	}
	if err == nil && c.Listen == c.AdminListen && !strings.HasSuffix(c.Listen, ":0") {
		err = errors.New("LISTEN and ADMIN_LISTEN are the same address")
	}
	return errors.Join(err, adminErr)
}

// splitAddress returns the host of an address to listen at, which may be empty: everywhere.
func splitAddress(name, address string) (host string, err error) {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", fmt.Errorf("%s=%q: write host:port, or :port for every address of the machine", name, address)
	}
	return host, nil
}

// inside tells whether only this machine, or its private network, can reach a host.
func inside(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && (ip.IsLoopback() || ip.IsPrivate())
}

// checkPublicURL takes the address from LISTEN where none is given, if LISTEN is one that a browser can open.
func (c *config) checkPublicURL() error {
	if c.PublicURL == "" {
		host, port, err := net.SplitHostPort(c.Listen)
		ip, _ := netip.ParseAddr(host)
		if err == nil && (host == "" || port == "0" || ip.IsUnspecified()) {
			return fmt.Errorf("PUBLIC_URL is empty, and LISTEN=%q does not tell how the world reaches us", c.Listen)
		}
		c.PublicURL = "http://" + c.Listen
		return nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" ||
		u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("PUBLIC_URL: write http://host or https://host, with a port where it has one, and nothing after it")
	}
	return nil
}

func (c *config) checkDatabase() error {
	var faults []error
	for _, v := range []struct{ name, value string }{
		{"DATABASE_URL", c.DatabaseURL}, {"DATABASE_ADMIN_URL", c.DatabaseAdminURL},
	} {
		if v.value == "" {
			continue
		}
		if !strings.HasPrefix(v.value, "postgres://") && !strings.HasPrefix(v.value, "postgresql://") {
			faults = append(faults, fmt.Errorf("%s: write postgres://user:pass@host:port/database", v.name))
		} else if _, err := postgres.Hosts(v.value); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", v.name, err))
		}
	}
	if c.DatabaseURL == "" && c.DatabaseAdminURL != "" {
		faults = append(faults, errors.New("DATABASE_ADMIN_URL is set without DATABASE_URL"))
	}
	if !slices.Contains([]string{"", "development", production}, c.SiteEnv) {
		faults = append(faults, fmt.Errorf("SITE_ENV=%q: write production or development", c.SiteEnv))
	}
	if c.DatabaseURL == "" && c.SiteEnv == production {
		faults = append(faults, errors.New("DATABASE_URL is empty: the embedded database is not for SITE_ENV=production"))
	}
	return errors.Join(faults...)
}

// checkPlaces looks at what is on disk already. What is missing is made, or missed by the command that needs it.
func (c *config) checkPlaces() error {
	var faults []error
	if info, err := os.Stat(c.VarDir); err == nil && !info.IsDir() {
		faults = append(faults, fmt.Errorf("VAR_DIR=%q is no folder", c.VarDir))
	}
	if _, err := key.Load(c.KeyFile); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		faults = append(faults, fmt.Errorf("KEY_FILE: %w", err))
	}
	return errors.Join(faults...)
}

func (c *config) checkServices() error {
	var faults []error
	if c.SMTPURL != "" {
		faults = append(faults, mail.CheckURL(c.SMTPURL))
	}
	if c.BlobURL != "" {
		_, err := file.OpenBlobs(c.BlobURL, "") // reaches for nothing
		faults = append(faults, err)
	}
	if c.ClamdAddr != "" {
		_, err := file.ClamdHost(c.ClamdAddr)
		faults = append(faults, err)
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

// writes tells whether anything goes to VAR_DIR: the embedded database, uploads and the journals, mail without a relay.
func (c config) writes() bool { return c.DatabaseURL == "" || c.BlobURL == "" || c.SMTPURL == "" }
