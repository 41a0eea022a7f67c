package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The README's map names every room, in the order in which they stand.
func TestReadmeMapsTheHouse(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile("`(?:internal/)?([a-z]+)`")
	var told []string
	for line := range strings.Lines(readme(t)) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 || !strings.HasPrefix(cells[1], " `internal/") {
			continue
		}
		for _, m := range name.FindAllStringSubmatch(cells[1], -1) {
			told = append(told, m[1])
		}
	}
	if diff := cmp.Diff(told, order()); diff != "" {
		t.Errorf("(-told +house):\n%s", diff)
	}
}

// Paths, targets and commands that the README names exist.
func TestReadmeNamesWhatExists(t *testing.T) {
	t.Parallel()
	text := readme(t)
	for _, m := range regexp.MustCompile("`((?:cmd|internal|web|migrations|\\.ci)/[a-z_./]*)`").FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat("../../" + m[1]); err != nil {
			t.Error(err)
		}
	}
	for _, m := range regexp.MustCompile("`(?:bin/)?site ([a-z]+)").FindAllStringSubmatch(text, -1) {
		if _, ok := find(m[1]); !ok {
			t.Errorf("there is no command site %s", m[1])
		}
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?m)(?:^|`)make ([a-z]+)").FindAllStringSubmatch(text, -1) {
		if !strings.Contains(string(makefile), "\n"+m[1]+":") {
			t.Errorf("there is no target %s", m[1])
		}
	}
}
