//go:build audit

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// auditHTML wants nothing to complain about from the Nu HTML checker, in what the server sent for each page.
func auditHTML(t *testing.T, a *auditor) {
	dir, files := t.TempDir(), map[string]auditPage{}
	source := map[bool]func(*testing.T) []byte{false: a.public.documents(), true: a.staff.documents()}
	var names []string
	for i, p := range a.pages {
		name := filepath.Join(dir, fmt.Sprintf("%03d.html", i))
		a.open(t, p)
		if err := os.WriteFile(name, source[p.staff](t), 0o600); err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = p
		names = append(names, name)
	}
	faults := map[auditPage][]string{}
	for _, m := range checkMarkup(t, names...) {
		p, known := files[filepath.Base(m.URL)]
		if !known {
			t.Errorf("a complaint about no page: %+v", m)
		}
		faults[p] = append(faults[p], m.String())
	}
	for _, p := range a.pages {
		a.note(t, "html", p, faults[p])
	}
}

// documents returns what tells the last document that the visitor's window has received, as it came.
func (v *visitor) documents() func(t *testing.T) []byte {
	v.t.Helper()
	var last atomic.Value
	err := chromedp.Listen(v.ctx, func(event any) {
		if got, ok := event.(*network.EventResponseReceived); ok && got.Type == network.ResourceTypeDocument {
			last.Store(got.RequestID)
		}
	})
	v.must("listen", err)
	return func(t *testing.T) []byte {
		t.Helper()
		id, _ := last.Load().(network.RequestID)
		got, err := chromedp.Call(v.ctx, network.GetResponseBody, network.GetResponseBodyParams{RequestID: id})
		if err != nil {
			t.Fatal(err)
		}
		return got.Body
	}
}

// auditCSS does the same with the style sheets.
func auditCSS(t *testing.T, _ *auditor) {
	sheets, err := filepath.Glob("../../web/static/*.css")
	if err != nil || len(sheets) == 0 {
		t.Fatalf("%d style sheets: %v", len(sheets), err)
	}
	for _, m := range checkMarkup(t, append([]string{"--css"}, sheets...)...) {
		if !slices.ContainsFunc(newerThanChecker(), func(r *regexp.Regexp) bool { return r.MatchString(m.String()) }) {
			t.Errorf("%s: %s", filepath.Base(m.URL), m)
		}
	}
}

// newerThanChecker are complaints about what CSS has and the checker does not know yet.
func newerThanChecker() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`Unrecognized at-rule “@container”|Property “container” doesn't exist`), // CSS Containment 3
		regexp.MustCompile(`Property “vector-effect” doesn't exist`),                               // SVG 2: a presentation attribute like any other
		regexp.MustCompile(`Unrecognized at-rule “@view-transition”`),                              // CSS View Transitions 2
		regexp.MustCompile(`Unknown pseudo-element or pseudo-class “::view-transition`),            // CSS View Transitions 1
		regexp.MustCompile(`Property “scroll-initial-target” doesn't exist`),                       // CSS Scroll Snap 2
		regexp.MustCompile(`Property “field-sizing” doesn't exist`),                                // CSS Basic User Interface 4
	}
}

// complaint is one of the checker's messages.
type complaint struct {
	Type, SubType, URL, Message, Extract string
	LastLine                             int
}

func (m complaint) String() string {
	return fmt.Sprintf("line %d: %s: %s", m.LastLine, m.Message, strings.Join(strings.Fields(m.Extract), " "))
}

// checkMarkup runs the checker on files. It answers 1 where it has something to say.
func checkMarkup(t *testing.T, args ...string) []complaint {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "java", append([]string{"-jar", tool(t, "vnu-jar", "build", "dist", "vnu.jar"), "--format", "json", "--stdout"}, args...)...)
	out, err := cmd.Output()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	var said struct{ Messages []complaint }
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("the checker says %s: %v", out, err)
	}
	return said.Messages
}
