package content_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/web"
)

func file(head, body string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("---\n" + head + "\n---\n" + body)}
}

func head(name, more string) string {
	return "title: " + name + "\ndescription: About " + name + "\nsummary: S\nnav: " + name + "\nsection: products\n" + more
}

func TestLoad(t *testing.T) {
	c, err := content.Load(fstest.MapFS{
		"content/home.md":     file(head("Start", "order: 0"), "Hello"),
		"content/products.md": file(head("Products", "order: 1\nrelated: [/]"), "## One\n\nText"),
		"content/products/a.md": file(head("A", "order: 2\nsteps: [{title: First, text: do it}]\nfaq: [{question: \"Why?\", answer: \"So *that*\"}]"),
			"## Before {#b}\n\n\"Quoted\" [x](https://example.org)\n\n<!-- steps -->\n\n## After\n\n| a | b |\n|---|---|\n| one | two |\n"),
		"content/products/m.md": file(head("M", "order: 3\nfamily: /products/a\nupdated: 2026-11-01"), "Text"),
		"content/demo/x.md":     {Data: []byte("no page")},
		"content/site.yaml":     {Data: []byte("no page")},
	})
	if err != nil {
		t.Fatal(err)
	}
	a, ok := c.Page("/products/a")
	if !ok {
		t.Fatal("no /products/a")
	}
	for name, tt := range map[string]struct{ got, want any }{
		"body": {a.Body, page.MarkOutbound([]byte(`<h2 id="b">Before</h2>` + "\n" +
			`<p>&ldquo;Quoted&rdquo; <a href="https://example.org">x</a></p>`))},
		"rest starts":   {strings.HasPrefix(string(a.Rest), `<h2 id="after">After</h2>`), true},
		"table":         {strings.Contains(string(a.Rest), `tabindex="0"><table>`) && strings.Contains(string(a.Rest), "</table></div>"), true},
		"text":          {a.Text, "Before. “Quoted” x. After. a; b; one; two;\nFirst\ndo it\nWhy?\nSo that."},
		"answer":        {string(a.FAQ[0].Answer), "<p>So <em>that</em></p>"},
		"crumbs":        {c.Must("/products/m").Crumbs, []page.Crumb{{Label: "Home", Path: "/"}, {Label: "Products", Path: "/products"}, {Label: "A", Path: "/products/a"}, {Label: "M"}}},
		"home's crumbs": {len(c.Must("/").Crumbs), 0},
		"related":       {c.Must("/products").Related, []content.Related{{"Start", "/", "S"}}},
		"under":         {paths(c.Under("/products")), []string{"/products/a"}},
		"under home":    {paths(c.Under("/")), []string{"/products"}},
		"modules":       {paths(c.Modules("/products/a")), []string{"/products/m"}},
		"all":           {paths(c.Pages()), []string{"/", "/products", "/products/a", "/products/m"}},
		"updated":       {c.Must("/products/m").Updated.Format("2006-01-02"), "2026-11-01"},
		"documents":     {c.Documents()[1], content.Document{Path: "/products", Kind: "page", Title: "Products", Summary: "S", Body: "One. Text."}},
	} {
		if diff := cmp.Diff(tt.got, tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

func paths(pages []content.Page) []string {
	var out []string
	for _, p := range pages {
		out = append(out, p.Path)
	}
	return out
}

func TestLoadSaysAllAtOnce(t *testing.T) {
	_, err := content.Load(fstest.MapFS{
		"content/a.md": file(head("Same", "related: [/nowhere]"), "Text"),
		"content/b.md": file(head("Same", "family: /gone"), "Text"),
		"content/c.md": file(head("C", "colour: red"), "Text"),
		"content/d.md": file("title: D", "Text"),
		"content/e.md": file(head("E", ""), "# Big"),
		"content/f.md": file(head("F", ""), "<b>bold</b>"),
		"content/g.md": {Data: []byte("Text")},
		"content/h.md": file(head("H", "updated: yesterday"), "Text"),
		"content/i.md": file(head("I", "steps: [{title: x}]"), "Text"),
		"content/j.md": file(head("J", "faq: [{question: x}]"), "Text"),
		"content/k.md": file(head("K", "actions: [{label: x, path: 'https://example.org'}]"), "Text"),
	})
	if err == nil {
		t.Fatal("loaded")
	}
	for _, want := range []string{
		"a.md: related page /nowhere", "b.md: family /gone", `share the title "Same"`, `share the description "About Same"`,
		"c.md", "colour", "d.md", "section is missing", "e.md: a heading of the first level", "f.md: raw HTML", "g.md", "h.md: updated",
		"i.md: a step", "j.md: question", "k.md: an action",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

// A page says by marks in which order it is composed: each stands before the words that follow it.
func TestParts(t *testing.T) {
	t.Parallel()
	c, err := content.Load(fstest.MapFS{
		"content/a.md": file(head("A", ""), "One\n\n<!-- screen -->\n\n<!-- beside turned -->\n\nTwo\n\n<!-- steps -->\n"),
		"content/b.md": file(head("B", "way: By hand\nclosing: Come"), "<!-- facts -->\n\nThree"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []content.Part{{"", "<p>One</p>"}, {"screen", ""}, {"beside turned", "<p>Two</p>"}, {"steps", ""}}
	if diff := cmp.Diff(c.Must("/a").Parts, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	b := c.Must("/b")
	if diff := cmp.Diff(b.Parts, []content.Part{{"facts", "<p>Three</p>"}}); diff != "" || b.Way != "By hand" || b.Closing != "Come" {
		t.Errorf("%q, %q (-got +want):\n%s", b.Way, b.Closing, diff)
	}
	if _, err := content.Load(fstest.MapFS{"content/a.md": file(head("A", ""), "<!-- screan -->")}); err == nil {
		t.Error("a mark that nobody knows")
	}
}

// The pages that we publish.
func TestOwnContent(t *testing.T) {
	c, err := content.Load(web.FS)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.Pages()); n < 25 {
		t.Errorf("%d pages", n)
	}
	if n := len(c.Under("/products")); n != 5 {
		t.Errorf("%d product families", n)
	}
	for _, p := range c.Pages() {
		if n := len([]rune(p.Description)); n < 50 || n > 170 {
			t.Errorf("%s: a description of %d characters", p.Path, n)
		}
		if len(p.Text) < 200 {
			t.Errorf("%s: hardly any text", p.Path)
		}
	}
}

// What a link to a page shows where it is shared: its own drawing, else those of the pages below it; each must be there.
func TestPictures(t *testing.T) {
	t.Parallel()
	drawing := func(says string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("<svg><title>" + says + "</title></svg>")}
	}
	files := fstest.MapFS{
		"content/home.md":         file(head("Start", "figure: lamp"), "Hello"),
		"content/industries.md":   file(head("Industries", ""), "Text"),
		"content/industries/a.md": file(head("A", "figure: lamp\norder: 1"), "Text"),
		"content/industries/b.md": file(head("B", "figure: desk\norder: 2"), "Text"),
		"content/terms.md":        file(head("Terms", ""), "Text"),
		"static/art/lamp.svg":     drawing("A lamp"),
		"static/art/desk.svg":     drawing("A desk &amp; a chair"),
	}
	c, err := content.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]page.Picture{
		"/":             {File: "social/home.png", Alt: "Start: A lamp"},
		"/industries":   {File: "social/industries.png", Alt: "Industries: A lamp; A desk & a chair"},
		"/industries/a": {File: "social/industries/a.png", Alt: "A: A lamp"},
		"/industries/b": {File: "social/industries/b.png", Alt: "B: A desk & a chair"},
	}
	if diff := cmp.Diff(c.Pictures(), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	delete(files, "static/art/desk.svg")
	if _, err := content.Load(files); err == nil {
		t.Error("a page may name a drawing that there is not")
	}
}

// Every file of examples is read strictly: an entry that its struct does not know is told.
func TestExamples(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"content/demo/tea.yaml": {Data: []byte("tea: [{name: Green}]")}}
	var known struct {
		Tea []struct {
			Name string `yaml:"name"`
		} `yaml:"tea"`
	}
	if err := content.Examples(files, "tea", &known); err != nil || len(known.Tea) != 1 || known.Tea[0].Name != "Green" {
		t.Errorf("got %+v, %v", known, err)
	}
	var unknown struct {
		Coffee []string `yaml:"coffee"`
	}
	for _, name := range []string{"tea", "cake"} {
		if err := content.Examples(files, name, &unknown); err == nil {
			t.Errorf("%s has no error", name)
		}
	}
}
