//go:build audit

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// auditOutline keeps what a screen reader is told of each form, empty and with its mistakes.
func auditOutline(t *testing.T, a *auditor) {
	drawn := map[string]bool{}
	for _, p := range a.pages {
		p.sent = true
		if p.staff || !slices.Contains(a.pages, p) || drawn[outlineName(p.path)] {
			continue
		}
		drawn[outlineName(p.path)] = true
		for _, p.sent = range []bool{false, true} {
			a.note(t, "outline", p, compareOutline(t, p, a.open(t, p).outline()))
		}
	}
}

// outlineName leaves out which opening, webinar or receipt a form is about: the forms of a kind are alike.
func outlineName(path string) string {
	if strings.HasPrefix(path, "/r/") {
		return "receipt"
	}
	return strings.Trim(strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(rowName.ReplaceAllString(path, "/$1")), "-")
}

func compareOutline(t *testing.T, p auditPage, got string) []string {
	t.Helper()
	file := filepath.Join("testdata", "outline", outlineName(p.path)+".txt")
	if p.sent {
		file = strings.TrimSuffix(file, ".txt") + "-errors.txt"
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // part of the repository
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil { //nolint:gosec // as the folder
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		return []string{fmt.Sprintf("is read out otherwise than %s (-want +got):\n%s", file, diff)}
	}
	return nil
}

// outline is the accessibility tree of the page's forms, a line for each thing.
func (v *visitor) outline() string {
	v.t.Helper()
	_, err := chromedp.Call(v.ctx, accessibility.Enable, cdp.Empty{})
	v.must("switch the tree on", err)
	tree, err := chromedp.Call(v.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	v.must("read the tree", err)
	nodes := map[accessibility.NodeID]*accessibility.Node{}
	for _, n := range tree.Nodes {
		nodes[n.NodeID] = n
	}
	var b strings.Builder
	for _, n := range tree.Nodes {
		if spoken(n.Role) == "form" {
			outline(&b, nodes, n, "", 0)
		}
	}
	return b.String()
}

func outline(b *strings.Builder, nodes map[accessibility.NodeID]*accessibility.Node, n *accessibility.Node, above string, depth int) {
	role, name := spoken(n.Role), spoken(n.Name)
	if role == "LabelText" || role == "StaticText" && strings.Contains(above, name) {
		return // read out with what it names
	}
	if !n.Ignored && !slices.Contains([]string{"generic", "none", "paragraph", "ListMarker", "LineBreak"}, role) {
		fmt.Fprintf(b, "%s%s\n", strings.Repeat("  ", depth), line(n, role, name))
		above = name
		depth++
	}
	if role == "combobox" || role == "StaticText" {
		return // a list is read out when it is opened
	}
	for _, id := range n.ChildIDs {
		if child := nodes[id]; child != nil {
			outline(b, nodes, child, above, depth)
		}
	}
}

func line(n *accessibility.Node, role, name string) string {
	parts := []string{role}
	if name != "" {
		parts = append(parts, fmt.Sprintf("%q", name))
	}
	if d := spoken(n.Description); d != "" {
		parts = append(parts, fmt.Sprintf("described as %q", d))
	}
	if s := spoken(n.Value); s != "" {
		parts = append(parts, fmt.Sprintf("with %q", s))
	}
	for _, p := range n.Properties {
		state, s := string(p.Name), spoken(p.Value)
		if slices.Contains([]string{"required", "invalid", "checked", "focused", "disabled", "expanded", "level"}, state) && s != "false" {
			parts = append(parts, state+"="+s)
		}
	}
	return strings.Join(parts, " ")
}

// spoken is a value of the tree as text.
func spoken(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var s any
	if err := json.Unmarshal(v.Value, &s); err != nil || s == nil {
		return ""
	}
	return strings.Join(strings.Fields(fmt.Sprint(s)), " ")
}
