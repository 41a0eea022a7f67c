package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "keys")
	if err := os.WriteFile(file, []byte("{}"), 0o644); err != nil { //nolint:gosec // too open, as the test wants it
		t.Fatal(err)
	}
	for setting, complaint := range map[string]string{
		"LISTEN=nowhere":                         "LISTEN",
		"LISTEN=127.0.0.1:http":                  "LISTEN",
		"LISTEN=127.0.0.1:99999":                 "LISTEN",
		"LISTEN=:8080":                           "PUBLIC_URL is empty",
		"LISTEN=[::]:8080":                       "PUBLIC_URL is empty",
		"LISTEN=127.0.0.1:8081":                  "the same address",
		"ADMIN_LISTEN=:8081":                     "ADMIN_LISTEN",
		"ADMIN_LISTEN=0.0.0.0:8081":              "ADMIN_LISTEN",
		"ADMIN_LISTEN=203.0.113.7:8081":          "ADMIN_LISTEN",
		"ADMIN_LISTEN=10.0.0.7:8081":             "",
		"ADMIN_LISTEN=localhost:0":               "",
		"PUBLIC_URL=https://www.example.com/":    "",
		"PUBLIC_URL=https://www.example.com/a":   "PUBLIC_URL",
		"PUBLIC_URL=https://www.example.com?a":   "PUBLIC_URL",
		"PUBLIC_URL=https://me@www.example.com":  "PUBLIC_URL",
		"PUBLIC_URL=www.example.com":             "PUBLIC_URL",
		"PUBLIC_URL=https://":                    "PUBLIC_URL",
		"DATABASE_URL=mysql://u:hush@h/d":        "DATABASE_URL",
		"DATABASE_URL=postgres://u:hush@h:x/d":   "DATABASE_URL",
		"DATABASE_URL=postgres://u:hush@h/d":     "",
		"DATABASE_ADMIN_URL=postgres://u@h/d":    "without DATABASE_URL",
		"SITE_ENV=production":                    "DATABASE_URL is empty",
		"SITE_ENV=prod":                          "SITE_ENV",
		"SITE_ENV=development":                   "",
		"SMTP_URL=ftp://u:hush@h":                "SMTP_URL",
		"SMTP_URL=smtp://u:hush@h:0":             "SMTP_URL",
		"SMTP_URL=smtp://h?starttls=maybe":       "SMTP_URL",
		"SMTP_URL=smtp://h?start_tls=required":   "SMTP_URL",
		"SMTP_URL=smtp://h?starttls=required":    "",
		"BLOB_URL=s3://h/bucket":                 "BLOB_URL",
		"BLOB_URL=s3://k:hush@h/bucket":          "",
		"CLAMD_ADDR=scanner":                     "CLAMD_ADDR",
		"CLAMD_ADDR=/run/clamav/clamd.ctl":       "",
		"VAR_DIR=" + file:                        "VAR_DIR",
		"KEY_FILE=" + file:                       "KEY_FILE",
		"KEY_FILE=" + filepath.Join(dir, "none"): "",
		"TRUSTED_PROXIES=me":                     "TRUSTED_PROXIES",
		"TRUSTED_PROXIES=":                       "",
		"FORM_LIMIT=many":                        "FORM_LIMIT",
		"FORM_LIMIT=30/d":                        "FORM_LIMIT",
		"FORM_LIMIT=off":                         "",
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			_, err := readConfig([]string{"VAR_DIR=" + filepath.Join(dir, "var"), setting})
			if complaint == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), complaint) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, complaint)
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("a password is told: %v", err)
			}
		})
	}
}

func TestConfigTellsAllFaults(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil { //nolint:gosec // too open, as the test wants it
		t.Fatal(err)
	}
	_, err := readConfig([]string{
		"SITE_ENV=prod", "LISTEN=nowhere", "ADMIN_LISTEN=:1", "PUBLIC_URL=x", "DATABASE_URL=x", "DATABASE_ADMIN_URL=x",
		"VAR_DIR=" + file, "SMTP_URL=x", "BLOB_URL=x", "CLAMD_ADDR=x", "KEY_FILE=" + file, "TRUSTED_PROXIES=x", "FORM_LIMIT=x",
	})
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, name := range variables() {
		if !regexp.MustCompile(`(?m)^(mail: )?` + name + `\b`).MatchString(err.Error()) {
			t.Errorf("%s is not among the complaints:\n%v", name, err)
		}
	}
}

func TestPublicURLFollowsListen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ listen, given, want string }{
		{"127.0.0.1:9000", "", "http://127.0.0.1:9000"},
		{"[::1]:9000", "", "http://[::1]:9000"},
		{":8080", "https://www.example.com/", "https://www.example.com"},
	} {
		cfg, err := readConfig([]string{"LISTEN=" + c.listen, "PUBLIC_URL=" + c.given})
		if err != nil || cfg.PublicURL != c.want {
			t.Errorf("%s, %s: got %s, %v", c.listen, c.given, cfg.PublicURL, err)
		}
	}
}

// The README's table names every variable that the program reads, and no other.
func TestReadmeNamesTheEnvironment(t *testing.T) {
	t.Parallel()
	read := variables()
	asked := regexp.MustCompile(`os\.(?:Getenv|LookupEnv)\("([A-Z_]+)"\)`)
	for _, root := range []string{".", "../../internal"} {
		err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") ||
				strings.HasSuffix(path, "_test.go") || strings.Contains(path, "pgtest/") {
				return err
			}
			text, err := os.ReadFile(filepath.Join(root, path))
			for _, m := range asked.FindAllSubmatch(text, -1) {
				read = append(read, string(m[1]))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	name := regexp.MustCompile("`([A-Z_]+)`")
	for _, line := range regexp.MustCompile("(?m)^\\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \\|").FindAllStringSubmatch(readme(t), -1) {
		for _, m := range name.FindAllStringSubmatch(line[1], -1) {
			told = append(told, m[1])
		}
	}
	slices.Sort(read)
	slices.Sort(told)
	if diff := cmp.Diff(told, slices.Compact(read)); diff != "" {
		t.Errorf("README (-told +read):\n%s", diff)
	}
}
