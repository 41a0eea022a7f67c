package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rooms of the house, from the ground up: each may import only those that stand before it.
func order() []string {
	return []string{
		"key", "clock", "sheet", "word", "postgres", "form", "audit", "job", "person", "consent", "page", "content", "mail", "file", "film", "submission",
		"account", "activity", "publish",
		"alliance", "career", "demo", "webinar", "survey", "download", "access", "newsletter", "contact", "announce", "news",
		"privacy", "analytics", "site", "staff", "connect",
	}
}

// activityRooms know nothing of each other: they stand side by side.
func activityRooms() []string {
	return []string{"alliance", "career", "demo", "webinar", "survey", "download", "access", "newsletter", "contact", "announce", "news"}
}

const module = "clickcommerce.com/site/internal/"

// room returns the first folder below internal of an import path, or "".
func room(path string) string {
	rest, ok := strings.CutPrefix(path, module)
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func TestArrowsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "clickcommerce.com/site/internal/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	seen := 0
	for dec.More() {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&pkg); err != nil {
			t.Fatal(err)
		}
		seen++
		from := room(pkg.ImportPath)
		if !slices.Contains(order(), from) {
			t.Errorf("%s: the room %q is not in the house's order", pkg.ImportPath, from)
		}
		if strings.HasSuffix(pkg.ImportPath, "test") {
			continue // kits of tests may reach for anything
		}
		for _, path := range pkg.Imports {
			to := room(path)
			if to == "" || to == from {
				continue
			}
			if slices.Index(order(), to) > slices.Index(order(), from) {
				t.Errorf("%s imports %s, which stands above it", from, to)
			}
			if slices.Contains(activityRooms(), to) { // a tenth activity touches one folder
				t.Errorf("%s imports %s: activities know nothing of each other, and are handed to everybody else", from, to)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d packages were looked at", seen)
	}
}

func TestOnlyPostgresOpensConnections(t *testing.T) {
	err := fs.WalkDir(os.DirFS("../.."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && name != "." || d.Name() == "postgres" || d.Name() == "bench" || d.Name() == "var"):
			return fs.SkipDir
		case path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		raw, err := os.ReadFile(filepath.Join("../..", name))
		if err == nil && connects.Match(raw) {
			t.Errorf("%s opens a connection", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var connects = regexp.MustCompile(`pgxpool\.New|pgx\.Connect|pgconn\.Connect|sql\.Open`)
