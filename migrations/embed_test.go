package migrations_test

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"clickcommerce.com/site/migrations"
)

// Steps are numbered without a gap, and each says on its second line whether the previous binary can serve on it.
func TestSteps(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`\A-- \+goose Up\n-- compatible: (yes|no)\n`)
	for i, name := range names {
		if number := fmt.Sprintf("%05d_", i+1); !strings.HasPrefix(name, number) {
			t.Fatalf("%s comes where a step %s… belongs", name, number)
		}
		body, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if !form.Match(body) {
			t.Errorf("%s does not begin with `-- +goose Up` and `-- compatible: yes` or `no`", name)
		}
		if !strings.Contains(string(body), "\n-- +goose Down\n") {
			t.Errorf("%s can't be undone", name)
		}
	}
}

// TestStepsWaitForNobody sees that a step holds up nobody who is served meanwhile: it gives up where it would have to wait for
// a table with others behind it, and reads no large table while it keeps others out. Steps up to 52 are released, and older
// than this rule.
func TestStepsWaitForNobody(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	const large = `(submission|answers|message|submission_event|consent_event|person|audit_event)`
	alters := regexp.MustCompile(`(?i)\b(ALTER TABLE|TRIGGER\b[^;]*\bON|INDEX\b[^;]*\bON) ` + large + `\b`)
	forbidden := map[string]*regexp.Regexp{
		"builds an index without CONCURRENTLY": regexp.MustCompile(`(?i)CREATE (UNIQUE )?INDEX (IF NOT EXISTS )?\w+ ON ` + large + `\b`),
		"checks every row (NOT VALID first)":   regexp.MustCompile(`(?i)ALTER TABLE ` + large + `\b[^;]*ADD CONSTRAINT [^;]*(CHECK|REFERENCES)[^;]*\);`),
		"writes every row":                     regexp.MustCompile(`(?im)^UPDATE ` + large + `\b`),
	}
	for _, name := range names[52:] {
		body, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		up, _, _ := strings.Cut(string(body), "\n-- +goose Down\n")
		if alters.MatchString(up) && !strings.Contains(up, "SET LOCAL lock_timeout") && !strings.Contains(up, "NO TRANSACTION") {
			t.Errorf("%s waits without end: SET LOCAL lock_timeout", name)
		}
		for what, bad := range forbidden {
			if bad.MatchString(up) {
				t.Errorf("%s %s", name, what)
			}
		}
	}
}
