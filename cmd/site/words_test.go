package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"clickcommerce.com/site/web"
)

// TestWords holds that what a room says stands in its file of words, whole: every name that the code says has a
// sentence with just the values that it is given, no sentence is left over, and none stands in the code besides those of
// the fields of forms.
func TestWords(t *testing.T) {
	for _, room := range order() {
		t.Run(room, func(t *testing.T) {
			sentences := wordsOf(t, room)
			said := readSaid(t, filepath.Join("../../internal", room))
			for _, s := range said.sayings {
				s.check(t, sentences)
			}
			for _, name := range slices.Sorted(maps.Keys(sentences)) {
				if !said.says(name) {
					t.Errorf("%s is never said", name)
				}
			}
			for _, s := range said.sentences {
				t.Errorf("%s: a sentence in the code: %q", s.at, s.text)
			}
		})
	}
}

// TestScriptWords holds that the script says only what the page brings, and all of it.
func TestScriptWords(t *testing.T) {
	script, err := fs.ReadFile(web.FS, "static/site.js")
	if err != nil {
		t.Fatal(err)
	}
	if len(script) > 10_000 {
		t.Errorf("the script has %d bytes", len(script))
	}
	for _, literal := range scriptLiteral.FindAllString(string(script), -1) {
		if inScript.MatchString(literal) {
			t.Errorf("words in the script: %s", literal)
		}
	}
	for _, partial := range []string{"script", "form"} {
		drawn, err := fs.ReadFile(web.FS, "templates/partials/"+partial+".html")
		if err != nil {
			t.Fatal(err)
		}
		brought := dataName.FindAllSubmatch(drawn, -1)
		for _, name := range brought {
			if !regexp.MustCompile(`[".]` + inCamels(string(name[1])) + `\b`).Match(script) {
				t.Errorf("%s is never read", name[1])
			}
		}
		if len(brought) == 0 {
			t.Errorf("%s brings no words", partial)
		}
	}
}

var (
	scriptLiteral = regexp.MustCompile(`"[^"\n]*"`)
	inScript      = regexp.MustCompile(`^"[^\[]*[A-Za-z]{2} [a-z]{2}|^" [a-z]+"$`) // what has a bracket selects
	dataName      = regexp.MustCompile(`\sdata-([a-z-]+?)(?:-one)?="`)             // the script adds that to a name where it counts one
)

// inCamels is the name by which a script reads a data attribute.
func inCamels(name string) string {
	first, rest, _ := strings.Cut(name, "-")
	for word := range strings.SplitSeq(rest, "-") {
		if word != "" {
			first += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return first
}

// wordsOf reads the sentences of a room; most have some.
func wordsOf(t *testing.T, room string) map[string]string {
	t.Helper()
	raw, err := fs.ReadFile(web.FS, "content/words/"+room+".yaml")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var sentences map[string]string
	if err := yaml.Unmarshal(raw, &sentences); err != nil {
		t.Fatal(err)
	}
	return sentences
}

// said is what the code of a room says.
type said struct {
	sayings   []saying
	sentences []sentence
}

type sentence struct {
	at   token.Position
	text string
}

// saying is one call of a page.Say. Where its name is made as it runs, name is what it begins with.
type saying struct {
	at      token.Position
	name    string
	made    bool
	values  []string
	unknown bool // some value's name is made as it runs
}

func (s said) says(name string) bool {
	return slices.ContainsFunc(s.sayings, func(c saying) bool {
		return c.name == name || c.made && strings.HasPrefix(name, c.name)
	})
}

var valueName = regexp.MustCompile(`\{([a-z_]+)\}`)

func (c saying) check(t *testing.T, sentences map[string]string) {
	t.Helper()
	if c.made {
		return
	}
	text, ok := sentences[c.name]
	if !ok {
		t.Errorf("%s: %q has no sentence", c.at, c.name)
		return
	}
	var wanted []string
	for _, match := range valueName.FindAllStringSubmatch(text, -1) {
		wanted = append(wanted, match[1])
	}
	slices.Sort(wanted)
	if wanted = slices.Compact(wanted); !c.unknown && !slices.Equal(wanted, c.values) {
		t.Errorf("%s: %q wants the values %q and is given %q", c.at, c.name, wanted, c.values)
	}
}

func readSaid(t *testing.T, dir string) said {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %d files: %v", dir, len(names), err)
	}
	var all said
	set := token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(set, name, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		of := said{}
		ast.Inspect(file, func(n ast.Node) bool { return of.visit(set, n) })
		all.sayings = append(all.sayings, of.sayings...)
		if !mayTell.MatchString(filepath.Base(name)) {
			all.sentences = append(all.sentences, of.sentences...)
		}
	}
	return all
}

// mayTell are the files whose sentences are part of the register of promises.
var mayTell = regexp.MustCompile(`^rule_`)

// visit notes what a node says, and tells whether to look into it.
func (s *said) visit(set *token.FileSet, n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ImportSpec, *ast.Field: // the tag of a field is no sentence
		return false
	case *ast.CompositeLit:
		if definesStatus(n.Type) {
			s.capitals(set, n)
			return s.onlySayings(set, n.Elts)
		}
		if definesForm(n.Type) {
			return s.onlySayings(set, n.Elts)
		}
	case *ast.AssignStmt:
		if definesField(n) {
			return s.onlySayings(set, n.Rhs)
		}
	case *ast.CallExpr:
		if isSay(n.Fun) {
			s.sayings = append(s.sayings, readCall(set, n))
			return len(n.Args) > 1
		}
		if raises(n.Fun) || complains(n.Fun) || makesField(n.Fun) {
			return s.onlySayings(set, n.Args)
		}
	case *ast.BinaryExpr, *ast.BasicLit:
		expr := n.(ast.Expr)
		if text, ok := textOf(expr); ok {
			if isSentence.MatchString(text) {
				s.sentences = append(s.sentences, sentence{set.Position(n.Pos()), text})
			}
		}
	}
	return true
}

// onlySayings notes what is said where sentences may stand in the code as well. It tells that no more is to be looked into.
func (s *said) onlySayings(set *token.FileSet, list []ast.Expr) bool {
	var within said
	for _, n := range list {
		ast.Inspect(n, func(n ast.Node) bool { return within.visit(set, n) })
	}
	s.sayings = append(s.sayings, within.sayings...)
	return false
}

// capitals notes whatever begins with a capital, a label as well as a letter.
func (s *said) capitals(set *token.FileSet, in ast.Node) {
	ast.Inspect(in, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok {
			if text, ok := textOf(lit); ok && isCapital.MatchString(text) {
				s.sentences = append(s.sentences, sentence{set.Position(lit.Pos()), text})
			}
		}
		return true
	})
}

var isCapital = regexp.MustCompile(`^[\p{Lu}“]`)

// isSentence knows what people are told from what only programs read: it begins with a capital, has three words and ends.
var isSentence = regexp.MustCompile(`(?s)^(?:[A-Z“]|%s |… ).*[a-z] [a-z“'’0-9%…].* .*[.?!:]$`)

// definesStatus tells whether a literal says how requests go, or what staff may do with them: that has no words in the
// code at all.
func definesStatus(t ast.Expr) bool {
	of, name := named(element(t))
	return of == "activity" && (name == "Status" || name == "Move")
}

// definesForm tells whether a literal is part of the definition of a form, whose words are Go
// strings: a form is one value, and its digest covers what was shown.
func definesForm(t ast.Expr) bool {
	of, name := named(element(t))
	return of == "form" || of == "publish" && name == "Invalid"
}

// element returns the type of what a list holds, and any other type as it is.
func element(t ast.Expr) ast.Expr {
	if list, ok := t.(*ast.ArrayType); ok {
		return list.Elt
	}
	return t
}

// named returns what a type or a function is called, and what stands before the point.
func named(e ast.Expr) (of, name string) {
	switch e := e.(type) {
	case *ast.Ident:
		return "", e.Name
	case *ast.SelectorExpr:
		if in, ok := e.X.(*ast.Ident); ok {
			of = in.Name
		}
		return of, e.Sel.Name
	}
	return "", ""
}

func isSay(f ast.Expr) bool {
	_, name := named(f)
	return name == "say"
}

// raises tells whether a call ends the program or makes an error: no visitor reads its words.
func raises(f ast.Expr) bool {
	_, name := named(f)
	return name == "panic" || name == "Errorf"
}

// definesField tells whether an assignment changes the words of a form or of one of its fields.
func definesField(n *ast.AssignStmt) bool {
	_, name := named(n.Lhs[0])
	return slices.Contains([]string{"Hint", "Why", "Label", "Intro", "Missing"}, name)
}

// makesField tells whether a call makes one of the fields that many forms share.
func makesField(f ast.Expr) bool {
	_, name := named(f)
	return strings.HasSuffix(name, "Field")
}

// complains tells whether a call says what is wrong with one field: a form's own definition, too.
func complains(f ast.Expr) bool {
	of, name := named(f)
	return of == "errs" && name == "Add"
}

func readCall(set *token.FileSet, n *ast.CallExpr) saying {
	c := saying{at: set.Position(n.Pos())}
	text, ok := textOf(n.Args[0])
	c.name, _, c.made = strings.Cut(text, "…")
	c.made = c.made || !ok
	for i := 1; i < len(n.Args); i += 2 {
		value, ok := textOf(n.Args[i])
		c.values, c.unknown = append(c.values, value), c.unknown || !ok
	}
	slices.Sort(c.values)
	return c
}

// textOf returns a string that is written in the code, with "…" for what is put between its parts as it runs.
func textOf(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			left, okLeft := textOf(e.X)
			right, okRight := textOf(e.Y)
			if !okLeft && !okRight {
				return "", false
			}
			if !okLeft {
				left = "…"
			}
			if !okRight {
				right = "…"
			}
			return left + right, true
		}
	}
	return "", false
}
