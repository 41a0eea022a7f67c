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
