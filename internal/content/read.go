package content

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"go.yaml.in/yaml/v3"
	"golang.org/x/net/html"

	"clickcommerce.com/site/internal/page"
)

// source is a file on its way to becoming a page.
type source struct {
	name string
	head head
	page Page
}

// head is the front matter. Anything else in it is an error.
type head struct {
	Title       string   `yaml:"title"`
	Description string   `yaml:"description"`
	Summary     string   `yaml:"summary"`
	Nav         string   `yaml:"nav"`
	Section     string   `yaml:"section"`
	Family      string   `yaml:"family"`
	Figure      string   `yaml:"figure"`
	Order       int      `yaml:"order"`
	Intro       bool     `yaml:"intro"`
	Updated     string   `yaml:"updated"` // 2006-01-02
	Actions     []Action `yaml:"actions"`
	Next        string   `yaml:"next"`
	Related     []string `yaml:"related"` // addresses
	Onward      string   `yaml:"onward"`  // Markdown
	Facts       []Fact   `yaml:"facts"`
	Way         string   `yaml:"way"`
	Steps       []Step   `yaml:"steps"`
	Closing     string   `yaml:"closing"`
	FAQ         []struct {
		Question string `yaml:"question"`
		Answer   string `yaml:"answer"` // Markdown
	} `yaml:"faq"`
}

func read(web fs.FS, name string) (source, error) {
	raw, err := fs.ReadFile(web, name)
	if err != nil {
		return source{}, err
	}
	front, body, ok := bytes.Cut(bytes.TrimPrefix(raw, []byte("---\n")), []byte("\n---\n"))
	if !ok || !bytes.HasPrefix(raw, []byte("---\n")) {
		return source{}, errors.New("does not begin with front matter between lines of ---")
	}
	src := source{name: name}
	dec := yaml.NewDecoder(bytes.NewReader(front))
	dec.KnownFields(true)
	if err := dec.Decode(&src.head); err != nil {
		return source{}, err
	}
	if err := src.head.check(); err != nil {
		return source{}, err
	}
	if src.page, err = draw(src.head, body); err != nil {
		return source{}, err
	}
	src.page.Path = address(name)
	return src, nil
}

func address(name string) string {
	p := "/" + strings.TrimSuffix(strings.TrimPrefix(name, root+"/"), path.Ext(name))
	if p == "/home" {
		return "/"
	}
	return p
}

func (h head) check() error {
	var faults []error
	for name, value := range map[string]string{
		"title": h.Title, "description": h.Description, "summary": h.Summary, "nav": h.Nav, "section": h.Section,
	} {
		if value == "" {
			faults = append(faults, fmt.Errorf("%s is missing", name))
		}
	}
	for _, f := range h.Facts {
		if f.Term == "" || f.Text == "" {
			faults = append(faults, errors.New("a fact without term or text"))
		}
	}
	for _, s := range h.Steps {
		if s.Title == "" || s.Text == "" {
			faults = append(faults, errors.New("a step without title or text"))
		}
	}
	for _, a := range h.Actions {
		if a.Label == "" || !strings.HasPrefix(a.Path, "/") {
			faults = append(faults, errors.New("an action without label, or to another site"))
		}
	}
	return errors.Join(faults...)
}

func draw(h head, body []byte) (Page, error) {
	p := Page{
		Title: h.Title, Description: h.Description, Summary: h.Summary, Nav: h.Nav, Section: h.Section,
		Family: h.Family, Figure: h.Figure, Order: h.Order, Intro: h.Intro,
		Actions: h.Actions, Next: h.Next, Facts: h.Facts, Way: h.Way, Steps: h.Steps, Closing: h.Closing,
	}
	if h.Updated != "" {
		day, err := time.Parse(time.DateOnly, h.Updated)
		if err != nil {
			return p, fmt.Errorf("updated: %w", err)
		}
		p.Updated = day
	}
	onward, _, err := convert([]byte(h.Onward))
	if err != nil {
		return p, fmt.Errorf("onward: %w", err)
	}
	p.Onward = page.MarkOutbound(onward)
	drawn, marks, err := convert(body)
	if err != nil {
		return p, err
	}
	words := []string{plain(drawn)}
	first, rest, _ := bytes.Cut(drawn, []byte(omitted))
	p.Body, p.Rest = page.MarkOutbound(first), page.MarkOutbound(rest)
	p.Parts = parts(drawn, marks)
	for _, f := range h.Facts {
		words = append(words, f.Term, f.Text)
	}
	for _, s := range h.Steps {
		words = append(words, s.Title, s.Text)
	}
	for _, q := range h.FAQ {
		answer, _, err := convert([]byte(q.Answer))
		if err != nil || q.Question == "" || len(answer) == 0 {
			return p, errors.Join(fmt.Errorf("question %q needs words and an answer", q.Question), err)
		}
		p.FAQ = append(p.FAQ, Question{q.Question, page.MarkOutbound(answer)})
		words = append(words, q.Question, plain(answer))
	}
	p.Text = strings.Join(words, "\n")
	return p, nil
}

// parts cuts what was drawn at its marks.
func parts(drawn []byte, marks []string) []Part {
	var all []Part
	for i, words := range bytes.Split(drawn, []byte(omitted)) {
		words = bytes.TrimSpace(words)
		switch {
		case i > 0:
			all = append(all, Part{Mark: marks[i-1], Words: page.MarkOutbound(words)})
		case len(words) > 0:
			all = append(all, Part{Words: page.MarkOutbound(words)})
		}
	}
	return all
}

// omitted is what goldmark leaves of a mark.
const omitted = "<!-- raw HTML omitted -->"

// mark returns what stands between the signs of a comment, if pages know it.
func mark(comment string) (string, bool) {
	name := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(comment), "<!-- "), " -->")
	switch name {
	case "facts", "steps", "steps beside", "screen", "beside", "beside turned", "pair", "words":
		return name, true
	}
	return "", false
}

// convert draws trusted Markdown: tables, printer's quotes and dashes, ids on headings ({#name} sets one). It returns the
// marks in it, in order, too.
func convert(source []byte) (drawn []byte, marks []string, err error) {
	md := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Typographer),
		goldmark.WithParserOptions(parser.WithAutoHeadingID(), parser.WithAttribute()))
	doc := md.Parser().Parse(text.NewReader(source))
	err = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Heading:
			if n.Level == 1 {
				return ast.WalkStop, errors.New("a heading of the first level: that is the title's")
			}
		case *ast.RawHTML:
			return ast.WalkStop, errors.New("raw HTML")
		case *ast.HTMLBlock:
			if !entering {
				break
			}
			name, ok := mark(string(n.Lines().Value(source)))
			if !ok {
				return ast.WalkStop, errors.New("raw HTML other than a mark such as <!-- steps -->")
			}
			marks = append(marks, name)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return nil, nil, err
	}
	var out bytes.Buffer
	if err := md.Renderer().Render(&out, source, doc); err != nil {
		return nil, nil, fmt.Errorf("draw: %w", err)
	}
	return scroll(bytes.TrimSpace(out.Bytes())), marks, nil
}

// scroll puts each table into a frame that can be moved sideways, by keys too: on a narrow screen its words stay whole.
func scroll(drawn []byte) []byte {
	parts := strings.Split(string(drawn), "<table>")
	for n := range parts[1:] {
		open := fmt.Sprintf(`<div class="table-scroll" role="region" aria-label="Table %d" tabindex="0"><table>`, n+1)
		parts[n+1] = open + strings.Replace(parts[n+1], "</table>", "</table></div>", 1)
	}
	return []byte(strings.Join(parts, ""))
}

// Words returns what Markdown of the rooms' rows says, without its marks: the Body of a Document.
func Words(markdown string) string { return plain([]byte(page.Markdown(markdown))) }

// plain returns the words of HTML. What ends without a stop, as headings do, gets one, so that excerpts read well.
func plain(drawn []byte) string {
	var out strings.Builder
	for z := html.NewTokenizer(bytes.NewReader(drawn)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return strings.Join(strings.Fields(out.String()), " ")
		case html.TextToken:
			out.WriteString(html.UnescapeString(string(z.Raw())))
		case html.EndTagToken:
			switch name, _ := z.TagName(); string(name) {
			case "h2", "h3", "h4", "li", "p":
				if !strings.ContainsAny(lastRune(out.String()), ".!?:;”\"") {
					out.WriteByte('.')
				}
				out.WriteByte(' ')
			case "th", "td":
				out.WriteString("; ")
			case "table", "ul", "ol", "blockquote", "pre":
				out.WriteByte(' ')
			}
		}
	}
}

func lastRune(s string) string {
	r, _ := utf8.DecodeLastRuneInString(strings.TrimSpace(s))
	return string(r)
}
