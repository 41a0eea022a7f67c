//go:build audit

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/chromedp/chromedp"

	"clickcommerce.com/site/internal/account"
)

// TestAudit measures every page as people meet it who see little, hear pages read, enlarge them, or have no mouse, and
// as machines judge it. It ends with a table of all pages. Single parts, of single pages: go test -tags audit
// -run 'TestAudit/(axe|links)' ./cmd/site -pages /,/staff/design.
func TestAudit(t *testing.T) {
	a := newAuditor(t)
	for _, part := range []struct {
		name string
		run  func(t *testing.T, a *auditor)
	}{
		{"outline", auditOutline}, // before others have tried to sign in too often
		{"axe", auditAxe},
		{"html", auditHTML},
		{"css", auditCSS},
		{"links", auditLinks},
		{"keys", auditKeys},
		{"zoom", auditZoom},
		{"pictures", auditPictures},
		{"headers", auditHeaders},
		{"lighthouse", auditLighthouse},
		{"weight", auditWeight},
		{"slow", auditSlow},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, a) })
	}
	if err := a.print(os.Stdout); err != nil {
		t.Error(err)
	}
}

// auditPage is a page in a state.
type auditPage struct {
	path  string
	staff bool
	sent  bool // with its form sent empty, so that it tells what is missing
}

func (p auditPage) String() string {
	if p.sent {
		return p.path + " (errors)"
	}
	return p.path
}

// auditor holds the pages of a house, and what was found on each.
type auditor struct {
	house   *house
	browser context.Context
	public  *visitor
	staff   *visitor
	pages   []auditPage
	columns []string
	cells   map[auditPage]map[string]string
}

var only = flag.String("pages", "", "the pages to audit, with commas between them; empty: all that links lead to")

func newAuditor(t *testing.T) *auditor {
	t.Helper()
	browser := startBrowser(t)
	h := newHouse(t, "127.0.0.1")
	a := &auditor{house: h, browser: browser, public: h.visitor(browser, t, true), cells: map[auditPage]map[string]string{}}
	a.public.apply("ada@northline.example")
	a.add(a.public, look[string](a.public, `location.pathname`))
	a.public.visit("/webinars/clause-library-workshop/register")
	a.public.register("Grace Hopper", "grace@example.com")
	a.add(a.public, look[string](a.public, `location.pathname`))
	h.hire(t, account.Roles()...)
	h.work(t)
	a.staff = h.visitor(browser, t, true)
	a.staff.signIn()
	if *only == "" {
		a.find(t)
	} else {
		a.pages = nil
		a.choose(strings.Split(*only, ","))
	}
	return a
}

// find lists every public page, and of the workspace each that is drawn in its own way.
func (a *auditor) find(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/nothing-here", "/staff/sign-in"} {
		a.public.visit(path)
		a.add(a.public, path)
	}
	a.public.crawl("/", ofPublic, func(path string) { a.add(a.public, path) })
	drawn := map[string]bool{}
	a.staff.crawl("/staff/submissions", ofStaff, func(path string) {
		if s := alike(t, path); !drawn[s] {
			drawn[s] = true
			a.add(a.staff, path)
		}
	})
}

func (a *auditor) choose(paths []string) {
	for _, path := range paths {
		v := a.public
		if strings.HasPrefix(path, "/staff") {
			v = a.staff
		}
		v.visit(path)
		a.add(v, path)
	}
}

// alike is one address for all pages of the workspace that differ by their row, or by the place in a list, alone.
func alike(t *testing.T, path string) string {
	t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for _, place := range []string{"after", "before", "view"} {
		q.Del(place)
	}
	u.RawQuery = q.Encode()
	return shape(u)
}

// add lists the page that a visitor is on, and the same page with its form sent empty where it has one that is new.
func (a *auditor) add(v *visitor, path string) {
	p := auditPage{path: path, staff: v == a.staff}
	a.pages = append(a.pages, p)
	if look[bool](v, `!!document.querySelector("`+auditForm+`")`) && (!p.staff || strings.HasSuffix(path, "/new")) {
		p.sent = true
		a.pages = append(a.pages, p)
	}
}

const auditForm = `form.form[novalidate] .send button`

// open shows a page to the visitor who may see it.
func (a *auditor) open(t *testing.T, p auditPage) *visitor {
	t.Helper()
	v := *a.public
	if p.staff {
		v = *a.staff
	}
	v.t = t
	v.visit(p.path)
	if p.sent {
		v.leaving("send nothing", chromedp.Click(chromedp.CSS(auditForm)))
	}
	return &v
}

// each looks at all pages, and keeps what was found under the name of the part.
func (a *auditor) each(t *testing.T, part string, see func(v *visitor, p auditPage) []string) {
	t.Helper()
	for _, p := range a.pages {
		a.note(t, part, p, see(a.open(t, p), p))
	}
}

func (a *auditor) note(t *testing.T, part string, p auditPage, faults []string) {
	t.Helper()
	slices.Sort(faults)
	faults = slices.Compact(faults)
	for _, f := range faults {
		t.Errorf("%s: %s", p, f)
	}
	a.write(part, p, fmt.Sprint(len(faults)))
}

// write puts a word into a cell of the table.
func (a *auditor) write(column string, p auditPage, word string) {
	if !slices.Contains(a.columns, column) {
		a.columns = append(a.columns, column)
	}
	if a.cells[p] == nil {
		a.cells[p] = map[string]string{}
	}
	a.cells[p][column] = word
}

// print writes the table: what each part found wrong on each page, and what it measured.
func (a *auditor) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "page\t"+strings.Join(a.columns, "\t"))
	for _, p := range a.pages {
		fmt.Fprintf(w, "%.72s", p) // some carry the place in a long list
		for _, c := range a.columns {
			fmt.Fprint(w, "\t"+a.cells[p][c])
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// tool is the path of a file that npm installed.
func tool(t *testing.T, parts ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(append([]string{"../../.ci/audit/node_modules"}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: make audit installs it", err)
	}
	return path
}
