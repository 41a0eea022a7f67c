// Package page draws pages: one layout, typed views, hashed assets, the page cache, the error page, and the adapter
// between handlers that return errors and net/http.
//
// It promises that a page is either sent whole or replaced by a plain error page; that no visitor ever reads an
// internal error; that a public page is the same for everybody but for the line about cookies; and that what is cached
// is never older than a minute or than the latest change of published content.
package page

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/form"
)

// Base is what every page needs; the struct of each page embeds it. The handler fills the first part, Write the rest.
type Base struct {
	Title       string
	Description string
	Path        string // without query; the canonical address
	Section     string // the entry of the main navigation that is current
	Crumbs      []Crumb
	NoIndex     bool
	LD          []any // JSON-LD documents

	Site      *Site
	Canonical string
	Picture   Picture
	Stage     string // of a form that takes several looks, in the title before its own: "Step 2 of 3"
	Refused   bool   // what was sent was not taken, or not all of it: the page's title says so first
	Choice    Choice
	SignIns   int    // cookies that signing in has set in the browser
	Campaign  string // that the address names; only where it has a query, so never on a page that is kept for all
	Notice    *Notice
	Viewer    *Viewer
	Preview   string // where a preview is edited; empty on every real page
	Year      int
	Public    string // PUBLIC_URL
}

func (b *Base) base() *Base { return b }

// Crumb is a step of the way back.
type Crumb struct{ Label, Path string }

// Picture is what a link to a page brings along where it is shared: 1200 by 630 points.
type Picture struct {
	File string // under web/static; empty: none
	Alt  string
}

// Notice is the line about a changed statement that the home page shows to everyone (P-17).
type Notice struct{ Text, Path string }

// Viewer is who reads a page of the workspace or of the portal. Public pages have none, whoever is signed in.
type Viewer struct {
	Name, Role string
	Nav        []NavItem
}

// NavItem is an entry of the workspace's own navigation.
type NavItem struct {
	Label, Path string
	Count       int
	Current     bool
}

// Config is what a Set is made of.
type Config struct {
	Web       fs.FS // templates, static, content
	PublicURL string
	Site      *Site
	Log       *slog.Logger
	Now       func() time.Time
	// Pictures are social pictures by the address of their page. A page without one shows that of the nearest above it.
	Pictures map[string]Picture
	// Notice returns the home page's line about a changed statement, or nil.
	Notice func(context.Context) *Notice
	// Seen is told of each request that Log wrote down. It may be nil, and must not block.
	Seen func(method string, status int, took time.Duration)
	// Viewed is told of each GET that Log saw answered by 200 or 304, with the header of the answer. It may be nil, and must
	// not block.
	Viewed func(r *http.Request, answer http.Header)
}

// Set holds the templates of all pages and what they share. It is made once, at start.
type Set struct {
	cfg    Config
	shared *template.Template // layouts and partials
	assets *assets
	cache  *cache
	views  []registered
	fault  View[faultPage]
	// staffFault is the same in the workspace's layout.
	staffFault View[faultPage]
	// speculation is the header that lets browsers fetch a public page while the pointer rests on its link. It names a file of
	// rules (https://html.spec.whatwg.org/multipage/speculative-loading.html), and stands on no page of one person.
	speculation []string
}

// New parses the layouts and partials, and makes the assets ready. It fails where a file does not parse.
func New(cfg Config) (*Set, error) {
	static, err := fs.Sub(cfg.Web, "static")
	if err != nil {
		return nil, fmt.Errorf("static files: %w", err)
	}
	s := &Set{cfg: cfg, cache: newCache()}
	if s.assets, err = newAssets(static); err != nil {
		return nil, err
	}
	s.speculation = []string{`"` + s.Asset("speculation.json") + `"`}
	s.shared, err = template.New("").Funcs(s.funcs()).ParseFS(cfg.Web,
		"templates/layout.html", "templates/staff.html", "templates/partials/*.html")
	if err != nil {
		return nil, fmt.Errorf("shared templates: %w", err)
	}
	s.fault, s.staffFault = Load[faultPage](s, "site/error"), Load[faultPage](s, "site/staff_error")
	return s, nil
}

func (s *Set) funcs() template.FuncMap {
	return template.FuncMap{
		"asset":    s.Asset,
		"date":     func(t time.Time) string { return clock.Local(t).Format("2 January 2006") },
		"datetime": func(t time.Time) string { return clock.Local(t).Format("2 January 2006, 15:04 MST") },
		"country":  form.CountryName,
		"markdown": Markdown,
		"state":    func(value string) string { return cmp.Or(states(value), value) },
		"shape":    func(value string) string { return cmp.Or(states("shape_"+value), "busy") },
		"whole":    func(heading string) template.HTML { return Whole(s.cfg.Site.Name, heading) },
		"drawing":  s.drawing,
		"breaking": breaking,
		"number":   func(n any) string { return message.NewPrinter(language.English).Sprintf("%d", n) }, // of any size of integer
		"plural": func(n int, one, many string) string {
			if n == 1 {
				return fmt.Sprintf("%d %s", n, one)
			}
			return fmt.Sprintf("%d %s", n, many)
		},
	}
}

// Whole is a heading in which no line ends within a name.
func Whole(name, heading string) template.HTML {
	escaped := template.HTMLEscapeString(heading)
	if name != "" {
		name = template.HTMLEscapeString(name)
		escaped = strings.ReplaceAll(escaped, name, `<span class="whole">`+name+`</span>`)
	}
	return template.HTML(escaped) //nolint:gosec // escaped just above
}

// ofPicture is what a drawing says as a picture of its own: its colours in the dark, which the style sheet says here, and
// its title.
var ofPicture = regexp.MustCompile(`<style>.*?</style>|<title>.*?</title>| role="img"`)

// drawing puts an ornamental picture of ours into the page itself: the first page takes one request less.
func (s *Set) drawing(name, class string) (template.HTML, error) {
	raw, err := fs.ReadFile(s.cfg.Web, "static/art/"+name+".svg")
	if err != nil {
		return "", fmt.Errorf("read a drawing: %w", err)
	}
	svg := ofPicture.ReplaceAllString(string(raw), "")
	return template.HTML(strings.Replace(svg, "<svg", `<svg class="`+class+`" aria-hidden="true"`, 1)), nil //nolint:gosec // a file of ours
}

// breaking is a text that may be a mail address: its line breaks after the @ rather than within a word.
func breaking(text string) template.HTML {
	return template.HTML(strings.ReplaceAll(template.HTMLEscapeString(text), "@", "@<wbr>")) //nolint:gosec // escaped just here
}

// Site returns who runs the site.
func (s *Set) Site() *Site { return s.cfg.Site }

// URL returns the absolute address of a path of the site.
func (s *Set) URL(path string) string { return s.cfg.PublicURL + path }

// Picture returns the social picture of the page at an address, or of the nearest page above it that has one.
func (s *Set) Picture(address string) Picture {
	const deepest = 3 // no written page lies deeper, and an address may be as long as its sender likes
	nearest, at := s.cfg.Pictures["/"], ""
	for _, step := range strings.SplitN(strings.TrimPrefix(address, "/"), "/", deepest) {
		at += "/" + step
		if p, ok := s.cfg.Pictures[at]; ok {
			nearest = p
		}
	}
	return nearest
}

// PictureURL is the absolute address of that picture, empty where there is none.
func (s *Set) PictureURL(address string) string {
	p := s.Picture(address)
	if p.File == "" {
		return ""
	}
	return s.URL(s.Asset(p.File))
}

func (s *Set) fill(b *Base, r *http.Request) {
	if b.Path == "" {
		b.Path = r.URL.Path
	}
	b.Site = s.cfg.Site
	b.Public = s.cfg.PublicURL
	b.Picture = s.Picture(b.Path)
	b.Canonical = s.cfg.PublicURL + (&url.URL{Path: b.Path}).EscapedPath()
	b.Choice, b.SignIns = ChoiceOf(r), signIns(r)
	if r.URL.RawQuery != "" {
		b.Campaign = CampaignOf(r.URL.Query())
	}
	b.Viewer, _ = r.Context().Value(viewerKey{}).(*Viewer)
	b.Stage, _ = r.Context().Value(stageKey{}).(string)
	if edit, ok := r.Context().Value(previewKey{}).(string); ok {
		b.Preview, b.NoIndex, b.Viewer = edit, true, nil
	}
	b.Year = s.cfg.Now().Year()
	if len(b.Crumbs) > 0 && b.Viewer == nil && !b.NoIndex {
		b.LD = append(slices.Clip(b.LD), LDBreadcrumbs{Public: b.Public, URL: b.Canonical, Crumbs: b.Crumbs})
	}
	if b.Path == "/" && s.cfg.Notice != nil {
		b.Notice = s.cfg.Notice(r.Context())
	}
}

type stageKey struct{}

// AtStage lets the page that answers a request say in its title how far a form has come.
func AtStage(r *http.Request, stage string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), stageKey{}, stage))
}

type viewerKey struct{}

// WithViewer names who reads the page that is drawn for the request.
func WithViewer(ctx context.Context, v *Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

type previewKey struct{}

// WithPreview makes the page that is drawn for the request a preview of what staff edit at an address: it says so on
// top, and no index takes it.
func WithPreview(ctx context.Context, edit string) context.Context {
	return context.WithValue(ctx, previewKey{}, edit)
}
