package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// ErrNoBinaries means that no PostgreSQL server is installed on this machine.
var ErrNoBinaries = errors.New("no PostgreSQL server found: apt-get install postgresql (or set " +
	"DATABASE_URL, or POSTGRES_BIN to the folder that holds initdb and postgres)")

// oldest is the first major version that the schema works on.
const oldest = 15

// install is a set of server binaries.
type install struct {
	bin   string
	major int
}

func (i install) path(name string) string { return filepath.Join(i.bin, name) }

// findInstall takes the folder named by POSTGRES_BIN; else, of the distribution's versions and the
// one on PATH, the newest whose data is already in dir; else the newest. So an upgrade of the system
// that keeps the old server also keeps the data in use.
func findInstall(dir string) (install, error) {
	if bin := os.Getenv("POSTGRES_BIN"); bin != "" {
		i, err := inspect(bin)
		if err != nil {
			return install{}, fmt.Errorf("POSTGRES_BIN: %w", err)
		}
		return i, nil
	}
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if p, err := exec.LookPath("postgres"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			bins = append(bins, filepath.Dir(p))
		}
	}
	var found []install
	for _, bin := range bins {
		if i, err := inspect(bin); err == nil && i.major >= oldest {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return install{}, ErrNoBinaries
	}
	slices.SortStableFunc(found, func(a, b install) int { return b.major - a.major })
	for _, i := range found {
		if _, err := os.Stat(filepath.Join(dir, strconv.Itoa(i.major), "data")); err == nil {
			return i, nil
		}
	}
	return found[0], nil
}

var version = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// inspect asks the binaries of a folder for their version: "postgres (PostgreSQL) 15.18 (Debian …)".
func inspect(bin string) (install, error) {
	i := install{bin: bin}
	if _, err := os.Stat(i.path("initdb")); err != nil {
		return install{}, fmt.Errorf("find initdb: %w", err)
	}
	out, err := exec.Command(i.path("postgres"), "-V").Output()
	if err != nil {
		return install{}, fmt.Errorf("ask postgres for its version: %w", err)
	}
	if m := version.FindSubmatch(out); m != nil {
		if i.major, err = strconv.Atoi(string(m[1])); err == nil {
			return i, nil
		}
	}
	return install{}, fmt.Errorf("postgres in %s does not say its version", bin)
}
