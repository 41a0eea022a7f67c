package page

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"reflect"
	"strings"
	"sync"
	"text/template/parse"
)

// View draws one page from data of type T.
type View[T any] struct {
	set    *Set
	name   string
	layout string
	tmpl   func() *template.Template
}

type registered struct {
	name, layout string
	tmpl         func() *template.Template
	data         any
}

// Load parses web/templates/NAME.html into a view. Pages of the workspace (staff/… and …/staff_…) get its layout. It
// panics where the template is missing or broken, or T does not embed Base: that is found when the program starts.
func Load[T any](s *Set, name string) View[T] {
	var zero T
	if _, ok := any(&zero).(interface{ base() *Base }); !ok {
		panic(fmt.Sprintf("page %s: %s does not embed page.Base", name, reflect.TypeFor[T]()))
	}
	raw, err := fs.ReadFile(s.cfg.Web, "templates/"+name+".html")
	if err == nil {
		_, err = template.New(name).Funcs(s.funcs()).Parse(string(raw))
	}
	if err != nil {
		panic(fmt.Sprintf("page %s: %v", name, err))
	}
	layout := "layout"
	if strings.HasPrefix(name, "staff/") || strings.HasPrefix(path.Base(name), "staff_") {
		layout = "staff"
	}
	// Many pages are never drawn: one is put together when it first is.
	tmpl := sync.OnceValue(func() *template.Template {
		own := template.Must(template.New(name).Funcs(s.funcs()).Parse(string(raw)))
		return template.Must(own, s.complete(own, layout))
	})
	s.views = append(s.views, registered{name, layout, tmpl, zero})
	return View[T]{set: s, name: name, layout: layout, tmpl: tmpl}
}

// complete adds to a page's own templates copies of the shared ones that they or the layout call, and no others: pages
// can't share one, since html/template writes its escapes into it, and all the partials are many times as large as a page.
func (s *Set) complete(own *template.Template, layout string) error {
	wanted := []string{layout}
	for _, t := range own.Templates() {
		wanted = append(wanted, called(t.Tree.Root)...)
	}
	for len(wanted) > 0 {
		name := wanted[0]
		wanted = wanted[1:]
		if own.Lookup(name) != nil {
			continue
		}
		shared := s.shared.Lookup(name)
		if shared == nil {
			return fmt.Errorf("no template is called %s", name)
		}
		if _, err := own.AddParseTree(name, shared.Tree.Copy()); err != nil {
			return fmt.Errorf("add template %s: %w", name, err)
		}
		wanted = append(wanted, called(shared.Tree.Root)...)
	}
	return nil
}

// called names the templates that a part of one calls.
func called(node parse.Node) []string {
	switch n := node.(type) {
	case *parse.TemplateNode:
		return []string{n.Name}
	case *parse.IfNode:
		return calledByBranch(n.BranchNode)
	case *parse.RangeNode:
		return calledByBranch(n.BranchNode)
	case *parse.WithNode:
		return calledByBranch(n.BranchNode)
	case *parse.ListNode:
		var names []string
		if n != nil { // a branch without an else
			for _, part := range n.Nodes {
				names = append(names, called(part)...)
			}
		}
		return names
	}
	return nil
}

func calledByBranch(b parse.BranchNode) []string {
	return append(called(b.List), called(b.ElseList)...)
}

// Write draws the page whole and then sends it with the status.
func (v View[T]) Write(w http.ResponseWriter, r *http.Request, status int, data T) error {
	b := any(&data).(interface{ base() *Base }).base()
	v.set.fill(b, r)
	b.Refused = refuses(r, status)
	var buf bytes.Buffer
	buf.Grow(32 << 10)
	if err := v.tmpl().ExecuteTemplate(&buf, v.layout, data); err != nil {
		return fmt.Errorf("draw %s: %w", v.name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if status == http.StatusOK && v.layout == "layout" && b.Viewer == nil && !b.NoIndex {
		w.Header()["Speculation-Rules"] = v.set.speculation
	}
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // the visitor may be gone: nothing to mend
	return nil
}

// refuses tells whether an answer finds fault with what was sent: a form's fields, whatever the method, or a button's act.
// Who is first to sign in has made no mistake.
func refuses(r *http.Request, status int) bool {
	if status == http.StatusUnprocessableEntity {
		return true
	}
	return r.Method == http.MethodPost && status >= http.StatusBadRequest && status != http.StatusUnauthorized
}

// Fragment draws one part that the page's own file names, for callers that put the parts together themselves.
func (v View[T]) Fragment(part string, data any) (template.HTML, error) {
	var buf strings.Builder
	if err := v.tmpl().ExecuteTemplate(&buf, part, data); err != nil {
		return "", fmt.Errorf("draw %s of %s: %w", part, v.name, err)
	}
	return template.HTML(buf.String()), nil //nolint:gosec // drawn by html/template just above
}

// Each calls f with every loaded view and the zero value of its data, so that a test can check one against the other.
func (s *Set) Each(f func(name string, tmpl *template.Template, data any)) {
	for _, v := range s.views {
		f(v.name, v.tmpl().Lookup(v.layout), v.data)
	}
}
