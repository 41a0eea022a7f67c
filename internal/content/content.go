// Package content holds the pages that are written, not computed: the Markdown files under web/content, read once at
// start. Rooms that draw a list or a form take their title, description and introduction from here as well.
//
// It promises that what was loaded is consistent: every page has a title and a description of its own, every related
// page exists, headings leave the first level to the title, and nothing holds raw HTML. A file that breaks this keeps
// the program from starting, with all complaints at once.
package content

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"clickcommerce.com/site/internal/page"
)

// Page is one written page.
type Page struct {
	Path        string // its address; home.md is "/"
	Title       string
	Description string   // for search engines; unlike any other page's
	Summary     string   // one sentence, shown under the title and in lists
	Nav         string   // short label for navigation and crumbs
	Section     string   // the entry of the main navigation that is current
	Family      string   // address of the product family that a module belongs to
	Figure      string   // name of the drawing, without folder and extension; may be empty
	Drawings    []string // those on its social picture: its figure, or where it has none the figures of the pages below it
	Picture     page.Picture
	Order       int  // lists are sorted by it
	Intro       bool // the copy above a list or a form that a room draws
	Updated     time.Time
	Actions     []Action
	Next        string        // the heading above what stands at the end: pages to go on with, or a sentence about them
	Related     []Related     // these pages, each with its summary, where there is no sentence
	Onward      template.HTML // the sentence
	Facts       []Fact
	Way         string // the heading above the steps, where it is the page's own
	Steps       []Step
	Closing     string // the heading of the page's last line, where it is the page's own
	FAQ         []Question
	Body        template.HTML // up to the first mark, <!-- steps --> on most pages, or all
	Rest        template.HTML // what follows that mark
	Parts       []Part        // Body and Rest, cut at every mark: for pages whose file says in which order they are composed
	Text        string        // everything as plain words, for the search
	Crumbs      []page.Crumb
}

// Part is a stretch of a page's words.
type Part struct {
	Mark  string        // what the file asks for before or beside them: steps, facts, the product's screen; empty before the first
	Words template.HTML // may be empty
}

// Action is a link drawn as a button.
type Action struct {
	Label string `yaml:"label"`
	Path  string `yaml:"path"`
}

// Related is a page to go on with.
type Related struct{ Title, Path, Summary string }

// Fact is a row of the table "in short".
type Fact struct {
	Term string `yaml:"term"`
	Text string `yaml:"text"`
}

// Step is one of several in order.
type Step struct {
	Title string `yaml:"title"`
	Text  string `yaml:"text"`
}

// Question is asked often.
type Question struct {
	Question string
	Answer   template.HTML
}

// Base returns what the layout needs to know of the page.
func (p Page) Base() page.Base {
	return page.Base{Title: p.Title, Description: p.Description, Path: p.Path, Section: p.Section, Crumbs: p.Crumbs}
}

// Document is what the search and the sitemap know of a published row of some room, or of a page.
type Document struct {
	Path    string // with a fragment: a part of a page, for the search alone
	Kind    string // page, form, privacy, news, newsletter, webinar, download, demo, opening, survey
	Title   string
	Summary string
	Body    string    // plain words
	Updated time.Time // zero: unknown
}

// Source lists a room's documents: those, and only those, that everybody may read now.
type Source func(ctx context.Context) ([]Document, error)

// Content is all pages.
type Content struct {
	pages  []Page // by order, then address
	byPath map[string]int
}

const root = "content"

// Load reads content/**/*.md of the embedded web folder, but for content/demo, which holds the rows of the demo and
// no pages. All that is wrong with the files is returned as one error.
func Load(web fs.FS) (*Content, error) {
	c := &Content{byPath: map[string]int{}}
	var (
		faults  []error
		sources []source
	)
	err := fs.WalkDir(web, root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name == root+"/demo":
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".md":
			return nil
		}
		src, err := read(web, name)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
			return nil
		}
		sources = append(sources, src)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("content: %w", err)
	}
	slices.SortFunc(sources, func(a, b source) int {
		return cmp.Or(cmp.Compare(a.page.Order, b.page.Order), cmp.Compare(a.page.Path, b.page.Path))
	})
	for i, src := range sources {
		c.pages = append(c.pages, src.page)
		c.byPath[src.page.Path] = i
	}
	for i, src := range sources {
		faults = append(faults, c.link(&c.pages[i], src)...)
		if err := c.picture(web, &c.pages[i]); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", src.name, err))
		}
	}
	faults = append(faults, c.unique()...)
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("content:\n%w", err)
	}
	return c, nil
}

// link fills what a page says of others.
func (c *Content) link(p *Page, src source) (faults []error) {
	for _, to := range src.head.Related {
		other, ok := c.Page(to)
		if !ok || to == p.Path {
			faults = append(faults, fmt.Errorf("%s: related page %s does not exist", src.name, to))
			continue
		}
		p.Related = append(p.Related, Related{other.Title, other.Path, other.Summary})
	}
	if _, ok := c.Page(p.Family); p.Family != "" && !ok {
		faults = append(faults, fmt.Errorf("%s: family %s does not exist", src.name, p.Family))
	}
	if p.Path != "/" {
		p.Crumbs = append([]page.Crumb{{Label: "Home", Path: "/"}}, append(c.above(*p), page.Crumb{Label: p.Nav})...)
	}
	return faults
}

// picture says what the social picture of a page shows: its title beside its drawings, told in their own words.
func (c *Content) picture(web fs.FS, p *Page) error {
	if p.Figure != "" {
		p.Drawings = []string{p.Figure}
	} else {
		for _, below := range c.Under(p.Path) {
			if below.Figure != "" {
				p.Drawings = append(p.Drawings, below.Figure)
			}
		}
	}
	if len(p.Drawings) == 0 {
		return nil
	}
	var shows []string
	for _, name := range p.Drawings {
		says, err := drawingTitle(web, name)
		if err != nil {
			return err
		}
		shows = append(shows, says)
	}
	p.Picture = page.Picture{File: "social" + cmp.Or(strings.TrimSuffix(p.Path, "/"), "/home") + ".png", Alt: p.Title + ": " + strings.Join(shows, "; ")}
	return nil
}

// drawingTitle reads what a drawing says of itself to those who do not see it.
func drawingTitle(web fs.FS, name string) (string, error) {
	raw, err := fs.ReadFile(web, "static/art/"+name+".svg")
	if err != nil {
		return "", err
	}
	_, after, _ := strings.Cut(string(raw), "<title>")
	says, _, ok := strings.Cut(after, "</title>")
	if !ok {
		return "", fmt.Errorf("the drawing %s has no title", name)
	}
	return html.UnescapeString(says), nil
}

// above lists the pages between home and p.
func (c *Content) above(p Page) []page.Crumb {
	parent := cmp.Or(p.Family, path.Dir(p.Path))
	up, ok := c.Page(parent)
	if !ok || parent == "/" {
		return nil
	}
	return append(c.above(up), page.Crumb{Label: up.Nav, Path: up.Path})
}

func (c *Content) unique() (faults []error) {
	for what, of := range map[string]func(Page) string{
		"title":       func(p Page) string { return p.Title },
		"description": func(p Page) string { return p.Description },
	} {
		seen := map[string]string{}
		for _, p := range c.pages {
			key := strings.ToLower(of(p))
			if other, twice := seen[key]; twice {
				faults = append(faults, fmt.Errorf("%s and %s share the %s %q", other, p.Path, what, of(p)))
			}
			seen[key] = p.Path
		}
	}
	return faults
}

// Page returns the page at an address.
func (c *Content) Page(address string) (Page, bool) {
	i, ok := c.byPath[address]
	if !ok {
		return Page{}, false
	}
	return c.pages[i], true
}

// Must returns the page at an address that a room's handler counts on. It panics where there is none, so ask for it when
// the program starts.
func (c *Content) Must(address string) Page {
	p, ok := c.Page(address)
	if !ok {
		panic("content: no page for " + address)
	}
	return p
}

// Pages returns all pages in order.
func (c *Content) Pages() []Page { return slices.Clone(c.pages) }

// Pictures returns the social picture of each page that has one, by the page's address.
func (c *Content) Pictures() map[string]page.Picture {
	all := map[string]page.Picture{}
	for _, p := range c.pages {
		if p.Picture.File != "" {
			all[p.Path] = p.Picture
		}
	}
	return all
}

// Under returns the pages one step below an address, in order, but for modules of a product family.
func (c *Content) Under(address string) []Page {
	return c.where(func(p Page) bool { return p.Family == "" && p.Path != "/" && path.Dir(p.Path) == address })
}

// Modules returns the pages of a product family's modules, in order.
func (c *Content) Modules(family string) []Page {
	return c.where(func(p Page) bool { return p.Family == family && family != "" })
}

func (c *Content) where(wanted func(Page) bool) []Page {
	var found []Page
	for _, p := range c.pages {
		if wanted(p) {
			found = append(found, p)
		}
	}
	return found
}

// Documents lists the pages for the search.
func (c *Content) Documents() []Document {
	docs := make([]Document, len(c.pages))
	for i, p := range c.pages {
		docs[i] = Document{Path: p.Path, Kind: "page", Title: p.Title, Summary: p.Summary, Body: p.Text, Updated: p.Updated}
	}
	return docs
}
