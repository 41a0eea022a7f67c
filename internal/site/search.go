package site

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"clickcommerce.com/site/internal/content"
	"clickcommerce.com/site/internal/page"
	"clickcommerce.com/site/internal/postgres"
)

const (
	firstResults = 15
	allResults   = 50
	queryLimit   = 200 // characters; nobody means more
	searchTime   = 3 * time.Second

	// Postgres puts these around the words it found. They are of the private use area and dropped from documents, so that
	// what is between them can be escaped before they become elements.
	markStart = '\uE000'
	markEnd   = '\uE001'
)

// Result is a document that was found.
type Result struct {
	Path, Kind, Title string
	Updated           time.Time
	Snippet           template.HTML // escaped, with <mark> around the words found
}

// found is what a search came to.
type found struct {
	results []Result
	loose   bool // no document has all the words: these have some, or words that begin alike
}

type searchPage struct {
	page.Base
	Page    content.Page // the copy of the page
	Query   string
	Results []Result
	Loose   bool   // none has all the words; the results have some of them, or words that begin like them
	More    string // address that shows up to 50
	Capped  bool   // there are more than the 50 shown
	Suggest []content.Related
}

func (s *public) showSearch(w http.ResponseWriter, r *http.Request) error {
	query := cut(clean(r.URL.Query().Get("q"), 4*queryLimit), queryLimit)
	data := searchPage{Base: s.search.Base(), Page: s.search, Query: query}
	data.NoIndex = true
	if query == "" {
		return s.searchView.Write(w, r, http.StatusOK, data)
	}
	limit := firstResults
	if r.URL.Query().Get("show") == "all" {
		limit = allResults
	}
	ctx, cancel := context.WithTimeout(r.Context(), searchTime)
	defer cancel()
	got, err := s.cfg.Index.find(ctx, query, limit+1)
	if err != nil {
		return err
	}
	data.Title = "Search: " + query
	data.Results, data.Loose = got.results, got.loose
	if len(data.Results) > limit {
		data.Results = data.Results[:limit]
		data.Capped = limit == allResults
		if !data.Capped {
			data.More = "/search?" + url.Values{"q": {query}, "show": {"all"}}.Encode()
		}
	}
	if len(data.Results) == 0 {
		data.Suggest = s.families()
	}
	w.Header().Set("Cache-Control", "no-store") // what somebody looked for stays with them
	return s.searchView.Write(w, r, http.StatusOK, data)
}

// find returns up to limit documents, the best first.
func (i *Index) find(ctx context.Context, query string, limit int) (found, error) {
	results, err := i.query(ctx, `websearch_to_tsquery('english', $1)`, query, limit)
	if err != nil || len(results) > 0 {
		return found{results: results}, err
	}
	loose := beginnings(query)
	if loose == "" {
		return found{}, nil
	}
	results, err = i.query(ctx, `to_tsquery('english', $1)`, loose, limit)
	return found{results: results, loose: len(results) > 0}, err
}

// query runs one search; the tsquery expression is one of ours.
func (i *Index) query(ctx context.Context, tsquery, query string, limit int) ([]Result, error) {
	type row struct {
		Path, Kind, Title, Head, Tail, Snippet string
		Updated                                time.Time
	}
	got, err := postgres.Rows[row](ctx, i.pool, `
		SELECT path, kind, title, coalesce(updated_at, '0001-01-01 00:00+00') AS updated,
			left(text, 400) AS head, right(text, 400) AS tail, ts_headline('english', text, words, $3) AS snippet
		FROM (
			SELECT path, kind, title, summary || ' ' || body AS text, updated_at, words, ts_rank(tsv, words) AS rank
			FROM search_document, LATERAL (SELECT `+tsquery+` AS words) AS asked
			WHERE tsv @@ words
			ORDER BY rank DESC, path
			LIMIT $2) AS best
		ORDER BY rank DESC, path`, query, limit, headline)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	results := make([]Result, len(got))
	for n, g := range got {
		results[n] = Result{g.Path, g.Kind, g.Title, g.Updated, mark(g.Snippet, g.Head, g.Tail)}
	}
	return results, nil
}

const fragments = " … " // between the parts of a snippet

const headline = `StartSel="` + string(markStart) + `", StopSel="` + string(markEnd) + `", ` +
	`MaxFragments=2, MinWords=8, MaxWords=22, FragmentDelimiter="` + fragments + `"`

// mark turns a snippet of plain words into HTML: escaped, the words found as <mark>, with dots where the text, of which
// head and tail are the ends, goes on.
func mark(snippet, head, tail string) template.HTML {
	snippet = strings.Join(strings.Fields(snippet), " ")
	bare := strings.NewReplacer(string(markStart), "", string(markEnd), "").Replace(snippet)
	parts := strings.Split(bare, fragments)
	if !strings.HasPrefix(strings.Join(strings.Fields(head), " "), parts[0]) {
		snippet = "… " + snippet
	}
	end := strings.TrimRight(strings.Join(strings.Fields(tail), " "), ".;!?")
	if !strings.HasSuffix(end, strings.TrimRight(parts[len(parts)-1], ".;!?")) {
		snippet += " …"
	}
	escaped := template.HTMLEscapeString(snippet)
	marked := strings.NewReplacer(string(markStart), "<mark>", string(markEnd), "</mark>").Replace(escaped)
	return template.HTML(marked) //nolint:gosec // escaped above
}

// beginnings makes a tsquery of the words of a query, any of which may be the beginning of a longer one.
func beginnings(query string) string {
	words := strings.FieldsFunc(query, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	var parts []string
	for _, w := range words {
		if utf8.RuneCountInString(w) >= 3 && len(parts) < 8 {
			parts = append(parts, "'"+w+"':*")
		}
	}
	return strings.Join(parts, " | ")
}

func cut(s string, characters int) string {
	if runes := []rune(s); len(runes) > characters {
		return string(runes[:characters])
	}
	return s
}
