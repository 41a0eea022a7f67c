package staff_test

import (
	"html/template"
	"strings"
	"testing"

	"github.com/jba/templatecheck"
)

func TestTemplates(t *testing.T) {
	t.Parallel()
	n := 0
	open(t).Pages.Each(func(name string, tmpl *template.Template, data any) {
		if !strings.HasPrefix(name, "staff/") {
			return
		}
		n++
		if err := templatecheck.CheckHTML(tmpl, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	if n != 13 {
		t.Errorf("%d pages checked", n)
	}
}
